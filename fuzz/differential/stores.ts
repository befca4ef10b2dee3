/**
 * What sequences left behind, as both servers give it after an orderly stop and a start: what is read is what was stored. Topics, groups and offsets of
 * each sequence, and its queues message by message, normalized like answers.
 */
import { requests } from '../../src/codec/requests.js';
import { readLooseJson, sorted } from '../../conformance/differential/loose-json.js';
import { covers, differencesOf, type Accepted, type Difference } from '../../conformance/differential/compare.js';
import { RawClient, RawError } from '../../conformance/raw-client.js';
import { accepted } from './accepted.js';
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

const retryPrefix = '%RETRY%';
/**
 * The most queues that a group of a sequence has for what is sent back. A retry topic keeps the number it was made with, while messages are sent back to any queue below the
 * group's number of now, in Apache and here: what lies behind the queues that may be read would be seen by chance only.
 */
const retryQueues = 2;
/** What depends on the queue that a message sent back came to. */
const byQueue: ReadonlySet<string> = new Set(['queueId', 'queueOffset', 'at', 'REAL_QID']);

/**
 * The queues of a retry topic as one, in no order: Apache draws the queue that a message is sent back to
 * (`AbstractSendMessageProcessor#consumerSendMsgBack`). Names of messages that only these queues have come in the order of reading, and are left out.
 */
export function withoutQueues(records: readonly unknown[]): readonly unknown[] {
  const texts = records.map((record) => JSON.stringify(record, (name, value: unknown) => (byQueue.has(name) ? '<any>' : value)).replace(/<stored \d+>/g, '<stored>'));
  return texts.sort().map((text) => JSON.parse(text) as unknown);
}

/** Names of topics; retry topics last, so that names of messages elsewhere do not depend on their queues. */
function inReadingOrder(names: readonly string[]): readonly string[] {
  const isRetry = (name: string): boolean => name.startsWith(retryPrefix);
  return [...names].sort((a, b) => Number(isRetry(a)) - Number(isRetry(b)) || (a < b ? -1 : 1));
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
      const symbols = new Symbols(run, server.broker, server.namesrv, true);
      const left = new Map<string, unknown>();
      const plain = (of: Table): unknown => sorted(symbols.plain(own(of, run), new Set()));
      left.set('topics', plain(topics)).set('groups', plain(groups)).set('offsets', plain(offsets));
      for (const name of inReadingOrder(Object.keys(own(topics, run)))) {
        const { readQueueNums = 0 } = topics[name] as { readonly readQueueNums?: number };
        const isRetry = name.startsWith(retryPrefix);
        if (isRetry && readQueueNums < retryQueues) await client.createTopic(name, retryQueues);
        const queues: unknown[] = [];
        for (let queueId = 0; queueId < Math.min(64, isRetry ? Math.max(retryQueues, readQueueNums) : readQueueNums); queueId++) queues.push(await messages(client, symbols, name, queueId));
        if (isRetry) left.set(`${symbols.text(name)}/*`, withoutQueues(queues.flat()));
        else for (const [queueId, found] of queues.entries()) left.set(`${symbols.text(name)}/${queueId}`, found);
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
  /** Divergences whose rows explain a difference, one for each. */
  readonly explained: readonly string[];
}

/** Part by part. A part that one side lacks is one difference. */
export function compareStores(left: ReadonlyMap<string, Left>, right: ReadonlyMap<string, Left>, rows: readonly Accepted[] = accepted): StoreDifferences {
  const differences: (Difference & { readonly run: string })[] = [];
  const explained: string[] = [];
  let queues = 0;
  let count = 0;
  for (const [run, a] of left) {
    const s = right.get(run);
    for (const part of new Set([...a.keys(), ...(s?.keys() ?? [])])) {
      const answer = (body: unknown): Parameters<typeof differencesOf>[1] => ({ label: `STORE ${part}`, code: 0, remark: '', ext: {}, body: body ?? '(absent)' });
      const body = a.get(part);
      if (part.includes('/')) queues++;
      if (Array.isArray(body)) count += body.length;
      for (const one of differencesOf('random', answer(body), answer(s?.get(part)))) {
        const row = rows.find((accepts) => covers(accepts, one));
        if (row === undefined) differences.push({ ...one, run });
        else explained.push(row.divergence);
      }
    }
  }
  return { queues, messages: count, differences, explained };
}
