/** Both sources of properties say the same of the same bytes. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MapProperties, RecordProperties } from './property-source.js';
import { recordBetween } from './testdata/record-between.js';

const recordOf = (properties: Buffer): ReturnType<typeof recordBetween> => recordBetween(properties, 'n\u00017\u0002');

const value = fc.oneof(
  fc.constantFrom('', '0', '7', '-7', '+7', '007', '999999999', '2147483647', '2147483648', '-2147483648', '1234567890', '7.0', '٧', '7x', ' 7', 'é'),
  fc.string({ maxLength: 4, unit: 'binary' }),
);
const element = fc.oneof(
  fc.tuple(fc.constantFrom('a', 'ab', 'b', 'é', ''), fc.constantFrom('\u0001', '', '\u0001\u0001'), value).map((parts) => parts.join('')),
  value,
);
const text = fc.array(element, { maxLength: 6 }).chain((all) => fc.constantFrom('', '\u0002').map((end) => all.join('\u0002') + end));

test('the bytes of a record and the map read from its text hold the same properties', () => {
  const inRecord = new RecordProperties();
  fc.assert(
    fc.property(text, (properties) => {
      const { bytes, start, end } = recordOf(Buffer.from(properties, 'utf8'));
      expect(inRecord.read(bytes, start, end)).toBe(true);
      const inMap = MapProperties.of(inRecord.text());
      for (const name of ['a', 'ab', 'b', 'é', 'absent']) {
        const key = { name, bytes: Buffer.from(name) };
        expect([name, inRecord.get(key), inRecord.int(key)]).toEqual([name, inMap.get(key), inMap.int(key)]);
      }
    }),
    { numRuns: 500 },
  );
});

test('integers are those of Java', () => {
  const source = new RecordProperties();
  const key = { name: 'a', bytes: Buffer.from('a') };
  const intOf = (written: string): number | undefined => {
    const { bytes, start, end } = recordOf(Buffer.from(`a\u0001${written}\u0002`));
    source.read(bytes, start, end);
    return source.int(key);
  };
  expect(['7', '-7', '+7', '007', '2147483647', '-2147483648', '٧'].map(intOf)).toEqual([7, -7, 7, 7, 2147483647, -2147483648, 7]);
  expect(['0', '9', '10', '123456789', '1234567890', '090'].map(intOf)).toEqual([0, 9, 10, 123456789, 1234567890, 90]);
  // What stands before 0 and behind 9 is no digit.
  expect(['2147483648', '7.0', '7x', ' 7', '-', '99999999999', ':', '1:', '/', '1/'].map(intOf)).toEqual([NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN]);
  expect(intOf('')).toBeUndefined();
});

test('a record that fills its bytes is read without saying where it stands', () => {
  const { bytes, start, end } = recordOf(Buffer.from('a\u00017\u0002b\u0001x'));
  const source = new RecordProperties();
  const key = (name: string): { name: string; bytes: Buffer } => ({ name, bytes: Buffer.from(name) });
  expect(source.read(bytes.subarray(start, end))).toBe(true);
  expect([source.int(key('a')), source.get(key('b')), source.text()]).toEqual([7, 'x', 'a\u00017\u0002b\u0001x']);
  expect([source.read(bytes), source.get(key('a'))]).toEqual([false, undefined]);
});
