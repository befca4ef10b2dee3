/**
 * Lanes: one bounded first-in-first-out queue per kind of request, as Apache has one thread pool per kind. A request on a lane with
 * nothing waiting and a free slot runs at once; otherwise it waits, and what waits too long or finds no room is refused with
 * SYSTEM_BUSY. A slow lane never delays another. What a request does is dispatch.ts's; the limits' values come from the configuration.
 */
import type { LaneName } from '../codec/requests.js';
import type { Clock, LaneLimits, Lanes, TimerHandle } from './types.js';

/** Remark of SYSTEM_BUSY when the lane's queue is full (`NettyRemotingAbstract#processRequestCommand`). */
export const overloadRemark = '[OVERLOAD]system busy, start flow control for a while';

/** Remark of SYSTEM_BUSY when the lane refuses before queueing (`NettyRequestProcessor#rejectRequest`). */
export const rejectRequestRemark = '[REJECTREQUEST]system busy, start flow control for a while';

/** Remark of SYSTEM_BUSY for what waited too long; `queueSize` counts what is still waiting (`BrokerFastFailure#cleanExpiredRequestInQueue`). */
export function timeoutCleanRemark(waitedMs: number, queueSize: number): string {
  return `[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: ${waitedMs}ms, size of queue: ${queueSize}`;
}

/** How often waiting requests are checked against `waitMsMax` (`BrokerFastFailure#start`). */
export const sweepPeriodMs = 10;

/** A request that may have to wait. */
export interface LaneTask {
  /** Does the work; a promise keeps a slot of the lane until it settles. Must neither throw nor reject. */
  run(): Promise<void> | undefined;
  /** Answers SYSTEM_BUSY with this remark instead. */
  refuse(remark: string): void;
  /** Told when the request starts to wait: keep bytes alive cheaply, count them. */
  queued(): void;
  /** Told when it stops waiting, whatever happens next. */
  unqueued(): void;
}

interface Waiting {
  readonly task: LaneTask;
  readonly sinceMs: number;
}

export class Lane {
  readonly name: LaneName;
  readonly limits: LaneLimits;
  private readonly queue: Waiting[] = [];
  private head = 0;
  private active = 0;
  /** Requests refused since the start, by reason. */
  readonly refused = { overload: 0, timeout: 0, reject: 0 };
  private readonly set: LaneSet;

  constructor(name: LaneName, limits: LaneLimits, set: LaneSet) {
    this.name = name;
    this.limits = limits;
    this.set = set;
  }

  /** Requests waiting now. */
  get size(): number {
    return this.queue.length - this.head;
  }

  /** Asynchronous handlers at work now. */
  get atWork(): number {
    return this.active;
  }

  /** How long the first waiting request has waited, in milliseconds; 0 when none waits (`BrokerController#headSlowTimeMills`). */
  headWaitTimeMs(nowMs: number): number {
    const first = this.queue[this.head];
    return first === undefined ? 0 : Math.max(0, nowMs - first.sinceMs);
  }

  /** Whether a request may run at once: nothing waits and a slot is free. */
  get free(): boolean {
    return this.head === this.queue.length && this.active < this.limits.concurrency;
  }

  /** The remark of the lane's own refusal, or undefined; counted. */
  rejection(): string | undefined {
    const remark = this.limits.reject?.();
    if (remark !== undefined) this.refused.reject++;
    return remark;
  }

  /** Takes a slot until the promise settles. */
  occupy(work: Promise<void>): void {
    this.active++;
    void work.then(() => {
      this.active--;
      this.drain();
      this.set.settled();
    });
  }

  /** Runs the task, queues it, or refuses it for want of room. */
  submit(task: LaneTask): void {
    if (this.free) {
      const work = task.run();
      if (work !== undefined) this.occupy(work);
      return;
    }
    if (this.size >= this.limits.capacity) {
      this.refused.overload++;
      task.refuse(overloadRemark);
      return;
    }
    this.queue.push({ task, sinceMs: this.set.nowMs() });
    task.queued();
    this.set.waiting();
  }

  private drain(): void {
    while (this.active < this.limits.concurrency) {
      const next = this.shift();
      if (next === undefined) return;
      next.task.unqueued();
      const work = next.task.run();
      if (work !== undefined) this.occupy(work);
    }
  }

  private shift(): Waiting | undefined {
    const first = this.queue[this.head];
    if (first === undefined) return undefined;
    this.head++;
    if (this.head === this.queue.length) {
      this.queue.length = 0;
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    return first;
  }

  /** Refuses what waited `waitMsMax` or longer, oldest first. */
  sweep(nowMs: number): void {
    const max = this.limits.waitMsMax;
    if (max <= 0) return;
    for (let first = this.queue[this.head]; first !== undefined; first = this.queue[this.head]) {
      const waitedMs = nowMs - first.sinceMs;
      if (waitedMs < max) return;
      this.shift();
      this.refused.timeout++;
      first.task.unqueued();
      first.task.refuse(timeoutCleanRemark(waitedMs, this.size));
    }
  }

  /** Refuses everything that waits, with this remark (`[PCBUSY_CLEAN_QUEUE]`, shutdown). `remark` is given each request's wait and the size left. */
  refuseAll(remark: (waitedMs: number, queueSize: number) => string): void {
    const nowMs = this.set.nowMs();
    for (let first = this.shift(); first !== undefined; first = this.shift()) {
      first.task.unqueued();
      first.task.refuse(remark(nowMs - first.sinceMs, this.size));
    }
  }
}

/** What a lane without limits gets: the name server's default pool (`NamesrvConfig#defaultThreadPoolNums`, `#defaultThreadPoolQueueCapacity`). */
const fallback: LaneLimits = { capacity: 10000, concurrency: 16, waitMsMax: 0 };

/** The lanes of one broker or name server, shared by its ports. */
export class LaneSet {
  private readonly lanes = new Map<LaneName, Lane>();
  private readonly clock: Clock;
  private readonly limits: Lanes;
  private sweeper: TimerHandle | undefined;
  private idleListeners: (() => void)[] = [];

  constructor(clock: Clock, limits: Lanes) {
    this.clock = clock;
    this.limits = limits;
  }

  /** The lane of this name; made at first use. */
  get(name: LaneName): Lane {
    let lane = this.lanes.get(name);
    if (lane === undefined) {
      lane = new Lane(name, this.limits[name] ?? fallback, this);
      this.lanes.set(name, lane);
    }
    return lane;
  }

  all(): Iterable<Lane> {
    return this.lanes.values();
  }

  nowMs(): number {
    return this.clock.nowMs();
  }

  /** Requests waiting or at work in all lanes. */
  get pending(): number {
    let n = 0;
    for (const lane of this.lanes.values()) n += lane.size + lane.atWork;
    return n;
  }

  /** Resolves once nothing waits or works. */
  idle(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleListeners.push(resolve));
  }

  /** A lane started to hold a waiting request: the sweep runs while any does. */
  waiting(): void {
    this.sweeper ??= this.clock.setInterval(() => this.sweep(), sweepPeriodMs);
  }

  /** A slot became free. */
  settled(): void {
    if (this.idleListeners.length === 0 || this.pending > 0) return;
    const listeners = this.idleListeners;
    this.idleListeners = [];
    for (const listener of listeners) listener();
  }

  private sweep(): void {
    const nowMs = this.clock.nowMs();
    let waiting = 0;
    for (const lane of this.lanes.values()) {
      lane.sweep(nowMs);
      waiting += lane.size;
    }
    if (waiting > 0) return;
    this.sweeper?.clear();
    this.sweeper = undefined;
    this.settled();
  }
}

/** Apache's limits for a machine with this many processors (`BrokerConfig`, `NamesrvConfig` of 5.5.0, `BrokerFastFailure`). */
export function defaultLanes(processors: number): Required<Lanes> {
  const many = 16 + processors * 2;
  const send = Math.min(processors, 4);
  return {
    send: { capacity: 10000, concurrency: send, waitMsMax: 200 },
    pull: { capacity: 100000, concurrency: many, waitMsMax: 5000 },
    litePull: { capacity: 100000, concurrency: many, waitMsMax: 5000 },
    ack: { capacity: 100000, concurrency: 16, waitMsMax: 3000 },
    reply: { capacity: 10000, concurrency: many, waitMsMax: 0 },
    query: { capacity: 20000, concurrency: 8 + processors, waitMsMax: 0 },
    client: { capacity: 1000000, concurrency: 32, waitMsMax: 0 },
    heartbeat: { capacity: 50000, concurrency: Math.min(32, processors), waitMsMax: 31000 },
    consumer: { capacity: 1000000, concurrency: 32, waitMsMax: 0 },
    admin: { capacity: 10000, concurrency: 16, waitMsMax: 5000 },
    endTransaction: { capacity: 100000, concurrency: Math.max(8 + processors * 2, send * 4), waitMsMax: 3000 },
    loadBalance: { capacity: 100000, concurrency: 32, waitMsMax: 0 },
    namesrv: { capacity: 10000, concurrency: 16, waitMsMax: 0 },
    route: { capacity: 50000, concurrency: 8, waitMsMax: 0 },
  };
}
