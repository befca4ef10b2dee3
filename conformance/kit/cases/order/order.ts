/** Order within a queue, offsets under concurrency, and queues whose number changes. */
import { defineCases } from '../../case.js';
import type { RawConnection } from '../../connection.js';
import type { Context } from '../../context.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue } from '../../expect.js';
import { putTopic } from '../send/support.js';

/** Sends bodies without waiting between them; the queue offset answered to each. */
async function pipeline(t: Context, connection: RawConnection, topic: string, bodies: readonly string[], queueId = 0): Promise<number[]> {
  const pending = bodies.map((body) => connection.start(req.SEND_MESSAGE_V2, { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: queueId, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false }, { body, timeoutMs: 8000 }));
  return Promise.all(pending.map(async ({ answer }, i) => {
    const got = await answer;
    code(got, res.SUCCESS, `pipelined send of ${bodies[i] ?? ''}`);
    return Number(got.ext['queueOffset']);
  }));
}

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix} ${i}`);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const bodiesOf = (messages: readonly { readonly body: Buffer }[]): string[] => messages.map((message) => message.body.toString());

export const cases = defineCases('order', [
  {
    name: 'order.sequential-sends',
    requirement: 'Messages that a producer sends to a queue one after another are pulled in that order.',
    level: 'MUST',
    source: 'ConsumeQueue',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 50, { queueId: 1 });
      equal(bodiesOf(await t.pullAll(topic, 50, { queueId: 1 })), names('message', 50), 'bodies');
    },
  },
  {
    name: 'order.acknowledged-before-sent-after',
    requirement: 'A message that was acknowledged before another was sent, over whatever connection, comes first in their queue.',
    level: 'MUST',
    source: 'ConsumeQueue',
    async run(t) {
      const topic = await t.topic();
      const producers = [t.via(await t.connect('broker', { label: 'producer 1' })), t.via(await t.connect('broker', { label: 'producer 2' })), t.via(await t.connect('broker', { label: 'producer 3' }))];
      const offsets: number[] = [];
      for (let i = 0; i < 30; i++) offsets.push((await (producers[i % 3] ?? t).sendOk(topic, { body: `message ${i}` })).queueOffset);
      equal(offsets, upTo(30), 'queue offsets answered');
      equal(bodiesOf(await t.pullAll(topic, 30)), names('message', 30), 'bodies');
    },
  },
  {
    name: 'order.pipelined-offsets-dense',
    requirement: 'Messages pipelined over one connection to one queue get each offset exactly once.',
    level: 'MUST',
    source: 'ConsumeQueue#increaseQueueOffset',
    async run(t) {
      const offsets = await pipeline(t, await t.connect('broker', { label: 'producer' }), await t.topic(), names('m', 200));
      equal(offsets.sort((a, b) => a - b), upTo(200), 'sorted queue offsets');
    },
  },
  {
    name: 'order.pipelined-answers-true',
    requirement: 'Of messages pipelined over one connection each lies at the offset that its own answer named.',
    level: 'MUST',
    source: 'SendMessageProcessor#handlePutMessageResult',
    async run(t) {
      const topic = await t.topic();
      const bodies = names('m', 200);
      const offsets = await pipeline(t, await t.connect('broker', { label: 'producer' }), topic, bodies);
      const stored = bodiesOf(await t.pullAll(topic, 200));
      equal(offsets.map((offset) => stored[offset]), bodies, 'bodies at the answered offsets');
    },
  },
  {
    name: 'order.pipelined-order-of-one-connection',
    requirement: 'Messages pipelined over one connection to one queue may be stored in another order than they were sent in.',
    level: 'INFORMATIONAL',
    source: 'BrokerConfig#sendMessageThreadPoolNums',
    async run(t) {
      const offsets = await pipeline(t, await t.connect('broker', { label: 'producer' }), await t.topic(), names('m', 200));
      const early = offsets.filter((offset, i) => i > 0 && offset < (offsets[i - 1] ?? 0)).length;
      t.note(early === 0 ? 'the order was kept' : `${early} of 200 messages were stored before one that was sent before them`);
    },
  },
  {
    name: 'order.connections-share-a-queue',
    requirement: 'Four connections that pipeline into one queue fill its offsets without gap or double, and nothing is lost.',
    level: 'MUST',
    source: 'TopicQueueLock',
    async run(t) {
      const topic = await t.topic();
      const offsets = (await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => pipeline(t, await t.connect('broker', { label: name }), topic, names(name, 50))))).flat();
      equal(offsets.sort((a, b) => a - b), upTo(200), 'sorted queue offsets');
      equal(new Set(bodiesOf(await t.pullAll(topic, 200))).size, 200, 'different bodies');
    },
  },
  {
    name: 'order.queues-count-apart',
    requirement: 'Each queue counts its own offsets, whatever is written to the others meanwhile.',
    level: 'MUST',
    source: 'QueueOffsetOperator',
    async run(t) {
      const topic = await t.topic({ queues: 3 });
      const seen: [number, number][] = [];
      for (const queueId of [0, 1, 0, 2, 1, 0]) seen.push([queueId, (await t.sendOk(topic, { queueId })).queueOffset]);
      equal(seen, [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]], 'queue and offset of each answer');
    },
  },
  {
    name: 'order.topics-count-apart',
    requirement: 'Queues of the same number in two topics count their own offsets.',
    level: 'MUST',
    source: 'QueueOffsetOperator',
    async run(t) {
      const [one, other] = [await t.topic({ suffix: 'one' }), await t.topic({ suffix: 'other' })];
      await t.fill(one, 3);
      equal((await t.sendOk(other)).queueOffset, 0, 'queueOffset in the other topic');
    },
  },
  {
    name: 'order.commit-log-follows-queue',
    requirement: 'Within a queue the commit log offsets and store timestamps never go back.',
    level: 'MUST',
    source: 'CommitLog#asyncPutMessage',
    async run(t) {
      const topic = await t.topic();
      await pipeline(t, await t.connect('broker', { label: 'producer' }), topic, names('m', 100));
      const messages = await t.pullAll(topic, 100);
      messages.slice(1).forEach((message, i) => {
        isTrue(message.phyOffset > (messages[i]?.phyOffset ?? NaN), `commit log offset of message ${i + 1} is above the one before`);
        isTrue(message.storeTimestamp >= (messages[i]?.storeTimestamp ?? NaN), `store timestamp of message ${i + 1} is not before the one before`);
      });
    },
  },
  {
    name: 'order.batch-in-one-piece',
    requirement: 'The elements of a batch lie together in their queue though others write to it at the same time.',
    level: 'MUST',
    needs: ['batch'],
    source: 'CommitLog#asyncPutMessages',
    async run(t) {
      const topic = await t.topic();
      const producers = await Promise.all(['a', 'b', 'c'].map(async (name) => t.via(await t.connect('broker', { label: name }))));
      await Promise.all(producers.flatMap((producer, p) => upTo(5).map((n) => producer.sendBatch(topic, names(`${p}-${n}`, 8).map((body) => ({ body }))))));
      const bodies = bodiesOf(await t.pullAll(topic, 120));
      for (let at = 0; at < 120; at += 8) {
        const piece = bodies.slice(at, at + 8);
        equal(piece, names(piece[0]?.split(' ')[0] ?? '', 8), `messages ${at} to ${at + 7}`);
      }
    },
  },
  {
    name: 'order.single-and-batch-share-offsets',
    requirement: 'Messages and batches to one queue draw their offsets from one counter.',
    level: 'MUST',
    needs: ['batch'],
    source: 'QueueOffsetOperator',
    async run(t) {
      const topic = await t.topic();
      const two = [{ body: 'x' }, { body: 'y' }];
      const offsets = [(await t.sendOk(topic)).queueOffset, (await t.sendBatch(topic, two)).queueOffset, (await t.sendOk(topic)).queueOffset, (await t.sendBatch(topic, two)).queueOffset];
      equal(offsets, [0, 1, 3, 4], 'queue offsets');
    },
  },
  {
    name: 'order.new-queue-begins-at-zero',
    requirement: 'A queue that a topic is given later begins at offset 0, and the others go on.',
    level: 'MUST',
    source: 'TopicConfigManager#updateTopicConfig',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      await t.fill(topic, 3);
      await putTopic(t, topic, { readQueueNums: 2, writeQueueNums: 2 });
      equal([(await t.sendOk(topic, { queueId: 1 })).queueOffset, (await t.sendOk(topic)).queueOffset], [0, 3], 'queueOffset in the new and in the old queue');
    },
  },
  {
    name: 'order.write-queues-shrunk-still-read',
    requirement: 'Messages of a queue that is no longer among the write queues can be read as long as it is among the read queues.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ queues: 4 });
      await t.fill(topic, 3, { queueId: 3 });
      await putTopic(t, topic, { readQueueNums: 4, writeQueueNums: 2 });
      equal(bodiesOf(await t.pullAll(topic, 3, { queueId: 3 })), names('message', 3), 'bodies of queue 3');
    },
  },
  {
    name: 'order.read-queues-shrunk-not-read',
    requirement: 'A queue that is no longer among the read queues is not pulled from: the answer is an error, not the messages.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ queues: 4 });
      await t.fill(topic, 3, { queueId: 3 });
      await putTopic(t, topic, { readQueueNums: 2, writeQueueNums: 2 });
      code(await t.pull(topic, { queueId: 3 }), [res.SYSTEM_ERROR, res.INVALID_PARAMETER], 'pull of queue 3 of 2');
    },
  },
  {
    name: 'order.queues-grown-back-go-on',
    requirement: 'A queue that was taken from a topic and given back still has its messages and goes on with its offsets.',
    level: 'MUST',
    source: 'TopicConfigManager#updateTopicConfig',
    async run(t) {
      const topic = await t.topic({ queues: 4 });
      await t.fill(topic, 3, { queueId: 3 });
      await putTopic(t, topic, { readQueueNums: 2, writeQueueNums: 2 });
      await putTopic(t, topic, { readQueueNums: 4, writeQueueNums: 4 });
      equal((await t.sendOk(topic, { queueId: 3 })).queueOffset, 3, 'queueOffset of the next message');
      equal((await t.pullAll(topic, 4, { queueId: 3 })).length, 4, 'messages');
    },
  },
  {
    name: 'order.read-is-repeatable',
    requirement: 'Two pulls from one offset return the same messages, byte for byte.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 10);
      await t.pullAll(topic, 10);
      equal((await t.pull(topic, { offset: 4 })).body, (await t.pull(topic, { offset: 4 })).body, 'body of the second pull');
    },
  },
]);
