/** Clients that leave, by request or by closing their connection, and who is listed. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue, remarkMatches } from '../../expect.js';
import { json } from '../../messaging.js';
import { join, list, members, object } from './support.js';

export const cases = defineCases('clients', [
  {
    name: 'clients.unregister.consumer-gone',
    requirement: 'After UNREGISTER_CLIENT of its last consumer a group has no consumer: SYSTEM_ERROR that names the group.',
    level: 'MUST',
    source: 'ConsumerManager#unregisterConsumer',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      code(await one.via.unregister(one.id, { consumerGroup: group }), res.SUCCESS, 'unregister');
      const answer = await t.request(req.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: group });
      code(answer, res.SYSTEM_ERROR, 'list after the last consumer left');
      remarkMatches(answer, `no consumer for this group, ${group}`, 'list after the last consumer left');
    },
  },
  {
    name: 'clients.unregister.others-stay',
    requirement: 'UNREGISTER_CLIENT removes only the client that sent it.',
    level: 'MUST',
    source: 'ConsumerManager#unregisterConsumer',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const leaving = await join(t, consumer, 'leaving');
      const staying = await join(t, consumer, 'staying');
      code(await leaving.via.unregister(leaving.id, { consumerGroup: consumer.group }), res.SUCCESS, 'unregister');
      equal(await members(t, consumer.group), [staying.id], 'members');
    },
  },
  {
    name: 'clients.unregister.by-connection-not-by-id',
    requirement: 'UNREGISTER_CLIENT with the client id of another connection removes nothing: a client leaves over its own connection.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#unregisterChannel',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      code(await t.unregister(one.id, { consumerGroup: group }), res.SUCCESS, 'unregister over another connection');
      equal(await members(t, group), [one.id], 'members');
    },
  },
  {
    name: 'clients.unregister.id-does-not-matter',
    requirement: 'UNREGISTER_CLIENT over the client\'s own connection removes it whatever client id it names.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#unregisterChannel',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      code(await one.via.unregister('somebody-else', { consumerGroup: group }), res.SUCCESS, 'unregister with another id');
      equal(await members(t, group), [], 'members');
    },
  },
  {
    name: 'clients.unregister.unknown-accepted',
    requirement: 'UNREGISTER_CLIENT of groups that do not exist is answered SUCCESS.',
    level: 'MUST',
    source: 'ClientManageProcessor#unregisterClient',
    async run(t) {
      code(await t.unregister(t.groupName('client'), { consumerGroup: t.groupName('c'), producerGroup: t.groupName('p') }), res.SUCCESS, 'unregister');
    },
  },
  {
    name: 'clients.unregister.without-groups-accepted',
    requirement: 'UNREGISTER_CLIENT without producerGroup and consumerGroup is answered SUCCESS and changes nothing.',
    level: 'MUST',
    source: 'ClientManageProcessor#unregisterClient',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      code(await one.via.unregister(one.id, {}), res.SUCCESS, 'unregister');
      equal(await members(t, group), [one.id], 'members');
    },
  },
  {
    name: 'clients.close.consumer-gone',
    requirement: 'A consumer whose connection closes leaves its group.',
    level: 'MUST',
    source: 'ConsumerManager#doChannelCloseEvent',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const closing = await join(t, consumer, 'closing');
      const staying = await join(t, consumer, 'staying');
      closing.connection.close();
      await t.until('the closed client is gone', async () => {
        const ids = await members(t, consumer.group);
        return ids.length === 1 && ids[0] === staying.id;
      });
    },
  },
  {
    name: 'clients.close.reset-consumer-gone',
    requirement: 'A consumer whose connection is cut by a TCP reset leaves its group.',
    level: 'MUST',
    source: 'ConsumerManager#doChannelCloseEvent',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      one.connection.reset();
      await t.until('the client is gone', async () => (await members(t, group)).length === 0);
    },
  },
  {
    name: 'clients.list.never-seen-group',
    requirement: 'GET_CONSUMER_LIST_BY_GROUP of a group nobody heartbeated is SYSTEM_ERROR that names the group.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#getConsumerListByGroup',
    async run(t) {
      const consumerGroup = t.groupName();
      const answer = await t.request(req.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup });
      code(answer, res.SYSTEM_ERROR, 'list');
      remarkMatches(answer, `no consumer for this group, ${consumerGroup}`, 'list');
    },
  },
  {
    name: 'clients.list.all-members',
    requirement: 'GET_CONSUMER_LIST_BY_GROUP has every client of the group.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#getConsumerListByGroup',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const ids = [(await join(t, consumer, 'a')).id, (await join(t, consumer, 'b')).id, (await join(t, consumer, 'c')).id];
      equal(await members(t, consumer.group), ids.sort(), 'members');
    },
  },
  {
    name: 'clients.who-consumes.by-topic',
    requirement: 'QUERY_TOPIC_CONSUME_BY_WHO lists the groups of connected consumers of a topic, as groupList.',
    level: 'MUST',
    source: 'ConsumerManager#queryTopicConsumeByWho',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await join(t, { group, subscriptions: [topic] });
      const answer = await t.request(req.QUERY_TOPIC_CONSUME_BY_WHO, { topic });
      code(answer, res.SUCCESS, 'query');
      isTrue(list(object(json(answer), 'groups')['groupList'], 'groupList').includes(group), 'the group is in groupList');
    },
  },
]);
