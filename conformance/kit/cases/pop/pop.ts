/** POP_MESSAGE: what is given, and what is not. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, hasField, inRange, intField } from '../../expect.js';
import { fill, setUp } from './support.js';

export const cases = defineCases('pop', [
  {
    name: 'pop.give.found',
    requirement: 'POP_MESSAGE gives a stored message, with remark FOUND, popTime, the invisibleTime asked for, reviveQid and restNum.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const answer = await t.pop(topic, group, { invisibleMs: 20_000 });
      code(answer, res.SUCCESS, 'pop');
      equal(answer.messages.map((message) => message.body.toString()), ['one'], 'bodies');
      equal(answer.remark, 'FOUND', 'remark');
      inRange(intField(answer, 'popTime') - t.now(), -5000, 5000, 'popTime against now');
      hasField(answer, 'invisibleTime', 20_000, 'pop answer');
      inRange(intField(answer, 'reviveQid'), 0, 7, 'reviveQid');
      hasField(answer, 'restNum', 0, 'pop answer');
    },
  },
  {
    name: 'pop.give.offset-infos',
    requirement: 'The startOffsetInfo is `kind queueId offset` of each queue and msgOffsetInfo `kind queueId offset,offset,...` of its messages.',
    level: 'MUST',
    source: 'ExtraInfoUtil#buildMsgOffsetInfo',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['a', 'b', 'c']);
      const answer = await t.pop(topic, group);
      hasField(answer, 'startOffsetInfo', '0 0 0', 'pop answer');
      hasField(answer, 'msgOffsetInfo', '0 0 0,1,2', 'pop answer');
    },
  },
  {
    name: 'pop.give.invisible-to-others',
    requirement: 'A message that was popped is not given again while it is invisible.',
    level: 'MUST',
    source: 'PopMessageProcessor#getPopOffset',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      equal((await t.pop(topic, group)).messages.length, 1, 'messages of the first pop');
      code(await t.pop(topic, group), res.POLLING_TIMEOUT, 'second pop');
    },
  },
  {
    name: 'pop.give.each-group-its-own',
    requirement: 'A message popped by one group is given to another group as well.',
    level: 'MUST',
    source: 'PopMessageProcessor#getPopOffset',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      equal((await t.pop(topic, group)).messages.length, 1, 'messages of the first group');
      equal((await t.pop(topic, await t.group({ suffix: 'other' }))).messages.length, 1, 'messages of the other group');
    },
  },
  {
    name: 'pop.give.at-most-asked',
    requirement: 'POP_MESSAGE gives at most maxMsgNums messages, in the order of the queue, and says in restNum how many are left.',
    level: 'MUST',
    source: 'PopMessageProcessor#popMsgFromQueue',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['a', 'b', 'c', 'd', 'e']);
      const first = await t.pop(topic, group, { max: 2 });
      equal(first.messages.map((message) => message.body.toString()), ['a', 'b'], 'first pop');
      hasField(first, 'restNum', 3, 'first pop');
      equal((await t.pop(topic, group, { max: 2 })).messages.map((message) => message.body.toString()), ['c', 'd'], 'second pop');
    },
  },
  {
    name: 'pop.give.all-queues',
    requirement: 'Queue -1 gives messages of every queue.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t, 3);
      for (const queueId of [0, 1, 2]) await fill(t, topic, [`q${queueId}`], queueId);
      equal((await t.pop(topic, group, { queueId: -1 })).messages.map((message) => message.queueId).sort(), [0, 1, 2], 'queues of the messages');
    },
  },
  {
    name: 'pop.give.one-queue',
    requirement: 'A queue id of 0 or more gives messages of that queue only.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t, 3);
      for (const queueId of [0, 1, 2]) await fill(t, topic, [`q${queueId}`], queueId);
      equal((await t.pop(topic, group, { queueId: 1 })).messages.map((message) => message.body.toString()), ['q1'], 'bodies');
    },
  },
  {
    name: 'pop.give.filtered-by-tag',
    requirement: 'With a TAG expression only messages with such a tag are given.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      for (const tags of ['no', 'yes', 'no', 'other']) await t.sendOk(topic, { tags, body: tags });
      await t.pullAll(topic, 4);
      equal((await t.pop(topic, group, { ext: { exp: 'yes || other' } })).messages.map((message) => message.body.toString()), ['yes', 'other'], 'bodies');
    },
  },
  {
    name: 'pop.give.expression-optional',
    requirement: 'Without expression every message is given.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await t.sendOk(topic, { tags: 'any' });
      await t.pullAll(topic, 1);
      equal((await t.pop(topic, group, { ext: { exp: undefined, expType: undefined } })).messages.length, 1, 'messages');
    },
  },
  {
    name: 'pop.give.born-time-zero-is-now',
    requirement: 'The bornTime 0 stands for the time of the request.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      code(await t.pop(topic, group, { ext: { bornTime: 0 } }), res.SUCCESS, 'pop');
    },
  },
  {
    name: 'pop.give.starts-at-committed-offset',
    requirement: 'The first pop of a group that committed an offset starts there.',
    level: 'MUST',
    source: 'PopMessageProcessor#getPopOffset',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['a', 'b', 'c']);
      code(await t.commitOffset(group, topic, 0, 2), res.SUCCESS, 'commit');
      equal((await t.pop(topic, group)).messages.map((message) => message.body.toString()), ['c'], 'bodies');
    },
  },
  {
    name: 'pop.give.first-pop-commits-start',
    requirement: 'The first pop of a group commits the offset it starts at.',
    level: 'MUST',
    source: 'PopMessageProcessor#getInitOffset',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      code(await t.queryOffset(group, topic, 0, { setZeroIfNotFound: false }), res.QUERY_NOT_FOUND, 'offset before');
      await t.pop(topic, group);
      equal((await t.queryOffset(group, topic, 0, { setZeroIfNotFound: false })).offset, 0, 'offset after');
    },
  },
  {
    name: 'pop.empty.timeout',
    requirement: 'A pop with pollTime 0 that finds nothing is POLLING_TIMEOUT at once, with remark NO_MESSAGE_IN_QUEUE.',
    level: 'MUST',
    source: 'PopLongPollingService#polling',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      const answer = await t.pop(topic, group);
      code(answer, res.POLLING_TIMEOUT, 'pop');
      equal(answer.remark, 'NO_MESSAGE_IN_QUEUE', 'remark');
    },
  },
]);
