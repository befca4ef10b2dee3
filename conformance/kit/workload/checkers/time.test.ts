/** Checkers of time and ownership on histories written by hand: delay, invisibility, transactions, rebalance, locks. */
import { describe, expect, test } from '@jest/globals';
import type { CheckerResult } from './checker.js';
import { delay } from './delay.js';
import { invisibility } from './invisibility.js';
import { locks } from './locks.js';
import { rebalance } from './rebalance.js';
import { story } from './testdata/story.js';
import { transactions } from './transactions.js';

const names = (result: CheckerResult): string[] => result.anomalies.map((one) => one.name);

describe('delay', () => {
  const sent = (): ReturnType<typeof story> => story().at(0).sent('a', 0, { delayMs: 1000 }); // begun at 1, answered at 2

  test('in time, with its lateness', () => {
    expect(delay().check(sent().at(1031).got('c', 'a', 0).history())).toMatchObject({ verdict: 'pass', figures: { delayed: 1, latenessMaxMs: 30 } });
  });

  test('early', () => {
    const result = delay().check(sent().at(997).got('c', 'a', 0).history());
    expect(result.anomalies.map((one) => one.sentence)).toEqual(['a asked for 1000 ms and was delivered after 997 ms.']);
  });

  test('late, where a bound is given', () => {
    const told = sent().at(1300).got('c', 'a', 0);
    expect(delay().check(told.history()).verdict).toBe('pass');
    expect(names(delay({ lateMaxMs: 200 }).check(told.history()))).toEqual(['late']);
  });

  test('only the first delivery to a consumer counts', () => {
    expect(delay().check(sent().at(1010).got('c', 'a', 0).at(9000).got('c', 'a', 0).history()).figures['latenessMaxMs']).toBe(9);
  });
});

describe('invisibility', () => {
  const popped = (invisibleMs = 100): ReturnType<typeof story> => story().join('c', { mode: 'pop' }).join('d', { mode: 'pop' }).at(10).call('c', 'pop', {}).got('c', 'a', 0, { invisibleMs });

  test('again after its time', () => {
    expect(invisibility().check(popped().at(120).got('d', 'a', 0, { invisibleMs: 100 }).history()).verdict).toBe('pass');
  });

  test('while it is invisible', () => {
    expect(names(invisibility().check(popped().at(60).got('d', 'a', 0, { invisibleMs: 100 }).history()))).toEqual(['delivered-while-invisible']);
  });

  test('the time begins with the pop, not with its answer', () => {
    const told = story().join('c', { mode: 'pop' });
    told.lines.push({ process: 'c', type: 'invoke', op: 'pop', id: 90, time: 10 }, { process: 'c', type: 'ok', op: 'pop', id: 90, time: 60 });
    expect(invisibility().check(told.at(60).got('c', 'a', 0, { invisibleMs: 100 }).at(115).got('c', 'a', 0, { invisibleMs: 100 }).history()).verdict).toBe('pass');
  });

  test('after it was acknowledged', () => {
    expect(names(invisibility().check(popped().took('c', 'a').at(500).got('d', 'a', 0).history()))).toEqual(['delivered-after-ack']);
  });

  test('acknowledged too late promises nothing', () => {
    expect(invisibility().check(popped().at(200).took('c', 'a').got('d', 'a', 0).history()).verdict).toBe('pass');
  });

  test('another group sees its own copy', () => {
    expect(invisibility().check(popped().join('e', { group: 'H', mode: 'pop' }).got('e', 'a', 0, { invisibleMs: 100 }).history()).verdict).toBe('pass');
  });
});

describe('transactions', () => {
  const half = (): ReturnType<typeof story> => story().join('c').sent('a', 0, { transactional: true });

  test('committed and seen, rolled back and not seen, end unknown and either', () => {
    expect(transactions().check(half().call('p', 'end', { key: 'a', end: 'commit' }).got('c', 'a', 0).history()).verdict).toBe('pass');
    expect(transactions().check(half().call('p', 'end', { key: 'a', end: 'rollback' }).history()).verdict).toBe('pass');
    expect(transactions().check(half().call('p', 'end', { key: 'a', end: 'commit' }, 'info').history()).verdict).toBe('pass');
  });

  test('halves that were all refused judge nothing', () => {
    expect(transactions().check(story().sent('a', 0, { transactional: true }, 'fail').history()).verdict).toBe('unknown');
  });

  test.each([
    ['rolled-back-seen', half().call('p', 'end', { key: 'a', end: 'rollback' }).got('c', 'a', 0)],
    ['committed-lost', half().call('p', 'end', { key: 'a', end: 'commit' })],
    ['before-commit', half().got('c', 'a', 0).call('p', 'end', { key: 'a', end: 'commit' })],
    ['undecided-seen', half().got('c', 'a', 0)],
    ['undecided-seen', half().call('p', 'end', { key: 'a', end: 'commit' }, 'fail').read('a', 0)],
  ])('%s', (name, told) => {
    expect(names(transactions().check(told.history()))).toEqual([name]);
  });
});

describe('rebalance', () => {
  const held = (process: string, ...queues: number[]) => [process, 'assign', { group: 'G', topic: 'T', queues }] as const;
  const two = (): ReturnType<typeof story> => story().at(0).join('c').event(...held('c', 0, 1)).join('d');
  const check = rebalance({ settleMs: 100, queues: 2 });

  test('held twice while it settles', () => {
    expect(check.check(two().event(...held('d', 1)).at(50).event(...held('c', 0)).at(300).event('c', 'stop').history())).toMatchObject({ verdict: 'pass', figures: { settledStates: 1 } });
  });

  test('held twice for good', () => {
    const result = check.check(two().event(...held('d', 1)).at(300).event('c', 'stop').history());
    expect(names(result)).toEqual(['held-twice']);
    expect(result.anomalies[0]?.excerpt.map((line) => [line.process, line.queues])).toEqual([['c', [0, 1]], ['d', [1]]]);
  });

  test('held by nobody', () => {
    expect(names(check.check(two().event(...held('c', 0)).at(300).event('c', 'stop').history()))).toEqual(['held-by-nobody']);
  });

  test('unevenly', () => {
    expect(names(check.check(two().at(300).event('c', 'stop').history()))).toEqual(['uneven']);
  });

  test('one that leaves gives up its queues afterwards', () => {
    expect(check.check(two().event(...held('c', 0)).event(...held('d', 1)).at(300).event('d', 'leave').event(...held('d')).at(350).event(...held('c', 0, 1)).at(900).event('c', 'stop').history()).verdict).toBe('pass');
  });
});

describe('locks', () => {
  const queue = { group: 'G', topic: 'T', queueId: 0 };

  test('one after another, renewed, refused, and of another group', () => {
    const told = story().call('c', 'lock', queue).call('d', 'lock', queue, 'fail').call('c', 'lock', queue).call('e', 'lock', { ...queue, group: 'H' }).call('c', 'unlock', queue).call('d', 'lock', queue);
    expect(locks().check(told.history())).toMatchObject({ verdict: 'pass', figures: { granted: 4 } });
  });

  test('granted to two', () => {
    const result = locks().check(story().call('c', 'lock', queue).call('d', 'lock', queue).history());
    expect(result.anomalies.map((one) => one.sentence)).toEqual(['d was granted the lock of queue 0 while c had it.']);
  });

  test('an unlock before the last renewal frees nothing', () => {
    expect(names(locks().check(story().call('c', 'unlock', queue).call('c', 'lock', queue).call('d', 'lock', queue).history()))).toEqual(['locked-twice']);
  });

  test('ended by itself', () => {
    expect(locks(1000).check(story().call('c', 'lock', queue).at(5000).call('d', 'lock', queue).history()).verdict).toBe('pass');
  });
});
