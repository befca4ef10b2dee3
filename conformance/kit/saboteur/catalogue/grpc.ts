/** Sabotage of gRPC: one message, one field, one code of the messaging service. */
import { Code, FilterType, MessageType, Permission, TransactionResolution, type MethodName } from '../../grpc/tables.js';
import type { Fields, GrpcCall, GrpcHooks } from '../grpc-proxy.js';
import { defineSabotages } from '../sabotage.js';

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? value as Fields : {});
const list = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fields) : []);
const ok: Fields = { code: Code.OK, message: 'OK' };

/** Hooks that see requests of one method. */
function onRequest(method: MethodName, run: (request: Fields, call: GrpcCall) => Fields | undefined): GrpcHooks {
  return { request: (request, call) => (call.method === method ? run(request, call) : undefined) };
}

/** Hooks that see answers of one method. */
function onAnswer(method: MethodName, run: (answer: Fields, call: GrpcCall) => Fields | readonly Fields[] | 'drop' | undefined): GrpcHooks {
  return { answer: (answer, call) => (call.method === method ? run(answer, call) : undefined) };
}

/** OK that nothing stands behind: the endpoint is not asked. It still is about requests that are not as they should be, which it refuses. */
function pretend(method: MethodName, right: (request: Fields) => boolean, more: (request: Fields) => Fields = () => ({})): GrpcHooks {
  return { pretend: (request, call) => (call.method === method && right(request) ? { status: ok, ...more(request) } : undefined) };
}

/** A receipt handle an endpoint may have made: both SDKs and endpoints treat it as opaque, but it is long. */
const isHandle = (value: unknown): boolean => typeof value === 'string' && value.length > 30;

/** Hooks that alter each received message. */
function onReceived(run: (message: Fields, system: Fields, call: GrpcCall) => Fields | undefined): GrpcHooks {
  return onAnswer('ReceiveMessage', (answer, call) => {
    if (answer['message'] === undefined) return undefined;
    const message = fields(answer['message']);
    const altered = run(message, fields(message['system_properties']), call);
    return altered === undefined ? undefined : { ...answer, message: altered };
  });
}

/** The message with some of its system properties set, or (undefined) left out. */
const withSystem = (message: Fields, more: Fields): Fields => ({ ...message, system_properties: { ...fields(message['system_properties']), ...more } });

/** Each of the messages that are sent. */
const sent = (request: Fields, run: (message: Fields) => Fields): Fields => ({ ...request, messages: list(request['messages']).map(run) });

/** A code in the status of an answer replaced. */
const recoded = (method: MethodName, from: number, to: number): GrpcHooks => onAnswer(method, (answer) => (fields(answer['status'])['code'] === from ? { ...answer, status: { code: to, message: '' } } : undefined));

export const grpcSabotages = defineSabotages('grpc', [
  {
    name: 'grpc.route-lacks-queue', does: 'Leaves the last queue out of every route.', breaks: 'A route has a queue for each that can be read or written.',
    witnesses: ['grpc.route.queues'],
    grpc: () => onAnswer('QueryRoute', (answer) => ({ ...answer, message_queues: list(answer['message_queues']).slice(0, -1) })),
  },
  {
    name: 'grpc.route-stale', does: 'Answers the first route it saw for every topic.', breaks: 'A route is that of the topic that was asked for.',
    witnesses: ['grpc.route.queues'],
    grpc: () => {
      let first: Fields | undefined;
      return onAnswer('QueryRoute', (answer) => (first ??= { ...answer, message_queues: list(answer['message_queues']).map((queue) => ({ ...queue, topic: { name: 'conform_of_yesterday' } })) }));
    },
  },
  {
    name: 'grpc.route-permission', does: 'Says of every queue that it can be read and written.', breaks: 'A route says what may be done with a queue.',
    witnesses: ['grpc.route.read-only', 'grpc.route.write-only'],
    grpc: () => onAnswer('QueryRoute', (answer) => ({ ...answer, message_queues: list(answer['message_queues']).map((queue) => ({ ...queue, permission: Permission.READ_WRITE })) })),
  },
  {
    name: 'grpc.route-message-type', does: 'Says of every queue that it takes normal messages.', breaks: 'A route says which types of messages a topic takes.',
    witnesses: ['grpc.route.accepts-fifo', 'grpc.route.accepts-*', 'grpc.route.*'],
    grpc: () => onAnswer('QueryRoute', (answer) => ({ ...answer, message_queues: list(answer['message_queues']).map((queue) => ({ ...queue, accept_message_types: [MessageType.NORMAL] })) })),
  },
  {
    name: 'grpc.route-code', does: 'Answers NOT_FOUND where there is no topic, and not TOPIC_NOT_FOUND.', breaks: 'The code of an unknown topic is TOPIC_NOT_FOUND.',
    witnesses: ['grpc.route.unknown-topic'],
    grpc: () => recoded('QueryRoute', Code.TOPIC_NOT_FOUND, Code.NOT_FOUND),
  },
  {
    name: 'grpc.assignment-empty', does: 'Assigns no queue to anybody.', breaks: 'A client of a group is assigned the queues of each broker.',
    witnesses: ['grpc.assignment.one-for-each-broker'],
    grpc: () => onAnswer('QueryAssignment', (answer) => (list(answer['assignments']).length === 0 ? undefined : { ...answer, assignments: [] })),
  },
  {
    name: 'grpc.send-lost', does: 'Acknowledges a message and stores nothing.', breaks: 'An acknowledged message is stored.',
    witnesses: ['grpc.send.body-stored'],
    grpc: () => pretend('SendMessage', (request) => list(request['messages']).some((message) => message['topic'] !== undefined), (request) => ({ entries: list(request['messages']).map((message) => ({ status: ok, message_id: fields(message['system_properties'])['message_id'], offset: 0 })) })),
  },
  {
    name: 'grpc.send-id-changed', does: 'Answers another message id than the one that was sent.', breaks: 'The answer to a send has the id of the message.',
    witnesses: ['grpc.send.answer'],
    grpc: () => onAnswer('SendMessage', (answer) => ({ ...answer, entries: list(answer['entries']).map((entry) => ({ ...entry, message_id: `01${'0'.repeat(32)}` })) })),
  },
  {
    name: 'grpc.send-user-property-lost', does: 'Stores messages without their user properties.', breaks: 'Properties of a message are stored.',
    witnesses: ['grpc.send.properties-stored'],
    grpc: () => onRequest('SendMessage', (request) => sent(request, (message) => ({ ...message, user_properties: {} }))),
  },
  {
    name: 'grpc.send-group-spread', does: 'Forgets the message group of what is sent to a FIFO topic, and sends it to any queue.', breaks: 'Messages of one group go to one queue.',
    witnesses: ['grpc.send.message-group-stored', 'grpc.send.message-group-*'],
    grpc: () => {
      let sends = 0;
      return onRequest('SendMessage', (request) => sent(request, (message) => (fields(message['system_properties'])['message_group'] === undefined ? message : withSystem(message, { message_group: `group ${++sends}` }))));
    },
  },
  {
    name: 'grpc.send-too-large-taken', does: 'Says OK to a message whose body is too large.', breaks: 'A body over the limit is refused with MESSAGE_BODY_TOO_LARGE.',
    witnesses: ['grpc.send.body-too-large'],
    grpc: () => recoded('SendMessage', Code.MESSAGE_BODY_TOO_LARGE, Code.OK),
  },
  {
    name: 'grpc.delivered-twice', does: 'Delivers each received message twice.', breaks: 'A message that is out is delivered once.',
    witnesses: ['grpc.receive.every-message-once', 'grpc.receive.message-as-sent'],
    grpc: () => onAnswer('ReceiveMessage', (answer) => (answer['message'] === undefined ? undefined : [answer, answer])),
  },
  {
    name: 'grpc.received-lost', does: 'Keeps the first message of each receive to itself.', breaks: 'What is taken out for a client reaches it.',
    witnesses: ['grpc.receive.message-as-sent', 'grpc.receive.every-message-once'],
    grpc: () => onAnswer('ReceiveMessage', (answer, call) => {
      if (answer['message'] === undefined || call.notes.has('kept')) return undefined;
      call.notes.set('kept', true);
      return 'drop';
    }),
  },
  {
    name: 'grpc.received-out-of-order', does: 'Delivers the messages of a receive in reverse.', breaks: 'Messages of a queue are delivered in the order of their offsets.',
    witnesses: ['grpc.receive.fifo-order', 'grpc.receive.fifo-*', 'grpc.receive.*'],
    grpc: () => onAnswer('ReceiveMessage', (answer, call) => {
      const kept = (call.notes.get('kept') as Fields[] | undefined) ?? [];
      call.notes.set('kept', kept);
      if (answer['message'] !== undefined) {
        kept.unshift(answer);
        return 'drop';
      }
      return answer['delivery_timestamp'] !== undefined ? [...kept.splice(0), answer] : undefined;
    }),
  },
  {
    name: 'grpc.body-changed', does: 'Delivers another body than was sent.', breaks: 'A message is delivered as it was sent.',
    witnesses: ['grpc.receive.message-as-sent'],
    grpc: () => onReceived((message) => ({ ...message, body: Buffer.concat([Buffer.isBuffer(message['body']) ? message['body'] : Buffer.alloc(0), Buffer.from('!')]) })),
  },
  {
    name: 'grpc.tag-ignored', does: 'Gives messages to gRPC consumers whatever their tag.', breaks: 'Only messages of the subscribed tags are delivered.',
    witnesses: ['grpc.receive.tag-filter', 'grpc.receive.*filter*'],
    grpc: () => onRequest('ReceiveMessage', (request) => (fields(request['filter_expression'])['type'] === FilterType.TAG ? { ...request, filter_expression: { type: FilterType.TAG, expression: '*' } } : undefined)),
  },
  {
    name: 'grpc.sql-ignored', does: 'Delivers messages whatever an SQL92 expression says.', breaks: 'Only messages for which the expression is true are delivered.', needs: ['sql92'],
    witnesses: ['grpc.receive.sql-filter', 'grpc.receive.*filter*'],
    grpc: () => onRequest('ReceiveMessage', (request) => (fields(request['filter_expression'])['type'] === FilterType.SQL ? { ...request, filter_expression: { type: FilterType.TAG, expression: '*' } } : undefined)),
  },
  {
    name: 'grpc.batch-size-ignored', does: 'Delivers up to 32 messages at a time, whatever number was asked for.', breaks: 'A receive delivers at most batch_size messages.',
    witnesses: ['grpc.receive.batch-size'],
    grpc: () => onRequest('ReceiveMessage', (request) => (Number(request['batch_size']) < 32 ? { ...request, batch_size: 32 } : undefined)),
  },
  {
    name: 'grpc.status-last', does: 'Sends the status of a receive behind its messages.', breaks: 'The stream of a receive begins with its status.',
    witnesses: ['grpc.receive.stream-order'],
    grpc: () => onAnswer('ReceiveMessage', (answer, call) => {
      if (answer['status'] !== undefined && fields(answer['status'])['code'] === Code.OK) {
        call.notes.set('status', answer);
        return 'drop';
      }
      return answer['delivery_timestamp'] !== undefined && call.notes.has('status') ? [fields(call.notes.get('status')), answer] : undefined;
    }),
  },
  {
    name: 'grpc.polling-cut-short', does: 'Lets a receive wait no longer than the shortest polling time.', breaks: 'A receive waits for messages as long as its long polling time.',
    witnesses: ['grpc.receive.arrival-ends-waiting'],
    grpc: () => onRequest('ReceiveMessage', (request) => ({ ...request, long_polling_timeout: { seconds: 0, nanos: 1_000_000 } })),
  },
  {
    name: 'grpc.handle-missing', does: 'Delivers messages without a receipt handle.', breaks: 'Each received message can be acknowledged.',
    witnesses: ['grpc.ack.answer', 'grpc.receive.system-properties'],
    grpc: () => onReceived((message) => withSystem(message, { receipt_handle: undefined })),
  },
  {
    name: 'grpc.attempt-not-counted', does: 'Says of every delivery that it is the first.', breaks: 'Deliveries of a message are counted.',
    witnesses: ['grpc.ack.not-acknowledged-comes-again', 'grpc.dlq.attempts-used-up'],
    grpc: () => onReceived((message) => withSystem(message, { delivery_attempt: 1 })),
  },
  {
    name: 'grpc.message-group-lost', does: 'Delivers FIFO messages without their group.', breaks: 'A delivered message has the group it was sent with.',
    witnesses: ['grpc.receive.fifo-message-group', 'grpc.receive.fifo-*'],
    grpc: () => onReceived((message, system) => (system['message_group'] === undefined ? undefined : withSystem(message, { message_group: undefined }))),
  },
  {
    name: 'grpc.ack-lost', does: 'Acknowledges an AckMessage and forgets it.', breaks: 'An acknowledged message does not come back.',
    witnesses: ['grpc.ack.not-delivered-again', 'grpc.receive.fifo-blocks-until-ack'],
    grpc: () => pretend('AckMessage', (request) => list(request['entries']).some((entry) => isHandle(entry['receipt_handle'])), (request) => ({ entries: list(request['entries']).map((entry) => ({ ...entry, lite_topic: undefined, status: ok })) })),
  },
  {
    name: 'grpc.ack-code', does: 'Says OK to a receipt handle that is none.', breaks: 'A receipt handle that cannot be read is INVALID_RECEIPT_HANDLE.',
    witnesses: ['grpc.ack.nonsense-handle'],
    grpc: () => onAnswer('AckMessage', (answer) => (fields(answer['status'])['code'] === Code.OK ? undefined : { ...answer, status: ok, entries: list(answer['entries']).map((entry) => ({ ...entry, status: ok })) })),
  },
  {
    name: 'grpc.ack-entries-lost', does: 'Answers an AckMessage without its entries.', breaks: 'Each receipt handle has its own status.',
    witnesses: ['grpc.ack.answer', 'grpc.ack.multiple-results'],
    grpc: () => onAnswer('AckMessage', (answer) => ({ ...answer, entries: [] })),
  },
  {
    name: 'grpc.change-ignored', does: 'Acknowledges ChangeInvisibleDuration and does nothing.', breaks: 'The invisible time of a received message can be changed.',
    witnesses: ['grpc.change.visible-sooner'],
    grpc: () => pretend('ChangeInvisibleDuration', (request) => isHandle(request['receipt_handle']), (request) => ({ receipt_handle: `${String(request['receipt_handle'])}` })),
  },
  {
    name: 'grpc.change-keeps-handle', does: 'Answers ChangeInvisibleDuration with the receipt handle it was asked with.', breaks: 'A changed message has a new receipt handle.',
    witnesses: ['grpc.change.answer'],
    grpc: () => onAnswer('ChangeInvisibleDuration', (answer, call) => (answer['receipt_handle'] === undefined ? undefined : { ...answer, receipt_handle: call.request['receipt_handle'] })),
  },
  {
    name: 'grpc.dlq-ignored', does: 'Acknowledges ForwardMessageToDeadLetterQueue and does nothing.', breaks: 'A forwarded message is in the dead letter queue.',
    witnesses: ['grpc.dlq.forward', 'grpc.dlq.forward-acknowledges'],
    grpc: () => pretend('ForwardMessageToDeadLetterQueue', (request) => isHandle(request['receipt_handle'])),
  },
  {
    name: 'grpc.delay-dropped', does: 'Delivers delayed messages at once.', breaks: 'A delayed message is not delivered before its time.',
    witnesses: ['grpc.delay.delivered-at-time'],
    grpc: () => onRequest('SendMessage', (request) => sent(request, (message) => (fields(message['system_properties'])['delivery_timestamp'] === undefined ? message : withSystem(message, { delivery_timestamp: { seconds: Math.floor(Date.now() / 1000), nanos: 0 } })))),
  },
  {
    name: 'grpc.recall-ignored', does: 'Acknowledges RecallMessage and delivers the message all the same.', breaks: 'A recalled message is not delivered.',
    witnesses: ['grpc.recall.not-delivered'],
    grpc: () => pretend('RecallMessage', (request) => isHandle(request['recall_handle']), () => ({ message_id: `01${'0'.repeat(32)}` })),
  },
  {
    name: 'grpc.rollback-commits', does: 'Commits a transaction that is rolled back.', breaks: 'A message whose transaction is rolled back is delivered to nobody.',
    witnesses: ['grpc.transaction.rollback'],
    grpc: () => onRequest('EndTransaction', (request) => (request['resolution'] === TransactionResolution.ROLLBACK ? { ...request, resolution: TransactionResolution.COMMIT } : undefined)),
  },
  {
    name: 'grpc.commit-forgotten', does: 'Acknowledges the end of a transaction and does nothing.', breaks: 'A message whose transaction is committed is delivered.',
    witnesses: ['grpc.transaction.commit'],
    grpc: () => pretend('EndTransaction', (request) => typeof request['transaction_id'] === 'string' && request['transaction_id'] !== ''),
  },
  {
    name: 'grpc.check-lost', does: 'Asks no producer about transactions that are not ended.', breaks: 'A producer is asked about a transaction that was not ended.',
    witnesses: ['grpc.transaction.checked-by-telemetry'],
    grpc: () => onAnswer('Telemetry', (answer) => (answer['recover_orphaned_transaction_command'] === undefined ? undefined : 'drop')),
  },
  {
    name: 'grpc.settings-orderly-lost', does: 'Says to consumers of orderly groups that order does not matter.', breaks: 'The settings of a consumer say whether its group is orderly.',
    witnesses: ['grpc.telemetry.group-orderly'],
    grpc: () => onAnswer('Telemetry', (answer) => {
      const settings = fields(answer['settings']);
      const subscription = fields(settings['subscription']);
      return subscription['fifo'] === true ? { ...answer, settings: { ...settings, subscription: { ...subscription, fifo: false } } } : undefined;
    }),
  },
  {
    name: 'grpc.heartbeat-code', does: 'Says OK to the heartbeat of a client whose settings nobody knows.', breaks: 'A client without settings is UNRECOGNIZED_CLIENT_TYPE.',
    witnesses: ['grpc.heartbeat.unknown-client'],
    grpc: () => onAnswer('Heartbeat', (answer) => (fields(answer['status'])['code'] === Code.OK ? undefined : { ...answer, status: ok })),
  },
]);
