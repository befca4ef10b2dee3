/** Steps that many sequences share: topics, groups, messages, heartbeats, and the names of request codes. */
import { requests } from '../../../src/codec/requests.js';
import type { Ext } from '../../raw-client.js';
import { Peer } from '../peer.js';

/** Request codes by name. */
export const code = Object.fromEntries(Object.entries(requests).map(([name, spec]) => [name, spec.code])) as { readonly [N in keyof typeof requests]: number };

export function topicFields(topic: string, queues: number, more: Ext = {}): Ext {
  return { topic, defaultTopic: 'TBW102', readQueueNums: queues, writeQueueNums: queues, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, ...more };
}

export async function makeTopic(peer: Peer, topic: string, queues: number, more: Ext = {}): Promise<void> {
  await peer.ask(`create ${topic}`, code.UPDATE_AND_CREATE_TOPIC, topicFields(topic, queues, more));
}

export function groupBody(groupName: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    groupName, consumeEnable: true, consumeFromMinEnable: true, consumeBroadcastEnable: true, retryQueueNums: 1, retryMaxTimes: 16, brokerId: 0,
    whichBrokerWhenConsumeSlowly: 1, notifyConsumerIdsChangedEnable: true, ...more,
  });
}

export async function makeGroup(peer: Peer, group: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await peer.ask(`create group ${group}`, code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, { body: groupBody(group, more) });
}

/** Waits until the queue's next offset is at least `count`. */
export async function waitMax(peer: Peer, topic: string, queueId: number, count: number, deadlineMs = 8000): Promise<void> {
  await peer.until(`${topic}/${queueId} holds ${count}`, deadlineMs, async () => {
    const response = await peer.ask('', code.GET_MAX_OFFSET, { topic, queueId, committed: true }, { quiet: true });
    return Number(response?.ext['offset'] ?? -1) >= count;
  });
}

/** Sends `count` messages to a queue one after another and waits until they can be consumed. Tags and keys are by index. */
export async function fill(peer: Peer, topic: string, queueId: number, count: number, properties: (index: number) => Readonly<Record<string, string>> = () => ({})): Promise<void> {
  for (let i = 0; i < count; i++) {
    await peer.ask('fill', code.SEND_MESSAGE_V2, Peer.v2(topic, queueId, properties(i)), { body: `${topic} ${queueId} ${i}` });
  }
  await waitMax(peer, topic, queueId, count);
}

export function pullOf(topic: string, group: string, queueId: number, queueOffset: number, more: Ext = {}): Ext {
  return {
    consumerGroup: group, topic, queueId, queueOffset, maxMsgNums: 32, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 1000, subscription: '*', subVersion: 0,
    expressionType: 'TAG', ...more,
  };
}

export interface Subscription {
  readonly topic: string;
  readonly subString?: string;
  readonly subVersion?: number;
  readonly expressionType?: string;
  readonly tagsSet?: readonly string[];
  readonly codeSet?: readonly number[];
}

export function heartbeat(clientID: string, consumers: readonly { group: string; subs: readonly Subscription[]; more?: Readonly<Record<string, unknown>> }[], producers: readonly string[] = [], more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    clientID,
    consumerDataSet: consumers.map((consumer) => ({
      groupName: consumer.group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET', unitMode: false,
      subscriptionDataSet: consumer.subs.map((sub) => ({
        classFilterMode: false, subString: '*', tagsSet: [], codeSet: [], subVersion: 1000, expressionType: 'TAG', ...sub,
      })),
      ...consumer.more,
    })),
    producerDataSet: producers.map((groupName) => ({ groupName })),
    heartbeatFingerprint: 0,
    ...more,
  });
}
