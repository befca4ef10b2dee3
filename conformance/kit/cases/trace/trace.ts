/** Message trace: what the broker tells producers and consumers for it, and the records that clients send. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, hasField, isTrue, oneOf, present } from '../../expect.js';

const traceTopic = 'RMQ_SYS_TRACE_TOPIC';

export const cases = defineCases('trace', [
  {
    name: 'trace.send-answer-fields',
    requirement: 'The answer to a send has the fields MSG_REGION and TRACE_ON, which tell the client whether and for which region to trace.',
    level: 'MUST',
    source: 'SendMessageProcessor#preSend, buildMsgContext',
    async run(t) {
      const answer = await t.sendOk(await t.topic());
      isTrue(hasField(answer, 'MSG_REGION') !== '', 'MSG_REGION is not empty');
      oneOf(hasField(answer, 'TRACE_ON'), ['true', 'false'], 'TRACE_ON');
    },
  },
  {
    name: 'trace.batch-answer-fields',
    requirement: 'The answer to a batch has the fields MSG_REGION and TRACE_ON as well.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendBatchMessage',
    needs: ['batch'],
    async run(t) {
      const answer = await t.sendBatch(await t.topic(), [{ body: 'one' }]);
      hasField(answer, 'MSG_REGION');
      hasField(answer, 'TRACE_ON');
    },
  },
  {
    name: 'trace.refusal-has-fields',
    requirement: 'A send that is refused because of its queue still has MSG_REGION and TRACE_ON.',
    level: 'SHOULD',
    source: 'SendMessageProcessor#preSend',
    async run(t) {
      const answer = await t.send(await t.topic(), { queueId: 99 });
      oneOf(answer.code, [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'code');
      hasField(answer, 'MSG_REGION', undefined, 'refusal');
      hasField(answer, 'TRACE_ON', undefined, 'refusal');
    },
  },
  {
    name: 'trace.properties-of-message',
    requirement: 'A stored message has the region and the trace switch of its send answer as properties MSG_REGION and TRACE_ON.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#buildMsgContext, MessageConst#PROPERTY_MSG_REGION',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const answer = await t.sendOk(topic);
      const { properties } = present((await t.pullAll(topic, 1))[0], 'the message');
      equal([properties['MSG_REGION'], properties['TRACE_ON']], [answer.ext['MSG_REGION'], answer.ext['TRACE_ON']], 'MSG_REGION and TRACE_ON');
    },
  },
  {
    name: 'trace.properties-of-producer-overwritten',
    requirement: 'MSG_REGION and TRACE_ON that a producer puts into a message are replaced by those of the broker.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#buildMsgContext',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const answer = await t.sendOk(topic, { properties: { MSG_REGION: 'moon', TRACE_ON: 'perhaps', own: 'kept' } });
      const { properties } = present((await t.pullAll(topic, 1))[0], 'the message');
      equal([properties['MSG_REGION'], properties['TRACE_ON'], properties['own']], [answer.ext['MSG_REGION'], answer.ext['TRACE_ON'], 'kept'], 'MSG_REGION, TRACE_ON and the producer\'s own');
    },
  },
  {
    name: 'trace.record-kept',
    requirement: 'A trace record, with its separators 0x01 and 0x02, is stored in a trace topic of the user without change and found by the ids it names as keys.',
    level: 'MUST',
    source: 'TraceDataEncoder#encoderFromContextBean, AsyncTraceDispatcher',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const id = t.rng.bytes(16).toString('hex').toUpperCase();
      const fields = ['Pub', t.now(), 'DefaultRegion', 'producers', 'SomeTopic', id, 'TagA', 'order-1', '127.0.0.1:10911', 12, 3, 0, '7F00000100002A9F0000000000000000', true, '127.0.0.1:50000'];
      const record = `${fields.join('\u0001')}\u0002`;
      await t.sendOk(topic, { body: record, keys: `${id} order-1`, group: `_INNER_TRACE_PRODUCER-producers-PRODUCE` });
      for (const key of [id, 'order-1']) {
        const message = await t.until(`the record is found by ${key}`, async () => (await t.queryByKey(topic, key)).messages[0]);
        bytesEqual(message.body, record, `record found by ${key}`);
      }
    },
  },
  {
    name: 'trace.system-topic-cannot-be-deleted',
    requirement: 'The trace topic of the system cannot be deleted by request.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteTopic, TopicValidator#isSystemTopic',
    needs: ['trace-topic', 'admin'],
    async run(t) {
      const answer = await t.request(req.DELETE_TOPIC_IN_BROKER, { topic: traceTopic });
      code(answer, [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'delete');
    },
  },
  {
    name: 'trace.system-topic-cannot-be-updated',
    requirement: 'The trace topic of the system cannot be created or changed by request.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateTopic, TopicValidator#isSystemTopic',
    needs: ['trace-topic', 'admin'],
    async run(t) {
      const answer = await t.request(req.UPDATE_AND_CREATE_TOPIC, {
        topic: traceTopic, defaultTopic: 'TBW102', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false,
      });
      code(answer, [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'update');
    },
  },
  {
    name: 'trace.system-topic-takes-records',
    requirement: 'Trace records may be sent to RMQ_SYS_TRACE_TOPIC like to any topic, and are found there by their keys.',
    level: 'MUST',
    source: 'TopicValidator#isNotAllowedSendTopic',
    needs: ['trace-topic', 'auto-create-topic'],
    destructive: true,
    async run(t) {
      const id = t.rng.bytes(16).toString('hex').toUpperCase();
      await t.sendOk(traceTopic, { body: `Pub\u0001${t.now()}\u0002`, keys: id });
      await t.until('the record is found', async () => (await t.queryByKey(traceTopic, id)).messages.length === 1);
    },
  },
]);
