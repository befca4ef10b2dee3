/** Lite topics, composed: subscriptions, events, pops, acknowledgements, what is told of them, and their end. */
import type { Handlers, TimerHandle } from '../../remoting/types.js';
import { isLiteQueue, lightQueueId, partsOfLiteQueue } from '../../compat/light-queues.js';
import type { TopicRoutes } from '../broker/topic-routes.js';
import type { BrokerContext } from '../broker/types.js';
import { createOrderInfos } from '../pop/order-info.js';
import type { OrderInfos } from '../pop/order-info.js';
import { createPolling } from '../pop/polling.js';
import type { PopPolling } from '../pop/polling.js';
import { createPopOffsets } from '../pop/pop-offsets.js';
import type { PopOffsets } from '../pop/pop-offsets.js';
import { createLiteAcking } from './ack.js';
import type { LiteAcking } from './ack.js';
import { createLiteAdmin } from './admin.js';
import { createLiteControl } from './control.js';
import { LiteEvents } from './events.js';
import { boundGroups, isParentTopic } from './metadata.js';
import { createPopLite } from './pop.js';
import { LiteQueues } from './queues.js';
import { LiteSubscriptions } from './subscriptions.js';

/** How often batches that nobody touched for a day are looked for (`PopLiteLockManager#AUTO_CLEAN_INTERVAL`), ms. */
const cleanPeriodMs = 300_000;

export interface LiteParts {
  readonly ctx: BrokerContext;
  readonly queues: LiteQueues;
  readonly subscriptions: LiteSubscriptions;
  readonly events: LiteEvents;
  /** In memory only. */
  readonly orders: OrderInfos;
  readonly offsets: PopOffsets;
  /** Pops that wait, by client. */
  readonly polls: PopPolling;
  /** Makes an event once nothing blocks the lite topic for the group any more; replaces an earlier call. */
  readonly wakeWhenFree: (queueName: string, group: string) => void;
  /** Topics and groups with committed offsets. */
  readonly offsetEntries: () => number;
}

type LiteHandlers = Pick<Handlers,
  'POP_LITE_MESSAGE' | 'LITE_SUBSCRIPTION_CTL' | 'GET_BROKER_LITE_INFO' | 'GET_PARENT_TOPIC_INFO' | 'GET_LITE_TOPIC_INFO' | 'GET_LITE_CLIENT_INFO' |
  'GET_LITE_GROUP_INFO' | 'TRIGGER_LITE_DISPATCH'>;

export interface LiteService {
  readonly handlers: LiteHandlers;
  readonly acking: LiteAcking;
  readonly queues: LiteQueues;
  readonly subscriptions: LiteSubscriptions;
  /** The topic is going: so do the lite topics below it, when it is a parent. */
  topicDeleted(topic: string): Promise<void>;
  start(): void;
  stop(): void;
}

export function createLiteService(ctx: BrokerContext, routes: TopicRoutes, offsetEntries: () => number): LiteService {
  const orders = createOrderInfos(ctx, undefined);
  const polls = createPolling(ctx, false);
  const timers = new Map<string, TimerHandle>();
  const queues: LiteQueues = new LiteQueues(ctx, routes, (name) => {
    const parent = partsOfLiteQueue(name)?.parentTopic ?? '';
    for (const group of boundGroups(ctx).get(parent) ?? []) {
      orders.remove(name, group);
      timers.get(`${group}@${name}`)?.clear();
      timers.delete(`${group}@${name}`);
    }
    subscriptions.removeQueue(name);
  });
  const subscriptions = new LiteSubscriptions({ ctx, maxOffset: (name) => queues.maxOffset(name), forgetBatch: (name, group) => orders.remove(name, group) });
  const events = new LiteEvents({ ctx, subscriptions, queues, wake: (clientId) => void polls.wake(clientId, '', -1) });

  function wakeWhenFree(name: string, group: string): void {
    const key = `${group}@${name}`;
    timers.get(key)?.clear();
    timers.delete(key);
    const freeAtMs = orders.freeAt(name, group, lightQueueId);
    if (freeAtMs === undefined) return;
    timers.set(key, ctx.clock.setTimeout(() => {
      timers.delete(key);
      events.dispatch(name, group);
    }, Math.max(0, freeAtMs - ctx.clock.nowMs())));
  }

  const parts: LiteParts = { ctx, queues, subscriptions, events, orders, offsets: createPopOffsets(ctx), polls, wakeWhenFree, offsetEntries };
  let cleaner: TimerHandle | undefined;

  return {
    handlers: { POP_LITE_MESSAGE: createPopLite(parts), LITE_SUBSCRIPTION_CTL: createLiteControl(parts), ...createLiteAdmin(parts) },
    acking: createLiteAcking(parts),
    queues,
    subscriptions,
    async topicDeleted(topic) {
      if (isParentTopic(ctx, topic)) await queues.removeAll(topic);
      else if (isLiteQueue(topic)) subscriptions.removeQueue(topic);
    },
    start() {
      subscriptions.start();
      events.start();
      queues.start();
      cleaner = ctx.clock.setInterval(() => orders.clean(), cleanPeriodMs);
    },
    stop() {
      cleaner?.clear();
      subscriptions.stop();
      events.stop();
      queues.stop();
      for (const timer of timers.values()) timer.clear();
      timers.clear();
      polls.stop();
    },
  };
}
