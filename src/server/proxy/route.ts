/** QueryRoute and QueryAssignment (`RouteActivity`): the queues of a topic, all of them at the endpoint the client came by. */
import {
  addressScheme, grpcCode, messageType, permission, type Broker, type Endpoints, type QueryAssignmentRequest, type QueryAssignmentResponse, type QueryRouteRequest,
  type QueryRouteResponse,
} from '../../codec/grpc-messages.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import { bindTopicOf } from '../lite/metadata.js';
import { permRead, permWrite, type BrokerQueues, type TopicType } from './brokers.js';
import { checkedTopic, knownTopic, readable, type ProxyCall, type ProxyParts } from './context.js';
import { GrpcRefusal, statusOk } from './status.js';
import { checkGroup } from './validate.js';

const accepted: Readonly<Record<TopicType, readonly number[]>> = {
  UNSPECIFIED: [messageType.MESSAGE_TYPE_UNSPECIFIED], NORMAL: [messageType.NORMAL], FIFO: [messageType.FIFO], DELAY: [messageType.DELAY],
  TRANSACTION: [messageType.TRANSACTION], LITE: [messageType.LITE], PRIORITY: [messageType.PRIORITY],
  MIXED: [messageType.NORMAL, messageType.FIFO, messageType.DELAY, messageType.TRANSACTION],
};

const schemes: ReadonlySet<number> = new Set(Object.values(addressScheme));

/** Addresses at once: more than any client lists. */
const addressesMax = 100;

/** A broker as the client reaches it: by the endpoints it asked with. */
function brokerOf(name: string, id: number, endpoints: Value<typeof Endpoints> | undefined): Partly<Value<typeof Broker>> {
  const scheme = endpoints?.scheme ?? addressScheme.ADDRESS_SCHEME_UNSPECIFIED;
  if (!schemes.has(scheme)) throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, `No enum constant Address.AddressScheme.${scheme}`);
  const addresses = (endpoints?.addresses ?? []).slice(0, addressesMax);
  return { name, id, endpoints: { scheme: addresses.length === 0 ? addressScheme.IPv4 : scheme, addresses } };
}

/** Ids are counted over queues that can only be read, then only written, then both (`RouteActivity#genMessageQueueFromQueueData`). */
function permissionsOf({ perm, readQueueNums: r, writeQueueNums: w }: BrokerQueues): number[] {
  const canRead = (perm & permRead) !== 0;
  const canWrite = (perm & permWrite) !== 0;
  const both = canRead && canWrite ? Math.min(r, w) : 0;
  const list = (count: number, value: number): number[] => Array.from({ length: Math.max(0, count) }, () => value);
  if (!canRead && !canWrite) return list(Math.max(1, r, w), permission.NONE);
  return [...list(canRead ? r - both : 0, permission.READ), ...list(canWrite ? w - both : 0, permission.WRITE), ...list(both, permission.READ_WRITE)];
}

export async function queryRoute(parts: ProxyParts, _call: ProxyCall, request: Value<typeof QueryRouteRequest>): Promise<Partly<Value<typeof QueryRouteResponse>>> {
  const name = checkedTopic(parts, request.topic);
  const queues = await knownTopic(parts, name);
  const acceptMessageTypes = accepted[await parts.brokers.topicType(name)];
  const messageQueues = queues.flatMap((some) => some.brokerIds.flatMap((brokerId) => {
    const broker = brokerOf(some.brokerName, brokerId, request.endpoints);
    return permissionsOf(some).map((value, id) => ({ topic: request.topic, id, permission: value, broker, acceptMessageTypes }));
  }));
  return { status: statusOk, messageQueues };
}

export async function queryAssignment(parts: ProxyParts, _call: ProxyCall, request: Value<typeof QueryAssignmentRequest>): Promise<Partly<Value<typeof QueryAssignmentResponse>>> {
  const name = checkedTopic(parts, request.topic);
  const group = request.group?.name ?? '';
  checkGroup(group);
  const queues = readable(await knownTopic(parts, name));
  const known = await parts.brokers.group(group);
  const fifo = known?.consumeMessageOrderly === true && (bindTopicOf(known) ?? '') === '';
  const assignments = queues.flatMap(({ brokerName, perm, readQueueNums }) => {
    const broker = brokerOf(brokerName, 0, request.endpoints);
    const ids = fifo ? Array.from({ length: readQueueNums }, (_, id) => id) : [-1];
    const shown = (perm & permWrite) === 0 ? permission.READ : permission.READ_WRITE;
    return ids.map((id) => ({ messageQueue: { topic: request.topic, id, permission: shown, broker } }));
  });
  return { status: statusOk, assignments };
}
