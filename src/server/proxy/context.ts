/** What the parts of the gRPC service share: the brokers behind it, its clients, and one call as a method sees it. */
import { grpcCode } from '../../codec/grpc-messages.js';
import type { GrpcCall } from '../../remoting/grpc.js';
import type { Clock, Log } from '../../remoting/types.js';
import { permRead, type AskBroker, type BrokerQueues, type Brokers, type TopicQueues } from './brokers.js';
import type { ProxyClient, ProxyClients } from './clients.js';
import type { LocalPeer } from './peer.js';
import { GrpcRefusal } from './status.js';
import { checkTopic } from './validate.js';

export interface ProxyParts {
  readonly brokers: Brokers;
  /** Theirs. */
  readonly ask: AskBroker;
  readonly clients: ProxyClients;
  readonly clock: Clock;
  readonly log: Log;
  /** Peers have more to take than they should. */
  readonly crowded: () => boolean;
}

/** One call of a method. */
export interface ProxyCall {
  readonly call: GrpcCall;
  readonly clientId: string;
  readonly language: string;
  /** `x-mq-client-version`. */
  readonly version: string;
  /** The client that sent its settings under this id. */
  readonly client: ProxyClient | undefined;
  /** As whom the broker is asked. */
  readonly peer: LocalPeer;
}

/** Refuses names no client may use. */
export function checkedTopic(parts: ProxyParts, resource: { readonly name: string } | undefined): string {
  const name = resource?.name ?? '';
  checkTopic(name, (topic) => parts.brokers.isSystemTopic(topic));
  return name;
}

/** The topic's queues, or TOPIC_NOT_FOUND. */
export async function knownTopic(parts: ProxyParts, name: string): Promise<TopicQueues> {
  const queues = await parts.brokers.queuesOf(name);
  if (queues === undefined) throw new GrpcRefusal(grpcCode.TOPIC_NOT_FOUND, `No topic route info in name server for the topic: ${name}`);
  return queues;
}

/** Those of a topic's brokers that can be read. @throws GrpcRefusal FORBIDDEN when there are none. */
export function readable(queues: TopicQueues): readonly BrokerQueues[] {
  const some = queues.filter(({ perm, readQueueNums }) => (perm & permRead) !== 0 && readQueueNums > 0);
  if (some.length === 0) throw new GrpcRefusal(grpcCode.FORBIDDEN, 'no readable queue');
  return some;
}
