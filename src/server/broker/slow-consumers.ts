/**
 * Groups that are too far behind may be told to stop (`BrokerController#protectBroker`): every three minutes, with disableConsumeIfConsumerReadSlowly, each
 * group that has clients and a queue further behind than consumerFallbehindThreshold bytes of the log gets consumeEnable=false. An operator allows it again.
 */
import type { Clock, Log, TimerHandle } from '../../remoting/types.js';
import type { MessageStore } from '../../store/types.js';
import type { BrokerConfig } from '../config-types.js';
import { textOf } from '../words.js';
import type { ConsumerTable } from './consumers.js';
import type { GroupTable, OffsetTable } from './types.js';

/** `BrokerController#initializeBrokerScheduledTasks`. */
const scanPeriodMs = 180_000;

export interface SlowConsumersOptions {
  readonly config: Pick<BrokerConfig, 'disableConsumeIfConsumerReadSlowly' | 'consumerFallbehindThreshold'>;
  readonly store: MessageStore;
  readonly consumers: Pick<ConsumerTable, 'all'>;
  readonly offsets: Pick<OffsetTable, 'queryPull'>;
  readonly groups: Pick<GroupTable, 'get' | 'update'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class SlowConsumers {
  readonly #options: SlowConsumersOptions;
  #timer: TimerHandle | undefined;
  #running: Promise<void> | undefined;

  constructor(options: SlowConsumersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.setInterval(() => {
      this.#running ??= this.scan().catch((error: unknown) => {
        this.#options.log.error({ why: textOf(error) }, 'how far groups are behind cannot be told');
      }).finally(() => {
        this.#running = undefined;
      });
    }, scanPeriodMs);
  }

  async stop(): Promise<void> {
    this.#timer?.clear();
    await this.#running;
  }

  /** Looks at every group that has clients. */
  async scan(): Promise<void> {
    const { config, consumers, groups, log } = this.#options;
    if (!config.disableConsumeIfConsumerReadSlowly) return;
    for (const { group: name, subscriptions } of [...consumers.all()]) {
      const group = groups.get(name);
      if (group?.consumeEnable !== true) continue;
      for (const topic of [...subscriptions.keys()]) {
        const bytes = await this.#behind(name, topic);
        if (bytes <= config.consumerFallbehindThreshold) continue;
        log.warn({ group: name, topic, bytes }, 'the group consumes too slowly and may consume no longer');
        const now = groups.get(name);
        if (now !== undefined) groups.update({ ...now, consumeEnable: false });
        break;
      }
    }
  }

  /** Bytes of the log from the next message of the queue that is furthest behind to the end; 0 when nothing was consumed yet or nothing is left. */
  async #behind(group: string, topic: string): Promise<number> {
    const { store, offsets } = this.#options;
    let most = 0;
    for (const queueId of store.queueIdsOf(topic)) {
      const queue = store.existingQueue(topic, queueId);
      const offset = offsets.queryPull(group, topic, queueId);
      if (queue === undefined || offset < 0 || offset >= queue.maxOffset) continue;
      const [next] = await store.units(queue, Math.max(offset, queue.minOffset), 1);
      if (next !== undefined) most = Math.max(most, store.positions.written - next.phyOffset);
    }
    return most;
  }
}
