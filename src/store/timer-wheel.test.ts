/** The timer wheel against a file written by itself: which slot is whose, what is written and when, what is in memory, and what a start sees. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NotedDisk } from './simulated-disk.js';
import { TimerWheel, wheelSlotsDefault } from './timer-wheel.js';
import type { TimerSlot } from './timer-wheel.js';

const precisionMs = 1000;
const name = '/t/timerwheel';

function make(slots: number, disk = new NotedDisk(1)): { disk: NotedDisk; wheel: TimerWheel } {
  disk.makeDir('/t');
  disk.since();
  return { disk, wheel: new TimerWheel(disk, name, slots, precisionMs) };
}

const slotOf = (second: number, change: Partial<TimerSlot> = {}): TimerSlot => ({ timeMs: second * 1000, firstPos: second * 52, lastPos: second * 104, num: second % 100, magic: second % 2, ...change });

/** The bytes of a slot by the layout: time int64 (ms / precision) | firstPos int64 | lastPos int64 | num int32 | magic int32. */
function plainSlot({ timeMs, firstPos, lastPos, num, magic }: TimerSlot): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeBigInt64BE(BigInt(Math.floor(timeMs / 1000)), 0);
  bytes.writeBigInt64BE(BigInt(firstPos), 8);
  bytes.writeBigInt64BE(BigInt(lastPos), 16);
  bytes.writeInt32BE(num, 24);
  bytes.writeInt32BE(magic, 28);
  return bytes;
}

function plainFile(slots: number, held: Iterable<TimerSlot>): Buffer {
  const bytes = Buffer.alloc(slots * 32);
  for (const slot of held) plainSlot(slot).copy(bytes, ((slot.timeMs / 1000) % slots) * 32);
  return bytes;
}

function visited(wheel: TimerWheel): TimerSlot[] {
  const found: TimerSlot[] = [];
  wheel.forEach((slot) => found.push(slot));
  return found.sort((a, b) => a.timeMs - b.timeMs);
}

describe('slots', () => {
  test('a wheel has room for a fortnight of seconds', () => {
    expect(wheelSlotsDefault).toBe(1_209_600);
    expect(make(wheelSlotsDefault).wheel.fileBytes).toBe(38_707_200);
  });

  test('hold what was put last for their place, and only its time gets it', () => {
    const { wheel } = make(300);
    const seconds = [1, 127, 128, 129, 255, 256, 299, 300];
    for (const second of seconds) wheel.put(slotOf(second));
    for (const second of seconds) {
      expect(wheel.get(second * 1000)).toEqual(slotOf(second));
      expect(wheel.get(second * 1000 + 999)).toEqual(slotOf(second));
      expect([wheel.get(second * 1000 + 300_000), wheel.raw(second * 1000 + 300_000)]).toEqual([undefined, slotOf(second)]);
    }
    expect([wheel.get(2000), wheel.raw(2000)]).toEqual([undefined, { timeMs: 0, firstPos: 0, lastPos: 0, num: 0, magic: 0 }]);
    wheel.put(slotOf(427));
    expect([wheel.get(127_000), wheel.get(427_000)]).toEqual([undefined, slotOf(427)]);
  });

  test('a time between two steps is that of the step', () => {
    const { wheel } = make(10);
    wheel.put(slotOf(7, { timeMs: 7001 }));
    expect(wheel.raw(7999)).toEqual(slotOf(7));
  });

  test('large and negative numbers are as they were', () => {
    const { wheel } = make(10);
    const slot = slotOf(1, { timeMs: 1_700_000_001_000, firstPos: 2 ** 40 + 1, lastPos: -1, num: -3, magic: -1 });
    wheel.put(slot);
    expect(wheel.get(slot.timeMs)).toEqual(slot);
  });
});

describe('the file', () => {
  test('is made with its full length by the first write, and then written where something changed', async () => {
    const { disk, wheel } = make(300);
    expect([wheel.open(), wheel.dirtyPages]).toEqual(['absent', 0]);
    wheel.write();
    await wheel.sync();
    // Nothing changed, nothing is there.
    expect(disk.since()).toEqual([]);
    const slots = [slotOf(127), slotOf(128), slotOf(299)];
    for (const slot of slots) wheel.put(slot);
    expect(wheel.dirtyPages).toBe(3);
    wheel.write();
    expect(wheel.dirtyPages).toBe(0);
    expect(disk.since()).toEqual([`create ${name}`, `length ${name}`, `write ${name}`, `write ${name}`, `write ${name}`]);
    expect(disk.content(name).equals(plainFile(300, slots))).toBe(true);
    await wheel.sync();
    expect(disk.since()).toEqual([`datasync ${name}`, 'syncDir /t']);
    wheel.write();
    await wheel.sync();
    expect(disk.since()).toEqual([`datasync ${name}`]);
    wheel.put(slotOf(128, { num: 9 }));
    wheel.put(slotOf(129));
    expect(wheel.dirtyPages).toBe(1);
    wheel.write();
    expect(disk.since()).toEqual([`write ${name}`]);
    expect(disk.content(name).equals(plainFile(300, [slotOf(127), slotOf(128, { num: 9 }), slotOf(129), slotOf(299)]))).toBe(true);
    wheel.close();
    expect([disk.since(), wheel.dirtyPages]).toEqual([[`close ${name}`], 0]);
  });

  test('that is closed leaves nothing behind: what was not written is gone, and a file that is gone is made again', () => {
    const { disk, wheel } = make(10);
    disk.place(name, plainFile(10, [slotOf(3)]));
    expect(wheel.open()).toBe('opened');
    wheel.put(slotOf(1));
    wheel.close();
    expect(wheel.dirtyPages).toBe(0);
    disk.unlink(name);
    expect([wheel.open(), wheel.get(1000), wheel.get(3000)]).toEqual(['absent', undefined, undefined]);
    wheel.put(slotOf(2));
    wheel.write();
    expect(disk.content(name).equals(plainFile(10, [slotOf(2)]))).toBe(true);
  });

  test('of a name alone is in the current directory, which is synced', async () => {
    const disk = new NotedDisk(2);
    disk.makeDir('.');
    disk.since();
    const wheel = new TimerWheel(disk, 'timerwheel', 10, precisionMs);
    wheel.put(slotOf(1));
    wheel.write();
    await wheel.sync();
    expect(disk.since().at(-1)).toBe(`syncDir ${process.cwd()}`);
  });

  test('is opened when it has the length, and read a page at a time as slots are asked for', () => {
    const { disk, wheel } = make(300);
    disk.place(name, plainFile(300, [slotOf(5), slotOf(128), slotOf(298)]));
    expect([wheel.open(), disk.since()]).toEqual(['opened', [`open write ${name}`]]);
    expect([wheel.get(5000), wheel.get(6000), wheel.get(298_000), wheel.get(128_000), wheel.get(305_000)]).toEqual([slotOf(5), undefined, slotOf(298), slotOf(128), undefined]);
    expect(disk.since()).toEqual([`read ${name} 0+4096`, `read ${name} 8192+${44 * 32}`, `read ${name} 4096+4096`]);
    wheel.close();
    // A closed one forgets its pages: the file may be another next time.
    disk.place(name, plainFile(300, [slotOf(6)]));
    expect([wheel.open(), wheel.get(5000), wheel.get(6000)]).toEqual(['opened', undefined, slotOf(6)]);
  });

  test.each([
    ['nothing', undefined, 'absent'], ['an empty file', 0, 'absent'], ['a byte less', 319, 'other'], ['a byte more', 321, 'other'], ['the length', 320, 'opened'],
  ])('%s is found as it is', (_what, bytes, outcome) => {
    const { disk, wheel } = make(10);
    if (bytes !== undefined) disk.place(name, Buffer.alloc(bytes));
    expect(wheel.open()).toBe(outcome);
  });

  test('a directory in its place is none', () => {
    const { disk, wheel } = make(10);
    disk.place(`${name}/x`, Buffer.alloc(1));
    // A directory of files systems may have any length.
    const stat = disk.stat.bind(disk);
    for (const bytes of [1, 320]) {
      disk.stat = (file) => ({ modifiedMs: 0, directory: true, ...stat(file), bytes });
      expect(wheel.open()).toBe('other');
    }
  });

  test('what cannot be written is written the next time, page by page', () => {
    const { disk, wheel } = make(300);
    for (const second of [1, 130, 260]) wheel.put(slotOf(second));
    disk.fail('create', 'EACCES');
    expect(() => wheel.write()).toThrow(/EACCES/);
    disk.fail('length', 'EIO');
    expect(() => wheel.write()).toThrow(/EIO/);
    disk.fail('write', 'EIO');
    expect(() => wheel.write()).toThrow(/EIO/);
    expect(wheel.dirtyPages).toBe(3);
    // A file without its length is none yet.
    expect(disk.since()).toEqual([`create ${name}`, `create ${name}`, `length ${name}`, `close ${name}`, `length ${name}`, `write ${name}`]);
    // The second of three fails.
    const writes = disk.count.bind(disk);
    let n = 0;
    disk.count = (op, file) => {
      if (op === 'write' && ++n === 2) throw new Error('EIO');
      return writes(op, file);
    };
    expect(() => wheel.write()).toThrow(/EIO/);
    expect(wheel.dirtyPages).toBe(2);
    disk.since();
    wheel.write();
    expect(disk.since()).toEqual([`write ${name}`, `write ${name}`]);
    expect(disk.content(name).equals(plainFile(300, [slotOf(1), slotOf(130), slotOf(260)]))).toBe(true);
  });

  test.each(['datasync', 'syncDir'] as const)('a %s that fails is asked for again', async (op) => {
    const { disk, wheel } = make(10);
    wheel.put(slotOf(1));
    wheel.write();
    disk.fail(op, 'EIO');
    await expect(wheel.sync()).rejects.toThrow(/EIO/);
    disk.since();
    await wheel.sync();
    expect(disk.since()).toEqual([`datasync ${name}`, 'syncDir /t']);
  });
});

describe('a look at all slots', () => {
  /** Two stretches of 8192 slots and a part of a page. */
  const slots = 2 * 8192 + 40;

  test('sees those of the file and those in memory, once each, whichever stretch and page they are of', () => {
    const { disk, wheel } = make(slots);
    const held = [1, 127, 128, 8191, 8192, 8193, 8319, 8320, 16383, 16384, 16423].map((second) => slotOf(second));
    disk.place(name, plainFile(slots, held));
    wheel.open();
    expect(visited(wheel)).toEqual(held);
    expect(disk.since().slice(1)).toEqual([`read ${name} 0+262144`, `read ${name} 262144+262144`, `read ${name} 524288+${40 * 32}`]);
    // In memory and not in the file yet; in both; in a page of its own.
    wheel.put(slotOf(2));
    wheel.put(slotOf(8192, { num: 77 }));
    wheel.put(slotOf(slots + 16_400));
    const now = [slotOf(1), slotOf(2), ...held.slice(1).map((slot) => (slot.timeMs === 8_192_000 ? { ...slot, num: 77 } : slot)), slotOf(slots + 16_400)];
    expect(visited(wheel)).toEqual(now);
    // What is in memory counts, not what became of the file.
    wheel.write();
    disk.place(name, Buffer.alloc(slots * 32));
    expect(visited(wheel)).toEqual(now);
  });

  test('reads no more than the file has', () => {
    const { disk, wheel } = make(8192);
    disk.place(name, plainFile(8192, [slotOf(8191)]));
    wheel.open();
    expect([visited(wheel), disk.since().slice(1)]).toEqual([[slotOf(8191)], [`read ${name} 0+262144`]]);
  });

  test('sees the first time there is, where a step is a millisecond', () => {
    const wheel = new TimerWheel(new NotedDisk(1), name, 10, 1);
    wheel.put(slotOf(0, { timeMs: 1 }));
    expect(visited(wheel)).toEqual([slotOf(0, { timeMs: 1 })]);
  });

  test('sees those in memory while there is no file', () => {
    const { wheel } = make(300);
    for (const second of [5, 129, 299]) wheel.put(slotOf(second));
    expect(visited(wheel)).toEqual([slotOf(5), slotOf(129), slotOf(299)]);
  });

  test('passes over what holds no time of its own place', () => {
    const { disk, wheel } = make(300);
    const bytes = plainFile(300, [slotOf(7), slotOf(299)]);
    // Of the place before, of no time, of a negative one, and of one beyond what is counted.
    plainSlot(slotOf(8)).copy(bytes, 9 * 32);
    plainSlot(slotOf(0, { lastPos: 5, num: 1 })).copy(bytes, 0);
    plainSlot(slotOf(-290)).copy(bytes, 10 * 32);
    bytes.writeBigInt64BE(2n ** 53n / 300n * 300n + 11n, 11 * 32);
    bytes.writeBigInt64BE(-1n, 12 * 32);
    plainSlot(slotOf(20 + 300 * 2 ** 26)).copy(bytes, 20 * 32);
    disk.place(name, bytes);
    wheel.open();
    expect(visited(wheel)).toEqual([slotOf(7), slotOf(299), slotOf(20 + 300 * 2 ** 26)]);
  });

  test('is what a map of all that was put would say, before and after a start', () => {
    const size = 500;
    const second = fc.oneof(fc.integer({ min: 1, max: 3 * size }), fc.constantFrom(127, 128, 129, 255, 256, 384, 499, 500, 501));
    const step = fc.oneof(
      fc.tuple(fc.constant('put' as const), second, fc.nat(1000)),
      fc.tuple(fc.constantFrom('write' as const, 'start' as const, 'get' as const), second, fc.nat(0)),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const disk = new NotedDisk(3);
      let { wheel } = make(size, disk);
      wheel.open();
      const now = new Map<number, TimerSlot>();
      let written = new Map<number, TimerSlot>();
      for (const [what, at, num] of steps) {
        if (what === 'put') {
          const slot = slotOf(at, { num, lastPos: num });
          wheel.put(slot);
          now.set(at % size, slot);
        } else if (what === 'get') expect(wheel.get(at * 1000)).toEqual(now.get(at % size)?.timeMs === at * 1000 ? now.get(at % size) : undefined);
        else if (what === 'write') {
          wheel.write();
          written = new Map(now);
          if (disk.stat(name) !== undefined) expect(disk.content(name).equals(plainFile(size, now.values()))).toBe(true);
        } else {
          wheel.close();
          ({ wheel } = make(size, disk));
          expect(wheel.open()).toBe(disk.stat(name) === undefined ? 'absent' : 'opened');
          now.clear();
          for (const [place, slot] of written) now.set(place, slot);
        }
      }
      expect(visited(wheel)).toEqual([...now.values()].sort((a, b) => a.timeMs - b.timeMs));
    }), { numRuns: 60 });
  });
});

describe('memory', () => {
  const pages = 2051;
  const second = (page: number): number => page * 128 + 1;

  test('holds 2048 pages; beyond, unchanged ones go until half of that is left, the oldest first', () => {
    const { disk, wheel } = make(pages * 128);
    disk.place(name, Buffer.alloc(pages * 4096));
    wheel.open();
    for (let page = 0; page < 2048; page++) wheel.get(second(page) * 1000);
    disk.since();
    for (let page = 0; page < 2048; page++) wheel.get(second(page) * 1000);
    expect(disk.since()).toEqual([]);
    wheel.get(second(2048) * 1000);
    disk.since();
    // 1024 are left: the newest and the 1023 before it.
    for (let page = 2048; page > 2048 - 1024; page--) wheel.get(second(page) * 1000);
    expect(disk.since()).toEqual([]);
    wheel.get(second(1024) * 1000);
    expect(disk.since()).toEqual([`read ${name} 4194304+4096`]);
  });

  test('never gives up what was changed and not written, nor the page that is asked for', () => {
    const { disk, wheel } = make(pages * 128);
    disk.place(name, Buffer.alloc(pages * 4096));
    wheel.open();
    for (let page = 0; page < pages - 1; page++) wheel.put(slotOf(second(page)));
    expect(wheel.dirtyPages).toBe(pages - 1);
    // All others are changed: only this one could go, and it is put into.
    wheel.put(slotOf(second(pages - 1)));
    wheel.put(slotOf(second(pages - 1) + 1));
    const held = Array.from({ length: pages }, (_, page) => slotOf(second(page)));
    expect(held.every(({ timeMs, num }) => wheel.get(timeMs)?.num === num)).toBe(true);
    // What is written is counted, not kept.
    disk.change = () => undefined;
    disk.since();
    wheel.write();
    expect([wheel.dirtyPages, disk.since().length]).toEqual([0, pages]);
  });
});
