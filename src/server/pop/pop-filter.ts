/**
 * The filter that a POP or NOTIFICATION request brings. The same expressions come again and again: what they mean is kept, so that requests that wait
 * share one filter.
 */
import { responseCodes } from '../../codec/responses.js';
import type { MessageFilter } from '../../store/types.js';
import { isTagType, parseSubscription, subscribeAll } from '../broker/subscription.js';
import { refusal } from './parts.js';

/** Expressions kept; the oldest goes. */
const keptMax = 1024;

export type PopFilters = (topic: string, expression: string | undefined, type: string | undefined) => MessageFilter | undefined;

export function createPopFilters(): PopFilters {
  const kept = new Map<string, MessageFilter | undefined>();

  return (topic, expression, type) => {
    if (expression === undefined || expression === '' || (isTagType(type) && expression === subscribeAll)) return undefined;
    const key = `${type ?? ''} ${expression}`;
    if (kept.has(key)) return kept.get(key);
    const subscription = isTagType(type) ? parseSubscription(topic, expression, type, 0n) : 'not served';
    if (typeof subscription === 'string') throw refusal(responseCodes.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed");
    const codes = subscription.codeSet;
    const filter = subscription.subString === subscribeAll ? undefined : { matchesEntry: (tagsCode: number) => codes.has(tagsCode | 0) };
    if (kept.size >= keptMax) kept.delete(kept.keys().next().value ?? '');
    kept.set(key, filter);
    return filter;
  };
}
