/**
 * Histories of what clients sent and received, and the pure checkers that judge them. A checker answers with a list of
 * violations, each one sentence naming the message; an empty list acquits. Collecting events is `sdk-driver.ts`.
 */

export interface Sent {
  readonly key: string;
  readonly body: string;
  readonly tag?: string;
  /** Whether the broker acknowledged it. One-way messages never are. */
  readonly acknowledged: boolean;
  readonly queueId?: number;
  readonly queueOffset?: number;
  readonly msgId?: string;
  /** When the send began, ms. */
  readonly sentAt: number;
  /** Asked-for delay, ms. */
  readonly delayMs?: number;
}

export interface Received {
  readonly consumer: string;
  readonly key: string;
  readonly body: string;
  readonly tag?: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly reconsumeTimes: number;
  /** When the listener was called, ms. */
  readonly at: number;
  /** Whether the listener took it (true) or asked for a redelivery (false). */
  readonly taken: boolean;
}

/** One record as the broker's queue holds it. */
export interface Held {
  readonly key: string;
  readonly body: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly msgId: string;
}

const at = (entry: { readonly queueId: number; readonly queueOffset: number }): string => `queue ${entry.queueId} offset ${entry.queueOffset}`;

/** No acknowledged message lost: each was taken by somebody. */
export function lost(sent: readonly Sent[], received: readonly Received[]): string[] {
  const taken = new Set(received.filter((entry) => entry.taken).map((entry) => entry.key));
  return sent.filter((entry) => entry.acknowledged && !taken.has(entry.key)).map((entry) => `${entry.key} was acknowledged and never consumed`);
}

/** No message from nowhere: everything received was sent, with that body and tag. Unacknowledged messages may arrive. */
export function fromNowhere(sent: readonly Sent[], received: readonly Received[]): string[] {
  const known = new Map(sent.map((entry) => [entry.key, entry]));
  return received.flatMap((entry) => {
    const origin = known.get(entry.key);
    if (origin === undefined) return [`${entry.key} was received by ${entry.consumer} and never sent`];
    if (origin.body !== entry.body) return [`${entry.key} was sent as "${origin.body}" and received as "${entry.body}"`];
    if (origin.tag !== entry.tag) return [`${entry.key} was sent with tag ${origin.tag ?? 'none'} and received with ${entry.tag ?? 'none'}`];
    return [];
  });
}

/**
 * Order per queue, for each consumer: offsets only grow. A redelivery of an offset this consumer saw before is no violation
 * by itself (see `duplicates`), but a new offset below one already seen is.
 */
export function outOfOrder(received: readonly Received[]): string[] {
  const seen = new Map<string, { highest: number; offsets: Set<number> }>();
  return received.flatMap((entry) => {
    const queue = `${entry.consumer} ${entry.queueId}`;
    const state = seen.get(queue) ?? { highest: -1, offsets: new Set<number>() };
    seen.set(queue, state);
    const violation = entry.queueOffset < state.highest && !state.offsets.has(entry.queueOffset);
    state.offsets.add(entry.queueOffset);
    state.highest = Math.max(state.highest, entry.queueOffset);
    return violation ? [`${entry.consumer} got ${entry.key} of ${at(entry)} after offset ${state.highest}`] : [];
  });
}

/**
 * Order per queue for a whole group, whoever gets it: a delivery is of the next offset, or of one that was delivered before. A queue that changes hands
 * may go back, never forward over something. Give all deliveries in the order they came, of a group that began at offset 0 and takes everything.
 */
export function jumped(received: readonly Received[]): string[] {
  const next = new Map<number, number>();
  return received.flatMap((entry) => {
    const expected = next.get(entry.queueId) ?? 0;
    next.set(entry.queueId, Math.max(expected, entry.queueOffset + 1));
    return entry.queueOffset > expected ? [`${entry.consumer} got ${entry.key} of ${at(entry)} before offset ${expected}, which nobody had`] : [];
  });
}

/** Order of an orderly consumer: while one message is not taken, no later one of its queue is delivered. */
export function overtaken(received: readonly Received[]): string[] {
  const waiting = new Map<number, Received>();
  return received.flatMap((entry) => {
    const first = waiting.get(entry.queueId);
    if (first !== undefined && first.key !== entry.key) return [`${entry.key} of ${at(entry)} overtook ${first.key}, which was not taken yet`];
    if (entry.taken) waiting.delete(entry.queueId);
    else waiting.set(entry.queueId, entry);
    return [];
  });
}

/**
 * The same order in the queue as it was sent in: sends that followed one another have growing offsets in each queue.
 * Give only messages of one sender that waited for each answer.
 */
export function sentOutOfOrder(sent: readonly Sent[]): string[] {
  const last = new Map<number, Sent>();
  return sent.flatMap((entry) => {
    if (entry.queueId === undefined || entry.queueOffset === undefined) return [];
    const before = last.get(entry.queueId);
    last.set(entry.queueId, entry);
    return before?.queueOffset !== undefined && entry.queueOffset <= before.queueOffset
      ? [`${entry.key} got offset ${entry.queueOffset} of queue ${entry.queueId} after ${before.key} got ${before.queueOffset}`]
      : [];
  });
}

/** How many deliveries beyond the first there were for messages already taken, and a violation when they are more than `most`. */
export function duplicates(received: readonly Received[], most: number): { count: number; violations: string[] } {
  const taken = new Map<string, number>();
  for (const entry of received) if (entry.taken) taken.set(entry.key, (taken.get(entry.key) ?? 0) + 1);
  const repeated = [...taken].filter(([, times]) => times > 1);
  const count = repeated.reduce((sum, [, times]) => sum + times - 1, 0);
  return {
    count,
    violations: count > most ? [`${count} duplicates where at most ${most} may be: ${repeated.slice(0, 5).map(([key, times]) => `${key} x${times}`).join(', ')}`] : [],
  };
}

/** A delayed message is never early. `clockSlackMs` allows for two clocks; 0 when sender and receiver share one. */
export function early(sent: readonly Sent[], received: readonly Received[], clockSlackMs = 0): string[] {
  const delayed = new Map(sent.filter((entry) => entry.delayMs !== undefined).map((entry) => [entry.key, entry]));
  return received.flatMap((entry) => {
    const origin = delayed.get(entry.key);
    const waited = origin === undefined ? 0 : entry.at - origin.sentAt;
    return origin?.delayMs !== undefined && waited + clockSlackMs < origin.delayMs
      ? [`${entry.key} asked for ${origin.delayMs} ms of delay and came after ${waited} ms`]
      : [];
  });
}

/** Broadcast: each of `consumers` took every acknowledged message. */
export function missedByBroadcast(sent: readonly Sent[], received: readonly Received[], consumers: readonly string[]): string[] {
  return consumers.flatMap((consumer) =>
    lost(sent, received.filter((entry) => entry.consumer === consumer)).map((violation) => `${consumer}: ${violation}`));
}

/** A filter is exact: every acknowledged message that `accepts` takes was received, and nothing else was. */
export function filteredWrongly(sent: readonly Sent[], received: readonly Received[], accepts: (tag: string | undefined) => boolean): string[] {
  return [
    ...lost(sent.filter((entry) => accepts(entry.tag)), received),
    ...received.filter((entry) => !accepts(entry.tag)).map((entry) => `${entry.key} with tag ${entry.tag ?? 'none'} passed the filter`),
  ];
}

/** Acknowledgements are believable: no two name the same place, and each has one. */
export function misplaced(sent: readonly Sent[]): string[] {
  const places = new Map<string, Sent>();
  return sent.filter((entry) => entry.acknowledged).flatMap((entry) => {
    if (entry.queueId === undefined || entry.queueOffset === undefined || entry.queueOffset < 0) return [`${entry.key} was acknowledged without a place`];
    const place = `queue ${entry.queueId} offset ${entry.queueOffset}`;
    const other = places.get(place);
    places.set(place, entry);
    return other === undefined ? [] : [`${entry.key} and ${other.key} were both acknowledged at ${place}`];
  });
}

/**
 * What a queue must hold after any crash: every acknowledged message exactly once, at its offset, with its message id and body;
 * no offset twice; no gap; nothing that was never sent. Messages sent without an answer may be there, once or (after a client's
 * own retry) not at all.
 */
export function heldWrongly(sent: readonly Sent[], held: readonly Held[]): string[] {
  const violations: string[] = [];
  const known = new Map(sent.map((entry) => [entry.key, entry]));
  const byKey = new Map<string, Held[]>();
  const next = new Map<number, number>();
  for (const record of held) {
    byKey.set(record.key, [...(byKey.get(record.key) ?? []), record]);
    const origin = known.get(record.key);
    if (origin === undefined) violations.push(`${at(record)} holds ${record.key}, which nobody sent`);
    else if (origin.body !== record.body) violations.push(`${at(record)} holds ${record.key} with another body`);
    const expected = next.get(record.queueId);
    if (expected !== undefined && record.queueOffset !== expected) violations.push(`queue ${record.queueId} goes from offset ${expected - 1} to ${record.queueOffset}`);
    next.set(record.queueId, record.queueOffset + 1);
  }
  for (const entry of sent) {
    const copies = byKey.get(entry.key) ?? [];
    if (copies.length > 1) violations.push(`${entry.key} is held ${copies.length} times: ${copies.map(at).join(', ')}`);
    if (!entry.acknowledged) continue;
    const [record] = copies;
    if (record === undefined) violations.push(`${entry.key}, acknowledged at queue ${entry.queueId ?? '?'} offset ${entry.queueOffset ?? '?'}, is gone`);
    else if (record.queueId !== entry.queueId || record.queueOffset !== entry.queueOffset) {
      violations.push(`${entry.key}, acknowledged at queue ${entry.queueId ?? '?'} offset ${entry.queueOffset ?? '?'}, is at ${at(record)}`);
    } else if (entry.msgId !== undefined && record.msgId !== entry.msgId) {
      violations.push(`${entry.key} was acknowledged as ${entry.msgId} and is held as ${record.msgId}`);
    }
  }
  return violations;
}

/** Even allocation: every queue of 0..queues-1 has exactly one owner, and shares differ by at most one. */
export function unevenly(queues: number, shares: Readonly<Record<string, readonly number[]>>): string[] {
  const violations: string[] = [];
  const owners = new Map<number, string[]>();
  for (const [consumer, share] of Object.entries(shares)) for (const queue of share) owners.set(queue, [...(owners.get(queue) ?? []), consumer]);
  for (let queue = 0; queue < queues; queue++) {
    const who = owners.get(queue) ?? [];
    if (who.length !== 1) violations.push(`queue ${queue} has ${who.length === 0 ? 'no owner' : `owners ${who.join(' and ')}`}`);
  }
  for (const queue of owners.keys()) if (queue < 0 || queue >= queues) violations.push(`queue ${queue} does not exist`);
  const sizes = Object.values(shares).map((share) => share.length);
  if (Math.max(...sizes) - Math.min(...sizes) > 1) violations.push(`shares of ${sizes.join(', ')} queues are uneven`);
  return violations;
}
