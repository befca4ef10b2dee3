/** To which topics one may send: names, system topics, topics created by the send, retry topics. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue, remarkMatches } from '../../expect.js';
import { putTopic, stored } from './support.js';

export const cases = defineCases('send', [
  {
    name: 'send.topic-blank',
    requirement: 'A send to a topic of blanks is refused with INVALID_PARAMETER.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'TopicValidator#validateTopic',
    async run(t) {
      const answer = await t.send('  ');
      code(answer, res.INVALID_PARAMETER, 'send to a blank topic');
      remarkMatches(answer, 'topic is blank', 'send to a blank topic');
    },
  },
  {
    name: 'send.topic-illegal-characters',
    requirement: 'A send to a topic with characters outside %|a-zA-Z0-9_- is refused with INVALID_PARAMETER and a remark that names what is allowed.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'TopicValidator#validateTopic',
    async run(t) {
      const answer = await t.send(`${t.topicName()}.x`);
      code(answer, res.INVALID_PARAMETER, 'send to a topic with a dot');
      remarkMatches(answer, '^[%|a-zA-Z0-9_-]+$', 'send to a topic with a dot');
    },
  },
  {
    name: 'send.topic-name-at-limit',
    requirement: 'A topic whose name has 127 characters takes messages.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    async run(t) {
      const topic = t.topicName().padEnd(127, 'x');
      await putTopic(t, topic);
      equal((await stored(t, await t.sendOk(topic))).topic, topic, 'topic of the stored message');
    },
  },
  {
    name: 'send.topic-name-over-limit',
    requirement: 'A send to a topic whose name has 128 characters is refused with INVALID_PARAMETER and a remark that names the limit.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'TopicValidator#validateTopic',
    async run(t) {
      const answer = await t.send(t.topicName().padEnd(128, 'x'));
      code(answer, res.INVALID_PARAMETER, 'send to a topic of 128 characters');
      remarkMatches(answer, '127', 'send to a topic of 128 characters');
    },
  },
  {
    name: 'send.half-topic-refused',
    requirement: 'A send to the topic of half messages is refused with NO_PERMISSION.',
    level: 'MUST',
    source: 'TopicValidator#isNotAllowedSendTopic',
    async run(t) {
      const answer = await t.send('RMQ_SYS_TRANS_HALF_TOPIC');
      code(answer, res.NO_PERMISSION, 'send to RMQ_SYS_TRANS_HALF_TOPIC');
      remarkMatches(answer, 'is forbidden', 'send to RMQ_SYS_TRANS_HALF_TOPIC');
    },
  },
  {
    name: 'send.op-topic-refused',
    requirement: 'A send to the topic of transaction operations is refused with NO_PERMISSION.',
    level: 'MUST',
    source: 'TopicValidator#isNotAllowedSendTopic',
    async run(t) {
      code(await t.send('RMQ_SYS_TRANS_OP_HALF_TOPIC'), res.NO_PERMISSION, 'send to RMQ_SYS_TRANS_OP_HALF_TOPIC');
    },
  },
  {
    name: 'send.check-max-time-topic-refused',
    requirement: 'A send to the topic of transactions that were checked too often is refused with NO_PERMISSION.',
    level: 'MUST',
    source: 'TopicValidator#isNotAllowedSendTopic',
    async run(t) {
      code(await t.send('TRANS_CHECK_MAX_TIME_TOPIC'), res.NO_PERMISSION, 'send to TRANS_CHECK_MAX_TIME_TOPIC');
    },
  },
  {
    name: 'send.self-test-topic-refused',
    requirement: 'A send to SELF_TEST_TOPIC is refused with NO_PERMISSION.',
    level: 'SHOULD',
    source: 'TopicValidator#isNotAllowedSendTopic',
    async run(t) {
      code(await t.send('SELF_TEST_TOPIC'), res.NO_PERMISSION, 'send to SELF_TEST_TOPIC');
    },
  },
  {
    name: 'send.offset-moved-topic-refused',
    requirement: 'A send to OFFSET_MOVED_EVENT is refused with NO_PERMISSION.',
    level: 'SHOULD',
    source: 'TopicValidator#isNotAllowedSendTopic',
    async run(t) {
      code(await t.send('OFFSET_MOVED_EVENT'), res.NO_PERMISSION, 'send to OFFSET_MOVED_EVENT');
    },
  },
  {
    name: 'send.unknown-topic-unknown-default',
    requirement: 'A send to an unknown topic with an unknown default topic is refused with TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    async run(t) {
      const topic = t.topicName();
      const answer = await t.send(topic, { ext: { c: t.topicName('default') } });
      code(answer, res.TOPIC_NOT_EXIST, 'send to an unknown topic');
      remarkMatches(answer, `topic[${topic}] not exist, apply first please!`, 'send to an unknown topic');
    },
  },
  {
    name: 'send.default-topic-without-inherit',
    requirement: 'A default topic without the inherit permission is no pattern: the send to an unknown topic is refused with TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    async run(t) {
      const pattern = await t.topic({ perm: 6 });
      code(await t.send(t.topicName('new'), { ext: { c: pattern } }), res.TOPIC_NOT_EXIST, 'send to an unknown topic');
    },
  },
  {
    name: 'send.default-topic-with-inherit',
    requirement: 'A send to an unknown topic creates it after a default topic that has the inherit permission, without that permission for the new one.',
    level: 'SHOULD',
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    async run(t) {
      const pattern = await t.topic({ perm: 7, queues: 2, suffix: 'pattern' });
      const topic = t.topicName('new');
      t.forgetTopic(topic);
      code(await t.send(topic, { ext: { c: pattern, d: 16 } }), res.SUCCESS, 'send to an unknown topic');
      code(await t.send(topic, { queueId: 2 }), [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'send to queue 2 of a topic after a pattern with 2 queues');
      const child = t.topicName('child');
      t.forgetTopic(child);
      code(await t.send(child, { ext: { c: topic } }), res.TOPIC_NOT_EXIST, 'send that names the new topic as default');
    },
  },
  {
    name: 'send.created-topic-queues-as-asked',
    requirement: 'A topic created by a send has as many queues as the request asks for, when the default topic has more.',
    level: 'MUST',
    needs: ['auto-create-topic'],
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      await t.sendOk(topic, { ext: { d: 3 } });
      await t.sendOk(topic, { queueId: 2 });
      code(await t.send(topic, { queueId: 3 }), [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'send to queue 3 of 3');
    },
  },
  {
    name: 'send.created-topic-queues-capped',
    requirement: 'A topic created by a send has at most as many queues as the default topic.',
    level: 'MUST',
    needs: ['auto-create-topic'],
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      await t.sendOk(topic, { ext: { d: 10_000 } });
      code(await t.send(topic, { queueId: 9999 }), [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'send to queue 9999');
    },
  },
  {
    name: 'send.created-topic-negative-queues',
    requirement: 'A send that asks for a negative number of queues creates a topic without queues and is refused itself.',
    level: 'MAY',
    needs: ['auto-create-topic'],
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      code(await t.send(topic, { ext: { d: -5 } }), [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'send that asks for -5 queues');
    },
  },
  {
    name: 'send.created-topic-unit-mode',
    requirement: 'A topic created by a send in unit mode carries the unit flag in its route.',
    level: 'MAY',
    needs: ['auto-create-topic'],
    source: 'AbstractSendMessageProcessor#msgCheck, TopicSysFlag#buildSysFlag',
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      await t.sendOk(topic, { ext: { k: true } });
      const namesrv = await t.namesrv();
      const route = await t.until('the name server knows the topic', async () => {
        const answer = await namesrv.request(req.GET_ROUTEINFO_BY_TOPIC, { topic });
        return answer.code === 0 ? answer.body.toString('utf8') : undefined;
      });
      isTrue(/"?topicSysFlag"?\s*:\s*1\b/.test(route), `topicSysFlag is 1 in ${route}`);
    },
  },
  {
    name: 'send.retry-topic-stored',
    requirement: 'A message sent to the retry topic of a group with few enough tries is stored there with its reconsumeTimes.',
    level: 'MUST',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      const group = await t.group();
      const message = await stored(t, await t.sendOk(`%RETRY%${group}`, { reconsumeTimes: 3, properties: { RETRY_TOPIC: 'origin' } }));
      equal([message.topic, message.reconsumeTimes, message.properties['RETRY_TOPIC']], [`%RETRY%${group}`, 3, 'origin'], 'topic, reconsumeTimes and RETRY_TOPIC');
    },
  },
  {
    name: 'send.retry-topic-over-group-maximum',
    requirement: 'A message sent to a retry topic with more tries than its group allows is stored in queue 0 of the dead letter topic.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      const group = await t.group({ retryMaxTimes: 2 });
      equal((await stored(t, await t.sendOk(`%RETRY%${group}`, { reconsumeTimes: 2 }))).topic, `%RETRY%${group}`, 'topic with 2 of 2 tries');
      const dead = await stored(t, await t.sendOk(`%RETRY%${group}`, { reconsumeTimes: 3 }));
      equal([dead.topic, dead.queueId], [`%DLQ%${group}`, 0], 'topic and queue with 3 of 2 tries');
    },
  },
  {
    name: 'send.retry-topic-request-maximum',
    requirement: 'The maximum in the request replaces that of the group for a message sent to a retry topic.',
    level: 'MUST',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      const group = await t.group({ retryMaxTimes: 16 });
      equal((await stored(t, await t.sendOk(`%RETRY%${group}`, { reconsumeTimes: 2, ext: { l: 1 } }))).topic, `%DLQ%${group}`, 'topic with 2 of 1 tries');
      equal((await stored(t, await t.sendOk(`%RETRY%${group}`, { reconsumeTimes: 20, ext: { l: 30 } }))).topic, `%RETRY%${group}`, 'topic with 20 of 30 tries');
    },
  },
  {
    name: 'send.retry-topic-request-maximum-of-old-client',
    requirement: 'The maximum in a request of a client older than 3.4.9 is not looked at.',
    level: 'MAY',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      const group = await t.group({ retryMaxTimes: 16 });
      equal((await stored(t, await t.sendOk(`%RETRY%${group}`, { version: 1, reconsumeTimes: 2, ext: { l: 1 } }))).topic, `%RETRY%${group}`, 'topic');
    },
  },
  {
    name: 'send.retry-topic-dead-letter-not-delayed',
    requirement: 'A message diverted to the dead letter topic is not delayed: its DELAY becomes 0 or less.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      const group = await t.group({ retryMaxTimes: 0 });
      const dead = await stored(t, await t.sendOk(`%RETRY%${group}`, { reconsumeTimes: 1, properties: { DELAY: '3' } }));
      equal(dead.topic, `%DLQ%${group}`, 'topic');
      isTrue(Number(dead.properties['DELAY'] ?? 0) <= 0, `DELAY ${dead.properties['DELAY'] ?? 'absent'} is no level`);
    },
  },
  {
    name: 'send.retry-topic-of-locked-group',
    requirement: 'A message sent to the retry topic of a group that holds a queue lock goes to the dead letter topic whatever its tries.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#handleRetryAndDLQ, RebalanceLockManager#isLockAllExpired',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic();
      const mqSet = [{ topic, brokerName: t.endpoint.brokerName, queueId: 0 }];
      const body = JSON.stringify({ consumerGroup: group, clientId: 'conform@1', onlyThisBroker: false, mqSet });
      code(await t.request(req.LOCK_BATCH_MQ, {}, { body }), res.SUCCESS, 'LOCK_BATCH_MQ');
      t.cleanup(() => t.request(req.UNLOCK_BATCH_MQ, {}, { body }));
      equal((await stored(t, await t.sendOk(`%RETRY%${group}`, { reconsumeTimes: 0 }))).topic, `%DLQ%${group}`, 'topic');
    },
  },
  {
    name: 'send.retry-topic-of-impossible-group',
    requirement: 'A send to the retry topic of a group whose name is too long to exist is refused with SUBSCRIPTION_GROUP_NOT_EXIST.',
    level: 'SHOULD',
    versions: { from: '5.5.0' },
    source: 'SendMessageProcessor#handleRetryAndDLQ, TopicValidator#validateGroup',
    async run(t) {
      const group = t.groupName().padEnd(121, 'g');
      t.forgetTopic(`%RETRY%${group}`);
      const answer = await t.send(`%RETRY%${group}`);
      code(answer, res.SUBSCRIPTION_GROUP_NOT_EXIST, 'send to the retry topic of a group of 121 characters');
      remarkMatches(answer, `subscription group not exist, ${group}`, 'that send');
    },
  },
]);
