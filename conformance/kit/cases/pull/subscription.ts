/** PULL_MESSAGE without a subscription of its own (sysFlag bit 4 clear): the heartbeat's counts. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';

const bodies = (answer: { readonly messages: readonly { readonly body: Buffer }[] }): string[] => answer.messages.map((message) => message.body.toString());

export const cases = defineCases('pull', [
  {
    name: 'pull.subscription-of-heartbeat',
    requirement: 'A pull without a subscription is filtered by the one its group registered with a heartbeat; one in the request is then ignored.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, findSubscriptionData',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.sendOk(topic, { body: 'a', tags: 'TagA' });
      await t.sendOk(topic, { body: 'b', tags: 'TagB' });
      await t.pullAll(topic, 2);
      code(await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'TagB' }] }] }), res.SUCCESS, 'heartbeat');
      equal(bodies(await t.pull(topic, { group, sysFlag: 0, subscription: 'TagA' })), ['b'], 'bodies');
    },
  },
  {
    name: 'pull.subscription-of-request-wins',
    requirement: 'A pull with a subscription of its own is filtered by it, whatever its group registered.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, hasSubscriptionFlag',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.sendOk(topic, { body: 'a', tags: 'TagA' });
      await t.sendOk(topic, { body: 'b', tags: 'TagB' });
      await t.pullAll(topic, 2);
      code(await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'TagB' }] }] }), res.SUCCESS, 'heartbeat');
      equal(bodies(await t.pull(topic, { group, subscription: 'TagA' })), ['a'], 'bodies');
    },
  },
  {
    name: 'pull.subscription-missing',
    requirement: 'A pull without a subscription, of a group that never sent a heartbeat, is answered SUBSCRIPTION_NOT_EXIST.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, SUBSCRIPTION_NOT_EXIST',
    async run(t) {
      const answer = await t.pull(await t.topic(), { group: await t.group(), sysFlag: 0 });
      code(answer, res.SUBSCRIPTION_NOT_EXIST, 'pull');
      remarkMatches(answer, /^the consumer's (subscription|group info) not exist/, 'pull');
    },
  },
  {
    name: 'pull.subscription-of-other-topic',
    requirement: 'A pull without a subscription, of a topic that the group did not subscribe to, is answered SUBSCRIPTION_NOT_EXIST.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, SUBSCRIPTION_NOT_EXIST',
    async run(t) {
      const [one, other] = [await t.topic({ suffix: 'one' }), await t.topic({ suffix: 'other' })];
      const group = await t.group();
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [one] }] });
      code(await t.pull(one, { group, sysFlag: 0 }), res.PULL_NOT_FOUND, 'pull of the subscribed topic');
      const answer = await t.pull(other, { group, sysFlag: 0 });
      code(answer, res.SUBSCRIPTION_NOT_EXIST, 'pull of the other topic');
      remarkMatches(answer, "the consumer's subscription not exist", 'pull of the other topic');
    },
  },
  {
    name: 'pull.subscription-not-latest',
    requirement: 'A pull with a subVersion above the registered one is answered SUBSCRIPTION_NOT_LATEST.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, SUBSCRIPTION_NOT_LATEST',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, subVersion: 100 }] }] });
      const answer = await t.pull(topic, { group, sysFlag: 0, subVersion: 101 });
      code(answer, res.SUBSCRIPTION_NOT_LATEST, 'pull with subVersion 101 of 100');
      equal(answer.remark, "the consumer's subscription not latest", 'remark');
    },
  },
  {
    name: 'pull.subscription-older-accepted',
    requirement: 'A pull with the registered subVersion or a smaller one is served.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, SUBSCRIPTION_NOT_LATEST',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, subVersion: 100 }] }] });
      for (const subVersion of [100, 99, 0]) code(await t.pull(topic, { group, sysFlag: 0, subVersion }), res.PULL_NOT_FOUND, `pull with subVersion ${subVersion} of 100`);
    },
  },
  {
    name: 'pull.own-subscription-has-no-version',
    requirement: 'The subVersion of a pull that brings its subscription is not compared with the registered one.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, hasSubscriptionFlag',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, subVersion: 100 }] }] });
      code(await t.pull(topic, { group, subVersion: 101 }), res.PULL_NOT_FOUND, 'pull with subscription and subVersion 101 of 100');
    },
  },
  {
    name: 'pull.subscription-replaced-by-newer',
    requirement: 'A heartbeat with a higher subVersion replaces the registered subscription.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateSubscription',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.sendOk(topic, { body: 'a', tags: 'TagA' });
      await t.sendOk(topic, { body: 'b', tags: 'TagB' });
      await t.pullAll(topic, 2);
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'TagA', subVersion: 1 }] }] });
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'TagB', subVersion: 2 }] }] });
      equal(bodies(await t.pull(topic, { group, sysFlag: 0 })), ['b'], 'bodies');
    },
  },
  {
    name: 'pull.subscription-kept-against-same-version',
    requirement: 'A heartbeat with the same or a smaller subVersion does not replace the registered subscription.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateSubscription',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.sendOk(topic, { body: 'a', tags: 'TagA' });
      await t.sendOk(topic, { body: 'b', tags: 'TagB' });
      await t.pullAll(topic, 2);
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'TagA', subVersion: 5 }] }] });
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'TagB', subVersion: 5 }] }] });
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'TagB', subVersion: 4 }] }] });
      equal(bodies(await t.pull(topic, { group, sysFlag: 0 })), ['a'], 'bodies');
    },
  },
  {
    name: 'pull.subscription-dropped-by-heartbeat',
    requirement: 'A topic that the next heartbeat of the group leaves out is no longer subscribed.',
    level: 'MUST',
    source: 'ConsumerGroupInfo#updateSubscription',
    async run(t) {
      const [one, other] = [await t.topic({ suffix: 'one' }), await t.topic({ suffix: 'other' })];
      const group = await t.group();
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [one, other] }] });
      code(await t.pull(other, { group, sysFlag: 0 }), res.PULL_NOT_FOUND, 'pull while both are subscribed');
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [one] }] });
      code(await t.pull(other, { group, sysFlag: 0 }), res.SUBSCRIPTION_NOT_EXIST, 'pull of the topic left out');
    },
  },
  {
    name: 'pull.broadcast-forbidden',
    requirement: 'A broadcasting consumer of a group with consumeBroadcastEnable false is answered NO_PERMISSION.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, consumeBroadcastEnable',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group({ consumeBroadcastEnable: false });
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [topic], model: 'BROADCASTING' }] });
      const answer = await t.pull(topic, { group, sysFlag: 0 });
      code(answer, res.NO_PERMISSION, 'pull');
      equal(answer.remark, `the consumer group[${group}] can not consume by broadcast way`, 'remark');
    },
  },
  {
    name: 'pull.broadcast-forbidden-only-without-subscription',
    requirement: 'A group with consumeBroadcastEnable false is not refused when its pull brings the subscription.',
    level: 'SHOULD',
    source: 'PullMessageProcessor#processRequest, hasSubscriptionFlag',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group({ consumeBroadcastEnable: false });
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [topic], model: 'BROADCASTING' }] });
      code(await t.pull(topic, { group }), res.PULL_NOT_FOUND, 'pull with subscription');
    },
  },
  {
    name: 'pull.group-forbidden-for-topic',
    requirement: 'A group that was forbidden to read a topic (UPDATE_AND_GET_GROUP_FORBIDDEN) is answered NO_PERMISSION when it pulls by its registered subscription.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#getForbidden',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [topic] }] });
      const forbid = await t.request(req.UPDATE_AND_GET_GROUP_FORBIDDEN, { group, topic, readable: false });
      code(forbid, res.SUCCESS, 'forbid');
      equal(json(forbid), { group, topic, readable: false }, 'body of the answer');
      const answer = await t.pull(topic, { group, sysFlag: 0 });
      code(answer, res.NO_PERMISSION, 'pull');
      equal(answer.remark, `the consumer group[${group}] is forbidden for topic[${topic}]`, 'remark');
      code(await t.request(req.UPDATE_AND_GET_GROUP_FORBIDDEN, { group, topic, readable: true }), res.SUCCESS, 'allow again');
      code(await t.pull(topic, { group, sysFlag: 0 }), res.PULL_NOT_FOUND, 'pull after it was allowed again');
    },
  },
  {
    name: 'pull.forbidden-types-of-subscription',
    requirement: 'The refusals of a broadcasting consumer and of a forbidden group have forbiddenType 4 and 5.',
    level: 'MUST',
    source: 'ForbiddenType#BROADCASTING_DISABLE_FORBIDDEN, SUBSCRIPTION_FORBIDDEN',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const broadcaster = await t.group({ consumeBroadcastEnable: false });
      await t.heartbeat('c', { consumers: [{ group: broadcaster, subscriptions: [topic], model: 'BROADCASTING' }] });
      hasField(await t.pull(topic, { group: broadcaster, sysFlag: 0 }), 'forbiddenType', 4, 'broadcasting consumer');
      const forbidden = await t.group();
      await t.heartbeat('d', { consumers: [{ group: forbidden, subscriptions: [topic] }] });
      await t.request(req.UPDATE_AND_GET_GROUP_FORBIDDEN, { group: forbidden, topic, readable: false });
      hasField(await t.pull(topic, { group: forbidden, sysFlag: 0 }), 'forbiddenType', 5, 'forbidden group');
    },
  },
]);
