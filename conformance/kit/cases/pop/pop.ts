/** POP_MESSAGE: what is given, what is refused, waiting for messages. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, inRange, intField, present, remarkMatches } from '../../expect.js';
import { fill, notification, setUp } from './support.js';

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
  {
    name: 'pop.refuse.too-many',
    requirement: 'A maxMsgNums above 32 is INVALID_PARAMETER.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      const answer = await t.pop(topic, group, { max: 33 });
      code(answer, res.INVALID_PARAMETER, 'pop');
      remarkMatches(answer, "pop message's num is greater than 32", 'pop');
    },
  },
  {
    name: 'pop.refuse.unknown-topic',
    requirement: 'A pop of an unknown topic is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      code(await t.pop(t.topicName(), await t.group()), res.TOPIC_NOT_EXIST, 'pop');
    },
  },
  {
    name: 'pop.refuse.unknown-group',
    requirement: 'A pop of a group that cannot exist is SUBSCRIPTION_GROUP_NOT_EXIST.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      code(await t.pop(await t.topic(), 'no&such*group'), res.SUBSCRIPTION_GROUP_NOT_EXIST, 'pop');
    },
  },
  {
    name: 'pop.refuse.group-may-not-consume',
    requirement: 'A pop of a group whose consumeEnable is false is NO_PERMISSION.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t, 1, { consumeEnable: false });
      code(await t.pop(topic, group), res.NO_PERMISSION, 'pop');
    },
  },
  {
    name: 'pop.refuse.queue-past-last',
    requirement: 'A queue id past the last read queue is INVALID_PARAMETER.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t, 2);
      code(await t.pop(topic, group, { queueId: 2 }), res.INVALID_PARAMETER, 'pop');
    },
  },
  {
    name: 'pop.refuse.topic-not-readable',
    requirement: 'A pop of a topic without read permission is NO_PERMISSION.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      code(await t.pop(await t.topic({ perm: 2 }), await t.group()), res.NO_PERMISSION, 'pop');
    },
  },
  {
    name: 'pop.refuse.born-too-long-ago',
    requirement: 'A pop whose bornTime plus pollTime is more than half a second ago is POLLING_TIMEOUT and takes no message.',
    level: 'MUST',
    source: 'PopMessageRequestHeader#isTimeoutTooMuch',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const answer = await t.pop(topic, group, { ext: { bornTime: t.now() - 5000 } });
      code(answer, res.POLLING_TIMEOUT, 'late pop');
      remarkMatches(answer, 'pop message is timeout too much', 'late pop');
      equal((await t.pop(topic, group)).messages.length, 1, 'messages of a pop in time');
    },
  },
  {
    name: 'pop.refuse.bad-sql',
    requirement: 'An SQL92 expression that does not compile is SUBSCRIPTION_PARSE_FAILED.',
    level: 'MUST',
    source: 'PopMessageProcessor#processRequest',
    needs: ['pop', 'sql92'],
    async run(t) {
      const { topic, group } = await setUp(t);
      code(await t.pop(topic, group, { ext: { expType: 'SQL92', exp: 'a > > 1' } }), res.SUBSCRIPTION_PARSE_FAILED, 'pop');
    },
  },
  {
    name: 'pop.poll.woken-by-message',
    requirement: 'A pop that waits is answered with the message that arrives.',
    level: 'MUST',
    source: 'PopLongPollingService#notifyMessageArriving',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      const waiting = await t.connect('broker');
      const answer = t.via(waiting).pop(topic, group, { pollMs: 8000 });
      await t.until('the pop waits', async () => (await t.request(req.POLLING_INFO, { consumerGroup: group, topic, queueId: -1 })).ext['pollingNum'] === '1');
      await t.sendOk(topic, { body: 'at last' });
      const got = await answer;
      code(got, res.SUCCESS, 'pop');
      equal(got.messages.map((message) => message.body.toString()), ['at last'], 'bodies');
    },
  },
  {
    name: 'pop.poll.woken-on-its-queue-only',
    requirement: 'A pop that waits for one queue is not answered with a message of another queue.',
    level: 'MUST',
    source: 'PopLongPollingService#notifyMessageArriving',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t, 2);
      const answer = t.via(await t.connect('broker')).pop(topic, group, { queueId: 0, pollMs: 8000 });
      await t.until('the pop waits', async () => (await t.request(req.POLLING_INFO, { consumerGroup: group, topic, queueId: 0 })).ext['pollingNum'] === '1');
      await t.sendOk(topic, { queueId: 1, body: 'elsewhere' });
      await t.sleep(200);
      await t.sendOk(topic, { queueId: 0, body: 'here' });
      equal((await answer).messages.map((message) => message.body.toString()), ['here'], 'bodies');
    },
  },
  {
    name: 'pop.poll.times-out',
    requirement: 'A pop that waited pollTime without a message is POLLING_TIMEOUT.',
    level: 'MUST',
    source: 'PopLongPollingService#run',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      const from = t.now();
      const answer = await t.pop(topic, group, { pollMs: 1000 });
      code(answer, res.POLLING_TIMEOUT, 'pop');
      inRange(t.now() - from, 900, 5000, 'milliseconds it waited');
    },
  },
  {
    name: 'pop.poll.counted',
    requirement: 'POLLING_INFO says how many pops of the group wait for a queue id, -1 apart from the others.',
    level: 'MUST',
    source: 'PollingInfoProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      const info = async (queueId: number): Promise<number> => intField(await t.request(req.POLLING_INFO, { consumerGroup: group, topic, queueId }), 'pollingNum');
      equal(await info(-1), 0, 'pops that wait before');
      const waiting = t.via(await t.connect('broker')).pop(topic, group, { pollMs: 1500 });
      await t.until('one pop waits', async () => (await info(-1)) === 1);
      equal(await info(0), 0, 'pops that wait for queue 0');
      code(await waiting, res.POLLING_TIMEOUT, 'pop');
      await t.until('no pop waits', async () => (await info(-1)) === 0);
    },
  },
  {
    name: 'pop.poll.info-unknown-topic',
    requirement: 'POLLING_INFO of an unknown topic is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'PollingInfoProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      code(await t.request(req.POLLING_INFO, { consumerGroup: await t.group(), topic: t.topicName(), queueId: 0 }), res.TOPIC_NOT_EXIST, 'polling info');
    },
  },
  {
    name: 'pop.notification.has-message',
    requirement: 'NOTIFICATION answers hasMsg true when there is a message to pop, and takes none.',
    level: 'MUST',
    source: 'NotificationProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      hasField(await notification(t, topic, group), 'hasMsg', 'true', 'notification');
      equal((await t.pop(topic, group)).messages.length, 1, 'messages popped after it');
      hasField(await notification(t, topic, group), 'hasMsg', 'false', 'notification after the pop');
    },
  },
  {
    name: 'pop.notification.nothing',
    requirement: 'NOTIFICATION with pollTime 0 answers SUCCESS with hasMsg false when there is nothing to pop.',
    level: 'MUST',
    source: 'NotificationProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      const answer = await notification(t, topic, group);
      code(answer, res.SUCCESS, 'notification');
      hasField(answer, 'hasMsg', 'false', 'notification');
    },
  },
  {
    name: 'pop.notification.woken',
    requirement: 'NOTIFICATION that waits answers hasMsg true when a message arrives.',
    level: 'MUST',
    source: 'NotificationProcessor#notifyMessageArriving',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      const connection = await t.connect('broker');
      const waiting = connection.request(req.NOTIFICATION, { consumerGroup: group, topic, queueId: -1, pollTime: 6000, bornTime: t.now(), order: false }, { timeoutMs: 9000 });
      await connection.request(req.GET_MAX_OFFSET, { topic, queueId: 0 });
      await t.sleep(100);
      await t.sendOk(topic);
      hasField(await waiting, 'hasMsg', 'true', 'notification');
    },
  },
  {
    name: 'pop.notification.unknown-topic',
    requirement: 'NOTIFICATION of an unknown topic is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'NotificationProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      code(await notification(t, t.topicName(), await t.group()), res.TOPIC_NOT_EXIST, 'notification');
    },
  },
  {
    name: 'pop.notification.filtered',
    requirement: 'NOTIFICATION with a TAG expression answers hasMsg false when no waiting message has such a tag.',
    level: 'MUST',
    source: 'NotificationProcessor#hasMsgFromQueue',
    versions: { from: '5.4.0' },
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await t.sendOk(topic, { tags: 'no' });
      await t.pullAll(topic, 1);
      hasField(await notification(t, topic, group, { expType: 'TAG', exp: 'yes' }), 'hasMsg', 'false', 'notification with another tag');
      hasField(await notification(t, topic, group, { expType: 'TAG', exp: 'no' }), 'hasMsg', 'true', 'notification with the tag');
    },
  },
  {
    name: 'pop.peek.takes-nothing',
    requirement: 'PEEK_MESSAGE gives a message and leaves it to be popped.',
    level: 'MUST',
    source: 'PeekMessageProcessor#processRequest',
    needs: ['pop'],
    async run(t) {
      const { topic, group } = await setUp(t);
      await fill(t, topic, ['one']);
      const peeked = await t.request(req.PEEK_MESSAGE, { topic, queueId: -1, maxMsgNums: 32, consumerGroup: group });
      code(peeked, res.SUCCESS, 'peek');
      equal(peeked.body.includes('one'), true, 'the peeked bytes have the body');
      const popped = await t.pop(topic, group);
      equal(present(popped.messages[0], 'a message to pop').body.toString(), 'one', 'body');
    },
  },
]);
