/**
 * Which messages of a queue an orderly group has in flight (`ConsumerOrderInfoManager`): one batch per topic, group and queue, whose messages keep the
 * queue blocked until they are acknowledged or visible again. It owns config/consumerOrderInfo.json.
 */
import { isMap, longOf, longValue, mapOf, textOf } from '../../codec/json-members.js';
import { JsonMembers, jsonPieces, readJson } from '../../compat/fastjson.js';
import type { JsonMap, JsonOut } from '../../compat/fastjson.js';
import type { Disk } from '../../store/disk.js';
import { ConfigFile, fileCharsMax } from '../broker/config-file.js';
import type { BrokerContext } from '../broker/types.js';
import type { InfoList } from './extra-info.js';
import { topicKind } from './extra-info.js';

/** A batch nobody touched for this long is forgotten, in milliseconds (`#CLEAN_SPAN_FROM_LAST`). */
const forgetAfterMs = 24 * 3600 * 1000;

/** Messages a batch can have: bits of `cm`. */
const messagesMax = 64;

/** `ConsumerOrderInfoManager.OrderInfo`. */
interface OrderInfo {
  readonly attemptId: string | undefined;
  readonly popTime: number;
  invisibleTime: number;
  /** Queue offsets. */
  readonly offsets: readonly number[];
  /** When a message is visible again, by offset, where that was changed. */
  readonly nextVisible: Map<number, number>;
  /** How often a message was given before, by offset; only those that were. */
  counts: ReadonlyMap<number, number>;
  lastConsumeMs: number;
  /** Offsets acknowledged. */
  readonly acked: Set<number>;
}

/** What became of an acknowledgement; `next` is the offset to commit. */
export type OrderAck = { readonly outcome: 'commit'; readonly next: number } | { readonly outcome: 'illegal' } | { readonly outcome: 'ignored' };

export interface OrderInfos {
  load(): void;
  /** Saves soon when something changed. */
  save(): void;
  close(): Promise<void>;
  /** Notes a batch that is given now, and adds its counts to `counts`. */
  update(given: Batch, counts: InfoList): void;
  /** True while the queue's batch keeps it from being popped by this attempt. */
  blocked(attemptId: string | undefined, topic: string, group: string, queueId: number, invisibleTime: number): boolean;
  clear(topic: string, group: string, queueId: number): void;
  /** `#commitAndNext`. */
  ack(topic: string, group: string, queueId: number, offset: number, popTime: number): OrderAck;
  /** `#updateNextVisibleTime`. */
  changeVisible(topic: string, group: string, queueId: number, offset: number, popTime: number, nextVisibleMs: number): void;
  /** `MemoryConsumerOrderInfoManager#suspendQueue`: the whole batch is visible again then, and this time does not count as one it was given. */
  suspend(topic: string, group: string, queueId: number, popTime: number, visibleMs: number): void;
  /** Forgets all queues of a topic. */
  remove(topic: string, group: string): void;
  /** Forgets batches of what is gone, and those that nobody touched for a day. */
  clean(): void;
  /** Topics and groups. */
  readonly size: number;
  /** When the queue is free again if nobody acknowledges; undefined when it is not blocked. */
  freeAt(topic: string, group: string, queueId: number): number | undefined;
}

export interface Batch {
  readonly attemptId: string | undefined;
  readonly topic: string;
  readonly group: string;
  readonly queueId: number;
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly offsets: readonly number[];
}

function visibleAt(info: OrderInfo, offset: number): number {
  return info.nextVisible.get(offset) ?? info.popTime + info.invisibleTime;
}

/** How often each message of a new batch was given before (`OrderInfo#mergeOffsetConsumedCount`). */
function countsAfter(before: OrderInfo | undefined, batch: Batch): ReadonlyMap<number, number> {
  if (before === undefined) return new Map();
  if (before.attemptId !== undefined && before.attemptId === batch.attemptId) return before.counts;
  const given = new Set(before.offsets);
  const counts = new Map<number, number>();
  for (const offset of batch.offsets) if (given.has(offset)) counts.set(offset, (before.counts.get(offset) ?? 0) + 1);
  return counts;
}

/** @param disk undefined = the table lives in memory only (`MemoryConsumerOrderInfoManager`) */
export function createOrderInfos(ctx: BrokerContext, disk: Disk | undefined): OrderInfos {
  /** `topic@group` -> queue id. */
  const table = new Map<string, Map<number, OrderInfo>>();
  let dirty = false;
  const file = disk === undefined ? undefined : new ConfigFile({
    disk,
    path: `${ctx.config.storePathConfigDir}/consumerOrderInfo.json`,
    log: ctx.log,
    encode: () => jsonPieces(value(), true),
  });
  const find = (topic: string, group: string, queueId: number): OrderInfo | undefined => table.get(`${topic}@${group}`)?.get(queueId);

  /** `#autoClean`. */
  function clean(): void {
    const nowMs = ctx.clock.nowMs();
    for (const [key, queues] of table) {
      const [topic, group, ...more] = key.split('@');
      if (topic === undefined || group === undefined || more.length > 0) continue;
      const config = ctx.topics.get(topic)?.config;
      if (config === undefined || ctx.groups.get(group) === undefined) {
        table.delete(key);
        continue;
      }
      for (const [queueId, info] of queues) {
        if (queueId >= config.readQueueNums || nowMs - info.lastConsumeMs > forgetAfterMs) queues.delete(queueId);
      }
      if (queues.size === 0) table.delete(key);
    }
  }

  function value(): JsonOut {
    clean();
    let count = 0;
    for (const queues of table.values()) count += queues.size;
    return {
      orderInfoCount: count,
      orderedConsumptionLevel: 'QUEUE',
      table: new JsonMembers(function* byKey() {
        for (const [key, queues] of table) {
          const byQueue = new Map<number, JsonOut>();
          for (const [queueId, info] of queues) byQueue.set(queueId, encodeInfo(info));
          yield [key, byQueue];
        }
      }),
    };
  }

  function decode(text: string): void {
    const root = readJson(text, fileCharsMax);
    if (!isMap(root)) throw new TypeError('consumerOrderInfo.json is no object');
    for (const [key, queues] of mapOf(root, 'table')) {
      if (typeof key !== 'string' || !isMap(queues)) continue;
      const read = new Map<number, OrderInfo>();
      for (const [id, bean] of queues) {
        const queueId = typeof id === 'string' ? longValue(id) : undefined;
        const info = isMap(bean) ? decodeInfo(bean) : undefined;
        if (queueId !== undefined && info !== undefined) read.set(queueId, info);
      }
      table.set(key, read);
    }
  }

  return {
    load() {
      file?.load(decode);
    },
    save() {
      if (!dirty) return;
      dirty = false;
      file?.save();
    },
    async close() {
      if (dirty) file?.save();
      dirty = false;
      await file?.flush();
    },
    update(given, counts) {
      const key = `${given.topic}@${given.group}`;
      let queues = table.get(key);
      if (queues === undefined) table.set(key, (queues = new Map<number, OrderInfo>()));
      const info: OrderInfo = {
        attemptId: given.attemptId, popTime: given.popTime, invisibleTime: given.invisibleTime, offsets: given.offsets.slice(0, messagesMax),
        nextVisible: new Map(), counts: countsAfter(queues.get(given.queueId), given), lastConsumeMs: ctx.clock.nowMs(), acked: new Set(),
      };
      queues.set(given.queueId, info);
      dirty = true;
      const kind = topicKind(given.topic);
      for (const [offset, times] of info.counts) counts.add(kind, `qo${given.queueId}%${offset}`, times);
      // Old clients know one count per queue only.
      const least = info.counts.size === info.offsets.length ? Math.min(...info.counts.values()) : 0;
      counts.add(kind, given.queueId, Number.isFinite(least) ? least : 0);
    },
    blocked(attemptId, topic, group, queueId, invisibleTime) {
      const info = find(topic, group, queueId);
      if (info === undefined || (info.attemptId !== undefined && info.attemptId === attemptId)) return false;
      if (info.invisibleTime <= 0) info.invisibleTime = invisibleTime;
      const nowMs = ctx.clock.nowMs();
      return info.offsets.some((offset) => !info.acked.has(offset) && nowMs < visibleAt(info, offset));
    },
    clear(topic, group, queueId) {
      if (table.get(`${topic}@${group}`)?.delete(queueId) === true) dirty = true;
    },
    ack(topic, group, queueId, offset, popTime) {
      const info = find(topic, group, queueId);
      if (info === undefined) return { outcome: 'commit', next: offset + 1 };
      if (info.offsets.length === 0) return { outcome: 'illegal' };
      if (popTime !== info.popTime) return { outcome: 'ignored' };
      if (!info.offsets.includes(offset)) return { outcome: 'illegal' };
      info.acked.add(offset);
      dirty = true;
      const left = info.offsets.find((one) => !info.acked.has(one));
      return { outcome: 'commit', next: left ?? (info.offsets[info.offsets.length - 1] ?? offset) + 1 };
    },
    changeVisible(topic, group, queueId, offset, popTime, nextVisibleMs) {
      const info = find(topic, group, queueId);
      if (info === undefined || info.popTime !== popTime || !info.offsets.includes(offset)) return;
      info.nextVisible.set(offset, nextVisibleMs);
      dirty = true;
    },
    suspend(topic, group, queueId, popTime, visibleMs) {
      const info = find(topic, group, queueId);
      if (info === undefined || info.popTime !== popTime) return;
      info.counts = new Map([...info.counts].map(([offset, times]) => [offset, Math.max(0, times - 1)]));
      info.nextVisible.clear();
      info.invisibleTime = visibleMs - popTime;
      dirty = true;
    },
    remove(topic, group) {
      if (table.delete(`${topic}@${group}`)) dirty = true;
    },
    clean,
    get size() {
      return table.size;
    },
    freeAt(topic, group, queueId) {
      const info = find(topic, group, queueId);
      const left = info?.offsets.filter((offset) => !info.acked.has(offset)) ?? [];
      return info === undefined || left.length === 0 ? undefined : Math.max(...left.map((offset) => visibleAt(info, offset)));
    },
  };
}

/** Offsets as Apache keeps them: the first, then the distances from it. */
function encodeInfo(info: OrderInfo): JsonOut {
  const first = info.offsets[0] ?? 0;
  // 64 bits, signed as Java's long.
  let bits = 0n;
  info.offsets.forEach((offset, i) => {
    if (info.acked.has(offset)) bits |= 1n << BigInt(i);
  });
  return {
    ...(info.attemptId === undefined ? {} : { a: info.attemptId }),
    cm: BigInt.asIntN(64, bits),
    i: info.invisibleTime,
    l: info.lastConsumeMs,
    o: info.offsets.map((offset, i) => (i === 0 ? offset : offset - first)),
    ...(info.counts.size === 0 ? {} : { oc: info.counts }),
    ...(info.nextVisible.size === 0 ? {} : { ot: info.nextVisible }),
    popTime: info.popTime,
  };
}

function decodeInfo(bean: JsonMap): OrderInfo | undefined {
  const list = bean.get('o');
  if (!Array.isArray(list)) return undefined;
  const numbers = (list as readonly unknown[]).map((one) => (typeof one === 'number' && Number.isSafeInteger(one) ? one : undefined));
  const first = numbers[0];
  if (first === undefined || numbers.length > messagesMax || numbers.includes(undefined)) return undefined;
  const offsets = numbers.map((one, i) => (i === 0 ? first : first + (one ?? 0)));
  const cm = bean.get('cm');
  const bits = typeof cm === 'bigint' ? cm : BigInt(typeof cm === 'number' && Number.isSafeInteger(cm) ? cm : 0);
  return {
    offsets,
    attemptId: textOf(bean, 'a'),
    popTime: longOf(bean, 'popTime', 0),
    invisibleTime: longOf(bean, 'i', 0),
    lastConsumeMs: longOf(bean, 'l', 0),
    nextVisible: longMap(mapOf(bean, 'ot')),
    counts: longMap(mapOf(bean, 'oc')),
    acked: new Set(offsets.filter((_, i) => (bits >> BigInt(i)) & 1n)),
  };
}

function longMap(map: JsonMap): Map<number, number> {
  const out = new Map<number, number>();
  for (const [key, value] of map) {
    const name = typeof key === 'string' ? longValue(key) : undefined;
    const number = longValue(value);
    if (name !== undefined && number !== undefined) out.set(name, number);
  }
  return out;
}
