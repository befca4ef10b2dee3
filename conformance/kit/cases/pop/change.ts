/** CHANGE_MESSAGE_INVISIBLETIME of popped messages. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, inRange, intField, present } from '../../expect.js';
import { changeOf, comesAgain, fill, receipt, setUp } from './support.js';

export const cases = defineCases('pop', [
  {
    name: 'pop.change.answer',
    requirement: 'CHANGE_MESSAGE_INVISIBLETIME answers a new popTime, the new invisibleTime and the receipt\'s reviveQid.',
    level: 'MUST',
    source: 'ChangeInvisibleTimeProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const popped = await t.pop(topic, group);
      const answer = await changeOf(t, group, popped, present(popped.messages[0], 'message'), 45_000);
      code(answer, res.SUCCESS, 'change');
      hasField(answer, 'invisibleTime', 45_000, 'change');
      hasField(answer, 'reviveQid', hasField(popped, 'reviveQid'), 'change');
      inRange(intField(answer, 'popTime') - intField(popped, 'popTime'), 0, 5000, 'milliseconds between the two pop times');
    },
  },
  {
    name: 'pop.change.shorter',
    requirement: 'A message whose invisible time was made shorter is delivered again that soon.',
    level: 'MUST',
    source: 'ChangeInvisibleTimeProcessor#appendCheckPointThenAckOrigin',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['sooner']);
      const popped = await t.pop(topic, group, { invisibleMs: 600_000 });
      code(await changeOf(t, group, popped, present(popped.messages[0], 'message'), 1000), res.SUCCESS, 'change');
      await comesAgain(t, topic, group, ['sooner'], 20_000);
    },
  },
  {
    name: 'pop.change.longer',
    requirement: 'A message whose invisible time was made longer is not delivered again at the end of the first one.',
    level: 'MUST',
    source: 'ChangeInvisibleTimeProcessor#appendCheckPointThenAckOrigin',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['longer', 'measure']);
      const popped = await t.pop(topic, group, { invisibleMs: 2000 });
      code(await changeOf(t, group, popped, present(popped.messages.find((one) => one.body.toString() === 'longer'), 'message'), 600_000), res.SUCCESS, 'change');
      await comesAgain(t, topic, group, ['measure'], 600_000);
      await t.sleep(1000);
      equal((await t.pop(topic, group)).messages.length, 0, 'messages of a later pop');
    },
  },
  {
    name: 'pop.change.new-receipt-acks',
    requirement: 'After CHANGE_MESSAGE_INVISIBLETIME the message is acknowledged by the receipt of that answer.',
    level: 'MUST',
    source: 'ChangeInvisibleTimeProcessor#appendCheckPointThenAckOrigin',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const popped = await t.pop(topic, group);
      const message = present(popped.messages[0], 'message');
      const changed = await changeOf(t, group, popped, message, 1500);
      const old = receipt(t, popped, message).split(' ');
      const fresh = [message.queueOffset, hasField(changed, 'popTime'), hasField(changed, 'invisibleTime'), hasField(changed, 'reviveQid'), ...old.slice(4)].join(' ');
      code(await t.ack(group, topic, 0, message.queueOffset, fresh), res.SUCCESS, 'ack');
      await t.sleep(6000);
      equal((await t.pop(topic, group)).messages.length, 0, 'messages of a later pop');
    },
  },
  {
    name: 'pop.change.unknown-topic',
    requirement: 'CHANGE_MESSAGE_INVISIBLETIME of an unknown topic is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'ChangeInvisibleTimeProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const answer = await t.request(req.CHANGE_MESSAGE_INVISIBLETIME, { consumerGroup: await t.group(), topic: t.topicName(), queueId: 0, offset: 0, extraInfo: '0 1 1000 0 0 broker 0 0', invisibleTime: 1000 });
      code(answer, res.TOPIC_NOT_EXIST, 'change');
    },
  },
  {
    name: 'pop.change.offset-past-max',
    requirement: 'CHANGE_MESSAGE_INVISIBLETIME of an offset past the queue\'s max is NO_MESSAGE.',
    level: 'MUST',
    source: 'ChangeInvisibleTimeProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const popped = await t.pop(topic, group);
      code(await changeOf(t, group, popped, present(popped.messages[0], 'message'), 1000, { offset: 50 }), res.NO_MESSAGE, 'change');
    },
  },
  {
    name: 'pop.change.queue-past-last',
    requirement: 'CHANGE_MESSAGE_INVISIBLETIME of a queue past the last is MESSAGE_ILLEGAL.',
    level: 'MUST',
    source: 'ChangeInvisibleTimeProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const popped = await t.pop(topic, group);
      code(await changeOf(t, group, popped, present(popped.messages[0], 'message'), 1000, { queueId: 9 }), res.MESSAGE_ILLEGAL, 'change');
    },
  },
]);
