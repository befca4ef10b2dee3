/** Sabotage of what comes later: retries, dead letters, delays, timers. */
import { req } from '../../codes.js';
import type { Command } from '../../wire/frame.js';
import { altered, layoutOf, recordsIn, withProperties } from '../records.js';
import { defineSabotages, onRequest, onSuccess, pretend, sends, withExt, withRecords, type Hooks } from '../sabotage.js';
import { withSendProperties } from './send.js';

/** Alters the retried messages in pulls. */
function retried(run: (records: readonly Buffer[], answer: Command) => Command): Hooks {
  return onSuccess([req.PULL_MESSAGE, req.POP_MESSAGE], (answer, request) => {
    const records = request.ext['topic']?.startsWith('%RETRY%') === true ? recordsIn(answer.body) : undefined;
    return records === undefined ? undefined : run(records, answer);
  });
}

export const retrySabotages = defineSabotages('retry', [
  {
    name: 'retry.send-back-lost',
    does: 'Acknowledges a message that a consumer sends back and forgets it.',
    breaks: 'A message sent back is delivered again.',
    witnesses: ['retry.*'],
    hooks: () => pretend(req.CONSUMER_SEND_MSG_BACK),
  },
  {
    name: 'retry.not-counted',
    does: 'Delivers retried messages with reconsumeTimes 0.',
    breaks: 'Each delivery counts in reconsumeTimes.',
    witnesses: ['retry.*count*', 'retry.*reconsume*', 'retry.*'],
    hooks: () => retried((records, answer) => withRecords(answer, records.map((record) => altered(record, (copy) => copy.writeInt32BE(0, layoutOf(copy).reconsumeTimes))))),
  },
  {
    name: 'retry.origin-lost',
    does: 'Delivers retried messages without the name of their topic.',
    breaks: 'A retried message names its topic in RETRY_TOPIC.',
    witnesses: ['retry.send-back.properties-of-the-retry', 'retry.*topic*', 'retry.*'],
    hooks: () => retried((records, answer) => withRecords(answer, records.map((record) => withProperties(record, (properties) => delete properties['RETRY_TOPIC'])))),
  },
  {
    name: 'retry.dead-letter-skipped',
    does: 'Retries a message that has used up its tries.',
    breaks: 'A message without tries left goes to the dead letters.',
    witnesses: ['retry.*dlq*', 'retry.*dead*', 'retry.*'],
    hooks: () => onRequest(req.CONSUMER_SEND_MSG_BACK, (request) => withExt(request, {
      maxReconsumeTimes: 1000, ...(Number(request.ext['delayLevel']) < 0 ? { delayLevel: 1 } : {}),
    })),
  },
  {
    name: 'retry.level-ignored',
    does: 'Delivers a message sent back after one second, whatever level was asked for.',
    breaks: 'A message sent back waits for its delay level.',
    witnesses: ['retry.send-back.level-as-asked', 'retry.*level*', 'retry.*delay*', 'retry.*'],
    hooks: () => onRequest(req.CONSUMER_SEND_MSG_BACK, (request) => (request.ext['delayLevel'] === '1' || Number(request.ext['delayLevel']) < 0 ? undefined : withExt(request, { delayLevel: 1 }))),
  },
]);

/** Alters the delay that a send asks for. */
function delays(alter: (properties: Record<string, string>) => void): Hooks {
  return onRequest(sends, (request) => {
    const out = withSendProperties(request, alter);
    return out === request ? undefined : out;
  });
}

const timerNames = ['TIMER_DELAY_MS', 'TIMER_DELAY_SEC', 'TIMER_DELIVER_MS'] as const;

export const delaySabotages = defineSabotages('delay', [
  {
    name: 'delay.delivered-at-once',
    does: 'Ignores the delay level of a message.',
    breaks: 'A delayed message is never delivered early.',
    needs: ['delay-level'],
    witnesses: ['delay.*early*', 'delay.*'],
    hooks: () => delays((properties) => {
      delete properties['DELAY'];
    }),
  },
  {
    name: 'delay.never-delivered',
    does: 'Delays every delayed message by two hours.',
    breaks: 'A delayed message is delivered when its time has come.',
    needs: ['delay-level'],
    witnesses: ['delay.*'],
    hooks: () => delays((properties) => {
      if ('DELAY' in properties) properties['DELAY'] = '18';
    }),
  },
  {
    name: 'delay.in-another-queue',
    does: 'Delivers delayed messages in queue 0.',
    breaks: 'A delayed message is delivered in the queue it was sent to.',
    needs: ['delay-level'],
    witnesses: ['delay.*queue*', 'delay.*'],
    hooks: () => onRequest(sends, (request) => {
      const properties = request.ext['i'] ?? request.ext['properties'] ?? '';
      return /(?:^|\u0002)DELAY\u0001/.test(properties) && (request.ext['e'] ?? '0') !== '0' ? withExt(request, { e: 0 }) : undefined;
    }),
  },
  {
    name: 'delay.tag-lost',
    does: 'Delivers a delayed message without its tag.',
    breaks: 'A delayed message is delivered with its own properties.',
    needs: ['delay-level'],
    witnesses: ['delay.*propert*', 'delay.*tag*', 'delay.*'],
    hooks: () => delays((properties) => {
      if ('DELAY' in properties) for (const name of Object.keys(properties)) if (!['DELAY', 'UNIQ_KEY', 'WAIT'].includes(name)) delete properties[name];
    }),
  },
]);

export const timerSabotages = defineSabotages('timer', [
  {
    name: 'timer.delivered-at-once',
    does: 'Ignores the time at which a message is to be delivered.',
    breaks: 'A timed message is never delivered early.',
    needs: ['timer'],
    witnesses: ['timer.*early*', 'timer.*'],
    hooks: () => delays((properties) => {
      for (const name of timerNames) delete properties[name];
    }),
  },
  {
    name: 'timer.a-minute-late',
    does: 'Delivers timed messages a minute late.',
    breaks: 'A timed message is delivered when its time has come.',
    needs: ['timer'],
    witnesses: ['timer.*'],
    hooks: () => delays((properties) => {
      for (const name of timerNames) if (/^\d+$/.test(properties[name] ?? '')) properties[name] = String(Number(properties[name]) + (name === 'TIMER_DELAY_SEC' ? 60 : 60_000));
    }),
  },
  {
    name: 'timer.recall-ignored',
    does: 'Acknowledges a recall and delivers the message.',
    breaks: 'A recalled message is not delivered.',
    needs: ['recall'],
    witnesses: ['recall.*', 'timer.*recall*'],
    hooks: () => pretend(req.RECALL_MESSAGE, () => ({ msgId: '0A000001000018B4AAC2000000000000' })),
  },
]);

