/** Light queues by themselves: messages name them, pulls and offsets reach them. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, hasField, present } from '../../expect.js';
import { common, dispatched, send, setUp } from './support.js';

/** Two messages to one topic: both in `%LMQ%..a`, the second in `..b` too. */
async function two(t: Context): Promise<{ readonly topic: string; readonly a: string; readonly b: string }> {
  await dispatched(t);
  const topic = await t.topic({ queues: 1 });
  const [a, b] = [`%LMQ%${topic}a`, `%LMQ%${topic}b`];
  await t.sendOk(topic, { body: 'one', properties: { INNER_MULTI_DISPATCH: a } });
  await t.sendOk(topic, { body: 'two', properties: { INNER_MULTI_DISPATCH: `${a},${b}` } });
  return { topic, a, b };
}

export const cases = defineCases('lite', [
  {
    name: 'lite.queue.pulled',
    requirement: 'A message is pulled from every light queue that INNER_MULTI_DISPATCH names, as a record of its own topic.',
    source: 'ConsumeQueue#multiDispatchLmqQueue',
    ...common,
    async run(t) {
      const { topic, a, b } = await two(t);
      const messages = await t.pullAll(a, 2);
      equal(messages.map((message) => [message.topic, message.body.toString()]), [[topic, 'one'], [topic, 'two']], 'messages of a');
      equal((await t.pullAll(b, 1)).map((message) => message.body.toString()), ['two'], 'messages of b');
    },
  },
  {
    name: 'lite.queue.offsets-in-record',
    requirement: 'INNER_MULTI_QUEUE_OFFSET of the stored message has its offset in each of its light queues.',
    source: 'LmqDispatch#wrapLmqDispatch',
    ...common,
    async run(t) {
      const { a } = await two(t);
      equal((await t.pullAll(a, 2)).map((message) => message.properties['INNER_MULTI_QUEUE_OFFSET']), ['0', '1,0'], 'INNER_MULTI_QUEUE_OFFSET');
    },
  },
  {
    name: 'lite.queue.bounds',
    requirement: 'GET_MAX_OFFSET and GET_MIN_OFFSET know light queues.',
    source: 'LmqTopicConfigManager#selectTopicConfig',
    ...common,
    async run(t) {
      const { a, b } = await two(t);
      await t.pullAll(a, 2);
      equal([(await t.maxOffset(a, 0)).offset, (await t.minOffset(a, 0)).offset, (await t.maxOffset(b, 0)).offset], [2, 0, 1], 'offsets');
    },
  },
  {
    name: 'lite.queue.consumer-offset',
    requirement: 'The offset that a group commits in a light queue is the one it queries.',
    source: 'LmqConsumerOffsetManager',
    ...common,
    async run(t) {
      const { a } = await two(t);
      const group = await t.group();
      code(await t.commitOffset(group, a, 0, 1), res.SUCCESS, 'commit');
      equal((await t.queryOffset(group, a)).offset, 1, 'offset');
    },
  },
  {
    name: 'lite.queue.pull-by-lite-topic',
    requirement: 'PULL_MESSAGE of a parent topic with liteTopic pulls the queue of the lite topic.',
    source: 'PullMessageProcessor#processRequest',
    ...common,
    async run(t) {
      await dispatched(t);
      const lite = await setUp(t);
      await send(t, lite, 'other', 'not asked for');
      await send(t, lite, 'l1', 'asked for');
      const message = await t.until('the lite topic can be pulled', async () => (await t.pull(lite.parent, { ext: { liteTopic: 'l1' } })).messages[0]);
      equal(message.body.toString(), 'asked for', 'body');
    },
  },
  {
    name: 'lite.queue.offset-by-time',
    requirement: 'SEARCH_OFFSET_BY_TIMESTAMP with liteTopic searches the queue of the lite topic, and is 0 where that is empty.',
    source: 'AdminBrokerProcessor#searchOffsetByTimestamp',
    ...common,
    async run(t) {
      await dispatched(t);
      const lite = await setUp(t);
      for (const body of ['x', 'y']) await send(t, lite, 'l1', body);
      const offset = await t.until('both are counted', async () => {
        const answer = await t.request(req.SEARCH_OFFSET_BY_TIMESTAMP, { topic: lite.parent, liteTopic: 'l1', queueId: 0, timestamp: t.now() + 3_600_000 });
        return Number(present(answer.ext['offset'], 'offset')) > 0 ? answer : undefined;
      });
      hasField(offset, 'offset', 2, 'later than all');
      hasField(await t.request(req.SEARCH_OFFSET_BY_TIMESTAMP, { topic: lite.parent, liteTopic: 'none', queueId: 0, timestamp: 0 }), 'offset', 0, 'empty');
    },
  },
]);
