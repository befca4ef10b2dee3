/**
 * What may stand before the first frame of an accepted connection: a PROXY protocol header (version 1 or 2) that names the real peer, then
 * a TLS handshake, told from plain frames by its first byte (`NettyRemotingServer.HandshakeHandler`, `TlsModeHandler`). Bytes only; the
 * handshake itself is tls.ts's. No frame can begin with these bytes: its length would be above 218 MiB.
 */
import { WireError } from '../codec/errors.js';

/** First byte of a TLS record that carries a handshake (`TlsModeHandler#HANDSHAKE_MAGIC_CODE`). */
export const tlsHandshakeByte = 0x16;

/** Bytes a PROXY header may have. Version 1 needs 107; version 2 adds extensions, of which Netty takes 64 KiB. */
export const proxyHeaderBytesMax = 4096;

const v1Prefix = Buffer.from('PROXY', 'latin1');
const v1BytesMax = 107;
const v2Signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const v2FixedBytes = 16;

/** A PROXY header that is whole. */
export interface ProxyHeader {
  /** Where it ends. */
  readonly bytes: number;
  /** `ip:port` of the real peer; undefined when the header names none (UNKNOWN, LOCAL, or no internet address). */
  readonly source: string | undefined;
}

/**
 * The PROXY header at the start of `bytes`: undefined when there is none, 'more' when it may be one and is not whole.
 * Throws WireError for one that cannot be read.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'more' | undefined {
  if (begins(bytes, v2Signature)) return bytes.length < v2FixedBytes ? 'more' : readV2(bytes);
  if (begins(bytes, v1Prefix)) return bytes.length < v1Prefix.length ? 'more' : readV1(bytes);
  return undefined;
}

/** True when `bytes` and `prefix` agree as far as the shorter goes. */
function begins(bytes: Buffer, prefix: Buffer): boolean {
  const n = Math.min(bytes.length, prefix.length);
  return n > 0 && bytes.compare(prefix, 0, n, 0, n) === 0;
}

/** `PROXY TCP4 192.0.2.1 192.0.2.2 5555 9876\r\n`, or `PROXY UNKNOWN ...\r\n`. */
function readV1(bytes: Buffer): ProxyHeader | 'more' {
  const end = bytes.indexOf('\r\n', 0, 'latin1');
  if (end < 0) {
    if (bytes.length > v1BytesMax) throw new WireError(`PROXY line longer than ${v1BytesMax} bytes`);
    return 'more';
  }
  if (end + 2 > v1BytesMax) throw new WireError(`PROXY line longer than ${v1BytesMax} bytes`);
  const parts = bytes.toString('latin1', 0, end).split(' ');
  const [, family, source, , sourcePort] = parts;
  if (parts[0] !== 'PROXY' || family === undefined) throw new WireError('PROXY line without a protocol');
  if (family === 'UNKNOWN') return { bytes: end + 2, source: undefined };
  if ((family !== 'TCP4' && family !== 'TCP6') || parts.length !== 6) throw new WireError('PROXY line is neither TCP4, TCP6 nor UNKNOWN with two addresses and ports');
  for (const port of parts.slice(4)) if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new WireError('PROXY line with a port that is none');
  for (const address of parts.slice(2, 4)) if (!isAddress(address, family === 'TCP6')) throw new WireError('PROXY line with an address that is none');
  return { bytes: end + 2, source: `${source ?? ''}:${Number(sourcePort)}` };
}

function isAddress(text: string, v6: boolean): boolean {
  return v6 ? /^[0-9A-Fa-f:.]{2,45}$/.test(text) && text.includes(':') : /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255);
}

/**
 * ```
 *  0                12      13      14        16
 *  | signature (12) | v,cmd | family| length  | source, destination, source port, destination port, extensions |
 * ```
 * v = 2 in the high half; cmd 0 LOCAL, 1 PROXY; family 0x11 TCP over IPv4, 0x21 over IPv6; length, big endian, of what follows.
 */
function readV2(bytes: Buffer): ProxyHeader | 'more' {
  const versionAndCommand = bytes.readUInt8(12);
  if (versionAndCommand >> 4 !== 2 || (versionAndCommand & 0x0f) > 1) throw new WireError(`PROXY header of version and command 0x${versionAndCommand.toString(16)}`);
  const end = v2FixedBytes + bytes.readUInt16BE(14);
  if (end > proxyHeaderBytesMax) throw new WireError(`PROXY header of ${end} bytes (limit ${proxyHeaderBytesMax})`);
  if (bytes.length < end) return 'more';
  const family = bytes.readUInt8(13) >> 4;
  if ((versionAndCommand & 0x0f) === 0 || (family !== 1 && family !== 2)) return { bytes: end, source: undefined };
  const addressBytes = family === 1 ? 4 : 16;
  if (end < v2FixedBytes + 2 * addressBytes + 4) throw new WireError('PROXY header too short for its addresses');
  const address = family === 1
    ? [...bytes.subarray(16, 20)].join('.')
    : Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(16 + 2 * i).toString(16)).join(':');
  return { bytes: end, source: `${address}:${bytes.readUInt16BE(16 + 2 * addressBytes)}` };
}

/** True when a connection that begins with `first` needs no look at all: plain frames, as far as a byte can say. */
export function isPlain(first: number): boolean {
  return first !== tlsHandshakeByte && first !== 0x50 && first !== 0x0d;
}
