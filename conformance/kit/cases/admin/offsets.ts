/** Offsets in the hands of an administrator: reset, listings, and the entries of a queue. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, isTrue, notCode, present, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';
import { offsetTable } from './support.js';

/** The offset stored for queue 0, or NaN. */
const stored = async (t: Context, group: string, topic: string): Promise<number> => (await t.queryOffset(group, topic, 0, { setZeroIfNotFound: false })).offset;

interface QueueEntries {
  readonly minQueueIndex: number;
  readonly maxQueueIndex: number;
  readonly filterData?: string;
  readonly queueData?: readonly { readonly physicOffset: number; readonly physicSize: number; readonly tagsCode: number }[];
}

export const cases = defineCases('admin', [
  {
    name: 'admin.reset-offset.unknown-topic',
    requirement: 'A reset of offsets of a topic that is not there is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#resetOffset',
    versions: { from: '5.1.0' },
    async run(t) {
      code(await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic: t.topicName(), group: await t.group(), timestamp: -1, isForce: true }), res.TOPIC_NOT_EXIST, 'reset');
    },
  },
  {
    name: 'admin.reset-offset.unknown-group',
    requirement: 'A reset of offsets of a group that is not there is SUBSCRIPTION_GROUP_NOT_EXIST.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#resetOffsetInner',
    versions: { from: '5.1.0' },
    async run(t) {
      const group = t.groupName();
      const answer = await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic: await t.topic(), group, timestamp: -1, isForce: true });
      code(answer, res.SUBSCRIPTION_GROUP_NOT_EXIST, 'reset');
      equal(answer.remark, `Group ${group} does not exist`, 'remark');
    },
  },
  {
    name: 'admin.reset-offset.latest',
    requirement: 'A reset with the timestamp -1 answers the next offset of every queue.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#resetOffsetInner',
    versions: { from: '5.1.0' },
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      const group = await t.group();
      await t.fill(topic, 3, { queueId: 1 });
      await t.pullAll(topic, 3, { queueId: 1 });
      const answer = await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group, timestamp: -1, isForce: true });
      code(answer, res.SUCCESS, 'reset');
      equal(offsetTable<number>(answer), { 0: 0, 1: 3 }, 'offsetTable');
    },
  },
  {
    name: 'admin.reset-offset.by-time',
    requirement: 'A reset to a time before all messages answers the first offset.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#resetOffsetInner',
    versions: { from: '5.1.0' },
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      code(await t.commitOffset(group, topic, 0, 3), res.SUCCESS, 'commit');
      const answer = await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group, timestamp: t.now() - 3_600_000, isForce: true });
      code(answer, res.SUCCESS, 'reset');
      equal(offsetTable<number>(answer), { 0: 0 }, 'offsetTable');
    },
  },
  {
    name: 'admin.reset-offset.to-offset',
    requirement: 'A reset with queueId and offset answers that offset of that queue alone.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#resetOffsetInner',
    versions: { from: '5.1.0' },
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      const group = await t.group();
      await t.fill(topic, 3, { queueId: 1 });
      await t.pullAll(topic, 3, { queueId: 1 });
      const answer = await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group, queueId: 1, offset: 2, timestamp: 0, isForce: true });
      code(answer, res.SUCCESS, 'reset');
      equal(offsetTable<number>(answer), { 1: 2 }, 'offsetTable');
    },
  },
  {
    name: 'admin.reset-offset.beyond-end-refused',
    requirement: 'A reset to an offset more than one past the end of the queue is SYSTEM_ERROR with a remark that tells the range.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#resetOffsetInner',
    versions: { from: '5.1.0' },
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      const answer = await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group: await t.group(), queueId: 0, offset: 5, timestamp: 0, isForce: true });
      code(answer, res.SYSTEM_ERROR, 'reset');
      equal(answer.remark, 'Target offset 5 not in consume queue range [0-3]', 'remark');
    },
  },
  {
    name: 'admin.reset-offset.seen-by-pull',
    requirement: 'The next pull after a reset is PULL_OFFSET_MOVED and answers the reset offset as nextBeginOffset.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#queryThenEraseResetOffset',
    versions: { from: '5.1.0' },
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await t.fill(topic, 5);
      await t.pullAll(topic, 5, { group });
      code(await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group, queueId: 0, offset: 1, timestamp: 0, isForce: true }), res.SUCCESS, 'reset');
      const moved = await t.pull(topic, { group, offset: 5 });
      code(moved, res.PULL_OFFSET_MOVED, 'pull after the reset');
      equal(moved.nextBeginOffset, 1, 'nextBeginOffset');
      equal((await t.pull(topic, { group, offset: 1 })).messages.length, 4, 'messages of the pull after that');
    },
  },
  {
    name: 'admin.reset-offset.stored',
    requirement: 'A reset moves the offset that QUERY_CONSUMER_OFFSET answers.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#assignResetOffset',
    versions: { from: '5.1.0' },
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await t.fill(topic, 5);
      await t.pullAll(topic, 5);
      code(await t.commitOffset(group, topic, 0, 5), res.SUCCESS, 'commit');
      code(await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group, queueId: 0, offset: 1, timestamp: 0, isForce: true }), res.SUCCESS, 'reset');
      equal(await stored(t, group, topic), 1, 'offset');
    },
  },
  {
    name: 'admin.offsets.all',
    requirement: 'GET_ALL_CONSUMER_OFFSET has the offsets of a group under topic@group, by queue.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getAllConsumerOffset',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 3);
      code(await t.commitOffset(group, topic, 0, 2), res.SUCCESS, 'commit of queue 0');
      code(await t.commitOffset(group, topic, 3, 0), res.SUCCESS, 'commit of queue 3');
      const answer = await t.request(req.GET_ALL_CONSUMER_OFFSET);
      code(answer, res.SUCCESS, 'offsets');
      equal((json(answer) as { readonly offsetTable: Readonly<Record<string, Readonly<Record<string, number>>>> }).offsetTable[`${topic}@${group}`], { 0: 2, 3: 0 }, 'offsets');
    },
  },
  {
    name: 'admin.delay-offsets.table',
    requirement: 'GET_ALL_DELAY_OFFSET answers a table of offsets by delay level.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getAllDelayOffset',
    needs: ['delay-level'],
    async run(t) {
      const answer = await t.request(req.GET_ALL_DELAY_OFFSET);
      code(answer, res.SUCCESS, 'offsets');
      const { offsetTable: table } = json(answer) as { readonly offsetTable: Readonly<Record<string, number>> };
      isTrue(Object.entries(table).every(([level, offset]) => /^\d+$/.test(level) && Number.isSafeInteger(offset)), `levels and offsets: ${JSON.stringify(table)}`);
    },
  },
  {
    name: 'admin.queue-entries.listed',
    requirement: 'QUERY_CONSUME_QUEUE answers place, size and tags code of entries from an index on.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#queryConsumeQueue',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3, { tags: 'a' });
      const messages = await t.pullAll(topic, 3);
      const answer = await t.request(req.QUERY_CONSUME_QUEUE, { topic, queueId: 0, index: 1, count: 1 });
      code(answer, res.SUCCESS, 'entries');
      const body = json(answer) as QueueEntries;
      equal([body.minQueueIndex, body.maxQueueIndex], [0, 3], 'minQueueIndex and maxQueueIndex');
      const entry = present(body.queueData?.[0], 'entry');
      equal([body.queueData?.length, entry.physicOffset, entry.physicSize, entry.tagsCode], [1, messages[1]?.phyOffset, messages[1]?.recordBytes, 97], 'entries, physicOffset, physicSize, tagsCode');
    },
  },
  {
    name: 'admin.queue-entries.past-end',
    requirement: 'QUERY_CONSUME_QUEUE of an index past the end is answered SUCCESS without entries.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#queryConsumeQueue',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      const answer = await t.request(req.QUERY_CONSUME_QUEUE, { topic, queueId: 0, index: 10, count: 1 });
      code(answer, res.SUCCESS, 'entries');
      isTrue(answer.body.length === 0 || ((json(answer) as QueueEntries).queueData ?? []).length === 0, 'there are no entries');
    },
  },
  {
    name: 'admin.queue-entries.group-offline',
    requirement: 'QUERY_CONSUME_QUEUE with a group that is not online says so in filterData and answers the entries.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#queryConsumeQueue',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      const body = json(await t.request(req.QUERY_CONSUME_QUEUE, { topic, queueId: 0, index: 0, count: 5, consumerGroup: group })) as QueueEntries;
      equal([body.filterData, body.queueData?.length], [`${group}@${topic} is not online!`, 1], 'filterData and entries');
    },
  },
  {
    name: 'admin.queue-entries.unknown-queue',
    requirement: 'QUERY_CONSUME_QUEUE of a queue without any message is refused or has no entries.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#queryConsumeQueue',
    async run(t) {
      const answer = await t.request(req.QUERY_CONSUME_QUEUE, { topic: t.topicName(), queueId: 0, index: 0, count: 1 });
      if (answer.code === res.SUCCESS) equal(answer.body.length === 0 ? [] : ((json(answer) as QueueEntries).queueData ?? []), [], 'entries');
      else remarkMatches(answer, 'is not exist!', 'queue that is not there');
    },
  },
  {
    name: 'admin.resume-half.bad-id-refused',
    requirement: 'RESUME_CHECK_HALF_MESSAGE with an id that is none is SYSTEM_ERROR.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#resumeCheckHalfMessage',
    needs: ['transaction'],
    async run(t) {
      notCode(await t.request(req.RESUME_CHECK_HALF_MESSAGE, { msgId: 'none' }), res.SUCCESS, 'resume');
    },
  },
]);
