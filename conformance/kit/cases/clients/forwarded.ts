/** Requests that the broker hands on to a client's connection, and what it makes of the client's answer. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, hasField, remarkMatches } from '../../expect.js';
import { json } from '../../messaging.js';
import { decodeRecord } from '../../wire/record.js';
import { join, object } from './support.js';

export const cases = defineCases('clients', [
  {
    name: 'clients.running-info.answer-handed-back',
    requirement: 'GET_CONSUMER_RUNNING_INFO is handed to the client and the client\'s body comes back as the answer.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#callConsumer',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      const asked = t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId: one.id, jstackEnable: true });
      const handed = await one.connection.nextRequest(req.GET_CONSUMER_RUNNING_INFO);
      one.connection.answer(handed, 0, {}, { body: '{"properties":{"a":"1"}}' });
      const answer = await asked;
      code(answer, res.SUCCESS, 'answer');
      bytesEqual(answer.body, '{"properties":{"a":"1"}}', 'body of the answer');
    },
  },
  {
    name: 'clients.running-info.header-handed-on',
    requirement: 'The client gets all header fields of GET_CONSUMER_RUNNING_INFO as the asker wrote them.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#callConsumer',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      const asked = t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId: one.id, jstackEnable: true });
      const handed = await one.connection.nextRequest(req.GET_CONSUMER_RUNNING_INFO);
      one.connection.answer(handed, 0);
      await asked;
      hasField(handed, 'consumerGroup', group, 'request to the client');
      hasField(handed, 'clientId', one.id, 'request to the client');
      hasField(handed, 'jstackEnable', 'true', 'request to the client');
      equal(handed.flag & 3, 0, 'flag of the request to the client');
    },
  },
  {
    name: 'clients.running-info.client-error-handed-back',
    requirement: 'The code and remark of the client\'s answer come back to the asker.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#callConsumer',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      const asked = t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId: one.id });
      one.connection.answer(await one.connection.nextRequest(req.GET_CONSUMER_RUNNING_INFO), 1, {}, { remark: 'the client is busy' });
      const answer = await asked;
      code(answer, res.SYSTEM_ERROR, 'answer');
      equal(answer.remark, 'the client is busy', 'remark');
    },
  },
  {
    name: 'clients.running-info.offline',
    requirement: 'GET_CONSUMER_RUNNING_INFO of a client that is not connected is SYSTEM_ERROR that names group and client.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#callConsumer',
    async run(t) {
      const group = await t.group();
      await join(t, { group, subscriptions: [await t.topic()] });
      const answer = await t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId: 'nobody' });
      code(answer, res.SYSTEM_ERROR, 'answer');
      remarkMatches(answer, `The Consumer <${group}> <nobody> not online`, 'answer');
    },
  },
  {
    name: 'clients.running-info.old-client',
    requirement: 'GET_CONSUMER_RUNNING_INFO of a client older than V3_1_8_SNAPSHOT is SYSTEM_ERROR that names the release needed, and is not handed on.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#callConsumer',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] }, 'client', { version: 10 });
      const answer = await t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId: one.id });
      code(answer, res.SYSTEM_ERROR, 'answer');
      remarkMatches(answer, 'V3_1_8_SNAPSHOT', 'answer');
    },
  },
  {
    name: 'clients.running-info.client-closes',
    requirement: 'When the client\'s connection closes before it answers, the asker gets an error, not silence.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#callConsumer',
    timeoutMs: 20_000,
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      const asked = t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId: one.id }, { timeoutMs: 15_000 });
      await one.connection.nextRequest(req.GET_CONSUMER_RUNNING_INFO);
      one.connection.close();
      code(await asked, [res.SYSTEM_ERROR, res.CONSUME_MSG_TIMEOUT], 'answer');
    },
  },
  {
    name: 'clients.running-info.client-silent',
    requirement: 'When the client does not answer within 10 seconds, the asker gets CONSUME_MSG_TIMEOUT.',
    level: 'MUST',
    source: 'Broker2Client#callClient',
    timeoutMs: 25_000,
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      const answer = await t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId: one.id }, { timeoutMs: 20_000 });
      code(answer, res.CONSUME_MSG_TIMEOUT, 'answer');
    },
  },
  {
    name: 'clients.consume-directly.message-handed-on',
    requirement: 'CONSUME_MESSAGE_DIRECTLY hands the stored record of the message and the broker\'s name to the client, and its answer back.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#consumeMessageDirectly',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic({ queues: 1 });
      const one = await join(t, { group, subscriptions: [topic] });
      const { msgId } = await t.sendOk(topic, { body: 'directly', keys: 'k1' });
      await t.pullAll(topic, 1);
      const asked = t.request(req.CONSUME_MESSAGE_DIRECTLY, { consumerGroup: group, clientId: one.id, msgId, topic });
      const handed = await one.connection.nextRequest(req.CONSUME_MESSAGE_DIRECTLY);
      one.connection.answer(handed, 0, {}, { body: '{"consumeResult":"CR_SUCCESS"}' });
      const answer = await asked;
      code(answer, res.SUCCESS, 'answer');
      equal(object(json(answer), 'result')['consumeResult'], 'CR_SUCCESS', 'consumeResult');
      hasField(handed, 'brokerName', t.endpoint.brokerName, 'request to the client');
      const record = decodeRecord(handed.body);
      equal({ topic: record.topic, msgId: record.msgId, body: record.body.toString(), keys: record.properties['KEYS'] }, { topic, msgId, body: 'directly', keys: 'k1' }, 'record');
    },
  },
  {
    name: 'clients.consume-directly.offline',
    requirement: 'CONSUME_MESSAGE_DIRECTLY to a client that is not connected is SYSTEM_ERROR that names group and client.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#callConsumer',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic({ queues: 1 });
      const { msgId } = await t.sendOk(topic);
      await t.pullAll(topic, 1);
      const answer = await t.request(req.CONSUME_MESSAGE_DIRECTLY, { consumerGroup: group, clientId: 'nobody', msgId, topic });
      code(answer, res.SYSTEM_ERROR, 'answer');
      remarkMatches(answer, `The Consumer <${group}> <nobody> not online`, 'answer');
    },
  },
  {
    name: 'clients.consume-directly.sys-flags',
    requirement: 'The client also gets the topicSysFlag and groupSysFlag of the message\'s topic and of the group.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#consumeMessageDirectly',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = await t.group();
      const topic = await t.topic({ queues: 1 });
      const one = await join(t, { group, subscriptions: [topic] });
      const { msgId } = await t.sendOk(topic);
      await t.pullAll(topic, 1);
      const asked = t.request(req.CONSUME_MESSAGE_DIRECTLY, { consumerGroup: group, clientId: one.id, msgId, topic });
      const handed = await one.connection.nextRequest(req.CONSUME_MESSAGE_DIRECTLY);
      one.connection.answer(handed, 0);
      await asked;
      hasField(handed, 'topicSysFlag', 0, 'request to the client');
      hasField(handed, 'groupSysFlag', 0, 'request to the client');
    },
  },
  {
    name: 'clients.status.offsets-of-each-client',
    requirement: 'INVOKE_BROKER_TO_GET_CONSUMER_STATUS asks each client and answers their offset tables under the client ids.',
    level: 'MUST',
    source: 'Broker2Client#getConsumeStatus',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic();
      const one = await join(t, { group, subscriptions: [topic] });
      const asked = t.request(req.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, { topic, group });
      const handed = await one.connection.nextRequest(req.GET_CONSUMER_STATUS_FROM_CLIENT);
      hasField(handed, 'topic', topic, 'request to the client');
      hasField(handed, 'group', group, 'request to the client');
      one.connection.answer(handed, 0, {}, { body: `{"messageQueueTable":{{"brokerName":"${t.endpoint.brokerName}","queueId":2,"topic":"${topic}"}:5}}` });
      const answer = await asked;
      code(answer, res.SUCCESS, 'answer');
      const table = object(object(json(answer), 'status')['consumerTable'], 'consumerTable');
      equal(Object.values(object(table[one.id], `offsets of ${one.id}`)).map(Number), [5], 'offsets');
    },
  },
  {
    name: 'clients.status.only-the-named-client',
    requirement: 'INVOKE_BROKER_TO_GET_CONSUMER_STATUS with clientAddr asks only the client with that id.',
    level: 'MUST',
    source: 'Broker2Client#getConsumeStatus',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic();
      const asked = await join(t, { group, subscriptions: [topic] }, 'asked');
      const left = await join(t, { group, subscriptions: [topic] }, 'left');
      const answer = t.request(req.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, { topic, group, clientAddr: asked.id });
      asked.connection.answer(await asked.connection.nextRequest(req.GET_CONSUMER_STATUS_FROM_CLIENT), 0, {}, { body: '{"messageQueueTable":{}}' });
      const table = object(object(json(await answer), 'status')['consumerTable'], 'consumerTable');
      equal(Object.keys(table), [asked.id], 'clients in the answer');
      const other = await left.connection.nextRequest(req.GET_CONSUMER_STATUS_FROM_CLIENT, 100).then(() => 'asked', () => 'not asked');
      equal(other, 'not asked', 'the other client');
    },
  },
  {
    name: 'clients.reset-offset.pushed-to-clients',
    requirement: 'INVOKE_BROKER_TO_RESET_OFFSET pushes the new offsets to the group\'s clients as RESET_CONSUMER_CLIENT_OFFSET.',
    level: 'MUST',
    source: 'Broker2Client#resetOffset',
    versions: { to: '4.9.99' },
    async run(t) {
      const group = await t.group();
      const topic = await t.topic({ queues: 1 });
      const one = await join(t, { group, subscriptions: [topic] });
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      await t.commitOffset(group, topic, 0, 3);
      code(await t.request(req.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group, timestamp: 0, isForce: true }), res.SUCCESS, 'reset');
      const pushed = await one.connection.nextRequest(req.RESET_CONSUMER_CLIENT_OFFSET);
      hasField(pushed, 'topic', topic, 'request to the client');
      hasField(pushed, 'group', group, 'request to the client');
      equal(pushed.flag & 2, 2, 'oneway flag of the request to the client');
      equal(Object.values(object(object(json(pushed), 'offsets')['offsetTable'], 'offsetTable')).map(Number), [0], 'offsets');
    },
  },
]);
