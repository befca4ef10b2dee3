/**
 * What the admin handlers share: the parts of the broker they work on, shapes of their answers, and the rule that no name they are given reaches
 * the store or a file unless it is a legal one (`AdminBrokerProcessor`).
 */
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Reply } from '../../remoting/types.js';
import type { QueueRef } from '../../store/types.js';
import type { ConsumerTable } from './consumers.js';
import type { SubscriptionGroupTable } from './groups.js';
import { listOf } from '../../codec/json-members.js';
import { writeJson } from '../../compat/fastjson.js';
import type { JsonMap, JsonOut, JsonOutBean, JsonValue } from '../../compat/fastjson.js';
import type { ConsumerOffsetTable } from './offsets.js';
import type { MappingTable } from '../static/mapping-table.js';
import type { ProducerTable } from './producers.js';
import type { Registration } from './registration.js';
import type { Statistics } from './statistics.js';
import { groupNameFault, topicNameFault } from './topic-names.js';
import type { TopicConfigTable } from './topics.js';
import type { BrokerContext } from './types.js';

export interface AdminParts {
  readonly ctx: BrokerContext;
  readonly topics: TopicConfigTable;
  readonly groups: SubscriptionGroupTable;
  readonly offsets: ConsumerOffsetTable;
  readonly consumers: ConsumerTable;
  readonly producers: ProducerTable;
  readonly registration: Registration;
  readonly statistics: Statistics;
  /** A topic is about to be deleted: what hangs on it goes first. */
  readonly topicDeleted?: ((topic: string) => Promise<void>) | undefined;
  readonly mappings: MappingTable;
}

/** The remark of an answer whose processor set a code but no remark (`RemotingCommand#createResponseCommand`). */
export const noRemark = 'not set any response code';

export const success: Reply = { code: responseCodes.SUCCESS };

export function jsonReply(value: JsonOut): Reply {
  return { code: responseCodes.SUCCESS, body: Buffer.from(writeJson(value)) };
}

/** A `MessageQueue` bean, as a key of a map or a member. */
export function queueBean(parts: AdminParts, topic: string, queueId: number): JsonOutBean {
  return { brokerName: parts.ctx.config.brokerName, queueId, topic };
}

/** The queue when the topic is one of ours and the queue has a ConsumeQueue. */
export function queueOf(parts: AdminParts, topic: string, queueId: number): QueueRef | undefined {
  if (parts.topics.get(topic) === undefined || queueId < 0) return undefined;
  return parts.ctx.store.existingQueue(topic, queueId);
}

/** Refuses an illegal topic name with INVALID_PARAMETER and `TopicValidator`'s words. */
export function checkTopicName(topic: string | undefined): void {
  const fault = topicNameFault(topic);
  if (fault !== undefined) throw new Refusal(responseCodes.INVALID_PARAMETER, fault);
}

/** Refuses an illegal group name with INVALID_PARAMETER and `TopicValidator`'s words. */
export function checkGroupName(group: string | undefined): void {
  const fault = groupNameFault(group);
  if (fault !== undefined) throw new Refusal(responseCodes.INVALID_PARAMETER, fault);
}

/** The list a body must have: SYSTEM_ERROR where Java fails on null. */
export function requiredList(body: JsonMap, name: string): readonly JsonValue[] {
  if (body.get(name) === undefined || body.get(name) === null) throw new Refusal(responseCodes.SYSTEM_ERROR, `the body has no ${name}`);
  return listOf(body, name);
}

/** A page of a table sorted by name: [seq, seq + max), from the start again when the table changed since the caller's first page. */
export function pageOf<T>(entries: readonly T[], nameOf: (entry: T) => string, seq: number, max: number): readonly T[] {
  const sorted = [...entries].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
  const from = Math.max(0, seq);
  return sorted.slice(from, from + Math.max(0, max));
}
