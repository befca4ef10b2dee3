/** QueryRoute and QueryAssignment: which queues there are, what may be done with them, and where they are. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { equal, oneOf, present } from '../../expect.js';
import { endpointsOf, grpcClient, statusIs, topicOf } from '../../grpc/ask.js';
import { Code, MessageType, Permission } from '../../grpc/tables.js';
import type { MessageOf } from '../../grpc/wire.js';
import { mixedTopic } from './support.js';

const needs = ['grpc'] as const;

async function route(t: Context, topic: string): Promise<MessageOf<'QueryRouteResponse'>> {
  return (await (await grpcClient(t)).call('QueryRoute', { topic: { name: topic }, endpoints: endpointsOf(t) })).answer;
}

async function queues(t: Context, topic: string): Promise<readonly MessageOf<'MessageQueue'>[]> {
  const answer = await route(t, topic);
  statusIs(answer.status, Code.OK, 'QueryRoute');
  return answer.message_queues ?? [];
}

async function assignment(t: Context, topic: string, group: string): Promise<MessageOf<'QueryAssignmentResponse'>> {
  return (await (await grpcClient(t)).call('QueryAssignment', { topic: { name: topic }, group: { name: group }, endpoints: endpointsOf(t) })).answer;
}

const accepted = {
  NORMAL: [MessageType.NORMAL], FIFO: [MessageType.FIFO], DELAY: [MessageType.DELAY], TRANSACTION: [MessageType.TRANSACTION],
} as const;

const illegal: readonly (readonly [string, string, string])[] = [
  ['empty', '', 'An empty topic name'], ['blank', '  ', 'A blank topic name'], ['character', 'no/topic', 'A topic name with a character that is not allowed'],
  ['too-long', 'a'.repeat(128), 'A topic name of 128 characters'], ['system', 'TBW102', 'The name of a system topic'], ['schedule', 'SCHEDULE_TOPIC_XXXX', 'The name of the topic of delayed messages'],
];

export const cases = defineCases('grpc', [
  {
    name: 'grpc.route.queues',
    requirement: 'QueryRoute answers each queue of the topic with its id, READ_WRITE, the topic and the broker.',
    level: 'MUST', needs, source: 'RouteActivity#genMessageQueueFromQueueData',
    async run(t) {
      const topic = await topicOf(t, 'NORMAL', { queues: 3 });
      const all = await queues(t, topic);
      equal(all.map((queue) => [queue.id ?? 0, queue.permission, queue.topic?.name, queue.broker?.name, queue.broker?.id ?? 0]), [0, 1, 2].map((id) => [id, Permission.READ_WRITE, topic, t.endpoint.brokerName, 0]), 'id, permission, topic, broker');
    },
  },
  {
    name: 'grpc.route.endpoints-are-the-proxy',
    requirement: 'The endpoints of each queue are those the client asked with.',
    level: 'MUST', needs, source: 'RouteActivity#convertToAddressList',
    async run(t) {
      const wanted = endpointsOf(t);
      for (const queue of await queues(t, await topicOf(t))) {
        const endpoints = present(queue.broker?.endpoints, 'endpoints');
        equal([endpoints.scheme, endpoints.addresses?.map((one) => [one.host, one.port])], [wanted.scheme, wanted.addresses?.map((one) => [one.host, one.port])], 'endpoints');
      }
    },
  },
  ...(Object.keys(accepted) as (keyof typeof accepted)[]).map((type) => ({
    name: `grpc.route.accepts-${type.toLowerCase()}`,
    requirement: `A topic of type ${type} accepts ${type} messages only.`,
    level: 'MUST' as const, needs, source: 'RouteActivity#parseTopicMessageType',
    async run(t: Context) {
      for (const queue of await queues(t, await topicOf(t, type))) equal(queue.accept_message_types, accepted[type], 'accept_message_types');
    },
  })),
  {
    name: 'grpc.route.accepts-mixed',
    requirement: 'A topic of type MIXED accepts NORMAL, FIFO, DELAY and TRANSACTION messages.',
    level: 'MUST', needs: ['grpc', 'config-write'], destructive: true, source: 'RouteActivity#parseTopicMessageType',
    async run(t) {
      for (const queue of await queues(t, await mixedTopic(t))) equal(queue.accept_message_types, [MessageType.NORMAL, MessageType.FIFO, MessageType.DELAY, MessageType.TRANSACTION], 'accept_message_types');
    },
  },
  {
    name: 'grpc.route.no-type-is-normal',
    requirement: 'A topic without a message type accepts NORMAL messages.',
    level: 'MUST', needs, source: 'TopicAttributes#TOPIC_MESSAGE_TYPE_ATTRIBUTE',
    async run(t) {
      for (const queue of await queues(t, await t.topic({ route: true }))) equal(queue.accept_message_types, [MessageType.NORMAL], 'accept_message_types');
    },
  },
  {
    name: 'grpc.route.more-read-queues',
    requirement: 'Queues that can only be read come first, with READ, then those that can be read and written.',
    level: 'SHOULD', needs, source: 'RouteActivity#genMessageQueueFromQueueData',
    async run(t) {
      const all = await queues(t, await topicOf(t, 'NORMAL', { readQueues: 3, writeQueues: 1 }));
      equal(all.map((queue) => [queue.id ?? 0, queue.permission]), [[0, Permission.READ], [1, Permission.READ], [2, Permission.READ_WRITE]], 'id and permission');
    },
  },
  {
    name: 'grpc.route.more-write-queues',
    requirement: 'Queues that can only be written come first, with WRITE, then those that can be read and written.',
    level: 'SHOULD', needs, source: 'RouteActivity#genMessageQueueFromQueueData',
    async run(t) {
      const all = await queues(t, await topicOf(t, 'NORMAL', { readQueues: 1, writeQueues: 2 }));
      equal(all.map((queue) => [queue.id ?? 0, queue.permission]), [[0, Permission.WRITE], [1, Permission.READ_WRITE]], 'id and permission');
    },
  },
  {
    name: 'grpc.route.read-only',
    requirement: 'The queues of a topic that may only be read have READ.',
    level: 'MUST', needs, source: 'RouteActivity#genMessageQueueFromQueueData',
    async run(t) {
      equal((await queues(t, await topicOf(t, 'NORMAL', { queues: 2, perm: 4 }))).map((queue) => queue.permission), [Permission.READ, Permission.READ], 'permissions');
    },
  },
  {
    name: 'grpc.route.write-only',
    requirement: 'The queues of a topic that may only be written have WRITE.',
    level: 'MUST', needs, source: 'RouteActivity#genMessageQueueFromQueueData',
    async run(t) {
      equal((await queues(t, await topicOf(t, 'NORMAL', { queues: 2, perm: 2 }))).map((queue) => queue.permission), [Permission.WRITE, Permission.WRITE], 'permissions');
    },
  },
  {
    name: 'grpc.route.no-permission',
    requirement: 'The queues of a topic that may be neither read nor written have NONE.',
    level: 'SHOULD', needs, source: 'RouteActivity#genMessageQueueFromQueueData',
    async run(t) {
      equal((await queues(t, await topicOf(t, 'NORMAL', { queues: 2, perm: 0 }))).map((queue) => queue.permission), [Permission.NONE, Permission.NONE], 'permissions');
    },
  },
  {
    name: 'grpc.route.unknown-topic',
    requirement: 'QueryRoute of a topic that does not exist is answered with TOPIC_NOT_FOUND.',
    level: 'MUST', needs, source: 'ResponseBuilder#buildStatus',
    async run(t) {
      const answer = await route(t, t.topicName());
      statusIs(answer.status, Code.TOPIC_NOT_FOUND, 'QueryRoute');
      equal(answer.message_queues ?? [], [], 'message_queues');
    },
  },
  ...illegal.map(([name, topic, what]) => ({
    name: `grpc.route.illegal-topic-${name}`,
    requirement: `${what} is refused with ILLEGAL_TOPIC.`,
    level: 'MUST' as const, needs, source: 'GrpcValidator#validateTopic',
    async run(t: Context) {
      statusIs((await route(t, topic)).status, Code.ILLEGAL_TOPIC, 'QueryRoute');
    },
  })),
  {
    name: 'grpc.route.longest-topic',
    requirement: 'A topic name of 127 characters is legal.',
    level: 'SHOULD', needs, source: 'Validators#checkTopic',
    async run(t) {
      statusIs((await route(t, 'a'.repeat(127))).status, Code.TOPIC_NOT_FOUND, 'QueryRoute');
    },
  },
  {
    name: 'grpc.route.no-topic',
    requirement: 'QueryRoute without a topic is refused with ILLEGAL_TOPIC.',
    level: 'MUST', needs, source: 'GrpcValidator#validateTopic',
    async run(t) {
      statusIs((await (await grpcClient(t)).call('QueryRoute', {})).answer.status, Code.ILLEGAL_TOPIC, 'QueryRoute');
    },
  },
  {
    name: 'grpc.route.no-endpoints',
    requirement: 'QueryRoute without endpoints is answered with the queues.',
    level: 'SHOULD', needs, source: 'RouteActivity#queryRoute',
    async run(t) {
      const { answer } = await (await grpcClient(t)).call('QueryRoute', { topic: { name: await topicOf(t, 'NORMAL', { queues: 2 }) } });
      statusIs(answer.status, Code.OK, 'QueryRoute');
      equal(answer.message_queues?.length, 2, 'queues');
    },
  },
  {
    name: 'grpc.route.domain-endpoints',
    requirement: 'The scheme and the host of the endpoints asked with come back.',
    level: 'SHOULD', needs, source: 'RouteActivity#buildBrokerMap',
    async run(t) {
      const port = endpointsOf(t).addresses?.[0]?.port;
      const { answer } = await (await grpcClient(t)).call('QueryRoute', { topic: { name: await topicOf(t) }, endpoints: { scheme: 3, addresses: [{ host: 'conform.example', port }] } });
      const endpoints = answer.message_queues?.[0]?.broker?.endpoints;
      equal([endpoints?.scheme, endpoints?.addresses?.[0]?.host], [3, 'conform.example'], 'scheme and host');
    },
  },
  {
    name: 'grpc.route.unknown-scheme',
    requirement: 'QueryRoute with an address scheme that is unknown is refused with a status other than OK.',
    level: 'MAY', needs, source: 'Address.AddressScheme#valueOf',
    async run(t) {
      const { answer } = await (await grpcClient(t)).call('QueryRoute', { topic: { name: await topicOf(t) }, endpoints: { scheme: 99, addresses: [{ host: '127.0.0.1', port: 8081 }] } });
      statusIs(answer.status, Code.INTERNAL_SERVER_ERROR, 'QueryRoute');
    },
  },
  {
    name: 'grpc.assignment.one-for-each-broker',
    requirement: 'QueryAssignment of a group that is not orderly answers one queue with id -1 for each broker.',
    level: 'MUST', needs, source: 'RouteActivity#queryAssignment',
    async run(t) {
      const topic = await topicOf(t);
      const answer = await assignment(t, topic, await t.group());
      statusIs(answer.status, Code.OK, 'QueryAssignment');
      const mine = (answer.assignments ?? []).filter((one) => one.message_queue?.broker?.name === t.endpoint.brokerName).map((one) => one.message_queue);
      equal(mine.map((queue) => [queue?.id, queue?.permission, queue?.topic?.name]), [[-1, Permission.READ_WRITE, topic]], 'id, permission and topic');
    },
  },
  {
    name: 'grpc.assignment.orderly-group',
    requirement: 'QueryAssignment of an orderly group answers each read queue with its id.',
    level: 'MUST', needs, source: 'RouteActivity#queryAssignment',
    async run(t) {
      const answer = await assignment(t, await topicOf(t, 'FIFO', { queues: 3 }), await t.group({ consumeMessageOrderly: true }));
      statusIs(answer.status, Code.OK, 'QueryAssignment');
      equal((answer.assignments ?? []).map((one) => one.message_queue?.id ?? 0), [0, 1, 2], 'ids');
    },
  },
  {
    name: 'grpc.assignment.unknown-group',
    requirement: 'QueryAssignment of a group that does not exist is answered as that of one that is not orderly.',
    level: 'SHOULD', needs, source: 'RouteActivity#queryAssignment',
    async run(t) {
      const answer = await assignment(t, await topicOf(t), t.groupName());
      statusIs(answer.status, Code.OK, 'QueryAssignment');
      equal((answer.assignments ?? []).map((one) => one.message_queue?.id), [-1], 'ids');
    },
  },
  {
    name: 'grpc.assignment.not-readable',
    requirement: 'QueryAssignment of a topic that may not be read is answered with FORBIDDEN.',
    level: 'MUST', needs, source: 'RouteActivity#queryAssignment',
    async run(t) {
      statusIs((await assignment(t, await topicOf(t, 'NORMAL', { perm: 2 }), await t.group())).status, Code.FORBIDDEN, 'QueryAssignment');
    },
  },
  {
    name: 'grpc.assignment.unknown-topic',
    requirement: 'QueryAssignment of a topic that does not exist is answered with TOPIC_NOT_FOUND.',
    level: 'MUST', needs, source: 'ResponseBuilder#buildStatus',
    async run(t) {
      statusIs((await assignment(t, t.topicName(), await t.group())).status, Code.TOPIC_NOT_FOUND, 'QueryAssignment');
    },
  },
  {
    name: 'grpc.assignment.illegal-group',
    requirement: 'QueryAssignment with an illegal group name is refused with ILLEGAL_CONSUMER_GROUP, with an illegal topic name with ILLEGAL_TOPIC.',
    level: 'MUST', needs, source: 'GrpcValidator#validateTopicAndConsumerGroup',
    async run(t) {
      statusIs((await assignment(t, await topicOf(t), '')).status, Code.ILLEGAL_CONSUMER_GROUP, 'empty group');
      statusIs((await assignment(t, await topicOf(t), 'no group')).status, Code.ILLEGAL_CONSUMER_GROUP, 'group with a blank');
      statusIs((await assignment(t, 'no topic', 'no group')).status, Code.ILLEGAL_TOPIC, 'both');
    },
  },
  {
    name: 'grpc.assignment.system-group',
    requirement: 'QueryAssignment of a system group is refused with ILLEGAL_CONSUMER_GROUP.',
    level: 'SHOULD', needs, source: 'MixAll#isSysConsumerGroup',
    async run(t) {
      const answer = await assignment(t, await topicOf(t), 'CID_RMQ_SYS_TRANS');
      oneOf(answer.status?.code, [Code.ILLEGAL_CONSUMER_GROUP], 'status code');
    },
  },
]);
