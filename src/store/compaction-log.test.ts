/** A compaction log by itself: what it takes from its queue, what pulls get, what a compaction keeps, and that a disk failing at any step loses nothing. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CompactionLog } from './compaction-log.js';
import type { CompactionLogParts } from './compaction-log.js';
import { NotedDisk } from './simulated-disk.js';
import { ListLog, recordsOf, settle, storedRecord } from './store-fixture.js';
import type { QueueRef, QueueUnit, RecordPlace } from './types.js';

/** Four units and the end a file. */
const sizes = { cqBytes: 5 * 46, logBytes: 1400 };
const root = '/s/compaction';
const dirOf = (kind: 'Log' | 'Cq'): string => `${root}/compaction${kind}/C/7`;
const note = `${root}/replacing/C_7`;

interface Source {
  readonly queueOffset: number;
  readonly bytes: Buffer | undefined;
  readonly tagsCode?: number;
}

class Rig {
  readonly disk = new NotedDisk(1);
  readonly log = new ListLog();
  readonly source: Source[] = [];
  readonly asked: string[] = [];
  readonly positions = new Map<string, number>();
  readonly queue = { topic: 'C', topicBytes: Buffer.from('C'), queueId: 7, minOffset: 0, maxOffset: 0, attachment: undefined };
  readonly change: Partial<CompactionLogParts>;
  compaction: CompactionLog;

  constructor(change: Partial<CompactionLogParts> = {}) {
    this.change = change;
    this.compaction = this.open();
  }

  open(unclean = false): CompactionLog {
    const { disk, log, source, asked, positions } = this;
    this.compaction = new CompactionLog({
      disk, log, root, sizes, unclean,
      offsetMapBytes: 1_000_000,
      limits: { count: 32, bytes: 262_144 },
      units: (_queue: QueueRef, queueOffset: number, count: number): Promise<QueueUnit[]> => {
        asked.push(`units ${queueOffset}+${count}`);
        const units = source.flatMap(({ queueOffset: offset, bytes, tagsCode = 0 }, phyOffset) => (offset >= queueOffset && offset < queueOffset + count ? [{ queueOffset: offset, phyOffset, recordBytes: bytes?.length ?? 100, tagsCode }] : []));
        return Promise.resolve(units);
      },
      records: (places: readonly RecordPlace[]): Promise<(Buffer | undefined)[]> => {
        asked.push(`records ${places.length}`);
        return Promise.resolve(places.map(({ phyOffset }) => source[phyOffset]?.bytes));
      },
      position: (topic, queueId) => positions.get(`${topic}_${queueId}`) ?? -1,
      setPosition: (topic, queueId, offset) => {
        positions.set(`${topic}_${queueId}`, offset);
        asked.push(`position ${offset}`);
        return Promise.resolve();
      },
      ...this.change,
    }, this.queue, Promise.resolve());
    return this.compaction;
  }

  /** Messages `key=text` at the next offsets; without a text the body is empty. */
  async put(...pairs: readonly string[]): Promise<void> {
    for (const pair of pairs) {
      const [keys, text = ''] = pair.split('=');
      this.give(storedRecord(this.queue.maxOffset, text, keys === '' ? undefined : keys));
    }
    await this.arrive();
  }

  give(bytes: Buffer | undefined, tagsCode = 0): void {
    this.source.push({ queueOffset: this.queue.maxOffset++, bytes, tagsCode });
  }

  async arrive(): Promise<void> {
    this.compaction.arrived();
    await settle();
  }

  /** All that pulls get, as `offset key=text`. */
  async read(): Promise<string[]> {
    const found: string[] = [];
    for (let at = 0; ; ) {
      const { status, slices, nextBeginOffset } = await this.compaction.get(at, 32, 100_000);
      if (status !== 'FOUND') return found;
      for (const { queueOffset, props, text } of recordsOf(slices)) found.push(`${queueOffset} ${props.get('KEYS') ?? ''}=${text}`);
      expect(nextBeginOffset).toBeGreaterThan(at);
      at = nextBeginOffset;
    }
  }

  async restart(): Promise<void> {
    this.disk.restart('kill');
    this.open(true);
    await this.arrive();
  }

  errors(): string[] {
    return this.log.lines.splice(0).filter((line) => line.startsWith('error'));
  }
}

/** `a=0`, `b=1`, ... of so many keys in turn. */
const turns = (count: number, keys: number): string[] => Array.from({ length: count }, (_, i) => `k${i % keys}=v${i}`);
const lines = (pairs: readonly string[]): string[] => pairs.map((pair, i) => `${i} ${pair}`);
/** The newest text of each key; keys that were deleted left out. */
const newest = (found: readonly string[]): [string, string][] => {
  const texts = new Map<string, string>();
  for (const line of found) {
    const [key = '', text = ''] = line.slice(line.indexOf(' ') + 1).split('=');
    texts.set(key, text);
  }
  return [...texts].filter(([, text]) => text !== '').sort();
};

describe('what is taken from the queue', () => {
  test('is whole records with KEYS, in the order of their offsets, no offset twice', async () => {
    const rig = new Rig();
    await rig.put('a=0', '=1', ' =2', 'b=');
    rig.give(undefined);
    rig.give(storedRecord(5, 'torn', 'k').subarray(0, 90));
    // Of a transaction: half, and rolled back; committed is a message like others.
    rig.give(storedRecord(6, 'half', 'k', { sysFlag: 4 }));
    rig.give(storedRecord(7, 'rolled back', 'k', { sysFlag: 12 }));
    rig.give(storedRecord(8, 'committed', 'k', { sysFlag: 8 }));
    // Says an offset that was there, then the next.
    rig.give(storedRecord(8, 'again', 'k'));
    rig.give(storedRecord(10, 'last', 'two words'));
    // The first sign that is no blank, and the last that is one.
    await rig.put('!=11', '\u0020\u001f=12');
    await rig.arrive();
    expect(await rig.read()).toEqual(['0 a=0', '3 b=', '8 k=committed', '10 two words=last', '11 !=11']);
    expect([rig.compaction.minOffset, rig.compaction.maxOffset, rig.errors()]).toEqual([0, 12, []]);
  });

  test('has the tags code of the entry, none where that is not known', async () => {
    const rig = new Rig();
    for (const tagsCode of [-5, Number.NaN, 2 ** 40]) rig.give(storedRecord(rig.queue.maxOffset, 'x', 'k'), tagsCode);
    await rig.arrive();
    const cq = rig.disk.content(`${dirOf('Cq')}/${'0'.repeat(20)}`);
    expect([0, 1, 2].map((i) => [Number(cq.readBigInt64BE(i * 46 + 12)), Number(cq.readBigInt64BE(i * 46 + 20))])).toEqual([[-5, 1_700_000_000_000], [0, 1_700_000_000_001], [2 ** 40, 1_700_000_000_002]]);
  });

  test('is no message that does not fit a file, which is said', async () => {
    const rig = new Rig();
    const room = sizes.logBytes - 8 - storedRecord(0, '', 'k').length;
    rig.give(storedRecord(0, 'x'.repeat(room), 'k'));
    rig.give(storedRecord(1, 'x'.repeat(room + 1), 'k'));
    rig.give(storedRecord(2, 'y', 'k'));
    await rig.arrive();
    expect((await rig.read()).map((line) => line.slice(0, 5))).toEqual(['0 k=x', '2 k=y']);
    expect(rig.errors()).toEqual(['error a message is larger than a file of the compaction log: it is not in it']);
  });

  test('is asked for in parts of 256 messages and a mebibyte', async () => {
    const rig = new Rig({ sizes: { cqBytes: 46 * 1000, logBytes: 4 * 1024 * 1024 } });
    for (let i = 0; i < 300; i++) rig.give(storedRecord(i, 'x', 'k'));
    await rig.arrive();
    expect(rig.asked.splice(0)).toEqual(['units 0+256', 'records 256', 'units 256+256', 'records 44']);
    const half = storedRecord(0, '', 'k').length;
    for (const bytes of [524_288, 524_288, 1, 1_048_576, 2_000_000, 1]) rig.give(storedRecord(rig.queue.maxOffset, 'x'.repeat(Math.max(1, bytes - half)), 'k'));
    await rig.arrive();
    expect(rig.asked).toEqual(['units 300+256', 'records 2', 'units 302+256', 'records 1', 'units 303+256', 'records 1', 'units 304+256', 'records 1', 'units 305+256', 'records 1']);
    expect(rig.compaction.maxOffset).toBe(306);
    // Nothing new, nothing asked.
    rig.asked.length = 0;
    await rig.arrive();
    expect(rig.asked).toEqual([]);
  });

  test('begins where the queue does, and passes over what is not there', async () => {
    const rig = new Rig();
    for (let i = 0; i < 6; i++) rig.give(storedRecord(i, `v${i}`, 'k'));
    rig.queue.minOffset = 3;
    await rig.arrive();
    expect([rig.asked.splice(0)[0], (await rig.read())[0], rig.compaction.minOffset]).toEqual(['units 3+256', '3 k=v3', 3]);
    rig.queue.maxOffset = 10;
    await rig.arrive();
    expect(rig.asked.splice(0)).toEqual(['units 6+256']);
    await rig.put('k=v10');
    expect([rig.asked, (await rig.read()).at(-1)]).toEqual([['units 10+256', 'records 1'], '10 k=v10']);
  });

  test('is there before a pull is answered', async () => {
    const rig = new Rig();
    for (let i = 0; i < 3; i++) rig.give(storedRecord(i, `v${i}`, 'k'));
    rig.compaction.arrived();
    expect(await rig.read()).toEqual(['0 k=v0', '1 k=v1', '2 k=v2']);
  });

  test('goes on behind the newest after a start', async () => {
    const rig = new Rig();
    await rig.put(...turns(9, 2));
    await rig.compaction.close();
    rig.open();
    rig.asked.length = 0;
    await rig.put('k=late');
    expect([rig.asked, await rig.read()]).toEqual([['units 9+256', 'records 1'], [...lines(turns(9, 2)), '9 k=late']]);
  });

  test('waits for a disk that fails: said once for each fault, and tried again', async () => {
    const rig = new Rig();
    expect(rig.compaction.isDirty).toBe(false);
    for (const [code, said] of [['ENOSPC', 1], ['ENOSPC', 0], ['EIO', 1]] as const) {
      rig.disk.fail('write', code);
      await rig.put('k=v');
      expect([rig.errors().length, rig.compaction.isDirty]).toEqual([said, true]);
    }
    await rig.arrive();
    expect((await rig.read()).length).toBe(3);
    await rig.compaction.sync();
    expect(rig.compaction.isDirty).toBe(false);
    // One that is over and comes again is said again.
    rig.disk.fail('write', 'EIO');
    await rig.put('k=v');
    expect(rig.errors()).toEqual(['error a compaction log cannot be written, it is tried again']);
  });

  test('stays as far as it was where a new file is made and cannot be written', async () => {
    const rig = new Rig();
    await rig.put('a=0', 'b=1', 'c=2', 'd=3');
    rig.disk.fail('write', 'ENOSPC', 1, /1400$/);
    await rig.put('e=4');
    expect([rig.errors().length, rig.compaction.minOffset, rig.compaction.maxOffset, (await rig.read()).length]).toEqual([1, 0, 4, 4]);
    await rig.arrive();
    expect([rig.compaction.maxOffset, (await rig.read()).at(-1)]).toEqual([5, '4 e=4']);
  });

  test('waits for files that cannot be opened', async () => {
    const rig = new Rig();
    await rig.put('a=1', 'b=2');
    await rig.compaction.close();
    rig.disk.failReads = /compactionCq/;
    rig.open();
    await rig.put('c=3');
    expect([rig.errors().length, await rig.compaction.compact()]).toEqual([1, false]);
    rig.disk.failReads = undefined;
    await rig.arrive();
    expect(await rig.read()).toEqual(['0 a=1', '1 b=2', '2 c=3']);
  });
});

describe('a pull', () => {
  const shape = async (rig: Rig, queueOffset: number, count = 32, bytes = 100_000): Promise<unknown[]> => {
    const result = await rig.compaction.get(queueOffset, count, bytes);
    expect(result.bytes).toBe(result.slices.reduce((sum, slice) => sum + slice.length, 0));
    expect([result.minOffset, result.maxOffset, result.fallenBehind]).toEqual([rig.compaction.minOffset, rig.compaction.maxOffset, false]);
    return [result.status, result.nextBeginOffset, result.messageCount, recordsOf(result.slices).map((record) => record.queueOffset).join()];
  };

  test('of nothing, at the end and beyond', async () => {
    const rig = new Rig();
    expect([rig.compaction.minOffset, rig.compaction.maxOffset, await shape(rig, 0), await shape(rig, 5)]).toEqual([-1, 0, ['NO_MESSAGE_IN_QUEUE', 0, 0, ''], ['NO_MESSAGE_IN_QUEUE', 0, 0, '']]);
    await rig.put(...turns(6, 2));
    expect([await shape(rig, 6), await shape(rig, 7), await shape(rig, 100)]).toEqual([['OFFSET_OVERFLOW_ONE', 6, 0, ''], ['OFFSET_OVERFLOW_BADLY', 0, 0, ''], ['OFFSET_OVERFLOW_BADLY', 0, 0, '']]);
    const later = new Rig();
    await later.put('=0', 'k=1');
    expect(await shape(later, 7)).toEqual(['OFFSET_OVERFLOW_BADLY', 2, 0, '']);
  });

  test('gets messages of one file, from the first at or behind its offset', async () => {
    const rig = new Rig();
    await rig.put('a=0', '=', 'a=2', '=', 'a=4', 'a=5', 'a=6', 'a=7');
    expect([await shape(rig, 0), await shape(rig, 1), await shape(rig, 3), await shape(rig, 5), await shape(rig, 6), await shape(rig, -3)]).toEqual([
      ['FOUND', 6, 4, '0,2,4,5'], ['FOUND', 6, 3, '2,4,5'], ['FOUND', 6, 2, '4,5'], ['FOUND', 6, 1, '5'], ['FOUND', 8, 2, '6,7'], ['FOUND', 6, 4, '0,2,4,5'],
    ]);
  });

  test('gets no more messages and bytes than are asked for and allowed, one at least', async () => {
    const rig = new Rig({ sizes: { cqBytes: 46 * 400, logBytes: 40_000 }, limits: { count: 5, bytes: 400 } });
    await rig.put(...Array.from({ length: 20 }, () => 'k=vv'));
    const one = storedRecord(0, 'vv', 'k').length;
    expect(one).toBe(101);
    for (const [count, bytes, want] of [[1, 10_000, 1], [0, 10_000, 1], [-1, 10_000, 1], [2, 10_000, 2], [32, 10_000, 3], [32, 0, 1], [32, 201, 1], [32, 202, 2], [32, 302, 2], [32, 303, 3], [32, 404, 3]] as const) {
      expect([count, bytes, ...(await shape(rig, 3, count, bytes)).slice(0, 3)]).toEqual([count, bytes, 'FOUND', 3 + want, want]);
    }
    const wide = new Rig({ sizes: { cqBytes: 46 * 400, logBytes: 40_000 }, limits: { count: 5, bytes: 10_000 } });
    await wide.put(...Array.from({ length: 20 }, () => 'k=vv'));
    expect((await shape(wide, 0, 32))[2]).toBe(5);
    const all = new Rig({ sizes: { cqBytes: 46 * 400, logBytes: 40_000 }, limits: { count: 1000, bytes: 100_000 } });
    await all.put(...Array.from({ length: 300 }, () => 'k=vv'));
    expect((await shape(all, 0, 1000))[2]).toBe(256);
  });

  test('leaves out what is damaged, and says where nothing whole is left', async () => {
    const rig = new Rig();
    await rig.put('a=0', 'b=1', 'c=2', 'd=3');
    const file = `${dirOf('Log')}/${'0'.repeat(20)}`;
    const size = storedRecord(0, '0', 'a').length;
    expect((await rig.compaction.get(0, 32, 10_000)).slices.length).toBe(1);
    rig.disk.flip(file, size * 1 + 5, 0);
    expect([await shape(rig, 0), (await rig.compaction.get(0, 32, 10_000)).slices.length]).toEqual([['FOUND', 4, 3, '0,2,3'], 3]);
    // The offset of another message.
    rig.disk.flip(file, size * 2 + 27, 4);
    expect(await shape(rig, 0)).toEqual(['FOUND', 4, 2, '0,3']);
    expect(await shape(rig, 1, 2)).toEqual(['MESSAGE_WAS_REMOVING', 3, 0, '']);
    rig.disk.flip(`${dirOf('Cq')}/${'0'.repeat(20)}`, 0, 7);
    expect(await shape(rig, 0)).toEqual(['OFFSET_FOUND_NULL', 4, 0, '']);
  });

  test('fails with the disk', async () => {
    const rig = new Rig();
    await rig.put('a=0');
    rig.disk.failReads = /compactionLog/;
    await expect(rig.compaction.get(0, 1, 100)).rejects.toThrow(/EIO/);
  });

  test('whose files are replaced while it reads is answered from those that took their place', async () => {
    const rig = new Rig();
    await rig.put(...turns(12, 3));
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    let first = true;
    rig.disk.wait = async (op) => {
      if (op !== 'read' || !first) return;
      first = false;
      await held;
    };
    const pull = rig.compaction.get(1, 32, 10_000);
    await settle();
    expect([first, await rig.compaction.compact()]).toEqual([false, true]);
    go();
    const result = await pull;
    expect([result.status, recordsOf(result.slices).map((record) => record.queueOffset)]).toEqual(['FOUND', [5, 6, 7]]);
  });
});

describe('a compaction', () => {
  test('keeps the newest message of each key of all files but the last, and that file as it is', async () => {
    const rig = new Rig();
    expect(await rig.compaction.compact()).toBe(false);
    await rig.put('a=0', 'b=1', 'a=2', 'c=3');
    // One file: it is the one that is written to.
    expect(await rig.compaction.compact()).toBe(false);
    await rig.put('a=4', 'b=', 'd=6', 'd=7', 'd=8', 'c=9');
    expect(rig.asked.filter((line) => line.startsWith('position'))).toEqual([]);
    expect(await rig.compaction.compact()).toBe(true);
    expect(await rig.read()).toEqual(['3 c=3', '4 a=4', '7 d=7', '8 d=8', '9 c=9']);
    expect([rig.asked.at(-1), rig.compaction.minOffset, rig.compaction.maxOffset]).toEqual(['position 7', 3, 10]);
    // Nothing new: nothing to do.
    rig.disk.since();
    expect([await rig.compaction.compact(), rig.disk.since()]).toEqual([false, []]);
    await rig.put('a=10', 'a=11', 'a=12');
    expect(await rig.compaction.compact()).toBe(true);
    expect(await rig.read()).toEqual(['8 d=8', '9 c=9', '11 a=11', '12 a=12']);
  });

  test('keeps what a model keeps, whatever keys and texts there are, and through starts', async () => {
    const pair = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e f'), fc.constantFrom('', 'x', 'yy'.repeat(40))).map(([key, text]) => `${key}=${text}`);
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.array(pair, { minLength: 1, maxLength: 12 }), fc.boolean()), { minLength: 1, maxLength: 4 }), async (rounds) => {
      const rig = new Rig();
      let held: string[] = [];
      let next = 0;
      for (const [pairs, restart] of rounds) {
        await rig.put(...pairs);
        held.push(...pairs.map((one) => `${next++} ${one}`));
        expect(await rig.read()).toEqual(held);
        // The first offset of the last file says what is compacted.
        const last = rig.disk.list(dirOf('Cq')).filter((name) => name !== 'compacting').at(-1) ?? '';
        const from = Number(rig.disk.content(`${dirOf('Cq')}/${last}`).readBigInt64BE(28));
        const position = rig.positions.get('C_7') ?? -1;
        const offsetOf = (line: string): number => Number(line.split(' ')[0]);
        const keyOf = (line: string): string => line.slice(line.indexOf(' ') + 1, line.indexOf('='));
        const due = held.filter((line) => offsetOf(line) < from);
        const fresh = due.filter((line) => offsetOf(line) > position);
        expect(await rig.compaction.compact()).toBe(fresh.length > 0);
        if (fresh.length > 0) {
          const newestOf = new Map(fresh.map((line) => [keyOf(line), offsetOf(line)]));
          held = held.filter((line) => offsetOf(line) >= from || (!line.endsWith('=') && offsetOf(line) >= (newestOf.get(keyOf(line)) ?? -1)));
          expect(rig.positions.get('C_7')).toBe(offsetOf(due.at(-1) ?? ''));
        }
        expect(await rig.read()).toEqual(held);
        if (restart) {
          await rig.compaction.close();
          rig.open();
        }
        expect([await rig.read(), rig.errors()]).toEqual([held, []]);
        expect(rig.disk.files().filter((file) => /compacting|replacing/.test(file))).toEqual([]);
      }
    }), { numRuns: 15 });
  });

  test('leaves files of the first numbers, of the layout, and removes the others', async () => {
    const rig = new Rig();
    await rig.put(...turns(16, 3), 'z=16');
    expect(await rig.compaction.compact()).toBe(true);
    const names = (kind: 'Log' | 'Cq'): number[] => rig.disk.list(dirOf(kind)).map(Number);
    expect([names('Log'), names('Cq')]).toEqual([[0, 5600], [0, 5600]]);
    const log = rig.disk.content(`${dirOf('Log')}/${'0'.repeat(20)}`);
    const records = [13, 14, 15].map((n) => storedRecord(n, `v${n}`, `k${n % 3}`));
    let at = 0;
    for (const record of records) {
      record.writeBigInt64BE(BigInt(at), 28);
      expect(log.subarray(at, at + record.length).equals(record)).toBe(true);
      at += record.length;
    }
    expect([log.length, log.subarray(at).every((byte) => byte === 0)]).toEqual([1400, true]);
  });

  test('of which nothing stays leaves the last file alone', async () => {
    const rig = new Rig();
    await rig.put('a=', 'b=', 'c=', 'd=', 'e=5');
    expect(await rig.compaction.compact()).toBe(true);
    expect([await rig.read(), rig.disk.list(dirOf('Log')).map(Number), rig.compaction.minOffset]).toEqual([['4 e=5'], [1400], 4]);
  });

  test('runs once at a time, and not after the end', async () => {
    const rig = new Rig();
    await rig.put(...turns(12, 3));
    const first = rig.compaction.compact();
    expect([await rig.compaction.compact(), await first, rig.errors()]).toEqual([false, true, []]);
    await rig.put(...turns(12, 3));
    await rig.compaction.close();
    expect(await rig.compaction.compact()).toBe(false);
  });

  test('writes, syncs and notes the new files before they take the place of the old', async () => {
    const rig = new Rig();
    await rig.put(...turns(9, 2));
    await rig.compaction.sync();
    rig.disk.since();
    expect(await rig.compaction.compact()).toBe(true);
    const [zero, old] = ['0'.repeat(20), '1400'.padStart(20, '0')];
    const done = rig.disk.since().filter((line) => !/^(read|close|mkdir|create|length|open)/.test(line)).map((line) => line.replaceAll(root, ''));
    const files = (kind: string): string => `/compaction${kind}/C/7`;
    expect(done.slice(0, 4)).toEqual([`syncDir ${files('Log')}/compacting`, `syncDir ${files('Cq')}/compacting`, `write ${files('Log')}/compacting/${zero}`, `write ${files('Cq')}/compacting/${zero}`]);
    expect(done.slice(4, 6).sort()).toEqual([`datasync ${files('Cq')}/compacting/${zero}`, `datasync ${files('Log')}/compacting/${zero}`]);
    expect(done.slice(6)).toEqual([
      `syncDir ${files('Log')}/compacting`, `syncDir ${files('Cq')}/compacting`,
      'write /replacing/C_7.tmp', 'datasync /replacing/C_7.tmp', 'rename /replacing/C_7.tmp', 'syncDir /replacing', 'syncDir ',
      `rename ${files('Log')}/compacting/${zero}`, `unlink ${files('Log')}/${old}`, `syncDir ${files('Log')}`,
      `rename ${files('Cq')}/compacting/${zero}`, `unlink ${files('Cq')}/${old}`, `syncDir ${files('Cq')}`,
      'unlink /replacing/C_7', 'syncDir /replacing', `unlink ${files('Log')}/compacting`, `unlink ${files('Cq')}/compacting`,
    ]);
  });

  test('of a disk that fails at any operation loses no newest message, in this life and the next, and the next one succeeds', async () => {
    const history = [...turns(13, 5), 'k1=', 'k5=a', 'k6=b', 'k7=c'];
    const whole = new Rig();
    await whole.put(...history);
    const want = newest(await whole.read());
    const from = whole.disk.done.length;
    expect(await whole.compaction.compact()).toBe(true);
    const ops = whole.disk.done.slice(from).filter((line) => !/^(read|open|close)/.test(line)).length;
    expect(ops).toBeGreaterThan(30);
    for (let at = 0; at < ops; at++) {
      const rig = new Rig();
      await rig.put(...history);
      let left = at;
      const count = rig.disk.count.bind(rig.disk);
      rig.disk.count = (op, file) => {
        if (left-- === 0) throw Object.assign(new Error('EIO'), { code: 'EIO' });
        return count(op, file);
      };
      expect([at, await rig.compaction.compact(), rig.errors().length]).toEqual([at, false, 1]);
      expect([at, newest(await rig.read())]).toEqual([at, want]);
      if (at % 2 === 0) {
        // It goes on.
        await rig.put('more=1');
        await rig.compaction.compact();
        expect([at, newest(await rig.read()), rig.errors()]).toEqual([at, [...want, ['more', '1']], []]);
        await rig.compaction.close();
      }
      await rig.restart();
      expect([at, newest(await rig.read())]).toEqual([at, at % 2 === 0 ? [...want, ['more', '1']] : want]);
      expect([at, rig.disk.files().filter((file) => /compacting|C_7$/.test(file))]).toEqual([at, []]);
    }
  });

  test('whose memory is full of keys ends there, and leaves the rest to the next', async () => {
    // Room for a hundred keys.
    const rig = new Rig({ offsetMapBytes: 0 });
    await rig.put(...turns(150, 150), ...turns(50, 50), 'last=1');
    const all = await rig.read();
    expect([await rig.compaction.compact(), rig.positions.get('C_7'), await rig.read()]).toEqual([true, 99, all]);
    expect([await rig.compaction.compact(), rig.positions.get('C_7'), await rig.read()]).toEqual([true, 199, all.slice(50)]);
  });

  test('finishes what an earlier one could not move, before it writes where that lies', async () => {
    const rig = new Rig({ sizes: { cqBytes: 46 * 101, logBytes: 101 * 110 } });
    const history = turns(150, 150);
    await rig.put(...history);
    rig.disk.fail('rename', 'EIO', 1, /compacting/);
    expect([await rig.compaction.compact(), rig.disk.stat(note) !== undefined]).toEqual([false, true]);
    expect(await rig.read()).toEqual(lines(history));
    expect(await rig.compaction.compact()).toBe(true);
    expect([await rig.read(), rig.disk.files().filter((file) => /compacting|replacing/.test(file))]).toEqual([lines(history), []]);
  });

  test('stops where a unit or a record cannot be read, and changes nothing', async () => {
    for (const [kind, byte] of [['Cq', 46], ['Log', storedRecord(0, 'v0', 'k0').length + 5]] as const) {
      const rig = new Rig();
      await rig.put(...turns(10, 3));
      rig.disk.flip(`${dirOf(kind)}/${'0'.repeat(20)}`, byte, 7);
      const before = rig.disk.list(dirOf('Log')).filter((name) => name !== 'compacting');
      expect([await rig.compaction.compact(), rig.errors()]).toEqual([false, ['error a compaction failed, nothing was changed by it']]);
      expect([rig.disk.list(dirOf('Log')).filter((name) => name !== 'compacting'), rig.positions.size]).toEqual([before, 0]);
    }
  });
});

describe('a start', () => {
  test('forgets a compaction that was not noted', async () => {
    const rig = new Rig();
    await rig.put(...turns(10, 3));
    await rig.compaction.close();
    for (const kind of ['Log', 'Cq'] as const) rig.disk.place(`${dirOf(kind)}/compacting/${'0'.repeat(20)}`, Buffer.alloc(9));
    await rig.restart();
    expect([await rig.read(), rig.disk.stat(`${dirOf('Log')}/compacting`), rig.disk.stat(`${dirOf('Cq')}/compacting`)]).toEqual([lines(turns(10, 3)), undefined, undefined]);
  });

  test('does what a note says, as far as it is not done, and takes names of files only', async () => {
    const rig = new Rig();
    await rig.put(...turns(10, 3));
    await rig.compaction.close();
    const [zero, old] = ['0'.repeat(20), '1400'.padStart(20, '0')];
    rig.disk.place(`${root}/compactionLog/C/keep`, Buffer.alloc(1));
    rig.disk.place(note, Buffer.from(JSON.stringify({ remove: [zero, old, '../keep', 7, `${old}0`], add: [zero, null] })));
    await rig.restart();
    // The first file is added and was moved before; the second is removed.
    expect([(await rig.read()).map((line) => line.split(' ')[0]), rig.disk.list(dirOf('Log')).map(Number), rig.disk.stat(note)]).toEqual([['0', '1', '2', '3', '8', '9'], [0, 2800], undefined]);
    expect(rig.disk.stat(`${root}/compactionLog/C/keep`)).toBeDefined();
    for (const text of ['{}', '{"remove":"x","add":{}}']) {
      rig.disk.place(note, Buffer.from(text));
      await rig.restart();
      expect([(await rig.read()).length, rig.disk.stat(note)]).toEqual([6, undefined]);
    }
  });

  test('after a stop that was not clean looks at the end of the newest file', async () => {
    const rig = new Rig();
    await rig.put('a=0', 'b=1', 'c=2');
    await rig.compaction.close();
    rig.disk.flip(`${dirOf('Log')}/${'0'.repeat(20)}`, storedRecord(0, '0', 'a').length + 8, 1);
    await rig.restart();
    expect([rig.log.lines, await rig.read()]).toEqual([['warn the end of a compaction log was not whole, it is filled again from the CommitLog'], ['0 a=0', '1 b=1', '2 c=2']]);
    rig.disk.flip(`${dirOf('Log')}/${'0'.repeat(20)}`, storedRecord(0, '0', 'a').length + 8, 1);
    rig.log.lines.length = 0;
    rig.disk.restart('kill');
    rig.open(false);
    await rig.arrive();
    expect(rig.log.lines).toEqual([]);
  });
});

describe('the end', () => {
  test('syncs and closes what is there, and takes nothing more', async () => {
    const rig = new Rig();
    await rig.put(...turns(6, 2));
    rig.disk.since();
    await rig.compaction.close();
    const done = rig.disk.since();
    expect(done.filter((line) => line.startsWith('datasync')).length).toBe(2);
    expect(done.filter((line) => line.startsWith('close')).length).toBe(4);
    await rig.put('late=1');
    await rig.compaction.close();
    expect(rig.disk.since()).toEqual([]);
  });

  test('waits for what arrived', async () => {
    const rig = new Rig();
    for (let i = 0; i < 3; i++) rig.give(storedRecord(i, 'v', 'k'));
    rig.compaction.arrived();
    await rig.compaction.close();
    rig.open();
    rig.source.length = 0;
    expect((await rig.read()).length).toBe(3);
  });

  test('says what cannot be synced', async () => {
    const rig = new Rig();
    await rig.put('a=1');
    rig.disk.fail('datasync', 'EIO');
    await rig.compaction.close();
    expect(rig.log.lines).toEqual(['warn a compaction log cannot be synced']);
    expect(rig.disk.since().filter((line) => line.startsWith('close')).length).toBe(2);
  });

  test('amid a compaction leaves all as it was', async () => {
    for (let turn = 0; turn < 30; turn += 3) {
      const rig = new Rig();
      await rig.put(...turns(22, 4));
      const want = newest(await rig.read());
      const run = rig.compaction.compact();
      for (let i = 0; i < turn; i++) await Promise.resolve();
      await rig.compaction.close();
      await run;
      expect(rig.errors()).toEqual([]);
      await rig.restart();
      expect(newest(await rig.read())).toEqual(want);
    }
  });

  test('of a topic is no fault of what was being read for it', async () => {
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const rig = new Rig({ units: () => held.then(() => Promise.reject(new Error('gone'))) });
    await rig.put('a=0');
    const removed = rig.compaction.remove();
    go();
    await removed;
    expect(rig.log.lines).toEqual([]);
  });

  test('of a topic removes all of its files, and folders that are empty', async () => {
    const rig = new Rig();
    await rig.put(...turns(10, 3));
    rig.disk.place(note, Buffer.from('{}'));
    rig.disk.place(`${dirOf('Cq')}/compacting/${'0'.repeat(20)}`, Buffer.alloc(1));
    rig.disk.place(`${root}/compactionLog/C/8/${'0'.repeat(20)}`, Buffer.alloc(1));
    rig.disk.since();
    await rig.compaction.remove();
    expect(rig.disk.files()).toEqual([`${root}/compactionLog/C/8/${'0'.repeat(20)}`]);
    expect([rig.disk.list(`${root}/compactionLog/C`), rig.disk.list(`${root}/compactionCq`)]).toEqual([['8'], []]);
    expect(rig.disk.since().filter((line) => line.startsWith('datasync'))).toEqual([]);
    await rig.put('late=1');
    expect([rig.disk.files().length, await rig.compaction.compact()]).toEqual([1, false]);
  });
});
