/** Priority topics: the queue a priority selects, and the order in which POP reads queues. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal } from '../../expect.js';

const attributes = { 'message.type': 'PRIORITY' } as const;
const priority = (value: number | string): Readonly<Record<string, string>> => ({ _SYS_MSG_PRIORITY_: String(value) });

export const cases = defineCases('priority', [
  {
    name: 'priority.send.selects-queue',
    requirement: 'On a topic of type PRIORITY the priority of a message is the id of its queue, whatever queue the request names.',
    level: 'MUST',
    source: 'SendMessageProcessor',
    versions: { from: '5.4.0' },
    needs: ['priority'],
    async run(t) {
      const topic = await t.topic({ queues: 4, attributes });
      for (const value of [0, 2, 3]) equal((await t.sendOk(topic, { queueId: 1, properties: priority(value) })).queueId, value, `queue of priority ${value}`);
    },
  },
  {
    name: 'priority.send.on-any-topic',
    requirement: 'The priority of a message selects its queue on a topic of any type, as long as the message itself is of no other type.',
    level: 'MUST',
    source: 'TopicMessageType#parseFromMessageProperty',
    versions: { from: '5.4.0' },
    needs: ['priority'],
    async run(t) {
      const topic = await t.topic({ queues: 4, attributes: { 'message.type': 'NORMAL' } });
      equal((await t.sendOk(topic, { queueId: 1, properties: priority(3) })).queueId, 3, 'queue');
    },
  },
  {
    name: 'priority.send.dropped-from-ordered-message',
    requirement: 'A message with an order key keeps its queue and loses its priority.',
    level: 'MUST',
    source: 'SendMessageProcessor',
    versions: { from: '5.4.0' },
    needs: ['priority'],
    async run(t) {
      const topic = await t.topic({ queues: 4 });
      equal((await t.sendOk(topic, { queueId: 1, properties: { ...priority(3), __SHARDINGKEY: 'key' } })).queueId, 1, 'queue');
      equal((await t.pullAll(topic, 1, { queueId: 1 })).map((message) => message.properties['_SYS_MSG_PRIORITY_']), [undefined], 'priorities');
    },
  },
  {
    name: 'priority.send.above-last-queue',
    requirement: 'A priority above the last queue is that of the last queue.',
    level: 'MUST',
    source: 'SendMessageProcessor',
    versions: { from: '5.4.0' },
    needs: ['priority'],
    async run(t) {
      const topic = await t.topic({ queues: 3, attributes });
      equal((await t.sendOk(topic, { queueId: 0, properties: priority(99) })).queueId, 2, 'queue');
    },
  },
  {
    name: 'priority.send.kept-as-property',
    requirement: 'The stored message keeps its priority as property _SYS_MSG_PRIORITY_.',
    level: 'MUST',
    source: 'SendMessageProcessor',
    versions: { from: '5.4.0' },
    needs: ['priority'],
    async run(t) {
      const topic = await t.topic({ queues: 3, attributes });
      await t.sendOk(topic, { properties: priority(1) });
      equal((await t.pullAll(topic, 1, { queueId: 1 })).map((message) => message.properties['_SYS_MSG_PRIORITY_']), ['1'], 'priorities');
    },
  },
  {
    name: 'priority.send.without-priority',
    requirement: 'A message without priority is stored in the queue the request names.',
    level: 'MUST',
    source: 'SendMessageProcessor',
    versions: { from: '5.4.0' },
    needs: ['priority'],
    async run(t) {
      const topic = await t.topic({ queues: 4, attributes });
      equal((await t.sendOk(topic, { queueId: 2 })).queueId, 2, 'queue');
    },
  },
  {
    name: 'priority.send.negative-ignored',
    requirement: 'A negative priority selects no queue.',
    level: 'MUST',
    source: 'Message#getPriority',
    versions: { from: '5.4.0' },
    needs: ['priority'],
    async run(t) {
      const topic = await t.topic({ queues: 4, attributes });
      equal((await t.sendOk(topic, { queueId: 2, properties: priority(-1) })).queueId, 2, 'queue');
    },
  },
  {
    name: 'priority.pop.highest-first',
    requirement: 'A pop of all queues of a PRIORITY topic gives the messages of the highest priority first.',
    level: 'MUST',
    source: 'PopMessageProcessor#popMsgFromTopic, priorityOrderAsc',
    versions: { from: '5.4.0' },
    needs: ['priority', 'pop'],
    async run(t) {
      const topic = await t.topic({ queues: 4, attributes });
      for (const value of [1, 3, 0, 2]) await t.sendOk(topic, { body: `p${value}`, properties: priority(value) });
      for (const queueId of [0, 1, 2, 3]) await t.pullAll(topic, 1, { queueId });
      const answer = await t.pop(topic, await t.group(), { max: 32 });
      code(answer, res.SUCCESS, 'pop');
      equal(answer.messages.map((message) => message.body.toString()), ['p3', 'p2', 'p1', 'p0'], 'order of the messages');
    },
  },
  {
    name: 'priority.pop.few-at-a-time',
    requirement: 'Pops of one message each empty the queues from the highest priority down.',
    level: 'MUST',
    source: 'PopMessageProcessor#popMsgFromTopic',
    versions: { from: '5.4.0' },
    needs: ['priority', 'pop'],
    async run(t) {
      const topic = await t.topic({ queues: 3, attributes });
      for (const value of [0, 2, 2, 1]) await t.sendOk(topic, { body: `p${value}`, properties: priority(value) });
      await t.pullAll(topic, 2, { queueId: 2 });
      for (const queueId of [0, 1]) await t.pullAll(topic, 1, { queueId });
      const group = await t.group();
      const order: string[] = [];
      for (let i = 0; i < 4; i++) order.push(...(await t.pop(topic, group, { max: 1 })).messages.map((message) => message.body.toString()));
      equal(order, ['p2', 'p2', 'p1', 'p0'], 'order of the messages');
    },
  },
]);
