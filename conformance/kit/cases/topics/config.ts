/** Topics: what creation leaves behind, names that are refused, listings, creation of several. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, isTrue, notCode, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';
import { allTopics, configOf, create, update, type TopicConfig } from './support.js';

export const cases = defineCases('topics', [
  {
    name: 'topics.create.fields-kept',
    requirement: 'A created topic has the queues, permission, filter type and system flag of the request.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateTopic',
    needs: ['admin'],
    async run(t) {
      const topic = t.topicName();
      code(await create(t, topic, { readQueueNums: 5, writeQueueNums: 3, perm: 4, topicSysFlag: 2, topicFilterType: 'MULTI_TAG' }), res.SUCCESS, 'create');
      const { readQueueNums, writeQueueNums, perm, topicSysFlag, topicFilterType } = await configOf(t, topic);
      equal([readQueueNums, writeQueueNums, perm, topicSysFlag, topicFilterType], [5, 3, 4, 2, 'MULTI_TAG'], 'fields');
    },
  },
  {
    name: 'topics.create.order-kept',
    requirement: 'A topic created with order=true is an order topic.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateTopic',
    versions: { from: '5.0.0' },
    async run(t) {
      equal((await configOf(t, await t.topic({ order: true }))).order, true, 'order');
    },
  },
  {
    name: 'topics.create.sys-flag-default',
    requirement: 'A topic created without topicSysFlag has the system flag 0.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#updateAndCreateTopic',
    needs: ['admin'],
    async run(t) {
      const topic = t.topicName();
      code(await create(t, topic, { topicSysFlag: undefined }), res.SUCCESS, 'create');
      equal((await configOf(t, topic)).topicSysFlag, 0, 'topicSysFlag');
    },
  },
  {
    name: 'topics.create.same-again-succeeds',
    requirement: 'The creation of a topic with the configuration it has is answered SUCCESS.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateTopic',
    needs: ['admin'],
    async run(t) {
      const topic = t.topicName();
      code(await create(t, topic), res.SUCCESS, 'create');
      code(await update(t, topic), res.SUCCESS, 'create again');
    },
  },
  {
    name: 'topics.create.blank-refused',
    requirement: 'A topic whose name is blank is INVALID_PARAMETER.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const answer = await update(t, '  ');
      code(answer, res.INVALID_PARAMETER, 'create a topic with a blank name');
      remarkMatches(answer, 'The specified topic is blank.', 'create a topic with a blank name');
    },
  },
  {
    name: 'topics.create.name-missing-refused',
    requirement: 'A topic creation without a name is refused.',
    level: 'MUST',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    async run(t) {
      notCode(await t.request(req.UPDATE_AND_CREATE_TOPIC, { defaultTopic: 'TBW102', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false }), res.SUCCESS, 'create without a name');
    },
  },
  {
    name: 'topics.create.bad-characters-wording',
    requirement: 'The refusal of a name with characters that are not allowed is INVALID_PARAMETER and names the allowed ones.',
    level: 'SHOULD',
    source: 'TopicValidator#validateTopic',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = `${t.topicName()}.grün`;
      const answer = await create(t, topic);
      code(answer, res.INVALID_PARAMETER, 'create');
      remarkMatches(answer, 'contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$', 'create');
    },
  },
  {
    name: 'topics.create.name-127-accepted',
    requirement: 'A topic name of 127 characters is accepted.',
    level: 'MUST',
    source: 'TopicValidator#TOPIC_MAX_LENGTH',
    needs: ['admin'],
    async run(t) {
      const topic = t.topicName().padEnd(127, 'x');
      code(await create(t, topic), res.SUCCESS, 'create');
      isTrue((await allTopics(t))[topic] !== undefined, 'the topic is there');
    },
  },
  {
    name: 'topics.create.name-128-refused',
    requirement: 'A topic name of 128 characters is refused.',
    level: 'MUST',
    source: 'TopicValidator#TOPIC_MAX_LENGTH',
    needs: ['admin'],
    async run(t) {
      const topic = t.topicName().padEnd(128, 'x');
      const answer = await create(t, topic);
      notCode(answer, res.SUCCESS, 'create');
      remarkMatches(answer, 'is longer than topic max length', 'create');
      equal((await allTopics(t))[topic], undefined, 'the topic');
    },
  },
  {
    name: 'topics.create.retry-name-longer',
    requirement: 'A retry topic may have a name longer than 127 characters.',
    level: 'SHOULD',
    source: 'TopicValidator#RETRY_OR_DLQ_TOPIC_MAX_LENGTH',
    needs: ['admin'],
    versions: { from: '5.1.0' },
    async run(t) {
      const topic = `%RETRY%${t.topicName()}`.padEnd(200, 'x');
      code(await create(t, topic), res.SUCCESS, 'create');
    },
  },
  {
    name: 'topics.create.system-topic-refused',
    requirement: 'A system topic can be neither created nor changed by request.',
    level: 'MUST',
    source: 'BrokerConfig#validateSystemTopicWhenUpdateTopic',
    needs: ['admin'],
    async run(t) {
      const answer = await update(t, 'SELF_TEST_TOPIC', { readQueueNums: 1, writeQueueNums: 1 });
      notCode(answer, res.SUCCESS, 'create SELF_TEST_TOPIC');
      remarkMatches(answer, 'The topic[SELF_TEST_TOPIC] is conflict with system topic.', 'create SELF_TEST_TOPIC');
    },
  },
  {
    name: 'topics.create.system-prefix-refused',
    requirement: 'A topic whose name begins with rmq_sys_ is refused as a system topic.',
    level: 'MUST',
    source: 'TopicValidator#SYSTEM_TOPIC_PREFIX',
    needs: ['admin'],
    async run(t) {
      const topic = `rmq_sys_${t.topicName()}`;
      notCode(await update(t, topic), res.SUCCESS, 'create');
      equal((await allTopics(t))[topic], undefined, 'the topic');
    },
  },
  {
    name: 'topics.get.one',
    requirement: 'GET_TOPIC_CONFIG answers the configuration of one topic.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getTopicConfig',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic({ readQueues: 5, writeQueues: 2, perm: 2, order: true });
      const answer = await t.request(req.GET_TOPIC_CONFIG, { topic });
      code(answer, res.SUCCESS, 'get');
      const { topicName, readQueueNums, writeQueueNums, perm, order, topicFilterType } = json(answer) as TopicConfig;
      equal([topicName, readQueueNums, writeQueueNums, perm, order, topicFilterType], [topic, 5, 2, 2, true, 'SINGLE_TAG'], 'fields');
    },
  },
  {
    name: 'topics.get.unknown',
    requirement: 'GET_TOPIC_CONFIG of a topic that is not there is TOPIC_NOT_EXIST with a remark that names it.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getTopicConfig',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = t.topicName();
      const answer = await t.request(req.GET_TOPIC_CONFIG, { topic });
      code(answer, res.TOPIC_NOT_EXIST, 'get');
      equal(answer.remark, `No topic in this broker. topic: ${topic}`, 'remark');
    },
  },
  {
    name: 'topics.get.all-has-data-version',
    requirement: 'GET_ALL_TOPIC_CONFIG answers all topics with a DataVersion whose counter a creation raises.',
    level: 'MUST',
    source: 'TopicConfigManager#updateDataVersion',
    async run(t) {
      const counter = async (): Promise<number> => (json(await t.request(req.GET_ALL_TOPIC_CONFIG)) as { readonly dataVersion: { readonly counter: number } }).dataVersion.counter;
      const before = await counter();
      const topic = await t.topic();
      isTrue((await counter()) > before, 'the counter is larger after the creation');
      equal((await configOf(t, topic)).topicName, topic, 'topicName');
    },
  },
  {
    name: 'topics.get.all-has-total',
    requirement: 'GET_ALL_TOPIC_CONFIG answers the number of topics as totalTopicNum.',
    level: 'SHOULD',
    source: 'GetAllTopicConfigResponseHeader#getTotalTopicNum',
    versions: { from: '5.4.0' },
    async run(t) {
      const answer = await t.request(req.GET_ALL_TOPIC_CONFIG);
      const there = Object.keys((json(answer) as { readonly topicConfigTable: object }).topicConfigTable).length;
      isTrue(Math.abs(Number(hasField(answer, 'totalTopicNum')) - there) < 50, `totalTopicNum is about ${there}`);
    },
  },
  {
    name: 'topics.get.system-list',
    requirement: 'GET_SYSTEM_TOPIC_LIST_FROM_BROKER lists the system topics and no others.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getSystemTopicListFromBroker',
    async run(t) {
      const topic = await t.topic();
      const answer = await t.request(req.GET_SYSTEM_TOPIC_LIST_FROM_BROKER);
      code(answer, res.SUCCESS, 'list');
      const { topicList } = json(answer) as { readonly topicList: readonly string[] };
      equal(['TBW102', 'SELF_TEST_TOPIC', 'SCHEDULE_TOPIC_XXXX', 'RMQ_SYS_TRANS_HALF_TOPIC', 'OFFSET_MOVED_EVENT', t.endpoint.brokerName, t.endpoint.cluster].filter((one) => !topicList.includes(one)), [], 'system topics that are not listed');
      isTrue(!topicList.includes(topic), 'an ordinary topic is not');
    },
  },
  {
    name: 'topics.list.creates-all',
    requirement: 'UPDATE_AND_CREATE_TOPIC_LIST creates every topic of its body.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateTopicList',
    needs: ['admin'],
    versions: { from: '5.3.0' },
    async run(t) {
      const names = [t.topicName('a'), t.topicName('b')];
      for (const name of names) t.forgetTopic(name);
      const topicConfigList = names.map((topicName, i) => ({ topicName, readQueueNums: 2 + i, writeQueueNums: 2 + i, perm: 6, order: false, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, attributes: { '+message.type': 'FIFO' } }));
      code(await t.request(req.UPDATE_AND_CREATE_TOPIC_LIST, {}, { body: JSON.stringify({ topicConfigList }) }), res.SUCCESS, 'create');
      const all = await allTopics(t);
      equal(names.map((name) => [all[name]?.readQueueNums, all[name]?.attributes?.['message.type']]), [[2, 'FIFO'], [3, 'FIFO']], 'queues and message type');
    },
  },
  {
    name: 'topics.list.one-bad-name-none-created',
    requirement: 'UPDATE_AND_CREATE_TOPIC_LIST with one name that is not allowed is INVALID_PARAMETER and creates none.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateTopicList',
    needs: ['admin'],
    versions: { from: '5.3.0' },
    async run(t) {
      const good = t.topicName('good');
      t.forgetTopic(good);
      const topicConfigList = [good, `${t.topicName('bad')}/x`].map((topicName) => ({ topicName, readQueueNums: 2, writeQueueNums: 2, perm: 6, order: false, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, attributes: {} }));
      code(await t.request(req.UPDATE_AND_CREATE_TOPIC_LIST, {}, { body: JSON.stringify({ topicConfigList }) }), res.INVALID_PARAMETER, 'create');
      equal((await allTopics(t))[good], undefined, 'the topic with the good name');
    },
  },
  {
    name: 'topics.list.unchanged-one-ends-it',
    requirement: 'UPDATE_AND_CREATE_TOPIC_LIST with a topic that is there unchanged is answered SUCCESS without creating the others.',
    level: 'INFORMATIONAL',
    source: 'AdminBrokerProcessor#updateAndCreateTopicList',
    versions: { from: '5.3.0' },
    async run(t) {
      const there = await t.topic({ queues: 2 });
      const other = t.topicName('other');
      t.forgetTopic(other);
      const topicConfigList = [there, other].map((topicName) => ({ topicName, readQueueNums: 2, writeQueueNums: 2, perm: 6, order: false, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, attributes: {} }));
      code(await t.request(req.UPDATE_AND_CREATE_TOPIC_LIST, {}, { body: JSON.stringify({ topicConfigList }) }), res.SUCCESS, 'create');
      equal((await allTopics(t))[other], undefined, 'the other topic');
    },
  },
]);
