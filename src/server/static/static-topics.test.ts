/** Static topics: offsets of logic queues over their items, what is refused, and answers as they are rewritten. */
import { describe, expect, test } from '@jest/globals';
import { responseCodes } from '../../codec/responses.js';
import type { Reply } from '../../remoting/types.js';
import { changeFault, itemAfter, itemAt, itemsFault, logicOffsetLoosely, logicOffsetStrictly, mappingInfo, physicalOffset } from './mapping.js';
import type { MappingDetail, MappingItem } from './mapping.js';
import { MappingClean } from './mapping-clean.js';
import type { MappingCleanParts } from './mapping-clean.js';
import { rewritePull } from './static-topics.js';

function item(gen: number, bname: string, queueId: number, logicOffset: number, endOffset = -1): MappingItem {
  return { gen, bname, queueId, logicOffset, startOffset: 0, endOffset, timeOfStart: -1, timeOfEnd: -1 };
}

const first = item(0, 'a', 0, 0);
const middle = item(1, 'b', 2, 10_000);
const leader = item(2, 'a', 1, 20_000);
const items = [first, middle, leader];
const detail: MappingDetail = { bname: 'a', currIdMap: new Map(), dirty: false, epoch: 7, scope: '__global__', topic: 'T', totalQueues: 1, hostedQueues: new Map([[0, items]]) };

describe('items of a logic queue', () => {
  test('an offset lies in one of them, and is one of its queue', () => {
    expect([0, 9999, 10_000, 25_000, -3].map((offset) => itemAt(items, offset)?.gen)).toEqual([0, 0, 1, 2, 0]);
    expect([physicalOffset(middle, 10_007), logicOffsetStrictly(middle, 7), logicOffsetLoosely(item(0, 'a', 0, 5, 10), 50), logicOffsetLoosely(item(0, 'a', 0, -1), 5)]).toEqual([7, 10_007, 15, -1]);
    expect([itemAfter(items, first)?.gen, itemAfter(items, leader), itemAfter([first, item(1, 'b', 0, -1)], first)]).toEqual([1, undefined, undefined]);
    expect(itemAt([item(0, 'a', 0, -1)], 5)).toBeUndefined();
  });

  test('name servers are told the queues that are led', () => {
    expect(mappingInfo(detail).currIdMap).toEqual(new Map([[0, 1]]));
    expect(mappingInfo({ ...detail, bname: 'b' }).currIdMap).toEqual(new Map());
  });

  test('what cannot be is refused in the words of Apache', () => {
    expect(itemsFault(items)).toBeUndefined();
    expect(itemsFault([{ ...first, queueId: -1 }])).toBe('The field is illegal, should not be negative');
    expect(itemsFault([item(0, 'a', 0, -1), middle])).toBe('The non-latest item has negative logic offset');
    expect(itemsFault([middle, { ...leader, gen: 1 }])).toBe('The gen does not increase monotonically');
    expect(itemsFault([first, { ...middle, logicOffset: 0 }])).toBe('The base logic offset does not increase monotonically');
    expect(itemsFault([item(0, 'a', 0, 0, 10_000), middle])).toBe('The max logic offset does not increase monotonically');
    expect(changeFault(items, [], false)).toBe('The new item list is null or empty');
    expect(changeFault(items, [first, middle], true)).toBe('The new leader is different but epoch equal');
    expect(changeFault(items, [first, middle], false)).toBeUndefined();
  });
});

describe('the answer to a pull', () => {
  const led = { detail, globalId: 0, items, leader };
  const reply = (code: Reply['code'], nextBeginOffset: number, minOffset: number, maxOffset: number): Reply =>
    ({ code, header: { suggestWhichBrokerId: 0, nextBeginOffset, minOffset, maxOffset, topicSysFlag: 0, groupSysFlag: 0 } });
  const numbers = (answer: Reply): unknown[] => {
    const header = answer.header as Readonly<Record<string, number>>;
    return [answer.code, header['nextBeginOffset'], header['minOffset'], header['maxOffset'], header['offsetDelta']];
  };

  test('messages of an item keep their place', () => {
    expect(numbers(rewritePull(led, middle, 3, reply(responseCodes.SUCCESS, 8, 0, 10)))).toEqual([0, 10_008, 10_000, 20_000, 10_000]);
  });

  test('behind the end of an item the next one begins at once', () => {
    expect(numbers(rewritePull(led, first, 10, reply(responseCodes.PULL_NOT_FOUND, 10, 0, 10)))).toEqual([responseCodes.PULL_RETRY_IMMEDIATELY, 10_000, 10_000, 20_000, 10_000]);
    expect(numbers(rewritePull(led, middle, 50, reply(responseCodes.PULL_OFFSET_MOVED, 10, 0, 10)))).toEqual([responseCodes.PULL_RETRY_IMMEDIATELY, 20_000, 20_000, 20_000, 20_000]);
  });

  test('the leader has an end like any queue, and what was deleted is passed over', () => {
    expect(numbers(rewritePull(led, leader, 5, reply(responseCodes.PULL_NOT_FOUND, 5, 0, 5)))).toEqual([responseCodes.PULL_NOT_FOUND, 20_005, 20_000, 20_005, 20_000]);
    expect(numbers(rewritePull(led, leader, 1, reply(responseCodes.PULL_OFFSET_MOVED, 3, 3, 5)))).toEqual([responseCodes.PULL_RETRY_IMMEDIATELY, 20_003, 20_003, 20_005, 20_000]);
    expect(numbers(rewritePull(led, first, 1, reply(responseCodes.PULL_OFFSET_MOVED, 3, 3, 5)))).toEqual([responseCodes.PULL_OFFSET_MOVED, 3, 3, 20_000, 0]);
  });

  test('a refusal without numbers stays', () => {
    expect(rewritePull(led, first, 1, { code: responseCodes.NO_PERMISSION, remark: 'no' })).toEqual({ code: responseCodes.NO_PERMISSION, remark: 'no' });
  });
});

describe('the cleaning of mappings', () => {
  /** A table with one mapping, at 4 o'clock, with peers that answer these offsets and this leader. */
  function clean(mapping: MappingDetail, peer: { readonly max: string; readonly leader?: string; readonly epoch?: number }, deleteWhen = '04'): Promise<MappingDetail['hostedQueues']> {
    let kept = mapping;
    const hosted = { '0': [{ bname: peer.leader ?? '', gen: 3, queueId: 0, logicOffset: 30_000, startOffset: 0 }] };
    const answers: Readonly<Record<string, { readonly ext: ReadonlyMap<string, string>; readonly body: Buffer }>> = {
      GET_MIN_OFFSET: { ext: new Map([['offset', '5']]), body: Buffer.alloc(0) },
      GET_MAX_OFFSET: { ext: new Map([['offset', peer.max]]), body: Buffer.alloc(0) },
      GET_TOPIC_CONFIG: { ext: new Map(), body: Buffer.from(JSON.stringify({ topicName: 'T', mappingDetail: { topic: 'T', bname: peer.leader, epoch: peer.epoch ?? 7, totalQueues: 1, hostedQueues: hosted } })) },
    };
    const parts = {
      ctx: { clock: { nowMs: () => new Date(2026, 0, 1, 4, 30).getTime() }, config: { brokerName: mapping.bname }, log: { warn: () => undefined }, store: { existingQueue: () => undefined } },
      table: {
        size: 1, all: () => [kept], get: () => kept,
        replace: (_topic: string, hostedQueues: MappingDetail['hostedQueues']) => {
          kept = { ...kept, hostedQueues };
        },
      },
      peers: { call: (name: string) => Promise.resolve({ code: 0, ...answers[name] }), leaderOf: () => Promise.resolve(peer.leader) },
      deleteWhen: () => deleteWhen,
    } as unknown as MappingCleanParts;
    return new MappingClean(parts).run().then(() => kept.hostedQueues);
  }
  const led = { ...detail, hostedQueues: new Map([[0, [middle, leader]]]) };
  const left = { ...detail, bname: 'c', hostedQueues: new Map([[0, [first, middle]]]) };

  test('the oldest queue of a logic queue goes once it is empty, at its hour', async () => {
    expect(await clean(led, { max: '5' })).toEqual(new Map([[0, [leader]]]));
    expect(await clean(led, { max: '6' })).toEqual(led.hostedQueues);
    expect(await clean(led, { max: '5' }, '05')).toEqual(led.hostedQueues);
  });

  test('a logic queue that moved on behind the one we know is forgotten, when its leader says so', async () => {
    expect(await clean(left, { max: '5', leader: 'd' })).toEqual(new Map());
    expect(await clean(left, { max: '5', leader: 'b' })).toEqual(left.hostedQueues);
    expect(await clean(left, { max: '5', leader: 'd', epoch: 8 })).toEqual(left.hostedQueues);
  });
});
