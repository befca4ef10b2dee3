/** Looking for messages: by offset id, by unique id, by key, by time. What a page holds is decided here; how it looks is main.ts's. */
import { decodeOffsetMessageId } from '../../compat/message-id.js';
import { decodeMessages, inflateMessage, type DecodedMessage } from '../../codec/stored-message.js';
import { propertyNames } from '../../codec/properties.js';
import { responseCodes } from '../../codec/responses.js';
import { pullSysFlag } from '../../codec/sys-flag.js';
import { AdminError, type Cluster, type TopicBroker } from './cluster.js';

/** A group of Apache's that every broker has. `MixAll#TOOLS_CONSUMER_GROUP` */
const toolsGroup = 'TOOLS_CONSUMER';
const pullMax = 32;
/** Entries that one query of the index answers at most. `MessageStoreConfig#maxMsgsNumBatch` */
const queryMax = 64;
/** Bodies are shown and traces are read up to this size. */
const bodyBytesMax = 16 * 1024 * 1024;

export interface Span {
  readonly beginMs: number;
  readonly endMs: number;
}

export interface Page {
  /** From 1. */
  readonly page: number;
  readonly size: number;
}

export interface Found {
  readonly broker: string;
  readonly message: DecodedMessage;
}

/** One page of what was found; `total` where it is known without reading everything. */
export interface FoundPage {
  readonly found: readonly Found[];
  readonly more: boolean;
  readonly total?: number;
}

async function decode(broker: string, body: Uint8Array): Promise<Found[]> {
  const { messages, fault } = decodeMessages(body);
  if (fault !== undefined) throw new AdminError(`${broker} answers records that cannot be read: ${fault.reason} at byte ${fault.position}`);
  return Promise.all(messages.map(async (message) => {
    const inflated = await inflateMessage(message, bodyBytesMax);
    return { broker, message: inflated.ok ? { ...message, ...inflated.message } : message };
  }));
}

/** By offset id, which says at which broker and where. `MQAdminImpl#viewMessage` */
export async function byId(cluster: Cluster, msgId: string): Promise<Found[]> {
  const id = decodeOffsetMessageId(msgId);
  if (!id.ok) throw new AdminError(`'${msgId}' is no offset id: ${id.reason}`);
  if (id.address.length !== 4) throw new AdminError('offset ids of IPv6 brokers are not looked up');
  const address = `${[...id.address].join('.')}:${id.port}`;
  const answer = await cluster.get(address, 'VIEW_MESSAGE_BY_ID', { offset: id.phyOffset });
  return decode(address, answer.body);
}

interface Queried {
  readonly found: readonly Found[];
  /** The broker may know more: it answered as many as one answer holds. */
  readonly full: boolean;
}

async function queryOne(cluster: Cluster, broker: TopicBroker, topic: string, key: string, span: Span, unique: boolean): Promise<Queried> {
  const answer = await cluster.ask(broker.address, 'QUERY_MESSAGE', {
    topic, key, maxNum: queryMax, beginTimestamp: span.beginMs, endTimestamp: span.endMs, ...(unique ? { _UNIQUE_KEY_QUERY: 'true' } : {}),
  });
  if (answer.code === responseCodes.QUERY_NOT_FOUND) return { found: [], full: false };
  if (answer.code !== responseCodes.SUCCESS) throw new AdminError(`${broker.address}: ${answer.code} ${answer.remark ?? ''}`);
  // The index knows hashes: whether the key is the message's own is for us to see.
  const all = await decode(broker.name, answer.body);
  const found = all.filter(({ message }) =>
    message.topic === topic && (unique ? uniqueIdOf(message) === key : (message.properties.get(propertyNames.KEYS) ?? '').split(' ').includes(key)));
  return { found, full: all.length >= queryMax };
}

export function uniqueIdOf(message: DecodedMessage): string {
  return message.properties.get(propertyNames.UNIQ_KEY) ?? message.msgId;
}

/** Every message with that unique id: it is the same after retries of a send, and of a retried message. */
export async function byUniqueKey(cluster: Cluster, topic: string, key: string, span: Span): Promise<Found[]> {
  const brokers = await cluster.brokersOf(topic);
  const found = await Promise.all(brokers.map((broker) => queryOne(cluster, broker, topic, key, span, true)));
  return found.flatMap((one) => one.found).sort(byTime);
}

const byTime = (a: Found, b: Found): number => a.message.storeTimestamp - b.message.storeTimestamp || a.message.phyOffset - b.message.phyOffset;

/**
 * Newest of a broker first, until `enough` or until there are no more: one query answers the newest before its end. The index knows times in seconds
 * only, so of more than `queryMax` messages of one second the newest are found.
 */
async function newestByKey(cluster: Cluster, broker: TopicBroker, topic: string, key: string, span: Span, enough: number): Promise<Found[]> {
  const found = new Map<number, Found>();
  for (let endMs = span.endMs; found.size < enough;) {
    const { found: some, full } = await queryOne(cluster, broker, topic, key, { ...span, endMs }, false);
    const before = found.size;
    for (const one of some) found.set(one.message.phyOffset, one);
    const progress = found.size > before;
    if (!progress && !full) break;
    const oldestMs = Math.min(endMs, ...some.map(({ message }) => message.storeTimestamp));
    endMs = progress && oldestMs < endMs ? oldestMs : oldestMs - 1000;
    if (endMs < span.beginMs) break;
  }
  return [...found.values()].sort((a, b) => byTime(b, a));
}

/** A page of the messages that have the key among their KEYS, newest first. */
export async function byKey(cluster: Cluster, topic: string, key: string, span: Span, { page, size }: Page): Promise<FoundPage> {
  const brokers = await cluster.brokersOf(topic);
  const all = (await Promise.all(brokers.map((broker) => newestByKey(cluster, broker, topic, key, span, page * size + 1)))).flat().sort((a, b) => byTime(b, a));
  return { found: all.slice((page - 1) * size, page * size), more: all.length > page * size };
}

interface QueueSpan {
  readonly broker: TopicBroker;
  readonly queueId: number;
  readonly from: number;
  readonly until: number;
}

async function queueSpan(cluster: Cluster, topic: string, broker: TopicBroker, queueId: number, { beginMs, endMs }: Span): Promise<QueueSpan> {
  const offsetAt = async (timestamp: number): Promise<number> =>
    Number((await cluster.get(broker.address, 'SEARCH_OFFSET_BY_TIMESTAMP', { topic, queueId, timestamp, boundaryType: 'LOWER' })).ext.get('offset'));
  const bound = async (name: 'GET_MIN_OFFSET' | 'GET_MAX_OFFSET'): Promise<number> => Number((await cluster.get(broker.address, name, { topic, queueId })).ext.get('offset'));
  const [min, max] = await Promise.all([bound('GET_MIN_OFFSET'), bound('GET_MAX_OFFSET')]);
  const from = beginMs <= 0 ? min : Math.max(min, await offsetAt(beginMs));
  // An offset is found for any time, also for one behind the last message: whether it belongs to the span, its message says.
  const until = endMs >= Date.now() ? max : Math.min(max, await offsetAt(endMs + 1));
  return { broker, queueId, from, until: Math.max(from, until) };
}

/** A page of all messages stored in the span: queue after queue, each from its oldest. Another order would need all of them read. */
export async function byTimeSpan(cluster: Cluster, topic: string, span: Span, { page, size }: Page): Promise<FoundPage> {
  const brokers = await cluster.brokersOf(topic);
  const spans = await Promise.all(brokers.flatMap((broker) => Array.from({ length: broker.readQueues }, (_, queueId) => queueSpan(cluster, topic, broker, queueId, span))));
  const total = spans.reduce((sum, { from, until }) => sum + until - from, 0);
  const found: Found[] = [];
  let skip = (page - 1) * size;
  for (const { broker, queueId, from, until } of spans) {
    const start = from + Math.min(skip, until - from);
    skip -= start - from;
    found.push(...(await pullSome(cluster, topic, broker, queueId, start, Math.min(until, start + size - found.length))));
  }
  return { found: found.filter(({ message }) => message.storeTimestamp >= span.beginMs && message.storeTimestamp <= span.endMs), more: total > page * size, total };
}

async function pullSome(cluster: Cluster, topic: string, broker: TopicBroker, queueId: number, from: number, until: number): Promise<Found[]> {
  const found: Found[] = [];
  for (let queueOffset = from; queueOffset < until;) {
    const answer = await cluster.ask(broker.address, 'PULL_MESSAGE', {
      consumerGroup: toolsGroup, topic, queueId, queueOffset, maxMsgNums: Math.min(pullMax, until - queueOffset), sysFlag: pullSysFlag.SUBSCRIPTION, commitOffset: 0,
      suspendTimeoutMillis: 0, subscription: '*', subVersion: 0, expressionType: 'TAG',
    });
    const next = Number(answer.ext.get('nextBeginOffset'));
    if (answer.code === responseCodes.SUCCESS) found.push(...(await decode(broker.name, answer.body)).filter(({ message }) => message.queueOffset < until));
    else if (answer.code !== responseCodes.PULL_RETRY_IMMEDIATELY && answer.code !== responseCodes.PULL_OFFSET_MOVED) break;
    if (!(next > queueOffset)) break;
    queueOffset = next;
  }
  return found;
}

/**
 * The unique id of the message that an offset id names; undefined when it names none. Only brokers that the name server knows are asked: a unique id can
 * look like the offset id of any address.
 */
export async function uniqueIdOfOffsetId(cluster: Cluster, msgId: string, brokers: readonly TopicBroker[]): Promise<string | undefined> {
  const id = decodeOffsetMessageId(msgId);
  if (!id.ok || !brokers.some(({ address }) => address === `${[...id.address].join('.')}:${id.port}`)) return undefined;
  const [found] = await byId(cluster, msgId).catch((error: unknown) => {
    if (error instanceof AdminError) return [];
    throw error;
  });
  return found === undefined ? undefined : uniqueIdOf(found.message);
}

/** Messages of the trace topic that speak of this message, oldest first. */
export async function traceMessages(cluster: Cluster, traceTopic: string, msgId: string, span: Span, max: number): Promise<Found[]> {
  const brokers = await cluster.brokersOf(traceTopic);
  return (await Promise.all(brokers.map((broker) => newestByKey(cluster, broker, traceTopic, msgId, span, max)))).flat().sort(byTime);
}
