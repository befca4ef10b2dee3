/** Assignment of queues by the broker, and message request modes. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, isTrue } from '../../expect.js';
import { json } from '../../messaging.js';
import { join, list, object } from '../clients/support.js';

interface Asking {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly clientId: string;
  readonly strategyName?: string;
  readonly messageModel?: string;
}

/** QUERY_ASSIGNMENT; `queueId MODE` of each assignment, sorted; undefined when the body has none. */
async function assigned(t: Context, one: Asking): Promise<string[] | undefined> {
  const answer = await t.request(req.QUERY_ASSIGNMENT, {}, { body: JSON.stringify({ strategyName: 'AVG', messageModel: 'CLUSTERING', ...one }) });
  code(answer, res.SUCCESS, 'QUERY_ASSIGNMENT');
  const assignments = object(json(answer), 'assignment')['messageQueueAssignments'];
  if (assignments === undefined || assignments === null) return undefined;
  return list(assignments, 'messageQueueAssignments').map((one) => {
    const { messageQueue, mode } = object(one, 'assignment');
    return `${String(object(messageQueue, 'messageQueue')['queueId'])} ${String(mode)}`;
  }).sort();
}

/** The broker learns routes from the name server now and then: waits for its first answer. */
async function routed(t: Context, one: Asking): Promise<string[]> {
  return t.until('the broker assigns queues', async () => {
    const found = await assigned(t, one);
    return found !== undefined && found.length > 0 ? found : undefined;
  });
}

const setMode = (t: Context, body: Readonly<Record<string, unknown>>): ReturnType<Context['request']> => t.request(req.SET_MESSAGE_REQUEST_MODE, {}, { body: JSON.stringify(body) });

export const cases = defineCases('rebalance', [
  {
    name: 'rebalance.assignment.alone-gets-all',
    requirement: 'QUERY_ASSIGNMENT gives the only client of a group every queue of the topic, in PULL mode by default.',
    level: 'MUST',
    source: 'QueryAssignmentProcessor#doLoadBalance',
    needs: ['assignment'],
    async run(t) {
      const topic = await t.topic({ queues: 3, route: true });
      const consumerGroup = await t.group();
      const one = await join(t, { group: consumerGroup, subscriptions: [topic] });
      equal(await routed(t, { topic, consumerGroup, clientId: one.id }), ['0 PULL', '1 PULL', '2 PULL'], 'assignments');
    },
  },
  {
    name: 'rebalance.assignment.avg-contiguous',
    requirement: 'Strategy AVG gives clients, in the order of their ids, contiguous runs of queues, the larger runs first.',
    level: 'MUST',
    source: 'AllocateMessageQueueAveragely#allocate',
    needs: ['assignment'],
    async run(t) {
      const topic = await t.topic({ queues: 5, route: true });
      const consumerGroup = await t.group();
      const ids = [(await join(t, { group: consumerGroup, subscriptions: [topic] }, 'a')).id, (await join(t, { group: consumerGroup, subscriptions: [topic] }, 'b')).id].sort();
      equal(await routed(t, { topic, consumerGroup, clientId: ids[0] ?? '' }), ['0 PULL', '1 PULL', '2 PULL'], 'queues of the first client');
      equal(await routed(t, { topic, consumerGroup, clientId: ids[1] ?? '' }), ['3 PULL', '4 PULL'], 'queues of the second client');
    },
  },
  {
    name: 'rebalance.assignment.avg-by-circle',
    requirement: 'Strategy AVG_BY_CIRCLE deals the queues to the clients one by one, in the order of their ids.',
    level: 'MUST',
    source: 'AllocateMessageQueueAveragelyByCircle#allocate',
    needs: ['assignment'],
    async run(t) {
      const topic = await t.topic({ queues: 5, route: true });
      const consumerGroup = await t.group();
      const ids = [(await join(t, { group: consumerGroup, subscriptions: [topic] }, 'a')).id, (await join(t, { group: consumerGroup, subscriptions: [topic] }, 'b')).id].sort();
      equal(await routed(t, { topic, consumerGroup, clientId: ids[0] ?? '', strategyName: 'AVG_BY_CIRCLE' }), ['0 PULL', '2 PULL', '4 PULL'], 'queues of the first client');
    },
  },
  {
    name: 'rebalance.assignment.more-clients-than-queues',
    requirement: 'Clients beyond the number of queues are assigned none: an empty list, not an absent one.',
    level: 'MUST',
    source: 'AllocateMessageQueueAveragely#allocate',
    needs: ['assignment'],
    async run(t) {
      const topic = await t.topic({ queues: 1, route: true });
      const consumerGroup = await t.group();
      const ids = [(await join(t, { group: consumerGroup, subscriptions: [topic] }, 'a')).id, (await join(t, { group: consumerGroup, subscriptions: [topic] }, 'b')).id].sort();
      await routed(t, { topic, consumerGroup, clientId: ids[0] ?? '' });
      equal(await assigned(t, { topic, consumerGroup, clientId: ids[1] ?? '' }), [], 'queues of the second client');
    },
  },
  {
    name: 'rebalance.assignment.not-a-member',
    requirement: 'A client that is not connected to the group is assigned no queue.',
    level: 'MUST',
    source: 'AllocateMessageQueueAveragely#allocate',
    needs: ['assignment'],
    async run(t) {
      const topic = await t.topic({ queues: 2, route: true });
      const consumerGroup = await t.group();
      const one = await join(t, { group: consumerGroup, subscriptions: [topic] });
      await routed(t, { topic, consumerGroup, clientId: one.id });
      equal(await assigned(t, { topic, consumerGroup, clientId: 'nobody' }), [], 'assignments');
    },
  },
  {
    name: 'rebalance.assignment.unknown-strategy',
    requirement: 'An unknown strategy is answered SUCCESS without assignments.',
    level: 'MUST',
    source: 'QueryAssignmentProcessor#doLoadBalance',
    needs: ['assignment'],
    async run(t) {
      const topic = await t.topic({ queues: 2, route: true });
      const consumerGroup = await t.group();
      const one = await join(t, { group: consumerGroup, subscriptions: [topic] });
      await routed(t, { topic, consumerGroup, clientId: one.id });
      equal(await assigned(t, { topic, consumerGroup, clientId: one.id, strategyName: 'CONFORM' }), undefined, 'assignments');
    },
  },
  {
    name: 'rebalance.assignment.unknown-topic',
    requirement: 'An unknown topic is answered SUCCESS without assignments.',
    level: 'MUST',
    source: 'QueryAssignmentProcessor#doLoadBalance',
    needs: ['assignment'],
    async run(t) {
      equal(await assigned(t, { topic: t.topicName(), consumerGroup: t.groupName(), clientId: 'a' }), undefined, 'assignments');
    },
  },
  {
    name: 'rebalance.assignment.broadcasting-gets-all',
    requirement: 'With messageModel BROADCASTING a client is assigned every queue whoever else is in the group.',
    level: 'MUST',
    source: 'QueryAssignmentProcessor#doLoadBalance',
    needs: ['assignment'],
    async run(t) {
      const topic = await t.topic({ queues: 2, route: true });
      equal(await routed(t, { topic, consumerGroup: t.groupName(), clientId: 'anybody', messageModel: 'BROADCASTING' }), ['0 PULL', '1 PULL'], 'assignments');
    },
  },
  {
    name: 'rebalance.mode.pop-shares-all-queues',
    requirement: 'After SET_MESSAGE_REQUEST_MODE POP with popShareQueueNum 0 each client is assigned queue -1 of the broker, in POP mode.',
    level: 'MUST',
    source: 'QueryAssignmentProcessor#allocate4Pop',
    needs: ['assignment', 'pop'],
    async run(t) {
      const topic = await t.topic({ queues: 3, route: true });
      const consumerGroup = await t.group();
      const one = await join(t, { group: consumerGroup, subscriptions: [topic] });
      code(await setMode(t, { topic, consumerGroup, mode: 'POP', popShareQueueNum: 0 }), res.SUCCESS, 'set mode');
      equal(await routed(t, { topic, consumerGroup, clientId: one.id }), ['-1 POP'], 'assignments');
    },
  },
  {
    name: 'rebalance.mode.pop-shares-with-following-clients',
    requirement: 'With popShareQueueNum n below the number of other clients, a client is assigned its own queues and those of the n clients after it.',
    level: 'MUST',
    source: 'QueryAssignmentProcessor#allocate4Pop',
    needs: ['assignment', 'pop'],
    async run(t) {
      const topic = await t.topic({ queues: 3, route: true });
      const consumerGroup = await t.group();
      const ids: string[] = [];
      for (const name of ['a', 'b', 'c']) ids.push((await join(t, { group: consumerGroup, subscriptions: [topic] }, name)).id);
      ids.sort();
      code(await setMode(t, { topic, consumerGroup, mode: 'POP', popShareQueueNum: 1 }), res.SUCCESS, 'set mode');
      equal(await routed(t, { topic, consumerGroup, clientId: ids[0] ?? '' }), ['0 POP', '1 POP'], 'queues of the first client');
      equal(await routed(t, { topic, consumerGroup, clientId: ids[2] ?? '' }), ['0 POP', '2 POP'], 'queues of the last client');
    },
  },
  {
    name: 'rebalance.mode.back-to-pull',
    requirement: 'SET_MESSAGE_REQUEST_MODE PULL takes a group back to pulling.',
    level: 'MUST',
    source: 'QueryAssignmentProcessor#setMessageRequestMode',
    needs: ['assignment', 'pop'],
    async run(t) {
      const topic = await t.topic({ queues: 1, route: true });
      const consumerGroup = await t.group();
      const one = await join(t, { group: consumerGroup, subscriptions: [topic] });
      await setMode(t, { topic, consumerGroup, mode: 'POP', popShareQueueNum: 0 });
      code(await setMode(t, { topic, consumerGroup, mode: 'PULL' }), res.SUCCESS, 'set mode');
      equal(await routed(t, { topic, consumerGroup, clientId: one.id }), ['0 PULL'], 'assignments');
    },
  },
  {
    name: 'rebalance.mode.unknown-topic',
    requirement: 'SET_MESSAGE_REQUEST_MODE of an unknown topic is TOPIC_NOT_EXIST.',
    level: 'MUST',
    source: 'QueryAssignmentProcessor#setMessageRequestMode',
    needs: ['assignment'],
    async run(t) {
      code(await setMode(t, { topic: t.topicName(), consumerGroup: await t.group(), mode: 'POP' }), res.TOPIC_NOT_EXIST, 'set mode');
    },
  },
  {
    name: 'rebalance.mode.retry-topic-refused',
    requirement: 'SET_MESSAGE_REQUEST_MODE of a retry topic is NO_PERMISSION.',
    level: 'MUST',
    source: 'QueryAssignmentProcessor#setMessageRequestMode',
    needs: ['assignment'],
    async run(t) {
      const consumerGroup = await t.group();
      code(await setMode(t, { topic: `%RETRY%${consumerGroup}`, consumerGroup, mode: 'POP' }), res.NO_PERMISSION, 'set mode');
    },
  },
  {
    name: 'rebalance.mode.listed',
    requirement: 'GET_ALL_MESSAGE_REQUEST_MODE has the modes that were set, by topic and group.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getAllMessageRequestMode',
    needs: ['assignment'],
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const consumerGroup = await t.group();
      code(await setMode(t, { topic, consumerGroup, mode: 'POP', popShareQueueNum: 4 }), res.SUCCESS, 'set mode');
      const answer = await t.request(req.GET_ALL_MESSAGE_REQUEST_MODE);
      code(answer, res.SUCCESS, 'modes');
      const map = object(object(json(answer), 'modes')['messageRequestModeMap'], 'messageRequestModeMap');
      const { mode, popShareQueueNum } = object(object(map[topic], 'modes of the topic')[consumerGroup], 'mode of the group');
      equal({ mode, popShareQueueNum }, { mode: 'POP', popShareQueueNum: 4 }, 'mode');
      isTrue(map[topic] !== undefined, 'the topic is listed');
    },
  },
]);
