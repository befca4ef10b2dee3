/** The checkers on tiny hand-written histories: each must acquit a good one and convict each kind of bad one. */
import { describe, expect, test } from '@jest/globals';
import {
  duplicates, early, filteredWrongly, fromNowhere, heldWrongly, jumped, lost, misplaced, missedByBroadcast, outOfOrder, overtaken, sentOutOfOrder, unevenly,
  type Held, type Received, type Sent,
} from './history.js';

const sent = (key: string, more: Partial<Sent> = {}): Sent => ({ key, body: `body of ${key}`, acknowledged: true, sentAt: 1000, queueId: 0, queueOffset: 0, ...more });
const received = (key: string, more: Partial<Received> = {}): Received => ({
  consumer: 'c1', key, body: `body of ${key}`, queueId: 0, queueOffset: 0, reconsumeTimes: 0, at: 2000, taken: true, ...more,
});
const held = (key: string, queueOffset: number, more: Partial<Held> = {}): Held => ({ key, body: `body of ${key}`, queueId: 0, queueOffset, msgId: `id-${key}`, ...more });

describe('lost', () => {
  test('acquits when all acknowledged messages were taken', () => {
    expect(lost([sent('a'), sent('b', { acknowledged: false })], [received('a')])).toEqual([]);
  });
  test('convicts a missing message and one that was only refused', () => {
    expect(lost([sent('a'), sent('b')], [received('b', { taken: false })])).toEqual(['a was acknowledged and never consumed', 'b was acknowledged and never consumed']);
  });
});

describe('fromNowhere', () => {
  test('acquits sent messages, acknowledged or not', () => {
    expect(fromNowhere([sent('a', { acknowledged: false, tag: 'T' })], [received('a', { tag: 'T' })])).toEqual([]);
  });
  test('convicts an unknown key, another body, another tag', () => {
    expect(fromNowhere([sent('a')], [received('x')])).toEqual(['x was received by c1 and never sent']);
    expect(fromNowhere([sent('a')], [received('a', { body: 'else' })])).toEqual(['a was sent as "body of a" and received as "else"']);
    expect(fromNowhere([sent('a', { tag: 'T' })], [received('a')])).toEqual(['a was sent with tag T and received with none']);
  });
});

describe('outOfOrder', () => {
  test('acquits growing offsets per queue and consumer, and redeliveries', () => {
    expect(outOfOrder([
      received('a', { queueOffset: 1 }), received('b', { queueId: 1, queueOffset: 0 }), received('c', { queueOffset: 3 }),
      received('a', { queueOffset: 1 }), received('x', { consumer: 'c2', queueOffset: 0 }),
    ])).toEqual([]);
  });
  test('convicts a first delivery below one already seen', () => {
    expect(outOfOrder([received('a', { queueOffset: 5 }), received('b', { queueOffset: 4 })])).toEqual(['c1 got b of queue 0 offset 4 after offset 5']);
  });
});

describe('jumped', () => {
  test('acquits a queue that another consumer goes on with, or goes back in', () => {
    expect(jumped([received('a'), received('x', { queueId: 1 }), received('b', { queueOffset: 1 }), received('a', { consumer: 'c2' }), received('b', { consumer: 'c2', queueOffset: 1 }), received('c', { consumer: 'c2', queueOffset: 2 })])).toEqual([]);
  });
  test('convicts a delivery past one that nobody had', () => {
    expect(jumped([received('a'), received('c', { consumer: 'c2', queueOffset: 2 })])).toEqual(['c2 got c of queue 0 offset 2 before offset 1, which nobody had']);
  });
});

describe('overtaken', () => {
  test('acquits a retry in place', () => {
    expect(overtaken([received('a', { taken: false }), received('x', { queueId: 1 }), received('a'), received('b', { queueOffset: 1 })])).toEqual([]);
  });
  test('convicts the next message before the retry', () => {
    expect(overtaken([received('a', { taken: false }), received('b', { queueOffset: 1 })])).toEqual(['b of queue 0 offset 1 overtook a, which was not taken yet']);
  });
});

describe('sentOutOfOrder', () => {
  test('acquits growing offsets in each queue', () => {
    expect(sentOutOfOrder([sent('a', { queueOffset: 3 }), sent('b', { queueId: 1, queueOffset: 0 }), sent('c', { queueOffset: 4 })])).toEqual([]);
  });
  test('convicts a step back', () => {
    expect(sentOutOfOrder([sent('a', { queueOffset: 3 }), sent('b', { queueOffset: 2 })])).toEqual(['b got offset 2 of queue 0 after a got 3']);
  });
});

describe('duplicates', () => {
  test('counts deliveries of messages already taken, not retries', () => {
    expect(duplicates([received('a', { taken: false }), received('a'), received('b')], 0)).toEqual({ count: 0, violations: [] });
    expect(duplicates([received('a'), received('a'), received('b')], 1)).toEqual({ count: 1, violations: [] });
  });
  test('convicts above the bound', () => {
    expect(duplicates([received('a'), received('a'), received('a')], 1)).toEqual({ count: 2, violations: ['2 duplicates where at most 1 may be: a x3'] });
  });
});

describe('early', () => {
  test('acquits a message that waited its delay', () => {
    expect(early([sent('a', { delayMs: 1000 }), sent('b')], [received('a'), received('b', { at: 1001 })])).toEqual([]);
  });
  test('convicts one that did not', () => {
    expect(early([sent('a', { delayMs: 1000 })], [received('a', { at: 1999 })])).toEqual(['a asked for 1000 ms of delay and came after 999 ms']);
    expect(early([sent('a', { delayMs: 1000 })], [received('a', { at: 1999 })], 1)).toEqual([]);
  });
});

describe('missedByBroadcast', () => {
  test('acquits when each consumer took all', () => {
    expect(missedByBroadcast([sent('a')], [received('a'), received('a', { consumer: 'c2' })], ['c1', 'c2'])).toEqual([]);
  });
  test('convicts for the consumer that missed one', () => {
    expect(missedByBroadcast([sent('a')], [received('a')], ['c1', 'c2'])).toEqual(['c2: a was acknowledged and never consumed']);
  });
});

describe('filteredWrongly', () => {
  const accepts = (tag: string | undefined): boolean => tag === 'A';
  test('acquits exactly the accepted', () => {
    expect(filteredWrongly([sent('a', { tag: 'A' }), sent('b', { tag: 'B' })], [received('a', { tag: 'A' })], accepts)).toEqual([]);
  });
  test('convicts one too many and one too few', () => {
    expect(filteredWrongly([sent('a', { tag: 'A' }), sent('b', { tag: 'B' })], [received('b', { tag: 'B' })], accepts))
      .toEqual(['a was acknowledged and never consumed', 'b with tag B passed the filter']);
  });
});

describe('misplaced', () => {
  test('acquits distinct places', () => {
    expect(misplaced([sent('a'), sent('b', { queueOffset: 1 }), { key: 'c', body: '', acknowledged: false, sentAt: 0 }])).toEqual([]);
  });
  test('convicts a shared place and a missing one', () => {
    expect(misplaced([sent('a'), sent('b')])).toEqual(['b and a were both acknowledged at queue 0 offset 0']);
    expect(misplaced([{ key: 'c', body: '', acknowledged: true, sentAt: 0 }])).toEqual(['c was acknowledged without a place']);
  });
});

describe('heldWrongly', () => {
  test('acquits acknowledged messages in place, and unanswered ones there or not', () => {
    expect(heldWrongly(
      [sent('a', { msgId: 'id-a' }), sent('b', { acknowledged: false }), sent('c', { queueOffset: 2 }), sent('d', { acknowledged: false })],
      [held('a', 0), held('b', 1), held('c', 2)],
    )).toEqual([]);
  });
  test.each<[string, Held[], string]>([
    ['a lost message', [], 'a, acknowledged at queue 0 offset 0, is gone'],
    ['another offset', [held('a', 1)], 'a, acknowledged at queue 0 offset 0, is at queue 0 offset 1'],
    ['another queue', [held('a', 0, { queueId: 1 })], 'a, acknowledged at queue 0 offset 0, is at queue 1 offset 0'],
    ['another id', [held('a', 0, { msgId: 'x' })], 'a was acknowledged as id-a and is held as x'],
    ['another body', [held('a', 0, { body: 'x' })], 'queue 0 offset 0 holds a with another body'],
    ['a copy', [held('a', 0), held('a', 1)], 'a is held 2 times: queue 0 offset 0, queue 0 offset 1'],
    ['an invention', [held('a', 0), held('z', 1)], 'queue 0 offset 1 holds z, which nobody sent'],
  ])('convicts %s', (_name, records, violation) => {
    expect(heldWrongly([sent('a', { msgId: 'id-a' })], records)).toEqual([violation]);
  });
  test('convicts a gap', () => {
    expect(heldWrongly([sent('a'), sent('b', { queueOffset: 2 })], [held('a', 0), held('b', 2)])).toEqual(['queue 0 goes from offset 0 to 2']);
  });
});

describe('unevenly', () => {
  test('acquits 3 + 3 + 2', () => {
    expect(unevenly(8, { a: [0, 1, 2], b: [3, 4, 5], c: [6, 7] })).toEqual([]);
  });
  test('convicts a queue without owner, one with two, one too many, and uneven shares', () => {
    expect(unevenly(2, { a: [0], b: [] })).toEqual(['queue 1 has no owner']);
    expect(unevenly(2, { a: [0, 1], b: [1] })).toEqual(['queue 1 has owners a and b']);
    expect(unevenly(1, { a: [0, 1], b: [] })).toEqual(['queue 1 does not exist', 'shares of 2, 0 queues are uneven']);
  });
});
