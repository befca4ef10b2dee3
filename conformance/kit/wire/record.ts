/**
 * Stored messages as PULL, POP, QUERY and VIEW return them (`MessageExtEncoder`, `MessageDecoder#decode`):
 * ```
 *  0 size i32 | 4 magic | 8 body crc | 12 queueId | 16 flag | 20 queueOffset i64 | 28 physical offset i64 | 36 sysFlag | 40 born i64
 * 48 born host 8 or 20 | store time i64 | store host 8 or 20 | reconsume times | prepared transaction offset i64
 *    body len32 | topic len8 (V1) or len16 (V2) | properties len16
 * ```
 */
import { crc32 } from 'node:zlib';
import { decodeProperties, type Properties } from './properties.js';
import { WireViolation } from './violation.js';

export const recordMagicV1 = 0xdaa320a7;
export const recordMagicV2 = 0xdaa320ab;

/** One stored message. */
export interface StoredMessage {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  /** Position in the commit log, bytes. */
  readonly phyOffset: number;
  readonly recordBytes: number;
  readonly magic: number;
  readonly bodyCrc: number;
  /** Whether the record's CRC is that of the body. */
  readonly crcOk: boolean;
  readonly sysFlag: number;
  readonly flag: number;
  readonly bornTimestamp: number;
  /** host:port. */
  readonly bornHost: string;
  readonly storeTimestamp: number;
  readonly storeHost: string;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  /** Upper-case hex of store host and physical offset. */
  readonly msgId: string;
  /** As stored: still compressed when sysFlag says so. */
  readonly body: Buffer;
  readonly properties: Properties;
  /** The properties as they were stored, for cases about their exact form. */
  readonly propertiesText: string;
}

/** Concatenated stored records, as a PULL body carries them. Throws WireViolation on anything that is not one. */
export function decodeRecords(bytes: Buffer): StoredMessage[] {
  const out: StoredMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = at + 4 <= bytes.length ? bytes.readInt32BE(at) : -1;
    if (size < 91 || at + size > bytes.length) throw new WireViolation(`a record of ${size} bytes at ${at} of ${bytes.length}`);
    out.push(decodeRecord(bytes.subarray(at, at + size)));
    at += size;
  }
  return out;
}

/** One stored record, exactly its bytes. Throws WireViolation. */
export function decodeRecord(record: Buffer): StoredMessage {
  try {
    return readRecord(record);
  } catch (error) {
    if (error instanceof RangeError) throw new WireViolation(`a record of ${record.length} bytes whose lengths point past its end`);
    throw error;
  }
}

function readRecord(record: Buffer): StoredMessage {
  const magic = record.readUInt32BE(4);
  if (record.readInt32BE(0) !== record.length) throw new WireViolation(`a record that says ${record.readInt32BE(0)} bytes and has ${record.length}`);
  if (magic !== recordMagicV1 && magic !== recordMagicV2) throw new WireViolation(`record magic 0x${magic.toString(16)}`);
  let at = 0;
  const take = (length: number): Buffer => {
    if (length < 0 || at + length > record.length) throw new RangeError('past the end');
    at += length;
    return record.subarray(at - length, at);
  };
  const fixed = take(48);
  const sysFlag = fixed.readInt32BE(36);
  const bornHost = take((sysFlag & 0x10) === 0 ? 8 : 20);
  const storeTimestamp = Number(take(8).readBigInt64BE(0));
  const storeHost = take((sysFlag & 0x20) === 0 ? 8 : 20);
  const reconsumeTimes = take(4).readInt32BE(0);
  const preparedTransactionOffset = Number(take(8).readBigInt64BE(0));
  const body = Buffer.from(take(take(4).readInt32BE(0)));
  const topic = take(magic === recordMagicV1 ? take(1).readUInt8(0) : take(2).readUInt16BE(0)).toString('utf8');
  const propertiesText = take(take(2).readUInt16BE(0)).toString('utf8');
  if (at !== record.length) throw new WireViolation(`a record of ${record.length} bytes whose parts end at ${at}`);
  const id = Buffer.from(fixed.subarray(28, 36));
  const bodyCrc = fixed.readInt32BE(8);
  return {
    topic, queueId: fixed.readInt32BE(12), flag: fixed.readInt32BE(16), queueOffset: Number(fixed.readBigInt64BE(20)), phyOffset: Number(id.readBigInt64BE(0)),
    recordBytes: record.length, magic, bodyCrc, crcOk: (crc32(body) & 0x7fffffff) === bodyCrc, sysFlag,
    bornTimestamp: Number(fixed.readBigInt64BE(40)), bornHost: hostText(bornHost), storeTimestamp, storeHost: hostText(storeHost),
    reconsumeTimes, preparedTransactionOffset, msgId: Buffer.concat([storeHost, id]).toString('hex').toUpperCase(),
    body, properties: decodeProperties(propertiesText), propertiesText,
  };
}

function hostText(bytes: Buffer): string {
  const address = bytes.subarray(0, bytes.length - 4);
  const host = address.length === 4 ? address.join('.') : `[${(address.toString('hex').match(/.{4}/g) ?? []).join(':')}]`;
  return `${host}:${bytes.readInt32BE(bytes.length - 4)}`;
}

/** The commit log offset in an offset message id of 32 or 56 hex characters; undefined for another text. */
export function phyOffsetOf(msgId: string): number | undefined {
  return /^(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{56})$/.test(msgId) ? Number(Buffer.from(msgId.slice(-16), 'hex').readBigInt64BE(0)) : undefined;
}
