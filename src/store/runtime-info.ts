/** The store's part of GET_BROKER_RUNTIME_INFO (`StoreStatsService#getRuntimeInfo`, `DefaultMessageStore#getRuntimeInfo`): counters and their texts. */
import * as path from 'node:path';
import type { StoreParts } from './parts.js';

/** What a store counted since it was opened. */
export class StoreCounts {
  readonly bootMs: number;
  putTimes = 0;
  putBytes = 0;
  putFailed = 0;

  constructor(bootMs: number) {
    this.bootMs = bootMs;
  }
}

/** `[ 1 days, 2 hours, 3 minutes, 4 seconds ]` (`StoreStatsService#getFormatRuntime`). */
function formatRuntime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return `[ ${days} days, ${hours} hours, ${minutes} minutes, ${seconds % 60} seconds ]`;
}

/** Keys and values as Apache names them. Rates are means since the start. */
export function runtimeInfo(
  parts: StoreParts,
  counts: StoreCounts,
  reads: { readonly found: number; readonly miss: number; readonly messages: number },
): Record<string, string> {
  const now = parts.clock.nowMs();
  const seconds = Math.max(1, (now - counts.bootMs) / 1000);
  const times = Math.max(1, counts.putTimes);
  const rate = (count: number): string => String(count / seconds);
  const logDir = parts.commitLog.dir;
  const logRatio = parts.disk.usedRatio(logDir);
  return {
    bootTimestamp: String(counts.bootMs),
    runtime: formatRuntime(now - counts.bootMs),
    putMessageTimesTotal: String(times),
    putMessageFailedTimes: String(counts.putFailed),
    putMessageSizeTotal: String(counts.putBytes),
    putMessageAverageSize: String(counts.putBytes / times),
    putTps: rate(counts.putTimes),
    getFoundTps: rate(reads.found),
    getMissTps: rate(reads.miss),
    getTotalTps: rate(reads.found + reads.miss),
    getTransferredTps: rate(reads.messages),
    [`commitLogDiskRatio_${logDir}`]: String(logRatio),
    commitLogDiskRatio: String(logRatio),
    consumeQueueDiskRatio: String(parts.disk.usedRatio(path.join(parts.root, 'consumequeue'))),
    commitLogMinOffset: String(parts.commitLog.min),
    commitLogMaxOffset: String(parts.commitLog.written),
  };
}
