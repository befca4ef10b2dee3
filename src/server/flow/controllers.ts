/**
 * Sentinel's four ways to shape traffic, to the rounding: reject, warm-up, rate limiter, warm-up with rate limiter (`TrafficShapingController`).
 * Time comes in as milliseconds; nobody sleeps here: what has to wait is told for how long.
 */
import type { FlowRule } from './rules.js';
import { PassWindows } from './pass-windows.js';

/** What is known of a resource (`StatisticNode`). */
export class FlowNode {
  readonly #second = new PassWindows(500, 2);
  readonly #minute = new PassWindows(1000, 60);
  /** At work now. */
  threads = 0;

  passed(nowMs: number, count: number): void {
    this.#second.add(nowMs, count);
    this.#minute.add(nowMs, count);
  }

  passQps(nowMs: number): number {
    return this.#second.sum(nowMs);
  }

  previousPassQps(nowMs: number): number {
    return this.#minute.previous(nowMs);
  }
}

/** Milliseconds to wait; `blocked` = it may not pass. */
export const blocked = -1;

export interface Controller {
  /** Whether `count` may pass: `blocked`, or after how many milliseconds. A pass is taken at once; the caller counts it in the node when its time came. */
  take(node: FlowNode, count: number, nowMs: number): number;
  /** How many of `wanted` could pass now, without taking any. */
  most(node: FlowNode, wanted: number, nowMs: number): number;
}

function within(limit: number, wanted: number): number {
  return Math.max(0, Math.min(wanted, Math.floor(limit)));
}

/** `DefaultController`. */
class Reject implements Controller {
  readonly #rule: FlowRule;

  constructor(rule: FlowRule) {
    this.#rule = rule;
  }

  #used(node: FlowNode, nowMs: number): number {
    return this.#rule.grade === 0 ? node.threads : Math.trunc(node.passQps(nowMs));
  }

  take(node: FlowNode, count: number, nowMs: number): number {
    // One pull is one thread, however many messages it takes.
    return this.#used(node, nowMs) + (this.#rule.grade === 0 ? 1 : count) > this.#rule.count ? blocked : 0;
  }

  most(node: FlowNode, wanted: number, nowMs: number): number {
    if (this.#rule.grade === 0) return node.threads + 1 > this.#rule.count ? 0 : wanted;
    return within(this.#rule.count - this.#used(node, nowMs), wanted);
  }
}

/** The next double above (`Math#nextUp`), for positive numbers. */
function nextUp(value: number): number {
  if (!Number.isFinite(value)) return value;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + 1n);
  return view.getFloat64(0);
}

/** `Math#round`: halves go up. */
const javaRound = (value: number): number => Math.floor(value + 0.5);

/** `ColdFactorProperty#coldFactor`: a cold system takes a third of its rate. */
const coldFactor = 3;

/** The tokens of `WarmUpController`: while many are stored the system is cold. */
class WarmUpTokens {
  readonly #count: number;
  readonly #warningToken: number;
  readonly #maxToken: number;
  readonly #slope: number;
  #stored = 0;
  #lastFilledMs = 0;

  constructor(count: number, warmUpPeriodSec: number) {
    this.#count = count;
    this.#warningToken = Math.trunc(Math.trunc(warmUpPeriodSec * count) / (coldFactor - 1));
    this.#maxToken = this.#warningToken + Math.trunc((2 * warmUpPeriodSec * count) / (1 + coldFactor));
    this.#slope = (coldFactor - 1) / count / (this.#maxToken - this.#warningToken);
  }

  /** Once a second: what was used goes, what the time brought comes (`syncToken`). */
  sync(passedBefore: number, nowMs: number): void {
    const second = nowMs - (nowMs % 1000);
    if (second <= this.#lastFilledMs) return;
    this.#stored = Math.max(0, this.#coolDown(second, passedBefore) - passedBefore);
    this.#lastFilledMs = second;
  }

  #coolDown(second: number, passedBefore: number): number {
    const fills = this.#stored < this.#warningToken || (this.#stored > this.#warningToken && passedBefore < Math.trunc(Math.trunc(this.#count) / coldFactor));
    const filled = fills ? Math.trunc(this.#stored + ((second - this.#lastFilledMs) * this.#count) / 1000) : this.#stored;
    return Math.min(filled, this.#maxToken);
  }

  /** Messages a second that may pass now. */
  rate(): number {
    if (this.#stored < this.#warningToken) return this.#count;
    return nextUp(1 / ((this.#stored - this.#warningToken) * this.#slope + 1 / this.#count));
  }
}

class WarmUp implements Controller {
  readonly #tokens: WarmUpTokens;

  constructor(rule: FlowRule) {
    this.#tokens = new WarmUpTokens(rule.count, rule.warmUpPeriodSec);
  }

  #left(node: FlowNode, nowMs: number): number {
    const passQps = Math.trunc(node.passQps(nowMs));
    this.#tokens.sync(Math.trunc(node.previousPassQps(nowMs)), nowMs);
    return this.#tokens.rate() - passQps;
  }

  take(node: FlowNode, count: number, nowMs: number): number {
    return count <= this.#left(node, nowMs) ? 0 : blocked;
  }

  most(node: FlowNode, wanted: number, nowMs: number): number {
    return within(this.#left(node, nowMs), wanted);
  }
}

/** The leaky bucket that both limiters share. Times and costs in `unit`s of a millisecond. */
class Throttle {
  readonly #maxQueueingMs: number;
  readonly #perMs: number;
  #latest = -1;

  /** `perMs` 1: milliseconds; 1,000,000: nanoseconds. */
  constructor(maxQueueingMs: number, perMs: number) {
    this.#maxQueueingMs = maxQueueingMs;
    this.#perMs = perMs;
  }

  cost(count: number, rate: number): number {
    return javaRound((this.#perMs * 1000 * count) / rate);
  }

  /** The same with the multiplications of `WarmUpRateLimiterController`. */
  warmCost(count: number, rate: number): number {
    return javaRound((count / rate) * 1000);
  }

  take(cost: number, nowMs: number): number {
    const now = nowMs * this.#perMs;
    if (cost + this.#latest <= now) {
      this.#latest = now;
      return 0;
    }
    const wait = cost + this.#latest - now;
    if (wait > this.#maxQueueingMs * this.#perMs) return blocked;
    this.#latest += cost;
    return Math.max(0, wait / this.#perMs);
  }

  fits(cost: number, nowMs: number): boolean {
    return cost + this.#latest - nowMs * this.#perMs <= this.#maxQueueingMs * this.#perMs;
  }
}

/** The largest number from 1 to `wanted` for which `fits` is true, 0 when there is none; what fits is all below it too. */
function largest(wanted: number, fits: (count: number) => boolean): number {
  let low = 0;
  let high = wanted;
  while (low < high) {
    const mid = Math.ceil((low + high) / 2);
    if (fits(mid)) low = mid;
    else high = mid - 1;
  }
  return low;
}

/** `ThrottlingController`. */
class RateLimiter implements Controller {
  readonly #count: number;
  readonly #throttle: Throttle;

  constructor(rule: FlowRule) {
    this.#count = rule.count;
    const exact = rule.count > 0 && 1000 % javaRound(rule.count) === 0 && rule.count / 1000 <= 1;
    this.#throttle = new Throttle(rule.maxQueueingTimeMs, exact || rule.count <= 0 ? 1 : 1_000_000);
  }

  take(_node: FlowNode, count: number, nowMs: number): number {
    if (count <= 0) return 0;
    return this.#count <= 0 ? blocked : this.#throttle.take(this.#throttle.cost(count, this.#count), nowMs);
  }

  most(_node: FlowNode, wanted: number, nowMs: number): number {
    if (this.#count <= 0) return 0;
    return largest(wanted, (count) => this.#throttle.fits(this.#throttle.cost(count, this.#count), nowMs));
  }
}

class WarmUpRateLimiter implements Controller {
  readonly #tokens: WarmUpTokens;
  readonly #throttle: Throttle;

  constructor(rule: FlowRule) {
    this.#tokens = new WarmUpTokens(rule.count, rule.warmUpPeriodSec);
    this.#throttle = new Throttle(rule.maxQueueingTimeMs, 1);
  }

  take(node: FlowNode, count: number, nowMs: number): number {
    this.#tokens.sync(Math.trunc(node.previousPassQps(nowMs)), nowMs);
    return this.#throttle.take(this.#throttle.warmCost(count, this.#tokens.rate()), nowMs);
  }

  most(node: FlowNode, wanted: number, nowMs: number): number {
    this.#tokens.sync(Math.trunc(node.previousPassQps(nowMs)), nowMs);
    const rate = this.#tokens.rate();
    return largest(wanted, (count) => this.#throttle.fits(this.#throttle.warmCost(count, rate), nowMs));
  }
}

/** `FlowRuleUtil#generateRater`. */
export function controllerOf(rule: FlowRule): Controller {
  if (rule.grade === 1) {
    if (rule.controlBehavior === 1) return new WarmUp(rule);
    if (rule.controlBehavior === 2) return new RateLimiter(rule);
    if (rule.controlBehavior === 3) return new WarmUpRateLimiter(rule);
  }
  return new Reject(rule);
}
