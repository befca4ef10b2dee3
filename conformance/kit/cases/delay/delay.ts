/** DELAY levels: where a delayed message waits, and what the answer says. Level 1 is one second by default. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, isTrue } from '../../expect.js';
import { stored } from '../send/support.js';
import { scheduleTopic, level } from './support.js';

export const cases = defineCases('delay', [
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
]);
