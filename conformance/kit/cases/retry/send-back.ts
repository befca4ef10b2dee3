/** CONSUMER_SEND_MSG_BACK: a consumer returns a message for a later try. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, present, remarkMatches } from '../../expect.js';
import { json } from '../../messaging.js';
import { object } from '../clients/support.js';
import { sent, dead, retried, waiting } from './support.js';

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
]);
