/** Message bytes: batch bodies, property strings, records, compressed bodies. Compiled loops are held against the plain ones. */
import { BatchCursor, encodeBatch as batchBody } from '../../src/codec/batch.js';
import { decompress } from '../../src/codec/compression.js';
import { claimRecords, encodeBatch, laidOut, measureBatch, readBytes, recordBytes } from '../../src/codec/hot-path.js';
import { encodeRecord, recordLengthOf, RecordFields } from '../../src/codec/message-record.js';
import { formatProperties, parseProperties, propertyNames, PropertyScan, scanProperties, specialProperties, specialPropertyPrefixes } from '../../src/codec/properties.js';
import { decodeMessages, encodeMessage } from '../../src/codec/stored-message.js';
import { golden, pulledRecords, sentBatches } from '../../src/codec/testdata/golden.js';
import type { CompressionType } from '../../src/codec/sys-flag.js';
import { dictionary } from '../engine/dictionary.js';
import { mutateText } from '../engine/mutate.js';
import type { Random } from '../engine/random.js';
import { holds, same } from '../engine/target.js';
import type { Outcome, Target } from '../engine/target.js';

// ---- properties

const propertyWords = Object.values(propertyNames);

export function makeProperties(random: Random): string {
  const properties: [string, string][] = [];
  for (let i = random.small(8); i > 0; i--) {
    properties.push([random.once(3) ? random.pick(dictionary).toString('utf8') : random.pick(propertyWords), random.once(2) ? random.pick(['a', 'true', '1', 'a b c', '\u00e9']) : random.pick(dictionary).toString('utf8')]);
  }
  const text = formatProperties(properties);
  return random.once(3) ? text.slice(0, -1) : text;
}

/** What a scan of a property string says. */
export type PropertySubject = (scan: PropertyScan, bytes: Buffer, start: number, end: number) => void;

function runProperties(subject: PropertySubject, scan: PropertyScan, input: Buffer): Outcome {
  const text = input.toString('utf8');
  const properties = parseProperties(text);
  same('properties written and read again', [...parseProperties(formatProperties(properties))], [...properties]);
  // Bytes that are no UTF-8 have no text of their own.
  const bytes = Buffer.from(text);
  const check = (what: string, at: Buffer, start: number, end: number, of: ReadonlyMap<string, string>): void => {
    const span = (from: number, to: number): string | undefined => (from < 0 ? undefined : at.toString('utf8', from, to));
    subject(scan, at, start, end);
    same(`KEYS ${what}`, span(scan.keysStart, scan.keysEnd), of.get('KEYS'));
    same(`TAGS ${what}`, span(scan.tagsStart, scan.tagsEnd), of.get('TAGS'));
    same(`UNIQ_KEY ${what}`, span(scan.uniqKeyStart, scan.uniqKeyEnd), of.get('UNIQ_KEY'));
    same(`DELAY ${what}`, span(scan.delayStart, scan.delayEnd), of.get('DELAY'));
    same(`WAIT ${what}`, scan.waitStoreOk, (of.get('WAIT') ?? 'true').toLowerCase() === 'true');
    same(`special ${what}`, scan.special, [...of.keys()].some((name) => specialProperties.includes(name) || specialPropertyPrefixes.some((prefix) => name.startsWith(prefix) && name.length > prefix.length)));
    if (!scan.odd) same(`what is not odd ${what}`, scan.count, of.size);
  };
  // A last element without its separator is no element to the scan: it is odd, and the plain reader decides.
  if (!closed(text)) {
    subject(scan, bytes, 0, bytes.length);
    return 'taken';
  }
  check('at first sight', bytes, 0, bytes.length, properties);
  // The third time a string of this length comes its layout is known; then with other bytes in its values.
  const moved = Buffer.concat([Buffer.from('xyz'), bytes, Buffer.from('\u0001tail')]);
  check('in the middle of other bytes', moved, 3, 3 + bytes.length, properties);
  check('again', bytes, 0, bytes.length, properties);
  const turned = Buffer.from(bytes);
  for (let i = 0, inValue = false; i < turned.length; i++) {
    const byte = turned[i] as number;
    if (byte === 1 || byte === 2) inValue = byte === 1;
    else if (inValue && byte >= 0x61 && byte < 0x7a) turned[i] = byte + 1;
  }
  check('with other values', turned, 0, turned.length, parseProperties(turned.toString('utf8')));
  return 'taken';
}

const closed = (text: string): boolean => text === '' || text.endsWith('\u0002') || text.slice(text.lastIndexOf('\u0002') + 1).includes('\u0001');

export function properties(open: () => PropertySubject = () => scanProperties): Target {
  return {
    name: 'properties',
    proves: 'the scan in bytes, with and without a remembered layout, finds what the plain reader of property strings reads',
    declared: [],
    inputBytesMax: 2048,
    allocationBytesMax: (inputBytes) => 64 * inputBytes + 65_536,
    seeds: () => [Buffer.from(formatProperties([['KEYS', 'k1 k2'], ['TAGS', 'a'], ['UNIQ_KEY', '7F000001000010E1'], ['WAIT', 'true'], ['DELAY', '3']])), Buffer.from('TAGS\u0001a')],
    make: (random) => Buffer.from(makeProperties(random)),
    mutate: (random, input) => {
      const all = [...parseProperties(input.toString('utf8'))];
      const at = random.below(all.length);
      const one = all[at];
      if (one === undefined) return undefined;
      all[at] = random.once(2) ? [one[0], mutateText(random, one[1])] : [random.pick(propertyWords), one[1]];
      if (random.once(4)) all.push(one);
      return Buffer.from(formatProperties(all));
    },
    // The scan is the same one for all inputs, as a connection's is.
    reopenAfter: 64,
    open: () => {
      const scan = new PropertyScan();
      const subject = open();
      return { run: (input) => runProperties(subject, scan, input) };
    },
  };
}

// ---- batches

const owner = { settle: (): void => undefined };
const bodyBytesMax = 4096;

function batchFields(input: Buffer, start: number): RecordFields {
  return Object.assign(new RecordFields(), {
    topic: Buffer.from('T'), queueId: 1, sysFlag: 0, bornTimestamp: 1_700_000_000_000, storeTimestamp: 1_700_000_000_001, reconsumeTimes: 0, phyOffset: 4096, queueOffset: 7,
    bornHost: Buffer.alloc(8), storeHost: Buffer.alloc(8), body: input, properties: input, bodyStart: start, bodyEnd: input.length,
  });
}

export interface BatchSubject {
  readonly cursor: () => Pick<BatchCursor, 'reset' | 'next' | 'reason' | 'count' | 'flag' | 'bodyStart' | 'bodyEnd' | 'propertiesStart' | 'propertiesEnd'>;
}

/** The layout read as plainly as can be: [body, properties] of each element, undefined = malformed. */
function batchPlainly(input: Buffer): { flag: number; body: Buffer; properties: Buffer }[] | undefined {
  const elements = [];
  for (let at = 0; at < input.length;) {
    if (input.length - at < 22) return undefined;
    const bodyBytes = input.readInt32BE(at + 16);
    if (bodyBytes < 0 || bodyBytes > input.length - at - 22) return undefined;
    const propertiesBytes = input.readInt16BE(at + 20 + bodyBytes);
    const end = at + 22 + bodyBytes + propertiesBytes;
    if (propertiesBytes < 0 || end > input.length) return undefined;
    elements.push({ flag: input.readInt32BE(at + 12), body: input.subarray(at + 20, at + 20 + bodyBytes), properties: input.subarray(at + 22 + bodyBytes, end) });
    at = end;
  }
  return elements;
}

function runBatch(subject: BatchSubject, input: Buffer): Outcome {
  const plain = batchPlainly(input);
  const cursor = subject.cursor();
  const seen = [];
  cursor.reset(input, 0, input.length);
  while (cursor.next()) seen.push({ flag: cursor.flag, body: input.subarray(cursor.bodyStart, cursor.bodyEnd), properties: input.subarray(cursor.propertiesStart, cursor.propertiesEnd) });
  same('batch is well formed', cursor.reason === '', plain !== undefined);
  if (plain === undefined) {
    holds(compiled(input, undefined) === undefined, () => 'the compiled loops take a batch that is malformed');
    return 'refused';
  }
  same('elements of a batch', seen, plain);
  const records: Buffer[] = [];
  const fields = batchFields(input, 0);
  for (const { flag, body, properties: own } of plain) {
    const bytes = Buffer.alloc(recordLengthOf(Object.assign(fields, { flag, body, bodyStart: 0, bodyEnd: body.length, properties: own, propertiesStart: 0, propertiesEnd: own.length })));
    encodeRecord(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, fields);
    records.push(bytes);
    fields.phyOffset += bytes.length;
    fields.queueOffset++;
  }
  const laid = compiled(input, plain.length);
  if (laid !== undefined) same('records of a batch by the compiled loops', laid, Buffer.concat(records));
  return 'taken';
}

/** The records as the compiled loops lay them out; undefined = left to the plain ones. */
function compiled(input: Buffer, count: number | undefined): Buffer | undefined {
  input.copy(readBytes, 100);
  const fields = Object.assign(batchFields(readBytes, 100), { bodyEnd: 100 + input.length });
  claimRecords(owner);
  const size = measureBatch(fields, bodyBytesMax);
  if (size === 0) return undefined;
  if (count === undefined) return recordBytes;
  same('count of a batch by the compiled loops', laidOut.batch[0], count);
  // They copy sixteen bytes at a time, so the first fifteen behind the records are room.
  recordBytes.fill(0xee, size + 25, size + 41);
  if (!encodeBatch(10, fields, true, -77, 1234)) return undefined;
  for (let i = 0; i < 16; i++) holds(recordBytes[size + 25 + i] === 0xee, () => 'the compiled loops write behind the records');
  return recordBytes.subarray(10, 10 + size);
}

/** One of the three lengths of the element at `start`, a little wrong, at a limit, or with another sign. */
function mutateLength(random: Random, input: Buffer, start: number): Buffer {
  const copy = Buffer.from(input);
  const body = copy.readInt32BE(start + 16);
  const left = copy.length - start - 22;
  switch (random.below(3)) {
    case 0: copy.writeInt32BE(random.pick([0, -1, 1, 0x7fffffff, -0x80000000, copy.length]), start); break;
    case 1: copy.writeInt32BE(random.pick([body - 1, body + 1, left - 1, left, left + 1, body | -0x80000000, 0x7fffffff, -1]), start + 16); break;
    default: {
      const at = start + 20 + body;
      const properties = copy.readInt16BE(at);
      copy.writeInt16BE(random.pick([properties - 1, properties + 1, properties | -0x8000, 0x7fff, -1, 0]), at);
    }
  }
  return copy;
}

export function batch(subject: BatchSubject = { cursor: () => new BatchCursor() }): Target {
  return {
    name: 'batch',
    proves: 'batch bodies are cut as by a plain reader; the compiled loops lay out the records of the plain ones and write nowhere else',
    declared: [],
    inputBytesMax: 16_384,
    allocationBytesMax: (inputBytes) => 64 * inputBytes + 262_144,
    seeds: () => [...sentBatches.map(({ hex }) => Buffer.from(hex, 'hex')), Buffer.from(golden('batch.encodeMessage(m1 props={u=v, KEYS=k1, WAIT=true, TAGS=ta})'), 'hex')],
    make: (random) => batchBody(Array.from({ length: random.small(6) }, () => ({ flag: random.below(3), body: random.bytes(random.below(40)), properties: parseProperties(makeProperties(random)) }))),
    mutate: (random, input) => {
      const plain = batchPlainly(input);
      if (plain === undefined || plain.length === 0) return undefined;
      const at = random.below(plain.length);
      if (random.once(3)) return mutateLength(random, input, plain.slice(0, at).reduce((sum, one) => sum + 22 + one.body.length + one.properties.length, 0));
      const changed = plain.map(({ flag, body, properties: own }, i) => ({ flag, body, properties: i === at ? makeProperties(random) : own.toString('latin1') }));
      return Buffer.concat(changed.map(({ flag, body, properties: text }) => {
        const own = Buffer.from(text, 'latin1');
        const head = batchBody([{ flag, body }]);
        head.writeInt16BE(own.length, head.length - 2);
        return Buffer.concat([head, own]);
      }));
    },
    open: () => ({ run: (input) => runBatch(subject, input) }),
  };
}

// ---- stored records

export type RecordSubject = typeof decodeMessages;

function runRecords(decode: RecordSubject, input: Buffer): Outcome {
  const { messages, fault } = decode(input);
  let bytes = 0;
  for (const message of messages) {
    bytes += message.storeSize;
    holds(message.body.length <= message.storeSize, () => 'a body is longer than its record');
    let again: Buffer;
    try {
      again = encodeMessage(message);
    } catch (error) {
      // A topic or properties that grow when they are not UTF-8 may not fit any more.
      if (error instanceof RangeError) continue;
      throw error;
    }
    const [read] = decode(again).messages;
    const comparable = (one: typeof read): unknown => ({ ...one, storeSize: 0, bodyCrc: 0, msgId: '', topic: Buffer.from(one?.topic ?? '').toString('utf8') });
    same('record written and read again', comparable(read), comparable(message));
  }
  holds(bytes <= input.length, () => `records of ${bytes} bytes in ${input.length}`);
  holds(fault !== undefined || bytes === input.length, () => `${input.length - bytes} bytes are no record and no fault`);
  return fault === undefined ? 'taken' : 'refused';
}

export function records(decode: RecordSubject = decodeMessages): Target {
  return {
    name: 'record',
    proves: 'any bytes are records or a fault with its place; a record that is read is written and read again',
    declared: [],
    inputBytesMax: 8192,
    allocationBytesMax: (inputBytes) => 256 * inputBytes + 65_536,
    seeds: () => [...pulledRecords.slice(0, 6).map(({ hex }) => Buffer.from(hex, 'hex')).filter((one) => one.length <= 8192), encodeMessage({ topic: 'T', body: Buffer.from('x'), properties: new Map([['TAGS', 'a']]) }), encodeMessage({ topic: 't'.repeat(200), bornHost: '[::1]:1', storeHost: '[::1]:2' }, true)],
    open: () => ({ run: (input) => runRecords(decode, input) }),
  };
}

// ---- compression

const types: readonly CompressionType[] = ['zlib', 'lz4', 'zstd'];
const inflatedBytesMax = 65_536;

export type DecompressSubject = typeof decompress;

export function compression(subject: DecompressSubject = decompress): Target {
  return {
    name: 'compression',
    proves: 'zlib, LZ4 and zstd bodies give at most the allowed bytes, or why not; nothing is allocated on the word of a frame',
    declared: [],
    inputBytesMax: 16_384,
    allocationBytesMax: (inputBytes) => 4 * inflatedBytesMax + 16 * inputBytes + 65_536,
    seeds: () => [
      '00789c4b4c4a4e494d4b2f010009ca0260', '01' + '04224d1860408207000080616263646566670000000000', '02' + '28b52ffd2007390000' + '61626364656667',
    ].map((hex) => Buffer.from(hex, 'hex')),
    open: () => ({
      run: async (input) => {
        const type = types[(input[0] ?? 0) % types.length] as CompressionType;
        const result = await subject(type, input.subarray(1), inflatedBytesMax);
        if (!result.ok) return 'refused';
        holds(result.bytes.length <= inflatedBytesMax, () => `${result.bytes.length} bytes came out, allowed are ${inflatedBytesMax}`);
        return 'taken';
      },
      probe: async () => {
        const result = await subject('zlib', Buffer.from('789c4b4c4a4e494d4b2f010009ca0260', 'hex'), inflatedBytesMax);
        return result.ok ? result.bytes.toString('hex') : result.detail;
      },
    }),
  };
}
