/** Topics that a send creates. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, remarkMatches } from '../../expect.js';
import { allTopics, configOf } from './support.js';

export const cases = defineCases('topics', [
  {
    name: 'topics.auto-create.queues-of-request',
    requirement: 'A send to a topic that is not there creates it with as many queues as the request asks for.',
    level: 'MUST',
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    needs: ['auto-create-topic'],
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      await t.sendOk(topic, { ext: { d: 3 } });
      const { readQueueNums, writeQueueNums } = await configOf(t, topic);
      equal([readQueueNums, writeQueueNums], [3, 3], 'read and write queues');
    },
  },
  {
    name: 'topics.auto-create.queues-capped',
    requirement: 'A topic that a send creates has at most the queues of the default topic.',
    level: 'MUST',
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    needs: ['auto-create-topic'],
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      const most = (await configOf(t, 'TBW102')).writeQueueNums;
      await t.sendOk(topic, { ext: { d: most + 100 } });
      equal((await configOf(t, topic)).writeQueueNums, most, 'write queues');
    },
  },
  {
    name: 'topics.auto-create.perm-without-inherit',
    requirement: 'A topic that a send creates has the permission of the default topic without its inherit bit.',
    level: 'MUST',
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    needs: ['auto-create-topic'],
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      await t.sendOk(topic);
      equal([(await configOf(t, 'TBW102')).perm, (await configOf(t, topic)).perm], [7, 6], 'permissions of the default topic and of the new one');
    },
  },
  {
    name: 'topics.auto-create.registered',
    requirement: 'A topic that a send creates gets a route.',
    level: 'MUST',
    source: 'TopicConfigManager#registerBrokerData',
    needs: ['auto-create-topic'],
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      await t.sendOk(topic);
      await t.routed(topic);
    },
  },
  {
    name: 'topics.auto-create.own-default-topic',
    requirement: 'A send that names another topic with the inherit bit as its default topic creates a topic after that one.',
    level: 'MUST',
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    needs: ['auto-create-topic'],
    async run(t) {
      const model = await t.topic({ suffix: 'model', queues: 2, perm: 5 });
      const topic = t.topicName();
      t.forgetTopic(topic);
      await t.sendOk(topic, { ext: { c: model, d: 16 } });
      const { writeQueueNums, perm } = await configOf(t, topic);
      equal([writeQueueNums, perm], [2, 4], 'write queues and permission');
    },
  },
  {
    name: 'topics.auto-create.default-without-inherit-refused',
    requirement: 'A send to a topic that is not there, whose default topic lacks the inherit bit, is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const model = await t.topic({ suffix: 'model', perm: 6 });
      const topic = t.topicName();
      t.forgetTopic(topic);
      const answer = await t.send(topic, { ext: { c: model } });
      code(answer, res.TOPIC_NOT_EXIST, 'send');
      remarkMatches(answer, `topic[${topic}] not exist, apply first please!`, 'send');
      equal((await allTopics(t))[topic], undefined, 'the topic');
    },
  },
  {
    name: 'topics.auto-create.default-unknown-refused',
    requirement: 'A send to a topic that is not there, whose default topic is not there either, is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      code(await t.send(topic, { ext: { c: t.topicName('model') } }), res.TOPIC_NOT_EXIST, 'send');
    },
  },
  {
    name: 'topics.auto-create.unit-mode-flag',
    requirement: 'A topic that a send in unit mode creates is a unit topic.',
    level: 'SHOULD',
    source: 'TopicSysFlag#buildSysFlag',
    needs: ['auto-create-topic'],
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      await t.sendOk(topic, { ext: { k: true } });
      equal((await configOf(t, topic)).topicSysFlag, 1, 'topicSysFlag');
    },
  },
  {
    name: 'topics.auto-create.retry-topic-of-heartbeat',
    requirement: 'The heartbeat of a consumer creates the retry topic of its group with retryQueueNums queues, readable and writable.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      const group = await t.group({ retryQueueNums: 3 });
      const topic = await t.topic();
      code(await t.heartbeat(`c-${group}`, { consumers: [{ group, subscriptions: [topic] }] }), res.SUCCESS, 'heartbeat');
      const { writeQueueNums, readQueueNums, perm } = await configOf(t, `%RETRY%${group}`);
      equal([writeQueueNums, readQueueNums, perm], [3, 3, 6], 'write queues, read queues, permission');
    },
  },
]);
