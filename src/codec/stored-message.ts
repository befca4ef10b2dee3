// The friendly form of a stored message, with strings and a property map: for admin answers, retries, delays and tests.
// The send and pull paths never make one; they use message-record.ts on the bytes.
import { encodeOffsetMessageId } from '../compat/message-id.js';
import { decompress } from './compression.js';
import { hostText, parseHost } from './host-address.js';
import { viewOf } from './int64.js';
import { encodeRecord, readRecord, RecordFields, recordLengthOf, RecordView, sealRecordCrc, storedPropertiesBytes, topicBytesMaxV2 } from './message-record.js';
import { formatProperties, parseProperties, propertiesBytesMax } from './properties.js';
import { compressionType, isCompressed, withoutCompression } from './sys-flag.js';

export interface StoredMessage {
  topic: string;
  queueId: number;
  flag: number;
  queueOffset: number;
  phyOffset: number;
  sysFlag: number;
  bornTimestamp: number;
  /** "ip:port". */
  bornHost: string;
  storeTimestamp: number;
  /** "ip:port". */
  storeHost: string;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  /** As stored: compressed when the sysFlag says so. */
  body: Buffer;
  properties: Map<string, string>;
}

export interface DecodedMessage extends StoredMessage {
  /** Bytes of the record. */
  storeSize: number;
  bodyCrc: number;
  /** Offset message id: store host and commit log offset. */
  msgId: string;
}

/** The message that a view stands on after `readRecord` said `record`. The body is a slice of the view's bytes, not a copy. */
export function decodeMessage(record: RecordView): DecodedMessage {
  const bytes = record.bytes;
  const text = (start: number, end: number): string => Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
  const address = bytes.subarray(record.storeHostStart, record.storeHostEnd - 4);
  return {
    topic: text(record.topicStart, record.topicEnd),
    queueId: record.queueId,
    flag: record.flag,
    queueOffset: record.queueOffset,
    phyOffset: record.phyOffset,
    sysFlag: record.sysFlag,
    bornTimestamp: record.bornTimestamp,
    bornHost: hostText(bytes.subarray(record.bornHostStart, record.bornHostEnd)),
    storeTimestamp: record.storeTimestamp,
    storeHost: hostText(bytes.subarray(record.storeHostStart, record.storeHostEnd)),
    reconsumeTimes: record.reconsumeTimes,
    preparedTransactionOffset: record.preparedTransactionOffset,
    body: Buffer.from(bytes.buffer, bytes.byteOffset + record.bodyStart, record.bodyEnd - record.bodyStart),
    properties: parseProperties(text(record.propertiesStart, record.propertiesEnd)),
    storeSize: record.size,
    bodyCrc: record.bodyCrc,
    msgId: encodeOffsetMessageId(address, record.view.getInt32(record.storeHostEnd - 4), record.phyOffset),
  };
}

export type Inflated = { readonly ok: true; readonly message: StoredMessage } | { readonly ok: false; readonly reason: string };

/**
 * The message with its body decompressed and the compressed bit cleared, as a consumer sees it; itself when it is not compressed.
 * @param bodyBytesMax limit of the decompressed body; a body beyond it is refused without being made
 */
export async function inflateMessage(message: StoredMessage, bodyBytesMax: number): Promise<Inflated> {
  if (!isCompressed(message.sysFlag)) return { ok: true, message };
  const type = compressionType(message.sysFlag);
  if (type === undefined) return { ok: false, reason: `sysFlag ${message.sysFlag} names an unknown compression` };
  const result = await decompress(type, message.body, bodyBytesMax);
  if (!result.ok) return { ok: false, reason: result.detail };
  return { ok: true, message: { ...message, sysFlag: withoutCompression(message.sysFlag), body: result.bytes } };
}

const messageDefaults = {
  queueId: 0,
  flag: 0,
  queueOffset: 0,
  phyOffset: 0,
  sysFlag: 0,
  bornTimestamp: 0,
  bornHost: '127.0.0.1:0',
  storeTimestamp: 0,
  storeHost: '127.0.0.1:0',
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
} as const;

/**
 * The record of a message; what is left out is 0, empty or 127.0.0.1:0. The sysFlag's host bits follow the hosts.
 * @param sealed end the record with the CRC property (`enabledAppendPropCRC`)
 * @throws RangeError naming the field, when a host is not "ip:port" or the topic or the properties are too long
 */
export function encodeMessage(message: Partial<StoredMessage> & { readonly topic: string }, sealed = false): Buffer {
  const whole = { ...messageDefaults, ...message };
  const fields = new RecordFields();
  fields.queueId = whole.queueId;
  fields.flag = whole.flag;
  fields.queueOffset = whole.queueOffset;
  fields.phyOffset = whole.phyOffset;
  fields.sysFlag = whole.sysFlag;
  fields.bornTimestamp = whole.bornTimestamp;
  fields.bornHost = hostField('bornHost', whole.bornHost);
  fields.storeTimestamp = whole.storeTimestamp;
  fields.storeHost = hostField('storeHost', whole.storeHost);
  fields.reconsumeTimes = whole.reconsumeTimes;
  fields.preparedTransactionOffset = whole.preparedTransactionOffset;
  fields.topic = Buffer.from(whole.topic, 'utf8');
  if (whole.body !== undefined) {
    fields.body = whole.body;
    fields.bodyEnd = whole.body.length;
  }
  fields.properties = Buffer.from(formatProperties(whole.properties ?? []), 'utf8');
  fields.propertiesEnd = fields.properties.length;
  fields.reserveCrc = sealed;
  if (fields.topic.length > topicBytesMaxV2) throw new RangeError(`topic: at most ${topicBytesMaxV2} bytes, not ${fields.topic.length}`);
  if (storedPropertiesBytes(fields) > propertiesBytesMax) {
    throw new RangeError(`properties: at most ${propertiesBytesMax} bytes, not ${storedPropertiesBytes(fields)}`);
  }
  const bytes = Buffer.alloc(recordLengthOf(fields));
  encodeRecord(bytes, viewOf(bytes), 0, fields);
  if (sealed) sealRecordCrc(bytes, 0, bytes.length);
  return bytes;
}

function hostField(name: string, text: string): Uint8Array {
  const host = parseHost(text);
  if (host === undefined) throw new RangeError(`${name}: expected "ip:port", got ${JSON.stringify(text)}`);
  return host;
}

export interface SplitRecords {
  /** [start, end) of each record, in order. */
  readonly spans: readonly (readonly [number, number])[];
  /** Why the rest could not be read, and where it begins; absent when the bytes hold whole records only. */
  readonly fault?: { readonly reason: string; readonly position: number };
}

/** Splits concatenated records, such as the body of a PULL_MESSAGE answer. */
export function splitRecords(bytes: Uint8Array): SplitRecords {
  const record = new RecordView();
  const spans: [number, number][] = [];
  let position = 0;
  while (position < bytes.length) {
    const outcome = readRecord(record, bytes, position, bytes.length);
    if (outcome !== 'record') {
      return { spans, fault: { reason: outcome === 'bad' ? record.reason : `expected a record, found ${outcome} bytes`, position } };
    }
    spans.push([position, position + record.size]);
    position += record.size;
  }
  return { spans };
}

export interface DecodedMessages {
  readonly messages: readonly DecodedMessage[];
  readonly fault?: { readonly reason: string; readonly position: number };
}

/** All messages of concatenated records (`MessageDecoder#decodes`); bodies are slices of `bytes`. */
export function decodeMessages(bytes: Uint8Array): DecodedMessages {
  const { spans, fault } = splitRecords(bytes);
  const record = new RecordView();
  const messages = spans.map(([start, end]) => {
    readRecord(record, bytes, start, end);
    return decodeMessage(record);
  });
  return fault === undefined ? { messages } : { messages, fault };
}
