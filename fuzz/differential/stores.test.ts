/** Stores are compared part by part, and what is alike is counted. */
import { expect, test } from '@jest/globals';
import { compareStores, type Left } from './stores.js';

const left = (parts: Record<string, unknown>): ReadonlyMap<string, Left> => new Map([['dq00001', new Map(Object.entries(parts))]]);

test('stores that are alike differ in nothing, and their messages are counted', () => {
  const parts = { topics: { '~T0': { perm: 6 } }, '~T0/0': [{ body: 'a' }, { body: 'b' }] };
  expect(compareStores(left(parts), left(parts))).toEqual({ queues: 1, messages: 2, differences: [] });
});

test('a message with another property, one too many, a queue and a run that are not there', () => {
  const one = { topics: {}, '~T0/0': [{ properties: { TAGS: 'a' } }] };
  const whats = (other: ReadonlyMap<string, Left>): string[] => compareStores(left(one), other).differences.map((d) => `${d.label}: ${d.what}`);
  expect(whats(left({ topics: {}, '~T0/0': [{ properties: { TAGS: 'b' } }] }))).toEqual(['STORE ~T0/0: body[0].properties.TAGS']);
  expect(whats(left({ topics: {}, '~T0/0': [{ properties: { TAGS: 'a' } }, {}] }))).toEqual(['STORE ~T0/0: body']);
  expect(whats(left({ topics: {} }))).toEqual(['STORE ~T0/0: body']);
  expect(whats(new Map())).toEqual(['STORE topics: body', 'STORE ~T0/0: body']);
});
