/** What becomes of received messages: AckMessage, ChangeInvisibleDuration, ForwardMessageToDeadLetterQueue. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { equal, isTrue, present } from '../../expect.js';
import { bodyOf, grpcClient, handleOf, idOf, statusIs, topicOf, type GrpcClient, type Received } from '../../grpc/ask.js';
import { Code } from '../../grpc/tables.js';
import type { MessageOf } from '../../grpc/wire.js';

const needs = ['grpc'] as const;

interface Got { readonly client: GrpcClient; readonly topic: string; readonly group: string; readonly message: Received }

/** A consumer that has received one message. */
async function received(t: Context, group: Parameters<Context['group']>[0] = {}): Promise<Got> {
  const [client, topic, name] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 }), await t.group(group)];
  await client.consumer(name, [topic]);
  await client.sendOk(client.message(topic, 'settle me'));
  const [message] = await client.receiveAll(topic, name, 1);
  return { client, topic, group: name, message: present(message, 'message') };
}

/** The receipt handle with one of its parts replaced. */
function forged(message: Received, part: number, value: string): string {
  const parts = handleOf(message).split(' ');
  parts[part] = value;
  return parts.join(' ');
}

function forward(got: Got, receipt_handle = handleOf(got.message)): Promise<MessageOf<'ForwardMessageToDeadLetterQueueResponse'>> {
  return got.client.call('ForwardMessageToDeadLetterQueue', {
    group: { name: got.group }, topic: { name: got.topic }, receipt_handle, message_id: idOf(got.message), delivery_attempt: 1, max_delivery_attempts: 16,
  }).then(({ answer }) => answer);
}

/** Whether the message comes again within some seconds; it waits for one whole poll. */
async function comesAgain(got: Got, waits = 1): Promise<Received | undefined> {
  for (let i = 0; i < waits; i++) {
    const { messages } = await got.client.receive(got.topic, got.group);
    if (messages[0] !== undefined) return messages[0];
  }
  return undefined;
}

export const cases = defineCases('grpc', [
  {
    name: 'grpc.ack.answer',
    requirement: 'AckMessage answers OK and an entry with OK, the message id and the receipt handle.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'AckMessageActivity#convertToAckMessageResultEntry',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      const answer = await client.ack(topic, group, message);
      statusIs(answer.status, Code.OK, 'AckMessage');
      equal(answer.entries?.map((entry) => [entry.status?.code, entry.message_id, entry.receipt_handle]), [[Code.OK, idOf(message), handleOf(message)]], 'entries');
    },
  },
  {
    name: 'grpc.ack.not-delivered-again',
    requirement: 'A message that was acknowledged does not come again after its invisible duration.',
    level: 'MUST', needs, timeoutMs: 40_000, source: 'AckMessageProcessor',
    async run(t) {
      const [client, topic, group] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 }), await t.group()];
      await client.consumer(group, [topic]);
      await client.sendOk(client.message(topic, 'once'));
      const [message] = await client.receiveAll(topic, group, 1, { invisibleMs: 10_000 });
      statusIs((await client.ack(topic, group, present(message, 'message'))).status, Code.OK, 'AckMessage');
      equal(await comesAgain({ client, topic, group, message: present(message, 'message') }, 3), undefined, 'message received again');
    },
  },
  {
    name: 'grpc.ack.not-acknowledged-comes-again',
    requirement: 'A message that is not acknowledged comes again after its invisible duration, with delivery attempt 2 and the same id.',
    level: 'MUST', needs, timeoutMs: 60_000, source: 'PopReviveService',
    async run(t) {
      const [client, topic, group] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 }), await t.group()];
      await client.consumer(group, [topic]);
      await client.sendOk(client.message(topic, 'again'));
      const [first] = await client.receiveAll(topic, group, 1, { invisibleMs: 10_000 });
      const [second] = await client.receiveAll(topic, group, 1, { waitMs: 45_000 });
      equal([bodyOf(present(second, 'second delivery')), idOf(present(second, 'second delivery')), second?.system_properties?.delivery_attempt, second?.topic?.name], ['again', idOf(present(first, 'first delivery')), 2, topic], 'body, id, delivery_attempt, topic');
    },
  },
  {
    name: 'grpc.ack.twice',
    requirement: 'A second acknowledgement of a message is answered with OK.',
    level: 'SHOULD', needs, timeoutMs: 30_000, source: 'AckMessageProcessor',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      statusIs((await client.ack(topic, group, message)).status, Code.OK, 'first AckMessage');
      statusIs((await client.ack(topic, group, message)).status, Code.OK, 'second AckMessage');
    },
  },
  {
    name: 'grpc.ack.no-entries',
    requirement: 'AckMessage without entries is answered with INTERNAL_SERVER_ERROR.',
    level: 'SHOULD', needs, source: 'AckMessageActivity#setAckResponseStatus',
    async run(t) {
      statusIs((await (await grpcClient(t)).ack(await topicOf(t), await t.group())).status, Code.INTERNAL_SERVER_ERROR, 'AckMessage');
    },
  },
  {
    name: 'grpc.ack.nonsense-handle',
    requirement: 'AckMessage with a receipt handle that is none is refused.',
    level: 'MUST', needs, source: 'ReceiptHandle#decode',
    async run(t) {
      const answer = await (await grpcClient(t)).ack(await topicOf(t), await t.group(), 'nonsense');
      statusIs(answer.status, [Code.INTERNAL_SERVER_ERROR, Code.INVALID_RECEIPT_HANDLE], 'AckMessage');
      equal(answer.entries?.map((entry) => entry.status?.code), [answer.status?.code], 'status codes of the entries');
    },
  },
  {
    name: 'grpc.ack.expired-handle',
    requirement: 'AckMessage with a receipt handle whose invisible duration is over is refused with INVALID_RECEIPT_HANDLE.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'AbstractProcessor#validateReceiptHandle',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      const answer = await client.ack(topic, group, forged(message, 1, String(t.now() - 60_000)));
      statusIs(answer.status, Code.INVALID_RECEIPT_HANDLE, 'AckMessage');
      statusIs(answer.entries?.[0]?.status, Code.INVALID_RECEIPT_HANDLE, 'entry');
    },
  },
  {
    name: 'grpc.ack.handle-of-other-broker',
    requirement: 'AckMessage with a receipt handle of a broker that does not exist is refused with INVALID_RECEIPT_HANDLE.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ClusterMessageService#resolveBrokerAddrInReceiptHandle',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      statusIs((await client.ack(topic, group, forged(message, 5, 'no-such-broker'))).status, Code.INVALID_RECEIPT_HANDLE, 'AckMessage');
    },
  },
  {
    name: 'grpc.ack.handle-of-other-queue',
    requirement: 'AckMessage with a receipt handle of a queue that does not exist is answered with INTERNAL_SERVER_ERROR.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'AckMessageProcessor',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      statusIs((await client.ack(topic, group, forged(message, 6, '77'))).status, Code.INTERNAL_SERVER_ERROR, 'AckMessage');
    },
  },
  {
    name: 'grpc.ack.handle-past-end',
    requirement: 'AckMessage with a receipt handle of an offset that has no message is answered with INTERNAL_SERVER_ERROR.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'AckMessageProcessor',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      statusIs((await client.ack(topic, group, forged(message, 7, '999999'))).status, Code.INTERNAL_SERVER_ERROR, 'AckMessage');
    },
  },
  {
    name: 'grpc.ack.multiple-results',
    requirement: 'When entries come to different ends the status is MULTIPLE_RESULTS and each entry has its own, in the order asked.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'AckMessageActivity#setAckResponseStatus',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      const answer = await client.ack(topic, group, forged(message, 1, '1000'), message);
      statusIs(answer.status, Code.MULTIPLE_RESULTS, 'AckMessage');
      equal(answer.entries?.map((entry) => entry.status?.code), [Code.INVALID_RECEIPT_HANDLE, Code.OK], 'status codes of the entries');
    },
  },
  {
    name: 'grpc.ack.illegal-names',
    requirement: 'AckMessage with an illegal topic or group name is refused with ILLEGAL_TOPIC or ILLEGAL_CONSUMER_GROUP.',
    level: 'MUST', needs, source: 'GrpcValidator#validateTopicAndConsumerGroup',
    async run(t) {
      const client = await grpcClient(t);
      statusIs((await client.ack('no topic', 'good', 'x')).status, Code.ILLEGAL_TOPIC, 'topic');
      statusIs((await client.ack('good', 'no group', 'x')).status, Code.ILLEGAL_CONSUMER_GROUP, 'group');
    },
  },
  {
    name: 'grpc.ack.other-client',
    requirement: 'A message may be acknowledged by another client than the one that received it.',
    level: 'SHOULD', needs, timeoutMs: 30_000, source: 'AckMessageActivity#ackMessage',
    async run(t) {
      const { topic, group, message } = await received(t);
      statusIs((await (await grpcClient(t)).ack(topic, group, message)).status, Code.OK, 'AckMessage');
    },
  },
  {
    name: 'grpc.change.answer',
    requirement: 'ChangeInvisibleDuration answers OK and a new receipt handle, which can be acknowledged.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ChangeInvisibleDurationActivity#changeInvisibleDuration',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      const answer = await client.change(topic, group, message, 30_000);
      statusIs(answer.status, Code.OK, 'ChangeInvisibleDuration');
      const handle = present(answer.receipt_handle, 'receipt_handle');
      isTrue(handle !== handleOf(message), 'the receipt handle is a new one');
      statusIs((await client.ack(topic, group, handle)).status, Code.OK, 'AckMessage with the new handle');
    },
  },
  {
    name: 'grpc.change.visible-sooner',
    requirement: 'A message whose invisible duration was made short comes again soon, with delivery attempt 2.',
    level: 'MUST', needs, timeoutMs: 40_000, source: 'ChangeInvisibleTimeProcessor',
    async run(t) {
      const got = await received(t);
      statusIs((await got.client.change(got.topic, got.group, got.message, 1000)).status, Code.OK, 'ChangeInvisibleDuration');
      const [again] = await got.client.receiveAll(got.topic, got.group, 1, { waitMs: 25_000 });
      equal([idOf(present(again, 'second delivery')), again?.system_properties?.delivery_attempt], [idOf(got.message), 2], 'id and delivery_attempt');
    },
  },
  {
    name: 'grpc.change.too-long',
    requirement: 'ChangeInvisibleDuration to more than 12 hours is refused with ILLEGAL_INVISIBLE_TIME.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'GrpcValidator#validateInvisibleTime',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      statusIs((await client.change(topic, group, message, 12 * 3600 * 1000 + 1)).status, Code.ILLEGAL_INVISIBLE_TIME, 'ChangeInvisibleDuration');
    },
  },
  {
    name: 'grpc.change.negative',
    requirement: 'ChangeInvisibleDuration to a negative duration is refused with ILLEGAL_INVISIBLE_TIME.',
    level: 'SHOULD', needs, timeoutMs: 30_000, source: 'GrpcValidator#validateInvisibleTime',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      const { answer } = await client.call('ChangeInvisibleDuration', {
        topic: { name: topic }, group: { name: group }, message_id: idOf(message), receipt_handle: handleOf(message), invisible_duration: { seconds: -5 },
      });
      statusIs(answer.status, Code.ILLEGAL_INVISIBLE_TIME, 'ChangeInvisibleDuration');
    },
  },
  {
    name: 'grpc.change.expired-handle',
    requirement: 'ChangeInvisibleDuration with an expired receipt handle is refused with INVALID_RECEIPT_HANDLE.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'AbstractProcessor#validateReceiptHandle',
    async run(t) {
      const { client, topic, group, message } = await received(t);
      statusIs((await client.change(topic, group, forged(message, 1, String(t.now() - 60_000)), 15_000)).status, Code.INVALID_RECEIPT_HANDLE, 'ChangeInvisibleDuration');
    },
  },
  {
    name: 'grpc.change.nonsense-handle',
    requirement: 'ChangeInvisibleDuration with a receipt handle that is none is refused.',
    level: 'MUST', needs, source: 'ReceiptHandle#decode',
    async run(t) {
      const answer = await (await grpcClient(t)).change(await topicOf(t), await t.group(), 'nonsense', 15_000);
      statusIs(answer.status, [Code.INTERNAL_SERVER_ERROR, Code.INVALID_RECEIPT_HANDLE], 'ChangeInvisibleDuration');
    },
  },
  {
    name: 'grpc.change.after-ack',
    requirement: 'What a change of the invisible duration after the acknowledgement does is not laid down.',
    level: 'INFORMATIONAL', needs, timeoutMs: 40_000, source: 'ChangeInvisibleTimeProcessor',
    async run(t) {
      const got = await received(t);
      statusIs((await got.client.ack(got.topic, got.group, got.message)).status, Code.OK, 'AckMessage');
      const answer = await got.client.change(got.topic, got.group, got.message, 1000);
      t.note(`status ${answer.status?.code ?? 0} ${answer.status?.message ?? ''}; the message ${(await comesAgain(got, 2)) === undefined ? 'does not come' : 'comes'} again`);
    },
  },
  {
    name: 'grpc.change.illegal-names',
    requirement: 'ChangeInvisibleDuration with an illegal topic or group name is refused with ILLEGAL_TOPIC or ILLEGAL_CONSUMER_GROUP.',
    level: 'MUST', needs, source: 'GrpcValidator#validateTopicAndConsumerGroup',
    async run(t) {
      const client = await grpcClient(t);
      statusIs((await client.change('no topic', 'good', 'x', 15_000)).status, Code.ILLEGAL_TOPIC, 'topic');
      statusIs((await client.change('good', 'no group', 'x', 15_000)).status, Code.ILLEGAL_CONSUMER_GROUP, 'group');
    },
  },
  {
    name: 'grpc.dlq.forward',
    requirement: 'ForwardMessageToDeadLetterQueue puts the message into %DLQ% of the group.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ProducerProcessor#forwardMessageToDeadLetterQueue',
    async run(t) {
      const got = await received(t);
      statusIs((await forward(got)).status, Code.OK, 'ForwardMessageToDeadLetterQueue');
      const [dead] = await t.pullAll(`%DLQ%${got.group}`, 1, { waitMs: 10_000 });
      equal([dead?.body.toString(), dead?.properties['UNIQ_KEY']], ['settle me', idOf(got.message)], 'body and UNIQ_KEY');
    },
  },
  {
    name: 'grpc.dlq.forward-acknowledges',
    requirement: 'A message that was forwarded does not come again.',
    level: 'MUST', needs, timeoutMs: 40_000, source: 'ProducerProcessor#forwardMessageToDeadLetterQueue',
    async run(t) {
      const [client, topic, group] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 }), await t.group()];
      await client.consumer(group, [topic]);
      await client.sendOk(client.message(topic, 'dead'));
      const [message] = await client.receiveAll(topic, group, 1, { invisibleMs: 10_000 });
      const got = { client, topic, group, message: present(message, 'message') };
      statusIs((await forward(got)).status, Code.OK, 'ForwardMessageToDeadLetterQueue');
      equal(await comesAgain(got, 3), undefined, 'message received again');
    },
  },
  {
    name: 'grpc.dlq.handle-without-commit-log-offset',
    requirement: 'ForwardMessageToDeadLetterQueue with a receipt handle without a commit log offset is refused with INVALID_RECEIPT_HANDLE.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ProducerProcessor#forwardMessageToDeadLetterQueue',
    async run(t) {
      const got = await received(t);
      statusIs((await forward(got, handleOf(got.message).split(' ').slice(0, 8).join(' '))).status, Code.INVALID_RECEIPT_HANDLE, 'ForwardMessageToDeadLetterQueue');
    },
  },
  {
    name: 'grpc.dlq.nonsense-handle',
    requirement: 'ForwardMessageToDeadLetterQueue with a receipt handle that is none is refused.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ReceiptHandle#decode',
    async run(t) {
      statusIs((await forward(await received(t), 'nonsense')).status, [Code.INTERNAL_SERVER_ERROR, Code.INVALID_RECEIPT_HANDLE], 'ForwardMessageToDeadLetterQueue');
    },
  },
  {
    name: 'grpc.dlq.illegal-names',
    requirement: 'ForwardMessageToDeadLetterQueue with an illegal topic or group name is refused with ILLEGAL_TOPIC or ILLEGAL_CONSUMER_GROUP.',
    level: 'MUST', needs, source: 'GrpcValidator#validateTopicAndConsumerGroup',
    async run(t) {
      const client = await grpcClient(t);
      const ask = async (topic: string, group: string): Promise<MessageOf<'Status'> | undefined> => (await client.call('ForwardMessageToDeadLetterQueue', { topic: { name: topic }, group: { name: group } })).answer.status;
      statusIs(await ask('no topic', 'good'), Code.ILLEGAL_TOPIC, 'topic');
      statusIs(await ask('good', 'no group'), Code.ILLEGAL_CONSUMER_GROUP, 'group');
    },
  },
  {
    name: 'grpc.dlq.attempts-used-up',
    requirement: 'A message whose attempts are used up is moved to %DLQ% of the group instead of being delivered again.',
    level: 'MUST', needs, timeoutMs: 60_000, source: 'PopMessageResultFilterImpl#filterMessage',
    async run(t) {
      const got = await received(t, { retryMaxTimes: 0 });
      statusIs((await got.client.change(got.topic, got.group, got.message, 1000)).status, Code.OK, 'ChangeInvisibleDuration');
      const dead = await t.until('the message is in the dead letter queue', async () => {
        equal((await got.client.receive(got.topic, got.group)).messages.map(bodyOf), [], 'messages received again');
        const answer = await t.pull(`%DLQ%${got.group}`, { queueId: 0 });
        return answer.messages[0];
      }, 40_000);
      equal(dead.body.toString(), 'settle me', 'body');
    },
  },
]);
