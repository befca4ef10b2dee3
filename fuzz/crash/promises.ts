/** Whether a broker that started again after a crash keeps what it promised before. */
import type { Context } from '../../conformance/kit/context.js';
import { req } from '../../conformance/kit/codes.js';
import type { StoredMessage } from '../../conformance/kit/wire/record.js';
import type { CrashKind } from '../../src/store/simulated-disk.js';
import type { World } from '../sim/world.js';
import { groups, popInvisibleMs, topics, type Promised, type Script } from './script.js';

export interface Crash {
  readonly flush: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
  readonly kind: CrashKind;
  /** Milliseconds of the world. */
  readonly crashedAt: number;
  /** There was none: the script ended and the broker was stopped in order. */
  readonly clean: boolean;
}

/** With ASYNC_FLUSH what was written is synced so much later: `flushIntervalCommitLog` and what a sync takes. */
const logWindowMs = 560;
/** Consumer offsets reach the disk so much later: `flushConsumerOffsetInterval` and what writing the table takes. */
const offsetWindowMs = 560;
/** Everything delayed, popped or checked has come by then. */
const patienceMs = 9000;

/** Asks the broker; sentences for what is not as promised. Time passes. */
export async function judge(script: Script, t: Context, world: World, crash: Crash): Promise<string[]> {
  const wrong: string[] = [];
  const sure = (windowMs: number): Promised[] => script.promised.filter((one) => crash.clean || one.at < crash.crashedAt - windowMs);
  const logWindow = crash.kind === 'power' && crash.flush === 'ASYNC_FLUSH' ? logWindowMs : 0;
  const kept = sure(logWindow);
  const queues = await readAll(t, script, wrong);
  for (const one of kept) {
    if (one.what !== 'message') continue;
    const queue = queues.get(`${one.topic}/${one.queueId}`);
    const found = queue?.messages.get(one.queueOffset);
    if (script.promised.some((other) => other.what === 'noTopic' && other.name === one.topic)) continue;
    if (script.unsure.has(one.topic)) continue;
    if (script.expired && one.queueOffset < (queue?.min ?? 0)) continue;
    if (found?.properties['KEYS'] !== one.key) wrong.push(`${one.key}, acknowledged at ${one.topic}/${one.queueId} offset ${one.queueOffset}, is not there: ${found?.properties['KEYS'] ?? 'nothing'}`);
  }
  // Their tables are synced before the answer, whatever the flush mode.
  await judgeTables(script, t, sure(0), wrong);
  await judgeOffsets(script, t, sure(Math.max(logWindow, offsetWindowMs)), wrong);
  await world.sleep(patienceMs);
  const later = await readAll(t, script, wrong);
  judgeArrivals(script, kept, later, wrong);
  await judgePopped(script, t, kept, queues, wrong);
  await judgeWorksOn(script, t, wrong);
  return wrong;
}

interface Queue {
  readonly min: number;
  readonly messages: ReadonlyMap<number, StoredMessage>;
}

/** Every queue of the script's topics, from its first offset to its last; nothing in it that was never sent. */
async function readAll(t: Context, script: Script, wrong: string[]): Promise<Map<string, Queue>> {
  const out = new Map<string, Queue>();
  for (const topic of Object.values(topics)) {
    for (let queueId = 0; queueId < 2; queueId++) {
      const [max, min] = [await t.maxOffset(topic, queueId), await t.minOffset(topic, queueId)];
      if (max.code !== 0 || min.code !== 0) continue;
      const messages = new Map<number, StoredMessage>();
      for (let offset = min.offset; offset < max.offset;) {
        const answer = await t.pull(topic, { queueId, offset, group: groups.reader });
        if (answer.code !== 0 || answer.messages.length === 0) {
          wrong.push(`${topic}/${queueId} cannot be read at ${offset} of ${min.offset}..${max.offset}: ${answer.code} ${answer.remark ?? ''}`);
          break;
        }
        for (const message of answer.messages) {
          if (message.queueOffset !== offset) wrong.push(`${topic}/${queueId} answers offset ${message.queueOffset} where ${offset} was next`);
          offset = message.queueOffset + 1;
          const key = message.properties['KEYS'] ?? '';
          const body = script.tried.get(key);
          if (body === undefined) wrong.push(`${topic}/${queueId} offset ${message.queueOffset} holds ${JSON.stringify(key)}, which nobody sent`);
          else if (body !== message.body.toString()) wrong.push(`${topic}/${queueId} offset ${message.queueOffset} holds ${key} with another body`);
          messages.set(message.queueOffset, message);
        }
      }
      out.set(`${topic}/${queueId}`, { min: min.offset, messages });
    }
  }
  return out;
}

/** Topics and groups are where they were made, and gone where they were deleted: the last word on each counts. */
async function judgeTables(script: Script, t: Context, kept: readonly Promised[], wrong: string[]): Promise<void> {
  const config = JSON.parse((await t.request(req.GET_ALL_TOPIC_CONFIG)).body.toString()) as { topicConfigTable: Record<string, unknown> };
  const subscriptions = JSON.parse((await t.request(req.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)).body.toString()) as { subscriptionGroupTable: Record<string, unknown> };
  const last = new Map<string, Promised>();
  for (const one of kept) if ('name' in one) last.set(one.name, one);
  // Acknowledged later than what is sure: either is right.
  const open = new Set([...script.unsure, ...script.promised.slice(kept.length).flatMap((one) => ('name' in one ? [one.name] : []))]);
  for (const [name, one] of last) {
    if (open.has(name)) continue;
    const there = one.what === 'topic' || one.what === 'noTopic' ? Object.hasOwn(config.topicConfigTable, name) : Object.hasOwn(subscriptions.subscriptionGroupTable, name);
    if (there !== (one.what === 'topic' || one.what === 'group')) wrong.push(`${one.what} ${name} was acknowledged and is not so`);
  }
}

async function judgeOffsets(script: Script, t: Context, kept: readonly Promised[], wrong: string[]): Promise<void> {
  const committed = kept.flatMap((one) => (one.what === 'offset' ? [one.queueOffset] : []));
  const tried = script.promised.flatMap((one) => (one.what === 'offset' ? [one.queueOffset] : []));
  const least = committed.at(-1);
  const answer = await t.queryOffset(groups.reader, topics.plain, 0, { setZeroIfNotFound: false });
  if (least !== undefined && (answer.code !== 0 || answer.offset < least)) wrong.push(`offset ${least} was committed long before, and it is ${answer.code === 0 ? answer.offset : `unknown (${answer.code})`}`);
  if (answer.code === 0 && answer.offset !== 0 && !tried.includes(answer.offset) && answer.offset !== 4 && answer.offset !== 2) wrong.push(`offset ${answer.offset} was never committed`);
}

function judgeArrivals(script: Script, kept: readonly Promised[], queues: ReadonlyMap<string, Queue>, wrong: string[]): void {
  const times = new Map<string, number>();
  for (const { messages } of queues.values()) for (const message of messages.values()) times.set(message.properties['KEYS'] ?? '', (times.get(message.properties['KEYS'] ?? '') ?? 0) + 1);
  for (const one of script.promised) if (one.what === 'never' && times.has(one.key)) wrong.push(`${one.key} was not committed and is there`);
  for (const one of kept) if (one.what === 'comes' && !times.has(one.key) && !(script.expired)) wrong.push(`${one.key} was acknowledged and never came`);
  const plain = new Set(script.promised.flatMap((one) => (one.what === 'message' ? [one.key] : [])));
  for (const [key, count] of times) if (plain.has(key) && count > 1) wrong.push(`${key} is there ${count} times`);
}

/** What was popped and not acknowledged comes again, what was acknowledged does not. */
async function judgePopped(script: Script, t: Context, kept: readonly Promised[], queues: ReadonlyMap<string, Queue>, wrong: string[]): Promise<void> {
  if (!kept.some((one) => one.what === 'group' && one.name === groups.popper)) return;
  const seen = new Set<string>();
  for (let idle = 0; idle < 4;) {
    const popped = await t.pop(topics.popped, groups.popper, { max: 8, invisibleMs: 60_000 });
    if (popped.messages.length === 0) idle++;
    for (const message of popped.messages) seen.add(message.properties['KEYS'] ?? '');
  }
  void popInvisibleMs;
  const taken = new Set(script.promised.flatMap((one) => (one.what === 'taken' ? [one.key] : [])));
  for (const one of kept) if (one.what === 'taken' && seen.has(one.key)) wrong.push(`${one.key} was popped and acknowledged and comes again`);
  const { min = 0 } = queues.get(`${topics.popped}/0`) ?? {};
  for (const one of kept) {
    if (one.what !== 'message' || one.topic !== topics.popped || one.queueOffset < min || taken.has(one.key) || seen.has(one.key)) continue;
    // Its acknowledgement may have been on its way.
    const first = script.promised.find((other) => other.what === 'message' && other.topic === topics.popped);
    if (one.key !== (first !== undefined && 'key' in first ? first.key : '')) wrong.push(`${one.key} was stored and never acknowledged by a consumer, and cannot be popped`);
  }
}

/** New messages are taken at the next offset, and found. */
async function judgeWorksOn(script: Script, t: Context, wrong: string[]): Promise<void> {
  const max = await t.maxOffset(topics.plain, 0);
  if (max.code !== 0) return;
  const known = script.promised.some((one) => one.what === 'topic' && one.name === topics.plain);
  if (!known) return;
  const sent = await t.send(topics.plain, { body: 'after', keys: 'after', properties: { UNIQ_KEY: 'Uafter' } });
  if (sent.code !== 0 || sent.queueOffset !== max.offset) wrong.push(`a new message is answered ${sent.code} at offset ${sent.queueOffset}, ${max.offset} was next`);
}
