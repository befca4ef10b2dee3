/** Lite topics: subscribing, popping, acknowledging, and what the broker tells of them. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, present } from '../../expect.js';
import { json } from '../../messaging.js';
import { client, object } from '../clients/support.js';
import { common, dispatched, pop, popSome, send, setUp, subscribe, subscriber } from './support.js';

export const cases = defineCases('lite', [
  {
    name: 'lite.pop.subscribed-topic',
    requirement: 'A message sent to a lite topic is popped by a client that subscribed to it.',
    source: 'PopLiteMessageProcessor#popByClientId',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['l1']);
      await send(t, lite, 'l1', 'for l1');
      const message = present((await popSome(t, one, lite)).messages[0], 'message');
      equal({ topic: message.topic, body: message.body.toString(), lite: message.properties['__LITE_TOPIC'] }, { topic: lite.parent, body: 'for l1', lite: 'l1' }, 'message');
    },
  },
  {
    name: 'lite.pop.other-topic-not-given',
    requirement: 'A client is not given messages of lite topics that it did not subscribe to.',
    source: 'LiteEventDispatcher',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['mine']);
      await send(t, lite, 'other', 'not for me');
      await send(t, lite, 'mine', 'for me');
      equal((await popSome(t, one, lite)).messages.map((message) => message.body.toString()), ['for me'], 'bodies');
    },
  },
  {
    name: 'lite.pop.multi-dispatch-property',
    requirement: 'The stored message carries INNER_MULTI_DISPATCH %LMQ%$parent$lite.',
    source: 'SendMessageProcessor',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      await send(t, lite, 'l1', 'stored');
      const message = present((await t.pullAll(lite.parent, 1))[0], 'message');
      equal(message.properties['INNER_MULTI_DISPATCH'], `%LMQ%$${lite.parent}$l1`, 'INNER_MULTI_DISPATCH');
    },
  },
  {
    name: 'lite.pop.receipt-is-orderly',
    requirement: 'POP_LITE_MESSAGE answers reviveQid 999: lite topics are consumed in order.',
    source: 'PopLiteMessageProcessor#processRequest',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['l1']);
      await send(t, lite, 'l1', 'one');
      const popped = await popSome(t, one, lite);
      hasField(popped, 'reviveQid', 999, 'pop');
      hasField(popped, 'invisibleTime', 30_000, 'pop');
    },
  },
  {
    name: 'lite.pop.nothing',
    requirement: 'POP_LITE_MESSAGE without a message and with pollTime 0 is POLLING_TIMEOUT.',
    source: 'PopLiteMessageProcessor#processRequest',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['l1']);
      code(await pop(t, one, lite), res.POLLING_TIMEOUT, 'pop');
    },
  },
  {
    name: 'lite.pop.too-many',
    requirement: 'A maxMsgNum above 32 is INVALID_PARAMETER.',
    source: 'PopLiteMessageProcessor#preCheck',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      code(await pop(t, await client(t), lite, { maxMsgNum: 33 }), res.INVALID_PARAMETER, 'pop');
    },
  },
  {
    name: 'lite.pop.topic-of-other-type',
    requirement: 'POP_LITE_MESSAGE of a topic that is not of type LITE is INVALID_PARAMETER.',
    source: 'PopLiteMessageProcessor#preCheck',
    ...common,
    async run(t) {
      const parent = await t.topic();
      code(await pop(t, await client(t), { parent, group: await t.group() }), res.INVALID_PARAMETER, 'pop');
    },
  },
  {
    name: 'lite.pop.group-not-bound',
    requirement: 'POP_LITE_MESSAGE by a group that is not bound to the parent topic is INVALID_PARAMETER.',
    source: 'PopLiteMessageProcessor#preCheck',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      code(await pop(t, await client(t), { ...lite, group: await t.group({ suffix: 'unbound' }) }), res.INVALID_PARAMETER, 'pop');
    },
  },
  {
    name: 'lite.pop.unknown-topic',
    requirement: 'POP_LITE_MESSAGE of an unknown parent topic is TOPIC_NOT_EXIST.',
    source: 'PopLiteMessageProcessor#preCheck',
    ...common,
    async run(t) {
      code(await pop(t, await client(t), { parent: t.topicName(), group: await t.group() }), res.TOPIC_NOT_EXIST, 'pop');
    },
  },
  {
    name: 'lite.ack.goes-on',
    requirement: 'After ACK_MESSAGE with liteTopic of the message in flight the next pop goes on behind it.',
    source: 'AckMessageProcessor#ackLite',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['l1']);
      await send(t, lite, 'l1', 'first');
      const popped = await popSome(t, one, lite);
      await send(t, lite, 'l1', 'second');
      const extraInfo = `0 ${hasField(popped, 'popTime')} ${hasField(popped, 'invisibleTime')} 999 0 ${t.endpoint.brokerName} 0 0`;
      const acked = await one.via.ack(lite.group, lite.parent, 0, 0, extraInfo, { liteTopic: 'l1' });
      code(acked, res.SUCCESS, 'ack');
      equal((await popSome(t, one, lite)).messages.map((message) => message.body.toString()), ['second'], 'bodies');
    },
  },
  {
    name: 'lite.subscription.empty-body',
    requirement: 'LITE_SUBSCRIPTION_CTL without subscriptions is ILLEGAL_OPERATION.',
    source: 'LiteSubscriptionCtlProcessor#processRequest',
    ...common,
    async run(t) {
      code(await t.request(req.LITE_SUBSCRIPTION_CTL, {}, { body: '{"subscriptionSet":[]}' }), res.ILLEGAL_OPERATION, 'subscription');
    },
  },
  {
    name: 'lite.subscription.group-may-not-consume',
    requirement: 'LITE_SUBSCRIPTION_CTL of a group whose consumeEnable is false is ILLEGAL_OPERATION.',
    source: 'LiteSubscriptionCtlProcessor#checkConsumeEnable',
    ...common,
    async run(t) {
      const { parent } = await setUp(t);
      const group = await t.group({ suffix: 'off', consumeEnable: false, attributes: { '+lite.bind.topic': parent } });
      code(await subscribe(await client(t), { parent, group }, ['l1']), res.ILLEGAL_OPERATION, 'subscription');
    },
  },
  {
    name: 'lite.info.client',
    requirement: 'GET_LITE_CLIENT_INFO counts the lite topics of a client and lists their queues.',
    source: 'LiteManagerProcessor#getLiteClientInfo',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['a', 'b']);
      const answer = await t.request(req.GET_LITE_CLIENT_INFO, { parentTopic: lite.parent, group: lite.group, clientId: one.id, maxCount: 10 });
      code(answer, res.SUCCESS, 'client info');
      equal(object(json(answer), 'client info')['liteTopicCount'], 2, 'liteTopicCount');
    },
  },
  {
    name: 'lite.info.topic',
    requirement: 'GET_LITE_TOPIC_INFO tells the offsets of a lite topic.',
    source: 'LiteManagerProcessor#getLiteTopicInfo',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      await dispatched(t);
      for (const body of ['x', 'y']) await send(t, lite, 'l1', body);
      const offset = await t.until('both messages are counted', async () => {
        const answer = await t.request(req.GET_LITE_TOPIC_INFO, { parentTopic: lite.parent, liteTopic: 'l1' });
        code(answer, res.SUCCESS, 'topic info');
        const found = object(object(json(answer), 'topic info')['topicOffset'], 'topicOffset');
        return Number(found['maxOffset']) >= 2 ? found : undefined;
      });
      equal({ min: Number(offset['minOffset']), max: Number(offset['maxOffset']) }, { min: 0, max: 2 }, 'offsets');
    },
  },
  {
    name: 'lite.info.parent-of-other-type',
    requirement: 'GET_PARENT_TOPIC_INFO of a topic that is not of type LITE is INVALID_PARAMETER.',
    source: 'LiteManagerProcessor#getParentTopicInfo',
    ...common,
    async run(t) {
      code(await t.request(req.GET_PARENT_TOPIC_INFO, { topic: await t.topic() }), res.INVALID_PARAMETER, 'parent info');
    },
  },
  {
    name: 'lite.info.parent',
    requirement: 'GET_PARENT_TOPIC_INFO names the groups bound to the parent topic.',
    source: 'LiteManagerProcessor#getParentTopicInfo',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const answer = await t.request(req.GET_PARENT_TOPIC_INFO, { topic: lite.parent });
      code(answer, res.SUCCESS, 'parent info');
      equal(object(json(answer), 'parent info')['groups'], [lite.group], 'groups');
    },
  },
]);
