/** QueryRoute and QueryAssignment (`RouteActivity`): the queues of a topic, all of them at the endpoint the client came by. */
import {
  addressScheme, grpcCode, messageType, permission, type Broker, type Endpoints, type QueryAssignmentRequest, type QueryAssignmentResponse, type QueryRouteRequest,
  type QueryRouteResponse,
} from '../../codec/grpc-messages.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import type { Topic } from '../broker/types.js';
import { checkedTopic, groupOf, knownTopic, topicTypeOf, type ProxyCall, type ProxyParts, type TopicType } from './context.js';
import { GrpcRefusal, statusOk } from './status.js';
import { checkGroup } from './validate.js';

const permWrite = 2;
const permRead = 4;

const accepted: Readonly<Record<TopicType, readonly number[]>> = {
  UNSPECIFIED: [messageType.MESSAGE_TYPE_UNSPECIFIED], NORMAL: [messageType.NORMAL], FIFO: [messageType.FIFO], DELAY: [messageType.DELAY],
  TRANSACTION: [messageType.TRANSACTION], LITE: [messageType.LITE], PRIORITY: [messageType.PRIORITY],
  MIXED: [messageType.NORMAL, messageType.FIFO, messageType.DELAY, messageType.TRANSACTION],
};

const schemes: ReadonlySet<number> = new Set(Object.values(addressScheme));

/** Addresses at once: more than any client lists. */
const addressesMax = 100;

/** This broker as the client reaches it: by the endpoints it asked with. */
function brokerOf(parts: ProxyParts, endpoints: Value<typeof Endpoints> | undefined): Partly<Value<typeof Broker>> {
  const scheme = endpoints?.scheme ?? addressScheme.ADDRESS_SCHEME_UNSPECIFIED;
  if (!schemes.has(scheme)) throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, `No enum constant Address.AddressScheme.${scheme}`);
  const addresses = (endpoints?.addresses ?? []).slice(0, addressesMax);
  return { name: parts.broker.config.brokerName, id: 0, endpoints: { scheme: addresses.length === 0 ? addressScheme.IPv4 : scheme, addresses } };
}

/** Ids are counted over queues that can only be read, then only written, then both (`RouteActivity#genMessageQueueFromQueueData`). */
function permissionsOf({ config }: Topic): number[] {
  const { perm, readQueueNums: r, writeQueueNums: w } = config;
  const readable = (perm & permRead) !== 0;
  const writable = (perm & permWrite) !== 0;
  const both = readable && writable ? Math.min(r, w) : 0;
  const list = (count: number, value: number): number[] => Array.from({ length: Math.max(0, count) }, () => value);
  if (!readable && !writable) return list(Math.max(1, r, w), permission.NONE);
  return [...list(readable ? r - both : 0, permission.READ), ...list(writable ? w - both : 0, permission.WRITE), ...list(both, permission.READ_WRITE)];
}

export async function queryRoute(parts: ProxyParts, _call: ProxyCall, request: Value<typeof QueryRouteRequest>): Promise<Partly<Value<typeof QueryRouteResponse>>> {
  const topic = knownTopic(parts, checkedTopic(parts, request.topic));
  const broker = brokerOf(parts, request.endpoints);
  const acceptMessageTypes = accepted[topicTypeOf(topic)];
  const messageQueues = permissionsOf(topic).map((value, id) => ({ topic: request.topic, id, permission: value, broker, acceptMessageTypes }));
  return Promise.resolve({ status: statusOk, messageQueues });
}

export async function queryAssignment(parts: ProxyParts, _call: ProxyCall, request: Value<typeof QueryAssignmentRequest>): Promise<Partly<Value<typeof QueryAssignmentResponse>>> {
  const name = checkedTopic(parts, request.topic);
  const group = request.group?.name ?? '';
  checkGroup(group);
  const topic = knownTopic(parts, name);
  const { perm, readQueueNums } = topic.config;
  if ((perm & permRead) === 0 || readQueueNums <= 0) throw new GrpcRefusal(grpcCode.FORBIDDEN, 'no readable queue');
  const broker = brokerOf(parts, request.endpoints);
  const fifo = groupOf(parts, group)?.consumeMessageOrderly === true && (groupOf(parts, group)?.attributes['lite.bind.topic'] ?? '') === '';
  const ids = fifo ? Array.from({ length: readQueueNums }, (_, id) => id) : [-1];
  const shown = (perm & permWrite) === 0 ? permission.READ : permission.READ_WRITE;
  return Promise.resolve({ status: statusOk, assignments: ids.map((id) => ({ messageQueue: { topic: request.topic, id, permission: shown, broker } })) });
}
