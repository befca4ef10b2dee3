/** The topic a client under test works with: a few queues of stored messages in memory, and the group's offsets. Wire form only. */
import { crc32 } from 'node:zlib';
import { decodeProperties, encodeProperties, type Properties } from '../wire/properties.js';

/** A message as a client sent it, or as the kit laid it ready. */
export interface NewMessage {
  readonly topic: string;
  readonly queueId: number;
  readonly body: Buffer;
  readonly properties: Properties;
  readonly sysFlag?: number;
  readonly flag?: number;
  readonly bornTimestamp?: number;
  readonly reconsumeTimes?: number;
}

/** One stored message: its record (layout in `wire/record.ts`, V1) and where it stands. */
export interface Stored extends NewMessage {
  readonly queueOffset: number;
  readonly phyOffset: number;
  readonly record: Buffer;
}

/** Messages a topic keeps at most; what is beyond is refused. */
export const messagesMax = 10_000;

/** The stored record of a message, host 127.0.0.1. */
export function encodeRecord(message: NewMessage, queueOffset: number, phyOffset: number, port: number): Buffer {
  const properties = Buffer.from(encodeProperties(message.properties), 'utf8');
  const topic = Buffer.from(message.topic, 'utf8');
  const out = Buffer.alloc(91 + message.body.length + topic.length + properties.length);
  out.writeInt32BE(out.length, 0);
  out.writeUInt32BE(0xdaa320a7, 4);
  out.writeInt32BE(crc32(message.body) & 0x7fffffff, 8);
  out.writeInt32BE(message.queueId, 12);
  out.writeInt32BE(message.flag ?? 0, 16);
  out.writeBigInt64BE(BigInt(queueOffset), 20);
  out.writeBigInt64BE(BigInt(phyOffset), 28);
  out.writeInt32BE((message.sysFlag ?? 0) & ~0x30, 36);
  out.writeBigInt64BE(BigInt(message.bornTimestamp ?? Date.now()), 40);
  Buffer.from([127, 0, 0, 1]).copy(out, 48);
  out.writeInt32BE(40_000, 52);
  out.writeBigInt64BE(BigInt(Date.now()), 56);
  Buffer.from([127, 0, 0, 1]).copy(out, 64);
  out.writeInt32BE(port, 68);
  out.writeInt32BE(message.reconsumeTimes ?? 0, 72);
  out.writeBigInt64BE(0n, 76);
  out.writeInt32BE(message.body.length, 84);
  let at = 88 + message.body.copy(out, 88);
  out.writeUInt8(topic.length, at);
  at += 1 + topic.copy(out, at + 1);
  out.writeUInt16BE(properties.length, at);
  properties.copy(out, at + 2);
  return out;
}

/** One broker's queues. Offsets begin at `firstOffset`. */
export class Queues {
  readonly port: number;
  readonly firstOffset: number;
  private readonly queues = new Map<string, Stored[]>();
  private readonly byPhyOffset = new Map<number, Stored>();
  private phyOffset = 4096;

  constructor(port: number, firstOffset = 0) {
    this.port = port;
    this.firstOffset = firstOffset;
  }

  /** Stores; undefined when the broker is full. */
  put(message: NewMessage): Stored | undefined {
    if (this.byPhyOffset.size >= messagesMax) return undefined;
    const queue = this.queue(message.topic, message.queueId);
    const queueOffset = this.firstOffset + queue.length;
    const stored: Stored = { ...message, queueOffset, phyOffset: this.phyOffset, record: encodeRecord(message, queueOffset, this.phyOffset, this.port) };
    this.phyOffset += stored.record.length;
    queue.push(stored);
    this.byPhyOffset.set(stored.phyOffset, stored);
    return stored;
  }

  /** The queue's messages from an offset on. */
  from(topic: string, queueId: number, offset: number, max: number): readonly Stored[] {
    const at = Math.max(0, offset - this.firstOffset);
    return this.queue(topic, queueId).slice(at, at + Math.min(Math.max(1, max), 64));
  }

  maxOffset(topic: string, queueId: number): number {
    return this.firstOffset + this.queue(topic, queueId).length;
  }

  at(phyOffset: number): Stored | undefined {
    return this.byPhyOffset.get(phyOffset);
  }

  /** Everything stored under a topic. */
  all(topic: string): readonly Stored[] {
    return [...this.byPhyOffset.values()].filter((one) => one.topic === topic);
  }

  /** The offset message id of a stored message. */
  msgId(stored: Stored): string {
    const id = Buffer.alloc(16);
    Buffer.from([127, 0, 0, 1]).copy(id);
    id.writeInt32BE(this.port, 4);
    id.writeBigInt64BE(BigInt(stored.phyOffset), 8);
    return id.toString('hex').toUpperCase();
  }

  private queue(topic: string, queueId: number): Stored[] {
    const key = `${topic}@${queueId}`;
    const found = this.queues.get(key) ?? [];
    this.queues.set(key, found);
    return found;
  }
}

/** What a send asks for, whichever of its two header forms and of its single and batch bodies it has. */
export interface SendRequest {
  readonly group: string | undefined;
  readonly topic: string | undefined;
  readonly queueId: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly reconsumeTimes: number;
  readonly properties: Properties;
  readonly batch: boolean;
}

const v2: Readonly<Record<string, string>> = { producerGroup: 'a', topic: 'b', queueId: 'e', sysFlag: 'f', bornTimestamp: 'g', properties: 'i', reconsumeTimes: 'j', batch: 'm' };

/** Reads the header of SEND_MESSAGE (long names) or SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE (one letter). */
export function readSend(code: number, ext: Readonly<Record<string, string>>): SendRequest {
  const field = (name: string): string | undefined => ext[code === 10 ? name : (v2[name] ?? name)];
  return {
    group: field('producerGroup'), topic: field('topic'), queueId: Number(field('queueId') ?? NaN), sysFlag: Number(field('sysFlag') ?? NaN),
    bornTimestamp: Number(field('bornTimestamp') ?? NaN), reconsumeTimes: Number(field('reconsumeTimes') ?? 0),
    properties: decodeProperties(field('properties') ?? ''), batch: code === 320 || field('batch') === 'true',
  };
}

/** One element of a batch body. */
export interface BatchPart {
  readonly body: Buffer;
  readonly flag: number;
  readonly properties: Properties;
}

/** The elements of a batch body (layout in `wire/batch.ts`); a text that says what is wrong when it is none. */
export function decodeBatch(bytes: Buffer): BatchPart[] | string {
  const out: BatchPart[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 22 > bytes.length) return `an element at ${at} that is cut`;
    const size = bytes.readInt32BE(at);
    const bodyBytes = bytes.readInt32BE(at + 16);
    if (size < 22 || at + size > bytes.length || bodyBytes < 0 || 22 + bodyBytes > size) return `an element at ${at} of ${size} bytes with a body of ${bodyBytes}`;
    const body = bytes.subarray(at + 20, at + 20 + bodyBytes);
    const propertiesBytes = bytes.readUInt16BE(at + 20 + bodyBytes);
    if (22 + bodyBytes + propertiesBytes !== size) return `an element at ${at} whose parts do not end at its size ${size}`;
    out.push({ body, flag: bytes.readInt32BE(at + 12), properties: decodeProperties(bytes.toString('utf8', at + 22 + bodyBytes, at + size)) });
    at += size;
  }
  return out;
}
