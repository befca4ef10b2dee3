/** ReceiveMessage: what comes, in which form, and how long the endpoint waits. */
import { createHash } from 'node:crypto';
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { equal, inRange, isTrue, oneOf, present, sameSet } from '../../expect.js';
import { bodyOf, grpcClient, handleOf, idOf, ms, statusIs, time, topicOf, type GrpcClient, type ReceiveOptions } from '../../grpc/ask.js';
import { Code, ClientType, DigestType, Encoding, FilterType, MessageType } from '../../grpc/tables.js';

const needs = ['grpc'] as const;

/** A consumer of a topic of its own, and the producer of that topic. */
async function setUp(t: Context, options: Parameters<Context['topic']>[0] = {}, expression = '*', type: number = FilterType.TAG): Promise<{ client: GrpcClient; topic: string; group: string }> {
  const [topic, group, client] = [await topicOf(t, 'NORMAL', { queues: 1, ...options }), await t.group(), await grpcClient(t)];
  await client.consumer(group, [topic], { expression, type });
  return { client, topic, group };
}

/** ReceiveMessage that is refused with this code. */
async function refused(t: Context, options: ReceiveOptions, code: number): Promise<void> {
  const { client, topic, group } = await setUp(t);
  const answer = await client.receive(topic, group, options);
  statusIs(answer.status, code, 'ReceiveMessage');
  equal(answer.messages.length, 0, 'messages');
}

/** An empty poll of this length ends with the call's deadline after 6.5 s. */
async function endsWithDeadline(t: Context, pollMs: number): Promise<void> {
  const { client, topic, group } = await setUp(t);
  const begun = t.now();
  const ended = await client.receive(topic, group, { pollMs, call: { deadlineMs: 6500, timeoutMs: 9000 } }).then((answer) => answer.status?.code, () => undefined);
  inRange(t.now() - begun, 4000, 9000, 'ms waited');
  oneOf(ended, [Code.MESSAGE_NOT_FOUND, undefined], 'status code, or none when the deadline came first');
}

export const cases = defineCases('grpc', [
  {
    name: 'grpc.receive.stream-order',
    requirement: 'The stream of ReceiveMessage is the status OK, then each message, then the delivery timestamp.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ReceiveMessageResponseStreamWriter#writeAndComplete',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      for (const body of ['a', 'b', 'c']) await client.sendOk(client.message(topic, body));
      await t.pullAll(topic, 3);
      const answer = await client.receive(topic, group);
      statusIs(answer.status, Code.OK, 'ReceiveMessage');
      equal(answer.order, ['status', ...answer.messages.map(() => 'message'), 'delivery_timestamp'], 'order of the answers');
      isTrue(answer.messages.length > 0, 'there are messages');
      inRange(ms(answer.deliveryTimestamp), t.now() - 60_000, t.now() + 60_000, 'delivery_timestamp');
    },
  },
  {
    name: 'grpc.receive.message-as-sent',
    requirement: 'A message comes with topic, body, id, tag, keys and user properties as they were sent.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'GrpcConverter#buildMessage',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      const sent = client.message(topic, 'the body', { tag: 'TagA', keys: ['k1', 'k2'] }, { colour: 'blue', größe: 'groß' });
      await client.sendOk(sent);
      const [message] = await client.receiveAll(topic, group, 1);
      const got = present(message, 'message');
      const system = present(got.system_properties, 'system_properties');
      equal([got.topic?.name, bodyOf(got), system.message_id, system.tag, system.keys], [topic, 'the body', sent.system_properties?.message_id, 'TagA', ['k1', 'k2']], 'topic, body, id, tag, keys');
      equal([got.user_properties?.['colour'], got.user_properties?.['größe']], ['blue', 'groß'], 'user_properties');
    },
  },
  {
    name: 'grpc.receive.system-properties',
    requirement: 'A message carries its type, encoding, MD5 of the body in upper-case hex, queue id and offset, times, hosts, attempt 1 and a receipt handle.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'GrpcConverter#buildSystemProperties',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      const before = t.now();
      await client.sendOk(client.message(topic, 'digest me', { born_timestamp: time(before) }));
      const [message] = await client.receiveAll(topic, group, 1);
      const system = present(present(message, 'message').system_properties, 'system_properties');
      equal([system.message_type, system.body_encoding, system.queue_id ?? 0, system.queue_offset ?? 0, system.delivery_attempt], [MessageType.NORMAL, Encoding.IDENTITY, 0, 0, 1], 'type, encoding, queue id, queue offset, attempt');
      equal([system.body_digest?.type, system.body_digest?.checksum], [DigestType.MD5, createHash('md5').update('digest me').digest('hex').toUpperCase()], 'body_digest');
      equal(ms(system.born_timestamp), before, 'born_timestamp');
      inRange(ms(system.store_timestamp), before - 60_000, t.now() + 60_000, 'store_timestamp');
      isTrue((system.store_host ?? '').includes(':'), 'store_host is host:port');
      equal(system.born_host, 'conform', 'born_host');
      isTrue((system.receipt_handle ?? '') !== '', 'receipt_handle is there');
    },
  },
  {
    name: 'grpc.receive.reserved-properties-hidden',
    requirement: 'Properties of the broker such as UNIQ_KEY, TAGS, POP_CK and PGROUP are no user properties.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'GrpcConverter#buildUserAttributes',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      await client.sendOk(client.message(topic, 'x', { tag: 'A', keys: ['k'] }, { mine: '1' }));
      const [message] = await client.receiveAll(topic, group, 1);
      equal(Object.keys(present(message, 'message').user_properties ?? {}), ['mine'], 'keys of user_properties');
    },
  },
  {
    name: 'grpc.receive.sent-by-remoting',
    requirement: 'A message that was sent over remoting is received over gRPC with its UNIQ_KEY as message id.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'GrpcConverter#buildSystemProperties',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      await t.sendOk(topic, { body: 'by remoting', queueId: 0, tags: 'T', properties: { UNIQ_KEY: 'ABCDEF0123456789ABCDEF0123456789', mine: 'yes' } });
      const [message] = await client.receiveAll(topic, group, 1);
      const got = present(message, 'message');
      equal([bodyOf(got), idOf(got), got.system_properties?.tag, got.user_properties?.['mine']], ['by remoting', 'ABCDEF0123456789ABCDEF0123456789', 'T', 'yes'], 'body, message_id, tag, user property');
    },
  },
  {
    name: 'grpc.receive.batch-size',
    requirement: 'ReceiveMessage answers at most batch_size messages.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ConsumerProcessor#popMessage',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      for (let i = 0; i < 5; i++) await client.sendOk(client.message(topic, `${i}`));
      await t.pullAll(topic, 5);
      const answer = await client.receive(topic, group, { batch: 2 });
      equal(answer.messages.map(bodyOf), ['0', '1'], 'bodies');
    },
  },
  {
    name: 'grpc.receive.batch-size-over-limit',
    requirement: 'A batch_size above 32 is served as 32.',
    level: 'SHOULD', needs, timeoutMs: 30_000, source: 'ProxyUtils#MAX_MSG_NUMS_FOR_POP_REQUEST',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      await client.sendOk(...Array.from({ length: 40 }, (_, i) => client.message(topic, `${i}`)));
      await t.pullAll(topic, 40);
      const answer = await client.receive(topic, group, { batch: 100 });
      statusIs(answer.status, Code.OK, 'ReceiveMessage');
      inRange(answer.messages.length, 1, 32, 'messages');
    },
  },
  {
    name: 'grpc.receive.every-message-once',
    requirement: 'Several calls receive each message once while it is invisible.',
    level: 'MUST', needs, timeoutMs: 40_000, source: 'PopMessageProcessor',
    async run(t) {
      const { client, topic, group } = await setUp(t, { queues: 4 });
      const sent: string[] = [];
      for (let i = 0; i < 20; i++) {
        await client.sendOk(client.message(topic, `${i}`));
        sent.push(`${i}`);
      }
      sameSet((await client.receiveAll(topic, group, 20, { batch: 4, waitMs: 30_000 })).map(bodyOf), sent, 'bodies');
    },
  },
  {
    name: 'grpc.receive.two-groups',
    requirement: 'Each group receives each message.',
    level: 'MUST', needs, timeoutMs: 40_000, source: 'PopMessageProcessor',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      const [other, second] = [await grpcClient(t), await t.group()];
      await other.consumer(second, [topic]);
      // A group begins at the end of a queue when it is new: both are there before the message is sent.
      await client.sendOk(client.message(topic, 'for both'));
      for (const [one, its] of [[client, group], [other, second]] as const) equal((await one.receiveAll(topic, its, 1)).map(bodyOf), ['for both'], 'bodies');
    },
  },
  {
    name: 'grpc.receive.nothing-new',
    requirement: 'When nothing comes within the polling time the answer is MESSAGE_NOT_FOUND and the delivery timestamp.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ReceiveMessageResponseStreamWriter#writeAndComplete',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      const answer = await client.receive(topic, group);
      statusIs(answer.status, Code.MESSAGE_NOT_FOUND, 'ReceiveMessage');
      equal(answer.order, ['status', 'delivery_timestamp'], 'order of the answers');
    },
  },
  {
    name: 'grpc.receive.long-polling-waits',
    requirement: 'A call without a message waits for the polling time, 5 s at least.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ProxyConfig#grpcClientConsumerMinLongPollingTimeoutMillis',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      const begun = t.now();
      statusIs((await client.receive(topic, group, { pollMs: 1 })).status, Code.MESSAGE_NOT_FOUND, 'ReceiveMessage');
      inRange(t.now() - begun, 3500, 15_000, 'ms waited');
    },
  },
  {
    name: 'grpc.receive.arrival-ends-waiting',
    requirement: 'A call waits as long as it asked to, and a message that arrives meanwhile is answered at once.',
    level: 'MUST', needs, timeoutMs: 40_000, source: 'PopLongPollingService',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      const waiting = client.receive(topic, group, { pollMs: 20_000 });
      waiting.catch(() => undefined);
      // Longer than the shortest polling time: a call that waits no longer than that is gone by now.
      await t.sleep(6500);
      const sentAt = t.now();
      await client.sendOk(client.message(topic, 'arrived'));
      const answer = await waiting;
      equal(answer.messages.map(bodyOf), ['arrived'], 'bodies');
      inRange(t.now() - sentAt, 0, 8000, 'ms until the answer');
    },
  },
  {
    name: 'grpc.receive.deadline-too-short',
    requirement: 'A call with less than 5 s left is refused with ILLEGAL_POLLING_TIME.',
    level: 'MUST', needs, source: 'ReceiveMessageActivity#receiveMessage',
    async run(t) {
      await refused(t, { pollMs: 20_000, call: { deadlineMs: 3000, timeoutMs: 8000 } }, Code.ILLEGAL_POLLING_TIME);
    },
  },
  {
    name: 'grpc.receive.deadline-too-short-old-client',
    requirement: 'For a client before 5.0.3 the refusal of a short deadline is BAD_REQUEST.',
    level: 'SHOULD', needs, source: 'ReceiveMessageActivity#receiveMessage',
    async run(t) {
      await refused(t, { pollMs: 20_000, call: { deadlineMs: 3000, timeoutMs: 8000, headers: { 'x-mq-client-version': '5.0.2' } } }, Code.BAD_REQUEST);
    },
  },
  {
    name: 'grpc.receive.deadline-shortens-polling',
    requirement: 'A call with more than 5 s left waits no longer than its deadline.',
    level: 'SHOULD', needs, timeoutMs: 30_000, source: 'ReceiveMessageActivity#receiveMessage',
    run: (t) => endsWithDeadline(t, 20_000),
  },
  {
    name: 'grpc.receive.deadline-shortens-the-longest-polling',
    requirement: 'A polling time of 2^31-1 s ends with the call\'s deadline.',
    level: 'SHOULD', needs, timeoutMs: 30_000, source: 'ReceiveMessageActivity#receiveMessage',
    run: (t) => endsWithDeadline(t, 2_147_483_647_000),
  },
  {
    name: 'grpc.receive.polling-no-duration',
    requirement: 'A polling time of more than 315,576,000,000 s is refused with INTERNAL_SERVER_ERROR.',
    level: 'SHOULD', needs, source: 'Durations#checkValid',
    async run(t) {
      await refused(t, { pollMs: 315_576_000_001_000, call: { deadlineMs: 8000, timeoutMs: 8000 } }, Code.INTERNAL_SERVER_ERROR);
    },
  },
  {
    name: 'grpc.receive.invisible-too-short',
    requirement: 'An invisible duration of less than 10 s is refused with ILLEGAL_INVISIBLE_TIME.',
    level: 'MUST', needs, source: 'GrpcValidator#validateInvisibleTime',
    async run(t) {
      await refused(t, { invisibleMs: 9999 }, Code.ILLEGAL_INVISIBLE_TIME);
    },
  },
  {
    name: 'grpc.receive.invisible-missing',
    requirement: 'ReceiveMessage without an invisible duration and auto_renew is refused with ILLEGAL_INVISIBLE_TIME.',
    level: 'MUST', needs, source: 'GrpcValidator#validateInvisibleTime',
    async run(t) {
      await refused(t, { invisibleMs: undefined }, Code.ILLEGAL_INVISIBLE_TIME);
    },
  },
  {
    name: 'grpc.receive.invisible-too-long',
    requirement: 'An invisible duration of more than 12 hours is refused with ILLEGAL_INVISIBLE_TIME.',
    level: 'MUST', needs, source: 'GrpcValidator#validateInvisibleTime',
    async run(t) {
      await refused(t, { invisibleMs: 12 * 3600 * 1000 + 1 }, Code.ILLEGAL_INVISIBLE_TIME);
    },
  },
  {
    name: 'grpc.receive.auto-renew',
    requirement: 'With auto_renew no invisible duration is needed.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ReceiveMessageActivity#receiveMessage',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      await client.sendOk(client.message(topic, 'renewed'));
      const [message] = await client.receiveAll(topic, group, 1, { request: { auto_renew: true, invisible_duration: undefined } });
      statusIs((await client.ack(topic, group, present(message, 'message'))).status, Code.OK, 'AckMessage');
    },
  },
  {
    name: 'grpc.receive.illegal-topic',
    requirement: 'ReceiveMessage with an illegal topic name is refused with ILLEGAL_TOPIC.',
    level: 'MUST', needs, source: 'GrpcValidator#validateTopicAndConsumerGroup',
    async run(t) {
      await refused(t, { request: { message_queue: { topic: { name: 'no topic' } } } }, Code.ILLEGAL_TOPIC);
    },
  },
  {
    name: 'grpc.receive.illegal-group',
    requirement: 'ReceiveMessage with an illegal group name is refused with ILLEGAL_CONSUMER_GROUP.',
    level: 'MUST', needs, source: 'GrpcValidator#validateTopicAndConsumerGroup',
    async run(t) {
      await refused(t, { request: { group: { name: '' } } }, Code.ILLEGAL_CONSUMER_GROUP);
    },
  },
  {
    name: 'grpc.receive.unknown-topic',
    requirement: 'ReceiveMessage of a topic that does not exist is answered with TOPIC_NOT_FOUND.',
    level: 'MUST', needs, source: 'ResponseBuilder#buildStatus',
    async run(t) {
      await refused(t, { request: { message_queue: { topic: { name: t.topicName() } } } }, Code.TOPIC_NOT_FOUND);
    },
  },
  {
    name: 'grpc.receive.not-readable',
    requirement: 'ReceiveMessage of a topic that may not be read is answered with FORBIDDEN.',
    level: 'MUST', needs, source: 'ConsumerProcessor#popMessage',
    async run(t) {
      await refused(t, { request: { message_queue: { topic: { name: await topicOf(t, 'NORMAL', { perm: 2 }) } } } }, Code.FORBIDDEN);
    },
  },
  {
    name: 'grpc.receive.bad-filter',
    requirement: 'ReceiveMessage with a SQL expression that is none is refused.',
    level: 'MUST', needs: ['grpc', 'sql92'], source: 'ReceiveMessageActivity#receiveMessage',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      const answer = await client.receive(topic, group, { type: FilterType.SQL, expression: 'a > > 1' });
      isTrue(![Code.OK, Code.MESSAGE_NOT_FOUND].includes(answer.status?.code as 20000), 'the call is refused');
      t.note(`status ${answer.status?.code ?? 0} ${answer.status?.message ?? ''}`);
    },
  },
  {
    name: 'grpc.receive.tag-filter',
    requirement: 'With a tag expression only messages with these tags come.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'PopMessageResultFilterImpl#filterMessage',
    async run(t) {
      const { client, topic, group } = await setUp(t, {}, 'A || C');
      for (const tag of ['A', 'B', 'C', 'D']) await client.sendOk(client.message(topic, tag, { tag }));
      await t.pullAll(topic, 4);
      sameSet((await client.receiveAll(topic, group, 2, { expression: 'A || C' })).map(bodyOf), ['A', 'C'], 'bodies');
    },
  },
  {
    name: 'grpc.receive.sql-filter',
    requirement: 'With a SQL expression only messages whose properties fulfil it come.',
    level: 'MUST', needs: ['grpc', 'sql92'], timeoutMs: 30_000, source: 'PopMessageProcessor',
    async run(t) {
      const { client, topic, group } = await setUp(t, {}, 'a > 1', FilterType.SQL);
      for (const a of ['1', '2', '3']) await client.sendOk(client.message(topic, a, {}, { a }));
      await t.pullAll(topic, 3);
      sameSet((await client.receiveAll(topic, group, 2, { type: FilterType.SQL, expression: 'a > 1' })).map(bodyOf), ['2', '3'], 'bodies');
    },
  },
  {
    name: 'grpc.receive.gzip-marked',
    requirement: 'A body that was sent as GZIP comes back as it was sent, marked as GZIP.',
    level: 'SHOULD', needs, timeoutMs: 30_000, source: 'GrpcConverter#buildSystemProperties',
    async run(t) {
      const { client, topic, group } = await setUp(t);
      const body = Buffer.from('789c2b2e2c4d4d4f4d0100', 'hex');
      await client.sendOk(client.message(topic, body, { body_encoding: Encoding.GZIP }));
      const [message] = await client.receiveAll(topic, group, 1);
      equal([present(message, 'message').system_properties?.body_encoding, message?.body], [Encoding.GZIP, body], 'body_encoding and body');
    },
  },
  {
    name: 'grpc.receive.without-settings',
    requirement: 'What a call without Telemetry before it is answered with is not laid down.',
    level: 'INFORMATIONAL', needs, timeoutMs: 20_000, source: 'ReceiveMessageActivity#receiveMessage',
    async run(t) {
      const [client, topic, group] = [await grpcClient(t), await topicOf(t), await t.group()];
      const answer = await client.receive(topic, group);
      t.note(`status ${answer.status?.code ?? 0} ${answer.status?.message ?? ''}`);
    },
  },
  {
    name: 'grpc.receive.push-consumer',
    requirement: 'A push consumer receives with auto_renew as a simple consumer does.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ReceiveMessageActivity#receiveMessage',
    async run(t) {
      const [client, topic, group] = [await grpcClient(t), await topicOf(t, 'NORMAL', { queues: 1 }), await t.group()];
      await client.consumer(group, [topic], { clientType: ClientType.PUSH_CONSUMER });
      await client.sendOk(client.message(topic, 'pushed'));
      const [message] = await client.receiveAll(topic, group, 1, { request: { auto_renew: true, attempt_id: 'attempt-1' } });
      equal(bodyOf(present(message, 'message')), 'pushed', 'body');
      isTrue(handleOf(present(message, 'message')) !== '', 'receipt handle');
    },
  },
  {
    name: 'grpc.receive.fifo-blocks-until-ack',
    requirement: 'An orderly group receives nothing more of a queue until what it received is acknowledged.',
    level: 'MUST', needs, timeoutMs: 40_000, source: 'PopMessageProcessor, ConsumerOrderInfoManager',
    async run(t) {
      const [client, topic, group] = [await grpcClient(t), await topicOf(t, 'FIFO', { queues: 1 }), await t.group({ consumeMessageOrderly: true })];
      await client.consumer(group, [topic]);
      for (const body of ['1', '2', '3']) await client.sendOk(client.message(topic, body, { message_type: MessageType.FIFO, message_group: 'g' }));
      await t.pullAll(topic, 3);
      const first = await client.receiveAll(topic, group, 1, { batch: 1, queueId: 0 });
      equal(first.map(bodyOf), ['1'], 'first call');
      equal((await client.receive(topic, group, { batch: 1, queueId: 0 })).messages.map(bodyOf), [], 'second call, before the acknowledgement');
      statusIs((await client.ack(topic, group, present(first[0], 'message'))).status, Code.OK, 'AckMessage');
      equal((await client.receiveAll(topic, group, 1, { batch: 1, queueId: 0 })).map(bodyOf), ['2'], 'third call');
    },
  },
  {
    name: 'grpc.receive.fifo-order',
    requirement: 'An orderly group receives the messages of a message group in the order in which they were sent.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'ReceiveMessageResponseStreamWriter#writeAndComplete',
    async run(t) {
      const [client, topic, group] = [await grpcClient(t), await topicOf(t, 'FIFO', { queues: 1 }), await t.group({ consumeMessageOrderly: true })];
      await client.consumer(group, [topic]);
      const bodies = ['first', 'second', 'third', 'fourth'];
      for (const body of bodies) await client.sendOk(client.message(topic, body, { message_type: MessageType.FIFO, message_group: 'g' }));
      await t.pullAll(topic, bodies.length);
      equal((await client.receiveAll(topic, group, bodies.length, { batch: bodies.length, queueId: 0 })).map(bodyOf), bodies, 'bodies in the order in which they came');
    },
  },
  {
    name: 'grpc.receive.fifo-message-group',
    requirement: 'A FIFO message comes with its message group and type.',
    level: 'MUST', needs, timeoutMs: 30_000, source: 'GrpcConverter#buildSystemProperties',
    async run(t) {
      const { client, topic, group } = await setUp(t, { attributes: { 'message.type': 'FIFO' } });
      await client.sendOk(client.message(topic, 'x', { message_type: MessageType.FIFO, message_group: 'orders' }));
      const [message] = await client.receiveAll(topic, group, 1);
      equal([message?.system_properties?.message_group, message?.system_properties?.message_type], ['orders', MessageType.FIFO], 'message_group, message_type');
    },
  },
]);
