/** Delayed messages and their recall, transactions with checks by Telemetry, lite topics: over gRPC. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { equal, inRange, isTrue, notEqual, present } from '../../expect.js';
import { bodyOf, grpcClient, idOf, ms, statusIs, time, topicOf, type GrpcClient } from '../../grpc/ask.js';
import { Code, MessageType, TransactionResolution, TransactionSource } from '../../grpc/tables.js';
import type { MessageOf } from '../../grpc/wire.js';

const delayNeeds = ['grpc', 'timer'] as const;
const recallNeeds = ['grpc', 'timer', 'recall'] as const;
const transactionNeeds = ['grpc', 'transaction'] as const;

function delayed(client: GrpcClient, topic: string, at: number, body = 'later'): MessageOf<'Message'> {
  return client.message(topic, body, { message_type: MessageType.DELAY, delivery_timestamp: time(at) });
}

interface Half { readonly client: GrpcClient; readonly topic: string; readonly entry: MessageOf<'SendResultEntry'> }

/** A producer that has sent a half message. */
async function half(t: Context, system: MessageOf<'SystemProperties'> = {}): Promise<Half> {
  const [client, topic] = [await grpcClient(t), await topicOf(t, 'TRANSACTION', { queues: 1 })];
  await client.producer(topic);
  return { client, topic, entry: await client.sendOk(client.message(topic, 'half', { message_type: MessageType.TRANSACTION, ...system })) };
}

function end(from: Half, resolution: number, more: MessageOf<'EndTransactionRequest'> = {}): Promise<MessageOf<'EndTransactionResponse'>> {
  return from.client.call('EndTransaction', {
    topic: { name: from.topic }, message_id: from.entry.message_id, transaction_id: from.entry.transaction_id, resolution, source: TransactionSource.SOURCE_CLIENT, ...more,
  }).then(({ answer }) => answer);
}

async function recalled(t: Context, topic: string, recall_handle: string): Promise<MessageOf<'RecallMessageResponse'>> {
  return (await (await grpcClient(t)).call('RecallMessage', { topic: { name: topic }, recall_handle })).answer;
}

export const cases = defineCases('grpc', [
  {
    name: 'grpc.delay.delivered-at-time',
    requirement: 'A message with a delivery timestamp is received at that time, with its type and timestamp.',
    level: 'MUST', needs: delayNeeds, timeoutMs: 40_000, source: 'SendMessageActivity#fillDelayMessageProperty',
    async run(t) {
      const [client, topic, group] = [await grpcClient(t), await topicOf(t, 'DELAY', { queues: 1 }), await t.group()];
      await client.consumer(group, [topic]);
      const at = Math.ceil(t.now() / 1000) * 1000 + 3000;
      await client.sendOk(delayed(client, topic, at));
      const [message] = await client.receiveAll(topic, group, 1, { waitMs: 25_000 });
      inRange(t.now() - at, -1500, 20_000, 'ms after the delivery timestamp');
      const system = present(message, 'message').system_properties;
      equal([bodyOf(present(message, 'message')), system?.message_type, ms(system?.delivery_timestamp)], ['later', MessageType.DELAY, at], 'body, message_type, delivery_timestamp');
    },
  },
  {
    name: 'grpc.delay.past-delivered-now',
    requirement: 'A message whose delivery timestamp is past is delivered at once.',
    level: 'MUST', needs: delayNeeds, timeoutMs: 30_000, source: 'HookUtils#handleScheduleMessage',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'DELAY', { queues: 1 })];
      await client.sendOk(delayed(client, topic, t.now() - 60_000));
      equal((await t.pullAll(topic, 1)).map((message) => message.body.toString()), ['later'], 'bodies');
    },
  },
  {
    name: 'grpc.delay.recall-handle',
    requirement: 'The entry of a delayed message has a recall handle, that of another has none.',
    level: 'MUST', needs: recallNeeds, source: 'SendMessageActivity#convertToSendMessageResponse',
    async run(t) {
      const client = await grpcClient(t);
      isTrue(((await client.sendOk(delayed(client, await topicOf(t, 'DELAY'), t.now() + 600_000))).recall_handle ?? '') !== '', 'the recall handle is there');
      equal((await client.sendOk(client.message(await topicOf(t)))).recall_handle ?? '', '', 'recall handle of a NORMAL message');
    },
  },
  {
    name: 'grpc.recall.answer',
    requirement: 'RecallMessage answers OK and the id of the message that is called back.',
    level: 'MUST', needs: recallNeeds, source: 'RecallMessageActivity#recallMessage',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'DELAY')];
      const sent = await client.sendOk(delayed(client, topic, t.now() + 600_000));
      const answer = await recalled(t, topic, sent.recall_handle ?? '');
      statusIs(answer.status, Code.OK, 'RecallMessage');
      equal(answer.message_id, sent.message_id, 'message_id');
    },
  },
  {
    name: 'grpc.recall.not-delivered',
    requirement: 'A message that was called back is not delivered, and its neighbour is.',
    level: 'MUST', needs: recallNeeds, timeoutMs: 40_000, source: 'RecallMessageProcessor',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'DELAY', { queues: 1 })];
      const at = t.now() + 5500;
      const sent = await client.sendOk(delayed(client, topic, at, 'recalled'));
      await client.sendOk(delayed(client, topic, at, 'kept'));
      statusIs((await recalled(t, topic, sent.recall_handle ?? '')).status, Code.OK, 'RecallMessage');
      await t.pullAll(topic, 1, { waitMs: 25_000 });
      await t.sleep(1500);
      equal((await t.pullAll(topic, 1)).map((message) => message.body.toString()), ['kept'], 'bodies');
    },
  },
  {
    name: 'grpc.recall.nonsense-handle',
    requirement: 'RecallMessage with a handle that is none is refused.',
    level: 'MUST', needs: recallNeeds, source: 'ProducerProcessor#recallMessage',
    async run(t) {
      const answer = await recalled(t, await topicOf(t, 'DELAY'), 'nonsense');
      notEqual(answer.status?.code, Code.OK, 'status code');
      t.note(`status ${answer.status?.code ?? 0} ${answer.status?.message ?? ''}`);
    },
  },
  {
    name: 'grpc.recall.other-type',
    requirement: 'RecallMessage for a topic that is not of type DELAY is refused with MESSAGE_PROPERTY_CONFLICT_WITH_TYPE.',
    level: 'MUST', needs: recallNeeds, source: 'ProducerProcessor#recallMessage',
    async run(t) {
      statusIs((await recalled(t, await topicOf(t), 'whatever')).status, Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, 'RecallMessage');
    },
  },
  {
    name: 'grpc.recall.illegal-topic',
    requirement: 'RecallMessage with an illegal topic name is refused with ILLEGAL_TOPIC.',
    level: 'MUST', needs: ['grpc'], source: 'GrpcValidator#validateTopic',
    async run(t) {
      statusIs((await recalled(t, 'no topic', 'whatever')).status, Code.ILLEGAL_TOPIC, 'RecallMessage');
    },
  },
  {
    name: 'grpc.transaction.half-answer',
    requirement: 'The entry of a TRANSACTION message has a transaction id.',
    level: 'MUST', needs: transactionNeeds, source: 'SendMessageActivity#convertToSendMessageResponse',
    async run(t) {
      isTrue(((await half(t)).entry.transaction_id ?? '') !== '', 'the transaction id is there');
    },
  },
  {
    name: 'grpc.transaction.commit',
    requirement: 'A message is seen when its transaction is committed, and not before.',
    level: 'MUST', needs: transactionNeeds, timeoutMs: 30_000, source: 'EndTransactionActivity#endTransaction',
    async run(t) {
      const sent = await half(t);
      equal((await t.pull(sent.topic)).messages.length, 0, 'messages before the commit');
      statusIs((await end(sent, TransactionResolution.COMMIT)).status, Code.OK, 'EndTransaction');
      const [message] = await t.pullAll(sent.topic, 1, { waitMs: 10_000 });
      equal([message?.body.toString(), message?.properties['UNIQ_KEY']], ['half', sent.entry.message_id], 'body and UNIQ_KEY');
    },
  },
  {
    name: 'grpc.transaction.rollback',
    requirement: 'A message is not seen when its transaction is rolled back.',
    level: 'MUST', needs: transactionNeeds, timeoutMs: 30_000, source: 'EndTransactionActivity#endTransaction',
    async run(t) {
      const sent = await half(t);
      statusIs((await end(sent, TransactionResolution.ROLLBACK)).status, Code.OK, 'EndTransaction');
      await t.sleep(1500);
      equal((await t.maxOffset(sent.topic)).offset, 0, 'messages in the topic');
    },
  },
  {
    name: 'grpc.transaction.no-id',
    requirement: 'EndTransaction without a transaction id is refused with INVALID_TRANSACTION_ID.',
    level: 'MUST', needs: transactionNeeds, source: 'EndTransactionActivity#endTransaction',
    async run(t) {
      const sent = await half(t);
      statusIs((await end(sent, TransactionResolution.COMMIT, { transaction_id: ' ' })).status, Code.INVALID_TRANSACTION_ID, 'EndTransaction');
      statusIs((await end(sent, TransactionResolution.COMMIT, { transaction_id: undefined })).status, Code.INVALID_TRANSACTION_ID, 'EndTransaction');
    },
  },
  {
    name: 'grpc.transaction.unknown-id',
    requirement: 'EndTransaction with a transaction id that nobody was given is refused.',
    level: 'MUST', needs: transactionNeeds, source: 'TransactionProcessor#endTransaction',
    async run(t) {
      const answer = await end(await half(t), TransactionResolution.COMMIT, { transaction_id: 'NOBODY' });
      statusIs(answer.status, Code.INTERNAL_SERVER_ERROR, 'EndTransaction');
    },
  },
  {
    name: 'grpc.transaction.illegal-topic',
    requirement: 'EndTransaction with an illegal topic name is refused with ILLEGAL_TOPIC.',
    level: 'MUST', needs: ['grpc'], source: 'GrpcValidator#validateTopic',
    async run(t) {
      statusIs((await (await grpcClient(t)).call('EndTransaction', { topic: { name: 'no topic' }, transaction_id: 'x' })).answer.status, Code.ILLEGAL_TOPIC, 'EndTransaction');
    },
  },
  {
    name: 'grpc.transaction.checked-by-telemetry',
    requirement: 'A half message that nobody ended is asked about by recover_orphaned_transaction_command on the producer\'s Telemetry, with the message and its transaction id, and can then be committed.',
    level: 'MUST', needs: ['grpc', 'transaction', 'local'], timeoutMs: 60_000, source: 'ProxyClientRemotingProcessor#checkTransactionState',
    async run(t) {
      const [client, topic] = [await grpcClient(t), await topicOf(t, 'TRANSACTION', { queues: 1 })];
      const telemetry = await client.producer(topic);
      const entry = await client.sendOk(client.message(topic, 'orphan', { message_type: MessageType.TRANSACTION, orphaned_transaction_recovery_duration: time(1000) }));
      const command = present((await telemetry.next(45_000)).recover_orphaned_transaction_command, 'recover_orphaned_transaction_command');
      const message = present(command.message, 'message of the command');
      equal([bodyOf(message), idOf(message), message.topic?.name], ['orphan', entry.message_id, topic], 'body, id, topic');
      statusIs((await end({ client, topic, entry }, TransactionResolution.COMMIT, { transaction_id: command.transaction_id, source: TransactionSource.SOURCE_SERVER_CHECK })).status, Code.OK, 'EndTransaction');
      equal((await t.pullAll(topic, 1, { waitMs: 10_000 })).map((one) => one.body.toString()), ['orphan'], 'bodies');
    },
  },
  {
    name: 'grpc.lite.illegal-names',
    requirement: 'SyncLiteSubscription with an illegal topic or group name is refused with ILLEGAL_TOPIC or ILLEGAL_CONSUMER_GROUP.',
    level: 'SHOULD', needs: ['grpc', 'lite'], versions: { from: '5.4.0' }, source: 'GrpcValidator#validateTopicAndConsumerGroup',
    async run(t) {
      const client = await grpcClient(t);
      const ask = async (topic: string, group: string): Promise<MessageOf<'Status'> | undefined> => (await client.call('SyncLiteSubscription', { topic: { name: topic }, group: { name: group } })).answer.status;
      statusIs(await ask('no topic', 'good'), Code.ILLEGAL_TOPIC, 'topic');
      statusIs(await ask('good', 'no group'), Code.ILLEGAL_CONSUMER_GROUP, 'group');
    },
  },
]);
