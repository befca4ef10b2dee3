/** Clients as the broker sees them, and calls it passes on to a consumer. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, hasField, notCode, present, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';
import { join } from './support.js';

/** MQVersion of clients that cannot be called yet. */
const V3_0_0 = 0;

interface Connection {
  readonly clientId: string;
  readonly clientAddr: string;
  readonly language: string;
  readonly version: number;
}

interface ConsumerConnection {
  readonly connectionSet: readonly Connection[];
  readonly subscriptionTable: Readonly<Record<string, { readonly subString: string }>>;
  readonly consumeType: string;
  readonly messageModel: string;
  readonly consumeFromWhere: string;
}

export const cases = defineCases('admin', [
  {
    name: 'admin.consumer-connections.online',
    requirement: 'GET_CONSUMER_CONNECTION_LIST answers each member of a group with client id, address, language and version.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumerConnectionList',
    async run(t) {
      const group = await t.group();
      const { clientId, connection } = await join(t, group, [await t.topic()], { version: 401, language: 'CPP' });
      const answer = await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group });
      code(answer, res.SUCCESS, 'connections');
      equal((json(answer) as ConsumerConnection).connectionSet.map((one) => [one.clientId, one.clientAddr, one.language, one.version]), [[clientId, connection.localAddress, 'CPP', 401]], 'members');
    },
  },
  {
    name: 'admin.consumer-connections.settings-and-subscriptions',
    requirement: 'GET_CONSUMER_CONNECTION_LIST answers how the group consumes and what it subscribes, its retry topic left to the client.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumerConnectionList',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      code(await t.heartbeat(`c-${group}`, { consumers: [{ group, type: 'CONSUME_ACTIVELY', model: 'BROADCASTING', from: 'CONSUME_FROM_TIMESTAMP', subscriptions: [{ topic, expression: 'x' }] }] }), res.SUCCESS, 'heartbeat');
      const body = json(await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group })) as ConsumerConnection;
      equal([body.consumeType, body.messageModel, body.consumeFromWhere], ['CONSUME_ACTIVELY', 'BROADCASTING', 'CONSUME_FROM_TIMESTAMP'], 'consumeType, messageModel, consumeFromWhere');
      equal(Object.entries(body.subscriptionTable).map(([name, data]) => [name, data.subString]), [[topic, 'x']], 'subscriptions');
    },
  },
  {
    name: 'admin.consumer-connections.two-members',
    requirement: 'GET_CONSUMER_CONNECTION_LIST answers every member of a group.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumerConnectionList',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      const one = await join(t, group, [topic], { name: 'one' });
      const two = await join(t, group, [topic], { name: 'two' });
      const body = json(await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group })) as ConsumerConnection;
      equal(body.connectionSet.map((member) => member.clientId).sort(), [one.clientId, two.clientId], 'client ids');
    },
  },
  {
    name: 'admin.consumer-connections.offline',
    requirement: 'GET_CONSUMER_CONNECTION_LIST of a group without members is CONSUMER_NOT_ONLINE.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumerConnectionList',
    async run(t) {
      const group = await t.group();
      const answer = await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group });
      code(answer, res.CONSUMER_NOT_ONLINE, 'connections');
      equal(answer.remark, `the consumer group[${group}] not online`, 'remark');
    },
  },
  {
    name: 'admin.consumer-connections.gone-after-close',
    requirement: 'A group whose last member closed its connection is CONSUMER_NOT_ONLINE or has no members.',
    level: 'MUST',
    source: 'ConsumerManager#doChannelCloseEvent',
    async run(t) {
      const group = await t.group();
      const { connection } = await join(t, group, [await t.topic()]);
      connection.close();
      await t.until('the member is gone', async () => {
        const answer = await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group });
        return answer.code === res.CONSUMER_NOT_ONLINE || (json(answer) as ConsumerConnection).connectionSet.length === 0;
      });
    },
  },
  {
    name: 'admin.producer-connections.online',
    requirement: 'GET_PRODUCER_CONNECTION_LIST answers each producer of a group.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getProducerConnectionList',
    async run(t) {
      const producerGroup = t.groupName();
      code(await t.heartbeat('producer-1', { producers: [producerGroup] }), res.SUCCESS, 'heartbeat');
      const answer = await t.request(req.GET_PRODUCER_CONNECTION_LIST, { producerGroup });
      code(answer, res.SUCCESS, 'connections');
      equal((json(answer) as { readonly connectionSet: readonly Connection[] }).connectionSet.map((one) => [one.clientId, one.clientAddr]), [['producer-1', (await t.broker()).localAddress]], 'producers');
    },
  },
  {
    name: 'admin.producer-connections.unknown',
    requirement: 'GET_PRODUCER_CONNECTION_LIST of a group without producers is SYSTEM_ERROR with a remark that names it.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getProducerConnectionList',
    async run(t) {
      const producerGroup = t.groupName();
      const answer = await t.request(req.GET_PRODUCER_CONNECTION_LIST, { producerGroup });
      code(answer, res.SYSTEM_ERROR, 'connections');
      equal(answer.remark, `the producer group[${producerGroup}] not exist`, 'remark');
    },
  },
  {
    name: 'admin.producers.all',
    requirement: 'GET_ALL_PRODUCER_INFO answers the producers of all groups.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#getAllProducerInfo',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = t.groupName();
      code(await t.heartbeat('producer-1', { producers: [group] }), res.SUCCESS, 'heartbeat');
      const answer = await t.request(req.GET_ALL_PRODUCER_INFO);
      code(answer, res.SUCCESS, 'producers');
      const producers = present((json(answer) as { readonly data: Readonly<Record<string, readonly { readonly clientId: string }[]>> }).data[group], 'the group');
      equal(producers.map((one) => one.clientId), ['producer-1'], 'client ids');
    },
  },
  {
    name: 'admin.running-info.offline',
    requirement: 'GET_CONSUMER_RUNNING_INFO of a client that is not online is SYSTEM_ERROR with a remark that names group and client.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#callConsumer',
    async run(t) {
      const consumerGroup = await t.group();
      const answer = await t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup, clientId: 'nobody', jstackEnable: false });
      code(answer, res.SYSTEM_ERROR, 'running info');
      equal(answer.remark, `The Consumer <${consumerGroup}> <nobody> not online`, 'remark');
    },
  },
  {
    name: 'admin.running-info.other-client-of-group',
    requirement: 'GET_CONSUMER_RUNNING_INFO of a client id that the group does not have is SYSTEM_ERROR though others are online.',
    level: 'MUST',
    source: 'ConsumerManager#findChannel',
    async run(t) {
      const group = await t.group();
      await join(t, group, [await t.topic()]);
      code(await t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId: 'nobody', jstackEnable: false }), res.SYSTEM_ERROR, 'running info');
    },
  },
  {
    name: 'admin.running-info.old-client-refused',
    requirement: 'GET_CONSUMER_RUNNING_INFO of a client older than V3_1_8_SNAPSHOT is SYSTEM_ERROR, and the client is not asked.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#callConsumer',
    async run(t) {
      const group = await t.group();
      const { clientId } = await join(t, group, [await t.topic()], { version: V3_0_0 });
      const answer = await t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId, jstackEnable: false });
      code(answer, res.SYSTEM_ERROR, 'running info');
      remarkMatches(answer, 'too low to finish, please upgrade it to V3_1_8_SNAPSHOT', 'running info');
    },
  },
  {
    name: 'admin.running-info.passed-on',
    requirement: 'GET_CONSUMER_RUNNING_INFO is passed on to the client with its fields, and the answer of the client is passed back.',
    level: 'MUST',
    source: 'Broker2Client#callClient',
    async run(t) {
      const group = await t.group();
      const { clientId, connection } = await join(t, group, [await t.topic()]);
      const answer = t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId, jstackEnable: true });
      const asked = await connection.nextRequest(req.GET_CONSUMER_RUNNING_INFO);
      equal([asked.ext['consumerGroup'], asked.ext['clientId'], asked.ext['jstackEnable']], [group, clientId, 'true'], 'consumerGroup, clientId, jstackEnable');
      connection.answer(asked, res.SUCCESS, {}, { body: '{"jstack":"none"}' });
      const got = await answer;
      code(got, res.SUCCESS, 'running info');
      bytesEqual(got.body, '{"jstack":"none"}', 'body');
    },
  },
  {
    name: 'admin.running-info.refusal-passed-back',
    requirement: 'A code and remark with which a client refuses GET_CONSUMER_RUNNING_INFO are passed back.',
    level: 'MUST',
    source: 'Broker2Client#callClient',
    async run(t) {
      const group = await t.group();
      const { clientId, connection } = await join(t, group, [await t.topic()]);
      const answer = t.request(req.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId, jstackEnable: false });
      connection.answer(await connection.nextRequest(req.GET_CONSUMER_RUNNING_INFO), res.SYSTEM_ERROR, {}, { remark: 'not today' });
      const got = await answer;
      equal([got.code, got.remark], [res.SYSTEM_ERROR, 'not today'], 'code and remark');
    },
  },
  {
    name: 'admin.consume-directly.passed-on',
    requirement: 'CONSUME_MESSAGE_DIRECTLY is passed on to the client with the stored message as body and the name of the broker.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#consumeMessageDirectly',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      const { msgId } = await t.sendOk(topic, { body: 'the message' });
      const stored = present((await t.pullAll(topic, 1))[0], 'the message');
      const { clientId, connection } = await join(t, group, [topic]);
      const answer = t.request(req.CONSUME_MESSAGE_DIRECTLY, { consumerGroup: group, clientId, msgId });
      const asked = await connection.nextRequest(req.CONSUME_MESSAGE_DIRECTLY);
      hasField(asked, 'brokerName', t.endpoint.brokerName);
      equal(asked.body.includes('the message'), true, 'the body has the message');
      equal(asked.body.length, stored.recordBytes, 'bytes of the body');
      connection.answer(asked, res.SUCCESS, {}, { body: '{"consumeResult":"CR_SUCCESS"}' });
      bytesEqual((await answer).body, '{"consumeResult":"CR_SUCCESS"}', 'body');
    },
  },
  {
    name: 'admin.consume-directly.offline',
    requirement: 'CONSUME_MESSAGE_DIRECTLY by a client that is not online is SYSTEM_ERROR with a remark that names group and client.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#callConsumer',
    async run(t) {
      const topic = await t.topic();
      const consumerGroup = await t.group();
      const { msgId } = await t.sendOk(topic);
      await t.pullAll(topic, 1);
      const answer = await t.request(req.CONSUME_MESSAGE_DIRECTLY, { consumerGroup, clientId: 'nobody', msgId });
      code(answer, res.SYSTEM_ERROR, 'consume directly');
      equal(answer.remark, `The Consumer <${consumerGroup}> <nobody> not online`, 'remark');
    },
  },
  {
    name: 'admin.consumer-status.offline-refused',
    requirement: 'INVOKE_BROKER_TO_GET_CONSUMER_STATUS of a group that is not online is SYSTEM_ERROR.',
    level: 'MUST',
    source: 'Broker2Client#getConsumeStatus',
    async run(t) {
      notCode(await t.request(req.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, { topic: await t.topic(), group: await t.group() }), res.SUCCESS, 'status');
    },
  },
  {
    name: 'admin.consumer-status.gathered',
    requirement: 'INVOKE_BROKER_TO_GET_CONSUMER_STATUS asks each member of the group and answers what they said by client id.',
    level: 'MUST',
    source: 'Broker2Client#getConsumeStatus',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      const { clientId, connection } = await join(t, group, [topic]);
      const answer = t.request(req.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, { topic, group });
      const asked = await connection.nextRequest(req.GET_CONSUMER_STATUS_FROM_CLIENT);
      equal([asked.ext['topic'], asked.ext['group']], [topic, group], 'topic and group');
      connection.answer(asked, res.SUCCESS, {}, { body: `{"consumerTable":{},"messageQueueTable":{{"brokerName":"b","queueId":3,"topic":"${topic}"}:42}}` });
      const got = await answer;
      code(got, res.SUCCESS, 'status');
      const table = present((json(got) as { readonly consumerTable: Readonly<Record<string, Readonly<Record<string, number>>>> }).consumerTable[clientId], 'the client');
      equal(Object.values(table), [42], 'offsets of the client');
    },
  },
]);
