/** Stores are compared part by part, and what is alike is counted. */
import { expect, test } from '@jest/globals';
import { compareStores, withoutQueues, type Left } from './stores.js';

const left = (parts: Record<string, unknown>): ReadonlyMap<string, Left> => new Map([['dq00001', new Map(Object.entries(parts))]]);

test('stores that are alike differ in nothing, and their messages are counted', () => {
  const parts = { topics: { '~T0': { perm: 6 } }, '~T0/0': [{ body: 'a' }, { body: 'b' }] };
  expect(compareStores(left(parts), left(parts))).toEqual({ queues: 1, messages: 2, differences: [], explained: [] });
});

test('a message with another property, one too many, a queue and a run that are not there', () => {
  const one = { topics: {}, '~T0/0': [{ properties: { TAGS: 'a' } }] };
  const whats = (other: ReadonlyMap<string, Left>): string[] => compareStores(left(one), other).differences.map((d) => `${d.label}: ${d.what}`);
  expect(whats(left({ topics: {}, '~T0/0': [{ properties: { TAGS: 'b' } }] }))).toEqual(['STORE ~T0/0: body[0].properties.TAGS']);
  expect(whats(left({ topics: {}, '~T0/0': [{ properties: { TAGS: 'a' } }, {}] }))).toEqual(['STORE ~T0/0: body']);
  expect(whats(left({ topics: {} }))).toEqual(['STORE ~T0/0: body']);
  expect(whats(new Map())).toEqual(['STORE topics: body', 'STORE ~T0/0: body']);
});

test('a group that Apache makes again is explained by its row, the other way round it is not', () => {
  const [without, withGroup] = [left({ groups: {} }), left({ groups: { '~GMade': { groupName: '~GMade' } } })];
  expect(compareStores(withGroup, without)).toMatchObject({ differences: [], explained: ['groups.deleted-comes-back'] });
  expect(compareStores(without, withGroup).differences.map((one) => one.what)).toEqual(['body.~GMade']);
});

test('messages sent back are the same in any queue, and another number of them is not', () => {
  const back = (at: string, queueId: number, body: string): unknown => ({ at, queueId, queueOffset: 0, body, properties: { ORIGIN_MESSAGE_ID: `<id of ${at}>`, REAL_QID: String(queueId) } });
  const one = withoutQueues([back('<stored 3>', 0, 'a'), back('<stored 4>', 1, 'b')]);
  expect(withoutQueues([back('<stored 3>', 0, 'b'), back('<stored 4>', 0, 'a')])).toEqual(one);
  expect(withoutQueues([back('<stored 3>', 0, 'a'), back('<stored 4>', 1, 'a')])).not.toEqual(one);
});
