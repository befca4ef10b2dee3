/**
 * The filter that a POP or NOTIFICATION request brings. The same expressions come again and again: what they mean is kept, so that requests that wait
 * share one filter.
 */
import { responseCodes } from '../../codec/responses.js';
import type { MessageFilter } from '../../store/types.js';
import { isTagType, parseSubscription, subscribeAll } from '../broker/subscription.js';
import type { BrokerContext } from '../broker/types.js';
import { refusal } from './parts.js';

/** Expressions kept; the oldest goes. */
const keptMax = 1024;

export type PopFilters = (topic: string, group: string, expression: string | undefined, type: string | undefined) => MessageFilter | undefined;

/** Expressions are compiled whether or not enablePropertyFilter is on, as `PopMessageProcessor#processRequest` does. */
export function createPopFilters(ctx: BrokerContext): PopFilters {
  const kept = new Map<string, MessageFilter | undefined>();

  function build(topic: string, group: string, expression: string, type: string | undefined): MessageFilter | undefined | 'illegal' {
    const subscription = parseSubscription(topic, expression, type, 0n);
    if (typeof subscription === 'string') return 'illegal';
    const data = isTagType(subscription.expressionType)
      ? undefined
      : ctx.filters.build(topic, group, subscription.subString, subscription.expressionType, BigInt(ctx.clock.nowMs()));
    return typeof data === 'string' ? 'illegal' : ctx.filters.filterOf(subscription, data);
  }

  return (topic, group, expression, type) => {
    if (expression === undefined || expression === '' || (isTagType(type) && expression === subscribeAll)) return undefined;
    const key = `${topic} ${group} ${type ?? ''} ${expression}`;
    if (kept.has(key)) return kept.get(key);
    const filter = build(topic, group, expression, type);
    if (filter === 'illegal') throw refusal(responseCodes.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed");
    if (kept.size >= keptMax) kept.delete(kept.keys().next().value ?? '');
    kept.set(key, filter);
    return filter;
  };
}
