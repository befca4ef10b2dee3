/**
 * Sequences of requests as plain data, so that they can be kept in a file, cut down and sent again. What only a server knows (where it put
 * a message, the receipt it gave) is named by the step that got it; `~` in a text stands for the run's own name, so that no two runs meet,
 * and `^7^` for the message id of number 7.
 */
import type { RequestName } from '../../src/codec/requests.js';

/** A value that an earlier answer, or the clock, has. Unknown when that step is gone or was refused: the step that names it is then left out. */
export interface Ref {
  readonly ref: number | 'clock';
  /**
   * `phyOffset`, `msgId`: of the stored message (element `index` of a batch); `storeTime`: of the same, from the store;
   * `handle`, `realTopic`, `queueOffset`, `queueId`: of message `index` of a POP; `startOffset`: of that POP's first queue;
   * any other: a field of the answer's header. Of the clock nothing.
   */
  readonly of: string;
  readonly index?: number;
  /** Added to a number. */
  readonly plus?: number;
}

export type Value = string | number | boolean | Ref;
/** JSON in which values of answers may stand. */
export type Template = Value | null | readonly Template[] | { readonly [name: string]: Template };

export interface BatchPart {
  readonly body: string;
  readonly properties: Readonly<Record<string, Value>>;
}

export type Body = { readonly text: string } | { readonly json: Template } | { readonly batch: readonly BatchPart[] } | { readonly deflated: string };

interface Numbered {
  /** Stays when others are taken away. */
  readonly id: number;
}

export interface Request extends Numbered {
  readonly send: RequestName;
  readonly to: 'broker' | 'namesrv';
  /** Which connection. */
  readonly client: string;
  readonly ext: Readonly<Record<string, Value>>;
  /** Message properties; they go into the header field of the request that takes them. */
  readonly properties?: Readonly<Record<string, Value>>;
  readonly body?: Body;
  /** Fields and members that may differ legally, such as a place in a queue that all sequences share. */
  readonly mask?: readonly string[];
  /** MQVersion ordinal and language of the client. */
  readonly identity?: readonly [version: number, language: string];
  /** Nobody answers it: its answer is waited for a moment only. */
  readonly silent?: true;
}

/** Waits until a queue has so many entries, or a few seconds. */
export interface Wait extends Numbered {
  readonly wait: { readonly topic: string; readonly queueId: number; readonly atLeast: number };
}

/** Lets time pass, so that messages get store times of their own. */
export interface Pause extends Numbered {
  readonly pauseMs: number;
}

/** Ends a connection of the broker. */
export interface Close extends Numbered {
  readonly close: string;
}

export type Step = Request | Wait | Pause | Close;

export const isRef = (value: unknown): value is Ref => typeof value === 'object' && value !== null && 'ref' in value && 'of' in value;

/** Requests a sequence sends. */
export const requestCount = (steps: readonly Step[]): number => steps.filter((step) => 'send' in step).length;

/** What its answer is called. */
export const labelOf = (step: Request): string => `${step.send} ${JSON.stringify(step.ext)}`;

/** The step in one line, as reports show it. */
export function describeStep(step: Step): string {
  if ('wait' in step) return `wait until ${step.wait.topic}/${step.wait.queueId} has ${step.wait.atLeast}`;
  if ('pauseMs' in step) return `pause ${step.pauseMs} ms`;
  if ('close' in step) return `close connection ${step.close}`;
  const parts = [step.send, JSON.stringify(step.ext)];
  if (step.properties !== undefined) parts.push(`properties ${JSON.stringify(step.properties)}`);
  if (step.body !== undefined) parts.push(`body ${JSON.stringify(step.body).slice(0, 200)}`);
  return `${step.client === 'a' ? '' : `[${step.client}] `}${parts.join(' ')}`;
}

/** Requests whose messages others can read only when the store has dispatched them, which Apache does a little later. */
export const storing: ReadonlySet<RequestName> = new Set(['SEND_MESSAGE', 'SEND_MESSAGE_V2', 'SEND_BATCH_MESSAGE', 'END_TRANSACTION', 'CONSUMER_SEND_MSG_BACK', 'SEND_REPLY_MESSAGE', 'SEND_REPLY_MESSAGE_V2']);

/** Requests whose answers carry stored records. */
export const answeringRecords: ReadonlySet<RequestName> = new Set(['PULL_MESSAGE', 'LITE_PULL_MESSAGE', 'QUERY_MESSAGE', 'VIEW_MESSAGE_BY_ID', 'POP_MESSAGE', 'PEEK_MESSAGE', 'POP_LITE_MESSAGE']);

const aboutOffsets: ReadonlySet<RequestName> = new Set([
  'QUERY_CONSUMER_OFFSET', 'UPDATE_CONSUMER_OFFSET', 'INVOKE_BROKER_TO_RESET_OFFSET', 'GET_CONSUME_STATS', 'GET_BROKER_CONSUME_STATS', 'GET_ALL_CONSUMER_OFFSET', 'QUERY_CONSUME_TIME_SPAN', 'QUERY_CORRECTION_OFFSET', 'CLONE_GROUP_OFFSET',
  'DELETE_SUBSCRIPTIONGROUP', 'DELETE_TOPIC_IN_BROKER',
]);
/** `PullSysFlag#FLAG_COMMIT_OFFSET`. */
const commits = 1;

/** Requests whose answers say where groups got to, or that set or forget it. */
export const needsOffsets = ({ send, ext: { sysFlag } }: Request): boolean => aboutOffsets.has(send) || (send.endsWith('PULL_MESSAGE') && typeof sysFlag === 'number' && (sysFlag & commits) !== 0);
