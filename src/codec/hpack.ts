/**
 * HPACK (RFC 7541): header blocks of HTTP/2 read, with the dynamic table that both sides keep, and the few blocks we write, which need none. Reading is total: any
 * bytes give fields or a WireError.
 *
 *   1xxxxxxx                        field from a table            index (7+)
 *   01xxxxxx [name] value           literal, enters the table     index of its name (6+), 0 = the name follows
 *   001xxxxx                        size of the table             bytes (5+)
 *   000Nxxxx [name] value           literal, enters nothing       index of its name (4+); N: never by anybody
 *   string: Hxxxxxxx bytes          length (7+); H: Huffman code
 */
import { WireError } from './errors.js';

/** Appendix A: index 1 is the first. */
const staticTable: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''], [':method', 'GET'], [':method', 'POST'], [':path', '/'], [':path', '/index.html'], [':scheme', 'http'], [':scheme', 'https'], [':status', '200'],
  [':status', '204'], [':status', '206'], [':status', '304'], [':status', '400'], [':status', '404'], [':status', '500'], ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'], ['accept-language', ''], ['accept-ranges', ''], ['accept', ''], ['access-control-allow-origin', ''], ['age', ''], ['allow', ''],
  ['authorization', ''], ['cache-control', ''], ['content-disposition', ''], ['content-encoding', ''], ['content-language', ''], ['content-length', ''],
  ['content-location', ''], ['content-range', ''], ['content-type', ''], ['cookie', ''], ['date', ''], ['etag', ''], ['expect', ''], ['expires', ''], ['from', ''],
  ['host', ''], ['if-match', ''], ['if-modified-since', ''], ['if-none-match', ''], ['if-range', ''], ['if-unmodified-since', ''], ['last-modified', ''], ['link', ''],
  ['location', ''], ['max-forwards', ''], ['proxy-authenticate', ''], ['proxy-authorization', ''], ['range', ''], ['referer', ''], ['refresh', ''], ['retry-after', ''],
  ['server', ''], ['set-cookie', ''], ['strict-transport-security', ''], ['transfer-encoding', ''], ['user-agent', ''], ['vary', ''], ['via', ''], ['www-authenticate', ''],
];

/** Appendix B by its lengths in bits: the codes are the canonical ones, shorter first, then by symbol; 256 ends a string and must not come. */
const huffmanBits: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const endOfString = 256;

/** How a step of the decoder reads: the state after it, the symbol it completes, whether that is none or a fault. */
const stepState = 0xffff;
const stepSymbolShift = 16;
const stepNone = 0x100;
const stepFault = 0x200;

interface HuffmanSteps {
  /** By state * 16 + the next four bits. A code has five at least, so that a step completes one symbol at most. */
  readonly steps: Int32Array;
  /** States in which a string may end: only ones of less than a byte have come since the last symbol. */
  readonly ends: Uint8Array;
}

/** The tree of codes as steps of four bits. */
function huffmanSteps(): HuffmanSteps {
  // Inner nodes: [child of 0, child of 1]; a leaf is -1 - symbol, nothing is 0 (the root is no child).
  const tree: [number, number][] = [[0, 0]];
  const symbols = huffmanBits.map((_, symbol) => symbol).sort((a, b) => (huffmanBits[a] ?? 0) - (huffmanBits[b] ?? 0) || a - b);
  let code = 0;
  let before = huffmanBits[symbols[0] ?? 0] ?? 0;
  for (const symbol of symbols) {
    const bits = huffmanBits[symbol] ?? 0;
    code *= 2 ** (bits - before);
    before = bits;
    let node = 0;
    for (let bit = bits - 1; bit >= 0; bit--) {
      const side = Math.floor(code / 2 ** bit) % 2 === 0 ? 0 : 1;
      const inner = tree[node] as [number, number];
      if (bit === 0) inner[side] = -1 - symbol;
      else if (inner[side] === 0) {
        inner[side] = tree.push([0, 0]) - 1;
        node = tree.length - 1;
      } else node = inner[side];
    }
    code++;
  }
  const steps = new Int32Array(tree.length * 16);
  for (let state = 0; state < tree.length; state++) {
    for (let nibble = 0; nibble < 16; nibble++) steps[state * 16 + nibble] = stepOf(tree, state, nibble);
  }
  const ends = new Uint8Array(tree.length);
  for (let node = 0, bits = 0; bits < 8; bits++) {
    ends[node] = 1;
    node = tree[node]?.[1] ?? 0;
  }
  return { steps, ends };
}

function stepOf(tree: readonly (readonly [number, number])[], from: number, nibble: number): number {
  let node = from;
  let symbol = stepNone;
  for (let bit = 3; bit >= 0; bit--) {
    const next = tree[node]?.[((nibble >> bit) & 1) as 0 | 1] ?? 0;
    if (next >= 0) {
      node = next;
      continue;
    }
    if (-1 - next === endOfString) return stepFault << stepSymbolShift;
    symbol = -1 - next;
    node = 0;
  }
  return (symbol << stepSymbolShift) | node;
}

const { steps, ends } = huffmanSteps();

/** Text of a string in the Huffman code. @throws WireError */
function huffmanText(block: Buffer, start: number, end: number): string {
  // The shortest code has five bits.
  const out = Buffer.allocUnsafe(Math.ceil(((end - start) * 8) / 5));
  let length = 0;
  let state = 0;
  for (let at = start; at < end; at++) {
    const byte = block[at] as number;
    for (const nibble of [byte >> 4, byte & 15]) {
      const step = steps[state * 16 + nibble] as number;
      const symbol = step >> stepSymbolShift;
      if (symbol === stepFault) throw new WireError('HPACK: the end of a string within it');
      if (symbol !== stepNone) out[length++] = symbol;
      state = step & stepState;
    }
  }
  if (ends[state] !== 1) throw new WireError('HPACK: a string ends within a code');
  return out.toString('latin1', 0, length);
}

/** Counted for each entry beside its bytes (section 4.1). */
const entryBytes = 32;

/** Reads the header blocks of one connection in their order. */
export class HpackDecoder {
  private readonly bytesMax: number;
  private limit: number;
  private size = 0;
  /** The oldest first, from `head` on. */
  private names: string[] = [];
  private values: string[] = [];
  private head = 0;
  private at = 0;

  /** @param bytesMax what we let the peer use of the dynamic table (SETTINGS_HEADER_TABLE_SIZE) */
  constructor(bytesMax: number) {
    this.bytesMax = this.limit = bytesMax;
  }

  /** Tells each field of a block in turn. @throws WireError; the connection cannot go on then, since its table is lost. */
  decode(block: Buffer, field: (name: string, value: string) => void): void {
    this.at = 0;
    let begun = false;
    while (this.at < block.length) {
      const first = block[this.at] as number;
      if (first >= 0x80) {
        const index = this.integer(block, 7);
        field(this.nameAt(index), this.valueAt(index));
      } else if (first >= 0x40 || first < 0x20) {
        const enters = first >= 0x40;
        const index = this.integer(block, enters ? 6 : 4);
        const name = index === 0 ? this.string(block) : this.nameAt(index);
        const value = this.string(block);
        if (enters) this.enter(name, value);
        field(name, value);
      } else {
        if (begun) throw new WireError('HPACK: the size of the table changes within a block');
        const size = this.integer(block, 5);
        if (size > this.bytesMax) throw new WireError(`HPACK: a table of ${size} bytes, at most ${this.bytesMax} are allowed`);
        this.limit = size;
        this.evict();
        continue;
      }
      begun = true;
    }
  }

  private nameAt(index: number): string {
    const entry = staticTable[index - 1];
    return entry === undefined ? (this.names[this.entryAt(index)] as string) : entry[0];
  }

  private valueAt(index: number): string {
    const entry = staticTable[index - 1];
    return entry === undefined ? (this.values[this.entryAt(index)] as string) : entry[1];
  }

  private entryAt(index: number): number {
    const at = this.names.length - (index - staticTable.length);
    if (index === 0 || at < this.head) throw new WireError(`HPACK: there is no field ${index}`);
    return at;
  }

  private enter(name: string, value: string): void {
    this.names.push(name);
    this.values.push(value);
    this.size += name.length + value.length + entryBytes;
    this.evict();
  }

  private evict(): void {
    while (this.size > this.limit) {
      this.size -= (this.names[this.head]?.length ?? 0) + (this.values[this.head]?.length ?? 0) + entryBytes;
      this.names[this.head] = this.values[this.head] = '';
      this.head++;
    }
    if (this.head < 128 || this.head * 2 < this.names.length) return;
    this.names = this.names.slice(this.head);
    this.values = this.values.slice(this.head);
    this.head = 0;
  }

  /** A number whose first `bits` lie in the byte at hand (section 5.1). */
  private integer(block: Buffer, bits: number): number {
    const mask = (1 << bits) - 1;
    let value = (block[this.at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = block[this.at++];
      if (byte === undefined) throw new WireError('HPACK: the block ends within a number');
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new WireError('HPACK: a number of more than 28 bits');
  }

  private string(block: Buffer): string {
    const huffman = ((block[this.at] ?? 0) & 0x80) !== 0;
    const length = this.integer(block, 7);
    const start = this.at;
    this.at += length;
    if (this.at > block.length) throw new WireError('HPACK: the block ends within a string');
    return huffman ? huffmanText(block, start, this.at) : block.toString('latin1', start, this.at);
  }
}

function integerBytes(first: number, bits: number, value: number): number[] {
  const mask = (1 << bits) - 1;
  if (value < mask) return [first | value];
  const out = [first | mask];
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
  return out;
}

/** A header block that enters nothing into the peer's table: it can be made once and sent any number of times. Names are lower case, text is latin1. */
export function encodeHeaderBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const string = (text: string): Buffer => Buffer.concat([Buffer.from(integerBytes(0, 7, text.length)), Buffer.from(text, 'latin1')]);
  return Buffer.concat(fields.flatMap(([name, value]) => {
    const whole = staticTable.findIndex((entry) => entry[0] === name && entry[1] === value) + 1;
    if (whole > 0) return [Buffer.from(integerBytes(0x80, 7, whole))];
    const named = staticTable.findIndex((entry) => entry[0] === name) + 1;
    return named > 0 ? [Buffer.from(integerBytes(0, 4, named)), string(value)] : [Buffer.from([0]), string(name), string(value)];
  }));
}
