/** The bits that are computed for a message as it is stored, and what filters make of them when it is read. */
import { describe, expect, test } from '@jest/globals';
import { ManualClock, silentLog } from '../../remoting/clocks.js';
import { simulatedDisk } from '../../store/simulated-disk.js';
import type { EntryExtension } from '../../store/types.js';
import type { Subscription } from '../broker/types.js';
import { setBits } from './bloom-filter.js';
import { createCalcBitMap } from './calc-bit-map.js';
import { ExpressionCache } from './expression.js';
import { ConsumerFilterTable } from './filter-data.js';
import type { FilterData } from './filter-data.js';
import { createFilterRegistry } from './message-filter.js';
import type { FilterRegistry } from './message-filter.js';
import { recordBetween } from './testdata/record-between.js';

function sub(topic: string, subString: string, change: Partial<Subscription> = {}): Subscription {
  return { topic, subString, subVersion: 1n, expressionType: 'SQL92', tagsSet: new Set(), codeSet: new Set(), classFilterMode: false, ...change };
}

function tableOf(): ConsumerFilterTable {
  const config = { storePathConfigDir: '/data/config', maxErrorRateOfBloomFilter: 20, expectConsumerNumUseFilter: 32, filterDataCleanTimeSpan: 1000 };
  return new ConsumerFilterTable({ config, disk: simulatedDisk(1), clock: new ManualClock(1000), log: silentLog, expressions: new ExpressionCache() });
}

/** A record with these properties between other bytes. */
const recordOf = (properties: Readonly<Record<string, string>>): ReturnType<typeof recordBetween> =>
  recordBetween(Buffer.from(Object.entries(properties).map(([name, value]) => `${name}\u0001${value}\u0002`).join('')), 'a\u00019\u0002');

describe('bits of a message', () => {
  const expected = (table: ConsumerFilterTable, groups: readonly string[]): Uint8Array => {
    const bits = new Uint8Array(14);
    for (const group of groups) setBits(bits, table.bloom.positions(group));
    return bits;
  };

  test('are those of the groups that let it through, dead ones too', () => {
    const table = tableOf();
    table.register('yes', [sub('T', 'a > 5')]);
    table.register('no', [sub('T', 'a > 7')]);
    table.register('unknown', [sub('T', 'b > 5')]);
    table.register('dead', [sub('T', 'a = 6')]);
    table.register('elsewhere', [sub('U', 'a > 5')]);
    table.unregister('dead');
    const bitsOf = createCalcBitMap(table);
    const { bytes, start, end } = recordOf({ a: '6' });
    expect(bitsOf('T', bytes, start, end)).toEqual(expected(table, ['yes#T', 'dead#T']));
    // The next message has its own.
    const other = recordOf({ a: '8', b: '6' });
    expect(bitsOf('T', other.bytes, other.start, other.end)).toEqual(expected(table, ['yes#T', 'no#T', 'unknown#T']));
    const none = recordOf({ a: '1' });
    expect(bitsOf('T', none.bytes, none.start, none.end)).toEqual(new Uint8Array(14));
  });

  test('are none for a topic that nobody filters and for what is no record', () => {
    const table = tableOf();
    table.register('g', [sub('T', 'a IS NULL')]);
    const bitsOf = createCalcBitMap(table);
    const { bytes, start, end } = recordOf({});
    expect(bitsOf('T', bytes, start, end)).toEqual(expected(table, ['g#T']));
    expect(bitsOf('U', bytes, start, end)).toBeUndefined();
    expect(bitsOf('T', bytes, start, start + 20)).toBeUndefined();
    expect(bitsOf('T', Buffer.alloc(200), 0, 200)).toBeUndefined();
  });

  test('of an expression that does not compile any more are none', async () => {
    const disk = simulatedDisk(1);
    const bloom = tableOf().bloom.dataOf('g#T');
    const saved = { filterDataByTopic: { T: { groupFilterData: { g: { topic: 'T', consumerGroup: 'g', expression: 'a >', expressionType: 'SQL92', bornTime: 1, deadTime: 1, clientVersion: 1, bloomFilterData: bloom } } } } };
    disk.place('/data/config/consumerFilter.json', Buffer.from(JSON.stringify(saved)));
    const config = { storePathConfigDir: '/data/config', maxErrorRateOfBloomFilter: 20, expectConsumerNumUseFilter: 32, filterDataCleanTimeSpan: 1000 };
    const table = new ConsumerFilterTable({ config, disk, clock: new ManualClock(1000), log: silentLog, expressions: new ExpressionCache() });
    table.load();
    const { bytes, start, end } = recordOf({ a: '6' });
    expect(createCalcBitMap(table)('T', bytes, start, end)).toEqual(new Uint8Array(14));
    // Such data lets everything through (`ConsumerFilterData#compiledExpression`).
    expect(createFilterRegistry({ table, filterSupportRetry: false }).filterOf(sub('T', 'a >'), table.get('T', 'g'))).toBeUndefined();
    await table.close();
  });
});

describe('the filter of a subscription', () => {
  const registryOf = (filterSupportRetry = false): { table: ConsumerFilterTable; filters: FilterRegistry } => {
    const table = tableOf();
    return { table, filters: createFilterRegistry({ table, filterSupportRetry }) };
  };
  const data = (table: ConsumerFilterTable, group: string, topic = 'T'): FilterData => {
    const found = table.get(topic, group);
    if (found === undefined) throw new Error(`no data of ${group}`);
    return found;
  };
  const verdictOf = (filters: FilterRegistry, subscription: Subscription, of: FilterData | undefined, properties: Readonly<Record<string, string>>): boolean | undefined => {
    const { bytes, start, end } = recordOf(properties);
    return filters.filterOf(subscription, of)?.matchesRecord?.(bytes, start, end);
  };

  test('by tags compares codes, whatever data there is', () => {
    const { table, filters } = registryOf();
    table.register('g', [sub('T', 'a > 5')]);
    const tags = filters.filterOf(sub('T', 'x', { expressionType: 'TAG', tagsSet: new Set(['x']), codeSet: new Set([120]) }), data(table, 'g'));
    expect([tags?.matchesEntry(120), tags?.matchesEntry(121), tags?.matchesRecord]).toEqual([true, false, undefined]);
    expect(filters.filterOf(sub('T', '*', { expressionType: 'TAG' }), data(table, 'g'))).toBeUndefined();
    // What a class of the consumer filters comes whole.
    expect(filters.filterOf(sub('T', 'a > 5', { classFilterMode: true }), data(table, 'g'))).toBeUndefined();
  });

  test('is none without data', () => {
    const { table, filters } = registryOf();
    expect(filters.filterOf(sub('T', 'a > 5'), undefined)).toBeUndefined();
    table.register('g', [sub('T', 'a > 5')]);
    expect([filters.get('T', 'g'), filters.get('U', 'g'), filters.get('T', 'h')]).toEqual([data(table, 'g'), undefined, undefined]);
  });

  test('is the same one for the same data', () => {
    const { table, filters } = registryOf();
    table.register('g', [sub('T', 'a > 5')]);
    table.register('h', [sub('T', 'a > 5')]);
    const first = filters.filterOf(sub('T', 'a > 5'), data(table, 'g'));
    expect(first).toBeDefined();
    expect(filters.filterOf(sub('T', 'a > 5'), data(table, 'g'))).toBe(first);
    expect(filters.filterOf(sub('T', 'a > 5'), data(table, 'h'))).not.toBe(first);
  });

  test('judges a record by its properties: what is not known does not match, what is no record has none', () => {
    const { table, filters } = registryOf();
    table.register('g', [sub('T', 'a > 5')]);
    table.register('n', [sub('T', 'a IS NULL')]);
    expect([{ a: '6' }, { a: '5' }, {}].map((properties) => verdictOf(filters, sub('T', ''), data(table, 'g'), properties))).toEqual([true, false, false]);
    const filter = filters.filterOf(sub('T', ''), data(table, 'n'));
    const { bytes, start, end } = recordOf({ a: '6' });
    expect([filter?.matchesRecord?.(bytes, start, end), filter?.matchesRecord?.(Buffer.alloc(200), 0, 200)]).toEqual([false, true]);
  });

  test('built for one pull looks at records alone', () => {
    const { filters } = registryOf();
    const built = filters.build('T', 'g', 'a > 5', 'SQL92', 7n);
    if (typeof built === 'string') throw new Error(built);
    expect(built).toMatchObject({ topic: 'T', group: 'g', expression: 'a > 5', expressionType: 'SQL92', clientVersion: 7n, bloom: undefined, bornTime: 1000, deadTime: 0 });
    const filter = filters.filterOf(sub('T', 'a > 5'), built);
    const extension: EntryExtension = { msgStoreTime: 2000, bytes: new Uint8Array(14), bitMapStart: 0, bitMapBytes: 14 };
    expect([filter?.matchesEntry(0), filter?.matchesEntry(0, extension), verdictOf(filters, sub('T', ''), built, { a: '6' })]).toEqual([true, true, true]);
    expect(filters.build('T', 'g', 'a >', 'SQL92', 7n)).toMatch(/^Invalid expression at line 1, column \d+: /);
  });

  test('refuses by bits only where this very expression computed them', () => {
    const { table, filters } = registryOf();
    table.register('g', [sub('T', 'a > 5')]);
    const filter = filters.filterOf(sub('T', ''), data(table, 'g'));
    const own = new Uint8Array(14);
    setBits(own, table.bloom.positions('g#T'));
    const without = own.map((byte, i) => (i === own.findIndex((one) => one > 0) ? 0 : byte));
    const matches = (change: Partial<EntryExtension>): boolean | undefined => filter?.matchesEntry(0, { msgStoreTime: 1001, bytes: new Uint8Array(14), bitMapStart: 0, bitMapBytes: 14, ...change });
    expect(matches({})).toBe(false);
    expect(matches({ bytes: own })).toBe(true);
    expect(matches({ bytes: without })).toBe(false);
    // Stored before, or as, the group came: nobody computed its bits.
    expect([matches({ msgStoreTime: 1000 }), matches({ msgStoreTime: 999 })]).toEqual([true, true]);
    // No bits, or those of a filter of another size.
    expect([matches({ bitMapBytes: 0 }), matches({ bitMapBytes: 13 }), matches({ bitMapBytes: 15, bytes: new Uint8Array(15) })]).toEqual([true, true, true]);
    expect(filter?.matchesEntry(0)).toBe(true);
    // They stand anywhere in what is handed over.
    const around = new Uint8Array(20);
    around.set(own, 3);
    expect([matches({ bytes: around, bitMapStart: 3 }), matches({ bytes: around, bitMapStart: 2 }), matches({ bytes: around, bitMapStart: 4 })]).toEqual([true, false, false]);
  });

  // `ExpressionForRetryMessageFilter`, `KeyBuilder#parseGroup`
  test.each(['%RETRY%g', '%RETRY%g+T'])('of the retry topic %s is that of the topic a message came from', (retry) => {
    const { table, filters } = registryOf(true);
    table.register('g', [sub('T', 'a > 5'), sub(retry, 'a > 100')]);
    const own = data(table, 'g', retry);
    const from = (topic: string | undefined, a: string): boolean | undefined => verdictOf(filters, sub(retry, ''), own, { a, ...(topic === undefined ? {} : { RETRY_TOPIC: topic }) });
    expect([from('T', '6'), from('T', '5'), from('U', '5'), from(undefined, '5')]).toEqual([true, false, true, true]);
    // Of a topic that is no retry topic nothing changes.
    expect([verdictOf(filters, sub('T', ''), data(table, 'g'), { a: '5', RETRY_TOPIC: 'U' })]).toEqual([false]);
  });

  test('of a retry topic is its own where retries are not supported', () => {
    const { table, filters } = registryOf(false);
    table.register('g', [sub('T', 'a > 5'), sub('%RETRY%g', 'a > 100')]);
    const from = (a: string): boolean | undefined => verdictOf(filters, sub('%RETRY%g', ''), data(table, 'g', '%RETRY%g'), { a, RETRY_TOPIC: 'T' });
    expect([from('6'), from('101')]).toEqual([false, true]);
  });

  test('of data that does not compile is none but for retries', () => {
    const spoilt = (topic: string): FilterData => ({ topic, group: 'g', expression: 'a >', expressionType: 'SQL92', judge: undefined, bloom: undefined, bornTime: 1, deadTime: 0, clientVersion: 1n });
    const { table, filters } = registryOf(true);
    table.register('g', [sub('T', 'a > 5')]);
    expect(filters.filterOf(sub('T', ''), spoilt('T'))).toBeUndefined();
    const retry = sub('%RETRY%g', '');
    const of = spoilt('%RETRY%g');
    expect([verdictOf(filters, retry, of, { a: '5', RETRY_TOPIC: 'T' }), verdictOf(filters, retry, of, { a: '6', RETRY_TOPIC: 'T' })]).toEqual([false, true]);
    // Bits are not asked for where there is nothing that computed them.
    const valid = { ...of, bloom: table.bloom.dataOf('g#%RETRY%g') };
    expect(filters.filterOf(retry, valid)?.matchesEntry(0, { msgStoreTime: 2000, bytes: new Uint8Array(14), bitMapStart: 0, bitMapBytes: 14 })).toBe(true);
    expect(createFilterRegistry({ table, filterSupportRetry: false }).filterOf(retry, of)).toBeUndefined();
  });
});
