/** Registering expressions by Apache's rules, their life and death, and consumerFilter.json. */
import { expect, test } from '@jest/globals';
import { ManualClock, silentLog } from '../../remoting/clocks.js';
import { simulatedDisk } from '../../store/simulated-disk.js';
import type { SimulatedDisk } from '../../store/simulated-disk.js';
import type { Subscription } from '../broker/types.js';
import { ExpressionCache } from './expression.js';
import { ConsumerFilterTable, filterDataMax, isDead } from './filter-data.js';

const day = 86_400_000;
const config = { storePathConfigDir: '/data/config', maxErrorRateOfBloomFilter: 20, expectConsumerNumUseFilter: 32, filterDataCleanTimeSpan: day };

function table(disk: SimulatedDisk = simulatedDisk(3), clock = new ManualClock(), more: Partial<typeof config> = {}): { filters: ConsumerFilterTable; clock: ManualClock; disk: SimulatedDisk } {
  const filters = new ConsumerFilterTable({ config: { ...config, ...more }, disk, clock, log: silentLog, expressions: new ExpressionCache() });
  filters.load();
  return { filters, clock, disk };
}

function sub(topic: string, subString: string, subVersion = 1n, expressionType = 'SQL92'): Subscription {
  return { topic, subString, subVersion, expressionType, tagsSet: new Set(), codeSet: new Set(), classFilterMode: false };
}

test('a group registers its expression; tags and empty texts are none', () => {
  const { filters, clock } = table();
  filters.register('g', [sub('T', 'a > 5'), sub('U', '*', 1n, 'TAG'), sub('V', '')]);
  expect(filters.size).toBe(1);
  expect(filters.get('T', 'g')).toMatchObject({ expression: 'a > 5', expressionType: 'SQL92', bornTime: clock.nowMs(), deadTime: 0, clientVersion: 1n });
  expect(filters.get('T', 'g')?.bloom).toEqual({ bitNum: 112, bitPos: filters.bloom.positions('g#T') });
});

test('an older or equal version changes nothing, a newer one with the same text only counts up', () => {
  const { filters, clock } = table();
  filters.register('g', [sub('T', 'a > 5', 7n)]);
  const born = filters.get('T', 'g')?.bornTime;
  clock.advance(1000);
  filters.register('g', [sub('T', 'a > 6', 7n)]);
  filters.register('g', [sub('T', 'a > 6', 6n)]);
  expect(filters.get('T', 'g')).toMatchObject({ expression: 'a > 5', clientVersion: 7n });
  filters.register('g', [sub('T', 'a > 5', 8n)]);
  expect(filters.get('T', 'g')).toMatchObject({ clientVersion: 8n, bornTime: born });
  filters.register('g', [sub('T', 'a > 6', 9n)]);
  expect(filters.get('T', 'g')).toMatchObject({ expression: 'a > 6', clientVersion: 9n, bornTime: clock.nowMs() });
});

test('a change that does not compile removes what was there', () => {
  const { filters } = table();
  filters.register('g', [sub('T', 'a > 5', 1n)]);
  filters.register('g', [sub('T', 'a >', 2n)]);
  expect(filters.get('T', 'g')).toBeUndefined();
  filters.register('g', [sub('T', 'a >', 3n)]);
  expect(filters.size).toBe(0);
});

test('topics a group leaves die, a returning client revives them, a day of death ends them', () => {
  const { filters, clock } = table();
  filters.register('g', [sub('T', 'a > 5'), sub('U', 'a > 5')]);
  filters.register('g', [sub('U', 'a > 5')]);
  const dead = (topic: string): boolean | undefined => {
    const data = filters.get(topic, 'g');
    return data === undefined ? undefined : isDead(data);
  };
  expect([dead('T'), dead('U')]).toEqual([true, false]);
  filters.unregister('g');
  expect([dead('T'), dead('U')]).toEqual([true, true]);
  clock.advance(day / 2);
  filters.register('g', [sub('T', 'a > 5')]);
  expect([dead('T'), dead('U')]).toEqual([false, true]);
  clock.advance(day / 2);
  filters.clean();
  expect([dead('T'), dead('U')]).toEqual([false, undefined]);
});

test('the file has the form that Apache writes, and a start takes everybody for dead since half a minute', async () => {
  const { filters, clock, disk } = table();
  filters.register('g', [sub('T', "a > 5 AND b = 'x'", 1_700_000_000_000_000_001n)]);
  const born = clock.nowMs();
  await filters.close();
  const file = disk.open('/data/config/consumerFilter.json', 'read');
  const bytes = Buffer.alloc(4096);
  const text = bytes.subarray(0, file.readSync(bytes, 0)).toString('utf8');
  file.close();
  expect(JSON.parse(text.replace('1700000000000000001', '"1700000000000000001"'))).toEqual({
    filterDataByTopic: {
      T: {
        groupFilterData: {
          g: {
            bloomFilterData: { bitNum: 112, bitPos: filters.bloom.positions('g#T') }, bornTime: born, clientVersion: '1700000000000000001', consumerGroup: 'g', dead: false,
            deadTime: 0, expression: "a > 5 AND b = 'x'", expressionType: 'SQL92', topic: 'T',
          },
        },
        topic: 'T',
      },
    },
  });
  clock.advance(60_000);
  const again = table(disk, clock).filters;
  expect(again.get('T', 'g')).toMatchObject({ bornTime: born, deadTime: clock.nowMs() - 30_000, clientVersion: 1_700_000_000_000_000_001n });
  again.register('g', [sub('T', "a > 5 AND b = 'x'", 1_700_000_000_000_000_001n)]);
  expect(again.get('T', 'g')).toMatchObject({ deadTime: 0, bornTime: born });
});

test('a filter of another size makes saved data void', async () => {
  const { filters, disk } = table();
  filters.register('g', [sub('T', 'a > 5')]);
  await filters.close();
  expect(table(disk, new ManualClock(), { expectConsumerNumUseFilter: 64 }).filters.size).toBe(0);
});

test('expressions are bounded: the longest dead go first, then new ones are not taken', () => {
  const { filters, clock } = table();
  const long = (i: number): string => `a = '${String(i).padEnd(60_000, 'x')}'`;
  for (let i = 0; i < 500; i++) filters.register(`g${i}`, [sub('T', long(i))]);
  expect(filters.size).toBe(500);
  for (let i = 0; i < 3; i++) {
    clock.advance(1000);
    filters.unregister(`g${i}`);
  }
  for (let i = 500; i < 600; i++) filters.register(`g${i}`, [sub('T', long(i))]);
  expect(filters.get('T', 'g0')).toBeUndefined();
  expect(filters.get('T', 'g3')).toBeDefined();
  expect(filters.turnedAway).toBeGreaterThan(0);
});

test('of two dead ones the one that died first makes room, whichever was registered first', () => {
  const { filters, clock } = table();
  const long = (i: number): string => `a = '${String(i).padEnd(60_000, 'x')}'`;
  let full = 0;
  for (; filters.turnedAway === 0; full++) filters.register(`g${full}`, [sub('T', long(full))]);
  for (const i of [5, 2, 9]) {
    clock.advance(1000);
    filters.unregister(`g${i}`);
  }
  filters.register('new', [sub('T', long(full))]);
  expect([5, 2, 9].filter((i) => filters.get('T', `g${i}`) === undefined)).toEqual([5]);
  expect(filters.get('T', 'new')).toBeDefined();
});

test('expressions are bounded in number too, those of a file as well', async () => {
  const { filters: one, disk } = table();
  one.register('g', [sub('T', 'a > 5')]);
  await one.close();
  const name = '/data/config/consumerFilter.json';
  type Groups = Record<string, { consumerGroup: string }>;
  const saved = JSON.parse(disk.content(name).toString('utf8')) as { filterDataByTopic: { T: { groupFilterData: Groups } } };
  const { T } = saved.filterDataByTopic;
  const data = T.groupFilterData['g'];
  T.groupFilterData = Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [`g${i}`, { ...data, consumerGroup: `g${i}` }]));
  disk.place(name, Buffer.from(JSON.stringify(saved)));
  const { filters } = table(disk);
  expect([filterDataMax, filters.size, filters.get('T', 'g20000')]).toEqual([20_000, 20_000, undefined]);
  // A dead one makes room.
  filters.register('one more', [sub('T', 'a > 5')]);
  expect([filters.size, filters.get('T', 'one more')?.deadTime]).toEqual([20_000, 0]);
});

test.each(['topic', 'consumerGroup', 'expression', 'expressionType'])('saved data without %s is passed over, the others stay', async (member) => {
  const { filters, disk } = table();
  filters.register('g', [sub('T', 'a > 5')]);
  filters.register('h', [sub('T', 'a > 6')]);
  await filters.close();
  const name = '/data/config/consumerFilter.json';
  const saved = disk.content(name).toString('utf8');
  const whole = JSON.parse(saved) as { filterDataByTopic: { T: { groupFilterData: { g: Record<string, unknown> } } } };
  Reflect.deleteProperty(whole.filterDataByTopic.T.groupFilterData.g, member);
  disk.place(name, Buffer.from(JSON.stringify(whole)));
  const again = table(disk).filters;
  expect([again.size, again.get('T', 'g'), again.get('T', 'h')?.expression]).toEqual([1, undefined, 'a > 6']);
});
