/** The light queues of lite topics: what is in them, whose broker they belong to, and their end (`LiteLifecycleManager`, `LiteShardingImpl`). */
import { consistentHash } from '../../compat/consistent-hash.js';
import { javaStringHash } from '../../compat/java-string-hash.js';
import { belongsToParent, isLiteQueue, lightQueueId, partsOfLiteQueue } from '../../compat/light-queues.js';
import type { TimerHandle } from '../../remoting/types.js';
import type { QueueRef } from '../../store/types.js';
import { isWriteable } from '../broker/send-checks.js';
import type { TopicRoutes } from '../broker/topic-routes.js';
import type { BrokerContext } from '../broker/types.js';
import { expirations } from './metadata.js';

/** How often it is looked whether the broker has run long enough, in milliseconds (`AbstractLiteLifecycleManager#run`). */
const graceLookMs = 20_000;

export class LiteQueues {
  readonly #ctx: BrokerContext;
  readonly #routes: TopicRoutes;
  /** A lite topic is going: what is known of it by name goes too. */
  readonly #gone: (queueName: string) => void;
  #timer: TimerHandle | undefined;
  #startedMs = 0;

  constructor(ctx: BrokerContext, routes: TopicRoutes, gone: (queueName: string) => void) {
    this.#ctx = ctx;
    this.#routes = routes;
    this.#gone = gone;
  }

  /** The queue when it has messages. */
  get(name: string): QueueRef | undefined {
    return this.#ctx.store.existingQueue(name, lightQueueId);
  }

  maxOffset(name: string): number {
    return this.get(name)?.maxOffset ?? 0;
  }

  /** Names of all lite topics' queues, or of those below one parent. */
  names(parentTopic?: string): string[] {
    return this.#ctx.store.topicsOnDisk().filter((name) => (parentTopic === undefined ? isLiteQueue(name) : belongsToParent(name, parentTopic)));
  }

  /** Answers which broker a lite topic of this parent belongs to: the one whose queue its name's hash chooses, this one where nobody knows. */
  async ownerOf(parentTopic: string): Promise<(queueName: string) => string> {
    const { brokerName } = this.#ctx.config;
    const parts = [...((await this.#routes.of(parentTopic)) ?? [])].sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1));
    const owners = parts.filter(({ perm, led }) => isWriteable(perm) && led);
    const total = owners.reduce((sum, { writeQueueNums }) => sum + writeQueueNums, 0);
    return (queueName) => {
      const liteTopic = partsOfLiteQueue(queueName)?.liteTopic;
      if (liteTopic === undefined || total === 0) return brokerName;
      let bucket = consistentHash(javaStringHash(liteTopic), total);
      for (const owner of owners) {
        if (bucket < owner.writeQueueNums) return owner.brokerName;
        bucket -= owner.writeQueueNums;
      }
      return brokerName;
    };
  }

  /** A subscription is kept where the lite topic belongs here, or has messages here. */
  async takes(parentTopic: string): Promise<(queueName: string) => boolean> {
    const owner = await this.ownerOf(parentTopic);
    return (queueName) => owner(queueName) === this.#ctx.config.brokerName || this.get(queueName) !== undefined;
  }

  start(): void {
    this.#startedMs = this.#ctx.clock.nowMs();
    this.#arm();
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #arm(): void {
    const { clock, config, log } = this.#ctx;
    const left = this.#startedMs + config.minLiteTTl - clock.nowMs();
    this.#timer = clock.setTimeout(() => {
      const run = clock.nowMs() - this.#startedMs < config.minLiteTTl ? Promise.resolve(0) : this.removeExpired();
      void run.catch((error: unknown) => log.warn({ error: String(error) }, 'expired lite topics cannot be removed')).finally(() => {
        if (this.#timer !== undefined) this.#arm();
      });
    }, left > 0 ? Math.min(left, graceLookMs) : config.liteTtlCheckInterval);
  }

  /** Removes lite topics that got no message for as long as their parent's `lite.topic.expiration` says. Returns how many. */
  async removeExpired(): Promise<number> {
    const { clock, config } = this.#ctx;
    const minutes = expirations(this.#ctx);
    const expired: string[] = [];
    for (const name of this.names()) {
      const parent = partsOfLiteQueue(name)?.parentTopic;
      const limit = parent === undefined ? undefined : minutes.get(parent);
      const queue = this.get(name);
      if (limit === undefined || limit <= 0 || queue === undefined || queue.maxOffset === 0) continue;
      const storedMs = await this.#ctx.store.storeTimeAt(queue, queue.maxOffset - 1);
      const silentMs = clock.nowMs() - storedMs;
      if (silentMs >= config.minLiteTTl && silentMs > limit * 60_000) expired.push(name);
    }
    return this.#remove(expired);
  }

  /** The parent topic is going. */
  async removeAll(parentTopic: string): Promise<number> {
    return this.#remove(this.names(parentTopic));
  }

  async #remove(names: readonly string[]): Promise<number> {
    if (names.length === 0) return 0;
    for (const name of names) {
      this.#ctx.offsets.removeTopic(name);
      this.#gone(name);
    }
    const count = await this.#ctx.store.deleteTopics(new Set(names));
    this.#ctx.log.info({ count, first: names[0] }, 'lite topics removed');
    return count;
  }
}
