/** `--start`: an endpoint of the kit's own, through the adapters, for writing cases and for CI. Loaded only when it is asked for. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import type { Endpoint as StartedEndpoint } from '../endpoint.js';
import { inVersions } from './case.js';
import { setups, type Setup, type SetupSpec } from './setups.js';

/** On a busy machine Apache must not refuse sends that waited 200 ms. */
const patience = { waitTimeMillsInSendQueue: 10_000 } as const;

/** Lite topics are served only when told to. */
const lightQueues = { enableLmq: true, enableMultiDispatch: true } as const;

/** Switched on where the endpoint has it; a build that refuses a key is started without. */
const optional = [
  { enablePropertyFilter: true, recallMessageEnable: true, ...lightQueues }, { enablePropertyFilter: true, recallMessageEnable: true }, { enablePropertyFilter: true }, { recallMessageEnable: true }, {},
] as const;

/** Half messages are asked about every 30 s by default, and what became of them is written up to 3 s late: Apache would ask about those that are committed. */
const soonChecked = { transactionCheckInterval: 1000, transactionTimeOut: 1500, transactionOpBatchInterval: 100 } as const;

/**
 * Two of Apache's threads would take most of a core from the cases: one spins until its first interval is
 * over (`TransactionMetricsFlushService#run`), one compares the whole timer wheel with its file each second (`TimerWheel#flush`).
 */
const apacheOnly = { transactionMetricFlushInterval: 300, timerFlushIntervalMs: 5000 } as const;

/** Files that leave room on a small disk. */
const smallFiles = { mappedFileSizeCommitLog: 16 * 1024 * 1024, mappedFileSizeConsumeQueue: 200_000 } as const;

export interface StartOptions {
  /** Its store; default a temporary one. */
  readonly dataDir?: string;
  /** With small files, for a small disk. */
  readonly small?: boolean;
  /** With a gRPC endpoint: beside Apache's broker (5.x) its proxy is started; Skylark serves gRPC always. */
  readonly grpc?: boolean;
  /** Another proxy will stand before the gRPC endpoint: routes must name the address that clients asked at. */
  readonly behindProxy?: boolean;
  /** With the configuration of a setup; a build that refuses it is started without. */
  readonly setup?: Setup | undefined;
}

/**
 * Starts `skylark` (the build beside this file, or SKYLARK_MAIN) or `apache-VERSION` (from Maven Central, kept in .cache).
 * @throws Missing when there is no Java or Maven; Error when it does not come up.
 */
export async function startEndpoint(what: string, { dataDir, small, grpc, behindProxy, setup }: StartOptions = {}): Promise<StartedEndpoint> {
  const spec: SetupSpec | undefined = setup === undefined ? undefined : setups[setup];
  const usual = { ...patience, ...soonChecked, ...(small === true ? smallFiles : {}) };
  const place = dataDir === undefined ? {} : { dataDir };
  if (what === 'skylark') {
    const beside = fileURLToPath(new URL('../../src/server/launch.js', import.meta.url));
    const main = process.env['SKYLARK_MAIN'] === undefined && existsSync(beside) ? { main: beside } : {};
    let refusal: unknown;
    for (const more of [...(spec === undefined ? [] : optional.map((one) => ({ ...one, ...spec.config }))), ...optional]) {
      try {
        return await SkylarkEndpoint.start({ ...place, config: { ...usual, ...more }, ...main });
      } catch (error) {
        refusal = error;
      }
    }
    throw refusal;
  }
  const version = what.slice('apache-'.length);
  const old = version.startsWith('4.');
  return ApacheEndpoint.start({
    version, tls: true, proxy: grpc === true && inVersions({ from: '5.0.0' }, version), proxyConfig: behindProxy === true ? { useEndpointPortFromRequest: true } : {}, ...place,
    config: { ...usual, ...optional[0], ...apacheOnly, ...(old ? spec?.config4 ?? spec?.config : spec?.config) },
    ...(old && spec?.confFiles4 !== undefined ? { confFiles: spec.confFiles4 } : {}),
  });
}
