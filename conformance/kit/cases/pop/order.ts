/** Orderly POP: one batch of a queue is out at a time. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, hasField, inRange, intField, present } from '../../expect.js';
import { ackOf, changeOf, fill, popUntil, setUp } from './support.js';

const orderly = { ext: { order: true } } as const;

export const cases = defineCases('pop', [
  {
    name: 'pop.order.receipt-queue',
    requirement: 'An orderly pop answers reviveQid 999 and orderCountInfo.',
    level: 'MUST',
    source: 'KeyBuilder#POP_ORDER_REVIVE_QUEUE',
    needs: ['pop-order'],
    async run(t) {
      const { topic, group } = await setUp(t, 1, { consumeMessageOrderly: true });
      await fill(t, topic, ['a']);
      const popped = await t.pop(topic, group, orderly);
      code(popped, res.SUCCESS, 'pop');
      hasField(popped, 'reviveQid', 999, 'pop');
      hasField(popped, 'orderCountInfo', undefined, 'pop');
    },
  },
  {
    name: 'pop.order.queue-blocked',
    requirement: 'While a message of a queue is in flight an orderly pop gives nothing more of that queue.',
    level: 'MUST',
    source: 'ConsumerOrderInfoManager#checkBlock',
    needs: ['pop-order'],
    async run(t) {
      const { topic, group } = await setUp(t, 1, { consumeMessageOrderly: true });
      await fill(t, topic, ['a', 'b']);
      equal((await t.pop(topic, group, { max: 1, ...orderly })).messages.map((message) => message.body.toString()), ['a'], 'first pop');
      code(await t.pop(topic, group, { max: 1, ...orderly }), res.POLLING_TIMEOUT, 'second pop');
    },
  },
  {
    name: 'pop.order.ack-unblocks',
    requirement: 'When all messages in flight are acknowledged the next orderly pop goes on behind them.',
    level: 'MUST',
    source: 'AckMessageProcessor#ackOrderly',
    needs: ['pop-order'],
    async run(t) {
      const { topic, group } = await setUp(t, 1, { consumeMessageOrderly: true });
      await fill(t, topic, ['a', 'b', 'c']);
      const popped = await t.pop(topic, group, { max: 2, ...orderly });
      for (const message of popped.messages) code(await ackOf(t, group, popped, message), res.SUCCESS, 'ack');
      equal((await t.pop(topic, group, orderly)).messages.map((message) => message.body.toString()), ['c'], 'second pop');
      equal((await t.queryOffset(group, topic)).offset, 2, 'committed offset');
    },
  },
  {
    name: 'pop.order.partial-ack-blocks',
    requirement: 'While one of several messages in flight is not acknowledged the queue stays blocked.',
    level: 'MUST',
    source: 'ConsumerOrderInfoManager#checkBlock',
    needs: ['pop-order'],
    async run(t) {
      const { topic, group } = await setUp(t, 1, { consumeMessageOrderly: true });
      await fill(t, topic, ['a', 'b', 'c']);
      const popped = await t.pop(topic, group, { max: 2, ...orderly });
      code(await ackOf(t, group, popped, present(popped.messages[0], 'message')), res.SUCCESS, 'ack');
      code(await t.pop(topic, group, orderly), res.POLLING_TIMEOUT, 'second pop');
    },
  },
  {
    name: 'pop.order.again-from-same-queue',
    requirement: 'After the invisible time an orderly pop gives the same message again from the same queue, with its count in orderCountInfo.',
    level: 'MUST',
    source: 'ConsumerOrderInfoManager#update',
    needs: ['pop-order'],
    timeoutMs: 20_000,
    async run(t) {
      const { topic, group } = await setUp(t, 1, { consumeMessageOrderly: true });
      await fill(t, topic, ['a', 'b']);
      const first = await t.pop(topic, group, { max: 1, invisibleMs: 1000, ...orderly });
      equal(first.messages.map((message) => message.body.toString()), ['a'], 'first pop');
      const again = await popUntil(t, topic, group, { max: 1, ...orderly }, 10_000);
      const message = present(again.messages[0], 'message');
      equal({ body: message.body.toString(), queueOffset: message.queueOffset }, { body: 'a', queueOffset: 0 }, 'message of the second pop');
      equal(hasField(again, 'orderCountInfo').split(';').some((part) => part.endsWith(' 1')), true, 'orderCountInfo counts one delivery before');
    },
  },
  {
    name: 'pop.order.same-attempt-again',
    requirement: 'An orderly pop with the attemptId of the one in flight is given the same messages, not nothing.',
    level: 'MUST',
    source: 'ConsumerOrderInfoManager#checkBlock, attemptId',
    needs: ['pop-order'],
    async run(t) {
      const { topic, group } = await setUp(t, 1, { consumeMessageOrderly: true });
      await fill(t, topic, ['a']);
      const attempt = { ext: { order: true, attemptId: 'attempt-1' } };
      equal((await t.pop(topic, group, attempt)).messages.length, 1, 'messages of the first try');
      equal((await t.pop(topic, group, attempt)).messages.map((message) => message.body.toString()), ['a'], 'messages of the same try again');
      code(await t.pop(topic, group, { ext: { order: true, attemptId: 'attempt-2' } }), res.POLLING_TIMEOUT, 'another try');
    },
  },
  {
    name: 'pop.order.change-keeps-pop-time',
    requirement: 'CHANGE_MESSAGE_INVISIBLETIME of an orderly popped message keeps the pop time of the receipt.',
    level: 'MUST',
    source: 'ChangeInvisibleTimeProcessor#processChangeInvisibleTimeForOrder',
    needs: ['pop-order'],
    async run(t) {
      const { topic, group } = await setUp(t, 1, { consumeMessageOrderly: true });
      await fill(t, topic, ['a']);
      const popped = await t.pop(topic, group, orderly);
      const changed = await changeOf(t, group, popped, present(popped.messages[0], 'message'), 60_000);
      code(changed, res.SUCCESS, 'change');
      hasField(changed, 'popTime', hasField(popped, 'popTime'), 'change');
      inRange(intField(changed, 'invisibleTime'), 60_000, 65_000, 'invisible time counted from the pop');
    },
  },
  {
    name: 'pop.order.queues-independent',
    requirement: 'A queue blocked by a message in flight does not block the other queues of the topic.',
    level: 'MUST',
    source: 'ConsumerOrderInfoManager#checkBlock',
    needs: ['pop-order'],
    async run(t) {
      const { topic, group } = await setUp(t, 2, { consumeMessageOrderly: true });
      await fill(t, topic, ['q0'], 0);
      await fill(t, topic, ['q1'], 1);
      equal((await t.pop(topic, group, { queueId: 0, ...orderly })).messages.length, 1, 'messages of queue 0');
      equal((await t.pop(topic, group, { queueId: 1, ...orderly })).messages.map((message) => message.body.toString()), ['q1'], 'messages of queue 1');
    },
  },
]);
