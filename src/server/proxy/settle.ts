/** What becomes of received messages: AckMessage, ChangeInvisibleDuration, ForwardMessageToDeadLetterQueue. */
import {
  grpcCode, type AckMessageRequest, type AckMessageResponse, type ChangeInvisibleDurationRequest, type ChangeInvisibleDurationResponse, type ForwardMessageToDeadLetterQueueRequest,
  type ForwardMessageToDeadLetterQueueResponse,
} from '../../codec/grpc-messages.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import { responseCodes } from '../../codec/responses.js';
import { checkedTopic, type ProxyCall, type ProxyParts } from './context.js';
import { isExpired, readHandle, realTopic, topicTypeOfName, type ReceiptHandle } from './receipt-handle.js';
import type { Renewals } from './renewals.js';
import { commonStatus, GrpcRefusal, statusOfError, statusOfReply, statusOk, type Status } from './status.js';
import { checkedMsOf } from './time.js';
import { checkGroup, checkInvisibleTime } from './validate.js';

/** As whom the broker is asked. */
type Asker = Pick<ProxyCall, 'peer' | 'language'>;

/** Acknowledgements in one request: Apache has no bound; SDKs send one at a time. */
const entriesMax = 1024;

export class Settler {
  private readonly parts: ProxyParts;
  private readonly renewals: Renewals;

  constructor(parts: ProxyParts, renewals: Renewals) {
    this.parts = parts;
    this.renewals = renewals;
  }

  async ackMessage(call: ProxyCall, request: Value<typeof AckMessageRequest>): Promise<Partly<Value<typeof AckMessageResponse>>> {
    const [topic, group] = this.names(request);
    if (request.entries.length > entriesMax) throw new GrpcRefusal(grpcCode.BAD_REQUEST, `${request.entries.length} entries, at most ${entriesMax} are allowed`);
    const entries = await Promise.all(request.entries.map(async ({ messageId, receiptHandle, liteTopic }) => {
      const handle = this.renewals.end(call.client, receiptHandle);
      return { messageId, receiptHandle, status: await this.acknowledge(call, topic, group, handle, liteTopic) };
    }));
    return { status: commonStatus(entries.map((entry) => entry.status), 'ack message result is empty'), entries };
  }

  async changeInvisibleDuration(call: ProxyCall, request: Value<typeof ChangeInvisibleDurationRequest>): Promise<Partly<Value<typeof ChangeInvisibleDurationResponse>>> {
    const [topic, group] = this.names(request);
    const invisibleMs = checkedMsOf(request.invisibleDuration);
    checkInvisibleTime(invisibleMs, 0);
    readHandle(request.receiptHandle);
    const handle = this.renewals.end(call.client, request.receiptHandle);
    const changed = await this.change(call, topic, group, handle, invisibleMs, { suspend: request.suspend ?? false, liteTopic: request.liteTopic });
    return changed === undefined ? { status: { code: grpcCode.INTERNAL_SERVER_ERROR, message: 'changeInvisibleDuration failed: status is abnormal' } } : { status: statusOk, receiptHandle: changed };
  }

  async forwardToDeadLetterQueue(call: ProxyCall, request: Value<typeof ForwardMessageToDeadLetterQueueRequest>): Promise<Partly<Value<typeof ForwardMessageToDeadLetterQueueResponse>>> {
    const [topic, group] = this.names(request);
    return { status: await this.bury(call, topic, group, request.messageId, this.renewals.end(call.client, request.receiptHandle), request.liteTopic) };
  }

  /** Acknowledges one message; every end is a status. */
  async acknowledge(asker: Asker, topic: string, group: string, text: string, liteTopic?: string): Promise<Status> {
    try {
      const handle = await this.valid(text);
      const reply = await this.parts.ask('ACK_MESSAGE', asker.peer, {
        consumerGroup: group, topic: realTopic(handle, topic, group), queueId: handle.queueId, extraInfo: text, offset: BigInt(handle.queueOffset), liteTopic,
      }, { broker: handle.brokerName, language: asker.language });
      if (reply.code === responseCodes.SUCCESS) return statusOk;
      return reply.code === responseCodes.SYSTEM_BUSY ? statusOfReply(reply) : { code: grpcCode.INTERNAL_SERVER_ERROR, message: 'ack failed: status is abnormal' };
    } catch (error) {
      const status = statusOfError(error);
      if (status === undefined) throw error;
      return status;
    }
  }

  /** Changes when a message comes again; the new handle, undefined when the broker did not. */
  async change(asker: Asker, topic: string, group: string, text: string, invisibleMs: number, more: { suspend?: boolean; liteTopic?: string | undefined } = {}): Promise<string | undefined> {
    const handle = await this.valid(text);
    const real = realTopic(handle, topic, group);
    const reply = await this.parts.ask('CHANGE_MESSAGE_INVISIBLETIME', asker.peer, {
      consumerGroup: group, topic: real, queueId: handle.queueId, extraInfo: text, offset: BigInt(handle.queueOffset), invisibleTime: BigInt(Math.trunc(invisibleMs)),
      suspend: more.suspend ?? false, liteTopic: more.liteTopic,
    }, { broker: handle.brokerName, language: asker.language });
    if (reply.code !== responseCodes.SUCCESS) return undefined;
    const { popTime, invisibleTime, reviveQid } = reply.header ?? {};
    return [handle.queueOffset, popTime ?? 0, invisibleTime ?? 0, reviveQid ?? 0, topicTypeOfName(real), handle.brokerName, handle.queueId, handle.queueOffset, handle.commitLogOffset].join(' ');
  }

  /** Moves a message to the dead letters of the group and acknowledges it. */
  async bury(asker: Asker, topic: string, group: string, messageId: string, text: string, liteTopic?: string): Promise<Status> {
    const handle = readHandle(text);
    if (handle.commitLogOffset < 0) throw new GrpcRefusal(grpcCode.INVALID_RECEIPT_HANDLE, 'commit log offset is empty');
    await this.known(handle);
    const reply = await this.parts.ask('CONSUMER_SEND_MSG_BACK', asker.peer, {
      offset: BigInt(handle.commitLogOffset), group, delayLevel: -1, originMsgId: messageId, originTopic: realTopic(handle, topic, group), unitMode: false, maxReconsumeTimes: 0,
    }, { broker: handle.brokerName, language: asker.language });
    if (reply.code !== responseCodes.SUCCESS) return statusOfReply(reply);
    await this.acknowledge(asker, topic, group, text, liteTopic);
    return statusOk;
  }

  private names(request: { readonly topic: { readonly name: string } | undefined; readonly group: { readonly name: string } | undefined }): readonly [topic: string, group: string] {
    const topic = checkedTopic(this.parts, request.topic);
    const group = request.group?.name ?? '';
    checkGroup(group);
    return [topic, group];
  }

  /** A handle that is one, has not expired, and is of a broker that is here. */
  private async valid(text: string): Promise<ReceiptHandle> {
    const handle = readHandle(text);
    if (isExpired(handle, this.parts.clock.nowMs())) throw new GrpcRefusal(grpcCode.INVALID_RECEIPT_HANDLE, 'receipt handle is expired');
    await this.known(handle);
    return handle;
  }

  private async known(handle: ReceiptHandle): Promise<void> {
    if (!(await this.parts.brokers.has(handle.brokerName))) throw new GrpcRefusal(grpcCode.INVALID_RECEIPT_HANDLE, `cannot find broker ${handle.brokerName.slice(0, 128)}`);
  }
}
