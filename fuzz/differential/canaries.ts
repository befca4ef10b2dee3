/** Planted differences: wraps of one server's answers, each of which a campaign has to find and to cut down. */
import type { Alter } from './run.js';

export interface DifferentialCanary {
  readonly name: string;
  readonly plants: string;
  readonly alter: () => Alter;
  /** Sequences within which it is found. */
  readonly sequencesMax: number;
  /** Steps that are left of it. */
  readonly stepsMax: number;
}

export const canaries: readonly DifferentialCanary[] = [
  {
    name: 'third-offset', plants: 'the third message of a queue is said to lie one further', sequencesMax: 20, stepsMax: 5,
    alter: () => {
      const counts = new Map<string, number>();
      return (step, ext, response) => {
        if (!/^SEND_MESSAGE/.test(step.send) || response.code !== 0 || step.mask !== undefined) return response;
        const queue = `${ext['b'] ?? ext['topic'] ?? ''}/${ext['e'] ?? ext['queueId'] ?? ''}`;
        const count = (counts.get(queue) ?? 0) + 1;
        counts.set(queue, count);
        return count === 3 ? { ...response, ext: { ...response.ext, queueOffset: String(Number(response.ext['queueOffset']) + 1) } } : response;
      };
    },
  },
  {
    name: 'stale-offset', plants: 'a committed offset that is the second of its queue is not believed', sequencesMax: 200, stepsMax: 8,
    alter: () => {
      const first = new Map<string, string>();
      return (step, ext, response) => {
        const queue = `${ext['consumerGroup'] ?? ''}/${ext['topic'] ?? ''}/${ext['queueId'] ?? ''}`;
        if (step.send === 'UPDATE_CONSUMER_OFFSET' && response.code === 0 && !first.has(queue)) first.set(queue, String(ext['commitOffset']));
        const known = first.get(queue);
        return step.send === 'QUERY_CONSUMER_OFFSET' && response.code === 0 && known !== undefined ? { ...response, ext: { ...response.ext, offset: known } } : response;
      };
    },
  },
  {
    name: 'lost-record', plants: 'an answer to a pull by tag lacks its last record', sequencesMax: 40, stepsMax: 8,
    alter: () => (step, ext, response) => {
      if (step.send !== 'PULL_MESSAGE' || response.code !== 0 || !String(ext['subscription']).startsWith('Tag')) return response;
      let last = 0;
      for (let at = 0; at < response.body.length; at += response.body.readInt32BE(at)) last = at;
      return { ...response, body: response.body.subarray(0, last) };
    },
  },
];
