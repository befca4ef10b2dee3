/** Moves about offsets (and, to come, everything else that is not a message). */
import type { Draft } from './draft.js';
import type { Move } from './generate.js';
import type { RequestName } from '../../src/codec/requests.js';

const plain = (area: Move['area'], weight: number, ...names: readonly RequestName[]): Move[] => names.map((name) => ({ area, weight, make: (draft: Draft) => void draft.fill(name) }));

function commit(draft: Draft): void {
  const topic = draft.topic();
  const queueId = draft.queue(topic);
  draft.fill('UPDATE_CONSUMER_OFFSET', { consumerGroup: draft.group(), topic: topic.name, queueId, commitOffset: draft.random.below((topic.counts[queueId] ?? 0) + 2) });
}

export const administrationMoves: readonly Move[] = [
  { area: 'offsets', weight: 3, make: commit },
  ...plain('offsets', 2, 'QUERY_CONSUMER_OFFSET', 'GET_MAX_OFFSET', 'GET_MIN_OFFSET'),
];
