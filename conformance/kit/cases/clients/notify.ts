/** NOTIFY_CONSUMER_IDS_CHANGED: what the broker pushes when a group changes, and when it stays silent. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue } from '../../expect.js';
import { client, drain, join, notified } from './support.js';

export const cases = defineCases('clients', [
  {
    name: 'clients.notify.join',
    requirement: 'The members of a group are told by NOTIFY_CONSUMER_IDS_CHANGED when another client joins.',
    level: 'MUST',
    source: 'ConsumerManager#registerConsumer',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const first = await join(t, consumer, 'first');
      await drain(first, consumer.group);
      await join(t, consumer, 'second');
      isTrue(await notified(first, consumer.group), 'the first client was told');
    },
  },
  {
    name: 'clients.notify.joiner-itself',
    requirement: 'A client that joins a group is told by NOTIFY_CONSUMER_IDS_CHANGED as well.',
    level: 'MUST',
    source: 'ConsumerManager#registerConsumer',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const one = await join(t, consumer);
      isTrue(await notified(one, consumer.group), 'the client was told');
    },
  },
  {
    name: 'clients.notify.is-oneway-request',
    requirement: 'NOTIFY_CONSUMER_IDS_CHANGED is a oneway request whose header names the consumerGroup and which has no body.',
    level: 'MUST',
    source: 'Broker2Client#notifyConsumerIdsChanged',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const one = await join(t, consumer);
      const frame = await one.connection.nextRequest(req.NOTIFY_CONSUMER_IDS_CHANGED);
      equal({ flag: frame.flag, consumerGroup: frame.ext['consumerGroup'], bodyBytes: frame.body.length }, { flag: 2, consumerGroup: consumer.group, bodyBytes: 0 }, 'notification');
    },
  },
  {
    name: 'clients.notify.unregister',
    requirement: 'The members that stay are told by NOTIFY_CONSUMER_IDS_CHANGED when a client unregisters.',
    level: 'MUST',
    source: 'ConsumerManager#unregisterConsumer',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const staying = await join(t, consumer, 'staying');
      const leaving = await join(t, consumer, 'leaving');
      await drain(staying, consumer.group);
      code(await leaving.via.unregister(leaving.id, { consumerGroup: consumer.group }), res.SUCCESS, 'unregister');
      isTrue(await notified(staying, consumer.group), 'the client that stays was told');
    },
  },
  {
    name: 'clients.notify.leaver-not-told',
    requirement: 'A client that unregistered is not told of its own leaving.',
    level: 'MUST',
    source: 'ConsumerManager#unregisterConsumer',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const staying = await join(t, consumer, 'staying');
      const leaving = await join(t, consumer, 'leaving');
      await drain(leaving, consumer.group);
      await drain(staying, consumer.group);
      code(await leaving.via.unregister(leaving.id, { consumerGroup: consumer.group }), res.SUCCESS, 'unregister');
      isTrue(await notified(staying, consumer.group), 'the client that stays was told');
      equal(await notified(leaving, consumer.group, 200), false, 'the client that left was told');
    },
  },
  {
    name: 'clients.notify.close',
    requirement: 'The members that stay are told by NOTIFY_CONSUMER_IDS_CHANGED when a member\'s connection closes.',
    level: 'MUST',
    source: 'ConsumerManager#doChannelCloseEvent',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const staying = await join(t, consumer, 'staying');
      const closing = await join(t, consumer, 'closing');
      await drain(staying, consumer.group);
      closing.connection.close();
      isTrue(await notified(staying, consumer.group), 'the client that stays was told');
    },
  },
  {
    name: 'clients.notify.new-topic',
    requirement: 'The members of a group are told when a heartbeat subscribes to a further topic.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateSubscription',
    async run(t) {
      const group = await t.group();
      const first = await t.topic({ suffix: 'first' });
      const one = await join(t, { group, subscriptions: [first] });
      await drain(one, group);
      await one.via.heartbeat(one.id, { consumers: [{ group, subscriptions: [first, await t.topic({ suffix: 'further' })] }] });
      isTrue(await notified(one, group), 'the client was told');
    },
  },
  {
    name: 'clients.notify.topic-dropped',
    requirement: 'The members of a group are told when a heartbeat no longer subscribes to a topic.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateSubscription',
    async run(t) {
      const group = await t.group();
      const kept = await t.topic({ suffix: 'kept' });
      const one = await join(t, { group, subscriptions: [kept, await t.topic({ suffix: 'dropped' })] });
      await drain(one, group);
      await one.via.heartbeat(one.id, { consumers: [{ group, subscriptions: [kept] }] });
      isTrue(await notified(one, group), 'the client was told');
    },
  },
  {
    name: 'clients.notify.new-expression-silent',
    requirement: 'A heartbeat that only changes the expression of a subscribed topic, with a larger subVersion, notifies nobody.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateSubscription',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic();
      const one = await join(t, { group, subscriptions: [{ topic, expression: 'a', subVersion: 1 }] });
      await drain(one, group);
      await one.via.heartbeat(one.id, { consumers: [{ group, subscriptions: [{ topic, expression: 'b', subVersion: 2 }] }] });
      equal(await notified(one, group, 200), false, 'a notification came');
    },
  },
  {
    name: 'clients.notify.same-heartbeat-silent',
    requirement: 'A heartbeat that changes nothing notifies nobody.',
    level: 'MUST',
    source: 'ConsumerManager#registerConsumer',
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()] };
      const one = await join(t, consumer);
      await drain(one, consumer.group);
      await one.via.heartbeat(one.id, { consumers: [consumer] });
      equal(await notified(one, consumer.group, 200), false, 'a notification came');
    },
  },
  {
    name: 'clients.notify.disabled-by-group',
    requirement: 'Nobody is told of joins and leaves in a group whose notifyConsumerIdsChangedEnable is false.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat, unregisterClient',
    async run(t) {
      const consumer = { group: await t.group({ notifyConsumerIdsChangedEnable: false }), subscriptions: [await t.topic()] };
      const first = await join(t, consumer, 'first');
      const second = await join(t, consumer, 'second');
      code(await second.via.unregister(second.id, { consumerGroup: consumer.group }), res.SUCCESS, 'unregister');
      equal(await notified(first, consumer.group, 200), false, 'a notification came');
    },
  },
  {
    name: 'clients.notify.group-switch-does-not-cover-close',
    requirement: 'A closed connection is told to the members even where notifyConsumerIdsChangedEnable of the group is false.',
    level: 'MUST',
    source: 'ConsumerManager#doChannelCloseEvent',
    async run(t) {
      const consumer = { group: await t.group({ notifyConsumerIdsChangedEnable: false }), subscriptions: [await t.topic()] };
      const first = await join(t, consumer, 'first');
      const second = await join(t, consumer, 'second');
      second.connection.close();
      isTrue(await notified(first, consumer.group), 'the first client was told');
    },
  },
  {
    name: 'clients.notify.only-own-group',
    requirement: 'Clients of other groups are not told.',
    level: 'MUST',
    source: 'ConsumerManager#registerConsumer',
    async run(t) {
      const topic = await t.topic();
      const outside = await join(t, { group: await t.group({ suffix: 'other' }), subscriptions: [topic] }, 'outside');
      const silent = await client(t, 'silent');
      const group = await t.group();
      const inside = await join(t, { group, subscriptions: [topic] }, 'inside');
      isTrue(await notified(inside, group), 'the member was told');
      equal(await notified(outside, group, 100), false, 'a client of another group was told');
      equal(await notified(silent, group, 50), false, 'a connection without heartbeat was told');
    },
  },
]);
