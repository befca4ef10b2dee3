/** SendMessage: what is stored, what is answered, what is refused. */
import { deflateSync } from 'node:zlib';
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { bytesEqual, equal, isTrue, notEqual, present } from '../../expect.js';
import { grpcClient, messageId, statusIs, time, topicOf } from '../../grpc/ask.js';
import { Code, Encoding, MessageType } from '../../grpc/tables.js';
import type { MessageOf } from '../../grpc/wire.js';
import { mixedTopic } from './support.js';

const needs = ['grpc'] as const;

type Refusal = readonly [name: string, what: string, code: number, system: MessageOf<'SystemProperties'>, user?: Readonly<Record<string, string>>];

const many = (count: number): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, 'v']));

/** One field that is wrong, and the code of the refusal. */
const refusals: readonly Refusal[] = [
  ['message-id-blank', 'a blank message id', Code.ILLEGAL_MESSAGE_ID, { message_id: ' ' }],
  ['message-id-empty', 'an empty message id', Code.ILLEGAL_MESSAGE_ID, { message_id: '' }],
  ['tag-blank', 'a blank tag', Code.ILLEGAL_MESSAGE_TAG, { tag: '  ' }],
  ['tag-bar', 'a tag with |', Code.ILLEGAL_MESSAGE_TAG, { tag: 'a|b' }],
  ['tag-control', 'a tag with a control character', Code.ILLEGAL_MESSAGE_TAG, { tag: 'a\u0001b' }],
  ['key-blank', 'a blank key', Code.ILLEGAL_MESSAGE_KEY, { keys: ['  '] }],
  ['key-control', 'a key with a control character', Code.ILLEGAL_MESSAGE_KEY, { keys: ['good', 'a\u007fb'] }],
  ['property-reserved', 'a user property whose key is reserved', Code.ILLEGAL_MESSAGE_PROPERTY_KEY, {}, { TAGS: 'x' }],
  ['property-key-control', 'a user property with a control character in its key', Code.ILLEGAL_MESSAGE_PROPERTY_KEY, {}, { 'a\u0002': 'x' }],
  ['property-value-control', 'a user property with a control character in its value', Code.ILLEGAL_MESSAGE_PROPERTY_KEY, {}, { a: 'x\u0002' }],
  ['properties-too-many', '129 user properties', Code.MESSAGE_PROPERTIES_TOO_LARGE, {}, many(129)],
  ['properties-too-large', 'user properties of more than 16 KiB', Code.MESSAGE_PROPERTIES_TOO_LARGE, {}, { big: 'x'.repeat(16 * 1024 - 2) }],
];

export const cases = defineCases('grpc', [
  {
    name: 'grpc.send.answer',
    requirement: 'SendMessage answers OK, and one entry with OK, the message id that was sent and the queue offset.',
    level: 'MUST', needs, source: 'SendMessageActivity#convertToSendMessageResponse',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 })];
      for (const offset of [0, 1]) {
        const message = client.message(topic);
        const answer = await client.send(message);
        statusIs(answer.status, Code.OK, 'SendMessage');
        equal(answer.entries?.length, 1, 'entries');
        const entry = present(answer.entries?.[0], 'entry');
        statusIs(entry.status, Code.OK, 'entry');
        equal([entry.message_id, entry.offset ?? 0], [message.system_properties?.message_id, offset], 'message_id and offset');
      }
    },
  },
  {
    name: 'grpc.send.without-settings',
    requirement: 'SendMessage needs no Telemetry before it.',
    level: 'SHOULD', needs, source: 'SendMessageActivity#sendMessage',
    async run(t) {
      const client = await grpcClient(t);
      await client.sendOk(client.message(await topicOf(t)));
    },
  },
  {
    name: 'grpc.send.body-stored',
    requirement: 'The body is stored byte for byte.',
    level: 'MUST', needs, source: 'SendMessageActivity#buildMessage',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 })];
      const body = t.rng.bytes(5000);
      await client.sendOk(client.message(topic, body));
      bytesEqual(present((await t.pullAll(topic, 1))[0], 'message').body, body, 'body');
    },
  },
  {
    name: 'grpc.send.properties-stored',
    requirement: 'Message id, tag, keys joined by blanks, user properties and the topic as producer group are stored as properties.',
    level: 'MUST', needs, source: 'SendMessageActivity#buildMessageProperty',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 })];
      const message = client.message(topic, 'x', { tag: 'TagA', keys: ['k1', 'k2'] }, { colour: 'blue', größe: 'groß' });
      await client.sendOk(message);
      const { properties } = present((await t.pullAll(topic, 1))[0], 'message');
      const wanted = { UNIQ_KEY: message.system_properties?.message_id, TAGS: 'TagA', KEYS: 'k1 k2', colour: 'blue', größe: 'groß', PGROUP: topic };
      equal(Object.fromEntries(Object.keys(wanted).map((key) => [key, properties[key]])), wanted, 'properties');
    },
  },
  {
    name: 'grpc.send.born-stored',
    requirement: 'The born timestamp of the client is that of the stored message.',
    level: 'SHOULD', needs, source: 'ProducerProcessor#buildSendMessageRequestHeader',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 })];
      const born = t.now() - 12_345;
      await client.sendOk(client.message(topic, 'x', { born_timestamp: time(born) }));
      equal(present((await t.pullAll(topic, 1))[0], 'message').bornTimestamp, born, 'bornTimestamp');
    },
  },
  {
    name: 'grpc.send.gzip-marked',
    requirement: 'A body sent as GZIP is stored as it came, marked as compressed.',
    level: 'MUST', needs, source: 'SendMessageActivity#buildSysFlag',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 })];
      const body = deflateSync(Buffer.from('squeezed'));
      await client.sendOk(client.message(topic, body, { body_encoding: Encoding.GZIP }));
      const stored = present((await t.pullAll(topic, 1))[0], 'message');
      equal(stored.sysFlag & 1, 1, 'compressed bit of sysFlag');
    },
  },
  {
    name: 'grpc.send.unknown-encoding',
    requirement: 'A body encoding that is unknown is taken as none.',
    level: 'SHOULD', needs, source: 'SendMessageActivity#buildSysFlag',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 })];
      await client.sendOk(client.message(topic, 'x', { body_encoding: 99 }));
      equal(present((await t.pullAll(topic, 1))[0], 'message').sysFlag & 1, 0, 'compressed bit of sysFlag');
    },
  },
  {
    name: 'grpc.send.unknown-message-type',
    requirement: 'The message type is told by the properties: one that is unknown or missing is no reason for a refusal.',
    level: 'SHOULD', needs, source: 'TopicMessageType#parseFromMessageProperty',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t)];
      await client.sendOk(client.message(topic, 'x', { message_type: 99 }));
      await client.sendOk(client.message(topic, 'x', { message_type: undefined }));
    },
  },
  {
    name: 'grpc.send.no-message',
    requirement: 'SendMessage without messages is refused with MESSAGE_CORRUPTED.',
    level: 'MUST', needs, source: 'SendMessageActivity#sendMessage',
    async run(t) {
      statusIs((await (await grpcClient(t)).send()).status, Code.MESSAGE_CORRUPTED, 'SendMessage');
    },
  },
  {
    name: 'grpc.send.two-topics',
    requirement: 'Messages of two topics in one request are refused with MESSAGE_CORRUPTED, and none is stored.',
    level: 'MUST', needs, source: 'SendMessageActivity#buildMessage',
    async run(t) {
      const [client, one, two] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 }), await topicOf(t, 'NORMAL', { queues: 1 })];
      statusIs((await client.send(client.message(one), client.message(two))).status, Code.MESSAGE_CORRUPTED, 'SendMessage');
      equal([(await t.maxOffset(one)).offset, (await t.maxOffset(two)).offset], [0, 0], 'messages stored');
    },
  },
  {
    name: 'grpc.send.batch',
    requirement: 'Several messages of one topic are stored one behind the other in one queue.',
    level: 'MUST', needs, source: 'ProducerProcessor#sendMessage',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 })];
      const messages = ['a', 'b', 'c'].map((body) => client.message(topic, body));
      const answer = await client.send(...messages);
      statusIs(answer.status, Code.OK, 'SendMessage');
      const stored = await t.pullAll(topic, 3);
      equal(stored.map((message) => message.body.toString()), ['a', 'b', 'c'], 'bodies');
      equal(stored.map((message) => message.properties['UNIQ_KEY']), messages.map((message) => message.system_properties?.message_id), 'UNIQ_KEY of each');
      equal((answer.entries ?? []).flatMap((entry) => (entry.message_id ?? '').split(',')), messages.map((message) => message.system_properties?.message_id), 'message ids in the entries');
    },
  },
  {
    name: 'grpc.send.body-empty',
    requirement: 'An empty body is refused with MESSAGE_BODY_EMPTY.',
    level: 'MUST', needs, source: 'SendMessageActivity#validateMessageBodySize',
    async run(t) {
      const client = await grpcClient(t);
      statusIs((await client.send(client.message(await topicOf(t), ''))).status, Code.MESSAGE_BODY_EMPTY, 'SendMessage');
    },
  },
  {
    name: 'grpc.send.body-too-large',
    requirement: 'A body of more than 4 MiB is refused with MESSAGE_BODY_TOO_LARGE.',
    level: 'MUST', needs, source: 'SendMessageActivity#validateMessageBodySize',
    async run(t) {
      const client = await grpcClient(t);
      statusIs((await client.send(client.message(await topicOf(t), Buffer.alloc(4 * 1024 * 1024 + 1, 1)))).status, Code.MESSAGE_BODY_TOO_LARGE, 'SendMessage');
    },
  },
  {
    name: 'grpc.send.body-largest',
    requirement: 'A body of just less than 4 MiB is stored.',
    level: 'MUST', needs, source: 'SendMessageActivity#validateMessageBodySize',
    async run(t) {
      const client = await grpcClient(t);
      await client.sendOk(client.message(await topicOf(t), Buffer.alloc(4 * 1024 * 1024 - 1024, 1)));
    },
  },
  ...refusals.map(([name, what, code, system, user]) => ({
    name: `grpc.send.${name}`,
    requirement: `A message with ${what} is refused with ${Object.entries(Code).find(([, number]) => number === code)?.[0] ?? ''}.`,
    level: 'MUST' as const, needs, source: 'SendMessageActivity#buildMessageProperty',
    async run(t: Context) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 })];
      statusIs((await client.send(client.message(topic, 'x', system, user))).status, code, 'SendMessage');
      equal((await t.maxOffset(topic)).offset, 0, 'messages stored');
    },
  })),
  {
    name: 'grpc.send.properties-most',
    requirement: 'A message with 128 user properties is stored with all of them.',
    level: 'SHOULD', needs, source: 'ProxyConfig#userPropertyMaxNum',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 })];
      await client.sendOk(client.message(topic, 'x', {}, many(128)));
      const { properties } = present((await t.pullAll(topic, 1))[0], 'message');
      equal(Object.keys(properties).filter((key) => key.startsWith('key')).length, 128, 'user properties');
    },
  },
  {
    name: 'grpc.send.no-system-properties',
    requirement: 'A message without system properties is refused with ILLEGAL_MESSAGE_ID.',
    level: 'MUST', needs, source: 'SendMessageActivity#buildMessageProperty',
    async run(t) {
      statusIs((await (await grpcClient(t)).send({ topic: { name: await topicOf(t) }, body: Buffer.from('x') })).status, Code.ILLEGAL_MESSAGE_ID, 'SendMessage');
    },
  },
  {
    name: 'grpc.send.no-topic',
    requirement: 'A message without a topic is refused with ILLEGAL_TOPIC.',
    level: 'MUST', needs, source: 'GrpcValidator#validateTopic',
    async run(t) {
      const client = await grpcClient(t);
      statusIs((await client.send({ ...client.message('x'), topic: undefined })).status, Code.ILLEGAL_TOPIC, 'SendMessage');
    },
  },
  {
    name: 'grpc.send.system-topic',
    requirement: 'A message to a system topic is refused with ILLEGAL_TOPIC.',
    level: 'MUST', needs, source: 'GrpcValidator#validateTopic',
    async run(t) {
      const client = await grpcClient(t);
      statusIs((await client.send(client.message('RMQ_SYS_TRANS_HALF_TOPIC'))).status, Code.ILLEGAL_TOPIC, 'SendMessage');
    },
  },
  {
    name: 'grpc.send.unknown-topic',
    requirement: 'A message to a topic that does not exist is refused.',
    level: 'MUST', needs, source: 'ProducerProcessor#sendMessage',
    async run(t) {
      const client = await grpcClient(t);
      const answer = await client.send(client.message(t.topicName()));
      notEqual(answer.status?.code, Code.OK, 'status code');
      t.note(`status ${answer.status?.code ?? 0} ${answer.status?.message ?? ''}`);
    },
  },
  {
    name: 'grpc.send.not-writable',
    requirement: 'A message to a topic that may not be written is answered with FORBIDDEN.',
    level: 'MUST', needs, source: 'ProducerProcessor#sendMessage',
    async run(t) {
      const client = await grpcClient(t);
      statusIs((await client.send(client.message(await topicOf(t, 'NORMAL', { perm: 4 })))).status, Code.FORBIDDEN, 'SendMessage');
    },
  },
  {
    name: 'grpc.send.normal-to-other-types',
    requirement: 'A NORMAL message to a topic of type FIFO, DELAY or TRANSACTION is refused with MESSAGE_PROPERTY_CONFLICT_WITH_TYPE.',
    level: 'MUST', needs, source: 'DefaultTopicMessageTypeValidator#validate',
    async run(t) {
      const client = await grpcClient(t);
      for (const type of ['FIFO', 'DELAY', 'TRANSACTION'] as const) statusIs((await client.send(client.message(await topicOf(t, type)))).status, Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, `SendMessage to ${type}`);
    },
  },
  {
    name: 'grpc.send.others-to-normal',
    requirement: 'FIFO, DELAY and TRANSACTION messages to a topic of type NORMAL are refused with MESSAGE_PROPERTY_CONFLICT_WITH_TYPE.',
    level: 'MUST', needs, source: 'DefaultTopicMessageTypeValidator#validate',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t)];
      const kinds = { FIFO: { message_type: MessageType.FIFO, message_group: 'g' }, DELAY: { message_type: MessageType.DELAY, delivery_timestamp: time(t.now() + 60_000) }, TRANSACTION: { message_type: MessageType.TRANSACTION } };
      for (const [kind, system] of Object.entries(kinds)) statusIs((await client.send(client.message(topic, 'x', system))).status, Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, `SendMessage of ${kind}`);
    },
  },
  {
    name: 'grpc.send.any-to-mixed',
    requirement: 'A topic of type MIXED takes NORMAL and FIFO messages.',
    level: 'MUST', needs: ['grpc', 'config-write'], destructive: true, source: 'DefaultTopicMessageTypeValidator#validate',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await mixedTopic(t)];
      await client.sendOk(client.message(topic));
      await client.sendOk(client.message(topic, 'x', { message_type: MessageType.FIFO, message_group: 'g' }));
    },
  },
  {
    name: 'grpc.send.conflict-says-types',
    requirement: 'The refusal of a wrong message type names both types.',
    level: 'SHOULD', needs, source: 'DefaultTopicMessageTypeValidator#validate',
    async run(t) {
      const client = await grpcClient(t);
      const { status } = await client.send(client.message(await topicOf(t, 'FIFO')));
      isTrue((status?.message ?? '').endsWith('TopicMessageType validate failed, the expected type is FIFO, but actual type is NORMAL'), `the status message says both types: ${status?.message ?? ''}`);
    },
  },
  {
    name: 'grpc.send.message-group-same-queue',
    requirement: 'Messages of one message group go to one queue, in order.',
    level: 'MUST', needs, source: 'SendMessageActivity.SendMessageQueueSelector',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'FIFO', { queues: 8 })];
      const bodies = Array.from({ length: 6 }, (_, i) => `${i}`);
      const offsets: number[] = [];
      for (const body of bodies) offsets.push((await client.sendOk(client.message(topic, body, { message_type: MessageType.FIFO, message_group: 'the group' }))).offset ?? 0);
      equal(offsets, [0, 1, 2, 3, 4, 5], 'offsets');
    },
  },
  {
    name: 'grpc.send.message-group-hash',
    requirement: 'The queue of a message group is the consistent hash (Lamping and Veach, seeded by the Java hash of the group) over the writable queues.',
    level: 'SHOULD', needs, source: 'com.google.common.hash.Hashing#consistentHash',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'FIFO', { queues: 8 })];
      const groups = ['order-1', 'order-2', 'order-3', 'the group', 'a'];
      for (const group of groups) await client.sendOk(client.message(topic, group, { message_type: MessageType.FIFO, message_group: group }));
      for (const group of groups) {
        const queueId = consistentHash(javaHash(group), 8);
        const stored = await t.pullAll(topic, 1, { queueId });
        isTrue(stored.some((message) => message.body.toString() === group), `the message of group ${group} is in queue ${queueId}`);
      }
    },
  },
  {
    name: 'grpc.send.message-group-stored',
    requirement: 'The message group is stored as __SHARDINGKEY.',
    level: 'MUST', needs, source: 'SendMessageActivity#buildMessageProperty',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'FIFO', { queues: 1 })];
      await client.sendOk(client.message(topic, 'x', { message_type: MessageType.FIFO, message_group: 'orders' }));
      equal(present((await t.pullAll(topic, 1))[0], 'message').properties['__SHARDINGKEY'], 'orders', '__SHARDINGKEY');
    },
  },
  {
    name: 'grpc.send.message-group-limits',
    requirement: 'A message group of 64 bytes, a blank one and one with a control character are refused with ILLEGAL_MESSAGE_GROUP, one of 63 bytes is taken.',
    level: 'MUST', needs, source: 'SendMessageActivity#validateMessageGroup',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'FIFO')];
      const group = (message_group: string): MessageOf<'Message'> => client.message(topic, 'x', { message_type: MessageType.FIFO, message_group });
      for (const bad of ['g'.repeat(64), '   ', 'a\u0003']) statusIs((await client.send(group(bad))).status, Code.ILLEGAL_MESSAGE_GROUP, `group ${JSON.stringify(bad)}`);
      await client.sendOk(group('g'.repeat(63)));
    },
  },
  {
    name: 'grpc.send.delay-too-far',
    requirement: 'A delivery timestamp of more than a day ahead is refused with ILLEGAL_DELIVERY_TIME.',
    level: 'MUST', needs, source: 'SendMessageActivity#validateDelayTime',
    async run(t) {
      const client = await grpcClient(t);
      const message = client.message(await topicOf(t, 'DELAY'), 'x', { message_type: MessageType.DELAY, delivery_timestamp: time(t.now() + 24 * 3600 * 1000 + 60_000) });
      statusIs((await client.send(message)).status, Code.ILLEGAL_DELIVERY_TIME, 'SendMessage');
    },
  },
  {
    name: 'grpc.send.transaction-recovery-too-long',
    requirement: 'A recovery duration of more than an hour is refused with BAD_REQUEST.',
    level: 'SHOULD', needs, source: 'SendMessageActivity#validateTransactionRecoverySecond',
    async run(t) {
      const client = await grpcClient(t);
      const message = client.message(await topicOf(t, 'TRANSACTION'), 'x', { message_type: MessageType.TRANSACTION, orphaned_transaction_recovery_duration: time(3601_000) });
      statusIs((await client.send(message)).status, Code.BAD_REQUEST, 'SendMessage');
    },
  },
  {
    name: 'grpc.send.same-id-twice',
    requirement: 'A message id may be sent twice: both messages are stored.',
    level: 'SHOULD', needs, source: 'SendMessageActivity#sendMessage',
    async run(t) {
      const [client, topic, id] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 }), messageId(t)];
      await client.sendOk(client.message(topic, 'x', { message_id: id }));
      await client.sendOk(client.message(topic, 'x', { message_id: id }));
      equal((await t.pullAll(topic, 2)).map((message) => message.properties['UNIQ_KEY']), [id, id], 'UNIQ_KEY');
    },
  },
]);

/** String#hashCode. */
function javaHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

/** Jump consistent hash with Guava's generator: a 64-bit LCG. */
function consistentHash(input: number, buckets: number): number {
  let state = BigInt(input);
  let candidate = 0;
  for (;;) {
    state = BigInt.asIntN(64, 2862933555777941757n * state + 1n);
    const double = (Number(BigInt.asUintN(64, state) >> 33n) + 1) / 0x8000_0000;
    const next = Math.trunc((candidate + 1) / double);
    if (!(next >= 0 && next < buckets)) return candidate;
    candidate = next;
  }
}
