/** Topics that change: queues, permission, deletion. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, notCode, remarkMatches } from '../../expect.js';
import { update } from './support.js';

export const cases = defineCases('topics', [
  {
    name: 'topics.update.queues-grow',
    requirement: 'After an update to more queues messages can be sent to the new queues.',
    level: 'MUST',
    source: 'TopicConfigManager#updateTopicConfig',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      notCode(await t.send(topic, { queueId: 2 }), res.SUCCESS, 'send to queue 2 of 1');
      code(await update(t, topic, { readQueueNums: 3, writeQueueNums: 3 }), res.SUCCESS, 'update');
      equal((await t.sendOk(topic, { queueId: 2 })).queueOffset, 0, 'queue offset');
    },
  },
  {
    name: 'topics.update.write-queues-shrink',
    requirement: 'A queue that an update took from the write queues accepts messages while it is still a read queue.',
    level: 'SHOULD',
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const topic = await t.topic({ queues: 4 });
      code(await update(t, topic, { readQueueNums: 4, writeQueueNums: 1 }), res.SUCCESS, 'update');
      code(await t.send(topic, { queueId: 3 }), res.SUCCESS, 'send to queue 3');
    },
  },
  {
    name: 'topics.update.read-queues-shrink',
    requirement: 'A queue that an update took from the read queues can no longer be pulled.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ queues: 4 });
      await t.fill(topic, 1, { queueId: 3 });
      code(await update(t, topic, { readQueueNums: 2, writeQueueNums: 4 }), res.SUCCESS, 'update');
      const answer = await t.pull(topic, { queueId: 3 });
      notCode(answer, res.SUCCESS, 'pull of queue 3');
      remarkMatches(answer, 'queueId[3] is illegal', 'pull of queue 3');
    },
  },
  {
    name: 'topics.perm.unreadable-pull-refused',
    requirement: 'A pull from a topic without the read permission is NO_PERMISSION with forbiddenType 3.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, ForbiddenType#TOPIC_FORBIDDEN',
    async run(t) {
      const topic = await t.topic({ perm: 2 });
      const answer = await t.pull(topic);
      code(answer, res.NO_PERMISSION, 'pull');
      remarkMatches(answer, `the topic[${topic}] pulling message is forbidden`, 'pull');
      if (t.endpoint.version?.startsWith('4.') !== true) hasField(answer, 'forbiddenType', 3);
    },
  },
  {
    name: 'topics.perm.unwritable-send-accepted',
    requirement: 'A send to a topic without the write permission is stored: the permission is for the route, not checked by the broker.',
    level: 'SHOULD',
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const topic = await t.topic({ perm: 4 });
      code(await t.send(topic), res.SUCCESS, 'send to a topic with perm 4');
      equal((await t.pullAll(topic, 1)).length, 1, 'messages');
    },
  },
  {
    name: 'topics.perm.restored',
    requirement: 'After the read permission is given back, messages sent before can be pulled.',
    level: 'MUST',
    source: 'TopicConfigManager#updateTopicConfig',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      code(await update(t, topic, { perm: 2 }), res.SUCCESS, 'take');
      code(await t.pull(topic), res.NO_PERMISSION, 'pull');
      code(await update(t, topic, { perm: 6 }), res.SUCCESS, 'give back');
      equal((await t.pullAll(topic, 2)).length, 2, 'messages');
    },
  },
  {
    name: 'topics.delete.unknown-succeeds',
    requirement: 'The deletion of a topic that is not there is answered SUCCESS.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteTopic',
    needs: ['admin'],
    async run(t) {
      code(await t.request(req.DELETE_TOPIC_IN_BROKER, { topic: t.topicName() }), res.SUCCESS, 'delete');
    },
  },
  {
    name: 'topics.delete.blank-refused',
    requirement: 'The deletion of a topic with a blank name is refused.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteTopic',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      code(await t.request(req.DELETE_TOPIC_IN_BROKER, { topic: ' ' }), res.INVALID_PARAMETER, 'delete a topic with a blank name');
    },
  },
  {
    name: 'topics.delete.system-topic-refused',
    requirement: 'A system topic cannot be deleted.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteTopic',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const answer = await t.request(req.DELETE_TOPIC_IN_BROKER, { topic: 'OFFSET_MOVED_EVENT' });
      code(answer, res.INVALID_PARAMETER, 'delete OFFSET_MOVED_EVENT');
      remarkMatches(answer, 'The topic[OFFSET_MOVED_EVENT] is conflict with system topic.', 'delete OFFSET_MOVED_EVENT');
    },
  },
  {
    name: 'topics.delete.recreated-starts-empty',
    requirement: 'A topic that was deleted and created again starts without messages, at queue offset 0.',
    level: 'MUST',
    source: 'DefaultMessageStore#deleteTopics',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      code(await t.request(req.DELETE_TOPIC_IN_BROKER, { topic }), res.SUCCESS, 'delete');
      code(await update(t, topic), res.SUCCESS, 'create again');
      equal((await t.maxOffset(topic)).offset, 0, 'max offset');
      equal((await t.sendOk(topic)).queueOffset, 0, 'queue offset of the first message');
    },
  },
  {
    name: 'topics.delete.offsets-gone',
    requirement: 'The consumer offsets of a topic are gone after its deletion.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#cleanOffsetByTopic',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 3);
      code(await t.commitOffset(group, topic, 0, 2), res.SUCCESS, 'commit');
      code(await t.request(req.DELETE_TOPIC_IN_BROKER, { topic }), res.SUCCESS, 'delete');
      code(await update(t, topic), res.SUCCESS, 'create again');
      code(await t.queryOffset(group, topic, 0, { setZeroIfNotFound: false }), res.QUERY_NOT_FOUND, 'offset of the group');
    },
  },
]);
