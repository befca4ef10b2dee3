/** Checkers of order and place on histories written by hand: queue-order, shard-order, places, offsets. */
import { describe, expect, test } from '@jest/globals';
import type { CheckerResult } from './checker.js';
import { offsets } from './offsets.js';
import { places } from './places.js';
import { queueOrder } from './queue-order.js';
import { shardOrder } from './shard-order.js';
import { story } from './testdata/story.js';

const names = (result: CheckerResult): string[] => result.anomalies.map((one) => one.name);

describe('queue-order', () => {
  test('offsets that grow, and the same offset again', () => {
    expect(queueOrder().check(story().sent('a', 0).sent('b', 1).got('c', 'a', 0).got('c', 'b', 1).got('c', 'a', 0).history()).verdict).toBe('pass');
  });

  test('sends that overlap may have any order', () => {
    const told = story();
    told.lines.push(
      { process: 'p', type: 'invoke', op: 'send', id: 1, time: 1, key: 'a', topic: 'T', queueId: 0 }, { process: 'q', type: 'invoke', op: 'send', id: 1, time: 2, key: 'b', topic: 'T', queueId: 0 },
      { process: 'q', type: 'ok', op: 'send', id: 1, time: 3, queueOffset: 0 }, { process: 'p', type: 'ok', op: 'send', id: 1, time: 4, queueOffset: 1 },
    );
    expect(queueOrder().check(told.history()).verdict).toBe('pass');
  });

  test('a later send with a smaller offset', () => {
    const result = queueOrder().check(story().sent('a', 1).sent('b', 0).history());
    expect(result.anomalies.map((one) => [one.name, one.sentence])).toEqual([['sent-out-of-order', 'b got queue 0 offset 0 after a had got offset 1.']]);
    expect(result.anomalies[0]?.excerpt.length).toBe(4);
  });

  test('a delivery below one before it', () => {
    expect(names(queueOrder().check(story().got('c', 'b', 1).got('c', 'a', 0).history()))).toEqual(['delivered-out-of-order']);
    expect(queueOrder().check(story().got('c', 'b', 1).got('d', 'a', 0).got('c', 'x', 0, { queueId: 1 }).history()).verdict).toBe('pass');
  });
});

describe('queue-order of consumers with several threads', () => {
  test('is not judged', () => {
    expect(queueOrder().check(story().join('c', { mode: 'concurrent' }).got('c', 'b', 1).got('c', 'a', 0).history()).verdict).toBe('unknown');
  });
});

describe('shard-order', () => {
  const two = (): ReturnType<typeof story> => story().join('c', { mode: 'orderly' }).join('d', { mode: 'orderly' }).sent('a', 0, { shard: 's' }).sent('b', 1, { shard: 's' });

  test('taken in order, with a second try', () => {
    expect(shardOrder().check(two().got('c', 'a', 0).consumed('c', 'a', 0).consumed('d', 'b', 1).history())).toMatchObject({ verdict: 'pass', figures: { shards: 1 } });
  });

  test('what was taken may come again after a queue changed hands', () => {
    expect(shardOrder().check(two().consumed('c', 'a', 0).consumed('c', 'b', 1).consumed('d', 'a', 0).history()).verdict).toBe('pass');
  });

  test('the later one first', () => {
    expect(names(shardOrder().check(two().consumed('c', 'b', 1).consumed('c', 'a', 0).history()))).toEqual(['shard-out-of-order']);
  });

  test('overtaken while not taken', () => {
    expect(names(shardOrder().check(two().got('c', 'a', 0).got('c', 'b', 1).history()))).toEqual(['overtook']);
  });

  test('consumers that are not orderly are not judged', () => {
    expect(shardOrder().check(story().join('c').sent('a', 0, { shard: 's' }).consumed('c', 'a', 0).history()).verdict).toBe('unknown');
  });
});

describe('places', () => {
  test('each where it was acknowledged; messages without an answer may be there', () => {
    expect(places().check(story().sent('a', 0).sent('b', 1, {}, 'info').read('a', 0).read('b', 1).history()).verdict).toBe('pass');
  });

  test('judges nothing when nobody read', () => {
    expect(places().check(story().sent('a', 0).history()).verdict).toBe('unknown');
  });

  test.each([
    ['gone', story().sent('a', 0).read('b', 0)],
    ['not-at-its-offset', story().sent('a', 0).read('b', 0).read('a', 1)],
    ['two-at-one-offset', story().sent('a', 0).sent('b', 0).read('a', 0)],
    ['stored-twice', story().sent('a', 0).read('a', 0).read('a', 1)],
    ['gap', story().sent('a', 0).sent('b', 2).read('a', 0).read('b', 2)],
    ['without-place', story().call('p', 'send', { key: 'a', topic: 'T' }).read('b', 0)],
  ])('%s', (name, told) => {
    expect(names(places().check(told.history()))).toContain(name);
  });
});

describe('offsets', () => {
  const at = (queueOffset: number): { group: string; topic: string; queueId: number; queueOffset: number } => ({ group: 'G', topic: 'T', queueId: 0, queueOffset });

  test('kept', () => {
    expect(offsets().check(story().call('c', 'commit', at(3)).call('c', 'commit', at(5)).call('d', 'offset', at(5)).history()).verdict).toBe('pass');
  });

  test('a commit without an answer may count or not', () => {
    for (const answered of [3, 5]) expect(offsets().check(story().call('c', 'commit', at(3)).call('c', 'commit', at(5), 'info').call('d', 'offset', at(answered)).history()).verdict).toBe('pass');
  });

  test('a consumer that goes back', () => {
    expect(names(offsets().check(story().call('c', 'commit', at(5)).call('c', 'commit', at(3)).history()))).toEqual(['went-back']);
  });

  test('forgotten, stale, refused, and from nowhere', () => {
    const committed = (): ReturnType<typeof story> => story().call('c', 'commit', at(3)).call('c', 'commit', at(5));
    expect(names(offsets().check(committed().call('d', 'offset', at(0)).history()))).toEqual(['forgotten']);
    expect(names(offsets().check(committed().call('d', 'offset', at(3)).history()))).toEqual(['forgotten']);
    expect(names(offsets().check(committed().call('d', 'offset', at(0), 'fail').history()))).toEqual(['forgotten']);
    expect(names(offsets().check(committed().call('d', 'offset', at(6)).history()))).toEqual(['from-nowhere']);
  });
});
