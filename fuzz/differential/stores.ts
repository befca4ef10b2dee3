/**
 * What sequences left behind, as both servers give it after an orderly stop and a start: what is read is what was stored. Topics, groups and offsets of
 * each sequence, and its queues message by message, normalized like answers.
 */
import { requests } from '../../src/codec/requests.js';
import { readLooseJson, sorted } from '../../conformance/differential/loose-json.js';
import { differencesOf, type Difference } from '../../conformance/differential/compare.js';
import { RawClient, RawError } from '../../conformance/raw-client.js';
import { Symbols } from './normal.js';
import type { Server } from './run.js';

type Table = Readonly<Record<string, unknown>>;

/** Of one sequence: each part by its name. */
export type Left = ReadonlyMap<string, unknown>;

/** Runs whose stores are read; more are passed over. */
const runsMax = 2000;
const bodyBytesMax = 64 * 1024 * 1024;

async function table(client: RawClient, name: 'GET_ALL_TOPIC_CONFIG' | 'GET_ALL_SUBSCRIPTIONGROUP_CONFIG' | 'GET_ALL_CONSUMER_OFFSET', member: string): Promise<Table> {
  const { body } = await client.ask(name, requests[name].code, {});
  if (body.length > bodyBytesMax) throw new Error(`${name} answers with ${body.length} bytes`);
  const read = readLooseJson(body.toString('utf8')) as Table;
  return (read[member] ?? {}) as Table;
}

/** Entries whose key has the run's name. */
const own = (of: Table, run: string): Table => Object.fromEntries(Object.entries(of).filter(([key]) => key.includes(run)));

async function messages(client: RawClient, symbols: Symbols, topic: string, queueId: number): Promise<unknown> {
  try {
    return (await client.readQueue(topic, queueId)).map((record) => symbols.record(record, new Set()));
  } catch (error) {
    // A topic without the permission to read says so.
    if (error instanceof RawError) return symbols.text(error.message);
    throw error;
  }
}

/** What a server holds of each run. */
export async function readStores(server: Server, runs: readonly string[]): Promise<ReadonlyMap<string, Left>> {
  const client = await RawClient.connect(server.broker);
  try {
    const topics = await table(client, 'GET_ALL_TOPIC_CONFIG', 'topicConfigTable');
    const groups = await table(client, 'GET_ALL_SUBSCRIPTIONGROUP_CONFIG', 'subscriptionGroupTable');
    const offsets = await table(client, 'GET_ALL_CONSUMER_OFFSET', 'offsetTable');
    const out = new Map<string, Left>();
    for (const run of runs.slice(0, runsMax)) {
      const symbols = new Symbols(run, server.broker, server.namesrv);
      const left = new Map<string, unknown>();
      const plain = (of: Table): unknown => sorted(symbols.plain(own(of, run), new Set()));
      left.set('topics', plain(topics)).set('groups', plain(groups)).set('offsets', plain(offsets));
      for (const name of Object.keys(own(topics, run)).sort()) {
        const config = topics[name] as { readonly readQueueNums?: number; readonly writeQueueNums?: number };
        for (let queueId = 0; queueId < Math.min(64, config.readQueueNums ?? 0); queueId++) left.set(`${symbols.text(name)}/${queueId}`, await messages(client, symbols, name, queueId));
      }
      out.set(run, left);
    }
    return out;
  } finally {
    client.close();
  }
}

export interface StoreDifferences {
  readonly queues: number;
  readonly messages: number;
  readonly differences: readonly (Difference & { readonly run: string })[];
}

/** Part by part. A part that one side lacks is one difference. */
export function compareStores(left: ReadonlyMap<string, Left>, right: ReadonlyMap<string, Left>): StoreDifferences {
  const differences: (Difference & { readonly run: string })[] = [];
  let queues = 0;
  let count = 0;
  for (const [run, a] of left) {
    const s = right.get(run);
    for (const part of new Set([...a.keys(), ...(s?.keys() ?? [])])) {
      const answer = (body: unknown): Parameters<typeof differencesOf>[1] => ({ label: `STORE ${part}`, code: 0, remark: '', ext: {}, body: body ?? '(absent)' });
      const body = a.get(part);
      if (part.includes('/')) queues++;
      if (Array.isArray(body)) count += body.length;
      for (const one of differencesOf('random', answer(body), answer(s?.get(part)))) differences.push({ ...one, run });
    }
  }
  return { queues, messages: count, differences };
}
