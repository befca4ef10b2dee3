/** Failures that are known, each with the issue that tracks it: they count as `known-failure`, not as `fail`. */
import { inVersions, type VersionRange } from './case.js';

export interface KnownFailure {
  /** Endpoint.kind. */
  readonly endpoint: string;
  readonly versions?: VersionRange;
  /** Name of the case. */
  readonly case: string;
  /** Address of the issue, or the sentence that says why there is none. */
  readonly issue: string;
}

/** Cases of one endpoint with one reason. */
function known(endpoint: string, issue: string, cases: readonly string[]): KnownFailure[] {
  return cases.map((name) => ({ endpoint, case: name, issue }));
}

/** Rows of src/compat/divergence.ts and what is not built; the reasons stand there. */
const skylark: readonly KnownFailure[] = [
  ...known('skylark', 'divergence header.digits: no client writes them', ['header.other-digits-read', 'header.code-with-fraction-zero']),
  ...known('skylark', 'divergence offsets.safe-integers: offsets end at 2^53-1', ['header.int64-stored-exact', 'offsets.commit-largest']),
  ...known('skylark', 'divergence: configuration that may change at run time is a list of allowed keys', ['admin.config.unknown-key-ignored']),
  ...known('skylark', 'a retry whose delayLevel cannot be read is refused by name before the message is looked up', [
    'fields.consumer-send-msg-back.delay-level-missing', 'fields.consumer-send-msg-back.delay-level-text',
  ]),
  ...known('skylark', 'divergence store.queues-made-by-questions: questions create nothing', [
    'fields.query-consume-queue.unknown-field', 'fields.query-consume-queue.binary-header',
  ]),
  ...known('skylark', 'divergence: Apache does here what nobody would ask for; Skylark does what was asked', [
    'namesrv.register.address-unchecked', 'topics.list.unchanged-one-ends-it', 'groups.delete.without-clean-recreated',
    'admin.clone-offset.without-topic-copies-nothing', 'admin.correction-offset.filtered-group-loses-offsets',
  ]),
  ...known('skylark', 'Apache fails over the null or the array, or passes over the missing field; Skylark names the field, or serves what it can', [
    'fields.get-all-topic-config.topic-seq-missing', 'fields.get-all-topic-config.topic-seq-text', 'fields.get-all-topic-config.topic-seq-too-large',
    'fields.get-all-subscriptiongroup-config.group-seq-missing', 'fields.get-all-subscriptiongroup-config.group-seq-text',
    'fields.get-all-subscriptiongroup-config.group-seq-too-large', 'fields.clone-group-offset.src-group-missing', 'fields.clone-group-offset.dest-group-missing',
    'fields.update-and-get-group-forbidden.topic-missing', 'fields.register-topic-in-namesrv.topic-missing', 'fields.register-topic-in-namesrv.body-array',
    'fields.query-data-version.body-array',
    'fields.end-transaction.tran-state-table-offset-text', 'fields.end-transaction.tran-state-table-offset-too-large',
    'fields.ack-message.consumer-group-missing', 'fields.change-message-invisibletime.consumer-group-missing',
    'fields.change-message-invisibletime.extra-info-missing', 'fields.change-message-invisibletime.invisible-time-missing',
    'fields.change-message-invisibletime.invisible-time-text',
  ]),
  ...known('skylark', 'the file lock names its holder, because Node has no file locks', ['store.lock.text']),
];

/**
 * Apache stores through memory maps. On a full disk a store into a page that has no room is lost, and the JVM tells it late, as an InternalError in whatever the
 * thread does next: messages are acknowledged whose bytes are zeros, and readers find records without properties. The watermark that would refuse sends
 * (diskSpaceWarningLevelRatio) is looked at every 10 s.
 */
const apache: readonly KnownFailure[] = known('apache', 'https://github.com/apache/rocketmq/issues/1790 and /3129: a store through a memory map that finds no room is acknowledged', ['faults.full-disk']);

export const knownFailures: readonly KnownFailure[] = [...skylark, ...apache];

/** The entry for a case on an endpoint, if there is one. */
export function findKnownFailure(list: readonly KnownFailure[], endpoint: { readonly kind: string; readonly version: string | undefined }, caseName: string): KnownFailure | undefined {
  return list.find((one) => one.endpoint === endpoint.kind && one.case === caseName && inVersions(one.versions, endpoint.version));
}
