/** Binary headers that are wrong on purpose: `RocketMQSerializable`'s layout with every length as a case wants it. */

export interface BinaryParts {
  readonly code?: number;
  readonly language?: number;
  readonly opaque?: number;
  readonly flag?: number;
  readonly remark?: string;
  /** Instead of the true one. */
  readonly remarkLength?: number;
  /** Name, value and, instead of the true ones, the length of the name and of the value. */
  readonly ext?: readonly (readonly [string, string, number?, number?])[];
  /** Instead of the true one. */
  readonly extLength?: number;
}

function int(value: number, bytes: 2 | 4): Buffer {
  const out = Buffer.alloc(bytes);
  out.writeIntBE(value, 0, bytes);
  return out;
}

/** The bytes of a binary header; version 513, opaque 9 and language 7 (OTHER) unless given. */
export function binaryHeader(parts: BinaryParts): Buffer {
  const remark = Buffer.from(parts.remark ?? '', 'utf8');
  const ext = Buffer.concat((parts.ext ?? []).flatMap(([name, value, nameLength, valueLength]) => [
    int(nameLength ?? Buffer.byteLength(name), 2), Buffer.from(name, 'utf8'), int(valueLength ?? Buffer.byteLength(value), 4), Buffer.from(value, 'utf8'),
  ]));
  return Buffer.concat([
    int(parts.code ?? 30, 2), Buffer.from([(parts.language ?? 7) & 0xff]), int(513, 2), int(parts.opaque ?? 9, 4), int(parts.flag ?? 0, 4),
    int(parts.remarkLength ?? remark.length, 4), remark, int(parts.extLength ?? ext.length, 4), ext,
  ]);
}
