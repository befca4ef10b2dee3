/** The named workloads: what is played, and which checkers judge it. */
import type { Feature } from '../features.js';
import { broadcast } from './checkers/broadcast.js';
import type { Checker } from './checkers/checker.js';
import { delay } from './checkers/delay.js';
import { duplicates } from './checkers/duplicates.js';
import { filter } from './checkers/filter.js';
import { invisibility } from './checkers/invisibility.js';
import { locks } from './checkers/locks.js';
import { lost } from './checkers/lost.js';
import { nowhere } from './checkers/nowhere.js';
import { offsets } from './checkers/offsets.js';
import { places } from './checkers/places.js';
import { queueOrder } from './checkers/queue-order.js';
import { rebalance } from './checkers/rebalance.js';
import { retries } from './checkers/retries.js';
import { shardOrder } from './checkers/shard-order.js';
import { transactions } from './checkers/transactions.js';
import type { Stage } from './stage.js';

export interface Workload {
  /** Permanent, lower-case. */
  readonly name: string;
  /** What happens, one sentence with a full stop. */
  readonly sentence: string;
  readonly needs?: readonly Feature[];
  readonly checkers: readonly Checker[];
  play(stage: Stage): Promise<void>;
}

/** Consumers have settled this long after the last of them came or went. */
const settleMs = 1200;

/** Deliveries on their way when a queue changes hands: a few pulls of 32. */
const handOvers = 256;

export const workloads: readonly Workload[] = [
  {
    name: 'send-receive',
    sentence: 'Two producers send to four queues, two consumers of a group share them.',
    checkers: [lost(), nowhere(), places(), queueOrder(), duplicates(handOvers), offsets()],
    async play(stage) {
      const [topic, group] = [await stage.topic(), await stage.group()];
      await stage.consume({ name: 'consumer-1', group, topic });
      await stage.consume({ name: 'consumer-2', group, topic });
      await Promise.all(['producer-1', 'producer-2'].map((name) => stage.produce({ name, topic, rate: 100 })));
      await stage.drained();
    },
  },
  {
    name: 'ordered',
    sentence: 'Messages of eight message groups are consumed by two orderly consumers under queue locks, one of which comes later; some are taken only at the second try.',
    checkers: [shardOrder(), locks(), lost(), nowhere(), queueOrder(), offsets()],
    async play(stage) {
      const [topic, group] = [await stage.topic(), await stage.group()];
      const take = failOnce(17);
      await stage.consume({ name: 'consumer-1', group, topic, mode: 'orderly', take });
      const sent = stage.produce({ name: 'producer-1', topic, rate: 80, shards: 8 });
      await stage.t.sleep(stage.options.durationMs / 3);
      await stage.consume({ name: 'consumer-2', group, topic, mode: 'orderly', take });
      await sent;
      await stage.drained();
    },
  },
  {
    name: 'delay',
    sentence: 'Messages without delay and of delay level 1 are sent to one group.',
    needs: ['delay-level'],
    checkers: [delay(), lost(), nowhere(), duplicates(0)],
    async play(stage) {
      const [topic, group] = [await stage.topic(), await stage.group()];
      await stage.consume({ name: 'consumer-1', group, topic });
      await stage.produce({ name: 'producer-1', topic, rate: 60, delaysMs: [0, 1000, 1000] });
      await stage.drained();
    },
  },
  {
    name: 'tags',
    sentence: 'Messages of four tags and of none are sent; three groups subscribe to one tag, to two, and to all.',
    checkers: [filter(), lost(), nowhere(), offsets()],
    async play(stage) {
      const topic = await stage.topic();
      for (const [i, expression] of ['red', 'red || blue', '*'].entries()) {
        await stage.consume({ name: `consumer-${i + 1}`, group: await stage.group(`g${i + 1}`), topic, expression });
      }
      await stage.produce({ name: 'producer-1', topic, rate: 120, tags: ['red', 'blue', 'green', 'reds', ''] });
      await stage.drained();
    },
  },
  {
    name: 'broadcast',
    sentence: 'Three consumers of a broadcasting group each get everything.',
    checkers: [broadcast(), nowhere(), queueOrder(), duplicates(0)],
    async play(stage) {
      const [topic, group] = [await stage.topic(), await stage.group()];
      for (const name of ['consumer-1', 'consumer-2', 'consumer-3']) await stage.consume({ name, group, topic, mode: 'broadcasting' });
      await stage.produce({ name: 'producer-1', topic, rate: 80 });
      await stage.drained();
    },
  },
  {
    name: 'retry',
    sentence: 'A consumer gives every tenth message back once; it comes again through the retry topic.',
    needs: ['delay-level'],
    checkers: [retries(), lost(), nowhere(), duplicates(0), offsets()],
    async play(stage) {
      const [topic, group] = [await stage.topic(), await stage.group()];
      const take = failOnce(10);
      await stage.consume({ name: 'consumer-1', group, topic, take });
      await stage.produce({ name: 'producer-1', topic, rate: 80 });
      await stage.drained();
    },
  },
  {
    name: 'transactions',
    sentence: 'Half messages among plain ones are committed, rolled back, or rolled back only after everything else was consumed.',
    needs: ['transaction'],
    checkers: [transactions(), lost(), nowhere(), duplicates(0)],
    async play(stage) {
      const [topic, group] = [await stage.topic(), await stage.group()];
      await stage.consume({ name: 'consumer-1', group, topic });
      await stage.produce({ name: 'producer-1', topic, rate: 60, transactionalPercent: 70 });
      await stage.drained();
    },
  },
  {
    name: 'pop',
    sentence: 'Two consumers pop from the same queues and acknowledge each message; some are acknowledged only when they come again.',
    needs: ['pop'],
    checkers: [invisibility(), lost(), nowhere(), places()],
    async play(stage) {
      const [topic, group] = [await stage.topic(), await stage.group()];
      const take = failOnce(7, 35);
      for (const name of ['consumer-1', 'consumer-2']) await stage.consume({ name, group, topic, mode: 'pop', invisibleMs: 1500, take });
      await stage.produce({ name: 'producer-1', topic, rate: 60 });
      await stage.drained();
    },
  },
  {
    name: 'rebalance',
    sentence: 'Consumers join a group one after another, two leave, while messages are sent.',
    checkers: [rebalance({ settleMs, queues: 8 }), lost(), nowhere(), duplicates(handOvers), offsets()],
    async play(stage) {
      const [topic, group] = [await stage.topic(8), await stage.group()];
      const step = Math.max(200, stage.options.durationMs / 6);
      const first = await stage.consume({ name: 'consumer-1', group, topic });
      const sent = stage.produce({ name: 'producer-1', topic, rate: 80 });
      await stage.t.sleep(step);
      const second = await stage.consume({ name: 'consumer-2', group, topic });
      await stage.t.sleep(step);
      await stage.consume({ name: 'consumer-3', group, topic });
      await stage.t.sleep(settleMs + 200);
      await stage.stop(first);
      await stage.t.sleep(step);
      await stage.stop(second);
      await stage.consume({ name: 'consumer-4', group, topic });
      await sent;
      await stage.t.sleep(settleMs + 200);
      await stage.drained();
    },
  },
  {
    name: 'mixed',
    sentence: 'Plain, tagged and delayed messages go to a group that shares them, a group that filters, and a broadcasting group.',
    needs: ['delay-level'],
    checkers: [lost(), nowhere(), filter(), delay(), broadcast(), retries(), offsets()],
    async play(stage) {
      const topic = await stage.topic();
      const [shared, filtered, all] = [await stage.group('shared'), await stage.group('filtered'), await stage.group('all')];
      const take = failOnce(25);
      await stage.consume({ name: 'sharing-1', group: shared, topic, take });
      await stage.consume({ name: 'sharing-2', group: shared, topic, take });
      await stage.consume({ name: 'filtering-1', group: filtered, topic, expression: 'red' });
      for (const name of ['broadcast-1', 'broadcast-2']) await stage.consume({ name, group: all, topic, mode: 'broadcasting' });
      await Promise.all([
        stage.produce({ name: 'producer-1', topic, rate: 60, tags: ['red', 'blue', ''] }),
        stage.produce({ name: 'producer-2', topic, rate: 30, tags: ['red', ''], delaysMs: [0, 0, 1000] }),
      ]);
      await stage.drained();
    },
  },
];

/** Takes each message at once, but every `nth` of those whose number is below `before` only at the second try. */
function failOnce(nth: number, before = Infinity): (message: { readonly key?: string }) => boolean {
  const failed = new Set<string>();
  return ({ key }) => {
    const number = Number(/\d+$/.exec(key ?? '')?.[0]);
    if (key === undefined || number % nth !== nth - 1 || number >= before || failed.has(key)) return true;
    failed.add(key);
    return false;
  };
}
