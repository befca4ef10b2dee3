/** Broadcasting groups: registration, silence on changes, and pulls of consumers that keep their own offsets. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal } from '../../expect.js';
import { json } from '../../messaging.js';
import { join, notified, object } from '../clients/support.js';

export const cases = defineCases('broadcast', [
  {
    name: 'broadcast.join-and-leave-silent',
    requirement: 'Members of a broadcasting group are told neither of joins nor of leaves.',
    level: 'MUST',
    source: 'ConsumerManager#isBroadcastMode',
    versions: { from: '5.0.0' },
    async run(t) {
      const consumer = { group: await t.group(), subscriptions: [await t.topic()], model: 'BROADCASTING' as const };
      const first = await join(t, consumer, 'first');
      const second = await join(t, consumer, 'second');
      code(await second.via.unregister(second.id, { consumerGroup: consumer.group }), res.SUCCESS, 'unregister');
      equal(await notified(first, consumer.group, 200), false, 'a notification came');
    },
  },
  {
    name: 'broadcast.model-in-connection-list',
    requirement: 'GET_CONSUMER_CONNECTION_LIST answers messageModel BROADCASTING for a broadcasting group.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getConsumerConnectionList',
    async run(t) {
      const group = await t.group();
      await join(t, { group, subscriptions: [await t.topic()], model: 'BROADCASTING' });
      const answer = await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group });
      equal(object(json(answer), 'connections')['messageModel'], 'BROADCASTING', 'messageModel');
    },
  },
  {
    name: 'broadcast.every-client-gets-everything',
    requirement: 'Each client of a broadcasting group reads every message of a queue from its own offset.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const consumer = { group: await t.group(), subscriptions: [topic], model: 'BROADCASTING' as const };
      const first = await join(t, consumer, 'first');
      const second = await join(t, consumer, 'second');
      await t.fill(topic, 4);
      for (const one of [first, second]) {
        const messages = await one.via.pullAll(topic, 4, { group: consumer.group, sysFlag: 0 });
        equal(messages.map((message) => message.queueOffset), [0, 1, 2, 3], `offsets read by ${one.id}`);
      }
    },
  },
  {
    name: 'broadcast.disabled-by-group',
    requirement: 'A pull with the heartbeat\'s subscription is NO_PERMISSION when the group forbids broadcasting and its consumers broadcast.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group({ consumeBroadcastEnable: false });
      const one = await join(t, { group, subscriptions: [topic], model: 'BROADCASTING' });
      const answer = await one.via.pull(topic, { group, sysFlag: 0 });
      code(answer, res.NO_PERMISSION, 'pull');
    },
  },
  {
    name: 'broadcast.disabled-does-not-stop-clustering',
    requirement: 'A group that forbids broadcasting serves clustering consumers.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group({ consumeBroadcastEnable: false });
      const one = await join(t, { group, subscriptions: [topic] });
      await t.fill(topic, 1);
      equal((await one.via.pullAll(topic, 1, { group, sysFlag: 0 })).length, 1, 'messages read');
    },
  },
  {
    name: 'broadcast.last-heartbeat-decides-model',
    requirement: 'The message model of a group is that of the last heartbeat.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateChannel',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await join(t, { group, subscriptions: [topic], model: 'BROADCASTING' }, 'first');
      await join(t, { group, subscriptions: [topic], model: 'CLUSTERING' }, 'second');
      const answer = await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group });
      equal(object(json(answer), 'connections')['messageModel'], 'CLUSTERING', 'messageModel');
    },
  },
]);
