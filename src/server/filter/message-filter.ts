/**
 * The filter of a read: by tags, or by an expression (`ExpressionMessageFilter`, `ExpressionForRetryMessageFilter`): first the bits beside the queue's
 * entry when they can say no, then the properties of the record.
 */
import { propertyNames } from '../../codec/properties.js';
import type { EntryExtension, MessageFilter } from '../../store/types.js';
import { isTagType, tagFilterOf } from '../broker/subscription.js';
import type { Subscription } from '../broker/types.js';
import { hasBits } from './bloom-filter.js';
import type { BloomFilterData } from './bloom-filter.js';
import type { ConsumerFilterTable, FilterData } from './filter-data.js';
import { RecordProperties } from './property-source.js';
import { verdict } from './sql-compile.js';
import type { PropertyKey } from './sql-compile.js';

/** `MixAll#RETRY_GROUP_TOPIC_PREFIX`. */
const retryPrefix = '%RETRY%';

const retryTopicKey: PropertyKey = { name: propertyNames.RETRY_TOPIC, bytes: Buffer.from(propertyNames.RETRY_TOPIC) };

/** `KeyBuilder#parseGroup`: the group of a retry topic, of a pop retry topic too (`%RETRY%group+topic`). */
function groupOfRetry(topic: string): string {
  return topic.slice(retryPrefix.length).split('+')[0] as string;
}

/** What pulls and pops ask for their filter. */
export interface FilterRegistry {
  /** The expression a group registered for a topic by heartbeat. */
  get(topic: string, group: string): FilterData | undefined;
  /** Data for a request that brings its own expression, or why that does not compile. */
  build(topic: string, group: string, expression: string, expressionType: string, clientVersion: bigint): FilterData | string;
  /** The filter of a subscription; `data` says what its expression means. Undefined = everything matches. */
  filterOf(subscription: Subscription, data: FilterData | undefined): MessageFilter | undefined;
}

export interface FilterOptions {
  readonly table: ConsumerFilterTable;
  /** A retry topic that is asked for with an expression: judge by what the group registered for the topic the message came from. */
  readonly filterSupportRetry: boolean;
}

export function createFilterRegistry(options: FilterOptions): FilterRegistry {
  const { table, filterSupportRetry } = options;
  /** Filters know each other again by identity: held pulls of one group share one look at an arrival. */
  const filters = new WeakMap<FilterData, MessageFilter>();
  const properties = new RecordProperties();

  const judged = (data: FilterData): boolean => data.judge?.(properties) === verdict.YES;

  /** `ExpressionMessageFilter#isMatchedByConsumeQueue`: only bits computed by this very expression can refuse. */
  const byBits = (bloom: BloomFilterData, bornTime: number) => (_tagsCode: number, extension?: EntryExtension): boolean =>
    extension === undefined || extension.msgStoreTime <= bornTime || extension.bitMapBytes * 8 !== bloom.bitNum || hasBits(extension.bytes, extension.bitMapStart, bloom.bitPos);

  /** A record that cannot be read has no properties, as Apache's decoder gives none. */
  const byRecord = (data: FilterData) => (bytes: Uint8Array, start: number, end: number): boolean => {
    properties.read(bytes, start, end);
    return judged(data);
  };

  const byOrigin = (group: string) => (bytes: Uint8Array, start: number, end: number): boolean => {
    properties.read(bytes, start, end);
    const topic = properties.get(retryTopicKey);
    const origin = topic === undefined ? undefined : table.get(topic, group);
    return origin?.judge === undefined || judged(origin);
  };

  return {
    get: (topic, group) => table.get(topic, group),
    build: (topic, group, expression, expressionType, clientVersion) => table.build(topic, group, expression, expressionType, clientVersion),
    filterOf(subscription, data) {
      if (isTagType(subscription.expressionType) || subscription.classFilterMode) return tagFilterOf(subscription);
      const retried = filterSupportRetry && subscription.topic.startsWith(retryPrefix);
      if (data === undefined || (data.judge === undefined && !retried)) return undefined;
      let filter = filters.get(data);
      if (filter === undefined) {
        const { judge, bloom, bornTime } = data;
        const matchesRecord = retried ? byOrigin(groupOfRetry(subscription.topic)) : byRecord(data);
        filter = { matchesEntry: judge !== undefined && table.bloom.isValid(bloom) ? byBits(bloom, bornTime) : () => true, matchesRecord };
        filters.set(data, filter);
      }
      return filter;
    },
  };
}
