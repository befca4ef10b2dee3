/** Heartbeats, versions one and two. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, notCode } from '../../expect.js';
import { json } from '../../messaging.js';
import { client, join, members, object } from './support.js';

export const cases = defineCases('clients', [
  {
    name: 'clients.heartbeat.consumer-listed',
    requirement: 'A consumer is in GET_CONSUMER_LIST_BY_GROUP as soon as its heartbeat is answered.',
    level: 'MUST',
    source: 'ConsumerManager#registerConsumer',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      equal(await members(t, group), [one.id], 'members after the heartbeat');
    },
  },
  {
    name: 'clients.heartbeat.several-groups-at-once',
    requirement: 'One heartbeat registers the client with every consumer and producer group it names.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      const topic = await t.topic();
      const groups = [await t.group({ suffix: 'a' }), await t.group({ suffix: 'b' })];
      const producer = t.groupName('producer');
      const one = await client(t);
      code(await one.via.heartbeat(one.id, { consumers: groups.map((group) => ({ group, subscriptions: [topic] })), producers: [producer] }), res.SUCCESS, 'heartbeat');
      for (const group of groups) equal(await members(t, group), [one.id], `members of ${group}`);
      code(await t.request(req.GET_PRODUCER_CONNECTION_LIST, { producerGroup: producer }), res.SUCCESS, 'producer connections');
    },
  },
  {
    name: 'clients.heartbeat.repeated-is-idempotent',
    requirement: 'A client that sends its heartbeat again is still listed once.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateChannel',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const one = await join(t, consumer);
      code(await one.via.heartbeat(one.id, { consumers: [consumer] }), res.SUCCESS, 'second heartbeat');
      equal(await members(t, consumer.group), [one.id], 'members');
    },
  },
  {
    name: 'clients.heartbeat.other-id-on-same-connection-replaces',
    requirement: 'A heartbeat with another client id over the same connection replaces the first id: the connection is the client.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateChannel',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const one = await join(t, consumer);
      const other = t.groupName('other');
      code(await one.via.heartbeat(other, { consumers: [consumer] }), res.SUCCESS, 'heartbeat with the other id');
      equal(await members(t, consumer.group), [other], 'members');
    },
  },
  {
    name: 'clients.heartbeat.same-id-on-two-connections-listed-twice',
    requirement: 'A client id that heartbeats over two connections is listed twice.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#getAllClientId',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const one = await join(t, consumer);
      const second = await client(t, 'second');
      code(await second.via.heartbeat(one.id, { consumers: [consumer] }), res.SUCCESS, 'heartbeat over the second connection');
      equal(await members(t, consumer.group), [one.id, one.id], 'members');
    },
  },
  {
    name: 'clients.heartbeat.v1-reports-v2-support',
    requirement: 'A heartbeat without fingerprint is answered with IS_SUPPORT_HEART_BEAT_V2 and IS_SUB_CHANGE, both true.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    needs: ['heartbeat-v2'],
    async run(t) {
      const group = await t.group();
      const answer = await t.heartbeat(t.groupName('client'), { consumers: [{ group, subscriptions: [await t.topic()] }] });
      hasField(answer, 'IS_SUPPORT_HEART_BEAT_V2', 'true', 'heartbeat answer');
      hasField(answer, 'IS_SUB_CHANGE', 'true', 'heartbeat answer');
    },
  },
  {
    name: 'clients.heartbeat.v2-first-not-changed',
    requirement: 'The first heartbeat of a group that carries a fingerprint is answered IS_SUB_CHANGE false.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeatV2',
    needs: ['heartbeat-v2'],
    async run(t) {
      const group = await t.group();
      const answer = await t.heartbeat(t.groupName('client'), { consumers: [{ group, subscriptions: [await t.topic()] }], members: { heartbeatFingerprint: 77 } });
      hasField(answer, 'IS_SUPPORT_HEART_BEAT_V2', 'true', 'heartbeat answer');
      hasField(answer, 'IS_SUB_CHANGE', 'false', 'heartbeat answer');
    },
  },
  {
    name: 'clients.heartbeat.v2-same-fingerprint-not-changed',
    requirement: 'A fingerprint equal to the last one of the group is answered IS_SUB_CHANGE false.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeatV2',
    needs: ['heartbeat-v2'],
    async run(t) {
      const consumers = [{ group: await t.group(), subscriptions: [await t.topic()] }];
      const one = await client(t);
      await one.via.heartbeat(one.id, { consumers, members: { heartbeatFingerprint: -5 } });
      hasField(await one.via.heartbeat(one.id, { consumers, members: { heartbeatFingerprint: -5 } }), 'IS_SUB_CHANGE', 'false', 'second heartbeat');
    },
  },
  {
    name: 'clients.heartbeat.v2-other-fingerprint-changed',
    requirement: 'A fingerprint that differs from the last one of the group, whichever client sent it, is answered IS_SUB_CHANGE true.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeatV2',
    needs: ['heartbeat-v2'],
    async run(t) {
      const consumers = [{ group: await t.group(), subscriptions: [await t.topic()] }];
      const first = await client(t, 'first');
      const second = await client(t, 'second');
      await first.via.heartbeat(first.id, { consumers, members: { heartbeatFingerprint: 1000 } });
      hasField(await second.via.heartbeat(second.id, { consumers, members: { heartbeatFingerprint: 1001 } }), 'IS_SUB_CHANGE', 'true', 'heartbeat of the second client');
      hasField(await second.via.heartbeat(second.id, { consumers, members: { heartbeatFingerprint: 1001 } }), 'IS_SUB_CHANGE', 'false', 'the same again');
    },
  },
  {
    name: 'clients.heartbeat.v2-after-v1-changed',
    requirement: 'A heartbeat without fingerprint counts as fingerprint 0, so that the first one with a fingerprint after it is answered IS_SUB_CHANGE true.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeatV2',
    needs: ['heartbeat-v2'],
    async run(t) {
      const consumers = [{ group: await t.group(), subscriptions: [await t.topic()] }];
      const one = await client(t);
      await one.via.heartbeat(one.id, { consumers });
      hasField(await one.via.heartbeat(one.id, { consumers, members: { heartbeatFingerprint: 9 } }), 'IS_SUB_CHANGE', 'true', 'heartbeat with fingerprint');
    },
  },
  {
    name: 'clients.heartbeat.v2-without-sub-keeps-subscription',
    requirement: 'A heartbeat with fingerprint and withoutSub leaves the group\'s subscriptions as they are.',
    level: 'MUST',
    source: 'ConsumerManager#registerConsumerWithoutSub',
    needs: ['heartbeat-v2'],
    async run(t) {
      const group = await t.group();
      const topic = await t.topic();
      const one = await client(t);
      await one.via.heartbeat(one.id, { consumers: [{ group, subscriptions: [topic] }], members: { heartbeatFingerprint: 31 } });
      code(await one.via.heartbeat(one.id, { consumers: [{ group, subscriptions: [] }], members: { heartbeatFingerprint: 31, withoutSub: true } }), res.SUCCESS, 'heartbeat without subscriptions');
      const body = object(json(await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group })), 'connections');
      equal(Object.keys(object(body['subscriptionTable'], 'subscriptionTable')), [topic], 'subscribed topics');
    },
  },
  {
    name: 'clients.heartbeat.v2-without-sub-registers-client',
    requirement: 'A client whose only heartbeat has withoutSub is a member of its group all the same.',
    level: 'MUST',
    source: 'ConsumerManager#registerConsumerWithoutSub',
    needs: ['heartbeat-v2'],
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [] }, 'client', { members: { heartbeatFingerprint: 8, withoutSub: true } });
      equal(await members(t, group), [one.id], 'members');
    },
  },
  {
    name: 'clients.heartbeat.v1-empty-subscription-clears',
    requirement: 'Topics that a full heartbeat no longer names are removed from the group\'s subscriptions.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateSubscription',
    async run(t) {
      const group = await t.group();
      const kept = await t.topic({ suffix: 'kept' });
      const one = await join(t, { group, subscriptions: [kept, await t.topic({ suffix: 'dropped' })] });
      code(await one.via.heartbeat(one.id, { consumers: [{ group, subscriptions: [kept] }] }), res.SUCCESS, 'second heartbeat');
      const body = object(json(await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group })), 'connections');
      equal(Object.keys(object(body['subscriptionTable'], 'subscriptionTable')), [kept], 'subscribed topics');
    },
  },
  {
    name: 'clients.heartbeat.retry-topic-created',
    requirement: 'A consumer\'s heartbeat creates %RETRY%group with the group\'s retryQueueNums queues, readable and writable.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = await t.group({ retryQueueNums: 3 });
      await join(t, { group, subscriptions: [await t.topic()] });
      const answer = await t.request(req.GET_TOPIC_CONFIG, { topic: `%RETRY%${group}` });
      code(answer, res.SUCCESS, 'configuration of the retry topic');
      const { readQueueNums, writeQueueNums, perm } = object(json(answer), 'topic configuration');
      equal({ readQueueNums, writeQueueNums, perm }, { readQueueNums: 3, writeQueueNums: 3, perm: 6 }, 'retry topic');
    },
  },
  {
    name: 'clients.heartbeat.retry-topic-of-order-topic',
    requirement: 'The retry topic that a heartbeat creates is an order topic when the consumer subscribes to an order topic.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = await t.group();
      await join(t, { group, subscriptions: [await t.topic({ order: true })] });
      const answer = await t.request(req.GET_TOPIC_CONFIG, { topic: `%RETRY%${group}` });
      equal(object(json(answer), 'topic configuration')['order'], true, 'order of the retry topic');
    },
  },
  {
    name: 'clients.heartbeat.producer-only-creates-no-topic',
    requirement: 'A heartbeat that names only producer groups creates no retry topic.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      const producer = t.groupName('producer');
      code(await t.heartbeat(t.groupName('client'), { producers: [producer] }), res.SUCCESS, 'heartbeat');
      code(await t.request(req.GET_TOPIC_STATS_INFO, { topic: `%RETRY%${producer}` }), res.TOPIC_NOT_EXIST, 'retry topic of the producer group');
    },
  },
  {
    name: 'clients.heartbeat.unknown-group-created',
    requirement: 'Where groups are created by themselves, the heartbeat of an unknown group registers the consumer.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#findSubscriptionGroupConfig',
    needs: ['auto-create-group', 'admin'],
    async run(t) {
      const group = t.groupName();
      t.forgetGroup(group);
      const one = await join(t, { group, subscriptions: [await t.topic()] });
      equal(await members(t, group), [one.id], 'members');
    },
  },
  {
    name: 'clients.heartbeat.no-groups-accepted',
    requirement: 'A heartbeat without producers and consumers is answered SUCCESS.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      code(await t.heartbeat(t.groupName('client')), res.SUCCESS, 'empty heartbeat');
    },
  },
  {
    name: 'clients.heartbeat.without-body-refused',
    requirement: 'A heartbeat without body is refused and the connection stays usable.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      const one = await client(t);
      notCode(await one.via.request(req.HEART_BEAT, {}), res.SUCCESS, 'heartbeat without body');
      code(await one.via.heartbeat(one.id), res.SUCCESS, 'heartbeat after it');
    },
  },
  {
    name: 'clients.heartbeat.broken-json-refused',
    requirement: 'A heartbeat whose body is no JSON is answered SYSTEM_ERROR and the connection stays usable.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      const one = await client(t);
      code(await one.via.request(req.HEART_BEAT, {}, { body: '{"clientID":"x","consumerDataSet":[' }), res.SYSTEM_ERROR, 'broken heartbeat');
      code(await one.via.heartbeat(one.id), res.SUCCESS, 'heartbeat after it');
    },
  },
  {
    name: 'clients.heartbeat.unknown-members-ignored',
    requirement: 'Members of the heartbeat body that the broker does not know are ignored.',
    level: 'MUST',
    source: 'HeartbeatData',
    async run(t) {
      const group = await t.group();
      const one = await join(t, { group, subscriptions: [await t.topic()] }, 'client', { members: { conformance: { deep: [1, 2, 3] } } });
      equal(await members(t, group), [one.id], 'members');
    },
  },
]);
