/** SendMessage and RecallMessage (`SendMessageActivity`, `ProducerProcessor`): messages of the schema become the broker's, on a queue of our choice. */
import { encodeBatch } from '../../codec/batch.js';
import {
  encoding, grpcCode, messageType, type Message, type RecallMessageRequest, type RecallMessageResponse, type SendMessageRequest, type SendMessageResponse, type SendResultEntry,
} from '../../codec/grpc-messages.js';
import { formatProperties, propertyNames } from '../../codec/properties.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import { responseCodes } from '../../codec/responses.js';
import { messageSysFlag } from '../../codec/sys-flag.js';
import { consistentHash } from '../../compat/consistent-hash.js';
import { javaStringHash } from '../../compat/java-string-hash.js';
import { readRecallHandle } from '../timer/recall.js';
import { BrokerAway, permWrite, type TopicQueues, type TopicType } from './brokers.js';
import { checkedTopic, type ProxyCall, type ProxyParts } from './context.js';
import { reservedProperties } from './properties.js';
import { commonStatus, GrpcRefusal, statusOfReply, statusOk, type Status } from './status.js';
import { checkedEpochMsOf, checkedMsOf, isTimestamp, msOf } from './time.js';
import type { TransactionTable } from './transactions.js';
import { checkKey, checkLiteTopic, checkMessageGroup, checkTag, hasControlCharacter, proxyLimits } from './validate.js';

type MessageValue = Value<typeof Message>;

function userProperties(message: MessageValue): Map<string, string> {
  const refuse = (text: string): never => {
    throw new GrpcRefusal(grpcCode.ILLEGAL_MESSAGE_PROPERTY_KEY, text);
  };
  if (message.userProperties.size > proxyLimits.userPropertiesMax) {
    throw new GrpcRefusal(grpcCode.MESSAGE_PROPERTIES_TOO_LARGE, `too many user properties, max is ${proxyLimits.userPropertiesMax}`);
  }
  for (const [key, value] of message.userProperties) {
    if (reservedProperties.has(key)) refuse(`property is used by system: ${key}`);
    if (hasControlCharacter(key)) refuse('the key of property cannot contain control character');
    if (hasControlCharacter(value)) refuse('the value of property cannot contain control character');
  }
  return new Map(message.userProperties);
}

/** All properties of a message, in the order of Apache's checks (`SendMessageActivity#buildMessageProperty`). */
function propertiesOf(message: MessageValue, topic: string, peerAddress: string, nowMs: number): Map<string, string> {
  const out = userProperties(message);
  const system = message.systemProperties;
  let size = 0;
  for (const [key, value] of out) size += Buffer.byteLength(key) + Buffer.byteLength(value);
  const tag = system?.tag ?? '';
  checkTag(tag);
  if (tag !== '') out.set(propertyNames.TAGS, tag);
  const keys = system?.keys ?? [];
  for (const key of keys) checkKey(key);
  if (keys.length > 0) out.set(propertyNames.KEYS, keys.join(' '));
  size += Buffer.byteLength(tag) + keys.reduce((sum, key) => sum + Buffer.byteLength(key), 0);
  if (size > proxyLimits.userPropertyBytesMax) {
    throw new GrpcRefusal(grpcCode.MESSAGE_PROPERTIES_TOO_LARGE, `the total size of user property is too large, max is ${proxyLimits.userPropertyBytesMax}`);
  }
  if (system === undefined || system.messageId.trim() === '') throw new GrpcRefusal(grpcCode.ILLEGAL_MESSAGE_ID, 'message id cannot be empty');
  out.set(propertyNames.UNIQ_KEY, system.messageId);
  if (system.messageType === messageType.TRANSACTION) {
    out.set(propertyNames.TRANSACTION_PREPARED, 'true');
    const recovery = system.orphanedTransactionRecoveryDuration;
    if (recovery !== undefined) {
      checkedMsOf(recovery);
      if (recovery.seconds > proxyLimits.transactionRecoverySecondsMax) {
        throw new GrpcRefusal(grpcCode.BAD_REQUEST, `the max transaction recovery time of message is too large, max is ${proxyLimits.transactionRecoverySecondsMax}`);
      }
      out.set(propertyNames.CHECK_IMMUNITY_TIME_IN_SECONDS, String(recovery.seconds));
    }
  }
  if (system.deliveryTimestamp !== undefined) {
    const at = checkedEpochMsOf(system.deliveryTimestamp);
    if (at - nowMs > proxyLimits.delayMsMax) throw new GrpcRefusal(grpcCode.ILLEGAL_DELIVERY_TIME, `the max delay time of message is too large, max is ${proxyLimits.delayMsMax}`);
    out.set('TIMER_DELIVER_MS', String(at));
  }
  if (system.priority !== undefined && system.priority < 0) throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, 'The priority must be greater than or equal to 0');
  if (system.priority !== undefined) out.set(propertyNames.PRIORITY, String(system.priority));
  out.set(propertyNames.RECONSUME_TIME, String(system.deliveryAttempt ?? 0));
  out.set(propertyNames.PRODUCER_GROUP, topic);
  const group = system.messageGroup ?? '';
  if (group !== '') {
    checkMessageGroup(group);
    out.set('__SHARDINGKEY', group);
  }
  if (system.liteTopic !== undefined && system.liteTopic !== '') {
    checkLiteTopic(system.liteTopic);
    out.set('__LITE_TOPIC', system.liteTopic);
  }
  if (system.traceContext !== undefined && system.traceContext !== '') out.set('TRACE_CONTEXT', system.traceContext);
  out.set('__BORNHOST', system.bornHost.trim() === '' ? peerAddress : system.bornHost);
  const born = system.bornTimestamp;
  if (born !== undefined && isTimestamp(born)) out.set('BORN_TIMESTAMP', String(msOf(born)));
  return out;
}

/** `TopicMessageType#parseFromMessageProperty`. */
export function messageTypeOf(properties: ReadonlyMap<string, string>): TopicType {
  const has = (...names: readonly string[]): boolean => names.some((name) => properties.has(name));
  if (properties.get(propertyNames.TRANSACTION_PREPARED) === 'true') return 'TRANSACTION';
  if (has(propertyNames.DELAY_TIME_LEVEL, 'TIMER_DELIVER_MS', 'TIMER_DELAY_SEC', 'TIMER_DELAY_MS')) return 'DELAY';
  if (has('__SHARDINGKEY')) return 'FIFO';
  if (has(propertyNames.PRIORITY)) return 'PRIORITY';
  return has('__LITE_TOPIC') ? 'LITE' : 'NORMAL';
}

/** `DefaultTopicMessageTypeValidator#validate`. */
export function checkType(expected: TopicType, actual: TopicType): void {
  if (expected === 'MIXED' || expected === actual) return;
  throw new GrpcRefusal(grpcCode.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, `TopicMessageType validate failed, the expected type is ${expected}, but actual type is ${actual}`);
}

/** What keeps messages of its kind on one queue: the message group, or the lite topic. */
function ordered({ systemProperties }: MessageValue): string {
  const group = systemProperties?.messageGroup ?? '';
  return group !== '' ? group : (systemProperties?.liteTopic ?? '');
}

/** A message with its properties as the broker gets them. */
interface Outgoing {
  readonly message: MessageValue;
  readonly properties: Map<string, string>;
}

type Entry = Partly<Value<typeof SendResultEntry>> & { readonly status: Status };

interface WriteQueue {
  readonly broker: string;
  readonly queueId: number;
}

/** The brokers on which a topic's queues can be written, in the order of Apache's proxy: by broker, then by id (`MessageQueueSelector#buildWrite`). */
function writableOf(queues: TopicQueues): TopicQueues {
  return queues.filter(({ brokerIds, perm, writeQueueNums }) => (perm & permWrite) !== 0 && writeQueueNums > 0 && brokerIds.includes(0));
}

/** How many queues these brokers have to write. */
function countOf(brokers: TopicQueues): number {
  let count = 0;
  for (const { writeQueueNums } of brokers) count += writeQueueNums;
  return count;
}

/** The queue at `index`. @throws GrpcRefusal FORBIDDEN when there is none. */
function queueOf(brokers: TopicQueues, index: number): WriteQueue {
  let queueId = index;
  for (const { brokerName, writeQueueNums } of brokers) {
    if (queueId < writeQueueNums) return { broker: brokerName, queueId };
    queueId -= writeQueueNums;
  }
  throw new GrpcRefusal(grpcCode.FORBIDDEN, 'no writable queue');
}

export class Sender {
  private readonly parts: ProxyParts;
  private readonly transactions: TransactionTable;
  private turn = 0;

  constructor(parts: ProxyParts, transactions: TransactionTable) {
    this.parts = parts;
    this.transactions = transactions;
  }

  async sendMessage(call: ProxyCall, request: Value<typeof SendMessageRequest>): Promise<Partly<Value<typeof SendMessageResponse>>> {
    const { parts } = this;
    const [first] = request.messages;
    if (first === undefined) throw new GrpcRefusal(grpcCode.MESSAGE_CORRUPTED, 'no message to send');
    const name = checkedTopic(parts, first.topic);
    const all = request.messages.map((message) => {
      if (message.topic?.name !== name || message.topic.resourceNamespace !== first.topic?.resourceNamespace) throw new GrpcRefusal(grpcCode.MESSAGE_CORRUPTED, 'topic in message is not same');
      if (message.body.length === 0) throw new GrpcRefusal(grpcCode.MESSAGE_BODY_EMPTY, 'message body cannot be empty');
      if (message.body.length > proxyLimits.bodyBytesMax) throw new GrpcRefusal(grpcCode.MESSAGE_BODY_TOO_LARGE, `message body cannot exceed the max ${proxyLimits.bodyBytesMax}`);
      return { message, properties: propertiesOf(message, name, call.peer.remoteAddress, parts.clock.nowMs()) };
    });
    const head = all[0] as (typeof all)[number];
    checkType(await parts.brokers.topicType(name), messageTypeOf(head.properties));
    // `MessageBatch#generateFromList`
    if (all.length > 1 && all.some(({ properties }) => properties.has('TIMER_DELIVER_MS'))) throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, 'Delayed messages are not supported for batching');
    const group = all.length === 1 ? ordered(first) : '';
    const entry = await this.putSomewhere(call, name, writableOf(await parts.brokers.queuesOf(name) ?? []), group, all);
    return { status: commonStatus([entry.status], 'send status is empty'), entries: [entry] };
  }

  /** A message group has one queue; without one, a broker that cannot be reached leaves the message to another. */
  private async putSomewhere(call: ProxyCall, topic: string, brokers: TopicQueues, group: string, all: readonly Outgoing[]): Promise<Entry> {
    if (group !== '') return this.put(call, topic, queueOf(brokers, consistentHash(javaStringHash(group), Math.max(1, countOf(brokers)))), all);
    let left = brokers;
    for (;;) {
      const usable = left.filter(({ brokerName }) => this.parts.brokers.usable(brokerName));
      const some = usable.length > 0 ? usable : left;
      this.turn = (this.turn + 1) & 0x7fff_ffff;
      const queue = queueOf(some, this.turn % Math.max(1, countOf(some)));
      try {
        return await this.put(call, topic, queue, all);
      } catch (error) {
        left = left.filter(({ brokerName }) => brokerName !== queue.broker);
        if (!(error instanceof BrokerAway) || !error.unsent || left.length === 0) throw error;
      }
    }
  }

  private async put(call: ProxyCall, topic: string, { broker, queueId }: WriteQueue, all: readonly Outgoing[]): Promise<Entry> {
    const { message, properties } = all[0] as (typeof all)[number];
    const system = message.systemProperties;
    const transaction = system?.messageType === messageType.TRANSACTION;
    const sysFlag = (system?.bodyEncoding === encoding.GZIP ? messageSysFlag.COMPRESSED : 0) | (transaction ? messageSysFlag.TRANSACTION_PREPARED : 0);
    const batch = all.length > 1;
    const messageId = all.map((one) => one.message.systemProperties?.messageId ?? '').join(',');
    const header = {
      producerGroup: topic, topic, defaultTopic: 'TBW102', defaultTopicQueueNums: 4, queueId, sysFlag, flag: 0, reconsumeTimes: 0, unitMode: false, batch,
      bornTimestamp: BigInt(properties.get('BORN_TIMESTAMP') ?? this.parts.clock.nowMs()),
      properties: formatProperties(batch ? new Map([[propertyNames.UNIQ_KEY, messageId]]) : properties),
    };
    const body = batch ? encodeBatch(all.map((one) => ({ flag: 0, body: one.message.body, properties: one.properties }))) : message.body;
    const reply = await this.parts.ask('SEND_MESSAGE_V2', call.peer, header, { broker, body, language: call.language });
    const failed = (code: Status['code'], sendStatus: string): { status: Status } => ({ status: { code, message: `send message failed, sendStatus=${sendStatus}` } });
    switch (reply.code) {
      case responseCodes.SUCCESS: break;
      case responseCodes.FLUSH_DISK_TIMEOUT: return failed(grpcCode.MASTER_PERSISTENCE_TIMEOUT, 'FLUSH_DISK_TIMEOUT');
      case responseCodes.FLUSH_SLAVE_TIMEOUT: return failed(grpcCode.SLAVE_PERSISTENCE_TIMEOUT, 'FLUSH_SLAVE_TIMEOUT');
      case responseCodes.SLAVE_NOT_AVAILABLE: return failed(grpcCode.HA_NOT_AVAILABLE, 'SLAVE_NOT_AVAILABLE');
      default: {
        const { code, message: text } = statusOfReply(reply);
        throw new GrpcRefusal(code, text);
      }
    }
    const { msgId, queueOffset, transactionId, recallHandle } = reply.header ?? {};
    const offset = Number(queueOffset ?? 0);
    if (transaction) this.transactions.add({ broker, topic, messageId, transactionId: transactionId ?? messageId, offsetMessageId: msgId ?? '', queueOffset: offset });
    return { status: statusOk, messageId, offset, transactionId: transaction ? (transactionId ?? messageId) : '', recallHandle: recallHandle ?? '' };
  }

  async recallMessage(call: ProxyCall, request: Value<typeof RecallMessageRequest>): Promise<Partly<Value<typeof RecallMessageResponse>>> {
    const topic = checkedTopic(this.parts, request.topic);
    checkType(await this.parts.brokers.topicType(topic), 'DELAY');
    const broker = readRecallHandle(request.recallHandle)?.brokerName;
    const reply = await this.parts.ask('RECALL_MESSAGE', call.peer, { topic, recallHandle: request.recallHandle, producerGroup: topic }, { broker, language: call.language });
    if (reply.code !== responseCodes.SUCCESS) return { status: statusOfReply(reply) };
    return { status: statusOk, messageId: reply.header?.msgId ?? '' };
  }
}
