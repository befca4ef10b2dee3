/**
 * apache.rocketmq.v2 (rocketmq-proto 2.1.2) as data: the enums that the service speaks in, every message with its field numbers, and the
 * methods. What they mean is server/proxy's.
 */
import { bool, bytes, float, int32, int64, many, message, of, optional, string, stringMap, type MessageType } from './protobuf.js';

export const grpcCode = {
  CODE_UNSPECIFIED: 0, OK: 20000, MULTIPLE_RESULTS: 30000, BAD_REQUEST: 40000, ILLEGAL_ACCESS_POINT: 40001, ILLEGAL_TOPIC: 40002,
  ILLEGAL_CONSUMER_GROUP: 40003, ILLEGAL_MESSAGE_TAG: 40004, ILLEGAL_MESSAGE_KEY: 40005, ILLEGAL_MESSAGE_GROUP: 40006,
  ILLEGAL_MESSAGE_PROPERTY_KEY: 40007, INVALID_TRANSACTION_ID: 40008, ILLEGAL_MESSAGE_ID: 40009, ILLEGAL_FILTER_EXPRESSION: 40010,
  ILLEGAL_INVISIBLE_TIME: 40011, ILLEGAL_DELIVERY_TIME: 40012, INVALID_RECEIPT_HANDLE: 40013, MESSAGE_PROPERTY_CONFLICT_WITH_TYPE: 40014,
  UNRECOGNIZED_CLIENT_TYPE: 40015, MESSAGE_CORRUPTED: 40016, CLIENT_ID_REQUIRED: 40017, ILLEGAL_POLLING_TIME: 40018, ILLEGAL_OFFSET: 40019,
  ILLEGAL_LITE_TOPIC: 40020, UNAUTHORIZED: 40100, PAYMENT_REQUIRED: 40200, FORBIDDEN: 40300, NOT_FOUND: 40400, MESSAGE_NOT_FOUND: 40401,
  TOPIC_NOT_FOUND: 40402, CONSUMER_GROUP_NOT_FOUND: 40403, OFFSET_NOT_FOUND: 40404, REQUEST_TIMEOUT: 40800, PAYLOAD_TOO_LARGE: 41300,
  MESSAGE_BODY_TOO_LARGE: 41301, MESSAGE_BODY_EMPTY: 41302, PRECONDITION_FAILED: 42800, TOO_MANY_REQUESTS: 42900,
  LITE_TOPIC_QUOTA_EXCEEDED: 42901, LITE_SUBSCRIPTION_QUOTA_EXCEEDED: 42902, REQUEST_HEADER_FIELDS_TOO_LARGE: 43100,
  MESSAGE_PROPERTIES_TOO_LARGE: 43101, INTERNAL_ERROR: 50000, INTERNAL_SERVER_ERROR: 50001, HA_NOT_AVAILABLE: 50002, NOT_IMPLEMENTED: 50100,
  PROXY_TIMEOUT: 50400, MASTER_PERSISTENCE_TIMEOUT: 50401, SLAVE_PERSISTENCE_TIMEOUT: 50402, UNSUPPORTED: 50500, VERSION_UNSUPPORTED: 50501,
  VERIFY_FIFO_MESSAGE_UNSUPPORTED: 50502, FAILED_TO_CONSUME_MESSAGE: 60000,
} as const;

export const messageType = { MESSAGE_TYPE_UNSPECIFIED: 0, NORMAL: 1, FIFO: 2, DELAY: 3, TRANSACTION: 4, LITE: 5, PRIORITY: 6 } as const;

export const clientType = {
  CLIENT_TYPE_UNSPECIFIED: 0, PRODUCER: 1, PUSH_CONSUMER: 2, SIMPLE_CONSUMER: 3, PULL_CONSUMER: 4, LITE_PUSH_CONSUMER: 5,
  LITE_SIMPLE_CONSUMER: 6,
} as const;

export const filterType = { FILTER_TYPE_UNSPECIFIED: 0, TAG: 1, SQL: 2 } as const;

export const permission = { PERMISSION_UNSPECIFIED: 0, NONE: 1, READ: 2, WRITE: 3, READ_WRITE: 4 } as const;

export const addressScheme = { ADDRESS_SCHEME_UNSPECIFIED: 0, IPv4: 1, IPv6: 2, DOMAIN_NAME: 3 } as const;

export const digestType = { DIGEST_TYPE_UNSPECIFIED: 0, CRC32: 1, MD5: 2, SHA1: 3 } as const;

export const encoding = { ENCODING_UNSPECIFIED: 0, IDENTITY: 1, GZIP: 2 } as const;

export const transactionResolution = { TRANSACTION_RESOLUTION_UNSPECIFIED: 0, COMMIT: 1, ROLLBACK: 2 } as const;

export const transactionSource = { SOURCE_UNSPECIFIED: 0, SOURCE_CLIENT: 1, SOURCE_SERVER_CHECK: 2 } as const;

export const liteSubscriptionAction = { PARTIAL_ADD: 0, PARTIAL_REMOVE: 1, COMPLETE_ADD: 2, COMPLETE_REMOVE: 3 } as const;

/** The names of an enum's numbers. */
export function namesOf(numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
}

export const language = {
  LANGUAGE_UNSPECIFIED: 0, JAVA: 1, CPP: 2, DOT_NET: 3, GOLANG: 4, RUST: 5, PYTHON: 6, PHP: 7, NODE_JS: 8, RUBY: 9, OBJECTIVE_C: 10, DART: 11,
  KOTLIN: 12,
} as const;

export const Duration = message({ seconds: int64(1), nanos: int32(2) });
export const Timestamp = message({ seconds: int64(1), nanos: int32(2) });
export const FilterExpression = message({ type: int32(1), expression: string(2) });
export const ExponentialBackoff = message({ initial: of(1, Duration), max: of(2, Duration), multiplier: float(3) });
export const CustomizedBackoff = message({ next: many(of(1, Duration)) });
export const RetryPolicy = message({
  maxAttempts: int32(1), exponentialBackoff: of(2, ExponentialBackoff), customizedBackoff: of(3, CustomizedBackoff),
});
export const Resource = message({ resourceNamespace: string(1), name: string(2) });
export const SubscriptionEntry = message({ topic: of(1, Resource), expression: of(2, FilterExpression) });
export const Address = message({ host: string(1), port: int32(2) });
export const Endpoints = message({ scheme: int32(1), addresses: many(of(2, Address)) });
export const Broker = message({ name: string(1), id: int32(2), endpoints: of(3, Endpoints) });
export const MessageQueue = message({
  topic: of(1, Resource), id: int32(2), permission: int32(3), broker: of(4, Broker), acceptMessageTypes: many(int32(5)),
});
export const Digest = message({ type: int32(1), checksum: string(2) });
export const DeadLetterQueue = message({ topic: string(1), messageId: string(2) });
export const SystemProperties = message({
  tag: optional(string(1)), keys: many(string(2)), messageId: string(3), bodyDigest: of(4, Digest), bodyEncoding: int32(5), messageType: int32(6),
  bornTimestamp: of(7, Timestamp), bornHost: string(8), storeTimestamp: of(9, Timestamp), storeHost: string(10),
  deliveryTimestamp: of(11, Timestamp), receiptHandle: optional(string(12)), queueId: int32(13), queueOffset: optional(int64(14)),
  invisibleDuration: of(15, Duration), deliveryAttempt: optional(int32(16)), messageGroup: optional(string(17)),
  traceContext: optional(string(18)), orphanedTransactionRecoveryDuration: of(19, Duration), deadLetterQueue: of(20, DeadLetterQueue),
  liteTopic: optional(string(21)), priority: optional(int32(22)),
});
export const Message = message({ topic: of(1, Resource), userProperties: stringMap(2), systemProperties: of(3, SystemProperties), body: bytes(4) });
export const Assignment = message({ messageQueue: of(1, MessageQueue) });
export const Status = message({ code: int32(1), message: string(2) });
export const UA = message({ language: int32(1), version: string(2), platform: string(3), hostname: string(4) });
export const Publishing = message({ topics: many(of(1, Resource)), maxBodySize: int32(2), validateMessageType: bool(3) });
export const Subscription = message({
  group: of(1, Resource), subscriptions: many(of(2, SubscriptionEntry)), fifo: optional(bool(3)), receiveBatchSize: optional(int32(4)),
  longPollingTimeout: of(5, Duration), liteSubscriptionQuota: optional(int32(6)), maxLiteTopicSize: optional(int32(7)),
});
export const Metric = message({ on: bool(1), endpoints: of(2, Endpoints) });
export const Settings = message({
  clientType: optional(int32(1)), accessPoint: of(2, Endpoints), backoffPolicy: of(3, RetryPolicy), requestTimeout: of(4, Duration),
  publishing: of(5, Publishing), subscription: of(6, Subscription), userAgent: of(7, UA), metric: of(8, Metric),
});
export const OffsetOption = message({
  policy: optional(int32(1)), offset: optional(int64(2)), tailN: optional(int64(3)), timestamp: optional(int64(4)),
});
export const QueryRouteRequest = message({ topic: of(1, Resource), endpoints: of(2, Endpoints) });
export const QueryRouteResponse = message({ status: of(1, Status), messageQueues: many(of(2, MessageQueue)) });
export const SendMessageRequest = message({ messages: many(of(1, Message)) });
export const SendResultEntry = message({
  status: of(1, Status), messageId: string(2), transactionId: string(3), offset: int64(4), recallHandle: string(5),
});
export const SendMessageResponse = message({ status: of(1, Status), entries: many(of(2, SendResultEntry)) });
export const QueryAssignmentRequest = message({ topic: of(1, Resource), group: of(2, Resource), endpoints: of(3, Endpoints) });
export const QueryAssignmentResponse = message({ status: of(1, Status), assignments: many(of(2, Assignment)) });
export const ReceiveMessageRequest = message({
  group: of(1, Resource), messageQueue: of(2, MessageQueue), filterExpression: of(3, FilterExpression), batchSize: int32(4),
  invisibleDuration: of(5, Duration), autoRenew: bool(6), longPollingTimeout: of(7, Duration), attemptId: optional(string(8)),
});
export const ReceiveMessageResponse = message({ status: of(1, Status), message: of(2, Message), deliveryTimestamp: of(3, Timestamp) });
export const AckMessageEntry = message({ messageId: string(1), receiptHandle: string(2), liteTopic: optional(string(3)) });
export const AckMessageRequest = message({ group: of(1, Resource), topic: of(2, Resource), entries: many(of(3, AckMessageEntry)) });
export const AckMessageResultEntry = message({ messageId: string(1), receiptHandle: string(2), status: of(3, Status) });
export const AckMessageResponse = message({ status: of(1, Status), entries: many(of(2, AckMessageResultEntry)) });
export const ForwardMessageToDeadLetterQueueRequest = message({
  group: of(1, Resource), topic: of(2, Resource), receiptHandle: string(3), messageId: string(4), deliveryAttempt: int32(5),
  maxDeliveryAttempts: int32(6), liteTopic: optional(string(7)),
});
export const ForwardMessageToDeadLetterQueueResponse = message({ status: of(1, Status) });
export const HeartbeatRequest = message({ group: of(1, Resource), clientType: int32(2) });
export const HeartbeatResponse = message({ status: of(1, Status) });
export const EndTransactionRequest = message({
  topic: of(1, Resource), messageId: string(2), transactionId: string(3), resolution: int32(4), source: int32(5), traceContext: string(6),
});
export const EndTransactionResponse = message({ status: of(1, Status) });
export const PrintThreadStackTraceCommand = message({ nonce: string(1) });
export const ReconnectEndpointsCommand = message({ nonce: string(1) });
export const ThreadStackTrace = message({ nonce: string(1), threadStackTrace: optional(string(2)) });
export const VerifyMessageCommand = message({ nonce: string(1), message: of(2, Message) });
export const VerifyMessageResult = message({ nonce: string(1) });
export const RecoverOrphanedTransactionCommand = message({ message: of(1, Message), transactionId: string(2) });
export const NotifyUnsubscribeLiteCommand = message({ liteTopic: string(1) });
export const TelemetryCommand = message({
  status: of(1, Status), settings: of(2, Settings), threadStackTrace: of(3, ThreadStackTrace), verifyMessageResult: of(4, VerifyMessageResult),
  recoverOrphanedTransactionCommand: of(5, RecoverOrphanedTransactionCommand), printThreadStackTraceCommand: of(6, PrintThreadStackTraceCommand),
  verifyMessageCommand: of(7, VerifyMessageCommand), reconnectEndpointsCommand: of(8, ReconnectEndpointsCommand),
  notifyUnsubscribeLiteCommand: of(9, NotifyUnsubscribeLiteCommand),
});
export const NotifyClientTerminationRequest = message({ group: of(1, Resource) });
export const NotifyClientTerminationResponse = message({ status: of(1, Status) });
export const ChangeInvisibleDurationRequest = message({
  group: of(1, Resource), topic: of(2, Resource), receiptHandle: string(3), invisibleDuration: of(4, Duration), messageId: string(5),
  liteTopic: optional(string(6)), suspend: optional(bool(7)),
});
export const ChangeInvisibleDurationResponse = message({ status: of(1, Status), receiptHandle: string(2) });
export const RecallMessageRequest = message({ topic: of(1, Resource), recallHandle: string(2) });
export const RecallMessageResponse = message({ status: of(1, Status), messageId: string(2) });
export const SyncLiteSubscriptionRequest = message({
  action: int32(1), topic: of(2, Resource), group: of(3, Resource), liteTopicSet: many(string(4)), version: optional(int64(5)),
  offsetOption: of(6, OffsetOption),
});
export const SyncLiteSubscriptionResponse = message({ status: of(1, Status) });

/** One method: its messages, and whether both sides are streams. Every answer begins with a status but Telemetry's commands. */
export interface GrpcMethod {
  readonly request: MessageType<unknown>;
  readonly answer: MessageType<unknown>;
  readonly streams?: 'both' | 'answer';
}

/** Methods that are declared but served by nobody (PullMessage, UpdateOffset, GetOffset, QueryOffset) are left out. */
export const grpcMethods = {
  QueryRoute: { request: QueryRouteRequest, answer: QueryRouteResponse },
  Heartbeat: { request: HeartbeatRequest, answer: HeartbeatResponse },
  SendMessage: { request: SendMessageRequest, answer: SendMessageResponse },
  QueryAssignment: { request: QueryAssignmentRequest, answer: QueryAssignmentResponse },
  ReceiveMessage: { request: ReceiveMessageRequest, answer: ReceiveMessageResponse, streams: 'answer' },
  AckMessage: { request: AckMessageRequest, answer: AckMessageResponse },
  ForwardMessageToDeadLetterQueue: { request: ForwardMessageToDeadLetterQueueRequest, answer: ForwardMessageToDeadLetterQueueResponse },
  EndTransaction: { request: EndTransactionRequest, answer: EndTransactionResponse },
  Telemetry: { request: TelemetryCommand, answer: TelemetryCommand, streams: 'both' },
  NotifyClientTermination: { request: NotifyClientTerminationRequest, answer: NotifyClientTerminationResponse },
  ChangeInvisibleDuration: { request: ChangeInvisibleDurationRequest, answer: ChangeInvisibleDurationResponse },
  RecallMessage: { request: RecallMessageRequest, answer: RecallMessageResponse },
  SyncLiteSubscription: { request: SyncLiteSubscriptionRequest, answer: SyncLiteSubscriptionResponse },
} as const satisfies Record<string, GrpcMethod>;

export type GrpcMethodName = keyof typeof grpcMethods;

/** Begins the path of every method. */
export const grpcServicePath = '/apache.rocketmq.v2.MessagingService/';
