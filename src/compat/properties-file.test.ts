import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readProperties, writeProperties } from './properties-file.js';

// What java.util.Properties reads from the same text.
test.each([
  ['a=1\nb = 2\r\nc:3\nd 4\n\te=5', { a: '1', b: '2', c: '3', d: '4', e: '5' }],
  ['# x\n! y\n\n   # z\na=1', { a: '1' }],
  ['a=1 # no comment', { a: '1 # no comment' }],
  ['a=b=c:d', { a: 'b=c:d' }],
  ['a = x \n', { a: 'x ' }],
  ['a=one,\\\n   two,\\\r\n\tthree', { a: 'one,two,three' }],
  ['a=x\\\\\nb=2', { a: 'x\\', b: '2' }],
  ['a\\ b\\=c=d', { 'a b=c': 'd' }],
  ['a=C\\:\\\\dir\\t\\u0041\\z', { a: 'C:\\dir\tAz' }],
  ['a=1\na=2', { a: '2' }],
  ['a', { a: '' }],
  ['a=\\', { a: '' }],
  ['=v', { '': 'v' }],
  ['# c\\\na=1', { a: '1' }],
  ['', {}],
])('%j', (text, expected) => expect(Object.fromEntries(readProperties(text))).toEqual(expected));

test('a malformed escape stays as written', () => expect(readProperties('a=\\u12').get('a')).toBe('\\u12'));
test('writing', () => expect(writeProperties([['b', '1'], ['a', undefined], ['c', 'x y']])).toBe('b=1\nc=x y\n'));
test('plain values survive', () => {
  const word = fc.stringMatching(/^[A-Za-z0-9_.]+$/);
  fc.assert(fc.property(fc.dictionary(word, fc.stringMatching(/^[A-Za-z0-9/:;,=$%-]*$/)), (properties) => {
    const written = writeProperties(Object.entries(properties));
    const expected = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, value.replace(/^[=:]/, (sep) => sep)]));
    expect(Object.fromEntries(readProperties(written))).toEqual(expected);
  }));
});
test('any text is read', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '=', ':', ' ', '\\', '\n', '\r', 'u', '0', '#', '\t') }), (text) => {
    readProperties(text);
  }), { numRuns: 1000 });
});
