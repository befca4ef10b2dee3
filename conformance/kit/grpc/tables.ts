/**
 * The messages, enums and methods of apache.rocketmq.v2 (rocketmq-proto 2.1.2) as data: field name -> number and type. Facts of the
 * published schema; the codec that reads these tables is `wire.ts`.
 */

export const TransactionResolution = { TRANSACTION_RESOLUTION_UNSPECIFIED: 0, COMMIT: 1, ROLLBACK: 2 } as const;

export const TransactionSource = { SOURCE_UNSPECIFIED: 0, SOURCE_CLIENT: 1, SOURCE_SERVER_CHECK: 2 } as const;

export const Permission = { PERMISSION_UNSPECIFIED: 0, NONE: 1, READ: 2, WRITE: 3, READ_WRITE: 4 } as const;

export const FilterType = { FILTER_TYPE_UNSPECIFIED: 0, TAG: 1, SQL: 2 } as const;

export const AddressScheme = { ADDRESS_SCHEME_UNSPECIFIED: 0, IPv4: 1, IPv6: 2, DOMAIN_NAME: 3 } as const;

export const MessageType = { MESSAGE_TYPE_UNSPECIFIED: 0, NORMAL: 1, FIFO: 2, DELAY: 3, TRANSACTION: 4, LITE: 5, PRIORITY: 6 } as const;

export const DigestType = { DIGEST_TYPE_UNSPECIFIED: 0, CRC32: 1, MD5: 2, SHA1: 3 } as const;

export const ClientType = {
  CLIENT_TYPE_UNSPECIFIED: 0, PRODUCER: 1, PUSH_CONSUMER: 2, SIMPLE_CONSUMER: 3, PULL_CONSUMER: 4, LITE_PUSH_CONSUMER: 5,
  LITE_SIMPLE_CONSUMER: 6,
} as const;

export const Encoding = { ENCODING_UNSPECIFIED: 0, IDENTITY: 1, GZIP: 2 } as const;

export const Code = {
  CODE_UNSPECIFIED: 0, OK: 20000, MULTIPLE_RESULTS: 30000, BAD_REQUEST: 40000, ILLEGAL_ACCESS_POINT: 40001, ILLEGAL_TOPIC: 40002,
  ILLEGAL_CONSUMER_GROUP: 40003, ILLEGAL_MESSAGE_TAG: 40004, ILLEGAL_MESSAGE_KEY: 40005, ILLEGAL_MESSAGE_GROUP: 40006,
  ILLEGAL_MESSAGE_PROPERTY_KEY: 40007, INVALID_TRANSACTION_ID: 40008, ILLEGAL_MESSAGE_ID: 40009, ILLEGAL_FILTER_EXPRESSION: 40010,
  ILLEGAL_INVISIBLE_TIME: 40011, ILLEGAL_DELIVERY_TIME: 40012, INVALID_RECEIPT_HANDLE: 40013, MESSAGE_PROPERTY_CONFLICT_WITH_TYPE: 40014,
  UNRECOGNIZED_CLIENT_TYPE: 40015, MESSAGE_CORRUPTED: 40016, CLIENT_ID_REQUIRED: 40017, ILLEGAL_POLLING_TIME: 40018, ILLEGAL_OFFSET: 40019,
  ILLEGAL_LITE_TOPIC: 40020, UNAUTHORIZED: 40100, PAYMENT_REQUIRED: 40200, FORBIDDEN: 40300, NOT_FOUND: 40400, MESSAGE_NOT_FOUND: 40401,
  TOPIC_NOT_FOUND: 40402, CONSUMER_GROUP_NOT_FOUND: 40403, OFFSET_NOT_FOUND: 40404, REQUEST_TIMEOUT: 40800, PAYLOAD_TOO_LARGE: 41300,
  MESSAGE_BODY_TOO_LARGE: 41301, MESSAGE_BODY_EMPTY: 41302, PRECONDITION_FAILED: 42800, TOO_MANY_REQUESTS: 42900,
  LITE_TOPIC_QUOTA_EXCEEDED: 42901, LITE_SUBSCRIPTION_QUOTA_EXCEEDED: 42902, REQUEST_HEADER_FIELDS_TOO_LARGE: 43100,
  MESSAGE_PROPERTIES_TOO_LARGE: 43101, INTERNAL_ERROR: 50000, INTERNAL_SERVER_ERROR: 50001, HA_NOT_AVAILABLE: 50002,
  NOT_IMPLEMENTED: 50100, PROXY_TIMEOUT: 50400, MASTER_PERSISTENCE_TIMEOUT: 50401, SLAVE_PERSISTENCE_TIMEOUT: 50402, UNSUPPORTED: 50500,
  VERSION_UNSUPPORTED: 50501, VERIFY_FIFO_MESSAGE_UNSUPPORTED: 50502, FAILED_TO_CONSUME_MESSAGE: 60000,
} as const;

export const Language = {
  LANGUAGE_UNSPECIFIED: 0, JAVA: 1, CPP: 2, DOT_NET: 3, GOLANG: 4, RUST: 5, PYTHON: 6, PHP: 7, NODE_JS: 8, RUBY: 9, OBJECTIVE_C: 10,
  DART: 11, KOTLIN: 12,
} as const;

export const LiteSubscriptionAction = { PARTIAL_ADD: 0, PARTIAL_REMOVE: 1, COMPLETE_ADD: 2, COMPLETE_REMOVE: 3 } as const;

export const QueryOffsetPolicy = { BEGINNING: 0, END: 1, TIMESTAMP: 2 } as const;

export const OffsetOptionPolicy = { LAST: 0, MIN: 1, MAX: 2 } as const;

/** Types of fields; `enum` is an open int32. A name that begins with a capital is a message. */
export type Scalar = 'string' | 'bytes' | 'int32' | 'int64' | 'bool' | 'float' | 'enum';
/** number, type, and `many` for repeated fields or `map` for map<string,string>. */
export type Field = readonly [number: number, type: Scalar | MessageName | 'map', many?: 'many'];

export const messages = {
  Duration: { seconds: [1, 'int64'], nanos: [2, 'int32'] },
  Timestamp: { seconds: [1, 'int64'], nanos: [2, 'int32'] },
  FilterExpression: { type: [1, 'enum'], expression: [2, 'string'] },
  RetryPolicy: { max_attempts: [1, 'int32'], exponential_backoff: [2, 'ExponentialBackoff'], customized_backoff: [3, 'CustomizedBackoff'] },
  ExponentialBackoff: { initial: [1, 'Duration'], max: [2, 'Duration'], multiplier: [3, 'float'] },
  CustomizedBackoff: { next: [1, 'Duration', 'many'] },
  Resource: { resource_namespace: [1, 'string'], name: [2, 'string'] },
  SubscriptionEntry: { topic: [1, 'Resource'], expression: [2, 'FilterExpression'] },
  Address: { host: [1, 'string'], port: [2, 'int32'] },
  Endpoints: { scheme: [1, 'enum'], addresses: [2, 'Address', 'many'] },
  Broker: { name: [1, 'string'], id: [2, 'int32'], endpoints: [3, 'Endpoints'] },
  MessageQueue: {
    topic: [1, 'Resource'], id: [2, 'int32'], permission: [3, 'enum'], broker: [4, 'Broker'], accept_message_types: [5, 'enum', 'many'],
  },
  Digest: { type: [1, 'enum'], checksum: [2, 'string'] },
  SystemProperties: {
    tag: [1, 'string'], keys: [2, 'string', 'many'], message_id: [3, 'string'], body_digest: [4, 'Digest'], body_encoding: [5, 'enum'],
    message_type: [6, 'enum'], born_timestamp: [7, 'Timestamp'], born_host: [8, 'string'], store_timestamp: [9, 'Timestamp'],
    store_host: [10, 'string'], delivery_timestamp: [11, 'Timestamp'], receipt_handle: [12, 'string'], queue_id: [13, 'int32'],
    queue_offset: [14, 'int64'], invisible_duration: [15, 'Duration'], delivery_attempt: [16, 'int32'], message_group: [17, 'string'],
    trace_context: [18, 'string'], orphaned_transaction_recovery_duration: [19, 'Duration'], dead_letter_queue: [20, 'DeadLetterQueue'],
    lite_topic: [21, 'string'], priority: [22, 'int32'],
  },
  DeadLetterQueue: { topic: [1, 'string'], message_id: [2, 'string'] },
  Message: { topic: [1, 'Resource'], user_properties: [2, 'map'], system_properties: [3, 'SystemProperties'], body: [4, 'bytes'] },
  Assignment: { message_queue: [1, 'MessageQueue'] },
  Status: { code: [1, 'enum'], message: [2, 'string'] },
  UA: { language: [1, 'enum'], version: [2, 'string'], platform: [3, 'string'], hostname: [4, 'string'] },
  Settings: {
    client_type: [1, 'enum'], access_point: [2, 'Endpoints'], backoff_policy: [3, 'RetryPolicy'], request_timeout: [4, 'Duration'],
    publishing: [5, 'Publishing'], subscription: [6, 'Subscription'], user_agent: [7, 'UA'], metric: [8, 'Metric'],
  },
  Publishing: { topics: [1, 'Resource', 'many'], max_body_size: [2, 'int32'], validate_message_type: [3, 'bool'] },
  Subscription: {
    group: [1, 'Resource'], subscriptions: [2, 'SubscriptionEntry', 'many'], fifo: [3, 'bool'], receive_batch_size: [4, 'int32'],
    long_polling_timeout: [5, 'Duration'], lite_subscription_quota: [6, 'int32'], max_lite_topic_size: [7, 'int32'],
  },
  Metric: { on: [1, 'bool'], endpoints: [2, 'Endpoints'] },
  OffsetOption: { policy: [1, 'enum'], offset: [2, 'int64'], tail_n: [3, 'int64'], timestamp: [4, 'int64'] },
  QueryRouteRequest: { topic: [1, 'Resource'], endpoints: [2, 'Endpoints'] },
  QueryRouteResponse: { status: [1, 'Status'], message_queues: [2, 'MessageQueue', 'many'] },
  SendMessageRequest: { messages: [1, 'Message', 'many'] },
  SendResultEntry: {
    status: [1, 'Status'], message_id: [2, 'string'], transaction_id: [3, 'string'], offset: [4, 'int64'], recall_handle: [5, 'string'],
  },
  SendMessageResponse: { status: [1, 'Status'], entries: [2, 'SendResultEntry', 'many'] },
  QueryAssignmentRequest: { topic: [1, 'Resource'], group: [2, 'Resource'], endpoints: [3, 'Endpoints'] },
  QueryAssignmentResponse: { status: [1, 'Status'], assignments: [2, 'Assignment', 'many'] },
  ReceiveMessageRequest: {
    group: [1, 'Resource'], message_queue: [2, 'MessageQueue'], filter_expression: [3, 'FilterExpression'], batch_size: [4, 'int32'],
    invisible_duration: [5, 'Duration'], auto_renew: [6, 'bool'], long_polling_timeout: [7, 'Duration'], attempt_id: [8, 'string'],
  },
  ReceiveMessageResponse: { status: [1, 'Status'], message: [2, 'Message'], delivery_timestamp: [3, 'Timestamp'] },
  AckMessageEntry: { message_id: [1, 'string'], receipt_handle: [2, 'string'], lite_topic: [3, 'string'] },
  AckMessageRequest: { group: [1, 'Resource'], topic: [2, 'Resource'], entries: [3, 'AckMessageEntry', 'many'] },
  AckMessageResultEntry: { message_id: [1, 'string'], receipt_handle: [2, 'string'], status: [3, 'Status'] },
  AckMessageResponse: { status: [1, 'Status'], entries: [2, 'AckMessageResultEntry', 'many'] },
  ForwardMessageToDeadLetterQueueRequest: {
    group: [1, 'Resource'], topic: [2, 'Resource'], receipt_handle: [3, 'string'], message_id: [4, 'string'], delivery_attempt: [5, 'int32'],
    max_delivery_attempts: [6, 'int32'], lite_topic: [7, 'string'],
  },
  ForwardMessageToDeadLetterQueueResponse: { status: [1, 'Status'] },
  HeartbeatRequest: { group: [1, 'Resource'], client_type: [2, 'enum'] },
  HeartbeatResponse: { status: [1, 'Status'] },
  EndTransactionRequest: {
    topic: [1, 'Resource'], message_id: [2, 'string'], transaction_id: [3, 'string'], resolution: [4, 'enum'], source: [5, 'enum'],
    trace_context: [6, 'string'],
  },
  EndTransactionResponse: { status: [1, 'Status'] },
  PrintThreadStackTraceCommand: { nonce: [1, 'string'] },
  ReconnectEndpointsCommand: { nonce: [1, 'string'] },
  ThreadStackTrace: { nonce: [1, 'string'], thread_stack_trace: [2, 'string'] },
  VerifyMessageCommand: { nonce: [1, 'string'], message: [2, 'Message'] },
  VerifyMessageResult: { nonce: [1, 'string'] },
  RecoverOrphanedTransactionCommand: { message: [1, 'Message'], transaction_id: [2, 'string'] },
  NotifyUnsubscribeLiteCommand: { lite_topic: [1, 'string'] },
  TelemetryCommand: {
    status: [1, 'Status'], settings: [2, 'Settings'], thread_stack_trace: [3, 'ThreadStackTrace'],
    verify_message_result: [4, 'VerifyMessageResult'], recover_orphaned_transaction_command: [5, 'RecoverOrphanedTransactionCommand'],
    print_thread_stack_trace_command: [6, 'PrintThreadStackTraceCommand'], verify_message_command: [7, 'VerifyMessageCommand'],
    reconnect_endpoints_command: [8, 'ReconnectEndpointsCommand'], notify_unsubscribe_lite_command: [9, 'NotifyUnsubscribeLiteCommand'],
  },
  NotifyClientTerminationRequest: { group: [1, 'Resource'] },
  NotifyClientTerminationResponse: { status: [1, 'Status'] },
  ChangeInvisibleDurationRequest: {
    group: [1, 'Resource'], topic: [2, 'Resource'], receipt_handle: [3, 'string'], invisible_duration: [4, 'Duration'],
    message_id: [5, 'string'], lite_topic: [6, 'string'], suspend: [7, 'bool'],
  },
  ChangeInvisibleDurationResponse: { status: [1, 'Status'], receipt_handle: [2, 'string'] },
  PullMessageRequest: {
    group: [1, 'Resource'], message_queue: [2, 'MessageQueue'], offset: [3, 'int64'], batch_size: [4, 'int32'],
    filter_expression: [5, 'FilterExpression'], long_polling_timeout: [6, 'Duration'],
  },
  PullMessageResponse: { status: [1, 'Status'], message: [2, 'Message'], next_offset: [3, 'int64'] },
  UpdateOffsetRequest: { group: [1, 'Resource'], message_queue: [2, 'MessageQueue'], offset: [3, 'int64'] },
  UpdateOffsetResponse: { status: [1, 'Status'] },
  GetOffsetRequest: { group: [1, 'Resource'], message_queue: [2, 'MessageQueue'] },
  GetOffsetResponse: { status: [1, 'Status'], offset: [2, 'int64'] },
  QueryOffsetRequest: { message_queue: [1, 'MessageQueue'], query_offset_policy: [2, 'enum'], timestamp: [3, 'Timestamp'] },
  QueryOffsetResponse: { status: [1, 'Status'], offset: [2, 'int64'] },
  RecallMessageRequest: { topic: [1, 'Resource'], recall_handle: [2, 'string'] },
  RecallMessageResponse: { status: [1, 'Status'], message_id: [2, 'string'] },
  SyncLiteSubscriptionRequest: {
    action: [1, 'enum'], topic: [2, 'Resource'], group: [3, 'Resource'], lite_topic_set: [4, 'string', 'many'], version: [5, 'int64'],
    offset_option: [6, 'OffsetOption'],
  },
  SyncLiteSubscriptionResponse: { status: [1, 'Status'] },
} as const satisfies Record<string, Readonly<Record<string, readonly [number, string, 'many'?]>>>;

export type MessageName = keyof typeof messages;

/** Methods of MessagingService: request, answer, and which sides are streams. */
export const methods = {
  QueryRoute: { request: 'QueryRouteRequest', answer: 'QueryRouteResponse' },
  Heartbeat: { request: 'HeartbeatRequest', answer: 'HeartbeatResponse' },
  SendMessage: { request: 'SendMessageRequest', answer: 'SendMessageResponse' },
  QueryAssignment: { request: 'QueryAssignmentRequest', answer: 'QueryAssignmentResponse' },
  ReceiveMessage: { request: 'ReceiveMessageRequest', answer: 'ReceiveMessageResponse', streams: 'answer' },
  AckMessage: { request: 'AckMessageRequest', answer: 'AckMessageResponse' },
  ForwardMessageToDeadLetterQueue: { request: 'ForwardMessageToDeadLetterQueueRequest', answer: 'ForwardMessageToDeadLetterQueueResponse' },
  PullMessage: { request: 'PullMessageRequest', answer: 'PullMessageResponse', streams: 'answer' },
  UpdateOffset: { request: 'UpdateOffsetRequest', answer: 'UpdateOffsetResponse' },
  GetOffset: { request: 'GetOffsetRequest', answer: 'GetOffsetResponse' },
  QueryOffset: { request: 'QueryOffsetRequest', answer: 'QueryOffsetResponse' },
  EndTransaction: { request: 'EndTransactionRequest', answer: 'EndTransactionResponse' },
  Telemetry: { request: 'TelemetryCommand', answer: 'TelemetryCommand', streams: 'both' },
  NotifyClientTermination: { request: 'NotifyClientTerminationRequest', answer: 'NotifyClientTerminationResponse' },
  ChangeInvisibleDuration: { request: 'ChangeInvisibleDurationRequest', answer: 'ChangeInvisibleDurationResponse' },
  RecallMessage: { request: 'RecallMessageRequest', answer: 'RecallMessageResponse' },
  SyncLiteSubscription: { request: 'SyncLiteSubscriptionRequest', answer: 'SyncLiteSubscriptionResponse' },
} as const satisfies Record<string, { readonly request: MessageName; readonly answer: MessageName; readonly streams?: 'both' | 'answer' }>;

export type MethodName = keyof typeof methods;

/** The path of every method begins with it. */
export const servicePath = '/apache.rocketmq.v2.MessagingService/';
