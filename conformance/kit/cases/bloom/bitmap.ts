/** Bitmaps of the groups whose expression lets a message through, kept beside the consume queue. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, notApplicable } from '../../expect.js';
import type { Context } from '../../context.js';
import { positions, queueView } from './support.js';

const needs = ['bloom', 'sql92'] as const;
const setup = 'bloom';

/** Registers a SQL92 subscription by heartbeat, one client for each group. */
async function subscribe(t: Context, group: string, topic: string, expression: string): Promise<void> {
  code(await t.heartbeat(`client-of-${group}`, { consumers: [{ group, subscriptions: [{ topic, expression, expressionType: 'SQL92' }] }] }), res.SUCCESS, 'heartbeat');
}

/** One message with a=1 and one with a=9. */
async function send(t: Context, topic: string): Promise<void> {
  for (const a of ['1', '9']) await t.sendOk(topic, { body: a, properties: { a } });
}

const setBits = (bits: string): number[] => [...bits].flatMap((bit, i) => (bit === '1' ? [i] : []));

export const cases = defineCases('bloom', [
  {
    name: 'bloom.bits-of-matching-group', level: 'MUST', source: 'CommitLogDispatcherCalcBitMap#dispatch', needs, setup,
    requirement: 'A message has the bits of the groups whose expression lets it through, and no others.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await subscribe(t, group, topic, 'a > 5');
      await send(t, topic);
      await t.pullAll(topic, 2);
      const view = await queueView(t, topic, group, 2);
      equal(view.entries.map((entry) => setBits(entry.bits)), [[], [...new Set(view.bitPos)].sort((x, y) => x - y)], 'bits set for the refused and for the matching message');
    },
  },
  {
    name: 'bloom.positions-of-group', level: 'MUST', source: 'BloomFilter#calcBitPositions', needs, setup,
    requirement: 'With 32 expected groups and 20 percent error the bitmap has 112 bits, and a group three of them by the Murmur hash of group#topic.',
    async run(t) {
      const config = (await t.request(req.GET_BROKER_CONFIG)).body.toString('utf8');
      if (!/^expectConsumerNumUseFilter=32\r?$/m.test(config) || !/^maxErrorRateOfBloomFilter=20\r?$/m.test(config)) notApplicable('the filter is not of the default size');
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await subscribe(t, group, topic, 'a > 5');
      await send(t, topic);
      await t.pullAll(topic, 2);
      const view = await queueView(t, topic, group, 2);
      equal([view.bitNum, view.bitPos], [112, positions(`${group}#${topic}`, 3, 112)], 'bitNum and bitPos');
      equal(view.entries.map((entry) => entry.bits.length), [112, 112], 'bits kept for each message');
    },
  },
  {
    name: 'bloom.bits-of-several-groups', level: 'MUST', source: 'CommitLogDispatcherCalcBitMap#dispatch', needs, setup,
    requirement: 'A message that several groups let through has the bits of all of them.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const [one, two] = [await t.group({ suffix: 'one' }), await t.group({ suffix: 'two' })];
      await subscribe(t, one, topic, 'a > 5');
      await t.via(await t.connect('broker', { label: 'second client' })).heartbeat('second', { consumers: [{ group: two, subscriptions: [{ topic, expression: 'a > 0', expressionType: 'SQL92' }] }] });
      await send(t, topic);
      await t.pullAll(topic, 2);
      const [first, second] = [await queueView(t, topic, one, 2), await queueView(t, topic, two, 2)];
      const union = [...new Set([...first.bitPos, ...second.bitPos])].sort((x, y) => x - y);
      equal(setBits(first.entries[1]?.bits ?? ''), union, 'bits of the message that both let through');
      equal(second.entries.map((entry) => entry.passes), [true, true], 'whether the bits let the messages through for the second group');
    },
  },
  {
    name: 'bloom.pull-is-exact', level: 'MUST', source: 'ExpressionMessageFilter#isMatchedByConsumeQueue', needs, setup,
    requirement: 'With bitmaps a pull brings what the expression lets through and nothing else, of the messages stored before the group subscribed as well.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await send(t, topic);
      await t.pullAll(topic, 2);
      await subscribe(t, group, topic, 'a > 5');
      await send(t, topic);
      await t.pullAll(topic, 4);
      const answer = await t.pull(topic, { group, sysFlag: 0 });
      code(answer, res.SUCCESS, 'pull');
      equal(answer.messages.map((message) => message.queueOffset), [1, 3], 'queue offsets');
    },
  },
  {
    name: 'bloom.pull-by-own-expression', level: 'MUST', source: 'ConsumerFilterManager#build', needs, setup,
    requirement: 'A pull with an expression of its own is not judged by the bits of the registered one.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      await subscribe(t, group, topic, 'a > 5');
      await send(t, topic);
      await t.pullAll(topic, 2);
      const answer = await t.pull(topic, { group, subscription: 'a < 5', expressionType: 'SQL92' });
      code(answer, res.SUCCESS, 'pull');
      equal(answer.messages.map((message) => message.body.toString()), ['1'], 'bodies');
    },
  },
]);
