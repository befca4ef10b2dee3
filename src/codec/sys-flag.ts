// The bits of a message's sysFlag and of a pull request's sysFlag, with the small questions asked of them.
// What a broker does about a bit stands where it does it.

/** `MessageSysFlag`. */
export const messageSysFlag = {
  COMPRESSED: 0x1,
  MULTI_TAGS: 0x2,
  TRANSACTION_PREPARED: 0x4,
  TRANSACTION_COMMIT: 0x8,
  TRANSACTION_ROLLBACK: 0xc,
  BORN_HOST_V6: 0x10,
  STORE_HOST_V6: 0x20,
  NEED_UNWRAP: 0x40,
  INNER_BATCH: 0x80,
  COMPRESSION_LZ4: 0x100,
  COMPRESSION_ZSTD: 0x200,
  COMPRESSION_ZLIB: 0x300,
  COMPRESSION_MASK: 0x700,
} as const;

/** Both transaction bits: 0 none, 4 prepared, 8 commit, 12 rollback. */
const TRANSACTION_MASK = messageSysFlag.TRANSACTION_ROLLBACK;

export type CompressionType = 'lz4' | 'zstd' | 'zlib';

/** True when the stored body is compressed. */
export function isCompressed(sysFlag: number): boolean {
  return (sysFlag & messageSysFlag.COMPRESSED) !== 0;
}

/** The compression that the type bits name; 0 means zlib (`CompressionType#findByValue`), undefined a type nobody knows. */
export function compressionType(sysFlag: number): CompressionType | undefined {
  switch (sysFlag & messageSysFlag.COMPRESSION_MASK) {
    case messageSysFlag.COMPRESSION_LZ4:
      return 'lz4';
    case messageSysFlag.COMPRESSION_ZSTD:
      return 'zstd';
    case 0:
    case messageSysFlag.COMPRESSION_ZLIB:
      return 'zlib';
    default:
      return undefined;
  }
}

const compressionBits = {
  lz4: messageSysFlag.COMPRESSION_LZ4,
  zstd: messageSysFlag.COMPRESSION_ZSTD,
  zlib: messageSysFlag.COMPRESSION_ZLIB,
} as const satisfies Record<CompressionType, number>;

/** Marks a body as compressed in the given way. */
export function withCompression(sysFlag: number, type: CompressionType): number {
  return (sysFlag & ~messageSysFlag.COMPRESSION_MASK) | messageSysFlag.COMPRESSED | compressionBits[type];
}

/** Marks a body as plain; the type bits stay, as Apache's decoder leaves them. */
export function withoutCompression(sysFlag: number): number {
  return sysFlag & ~messageSysFlag.COMPRESSED;
}

/** The transaction bits: 0, TRANSACTION_PREPARED, TRANSACTION_COMMIT or TRANSACTION_ROLLBACK. */
export function transactionType(sysFlag: number): number {
  return sysFlag & TRANSACTION_MASK;
}

/** Replaces the transaction bits. */
export function withTransactionType(sysFlag: number, type: number): number {
  return (sysFlag & ~TRANSACTION_MASK) | (type & TRANSACTION_MASK);
}

/** True for records that never get a consume queue entry: prepared and rolled back (`CommitLogDispatcherBuildConsumeQueue#dispatch`). */
export function isUndispatched(sysFlag: number): boolean {
  return (sysFlag & messageSysFlag.TRANSACTION_PREPARED) !== 0;
}

/** Bytes of the born host field: 8 (IPv4) or 20 (IPv6). */
export function bornHostBytes(sysFlag: number): number {
  return (sysFlag & messageSysFlag.BORN_HOST_V6) === 0 ? 8 : 20;
}

/** Bytes of the store host field: 8 (IPv4) or 20 (IPv6). */
export function storeHostBytes(sysFlag: number): number {
  return (sysFlag & messageSysFlag.STORE_HOST_V6) === 0 ? 8 : 20;
}

/** Sets or clears the two IPv6 bits to fit host fields of the given lengths. */
export function withHostBits(sysFlag: number, bornBytes: number, storeBytes: number): number {
  return (
    (sysFlag & ~(messageSysFlag.BORN_HOST_V6 | messageSysFlag.STORE_HOST_V6)) |
    (bornBytes === 20 ? messageSysFlag.BORN_HOST_V6 : 0) |
    (storeBytes === 20 ? messageSysFlag.STORE_HOST_V6 : 0)
  );
}

/** `PullSysFlag`. */
export const pullSysFlag = {
  COMMIT_OFFSET: 0x1,
  SUSPEND: 0x2,
  SUBSCRIPTION: 0x4,
  CLASS_FILTER: 0x8,
  LITE_PULL_MESSAGE: 0x10,
} as const;

/** True when a pull request's sysFlag has the bit. */
export function hasPullFlag(sysFlag: number, bit: (typeof pullSysFlag)[keyof typeof pullSysFlag]): boolean {
  return (sysFlag & bit) !== 0;
}

/** A pull request's sysFlag with the bit cleared, as when a held request is run again without the right to be held. */
export function withoutPullFlag(sysFlag: number, bit: (typeof pullSysFlag)[keyof typeof pullSysFlag]): number {
  return sysFlag & ~bit;
}
