/**
 * The compiled inner loops (wasm/hot-path.as.ts) and the memory they work on: which bytes are staged there, and views of what the last call found.
 * There is one memory for the process. Results are those of the last call, whoever made it: they are read before anything else is staged or scanned.
 *
 *   in     the buffer staged, at the positions it has itself: a chunk of a socket, or one frame
 *   props  a property string with its escapes resolved, and room behind it
 *   out    the records of a batch
 */
import { readFileSync } from 'node:fs';

/** What the module exports, by the names in wasm/hot-path.as.ts. Addresses are of its memory. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  start(): void;
  inAt(): number;
  propsAt(): number;
  outAt(): number;
  topicAt(): number;
  bornHostAt(): number;
  storeHostAt(): number;
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
    at: number, end: number, queueId: number, sysFlag: number, bornTimestamp: number, bornBytes: number, storeTimestamp: number, storeBytes: number,
    reconsumeTimes: number, topicBytes: number, phyOffset: number, queueOffset: number, queued: number, indexed: number, keySeed: number, tagSeed: number,
  ): number;
}

/** Just what is used of WebAssembly: Node's types do not name it. */
interface WebAssemblyLike {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

function load(): Exports {
  const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyLike }).WebAssembly;
  const module = new Module(readFileSync(new URL('./wasm/hot-path.wasm', import.meta.url)));
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

/** The batch laid out last. `batch`: count of elements, count of keys. */
export const laidOut = {
  batch: new Int32Array(buffer, native.batchAt(), 2),
  out: Buffer.from(buffer, native.outAt(), outBytesMax),
  lengths: new Int32Array(buffer, native.lengthsAt(), elementsMax),
  units: new Uint8Array(buffer, native.unitsAt(), elementsMax * 20),
  keyHashes: new Int32Array(buffer, native.keyHashesAt(), keysMax),
  keyElements: new Int32Array(buffer, native.keyElementsAt(), keysMax),
} as const;

/** Where `unescapeScanned` leaves its result. */
export const stagedProperties = Buffer.from(buffer, native.propsAt(), propsBytesMax);

const input = Buffer.from(buffer, native.inAt(), stagedBytesMax);
const topicBytes = new Uint8Array(buffer, native.topicAt(), 256);
const bornHostBytes = new Uint8Array(buffer, native.bornHostAt(), 20);
const storeHostBytes = new Uint8Array(buffer, native.storeHostAt(), 20);

/** Whole, or the buffer of which only the header lies at the start of the memory: then `origin` is where it starts. */
let staged: Uint8Array | undefined;
let scannedIn: Uint8Array | undefined;
let origin = 0;
let topic: Uint8Array | undefined;
let bornHost: Uint8Array | undefined;
let storeHost: Uint8Array | undefined;

/** True when `bytes` is what lies in the memory, whole. */
export function isStaged(bytes: Uint8Array): boolean {
  return bytes === staged;
}

/**
 * Notes where the members of the JSON header in `bytes[start..end)` lie (`scanned`, positions in `bytes`). False = it is out of the ordinary: read it in
 * full. Stages `bytes`, whole when it fits; a buffer staged already is not looked at again, so its bytes must not change between scans.
 */
export function scanHeader(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes !== staged) {
    if (bytes.length > stagedBytesMax) return scanAlone(bytes, start, end);
    input.set(bytes);
    staged = scannedIn = bytes;
    origin = 0;
  }
  return native.scan(start, end, 0) !== 0;
}

/** The header of a buffer that is too large to be staged whole. */
function scanAlone(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > stagedBytesMax) return false;
  staged = undefined;
  scannedIn = bytes;
  origin = start;
  input.set(bytes.subarray(start, end));
  return native.scan(0, end - start, start) !== 0;
}

/**
 * Resolves the escapes of the JSON text `bytes[start..end)`, which the last scan noted, into `stagedProperties`; the count of bytes, or -1 when another
 * buffer was scanned since or there is no room. A surrogate without its partner becomes `?`, as `String#getBytes(UTF_8)` writes it.
 */
export function unescapeScanned(bytes: Uint8Array, start: number, end: number): number {
  return bytes === scannedIn ? native.unescape(start - origin, end - origin) : -1;
}

/** What the records of a batch have in common. */
export interface BatchRecords {
  /** The batch body is `bytes[start..end)`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly topic: Uint8Array;
  /** 8 or 20 bytes each. */
  readonly bornHost: Uint8Array;
  readonly storeHost: Uint8Array;
}

/**
 * Bytes that the records of a batch will have, 0 when they cannot be laid out here: the body is not staged, an element is malformed or above
 * `bodyBytesMax`, or there are too many. The count of elements is `laidOut.batch[0]`.
 */
export function measureBatch(batch: BatchRecords, bodyBytesMax: number): number {
  if (batch.bytes !== staged || batch.topic.length > 255) return 0;
  return native.measureBatch(batch.start, batch.end, batch.bornHost.length + batch.storeHost.length, batch.topic.length, bodyBytesMax);
}

/**
 * Lays out the records of a batch just measured (`laidOut`): the first at `phyOffset` with `queueOffset`, the others behind it. Without `queued` all have
 * that queueOffset, and there are no units; without `indexed` there are no keys, otherwise hashes continued from the seeds, in the order in which an index
 * takes them. False when a key or tag is not ASCII or there are too many keys: then nothing of it may be used.
 */
export function encodeBatch(
  batch: BatchRecords, queueId: number, sysFlag: number, bornTimestamp: number, storeTimestamp: number, reconsumeTimes: number, phyOffset: number,
  queueOffset: number, queued: boolean, indexed: boolean, keySeed: number, tagSeed: number,
): boolean {
  if (batch.topic !== topic) topicBytes.set((topic = batch.topic));
  if (batch.bornHost !== bornHost) bornHostBytes.set((bornHost = batch.bornHost));
  if (batch.storeHost !== storeHost) storeHostBytes.set((storeHost = batch.storeHost));
  return native.encodeBatch(
    batch.start, batch.end, queueId, sysFlag, bornTimestamp, batch.bornHost.length, storeTimestamp, batch.storeHost.length, reconsumeTimes,
    batch.topic.length, phyOffset, queueOffset, queued ? 1 : 0, indexed ? 1 : 0, keySeed, tagSeed,
  ) !== 0;
}
