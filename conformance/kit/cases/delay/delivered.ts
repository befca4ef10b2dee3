/** DELAY levels: when a delayed message is delivered, and what has become of it by then. */
import { defineCases } from '../../case.js';
import { json } from '../../session.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, inRange, notEqual, present } from '../../expect.js';
import { stored, uniqKey } from '../send/support.js';
import { scheduleTopic, level, waitMs } from './support.js';

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
