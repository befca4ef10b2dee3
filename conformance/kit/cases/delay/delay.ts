/** DELAY levels: where a delayed message waits, when it is delivered, and what has become of it by then. Level 1 is one second by default. */
import { defineCases } from '../../case.js';
import { json } from '../../session.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, inRange, isTrue, notEqual, present } from '../../expect.js';
import { stored, uniqKey } from '../send/support.js';

const scheduleTopic = 'SCHEDULE_TOPIC_XXXX';
const level = (n: number): { readonly DELAY: string } => ({ DELAY: String(n) });
/** Level 1 and a busy machine. */
const waitMs = 8000;

export const cases = defineCases('delay', [
  {
    name: 'delay.level-1-not-early',
    requirement: 'A message of level 1 is delivered to its topic, one second or more after it was stored.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'ScheduleMessageService.DeliverDelayedMessageTimerTask#executeOnTimeUp',
    async run(t) {
      const topic = await t.topic();
      const waiting = await stored(t, await t.sendOk(topic, { body: 'later', properties: level(1) }));
      const [message] = await t.pullAll(topic, 1, { waitMs });
      equal(message?.body.toString(), 'later', 'body');
      inRange((message?.storeTimestamp ?? 0) - waiting.storeTimestamp, 1000, waitMs, 'milliseconds between the two records');
    },
  },
  {
    name: 'delay.waits-in-schedule-topic',
    requirement: 'A message of level n waits in queue n-1 of SCHEDULE_TOPIC_XXXX, its own topic and queue kept as REAL_TOPIC and REAL_QID.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'HookUtils#transformDelayLevelMessage',
    async run(t) {
      const topic = await t.topic();
      const { topic: at, queueId, properties } = await stored(t, await t.sendOk(topic, { queueId: 3, properties: level(2) }));
      equal([at, queueId, properties['REAL_TOPIC'], properties['REAL_QID'], properties['DELAY']], [scheduleTopic, 1, topic, '3', '2'], 'topic, queue, REAL_TOPIC, REAL_QID and DELAY of the record');
    },
  },
  {
    name: 'delay.every-level-has-its-queue',
    requirement: 'There are 18 levels, each with its own queue, in their order.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'ScheduleMessageService#delayLevel2QueueId',
    async run(t) {
      const topic = await t.topic();
      const queues: number[] = [];
      for (let n = 1; n <= 18; n++) queues.push((await stored(t, await t.sendOk(topic, { properties: level(n) }))).queueId);
      equal(queues, Array.from({ length: 18 }, (_, i) => i), 'queues of the levels 1 to 18');
    },
  },
  {
    name: 'delay.level-above-greatest',
    requirement: 'A level above the greatest is taken as the greatest.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'HookUtils#transformDelayLevelMessage',
    async run(t) {
      const { queueId, properties } = await stored(t, await t.sendOk(await t.topic(), { properties: level(100) }));
      equal([queueId, properties['DELAY']], [17, '18'], 'queue and DELAY');
    },
  },
  {
    name: 'delay.level-zero-at-once',
    requirement: 'A message of level 0 is delivered at once.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'HookUtils#handleScheduleMessage',
    async run(t) {
      const topic = await t.topic();
      equal((await stored(t, await t.sendOk(topic, { properties: level(0) }))).topic, topic, 'topic of the record');
    },
  },
  {
    name: 'delay.level-negative-at-once',
    requirement: 'A message of a negative level is delivered at once.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'HookUtils#handleScheduleMessage',
    async run(t) {
      const topic = await t.topic();
      equal((await stored(t, await t.sendOk(topic, { properties: level(-1) }))).topic, topic, 'topic of the record');
    },
  },
  {
    name: 'delay.level-no-number',
    requirement: 'A message whose DELAY is no number is refused with SYSTEM_ERROR.',
    level: 'SHOULD',
    needs: ['delay-level'],
    source: 'Message#getDelayTimeLevel',
    async run(t) {
      const topic = await t.topic();
      code(await t.send(topic, { properties: { DELAY: 'soon' } }), res.SYSTEM_ERROR, 'send with DELAY=soon');
      equal((await t.sendOk(topic)).queueOffset, 0, 'queueOffset of the next message');
    },
  },
  {
    name: 'delay.answer-names-real-queue',
    requirement: 'The answer to a delayed message has the queue that was asked for, though the message waits in another.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'SendMessageProcessor#handlePutMessageResult',
    async run(t) {
      equal((await t.sendOk(await t.topic(), { queueId: 2, properties: level(18) })).queueId, 2, 'queueId of the answer');
    },
  },
  {
    name: 'delay.answer-offset-of-schedule-queue',
    requirement: 'The queueOffset answered to a delayed message is its offset in the queue of its level.',
    level: 'SHOULD',
    needs: ['delay-level'],
    source: 'SendMessageProcessor#handlePutMessageResult',
    async run(t) {
      const answer = await t.sendOk(await t.topic(), { properties: level(17) });
      equal(answer.queueOffset, (await stored(t, answer)).queueOffset, 'queueOffset');
    },
  },
  {
    name: 'delay.not-visible-before',
    requirement: 'Before its time a delayed message is neither pulled from its topic nor counted in the max offset.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'HookUtils#transformDelayLevelMessage',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { properties: level(18) });
      await t.sendOk(topic, { queueId: 1 });
      await t.pullAll(topic, 1, { queueId: 1 });
      equal((await t.maxOffset(topic, 0)).offset, 0, 'max offset');
      code(await t.pull(topic), [res.PULL_NOT_FOUND, res.PULL_OFFSET_MOVED], 'pull');
    },
  },
  {
    name: 'delay.takes-no-offset-before',
    requirement: 'A delayed message takes an offset of its queue when it is delivered: one sent after it with no delay comes first.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'ScheduleMessageService#messageTimeUp',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'delayed', properties: level(1) });
      equal((await t.sendOk(topic, { body: 'at once' })).queueOffset, 0, 'queueOffset of the message without delay');
      equal((await t.pullAll(topic, 2, { waitMs })).map((message) => message.body.toString()), ['at once', 'delayed'], 'bodies');
    },
  },
  {
    name: 'delay.delivered-to-its-queue',
    requirement: 'A delayed message is delivered to the queue it was sent to.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'ScheduleMessageService#messageTimeUp',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { queueId: 3, properties: level(1) });
      equal((await t.pullAll(topic, 1, { queueId: 3, waitMs })).map((message) => [message.topic, message.queueId]), [[topic, 3]], 'topic and queue');
    },
  },
  {
    name: 'delay.delivered-to-answered-queue',
    requirement: 'A delayed message sent with queueId -1 is delivered to the queue that the answer named.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'HookUtils#transformDelayLevelMessage',
    async run(t) {
      const topic = await t.topic();
      const { queueId } = await t.sendOk(topic, { queueId: -1, properties: level(1) });
      equal((await t.pullAll(topic, 1, { queueId, waitMs })).length, 1, 'messages in that queue');
    },
  },
  {
    name: 'delay.delivered-with-bookkeeping',
    requirement: 'A delivered message still has DELAY, and REAL_TOPIC and REAL_QID of its wait.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    needs: ['delay-level'],
    source: 'ScheduleMessageService#messageTimeUp',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { queueId: 1, properties: level(1) });
      const properties = (await t.pullAll(topic, 1, { queueId: 1, waitMs }))[0]?.properties ?? {};
      equal([properties['DELAY'], properties['REAL_TOPIC'], properties['REAL_QID']], ['1', topic, '1'], 'DELAY, REAL_TOPIC and REAL_QID');
    },
  },
  {
    name: 'delay.delivered-message-kept',
    requirement: 'Body, flag, sysFlag, born time and host, reconsumeTimes and own properties of a delayed message are delivered unchanged.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'ScheduleMessageService#messageTimeUp',
    async run(t) {
      const topic = await t.topic();
      const body = t.rng.bytes(500);
      const UNIQ_KEY = uniqKey(t);
      const waiting = await stored(t, await t.sendOk(topic, { body, messageFlag: 9, sysFlag: 0x301, bornTimestamp: 1_700_000_000_000, reconsumeTimes: 2, tags: 'T', keys: 'k1 k2', properties: { ...level(1), UNIQ_KEY, own: 'ü' } }));
      const message = present((await t.pullAll(topic, 1, { waitMs }))[0], 'the delivered message');
      bytesEqual(message.body, body, 'body');
      equal([message.flag, message.sysFlag, message.bornTimestamp, message.bornHost, message.reconsumeTimes], [9, 0x301, 1_700_000_000_000, waiting.bornHost, 2], 'flag, sysFlag, born timestamp, born host and reconsumeTimes');
      const { TAGS, KEYS, own, UNIQ_KEY: key } = message.properties;
      equal([TAGS, KEYS, own, key], ['T', 'k1 k2', 'ü', UNIQ_KEY], 'TAGS, KEYS, own and UNIQ_KEY');
    },
  },
  {
    name: 'delay.delivered-under-new-id',
    requirement: 'The delivered message is a new record: its id is not the one that was answered, which still finds the record that waited.',
    level: 'SHOULD',
    needs: ['delay-level'],
    source: 'ScheduleMessageService#messageTimeUp',
    async run(t) {
      const topic = await t.topic();
      const answer = await t.sendOk(topic, { properties: level(1) });
      const [message] = await t.pullAll(topic, 1, { waitMs });
      notEqual(message?.msgId, answer.msgId, 'id of the delivered message');
      equal((await stored(t, answer)).topic, scheduleTopic, 'topic of the record with the answered id');
    },
  },
  {
    name: 'delay.delivered-once',
    requirement: 'A delayed message is delivered once.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'ScheduleMessageService.DeliverDelayedMessageTimerTask#executeOnTimeUp',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { properties: level(1) });
      await t.pullAll(topic, 1, { waitMs });
      await t.sleep(600);
      equal((await t.pullAll(topic, 1)).length, 1, 'messages after a while');
    },
  },
  {
    name: 'delay.order-of-level-kept',
    requirement: 'Messages of one level are delivered in the order in which they were stored.',
    level: 'SHOULD',
    needs: ['delay-level'],
    source: 'ScheduleMessageService.DeliverDelayedMessageTimerTask#executeOnTimeUp',
    async run(t) {
      const topic = await t.topic();
      const bodies = Array.from({ length: 20 }, (_, i) => `message ${i}`);
      await t.fill(topic, 20, { properties: level(1) });
      equal((await t.pullAll(topic, 20, { waitMs })).map((message) => message.body.toString()), bodies, 'bodies');
    },
  },
  {
    name: 'delay.longer-level-does-not-hold-shorter',
    requirement: 'A message of a long level does not hold back one of a shorter level that was sent after it.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'ScheduleMessageService#start',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'long', properties: level(18) });
      await t.sendOk(topic, { body: 'short', properties: level(1) });
      equal((await t.pullAll(topic, 1, { waitMs })).map((message) => message.body.toString()), ['short'], 'bodies');
    },
  },
  {
    name: 'delay.delivered-by-tag',
    requirement: 'A delivered message is filtered by its tag like any other.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'ScheduleMessageService#messageTimeUp',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { tags: 'A', body: 'a', properties: level(1) });
      await t.sendOk(topic, { tags: 'B', body: 'b', properties: level(1) });
      await t.pullAll(topic, 2, { waitMs });
      equal((await t.pull(topic, { subscription: 'B' })).messages.map((message) => message.body.toString()), ['b'], 'bodies with tag B');
    },
  },
  {
    name: 'delay.delivered-by-key',
    requirement: 'A delayed message is found by its key in its topic once it is delivered.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'IndexService#buildIndex',
    async run(t) {
      const topic = await t.topic();
      const key = t.rng.text(12);
      await t.sendOk(topic, { keys: key, properties: level(1) });
      equal((await t.queryByKey(topic, key)).messages.length, 0, 'messages found before');
      await t.pullAll(topic, 1, { waitMs });
      await t.until('the message is found by its key', async () => (await t.queryByKey(topic, key)).messages.length === 1);
    },
  },
  {
    name: 'delay.wakes-held-pull',
    requirement: 'A pull that is held is answered when a delayed message is delivered.',
    level: 'MUST',
    needs: ['delay-level'],
    source: 'NotifyMessageArrivingListener#arriving',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'wake', properties: level(1) });
      const begun = t.now();
      const answer = await t.pull(topic, { suspendMs: 9000 });
      code(answer, res.SUCCESS, 'the held pull');
      inRange(t.now() - begun, 500, 4500, 'milliseconds held');
    },
  },
  {
    name: 'delay.wins-over-timer',
    requirement: 'A message with a delay level and timer properties follows its level and loses the timer properties.',
    level: 'SHOULD',
    needs: ['delay-level', 'timer'],
    source: 'HookUtils#checkIfTimerMessage',
    async run(t) {
      const waiting = await stored(t, await t.sendOk(await t.topic(), { properties: { ...level(18), TIMER_DELAY_SEC: '100', TIMER_DELAY_MS: '5', TIMER_DELIVER_MS: '7' } }));
      equal([waiting.topic, waiting.queueId], [scheduleTopic, 17], 'topic and queue of the record');
      isTrue(!Object.keys(waiting.properties).some((name) => name.startsWith('TIMER_')), 'no TIMER_ property is stored');
    },
  },
  {
    name: 'delay.schedule-topic-refused',
    requirement: 'A send to SCHEDULE_TOPIC_XXXX is refused with NO_PERMISSION.',
    level: 'MUST',
    source: 'TopicValidator#isNotAllowedSendTopic',
    async run(t) {
      code(await t.send(scheduleTopic), res.NO_PERMISSION, 'send to SCHEDULE_TOPIC_XXXX');
    },
  },
  {
    name: 'delay.old-half-retry-is-no-half',
    requirement: 'A message with TRAN_MSG that is a delayed retry (reconsumeTimes and DELAY above 0) is no half message: it is delayed.',
    level: 'MAY',
    needs: ['delay-level'],
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const waiting = await stored(t, await t.sendOk(await t.topic(), { reconsumeTimes: 1, properties: { ...level(18), TRAN_MSG: 'true', PGROUP: 'conform_writer' } }));
      equal([waiting.topic, waiting.queueId], [scheduleTopic, 17], 'topic and queue of the record');
    },
  },
  {
    name: 'delay.progress-reported',
    requirement: 'GET_ALL_DELAY_OFFSET reports, by level, how many messages of it were delivered.',
    level: 'SHOULD',
    needs: ['delay-level'],
    source: 'AdminBrokerProcessor#getAllDelayOffset',
    async run(t) {
      const topic = await t.topic();
      const { queueOffset } = await t.sendOk(topic, { properties: level(1) });
      await t.pullAll(topic, 1, { waitMs });
      await t.until(`the offset of level 1 is past ${queueOffset}`, async () => {
        const body = json(await t.request(req.GET_ALL_DELAY_OFFSET));
        const table: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'offsetTable') : undefined;
        return typeof table === 'object' && table !== null && Number(Reflect.get(table, '1')) > queueOffset;
      });
    },
  },
]);
