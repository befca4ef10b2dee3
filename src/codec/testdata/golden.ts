// The golden data of the codec's tests, each file with its provenance inside. It lies beside this source, and the compiled tests
// find it either copied beside them or in the project's source tree.
import { existsSync, readFileSync } from 'node:fs';

function load<T>(name: string): T {
  const places = [new URL(name, import.meta.url), new URL(`../../../../src/codec/testdata/${name}`, import.meta.url)];
  const place = places.find((url) => existsSync(url));
  if (place === undefined) throw new Error(`golden data ${name} is missing`);
  return JSON.parse(readFileSync(place, 'utf8')) as T;
}

export interface CapturedBody {
  /** SDK and version that received or sent the body. */
  readonly client: string;
  readonly bytes: number;
  readonly hex: string;
}

const goldenFile = load<{ values: Record<string, string>; aliOnsCompressedBody: string }>('golden-values.json');

/** A value that Apache's classes computed, by the text that says what was computed. */
export function golden(name: string): string {
  const value = goldenFile.values[name];
  if (value === undefined) throw new Error(`no golden value ${name}`);
  return value;
}

/** A body that a real client compressed with zlib: 9000 zero bytes. */
export const aliOnsCompressedBody = Buffer.from(goldenFile.aliOnsCompressedBody, 'hex');

/** Concatenated records that Apache's broker answered with. */
export const pulledRecords = load<{ bodies: (CapturedBody & { request: string })[] }>('pulled-records.json').bodies;

/** Batch bodies that real clients sent. */
export const sentBatches = load<{ bodies: (CapturedBody & { code: number })[] }>('sent-batches.json').bodies;

/** Constants and header classes of Apache: codes by name, and by class the fields as `name:Type`, `!` where it is CFNotNull, `^` where it is inherited. */
export const apacheCodes = load<{ responses: Record<string, number>; requests: Record<string, number>; headers: Record<string, string> }>('apache-codes.json');

/** Descriptors of Apache's gRPC service: numbers of enums by name, and by message its fields as `number type label`. */
export const apacheGrpc = load<{ enums: Record<string, Record<string, number>>; messages: Record<string, Record<string, string>> }>('apache-grpc.json');
