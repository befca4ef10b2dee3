/** Checkers of delivery on histories written by hand: lost, nowhere, duplicates, broadcast, filter, retries. */
import { describe, expect, test } from '@jest/globals';
import { broadcast } from './broadcast.js';
import type { CheckerResult } from './checker.js';
import { duplicates } from './duplicates.js';
import { filter } from './filter.js';
import { lost } from './lost.js';
import { nowhere } from './nowhere.js';
import { retries } from './retries.js';
import { story } from './testdata/story.js';

const names = (result: CheckerResult): string[] => result.anomalies.map((one) => one.name);
const excerpt = (result: CheckerResult, i = 0): string[] => (result.anomalies[i]?.excerpt ?? []).map((line) => `${line.process} ${line.op} ${line.type} ${line.key ?? ''}`.trim());

describe('lost', () => {
  test('everything taken passes, and so does what was refused or never answered', () => {
    const told = story().join('c').sent('a', 0).sent('b', 1, {}, 'fail').sent('c', 2, {}, 'info').consumed('c', 'a', 0);
    expect(lost().check(told.history())).toMatchObject({ verdict: 'pass', figures: { judged: 1 } });
  });

  test('an acknowledged message that no one received, with the next that somebody did', () => {
    const result = lost().check(story().join('c').sent('a', 0).sent('b', 1).consumed('c', 'b', 1).history());
    expect(names(result)).toEqual(['lost']);
    expect(excerpt(result)).toEqual(['p send invoke a', 'p send ok', 'c receive ok b']);
  });

  test('received and never taken', () => {
    expect(names(lost().check(story().join('c').sent('a', 0).got('c', 'a', 0).history()))).toEqual(['never-taken']);
  });

  test('each group is owed everything that its subscription accepts', () => {
    const told = story().join('c').join('d', { group: 'H', expression: 'x' }).sent('a', 0).sent('b', 1, { tag: 'x' }).consumed('c', 'a', 0).consumed('c', 'b', 1);
    const result = lost().check(told.history());
    expect(result.anomalies.map((one) => one.sentence)).toEqual(['b, acknowledged at queue 0 offset 1, was never received by group H.']);
  });

  test('a half message is owed once its commit is acknowledged', () => {
    const half = story().join('c').sent('a', 0, { transactional: true });
    expect(lost().check(half.history()).verdict).toBe('unknown');
    expect(names(lost().check(half.call('p', 'end', { key: 'a', end: 'commit' }).history()))).toEqual(['lost']);
  });
});

describe('nowhere', () => {
  test('what was sent may come, answered or not', () => {
    expect(nowhere().check(story().sent('a', 0).sent('b', 1, {}, 'info').got('c', 'a', 0).got('c', 'b', 1).history()).verdict).toBe('pass');
  });

  test.each([
    ['never-sent', story().got('c', 'a', 0)],
    ['refused', story().sent('a', 0, {}, 'fail').got('c', 'a', 0)],
    ['before-sent', story().got('c', 'a', 0).sent('a', 0)],
    ['other-body', story().sent('a', 0).got('c', 'a', 0, { body: 'another' })],
    ['other-tag', story().sent('a', 0, { tag: 'x' }).got('c', 'a', 0, { tag: 'y' })],
    ['other-tag', story().sent('a', 0).read('a', 0, { tag: 'y' })],
  ])('%s', (name, told) => {
    expect(names(nowhere().check(told.history()))).toEqual([name]);
  });

  test('nothing received judges nothing', () => {
    expect(nowhere().check(story().sent('a', 0).history()).verdict).toBe('unknown');
  });
});

describe('duplicates', () => {
  const twice = story().join('c').join('d').consumed('c', 'a', 0).consumed('d', 'a', 0);

  test('a delivery after the message was taken, counted and bounded', () => {
    expect(names(duplicates().check(twice.history()))).toEqual(['duplicate']);
    expect(duplicates(1).check(twice.history())).toMatchObject({ verdict: 'pass', figures: { duplicates: 1 } });
    expect(excerpt(duplicates().check(twice.history()))).toEqual(['c ack invoke a', 'c ack ok', 'd receive ok a']);
  });

  test('another group, another broadcasting consumer and a try that was not taken are none', () => {
    const told = story().join('c').join('d', { group: 'H' }).join('e', { group: 'B', mode: 'broadcasting' }).join('f', { group: 'B', mode: 'broadcasting' });
    for (const who of ['c', 'd', 'e', 'f']) told.got(who, 'a', 0).consumed(who, 'a', 0);
    expect(duplicates().check(told.history()).verdict).toBe('pass');
  });
});

describe('broadcast', () => {
  const members = (): ReturnType<typeof story> => story().join('c', { mode: 'broadcasting' }).join('d', { mode: 'broadcasting' }).sent('a', 0);

  test('everybody took it', () => {
    expect(broadcast().check(members().consumed('c', 'a', 0).consumed('d', 'a', 0).history()).verdict).toBe('pass');
  });

  test('one missed it', () => {
    const result = broadcast().check(members().consumed('c', 'a', 0).history());
    expect(result.anomalies.map((one) => one.sentence)).toEqual(['d never took a, which c took.']);
  });
});

describe('filter', () => {
  test('a subscription to two tags gets these and only these', () => {
    const told = story().join('c', { expression: 'x || y' }).sent('a', 0, { tag: 'x' }).sent('b', 1, { tag: 'y' }).sent('d', 2).got('c', 'a', 0, { tag: 'x' }).got('c', 'b', 1, { tag: 'y' });
    expect(filter().check(told.history()).verdict).toBe('pass');
    expect(names(filter().check(told.got('c', 'd', 2).history()))).toEqual(['excluded-delivered']);
  });

  test('a match that never came', () => {
    expect(names(filter().check(story().join('c', { expression: 'x' }).sent('a', 0, { tag: 'x' }).history()))).toEqual(['matching-missed']);
  });
});

describe('retries', () => {
  const back = (): ReturnType<typeof story> => story().join('c').got('c', 'a', 0).call('c', 'back', { key: 'a' });

  test('comes again, counted', () => {
    expect(retries().check(back().got('c', 'a', 0, { topic: '%RETRY%G', reconsumeTimes: 1 }).history()).verdict).toBe('pass');
  });

  test('lost, and miscounted', () => {
    expect(names(retries().check(back().history()))).toEqual(['retry-lost']);
    expect(names(retries().check(back().got('c', 'a', 0).history()))).toEqual(['retry-miscounted']);
  });

  test('the same copy at another consumer, who got the queue meanwhile, is not the one that comes again', () => {
    const told = back().join('d').got('d', 'a', 0);
    expect(names(retries().check(told.history()))).toEqual(['retry-lost']);
    expect(retries().check(told.got('d', 'a', 0, { topic: '%RETRY%G', reconsumeTimes: 1 }).history()).verdict).toBe('pass');
  });

  test('a give-back nobody answered promises nothing', () => {
    expect(retries().check(story().join('c').got('c', 'a', 0).call('c', 'back', { key: 'a' }, 'info').history()).verdict).toBe('unknown');
  });
});
