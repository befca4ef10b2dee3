/** A stored message made by hand, for tests. */
import { crc32 } from 'node:zlib';
import { encodeProperties, type Properties } from '../../wire/properties.js';
import { recordMagicV1 } from '../../wire/record.js';

export interface Sample {
  readonly body?: string;
  readonly topic?: string;
  readonly properties?: Properties;
  readonly queueOffset?: number;
  readonly bornPort?: number;
  readonly storePort?: number;
}

/** The bytes of one record, V1, both hosts 127.0.0.1. */
export function sampleRecord(sample: Sample = {}): Buffer {
  const body = Buffer.from(sample.body ?? 'body');
  const topic = Buffer.from(sample.topic ?? 'T');
  const properties = Buffer.from(encodeProperties(sample.properties ?? {}));
  const out = Buffer.alloc(88 + body.length + 1 + topic.length + 2 + properties.length);
  out.writeInt32BE(out.length, 0);
  out.writeUInt32BE(recordMagicV1, 4);
  out.writeInt32BE(crc32(body) & 0x7fffffff, 8);
  out.writeBigInt64BE(BigInt(sample.queueOffset ?? 0), 20);
  for (const [at, port] of [[48, sample.bornPort ?? 1], [64, sample.storePort ?? 2]] as const) {
    out.writeUInt32BE(0x7f000001, at);
    out.writeInt32BE(port, at + 4);
  }
  out.writeInt32BE(1, 72);
  out.writeInt32BE(body.length, 84);
  body.copy(out, 88);
  out.writeUInt8(topic.length, 88 + body.length);
  topic.copy(out, 89 + body.length);
  out.writeUInt16BE(properties.length, 89 + body.length + topic.length);
  properties.copy(out, 91 + body.length + topic.length);
  return out;
}
