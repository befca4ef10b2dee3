/** The fields of SEND_MESSAGE_V2, one by one: what each does to the stored message. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { bytesEqual, code, equal, inRange, isTrue, remarkMatches } from '../../expect.js';
import { sendAndView, stored } from './support.js';

export const cases = defineCases('send', [
  {
    name: 'send.queue-id-negative-random',
    requirement: 'A send with queueId -1 goes to some write queue chosen by the broker, which the answer names.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage, randomQueueId',
    async run(t) {
      const topic = await t.topic({ readQueues: 8, writeQueues: 4 });
      const used = new Set<number>();
      for (let i = 0; i < 40; i++) used.add((await t.sendOk(topic, { queueId: -1 })).queueId);
      for (const queueId of used) inRange(queueId, 0, 3, 'queueId of an answer');
      isTrue(used.size > 1, `40 messages went to more than one queue (${[...used].join(', ')})`);
    },
  },
  {
    name: 'send.queue-id-negative-answered-where-stored',
    requirement: 'The queue and offset answered to a send with queueId -1 are those of the stored message.',
    level: 'MUST',
    source: 'SendMessageProcessor#handlePutMessageResult',
    async run(t) {
      const answer = await t.sendOk(await t.topic(), { queueId: -1 });
      const message = await stored(t, answer);
      equal([answer.queueId, answer.queueOffset], [message.queueId, message.queueOffset], 'queue and offset answered');
    },
  },
  {
    name: 'send.queue-id-least-integer-random',
    requirement: 'Any negative queueId, down to the least 32-bit integer, means a queue of the broker\'s choice.',
    level: 'SHOULD',
    source: 'SendMessageProcessor#sendMessage, randomQueueId',
    async run(t) {
      inRange((await t.sendOk(await t.topic({ queues: 2 }), { queueId: -2147483648 })).queueId, 0, 1, 'queueId of the answer');
    },
  },
  {
    name: 'send.queue-id-past-end',
    requirement: 'A send to a queue past the last read and write queue is refused with INVALID_PARAMETER and a remark that names the queue.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const answer = await t.send(await t.topic({ queues: 4 }), { queueId: 4 });
      code(answer, res.INVALID_PARAMETER, 'send to queue 4 of 4');
      remarkMatches(answer, 'request queueId[4] is illegal', 'send to queue 4 of 4');
    },
  },
  {
    name: 'send.queue-id-up-to-read-queues',
    requirement: 'A queue that is among the read queues only may still be written.',
    level: 'SHOULD',
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const topic = await t.topic({ readQueues: 4, writeQueues: 2 });
      await t.sendOk(topic, { queueId: 3, body: 'beyond the write queues' });
      equal((await t.pullAll(topic, 1, { queueId: 3 })).map((message) => message.body.toString()), ['beyond the write queues'], 'messages of queue 3');
    },
  },
  {
    name: 'send.queue-id-up-to-write-queues',
    requirement: 'A queue that is among the write queues only may be written and is not readable until the read queues grow.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#msgCheck, PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ readQueues: 2, writeQueues: 4 });
      await t.sendOk(topic, { queueId: 3 });
      const answer = await t.pull(topic, { queueId: 3 });
      code(answer, [res.SYSTEM_ERROR, res.INVALID_PARAMETER], 'pull of queue 3 of 2');
    },
  },
  {
    name: 'send.queue-id-negative-without-write-queues',
    requirement: 'A send with queueId -1 to a topic without write queues is refused.',
    level: 'SHOULD',
    source: 'AbstractSendMessageProcessor#randomQueueId',
    async run(t) {
      code(await t.send(await t.topic({ readQueues: 4, writeQueues: 0 }), { queueId: -1 }), res.SYSTEM_ERROR, 'send with queueId -1 to no write queues');
    },
  },
  {
    name: 'send.write-permission-of-topic-not-checked',
    requirement: 'A topic without write permission still takes messages from a producer that sends them; the permission steers routes only.',
    level: 'SHOULD',
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const topic = await t.topic({ perm: 4 });
      await t.sendOk(topic, { body: 'in spite of it' });
      equal((await t.pullAll(topic, 1)).length, 1, 'messages');
    },
  },
  {
    name: 'send.read-permission-not-needed',
    requirement: 'A topic that may only be written takes messages, and pulls of it are refused with NO_PERMISSION.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ perm: 2 });
      await t.sendOk(topic);
      code(await t.pull(topic), res.NO_PERMISSION, 'pull from a topic of permission 2');
    },
  },
  {
    name: 'send.order-topic-takes-messages',
    requirement: 'A topic that was created as an order topic is written like any other.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const topic = await t.topic({ order: true });
      equal((await t.fill(topic, 3, { queueId: 1 })).map((answer) => answer.queueOffset), [0, 1, 2], 'queue offsets');
    },
  },
  {
    name: 'send.message-flag-signed',
    requirement: 'The flag of a message is kept as a signed 32-bit integer.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      for (const messageFlag of [-1, 2147483647, -2147483648]) equal((await sendAndView(t, topic, { messageFlag })).flag, messageFlag, 'flag');
    },
  },
  {
    name: 'send.reconsume-times-kept',
    requirement: 'The reconsumeTimes of the request are stored with the message.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      equal((await sendAndView(t, await t.topic(), { reconsumeTimes: 7 })).reconsumeTimes, 7, 'reconsumeTimes');
    },
  },
  {
    name: 'send.reconsume-times-absent-zero',
    requirement: 'Without reconsumeTimes in the request the message is stored with 0.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      equal((await sendAndView(t, await t.topic(), { ext: { j: undefined } })).reconsumeTimes, 0, 'reconsumeTimes');
    },
  },
  {
    name: 'send.optional-fields-may-be-absent',
    requirement: 'A send without the fields i to n of SEND_MESSAGE_V2 (properties and later) is accepted.',
    level: 'MUST',
    source: 'SendMessageRequestHeaderV2#decode',
    async run(t) {
      const message = await sendAndView(t, await t.topic(), { body: 'bare', ext: { i: undefined, j: undefined, k: undefined, l: undefined, m: undefined, n: undefined } });
      equal(message.body.toString(), 'bare', 'body');
    },
  },
  {
    name: 'send.v1-optional-fields-may-be-absent',
    requirement: 'A SEND_MESSAGE without properties, reconsumeTimes, unitMode and batch is accepted.',
    level: 'MUST',
    source: 'SendMessageRequestHeader',
    async run(t) {
      const message = await sendAndView(t, await t.topic(), { form: 'V1', body: 'bare', ext: { properties: undefined, reconsumeTimes: undefined, unitMode: undefined, batch: undefined } });
      equal([message.body.toString(), message.reconsumeTimes], ['bare', 0], 'body and reconsumeTimes');
    },
  },
  {
    name: 'send.producer-group-needs-no-heartbeat',
    requirement: 'A producer may send without ever having sent a heartbeat for its group.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      await t.sendOk(await t.topic(), { group: t.groupName('unknown') });
    },
  },
  {
    name: 'send.broker-name-field-ignored',
    requirement: 'The broker name in field n of a send to an ordinary topic is not compared with the name of the broker.',
    level: 'SHOULD',
    source: 'SendMessageRequestHeaderV2#createSendMessageRequestHeaderV1',
    async run(t) {
      await t.sendOk(await t.topic(), { ext: { n: 'some-other-broker' } });
    },
  },
  {
    name: 'send.sys-flag-compression-bits-kept',
    requirement: 'Compression bits of the sysFlag are stored with the message and the compressed body is stored as it came.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const body = t.rng.bytes(200); // no compressed stream at all: a broker does not look inside
      const message = await sendAndView(t, await t.topic(), { body, sysFlag: 0x1 | 0x300 });
      equal(message.sysFlag & 0x701, 0x301, 'compression bits of the sysFlag');
      bytesEqual(message.body, body, 'body');
      isTrue(message.crcOk, 'the CRC is that of the stored bytes');
    },
  },
  {
    name: 'send.sys-flag-multi-tags-kept',
    requirement: 'The multi-tags bit of the sysFlag is stored with the message.',
    level: 'SHOULD',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      equal((await sendAndView(t, await t.topic(), { sysFlag: 2 })).sysFlag & 2, 2, 'bit 2 of the sysFlag');
    },
  },
  {
    name: 'send.sys-flag-commit-bits-delivered',
    requirement: 'A message whose sysFlag says committed (8) is an ordinary message of its queue.',
    level: 'SHOULD',
    source: 'CommitLog#asyncPutMessage, MessageSysFlag#getTransactionValue',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { sysFlag: 8 });
      equal((await t.pullAll(topic, 1)).map((message) => message.sysFlag & 12), [8], 'transaction bits of the messages');
    },
  },
  {
    name: 'send.sys-flag-prepared-bits-take-no-offset',
    requirement: 'A message whose sysFlag says prepared (4) is stored without a place in its queue: it is not delivered and the next message gets its offset.',
    level: 'SHOULD',
    source: 'DefaultMessageStore#increaseOffset, CommitLogDispatcherBuildConsumeQueue',
    async run(t) {
      const topic = await t.topic();
      equal((await t.sendOk(topic, { sysFlag: 4, body: 'prepared' })).queueOffset, 0, 'queueOffset of the prepared message');
      equal((await t.sendOk(topic, { body: 'plain' })).queueOffset, 0, 'queueOffset of the next message');
      equal((await t.pullAll(topic, 1)).map((message) => message.body.toString()), ['plain'], 'messages of the queue');
    },
  },
  {
    name: 'send.v1-batch-field-absent-is-single',
    requirement: 'A body that looks like a batch is one message when the batch field is not set.',
    level: 'MUST',
    source: 'SendMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      const body = Buffer.from('00000017000000000000000000000000000000017800000000', 'hex');
      bytesEqual((await sendAndView(t, topic, { body, form: 'V1' })).body, body, 'body');
    },
  },
]);
