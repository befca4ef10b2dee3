/**
 * Where broadcasting clients pull (`BroadcastOffsetManager`): each keeps its own offsets, but one behind a proxy (requestSource 1) has no place
 * of its own to keep them, and one that moves between proxy and broker must go on where it was. In memory only; what survives a restart is
 * the smallest offset of a group's clients, committed as `topic@group@broadcast`.
 */
import type { QueueRef } from '../../store/types.js';
import type { Connection } from '../../remoting/types.js';
import type { BrokerContext } from './types.js';

/** How often the smallest offsets are committed and silent clients forgotten (`BroadcastOffsetManager#run`). */
export const broadcastScanMs = 5000;

/** Who pulls by broadcast: as named behind a proxy, or registered. */
export interface BroadcastClient {
  readonly clientId: string;
  readonly fromProxy: boolean;
}

interface ClientOffsets {
  lastUpdateMs: number;
  fromProxy: boolean;
  readonly offsets: Map<number, number>;
}

interface GroupTopic {
  readonly group: string;
  readonly topic: string;
  readonly clients: Map<string, ClientOffsets>;
}

export class BroadcastOffsets {
  readonly #ctx: BrokerContext;
  readonly #table = new Map<string, GroupTopic>();
  #clients = 0;

  constructor(ctx: BrokerContext) {
    this.#ctx = ctx;
  }

  /** Clients remembered. */
  get clients(): number {
    return this.#clients;
  }

  /** The client when this pull is one by broadcast whose place is kept here. */
  clientOf(connection: Connection, group: string, proxyClientId: string | undefined): BroadcastClient | undefined {
    if (!this.#ctx.config.enableBroadcastOffsetStore) return undefined;
    if (proxyClientId !== undefined) return { clientId: proxyClientId, fromProxy: true };
    const registered = this.#ctx.consumers.get(group);
    // A client that says it pulls by itself keeps its own place (`PullMessageProcessor#isBroadcast`).
    if (registered?.messageModel !== 'BROADCASTING' || registered.consumeType !== 'CONSUME_PASSIVELY') return undefined;
    const channel = registered.clients.get(connection);
    return channel === undefined ? undefined : { clientId: channel.clientId, fromProxy: false };
  }

  /** Where the client should pull instead of `requestOffset`; -1 = just there (`queryInitOffset`). */
  initOffset(queue: QueueRef, group: string, client: BroadcastClient, requestOffset: number): number | Promise<number> {
    const known = this.#table.get(keyOf(queue.topic, group));
    if (known === undefined) return client.fromProxy && requestOffset < 0 ? this.#placeOf(undefined, queue, group) : -1;
    const store = this.#of(known, client);
    if (store === undefined) return -1;
    const needsPlace = store.fromProxy && requestOffset < 0;
    return needsPlace || store.fromProxy !== client.fromProxy ? this.#placeOf(store, queue, group) : -1;
  }

  /** The client is at `offset`; a smaller one than before is passed over. */
  update(topic: string, group: string, queueId: number, offset: number, client: BroadcastClient): void {
    const key = keyOf(topic, group);
    let known = this.#table.get(key);
    if (known === undefined) this.#table.set(key, (known = { group, topic, clients: new Map() }));
    const store = this.#of(known, client);
    if (store === undefined) return;
    store.lastUpdateMs = this.#ctx.clock.nowMs();
    store.fromProxy = client.fromProxy;
    store.offsets.set(queueId, Math.max(store.offsets.get(queueId) ?? offset, offset));
  }

  #of(known: GroupTopic, client: BroadcastClient): ClientOffsets | undefined {
    let store = known.clients.get(client.clientId);
    // Beyond the bound a new client begins where its request says, as with an older broker.
    if (store === undefined && this.#clients < this.#ctx.limits.membershipsMax) {
      store = { lastUpdateMs: this.#ctx.clock.nowMs(), fromProxy: client.fromProxy, offsets: new Map() };
      known.clients.set(client.clientId, store);
      this.#clients++;
    }
    return store;
  }

  #placeOf(store: ClientOffsets | undefined, queue: QueueRef, group: string): number | Promise<number> {
    const own = store?.offsets.get(queue.queueId) ?? -1;
    if (own >= 0) return own;
    const committed = this.#ctx.offsets.queryBroadcast(group, queue.topic, queue.queueId);
    if (committed >= 0) return committed;
    return this.#beginning(queue);
  }

  /** The first message while it is still in memory, else where the queue ends (`checkInMemByConsumeOffset`). */
  async #beginning(queue: QueueRef): Promise<number> {
    if (queue.minOffset > 0 || queue.maxOffset === 0) return queue.maxOffset;
    const first = await this.#ctx.store.get(queue, 0, 1, 1, undefined);
    return first.status === 'FOUND' && !first.fallenBehind ? 0 : queue.maxOffset;
  }

  /** Commits each queue's smallest offset of the clients that count and forgets those that are gone (`scanOffsetData`). */
  scan(): void {
    const nowMs = this.#ctx.clock.nowMs();
    const { broadcastOffsetExpireSecond, broadcastOffsetExpireMaxSecond } = this.#ctx.config;
    for (const [key, known] of this.#table) {
      const smallest = new Map<number, number>();
      for (const [clientId, store] of known.clients) {
        const silentMs = nowMs - store.lastUpdateMs;
        const online = this.#ctx.consumers.findClient(known.group, clientId) !== undefined;
        if (online || silentMs < broadcastOffsetExpireSecond * 1000) {
          for (const [queueId, offset] of store.offsets) smallest.set(queueId, Math.min(smallest.get(queueId) ?? offset, offset));
        }
        if (silentMs < (online ? broadcastOffsetExpireMaxSecond : broadcastOffsetExpireSecond) * 1000) continue;
        known.clients.delete(clientId);
        this.#clients--;
      }
      if (known.clients.size === 0) this.#table.delete(key);
      for (const [queueId, offset] of smallest) this.#ctx.offsets.commitBroadcast(known.group, known.topic, queueId, offset);
    }
  }
}

function keyOf(topic: string, group: string): string {
  return `${topic}@${group}`;
}
