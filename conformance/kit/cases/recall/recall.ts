/** RECALL_MESSAGE: a timer message is called back by the handle that its send was answered with. */
import { defineCases } from '../../case.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, notCode, remarkMatches } from '../../expect.js';
import { configNumber, stored, uniqKey } from '../send/support.js';

/** The handle's text: version, topic, broker, time, UNIQ_KEY. */
function handleOf(...parts: readonly (string | number)[]): string {
  return Buffer.from(parts.join(' ')).toString('base64url').replace(/^(.*)$/, (text) => text + '='.repeat((4 - (text.length % 4)) % 4));
}

function recall(t: Context, topic: string, recallHandle: string | undefined): Promise<Answer> {
  return t.request(req.RECALL_MESSAGE, { producerGroup: 'conform_writer', topic, recallHandle });
}

async function refused(t: Context, topic: string, handle: string | undefined, remark: string, what: string): Promise<void> {
  const answer = await recall(t, topic, handle);
  code(answer, res.ILLEGAL_OPERATION, what);
  remarkMatches(answer, remark, what);
}

export const cases = defineCases('recall', [
  {
    name: 'recall.handle-form',
    requirement: 'The answer to a timer message has a recallHandle: URL-safe base64 of v1, topic, broker name, TIMER_OUT_MS plus one and UNIQ_KEY, separated by blanks.',
    level: 'MUST',
    needs: ['recall', 'timer'],
    source: 'SendMessageProcessor#attachRecallHandle',
    async run(t) {
      const topic = await t.topic();
      const answer = await t.sendOk(topic, { properties: { TIMER_DELAY_SEC: '600' } });
      const out = Number((await stored(t, answer)).properties['TIMER_OUT_MS']);
      equal(Buffer.from(hasField(answer, 'recallHandle'), 'base64url').toString('utf8'), `v1 ${topic} ${t.endpoint.brokerName} ${out + 1} ${answer.transactionId ?? ''}`, 'text of the handle');
    },
  },
  {
    name: 'recall.no-handle-for-others',
    requirement: 'The answers to a message without delay and to one with a delay level have no recallHandle.',
    level: 'SHOULD',
    needs: ['recall'],
    source: 'SendMessageProcessor#attachRecallHandle',
    async run(t) {
      const topic = await t.topic();
      equal((await t.sendOk(topic)).ext['recallHandle'], undefined, 'handle of a message without delay');
      equal((await t.sendOk(topic, { properties: { DELAY: '18' } })).ext['recallHandle'], undefined, 'handle of a message with a delay level');
    },
  },
  {
    name: 'recall.past-timer-no-handle',
    requirement: 'The answer to a timer message whose time is past has no recallHandle.',
    level: 'SHOULD',
    needs: ['recall', 'timer'],
    source: 'SendMessageProcessor#attachRecallHandle',
    async run(t) {
      equal((await t.sendOk(await t.topic(), { properties: { TIMER_DELIVER_MS: String(t.now() - 5000) } })).ext['recallHandle'], undefined, 'handle');
    },
  },
  {
    name: 'recall.message-not-delivered',
    requirement: 'A timer message that was recalled is not delivered, and its neighbour of the same time is.',
    level: 'MUST',
    needs: ['recall', 'timer'],
    timeoutMs: 30_000,
    source: 'RecallMessageProcessor#processRequest, TimerMessageStore',
    async run(t) {
      const topic = await t.topic();
      const properties = { TIMER_DELIVER_MS: String(t.now() + 5500) };
      const answer = await t.sendOk(topic, { body: 'recalled', properties });
      await t.sendOk(topic, { body: 'kept', properties });
      code(await recall(t, topic, hasField(answer, 'recallHandle')), res.SUCCESS, 'RECALL_MESSAGE');
      await t.pullAll(topic, 1, { waitMs: 20_000 });
      await t.sleep(1500);
      equal((await t.pullAll(topic, 1)).map((message) => message.body.toString()), ['kept'], 'bodies delivered');
    },
  },
  {
    name: 'recall.answer-has-uniq-key',
    requirement: 'The answer to a recall has the UNIQ_KEY of the recalled message as msgId.',
    level: 'MUST',
    needs: ['recall', 'timer'],
    source: 'RecallMessageProcessor#handlePutMessageResult',
    async run(t) {
      const topic = await t.topic();
      const UNIQ_KEY = uniqKey(t);
      const sent = await t.sendOk(topic, { properties: { TIMER_DELAY_SEC: '600', UNIQ_KEY } });
      const answer = await recall(t, topic, hasField(sent, 'recallHandle'));
      code(answer, res.SUCCESS, 'RECALL_MESSAGE');
      hasField(answer, 'msgId', UNIQ_KEY);
    },
  },
  {
    name: 'recall.twice',
    requirement: 'A second recall of a message is accepted as the first was.',
    level: 'SHOULD',
    needs: ['recall', 'timer'],
    source: 'RecallMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      const handle = hasField(await t.sendOk(topic, { properties: { TIMER_DELAY_SEC: '600' } }), 'recallHandle');
      code(await recall(t, topic, handle), res.SUCCESS, 'first recall');
      code(await recall(t, topic, handle), res.SUCCESS, 'second recall');
    },
  },
  {
    name: 'recall.unknown-message-accepted',
    requirement: 'A handle that is well formed is accepted though no message has its key.',
    level: 'SHOULD',
    needs: ['recall', 'timer'],
    source: 'RecallMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      code(await recall(t, topic, handleOf('v1', topic, t.endpoint.brokerName, t.now() + 600_000, uniqKey(t))), res.SUCCESS, 'recall of a key that was never sent');
    },
  },
  {
    name: 'recall.after-delivery',
    requirement: 'A recall after the time of its message is refused with ILLEGAL_OPERATION.',
    level: 'MUST',
    needs: ['recall', 'timer'],
    timeoutMs: 30_000,
    source: 'RecallMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      const handle = hasField(await t.sendOk(topic, { properties: { TIMER_DELAY_MS: '1500' } }), 'recallHandle');
      await t.pullAll(topic, 1, { waitMs: 20_000 });
      await refused(t, topic, handle, 'timestamp invalid', 'recall of a delivered message');
    },
  },
  {
    name: 'recall.time-too-far',
    requirement: 'A handle whose time is further ahead than timerMaxDelaySec is refused with ILLEGAL_OPERATION.',
    level: 'SHOULD',
    needs: ['recall'],
    source: 'RecallMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      const max = await configNumber(t, 'timerMaxDelaySec', 3 * 24 * 3600);
      await refused(t, topic, handleOf('v1', topic, t.endpoint.brokerName, t.now() + max * 1000 + 600_000, uniqKey(t)), 'timestamp invalid', 'recall with a far time');
    },
  },
  {
    name: 'recall.time-no-number',
    requirement: 'A handle whose time is no number is refused with ILLEGAL_OPERATION.',
    level: 'SHOULD',
    needs: ['recall'],
    source: 'RecallMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      await refused(t, topic, handleOf('v1', topic, t.endpoint.brokerName, 'soon', uniqKey(t)), 'timestamp invalid', 'recall with the time soon');
    },
  },
  {
    name: 'recall.unknown-topic',
    requirement: 'A recall for a topic that does not exist is refused with TOPIC_NOT_EXIST, whatever its handle.',
    level: 'MUST',
    needs: ['recall'],
    source: 'RecallMessageProcessor#processRequest',
    async run(t) {
      code(await recall(t, t.topicName(), 'nonsense'), res.TOPIC_NOT_EXIST, 'recall for an unknown topic');
    },
  },
  {
    name: 'recall.other-topic',
    requirement: 'A recall whose topic is not that of the handle is refused with ILLEGAL_OPERATION.',
    level: 'MUST',
    needs: ['recall'],
    source: 'RecallMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      await refused(t, topic, handleOf('v1', `${topic}x`, t.endpoint.brokerName, t.now() + 600_000, uniqKey(t)), 'topic not match', 'recall with a handle of another topic');
    },
  },
  {
    name: 'recall.other-broker',
    requirement: 'A recall whose handle names another broker is refused with ILLEGAL_OPERATION.',
    level: 'MUST',
    needs: ['recall'],
    source: 'RecallMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      await refused(t, topic, handleOf('v1', topic, 'some-other-broker', t.now() + 600_000, uniqKey(t)), 'broker service not available', 'recall with a handle of another broker');
    },
  },
  {
    name: 'recall.handle-no-base64',
    requirement: 'A handle that is no base64 is refused with ILLEGAL_OPERATION.',
    level: 'MUST',
    needs: ['recall'],
    source: 'RecallMessageHandle#decodeHandle',
    async run(t) {
      await refused(t, await t.topic(), '*** no handle ***', 'recall handle is invalid', 'recall with nonsense');
    },
  },
  {
    name: 'recall.handle-empty',
    requirement: 'A recall with an empty handle is refused with ILLEGAL_OPERATION.',
    level: 'MUST',
    needs: ['recall'],
    source: 'RecallMessageHandle#decodeHandle',
    async run(t) {
      await refused(t, await t.topic(), '', 'recall handle is invalid', 'recall with an empty handle');
    },
  },
  {
    name: 'recall.handle-missing',
    requirement: 'A recall without a handle is refused.',
    level: 'MUST',
    needs: ['recall'],
    source: 'RecallMessageHandle#decodeHandle',
    async run(t) {
      notCode(await recall(t, await t.topic(), undefined), res.SUCCESS, 'recall without a handle');
    },
  },
  {
    name: 'recall.handle-other-version',
    requirement: 'A handle of a version other than v1 is refused with ILLEGAL_OPERATION.',
    level: 'MUST',
    needs: ['recall'],
    source: 'RecallMessageHandle#decodeHandle',
    async run(t) {
      const topic = await t.topic();
      await refused(t, topic, handleOf('v2', topic, t.endpoint.brokerName, t.now() + 600_000, uniqKey(t)), 'recall handle is invalid', 'recall with a handle of version v2');
    },
  },
  {
    name: 'recall.handle-too-few-parts',
    requirement: 'A handle with fewer than five parts is refused with ILLEGAL_OPERATION.',
    level: 'MUST',
    needs: ['recall'],
    source: 'RecallMessageHandle#decodeHandle',
    async run(t) {
      const topic = await t.topic();
      await refused(t, topic, handleOf('v1', topic, t.endpoint.brokerName, t.now() + 600_000), 'recall handle is invalid', 'recall with a handle of four parts');
    },
  },
  {
    name: 'recall.batch-has-no-handle',
    requirement: 'The answer to a batch has no recallHandle, whatever timer properties its elements have.',
    level: 'SHOULD',
    needs: ['recall', 'batch'],
    source: 'SendMessageProcessor#attachRecallHandle',
    async run(t) {
      const answer = await t.sendBatch(await t.topic(), [{ body: 'x', properties: { TIMER_DELAY_SEC: '600' } }]);
      code(answer, res.SUCCESS, 'batch');
      equal(answer.ext['recallHandle'], undefined, 'handle');
    },
  },
]);
