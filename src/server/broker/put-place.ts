/**
 * Where a message that passed the checks is put: the queue of its topic, with a delay level the level's queue of SCHEDULE_TOPIC_XXXX, with a time the timer
 * topic.
 * Also the few things that everybody who puts messages shares.
 */
import { propertyNames } from '../../codec/properties.js';
import { responseCodes } from '../../codec/responses.js';
import type { Acks } from './acks.js';
import { delayQueueId } from './delay-levels.js';
import type { DelayLevels } from './delay-levels.js';
import type { PutForm, TopicTraits } from './put-form.js';
import { delayLevelOf, droppedByDelay } from './send-checks.js';
import type { Answer } from './send-checks.js';
import { isTimerMessage, setTimer } from '../timer/place.js';
import { retryPrefix, scheduleTopic, timerTopic } from './topic-names.js';
import type { BrokerContext } from './types.js';

/** Ordinal of V3_4_9: from there on clients say how often a message may be retried. */
export const versionWithMaxReconsumeTimes = 121;

/** Queues of a dead letter topic (`AbstractSendMessageProcessor#DLQ_NUMS_PER_GROUP`). */
export const dlqQueueNums = 1;
export const readWritePerm = 6;

/** What the parts that put messages share. */
export interface PutParts {
  readonly ctx: BrokerContext;
  readonly form: PutForm;
  readonly acks: Acks;
  readonly delays: DelayLevels;
  /** Messages that wait for a time: what flow control of timers looks at. Set once there are timers. */
  timerNum: (timeMs: number) => number;
  /** A half message for this topic was stored. */
  readonly halfStored?: ((topic: string) => void) | undefined;
}

/** Queue of a request that leaves the choice to the broker (`AbstractSendMessageProcessor#randomQueueId`). */
export function randomQueueId(ctx: BrokerContext, queues: number): number {
  return Math.min(queues - 1, Math.floor(ctx.random() * queues));
}

/** A queue of a topic. */
export interface Place {
  readonly traits: TopicTraits;
  readonly queueId: number;
}

/**
 * Fills queue, properties and tags code of `form.input` for a message to `place`; one with a delay level goes to the level's queue instead
 * and remembers its place (`HookUtils#transformDelayLevelMessage`), and one that waits for a time to the timer topic; unless `undelayed`: prepared and
 * rolled back records wait for nobody. `properties` may change.
 */
export function placeMessage(parts: PutParts, place: Place, properties: Map<string, string>, undelayed = false): Answer | undefined {
  const { ctx, form, delays } = parts;
  const asked = delayLevelOf(properties);
  if (asked === undefined) {
    return {
      code: responseCodes.SYSTEM_ERROR,
      remark: `property DELAY is "${(properties.get(propertyNames.DELAY_TIME_LEVEL) ?? '').slice(0, 64)}", must be a delay level 0..${delays.length}`,
      bare: true,
    };
  }
  const topic = place.traits.topic;
  // `HookUtils#checkBeforePutMessage`: only retry topics may have longer names.
  if (topic.nameBytes.length > 127 && !topic.name.startsWith(retryPrefix)) {
    return { code: responseCodes.MESSAGE_ILLEGAL, remark: `topic[${topic.name}] has ${topic.nameBytes.length} bytes, at most 127 can be stored` };
  }
  const level = Math.min(asked, delays.length);
  if (level <= 0 || undelayed) {
    if (!undelayed && isTimerMessage(topic.name, properties)) {
      const answer = setTimer(ctx, topic.name, place.queueId, properties, parts.timerNum);
      if (typeof answer !== 'string') return answer;
      if (answer === 'waits') {
        form.exactly(properties);
        form.input.queue = ctx.store.queue(timerTopic, 0);
        return undefined;
      }
    }
    form.exactly(properties);
    form.input.queue = topic.queues[place.queueId] ?? ctx.store.queue(topic.name, place.queueId);
    return undefined;
  }
  for (const name of droppedByDelay) properties.delete(name);
  if (asked > level) properties.set(propertyNames.DELAY_TIME_LEVEL, String(level)); // else the client's text stays
  properties.set(propertyNames.REAL_TOPIC, topic.name);
  properties.set(propertyNames.REAL_QUEUE_ID, String(place.queueId));
  form.exactly(properties);
  form.input.queue = ctx.store.queue(scheduleTopic, delayQueueId(level));
  form.input.tagsCode = ctx.clock.nowMs() + (delays[level - 1] ?? 0);
  return undefined;
}
