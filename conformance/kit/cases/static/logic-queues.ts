/** Static topics on one broker: requests name logic queues, which lie in queues of other numbers and begin at other offsets. Two brokers: interop/static-topics. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, isTrue, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';

const versions = { from: '5.0.0' } as const;
const needs = ['static-topic'] as const;

interface Item {
  readonly queueId: number;
  readonly logicOffset: number;
  readonly bname?: string;
  readonly gen?: number;
}

/** Maps logic queues of a topic with two queues; each value is the list of its items. */
function map(t: Context, topic: string, hosted: Readonly<Record<number, readonly Item[]>>, epoch = 1000) {
  const own = t.endpoint.brokerName;
  const hostedQueues = Object.fromEntries(Object.entries(hosted).map(([id, items]) => [id, items.map((item, gen) =>
    ({ gen, bname: own, startOffset: 0, endOffset: -1, timeOfStart: -1, timeOfEnd: -1, ...item }))]));
  return t.request(req.UPDATE_AND_CREATE_STATIC_TOPIC,
    { topic, defaultTopic: 'TBW102', readQueueNums: 2, writeQueueNums: 2, perm: 6, topicFilterType: 'SINGLE_TAG', order: false, topicSysFlag: 0, force: false, lo: true },
    { body: JSON.stringify({ topic, bname: own, epoch, totalQueues: 2, scope: '__global__', dirty: false, currIdMap: {}, hostedQueues }) });
}

/** Logic queue 0 lies in queue 1 from offset 0 on, logic queue 1 in queue 0 from 5000 on. */
async function crossed(t: Context): Promise<string> {
  const topic = t.topicName();
  t.forgetTopic(topic);
  code(await map(t, topic, { 0: [{ queueId: 1, logicOffset: 0 }], 1: [{ queueId: 0, logicOffset: 5000 }] }), res.SUCCESS, 'UPDATE_AND_CREATE_STATIC_TOPIC');
  return topic;
}

export const cases = defineCases('static', [
  {
    name: 'static.send-answers-logic-place',
    requirement: 'A send to a logic queue is stored in the queue it lies in and answered with the logic queue and its offset.',
    level: 'MUST', versions, needs,
    source: 'SendMessageProcessor#rewriteResponseForStaticTopic',
    async run(t) {
      const topic = await crossed(t);
      const [zero, one] = [await t.sendOk(topic, { queueId: 0 }), await t.sendOk(topic, { queueId: 1 })];
      equal([zero.queueId, zero.queueOffset, one.queueId, one.queueOffset], [0, 0, 1, 5000], 'queueId and queueOffset of both');
      const physical = await t.until('the physical queue has it', async () => {
        const answer = await t.request(req.GET_MAX_OFFSET, { topic, queueId: 0, lo: false });
        return answer.ext['offset'] === '1' ? answer : undefined;
      }, 10_000);
      equal(physical?.ext['offset'], '1', 'GET_MAX_OFFSET of physical queue 0');
    },
  },
  {
    name: 'static.pull-answers-logic-offsets',
    requirement: 'A pull of a logic queue takes and answers offsets of the logic queue, and tells the difference to those of the messages.',
    level: 'MUST', versions, needs,
    source: 'PullMessageProcessor#rewriteResponseForStaticTopic',
    async run(t) {
      const topic = await crossed(t);
      for (let i = 0; i < 3; i++) await t.sendOk(topic, { queueId: 1, body: `${i}` });
      await t.until('all are there', async () => (await t.pull(topic, { queueId: 1, offset: 5000 })).messages.length === 3, 10_000);
      const answer = await t.pull(topic, { queueId: 1, offset: 5001 });
      equal([answer.messages.map((m) => [m.queueOffset, m.body.toString()]), answer.ext['nextBeginOffset'], answer.ext['minOffset'], answer.ext['maxOffset'], answer.ext['offsetDelta']],
        [[[1, '1'], [2, '2']], '5003', '5000', '5003', '5000'], 'messages, nextBeginOffset, minOffset, maxOffset, offsetDelta');
    },
  },
  {
    name: 'static.offsets-are-logic',
    requirement: 'Max, min, commit and query of a logic queue are in its offsets.',
    level: 'MUST', versions, needs,
    source: 'AdminBrokerProcessor#rewriteRequestForStaticTopic',
    async run(t) {
      const topic = await crossed(t);
      const group = await t.group();
      for (let i = 0; i < 3; i++) await t.sendOk(topic, { queueId: 1 });
      await t.until('all are there', async () => (await t.maxOffset(topic, 1)).offset === 5003, 10_000);
      equal((await t.minOffset(topic, 1)).offset, 5000, 'min offset');
      code(await t.commitOffset(group, topic, 1, 5002), res.SUCCESS, 'commit');
      equal((await t.queryOffset(group, topic, 1)).offset, 5002, 'committed offset');
    },
  },
  {
    name: 'static.unknown-queue-not-led',
    requirement: 'A request for a logic queue that the broker does not lead is answered NOT_LEADER_FOR_QUEUE.',
    level: 'MUST', versions, needs,
    source: 'TopicQueueMappingManager#rewriteRequestForStaticTopic',
    async run(t) {
      const topic = await crossed(t);
      const answer = await t.send(topic, { queueId: 7 });
      code(answer, 501, 'send to logic queue 7');
      remarkMatches(answer, `${topic}-7 does not exit in request process of current broker`, 'send to logic queue 7');
      code(await t.pull(topic, { queueId: 7 }), 501, 'pull of logic queue 7');
    },
  },
  {
    name: 'static.mapping-in-topic-config',
    requirement: 'GET_TOPIC_CONFIG with lo=true tells the mapping, without it only the configuration.',
    level: 'MUST', versions, needs,
    source: 'AdminBrokerProcessor#getTopicConfig',
    async run(t) {
      const topic = await crossed(t);
      const asked = json(await t.request(req.GET_TOPIC_CONFIG, { topic, lo: true })) as { mappingDetail?: { hostedQueues?: object; epoch?: number } };
      equal([asked.mappingDetail?.epoch, Object.keys(asked.mappingDetail?.hostedQueues ?? {}).sort()], [1000, ['0', '1']], 'epoch and logic queues');
      const plain = json(await t.request(req.GET_TOPIC_CONFIG, { topic })) as { mappingDetail?: object };
      isTrue(plain.mappingDetail === undefined, 'no mapping without lo');
    },
  },
  {
    name: 'static.smaller-epoch-refused',
    requirement: 'A mapping with a smaller epoch than the stored one is refused with SYSTEM_ERROR.',
    level: 'MUST', versions, needs,
    source: 'TopicQueueMappingManager#updateTopicQueueMapping',
    async run(t) {
      const topic = await crossed(t);
      const answer = await map(t, topic, { 0: [{ queueId: 1, logicOffset: 0 }] }, 999);
      code(answer, res.SYSTEM_ERROR, 'mapping with epoch 999');
      remarkMatches(answer, "Can't accept data with small epoch 999 < 1000", 'mapping with epoch 999');
    },
  },
  {
    name: 'static.generations-must-grow',
    requirement: 'Items of a logic queue whose generations do not grow are refused.',
    level: 'SHOULD', versions, needs,
    source: 'TopicQueueMappingUtils#checkLogicQueueMappingItemOffset',
    async run(t) {
      const topic = t.topicName();
      t.forgetTopic(topic);
      const answer = await map(t, topic, { 0: [{ queueId: 0, logicOffset: 0, gen: 1 }, { queueId: 1, logicOffset: 100, gen: 1 }] });
      code(answer, res.SYSTEM_ERROR, 'two items of one generation');
      remarkMatches(answer, 'The gen does not increase monotonically', 'two items of one generation');
    },
  },
]);
