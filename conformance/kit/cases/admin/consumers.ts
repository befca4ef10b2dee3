/** Who consumes what, how far it is, and the counters of the broker. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, inRange, present, remarkMatches, sameSet } from '../../expect.js';
import { json } from '../../session.js';
import { join } from './support.js';

interface TimeSpan {
  readonly messageQueue: { readonly queueId: number; readonly topic: string };
  readonly minTimeStamp: number;
  readonly maxTimeStamp: number;
  readonly consumeTimeStamp: number;
  readonly delayTime: number;
}

export const cases = defineCases('admin', [
  {
    name: 'admin.time-span.of-queues',
    requirement: 'QUERY_CONSUME_TIME_SPAN answers for each queue the store times of its first and last message and of the last one consumed.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#queryConsumeTimeSpan',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      for (let i = 0; i < 3; i++) {
        await t.fill(topic, 1);
        await t.sleep(5);
      }
      const times = (await t.pullAll(topic, 3)).map((message) => message.storeTimestamp);
      code(await t.commitOffset(group, topic, 0, 2), res.SUCCESS, 'commit');
      const answer = await t.request(req.QUERY_CONSUME_TIME_SPAN, { topic, group });
      code(answer, res.SUCCESS, 'time span');
      const span = present((json(answer) as { readonly consumeTimeSpanSet: readonly TimeSpan[] }).consumeTimeSpanSet[0], 'span of queue 0');
      equal([span.minTimeStamp, span.maxTimeStamp, span.consumeTimeStamp], [times[0], times[2], times[1]], 'minTimeStamp, maxTimeStamp, consumeTimeStamp');
      inRange(span.delayTime, 0, t.now() - (times[2] ?? 0) + 5000, 'delayTime');
    },
  },
  {
    name: 'admin.time-span.all-consumed-no-delay',
    requirement: 'QUERY_CONSUME_TIME_SPAN answers the delay 0 for a group that has consumed everything.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#queryConsumeTimeSpan',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      code(await t.commitOffset(group, topic, 0, 2), res.SUCCESS, 'commit');
      const { consumeTimeSpanSet } = json(await t.request(req.QUERY_CONSUME_TIME_SPAN, { topic, group })) as { readonly consumeTimeSpanSet: readonly TimeSpan[] };
      equal(consumeTimeSpanSet.map((span) => span.delayTime), [0], 'delayTime');
    },
  },
  {
    name: 'admin.time-span.unknown-topic',
    requirement: 'QUERY_CONSUME_TIME_SPAN of a topic that is not there is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#queryConsumeTimeSpan',
    async run(t) {
      const topic = t.topicName();
      const answer = await t.request(req.QUERY_CONSUME_TIME_SPAN, { topic, group: t.groupName() });
      code(answer, res.TOPIC_NOT_EXIST, 'time span');
      remarkMatches(answer, `topic[${topic}] not exist`, 'time span');
    },
  },
  {
    name: 'admin.who-consumes.by-offsets',
    requirement: 'QUERY_TOPIC_CONSUME_BY_WHO lists the groups that have offsets of the topic.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#whichGroupByTopic',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 1);
      code(await t.commitOffset(group, topic, 0, 1), res.SUCCESS, 'commit');
      const answer = await t.request(req.QUERY_TOPIC_CONSUME_BY_WHO, { topic });
      code(answer, res.SUCCESS, 'groups');
      equal((json(answer) as { readonly groupList: readonly string[] }).groupList, [group], 'groupList');
    },
  },
  {
    name: 'admin.who-consumes.by-subscription',
    requirement: 'QUERY_TOPIC_CONSUME_BY_WHO lists the online groups that subscribe the topic, without any offset.',
    level: 'MUST',
    source: 'ConsumerManager#queryTopicConsumeByWho',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await join(t, group, [topic]);
      equal((json(await t.request(req.QUERY_TOPIC_CONSUME_BY_WHO, { topic })) as { readonly groupList: readonly string[] }).groupList, [group], 'groupList');
    },
  },
  {
    name: 'admin.who-consumes.nobody',
    requirement: 'QUERY_TOPIC_CONSUME_BY_WHO of a topic that nobody consumes answers an empty list, even if there is no such topic.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#queryTopicConsumeByWho',
    async run(t) {
      const answer = await t.request(req.QUERY_TOPIC_CONSUME_BY_WHO, { topic: t.topicName() });
      code(answer, res.SUCCESS, 'groups');
      equal((json(answer) as { readonly groupList: readonly string[] }).groupList, [], 'groupList');
    },
  },
  {
    name: 'admin.topics-of-group.by-offsets',
    requirement: 'QUERY_TOPICS_BY_CONSUMER lists the topics of which a group has offsets, and names the broker.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#queryTopicsByConsumer',
    versions: { from: '5.0.0' },
    async run(t) {
      const topics = [await t.topic({ suffix: 'one' }), await t.topic({ suffix: 'two' })];
      const group = await t.group();
      for (const topic of topics) {
        await t.fill(topic, 1);
        code(await t.commitOffset(group, topic, 0, 1), res.SUCCESS, 'commit');
      }
      const answer = await t.request(req.QUERY_TOPICS_BY_CONSUMER, { group });
      code(answer, res.SUCCESS, 'topics');
      const { topicList, brokerAddr } = json(answer) as { readonly topicList: readonly string[]; readonly brokerAddr: string };
      sameSet(topicList, topics, 'topicList');
      equal(brokerAddr, t.endpoint.broker, 'brokerAddr');
    },
  },
  {
    name: 'admin.subscription.of-online-group',
    requirement: 'QUERY_SUBSCRIPTION_BY_CONSUMER answers the subscription that a consumer registered.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#querySubscriptionByConsumer',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      code(await t.heartbeat(`c-${group}`, { consumers: [{ group, subscriptions: [{ topic, expression: 'a || b', subVersion: 7 }] }] }), res.SUCCESS, 'heartbeat');
      const answer = await t.request(req.QUERY_SUBSCRIPTION_BY_CONSUMER, { group, topic });
      code(answer, res.SUCCESS, 'subscription');
      const body = json(answer) as { readonly group: string; readonly topic: string; readonly subscriptionData: { readonly subString: string; readonly subVersion: number } };
      equal([body.group, body.topic, body.subscriptionData.subString, body.subscriptionData.subVersion], [group, topic, 'a || b', 7], 'group, topic, subString, subVersion');
    },
  },
  {
    name: 'admin.subscription.of-offline-group',
    requirement: 'QUERY_SUBSCRIPTION_BY_CONSUMER of a group that is not online is answered SUCCESS without subscriptionData.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#querySubscriptionByConsumer',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = t.groupName();
      const answer = await t.request(req.QUERY_SUBSCRIPTION_BY_CONSUMER, { group, topic: 'x' });
      code(answer, res.SUCCESS, 'subscription');
      equal(json(answer), { group, topic: 'x' }, 'body');
    },
  },
  {
    name: 'admin.stats-data.unknown-refused',
    requirement: 'VIEW_BROKER_STATS_DATA of statistics that are not there is SYSTEM_ERROR with a remark that names them.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#ViewBrokerStatsData',
    async run(t) {
      const statsKey = t.topicName();
      const answer = await t.request(req.VIEW_BROKER_STATS_DATA, { statsName: 'TOPIC_PUT_NUMS', statsKey });
      code(answer, res.SYSTEM_ERROR, 'statistics');
      equal(answer.remark, `The stats <TOPIC_PUT_NUMS> <${statsKey}> not exist`, 'remark');
    },
  },
  {
    name: 'admin.stats-data.after-send',
    requirement: 'After a send VIEW_BROKER_STATS_DATA has TOPIC_PUT_NUMS of the topic for a minute, an hour and a day.',
    level: 'SHOULD',
    source: 'BrokerStatsManager#incTopicPutNums',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic);
      const answer = await t.request(req.VIEW_BROKER_STATS_DATA, { statsName: 'TOPIC_PUT_NUMS', statsKey: topic });
      code(answer, res.SUCCESS, 'statistics');
      const body = json(answer) as Readonly<Record<string, { readonly sum: number }>>;
      equal(['statsMinute', 'statsHour', 'statsDay'].map((name) => typeof body[name]?.sum), ['number', 'number', 'number'], 'type of sum');
    },
  },
]);
