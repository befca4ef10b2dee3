/**
 * Takes out of mappings what is not needed any more (`TopicQueueMappingCleanService`): items whose queue has no messages left, and lists of logic queues that
 * moved on more than once. In the hours of `deleteWhen` only.
 */
import { topicConfigAndQueueMapping } from '../../codec/bodies.js';
import { responseCodes } from '../../codec/responses.js';
import type { BrokerContext } from '../broker/types.js';
import type { MappingDetail, MappingItem } from './mapping.js';
import type { MappingTable } from './mapping-table.js';
import type { BrokerPeers } from './peers.js';

/** How often it looks, in milliseconds. */
export const mappingCleanMs = 5 * 60 * 1000;

export interface MappingCleanParts {
  readonly ctx: BrokerContext;
  readonly table: MappingTable;
  readonly peers: Pick<BrokerPeers, 'call' | 'leaderOf'>;
  /** Hours of local time, separated by `;`. */
  readonly deleteWhen: () => string;
}

export class MappingClean {
  readonly #parts: MappingCleanParts;
  #running = false;

  constructor(parts: MappingCleanParts) {
    this.#parts = parts;
  }

  /** One look at every mapping. Never throws. */
  async run(): Promise<void> {
    const { ctx, table, deleteWhen } = this.#parts;
    const hour = new Date(ctx.clock.nowMs()).getHours();
    if (this.#running || table.size === 0 || !deleteWhen().split(';').some((part) => Number(part) === hour)) return;
    this.#running = true;
    try {
      for (const detail of [...table.all()]) {
        await this.#clean(detail).catch((error: unknown) => ctx.log.warn({ topic: detail.topic, error: String(error) }, 'the mapping of a static topic could not be cleaned'));
      }
    } finally {
      this.#running = false;
    }
  }

  async #clean(detail: MappingDetail): Promise<void> {
    const { table } = this.#parts;
    const topic = detail.topic ?? '';
    const hosted = new Map<number, readonly MappingItem[]>(detail.hostedQueues);
    for (const [globalId, items] of detail.hostedQueues) {
      const [earliest, leader] = [items[0], items.at(-1)];
      if (earliest === undefined || leader === undefined) continue;
      if (leader.bname === detail.bname) {
        if (items.length > 1 && (await this.#isEmpty(topic, earliest))) hosted.set(globalId, items.slice(1));
      } else if (await this.#movedOn(detail, globalId, leader)) hosted.delete(globalId);
    }
    const changed = hosted.size !== detail.hostedQueues.size || [...hosted].some(([id, items]) => items !== detail.hostedQueues.get(id));
    // It may have been changed meanwhile: the next look sees that.
    if (changed && table.get(topic) === detail) table.replace(topic, hosted);
  }

  /** The queue of the item has no messages (`cleanItemExpired`). */
  async #isEmpty(topic: string, item: MappingItem): Promise<boolean> {
    const { ctx, peers } = this.#parts;
    if (item.bname === ctx.config.brokerName) {
      const queue = ctx.store.existingQueue(topic, item.queueId);
      return queue === undefined || queue.maxOffset === queue.minOffset;
    }
    const ext = { topic, queueId: String(item.queueId) };
    const [min, max] = [await peers.call('GET_MIN_OFFSET', item.bname ?? '', ext), await peers.call('GET_MAX_OFFSET', item.bname ?? '', ext)];
    if (min.code !== responseCodes.SUCCESS || max.code !== responseCodes.SUCCESS) return false;
    const [first, end] = [min.ext.get('offset'), max.ext.get('offset')];
    return end !== undefined && first !== undefined && (end === '0' || end === first);
  }

  /** Another broker than the one we know leads the logic queue, and says so itself with our epoch (`cleanItemListMoreThanSecondGen`). */
  async #movedOn(detail: MappingDetail, globalId: number, leader: MappingItem): Promise<boolean> {
    const { peers } = this.#parts;
    const topic = detail.topic ?? '';
    const real = await peers.leaderOf(topic, globalId);
    if (real === undefined || real === leader.bname) return false;
    const answer = await peers.call('GET_TOPIC_CONFIG', real, { topic }, true);
    if (answer.code !== responseCodes.SUCCESS) return false;
    const theirs = topicConfigAndQueueMapping.decode(answer.body).mappingDetail;
    return theirs?.epoch === detail.epoch && theirs.totalQueues === detail.totalQueues && theirs.hostedQueues.get(globalId)?.at(-1)?.bname === real;
  }
}
