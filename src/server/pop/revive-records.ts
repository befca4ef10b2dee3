/**
 * What lies on the revive topic: check points ("ck": these messages were given to a group until a time), acknowledgements ("ack") and
 * acknowledgements of several ("bAck"), as Apache writes them (`PopCheckPoint`, `AckMsg`, `BatchAckMsg`). Bodies are JSON, members in alphabetical order.
 *
 *   ck    {"bm":0,"bn":broker,"c":group,"d":[offset - so, ...],"it":ms,"n":count,"pt":ms,"q":queueId,"reviveTime":pt+it,"ro":0,["rp":"1",]"so":offset,"sp":false,"t":topic}
 *   ack   {"ao":offset,"bn":broker,"c":group,"pt":ms,"q":queueId,"so":offset,"t":topic}
 *   bAck  the same with "ao":-1,"aol":[offset, ...]
 */
import { boolOf, intOf, isMap, longOf, longValue, textOf } from '../../codec/json-members.js';
import { readJson, writeJson } from '../../compat/fastjson.js';
import type { JsonMap, JsonValue } from '../../compat/fastjson.js';

/** `PopAckConstants`. */
export const reviveTags = { CK: 'ck', ACK: 'ack', BATCH_ACK: 'bAck' } as const;
export const reviveGroup = 'CID_RMQ_SYS_REVIVE_GROUP';

/** `PopAckConstants#buildClusterReviveTopic`. */
export function reviveTopicOf(cluster: string): string {
  return `rmq_sys_REVIVE_LOG_${cluster}`;
}

/** A check point is due at popTime + invisibleTime; its record is delivered this much earlier (`PopAckConstants#ackTimeInterval`, ms). */
export const checkPointLeadMs = 1000;

/** Messages one check point can name: bits of its bit map. */
export const checkPointMessagesMax = 32;

/** Messages of one group from one queue that are invisible until `popTime + invisibleTime`. */
export interface CheckPoint {
  readonly topic: string;
  readonly group: string;
  readonly queueId: number;
  readonly startOffset: number;
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly brokerName: string;
  /** Bit i: message i is acknowledged. */
  readonly bitMap: number;
  /** Offset of message i less startOffset. */
  readonly diffs: readonly number[];
  /** How often it was put again because its messages could not be. */
  readonly rePutTimes: number;
  /** Taking the messages back does not count as a delivery (5.5). */
  readonly suspend: boolean;
}

export interface AckRecord {
  readonly topic: string;
  readonly group: string;
  readonly queueId: number;
  readonly startOffset: number;
  readonly popTime: number;
  readonly brokerName: string;
  readonly offsets: readonly number[];
  /** More than one may be named: a "bAck". */
  readonly batch: boolean;
}

/** What joins acknowledgements to their check point. */
export function mergeKey(record: CheckPoint | AckRecord): string {
  return `${record.topic}@${record.group}@${record.queueId}@${record.startOffset}@${record.popTime}@${record.brokerName}`;
}

export function reviveTimeOf(ck: CheckPoint): number {
  return ck.popTime + ck.invisibleTime;
}

/** `PopMessageProcessor#genCkUniqueId`. */
export function checkPointKey(ck: CheckPoint): string {
  return `${ck.topic}@${ck.queueId}@${ck.startOffset}@${ck.group}@${ck.popTime}@${ck.brokerName}@${reviveTags.CK}`;
}

/** `PopMessageProcessor#genAckUniqueId`, which Apache gives batches too, with -1 for the offset. */
export function ackKey(ack: AckRecord): string {
  return `${ack.topic}@${ack.queueId}@${ackOffsetOf(ack)}@${ack.group}@${ack.popTime}@${ack.brokerName}@${reviveTags.ACK}`;
}

function ackOffsetOf(ack: AckRecord): number {
  return ack.batch ? -1 : (ack.offsets[0] ?? -1);
}

export function encodeCheckPoint(ck: CheckPoint): Buffer {
  const rp = ck.rePutTimes > 0 ? { rp: String(ck.rePutTimes) } : {};
  return Buffer.from(writeJson({
    bm: ck.bitMap, bn: ck.brokerName, c: ck.group, d: ck.diffs, it: ck.invisibleTime, n: ck.diffs.length, pt: ck.popTime, q: ck.queueId,
    reviveTime: reviveTimeOf(ck), ro: 0, ...rp, so: ck.startOffset, sp: ck.suspend, t: ck.topic,
  }), 'utf8');
}

export function encodeAck(ack: AckRecord): Buffer {
  // Put together by hand: one for each message that is acknowledged, a tenth of what that costs otherwise.
  const aol = ack.batch ? `"aol":[${ack.offsets.join(',')}],` : '';
  return Buffer.from(`{"ao":${ackOffsetOf(ack)},${aol}"bn":${writeJson(ack.brokerName)},"c":${writeJson(ack.group)},"pt":${ack.popTime},"q":${ack.queueId},"so":${ack.startOffset},`
    + `"t":${writeJson(ack.topic)}}`, 'utf8');
}

/** Records are far smaller; one that is not came from somewhere else. */
const recordCharsMax = 65_536;

function objectOf(text: string): JsonMap | undefined {
  if (text.length > recordCharsMax) return undefined;
  try {
    const value = readJson(text, recordCharsMax);
    return isMap(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function numbersOf(map: JsonMap, name: string): number[] | undefined {
  const value = map.get(name);
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const numbers: number[] = [];
  for (const item of value as readonly JsonValue[]) {
    const number = longValue(item);
    if (number === undefined) return undefined;
    numbers.push(number);
  }
  return numbers;
}

/** Undefined when the body is no check point that could be followed. Old ones name no differences: their messages lie side by side. */
export function decodeCheckPoint(text: string): CheckPoint | undefined {
  const map = objectOf(text);
  if (map === undefined) return undefined;
  const topic = textOf(map, 't');
  const group = textOf(map, 'c');
  let diffs = numbersOf(map, 'd');
  const num = intOf(map, 'n', 0);
  if (topic === undefined || group === undefined || diffs === undefined || num < 0 || num > 127) return undefined;
  if (diffs.length === 0) diffs = Array.from({ length: num }, (_, i) => i);
  if (diffs.length > checkPointMessagesMax || diffs.some((diff) => diff < 0)) return undefined;
  const rePut = Number(textOf(map, 'rp') ?? '0');
  return {
    topic, group, diffs,
    queueId: intOf(map, 'q', 0),
    startOffset: longOf(map, 'so', 0),
    popTime: longOf(map, 'pt', 0),
    invisibleTime: longOf(map, 'it', 0),
    brokerName: textOf(map, 'bn') ?? '',
    bitMap: intOf(map, 'bm', 0),
    rePutTimes: Number.isInteger(rePut) && rePut >= 0 ? rePut : 0,
    suspend: boolOf(map, 'sp', false),
  };
}

/** Undefined when the body is no acknowledgement. Apache's long names of the members are read too. */
export function decodeAck(text: string, batch: boolean): AckRecord | undefined {
  const map = objectOf(text);
  if (map === undefined) return undefined;
  const topic = textOf(map, 't') ?? textOf(map, 'topic');
  const group = textOf(map, 'c') ?? textOf(map, 'consumerGroup');
  if (topic === undefined || group === undefined) return undefined;
  const long = (short: string, name: string): number => longOf(map, map.has(short) ? short : name, 0);
  const offsets = batch ? (numbersOf(map, 'aol') ?? numbersOf(map, 'ackOffsetList')) : [long('ao', 'ackOffset')];
  if (offsets === undefined) return undefined;
  return {
    topic, group, offsets, batch,
    queueId: long('q', 'queueId'),
    startOffset: long('so', 'startOffset'),
    popTime: long('pt', 'popTime'),
    brokerName: textOf(map, 'bn') ?? textOf(map, 'brokerName') ?? '',
  };
}
