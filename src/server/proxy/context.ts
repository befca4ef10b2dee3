/** What the parts of the gRPC service share: the broker behind it, its clients, and one call as a method sees it. */
import { grpcCode } from '../../codec/grpc-messages.js';
import type { GrpcCall } from '../../remoting/grpc.js';
import type { Clock, Log } from '../../remoting/types.js';
import type { BrokerContext, GroupConfig, Topic } from '../broker/types.js';
import type { AskBroker } from './ask-broker.js';
import type { ProxyClient, ProxyClients } from './clients.js';
import type { LocalPeer } from './peer.js';
import { GrpcRefusal } from './status.js';
import { checkTopic } from './validate.js';

export interface ProxyParts {
  readonly broker: Pick<BrokerContext, 'topics' | 'groups' | 'config'>;
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
  checkTopic(name, (topic) => parts.broker.topics.isSystem(topic));
  return name;
}

/** The topic, or TOPIC_NOT_FOUND. */
export function knownTopic(parts: ProxyParts, name: string): Topic {
  const topic = parts.broker.topics.get(name);
  if (topic === undefined) throw new GrpcRefusal(grpcCode.TOPIC_NOT_FOUND, `No topic route info in name server for the topic: ${name}`);
  return topic;
}

export type TopicType = 'UNSPECIFIED' | 'NORMAL' | 'FIFO' | 'DELAY' | 'TRANSACTION' | 'MIXED' | 'LITE' | 'PRIORITY';
const topicTypes: readonly TopicType[] = ['UNSPECIFIED', 'NORMAL', 'FIFO', 'DELAY', 'TRANSACTION', 'MIXED', 'LITE', 'PRIORITY'];

/** `message.type` of a topic; UNSPECIFIED when there is no such topic. */
export function topicTypeOf(topic: Topic | undefined): TopicType {
  if (topic === undefined) return 'UNSPECIFIED';
  const attribute = topic.config.attributes['message.type'];
  return attribute === undefined ? 'NORMAL' : (topicTypes.find((type) => type === attribute.toUpperCase()) ?? 'UNSPECIFIED');
}

export function groupOf(parts: ProxyParts, name: string): GroupConfig | undefined {
  return parts.broker.groups.get(name);
}
