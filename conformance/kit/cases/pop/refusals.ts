/** POP_MESSAGE: what is refused. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, remarkMatches } from '../../expect.js';
import { fill, setUp } from './support.js';

export const cases = defineCases('pop', [
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
]);
