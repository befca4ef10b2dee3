/**
 * Filter texts: from what a consumer subscribes with to the tag hashes a broker compares, and the filter of a read.
 * Only tags are understood here; SQL92 expressions are kept as text, filter/message-filter.ts compiles them.
 */
import { javaStringHash } from '../../compat/java-string-hash.js';
import type { MessageFilter } from '../../store/types.js';
import type { Subscription } from './types.js';

/** `SubscriptionData#SUB_ALL`. */
export const subscribeAll = '*';

/** `ExpressionType#isTagType`: no type and an empty one are tags too. */
export function isTagType(expressionType: string | undefined): boolean {
  return expressionType === undefined || expressionType === '' || expressionType === 'TAG';
}

const noTags: ReadonlySet<string> = new Set();
const noCodes: ReadonlySet<number> = new Set();

/**
 * The subscription a filter text means (`FilterAPI#build`), or why it means none.
 * Tags are separated by "||", blanks around them do not count, empty ones are dropped; no text or "*" is everything. A text of separators
 * alone is refused; one of separators and blanks is accepted and matches nothing, as in Java.
 */
export function parseSubscription(topic: string, text: string | undefined, expressionType: string | undefined, subVersion: bigint): Subscription | string {
  const base = { topic, subVersion, classFilterMode: false, tagsSet: noTags, codeSet: noCodes };
  if (expressionType !== undefined && expressionType !== 'TAG') {
    if (text === undefined || text === '') return `Expression can't be null! ${expressionType}`;
    return { ...base, expressionType, subString: text };
  }
  if (text === undefined || text === '' || text === subscribeAll) return { ...base, expressionType: 'TAG', subString: subscribeAll };
  const parts = text.split('||');
  // Java's split leaves out empty parts at the end.
  while (parts.length > 0 && parts[parts.length - 1] === '') parts.pop();
  if (parts.length === 0) return 'subString split error';
  const tags = new Set(parts.map((part) => part.trim()).filter((tag) => tag !== ''));
  return { ...base, expressionType: 'TAG', subString: text, tagsSet: tags, codeSet: new Set([...tags].map((tag) => javaStringHash(tag))) };
}

const filters = new WeakMap<Subscription, MessageFilter>();

/** Compares tags codes only, as `ExpressionMessageFilter#isMatchedByConsumeQueue`: the client compares the texts. Undefined = everything matches. */
export function tagFilterOf(subscription: Subscription): MessageFilter | undefined {
  if (subscription.classFilterMode || subscription.subString === subscribeAll || !isTagType(subscription.expressionType)) return undefined;
  let filter = filters.get(subscription);
  if (filter === undefined) {
    const codes = subscription.codeSet;
    // `Long#intValue`: a delivery time in the tags code is cut to its low 32 bits.
    filter = { matchesEntry: (tagsCode) => codes.has(tagsCode | 0) };
    filters.set(subscription, filter);
  }
  return filter;
}
