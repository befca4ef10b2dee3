/**
 * The compiled inner loops (wasm/hot-path.as.ts) and the memory they work on: which bytes are staged there, and views of what the last call found.
 * There is one memory for the process. Results are those of the last call, whoever made it: they are read before anything else is staged or scanned.
 *
 *   read   what a socket's read brought, put there by the system itself
 *   in     the buffer staged, at the positions it has itself: a chunk of a socket, or one frame
 *   props  a property string with its escapes resolved, and room behind it
 *   out    records, until their log moves them to memory of its own
 */
import { readFileSync } from 'node:fs';

/** What the module exports, by the names in wasm/hot-path.as.ts. Addresses are of its memory. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  start(): void;
  readAt(): number;
  inAt(): number;
  propsAt(): number;
  outAt(): number;
  topicAt(): number;
  bornHostAt(): number;
  storeHostAt(): number;
  suffixAt(): number;
  headAt(): number;
  keyStartAt(): number;
  keyEndAt(): number;
  valueStartAt(): number;
  valueEndAt(): number;
  escapedAt(): number;
  quotedAt(): number;
  byLetterAt(): number;
  lengthsAt(): number;
  unitsAt(): number;
  keyHashesAt(): number;
  keyElementsAt(): number;
  batchAt(): number;
  scan(at: number, end: number, origin: number): number;
  unescape(at: number, end: number): number;
  measureBatch(at: number, end: number, hostBytes: number, topicBytes: number, bodyBytesMax: number): number;
  encodeBatch(
    pos: number, at: number, end: number, queueId: number, sysFlag: number, bornTimestamp: number, bornBytes: number, storeTimestamp: number,
    storeBytes: number, reconsumeTimes: number, topicBytes: number, phyOffset: number, queueOffset: number, indexed: number, keySeed: number, tagSeed: number,
  ): number;
  encodeRecord(
    pos: number, at: number, end: number, propertiesBytes: number, suffixBytes: number, queueId: number, flag: number, sysFlag: number, bornTimestamp: number,
    bornBytes: number, storeTimestamp: number, storeBytes: number, reconsumeTimes: number, preparedTransactionOffset: number, topicBytes: number,
    phyOffset: number, queueOffset: number, indexed: number, keySeed: number, tagSeed: number,
  ): number;
}

/** Just what is used of WebAssembly: Node's types do not name it. */
interface WebAssemblyLike {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

function load(): Exports {
  const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyLike }).WebAssembly;
  const module = new Module(readFileSync(new URL('../codec/wasm/hot-path.wasm', import.meta.url)));
  return new Instance(module, {}).exports as Exports;
}

const native = load();
native.start();
const { buffer } = native.memory;

/** Bytes that can be staged, resolved, and laid out; members and elements that can be noted. They are the sizes in wasm/hot-path.as.ts. */
export const stagedBytesMax = 262_144;
const propsBytesMax = 66_048;
const outBytesMax = 1_048_576;
const membersMax = 96;
const elementsMax = 4096;
const keysMax = 16_384;
const topicBytesMax = 255;
const suffixBytesMax = 1024;

/** The header scanned last: code, opaque, flag, version, languageStart, languageEnd, remarkStart, remarkEnd, count of members. */
export const scanned = {
  head: new Int32Array(buffer, native.headAt(), 9),
  keyStart: new Int32Array(buffer, native.keyStartAt(), membersMax),
  keyEnd: new Int32Array(buffer, native.keyEndAt(), membersMax),
  valueStart: new Int32Array(buffer, native.valueStartAt(), membersMax),
  valueEnd: new Int32Array(buffer, native.valueEndAt(), membersMax),
  escaped: new Uint8Array(buffer, native.escapedAt(), membersMax),
  quoted: new Uint8Array(buffer, native.quotedAt(), membersMax),
  byLetter: new Int16Array(buffer, native.byLetterAt(), 128),
} as const;

/** What was laid out last, beside the records. `batch`: count of elements, count of keys. */
export const laidOut = {
  batch: new Int32Array(buffer, native.batchAt(), 2),
  lengths: new Int32Array(buffer, native.lengthsAt(), elementsMax),
  units: new Uint8Array(buffer, native.unitsAt(), elementsMax * 20),
  keyHashes: new Int32Array(buffer, native.keyHashesAt(), keysMax),
  keyElements: new Int32Array(buffer, native.keyElementsAt(), keysMax),
} as const;

/** Where records are laid out, by this module or by anyone. Who writes there has claimed it. */
export const recordBytes = Buffer.from(buffer, native.outAt(), outBytesMax);
export const recordView = new DataView(buffer, native.outAt(), outBytesMax);

/** Someone whose records lie in `recordBytes`. */
export interface RecordsOwner {
  /** Moves them to memory of its own. Does not throw. */
  settle(): void;
}

let recordsOwner: RecordsOwner | undefined;

/** From here on `recordBytes` is the caller's; what another one had there was settled. */
export function claimRecords(owner: RecordsOwner): void {
  if (owner === recordsOwner) return;
  recordsOwner?.settle();
  recordsOwner = owner;
}

/** Where `unescapeScanned` leaves its result. */
export const stagedProperties = Buffer.from(buffer, native.propsAt(), propsBytesMax);

const input = Buffer.from(buffer, native.inAt(), stagedBytesMax);
const topicBytes = new Uint8Array(buffer, native.topicAt(), 256);
const bornHostBytes = new Uint8Array(buffer, native.bornHostAt(), 20);
const storeHostBytes = new Uint8Array(buffer, native.storeHostAt(), 20);
const suffixBytes = new Uint8Array(buffer, native.suffixAt(), suffixBytesMax);

/**
 * Into this sockets read (remoting/shared-read.ts): its frames need no staging. The next read overwrites it, so whoever keeps bytes beyond the call that
 * brought them keeps a copy.
 */
export const readBytes = Buffer.from(buffer, native.readAt(), stagedBytesMax);

const readAt = native.readAt();
const inputAt = native.inAt();
/** The buffer that lies at `inputAt`, whole. */
let staged: Uint8Array | undefined;
/** The buffer scanned last, and the address of its first byte: its header may lie there alone. */
let scannedIn: Uint8Array | undefined;
let scannedAt = 0;

let topic: Uint8Array | undefined;
let bornHost: Uint8Array | undefined;
let storeHost: Uint8Array | undefined;
let suffix: Uint8Array | undefined;

/**
 * Notes where the members of the JSON header in `bytes[start..end)` lie (`scanned`, positions in `bytes`). False = it is out of the ordinary: read it in
 * full. Stages `bytes`, whole when it fits, unless sockets read into it; a buffer staged already is not looked at again: `unstage` says that its bytes change.
 */
export function scanHeader(bytes: Uint8Array, start: number, end: number): boolean {
  scannedIn = bytes;
  if (bytes === readBytes) scannedAt = readAt;
  else if (bytes.length <= stagedBytesMax) {
    if (bytes !== staged) input.set((staged = bytes));
    scannedAt = inputAt;
  } else {
    // Too large to be staged whole.
    if (end - start > stagedBytesMax) return false;
    staged = undefined;
    input.set(bytes.subarray(start, end));
    scannedAt = inputAt - start;
  }
  return native.scan(scannedAt + start, scannedAt + end, -scannedAt) !== 0;
}

/** The bytes of this buffer are going to change: it is not taken for what is staged any more. */
export function unstage(bytes: Uint8Array): void {
  if (bytes === staged) staged = undefined;
}

/** The address of a buffer's first byte, 0 when it does not lie in the memory whole. */
function addressOf(bytes: Uint8Array): number {
  return bytes === readBytes ? readAt : bytes === staged ? inputAt : 0;
}

/**
 * Resolves the escapes of the JSON text `bytes[start..end)`, which the last scan noted, into `stagedProperties`; the count of bytes, or -1 when another
 * buffer was scanned since or there is no room. A surrogate without its partner becomes `?`, as `String#getBytes(UTF_8)` writes it.
 */
export function unescapeScanned(bytes: Uint8Array, start: number, end: number): number {
  return bytes === scannedIn ? native.unescape(scannedAt + start, scannedAt + end) : -1;
}

/** What the compiled loops have to be given to lay out records. Arrays are recognized: their bytes must not change. */
export interface RecordSource {
  /** Where bodies lie, or the batch. */
  readonly body: Uint8Array;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly topic: Uint8Array;
  /** 8 or 20 bytes each. */
  readonly bornHost: Uint8Array;
  readonly storeHost: Uint8Array;
  readonly queueId: number;
  /** Host bits included. */
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly storeTimestamp: number;
  readonly reconsumeTimes: number;
  readonly phyOffset: number;
  readonly queueOffset: number;
}

/** Hosts are short and change with each connection: a loop beats a native call. */
function copyHost(target: Uint8Array, host: Uint8Array): void {
  for (let i = 0; i < host.length; i++) target[i] = host[i] as number;
}

function place(source: RecordSource): void {
  if (source.topic !== topic) topicBytes.set((topic = source.topic));
  if (source.bornHost !== bornHost) copyHost(bornHostBytes, (bornHost = source.bornHost));
  if (source.storeHost !== storeHost) copyHost(storeHostBytes, (storeHost = source.storeHost));
}

/**
 * Bytes that the records of a batch will have, 0 when they cannot be laid out here: the body is not staged, an element is malformed or above
 * `bodyBytesMax`, or there are too many. The count of elements is `laidOut.batch[0]`.
 */
export function measureBatch(source: RecordSource, bodyBytesMax: number): number {
  const at = addressOf(source.body);
  if (at === 0 || source.topic.length > topicBytesMax) return 0;
  return native.measureBatch(at + source.bodyStart, at + source.bodyEnd, source.bornHost.length + source.storeHost.length, source.topic.length, bodyBytesMax);
}

/**
 * Lays out the records of a batch just measured at `recordBytes[pos]`: the first with the offsets of `source`, the others behind it; their ConsumeQueue
 * units and, when `indexed`, hashes of their keys continued from the seeds, in the order in which an index takes them (`laidOut`).
 * False when a key or tag is not ASCII or there are too many keys: then nothing of it may be used.
 */
export function encodeBatch(pos: number, source: RecordSource, indexed: boolean, keySeed: number, tagSeed: number): boolean {
  place(source);
  const at = addressOf(source.body);
  return native.encodeBatch(
    pos, at + source.bodyStart, at + source.bodyEnd, source.queueId, source.sysFlag, source.bornTimestamp, source.bornHost.length, source.storeTimestamp,
    source.storeHost.length, source.reconsumeTimes, source.topic.length, source.phyOffset, source.queueOffset, indexed ? 1 : 0, keySeed, tagSeed,
  ) !== 0;
}

/** What one message has beside. */
export interface SingleSource extends RecordSource {
  readonly flag: number;
  readonly preparedTransactionOffset: number;
  /** From the start of the array on. */
  readonly properties: Uint8Array;
  readonly propertiesStart: number;
  readonly propertiesEnd: number;
  /** Added by the broker, behind a separator when the properties lack their last one. */
  readonly appended: Uint8Array;
}

/** True when `encodeRecord` can lay this message out: body and properties lie where the compiled loops see them. The caller has checked all sizes. */
export function canEncode(source: SingleSource): boolean {
  return addressOf(source.body) !== 0 && source.properties === stagedProperties && source.propertiesStart === 0 && source.appended.length <= suffixBytesMax &&
    source.topic.length <= topicBytesMax;
}

/**
 * Lays one record out at `recordBytes[pos]`, the bytes that message-record.ts gives. When `indexed`, its keys are in `laidOut.keyHashes` afterwards: their
 * count, or -1 when a key or tag is not ASCII or there are too many, which says nothing about the record.
 */
export function encodeStaged(pos: number, source: SingleSource, indexed: boolean, keySeed: number, tagSeed: number): number {
  place(source);
  if (source.appended !== suffix) suffixBytes.set((suffix = source.appended));
  const at = addressOf(source.body);
  return native.encodeRecord(
    pos, at + source.bodyStart, at + source.bodyEnd, source.propertiesEnd, source.appended.length, source.queueId, source.flag, source.sysFlag, source.bornTimestamp,
    source.bornHost.length, source.storeTimestamp, source.storeHost.length, source.reconsumeTimes, source.preparedTransactionOffset, source.topic.length,
    source.phyOffset, source.queueOffset, indexed ? 1 : 0, keySeed, tagSeed,
  );
}
