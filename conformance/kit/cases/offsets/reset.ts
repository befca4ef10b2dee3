/** Offsets reset at the broker (useServerSideResetOffset), and the offsets of broadcasting clients behind a proxy. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import { code, equal, notApplicable } from '../../expect.js';
import { json } from '../../session.js';

/** Resets one queue to an offset; not applicable where the broker leaves resets to its clients. */
async function reset(t: Context, group: string, topic: string, offset: number, queueId = 0): Promise<Answer> {
  const config = await t.request(req.GET_BROKER_CONFIG);
  if (!/^useServerSideResetOffset=true\r?$/m.test(config.body.toString('utf8'))) notApplicable('the broker does not keep resets itself (useServerSideResetOffset)');
  return t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group, queueId, offset, timestamp: -1, isForce: true });
}

const since = { from: '5.0.0' } as const;
const needs = ['config-read'] as const;

export const cases = defineCases('offsets', [
  {
    name: 'offsets.reset-moves-next-pull',
    requirement: 'After a reset the next pull of the group, wherever it asks, is answered PULL_OFFSET_MOVED, remark OFFSET_RESET, with the new offset; the pull after that is an ordinary one.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, queryThenEraseResetOffset',
    versions: since,
    needs,
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 4);
      await t.pullAll(topic, 4);
      code(await reset(t, group, topic, 1), res.SUCCESS, 'reset');
      const moved = await t.pull(topic, { group, offset: 3 });
      code(moved, res.PULL_OFFSET_MOVED, 'the first pull');
      equal([moved.remark, moved.nextBeginOffset, moved.minOffset, moved.maxOffset], ['OFFSET_RESET', 1, 0, 4], 'remark, nextBeginOffset, minOffset, maxOffset');
      code(await t.pull(topic, { group, offset: 3 }), res.SUCCESS, 'the second pull');
    },
  },
  {
    name: 'offsets.reset-answers-query',
    requirement: 'A reset is what QUERY_CONSUMER_OFFSET answers, before and after the pull that takes it.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#assignResetOffset, queryOffset',
    versions: since,
    needs,
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 4);
      await t.pullAll(topic, 4);
      await t.commitOffset(group, topic, 0, 4);
      code(await reset(t, group, topic, 2), res.SUCCESS, 'reset');
      equal((await t.queryOffset(group, topic)).offset, 2, 'offset before the pull');
      await t.pull(topic, { group, offset: 4 });
      equal((await t.queryOffset(group, topic)).offset, 2, 'offset after the pull');
    },
  },
  {
    name: 'offsets.reset-shuts-out-commits',
    requirement: 'While a reset waits for its pull, commits are acknowledged and ignored, with a remark that says so.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#updateConsumerOffset, hasOffsetReset',
    versions: since,
    needs,
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 4);
      await t.pullAll(topic, 4);
      code(await reset(t, group, topic, 1), res.SUCCESS, 'reset');
      const commit = await t.commitOffset(group, topic, 0, 4);
      code(commit, res.SUCCESS, 'commit');
      equal(commit.remark, 'Offset has been previously reset', 'remark');
      await t.pull(topic, { group, offset: 4 });
      equal((await t.queryOffset(group, topic)).offset, 1, 'offset after the pull that took the reset');
      code(await t.commitOffset(group, topic, 0, 3), res.SUCCESS, 'commit after that pull');
      equal((await t.queryOffset(group, topic)).offset, 3, 'offset after that commit');
    },
  },
  {
    name: 'offsets.reset-only-its-queue',
    requirement: 'A reset of one queue leaves pulls and commits of the others alone.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#assignResetOffset',
    versions: since,
    needs,
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      for (const queueId of [0, 1]) await t.fill(topic, 2, { queueId });
      for (const queueId of [0, 1]) await t.pullAll(topic, 2, { queueId });
      code(await reset(t, group, topic, 1, 0), res.SUCCESS, 'reset of queue 0');
      code(await t.pull(topic, { group, queueId: 1 }), res.SUCCESS, 'pull of queue 1');
      equal((await t.commitOffset(group, topic, 1, 2)).remark, undefined, 'remark of a commit for queue 1');
    },
  },
  {
    name: 'offsets.reset-out-of-range',
    requirement: 'A reset of one queue to an offset more than one past its end is SYSTEM_ERROR with the range in the remark.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#resetOffsetInner',
    versions: since,
    needs,
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      code(await reset(t, group, topic, 3), res.SUCCESS, 'reset to 3 of 2');
      const answer = await reset(t, group, topic, 4);
      code(answer, res.SYSTEM_ERROR, 'reset to 4 of 2');
      equal(answer.remark, 'Target offset 4 not in consume queue range [0-2]', 'remark');
    },
  },
  {
    name: 'offsets.reset-answer-names-queues',
    requirement: 'The answer of a reset of the whole topic lists every read queue with its new offset.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#resetOffsetInner, ResetOffsetBody',
    versions: since,
    needs,
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      const group = await t.group();
      await t.fill(topic, 3, { queueId: 1 });
      await t.pullAll(topic, 3, { queueId: 1 });
      await reset(t, group, topic, 0);
      const answer = await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group, queueId: -1, timestamp: -1, isForce: true });
      code(answer, res.SUCCESS, 'reset');
      const table = JSON.stringify(json(answer));
      t.note(`body: ${answer.body.toString('utf8')}`);
      equal([table.includes('offsetTable'), table.includes(topic)], [true, true], 'whether the body has an offsetTable with the topic');
      equal([(await t.queryOffset(group, topic, 0)).offset, (await t.queryOffset(group, topic, 1)).offset], [0, 3], 'offsets of queue 0 and 1');
    },
  },
  {
    name: 'offsets.reset-unknown-names',
    requirement: 'A reset for an unknown topic is TOPIC_NOT_EXIST, for an unknown group SUBSCRIPTION_GROUP_NOT_EXIST.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#resetOffsetInner',
    versions: since,
    needs,
    async run(t) {
      code(await reset(t, await t.group(), t.topicName(), 0), res.TOPIC_NOT_EXIST, 'unknown topic');
      code(await reset(t, t.groupName(), await t.topic(), 0), res.SUBSCRIPTION_GROUP_NOT_EXIST, 'unknown group');
    },
  },
  {
    name: 'offsets.proxy-broadcast-begins',
    requirement: 'A broadcasting client behind a proxy (requestSource 1) that pulls at -1 is told with PULL_OFFSET_MOVED, remark OFFSET_RESET, where to begin.',
    level: 'SHOULD',
    source: 'BroadcastOffsetManager#queryInitOffset',
    versions: since,
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      const answer = await t.pull(topic, { group, offset: -1, ext: { requestSource: 1, proxyFrowardClientId: 'behind-proxy' } });
      code(answer, res.PULL_OFFSET_MOVED, 'pull at -1');
      equal([answer.remark, answer.nextBeginOffset], ['OFFSET_RESET', 0], 'remark and nextBeginOffset');
    },
  },
  {
    name: 'offsets.proxy-broadcast-resumes',
    requirement: 'A broadcasting client behind a proxy that pulls at -1 again goes on where it pulled last, each client on its own.',
    level: 'SHOULD',
    source: 'BroadcastOffsetManager#updateOffset, queryInitOffset',
    versions: since,
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 4);
      await t.pullAll(topic, 4);
      const pull = (client: string, offset: number) => t.pull(topic, { group, offset, max: 1, ext: { requestSource: 1, proxyFrowardClientId: client } });
      await pull('one', 3);
      await pull('two', 1);
      equal([(await pull('one', -1)).nextBeginOffset, (await pull('two', -1)).nextBeginOffset], [3, 1], 'where client one and client two go on');
    },
  },
]);
