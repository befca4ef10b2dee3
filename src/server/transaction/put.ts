/** One put of the broker's own, waited for: what transactions store outside of a request's answer. */
import type { PutForm } from '../broker/put-form.js';
import type { PutParts } from '../broker/put-place.js';

/** Where a record was put. */
export interface Stored {
  readonly phyOffset: number;
  readonly queueOffset: number;
}

/**
 * Puts what the form holds; resolves once the turn that appended it is written, with SYNC_FLUSH once it is on the platter and can be read. Undefined, with a warning, when it could not be stored.
 * The form must be the caller's own: the caller waits.
 */
export function putAndWait(parts: PutParts, form: PutForm): Promise<Stored | undefined> {
  const { ctx, acks } = parts;
  const result = ctx.store.put(form.input);
  const topic = form.input.queue.topic;
  if (result.status !== 'PUT_OK') {
    ctx.log.warn({ topic, status: result.status, remark: result.remark }, 'a message of the transaction service could not be stored');
    return Promise.resolve(undefined);
  }
  const stored = { phyOffset: result.phyOffset, queueOffset: result.queueOffset };
  return new Promise((resolve) => {
    acks.settle(stored.phyOffset, true, (outcome, fault) => {
      if (outcome === 'FAULT') ctx.log.warn({ topic, fault }, 'a message of the transaction service could not be stored');
      resolve(outcome === 'FAULT' ? undefined : stored);
    });
  });
}
