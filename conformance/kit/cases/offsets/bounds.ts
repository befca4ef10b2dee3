/** GET_MAX_OFFSET, GET_MIN_OFFSET, GET_EARLIEST_MSG_STORETIME. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, present } from '../../expect.js';

export const cases = defineCases('offsets', [
  {
    name: 'offsets.max-is-next',
    requirement: 'GET_MAX_OFFSET answers the offset that the next message of the queue will get.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getMaxOffset',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3, { queueId: 2 });
      await t.pullAll(topic, 3, { queueId: 2 });
      equal((await t.maxOffset(topic, 2)).offset, 3, 'max offset');
      equal((await t.sendOk(topic, { queueId: 2 })).queueOffset, 3, 'queue offset of the next message');
    },
  },
  {
    name: 'offsets.max-of-nothing',
    requirement: 'GET_MAX_OFFSET answers SUCCESS and 0 for an empty queue, a queue out of range and an unknown topic.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMaxOffsetInQueue',
    async run(t) {
      const topic = await t.topic();
      const answers = [await t.maxOffset(topic, 0), await t.maxOffset(topic, 99), await t.maxOffset(t.topicName(), 0)];
      equal(answers.map((answer) => [answer.code, answer.offset]), [[0, 0], [0, 0], [0, 0]], 'code and offset');
    },
  },
  {
    name: 'offsets.max-committed-or-not',
    requirement: 'The field committed of GET_MAX_OFFSET makes no difference.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#getMaxOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      for (const committed of [true, false]) hasField(await t.request(req.GET_MAX_OFFSET, { topic, queueId: 0, committed }), 'offset', 2, `committed ${committed}`);
    },
  },
  {
    name: 'offsets.min-of-filled-queue',
    requirement: 'GET_MIN_OFFSET of a queue from which nothing was deleted is 0.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getMinOffset',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      const answer = await t.minOffset(topic);
      code(answer, res.SUCCESS, 'GET_MIN_OFFSET');
      equal(answer.offset, 0, 'min offset');
    },
  },
  {
    name: 'offsets.min-of-nothing',
    requirement: 'GET_MIN_OFFSET answers SUCCESS for an empty queue, a queue out of range and an unknown topic.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMinOffsetInQueue',
    async run(t) {
      const topic = await t.topic();
      const answers = [await t.minOffset(topic, 0), await t.minOffset(topic, 99), await t.minOffset(t.topicName(), 0)];
      equal(answers.map((answer) => answer.code), [0, 0, 0], 'codes');
      t.note(`offsets: ${answers.map((answer) => answer.offset).join(', ')}`);
    },
  },
  {
    name: 'offsets.earliest-store-time',
    requirement: 'GET_EARLIEST_MSG_STORETIME answers the store time of the first message of the queue.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getEarliestMsgStoretime',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1);
      await t.sleep(5);
      await t.fill(topic, 1);
      const first = present((await t.pullAll(topic, 2))[0], 'the first message');
      hasField(await t.request(req.GET_EARLIEST_MSG_STORETIME, { topic, queueId: 0 }), 'timestamp', first.storeTimestamp, 'GET_EARLIEST_MSG_STORETIME');
    },
  },
  {
    name: 'offsets.earliest-store-time-of-nothing',
    requirement: 'GET_EARLIEST_MSG_STORETIME answers SUCCESS and -1 for an empty queue and an unknown topic.',
    level: 'MUST',
    source: 'DefaultMessageStore#getEarliestMessageTime',
    async run(t) {
      for (const topic of [await t.topic(), t.topicName()]) {
        const answer = await t.request(req.GET_EARLIEST_MSG_STORETIME, { topic, queueId: 0 });
        code(answer, res.SUCCESS, `GET_EARLIEST_MSG_STORETIME of ${topic}`);
        hasField(answer, 'timestamp', -1, `GET_EARLIEST_MSG_STORETIME of ${topic}`);
      }
    },
  },
]);
