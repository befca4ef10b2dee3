/**
 * Reads responses off a socket's bytes with as little work as possible: frame length, `opaque` and `code`, no JSON.parse
 * and no copies but for a frame that a read cut in two. It leaves bodies and what the numbers mean to its callback.
 */

/** Apache's decoder limit, and so the largest frame that either broker can mean. `NettyDecoder#FRAME_MAX_LENGTH` */
const FRAME_BYTES_MAX = 16_777_216;

/** Positions of a whole frame inside `buffer`; they hold only while the callback runs. */
export type OnResponse = (opaque: number, code: number, buffer: Buffer, headerStart: number, bodyStart: number, end: number) => void;

/** The bytes are not a response frame of RocketMQ: the connection has no future. */
export class ScanError extends Error {
  override readonly name = 'ScanError';
}

const QUOTE = 34;
const COMMA = 44;
const BRACE = 123;
const MINUS = 45;

const OPAQUE = Buffer.from('"opaque":', 'latin1');
const CODE = Buffer.from('"code":', 'latin1');

/** Position right behind `key` where it stands as a member's name with a number behind it; -1 when it does not. */
function memberAt(buffer: Buffer, at: number, end: number, key: Buffer): number {
  const next = at + key.length;
  if (next >= end) return -1;
  for (let i = 0; i < key.length; i++) if (buffer[at + i] !== key[i]) return -1;
  // A quote inside a JSON string is escaped, so a bare quote behind `,` or `{` opens a name.
  const before = buffer[at - 1];
  if (before !== COMMA && before !== BRACE) return -1;
  const first = buffer[next] ?? 0;
  return first === MINUS || (first >= 48 && first <= 57) ? next : -1;
}

function findMember(buffer: Buffer, start: number, end: number, key: Buffer, fromEnd: boolean): number {
  if (fromEnd) {
    for (let i = end - key.length - 1; i > start; i--) {
      if (buffer[i] === QUOTE) {
        const at = memberAt(buffer, i, end, key);
        if (at !== -1) return at;
      }
    }
    return -1;
  }
  for (let i = start + 1; i < end; i++) {
    if (buffer[i] === QUOTE) {
      const at = memberAt(buffer, i, end, key);
      if (at !== -1) return at;
    }
  }
  return -1;
}

function integerAt(buffer: Buffer, at: number, end: number): number {
  let i = at;
  const negative = buffer[i] === MINUS;
  if (negative) i++;
  let value = 0;
  for (; i < end; i++) {
    const digit = (buffer[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Splits a stream of response frames. One scanner per connection. */
export class ResponseScanner {
  readonly #onResponse: OnResponse;
  #carry = Buffer.allocUnsafe(65_536);
  #carried = 0;

  constructor(onResponse: OnResponse) {
    this.#onResponse = onResponse;
  }

  /** Bytes of an unfinished frame that wait for the next read. */
  get pendingBytes(): number {
    return this.#carried;
  }

  /**
   * Takes the bytes of one read, `chunk[0, length)`, and calls back for each frame that is whole now. `chunk` may be
   * reused by the caller afterwards. Throws ScanError when the bytes cannot be a response.
   */
  feed(chunk: Buffer, length: number): void {
    let at = 0;
    while (this.#carried > 0) {
      const wanted = this.#carried < 4 ? 4 : 4 + this.#frameBytes(this.#carry, 0);
      const take = Math.min(wanted - this.#carried, length - at);
      this.#keep(chunk, at, at + take, wanted);
      at += take;
      if (this.#carried < wanted) return;
      if (wanted > 4) {
        this.#frame(this.#carry, 0, wanted);
        this.#carried = 0;
      }
    }
    while (length - at >= 4) {
      const end = at + 4 + this.#frameBytes(chunk, at);
      if (end > length) break;
      this.#frame(chunk, at, end);
      at = end;
    }
    if (at < length) this.#keep(chunk, at, length, length - at);
  }

  #frameBytes(buffer: Buffer, at: number): number {
    const bytes = buffer.readInt32BE(at);
    if (bytes < 4 || bytes > FRAME_BYTES_MAX) throw new ScanError(`frame length ${bytes}, expected 4..${FRAME_BYTES_MAX}`);
    return bytes;
  }

  #keep(chunk: Buffer, from: number, to: number, wanted: number): void {
    if (wanted > this.#carry.length) {
      const larger = Buffer.allocUnsafe(Math.max(wanted, this.#carry.length * 2));
      this.#carry.copy(larger, 0, 0, this.#carried);
      this.#carry = larger;
    }
    this.#carried += chunk.copy(this.#carry, this.#carried, from, to);
  }

  #frame(buffer: Buffer, start: number, end: number): void {
    const word = buffer.readUInt32BE(start + 4);
    const headerStart = start + 8;
    const headerEnd = headerStart + (word & 0xffffff);
    if (headerEnd > end) throw new ScanError(`header of ${word & 0xffffff} bytes in a frame of ${end - start - 4}`);
    if (word >>> 24 === 1) {
      // ROCKETMQ serialization: code int16, language int8, version int16, opaque int32
      if (headerEnd - headerStart < 9) throw new ScanError(`binary header of ${headerEnd - headerStart} bytes`);
      this.#onResponse(buffer.readInt32BE(headerStart + 5), buffer.readInt16BE(headerStart), buffer, headerStart, headerEnd, end);
      return;
    }
    let codeAt = memberAt(buffer, headerStart + 1, headerEnd, CODE);
    if (codeAt === -1) codeAt = findMember(buffer, headerStart, headerEnd, CODE, false);
    const opaqueAt = findMember(buffer, headerStart, headerEnd, OPAQUE, true);
    if (codeAt === -1 || opaqueAt === -1) {
      const head = buffer.toString('utf8', headerStart, Math.min(headerEnd, headerStart + 120));
      throw new ScanError(`no code or opaque in the header ${head}`);
    }
    this.#onResponse(integerAt(buffer, opaqueAt, headerEnd), integerAt(buffer, codeAt, headerEnd), buffer, headerStart, headerEnd, end);
  }
}
