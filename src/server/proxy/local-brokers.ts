/** The broker of the same process as the brokers of the gRPC service: its tables are read, its handlers asked. */
import { writeJson } from '../../compat/fastjson.js';
import type { LaneSet } from '../../remoting/lanes.js';
import type { Clock, Handlers, Log, Reply } from '../../remoting/types.js';
import type { BrokerContext } from '../broker/types.js';
import { createAskBroker } from './ask-broker.js';
import { topicTypeOf, type AskBroker, type Brokers, type ClientData, type GroupView, type TopicQueues, type TopicType } from './brokers.js';
import type { LocalPeer } from './peer.js';

export interface LocalBrokersOptions {
  readonly broker: { readonly handlers: Partial<Handlers>; readonly laneSet: LaneSet; readonly context: Pick<BrokerContext, 'topics' | 'groups' | 'config'> };
  readonly clock: Clock;
  readonly log: Log;
}

const masterOnly: readonly number[] = [0];

export class LocalBrokers implements Brokers {
  readonly ask: AskBroker;
  private readonly context: LocalBrokersOptions['broker']['context'];

  constructor({ broker, clock, log }: LocalBrokersOptions) {
    this.context = broker.context;
    this.ask = createAskBroker({ handlers: broker.handlers, lanes: broker.laneSet, clock, log });
  }

  isSystemTopic(name: string): boolean {
    return this.context.topics.isSystem(name);
  }

  queuesOf(topic: string): TopicQueues | undefined {
    const config = this.context.topics.get(topic)?.config;
    if (config === undefined) return undefined;
    const { perm, readQueueNums, writeQueueNums } = config;
    return [{ brokerName: this.context.config.brokerName, brokerIds: masterOnly, perm, readQueueNums, writeQueueNums }];
  }

  topicType(topic: string): TopicType {
    const config = this.context.topics.get(topic)?.config;
    return config === undefined ? 'UNSPECIFIED' : topicTypeOf(config.attributes);
  }

  group(name: string): GroupView | undefined {
    return this.context.groups.find(name);
  }

  has(broker: string): boolean {
    return broker === this.context.config.brokerName;
  }

  usable(): boolean {
    return true;
  }

  register(peer: LocalPeer, client: ClientData, language: string): Promise<Reply<'HEART_BEAT'>> {
    const { clientID, producers, consumerDataSet } = client;
    const body = Buffer.from(writeJson({ clientID, producerDataSet: producers.map((groupName) => ({ groupName })), consumerDataSet }));
    return this.ask('HEART_BEAT', peer, {}, { body, language });
  }
}
