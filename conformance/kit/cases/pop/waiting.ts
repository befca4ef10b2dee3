/** POP_MESSAGE and NOTIFICATION that wait for messages, and PEEK_MESSAGE. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, inRange, intField, present } from '../../expect.js';
import { fill, notification, setUp } from './support.js';

export const cases = defineCases('pop', [
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
