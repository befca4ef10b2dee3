/** The dead letter queue: what goes there, when, and what it is by then. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal } from '../../expect.js';
import { json } from '../../messaging.js';
import { object } from '../clients/support.js';
import { sent, dead, retried } from './support.js';

export const cases = defineCases('retry', [
  {
    name: 'retry.dlq.level-minus-one',
    requirement: 'A message sent back with delay level -1 goes to %DLQ%group at once.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: -1 }), res.SUCCESS, 'send back');
      const found = await dead(t, group);
      equal({ body: found.body.toString(), topic: found.topic, queueId: found.queueId }, { body: 'again', topic: `%DLQ%${group}`, queueId: 0 }, 'message');
    },
  },
  {
    name: 'retry.dlq.properties',
    requirement: 'A message in the dead letter queue carries RETRY_TOPIC, ORIGIN_MESSAGE_ID and reconsumeTimes one larger.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: -1 }), res.SUCCESS, 'send back');
      const found = await dead(t, group);
      equal(
        { RETRY_TOPIC: found.properties['RETRY_TOPIC'], ORIGIN_MESSAGE_ID: found.properties['ORIGIN_MESSAGE_ID'], reconsumeTimes: found.reconsumeTimes },
        { RETRY_TOPIC: topic, ORIGIN_MESSAGE_ID: message.msgId, reconsumeTimes: 1 }, 'message',
      );
    },
  },
  {
    name: 'retry.dlq.topic-readable-and-writable',
    requirement: 'The dead letter topic is made with one queue, readable and writable.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    versions: { from: '5.0.0' },
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: -1 }), res.SUCCESS, 'send back');
      const answer = await t.request(req.GET_TOPIC_CONFIG, { topic: `%DLQ%${group}` });
      code(answer, res.SUCCESS, 'configuration of the dead letter topic');
      const { readQueueNums, writeQueueNums, perm } = object(json(answer), 'topic configuration');
      equal({ readQueueNums, writeQueueNums, perm }, { readQueueNums: 1, writeQueueNums: 1, perm: 6 }, 'dead letter topic');
    },
  },
  {
    name: 'retry.dlq.request-max-zero',
    requirement: 'With maxReconsumeTimes 0 in the request a message goes to the dead letter queue at its first send back.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 3, maxReconsumeTimes: 0 }), res.SUCCESS, 'send back');
      equal((await dead(t, group)).reconsumeTimes, 1, 'reconsumeTimes');
    },
  },
  {
    name: 'retry.dlq.group-max-when-request-has-none',
    requirement: 'Without maxReconsumeTimes in the request the retryMaxTimes of the group counts.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const { topic, group, message } = await sent(t, { retryMaxTimes: 0 });
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 3, maxReconsumeTimes: undefined }), res.SUCCESS, 'send back');
      equal((await dead(t, group)).reconsumeTimes, 1, 'reconsumeTimes');
    },
  },
  {
    name: 'retry.dlq.request-max-overrides-group',
    requirement: 'The maxReconsumeTimes of the request is used instead of the group\'s retryMaxTimes.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    needs: ['delay-level'],
    async run(t) {
      const { topic, group, message } = await sent(t, { retryMaxTimes: 0 });
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 1, maxReconsumeTimes: 5 }), res.SUCCESS, 'send back');
      equal((await retried(t, group)).reconsumeTimes, 1, 'reconsumeTimes of the retry');
    },
  },
  {
    name: 'retry.dlq.old-client-group-max',
    requirement: 'The maxReconsumeTimes of a request older than V3_4_9 is not used.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const { topic, group, message } = await sent(t, { retryMaxTimes: 0 });
      code(await t.request(req.CONSUMER_SEND_MSG_BACK, { group, originTopic: topic, offset: message.phyOffset, delayLevel: 3, unitMode: false, maxReconsumeTimes: 5 }, { version: 100 }), res.SUCCESS, 'send back');
      equal((await dead(t, group)).reconsumeTimes, 1, 'reconsumeTimes');
    },
  },
  {
    name: 'retry.dlq.after-max-retries',
    requirement: 'A message retried as often as maxReconsumeTimes allows goes to the dead letter queue at the next send back.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    needs: ['delay-level'],
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 1, maxReconsumeTimes: 1 }), res.SUCCESS, 'first send back');
      const once = await retried(t, group);
      code(await t.sendBack(group, topic, once.phyOffset, { delayLevel: 1, maxReconsumeTimes: 1 }), res.SUCCESS, 'second send back');
      equal((await dead(t, group)).reconsumeTimes, 2, 'reconsumeTimes in the dead letter queue');
    },
  },
  {
    name: 'retry.dlq.same-message-twice',
    requirement: 'A message sent back twice is there twice: the broker does not notice.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const { topic, group, message } = await sent(t);
      for (let i = 0; i < 2; i++) code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: -1 }), res.SUCCESS, `send back ${i}`);
      const messages = await t.pullAll(`%DLQ%${group}`, 2, { group });
      equal(messages.map((one) => one.properties['ORIGIN_MESSAGE_ID']), [message.msgId, message.msgId], 'origins in the dead letter queue');
    },
  },
]);
