/** What the parts of POP share, and the checks that each of their requests passes first, with Apache's codes and remarks. */
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { ResponseCode } from '../../codec/responses.js';
import type { RequestName } from '../../codec/requests.js';
import type { Connection, Handler, Reply } from '../../remoting/types.js';
import type { QueueRef } from '../../store/types.js';
import { faqText, isReadable, ownIp } from '../broker/send-checks.js';
import type { PutParts } from '../broker/put-place.js';
import { shown } from '../broker/topic-names.js';
import type { BrokerContext, Topic } from '../broker/types.js';
import type { OrderInfos } from './order-info.js';
import type { PopPolling } from './polling.js';
import type { PopOffsets } from './pop-offsets.js';
import type { ReviveLog } from './revive-log.js';

export interface PopParts {
  readonly ctx: BrokerContext;
  readonly put: PutParts;
  readonly revive: ReviveLog;
  readonly offsets: PopOffsets;
  readonly orders: OrderInfos;
  readonly pops: PopPolling;
  readonly notifications: PopPolling;
}

/** A request of a group about a topic: POP, PEEK, NOTIFICATION, POLLING_INFO. */
export interface Asked {
  readonly topic: string;
  readonly consumerGroup: string;
  /** -1 = every queue. */
  readonly queueId: number;
}

export function refusal(code: ResponseCode, remark: string): Refusal {
  return new Refusal(code, remark);
}

/** A refusal by a processor that had made its answer before it looked: the fields that Java's primitives always have are there, empty. */
export function refusedWith<H>(error: Refusal, header: H): { readonly code: ResponseCode; readonly remark: string; readonly header: H } {
  return { code: error.code, remark: error.message, header };
}

/** What is answered for an error behind a handler's own answer, where nobody else answers it: a Refusal its code and remark, with the fields of an empty answer if there are any; anything else SYSTEM_ERROR. */
export function errorAnswer<H>(error: unknown, empty?: H): { readonly code: ResponseCode; readonly remark: string; readonly header?: H } {
  if (error instanceof Refusal) return empty === undefined ? { code: error.code, remark: error.message } : refusedWith(error, empty);
  return { code: responseCodes.SYSTEM_ERROR, remark: error instanceof Error ? error.message : String(error) };
}

/** The handler, whose refusals carry the fields of an empty answer. */
export function orRefusedWith<N extends RequestName>(empty: NonNullable<Reply<N>['header']>, handler: Handler<N>): Handler<N> {
  const caught = (error: unknown): Reply<N> => {
    if (error instanceof Refusal) return refusedWith(error, empty);
    throw error;
  };
  return (call, header, body) => {
    try {
      const reply = handler(call, header, body);
      return reply instanceof Promise ? reply.catch(caught) : reply;
    } catch (error) {
      return caught(error);
    }
  };
}

/** `%s` of Apache's remarks for an address: Netty's, with its slash. */
export function addressText(connection: Connection): string {
  return `/${connection.remoteAddress}`;
}

export function topicMissing(topic: string): Refusal {
  return refusal(responseCodes.TOPIC_NOT_EXIST, `topic[${shown(topic)}] not exist, apply first please! ${faqText}`);
}

function queueIllegal(code: ResponseCode, topic: Topic, queueId: number, connection: Connection): Refusal {
  return refusal(
    code,
    `queueId[${queueId}] is illegal, topic:[${topic.name}] topicConfig.readQueueNums:[${topic.config.readQueueNums}] consumer:[${addressText(connection)}]`,
  );
}

/** The broker's own permission; `what` as the remark has it. */
export function demandBrokerReadable(ctx: BrokerContext, what: string): void {
  if (!isReadable(ctx.config.brokerPermission)) {
    throw refusal(responseCodes.NO_PERMISSION, `the broker[${ownIp(ctx)}] ${what} message is forbidden`);
  }
}

/** Topic, queue id and group, in Apache's order; throws the refusal. */
export function demandReadable(ctx: BrokerContext, asked: Asked, connection: Connection): Topic {
  const topic = ctx.topics.get(asked.topic);
  if (topic === undefined) throw topicMissing(asked.topic);
  if (!isReadable(topic.config.perm)) throw refusal(responseCodes.NO_PERMISSION, `the topic[${topic.name}] peeking message is forbidden`);
  if (asked.queueId >= topic.config.readQueueNums) throw queueIllegal(responseCodes.INVALID_PARAMETER, topic, asked.queueId, connection);
  const group = ctx.groups.find(asked.consumerGroup);
  if (group === undefined) {
    throw refusal(responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group [${shown(asked.consumerGroup)}] does not exist, ${faqText}`);
  }
  if (!group.consumeEnable) throw refusal(responseCodes.NO_PERMISSION, `subscription group no permission, ${asked.consumerGroup}`);
  return topic;
}

/** The queue that an acknowledgement names (`AckMessageProcessor#processRequest`). */
export function demandQueue(ctx: BrokerContext, topicName: string, queueId: number, connection: Connection): QueueRef {
  const topic = ctx.topics.get(topicName);
  if (topic === undefined) throw topicMissing(topicName);
  const queue = queueId < topic.config.readQueueNums ? topic.queues[queueId] : undefined;
  if (queue === undefined) throw queueIllegal(responseCodes.MESSAGE_ILLEGAL, topic, queueId, connection);
  return queue;
}

/** Resolves once the record at `phyOffset` is stored, and flushed where acknowledgements wait for that; the text of the fault otherwise. */
export function settled(parts: PopParts, phyOffset: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    parts.put.acks.settle(phyOffset, true, (outcome, fault) => resolve(outcome === 'FAULT' ? fault : undefined));
  });
}
