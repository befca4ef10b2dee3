/** What a record's properties mean for its entry. Dispatching records: the suites of the store. */
import { describe, expect, test } from '@jest/globals';
import { PropertyScan, scanProperties } from '../codec/properties.js';
import { javaStringHash } from '../compat/java-string-hash.js';
import { StoreQueue } from './consume-queue.js';
import { deliveryTime, tagsCodeOf } from './dispatch.js';

const levels = [0, 1000, 5000, 10_000, ...Array.from({ length: 15 }, (_, i) => 20_000 + i)];

describe('tags code', () => {
  const code = (topic: string, properties: string): number => {
    const bytes = Buffer.from(properties);
    const scan = new PropertyScan();
    scanProperties(scan, bytes, 0, bytes.length);
    return tagsCodeOf(scan, bytes, new StoreQueue('/store/consumequeue', topic, 1, 6000), 70_000, levels);
  };
  const tag = javaStringHash('a');

  test.each([['1', 71_000], ['2', 75_000], ['3', 80_000], ['4', 90_000], ['10', 90_006], ['18', 90_014], ['19', 90_014], ['2147483647', 90_014], ['02', 75_000], ['0', tag], ['', tag], ['-1', tag], ['1x', tag], ['x', tag], ['/', tag], [':', tag], ['12345678901', tag]])(
    'of a delayed message of level %j is its delivery time, or without a level the hash of its tag', (level, expected) => {
      expect(code('SCHEDULE_TOPIC_XXXX', `TAGS\u0001a\u0002DELAY\u0001${level}\u0002`)).toBe(expected);
    });

  test('of any other topic is the hash of its tag, whatever level it asks for; 0 without one', () => {
    expect(code('T', 'TAGS\u0001a\u0002DELAY\u00012\u0002')).toBe(tag);
    expect(code('T', 'KEYS\u0001k\u0002')).toBe(0);
    expect(code('SCHEDULE_TOPIC_XXXX', 'KEYS\u0001k\u0002')).toBe(0);
  });
});

test('a level without a time counts a second', () => {
  expect(deliveryTime([], 1, 5)).toBe(1005);
});
