/** Topics: creation and its limits. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, notCode } from '../../expect.js';

export const cases = defineCases('topics', [
  {
    name: 'topics.create.bad-characters-refused',
    requirement: 'A topic whose name has characters other than letters, digits, %, |, - and _ is not created.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      const topic = `${t.topicName()}/x`;
      t.forgetTopic(topic);
      const answer = await t.request(req.UPDATE_AND_CREATE_TOPIC, { topic, defaultTopic: 'TBW102', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false });
      notCode(answer, res.SUCCESS, 'create a topic with / in its name');
      code(await t.request(req.GET_TOPIC_STATS_INFO, { topic }), res.TOPIC_NOT_EXIST, 'its statistics');
    },
  },
  {
    name: 'topics.delete.gone-after',
    requirement: 'A topic that was deleted on the broker is not there any more.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteTopic',
    needs: ['admin'],
    async run(t) {
      const topic = await t.topic();
      code(await t.request(req.DELETE_TOPIC_IN_BROKER, { topic }), res.SUCCESS, 'delete');
      code(await t.request(req.GET_TOPIC_STATS_INFO, { topic }), res.TOPIC_NOT_EXIST, 'statistics of the deleted topic');
    },
  },
]);
