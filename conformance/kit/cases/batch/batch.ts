/** SEND_BATCH_MESSAGE: what is stored of a batch, and what the answer says. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, inRange, isTrue } from '../../expect.js';
import { encodeBatch } from '../../wire/batch.js';
import { stored, uniqKey } from '../send/support.js';

const three = [{ body: 'a' }, { body: 'b' }, { body: 'c' }];

export const cases = defineCases('batch', [
  {
    name: 'batch.offsets-consecutive',
    requirement: 'The elements of a batch get consecutive queue offsets, of which the answer has the first.',
    level: 'MUST',
    needs: ['batch'],
    source: 'CommitLog#asyncPutMessages',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      const answer = await t.sendBatch(topic, three);
      code(answer, res.SUCCESS, 'batch of three');
      equal(answer.queueOffset, 2, 'queueOffset of the batch');
      equal((await t.sendOk(topic)).queueOffset, 5, 'queueOffset of the next message');
      equal((await t.pullAll(topic, 6)).slice(2, 5).map((message) => [message.queueOffset, message.body.toString()]), [[2, 'a'], [3, 'b'], [4, 'c']], 'elements');
    },
  },
  {
    name: 'batch.message-ids-joined',
    requirement: 'The msgId of the answer to a batch is the list of the ids of its elements, in their order, joined by commas.',
    level: 'MUST',
    needs: ['batch'],
    source: 'CommitLog.DefaultAppendMessageCallback#doAppend',
    async run(t) {
      const topic = await t.topic();
      const answer = await t.sendBatch(topic, three);
      equal(answer.msgId.split(','), (await t.pullAll(topic, 3)).map((message) => message.msgId), 'ids');
    },
  },
  {
    name: 'batch.message-ids-find-elements',
    requirement: 'Each id in the answer to a batch finds its own element.',
    level: 'MUST',
    needs: ['batch'],
    source: 'QueryMessageProcessor#viewMessageById',
    async run(t) {
      const ids = (await t.sendBatch(await t.topic(), three)).msgId.split(',');
      const bodies = await Promise.all(ids.map(async (msgId) => (await stored(t, { msgId })).body.toString()));
      equal(bodies, ['a', 'b', 'c'], 'bodies found by id');
    },
  },
  {
    name: 'batch.one-element',
    requirement: 'A batch of one element is stored and answered with one id.',
    level: 'MUST',
    needs: ['batch'],
    source: 'CommitLog#asyncPutMessages',
    async run(t) {
      const answer = await t.sendBatch(await t.topic(), [{ body: 'only' }]);
      equal((await stored(t, answer)).body.toString(), 'only', 'body');
    },
  },
  {
    name: 'batch.thousand-elements',
    requirement: 'A batch of a thousand small elements is stored whole and answered with a thousand ids.',
    level: 'MUST',
    needs: ['batch'],
    source: 'CommitLog#asyncPutMessages',
    async run(t) {
      const topic = await t.topic();
      const answer = await t.sendBatch(topic, Array.from({ length: 1000 }, (_, i) => ({ body: String(i) })));
      equal(new Set(answer.msgId.split(',')).size, 1000, 'different ids');
      equal((await t.pullAll(topic, 1000)).map((message) => Number(message.body.toString())), Array.from({ length: 1000 }, (_, i) => i), 'bodies');
    },
  },
  {
    name: 'batch.request-properties-not-merged',
    requirement: 'Properties of the request are not given to the elements.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'SendMessageProcessor#sendBatchMessage',
    async run(t) {
      const topic = await t.topic();
      await t.sendBatch(topic, [{ body: 'x', properties: { own: '1' } }], { properties: { outer: '2' } });
      equal((await t.pullAll(topic, 1)).map((message) => message.properties), [{ own: '1' }], 'properties of the element');
    },
  },
  {
    name: 'batch.request-fields-on-each-element',
    requirement: 'Born timestamp, sysFlag and reconsumeTimes of the request are those of each element.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      await t.sendBatch(topic, [{ body: 'x' }, { body: 'y' }], { bornTimestamp: 1_600_000_000_000, sysFlag: 2, reconsumeTimes: 5 });
      for (const message of await t.pullAll(topic, 2)) equal([message.bornTimestamp, message.sysFlag & 2, message.reconsumeTimes], [1_600_000_000_000, 2, 5], 'born timestamp, sysFlag bit 2, reconsumeTimes');
    },
  },
  {
    name: 'batch.one-store-timestamp',
    requirement: 'All elements of a batch have one store timestamp.',
    level: 'SHOULD',
    needs: ['batch'],
    source: 'CommitLog.DefaultAppendMessageCallback#doAppend',
    async run(t) {
      const topic = await t.topic();
      await t.sendBatch(topic, Array.from({ length: 100 }, () => ({ body: 'x'.repeat(1000) })));
      equal(new Set((await t.pullAll(topic, 100)).map((message) => message.storeTimestamp)).size, 1, 'different store timestamps');
    },
  },
  {
    name: 'batch.transaction-id-is-request-uniq-key',
    requirement: 'The transactionId answered to a batch is the UNIQ_KEY in the properties of the request.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'SendMessageProcessor#handlePutMessageResult',
    async run(t) {
      const key = uniqKey(t);
      equal((await t.sendBatch(await t.topic(), three, { properties: { UNIQ_KEY: key } })).transactionId, key, 'transactionId');
    },
  },
  {
    name: 'batch.negative-queue-one-queue',
    requirement: 'A batch with queueId -1 goes into one queue, which the answer names.',
    level: 'MUST',
    needs: ['batch'],
    source: 'SendMessageProcessor#sendBatchMessage',
    async run(t) {
      const topic = await t.topic({ queues: 4 });
      const answer = await t.sendBatch(topic, three, { queueId: -1 });
      code(answer, res.SUCCESS, 'batch with queueId -1');
      inRange(answer.queueId, 0, 3, 'queueId');
      equal((await t.pullAll(topic, 3, { queueId: answer.queueId })).map((message) => message.queueId), [answer.queueId, answer.queueId, answer.queueId], 'queues of the elements');
    },
  },
  {
    name: 'batch.field-decides-not-code',
    requirement: 'A SEND_MESSAGE_V2 whose batch field is true is a batch.',
    level: 'MUST',
    needs: ['batch'],
    source: 'SendMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: encodeBatch(three), ext: { m: true } });
      equal((await t.pullAll(topic, 3)).map((message) => message.body.toString()), ['a', 'b', 'c'], 'bodies');
    },
  },
  {
    name: 'batch.field-in-long-form',
    requirement: 'A SEND_MESSAGE with batch=true is a batch.',
    level: 'SHOULD',
    needs: ['batch'],
    source: 'SendMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { form: 'V1', body: encodeBatch(three), ext: { batch: true } });
      equal((await t.pullAll(topic, 3)).map((message) => message.body.toString()), ['a', 'b', 'c'], 'bodies');
    },
  },
  {
    name: 'batch.code-without-field-is-single',
    requirement: 'A SEND_BATCH_MESSAGE whose batch field is false or absent is one message with the whole body.',
    level: 'SHOULD',
    needs: ['batch'],
    source: 'SendMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      const body = encodeBatch(three);
      code(await t.sendBatch(topic, [], { body, ext: { m: false } }), res.SUCCESS, 'batch with m=false');
      code(await t.sendBatch(topic, [], { body, ext: { m: undefined } }), res.SUCCESS, 'batch without m');
      const messages = await t.pullAll(topic, 2);
      equal(messages.length, 2, 'messages');
      for (const message of messages) bytesEqual(message.body, body, 'body');
    },
  },
  {
    name: 'batch.one-way-stored',
    requirement: 'A one-way batch is stored and not answered.',
    level: 'MUST',
    needs: ['batch'],
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      const topic = await t.topic();
      const producer = await t.connect('broker', { label: 'producer' });
      const opaque = producer.oneway(req.SEND_BATCH_MESSAGE, { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: true }, { body: encodeBatch(three) });
      let answered = false;
      void producer.nextFrame((frame) => frame.opaque === opaque, 60_000).then(() => (answered = true), () => undefined);
      equal((await t.pullAll(topic, 3)).map((message) => message.body.toString()), ['a', 'b', 'c'], 'bodies');
      isTrue(!answered, 'the one-way batch was not answered');
    },
  },
]);
