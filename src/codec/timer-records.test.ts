/** Golden: the timer files of a real Apache broker (conformance/golden/apache-5.5.0-timers, which says from what). */
import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { javaStringHash } from '../compat/java-string-hash.js';
import { getInt64, setInt64, viewOf } from './int64.js';
import {
  encodeTimerCheckpoint, newTimerUnit, readTimerCheckpoint, readTimerUnit, setTimerBlank, setTimerUnit, slotPartlyDelivered, timerBlankBytes, timerBlankMagic,
  timerCheckpointBytes, timerCheckpointFileBytes, timerMagic, timerSlotBytes, timerUnitBytes,
} from './timer-records.js';
import type { TimerUnit } from './timer-records.js';
import { plainTimerUnit } from './testdata/plain-timer-unit.js';

interface Golden {
  readonly at: number;
  readonly checkPointHex: string;
  readonly files: readonly { readonly path: string; readonly size: number; readonly runs: readonly { readonly at: number; readonly hex?: string }[] }[];
}

function golden(): Golden {
  const name = 'conformance/golden/apache-5.5.0-timers/timers.json';
  const found = [new URL(`../../../${name}`, import.meta.url), new URL(`../../${name}`, import.meta.url)].find((place) => existsSync(place));
  if (found === undefined) throw new Error(`${name} is missing`);
  return JSON.parse(readFileSync(found, 'utf8')) as Golden;
}

const { at, checkPointHex, files } = golden();

/** The first bytes of a golden file. */
function start(path: string, bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  for (const run of files.find((file) => file.path === path)?.runs ?? []) Buffer.from(run.hex ?? '', 'hex').copy(content, run.at);
  return content;
}

const log = start('timerlog/00000000000000000000', 6 * timerUnitBytes);
const units = [0, 1, 2, 3, 4].map((i) => {
  const unit = newTimerUnit();
  expect(readTimerUnit(viewOf(log), i * timerUnitBytes, unit)).toBe('unit');
  return { ...unit };
});

describe('units', () => {
  test('of Apache: two of one second, one of another, one to be rolled, a mark to delete', () => {
    const times = units.map((unit) => unit.writeTimeMs + unit.delayMs);
    expect(times.slice(0, 3)).toEqual([at, at, at + 5000]);
    // Its place lies a window ahead: 172800 s, as Apache reckons it in halves when little is left.
    expect((times[3] ?? 0) - (units[3]?.writeTimeMs ?? 0)).toBe(86_400_000);
    expect(times[4]).toBe(at);
    const { DEFAULT, ROLL, DELETE } = timerMagic;
    expect(units.map((unit) => unit.magic)).toEqual([DEFAULT, DEFAULT, DEFAULT, DEFAULT | ROLL, DEFAULT | DELETE]);
    expect(units.map((unit) => unit.prevPos)).toEqual([-1, 0, -1, -1, 52]);
    expect(new Set(units.map((unit) => unit.topicHash))).toEqual(new Set([javaStringHash('GoldenTimers')]));
    expect(units[1]?.phyOffset).toBe((units[0]?.phyOffset ?? 0) + (units[0]?.recordBytes ?? 0));
  });

  test('written, they are the same bytes', () => {
    const written = Buffer.alloc(log.length);
    units.forEach((unit, i) => setTimerUnit(viewOf(written), i * timerUnitBytes, unit));
    expect(written.equals(log)).toBe(true);
  });

  test('what was not written wholly is no unit', () => {
    const unit = newTimerUnit();
    for (let length = 0; length < timerUnitBytes; length++) {
      expect(readTimerUnit(viewOf(log.subarray(0, length)), 0, unit)).toBe('end');
      // Up to the record's size, which only the record itself decides; behind it figures follow.
      if (length > 38) continue;
      const torn = Buffer.alloc(timerUnitBytes);
      log.copy(torn, 0, 0, length);
      expect(readTimerUnit(viewOf(torn), 0, unit)).toBe('end');
    }
  });

  test.each<[string, Partial<TimerUnit>]>([
    ['a magic that is none', { magic: 16 }], ['no magic', { magic: 0 }], ['a negative delay', { delayMs: -1 }], ['a record of no bytes', { recordBytes: 0 }],
    ['a negative offset', { phyOffset: -2 }], ['a place before the log', { prevPos: -2 }], ['no time', { writeTimeMs: 0 }],
  ])('%s is no unit', (_what, change) => {
    const bytes = Buffer.alloc(timerUnitBytes);
    setTimerUnit(viewOf(bytes), 0, { ...(units[0] as TimerUnit), ...change });
    expect(readTimerUnit(viewOf(bytes), 0, newTimerUnit())).toBe('end');
  });

  test.each<[string, Partial<TimerUnit>]>([
    ['the largest magic', { magic: 15 }], ['the smallest magic', { magic: 1 }], ['no delay', { delayMs: 0 }], ['a longest delay', { delayMs: 0x7fffffff }], ['the first record', { phyOffset: 0 }],
    ['a record of one byte', { recordBytes: 1 }], ['none before it', { prevPos: -1 }], ['the first unit before it', { prevPos: 0 }], ['the first millisecond', { writeTimeMs: 1 }],
    ['the largest numbers', { prevPos: Number.MAX_SAFE_INTEGER, phyOffset: Number.MAX_SAFE_INTEGER, writeTimeMs: Number.MAX_SAFE_INTEGER, topicHash: -1 }],
  ])('%s is read as it was written, at the end of its bytes and before others', (_what, change) => {
    const unit = { ...(units[0] as TimerUnit), ...change };
    for (const behind of [0, 1, timerUnitBytes]) {
      const bytes = Buffer.alloc(7 + timerUnitBytes + behind, 0xee);
      setTimerUnit(viewOf(bytes), 7, unit);
      expect(bytes.toString('hex')).toBe(`${'ee'.repeat(7)}${plainTimerUnit(unit).toString('hex')}${'ee'.repeat(behind)}`);
      const read = newTimerUnit();
      expect([readTimerUnit(viewOf(bytes), 7, read), read]).toEqual(['unit', unit]);
      expect(readTimerUnit(viewOf(bytes.subarray(0, 7 + timerUnitBytes - 1)), 7, read)).toBe('end');
    }
  });

  test.each([4, 16, 28])('one whose number at byte %i is beyond what is counted is no unit', (pos) => {
    const bytes = Buffer.alloc(timerUnitBytes);
    setTimerUnit(viewOf(bytes), 0, units[0] as TimerUnit);
    bytes.writeBigInt64BE(2n ** 53n, pos);
    expect(readTimerUnit(viewOf(bytes), 0, newTimerUnit())).toBe('end');
  });

  test.each([0, 51, 53, -52])('one that says it has %i bytes is no unit', (size) => {
    const bytes = Buffer.alloc(timerUnitBytes);
    setTimerUnit(viewOf(bytes), 0, units[0] as TimerUnit);
    bytes.writeInt32BE(size, 0);
    expect(readTimerUnit(viewOf(bytes), 0, newTimerUnit())).toBe('end');
  });

  test('a new one is of nothing; bits and sizes are those of Apache', () => {
    expect(newTimerUnit()).toEqual({ prevPos: -1, magic: 0, writeTimeMs: 0, delayMs: 0, phyOffset: 0, recordBytes: 0, topicHash: 0 });
    expect({ ...timerMagic, slotPartlyDelivered, timerBlankMagic }).toEqual({ DEFAULT: 1, ROLL: 2, DELETE: 4, slotPartlyDelivered: 1, timerBlankMagic: -875286124 });
    expect([timerUnitBytes, timerBlankBytes, timerSlotBytes, timerCheckpointBytes, timerCheckpointFileBytes]).toEqual([52, 16, 32, 56, 4096]);
  });

  test('the blank at the end of a file says how much is left, over whatever stood there', () => {
    for (const bytesLeft of [16, 17, 67, 2 ** 31 - 1]) {
      const bytes = Buffer.alloc(24, 0xee);
      setTimerBlank(viewOf(bytes), 5, bytesLeft);
      expect(bytes.toString('hex')).toBe(`eeeeeeeeee${bytesLeft.toString(16).padStart(8, '0')}0000000000000000cbd43194eeeeee`);
      expect(readTimerUnit(viewOf(bytes), 5, newTimerUnit())).toBe('blank');
      // Sixteen bytes are enough for one.
      expect(readTimerUnit(viewOf(bytes.subarray(0, 21)), 5, newTimerUnit())).toBe('blank');
    }
  });

  test('the end of a file', () => {
    const bytes = Buffer.alloc(16);
    setTimerBlank(viewOf(bytes), 0, 16);
    expect(bytes.readInt32BE(12)).toBe(timerBlankMagic);
    expect(readTimerUnit(viewOf(bytes), 0, newTimerUnit())).toBe('blank');
    for (let length = 0; length < 16; length++) expect(readTimerUnit(viewOf(bytes.subarray(0, length)), 0, newTimerUnit())).toBe('end');
  });
});

test('slots of Apache: time, first and last unit, how many', () => {
  const slot = (ms: number): number[] => {
    const pos = ((ms / 1000) % (2 * 7 * 86400)) * timerSlotBytes;
    const run = files.find((file) => file.path === 'timerwheel')?.runs.find((one) => one.at >= pos && one.at < pos + timerSlotBytes);
    const bytes = Buffer.alloc(timerSlotBytes);
    Buffer.from(run?.hex ?? '', 'hex').copy(bytes, (run?.at ?? 0) - pos);
    const view = viewOf(bytes);
    return [getInt64(view, 0), getInt64(view, 8), getInt64(view, 16), view.getInt32(24), view.getInt32(28)];
  };
  // Two messages and the mark that takes one off.
  expect(slot(at)).toEqual([at / 1000, 0, 4 * timerUnitBytes, 1, 0]);
  expect(slot(at + 5000)).toEqual([at / 1000 + 5, 2 * timerUnitBytes, 2 * timerUnitBytes, 1, 0]);
});

describe('the checkpoint', () => {
  test('of Apache, from its file and its answer', () => {
    const file = readTimerCheckpoint(start('config/timercheck', 4096));
    expect(file).toMatchObject({ lastTimerLogFlushPos: 5 * timerUnitBytes, lastTimerQueueOffset: 5, masterTimerQueueOffset: 5 });
    const bytes = Buffer.from(checkPointHex, 'hex');
    const answer = readTimerCheckpoint(bytes);
    expect(answer).toMatchObject({ lastTimerLogFlushPos: 5 * timerUnitBytes, lastTimerQueueOffset: 5, dataVersion: { stateVersion: 0, counter: 3 } });
    if (answer === undefined) throw new Error('no checkpoint');
    expect(encodeTimerCheckpoint(answer).equals(bytes)).toBe(true);
    expect(bytes.length).toBe(timerCheckpointBytes);
  });

  test('one without a data version is read, a shorter or negative one is not', () => {
    const bytes = Buffer.from(checkPointHex, 'hex');
    expect(readTimerCheckpoint(bytes.subarray(0, 32))).toMatchObject({ lastTimerQueueOffset: 5, dataVersion: { counter: 0 } });
    for (let length = 0; length < 32; length++) expect(readTimerCheckpoint(bytes.subarray(0, length))).toBeUndefined();
    setInt64(viewOf(bytes), 16, -1);
    expect(readTimerCheckpoint(bytes)).toBeUndefined();
  });

  const fields = ['lastReadTimeMs', 'lastTimerLogFlushPos', 'lastTimerQueueOffset', 'masterTimerQueueOffset', 'stateVersion', 'timestamp', 'counter'];

  test('is seven numbers of eight bytes, as far as there are bytes', () => {
    const bytes = Buffer.alloc(timerCheckpointBytes);
    fields.forEach((_name, i) => bytes.writeBigInt64BE(BigInt(i + 1) * 10_000_000_000n, i * 8));
    for (let length = 32; length <= timerCheckpointBytes; length++) {
      const found = readTimerCheckpoint(bytes.subarray(0, length));
      const { dataVersion, ...positions } = found ?? { dataVersion: undefined };
      expect(Object.entries({ ...positions, ...dataVersion })).toEqual(fields.map((name, i) => [name, i * 8 + 8 <= length ? (i + 1) * 10_000_000_000 : 0]));
      if (length === timerCheckpointBytes && found !== undefined) expect(encodeTimerCheckpoint(found).equals(bytes)).toBe(true);
    }
    expect(readTimerCheckpoint(Buffer.alloc(32))).toMatchObject({ lastReadTimeMs: 0 });
  });

  test.each(fields)('one whose %s is negative or beyond what is counted is none', (name) => {
    const pos = fields.indexOf(name) * 8;
    const read = (value: bigint): unknown => {
      const bytes = Buffer.alloc(timerCheckpointBytes);
      bytes.writeBigInt64BE(value, pos);
      return readTimerCheckpoint(bytes);
    };
    expect([read(-1n), read(2n ** 53n)]).toEqual([undefined, undefined]);
    expect([read(0n), read(2n ** 53n - 1n)]).not.toContain(undefined);
  });
});
