// "ip:port" text <-> the host fields of records and ids: address (4 or 16 bytes) and port int32. An IPv4 address in IPv6 clothes
// (::ffff:1.2.3.4, what a dual-stack socket reports) becomes IPv4. Names are not resolved here.
//
//   8 bytes    a.b.c.d 4 | port int32            20 bytes   IPv6 address 16 | port int32

/** The bytes of an IPv4 (4) or IPv6 (16) address text, brackets and zone allowed; undefined when it is neither. */
export function addressBytes(text: string): Uint8Array | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (!bare.includes(':')) return ipv4Bytes(bare);
  const zone = bare.indexOf('%');
  const bytes = ipv6Bytes(zone < 0 ? bare : bare.slice(0, zone));
  return bytes !== undefined && isMapped(bytes) ? bytes.slice(12) : bytes;
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i] as string;
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const sides = text.split('::');
  if (sides.length > 2) return undefined;
  const head = ipv6Groups(sides[0] as string, sides.length === 1);
  const tail = sides.length === 2 ? ipv6Groups(sides[1] as string, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const filled = head.length + tail.length;
  if (sides.length === 1 ? filled !== 16 : filled > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of one side of `::`; a dotted IPv4 address may stand last. */
function ipv6Groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (last && i === groups.length - 1 && group.includes('.')) {
      const dotted = ipv4Bytes(group);
      if (dotted === undefined) return undefined;
      bytes.push(...dotted);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes.length <= 16 ? bytes : undefined;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** The host field (8 or 20 bytes) of an address text and a port; undefined when the address is none or the port is not 0..65535. */
export function hostBytes(address: string, port: number): Uint8Array | undefined {
  const host = addressBytes(address);
  if (host === undefined || !Number.isInteger(port) || port < 0 || port > 65535) return undefined;
  const bytes = new Uint8Array(host.length + 4);
  bytes.set(host);
  new DataView(bytes.buffer).setInt32(host.length, port);
  return bytes;
}

/** The host field of "ip:port"; the last colon parts them (`NetworkUtil#string2SocketAddress`). Undefined when it cannot be read. */
export function parseHost(text: string): Uint8Array | undefined {
  const colon = text.lastIndexOf(':');
  if (colon < 0 || !/^\d{1,5}$/.test(text.slice(colon + 1))) return undefined;
  return hostBytes(text.slice(0, colon), Number(text.slice(colon + 1)));
}

/** The text of an address of 4 or 16 bytes; IPv6 in Java's long form without brackets (`Inet6Address#getHostAddress`). */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  if (isMapped(bytes)) return bytes.subarray(12).join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16));
  return groups.join(':');
}

/** "ip:port" of a host field of 8 or 20 bytes (`NetworkUtil#socketAddress2String`). */
export function hostText(bytes: Uint8Array): string {
  if (bytes.length !== 8 && bytes.length !== 20) throw new RangeError(`a host field has 8 or 20 bytes, not ${bytes.length}`);
  const split = bytes.length - 4;
  const port = new DataView(bytes.buffer, bytes.byteOffset + split, 4).getInt32(0);
  return `${addressText(bytes.subarray(0, split))}:${port}`;
}
