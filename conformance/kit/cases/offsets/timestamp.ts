/** SEARCH_OFFSET_BY_TIMESTAMP and its two boundaries. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { res } from '../../codes.js';
import { code, equal } from '../../expect.js';

const boundaries = { from: '5.0.0' } as const;

/** Five messages of five different store times in queue 0; returns topic and times. */
async function fiveTimes(t: Context): Promise<{ topic: string; times: readonly number[] }> {
  const topic = await t.topic({ queues: 1 });
  for (let i = 0; i < 5; i++) {
    if (i > 0) await t.sleep(6);
    await t.sendOk(topic);
  }
  return { topic, times: (await t.pullAll(topic, 5)).map((message) => message.storeTimestamp) };
}

/** One message, then three of one store time (a batch), then one: offsets 1 to 3 share a time, which is returned. */
async function equalRun(t: Context): Promise<{ topic: string; time: number }> {
  const topic = await t.topic({ queues: 1 });
  await t.sendOk(topic);
  await t.sleep(6);
  code(await t.sendBatch(topic, [{ body: 'x' }, { body: 'y' }, { body: 'z' }]), res.SUCCESS, 'batch');
  await t.sleep(6);
  await t.sendOk(topic);
  const times = (await t.pullAll(topic, 5)).map((message) => message.storeTimestamp);
  equal([times[2], times[3]], [times[1], times[1]], 'store times of the batch');
  return { topic, time: times[1] ?? 0 };
}

const at = (times: readonly number[], i: number): number => times[i] ?? NaN;

export const cases = defineCases('offsets', [
  {
    name: 'offsets.search-exact',
    requirement: 'SEARCH_OFFSET_BY_TIMESTAMP with the store time of a message answers its offset.',
    level: 'MUST',
    source: 'ConsumeQueue#binarySearchInQueueByTime',
    async run(t) {
      const { topic, times } = await fiveTimes(t);
      for (const i of [0, 2, 4]) equal((await t.searchOffset(topic, 0, at(times, i))).offset, i, `offset for the time of message ${i}`);
    },
  },
  {
    name: 'offsets.search-lower-between',
    requirement: 'For a time between two messages the lower boundary is the later one.',
    level: 'MUST',
    source: 'ConsumeQueue#binarySearchInQueueByTime, LOWER',
    versions: boundaries,
    async run(t) {
      const { topic, times } = await fiveTimes(t);
      equal((await t.searchOffset(topic, 0, at(times, 2) + 1, { boundaryType: 'lower' })).offset, 3, 'offset for one millisecond after message 2');
    },
  },
  {
    name: 'offsets.search-upper-between',
    requirement: 'For a time between two messages the upper boundary is the earlier one.',
    level: 'MUST',
    source: 'ConsumeQueue#binarySearchInQueueByTime, UPPER',
    versions: boundaries,
    async run(t) {
      const { topic, times } = await fiveTimes(t);
      equal((await t.searchOffset(topic, 0, at(times, 3) - 1, { boundaryType: 'upper' })).offset, 2, 'offset for one millisecond before message 3');
    },
  },
  {
    name: 'offsets.search-lower-after-last',
    requirement: 'For a time after the last message the lower boundary is the end of the queue.',
    level: 'MUST',
    source: 'ConsumeQueue#binarySearchInQueueByTime, LOWER',
    versions: boundaries,
    async run(t) {
      const { topic, times } = await fiveTimes(t);
      equal((await t.searchOffset(topic, 0, at(times, 4) + 1, { boundaryType: 'lower' })).offset, 5, 'offset for one millisecond after the last');
      equal((await t.searchOffset(topic, 0, at(times, 4) + 86_400_000, { boundaryType: 'lower' })).offset, 5, 'offset for a day after the last');
    },
  },
  {
    name: 'offsets.search-upper-after-last',
    requirement: 'For a time after the last message the upper boundary is the last message.',
    level: 'MUST',
    source: 'ConsumeQueue#binarySearchInQueueByTime, UPPER',
    versions: boundaries,
    async run(t) {
      const { topic, times } = await fiveTimes(t);
      equal((await t.searchOffset(topic, 0, at(times, 4) + 1, { boundaryType: 'upper' })).offset, 4, 'offset for one millisecond after the last');
    },
  },
  {
    name: 'offsets.search-before-first',
    requirement: 'For a time before the first message both boundaries are 0 in a queue that begins at 0.',
    level: 'MUST',
    source: 'ConsumeQueue#binarySearchInQueueByTime',
    async run(t) {
      const { topic, times } = await fiveTimes(t);
      equal((await t.searchOffset(topic, 0, at(times, 0) - 1, { boundaryType: 'lower' })).offset, 0, 'lower boundary');
      equal((await t.searchOffset(topic, 0, at(times, 0) - 1, { boundaryType: 'upper' })).offset, 0, 'upper boundary');
    },
  },
  {
    name: 'offsets.search-lower-of-equal-times',
    requirement: 'Of several messages with one store time the lower boundary is the first.',
    level: 'MUST',
    source: 'ConsumeQueue#binarySearchInQueueByTime, LOWER',
    versions: boundaries,
    needs: ['batch'],
    async run(t) {
      const { topic, time } = await equalRun(t);
      equal((await t.searchOffset(topic, 0, time, { boundaryType: 'lower' })).offset, 1, 'offset');
    },
  },
  {
    name: 'offsets.search-upper-of-equal-times',
    requirement: 'Of several messages with one store time the upper boundary is the last.',
    level: 'MUST',
    source: 'ConsumeQueue#binarySearchInQueueByTime, UPPER',
    versions: boundaries,
    needs: ['batch'],
    async run(t) {
      const { topic, time } = await equalRun(t);
      equal((await t.searchOffset(topic, 0, time, { boundaryType: 'upper' })).offset, 3, 'offset');
    },
  },
  {
    name: 'offsets.search-default-is-lower',
    requirement: 'Without boundaryType, and with one that is no boundary, the lower boundary is answered.',
    level: 'MUST',
    source: 'BoundaryType#getType',
    versions: boundaries,
    needs: ['batch'],
    async run(t) {
      const { topic, time } = await equalRun(t);
      for (const ext of [{}, { boundaryType: 'middle' }]) equal((await t.searchOffset(topic, 0, time, ext)).offset, 1, `offset with ${JSON.stringify(ext)}`);
    },
  },
  {
    name: 'offsets.search-boundary-in-capitals',
    requirement: 'The boundary UPPER may be written in capitals.',
    level: 'SHOULD',
    source: 'BoundaryType#getType',
    versions: boundaries,
    needs: ['batch'],
    async run(t) {
      const { topic, time } = await equalRun(t);
      equal((await t.searchOffset(topic, 0, time, { boundaryType: 'UPPER' })).offset, 3, 'offset');
    },
  },
  {
    name: 'offsets.search-negative-time',
    requirement: 'A negative time is a time before every message, not a word for the latest.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#searchOffsetByTimestamp',
    async run(t) {
      const { topic } = await fiveTimes(t);
      for (const time of [-1, 0]) equal((await t.searchOffset(topic, 0, time)).offset, 0, `offset for time ${time}`);
    },
  },
  {
    name: 'offsets.search-nothing',
    requirement: 'SEARCH_OFFSET_BY_TIMESTAMP answers SUCCESS and 0 for an empty queue, a queue out of range and an unknown topic.',
    level: 'MUST',
    source: 'DefaultMessageStore#getOffsetInQueueByTime',
    async run(t) {
      const topic = await t.topic();
      const answers = [await t.searchOffset(topic, 0, t.now()), await t.searchOffset(topic, 99, t.now()), await t.searchOffset(t.topicName(), 0, t.now())];
      equal(answers.map((answer) => [answer.code, answer.offset]), [[0, 0], [0, 0], [0, 0]], 'code and offset');
    },
  },
]);
