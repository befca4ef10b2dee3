/** Lite topics in order: what blocks them, when they go on, whose they are. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, isTrue } from '../../expect.js';
import { json } from '../../messaging.js';
import { object } from '../clients/support.js';
import { bodies, common, dispatched, pop, popSome, receipt, send, setUp, subscribe, subscriber } from './support.js';

export const cases = defineCases('lite', [
  {
    name: 'lite.order.blocked-until-acknowledged',
    requirement: 'While a message of a lite topic is in flight the group is given no further one of it.',
    source: 'PopLiteMessageProcessor#isFifoBlocked',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['l1']);
      await send(t, lite, 'l1', 'first');
      await popSome(t, one, lite);
      await send(t, lite, 'l1', 'second');
      await t.sleep(300);
      code(await pop(t, one, lite), res.POLLING_TIMEOUT, 'pop while blocked');
    },
  },
  {
    name: 'lite.order.comes-again',
    requirement: 'After CHANGE_MESSAGE_INVISIBLETIME with liteTopic the message comes again when that time is over, counted as given before.',
    source: 'ChangeInvisibleTimeProcessor#processChangeInvisibleTimeForLite',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['l1']);
      await send(t, lite, 'l1', 'again');
      const first = await popSome(t, one, lite);
      equal(hasField(first, 'orderCountInfo'), '0', 'orderCountInfo of the first pop');
      code(await one.via.request(req.CHANGE_MESSAGE_INVISIBLETIME, {
        consumerGroup: lite.group, topic: lite.parent, queueId: 0, extraInfo: receipt(t, first, 0), offset: 0, invisibleTime: 200, liteTopic: 'l1',
      }), res.SUCCESS, 'change');
      const second = await popSome(t, one, lite);
      equal([bodies(second), hasField(second, 'orderCountInfo')], [['again'], '0 qo0%0 1'], 'second pop');
    },
  },
  {
    name: 'lite.order.suspended-is-not-counted',
    requirement: 'A message that was suspended comes again without being counted once more than before.',
    source: 'MemoryConsumerOrderInfoManager#suspendQueue',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['l1']);
      await send(t, lite, 'l1', 'again');
      let popped = await popSome(t, one, lite);
      const counts: string[] = [];
      for (const suspend of [false, true]) {
        code(await one.via.request(req.CHANGE_MESSAGE_INVISIBLETIME, {
          consumerGroup: lite.group, topic: lite.parent, queueId: 0, extraInfo: receipt(t, popped, 0), offset: 0, invisibleTime: 150, liteTopic: 'l1', suspend: String(suspend),
        }), res.SUCCESS, 'change');
        popped = await popSome(t, one, lite);
        counts.push(String(hasField(popped, 'orderCountInfo')));
      }
      equal(counts, ['0 qo0%0 1', '0 qo0%0 1'], 'orderCountInfo');
    },
  },
  {
    name: 'lite.order.batch-in-order',
    requirement: 'A pop gives the messages of one lite topic in the order they were sent, and those of several lite topics one after the other.',
    source: 'PopLiteMessageProcessor#popByClientId',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      await dispatched(t);
      const one = await subscriber(t, lite, ['l1', 'l2']);
      for (let i = 0; i < 6; i++) await send(t, lite, `l${(i % 2) + 1}`, `m${i}`);
      const found: string[] = [];
      await t.until('all are popped', async () => {
        const popped = await pop(t, one, lite);
        found.push(...bodies(popped));
        for (const message of popped.messages) {
          const offset = Number(message.properties['INNER_MULTI_QUEUE_OFFSET']);
          await one.via.ack(lite.group, lite.parent, 0, offset, receipt(t, popped, offset), { liteTopic: message.properties['__LITE_TOPIC'] ?? '' });
        }
        return found.length >= 6 ? found : undefined;
      });
      equal([found.filter((body) => Number(body.slice(1)) % 2 === 0), found.filter((body) => Number(body.slice(1)) % 2 === 1)], [['m0', 'm2', 'm4'], ['m1', 'm3', 'm5']], 'bodies');
    },
  },
  {
    name: 'lite.pop.waits',
    requirement: 'A pop that finds nothing waits for its pollTime and is answered when a message arrives.',
    source: 'PopLiteLongPollingService#polling',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      await dispatched(t);
      const one = await subscriber(t, lite, ['l1']);
      const waiting = pop(t, one, lite, { pollTime: 9000 });
      waiting.catch(() => undefined); // nobody awaits it when the case ends before
      await t.sleep(200);
      await send(t, lite, 'l1', 'awaited');
      equal(bodies(await waiting), ['awaited'], 'bodies');
    },
  },
  {
    name: 'lite.pop.max-num',
    requirement: 'A pop gives no more messages than maxMsgNum.',
    source: 'PopLiteMessageProcessor#popByClientId',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['l1']);
      for (const body of ['a', 'b', 'c']) await send(t, lite, 'l1', body);
      await t.pullAll(lite.parent, 3);
      equal(bodies(await popSome(t, one, lite, { maxMsgNum: 2 })), ['a', 'b'], 'bodies');
    },
  },
  {
    name: 'lite.ack.group-not-bound',
    requirement: 'ACK_MESSAGE with liteTopic by a group that is not bound to the topic is INVALID_PARAMETER.',
    source: 'AckMessageProcessor#ackLite',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const answer = await t.ack(await t.group({ suffix: 'unbound' }), lite.parent, 0, 0, `0 ${t.now()} 30000 999 0 ${t.endpoint.brokerName} 0 0`, { liteTopic: 'l1' });
      code(answer, res.INVALID_PARAMETER, 'ack');
    },
  },
  {
    name: 'lite.ack.beyond-the-queue',
    requirement: 'ACK_MESSAGE with liteTopic of an offset beyond the lite topic is NO_MESSAGE.',
    source: 'AckMessageProcessor#ackLite',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      code(await t.ack(lite.group, lite.parent, 0, 5, `0 ${t.now()} 30000 999 0 ${t.endpoint.brokerName} 0 5`, { liteTopic: 'l1' }), res.NO_MESSAGE, 'ack');
    },
  },
  {
    name: 'lite.ack.not-orderly',
    requirement: 'ACK_MESSAGE with liteTopic and a receipt of another revive queue than 999 is INVALID_PARAMETER.',
    source: 'AckMessageProcessor#ackLite',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      code(await t.ack(lite.group, lite.parent, 0, 0, `0 ${t.now()} 30000 0 0 ${t.endpoint.brokerName} 0 0`, { liteTopic: 'l1' }), res.INVALID_PARAMETER, 'ack');
    },
  },
  {
    name: 'lite.subscription.removed',
    requirement: 'After PARTIAL_REMOVE a client is given no more messages of that lite topic.',
    source: 'LiteSubscriptionRegistryImpl#removePartialSubscription',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      await dispatched(t);
      const one = await subscriber(t, lite, ['l1', 'l2']);
      code(await subscribe(one, lite, ['l1'], 'PARTIAL_REMOVE'), res.SUCCESS, 'removal');
      await send(t, lite, 'l1', 'unwanted');
      await send(t, lite, 'l2', 'wanted');
      equal(bodies(await popSome(t, one, lite)), ['wanted'], 'bodies');
    },
  },
  {
    name: 'lite.subscription.from-the-start',
    requirement: 'PARTIAL_ADD with the offset policy MIN has the group begin at the first message.',
    source: 'LiteSubscriptionRegistryImpl#resetOffset',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      for (const body of ['a', 'b']) await send(t, lite, 'l1', body);
      await t.pullAll(lite.parent, 2);
      const one = await subscriber(t, lite, []);
      await dispatched(t);
      code(await subscribe(one, lite, ['l1'], 'PARTIAL_ADD', { offsetOption: { type: 'POLICY', value: 1 } }), res.SUCCESS, 'subscription');
      equal(bodies(await popSome(t, one, lite)), ['a', 'b'], 'bodies');
    },
  },
  {
    name: 'lite.subscription.from-the-end',
    requirement: 'PARTIAL_ADD with the offset policy MAX has the group begin behind the last message.',
    source: 'LiteSubscriptionRegistryImpl#resetOffset',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      await dispatched(t);
      for (const body of ['a', 'b']) await send(t, lite, 'l1', body);
      await t.until('both are dispatched', async () => Number(object(object(json(await t.request(req.GET_LITE_TOPIC_INFO, { parentTopic: lite.parent, liteTopic: 'l1' })), 'info')['topicOffset'], 'offset')['maxOffset']) === 2 || undefined);
      const one = await subscriber(t, lite, []);
      code(await subscribe(one, lite, ['l1'], 'PARTIAL_ADD', { offsetOption: { type: 'POLICY', value: 2 } }), res.SUCCESS, 'subscription');
      await send(t, lite, 'l1', 'c');
      equal(bodies(await popSome(t, one, lite)), ['c'], 'bodies');
    },
  },
  {
    name: 'lite.subscription.exclusive',
    requirement: 'In a group of model Exclusive the newest subscriber has the lite topic, and the one before gets NOTIFY_UNSUBSCRIBE_LITE.',
    source: 'LiteSubscriptionRegistryImpl#excludeClientByLmqName',
    ...common,
    async run(t) {
      const lite = await setUp(t, { '+lite.sub.model': 'Exclusive' });
      await dispatched(t);
      const one = await subscriber(t, lite, []);
      const two = await subscriber(t, lite, [], 'other');
      code(await subscribe(one, lite, ['l1'], 'PARTIAL_ADD'), res.SUCCESS, 'first subscription');
      const told = one.connection.nextRequest(req.NOTIFY_UNSUBSCRIBE_LITE);
      code(await subscribe(two, lite, ['l1'], 'PARTIAL_ADD'), res.SUCCESS, 'second subscription');
      const notice = await told;
      equal([notice.ext['liteTopic'], notice.ext['consumerGroup'], notice.ext['clientId']], ['l1', lite.group, one.id], 'notice');
      await send(t, lite, 'l1', 'for the second');
      equal(bodies(await popSome(t, two, lite)), ['for the second'], 'bodies');
      code(await pop(t, one, lite), res.POLLING_TIMEOUT, 'pop of the first');
    },
  },
  {
    name: 'lite.info.group-lag',
    requirement: 'GET_LITE_GROUP_INFO with a lite topic tells how far behind the group is.',
    source: 'LiteManagerProcessor#getLiteGroupInfo',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const one = await subscriber(t, lite, ['l1']);
      for (const body of ['a', 'b']) await send(t, lite, 'l1', body);
      await popSome(t, one, lite);
      const info = await t.until('the group is two messages behind', async () => {
        const answer = await t.request(req.GET_LITE_GROUP_INFO, { group: lite.group, liteTopic: 'l1', topK: 1 });
        code(answer, res.SUCCESS, 'group info');
        const found = object(json(answer), 'group info');
        return Number(found['totalLagCount']) === 2 ? found : undefined;
      });
      equal([info['group'], info['parentTopic'], info['liteTopic']], [lite.group, lite.parent, 'l1'], 'names');
    },
  },
  {
    name: 'lite.info.group-not-lite',
    requirement: 'GET_LITE_GROUP_INFO of a group that is bound to no parent topic is INVALID_PARAMETER.',
    source: 'LiteManagerProcessor#getLiteGroupInfo',
    ...common,
    async run(t) {
      code(await t.request(req.GET_LITE_GROUP_INFO, { group: await t.group(), topK: 1 }), res.INVALID_PARAMETER, 'group info');
    },
  },
  {
    name: 'lite.info.broker',
    requirement: 'GET_BROKER_LITE_INFO names the parent topics with their expiration and the groups bound to them.',
    source: 'LiteManagerProcessor#getBrokerLiteInfo',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      const answer = await t.request(req.GET_BROKER_LITE_INFO);
      code(answer, res.SUCCESS, 'broker info');
      const info = object(json(answer), 'broker info');
      equal([object(info['topicMeta'], 'topicMeta')[lite.parent], object(info['groupMeta'], 'groupMeta')[lite.parent]], [-1, [lite.group]], 'meta');
    },
  },
  {
    name: 'lite.dispatch.on-demand',
    requirement: 'TRIGGER_LITE_DISPATCH of a lite group is SUCCESS, of any other INVALID_PARAMETER.',
    source: 'LiteManagerProcessor#triggerLiteDispatch',
    ...common,
    async run(t) {
      const lite = await setUp(t);
      code(await t.request(req.TRIGGER_LITE_DISPATCH, { group: lite.group }), res.SUCCESS, 'dispatch');
      code(await t.request(req.TRIGGER_LITE_DISPATCH, { group: await t.group({ suffix: 'plain' }) }), res.INVALID_PARAMETER, 'dispatch of another group');
    },
  },
  {
    name: 'lite.parent.deleted',
    requirement: 'With its parent topic a lite topic goes: made again, the parent has no messages of it.',
    source: 'AbstractLiteLifecycleManager#cleanByParentTopic',
    ...common,
    async run(t) {
      await dispatched(t);
      const lite = await setUp(t);
      await send(t, lite, 'l1', 'gone');
      const maxOffset = async (): Promise<number> => Number(object(object(json(await t.request(req.GET_LITE_TOPIC_INFO, { parentTopic: lite.parent, liteTopic: 'l1' })), 'info')['topicOffset'], 'topicOffset')['maxOffset']);
      await t.until('it is dispatched', async () => (await maxOffset()) === 1 || undefined);
      code(await t.request(req.DELETE_TOPIC_IN_BROKER, { topic: lite.parent }), res.SUCCESS, 'deletion');
      code(await t.request(req.UPDATE_AND_CREATE_TOPIC, {
        topic: lite.parent, defaultTopic: 'TBW102', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: 'false', attributes: '+message.type=LITE',
      }), res.SUCCESS, 'creation');
      isTrue((await maxOffset()) === 0, 'the lite topic is empty');
    },
  },
]);
