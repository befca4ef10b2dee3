/** Stored messages as bytes, for altering one field of one: where each part lies, and records with another body or properties. */
import { crc32 } from 'node:zlib';
import { decodeProperties, encodeProperties } from '../wire/properties.js';
import { recordMagicV1, recordMagicV2 } from '../wire/record.js';

/** Positions and lengths inside one record, bytes. */
export interface Layout {
  readonly bornHost: { readonly at: number; readonly bytes: number };
  readonly storeTimestamp: number;
  readonly storeHost: { readonly at: number; readonly bytes: number };
  readonly reconsumeTimes: number;
  readonly body: { readonly at: number; readonly bytes: number };
  readonly properties: { readonly at: number; readonly bytes: number };
}

/** Fixed positions. */
export const at = { crc: 8, queueId: 12, flag: 16, queueOffset: 20, phyOffset: 28, sysFlag: 36, bornTimestamp: 40 } as const;

/** The records that a body is made of; undefined for a body that is none. */
export function recordsIn(body: Buffer): readonly Buffer[] | undefined {
  const out: Buffer[] = [];
  for (let from = 0; from < body.length; ) {
    if (body.length - from < 91) return undefined;
    const size = body.readInt32BE(from);
    const magic = body.readUInt32BE(from + 4);
    if (size < 91 || from + size > body.length || (magic !== recordMagicV1 && magic !== recordMagicV2)) return undefined;
    const record = body.subarray(from, from + size);
    try {
      layoutOf(record);
    } catch {
      return undefined;
    }
    out.push(record);
    from += size;
  }
  return out.length === 0 ? undefined : out;
}

/** Where the parts of a record lie. @throws RangeError when its lengths point past its end. */
export function layoutOf(record: Buffer): Layout {
  const sysFlag = record.readInt32BE(at.sysFlag);
  const bornHost = { at: 48, bytes: (sysFlag & 0x10) === 0 ? 8 : 20 };
  const storeTimestamp = bornHost.at + bornHost.bytes;
  const storeHost = { at: storeTimestamp + 8, bytes: (sysFlag & 0x20) === 0 ? 8 : 20 };
  const reconsumeTimes = storeHost.at + storeHost.bytes;
  const bodyAt = reconsumeTimes + 16;
  const body = { at: bodyAt, bytes: record.readInt32BE(bodyAt - 4) };
  const topicAt = body.at + body.bytes;
  const propertiesLengthAt = record.readUInt32BE(4) === recordMagicV1 ? topicAt + 1 + record.readUInt8(topicAt) : topicAt + 2 + record.readUInt16BE(topicAt);
  const properties = { at: propertiesLengthAt + 2, bytes: record.readUInt16BE(propertiesLengthAt) };
  if (body.bytes < 0 || properties.at + properties.bytes !== record.length) throw new RangeError('the parts of the record end elsewhere');
  return { bornHost, storeTimestamp, storeHost, reconsumeTimes, body, properties };
}

/** A copy to be altered. */
export function altered(record: Buffer, alter: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(record);
  alter(copy);
  return copy;
}

/** The record with its body altered in place (same length); `mendCrc` makes the CRC that of the new body. */
export function withBody(record: Buffer, alter: (body: Buffer) => void, mendCrc: boolean): Buffer {
  return altered(record, (copy) => {
    const { body } = layoutOf(copy);
    const bytes = copy.subarray(body.at, body.at + body.bytes);
    alter(bytes);
    if (mendCrc) copy.writeInt32BE(crc32(bytes) & 0x7fffffff, at.crc);
  });
}

/** The properties of a record. */
export function propertiesOf(record: Buffer): Record<string, string> {
  return decodeProperties(record.toString('utf8', layoutOf(record).properties.at));
}

/** The record with other properties; its size follows. */
export function withProperties(record: Buffer, alter: (properties: Record<string, string>) => void): Buffer {
  const { properties } = layoutOf(record);
  const values = propertiesOf(record);
  alter(values);
  const text = Buffer.from(encodeProperties(values), 'utf8');
  const out = Buffer.concat([record.subarray(0, properties.at), text]);
  out.writeUInt16BE(text.length, properties.at - 2);
  out.writeInt32BE(out.length, 0);
  return out;
}

/** `queueOffset` of a record. */
export function queueOffsetOf(record: Buffer): number {
  return Number(record.readBigInt64BE(at.queueOffset));
}
