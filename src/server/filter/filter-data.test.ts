/** Registering expressions by Apache's rules, their life and death, and consumerFilter.json. */
import { describe, expect, test } from '@jest/globals';
import { ManualClock, silentLog } from '../../remoting/clocks.js';
import type { Log } from '../../remoting/types.js';
import { simulatedDisk } from '../../store/simulated-disk.js';
import type { SimulatedDisk } from '../../store/simulated-disk.js';
import type { Subscription } from '../broker/types.js';
import { ExpressionCache } from './expression.js';
import { ConsumerFilterTable, filterCharsMax, filterDataBean, filterDataMax, isDead, savePeriodMs } from './filter-data.js';

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

const fileName = '/data/config/consumerFilter.json';

/** Keeps what is warned of. */
function listed(): { log: Log; warned: object[] } {
  const warned: object[] = [];
  return { log: { ...silentLog, warn: (fields: object) => void warned.push(fields) }, warned };
}

/** What a file says when it is saved now; undefined when nothing changed since it was. */
async function savedText(filters: ConsumerFilterTable, disk: SimulatedDisk): Promise<string | undefined> {
  const before = disk.ops;
  await filters.close();
  return disk.ops === before ? undefined : disk.content(fileName).toString('utf8');
}

test('the file is saved every ten seconds when something changed, and no more after the close', async () => {
  const { filters, clock, disk } = table();
  filters.start();
  expect([clock.pending, savePeriodMs]).toEqual([1, 10_000]);
  const ops = async (): Promise<boolean> => {
    const before = disk.ops;
    clock.advance(savePeriodMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(disk.ops).toBe(before);
    clock.advance(1);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    return disk.ops > before;
  };
  expect(await ops()).toBe(false);
  filters.register('g', [sub('T', 'a > 5')]);
  expect([await ops(), await ops()]).toEqual([true, false]);
  filters.unregister('g');
  expect([await ops(), await ops()]).toEqual([true, false]);
  await filters.close();
  expect(clock.pending).toBe(0);
});

describe('what changes is saved, and nothing else', () => {
  const born = 1_700_000_000_000;
  test.each<[string, boolean, (filters: ConsumerFilterTable, clock: ManualClock) => void]>([
    ['nothing', false, () => undefined],
    ['the same version again', false, (filters) => filters.register('g', [sub('T', 'a > 5'), sub('U', 'a > 5')])],
    ['an older version', false, (filters) => filters.register('g', [sub('T', 'a > 6', 0n), sub('U', 'a > 5')])],
    ['a newer version of the same text', true, (filters) => filters.register('g', [sub('T', 'a > 5', 2n), sub('U', 'a > 5')])],
    ['another text', true, (filters) => filters.register('g', [sub('T', 'a > 6', 2n), sub('U', 'a > 5')])],
    ['a text that is none', true, (filters) => filters.register('g', [sub('T', 'a >', 2n), sub('U', 'a > 5')])],
    ['another group', true, (filters) => filters.register('h', [sub('T', 'a > 5')])],
    ['another group with nothing', false, (filters) => filters.register('h', [sub('T', '')])],
    ['a topic that is left', true, (filters) => filters.register('g', [sub('T', 'a > 5')])],
    ['a group that goes', true, (filters) => filters.unregister('g')],
    ['a group that was not there', false, (filters) => filters.unregister('h')],
  ])('%s: %p', async (_, changes, act) => {
    const { filters, clock, disk } = table();
    filters.register('g', [sub('T', 'a > 5'), sub('U', 'a > 5')]);
    filters.save();
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1000);
    act(filters, clock);
    expect((await savedText(filters, disk)) !== undefined).toBe(changes);
  });

  test('a group that comes back is saved as alive, one that comes back alive is not saved', async () => {
    const { filters, clock, disk } = table();
    filters.register('g', [sub('T', 'a > 5')]);
    clock.advance(1000);
    filters.unregister('g');
    filters.save();
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    filters.register('g', [sub('T', 'a > 5')]);
    expect(JSON.parse((await savedText(filters, disk)) ?? '')).toMatchObject({ filterDataByTopic: { T: { groupFilterData: { g: { dead: false, deadTime: 0, bornTime: born } } } } });
  });

  // As fastjson writes a `ConsumerFilterManager`.
  test('the text is pinned to the letter', async () => {
    const { filters, clock, disk } = table();
    filters.register('g', [sub('T', 'a > 5', 7n), sub('U', "b = 'é'", 8n)]);
    filters.register('h', [sub('T', 'c IS NULL', 9n)]);
    clock.advance(1000);
    filters.unregister('h');
    const bean = (group: string, topic: string, bits: readonly number[], version: number, dead: string, expression: string): string => `{
\t\t\t\t\t"bloomFilterData":{
\t\t\t\t\t\t"bitNum":112,
\t\t\t\t\t\t"bitPos":[${bits.map((bit) => `\n\t\t\t\t\t\t\t${bit}`).join(',')}
\t\t\t\t\t\t]
\t\t\t\t\t},
\t\t\t\t\t"bornTime":${born},
\t\t\t\t\t"clientVersion":${version},
\t\t\t\t\t"consumerGroup":"${group}",
\t\t\t\t\t"dead":${String(dead !== '0')},
\t\t\t\t\t"deadTime":${dead},
\t\t\t\t\t"expression":"${expression}",
\t\t\t\t\t"expressionType":"SQL92",
\t\t\t\t\t"topic":"${topic}"
\t\t\t\t}`;
    const of = (key: string): readonly number[] => filters.bloom.positions(key);
    expect(await savedText(filters, disk)).toBe(`{
\t"filterDataByTopic":{
\t\t"T":{
\t\t\t"groupFilterData":{
\t\t\t\t"g":${bean('g', 'T', of('g#T'), 7, '0', 'a > 5')},
\t\t\t\t"h":${bean('h', 'T', of('h#T'), 9, String(born + 1000), 'c IS NULL')}
\t\t\t},
\t\t\t"topic":"T"
\t\t},
\t\t"U":{
\t\t\t"groupFilterData":{
\t\t\t\t"g":${bean('g', 'U', of('g#U'), 8, '0', "b = 'é'")}
\t\t\t},
\t\t\t"topic":"U"
\t\t}
\t}
}`);
  });
});

test('a group is dead from the moment it goes, and goes once', () => {
  const { filters, clock } = table();
  filters.register('g', [sub('T', 'a > 5'), sub('U', 'a > 5')]);
  // In the millisecond of its birth.
  filters.unregister('g');
  const first = clock.nowMs();
  expect(filters.get('T', 'g')).toMatchObject({ bornTime: first, deadTime: first });
  expect(filterDataBean(filters.get('T', 'g') ?? { deadTime: 0, bornTime: 1 } as never)['dead']).toBe(true);
  clock.advance(1000);
  filters.unregister('g');
  filters.register('g', []);
  expect([filters.get('T', 'g')?.deadTime, filters.get('U', 'g')?.deadTime]).toEqual([first, first]);
  // Another group does not change it.
  filters.register('h', [sub('V', 'a > 5')]);
  filters.unregister('h');
  expect([filters.get('U', 'g')?.deadTime, filters.get('V', 'h')?.deadTime]).toEqual([first, clock.nowMs()]);
  clock.advance(day - 1001);
  filters.clean();
  expect([filters.size, filters.get('T', 'g')?.deadTime]).toEqual([3, first]);
  clock.advance(1);
  filters.save();
  expect([filters.size, filters.ofTopic('T'), filters.ofTopic('U'), [...(filters.ofTopic('V') ?? [])].map(({ group }) => group)]).toEqual([1, undefined, undefined, ['h']]);
});

test('an older version does not bring a dead group back, the same and a newer one do', () => {
  const { filters, clock } = table();
  for (const [version, alive] of [[4n, false], [5n, true], [6n, true]] as const) {
    filters.register('g', [sub('T', 'a > 5', 5n)]);
    clock.advance(1000);
    filters.unregister('g');
    filters.register('g', [sub('T', 'a > 5', version)]);
    expect([version, filters.get('T', 'g')?.deadTime === 0]).toEqual([version, alive]);
    clock.advance(day);
    filters.unregister('g');
    clock.advance(day);
    filters.clean();
    expect(filters.size).toBe(0);
  }
});

test('the same text of another type is another expression', () => {
  const { filters } = table();
  filters.register('g', [sub('T', 'a > 5')]);
  filters.register('g', [sub('T', 'a > 5', 2n, 'OTHER')]);
  expect([filters.size, filters.get('T', 'g')]).toEqual([0, undefined]);
});

test('all groups of a topic are listed, and there is nothing of other topics', () => {
  const { filters } = table();
  for (const group of ['g', 'h', 'i']) filters.register(group, [sub('T', 'a > 5')]);
  filters.register('g', [sub('T', 'a > 5'), sub('U', 'a > 5')]);
  filters.unregister('h');
  const groups = (topic: string): string[] | undefined => {
    const found = filters.ofTopic(topic);
    return found === undefined ? undefined : [...found].map(({ group }) => group);
  };
  expect([groups('T'), groups('U'), groups('V'), filters.size]).toEqual([['g', 'h', 'i'], ['g'], undefined, 4]);
});

test.each([['TAG', 'a'], ['', 'a'], ['SQL92', '']])('a newer subscription by %j with %j says nothing of the expression that was', (type, text) => {
  const { log, warned } = listed();
  const filters = new ConsumerFilterTable({ config, disk: simulatedDisk(1), clock: new ManualClock(), log, expressions: new ExpressionCache() });
  filters.register('g', [sub('T', 'a > 5')]);
  filters.register('g', [sub('T', text, 2n, type)]);
  expect([filters.get('T', 'g'), warned]).toEqual([expect.objectContaining({ expression: 'a > 5', clientVersion: 1n, deadTime: 0 }), []]);
});

test('an expression that does not compile is said with its beginning', () => {
  const { log, warned } = listed();
  const filters = new ConsumerFilterTable({ config, disk: simulatedDisk(1), clock: new ManualClock(), log, expressions: new ExpressionCache() });
  const text = `a > '${'x'.repeat(300)}`;
  filters.register('g', [sub('T', text)]);
  expect(warned).toEqual([{ group: 'g', topic: 'T', expression: text.slice(0, 256), error: expect.stringMatching(/^Invalid expression at line 1/) }]);
});

/** The longest expression there may be; as many as fill the room. */
const chars = 64 * 1024;
const longest = filterCharsMax / chars;
const spaced = (length: number): string => 'a = 1'.padEnd(length, ' ');

test('characters are bounded to the last one, and those of what goes are free again', () => {
  const { log, warned } = listed();
  const clock = new ManualClock();
  const filters = new ConsumerFilterTable({ config, disk: simulatedDisk(1), clock, log, expressions: new ExpressionCache() });
  const register = (group: string, length: number, version = 1n): [number, number] => {
    filters.register(group, [sub('T', spaced(length), version)]);
    return [filters.size, filters.turnedAway];
  };
  for (let i = 0; i < longest - 1; i++) register(`g${i}`, chars);
  expect([longest, register('almost', chars - 6)]).toEqual([512, [512, 0]]);
  expect(register('last', 7)).toEqual([512, 1]);
  expect(warned).toEqual([{ group: 'last', topic: 'T', expressions: 512, characters: filterCharsMax - 6 }]);
  expect(register('last', 6)).toEqual([513, 1]);
  expect(register('more', 5)).toEqual([513, 2]);
  // A text of its own does not count while it is replaced.
  expect(register('g0', chars - 5, 2n)).toEqual([513, 2]);
  expect(register('more', 6, 2n)).toEqual([513, 3]);
  expect(register('more', 5, 3n)).toEqual([514, 3]);
  clock.advance(1000);
  filters.unregister('g1');
  clock.advance(day);
  filters.clean();
  expect([register('h1', chars), register('h2', 5)]).toEqual([[514, 3], [514, 4]]);
});

test('dead ones go until there is room, and not one more', () => {
  const { filters, clock } = table();
  // Six characters of room, and one that is hardly any.
  for (let i = 0; i < longest; i++) filters.register(`g${i}`, [sub(`T${i % 3}`, spaced(i === 6 ? 10 : chars))]);
  filters.register('room', [sub('T', spaced(chars - 16))]);
  for (const i of [6, 3, 0, 1]) {
    clock.advance(1000);
    filters.unregister(`g${i}`);
  }
  filters.register('new', [sub('T9', spaced(chars))]);
  expect([6, 3, 0, 1].filter((i) => filters.get(`T${i % 3}`, `g${i}`) !== undefined)).toEqual([0, 1]);
  expect([filters.size, filters.turnedAway, filters.get('T9', 'new')?.deadTime]).toEqual([longest, 0, 0]);
});

describe('saved data', () => {
  type Bean = Record<string, unknown>;
  const bits = [57, 37, 14];
  const whole: Bean = { bloomFilterData: { bitNum: 112, bitPos: bits }, bornTime: 5000, clientVersion: 7, consumerGroup: 'g', dead: false, deadTime: 6000, expression: 'a > 5', expressionType: 'SQL92', topic: 'T' };
  /** What a start makes of it. */
  function loaded(groups: unknown, nowMs = 100_000): { filters: ConsumerFilterTable; disk: SimulatedDisk } {
    const disk = simulatedDisk(3);
    disk.place(fileName, Buffer.from(JSON.stringify({ filterDataByTopic: groups })));
    const filters = new ConsumerFilterTable({ config, disk, clock: new ManualClock(nowMs), log: silentLog, expressions: new ExpressionCache() });
    filters.load();
    return { filters, disk };
  }
  const one = (change: Bean, nowMs?: number): ConsumerFilterTable => loaded({ T: { topic: 'T', groupFilterData: { g: { ...whole, ...change } } } }, nowMs).filters;

  test('is taken over as it is, and not written again', async () => {
    const { filters, disk } = loaded({ T: { groupFilterData: { g: whole } } });
    expect(filters.get('T', 'g')).toEqual({ topic: 'T', group: 'g', expression: 'a > 5', expressionType: 'SQL92', bornTime: 5000, deadTime: 6000, clientVersion: 7n, judge: expect.any(Function), bloom: { bitNum: 112, bitPos: bits } });
    expect(await savedText(filters, disk)).toBeUndefined();
  });

  test.each<[string, Bean, Bean]>([
    ['alive counts as dead for half a minute', { deadTime: 0 }, { deadTime: 70_000 }],
    ['born in that half minute dies with its birth', { deadTime: 0, bornTime: 80_000 }, { deadTime: 80_000, bornTime: 80_000 }],
    ['without a time of death too', { deadTime: undefined }, { deadTime: 70_000 }],
    ['without a birth', { bornTime: undefined }, { bornTime: 0, deadTime: 6000 }],
    ['without a version', { clientVersion: undefined }, { clientVersion: 0n }],
    ['with the largest version', { clientVersion: '9223372036854775807' }, { clientVersion: 9223372036854775807n }],
    ['that does not compile any more', { expression: 'a >' }, { judge: undefined, expression: 'a >' }],
    ['of another type', { expressionType: 'OTHER' }, { judge: undefined, expressionType: 'OTHER' }],
    ['with the first and the last bit', { bloomFilterData: { bitNum: 112, bitPos: [0, 111, 1] } }, { bloom: { bitNum: 112, bitPos: [0, 111, 1] } }],
  ])('%s', (_, change, expected) => {
    expect(one(change).get('T', 'g')).toMatchObject(expected);
  });

  test.each<[string, unknown]>([
    ['none', undefined],
    ['no map', 5],
    ['of another size', { bitNum: 104, bitPos: bits }],
    ['without a size', { bitPos: bits }],
    ['fewer', { bitNum: 112, bitPos: [1, 2] }],
    ['more', { bitNum: 112, bitPos: [1, 2, 3, 4] }],
    ['below the first', { bitNum: 112, bitPos: [-1, 2, 3] }],
    ['behind the last', { bitNum: 112, bitPos: [1, 2, 112] }],
    ['no numbers', { bitNum: 112, bitPos: [1, 2, 'x'] }],
    ['no list', { bitNum: 112, bitPos: 5 }],
  ])('with bits that are %s makes all of it void', (_, bloomFilterData) => {
    const groups = { S: { groupFilterData: { g: { ...whole, topic: 'S' } } }, T: { groupFilterData: { g: { ...whole, bloomFilterData } } } };
    expect(loaded(groups).filters.size).toBe(0);
  });

  test('that has another form is passed over, what stands beside it stays', () => {
    const { filters } = loaded({ A: 5, B: { groupFilterData: 5 }, C: { groupFilterData: { g: 5, h: [], i: { ...whole, topic: 'C', consumerGroup: 'i' } } }, T: { groupFilterData: { g: whole } } });
    expect([filters.size, filters.get('C', 'i')?.expression, filters.get('T', 'g')?.expression]).toEqual([2, 'a > 5', 'a > 5']);
    expect([loaded(5).filters.size, loaded([]).filters.size]).toEqual([0, 0]);
  });

  test('that is no object is refused', () => {
    const disk = simulatedDisk(3);
    disk.place(fileName, Buffer.from('[]'));
    expect(() => table(disk)).toThrow('consumerFilter.json is no object');
  });

  test.each([[0], [1], [2]])('with another bit at place %d is born again with the next version', (place) => {
    const filters = new ConsumerFilterTable({ config, disk: simulatedDisk(1), clock: new ManualClock(), log: silentLog, expressions: new ExpressionCache() });
    const own = filters.bloom.positions('g#T');
    const other = own.map((position, i) => (i === place ? (position + 1) % 112 : position));
    for (const [bitPos, born] of [[own, 5000], [other, 100_000]] as const) {
      const again = one({ bloomFilterData: { bitNum: 112, bitPos } });
      again.register('g', [sub('T', 'a > 5', 8n)]);
      expect(again.get('T', 'g')).toMatchObject({ bornTime: born, deadTime: 0, clientVersion: 8n, bloom: { bitNum: 112, bitPos: own } });
    }
  });
});

test('data without bits is shown without them', () => {
  const { filters, clock } = table();
  const built = filters.build('T', 'g', 'a > 5', 'SQL92', 7n);
  if (typeof built === 'string') throw new Error(built);
  expect(filterDataBean(built)).toEqual({ bornTime: clock.nowMs(), clientVersion: 7n, consumerGroup: 'g', dead: false, deadTime: 0, expression: 'a > 5', expressionType: 'SQL92', topic: 'T' });
});
