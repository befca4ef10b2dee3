/**
 * What cases left on an endpoint: topics and groups that a deletion did not reach, because the run was interrupted, the broker was away, or a late
 * request made them again. A run sweeps what carries its id; `--clean` what carries the prefix.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { req } from './codes.js';
import { EndpointError, RawConnection } from './connection.js';
import type { Endpoint } from './endpoint.js';
import { json, Session } from './session.js';

/** Names on the endpoint. */
export interface Leftovers {
  readonly topics: readonly string[];
  readonly groups: readonly string[];
}

export interface SweepOptions {
  /** How long a broker that is away is waited for; default 10000. */
  readonly patienceMs?: number;
  /** For each deletion; default 3000. */
  readonly cleanupMs?: number | undefined;
}

const patienceMsDefault = 10_000;
const requestMs = 5000;

/** Ids of runs stand in every name that a case makes. */
export function ofRun(runId: string): (name: string) => boolean {
  return (name) => name.includes(`_${runId}`);
}

/** Retry and dead letter topics begin with a word of their own. */
export function ofPrefix(prefix: string): (name: string) => boolean {
  return (name) => name.replace(/^%(?:RETRY|DLQ)%/, '').startsWith(prefix);
}

/** What the broker and the name server have of these names. @throws EndpointError when they cannot be asked. */
export async function leftovers(endpoint: Endpoint, mine: (name: string) => boolean): Promise<Leftovers> {
  const [config, groups, routes] = [
    await ask(endpoint, endpoint.broker, req.GET_ALL_TOPIC_CONFIG), await ask(endpoint, endpoint.broker, req.GET_ALL_SUBSCRIPTIONGROUP_CONFIG),
    endpoint.features.has('namesrv-admin') ? await ask(endpoint, endpoint.namesrv, req.GET_ALL_TOPIC_LIST_FROM_NAMESERVER) : undefined,
  ];
  const topics = [...Object.keys(record(config['topicConfigTable'])), ...list(routes?.['topicList'])];
  return { topics: [...new Set(topics)].filter(mine).sort(), groups: Object.keys(record(groups['subscriptionGroupTable'])).filter(mine).sort() };
}

/** Deletes what there is of these names. Never rejects; answers what is to be said of it, nothing when nothing remains. */
export async function sweep(endpoint: Endpoint, mine: (name: string) => boolean, options: SweepOptions = {}): Promise<{ readonly deleted: Leftovers; readonly notes: readonly string[] }> {
  const none: Leftovers = { topics: [], groups: [] };
  if (endpoint.keepsTopics || !endpoint.features.has('admin')) return { deleted: none, notes: [] };
  try {
    const found = await patiently(() => leftovers(endpoint, mine), options.patienceMs ?? patienceMsDefault);
    if (found.topics.length + found.groups.length === 0) return { deleted: none, notes: [] };
    const session = new Session({ endpoint, caseName: 'sweep', seed: 0, prefix: '', runId: '', cleanupMs: options.cleanupMs, wireLog: false });
    for (const topic of found.topics) session.forgetTopic(topic);
    for (const group of found.groups) session.forgetGroup(group);
    await session.end();
    const left = await leftovers(endpoint, mine);
    const deleted = { topics: found.topics.filter((one) => !left.topics.includes(one)), groups: found.groups.filter((one) => !left.groups.includes(one)) };
    return { deleted, notes: left.topics.length + left.groups.length === 0 ? [] : [`left on the endpoint: ${told([...left.topics, ...left.groups])}`] };
  } catch (error) {
    return { deleted: none, notes: [`what the run left on the endpoint could not be looked for (conform --clean does it later): ${error instanceof Error ? error.message : String(error)}`] };
  }
}

function told(names: readonly string[]): string {
  return `${names.slice(0, 10).join(', ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`;
}

/** Again while nobody answers there: a broker that was killed may be on its way back. */
async function patiently<T>(what: () => Promise<T>, patienceMs: number): Promise<T> {
  for (const end = Date.now() + patienceMs; ; await sleep(200)) {
    try {
      return await what();
    } catch (error) {
      if (!(error instanceof EndpointError) || Date.now() >= end) throw error;
    }
  }
}

async function ask(endpoint: Endpoint, address: string, code: number): Promise<Readonly<Record<string, unknown>>> {
  const connection = await RawConnection.open(address, { timeoutMs: requestMs, signer: endpoint.signer });
  try {
    const answer = await connection.request(code, {}, { timeoutMs: requestMs });
    return answer.code === 0 ? record(json(answer)) : {};
  } finally {
    connection.close();
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? value as Readonly<Record<string, unknown>> : {};
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
