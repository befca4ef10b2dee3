/** PULL_MESSAGE: who is refused, with which code, and in which order the checks come. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, remarkMatches } from '../../expect.js';

export const cases = defineCases('pull', [
  {
    name: 'pull.group-name-illegal',
    requirement: 'A pull of a group whose name cannot be one is answered SUBSCRIPTION_GROUP_NOT_EXIST.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#findSubscriptionGroupConfig',
    versions: { from: '5.0.0' },
    async run(t) {
      const answer = await t.pull(await t.topic(), { group: 'no group!' });
      code(answer, res.SUBSCRIPTION_GROUP_NOT_EXIST, 'pull of "no group!"');
      remarkMatches(answer, 'subscription group [no group!] does not exist', 'pull');
    },
  },
  {
    name: 'pull.group-created',
    requirement: 'A pull of an unknown group with a good name creates the group where groups are created by themselves.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#findSubscriptionGroupConfig, autoCreateSubscriptionGroup',
    needs: ['auto-create-group'],
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = t.groupName();
      t.forgetGroup(group);
      code(await t.pull(topic, { group }), res.PULL_NOT_FOUND, 'pull of the new group');
      code(await t.request(req.GET_SUBSCRIPTIONGROUP_CONFIG, { group }), res.SUCCESS, 'configuration of the new group');
    },
  },
  {
    name: 'pull.group-consume-disabled',
    requirement: 'A pull of a group with consumeEnable false is answered NO_PERMISSION.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, consumeEnable',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group({ consumeEnable: false });
      const answer = await t.pull(topic, { group });
      code(answer, res.NO_PERMISSION, 'pull');
      equal(answer.remark, `subscription group no permission, ${group}`, 'remark');
    },
  },
  {
    name: 'pull.group-consume-disabled-type',
    requirement: 'The refusal of a group with consumeEnable false has forbiddenType 2.',
    level: 'MUST',
    source: 'ForbiddenType#GROUP_FORBIDDEN',
    versions: { from: '5.0.0' },
    async run(t) {
      hasField(await t.pull(await t.topic(), { group: await t.group({ consumeEnable: false }) }), 'forbiddenType', 2, 'pull');
    },
  },
  {
    name: 'pull.topic-missing',
    requirement: 'A pull of an unknown topic is answered TOPIC_NOT_EXIST and does not create it.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, selectTopicConfig',
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      const answer = await t.pull(topic);
      code(answer, res.TOPIC_NOT_EXIST, 'pull');
      remarkMatches(answer, `topic[${topic}] not exist, apply first please!`, 'pull');
      code(await t.pull(topic), res.TOPIC_NOT_EXIST, 'the same pull again');
    },
  },
  {
    name: 'pull.topic-not-readable',
    requirement: 'A pull of a topic without read permission is answered NO_PERMISSION.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, PermName#isReadable',
    async run(t) {
      const topic = await t.topic({ perm: 2 });
      const answer = await t.pull(topic);
      code(answer, res.NO_PERMISSION, 'pull');
      equal(answer.remark, `the topic[${topic}] pulling message is forbidden`, 'remark');
    },
  },
  {
    name: 'pull.topic-not-readable-type',
    requirement: 'The refusal of a topic without read permission has forbiddenType 3.',
    level: 'MUST',
    source: 'ForbiddenType#TOPIC_FORBIDDEN',
    versions: { from: '5.0.0' },
    async run(t) {
      hasField(await t.pull(await t.topic({ perm: 2 })), 'forbiddenType', 3, 'pull');
    },
  },
  {
    name: 'pull.topic-readable-only',
    requirement: 'A topic with read but no write permission can be pulled.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, PermName#isReadable',
    async run(t) {
      code(await t.pull(await t.topic({ perm: 4 })), res.PULL_NOT_FOUND, 'pull of an empty topic with perm 4');
    },
  },
  {
    name: 'pull.queue-negative',
    requirement: 'A pull of queue -1 is answered INVALID_PARAMETER with the id in the remark.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, readQueueNums',
    versions: { from: '5.0.0' },
    async run(t) {
      const answer = await t.pull(await t.topic(), { queueId: -1 });
      code(answer, res.INVALID_PARAMETER, 'pull of queue -1');
      remarkMatches(answer, 'queueId[-1] is illegal', 'pull');
    },
  },
  {
    name: 'pull.queue-past-read-queues',
    requirement: 'A pull of a queue past the read queues is refused although it is one of the write queues.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, readQueueNums',
    async run(t) {
      const topic = await t.topic({ readQueues: 2, writeQueues: 4 });
      code(await t.pull(topic, { queueId: 1 }), res.PULL_NOT_FOUND, 'pull of queue 1');
      const answer = await t.pull(topic, { queueId: 2 });
      code(answer, [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'pull of queue 2 of 2');
      remarkMatches(answer, `queueId[2] is illegal, topic:[${topic}] topicConfig.readQueueNums:[2]`, 'pull of queue 2 of 2');
    },
  },
  {
    name: 'pull.group-checked-before-topic',
    requirement: 'A disabled group that pulls an unknown topic is told about the group.',
    level: 'SHOULD',
    source: 'PullMessageProcessor#processRequest, order of checks',
    async run(t) {
      code(await t.pull(t.topicName(), { group: await t.group({ consumeEnable: false }) }), res.NO_PERMISSION, 'pull');
    },
  },
  {
    name: 'pull.queue-checked-before-subscription',
    requirement: 'A pull with a wrong queue and a wrong subscription is told about the queue.',
    level: 'SHOULD',
    source: 'PullMessageProcessor#processRequest, order of checks',
    async run(t) {
      remarkMatches(await t.pull(await t.topic({ queues: 1 }), { queueId: 5, subscription: '||' }), 'queueId[5] is illegal', 'pull');
    },
  },
]);
