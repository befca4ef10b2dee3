/**
 * Endpoints of another configuration. A case that names a setup is judged, with --start, on an endpoint of its own that is started so; on an
 * endpoint that somebody else started it runs like any other case, and is not applicable where the features it needs are not switched on.
 */

/** What is started, and what is different about it. */
export interface SetupSpec {
  readonly doc: string;
  /** Broker configuration in Apache's names, put over the usual one. An endpoint that refuses it is started without. */
  readonly config: Readonly<Record<string, string | number | boolean>>;
  /** For releases before 5.0.0, where they are configured otherwise. */
  readonly config4?: Readonly<Record<string, string | number | boolean>>;
  /** Files of the broker's `conf` folder, for releases before 5.0.0. */
  readonly confFiles4?: Readonly<Record<string, string>>;
  /** Topics and groups stay: the whole endpoint is thrown away. */
  readonly keepsTopics: boolean;
  /** With it the kit signs its requests. */
  readonly credentials?: { readonly accessKey: string; readonly secretKey: string };
}

/** Known to everybody who reads this file: it opens nothing but endpoints that the kit starts on a loopback port and throws away. */
const throwaway = { accessKey: 'conform', secretKey: 'conform-secret-key' } as const;

const acl4 = `globalWhiteRemoteAddresses: []
accounts:
- accessKey: ${throwaway.accessKey}
  secretKey: ${throwaway.secretKey}
  whiteRemoteAddress:
  admin: true
`;

export const setups = {
  store: {
    doc: 'files so small that each kind has several',
    config: {
      mappedFileSizeCommitLog: 1024 * 1024, mappedFileSizeConsumeQueue: 2000, mapperFileSizeBatchConsumeQueue: 4600, maxHashSlotNum: 250, maxIndexNum: 1000,
      flushConsumerOffsetInterval: 1000, flushDelayOffsetInterval: 1000, flushIntervalConsumeQueue: 200,
    },
    keepsTopics: true,
  },
  bloom: {
    doc: 'filter bitmaps in consume queue extensions; Apache\'s JVM dies when topics with extensions are deleted while messages are dispatched',
    config: { enableCalcFilterBitMap: true, enableConsumeQueueExt: true, mappedFileSizeConsumeQueueExt: 4096 },
    keepsTopics: true,
  },
  compaction: {
    doc: 'compaction logs of small files, compacted every few seconds',
    config: { compactionMappedFileSize: 23000, compactionCqMappedFileSize: 4600, compactionScheduleInternal: 1000 },
    keepsTopics: true,
  },
  acl: {
    doc: 'every request must be signed, and allowed',
    config: {
      authenticationEnabled: true, authorizationEnabled: true,
      authenticationProvider: 'org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider',
      authenticationMetadataProvider: 'org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider',
      authorizationProvider: 'org.apache.rocketmq.auth.authorization.provider.DefaultAuthorizationProvider',
      authorizationMetadataProvider: 'org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider',
      initAuthenticationUser: JSON.stringify({ username: throwaway.accessKey, password: throwaway.secretKey }),
      innerClientAuthenticationCredentials: JSON.stringify({ accessKey: throwaway.accessKey, secretKey: throwaway.secretKey }),
    },
    config4: { aclEnable: true },
    confFiles4: { 'plain_acl.yml': acl4 },
    keepsTopics: false,
    credentials: throwaway,
  },
} as const satisfies Readonly<Record<string, SetupSpec>>;

export type Setup = keyof typeof setups;

/** In the order in which they are started. */
export const setupNames = Object.keys(setups) as readonly Setup[];
