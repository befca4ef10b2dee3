/**
 * What a filter runs in, as the filter server sees it: something that loads one source, judges one message at a time and can be ended at any
 * moment. Two kinds: a child JVM (java-sandbox.ts) and a worker with QuickJS (javascript-sandbox.ts).
 */
import type { DecodedMessage } from '../../codec/stored-message.js';

/** Answers come in the order of the requests, one for each. */
export type SandboxReply =
  | { readonly kind: 'loaded' }
  /** The source is no filter; the text says why. */
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'verdict'; readonly matched: boolean }
  /** The filter threw, or answered neither true nor false. */
  | { readonly kind: 'threw'; readonly text: string }
  /** The sandbox itself noticed that time is up. */
  | { readonly kind: 'late' };

export interface SandboxEvents {
  reply(reply: SandboxReply): void;
  /** Once, when it is no more, asked for or not. Nothing follows. */
  gone(why: string): void;
}

export interface Sandbox {
  load(className: string, source: string): void;
  /** `message` has its body decompressed. */
  match(consumerGroup: string, message: DecodedMessage): void;
  /** Ends it at once, whatever it does; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Makes a sandbox; rejects with an error whose message says why there is none. */
export type OpenSandbox = (events: SandboxEvents) => Promise<Sandbox>;

/** Longest text of a compiler or of an exception that is passed on, in characters. */
export const reasonCharsMax = 1000;

/** A text that fits into a remark. */
export function shortened(text: string): string {
  return text.length > reasonCharsMax ? `${text.slice(0, reasonCharsMax)}...` : text;
}
