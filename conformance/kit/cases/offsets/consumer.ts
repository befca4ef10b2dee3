/** Consumer offsets: new groups, commits, refusals. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField } from '../../expect.js';

export const cases = defineCases('offsets', [
  {
    name: 'offsets.new-group-of-filled-queue',
    requirement: 'The offset of a group that committed none is 0 where the queue begins at 0 and its first message is still in memory.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#queryConsumerOffset, checkInMemByConsumeOffset',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      const answer = await t.queryOffset(await t.group(), topic);
      code(answer, res.SUCCESS, 'query');
      equal(answer.offset, 0, 'offset');
    },
  },
  {
    name: 'offsets.new-group-of-empty-queue',
    requirement: 'The offset of a group that committed none, for a queue without a message, is QUERY_NOT_FOUND and no field.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#queryConsumerOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const answer = await t.queryOffset(await t.group(), await t.topic());
      code(answer, res.QUERY_NOT_FOUND, 'query');
      equal([answer.remark, answer.ext['offset']], ['Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first', undefined], 'remark and offset');
    },
  },
  {
    name: 'offsets.new-group-of-unknown-topic',
    requirement: 'The offset of a group in a topic that does not exist is QUERY_NOT_FOUND.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#queryConsumerOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      code(await t.queryOffset(await t.group(), t.topicName()), res.QUERY_NOT_FOUND, 'query');
    },
  },
  {
    name: 'offsets.zero-rule-switched-off',
    requirement: 'With setZeroIfNotFound false a group that committed none gets QUERY_NOT_FOUND though the first message is in memory.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#queryConsumerOffset, setZeroIfNotFound',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      const answer = await t.queryOffset(await t.group(), topic, 0, { setZeroIfNotFound: false });
      code(answer, res.QUERY_NOT_FOUND, 'query');
      equal(answer.remark, 'Not found, do not set to zero, maybe this group boot first', 'remark');
    },
  },
  {
    name: 'offsets.zero-rule-asked-for',
    requirement: 'With setZeroIfNotFound true the answer is as without the field: 0 for a queue with messages, QUERY_NOT_FOUND for one without.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#queryConsumerOffset, setZeroIfNotFound',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      equal((await t.queryOffset(group, topic, 0, { setZeroIfNotFound: true })).offset, 0, 'offset of the filled queue');
      code(await t.queryOffset(group, topic, 1, { setZeroIfNotFound: true }), res.QUERY_NOT_FOUND, 'query of the empty queue');
    },
  },
  {
    name: 'offsets.committed-whatever-zero-rule',
    requirement: 'A committed offset is answered whether setZeroIfNotFound is true, false or absent.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#queryConsumerOffset',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.commitOffset(group, topic, 0, 7);
      for (const ext of [{}, { setZeroIfNotFound: true }, { setZeroIfNotFound: false }]) equal((await t.queryOffset(group, topic, 0, ext)).offset, 7, `offset with ${JSON.stringify(ext)}`);
    },
  },
  {
    name: 'offsets.query-does-not-check-group',
    requirement: 'QUERY_CONSUMER_OFFSET does not ask whether the group exists: an unknown one is treated as a new one.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#queryConsumerOffset',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      const answer = await t.queryOffset(t.groupName(), topic);
      code(answer, res.SUCCESS, 'query of an unknown group');
      equal(answer.offset, 0, 'offset');
    },
  },
  {
    name: 'offsets.commit-unknown-group',
    requirement: 'A commit of an unknown group is answered SUBSCRIPTION_GROUP_NOT_EXIST, and the group is not created.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#updateConsumerOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = t.groupName();
      t.forgetGroup(group);
      const answer = await t.commitOffset(group, topic, 0, 1);
      code(answer, res.SUBSCRIPTION_GROUP_NOT_EXIST, 'commit');
      equal(answer.remark, `Group ${group} not exist!`, 'remark');
      code(await t.commitOffset(group, topic, 0, 1), res.SUBSCRIPTION_GROUP_NOT_EXIST, 'the same commit again');
    },
  },
  {
    name: 'offsets.commit-unknown-topic',
    requirement: 'A commit for an unknown topic is answered TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#updateConsumerOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = t.topicName();
      const answer = await t.commitOffset(await t.group(), topic, 0, 1);
      code(answer, res.TOPIC_NOT_EXIST, 'commit');
      equal(answer.remark, `Topic ${topic} not exist!`, 'remark');
    },
  },
  {
    name: 'offsets.commit-group-checked-first',
    requirement: 'A commit with both group and topic unknown is told about the group.',
    level: 'SHOULD',
    source: 'ConsumerManageProcessor#updateConsumerOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      code(await t.commitOffset(t.groupName(), t.topicName(), 0, 1), res.SUBSCRIPTION_GROUP_NOT_EXIST, 'commit');
    },
  },
  {
    name: 'offsets.commit-without-offset',
    requirement: 'A commit without commitOffset is answered INVALID_PARAMETER and stores nothing.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#updateConsumerOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      const answer = await t.commitOffset(group, topic, 0, 1, { commitOffset: undefined });
      code(answer, res.INVALID_PARAMETER, 'commit');
      equal(answer.remark, `Offset is null, topic is ${topic}`, 'remark');
      code(await t.queryOffset(group, topic), res.QUERY_NOT_FOUND, 'query');
    },
  },
  {
    name: 'offsets.commit-past-end',
    requirement: 'A commit past the end of the queue is accepted and stored as it is.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#commitOffset',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      code(await t.commitOffset(group, topic, 0, 1_000_000), res.SUCCESS, 'commit');
      equal((await t.queryOffset(group, topic)).offset, 1_000_000, 'offset');
    },
  },
  {
    name: 'offsets.commit-largest',
    requirement: 'The largest 64-bit offset is stored and answered without loss.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#commitOffset',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      code(await t.commitOffset(group, topic, 0, 9223372036854775807n), res.SUCCESS, 'commit');
      hasField(await t.queryOffset(group, topic), 'offset', '9223372036854775807', 'query');
    },
  },
  {
    name: 'offsets.commit-negative',
    requirement: 'A negative commit is accepted, and then the group counts as one that committed none.',
    level: 'SHOULD',
    source: 'ConsumerOffsetManager#commitOffset, queryOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      code(await t.commitOffset(group, topic, 0, 3), res.SUCCESS, 'commit of 3');
      code(await t.commitOffset(group, topic, 0, -1), res.SUCCESS, 'commit of -1');
      code(await t.queryOffset(group, topic), res.QUERY_NOT_FOUND, 'query in an empty queue');
    },
  },
  {
    name: 'offsets.commit-unknown-queue',
    requirement: 'A commit for a queue that the topic does not have is accepted and stored.',
    level: 'SHOULD',
    source: 'ConsumerManageProcessor#updateConsumerOffset',
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      const group = await t.group();
      code(await t.commitOffset(group, topic, 77, 5), res.SUCCESS, 'commit');
      equal((await t.queryOffset(group, topic, 77)).offset, 5, 'offset');
    },
  },
  {
    name: 'offsets.by-group-topic-and-queue',
    requirement: 'Offsets of different groups, topics and queues do not touch one another.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#commitOffset, key topic@group',
    async run(t) {
      const [a, b] = [await t.topic({ suffix: 'a' }), await t.topic({ suffix: 'b' })];
      const [g, h] = [await t.group({ suffix: 'g' }), await t.group({ suffix: 'h' })];
      await t.commitOffset(g, a, 0, 1);
      await t.commitOffset(g, a, 1, 2);
      await t.commitOffset(g, b, 0, 3);
      await t.commitOffset(h, a, 0, 4);
      const seen = [await t.queryOffset(g, a, 0), await t.queryOffset(g, a, 1), await t.queryOffset(g, b, 0), await t.queryOffset(h, a, 0)];
      equal(seen.map((answer) => answer.offset), [1, 2, 3, 4], 'offsets');
    },
  },
  {
    name: 'offsets.oneway-commit',
    requirement: 'A commit sent oneway is stored and not answered.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#updateConsumerOffset',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      const connection = await t.connect('broker', { label: 'oneway' });
      const opaque = connection.oneway(req.UPDATE_CONSUMER_OFFSET, { consumerGroup: group, topic, queueId: 0, commitOffset: 6 });
      await t.until('the offset is stored', async () => (await t.queryOffset(group, topic)).offset === 6);
      const answered = connection.nextFrame((frame) => frame.opaque === opaque, 100).then(() => true, () => false);
      equal(await answered, false, 'whether the oneway commit was answered');
    },
  },
  {
    name: 'offsets.forgotten-with-topic',
    requirement: 'The offsets of a topic are gone once it was deleted, also when a topic of that name is created again.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteTopic, cleanOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.commitOffset(group, topic, 0, 5);
      code(await t.request(req.DELETE_TOPIC_IN_BROKER, { topic }), res.SUCCESS, 'delete the topic');
      code(await t.queryOffset(group, topic), res.QUERY_NOT_FOUND, 'query');
    },
  },
  {
    name: 'offsets.forgotten-with-group-if-asked',
    requirement: 'Deleting a group with cleanOffset forgets its offsets.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteSubscriptionGroup, cleanOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.commitOffset(group, topic, 0, 5);
      code(await t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName: group, cleanOffset: true }), res.SUCCESS, 'delete the group');
      code(await t.queryOffset(group, topic), res.QUERY_NOT_FOUND, 'query');
    },
  },
]);
