/** What the broker tells of connected clients: connection lists, subscriptions and their versions, checks of a client's configuration. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, isTrue, present, remarkMatches } from '../../expect.js';
import { json, subscriptionData, type Subscription } from '../../messaging.js';
import { client, join, list, object } from './support.js';

async function subscriptionOf(t: Context, consumerGroup: string, topic: string): Promise<Readonly<Record<string, unknown>>> {
  const body = object(json(await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup })), 'connections');
  return object(object(body['subscriptionTable'], 'subscriptionTable')[topic], `subscription of ${topic}`);
}

const check = (subscription: Subscription): string => JSON.stringify({ clientId: 'conform', group: 'conform', subscriptionData: subscriptionData(subscription) });

export const cases = defineCases('clients', [
  {
    name: 'clients.connections.consumer-group-members',
    requirement: 'GET_CONSUMER_CONNECTION_LIST has consumeType, messageModel and consumeFromWhere as the heartbeat gave them.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumerConnectionList',
    async run(t) {
      const group = await t.group();
      await join(t, { group, subscriptions: [await t.topic()], type: 'CONSUME_ACTIVELY', from: 'CONSUME_FROM_TIMESTAMP' });
      const answer = await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group });
      code(answer, res.SUCCESS, 'connections');
      const { consumeType, messageModel, consumeFromWhere } = object(json(answer), 'connections');
      equal({ consumeType, messageModel, consumeFromWhere }, { consumeType: 'CONSUME_ACTIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_TIMESTAMP' }, 'group');
    },
  },
  {
    name: 'clients.connections.consumer-connection',
    requirement: 'Each element of connectionSet has the client\'s id, its address as the broker sees it, and the language and version of its frames.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumerConnectionList',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] }, 'client', { language: 'CPP', version: 395 });
      const answer = await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group });
      const set = list(object(json(answer), 'connections')['connectionSet'], 'connectionSet');
      equal(set, [{ clientAddr: one.connection.localAddress, clientId: one.id, language: 'CPP', version: 395 }], 'connectionSet');
    },
  },
  {
    name: 'clients.connections.consumer-subscription',
    requirement: 'The subscriptionTable has for each topic the expression, its type, tags, codes and subVersion of the heartbeat.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumerConnectionList',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic();
      await join(t, { group, subscriptions: [{ topic, expression: 'a || bb', subVersion: 12345 }] });
      const { subString, expressionType, tagsSet, codeSet, subVersion } = await subscriptionOf(t, group, topic);
      equal(subString, 'a || bb', 'subString');
      equal(expressionType, 'TAG', 'expressionType');
      equal([...list(tagsSet, 'tagsSet')].sort(), ['a', 'bb'], 'tagsSet');
      equal([...list(codeSet, 'codeSet')].map(Number).sort((x, y) => x - y), [97, 3136], 'codeSet');
      equal(Number(subVersion), 12345, 'subVersion');
    },
  },
  {
    name: 'clients.connections.consumer-offline',
    requirement: 'GET_CONSUMER_CONNECTION_LIST of a group without connected consumer is CONSUMER_NOT_ONLINE.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumerConnectionList',
    async run(t) {
      const group = await t.group();
      const answer = await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group });
      code(answer, res.CONSUMER_NOT_ONLINE, 'connections');
      remarkMatches(answer, `the consumer group[${group}] not online`, 'connections');
    },
  },
  {
    name: 'clients.connections.producer',
    requirement: 'GET_PRODUCER_CONNECTION_LIST has the id, address, language and version of each producer of the group.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getProducerConnectionList',
    async run(t) {
      const producerGroup = t.groupName('producer');
      const one = await client(t);
      code(await one.via.heartbeat(one.id, { producers: [producerGroup], language: 'GO', version: 317 }), res.SUCCESS, 'heartbeat');
      const answer = await t.request(req.GET_PRODUCER_CONNECTION_LIST, { producerGroup });
      code(answer, res.SUCCESS, 'connections');
      equal(object(json(answer), 'connections')['connectionSet'], [{ clientAddr: one.connection.localAddress, clientId: one.id, language: 'GO', version: 317 }], 'connectionSet');
    },
  },
  {
    name: 'clients.connections.producer-unknown',
    requirement: 'GET_PRODUCER_CONNECTION_LIST of a group nobody heartbeated is SYSTEM_ERROR that names the group.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getProducerConnectionList',
    async run(t) {
      const producerGroup = t.groupName('producer');
      const answer = await t.request(req.GET_PRODUCER_CONNECTION_LIST, { producerGroup });
      code(answer, res.SYSTEM_ERROR, 'connections');
      remarkMatches(answer, `the producer group[${producerGroup}] not exist`, 'connections');
    },
  },
  {
    name: 'clients.connections.producer-unregistered',
    requirement: 'After UNREGISTER_CLIENT of its last producer a producer group is unknown.',
    level: 'MUST',
    source: 'ProducerManager#unregisterProducer',
    async run(t) {
      const producerGroup = t.groupName('producer');
      const one = await client(t);
      await one.via.heartbeat(one.id, { producers: [producerGroup] });
      code(await t.request(req.GET_PRODUCER_CONNECTION_LIST, { producerGroup }), res.SUCCESS, 'connections before');
      code(await one.via.unregister(one.id, { producerGroup }), res.SUCCESS, 'unregister');
      code(await t.request(req.GET_PRODUCER_CONNECTION_LIST, { producerGroup }), res.SYSTEM_ERROR, 'connections after');
    },
  },
  {
    name: 'clients.connections.producer-closed',
    requirement: 'A producer whose connection closed is in no connection list.',
    level: 'MUST',
    source: 'ProducerManager#doChannelCloseEvent',
    async run(t) {
      const producerGroup = t.groupName('producer');
      const closing = await client(t, 'closing');
      const staying = await client(t, 'staying');
      for (const one of [closing, staying]) await one.via.heartbeat(one.id, { producers: [producerGroup] });
      closing.connection.close();
      await t.until('only the open producer is listed', async () => {
        const answer = await t.request(req.GET_PRODUCER_CONNECTION_LIST, { producerGroup });
        if (answer.code !== 0) return false;
        const ids = list(object(json(answer), 'connections')['connectionSet'], 'connectionSet').map((one) => object(one, 'connection')['clientId']);
        return ids.length === 1 && ids[0] === staying.id;
      });
    },
  },
  {
    name: 'clients.connections.producer-unregister-leaves-consumer',
    requirement: 'UNREGISTER_CLIENT of the producer group leaves the client in its consumer group.',
    level: 'MUST',
    source: 'ClientManageProcessor#unregisterClient',
    async run(t) {
      const group = await t.group();
      const producerGroup = t.groupName('producer');
      const one = await join(t, { group, subscriptions: [await t.topic()] }, 'client', { producers: [producerGroup] });
      code(await one.via.unregister(one.id, { producerGroup }), res.SUCCESS, 'unregister');
      code(await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group }), res.SUCCESS, 'consumer connections');
    },
  },
  {
    name: 'clients.connections.all-producers',
    requirement: 'GET_ALL_PRODUCER_INFO has under each producer group the id, language and version of its clients.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getAllProducerInfo',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = t.groupName('producer');
      const one = await client(t);
      await one.via.heartbeat(one.id, { producers: [group], language: 'PYTHON', version: 317 });
      const answer = await t.request(req.GET_ALL_PRODUCER_INFO);
      code(answer, res.SUCCESS, 'producers');
      const infos = list(object(object(json(answer), 'table')['data'], 'data')[group], `clients of ${group}`);
      const { clientId, language, version } = object(infos[0], 'producer');
      equal({ count: infos.length, clientId, language, version }, { count: 1, clientId: one.id, language: 'PYTHON', version: 317 }, 'producer');
    },
  },
  {
    name: 'clients.subscription.newer-version-replaces',
    requirement: 'A heartbeat with a larger subVersion replaces the subscription of a topic.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateSubscription',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic();
      const one = await join(t, { group, subscriptions: [{ topic, expression: 'old', subVersion: 100 }] });
      await one.via.heartbeat(one.id, { consumers: [{ group, subscriptions: [{ topic, expression: 'new', subVersion: 101 }] }] });
      equal((await subscriptionOf(t, group, topic))['subString'], 'new', 'expression');
    },
  },
  {
    name: 'clients.subscription.same-version-ignored',
    requirement: 'A heartbeat whose subVersion is not larger leaves the subscription of a topic as it is.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateSubscription',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic();
      const one = await join(t, { group, subscriptions: [{ topic, expression: 'old', subVersion: 100 }] });
      await one.via.heartbeat(one.id, { consumers: [{ group, subscriptions: [{ topic, expression: 'same', subVersion: 100 }] }] });
      await one.via.heartbeat(one.id, { consumers: [{ group, subscriptions: [{ topic, expression: 'older', subVersion: 99 }] }] });
      equal((await subscriptionOf(t, group, topic))['subString'], 'old', 'expression');
    },
  },
  {
    name: 'clients.subscription.used-by-pull',
    requirement: 'A pull that carries no subscription is filtered by that of the group\'s heartbeat.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic({ queues: 1 });
      const one = await join(t, { group, subscriptions: [{ topic, expression: 'yes' }] });
      for (const tags of ['no', 'yes', 'no']) await t.sendOk(topic, { tags });
      const messages = await one.via.pullAll(topic, 1, { group, sysFlag: 0 });
      equal(messages.map((message) => message.queueOffset), [1], 'offsets read');
    },
  },
  {
    name: 'clients.subscription.pull-of-offline-group',
    requirement: 'A pull that carries no subscription, of a group without heartbeat, is SUBSCRIPTION_NOT_EXIST.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      code(await t.pull(await t.topic({ queues: 1 }), { group: await t.group(), sysFlag: 0 }), res.SUBSCRIPTION_NOT_EXIST, 'pull');
    },
  },
  {
    name: 'clients.subscription.pull-of-topic-not-subscribed',
    requirement: 'A pull that carries no subscription, of a topic the group does not subscribe to, is SUBSCRIPTION_NOT_EXIST.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic({ suffix: 'subscribed' })] });
      code(await one.via.pull(await t.topic({ queues: 1, suffix: 'other' }), { group, sysFlag: 0 }), res.SUBSCRIPTION_NOT_EXIST, 'pull');
    },
  },
  {
    name: 'clients.subscription.pull-version-newer-than-heartbeat',
    requirement: 'A pull whose subVersion is larger than the heartbeat\'s is SUBSCRIPTION_NOT_LATEST.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic({ queues: 1 });
      const one = await join(t, { group, subscriptions: [{ topic, subVersion: 10 }] });
      code(await one.via.pull(topic, { group, sysFlag: 0, subVersion: 11 }), res.SUBSCRIPTION_NOT_LATEST, 'pull with a newer version');
      code(await one.via.pull(topic, { group, sysFlag: 0, subVersion: 9 }), res.PULL_NOT_FOUND, 'pull with an older version');
    },
  },
  {
    name: 'clients.check-config.tag-accepted',
    requirement: 'CHECK_CLIENT_CONFIG of a TAG subscription is SUCCESS whatever its expression.',
    level: 'MUST',
    source: 'ClientManageProcessor#checkClientConfig',
    async run(t) {
      code(await t.request(req.CHECK_CLIENT_CONFIG, {}, { body: check({ topic: 'conform', expression: '|| not (a tag' }) }), res.SUCCESS, 'check');
    },
  },
  {
    name: 'clients.check-config.without-body-accepted',
    requirement: 'CHECK_CLIENT_CONFIG without body is SUCCESS.',
    level: 'MUST',
    source: 'ClientManageProcessor#checkClientConfig',
    versions: { from: '5.0.0' },
    async run(t) {
      code(await t.request(req.CHECK_CLIENT_CONFIG), res.SUCCESS, 'check');
    },
  },
  {
    name: 'clients.check-config.sql-accepted',
    requirement: 'CHECK_CLIENT_CONFIG of a correct SQL92 expression is SUCCESS where SQL92 is switched on.',
    level: 'MUST',
    source: 'ClientManageProcessor#checkClientConfig',
    needs: ['sql92'],
    async run(t) {
      code(await t.request(req.CHECK_CLIENT_CONFIG, {}, { body: check({ topic: 'conform', expressionType: 'SQL92', expression: 'a > 3 AND b IS NOT NULL' }) }), res.SUCCESS, 'check');
    },
  },
  {
    name: 'clients.check-config.sql-parse-failed',
    requirement: 'CHECK_CLIENT_CONFIG of an SQL92 expression that does not compile is SUBSCRIPTION_PARSE_FAILED with a remark.',
    level: 'MUST',
    source: 'ClientManageProcessor#checkClientConfig',
    needs: ['sql92'],
    async run(t) {
      const answer = await t.request(req.CHECK_CLIENT_CONFIG, {}, { body: check({ topic: 'conform', expressionType: 'SQL92', expression: 'a > > 3' }) });
      code(answer, res.SUBSCRIPTION_PARSE_FAILED, 'check');
      isTrue(present(answer.remark, 'remark').length > 0, 'the remark says why');
    },
  },
]);
