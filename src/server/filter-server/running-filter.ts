/**
 * One filter at work: messages one after the other, each within its time. A filter that hangs or dies is ended and started anew at a later pull,
 * more slowly each time, so that it costs itself and nobody else.
 */
import type { DecodedMessage } from '../../codec/stored-message.js';
import type { Clock, Log } from '../../remoting/types.js';
import type { OpenSandbox, Sandbox, SandboxReply } from './sandbox.js';

/** First wait after a filter hung or died; doubles with each further time up to the longest. */
export const restartMsMin = 1000;
export const restartMsMax = 30_000;
/** A filter that kept going for so long since is as good as one that never failed. */
const forgivenMs = 120_000;
/** Pulls that may wait for one filter. */
const waitingMax = 512;

export interface RunningFilterOptions {
  readonly open: OpenSandbox;
  readonly className: string;
  readonly source: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: {
    readonly filterMatchTimeoutMs: number;
    readonly filterCompileTimeoutMs: number;
    readonly filterPullTimeMs: number;
  };
}

/** What became of the messages of a pull: a verdict for each, or for the first of them when time was up, or what went wrong. */
export type Judgement = { readonly verdicts: readonly boolean[] } | { readonly fault: string };

type Outcome = SandboxReply | { readonly kind: 'gone'; readonly text: string };

export class RunningFilter {
  readonly #options: RunningFilterOptions;
  #sandbox: Sandbox | undefined;
  #waiting: ((outcome: Outcome) => void) | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #stopped = false;
  #failures = 0;
  #failedMs = 0;
  #lastFault = '';

  constructor(options: RunningFilterOptions) {
    this.#options = options;
  }

  /** Loads the source. Resolves with why it cannot serve, or undefined when it does. */
  async start(): Promise<string | undefined> {
    const { open, className, source, limits } = this.#options;
    let sandbox: Sandbox | undefined;
    let ended: string | undefined;
    try {
      sandbox = await open({
        reply: (reply) => this.#answered(reply),
        gone: (why) => {
          ended = why;
          if (this.#sandbox === sandbox) this.#sandbox = undefined;
          this.#answered({ kind: 'gone', text: why });
        },
      });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    if (ended !== undefined) return ended;
    this.#sandbox = sandbox;
    if (this.#stopped) {
      await this.#end();
      return 'it was stopped';
    }
    const outcome = await this.#ask((to) => to.load(className, source), limits.filterCompileTimeoutMs);
    if (outcome.kind === 'loaded') return undefined;
    await this.#end();
    if (outcome.kind === 'late') return `it did not compile and start within ${limits.filterCompileTimeoutMs} ms`;
    return 'text' in outcome ? outcome.text : `an answer out of turn: ${outcome.kind}`;
  }

  /** Judges the messages of one pull, after the pulls that came before. */
  judge(consumerGroup: string, messages: readonly DecodedMessage[]): Promise<Judgement> {
    if (this.#queued >= waitingMax) return Promise.resolve({ fault: `${waitingMax} pulls wait for this filter` });
    this.#queued++;
    const judged = this.#tail.then(() => this.#judge(consumerGroup, messages)).finally(() => this.#queued--);
    this.#tail = judged.catch(() => undefined);
    return judged;
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#end();
    await this.#tail;
  }

  async #judge(consumerGroup: string, messages: readonly DecodedMessage[]): Promise<Judgement> {
    const { clock, limits } = this.#options;
    const notReady = await this.#ready();
    if (notReady !== undefined) return { fault: notReady };
    const beginMs = clock.nowMs();
    const verdicts: boolean[] = [];
    for (const message of messages) {
      if (verdicts.length > 0 && clock.nowMs() - beginMs > limits.filterPullTimeMs) return { verdicts };
      const outcome = await this.#ask((to) => to.match(consumerGroup, message), limits.filterMatchTimeoutMs);
      if (outcome.kind === 'verdict') verdicts.push(outcome.matched);
      else if (outcome.kind === 'threw') return { fault: outcome.text };
      else return { fault: await this.#failed(outcome) };
    }
    return { verdicts };
  }

  /** Starts it anew when it is gone and its wait is over. */
  async #ready(): Promise<string | undefined> {
    if (this.#stopped) return 'the filter was replaced or dropped';
    if (this.#sandbox !== undefined) return undefined;
    const leftMs = this.#failedMs + this.#waitMs() - this.#options.clock.nowMs();
    if (leftMs > 0) return `${this.#lastFault}; it is started again in ${leftMs} ms`;
    const failed = await this.start();
    if (failed === undefined) return undefined;
    this.#note(failed);
    return failed;
  }

  async #failed(outcome: Outcome): Promise<string> {
    await this.#end();
    const { limits, className } = this.#options;
    const fault = outcome.kind === 'late'
      ? `${className} did not judge a message within ${limits.filterMatchTimeoutMs} ms and was ended`
      : 'text' in outcome ? outcome.text : `an answer out of turn: ${outcome.kind}`;
    this.#note(fault);
    return fault;
  }

  #note(fault: string): void {
    const { clock, log, className } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs - this.#failedMs > forgivenMs) this.#failures = 0;
    this.#failures++;
    this.#failedMs = nowMs;
    this.#lastFault = fault;
    log.warn({ className, fault, failures: this.#failures }, 'a filter failed');
  }

  #waitMs(): number {
    return this.#failures === 0 ? 0 : Math.min(restartMsMin * 2 ** (this.#failures - 1), restartMsMax);
  }

  #ask(send: (to: Sandbox) => void, timeoutMs: number): Promise<Outcome> {
    const sandbox = this.#sandbox;
    if (sandbox === undefined) return Promise.resolve({ kind: 'gone', text: 'the filter ended' });
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimeout(() => this.#answered({ kind: 'late' }), timeoutMs);
      this.#waiting = (outcome) => {
        timer.clear();
        resolve(outcome);
      };
      send(sandbox);
    });
  }

  #answered(outcome: Outcome): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(outcome);
  }

  async #end(): Promise<void> {
    const sandbox = this.#sandbox;
    this.#sandbox = undefined;
    await sandbox?.kill();
  }
}
