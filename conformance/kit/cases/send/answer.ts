/** What the answer to a send says. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, inRange, isTrue, present } from '../../expect.js';
import { phyOffsetOf } from '../../wire/record.js';
import { sendAndView, stored, uniqKey } from './support.js';

export const cases = defineCases('send', [
  {
    name: 'send.answer-region-and-trace',
    requirement: 'The answer to a send names the region of the broker (MSG_REGION) and whether it traces (TRACE_ON).',
    level: 'SHOULD',
    source: 'SendMessageProcessor#preSend',
    async run(t) {
      const answer = await t.sendOk(await t.topic());
      isTrue(hasField(answer, 'MSG_REGION') !== '', 'MSG_REGION is not empty');
      isTrue(/^(true|false)$/.test(hasField(answer, 'TRACE_ON')), 'TRACE_ON is true or false');
    },
  },
  {
    name: 'send.refusal-region-and-trace',
    requirement: 'A refused send is answered with MSG_REGION and TRACE_ON as an accepted one is.',
    level: 'MAY',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#preSend',
    async run(t) {
      const answer = await t.send(await t.topic(), { queueId: 100 });
      code(answer, res.INVALID_PARAMETER, 'send to queue 100 of 4');
      hasField(answer, 'MSG_REGION');
      hasField(answer, 'TRACE_ON');
    },
  },
  {
    name: 'send.message-id-form',
    requirement: 'The msgId of an answer is the upper-case hex of store host and commit log offset of the stored record.',
    level: 'MUST',
    source: 'MessageDecoder#createMessageId',
    async run(t) {
      const topic = await t.topic();
      const answer = await t.sendOk(topic);
      isTrue(/^([0-9A-F]{32}|[0-9A-F]{56})$/.test(answer.msgId), `'${answer.msgId}' is 32 or 56 upper-case hex digits`);
      const message = present((await t.pullAll(topic, 1))[0], 'the message');
      equal(answer.msgId, message.msgId, 'msgId of the answer, made from the record');
      equal(phyOffsetOf(answer.msgId), message.phyOffset, 'commit log offset in the msgId');
    },
  },
  {
    name: 'send.message-id-finds-message',
    requirement: 'VIEW_MESSAGE_BY_ID with the commit log offset of an answer returns the message that was sent.',
    level: 'MUST',
    source: 'QueryMessageProcessor#viewMessageById',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      const message = await sendAndView(t, topic, { body: 'this one', queueId: 1 });
      equal([message.topic, message.queueId, message.queueOffset, message.body.toString()], [topic, 1, 0, 'this one'], 'topic, queue, offset and body');
    },
  },
  {
    name: 'send.transaction-id-is-uniq-key',
    requirement: 'The transactionId of an answer is the UNIQ_KEY that the producer gave.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#handlePutMessageResult',
    async run(t) {
      const key = uniqKey(t);
      const answer = await t.sendOk(await t.topic(), { properties: { UNIQ_KEY: key } });
      equal(answer.transactionId, key, 'transactionId');
      equal((await stored(t, answer)).properties['UNIQ_KEY'], key, 'UNIQ_KEY of the stored message');
    },
  },
  {
    name: 'send.uniq-key-made-when-missing',
    requirement: 'A message without UNIQ_KEY gets one from the broker, which is stored and answered as transactionId.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const topic = await t.topic();
      const first = await t.sendOk(topic);
      const second = await t.sendOk(topic);
      isTrue((first.transactionId ?? '') !== '', 'there is a transactionId');
      isTrue(first.transactionId !== second.transactionId, 'two messages have two keys');
      equal((await stored(t, first)).properties['UNIQ_KEY'], first.transactionId, 'UNIQ_KEY of the stored message');
    },
  },
  {
    name: 'send.made-uniq-key-form',
    requirement: 'A UNIQ_KEY made by the broker has the form of a client message id: 32 or 56 upper-case hex digits.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    source: 'MessageClientIDSetter#createUniqID',
    async run(t) {
      const { transactionId } = await t.sendOk(await t.topic());
      isTrue(/^([0-9A-F]{32}|[0-9A-F]{56})$/.test(transactionId ?? ''), `'${transactionId ?? ''}' is 32 or 56 upper-case hex digits`);
    },
  },
  {
    name: 'send.success-without-remark',
    requirement: 'The answer to an accepted send has no remark and no body.',
    level: 'SHOULD',
    source: 'SendMessageProcessor#handlePutMessageResult',
    async run(t) {
      const answer = await t.sendOk(await t.topic());
      equal(answer.remark, undefined, 'remark');
      equal(answer.body.length, 0, 'bytes of body');
    },
  },
  {
    name: 'send.refusal-stores-nothing',
    requirement: 'A refused send leaves the queues of its topic as they were.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      code(await t.send(topic, { queueId: 1 }), [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'send to queue 1 of 1');
      equal((await t.sendOk(topic)).queueOffset, 0, 'queueOffset of the next message');
      equal((await t.pullAll(topic, 1)).length, 1, 'messages');
    },
  },
  {
    name: 'send.one-way-stored',
    requirement: 'A one-way send stores the message and is not answered.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      const topic = await t.topic();
      const producer = await t.connect('broker', { label: 'producer' });
      const opaque = producer.oneway(req.SEND_MESSAGE_V2, { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false }, { body: 'one way' });
      let answered = false;
      void producer.nextFrame((frame) => frame.opaque === opaque, 60_000).then(() => (answered = true), () => undefined);
      equal((await t.pullAll(topic, 1)).map((message) => message.body.toString()), ['one way'], 'stored messages');
      code(await producer.request(req.GET_MAX_OFFSET, { topic, queueId: 0 }), res.SUCCESS, 'a later request of the connection');
      equal(answered, false, 'the one-way send was answered');
    },
  },
  {
    name: 'send.one-way-refusal-silent',
    requirement: 'A one-way send that is refused is not answered and leaves the connection usable.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#writeResponse',
    async run(t) {
      const topic = await t.topic();
      const producer = await t.connect('broker', { label: 'producer' });
      const opaque = producer.oneway(req.SEND_MESSAGE_V2, { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 99, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false }, { body: 'one way' });
      let answered = false;
      void producer.nextFrame((frame) => frame.opaque === opaque, 60_000).then(() => (answered = true), () => undefined);
      await t.via(producer).sendOk(topic);
      await t.sleep(100);
      equal(answered, false, 'the refused one-way send was answered');
    },
  },
  {
    name: 'send.born-timestamp-kept',
    requirement: 'The born timestamp of the request is stored as it is, even 0 or one far ahead.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const topic = await t.topic();
      for (const bornTimestamp of [0, 1_234_567_890_123, 4_102_444_800_000]) {
        equal((await sendAndView(t, topic, { bornTimestamp })).bornTimestamp, bornTimestamp, 'bornTimestamp');
      }
    },
  },
  {
    name: 'send.born-host-is-connection',
    requirement: 'The born host of a message is the address from which the producer is connected.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const topic = await t.topic();
      const producer = await t.connect('broker', { label: 'producer' });
      const message = await stored(t, await t.via(producer).sendOk(topic));
      const port = (text: string): string => text.slice(text.lastIndexOf(':') + 1);
      equal(port(message.bornHost), port(producer.localAddress), 'port of the born host');
    },
  },
  {
    name: 'send.store-host-is-broker',
    requirement: 'The store host of a message is the address under which the broker is registered.',
    level: 'SHOULD',
    source: 'AbstractSendMessageProcessor#getStoreHost',
    async run(t) {
      equal((await sendAndView(t, await t.topic())).storeHost, t.endpoint.broker, 'storeHost');
    },
  },
  {
    name: 'send.store-timestamp-by-broker',
    requirement: 'The store timestamp is the time of the broker when it stored the message, whatever the producer says.',
    level: 'MUST',
    source: 'CommitLog#asyncPutMessage',
    async run(t) {
      const topic = await t.topic();
      const first = await sendAndView(t, topic, { bornTimestamp: 1 });
      await t.sleep(20);
      const second = await sendAndView(t, topic, { bornTimestamp: 1 });
      inRange(first.storeTimestamp, t.now() - 600_000, t.now() + 600_000, 'storeTimestamp, clocks being ten minutes apart at most');
      inRange(second.storeTimestamp - first.storeTimestamp, 10, 10_000, 'milliseconds between two messages sent 20 ms apart');
    },
  },
]);
