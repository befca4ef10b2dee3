/**
 * Static topics: how the logic queues of a topic map to queues of brokers (`LogicQueueMappingItem`, `TopicQueueMappingUtils`). A logic queue is a list of
 * items, one for each broker it lay on, oldest first; the last is the leader's. Offsets of a logic queue run on over the items. Values only; who
 * keeps them is mapping-table.ts.
 *
 *   logic offsets   0 ......... 2000 ......... 4000 ....
 *   items           gen 0        gen 1          gen 2, the leader
 *                   queue 0 of A queue 3 of B   queue 1 of A, logicOffset -1 until it is decided where it begins
 */
import type { TypeOf } from '../../codec/json-shape.js';
import type { topicQueueMappingDetail, TopicQueueMappingInfo } from '../../codec/bodies.js';

export type MappingDetail = TypeOf<typeof topicQueueMappingDetail>;
export type MappingItem = MappingDetail['hostedQueues'] extends ReadonlyMap<number, readonly (infer I)[]> ? I : never;

/** Where in the logic queue an offset of the item's queue lies, bounded to the item; -1 while the item has no logic offset. */
export function logicOffsetLoosely(item: MappingItem, physical: number): number {
  if (item.logicOffset < 0) return -1;
  if (physical < item.startOffset) return item.logicOffset;
  if (item.endOffset >= item.startOffset && item.endOffset < physical) return item.logicOffset + (item.endOffset - item.startOffset);
  return item.logicOffset + (physical - item.startOffset);
}

/** The same without the bound of the item's end. */
export function logicOffsetStrictly(item: MappingItem, physical: number): number {
  return physical < item.startOffset ? item.logicOffset : item.logicOffset + (physical - item.startOffset);
}

export function physicalOffset(item: MappingItem, logic: number): number {
  return logic - item.logicOffset + item.startOffset;
}

/** Logic offset behind the item's last message, as far as the item knows it (`computeMaxStaticQueueOffset`). */
export function logicEnd(item: MappingItem): number {
  return item.endOffset >= item.startOffset ? item.logicOffset + item.endOffset - item.startOffset : item.logicOffset;
}

export function isEndDecided(item: MappingItem): boolean {
  return item.endOffset > item.startOffset;
}

/** The item an offset lies in; the first there is for offsets before all. Items without a logic offset are passed over (`findLogicQueueMappingItem`). */
export function itemAt(items: readonly MappingItem[], logic: number): MappingItem | undefined {
  return items.findLast((item) => item.logicOffset >= 0 && logic >= item.logicOffset) ?? items.find((item) => item.logicOffset >= 0);
}

/** The item behind this one, unless it has no logic offset yet (`findNext`). */
export function itemAfter(items: readonly MappingItem[], current: MappingItem): MappingItem | undefined {
  const at = items.findIndex((item) => item.logicOffset >= 0 && item.gen === current.gen);
  const next = at < 0 ? undefined : items[at + 1];
  return next === undefined || next.logicOffset < 0 ? undefined : next;
}

/** What name servers are told (`TopicQueueMappingDetail#cloneAsMappingInfo`): the logic queues this broker leads, and its queue for each. */
export function mappingInfo(detail: MappingDetail): TopicQueueMappingInfo {
  const currIdMap = new Map<number, number>();
  for (const [globalId, items] of detail.hostedQueues) {
    const leader = items.at(-1);
    if (leader !== undefined && leader.bname === detail.bname) currIdMap.set(globalId, leader.queueId);
  }
  return { bname: detail.bname, currIdMap, dirty: false, epoch: detail.epoch, scope: '__global__', topic: detail.topic, totalQueues: detail.totalQueues };
}

/** What is wrong with the items of a logic queue (`checkLogicQueueMappingItemOffset`), in Apache's words; undefined = nothing. */
export function itemsFault(items: readonly MappingItem[]): string | undefined {
  let lastGen = -1;
  let lastOffset = -1;
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i] as MappingItem;
    if (item.startOffset < 0 || item.gen < 0 || item.queueId < 0) return 'The field is illegal, should not be negative';
    if (i <= items.length - 2 && item.logicOffset < 0) return 'The non-latest item has negative logic offset';
    if (lastGen !== -1 && item.gen >= lastGen) return 'The gen does not increase monotonically';
    if (item.endOffset !== -1 && item.endOffset < item.startOffset) return 'The endOffset is smaller than the start offset';
    if (lastOffset !== -1 && item.logicOffset !== -1) {
      if (item.logicOffset >= lastOffset) return 'The base logic offset does not increase monotonically';
      if (logicEnd(item) >= lastOffset) return 'The max logic offset does not increase monotonically';
    }
    lastGen = item.gen;
    lastOffset = item.logicOffset;
  }
  return undefined;
}

/** What items may not change into (`makeSureLogicQueueMappingItemImmutable`); its Java assertions are off by default, so the fields they name may change. */
export function changeFault(before: readonly MappingItem[], after: readonly MappingItem[], epochEqual: boolean): string | undefined {
  if (before.length === 0) return undefined;
  if (after.length === 0) return 'The new item list is null or empty';
  const [oldLeader, newLeader] = [before.at(-1) as MappingItem, after.at(-1) as MappingItem];
  const same = newLeader.gen === oldLeader.gen && newLeader.bname === oldLeader.bname && newLeader.queueId === oldLeader.queueId && newLeader.startOffset === oldLeader.startOffset;
  return epochEqual && !same ? 'The new leader is different but epoch equal' : undefined;
}
