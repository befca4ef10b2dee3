// The records of timers on disk: units of the timer log, slots of the timer wheel, and the timer checkpoint. Bytes only; what they mean together is
// store/timer-files.ts.
//
//   unit (52 bytes): 0 size int32 = 52 | 4 prevPos int64 | 12 magic int32 | 16 write time ms int64 | 24 delay ms int32
//                    28 phyOffset int64 | 36 record size int32 | 40 hash of the real topic int32 | 44 zero int64
//   end of a file:   0 bytes left int32 | 4 zero int64 | 12 blank magic int32
//   slot (32 bytes): 0 time / precision int64 | 8 firstPos int64 | 16 lastPos int64 | 24 num int32 | 28 magic int32
//   checkpoint:      0 lastReadTimeMs | 8 lastTimerLogFlushPos | 16 lastTimerQueueOffset | 24 masterTimerQueueOffset
//                    32 stateVersion | 40 timestamp | 48 counter, int64 each; in its file zeros follow to 4096
import type { DataVersion } from './bodies.js';
import { getInt64, setInt64, viewOf } from './int64.js';

/** `TimerLog#UNIT_SIZE`. */
export const timerUnitBytes = 52;
/** `TimerLog#MIN_BLANK_LEN`. */
export const timerBlankBytes = 16;
/** `TimerLog#BLANK_MAGIC_CODE`: the commit log's. */
export const timerBlankMagic = -875286124;
/** `Slot#SIZE`. */
export const timerSlotBytes = 32;
/** `TimerCheckpoint#encode`; its file is one page. */
export const timerCheckpointBytes = 56;
export const timerCheckpointFileBytes = 4096;

/** Bits of a unit's magic (`TimerMessageStore#MAGIC_DEFAULT` and its neighbours). */
export const timerMagic = {
  DEFAULT: 1,
  /** The message is put into the timer topic again at this time. */
  ROLL: 2,
  /** The message names another one that is not to be delivered. */
  DELETE: 4,
} as const;

/** Bit of a slot's magic, ours (Apache keeps it and does not look): units before firstPos are delivered. */
export const slotPartlyDelivered = 1;

/** One entry of the timer log. Mutable, so that a walk needs one object. */
export interface TimerUnit {
  /** The unit before it in the same slot, -1 = none. */
  prevPos: number;
  magic: number;
  writeTimeMs: number;
  /** From the write time on; the slot's time is the sum. */
  delayMs: number;
  phyOffset: number;
  recordBytes: number;
  topicHash: number;
}

export function newTimerUnit(): TimerUnit {
  return { prevPos: -1, magic: 0, writeTimeMs: 0, delayMs: 0, phyOffset: 0, recordBytes: 0, topicHash: 0 };
}

/** Writes a unit at `pos`. */
export function setTimerUnit(view: DataView, pos: number, unit: Readonly<TimerUnit>): void {
  view.setInt32(pos, timerUnitBytes);
  setInt64(view, pos + 4, unit.prevPos);
  view.setInt32(pos + 12, unit.magic);
  setInt64(view, pos + 16, unit.writeTimeMs);
  view.setInt32(pos + 24, unit.delayMs);
  setInt64(view, pos + 28, unit.phyOffset);
  view.setInt32(pos + 36, unit.recordBytes);
  view.setInt32(pos + 40, unit.topicHash);
  setInt64(view, pos + 44, 0);
}

/** What a reader found at a place of the timer log. */
export type TimerUnitOutcome = 'unit' | 'blank' | 'end';

/**
 * Reads the unit at `pos` into `unit`. `blank`: the file ends here and the log goes on in the next one. `end`: nothing was written here, or
 * not wholly: a unit whose fields contradict each other counts as none.
 */
export function readTimerUnit(view: DataView, pos: number, unit: TimerUnit): TimerUnitOutcome {
  if (pos + timerBlankBytes > view.byteLength) return 'end';
  unit.magic = view.getInt32(pos + 12);
  if (unit.magic === timerBlankMagic) return 'blank';
  if (pos + timerUnitBytes > view.byteLength || view.getInt32(pos) !== timerUnitBytes) return 'end';
  unit.prevPos = getInt64(view, pos + 4);
  unit.writeTimeMs = getInt64(view, pos + 16);
  unit.delayMs = view.getInt32(pos + 24);
  unit.phyOffset = getInt64(view, pos + 28);
  unit.recordBytes = view.getInt32(pos + 36);
  unit.topicHash = view.getInt32(pos + 40);
  const sane = unit.magic > 0 && unit.magic <= 15 && unit.prevPos >= -1 && unit.writeTimeMs > 0 && unit.delayMs >= 0 && unit.recordBytes > 0 &&
    unit.phyOffset >= 0 && Number.isSafeInteger(unit.prevPos) && Number.isSafeInteger(unit.phyOffset) && Number.isSafeInteger(unit.writeTimeMs);
  return sane ? 'unit' : 'end';
}

/** Writes the end of a file of which `bytesLeft` are left. */
export function setTimerBlank(view: DataView, pos: number, bytesLeft: number): void {
  view.setInt32(pos, bytesLeft);
  setInt64(view, pos + 4, 0);
  view.setInt32(pos + 12, timerBlankMagic);
}

/** `TimerCheckpoint`. */
export interface TimerCheckpoint {
  /** Slots before are delivered; ms, a multiple of the precision. */
  readonly lastReadTimeMs: number;
  /** The timer log is durable below. */
  readonly lastTimerLogFlushPos: number;
  /** Messages of the timer topic below are in the timer log or delivered. */
  readonly lastTimerQueueOffset: number;
  readonly masterTimerQueueOffset: number;
  readonly dataVersion: DataVersion;
}

/** The body of GET_TIMER_CHECK_POINT. */
export function encodeTimerCheckpoint(checkpoint: TimerCheckpoint): Buffer {
  const bytes = Buffer.alloc(timerCheckpointBytes);
  const view = viewOf(bytes);
  const { dataVersion } = checkpoint;
  const fields = [
    checkpoint.lastReadTimeMs, checkpoint.lastTimerLogFlushPos, checkpoint.lastTimerQueueOffset, checkpoint.masterTimerQueueOffset,
    dataVersion.stateVersion, dataVersion.timestamp, dataVersion.counter,
  ];
  fields.forEach((value, i) => setInt64(view, i * 8, value));
  return bytes;
}

/** The checkpoint in a file's bytes; undefined when they are too few or hold numbers that are no positions. Files before 5.0 have no data version. */
export function readTimerCheckpoint(bytes: Uint8Array): TimerCheckpoint | undefined {
  if (bytes.length < 32) return undefined;
  const view = viewOf(bytes);
  const at = (pos: number): number => (pos + 8 <= bytes.length ? getInt64(view, pos) : 0);
  const checkpoint = {
    lastReadTimeMs: at(0), lastTimerLogFlushPos: at(8), lastTimerQueueOffset: at(16), masterTimerQueueOffset: at(24),
    dataVersion: { stateVersion: at(32), timestamp: at(40), counter: at(48) },
  };
  const { dataVersion, ...positions } = checkpoint;
  const sane = [...Object.values(positions), ...Object.values(dataVersion)].every((value) => Number.isSafeInteger(value) && value >= 0);
  return sane ? checkpoint : undefined;
}
