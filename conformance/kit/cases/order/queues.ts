/** Order while the number of queues changes, while queues change hands, and of topics with one queue. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, present } from '../../expect.js';
import { json } from '../../messaging.js';
import { client, list, object, type Client } from '../clients/support.js';
import { lock as lockQueues, unlock as unlockQueues } from '../rebalance/support.js';
import { putTopic } from '../send/support.js';

interface Queues {
  readonly read: number;
  readonly write: number;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const bodiesOf = (messages: readonly { readonly body: Buffer }[]): string[] => messages.map((message) => message.body.toString());

const resize = (t: Context, topic: string, { read, write }: Queues): Promise<void> => putTopic(t, topic, { readQueueNums: read, writeQueueNums: write });

/** What a producer was acknowledged: bodies by queue, in the order of the acknowledgements. */
class Writer {
  readonly acknowledged = new Map<number, string[]>();
  #writing = true;
  readonly #done: Promise<void>;

  /** Sends one message after another to the queues of `within()` in turn until it is stopped. */
  constructor(t: Context, producer: Client, topic: string, within: () => number) {
    this.#done = (async () => {
      for (let n = 0; this.#writing; n++) {
        const queueId = n % within();
        const body = `message ${n}`;
        const answer = await producer.via.send(topic, { queueId, body });
        code(answer, res.SUCCESS, `send to queue ${queueId} of ${within()}`);
        equal(answer.queueOffset, this.of(queueId).length, `queue offset of ${body} in queue ${queueId}`);
        this.of(queueId).push(body);
      }
    })();
    this.#done.catch(() => undefined);
    t.cleanup(() => this.#end());
  }

  /** Bodies that are acknowledged in a queue. */
  of(queueId: number): string[] {
    const known = this.acknowledged.get(queueId);
    if (known !== undefined) return known;
    const fresh: string[] = [];
    this.acknowledged.set(queueId, fresh);
    return fresh;
  }

  /** Waits until `more` messages are acknowledged in each of the first queues. */
  async untilEachHas(t: Context, queues: number, more: number): Promise<void> {
    const before = upTo(queues).map((queueId) => this.of(queueId).length);
    await t.until(`${more} messages more in each of ${queues} queues`, () => Promise.resolve(upTo(queues).every((queueId) => this.of(queueId).length >= (before[queueId] ?? 0) + more)), 8000, 2);
  }

  async stop(): Promise<void> {
    await this.#end();
    await this.#done;
  }

  #end(): Promise<void> {
    this.#writing = false;
    return Promise.resolve();
  }
}

/** Every queue holds what was acknowledged in it, in that order, and nothing else. */
async function holdsAll(t: Context, topic: string, writer: Writer, queues: number): Promise<void> {
  for (const queueId of upTo(queues)) {
    equal(bodiesOf(await t.pullAll(topic, writer.of(queueId).length, { queueId })), writer.of(queueId), `bodies of queue ${queueId}`);
    equal((await t.maxOffset(topic, queueId)).offset, writer.of(queueId).length, `max offset of queue ${queueId}`);
  }
}

async function queueData(t: Context, topic: string): Promise<Queues> {
  const answer = await (await t.namesrv()).request(req.GET_ROUTEINFO_BY_TOPIC, { topic });
  code(answer, res.SUCCESS, 'route');
  const [first] = list(object(json(answer), 'route')['queueDatas'], 'queueDatas');
  const data = object(present(first, 'an element of queueDatas'), 'queueDatas[0]');
  return { read: Number(data['readQueueNums']), write: Number(data['writeQueueNums']) };
}

interface Holder {
  readonly group: string;
  readonly topic: string;
}

/** The queue ids that LOCK_BATCH_MQ granted to this client, sorted. */
const lock = (t: Context, one: Client, holder: Holder, queues: readonly number[]): Promise<number[]> => lockQueues(t, { ...holder, clientId: one.id, queues }, one.via);

async function unlock(t: Context, one: Client, holder: Holder, queues: readonly number[]): Promise<void> {
  code(await unlockQueues(t, { ...holder, clientId: one.id, queues }, one.via), res.SUCCESS, `unlock by ${one.id}`);
}

export const cases = defineCases('order', [
  {
    name: 'order.queues.route-tells-both-counts',
    requirement: 'The route of a topic tells its read queues and its write queues apart, also after they were changed.',
    level: 'MUST',
    source: 'QueueData',
    async run(t) {
      const topic = await t.topic({ readQueues: 4, writeQueues: 2, route: true });
      equal(await queueData(t, topic), { read: 4, write: 2 }, 'counts in the route');
      await resize(t, topic, { read: 3, write: 5 });
      await t.until('the route has the changed counts', async () => {
        const { read, write } = await queueData(t, topic);
        return read === 3 && write === 5;
      });
    },
  },
  {
    name: 'order.queues.broker-chooses-write-queues',
    requirement: 'Of a topic with more read queues than write queues the broker chooses only write queues for a send with queueId -1.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#randomQueueId',
    async run(t) {
      const topic = await t.topic({ readQueues: 8, writeQueues: 2 });
      const used = new Set<number>();
      for (let i = 0; i < 40; i++) used.add((await t.sendOk(topic, { queueId: -1 })).queueId);
      equal([...used].sort((a, b) => a - b), [0, 1], 'queues chosen');
    },
  },
  {
    name: 'order.queues.written-before-read',
    requirement: 'Messages of a queue that is written before it is read are all there, from offset 0 and in order, once the read queues are as many.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ readQueues: 1, writeQueues: 3 });
      await t.fill(topic, 20, { queueId: 2 });
      code(await t.pull(topic, { queueId: 2 }), [res.SYSTEM_ERROR, res.INVALID_PARAMETER], 'pull of queue 2 of 1');
      await resize(t, topic, { read: 3, write: 3 });
      equal(bodiesOf(await t.pullAll(topic, 20, { queueId: 2 })), upTo(20).map((i) => `message ${i}`), 'bodies of queue 2');
    },
  },
  {
    name: 'order.queues.grow-under-load',
    requirement: 'While a producer writes, queues are given to a topic, read queues first: nothing is lost and each queue keeps its order, the new ones from offset 0.',
    level: 'MUST',
    source: 'TopicConfigManager#updateTopicConfig',
    timeoutMs: 30_000,
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      let queues = 2;
      const writer = new Writer(t, await client(t, 'producer'), topic, () => queues);
      await writer.untilEachHas(t, 2, 10);
      await resize(t, topic, { read: 5, write: 2 });
      await writer.untilEachHas(t, 2, 10);
      await resize(t, topic, { read: 5, write: 5 });
      queues = 5;
      await writer.untilEachHas(t, 5, 10);
      await writer.stop();
      await holdsAll(t, topic, writer, 5);
    },
  },
  {
    name: 'order.queues.shrink-under-load',
    requirement: 'While a producer writes, queues are taken from a topic, write queues first and read queues when they are read to their end: nothing is lost and each queue keeps its order.',
    level: 'MUST',
    source: 'TopicConfigManager#updateTopicConfig',
    timeoutMs: 30_000,
    async run(t) {
      const topic = await t.topic({ queues: 4 });
      let queues = 4;
      const writer = new Writer(t, await client(t, 'producer'), topic, () => queues);
      await writer.untilEachHas(t, 4, 10);
      queues = 2;
      await resize(t, topic, { read: 4, write: 2 });
      await writer.untilEachHas(t, 2, 10);
      for (const queueId of [2, 3]) equal(bodiesOf(await t.pullAll(topic, writer.of(queueId).length, { queueId })), writer.of(queueId), `bodies of queue ${queueId}, no longer written`);
      await resize(t, topic, { read: 2, write: 2 });
      await writer.untilEachHas(t, 2, 10);
      code(await t.pull(topic, { queueId: 3 }), [res.SYSTEM_ERROR, res.INVALID_PARAMETER], 'pull of queue 3 of 2');
      await writer.stop();
      await holdsAll(t, topic, writer, 2);
      await resize(t, topic, { read: 4, write: 4 });
      await holdsAll(t, topic, writer, 4);
    },
  },
  {
    name: 'order.queues.shrink-keeps-offsets-of-groups',
    requirement: 'How far a group has consumed a queue is kept while the queue is not among those of its topic.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#queryOffset',
    async run(t) {
      const topic = await t.topic({ queues: 4 });
      const group = await t.group();
      await t.fill(topic, 9, { queueId: 3 });
      code(await t.commitOffset(group, topic, 3, 7), res.SUCCESS, 'commit');
      await resize(t, topic, { read: 2, write: 2 });
      await resize(t, topic, { read: 4, write: 4 });
      equal((await t.queryOffset(group, topic, 3)).offset, 7, 'offset of queue 3');
    },
  },
  {
    name: 'order.queues.locks-outlive-a-change',
    requirement: 'Locks of queues stay with their client when the number of queues of the topic changes.',
    level: 'MUST',
    source: 'RebalanceLockManager',
    async run(t) {
      const one = { group: await t.group(), topic: await t.topic({ queues: 4 }) };
      const [a, b] = [await client(t, 'a'), await client(t, 'b')];
      equal(await lock(t, a, one, [0, 3]), [0, 3], 'queues granted to a');
      await resize(t, one.topic, { read: 2, write: 2 });
      equal(await lock(t, b, one, [0, 1, 3]), [1], 'queues granted to b after the topic shrank');
      await resize(t, one.topic, { read: 6, write: 6 });
      equal(await lock(t, b, one, [0, 1, 3, 5]), [1, 5], 'queues granted to b after it grew');
      equal(await lock(t, a, one, [0, 3]), [0, 3], 'queues granted to a again');
    },
  },
  {
    name: 'order.handover.goes-on-where-it-was-left',
    requirement: 'A queue that one client consumed in order and unlocked is locked by another, which goes on at the committed offset: every message once, in order.',
    level: 'MUST',
    source: 'RebalancePushImpl#removeUnnecessaryMessageQueue',
    async run(t) {
      const one = { group: await t.group(), topic: await t.topic({ queues: 1 }) };
      const clients = [await client(t, 'a'), await client(t, 'b'), await client(t, 'c')];
      await t.fill(one.topic, 30);
      await t.pullAll(one.topic, 30);
      const consumed: string[] = [];
      for (const [turn, owner] of clients.entries()) {
        equal(await lock(t, owner, one, [0]), [0], `queues granted to ${owner.id}`);
        for (const other of clients) if (other !== owner) equal(await lock(t, other, one, [0]), [], `queues granted to ${other.id} meanwhile`);
        const from = turn === 0 ? 0 : (await owner.via.queryOffset(one.group, one.topic, 0)).offset;
        const { messages } = await owner.via.pull(one.topic, { group: one.group, offset: from ?? -1, max: 10 });
        consumed.push(...bodiesOf(messages));
        code(await owner.via.commitOffset(one.group, one.topic, 0, (from ?? 0) + messages.length), res.SUCCESS, 'commit');
        await unlock(t, owner, one, [0]);
      }
      equal(consumed, upTo(30).map((i) => `message ${i}`), 'bodies consumed by the three');
    },
  },
  {
    name: 'order.handover.only-a-holder-lets-go',
    requirement: 'A client that has left its group still holds its locks until it unlocks them or they expire.',
    level: 'MUST',
    source: 'RebalanceLockManager',
    async run(t) {
      const one = { group: await t.group(), topic: await t.topic({ queues: 2 }) };
      const [a, b] = [await client(t, 'a'), await client(t, 'b')];
      const consumer = { group: one.group, subscriptions: [one.topic] };
      code(await a.via.heartbeat(a.id, { consumers: [consumer] }), res.SUCCESS, 'heartbeat of a');
      equal(await lock(t, a, one, [0, 1]), [0, 1], 'queues granted to a');
      code(await a.via.unregister(a.id, { consumerGroup: one.group }), res.SUCCESS, 'a leaves');
      equal(await lock(t, b, one, [0, 1]), [], 'queues granted to b');
      await unlock(t, a, one, [0, 1]);
      equal(await lock(t, b, one, [0, 1]), [0, 1], 'queues granted to b when a let go');
    },
  },
  {
    name: 'order.handover.renewed-lock-stays',
    requirement: 'A lock that its owner renews every 20 seconds, as clients do, is granted to nobody else after more than 60 seconds.',
    level: 'SHOULD',
    source: 'RebalanceLockManager, rocketmq.client.rebalance.lockInterval',
    timeoutMs: 90_000,
    async run(t) {
      const one = { group: t.groupName(), topic: t.topicName() };
      const [a, b] = [await client(t, 'a'), await client(t, 'b')];
      for (let round = 0; round < 4; round++) {
        equal(await lock(t, a, one, [0]), [0], `queues granted to a after ${20 * round} s`);
        equal(await lock(t, b, one, [0]), [], `queues granted to b after ${20 * round} s`);
        if (round < 3) await t.sleep(20_700);
      }
    },
  },
  {
    name: 'order.global.one-queue',
    requirement: 'A topic with one queue has one order of all messages, whichever producer sent them and whether it named the queue.',
    level: 'MUST',
    source: 'ConsumeQueue',
    async run(t) {
      const topic = await t.topic({ queues: 1, order: true });
      const producers = [await client(t, 'x'), await client(t, 'y'), await client(t, 'z')];
      const expected: string[] = [];
      for (let i = 0; i < 60; i++) {
        const body = `message ${i}`;
        expected.push(body);
        const { queueId, queueOffset } = await (producers[i % 3]?.via ?? t).sendOk(topic, { body, queueId: i % 2 === 0 ? 0 : -1, keys: `k${i % 5}` });
        equal([queueId, queueOffset], [0, i], `queue and offset of ${body}`);
      }
      equal(bodiesOf(await t.pullAll(topic, 60)), expected, 'bodies');
    },
  },
  {
    name: 'order.global.one-consumer-of-many',
    requirement: 'Of several clients of a group one at a time has the only queue of a topic, and each has it when the one before let go.',
    level: 'MUST',
    source: 'RebalanceLockManager#tryLockBatch',
    async run(t) {
      const one = { group: await t.group(), topic: await t.topic({ queues: 1 }) };
      const clients = [await client(t, 'a'), await client(t, 'b'), await client(t, 'c'), await client(t, 'd')];
      let owners = 0;
      const waiting = new Set(clients);
      while (waiting.size > 0) {
        const granted = await Promise.all([...waiting].map(async (each) => ((await lock(t, each, one, [0])).length === 1 ? [each] : [])));
        const [owner, ...others] = granted.flat();
        equal(others.length, 0, 'clients granted the queue beside another');
        const holder = present(owner, 'a client that is granted the queue');
        waiting.delete(holder);
        owners++;
        await unlock(t, holder, one, [0]);
      }
      equal(owners, 4, 'clients that had the queue in turn');
    },
  },
]);
