/**
 * `DataVersion`: by which Apache's name servers and tools see that a table changed. stateVersion is the store's state machine version, always 0 on one node.
 */
import { longOf } from '../../codec/json-members.js';
import type { JsonMap } from '../../compat/fastjson.js';
import type { DataVersion } from './types.js';

export function newDataVersion(nowMs: number): DataVersion {
  return { counter: 0, stateVersion: 0, timestamp: nowMs };
}

export function nextDataVersion(version: DataVersion, nowMs: number): DataVersion {
  return { counter: version.counter + 1, stateVersion: 0, timestamp: nowMs };
}

/** Members that are missing or no numbers count as 0. */
export function readDataVersion(map: JsonMap): DataVersion {
  return { counter: longOf(map, 'counter', 0), stateVersion: longOf(map, 'stateVersion', 0), timestamp: longOf(map, 'timestamp', 0) };
}

export function sameDataVersion(a: DataVersion, b: DataVersion): boolean {
  return a.counter === b.counter && a.stateVersion === b.stateVersion && a.timestamp === b.timestamp;
}
