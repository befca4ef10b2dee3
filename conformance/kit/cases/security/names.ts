/** Names that would leave the store's directory, end a C string, fill memory or imitate the system's: refused, and nothing is made of them. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, oneOf, remarkMatches } from '../../expect.js';
import { stillServes } from '../frame/support.js';
import { createGroup, createTopic, refused, topicNames } from './support.js';

export const cases = defineCases('security', [
  {
    name: 'security.topic-traversal-refused',
    requirement: 'A topic whose name climbs out of a directory is refused and not created.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      const topic = `../../${t.topicName()}`;
      refused(t, await createTopic(t, topic), topic);
      equal((await topicNames(t)).includes(topic), false, 'whether the topic is there');
    },
  },
  {
    name: 'security.topic-backslash-refused',
    requirement: 'A topic whose name climbs out of a directory the Windows way is refused.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      refused(t, await createTopic(t, `..\\${t.topicName()}`), 'a topic with a backslash');
    },
  },
  {
    name: 'security.topic-dots-refused',
    requirement: 'The topics "." and ".." are refused.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      for (const topic of ['.', '..']) refused(t, await createTopic(t, topic), `topic ${topic}`);
    },
  },
  {
    name: 'security.topic-nul-refused',
    requirement: 'A topic with a NUL character is refused, not cut there.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      const topic = t.topicName();
      refused(t, await createTopic(t, `${topic}\0x`), 'a topic with NUL');
      equal((await topicNames(t)).includes(topic), false, 'whether the topic is there up to its NUL');
    },
  },
  {
    name: 'security.topic-line-break-refused',
    requirement: 'A topic with a line break, which would forge lines of logs and of configuration, is refused.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      refused(t, await createTopic(t, `${t.topicName()}\nroot=true`), 'a topic with a line break');
    },
  },
  {
    name: 'security.topic-beyond-ascii-refused',
    requirement: 'A topic with letters beyond ASCII, look-alikes among them, is refused.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      for (const letter of ['а', '日', '😀', '．', '／']) refused(t, await createTopic(t, `${t.topicName()}${letter}`), `a topic with ${letter}`);
    },
  },
  {
    name: 'security.topic-ten-kilobytes-refused',
    requirement: 'A topic of ten thousand characters is refused.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      refused(t, await createTopic(t, 'a'.repeat(10_000)), 'a topic of 10,000 characters');
    },
  },
  {
    name: 'security.topic-length-limit',
    requirement: 'A topic may have 127 characters and not 128.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      const topic = t.topicName().padEnd(127, 'x');
      code(await createTopic(t, topic), res.SUCCESS, 'a topic of 127 characters');
      refused(t, await createTopic(t, `${topic}x`), 'a topic of 128 characters');
    },
  },
  {
    name: 'security.topic-characters-allowed',
    requirement: 'Letters, digits, %, |, - and _ may stand in a topic.',
    level: 'MUST',
    source: 'TopicValidator#isTopicOrGroupIllegal',
    needs: ['admin'],
    versions: { from: '4.8.0' },
    async run(t) {
      const topic = `${t.topicName()}-_%|09azAZ`;
      code(await createTopic(t, topic), res.SUCCESS, `topic ${topic}`);
      await t.sendOk(topic, { body: 'x' });
      equal((await t.pullAll(topic, 1)).length, 1, 'messages of the topic');
    },
  },
  {
    name: 'security.send-to-traversal-refused',
    requirement: 'A message for a topic whose name climbs out of a directory is refused: no topic is created for it.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const topic = `../../${t.topicName()}`;
      refused(t, await t.send(topic), topic);
      equal((await topicNames(t)).includes(topic), false, 'whether the topic is there');
    },
  },
  {
    name: 'security.batch-to-traversal-refused',
    requirement: 'A batch for a topic whose name climbs out of a directory is refused.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#msgCheck',
    needs: ['batch'],
    async run(t) {
      refused(t, await t.sendBatch(`../../${t.topicName()}`, [{ body: 'x' }]), 'a batch');
    },
  },
  {
    name: 'security.pull-from-traversal-not-found',
    requirement: 'A pull from a topic whose name climbs out of a directory finds no such topic.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      code(await t.pull('../../../../etc/passwd'), res.TOPIC_NOT_EXIST, 'a pull');
    },
  },
  {
    name: 'security.offset-of-traversal-harmless',
    requirement: 'Asking for the offsets of a topic whose name climbs out of a directory answers 0 and makes no topic of it.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getMaxOffset',
    async run(t) {
      const topic = `../../${t.topicName()}`;
      equal((await t.maxOffset(topic)).offset, 0, 'max offset');
      equal((await topicNames(t)).includes(topic), false, 'whether the topic is there');
    },
  },
  {
    name: 'security.delete-of-traversal-harmless',
    requirement: 'Deleting a topic whose name climbs out of a directory deletes nothing: it is refused, or answered SUCCESS because there is no such topic.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteTopic',
    needs: ['admin'],
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      for (const name of [`../consumequeue/${topic}`, `x/../${topic}`, `${topic}/0`]) oneOf((await t.request(req.DELETE_TOPIC_IN_BROKER, { topic: name })).code, [res.SUCCESS, res.SYSTEM_ERROR, res.INVALID_PARAMETER], `code of deleting ${name}`);
      equal((await t.pullAll(topic, 2)).length, 2, 'messages of the topic that these names point to');
    },
  },
  {
    name: 'security.queue-file-of-traversal-not-read',
    requirement: 'QUERY_CONSUME_QUEUE reads no file for a topic whose name climbs out of a directory.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#queryConsumeQueue',
    async run(t) {
      const answer = await t.request(req.QUERY_CONSUME_QUEUE, { topic: '../commitlog', queueId: 0, index: 0, count: 10, consumerGroup: t.groupName() });
      code(answer, res.SYSTEM_ERROR, 'the query');
      equal(answer.body.length, 0, 'bytes of body');
    },
  },
  {
    name: 'security.group-traversal-refused',
    requirement: 'A subscription group whose name climbs out of a directory is refused and not created.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateSubscriptionGroup',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const group = `../../${t.groupName()}`;
      code(await createGroup(t, group), res.INVALID_PARAMETER, group);
      equal((await t.request(req.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)).body.includes(group), false, 'whether the group is there');
    },
  },
  {
    name: 'security.group-nul-refused',
    requirement: 'A subscription group with a NUL character is refused, not cut there.',
    level: 'MUST',
    source: 'TopicValidator#validateGroup',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      code(await createGroup(t, `${t.groupName()}\0x`), res.INVALID_PARAMETER, 'a group with NUL');
    },
  },
  {
    name: 'security.group-beyond-ascii-refused',
    requirement: 'A subscription group with letters beyond ASCII is refused.',
    level: 'MUST',
    source: 'TopicValidator#validateGroup',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      code(await createGroup(t, `${t.groupName()}группа`), res.INVALID_PARAMETER, 'a group with Cyrillic letters');
    },
  },
  {
    name: 'security.group-at-sign-refused',
    requirement: 'A subscription group with @, which separates topic and group in keys, is refused.',
    level: 'MUST',
    source: 'TopicValidator#validateGroup',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      code(await createGroup(t, `${t.groupName()}@x`), res.INVALID_PARAMETER, 'a group with @');
    },
  },
  {
    name: 'security.group-length-limit',
    requirement: 'A subscription group may have 120 characters and not 121.',
    level: 'MUST',
    source: 'TopicValidator#validateGroup',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const group = t.groupName().padEnd(120, 'x');
      code(await createGroup(t, group), res.SUCCESS, 'a group of 120 characters');
      const answer = await createGroup(t, `${group}x`);
      code(answer, res.INVALID_PARAMETER, 'a group of 121 characters');
      remarkMatches(answer, 'longer than group max length: 120', 'a group of 121 characters');
    },
  },
  {
    name: 'security.commit-for-illegal-group-refused',
    requirement: 'A commit for a group that is not there, its name climbing out of a directory, stores nothing.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#updateConsumerOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      code(await t.commitOffset(`../../${t.groupName()}`, topic, 0, 1), res.SUBSCRIPTION_GROUP_NOT_EXIST, 'the commit');
    },
  },
  {
    name: 'security.pull-of-illegal-group-refused',
    requirement: 'A pull by a group of ten thousand characters finds no such group and creates none.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#findSubscriptionGroupConfig',
    versions: { from: '5.0.0' },
    async run(t) {
      code(await t.pull(await t.topic({ queues: 1 }), { group: 'g'.repeat(10_000) }), res.SUBSCRIPTION_GROUP_NOT_EXIST, 'the pull');
    },
  },
  {
    name: 'security.heartbeat-creates-no-illegal-group',
    requirement: 'A heartbeat of a consumer group whose name climbs out of a directory creates no group and no retry topic; it is passed over or refused.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = `../../${t.groupName()}`;
      const answer = await t.heartbeat(t.groupName('client'), { consumers: [{ group, subscriptions: ['TBW102'] }] });
      oneOf(answer.code, [res.SUCCESS, res.INVALID_PARAMETER], 'code of the heartbeat');
      equal((await t.request(req.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)).body.includes(group), false, 'whether the group is there');
      equal((await topicNames(t)).includes(group), false, 'whether its retry topic is there');
    },
  },
  {
    name: 'security.client-id-only-a-name',
    requirement: 'A client id that climbs out of a directory is a name like another or refused; the endpoint serves on.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      oneOf((await t.heartbeat(`../../${t.groupName()}\0`, { producers: [t.groupName('p')] })).code, [res.SUCCESS, res.INVALID_PARAMETER], 'code of the heartbeat');
      await stillServes(await t.broker(), t.topicName());
    },
  },
  {
    name: 'security.topic-attribute-unknown-refused',
    requirement: 'A topic attribute that does not exist is refused, and the topic not created.',
    level: 'MUST',
    source: 'TopicConfigManager#updateTopicConfig (AttributeUtil#alterCurrentAttributes)',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = t.topicName();
      const answer = await createTopic(t, topic, { attributes: '+../../x=1' });
      code(answer, res.SYSTEM_ERROR, 'a topic with attribute ../../x');
      remarkMatches(answer, 'unsupported key: ../../x', 'a topic with attribute ../../x');
      equal((await topicNames(t)).includes(topic), false, 'whether the topic is there');
    },
  },
]);
