/** Statistics of topics and groups: offsets of queues and how far behind groups are. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue, present } from '../../expect.js';
import { json } from '../../session.js';
import { join, offsetTable } from './support.js';

interface TopicOffset {
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly lastUpdateTimestamp: number;
}

interface Consumed {
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  readonly pullOffset: number;
  readonly lastTimestamp: number;
}

export const cases = defineCases('admin', [
  {
    name: 'admin.topic-stats.offsets-of-queues',
    requirement: 'GET_TOPIC_STATS_INFO answers the smallest and the next offset of each queue.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getTopicStatsInfo',
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      await t.fill(topic, 3, { queueId: 1 });
      await t.pullAll(topic, 3, { queueId: 1 });
      const answer = await t.request(req.GET_TOPIC_STATS_INFO, { topic });
      code(answer, res.SUCCESS, 'statistics');
      const table = offsetTable<TopicOffset>(answer);
      equal([table[0]?.minOffset, table[0]?.maxOffset, table[1]?.minOffset, table[1]?.maxOffset], [0, 0, 0, 3], 'min and max of queue 0, min and max of queue 1');
    },
  },
  {
    name: 'admin.topic-stats.last-update',
    requirement: 'GET_TOPIC_STATS_INFO answers the store time of the last message of a queue, and 0 for an empty one.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getTopicStatsInfo',
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      await t.fill(topic, 2, { queueId: 1 });
      const last = present((await t.pullAll(topic, 2, { queueId: 1 }))[1], 'the second message');
      const table = offsetTable<TopicOffset>(await t.request(req.GET_TOPIC_STATS_INFO, { topic }));
      equal([table[0]?.lastUpdateTimestamp, table[1]?.lastUpdateTimestamp], [0, last.storeTimestamp], 'lastUpdateTimestamp of both queues');
    },
  },
  {
    name: 'admin.topic-stats.as-many-queues-as-there-are',
    requirement: 'GET_TOPIC_STATS_INFO lists as many queues as the larger of read and write queues.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#getTopicStatsInfo',
    async run(t) {
      const table = offsetTable<TopicOffset>(await t.request(req.GET_TOPIC_STATS_INFO, { topic: await t.topic({ readQueues: 2, writeQueues: 5 }) }));
      equal(Object.keys(table), ['0', '1', '2', '3', '4'], 'queues');
    },
  },
  {
    name: 'admin.topic-stats.unknown-topic',
    requirement: 'GET_TOPIC_STATS_INFO of a topic that is not there is TOPIC_NOT_EXIST with a remark that names it.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getTopicStatsInfo',
    async run(t) {
      const topic = t.topicName();
      const answer = await t.request(req.GET_TOPIC_STATS_INFO, { topic });
      code(answer, res.TOPIC_NOT_EXIST, 'statistics');
      equal(answer.remark, `topic[${topic}] not exist`, 'remark');
    },
  },
  {
    name: 'admin.consume-stats.lag',
    requirement: 'GET_CONSUME_STATS answers for each queue the next offset of the broker and the offset of the group.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumeStats',
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      const group = await t.group();
      await t.fill(topic, 5);
      const third = present((await t.pullAll(topic, 5))[2], 'the third message');
      code(await t.commitOffset(group, topic, 0, 3), res.SUCCESS, 'commit');
      const answer = await t.request(req.GET_CONSUME_STATS, { consumerGroup: group, topic });
      code(answer, res.SUCCESS, 'statistics');
      const table = offsetTable<Consumed>(answer);
      equal([table[0]?.brokerOffset, table[0]?.consumerOffset, table[1]?.brokerOffset, table[1]?.consumerOffset], [5, 3, 0, 0], 'offsets of broker and group, queue 0 and 1');
      equal(table[0]?.lastTimestamp, third.storeTimestamp, 'store time of the last message consumed');
    },
  },
  {
    name: 'admin.consume-stats.topics-of-group',
    requirement: 'GET_CONSUME_STATS without a topic covers all topics for which the group has offsets.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#whichTopicByConsumer',
    async run(t) {
      const one = await t.topic({ suffix: 'one', queues: 1 });
      const two = await t.topic({ suffix: 'two', queues: 1 });
      const group = await t.group();
      for (const topic of [one, two]) {
        await t.fill(topic, 1);
        code(await t.commitOffset(group, topic, 0, 1), res.SUCCESS, 'commit');
      }
      const body = (await t.request(req.GET_CONSUME_STATS, { consumerGroup: group })).body.toString('utf8');
      equal([one, two].map((topic) => body.includes(`"topic":"${topic}"`)), [true, true], 'the topics are in the table');
    },
  },
  {
    name: 'admin.consume-stats.topic-not-subscribed',
    requirement: 'GET_CONSUME_STATS of an online group leaves out a topic that the group does not subscribe.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#getTopicsForCollectingConsumeStats',
    async run(t) {
      const topic = await t.topic({ suffix: 'other' });
      const group = await t.group();
      await join(t, group, [await t.topic()]);
      const answer = await t.request(req.GET_CONSUME_STATS, { consumerGroup: group, topic });
      code(answer, res.SUCCESS, 'statistics');
      equal(offsetTable<Consumed>(answer), {}, 'table');
    },
  },
  {
    name: 'admin.consume-stats.unknown-topic-empty',
    requirement: 'GET_CONSUME_STATS of a topic that is not there is answered SUCCESS with an empty table.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#getConsumeStats',
    async run(t) {
      const answer = await t.request(req.GET_CONSUME_STATS, { consumerGroup: await t.group(), topic: t.topicName() });
      code(answer, res.SUCCESS, 'statistics');
      equal(offsetTable<Consumed>(answer), {}, 'table');
    },
  },
  {
    name: 'admin.consume-stats.pull-offset',
    requirement: 'GET_CONSUME_STATS answers as pullOffset where the last pull of the group ended, when that is beyond its offset.',
    level: 'SHOULD',
    source: 'ConsumerOffsetManager#queryPullOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await t.fill(topic, 4);
      equal((await t.pullAll(topic, 4, { group })).length, 4, 'messages');
      code(await t.commitOffset(group, topic, 0, 1), res.SUCCESS, 'commit');
      const table = offsetTable<Consumed>(await t.request(req.GET_CONSUME_STATS, { consumerGroup: group, topic }));
      equal([table[0]?.consumerOffset, table[0]?.pullOffset], [1, 4], 'consumerOffset and pullOffset');
    },
  },
  {
    name: 'admin.broker-consume-stats.has-group',
    requirement: 'GET_BROKER_CONSUME_STATS covers every group with offsets and names the address of the broker.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#fetchAllConsumeStatsInBroker',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      code(await t.commitOffset(group, topic, 0, 1), res.SUCCESS, 'commit');
      const answer = await t.request(req.GET_BROKER_CONSUME_STATS, { isOrder: false });
      code(answer, res.SUCCESS, 'statistics');
      const { brokerAddr, consumeStatsList, totalDiff } = json(answer) as { readonly brokerAddr: string; readonly totalDiff: number; readonly consumeStatsList: readonly Readonly<Record<string, readonly unknown[]>>[] };
      equal([brokerAddr, consumeStatsList.find((one) => one[group] !== undefined)?.[group]?.length], [t.endpoint.broker, 1], 'address, topics of the group');
      isTrue(totalDiff >= 2, `totalDiff ${totalDiff} counts the two messages behind`);
    },
  },
  {
    name: 'admin.broker-consume-stats.order-topics-only',
    requirement: 'GET_BROKER_CONSUME_STATS with isOrder=true leaves out topics that are no order topics.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#fetchAllConsumeStatsInBroker',
    versions: { from: '5.0.0' },
    async run(t) {
      const plain = await t.topic({ suffix: 'plain', queues: 1 });
      const order = await t.topic({ suffix: 'order', queues: 1, order: true });
      const group = await t.group();
      for (const topic of [plain, order]) {
        await t.fill(topic, 1);
        code(await t.commitOffset(group, topic, 0, 1), res.SUCCESS, 'commit');
      }
      const text = (await t.request(req.GET_BROKER_CONSUME_STATS, { isOrder: true })).body.toString('utf8');
      equal([text.includes(plain), text.includes(order)], [false, true], 'the plain topic and the order topic are there');
    },
  },
]);
