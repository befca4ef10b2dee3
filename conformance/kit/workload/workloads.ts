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
import { failOnce } from './take.js';

/** What a client library may offer beyond sending, and sharing the messages of a topic in a group. */
export type Skill = 'orderly' | 'delay' | 'broadcasting' | 'retry' | 'transaction' | 'pop' | 'assignment' | 'rebalance';

export interface Workload {
  /** Permanent, lower-case. */
  readonly name: string;
  /** What happens, one sentence with a full stop. */
  readonly sentence: string;
  readonly needs?: readonly Feature[];
  readonly checkers: readonly Checker[];
  /** What a client library must offer besides sending and sharing. */
  readonly uses?: readonly Skill[];
  play(stage: Stage): Promise<void>;
}

/** Consumers have settled this long after the last of them came or went; client libraries take longer (`Stage.settleMs`). */
export const settleMs = 1200;

export const rebalanceQueues = 8;

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
    uses: ['orderly'],
    checkers: [shardOrder(), locks(), lost(), nowhere(), queueOrder(), offsets()],
    async play(stage) {
      const [topic, group] = [await stage.topic(4, 'FIFO'), await stage.group('g', { consumeMessageOrderly: true })];
      const rule = failOnce(17);
      await stage.consume({ name: 'consumer-1', group, topic, mode: 'orderly', failOnce: rule });
      const sent = stage.produce({ name: 'producer-1', topic, rate: 80, shards: 8 });
      await stage.t.sleep(stage.options.durationMs / 3);
      await stage.consume({ name: 'consumer-2', group, topic, mode: 'orderly', failOnce: rule });
      await sent;
      await stage.drained();
    },
  },
  {
    name: 'delay',
    sentence: 'Messages without delay and of delay level 1 are sent to one group.',
    needs: ['delay-level'],
    uses: ['delay'],
    checkers: [delay(), lost(), nowhere(), duplicates(0)],
    async play(stage) {
      const [topic, group] = [await stage.topic(4, 'DELAY'), await stage.group()];
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
    uses: ['broadcasting'],
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
    uses: ['retry'],
    checkers: [retries(), lost(), nowhere(), duplicates(0), offsets()],
    async play(stage) {
      const [topic, group] = [await stage.topic(), await stage.group()];
      const rule = failOnce(10);
      await stage.consume({ name: 'consumer-1', group, topic, failOnce: rule });
      await stage.produce({ name: 'producer-1', topic, rate: 80 });
      await stage.drained();
    },
  },
  {
    name: 'transactions',
    sentence: 'Half messages among plain ones are committed, rolled back, or rolled back only after everything else was consumed.',
    needs: ['transaction'],
    uses: ['transaction'],
    checkers: [transactions(), lost(), nowhere(), duplicates(0)],
    async play(stage) {
      const [topic, group] = [await stage.topic(4, 'TRANSACTION'), await stage.group()];
      await stage.consume({ name: 'consumer-1', group, topic });
      await stage.produce({ name: 'producer-1', topic, rate: 60, transactionalPercent: 70 });
      await stage.drained();
    },
  },
  {
    name: 'pop',
    sentence: 'Two consumers pop from the same queues and acknowledge each message; some are acknowledged only when they come again.',
    needs: ['pop'],
    uses: ['pop'],
    checkers: [invisibility(), lost(), nowhere(), places()],
    async play(stage) {
      const [topic, group] = [await stage.topic(), await stage.group()];
      const rule = failOnce(7, 35);
      for (const name of ['consumer-1', 'consumer-2']) await stage.consume({ name, group, topic, mode: 'pop', invisibleMs: 1500, failOnce: rule });
      await stage.produce({ name: 'producer-1', topic, rate: 60 });
      await stage.drained();
    },
  },
  {
    name: 'rebalance',
    sentence: 'Consumers join a group one after another, two leave, while messages are sent.',
    uses: ['assignment', 'rebalance'],
    checkers: [rebalance({ settleMs, queues: rebalanceQueues }), lost(), nowhere(), duplicates(handOvers), offsets()],
    async play(stage) {
      const [topic, group] = [await stage.topic(rebalanceQueues), await stage.group()];
      const step = Math.max(200, stage.options.durationMs / 6);
      const first = await stage.consume({ name: 'consumer-1', group, topic });
      const sent = stage.produce({ name: 'producer-1', topic, rate: 80 });
      await stage.t.sleep(step);
      const second = await stage.consume({ name: 'consumer-2', group, topic });
      await stage.t.sleep(step);
      await stage.consume({ name: 'consumer-3', group, topic });
      await stage.t.sleep(stage.settleMs + 200);
      await stage.stop(first);
      await stage.t.sleep(step);
      await stage.stop(second);
      await stage.consume({ name: 'consumer-4', group, topic });
      await sent;
      await stage.t.sleep(stage.settleMs + 200);
      await stage.drained();
    },
  },
  {
    name: 'mixed',
    sentence: 'Plain, tagged and delayed messages go to a group that shares them, a group that filters, and a broadcasting group.',
    needs: ['delay-level'],
    uses: ['delay', 'broadcasting'],
    checkers: [lost(), nowhere(), filter(), delay(), broadcast(), retries(), offsets()],
    async play(stage) {
      const topic = await stage.topic();
      const [shared, filtered, all] = [await stage.group('shared'), await stage.group('filtered'), await stage.group('all')];
      const rule = failOnce(25);
      await stage.consume({ name: 'sharing-1', group: shared, topic, failOnce: rule });
      await stage.consume({ name: 'sharing-2', group: shared, topic, failOnce: rule });
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
