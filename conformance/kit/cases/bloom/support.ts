/** What the bloom cases share: consume queue entries as QUERY_CONSUME_QUEUE shows them, and the positions a group's name hashes to. */
import type { Context } from '../../context.js';
import { req, res } from '../../codes.js';
import { code, Failure, notApplicable } from '../../expect.js';
import { json } from '../../session.js';

/** One entry with its bitmap as a text of 0 and 1, first position first. */
export interface Entry {
  readonly bits: string;
  /** Whether the group's bits are all set. */
  readonly passes: boolean;
}

export interface QueueView {
  readonly entries: readonly Entry[];
  readonly bitNum: number;
  readonly bitPos: readonly number[];
}

const record = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? value as Readonly<Record<string, unknown>> : {});

/** `BitsArray#toString` writes the last position first. */
const bitsOf = (text: unknown): string => (typeof text === 'string' ? [...text.replace(/[^01]/g, '')].reverse().join('') : '');

/** Queue 0 of the topic as the group sees it. Not applicable where the consume queue has no extension to keep bitmaps in. */
export async function queueView(t: Context, topic: string, group: string, count: number): Promise<QueueView> {
  const answer = await t.request(req.QUERY_CONSUME_QUEUE, { topic, queueId: 0, index: 0, count, consumerGroup: group });
  code(answer, res.SUCCESS, 'QUERY_CONSUME_QUEUE');
  const body = record(json(answer));
  const filter = record(record(JSON.parse(String(body['filterData'])))['bloomFilterData']);
  const entries = Array.isArray(body['queueData']) ? body['queueData'].map(record) : [];
  if (entries.length !== count) throw new Failure('entries of the queue', String(count), String(entries.length));
  if (entries.every((entry) => entry['bitMap'] === undefined)) {
    const config = (await t.request(req.GET_BROKER_CONFIG, {})).body.toString('utf8');
    if (!/^enableConsumeQueueExt=true\r?$/m.test(config)) notApplicable('the consume queue has no extension (enableConsumeQueueExt)');
    throw new Failure('bitmaps of the entries', 'one for each', 'none');
  }
  return {
    entries: entries.map((entry) => ({ bits: bitsOf(entry['bitMap']), passes: entry['eval'] === true })),
    bitNum: Number(filter['bitNum']), bitPos: Array.isArray(filter['bitPos']) ? filter['bitPos'].map(Number) : [],
  };
}

const mask = 0xffffffffffffffffn;
const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & mask;
const mix = (x: bigint): bigint => {
  let k = x ^ (x >> 33n);
  k = (k * 0xff51afd7ed558ccdn) & mask;
  k = ((k ^ (k >> 33n)) * 0xc4ceb9fe1a85ec53n) & mask;
  return k ^ (k >> 33n);
};

/** First 64 bits of MurmurHash3 x64 128 with seed 0. */
export function murmur64(text: string): bigint {
  const [c1, c2] = [0x87c37b91114253d5n, 0x4cf5ad432745937fn];
  const bytes = Buffer.from(text, 'utf8');
  const padded = Buffer.alloc(Math.ceil((bytes.length + 1) / 16) * 16);
  bytes.copy(padded);
  let [h1, h2] = [0n, 0n];
  for (let at = 0; at < bytes.length; at += 16) {
    h1 ^= (rotate((padded.readBigUInt64LE(at) * c1) & mask, 31n) * c2) & mask;
    const whole = at + 16 <= bytes.length;
    if (whole) h1 = (((rotate(h1, 27n) + h2) & mask) * 5n + 0x52dce729n) & mask;
    h2 ^= (rotate((padded.readBigUInt64LE(at + 8) * c2) & mask, 33n) * c1) & mask;
    if (whole) h2 = (((rotate(h2, 31n) + h1) & mask) * 5n + 0x38495ab5n) & mask;
  }
  h1 ^= BigInt(bytes.length);
  h2 ^= BigInt(bytes.length);
  h1 = (h1 + h2) & mask;
  h2 = (h2 + h1) & mask;
  return (mix(h1) + mix(h2)) & mask;
}

/** The bits of a name (`BloomFilter#calcBitPositions`): k positions below m. */
export function positions(name: string, k: number, m: number): number[] {
  const hash = murmur64(name);
  const [low, high] = [Number(BigInt.asIntN(32, hash)), Number(BigInt.asIntN(32, hash >> 32n))];
  return Array.from({ length: k }, (_, i) => {
    const combined = (low + Math.imul(i + 1, high)) | 0;
    return (combined < 0 ? ~combined : combined) % m;
  });
}
