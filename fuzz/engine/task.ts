/** A worker's task and what it says about it: plain values, since they cross processes. */
import type { FindKind } from './judge.js';
import type { Progress } from './campaign.js';

export interface Task {
  readonly target: string;
  /** Runs the target with this planted bug. */
  readonly canary?: string | undefined;
  readonly seed: string;
  readonly millis: number;
  readonly executions: number;
  readonly untilFind: boolean;
  /** Directories of inputs to begin with. */
  readonly corpora: readonly string[];
  /** Instead of a campaign: these inputs (base64), once. */
  readonly replay?: readonly string[] | undefined;
  /** No input may take longer, or the worker is ended and the input is a find. */
  readonly hangMillis: number;
}

export interface TaskFind {
  readonly target: string;
  readonly canary?: string | undefined;
  readonly kind: FindKind;
  readonly key: string;
  readonly message: string;
  readonly stack: string;
  readonly seed: string;
  readonly execution: number;
  /** base64 */
  readonly inputs: readonly string[];
  readonly repeatable: boolean;
}

export type Said =
  | { readonly say: 'progress' | 'done'; readonly progress: Progress }
  | { readonly say: 'find'; readonly find: TaskFind }
  | { readonly say: 'news'; readonly input: string };
