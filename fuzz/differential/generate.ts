/** Random but valid sequences: a seed and a number give the same one everywhere. */
import { Random } from '../engine/random.js';
import { administrationMoves } from './administration.js';
import { Draft } from './draft.js';
import { finish, messageMoves, sendOne } from './messages.js';
import { popMoves } from './pop.js';
import type { Step } from './steps.js';

/** One thing a sequence may do next. */
export interface Move {
  /** Each sequence prefers some areas. */
  readonly area: Area;
  /** How often, among the others; tenths at least. */
  readonly weight: number;
  readonly ready?: (draft: Draft) => boolean;
  readonly make: (draft: Draft) => void;
}

export const areas = ['messages', 'queries', 'late', 'retries', 'transactions', 'offsets', 'pop', 'clients', 'administration', 'namesrv'] as const;
export type Area = (typeof areas)[number];

export const moves: readonly Move[] = [...messageMoves, ...popMoves, ...administrationMoves];

const stepsMax = 400;

/** Sequence `number` of a seed: some 25 to 70 requests. */
export function generate(seed: string, number: number): readonly Step[] {
  const random = new Random(`${seed}/${number}`);
  const draft = new Draft(random);
  setUp(draft);
  const favourites = new Set([random.pick(areas), random.pick(areas), random.pick(areas), 'messages']);
  const weighed = moves.map((move) => ({ move, weight: move.weight * (favourites.has(move.area) ? 6 : 1) }));
  const until = 25 + random.below(45);
  while (draft.requests < until && draft.steps.length < stepsMax) choose(draft, weighed).make(draft);
  finish(draft);
  return draft.steps;
}

function choose(draft: Draft, weighed: readonly { readonly move: Move; readonly weight: number }[]): Move {
  const ready = weighed.filter(({ move }) => move.ready?.(draft) ?? true);
  let at = draft.random.below(10 * ready.reduce((sum, { weight }) => sum + weight, 0)) / 10;
  for (const { move, weight } of ready) if ((at -= weight) < 0) return move;
  throw new Error('no move is ready');
}

/** One or two topics and groups; some are left to be made by their first use. */
function setUp(draft: Draft): void {
  const { random } = draft;
  for (let i = 0; i < 1 + random.below(2); i++) {
    const topic = { name: `~T${i}`, queues: random.pick([1, 1, 2, 4]), counts: [] };
    draft.topics.push(topic);
    if (random.once(6)) {
      topic.queues = 4; // TBW102 has eight, a send asks for four
      sendOne(draft, topic);
      continue;
    }
    draft.send('UPDATE_AND_CREATE_TOPIC', { topic: topic.name, defaultTopic: 'TBW102', readQueueNums: topic.queues, writeQueueNums: topic.queues, perm: random.once(12) ? 4 : 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: random.once(10) });
  }
  for (let i = 0; i < 1 + random.below(2); i++) {
    draft.groups.push(`~G${i}`);
    if (random.once(5)) continue;
    draft.send('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', {}, { body: { json: { groupName: `~G${i}`, consumeEnable: true, consumeFromMinEnable: true, consumeBroadcastEnable: true, retryQueueNums: random.pick([1, 1, 2]), retryMaxTimes: random.pick([16, 16, 1]), brokerId: 0, whichBrokerWhenConsumeSlowly: 1, notifyConsumerIdsChangedEnable: true } } });
  }
}
