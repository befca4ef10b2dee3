/**
 * The brokers behind the gRPC service, as its methods see them: what their topics and groups are, and requests to them by name. Two kinds: the broker
 * of this process (local-brokers.ts), and those that the name servers know, over remoting (cluster/cluster-brokers.ts).
 */
import { Fault } from '../../codec/errors.js';
import type { HeaderOf, RequestName } from '../../codec/requests.js';
import type { Reply } from '../../remoting/types.js';
import type { JsonOut } from '../../compat/fastjson.js';
import type { GroupConfig } from '../broker/types.js';
import type { LocalPeer } from './peer.js';

export type TopicType = 'UNSPECIFIED' | 'NORMAL' | 'FIFO' | 'DELAY' | 'TRANSACTION' | 'MIXED' | 'LITE' | 'PRIORITY';
const topicTypes: readonly TopicType[] = ['UNSPECIFIED', 'NORMAL', 'FIFO', 'DELAY', 'TRANSACTION', 'MIXED', 'LITE', 'PRIORITY'];

/** `message.type` of a topic that has these attributes (`TopicConfig#getTopicMessageType`). */
export function topicTypeOf(attributes: Readonly<Record<string, string>>): TopicType {
  const attribute = attributes['message.type'];
  return attribute === undefined ? 'NORMAL' : (topicTypes.find((type) => type === attribute.toUpperCase()) ?? 'UNSPECIFIED');
}

/** The queues of a topic on one broker (`QueueData`), and the ids of that broker's processes. */
export interface BrokerQueues {
  readonly brokerName: string;
  /** 0 is the master. */
  readonly brokerIds: readonly number[];
  /** Bits: 4 read, 2 write. */
  readonly perm: number;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
}

/** A topic's queues, by the names of their brokers; never empty. */
export type TopicQueues = readonly BrokerQueues[];

export type GroupView = Pick<GroupConfig, 'consumeMessageOrderly' | 'retryMaxTimes' | 'groupRetryPolicy' | 'attributes'>;

/** Bits of a topic's permission (`PermName`). */
export const permRead = 4;
export const permWrite = 2;

export interface AskOptions {
  /** The broker by its name; without one any that the request can go to. */
  readonly broker?: string | undefined;
  readonly body?: Buffer;
  readonly language?: string;
  /** Nobody waits for the answer. */
  readonly oneway?: boolean;
  /** How long the broker itself may hold the request, beside what an answer takes. */
  readonly holdMs?: number;
}

/** A question to a broker; the answer comes whatever its code. Rejects with BrokerAway when there is none. */
export type AskBroker = <N extends RequestName>(name: N, from: LocalPeer, header: HeaderOf<N>, options?: AskOptions) => Promise<Reply<N>>;

/** A broker gave no answer. */
export class BrokerAway extends Fault {
  /** The request never left: another broker may be asked the same. */
  readonly unsent: boolean;
  /** It may still answer, too late for this request. */
  readonly late: boolean;

  constructor(message: string, what: { readonly unsent?: boolean; readonly late?: boolean } = {}) {
    super(message);
    this.unsent = what.unsent ?? false;
    this.late = what.late ?? false;
  }
}

/** What a heartbeat says of a client (`HeartbeatData`). */
export interface ClientData {
  readonly clientID: string;
  /** Producer groups: the gRPC service registers a producer under each of its topics. */
  readonly producers: readonly string[];
  readonly consumerDataSet: readonly JsonOut[];
}

export type Maybe<T> = T | Promise<T>;

export interface Brokers {
  /** Topics that belong to the brokers themselves. */
  isSystemTopic(name: string): boolean;
  /** Undefined when there is no such topic. */
  queuesOf(topic: string): Maybe<TopicQueues | undefined>;
  /** UNSPECIFIED when there is no such topic. */
  topicType(topic: string): Maybe<TopicType>;
  /** Undefined when there is no such group; it is made when groups are made on demand. */
  group(name: string): Maybe<GroupView | undefined>;
  /** Whether there is a broker of this name. */
  has(broker: string): Maybe<boolean>;
  /** False while a broker is known not to answer: others are preferred. */
  usable(broker: string): boolean;
  readonly ask: AskBroker;
  /** Makes a client known, again with each of its heartbeats; when the peer closes it is forgotten. Refusals are answers. */
  register(peer: LocalPeer, client: ClientData, language: string): Promise<Reply<'HEART_BEAT'>>;
}
