/**
 * Flow control of groups that read from the disk what has left memory (`ColdDataCgCtrService`, `ColdDataPullRequestHoldService`): beyond a number of bytes
 * in five seconds a push consumer is told to come again, a pull consumer waits and then gets one message at a time. Off unless coldDataFlowControlEnable.
 */
import type { Clock, TimerHandle } from '../../remoting/types.js';

/** Counting starts anew this often (`ColdDataCgCtrService#run`). */
export const coldPeriodMs = 5000;
/** A group without cold reads for so long is forgotten. */
const residesMs = 60_000;
/** Pulls that may wait (`ColdDataPullRequestHoldService#pullRequestColdHoldQueue`). */
const heldMax = 10_000;
/** A held pull waits at least so long; looked at each `coldPeriodMs`. */
const heldMs = 3000;
/** Groups with a threshold of their own, and groups counted. */
const groupsMax = 20_000;

export interface ColdDataConfig {
  readonly coldDataFlowControlEnable: boolean;
  readonly cgColdReadThreshold: number;
  readonly globalColdReadThreshold: number;
}

interface ColdReads {
  bytes: number;
  readonly createTimeMills: number;
  lastColdReadTimeMills: number;
}

export class ColdDataControl {
  readonly #config: ColdDataConfig;
  readonly #clock: Clock;
  readonly #runtime = new Map<string, ColdReads>();
  readonly #thresholds = new Map<string, number>();
  #held: { readonly sinceMs: number; readonly run: () => void }[] = [];
  #all = 0;
  #timer: TimerHandle | undefined;

  constructor(config: ColdDataConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  start(): void {
    this.#timer = this.#clock.setInterval(() => this.sweep(), coldPeriodMs);
  }

  stop(): void {
    this.#timer?.clear();
    this.#held = [];
  }

  /** A group was given bytes from the disk. */
  read(group: string, bytes: number): void {
    if (bytes <= 0) return;
    this.#all += bytes;
    const nowMs = this.#clock.nowMs();
    let reads = this.#runtime.get(group);
    if (reads === undefined) {
      if (this.#runtime.size >= groupsMax) return;
      this.#runtime.set(group, (reads = { bytes: 0, createTimeMills: nowMs, lastColdReadTimeMills: nowMs }));
    }
    reads.bytes += bytes;
    reads.lastColdReadTimeMills = nowMs;
  }

  /** True when the group has read so much cold data that it is to slow down (`isCgNeedColdDataFlowCtr`). */
  exceeds(group: string): boolean {
    if (!this.#config.coldDataFlowControlEnable) return false;
    const reads = this.#runtime.get(group);
    if (reads === undefined) return false;
    return reads.bytes >= (this.#thresholds.get(group) ?? this.#config.cgColdReadThreshold) || this.#all >= this.#config.globalColdReadThreshold;
  }

  /** Runs `run` in three to eight seconds; at once when too many wait. */
  hold(run: () => void): void {
    if (this.#held.length >= heldMax) run();
    else this.#held.push({ sinceMs: this.#clock.nowMs(), run });
  }

  /** Sets thresholds in bytes a period; false when there are too many groups. */
  setThreshold(group: string, bytes: number): boolean {
    if (!this.#thresholds.has(group) && this.#thresholds.size >= groupsMax) return false;
    this.#thresholds.set(group, bytes);
    return true;
  }

  removeThreshold(group: string): void {
    this.#thresholds.delete(group);
  }

  /** `getColdDataFlowCtrInfo`. */
  info(): Record<string, unknown> {
    const runtimeTable = new Map<string, unknown>();
    for (const [group, { bytes, createTimeMills, lastColdReadTimeMills }] of this.#runtime) runtimeTable.set(group, { coldAcc: bytes, createTimeMills, lastColdReadTimeMills });
    return {
      cgColdReadThreshold: this.#config.cgColdReadThreshold,
      configTable: new Map(this.#thresholds),
      globalAcc: this.#all,
      globalColdReadThreshold: this.#config.globalColdReadThreshold,
      runtimeTable,
    };
  }

  /** The end of a period: counts start anew, waiting pulls whose time has come run. */
  sweep(): void {
    const nowMs = this.#clock.nowMs();
    for (const [group, reads] of this.#runtime) {
      if (nowMs >= reads.lastColdReadTimeMills + residesMs) this.#runtime.delete(group);
      reads.bytes = 0;
    }
    this.#all = 0;
    const due = this.#held.filter(({ sinceMs }) => nowMs >= sinceMs + heldMs);
    this.#held = this.#held.filter(({ sinceMs }) => nowMs < sinceMs + heldMs);
    for (const { run } of due) run();
  }
}
