/** Acknowledging popped messages, and delivery again. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, inRange, intField, notCode, present, remarkMatches } from '../../expect.js';
import { ackOf, batchAckOf, comesAgain, fill, popUntil, realTopic, setUp } from './support.js';

export const cases = defineCases('pop', [
  {
    name: 'pop.ack.accepted',
    requirement: 'ACK_MESSAGE of a popped message by its receipt is SUCCESS.',
    level: 'MUST',
    source: 'AckMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const popped = await t.pop(topic, group);
      code(await ackOf(t, group, popped, present(popped.messages[0], 'message')), res.SUCCESS, 'ack');
    },
  },
  {
    name: 'pop.ack.twice-accepted',
    requirement: 'A second ACK_MESSAGE of the same receipt is SUCCESS.',
    level: 'MUST',
    source: 'AckMessageProcessor#appendAck',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const popped = await t.pop(topic, group);
      const message = present(popped.messages[0], 'message');
      code(await ackOf(t, group, popped, message), res.SUCCESS, 'first ack');
      code(await ackOf(t, group, popped, message), res.SUCCESS, 'second ack');
    },
  },
  {
    name: 'pop.ack.never-again',
    requirement: 'An acknowledged message is not delivered again after its invisible time; one that was not acknowledged is.',
    level: 'MUST',
    source: 'PopReviveService',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['acked', 'left']);
      const popped = await t.pop(topic, group, { invisibleMs: 2000 });
      code(await ackOf(t, group, popped, present(popped.messages.find((one) => one.body.toString() === 'acked'), 'message')), res.SUCCESS, 'ack');
      await comesAgain(t, topic, group, ['left'], 20_000);
      await t.sleep(1500);
      equal((await t.pop(topic, group, { invisibleMs: 20_000 })).messages.length, 0, 'messages of a later pop');
    },
  },
  {
    name: 'pop.ack.commits-offset',
    requirement: 'Once all popped messages are acknowledged the group\'s offset moves past them.',
    level: 'MUST',
    source: 'PopBufferMergeService',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['a', 'b', 'c']);
      const popped = await t.pop(topic, group);
      for (const message of popped.messages) code(await ackOf(t, group, popped, message), res.SUCCESS, 'ack');
      await t.until('the committed offset is 3', async () => (await t.queryOffset(group, topic)).offset === 3, 20_000, 200);
    },
  },
  {
    name: 'pop.ack.unknown-topic',
    requirement: 'ACK_MESSAGE of an unknown topic is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'AckMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      code(await t.ack(await t.group(), t.topicName(), 0, 0, '0 1 1000 0 0 broker 0 0'), res.TOPIC_NOT_EXIST, 'ack');
    },
  },
  {
    name: 'pop.ack.queue-past-last',
    requirement: 'ACK_MESSAGE of a queue past the last, or below 0, is MESSAGE_ILLEGAL.',
    level: 'MUST',
    source: 'AckMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const popped = await t.pop(topic, group);
      const message = present(popped.messages[0], 'message');
      for (const queueId of [1, -1]) code(await ackOf(t, group, popped, message, { queueId }), res.MESSAGE_ILLEGAL, `ack of queue ${queueId}`);
    },
  },
  {
    name: 'pop.ack.offset-past-max',
    requirement: 'ACK_MESSAGE of an offset past the queue\'s max is NO_MESSAGE.',
    level: 'MUST',
    source: 'AckMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const popped = await t.pop(topic, group);
      const answer = await ackOf(t, group, popped, present(popped.messages[0], 'message'), { offset: 50 });
      code(answer, res.NO_MESSAGE, 'ack');
      remarkMatches(answer, 'offset is illegal', 'ack');
    },
  },
  {
    name: 'pop.ack.broken-receipt',
    requirement: 'ACK_MESSAGE whose extraInfo is no receipt is refused and the connection stays usable.',
    level: 'MUST',
    source: 'ExtraInfoUtil',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      notCode(await t.ack(group, topic, 0, 0, 'nonsense'), res.SUCCESS, 'ack');
      equal((await t.pop(topic, group)).messages.length, 1, 'messages of a pop after it');
    },
  },
  {
    name: 'pop.batch-ack.without-body',
    requirement: 'BATCH_ACK_MESSAGE without body, or without acks, is NO_MESSAGE.',
    level: 'MUST',
    source: 'AckMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      code(await t.request(req.BATCH_ACK_MESSAGE), res.NO_MESSAGE, 'batch ack without body');
      code(await t.request(req.BATCH_ACK_MESSAGE, {}, { body: JSON.stringify({ brokerName: t.endpoint.brokerName, acks: [] }) }), res.NO_MESSAGE, 'batch ack of nothing');
    },
  },
  {
    name: 'pop.batch-ack.only-its-bits',
    requirement: 'BATCH_ACK_MESSAGE acknowledges the messages whose bits are set and no other.',
    level: 'MUST',
    source: 'AckMessageProcessor#appendAck',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['a', 'b', 'c']);
      const popped = await t.pop(topic, group, { invisibleMs: 2000 });
      equal(popped.messages.length, 3, 'messages popped');
      code(await batchAckOf(t, topic, group, popped, popped.messages.filter((message) => message.body.toString() !== 'b')), res.SUCCESS, 'batch ack');
      await comesAgain(t, topic, group, ['b'], 20_000);
    },
  },
  {
    name: 'pop.again.after-invisible-time',
    requirement: 'A message nobody acknowledged is delivered again after its invisible time, not before, with reconsumeTimes one larger.',
    level: 'MUST',
    source: 'PopReviveService#reviveRetry',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['again']);
      const popped = await t.pop(topic, group, { invisibleMs: 2000 });
      equal(present(popped.messages[0], 'message').reconsumeTimes, 0, 'reconsumeTimes of the first delivery');
      const again = await popUntil(t, topic, group, { invisibleMs: 20_000 }, 20_000);
      inRange(intField(again, 'popTime') - intField(popped, 'popTime'), 2000, 25_000, 'milliseconds until the second delivery');
      equal(present(again.messages[0], 'message').reconsumeTimes, 1, 'reconsumeTimes of the second delivery');
    },
  },
  {
    name: 'pop.again.in-retry-topic',
    requirement: 'A message delivered again comes under its own topic\'s name, from a retry topic that its POP_CK tells, with 1ST_POP_TIME.',
    level: 'MUST',
    source: 'PopMessageProcessor#popMsgFromQueue',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group } = await setUp(t);
      for (const name of [`%RETRY%${group}_${topic}`, `%RETRY%${group}+${topic}`]) t.forgetTopic(name);
      await fill(t, topic, ['again']);
      const popped = await t.pop(topic, group, { invisibleMs: 1500 });
      equal(popped.messages.length, 1, 'messages popped');
      const message = present((await popUntil(t, topic, group, { invisibleMs: 20_000 }, 20_000)).messages[0], 'message');
      equal(message.topic, topic, 'topic');
      hasField({ ...popped, ext: message.properties }, '1ST_POP_TIME', hasField(popped, 'popTime'), 'properties of the second delivery');
      code(await t.request(req.GET_TOPIC_STATS_INFO, { topic: realTopic(group, message) }), res.SUCCESS, 'the retry topic');
      equal(realTopic(group, message).startsWith('%RETRY%'), true, 'POP_CK tells a retry topic');
    },
  },
  {
    name: 'pop.again.retry-topic-v1-name',
    requirement: 'The retry topic of POP is %RETRY%group_topic where enableRetryTopicV2 is off.',
    level: 'MUST',
    source: 'KeyBuilder#buildPopRetryTopicV1',
    needs: ['pop', 'config-read'],
    timeoutMs: 30_000,
    async run(t) {
      const v2 = /^enableRetryTopicV2=true/m.test((await t.request(req.GET_BROKER_CONFIG)).body.toString('utf8'));
      const { topic, group } = await setUp(t);
      const [used, other] = v2 ? [`%RETRY%${group}+${topic}`, `%RETRY%${group}_${topic}`] : [`%RETRY%${group}_${topic}`, `%RETRY%${group}+${topic}`];
      t.forgetTopic(used ?? '');
      await fill(t, topic, ['again']);
      await t.pop(topic, group, { invisibleMs: 1000 });
      await popUntil(t, topic, group, { invisibleMs: 20_000 }, 20_000);
      code(await t.request(req.GET_TOPIC_STATS_INFO, { topic: used ?? '' }), res.SUCCESS, 'the retry topic');
      code(await t.request(req.GET_TOPIC_STATS_INFO, { topic: other ?? '' }), res.TOPIC_NOT_EXIST, 'the other name');
    },
  },
  {
    name: 'pop.again.acked-in-retry-topic',
    requirement: 'A message delivered again is acknowledged by its POP_CK under the retry topic\'s name, and then is never delivered again.',
    level: 'MUST',
    source: 'AckMessageProcessor#processRequest',
    needs: ['pop'],
    timeoutMs: 40_000,
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['again']);
      await t.pop(topic, group, { invisibleMs: 1000 });
      const again = await popUntil(t, topic, group, { invisibleMs: 2000 }, 20_000);
      code(await ackOf(t, group, again, present(again.messages[0], 'message')), res.SUCCESS, 'ack');
      await t.sleep(6000);
      equal((await t.pop(topic, group)).messages.length, 0, 'messages of a later pop');
    },
  },
]);
