/**
 * Which client has which lite topics (`LiteSubscriptionRegistryImpl`). In memory only: clients say it again every so often. Who is told of messages is
 * events.ts; requests about it are control.ts.
 */
import { partsOfLiteQueue } from '../../compat/light-queues.js';
import { requests } from '../../codec/requests.js';
import type { Connection, TimerHandle } from '../../remoting/types.js';
import type { BrokerContext } from '../broker/types.js';
import { isExclusive, isWildcard, resetsWhenLeft, resetsWhenTaken } from './metadata.js';

/** `OffsetOption`: where a new subscription begins. */
export interface OffsetOption {
  readonly type: 'POLICY' | 'OFFSET' | 'TAIL_N' | 'TIMESTAMP';
  readonly value: number;
}

/** Values of POLICY (`OffsetOption#POLICY_MIN_VALUE`, `#POLICY_MAX_VALUE`). */
const policy = { min: 1, max: 2 } as const;

/** One client's lite topics, by the names of their queues. */
export interface LiteSubscription {
  readonly group: string;
  readonly topic: string;
  readonly queues: Set<string>;
  updatedMs: number;
}

/** Somebody who has a lite topic. */
export interface Subscriber {
  readonly clientId: string;
  readonly group: string;
}

/** What subscriptions are told to. */
export interface SubscriptionListener {
  registered(clientId: string, group: string, queueName: string): void;
  /** All of a client's are gone. */
  removed(clientId: string, group: string): void;
}

/** More subscriptions than may be (`LiteQuotaException`). */
export class LiteQuotaError extends Error {}
/** What a group may not do (`IllegalStateException`). */
export class LiteStateError extends Error {}

export interface SubscriptionParts {
  readonly ctx: BrokerContext;
  readonly maxOffset: (queueName: string) => number;
  /** Forgets which messages of the queue the group has in flight. */
  readonly forgetBatch: (queueName: string, group: string) => void;
}

export class LiteSubscriptions {
  readonly #parts: SubscriptionParts;
  readonly #connections = new Map<string, Connection>();
  readonly #clients = new Map<string, LiteSubscription>();
  /** By the queue's name, or `topic@group` of a wildcard group; then by client. */
  readonly #subscribers = new Map<string, Map<string, Subscriber>>();
  /** Parent topic -> wildcard groups. */
  readonly #wildcards = new Map<string, Set<string>>();
  #listener: SubscriptionListener = { registered: () => undefined, removed: () => undefined };
  #active = 0;
  #timer: TimerHandle | undefined;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  setListener(listener: SubscriptionListener): void {
    this.#listener = listener;
  }

  /** Lite topics of all clients together. */
  get active(): number {
    return this.#active;
  }

  of(clientId: string): LiteSubscription | undefined {
    return this.#clients.get(clientId);
  }

  clientsOf(group: string): string[] {
    return [...this.#clients].filter(([, subscription]) => subscription.group === group).map(([clientId]) => clientId);
  }

  /** Notifications for the client go over this connection from now on. */
  connect(clientId: string, connection: Connection): void {
    if (!this.#connections.has(clientId) && this.#connections.size >= this.#parts.ctx.limits.liteClientsMax) {
      throw new LiteQuotaError(`lite clients of this broker: at most ${this.#parts.ctx.limits.liteClientsMax}`);
    }
    this.#connections.set(clientId, connection);
  }

  /** `#addPartialSubscription`: these besides what the client has. `takes` says which of them this broker keeps. */
  add(clientId: string, group: string, topic: string, names: readonly string[], takes: (name: string) => boolean, option: OffsetOption | undefined): void {
    const { ctx } = this.#parts;
    const max = ctx.config.maxLiteSubscriptionCount;
    if (this.#active >= max) throw new LiteQuotaError(`lite subscription quota exceeded ${max}`);
    const config = ctx.groups.get(group);
    if (isWildcard(config)) throw new LiteStateError('subscribe lite operation is not supported for this group');
    const subscription = this.#make(clientId, group, topic);
    for (const name of names) {
      if (!takes(name)) continue;
      this.#touch(subscription).queues.add(name);
      if (isExclusive(config)) this.#exclude(group, name);
      // Apache forgets the subscription of a client that takes its only lite topic over from itself.
      this.#clients.set(clientId, subscription);
      subscription.queues.add(name);
      this.#reset(name, group, option);
      this.#enter({ clientId, group: subscription.group }, name);
    }
  }

  /** `#removePartialSubscription`. */
  remove(clientId: string, group: string, topic: string, names: readonly string[]): void {
    const subscription = this.#make(clientId, group, topic);
    const reset = resetsWhenLeft(this.#parts.ctx.groups.get(group));
    for (const name of names) {
      this.#touch(subscription).queues.delete(name);
      this.#leave({ clientId, group: subscription.group }, name, reset);
    }
  }

  /** `#addCompleteSubscription`: these, and no others. A wildcard group names none. */
  replace(clientId: string, group: string, topic: string, names: readonly string[], takes: (name: string) => boolean): void {
    let wanted: ReadonlySet<string>;
    if (isWildcard(this.#parts.ctx.groups.get(group))) {
      wanted = new Set([wildcardName(topic, group)]);
      this.#wildcards.set(topic, (this.#wildcards.get(topic) ?? new Set<string>()).add(group));
    } else wanted = new Set(names.filter(takes));
    const subscription = this.#make(clientId, group, topic);
    const subscriber = { clientId, group: subscription.group };
    for (const name of [...subscription.queues]) {
      if (wanted.has(name)) continue;
      this.#touch(subscription).queues.delete(name);
      this.#leave(subscriber, name, false);
    }
    for (const name of wanted) {
      this.#touch(subscription).queues.add(name);
      this.#enter(subscriber, name);
    }
  }

  /** `#removeCompleteSubscription`: the client is gone. */
  removeClient(clientId: string): void {
    this.#connections.delete(clientId);
    const subscription = this.#clients.get(clientId);
    if (subscription === undefined) return;
    this.#clients.delete(clientId);
    for (const name of subscription.queues) this.#leave({ clientId, group: subscription.group }, name, false);
    this.#listener.removed(clientId, subscription.group);
  }

  /** `#cleanSubscription`: the lite topic is gone. */
  removeQueue(name: string): void {
    const subscribers = this.#subscribers.get(name);
    this.#subscribers.delete(name);
    for (const { clientId } of subscribers?.values() ?? []) {
      this.#active--;
      const subscription = this.#clients.get(clientId);
      if (subscription !== undefined) this.#touch(subscription).queues.delete(name);
    }
  }

  /** Who has the lite topic, by group: those of one group, or of all with the wildcard groups of its parent. */
  subscribersOf(name: string, group?: string): Map<string, readonly Subscriber[]> {
    const found = new Map<string, Subscriber[]>();
    const topic = partsOfLiteQueue(name)?.parentTopic ?? '';
    if (group !== undefined && isWildcard(this.#parts.ctx.groups.get(group))) return new Map([[group, this.wildcardSubscribers(group, topic)]]);
    for (const subscriber of this.#subscribers.get(name)?.values() ?? []) {
      if (group !== undefined && subscriber.group !== group) continue;
      const list = found.get(subscriber.group);
      if (list === undefined) found.set(subscriber.group, [subscriber]);
      else list.push(subscriber);
    }
    if (group !== undefined) return found;
    for (const wildcard of this.#wildcards.get(topic) ?? []) {
      const subscribers = this.wildcardSubscribers(wildcard, topic);
      if (subscribers.length > 0 && !found.has(wildcard)) found.set(wildcard, [...subscribers]);
    }
    return found;
  }

  wildcardSubscribers(group: string, topic: string): readonly Subscriber[] {
    return [...(this.#subscribers.get(wildcardName(topic, group))?.values() ?? [])];
  }

  start(): void {
    const { clock, config } = this.#parts.ctx;
    this.#timer = clock.setInterval(() => this.expire(), Math.max(1, config.liteSubscriptionCheckInterval));
  }

  stop(): void {
    this.#timer?.clear();
  }

  /** Forgets clients that said nothing for `liteSubscriptionCheckTimeoutMills`. */
  expire(): void {
    const { clock, config, log } = this.#parts.ctx;
    const nowMs = clock.nowMs();
    for (const [clientId, { group, topic, updatedMs }] of [...this.#clients]) {
      if (nowMs - updatedMs <= config.liteSubscriptionCheckTimeoutMills) continue;
      this.removeClient(clientId);
      log.info({ topic, group, clientId }, 'a lite subscription expired');
    }
    for (const [clientId, connection] of this.#connections) if (!connection.open && !this.#clients.has(clientId)) this.#connections.delete(clientId);
  }

  #make(clientId: string, group: string, topic: string): LiteSubscription {
    let subscription = this.#clients.get(clientId);
    if (subscription === undefined) {
      if (this.#clients.size >= this.#parts.ctx.limits.liteClientsMax) throw new LiteQuotaError(`lite clients of this broker: at most ${this.#parts.ctx.limits.liteClientsMax}`);
      subscription = { group, topic, queues: new Set(), updatedMs: this.#parts.ctx.clock.nowMs() };
      this.#clients.set(clientId, subscription);
    }
    return subscription;
  }

  #touch(subscription: LiteSubscription): LiteSubscription {
    subscription.updatedMs = this.#parts.ctx.clock.nowMs();
    return subscription;
  }

  #enter(subscriber: Subscriber, name: string): void {
    let subscribers = this.#subscribers.get(name);
    if (subscribers?.has(subscriber.clientId) === true) return;
    const { liteReferencesMax } = this.#parts.ctx.limits;
    if (this.#active >= liteReferencesMax) {
      this.#clients.get(subscriber.clientId)?.queues.delete(name);
      throw new LiteQuotaError(`lite subscription quota exceeded ${liteReferencesMax}`);
    }
    if (subscribers === undefined) this.#subscribers.set(name, (subscribers = new Map<string, Subscriber>()));
    subscribers.set(subscriber.clientId, subscriber);
    this.#active++;
    this.#listener.registered(subscriber.clientId, subscriber.group, name);
  }

  #leave(subscriber: Subscriber, name: string, reset: boolean): void {
    const subscribers = this.#subscribers.get(name);
    if (subscribers === undefined) return;
    if (subscribers.delete(subscriber.clientId)) {
      this.#active--;
      if (reset) this.#reset(name, subscriber.group, { type: 'POLICY', value: policy.min });
    }
    if (subscribers.size > 0) return;
    this.#subscribers.delete(name);
    const at = name.indexOf('@');
    if (partsOfLiteQueue(name) !== undefined || at < 0) return;
    const groups = this.#wildcards.get(name.slice(0, at));
    groups?.delete(name.slice(at + 1));
    if (groups?.size === 0) this.#wildcards.delete(name.slice(0, at));
  }

  /** Whoever of the group has the lite topic loses it, and is told (`#excludeClientByLmqName`). */
  #exclude(group: string, name: string): void {
    const reset = resetsWhenTaken(this.#parts.ctx.groups.get(group));
    for (const other of [...(this.#subscribers.get(name)?.values() ?? [])]) {
      if (other.group !== group) continue;
      const subscription = this.#clients.get(other.clientId);
      if (subscription !== undefined) {
        this.#touch(subscription).queues.delete(name);
        if (subscription.queues.size === 0) this.#clients.delete(other.clientId);
      }
      const { connection, liteTopic } = { connection: this.#connections.get(other.clientId), liteTopic: partsOfLiteQueue(name)?.liteTopic ?? '' };
      connection?.notify({ code: requests.NOTIFY_UNSUBSCRIBE_LITE.code, ext: { clientId: other.clientId, consumerGroup: group, liteTopic } });
      this.#leave(other, name, reset);
    }
  }

  /** `#resetOffset`; TIMESTAMP does nothing yet, there and here. */
  #reset(name: string, group: string, option: OffsetOption | undefined): void {
    if (option === undefined) return;
    const { offsets } = this.#parts.ctx;
    const current = offsets.query(group, name, 0);
    const target = targetOf(option, current, () => this.#parts.maxOffset(name));
    if (target === undefined || target === current) return;
    offsets.assignReset(group, name, 0, target);
    this.#parts.forgetBatch(name, group);
  }
}

function targetOf(option: OffsetOption, current: number, maxOffset: () => number): number | undefined {
  switch (option.type) {
    case 'POLICY':
      return option.value === policy.min ? 0 : option.value === policy.max ? maxOffset() : undefined;
    case 'OFFSET':
      return option.value;
    case 'TAIL_N':
      return current >= 0 ? Math.max(0, current - option.value) : undefined;
    case 'TIMESTAMP':
      return undefined;
  }
}

/** `#mockLmqNameForWildcardGroup`. */
function wildcardName(topic: string, group: string): string {
  return `${topic}@${group}`;
}
