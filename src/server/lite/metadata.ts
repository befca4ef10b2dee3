/** What the configurations of topics and groups say of lite topics (`LiteMetadataUtil`). */
import { parseJavaBoolean, parseJavaInt } from '../../compat/java-number.js';
import type { BrokerContext, GroupConfig } from '../broker/types.js';

/** Whether a topic's messages go to lite topics below it. */
export function isParentTopic(ctx: BrokerContext, topic: string): boolean {
  return ctx.topics.get(topic)?.config.attributes['message.type'] === 'LITE';
}

/** Minutes without a message after which a lite topic goes; -1 = never. */
export function expirationMinutes(ctx: BrokerContext, parentTopic: string): number {
  return parseJavaInt(ctx.topics.get(parentTopic)?.config.attributes['lite.topic.expiration'] ?? '') ?? -1;
}

/** The parent topic a group is bound to. */
export function bindTopicOf(group: Pick<GroupConfig, 'attributes'> | undefined): string | undefined {
  return group?.attributes['lite.bind.topic'];
}

/** Lite topics that a client of the group may name at once (`SubscriptionGroupAttributes#LITE_SUB_CLIENT_QUOTA_ATTRIBUTE`). */
export function clientQuotaOf(group: Pick<GroupConfig, 'attributes'>): number {
  return parseJavaInt(group.attributes['lite.sub.client.quota'] ?? '') ?? 2000;
}

/** One client of the group at a time has a lite topic. */
export function isExclusive(group: GroupConfig | undefined): boolean {
  return group?.attributes['lite.sub.model'] === 'Exclusive';
}

/** The group gets every lite topic of its parent, without naming any. */
export function isWildcard(group: GroupConfig | undefined): boolean {
  return group?.attributes['lite.sub.wildcard'] !== undefined;
}

/** A client that has a lite topic taken over from another begins at its first message. */
export function resetsWhenTaken(group: GroupConfig | undefined): boolean {
  return parseJavaBoolean(group?.attributes['lite.sub.reset.offset.exclusive'] ?? '') === true;
}

export function resetsWhenLeft(group: GroupConfig | undefined): boolean {
  return parseJavaBoolean(group?.attributes['lite.sub.reset.offset.unsubscribe'] ?? '') === true;
}

/** Events that may wait for one client of the group. */
export function eventsMax(ctx: BrokerContext, group: string): number {
  const own = parseJavaInt(ctx.groups.get(group)?.attributes['lite.sub.client.max.event.cnt'] ?? '') ?? -1;
  return own > 0 ? own : ctx.config.maxClientEventCount;
}

/** Parent topics and the minutes their lite topics live. */
export function expirations(ctx: BrokerContext): Map<string, number> {
  const found = new Map<string, number>();
  for (const topic of ctx.topics.all()) if (isParentTopic(ctx, topic.name)) found.set(topic.name, expirationMinutes(ctx, topic.name));
  return found;
}

/** Parent topics and the groups bound to them. */
export function boundGroups(ctx: BrokerContext): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const group of ctx.groups.all()) {
    const parent = bindTopicOf(group);
    if (parent !== undefined) found.set(parent, [...(found.get(parent) ?? []), group.groupName]);
  }
  return found;
}
