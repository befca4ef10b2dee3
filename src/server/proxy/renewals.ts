/**
 * Messages received with auto_renew are kept invisible until their client settles them (`DefaultReceiptHandleManager`): ten seconds before one
 * would come again, its time is changed, at most for three hours. When the client goes, its messages come again soon.
 */
import type { Clock, TimerHandle } from '../../remoting/types.js';
import { BrokerAway } from './brokers.js';
import type { ProxyClient } from './clients.js';
import { readHandle } from './receipt-handle.js';

/** `ProxyConfig#renewAheadTimeMillis`, `#renewMaxTimeMillis`, `#renewSchedulePeriodMillis`, `#invisibleTimeMillisWhenClear`. */
const renewAheadMs = 10_000;
const renewMsMax = 3 * 3600 * 1000;
const periodMs = 5000;
export const invisibleMsWhenGone = 1000;

/** `RenewStrategyPolicy#next`: how long each renewal lasts. */
const stepsMs = [1, 3, 5, 10, 30, 60].map((minutes) => minutes * 60_000);

/** Messages under renewal, of all clients. */
const renewalsMax = 200_000;

export interface Renewal {
  readonly group: string;
  readonly topic: string;
  readonly handle: string;
  readonly liteTopic?: string | undefined;
}

interface Held {
  readonly renewal: Renewal;
  readonly sinceMs: number;
  /** The handle that is valid now. */
  handle: string;
  expiresMs: number;
  times: number;
  busy: boolean;
}

export type ChangeInvisible = (client: ProxyClient, renewal: Renewal, handle: string, invisibleMs: number) => Promise<string | undefined>;

export class Renewals {
  private readonly clock: Clock;
  private readonly change: ChangeInvisible;
  private readonly held = new Map<ProxyClient, Map<string, Held>>();
  private timer: TimerHandle | undefined;
  private count = 0;

  constructor(clock: Clock, change: ChangeInvisible) {
    this.clock = clock;
    this.change = change;
  }

  get size(): number {
    return this.count;
  }

  /** Messages of one client. */
  countOf(client: ProxyClient): number {
    return this.held.get(client)?.size ?? 0;
  }

  add(client: ProxyClient, renewal: Renewal): void {
    if (this.count >= renewalsMax) return;
    let of = this.held.get(client);
    if (of === undefined) {
      this.held.set(client, (of = new Map<string, Held>()));
      client.peer.onClose(() => this.gone(client));
    }
    const { visibleMs } = readHandle(renewal.handle);
    if (!of.has(renewal.handle)) this.count++;
    of.set(renewal.handle, { renewal, sinceMs: this.clock.nowMs(), handle: renewal.handle, expiresMs: visibleMs, times: 0, busy: false });
    this.timer ??= this.clock.setInterval(() => this.renew(), periodMs);
  }

  /** The client settles the message: the handle that is valid now; the one it said when nothing is renewed. */
  end(client: ProxyClient | undefined, handle: string): string {
    const held = client === undefined ? undefined : this.held.get(client)?.get(handle);
    if (client === undefined || held === undefined) return handle;
    this.forget(client, handle);
    return held.handle;
  }

  stop(): void {
    this.timer?.clear();
    this.timer = undefined;
  }

  private forget(client: ProxyClient, handle: string): void {
    if (this.held.get(client)?.delete(handle) === true) this.count--;
    if (this.count === 0) this.stop();
  }

  private renew(): void {
    const nowMs = this.clock.nowMs();
    for (const [client, of] of this.held) {
      for (const [key, held] of of) {
        if (held.busy || held.expiresMs - nowMs > renewAheadMs) continue;
        if (nowMs - held.sinceMs >= renewMsMax || held.expiresMs <= nowMs) {
          this.forget(client, key);
          continue;
        }
        void this.renewOne(client, key, held);
      }
    }
  }

  private async renewOne(client: ProxyClient, key: string, held: Held): Promise<void> {
    held.busy = true;
    const invisibleMs = stepsMs[Math.min(held.times++, stepsMs.length - 1)] ?? renewAheadMs;
    let handle: string | undefined;
    try {
      handle = await this.change(client, held.renewal, held.handle, invisibleMs);
    } catch (error) {
      // A broker that is away may be back before the time is over.
      if (error instanceof BrokerAway) {
        held.times--;
        held.busy = false;
        return;
      }
    }
    held.busy = false;
    if (handle === undefined) {
      this.forget(client, key);
      return;
    }
    held.handle = handle;
    held.expiresMs = this.clock.nowMs() + invisibleMs;
  }

  private gone(client: ProxyClient): void {
    const of = this.held.get(client);
    this.held.delete(client);
    if (of === undefined) return;
    this.count -= of.size;
    if (this.count === 0) this.stop();
    for (const held of of.values()) void this.change(client, held.renewal, held.handle, invisibleMsWhenGone).catch(() => undefined);
  }
}
