/** What an endpoint may or may not offer. A case names in `needs` what it cannot do without; the rest of the kit only asks. */

/** Each feature and what it means; keep the sentences short, they stand in reports. */
export const features = {
  'wire': 'it answers requests: not when only --store was given',
  'admin': 'topics and subscription groups can be created and deleted by request',
  'batch': 'SEND_BATCH_MESSAGE',
  'transaction': 'half messages, END_TRANSACTION and checks',
  'delay-level': 'DELAY levels 1 to 18',
  'timer': 'delivery at any time (TIMER_DELAY_MS and its kin)',
  'recall': 'RECALL_MESSAGE, switched on',
  'pop': 'POP_MESSAGE, ACK_MESSAGE, CHANGE_MESSAGE_INVISIBLETIME',
  'pop-order': 'orderly POP',
  'sql92': 'SQL92 filter expressions, switched on',
  'bloom': 'bloom filter bitmaps in the consume queue extension',
  'request-reply': 'SEND_REPLY_MESSAGE and its push to the requester',
  'priority': 'priority topics (since 5.4.0)',
  'lite': 'lite topics (since 5.4.0)',
  'static-topic': 'static topics and logical queues',
  'assignment': 'QUERY_ASSIGNMENT and message request modes',
  'heartbeat-v2': 'heartbeats by fingerprint',
  'auto-create-topic': 'a send to an unknown topic creates it',
  'auto-create-group': 'a pull or heartbeat of an unknown group creates it',
  'fast-port': 'the second listening port (listen port - 2)',
  'binary-header': 'headers in the ROCKETMQ serialization',
  'trace-topic': 'RMQ_SYS_TRACE_TOPIC',
  'namesrv-admin': 'KV configuration and topic deletion at the name server',
  'config-read': 'GET_BROKER_CONFIG',
  'config-write': 'UPDATE_BROKER_CONFIG',
  'acl': 'authentication switched on, with the credentials given to the kit',
  'grpc': 'a gRPC endpoint was given (--grpc)',
  'store-dir': 'the store directory was given (--store)',
  'local': 'the endpoint runs on this machine and was started by the kit (--start)',
} as const;

export type Feature = keyof typeof features;

export const featureNames = Object.keys(features) as readonly Feature[];
