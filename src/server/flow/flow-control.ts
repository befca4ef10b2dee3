/**
 * Flow control of consumers by rules: which groups may take how many messages of which topics, in Sentinel's words. Owns the rule file, looked at again
 * while the broker runs, and the counts; how a rule decides is controllers.ts, what a refused pull is answered the broker's.
 */
import type { Clock, Log, TimerHandle } from '../../remoting/types.js';
import { blocked, controllerOf, FlowNode } from './controllers.js';
import type { Controller } from './controllers.js';
import { readFlowRules, ruleFileBytesMax } from './rules.js';

/** How often the rule file is looked at. */
export const ruleWatchMs = 1000;

/** The file as the disk has it: undefined when there is none. */
export interface RuleFile {
  /** Changes whenever the file does. */
  stamp(): string | undefined;
  read(): string;
}

export interface FlowControlOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly file: RuleFile;
}

/** The rules of one group and topic, and what passed. */
export class FlowGate {
  readonly #clock: Clock;
  readonly node = new FlowNode();
  controllers: readonly Controller[] = [];
  /** Asked for and not given. */
  refused = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many of `wanted` messages may be taken now; 0 is counted as refused. */
  most(wanted: number): number {
    const nowMs = this.#clock.nowMs();
    let most = wanted;
    for (const controller of this.controllers) most = Math.min(most, controller.most(this.node, most, nowMs));
    if (most === 0) this.refused++;
    return most;
  }

  /** A pull begins, or ends: what rules of grade 0 count. */
  enter(): void {
    this.node.threads++;
  }

  leave(): void {
    this.node.threads--;
  }

  /** Takes `count` messages: `then` runs at once or after the wait a limiter asks for. False, with nothing done, when they may not pass. */
  take(count: number, then: () => void): boolean {
    const startMs = this.#clock.nowMs();
    let nowMs = startMs;
    for (const controller of this.controllers) {
      const waitMs = controller.take(this.node, count, nowMs);
      if (waitMs === blocked) {
        this.refused++;
        return false;
      }
      nowMs += waitMs;
    }
    if (nowMs === startMs) {
      this.node.passed(startMs, count);
      then();
      return true;
    }
    this.#clock.setTimeout(() => {
      this.node.passed(this.#clock.nowMs(), count);
      then();
    }, nowMs - startMs);
    return true;
  }
}

export class FlowControl {
  readonly #options: FlowControlOptions;
  #gates = new Map<string, FlowGate>();
  #stamp: string | undefined;
  #watcher: TimerHandle | undefined;

  constructor(options: FlowControlOptions) {
    this.#options = options;
  }

  /** Reads the rules and begins to watch their file. One that is missing or unreadable means no rules until it is there. */
  start(): void {
    this.look();
    this.#watcher = this.#options.clock.setInterval(() => this.look(), ruleWatchMs);
  }

  stop(): void {
    this.#watcher?.clear();
  }

  /** The gate of a group's pulls of a topic; undefined without a rule for them. */
  gate(group: string, topic: string): FlowGate | undefined {
    return this.#gates.size === 0 ? undefined : this.#gates.get(`${group}:${topic}`);
  }

  /** Pulls refused since the start, of the resources that have rules now. */
  get refused(): number {
    let refused = 0;
    for (const gate of this.#gates.values()) refused += gate.refused;
    return refused;
  }

  /** Takes a file that changed; one that cannot be read leaves the rules as they are. */
  look(): void {
    const { file, log, clock } = this.#options;
    try {
      const stamp = file.stamp();
      if (stamp === this.#stamp) return;
      this.#stamp = stamp;
      const text = stamp === undefined ? '[]' : file.read();
      if (text.length > ruleFileBytesMax) throw new TypeError(`more than ${ruleFileBytesMax} characters`);
      const rules = readFlowRules(text, (index, why) => log.warn({ index, why }, 'a flow rule is not obeyed'));
      const gates = new Map<string, FlowGate>();
      for (const rule of rules) {
        // What passed so far goes on to count (`FlowRuleManager`, `ClusterNode`).
        const gate = gates.get(rule.resource) ?? this.#gates.get(rule.resource) ?? new FlowGate(clock);
        gate.controllers = gates.has(rule.resource) ? [...gate.controllers, controllerOf(rule)] : [controllerOf(rule)];
        gates.set(rule.resource, gate);
      }
      this.#gates = gates;
      log.info({ rules: rules.length }, 'flow rules are in force');
    } catch (error) {
      log.error({ error: error instanceof Error ? error.message : String(error) }, 'flow rules cannot be read, those in force stay');
    }
  }
}
