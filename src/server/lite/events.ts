/**
 * Events: names of lite topics that may have messages for a client, queued until it pops (`LiteEventDispatcher`). A message makes one for one client of each
 * group; so does an acknowledgement and the end of an invisible time. An event that finds no room makes a full dispatch due: later all lite topics of the
 * client are looked at. Events may be lost with a crash of nothing but this memory: a subscription makes them again.
 */
import { isLiteQueue, lightQueueId } from '../../compat/light-queues.js';
import type { TimerHandle } from '../../remoting/types.js';
import type { BrokerContext } from '../broker/types.js';
import { bindTopicOf, eventsMax, isWildcard } from './metadata.js';
import type { LiteQueues } from './queues.js';
import type { LiteSubscriptions, Subscriber } from './subscriptions.js';

/** A client that does not fetch its events for so long loses them to another (`#CLIENT_INACTIVE_INTERVAL`), ms. */
const inactiveMs = 10_000;
/** One without events is kept while a long poll may be under way (`#CLIENT_LONG_POLLING_INTERVAL`), ms. */
const pollingMs = 35_000;
/** `#ACTIVE_CONSUMING_WINDOW`, ms. */
const activeMs = 5000;
/** A full dispatch waits until less than this part of the room is taken. */
const lowWaterMark = 0.2;
/** A client that lost its events is not chosen for so long when there are others, ms. */
const blacklistMs = 10_000;
/** `#scheduleFullDispatchForClient`, ms. */
const fullDispatchMin = 50;
/** Until a wildcard group that got a client is looked at (`LiteCtlListenerImpl#onRegister`), ms. */
const wildcardRegisterMs = 5000;

/** Events of one client, each once, the oldest first (`ClientEventSet`). */
class ClientEvents {
  readonly group: string;
  readonly #max: number;
  readonly #names = new Set<string>();
  accessedMs: number;
  consumedMs: number;

  constructor(group: string, max: number, nowMs: number) {
    this.group = group;
    this.#max = max;
    this.accessedMs = this.consumedMs = nowMs;
  }

  get size(): number {
    return this.#names.size;
  }

  get low(): boolean {
    return this.#names.size / this.#max < lowWaterMark;
  }

  /** False only when there is no room. */
  offer(name: string): boolean {
    if (this.#names.size >= this.#max) return false;
    this.#names.add(name);
    return true;
  }

  poll(nowMs: number): string | undefined {
    this.accessedMs = nowMs;
    const [name] = this.#names;
    if (name === undefined) return undefined;
    this.#names.delete(name);
    this.consumedMs = nowMs;
    return name;
  }

  mayBlock(nowMs: number): boolean {
    const silentMs = nowMs - this.accessedMs;
    return silentMs > pollingMs || (this.#names.size > 0 && silentMs > inactiveMs);
  }
}

export interface EventParts {
  readonly ctx: BrokerContext;
  readonly subscriptions: LiteSubscriptions;
  readonly queues: LiteQueues;
  /** Has a waiting pop of the client run. */
  readonly wake: (clientId: string) => void;
}

export class LiteEvents {
  readonly #parts: EventParts;
  readonly #clients = new Map<string, ClientEvents>();
  /** When a full dispatch is due, by client, or by `$group$` of a wildcard group. */
  readonly #full = new Map<string, { readonly group: string; readonly atMs: number }>();
  readonly #blacklist = new Map<string, number>();
  #timer: TimerHandle | undefined;

  constructor(parts: EventParts) {
    this.#parts = parts;
    const { ctx, subscriptions } = parts;
    ctx.store.onArrival((queue) => {
      if (isLiteQueue(queue.topic) && queue.queueId === lightQueueId) this.dispatch(queue.topic);
    });
    subscriptions.setListener({
      registered: (_clientId, group, name) => {
        if (isWildcard(ctx.groups.get(group))) this.#scheduleWildcard(group, wildcardRegisterMs);
        else if (parts.queues.get(name) !== undefined) this.dispatch(name, group);
      },
      removed: (clientId) => this.#handOn(clientId),
    });
  }

  get size(): number {
    return this.#clients.size;
  }

  /** When the client popped last, -1 = unknown. */
  accessedMs(clientId: string): number {
    return this.#clients.get(clientId)?.accessedMs ?? -1;
  }

  start(): void {
    const { clock, config } = this.#parts.ctx;
    this.#timer = clock.setInterval(() => this.scan(), Math.max(1, config.liteEventCheckInterval));
  }

  stop(): void {
    this.#timer?.clear();
  }

  /** The lite topic may have messages: one client of each group, or of this one, is to look. */
  dispatch(name: string, group?: string, exclude?: string): void {
    if (!this.#parts.ctx.config.enableLiteEventMode) return;
    for (const [one, subscribers] of this.#parts.subscriptions.subscribersOf(name, group)) this.#select(name, one, subscribers, exclude);
  }

  /** What the client is to look at next; undefined when there is nothing. Without event mode all it has, one after the other. */
  *take(clientId: string): Generator<string> {
    const { ctx, subscriptions } = this.#parts;
    if (!ctx.config.enableLiteEventMode) {
      yield* [...(subscriptions.of(clientId)?.queues ?? [])];
      return;
    }
    for (;;) {
      const name = this.#clients.get(clientId)?.poll(ctx.clock.nowMs());
      if (name === undefined) return;
      yield name;
    }
  }

  /** An event that was taken and could not be used. */
  putBack(clientId: string, name: string): void {
    this.#clients.get(clientId)?.offer(name);
  }

  #drawMs(spanMs: number): number {
    return Math.floor(this.#parts.ctx.random() * spanMs);
  }

  #isBlacklisted(clientId: string): boolean {
    return (this.#blacklist.get(clientId) ?? 0) > this.#parts.ctx.clock.nowMs();
  }

  /** `#selectAndDispatch`: a random one first, those that seem to hang last. False when nobody had room. */
  #select(name: string, group: string, subscribers: readonly Subscriber[], exclude?: string): boolean {
    const { ctx, wake } = this.#parts;
    if (subscribers.length === 0 || !ctx.config.enableLiteEventMode) return true;
    const wildcard = isWildcard(ctx.groups.get(group));
    const start = this.#drawMs(subscribers.length);
    const last: string[] = [];
    const tries: string[] = [];
    for (let i = 0; i < subscribers.length; i++) {
      const { clientId } = subscribers[(start + i) % subscribers.length] as Subscriber;
      if (clientId === exclude) last.push(clientId);
      else if (!this.#isBlacklisted(clientId)) tries.push(clientId);
      else if (!wildcard) last.push(clientId);
    }
    const chosen = [...tries, ...last].find((clientId) => this.#offer(name, clientId, group, !wildcard));
    if (chosen !== undefined) wake(chosen);
    else if (wildcard) this.#scheduleWildcard(group, ctx.config.liteEventFullDispatchDelayTimeForWildcardGroup);
    return chosen !== undefined;
  }

  #eventsOf(clientId: string, group: string): ClientEvents {
    let events = this.#clients.get(clientId);
    if (events === undefined) this.#clients.set(clientId, (events = new ClientEvents(group, eventsMax(this.#parts.ctx, group), this.#parts.ctx.clock.nowMs())));
    return events;
  }

  #offer(name: string, clientId: string, group: string, schedule: boolean): boolean {
    if (this.#eventsOf(clientId, group).offer(name)) return true;
    if (schedule) {
      const { config } = this.#parts.ctx;
      this.#schedule(clientId, group, config.liteEventFullDispatchDelayTime + (this.#isBlacklisted(clientId) ? this.#drawMs(15_000) : 0));
    }
    return false;
  }

  #schedule(key: string, group: string, delayMs: number): void {
    if (!this.#full.has(key)) this.#full.set(key, { group, atMs: this.#parts.ctx.clock.nowMs() + Math.max(fullDispatchMin, delayMs) });
  }

  #scheduleWildcard(group: string, delayMs: number): void {
    this.#schedule(`$${group}$`, group, delayMs);
  }

  /** Events of a client that is gone go to others of its group. */
  #handOn(clientId: string): void {
    const events = this.#clients.get(clientId);
    if (events === undefined) return;
    this.#clients.delete(clientId);
    const nowMs = this.#parts.ctx.clock.nowMs();
    for (let name = events.poll(nowMs); name !== undefined; name = events.poll(nowMs)) this.dispatch(name, events.group, clientId);
  }

  /** Looks for clients that do not fetch their events, then makes the full dispatches that are due. */
  scan(): void {
    const { ctx } = this.#parts;
    const nowMs = ctx.clock.nowMs();
    for (const [clientId, untilMs] of this.#blacklist) if (untilMs <= nowMs) this.#blacklist.delete(clientId);
    for (const [clientId, events] of [...this.#clients]) {
      if (!events.mayBlock(nowMs)) continue;
      this.#blacklist.set(clientId, nowMs + blacklistMs);
      this.#handOn(clientId);
    }
    for (const [key, { group, atMs }] of [...this.#full]) {
      if (atMs > nowMs) continue;
      this.#full.delete(key);
      if (isWildcard(ctx.groups.get(group))) this.dispatchAllOfWildcard(group);
      else this.dispatchAll(key, group);
    }
  }

  /** Every lite topic of the client that has messages for its group (`#doFullDispatchForClient`). */
  dispatchAll(clientId: string, group: string): void {
    const { ctx, subscriptions, queues, wake } = this.#parts;
    if (!ctx.config.enableLiteEventMode) return;
    const names = subscriptions.of(clientId)?.queues;
    if (names === undefined || names.size === 0) return;
    const events = this.#eventsOf(clientId, group);
    const nowMs = ctx.clock.nowMs();
    const delayMs = ctx.config.liteEventFullDispatchDelayTime;
    const active = nowMs - events.accessedMs < activeMs;
    if (events.mayBlock(nowMs)) {
      this.#schedule(clientId, group, delayMs + this.#drawMs(15_000));
      return;
    }
    if (!events.low) {
      this.#schedule(clientId, group, delayMs + (active ? 0 : this.#drawMs(10_000)));
      return;
    }
    for (const name of names) {
      const maxOffset = queues.maxOffset(name);
      if (maxOffset <= 0 || ctx.offsets.query(group, name, lightQueueId) >= maxOffset) continue;
      if (events.offer(name)) continue;
      this.#schedule(clientId, group, delayMs + (active ? 0 : this.#drawMs(15_000)));
      break;
    }
    wake(clientId);
  }

  /** The same for all lite topics of a wildcard group's parent. */
  dispatchAllOfWildcard(group: string): void {
    const { ctx, subscriptions, queues } = this.#parts;
    const config = ctx.groups.get(group);
    const parent = bindTopicOf(config);
    if (!ctx.config.enableLiteEventMode || parent === undefined || !isWildcard(config)) return;
    const subscribers = subscriptions.wildcardSubscribers(group, parent);
    if (subscribers.length === 0) return;
    for (const name of queues.names(parent)) {
      const maxOffset = queues.maxOffset(name);
      if (maxOffset <= 0 || ctx.offsets.query(group, name, lightQueueId) >= maxOffset) continue;
      if (!this.#select(name, group, subscribers)) return;
    }
  }

  /** `#doFullDispatchByGroup`. */
  dispatchAllOfGroup(group: string): void {
    if (isWildcard(this.#parts.ctx.groups.get(group))) this.dispatchAllOfWildcard(group);
    else for (const clientId of this.#parts.subscriptions.clientsOf(group)) this.dispatchAll(clientId, group);
  }
}
