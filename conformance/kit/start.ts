/** `--start`: an endpoint of the kit's own, through the adapters, for writing cases and for CI. Loaded only when it is asked for. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import type { Endpoint as StartedEndpoint } from '../endpoint.js';
import { inVersions } from './case.js';

/** On a busy machine Apache must not refuse sends that waited 200 ms. */
const patience = { waitTimeMillsInSendQueue: 10_000 } as const;

/** Switched on where the endpoint has it; a build that refuses a key is started without. */
const optional = [
  { enablePropertyFilter: true, recallMessageEnable: true }, { enablePropertyFilter: true }, { recallMessageEnable: true }, {},
] as const;

/** Filter bitmaps beside the consume queues; Apache's are off, see below. */
const bitmaps = { enableCalcFilterBitMap: true, enableConsumeQueueExt: true } as const;

/**
 * Apache asks about half messages every 30 s by default, and writes what became of them up to 3 s late: it would ask about those that are committed. It
 * serves lite topics only when told to. Filter bitmaps stay off: with ConsumeQueue extensions
 * its JVM dies when topics are deleted while messages are dispatched.
 */
const apacheOnly = { transactionCheckInterval: 1000, transactionTimeOut: 1500, transactionOpBatchInterval: 100, enableLmq: true, enableMultiDispatch: true } as const;

/** Files that leave room on a small disk. */
const smallFiles = { mappedFileSizeCommitLog: 16 * 1024 * 1024, mappedFileSizeConsumeQueue: 200_000 } as const;

export interface StartOptions {
  /** Its store; default a temporary one. */
  readonly dataDir?: string;
  /** With small files, for a small disk. */
  readonly small?: boolean;
  /** With a gRPC endpoint: beside Apache's broker (5.x) its proxy is started; Skylark serves gRPC always. */
  readonly grpc?: boolean;
}

/**
 * Starts `skylark` (the build beside this file, or SKYLARK_MAIN) or `apache-VERSION` (from Maven Central, kept in .cache).
 * @throws Missing when there is no Java or Maven; Error when it does not come up.
 */
export async function startEndpoint(what: string, { dataDir, small, grpc }: StartOptions = {}): Promise<StartedEndpoint> {
  const usual = { ...patience, ...(small === true ? smallFiles : {}) };
  const place = dataDir === undefined ? {} : { dataDir };
  if (what === 'skylark') {
    const beside = fileURLToPath(new URL('../../src/server/main.js', import.meta.url));
    const main = process.env['SKYLARK_MAIN'] === undefined && existsSync(beside) ? { main: beside } : {};
    let refusal: unknown;
    for (const more of [...optional.map((keys) => ({ ...keys, ...bitmaps })), ...optional]) {
      try {
        return await SkylarkEndpoint.start({ ...place, config: { ...usual, ...more }, ...main });
      } catch (error) {
        refusal = error;
      }
    }
    throw refusal;
  }
  const version = what.slice('apache-'.length);
  return ApacheEndpoint.start({ version, proxy: grpc === true && inVersions({ from: '5.0.0' }, version), ...place, config: { ...usual, ...optional[0], ...apacheOnly } });
}
