/** CONSUMER_SEND_MSG_BACK: a consumer returns a message for a later try, and the dead letter queue. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, present, remarkMatches } from '../../expect.js';
import { json } from '../../messaging.js';
import type { StoredMessage } from '../../wire/record.js';
import { object } from '../clients/support.js';

interface Sent {
  readonly topic: string;
  readonly group: string;
  readonly message: StoredMessage;
}

/** A group and one readable message of a topic of one queue. */
async function sent(t: Context, group: Parameters<Context['group']>[0] = {}, options: Parameters<Context['send']>[1] = {}): Promise<Sent> {
  const topic = await t.topic({ queues: 1 });
  const made = await t.group(group);
  await t.sendOk(topic, { body: 'again', ...options });
  return { topic, group: made, message: present((await t.pullAll(topic, 1))[0], 'the message') };
}

/** The first message of the dead letter queue, read as soon as it may be. */
async function dead(t: Context, group: string): Promise<StoredMessage> {
  const topic = `%DLQ%${group}`;
  return present((await t.pullAll(topic, 1, { group }))[0], 'the message of the dead letter queue');
}

/** The first message of the retry topic; delay level 1 is a second. */
async function retried(t: Context, group: string): Promise<StoredMessage> {
  return present((await t.pullAll(`%RETRY%${group}`, 1, { group, waitMs: 8000 }))[0], 'the message of the retry topic');
}

/** The last message of a delay level's queue that belongs to the group: what waits to be tried again. */
async function waiting(t: Context, group: string, level: number): Promise<StoredMessage> {
  const reader = await t.readerGroup();
  return t.until(`a message of the group waits at delay level ${level}`, async () => {
    const { offset } = await t.maxOffset('SCHEDULE_TOPIC_XXXX', level - 1);
    for (let from = Math.max(0, offset - 32); from < offset;) {
      const answer = await t.pull('SCHEDULE_TOPIC_XXXX', { queueId: level - 1, offset: from, group: reader });
      const found = answer.messages.find((one) => one.properties['REAL_TOPIC'] === `%RETRY%${group}`);
      if (found !== undefined) return found;
      if (answer.code !== 0 || answer.nextBeginOffset <= from) return undefined;
      from = answer.nextBeginOffset;
    }
    return undefined;
  });
}

export const cases = defineCases('retry', [
  {
    name: 'retry.send-back.redelivered',
    requirement: 'A message sent back with delay level 1 is in %RETRY%group a second later.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    needs: ['delay-level'],
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 1 }), res.SUCCESS, 'send back');
      equal((await retried(t, group)).body.toString(), 'again', 'body');
    },
  },
  {
    name: 'retry.send-back.not-early',
    requirement: 'A message sent back with delay level 1 is not in %RETRY%group before a second has passed.',
    level: 'MUST',
    source: 'ScheduleMessageService',
    needs: ['delay-level'],
    async run(t) {
      const { topic, group, message } = await sent(t);
      const before = t.now();
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 1 }), res.SUCCESS, 'send back');
      const found = await retried(t, group);
      equal(found.storeTimestamp >= before + 990, true, 'stored again a second after the send back');
    },
  },
  {
    name: 'retry.send-back.properties-of-the-retry',
    requirement: 'The retried message carries RETRY_TOPIC with its topic, ORIGIN_MESSAGE_ID with its first offset id, and all it had.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    needs: ['delay-level'],
    async run(t) {
      const { topic, group, message } = await sent(t, {}, { tags: 'tag', keys: 'k1 k2', properties: { own: 'value' } });
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 1 }), res.SUCCESS, 'send back');
      const { properties } = await retried(t, group);
      equal(
        { RETRY_TOPIC: properties['RETRY_TOPIC'], ORIGIN_MESSAGE_ID: properties['ORIGIN_MESSAGE_ID'], TAGS: properties['TAGS'], KEYS: properties['KEYS'], own: properties['own'], UNIQ_KEY: properties['UNIQ_KEY'] },
        { RETRY_TOPIC: topic, ORIGIN_MESSAGE_ID: message.msgId, TAGS: 'tag', KEYS: 'k1 k2', own: 'value', UNIQ_KEY: message.properties['UNIQ_KEY'] }, 'properties',
      );
    },
  },
  {
    name: 'retry.send-back.reconsume-times-counted',
    requirement: 'Each send back adds one to the message\'s reconsumeTimes.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    needs: ['delay-level'],
    timeoutMs: 20_000,
    async run(t) {
      const { topic, group, message } = await sent(t);
      equal(message.reconsumeTimes, 0, 'reconsumeTimes of the first delivery');
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 1 }), res.SUCCESS, 'first send back');
      const once = await retried(t, group);
      equal(once.reconsumeTimes, 1, 'reconsumeTimes of the second delivery');
      code(await t.sendBack(group, `%RETRY%${group}`, once.phyOffset, { delayLevel: 1 }), res.SUCCESS, 'second send back');
      const twice = present((await t.pullAll(`%RETRY%${group}`, 1, { group, offset: 1, waitMs: 8000 }))[0], 'the message tried twice');
      equal(twice.reconsumeTimes, 2, 'reconsumeTimes of the third delivery');
      equal(twice.properties['RETRY_TOPIC'], topic, 'RETRY_TOPIC of the third delivery');
      equal(twice.properties['ORIGIN_MESSAGE_ID'], message.msgId, 'ORIGIN_MESSAGE_ID of the third delivery');
    },
  },
  {
    name: 'retry.send-back.level-zero-first-is-three',
    requirement: 'Delay level 0 of a message that was never retried is level 3, ten seconds.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    needs: ['delay-level'],
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 0 }), res.SUCCESS, 'send back');
      equal((await waiting(t, group, 3)).properties['DELAY'], '3', 'DELAY');
    },
  },
  {
    name: 'retry.send-back.level-zero-grows-with-retries',
    requirement: 'Delay level 0 of a message retried n times is level 3 + n.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    needs: ['delay-level'],
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 1 }), res.SUCCESS, 'first send back');
      const once = await retried(t, group);
      code(await t.sendBack(group, topic, once.phyOffset, { delayLevel: 0 }), res.SUCCESS, 'second send back');
      const again = await waiting(t, group, 4);
      equal({ DELAY: again.properties['DELAY'], reconsumeTimes: again.reconsumeTimes }, { DELAY: '4', reconsumeTimes: 2 }, 'the waiting message');
    },
  },
  {
    name: 'retry.send-back.level-as-asked',
    requirement: 'A positive delay level is the level the retry waits at, with REAL_TOPIC %RETRY%group.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    needs: ['delay-level'],
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 9 }), res.SUCCESS, 'send back');
      const found = await waiting(t, group, 9);
      equal({ DELAY: found.properties['DELAY'], REAL_TOPIC: found.properties['REAL_TOPIC'], REAL_QID: found.properties['REAL_QID'] }, { DELAY: '9', REAL_TOPIC: `%RETRY%${group}`, REAL_QID: '0' }, 'the waiting message');
    },
  },
  {
    name: 'retry.send-back.level-past-last-clamped',
    requirement: 'A delay level above the last one is the last one, 18.',
    level: 'MUST',
    source: 'HookUtils#transformDelayLevelMessage',
    needs: ['delay-level'],
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 40 }), res.SUCCESS, 'send back');
      equal((await waiting(t, group, 18)).properties['REAL_TOPIC'], `%RETRY%${group}`, 'REAL_TOPIC at level 18');
    },
  },
  {
    name: 'retry.send-back.retry-topic-made',
    requirement: 'The send back creates %RETRY%group with retryQueueNums queues, readable and writable.',
    level: 'MUST',
    source: 'TopicConfigManager#createTopicInSendMessageBackMethod',
    versions: { from: '5.0.0' },
    async run(t) {
      const { topic, group, message } = await sent(t, { retryQueueNums: 2 });
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: 5 }), res.SUCCESS, 'send back');
      const answer = await t.request(req.GET_TOPIC_CONFIG, { topic: `%RETRY%${group}` });
      const { readQueueNums, writeQueueNums, perm } = object(json(answer), 'topic configuration');
      equal({ readQueueNums, writeQueueNums, perm }, { readQueueNums: 2, writeQueueNums: 2, perm: 6 }, 'retry topic');
    },
  },
  {
    name: 'retry.send-back.no-retry-queues',
    requirement: 'A send back of a group whose retryQueueNums is 0 is SUCCESS and stores nothing.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const { topic, group, message } = await sent(t, { retryQueueNums: 0 });
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: -1 }), res.SUCCESS, 'send back');
      code(await t.request(req.GET_TOPIC_STATS_INFO, { topic: `%DLQ%${group}` }), res.TOPIC_NOT_EXIST, 'dead letter topic');
      code(await t.request(req.GET_TOPIC_STATS_INFO, { topic: `%RETRY%${group}` }), res.TOPIC_NOT_EXIST, 'retry topic');
    },
  },
  {
    name: 'retry.send-back.unknown-group',
    requirement: 'A send back of a group that cannot exist is SUBSCRIPTION_GROUP_NOT_EXIST that names it.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    versions: { from: '5.0.0' },
    async run(t) {
      const { topic, message } = await sent(t);
      const answer = await t.sendBack('no&such*group', topic, message.phyOffset);
      code(answer, res.SUBSCRIPTION_GROUP_NOT_EXIST, 'send back');
      remarkMatches(answer, 'subscription group not exist, no&such*group', 'send back');
    },
  },
  {
    name: 'retry.send-back.offset-past-end',
    requirement: 'A send back of a commit log offset past the end is SYSTEM_ERROR that names the offset.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const answer = await t.sendBack(await t.group(), await t.topic(), 1_000_000_000_000);
      code(answer, res.SYSTEM_ERROR, 'send back');
      remarkMatches(answer, 'look message by offset failed, 1000000000000', 'send back');
    },
  },
  {
    name: 'retry.send-back.origin-topic-not-checked',
    requirement: 'The message is found by its offset alone: originTopic and originMsgId may name anything.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const { topic, group, message } = await sent(t);
      code(await t.sendBack(group, 'some_other_topic', message.phyOffset, { delayLevel: -1, originMsgId: 'anything' }), res.SUCCESS, 'send back');
      equal((await dead(t, group)).properties['RETRY_TOPIC'], topic, 'RETRY_TOPIC');
    },
  },
  {
    name: 'retry.send-back.body-flag-and-born-kept',
    requirement: 'Body, flag, bornTimestamp and bornHost of the message are kept by a send back.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#consumerSendMsgBack',
    async run(t) {
      const { topic, group, message } = await sent(t, {}, { messageFlag: 77, bornTimestamp: 1_600_000_000_123 });
      code(await t.sendBack(group, topic, message.phyOffset, { delayLevel: -1 }), res.SUCCESS, 'send back');
      const found = await dead(t, group);
      equal(
        { body: found.body.toString(), flag: found.flag, bornTimestamp: found.bornTimestamp, bornHost: found.bornHost },
        { body: 'again', flag: 77, bornTimestamp: 1_600_000_000_123, bornHost: message.bornHost }, 'message',
      );
    },
  },
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
  {
    name: 'retry.by-send.kept-in-retry-topic',
    requirement: 'A client that cannot send back sends to %RETRY%group itself; the message is stored there with its reconsumeTimes.',
    level: 'MUST',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      const group = await t.group();
      const topic = `%RETRY%${group}`;
      code(await t.send(topic, { group: 'CLIENT_INNER_PRODUCER', body: 'again', reconsumeTimes: 2, ext: { l: 16 } }), res.SUCCESS, 'send');
      const message = present((await t.pullAll(topic, 1, { group }))[0], 'the message');
      equal({ body: message.body.toString(), reconsumeTimes: message.reconsumeTimes }, { body: 'again', reconsumeTimes: 2 }, 'message');
    },
  },
  {
    name: 'retry.by-send.past-max-goes-to-dlq',
    requirement: 'A send to %RETRY%group whose reconsumeTimes exceeds maxReconsumeTimes is stored in %DLQ%group.',
    level: 'MUST',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      const group = await t.group();
      code(await t.send(`%RETRY%${group}`, { group: 'CLIENT_INNER_PRODUCER', body: 'dead', reconsumeTimes: 4, ext: { l: 3 } }), res.SUCCESS, 'send');
      equal((await dead(t, group)).body.toString(), 'dead', 'body in the dead letter queue');
    },
  },
  {
    name: 'retry.by-send.unknown-group',
    requirement: 'A send to the retry topic of a group that cannot exist is SUBSCRIPTION_GROUP_NOT_EXIST.',
    level: 'MUST',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = t.groupName('x').padEnd(130, 'x').slice(0, 130);
      t.forgetTopic(`%RETRY%${group}`);
      code(await t.send(`%RETRY%${group}`, { reconsumeTimes: 1 }), res.SUBSCRIPTION_GROUP_NOT_EXIST, 'send');
    },
  },
]);
