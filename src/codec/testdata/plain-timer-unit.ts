import type { TimerUnit } from '../timer-records.js';

/** A unit of the timer log by the layout, without the encoder of the product: big-endian, in order, 52 bytes, the last eight of no use. */
export function plainTimerUnit(unit: TimerUnit): Buffer {
  const bytes = Buffer.alloc(52);
  bytes.writeInt32BE(52, 0);
  bytes.writeBigInt64BE(BigInt(unit.prevPos), 4);
  bytes.writeInt32BE(unit.magic, 12);
  bytes.writeBigInt64BE(BigInt(unit.writeTimeMs), 16);
  bytes.writeInt32BE(unit.delayMs, 24);
  bytes.writeBigInt64BE(BigInt(unit.phyOffset), 28);
  bytes.writeInt32BE(unit.recordBytes, 36);
  bytes.writeInt32BE(unit.topicHash, 40);
  return bytes;
}
