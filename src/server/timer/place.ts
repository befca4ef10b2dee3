/**
 * The way of a message into the timer topic (`HookUtils#checkIfTimerMessage`, `#transformTimerMessage`): which messages wait for a time, until when, and what
 * is refused. How they leave it is timers.ts.
 */
import { propertyNames } from '../../codec/properties.js';
import { responseCodes } from '../../codec/responses.js';
import { parseJavaLong } from '../../compat/java-number.js';
import type { Answer } from '../broker/send-checks.js';
import { timerTopic } from '../broker/topic-names.js';
import type { BrokerContext } from '../broker/types.js';

/** In the order in which they are asked. */
export const timerTriggers = [propertyNames.TIMER_DELAY_SEC, propertyNames.TIMER_DELAY_MS, propertyNames.TIMER_DELIVER_MS] as const;

/** True for a message that asks for a time; one with a delay level is none. */
export function isTimerMessage(topic: string, properties: ReadonlyMap<string, string>): boolean {
  return topic !== timerTopic && !properties.has(propertyNames.TIMER_OUT_MS) && timerTriggers.some((name) => properties.has(name));
}

/** Milliseconds since the epoch as Java reckons them, overflow included; undefined for what is no number. */
function deliverTime(properties: ReadonlyMap<string, string>, nowMs: number): bigint | undefined {
  const name = timerTriggers.find((one) => properties.has(one));
  const value = name === undefined ? undefined : parseJavaLong(properties.get(name) ?? '');
  if (value === undefined) return undefined;
  if (name === propertyNames.TIMER_DELIVER_MS) return value;
  const delayMs = name === propertyNames.TIMER_DELAY_SEC ? BigInt.asIntN(64, value * 1000n) : value;
  return BigInt.asIntN(64, BigInt(nowMs) + delayMs);
}

function illegal(ctx: BrokerContext): Answer {
  return {
    code: responseCodes.MESSAGE_ILLEGAL,
    remark: `timer message illegal, the delay time should not be bigger than the max delay ${ctx.config.timerMaxDelaySec * 1000}ms; ` +
      'or if set del msg, the delay time should be bigger than the current time',
  };
}

function flowControl(limit: number): Answer {
  return {
    code: responseCodes.SYSTEM_ERROR,
    remark: `timer message is under flow control, max num limit is ${limit * 2} or the current value is greater than ${limit} and less than ${limit * 2}, ` +
      'trigger random flow control',
  };
}

/** `TimerMessageStore#isReject`; `num` messages wait for the same time. */
function isRejected(ctx: BrokerContext, num: number): boolean {
  const limit = ctx.config.timerCongestNumEachSlot;
  if (num <= limit) return false;
  return num >= limit * 2 || Math.floor(ctx.random() * 1000) > (1000 * (num - limit)) / (limit + 0.1);
}

/**
 * Works out until when a timer message waits and notes time and place in its properties: 'waits'. 'due' when its time is past: it goes to its place at
 * once. An answer when it is refused.
 */
export function setTimer(ctx: BrokerContext, topic: string, queueId: number, properties: Map<string, string>, num: (timeMs: number) => number): Answer | 'waits' | 'due' {
  const { timerWheelEnable, timerMaxDelaySec, timerPrecisionMs } = ctx.config;
  if (!timerWheelEnable) return { code: responseCodes.SYSTEM_ERROR, remark: 'accurate timer message is not enabled, timerWheelEnable is false' };
  const nowMs = ctx.clock.nowMs();
  const wanted = deliverTime(properties, nowMs);
  if (wanted === undefined) return illegal(ctx);
  if (wanted <= BigInt(nowMs)) return properties.has(propertyNames.TIMER_DEL_UNIQKEY) ? illegal(ctx) : 'due';
  if (wanted - BigInt(nowMs) > BigInt(timerMaxDelaySec) * 1000n) return illegal(ctx);
  const deliverMs = Number(wanted);
  const rest = deliverMs % timerPrecisionMs;
  const outMs = deliverMs - (rest === 0 ? timerPrecisionMs : rest);
  if (isRejected(ctx, num(outMs))) return flowControl(ctx.config.timerCongestNumEachSlot);
  properties.set(propertyNames.TIMER_OUT_MS, String(outMs));
  properties.set(propertyNames.REAL_TOPIC, topic);
  properties.set(propertyNames.REAL_QUEUE_ID, String(queueId));
  return 'waits';
}
