// The two ids of a message: the offset id, which says where the broker stored it, and the unique id (property UNIQ_KEY), which
// its producer, or the broker for a producer that sends none, minted. Both are upper-case hex.
//
//   offset id   address 4 or 16 | port int32 | phyOffset int64                                            32 or 56 digits
//   unique id   address 4 or 16 | pid int16 | salt int32 | ms since month start int32 | counter int16     32 or 56 digits

const DAY_MS = 86_400_000;
const HEX: readonly string[] = Array.from({ length: 256 }, (_, n) => n.toString(16).toUpperCase().padStart(2, '0'));

function hex8(n: number): string {
  return (HEX[n >>> 24] as string) + (HEX[(n >>> 16) & 255] as string) + (HEX[(n >>> 8) & 255] as string) + (HEX[n & 255] as string);
}

function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte] as string;
  return text;
}

/** The part of an offset id that a broker's address gives, to be kept and joined with `offsetMessageId`. */
export function offsetMessageIdPrefix(address: Uint8Array, port: number): string {
  if (address.length !== 4 && address.length !== 16) {
    throw new RangeError(`address must have 4 or 16 bytes, not ${address.length}`);
  }
  return hexOf(address) + hex8(port);
}

/** An offset id from a kept prefix and a commit log offset (a safe integer >= 0). */
export function offsetMessageId(prefix: string, phyOffset: number): string {
  return prefix + hex8(Math.floor(phyOffset / 0x100000000)) + hex8(phyOffset >>> 0);
}

/** An offset id from its parts (`MessageDecoder#createMessageId`). */
export function encodeOffsetMessageId(address: Uint8Array, port: number, phyOffset: number): string {
  return offsetMessageId(offsetMessageIdPrefix(address, port), phyOffset);
}

export type DecodedMessageId =
  | { readonly ok: true; readonly address: Uint8Array; readonly port: number; readonly phyOffset: number }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads an offset id (`MessageDecoder#decodeMessageId`); lower-case digits are accepted too. Unlike Apache's reader it refuses, with
 * a reason fit for a remark, lengths other than 32 and 56, digits that are not hex, ports above 65535 and unsafe or negative offsets.
 */
export function decodeOffsetMessageId(id: string): DecodedMessageId {
  if (id.length !== 32 && id.length !== 56) {
    return { ok: false, reason: `a message id has 32 or 56 hex digits, this one has ${id.length} characters` };
  }
  if (!/^[0-9a-fA-F]*$/.test(id)) return { ok: false, reason: 'a message id consists of hex digits only' };
  const bytes = Buffer.from(id, 'hex');
  const addressBytes = id.length === 32 ? 4 : 16;
  const port = bytes.readInt32BE(addressBytes);
  if (port < 0 || port > 65535) return { ok: false, reason: `the port in a message id must be 0..65535, this one is ${port}` };
  const phyOffset = bytes.readInt32BE(addressBytes + 4) * 0x100000000 + bytes.readUInt32BE(addressBytes + 8);
  if (phyOffset < 0 || !Number.isSafeInteger(phyOffset)) {
    return { ok: false, reason: 'the commit log offset in a message id must be 0..2^53-1' };
  }
  return { ok: true, address: bytes.subarray(0, addressBytes), port, phyOffset };
}

export interface UniqueIdSource {
  /** IPv4 (4 bytes) or IPv6 (16 bytes) address of this process. */
  readonly address: Uint8Array;
  readonly pid: number;
  /** A number in [0, 1): stands where Java puts the hash of a class loader, to tell apart processes of one pid. */
  readonly random: () => number;
  readonly nowMs: () => number;
  /** First millisecond of the month that holds `ms`; the process's local time zone when left out, as in Java. */
  readonly monthStartMs?: (ms: number) => number;
}

/**
 * Makes a minter of unique ids (`MessageClientIDSetter#createUniqID`). No two ids of one minter are equal unless 65536 are minted
 * in one millisecond; a clock that steps back to before the month counts as the month's first millisecond.
 */
export function uniqueIdMinter(source: UniqueIdSource): () => string {
  if (source.address.length !== 4 && source.address.length !== 16) {
    throw new RangeError(`address must have 4 or 16 bytes, not ${source.address.length}`);
  }
  const monthStartMs = source.monthStartMs ?? localMonthStartMs;
  const salt = Math.floor(source.random() * 0x100000000) >>> 0;
  const fixed = hexOf(source.address) + (HEX[(source.pid >>> 8) & 255] as string) + (HEX[source.pid & 255] as string) + hex8(salt);
  let startMs = monthStartMs(source.nowMs());
  let nextStartMs = monthStartMs(startMs + 32 * DAY_MS);
  let counter = 0;
  return () => {
    const nowMs = source.nowMs();
    if (nowMs >= nextStartMs) {
      startMs = monthStartMs(nowMs);
      nextStartMs = monthStartMs(startMs + 32 * DAY_MS);
    }
    const count = counter;
    counter = (counter + 1) & 0xffff;
    return fixed + hex8(Math.max(0, nowMs - startMs)) + (HEX[count >>> 8] as string) + (HEX[count & 255] as string);
  };
}

function localMonthStartMs(ms: number): number {
  const day = new Date(ms);
  return new Date(day.getFullYear(), day.getMonth(), 1).getTime();
}
