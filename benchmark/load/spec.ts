/**
 * What the parent asks of a load process and what comes back: plain data, sent over the IPC channel. The load process
 * measures; judging and printing is left to the reports.
 */
import type { HistogramSnapshot } from './histogram.js';

/** Producers of a load. */
export interface SendSpec {
  readonly connections: number;
  /** Frames in flight per connection (closed loop) or at most (open loop). 1..4096 */
  readonly window: number;
  /** Messages per frame; 1 sends SEND_MESSAGE_V2, more SEND_BATCH_MESSAGE. */
  readonly batch: number;
  readonly bodyBytes: number;
  /** Give messages a KEYS property too, so that each makes two index entries. */
  readonly keys?: boolean;
  /** Further properties of every message, such as TIMER_DELAY_SEC. Plain text. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Batches: message i carries the property `n` = i modulo this. */
  readonly numbered?: number;
  /** Half messages, each committed by an END_TRANSACTION when it is acknowledged: a message counts when that is answered. `batch` is 1. */
  readonly transaction?: boolean;
  /** Open loop: messages per second over all connections; absent means closed loop. */
  readonly ratePerSecond?: number;
  /** Stop by itself when so many messages were sent (used to lay down a backlog); absent means until the time is up. */
  readonly messagesMax?: number;
}

/** Consumers of a load: one pull at a time per queue, queues spread over the connections. */
export interface PullSpec {
  readonly connections: number;
  readonly maxMsgNums: number;
  /** `backlog`: read from offset 0 to the end again and again. `tail`: start at the end and wait for what arrives. */
  readonly from: 'backlog' | 'tail';
  /** SQL92 instead of the subscription `*`: what counts then is the messages passed over, whether they match or not. */
  readonly sql?: string;
  /** POP_MESSAGE instead of PULL_MESSAGE, and an ACK_MESSAGE for each message, which counts when that is answered. Goes with `backlog`. */
  readonly pop?: boolean;
}

export interface LoadSpec {
  readonly address: string;
  /** Producers and consumers go there, over gRPC; topics and offsets are asked of `address`. */
  readonly grpcAddress?: string;
  readonly topic: string;
  readonly queues: number;
  readonly send?: SendSpec;
  readonly pull?: PullSpec;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Processes whose CPU time is read at both ends of the measured window. */
  readonly pids: readonly number[];
}

/** One kind of failure and how often it was seen, warm-up included. */
export interface ErrorCount {
  readonly what: string;
  readonly count: number;
}

/** What producers or consumers did inside the measured window. */
export interface SideOutcome {
  /** Messages acknowledged (send) or received (pull). */
  readonly messages: number;
  readonly requests: number;
  /** Per request, from send (closed loop) or intended send (open loop) to the read of its response; units of 100 ns. */
  readonly latency: HistogramSnapshot;
  /** Messages acknowledged or received per queue, warm-up included: shows that each queue was used. */
  readonly perQueue: readonly number[];
}

export interface LoadOutcome {
  readonly windowMs: number;
  readonly send?: SideOutcome & {
    /** Open loop: from intended to actual send; the part of the latency that is the generator's. Units of 100 ns. */
    readonly sendLag?: HistogramSnapshot;
  };
  readonly pull?: SideOutcome & {
    /** From the send of a message to its receipt, where producers and consumers run together; units of 100 ns. */
    readonly endToEnd?: HistogramSnapshot;
    /** Times that the whole backlog was read. */
    readonly passes: number;
  };
  readonly errors: readonly ErrorCount[];
  /** CPU seconds in the window: this process, the observed processes, everything else on the machine. */
  readonly generatorCpuS: number;
  readonly brokerCpuS: number | null;
  readonly othersCpuS: number;
}

/** What a load process sends to its parent. */
export type LoadReport = { readonly kind: 'done'; readonly outcome: LoadOutcome } | { readonly kind: 'failed'; readonly why: string };
