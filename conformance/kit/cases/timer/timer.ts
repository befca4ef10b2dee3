/** Delivery at any time: TIMER_DELAY_SEC, TIMER_DELAY_MS and TIMER_DELIVER_MS. The wheel turns in steps of timerPrecisionMs, one second by default. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { res } from '../../codes.js';
import { bytesEqual, code, equal, inRange, isTrue, remarkMatches } from '../../expect.js';
import type { StoredMessage } from '../../wire/record.js';
import { configNumber, stored, uniqKey } from '../send/support.js';

const wheelTopic = 'rmq_sys_wheel_timer';
/** Two seconds of delay, the steps of the wheel, and a busy machine. */
const waitMs = 20_000;

/** The record in which a timer message waits. */
async function waiting(t: Context, properties: Readonly<Record<string, string>>): Promise<StoredMessage> {
  return stored(t, await t.sendOk(await t.topic(), { properties }));
}

const precision = (t: Context): Promise<number> => configNumber(t, 'timerPrecisionMs', 1000);
const maxDelaySec = (t: Context): Promise<number> => configNumber(t, 'timerMaxDelaySec', 3 * 24 * 3600);

export const cases = defineCases('timer', [
  {
    name: 'timer.waits-in-wheel-topic',
    requirement: 'A timer message waits in queue 0 of rmq_sys_wheel_timer, its own topic and queue kept as REAL_TOPIC and REAL_QID.',
    level: 'MUST',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const topic = await t.topic();
      const message = await stored(t, await t.sendOk(topic, { queueId: 2, properties: { TIMER_DELAY_SEC: '600' } }));
      equal([message.topic, message.queueId, message.properties['REAL_TOPIC'], message.properties['REAL_QID']], [wheelTopic, 0, topic, '2'], 'topic, queue, REAL_TOPIC and REAL_QID of the record');
    },
  },
  {
    name: 'timer.delay-seconds',
    requirement: 'TIMER_DELAY_SEC counts seconds from the moment the broker takes the message.',
    level: 'MUST',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const step = await precision(t);
      const { storeTimestamp, properties } = await waiting(t, { TIMER_DELAY_SEC: '600' });
      inRange(Number(properties['TIMER_OUT_MS']) - storeTimestamp, 600_000 - step - 5000, 600_000, 'TIMER_OUT_MS after the store timestamp');
    },
  },
  {
    name: 'timer.delay-milliseconds',
    requirement: 'TIMER_DELAY_MS counts milliseconds from the moment the broker takes the message.',
    level: 'MUST',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const step = await precision(t);
      const { storeTimestamp, properties } = await waiting(t, { TIMER_DELAY_MS: '600000' });
      inRange(Number(properties['TIMER_OUT_MS']) - storeTimestamp, 600_000 - step - 5000, 600_000, 'TIMER_OUT_MS after the store timestamp');
    },
  },
  {
    name: 'timer.deliver-time-floored',
    requirement: 'The time of TIMER_DELIVER_MS is rounded down to a step of the wheel and kept as TIMER_OUT_MS.',
    level: 'SHOULD',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const step = await precision(t);
      const at = Math.ceil((t.now() + 600_000) / step) * step;
      equal((await waiting(t, { TIMER_DELIVER_MS: String(at + Math.floor(step / 2)) })).properties['TIMER_OUT_MS'], String(at), 'TIMER_OUT_MS');
    },
  },
  {
    name: 'timer.deliver-time-on-step',
    requirement: 'A time of TIMER_DELIVER_MS that is a step of the wheel is moved one step ahead.',
    level: 'MAY',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const step = await precision(t);
      const at = Math.ceil((t.now() + 600_000) / step) * step;
      equal((await waiting(t, { TIMER_DELIVER_MS: String(at) })).properties['TIMER_OUT_MS'], String(at - step), 'TIMER_OUT_MS');
    },
  },
  {
    name: 'timer.seconds-before-milliseconds',
    requirement: 'TIMER_DELAY_SEC goes before TIMER_DELAY_MS.',
    level: 'SHOULD',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const { storeTimestamp, properties } = await waiting(t, { TIMER_DELAY_MS: '60000', TIMER_DELAY_SEC: '600' });
      inRange(Number(properties['TIMER_OUT_MS']) - storeTimestamp, 500_000, 600_000, 'TIMER_OUT_MS after the store timestamp');
    },
  },
  {
    name: 'timer.milliseconds-before-time',
    requirement: 'TIMER_DELAY_MS goes before TIMER_DELIVER_MS.',
    level: 'SHOULD',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const { storeTimestamp, properties } = await waiting(t, { TIMER_DELIVER_MS: String(t.now() + 60_000), TIMER_DELAY_MS: '600000' });
      inRange(Number(properties['TIMER_OUT_MS']) - storeTimestamp, 500_000, 600_000, 'TIMER_OUT_MS after the store timestamp');
    },
  },
  {
    name: 'timer.past-time-at-once',
    requirement: 'A message whose TIMER_DELIVER_MS is past is delivered at once, the property being kept.',
    level: 'MUST',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const topic = await t.topic();
      const at = String(t.now() - 60_000);
      await t.sendOk(topic, { properties: { TIMER_DELIVER_MS: at } });
      equal((await t.pullAll(topic, 1)).map((message) => message.properties['TIMER_DELIVER_MS']), [at], 'TIMER_DELIVER_MS of the message');
    },
  },
  {
    name: 'timer.negative-delay-at-once',
    requirement: 'A message with a negative TIMER_DELAY_SEC is delivered at once.',
    level: 'SHOULD',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const topic = await t.topic();
      equal((await stored(t, await t.sendOk(topic, { properties: { TIMER_DELAY_SEC: '-5' } }))).topic, topic, 'topic of the record');
    },
  },
  {
    name: 'timer.too-far-refused',
    requirement: 'A delay longer than timerMaxDelaySec is refused with MESSAGE_ILLEGAL and a remark that names the limit in milliseconds.',
    level: 'MUST',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const max = await maxDelaySec(t);
      const answer = await t.send(await t.topic(), { properties: { TIMER_DELAY_SEC: String(max + 60) } });
      code(answer, res.MESSAGE_ILLEGAL, `delay of ${max + 60} s`);
      remarkMatches(answer, `${max}000ms`, `delay of ${max + 60} s`);
    },
  },
  {
    name: 'timer.time-too-far-refused',
    requirement: 'A TIMER_DELIVER_MS that lies further ahead than timerMaxDelaySec is refused with MESSAGE_ILLEGAL.',
    level: 'MUST',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      code(await t.send(await t.topic(), { properties: { TIMER_DELIVER_MS: String(t.now() + (await maxDelaySec(t)) * 1000 + 600_000) } }), res.MESSAGE_ILLEGAL, 'deliver time past the limit');
    },
  },
  {
    name: 'timer.greatest-integer-refused',
    requirement: 'A TIMER_DELIVER_MS of the greatest 64-bit integer is refused with MESSAGE_ILLEGAL.',
    level: 'SHOULD',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      code(await t.send(await t.topic(), { properties: { TIMER_DELIVER_MS: '9223372036854775807' } }), res.MESSAGE_ILLEGAL, 'deliver time 2^63-1');
    },
  },
  {
    name: 'timer.no-number-refused',
    requirement: 'A timer property that is no number is refused with MESSAGE_ILLEGAL.',
    level: 'MUST',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      code(await t.send(await t.topic(), { properties: { TIMER_DELAY_MS: 'soon' } }), res.MESSAGE_ILLEGAL, 'send with TIMER_DELAY_MS=soon');
    },
  },
  {
    name: 'timer.delete-mark-of-past-refused',
    requirement: 'A mark to delete (TIMER_DEL_UNIQKEY) whose time is past is refused with MESSAGE_ILLEGAL.',
    level: 'SHOULD',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      code(await t.send(await t.topic(), { properties: { TIMER_DELIVER_MS: String(t.now() - 10_000), TIMER_DEL_UNIQKEY: uniqKey(t) } }), res.MESSAGE_ILLEGAL, 'late mark to delete');
    },
  },
  {
    name: 'timer.not-visible-before',
    requirement: 'Before its time a timer message is neither pulled from its topic nor counted in the max offset.',
    level: 'MUST',
    needs: ['timer'],
    source: 'HookUtils#transformTimerMessage',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { properties: { TIMER_DELAY_SEC: '600' } });
      await t.sendOk(topic, { queueId: 1 });
      await t.pullAll(topic, 1, { queueId: 1 });
      equal((await t.maxOffset(topic, 0)).offset, 0, 'max offset');
    },
  },
  {
    name: 'timer.answer-names-real-queue',
    requirement: 'The answer to a timer message has the queue that was asked for.',
    level: 'MUST',
    needs: ['timer'],
    source: 'SendMessageProcessor#handlePutMessageResult',
    async run(t) {
      equal((await t.sendOk(await t.topic(), { queueId: 3, properties: { TIMER_DELAY_SEC: '600' } })).queueId, 3, 'queueId of the answer');
    },
  },
  {
    name: 'timer.delivered-not-before-out-time',
    requirement: 'A timer message is delivered to its queue at its TIMER_OUT_MS or later.',
    level: 'MUST',
    needs: ['timer'],
    timeoutMs: 30_000,
    source: 'TimerMessageStore.TimerDequeuePutMessageService#run',
    async run(t) {
      const topic = await t.topic();
      const out = Number((await stored(t, await t.sendOk(topic, { queueId: 1, properties: { TIMER_DELAY_MS: '2500' } }))).properties['TIMER_OUT_MS']);
      const [message] = await t.pullAll(topic, 1, { queueId: 1, waitMs });
      inRange((message?.storeTimestamp ?? 0) - out, 0, waitMs, 'milliseconds between TIMER_OUT_MS and the delivered record');
    },
  },
  {
    name: 'timer.delivered-message-kept',
    requirement: 'Body, flag, born time and host, and own properties of a timer message are delivered unchanged.',
    level: 'MUST',
    needs: ['timer'],
    timeoutMs: 30_000,
    source: 'TimerMessageStore#convertMessage',
    async run(t) {
      const topic = await t.topic();
      const body = t.rng.bytes(300);
      const UNIQ_KEY = uniqKey(t);
      const before = await stored(t, await t.sendOk(topic, { body, messageFlag: 9, bornTimestamp: 1_700_000_000_000, tags: 'T', keys: 'k', properties: { TIMER_DELAY_MS: '1500', UNIQ_KEY, own: 'ü' } }));
      const [message] = await t.pullAll(topic, 1, { waitMs });
      bytesEqual(message?.body ?? Buffer.alloc(0), body, 'body');
      equal([message?.flag, message?.bornTimestamp, message?.bornHost], [9, 1_700_000_000_000, before.bornHost], 'flag, born timestamp and host');
      const { TAGS, KEYS, own, UNIQ_KEY: key } = message?.properties ?? {};
      equal([TAGS, KEYS, own, key], ['T', 'k', 'ü', UNIQ_KEY], 'TAGS, KEYS, own and UNIQ_KEY');
    },
  },
  {
    name: 'timer.delivered-with-bookkeeping',
    requirement: 'A delivered timer message has TIMER_OUT_MS, TIMER_ENQUEUE_MS and TIMER_DEQUEUE_MS.',
    level: 'MAY',
    needs: ['timer'],
    timeoutMs: 30_000,
    source: 'TimerMessageStore#convert',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { properties: { TIMER_DELAY_MS: '1500' } });
      const properties = (await t.pullAll(topic, 1, { waitMs }))[0]?.properties ?? {};
      for (const name of ['TIMER_OUT_MS', 'TIMER_ENQUEUE_MS', 'TIMER_DEQUEUE_MS']) isTrue(/^\d+$/.test(properties[name] ?? ''), `${name} '${properties[name] ?? ''}' is a number`);
    },
  },
  {
    name: 'timer.delivered-once',
    requirement: 'A timer message is delivered once.',
    level: 'MUST',
    needs: ['timer'],
    timeoutMs: 30_000,
    source: 'TimerMessageStore.TimerDequeuePutMessageService#run',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { properties: { TIMER_DELAY_MS: '1500' } });
      await t.pullAll(topic, 1, { waitMs });
      await t.sleep(1200);
      equal((await t.pullAll(topic, 1)).length, 1, 'messages after a while');
    },
  },
  {
    name: 'timer.delivered-by-tag',
    requirement: 'A delivered timer message is filtered by its tag like any other.',
    level: 'MUST',
    needs: ['timer'],
    timeoutMs: 30_000,
    source: 'TimerMessageStore#convertMessage',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { tags: 'A', body: 'a', properties: { TIMER_DELAY_MS: '1500' } });
      await t.sendOk(topic, { tags: 'B', body: 'b', properties: { TIMER_DELAY_MS: '1500' } });
      await t.pullAll(topic, 2, { waitMs });
      equal((await t.pull(topic, { subscription: 'B' })).messages.map((message) => message.body.toString()), ['b'], 'bodies with tag B');
    },
  },
  {
    name: 'timer.order-by-time',
    requirement: 'Of two timer messages the one with the earlier time is delivered first, whichever was sent first.',
    level: 'MUST',
    needs: ['timer'],
    timeoutMs: 30_000,
    source: 'TimerWheel',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'later', properties: { TIMER_DELAY_MS: '5000' } });
      await t.sendOk(topic, { body: 'sooner', properties: { TIMER_DELAY_MS: '2000' } });
      equal((await t.pullAll(topic, 2, { waitMs })).map((message) => message.body.toString()), ['sooner', 'later'], 'bodies');
    },
  },
]);
