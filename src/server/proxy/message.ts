/** Stored messages as the schema's (`GrpcConverter#buildMessage`). */
import { hash } from 'node:crypto';
import { digestType, encoding, messageType, type Message } from '../../codec/grpc-messages.js';
import { propertyNames } from '../../codec/properties.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import type { DecodedMessage } from '../../codec/stored-message.js';
import { isCompressed } from '../../codec/sys-flag.js';
import { reservedProperties } from './properties.js';
import { timeOf } from './time.js';

/** `TimerDelaySec` and its kin: a timer message is one of type DELAY. */
function typeOf(properties: ReadonlyMap<string, string>): number {
  if (properties.get(propertyNames.TRANSACTION_PREPARED) === 'true') return messageType.TRANSACTION;
  if (properties.has(propertyNames.DELAY_TIME_LEVEL) || properties.has('TIMER_DELIVER_MS') || properties.has('TIMER_DELAY_SEC')) return messageType.DELAY;
  if (properties.has('__SHARDINGKEY')) return messageType.FIFO;
  if (properties.has(propertyNames.PRIORITY)) return messageType.PRIORITY;
  return properties.has('__LITE_TOPIC') ? messageType.LITE : messageType.NORMAL;
}

function deliveryOf(properties: ReadonlyMap<string, string>, nowMs: number): { seconds: number; nanos: number } | undefined {
  const seconds = properties.get('TIMER_DELAY_SEC');
  const at = seconds === undefined ? Number(properties.get('TIMER_DELIVER_MS') ?? NaN) : nowMs + Number(seconds) * 1000;
  return Number.isSafeInteger(at) ? timeOf(at) : undefined;
}

/** Text of a number property; undefined when it is none. */
function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** `namespace%name` parted (`NamespaceUtil`); %RETRY% and %DLQ% stay with the name. */
function resourceOf(topic: string): { resourceNamespace: string; name: string } {
  const match = /^(%RETRY%|%DLQ%)?([^%]+)%(.+)$/.exec(topic);
  return match === null ? { resourceNamespace: '', name: topic } : { resourceNamespace: match[2] ?? '', name: (match[1] ?? '') + (match[3] ?? '') };
}

/**
 * A message for a client.
 * @param handle its receipt handle; undefined for one that is not received (a transaction check)
 */
export function messageOf(message: DecodedMessage, handle: string | undefined, nowMs: number): Partly<Value<typeof Message>> {
  const { properties, body } = message;
  const userProperties = new Map<string, string>();
  for (const [key, value] of properties) if (!reservedProperties.has(key)) userProperties.set(key, value);
  const keys = properties.get(propertyNames.KEYS);
  const dlqTopic = properties.get('DLQ_ORIGIN_TOPIC');
  const dlqMessageId = properties.get('DLQ_ORIGIN_MESSAGE_ID');
  const bornHost = properties.get('__BORNHOST') ?? '';
  return {
    topic: resourceOf(message.topic),
    userProperties,
    body,
    systemProperties: {
      tag: properties.get(propertyNames.TAGS),
      keys: keys === undefined ? [] : keys.split(' '),
      messageId: properties.get(propertyNames.UNIQ_KEY) ?? message.msgId,
      bodyDigest: { type: digestType.MD5, checksum: hash('md5', body).toUpperCase() },
      bodyEncoding: isCompressed(message.sysFlag) ? encoding.GZIP : encoding.IDENTITY,
      messageType: typeOf(properties),
      bornTimestamp: timeOf(message.bornTimestamp),
      bornHost: bornHost.trim() === '' ? message.bornHost.replace(/:\d+$/, '') : bornHost,
      storeTimestamp: timeOf(message.storeTimestamp),
      storeHost: message.storeHost,
      deliveryTimestamp: deliveryOf(properties, nowMs),
      receiptHandle: handle,
      queueId: message.queueId,
      queueOffset: message.queueOffset,
      deliveryAttempt: message.reconsumeTimes + 1,
      messageGroup: properties.get('__SHARDINGKEY'),
      traceContext: properties.get('TRACE_CONTEXT'),
      deadLetterQueue: dlqTopic === undefined || dlqMessageId === undefined ? undefined : { topic: dlqTopic, messageId: dlqMessageId },
      liteTopic: properties.get('__LITE_TOPIC'),
      priority: numberOf(properties.get(propertyNames.PRIORITY)),
    },
  };
}
