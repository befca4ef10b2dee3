/** Response codes of Apache RocketMQ 5.5.0 (`ResponseCode`, `RemotingSysResponseCode`), and who uses each. Data only. */
export const responseCodes = {
  /** broker-internal rpc client */
  RPC_TIME_OUT: -1006,
  /** broker-internal rpc client */
  RPC_SEND_TO_CHANNEL_FAILED: -1004,
  /** broker-internal rpc client */
  RPC_ADDR_IS_NULL: -1002,
  /** broker-internal rpc client */
  RPC_UNKNOWN: -1000,
  /** everywhere; also PULL_MESSAGE/POP_MESSAGE with messages */
  SUCCESS: 0,
  /** generic failure; also the initial code of every new response; exceptions in a processor; "no consumer for this group" (GET_CONSUMER_LIST_BY_GROUP); namesrv "crc32 not match", "disable"; OS page cache reject never uses this (see SYSTEM_BUSY) */
  SYSTEM_ERROR: 1,
  /** queue-full rejection in the netty layer; fast failure ([TIMEOUT_CLEAN_QUEUE], [PCBUSY_CLEAN_QUEUE]); rejectRequest (page cache busy / transient pool deficient: "[REJECTREQUEST]..."); OS_PAGE_CACHE_BUSY put status; PULL with cold-data flow control; proxy executor overload */
  SYSTEM_BUSY: 2,
  /** no processor for the code (netty layer, or default branch of admin/namesrv/controller processors) */
  REQUEST_CODE_NOT_SUPPORTED: 3,
  /** defined; no user found in 5.5.0 */
  TRANSACTION_FAILED: 4,
  /** SEND_*: message stored, sync flush did not finish in time (client treats as a successful send with that status) */
  FLUSH_DISK_TIMEOUT: 10,
  /** SEND_*: stored, no slave / not enough in-sync replicas known; also END_TRANSACTION and RECALL_MESSAGE when the broker is not a master (slave role) */
  SLAVE_NOT_AVAILABLE: 11,
  /** SEND_*: stored, slave sync timed out */
  FLUSH_SLAVE_TIMEOUT: 12,
  /** SEND_* put status MESSAGE_ILLEGAL/PROPERTIES_SIZE_EXCEEDED/WHEEL_TIMER_MSG_ILLEGAL; ACK/CHANGE_INVISIBLE with queueId out of range; END_TRANSACTION op failures; client-side validation errors */
  MESSAGE_ILLEGAL: 13,
  /** SEND_*: put status SERVICE_NOT_AVAILABLE/CREATE_MAPPED_FILE_FAILED-adjacent (store not writable, disk full, slave); END_TRANSACTION, RECALL when store refuses */
  SERVICE_NOT_AVAILABLE: 14,
  /** proxy remoting only (client version too old for the feature) */
  VERSION_NOT_SUPPORTED: 15,
  /** broker/topic not writable or readable, group consume disabled, auth failures (authentication and authorization pipeline), config black list, send to a disallowed system topic... (see semantics.md) */
  NO_PERMISSION: 16,
  /** topic unknown on broker (send without auto-create, pull, pop, ack, admin) or no route on name server */
  TOPIC_NOT_EXIST: 17,
  /** defined; no user found in 5.5.0 */
  TOPIC_EXIST_ALREADY: 18,
  /** PULL: no new message (after long-poll expiry, or suspend disabled); PEEK none */
  PULL_NOT_FOUND: 19,
  /** PULL: nothing matched the filter up to nextBeginOffset, message being removed, or offset needs re-pull */
  PULL_RETRY_IMMEDIATELY: 20,
  /** PULL: offset illegal (too small/overflow/no queue with offset != 0); client uses nextBeginOffset */
  PULL_OFFSET_MOVED: 21,
  /** QUERY_CONSUMER_OFFSET without offset; QUERY_MESSAGE none; namesrv KV missing */
  QUERY_NOT_FOUND: 22,
  /** bad filter expression in PULL/POP/NOTIFICATION/CHECK_CLIENT_CONFIG */
  SUBSCRIPTION_PARSE_FAILED: 23,
  /** PULL (subscription flag off): group or its subscription unknown to the broker */
  SUBSCRIPTION_NOT_EXIST: 24,
  /** PULL (subscription flag off): broker has an older subVersion than the request */
  SUBSCRIPTION_NOT_LATEST: 25,
  /** group config missing (auto-create off) */
  SUBSCRIPTION_GROUP_NOT_EXIST: 26,
  /** PULL with SQL filter, flag off: ConsumerFilterData missing */
  FILTER_DATA_NOT_EXIST: 27,
  /** PULL with SQL filter: client version older than stored filter data */
  FILTER_DATA_NOT_LATEST: 28,
  /** bad queueId, too many messages asked for, bad topic name, etc. */
  INVALID_PARAMETER: 29,
  /** defined, unused */
  TRANSACTION_SHOULD_COMMIT: 200,
  /** defined, unused */
  TRANSACTION_SHOULD_ROLLBACK: 201,
  /** defined, unused */
  TRANSACTION_STATE_UNKNOW: 202,
  /** defined, unused */
  TRANSACTION_STATE_GROUP_WRONG: 203,
  /** client only: DefaultMQProducer retry list */
  NO_BUYER_ID: 204,
  /** client only: DefaultMQProducer retry list */
  NOT_IN_CURRENT_UNIT: 205,
  /** broker calling a client (running info, consume directly, reset offset) that is not connected */
  CONSUMER_NOT_ONLINE: 206,
  /** broker -> client relay timed out */
  CONSUME_MSG_TIMEOUT: 207,
  /** ACK / CHANGE_INVISIBLE: offset outside [min,max] of the queue */
  NO_MESSAGE: 208,
  /** POP/POP_LITE: too many pending long polls */
  POLLING_FULL: 209,
  /** POP/POP_LITE: no message before poll time ended, or request already too old */
  POLLING_TIMEOUT: 210,
  /** defined; no user found */
  BROKER_NOT_EXIST: 211,
  /** defined; no user found */
  BROKER_DISPATCH_NOT_COMPLETE: 212,
  /** admin tool only */
  BROADCAST_CONSUMPTION: 213,
  /** clients honour it on pull (back off); no server in 5.5.0 emits it from these modules */
  FLOW_CONTROL: 215,
  /** static topic: this broker is not the leader of the logical queue */
  NOT_LEADER_FOR_QUEUE: 501,
  /** RECALL_MESSAGE bad handle/feature off, lite subscription body empty/group disabled, ACK of lite message rejected, END_TRANSACTION variants (see semantics) */
  ILLEGAL_OPERATION: 604,
  /** netty server while shutting down; client reconnects and retries (only sent to client version >= V5_3_1 ordinal, see note in semantics) */
  GO_AWAY: 1500,
  /** alter sync state set with a stale master epoch */
  CONTROLLER_FENCED_MASTER_EPOCH: 2000,
  /** alter sync state set with a stale set epoch */
  CONTROLLER_FENCED_SYNC_STATE_SET_EPOCH: 2001,
  /** controller responses */
  CONTROLLER_INVALID_MASTER: 2002,
  /** controller responses */
  CONTROLLER_INVALID_REPLICAS: 2003,
  /** no master currently elected */
  CONTROLLER_MASTER_NOT_AVAILABLE: 2004,
  /** controller responses */
  CONTROLLER_INVALID_REQUEST: 2005,
  /** controller responses */
  CONTROLLER_BROKER_NOT_ALIVE: 2006,
  /** controller replica is not the raft leader */
  CONTROLLER_NOT_LEADER: 2007,
  /** controller responses */
  CONTROLLER_BROKER_METADATA_NOT_EXIST: 2008,
  /** controller responses */
  CONTROLLER_INVALID_CLEAN_BROKER_METADATA: 2009,
  /** elect/alter for a broker unknown to the controller */
  CONTROLLER_BROKER_NEED_TO_BE_REGISTERED: 2010,
  /** elect master refused: current master alive (response still carries the master) */
  CONTROLLER_MASTER_STILL_EXIST: 2011,
  /** no candidate */
  CONTROLLER_ELECT_MASTER_FAILED: 2012,
  /** controller responses */
  CONTROLLER_ALTER_SYNC_STATE_SET_FAILED: 2013,
  /** apply broker id that is taken */
  CONTROLLER_BROKER_ID_INVALID: 2014,
  /** controller responses */
  CONTROLLER_JRAFT_INTERNAL_ERROR: 2015,
  /** controller responses */
  CONTROLLER_BROKER_LIVE_INFO_NOT_EXISTS: 2016,
  /** SEND_*: LMQ queue count limit with enableLmqQuota; proxy maps to gRPC code LITE_TOPIC_QUOTA_EXCEEDED */
  LMQ_QUOTA_EXCEEDED: 2017,
  /** LITE_SUBSCRIPTION_CTL over quota; proxy maps to LITE_SUBSCRIPTION_QUOTA_EXCEEDED */
  LITE_SUBSCRIPTION_QUOTA_EXCEEDED: 2018,
  /** defined; no user found in 5.5.0 */
  USER_NOT_EXIST: 3001,
  /** defined; no user found in 5.5.0 */
  POLICY_NOT_EXIST: 3002,
} as const;

export type ResponseCodeName = keyof typeof responseCodes;
export type ResponseCode = (typeof responseCodes)[ResponseCodeName];

const names = new Map<number, ResponseCodeName>((Object.keys(responseCodes) as ResponseCodeName[]).map((n) => [responseCodes[n], n]));

/** The name of a response code, or undefined. */
export function responseName(code: number): ResponseCodeName | undefined {
  return names.get(code);
}
