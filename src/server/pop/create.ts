/** POP, composed: its handlers, what they share, and its life beside the broker's. */
import type { Handlers, TimerHandle } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import type { PutParts } from '../broker/put-place.js';
import type { TopicRoutes } from '../broker/topic-routes.js';
import type { LiteAcking } from '../lite/ack.js';
import { createAcking } from './ack.js';
import { createAssignment } from './assignment.js';
import { createLooking } from './look.js';
import { createOrderInfos } from './order-info.js';
import { createOrderWake } from './order-wake.js';
import type { PopParts } from './parts.js';
import { createPolling } from './polling.js';
import { createPop } from './pop.js';
import { createPopFilters } from './pop-filter.js';
import { createPopOffsets } from './pop-offsets.js';
import { offsetsSavedMs, recoverPopOffsets } from './pop-recover.js';
import { createRequestModes } from './request-modes.js';
import { createRevive } from './revive.js';
import type { Revive } from './revive.js';
import { createReviveLog } from './revive-log.js';

type PopHandlers = Pick<Handlers,
  'POP_MESSAGE' | 'ACK_MESSAGE' | 'BATCH_ACK_MESSAGE' | 'CHANGE_MESSAGE_INVISIBLETIME' | 'NOTIFICATION' | 'POLLING_INFO' | 'PEEK_MESSAGE' |
  'QUERY_ASSIGNMENT' | 'SET_MESSAGE_REQUEST_MODE' | 'GET_ALL_MESSAGE_REQUEST_MODE'>;

export interface PopOptions {
  readonly put: PutParts;
  readonly disk: Disk;
  readonly routes: TopicRoutes;
  /** Acknowledgements that name a lite topic. */
  readonly lite?: LiteAcking | undefined;
  /** Milliseconds by which what waits for its time may come late; 0 without timers. */
  readonly timersBehindMs: () => number;
}

export interface PopService {
  readonly handlers: PopHandlers;
  readonly revive: Revive;
  /** Reads its files. Throws a Fault. */
  load(): void;
  start(): void;
  stop(): Promise<void>;
}

export function createPopService(options: PopOptions): PopService {
  const { put, disk } = options;
  const { ctx } = put;
  const parts: PopParts = {
    ctx, put,
    revive: createReviveLog(put),
    offsets: createPopOffsets(ctx),
    orders: createOrderInfos(ctx, disk),
    pops: createPolling(ctx, false),
    notifications: createPolling(ctx, true),
  };
  const filters = createPopFilters(ctx);
  const wake = createOrderWake(parts);
  const modes = createRequestModes(ctx, disk);
  const revive = createRevive(parts, { behindMs: options.timersBehindMs });
  let saver: TimerHandle | undefined;
  // Asked before anything saves again. Undefined after an orderly stop, which saved everything.
  const savedMs = ctx.store.recovery.cleanStop ? undefined : offsetsSavedMs(ctx, disk);
  const ready = Promise.resolve()
    .then(() => (savedMs === undefined ? 0 : recoverPopOffsets(ctx, savedMs)))
    .then(
      (moved) => {
        if (moved > 0) ctx.log.info({ moved }, 'offsets of groups that pop were moved on to what they had popped');
      },
      (error: unknown) => ctx.log.error({ error: String(error) }, 'offsets of groups that pop could not be recovered: they are given some messages again'),
    );

  return {
    handlers: {
      POP_MESSAGE: createPop(parts, filters, wake, ready).handler,
      ...createAcking(parts, wake, options.lite).handlers,
      ...createLooking(parts, filters, wake).handlers,
      QUERY_ASSIGNMENT: createAssignment(ctx, modes, options.routes),
      ...modes.handlers,
    },
    revive,
    load() {
      parts.orders.load();
      modes.load();
    },
    start() {
      revive.start();
      saver = ctx.clock.setInterval(() => parts.orders.save(), Math.max(1, ctx.config.flushConsumerOffsetInterval));
    },
    async stop() {
      saver?.clear();
      wake.stop();
      parts.pops.stop();
      parts.notifications.stop();
      await revive.stop();
      await Promise.all([parts.orders.close(), modes.close()]);
    },
  };
}
