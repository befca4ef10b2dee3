/**
 * Planted bugs: a target whose subject was replaced by one with a bug that has been made somewhere before. They prove that the engine finds such a bug
 * within its budget. The product holds none of them; a campaign runs them only when it is asked to.
 */
import type { Target } from '../engine/target.js';
import { frame } from '../targets/frame.js';
import { binaryHeader, json, jsonHeader } from '../targets/headers.js';
import { batch, properties } from '../targets/messages.js';
import { registration } from '../targets/bodies.js';
import { commitLogRecovery } from '../targets/recovery.js';
import { grpcService } from '../targets/grpc-service.js';
import { brokerRequests } from '../targets/servers.js';
import { sql92 } from '../targets/sql92.js';
import { brokerConf, receiptHandle } from '../targets/texts.js';
import { firstWins, laxBatch, slowConf, staleLayout, trustingRegistration, twoValued, unboundedBinary, unescapedJson, unsafeHandle, wrappingScan } from './codec.js';
import { laxFrameReader } from './frame.js';
import { endlessLoop, missingCheck, stuckAfterRefusal, unansweredAck, uncheckedLog } from './servers.js';

export interface Canary {
  readonly name: string;
  readonly target: string;
  /** The bug. */
  readonly plants: string;
  /** Executions within which it has to be found. */
  readonly executionsMax: number;
  readonly make: () => Target;
}

export const canaries: readonly Canary[] = [
  { name: 'frame-header-length', target: 'frame', plants: 'a header longer than its frame by one to four bytes is taken', executionsMax: 20_000, make: () => frame((onFrame, max) => laxFrameReader(onFrame, max, 'header')) },
  { name: 'frame-limit', target: 'frame', plants: 'a frame one byte above the limit is taken', executionsMax: 20_000, make: () => frame((onFrame, max) => laxFrameReader(onFrame, max, 'limit')) },
  { name: 'frame-allocation', target: 'frame', plants: 'the declared length is allocated before it is checked', executionsMax: 20_000, make: () => frame((onFrame, max) => laxFrameReader(onFrame, max, 'allocation')) },
  { name: 'header-wrapping-int', target: 'json-header', plants: 'an integer beyond 32 bits wraps around', executionsMax: 20_000, make: () => jsonHeader(wrappingScan) },
  { name: 'json-unescaped', target: 'json', plants: 'a backslash is written without its escape', executionsMax: 20_000, make: () => json(undefined, unescapedJson) },
  { name: 'binary-unbounded', target: 'binary-header', plants: 'a length is read without a look at what is left', executionsMax: 20_000, make: () => binaryHeader(unboundedBinary) },
  { name: 'batch-off-by-one', target: 'batch', plants: 'the last element may end one byte behind the body', executionsMax: 20_000, make: () => batch(laxBatch('length')) },
  { name: 'batch-sign', target: 'batch', plants: 'the sign of a properties length is dropped', executionsMax: 40_000, make: () => batch(laxBatch('negative')) },
  { name: 'properties-first-wins', target: 'properties', plants: 'of two TAGS the first wins', executionsMax: 20_000, make: () => properties(() => firstWins) },
  { name: 'properties-stale-layout', target: 'properties', plants: 'a layout is remembered by its length alone: two inputs are needed', executionsMax: 20_000, make: () => properties(staleLayout) },
  { name: 'handle-unsafe-number', target: 'receipt-handle', plants: 'numbers beyond 2^53 are taken', executionsMax: 20_000, make: () => receiptHandle(unsafeHandle) },
  { name: 'sql-two-valued', target: 'sql92', plants: 'NOT of unknown is true', executionsMax: 20_000, make: () => sql92(twoValued()) },
  { name: 'registration-count', target: 'registration', plants: 'room is made for as many topics as the body says', executionsMax: 20_000, make: () => registration(trustingRegistration) },
  { name: 'conf-slow-pattern', target: 'broker-conf', plants: 'a pattern of exponential time', executionsMax: 20_000, make: () => brokerConf(slowConf) },
  { name: 'broker-stuck', target: 'broker-requests', plants: 'a request refused for its queue leaves the broker refusing sends', executionsMax: 10_000, make: () => brokerRequests(stuckAfterRefusal) },
  { name: 'broker-endless-loop', target: 'broker-requests', plants: 'a loop without an end for a negative queueId', executionsMax: 10_000, make: () => brokerRequests(endlessLoop) },
  { name: 'broker-exception', target: 'broker-requests', plants: 'an exception instead of a refusal', executionsMax: 10_000, make: () => brokerRequests(missingCheck) },
  { name: 'grpc-unanswered', target: 'grpc-service', plants: 'an acknowledgement of nothing is never answered', executionsMax: 10_000, make: () => grpcService(unansweredAck) },
  { name: 'log-unchecked', target: 'commitlog-recovery', plants: 'recovery takes records whose CRC is wrong', executionsMax: 5_000, make: () => commitLogRecovery(uncheckedLog) },
];

/** The target of a canary, under the name of the target. */
export function wrapped(name: string): Target {
  const canary = canaries.find((one) => one.name === name);
  if (canary === undefined) throw new Error(`no canary ${name}: there are ${canaries.map((one) => one.name).join(', ')}`);
  return canary.make();
}
