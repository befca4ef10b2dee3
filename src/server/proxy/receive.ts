/** ReceiveMessage (`ReceiveMessageActivity`, `ConsumerProcessor#popMessage`): a POP of the broker, its answer as a stream. */
import { grpcCode, grpcMethods, type ReceiveMessageRequest } from '../../codec/grpc-messages.js';
import { propertyNames } from '../../codec/properties.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import { responseCodes } from '../../codec/responses.js';
import { decodeMessages, type DecodedMessage } from '../../codec/stored-message.js';
import { grpcPrefixBytes, type GrpcCall } from '../../remoting/grpc.js';
import type { Reply } from '../../remoting/types.js';
import { checkedTopic, groupOf, knownTopic, type ProxyCall, type ProxyParts } from './context.js';
import { subscriptionOf } from './filter.js';
import { messageOf } from './message.js';
import { topicTypeOfName } from './receipt-handle.js';
import type { Renewals } from './renewals.js';
import type { Settler } from './settle.js';
import { GrpcRefusal, statusOfReply, statusOk, type Status } from './status.js';
import { msOf, timeOf } from './time.js';
import { checkGroup, checkInvisibleTime, proxyLimits } from './validate.js';

type Request = Value<typeof ReceiveMessageRequest>;
type Answer = Partly<Value<typeof grpcMethods.ReceiveMessage.answer>>;

const permRead = 4;
/** `ConsumeInitMode#MAX`: a group that is new begins at the end. */
const initModeMax = 1;
/** `ProxyConfig#defaultInvisibleTimeMills`: of messages that this side renews. */
const renewedInvisibleMs = 60_000;
/** `ReceiveMessageResponseStreamWriter#NACK_INVISIBLE_TIME`. */
const nackInvisibleMs = 1000;

/** Clients before it do not know ILLEGAL_POLLING_TIME. */
const illegalPollingTimeSince = '5.0.3';

interface Popped {
  readonly message: DecodedMessage;
  readonly handle: string;
}

/** Sends one part of the stream; false when the caller is gone. */
function write(call: GrpcCall, part: Answer): boolean {
  if (!call.open) return false;
  call.send(grpcMethods.ReceiveMessage.answer.encode(part, grpcPrefixBytes));
  return true;
}

/** The end of each stream, whatever came before. */
export function finishReceive(call: GrpcCall, nowMs: number, status?: Status): void {
  if (status !== undefined) write(call, { status });
  write(call, { deliveryTimestamp: timeOf(nowMs) });
  call.end();
}

/** How long the broker may hold the call. */
function pollMsOf(call: ProxyCall, request: Request, nowMs: number): number {
  const leftMs = call.call.deadlineMs === undefined ? Number.MAX_SAFE_INTEGER : call.call.deadlineMs - nowMs;
  const asked = request.longPollingTimeout === undefined ? leftMs - msOf(call.client?.settings?.requestTimeout) / 2 : msOf(request.longPollingTimeout);
  const pollMs = Math.min(proxyLimits.pollMsMax, Math.max(proxyLimits.pollMsMin, asked));
  if (pollMs <= leftMs) return pollMs;
  if (leftMs >= proxyLimits.pollMsMin) return leftMs;
  throw new GrpcRefusal(call.version === '' || call.version < illegalPollingTimeSince ? grpcCode.BAD_REQUEST : grpcCode.ILLEGAL_POLLING_TIME,
    'The deadline time remaining is not enough for polling, please check network condition');
}

/** `kind queueId startOffset;...` by `kind queueId` (`ExtraInfoUtil#parseStartOffsetInfo`). */
function startOffsetsOf(info: string | undefined): Map<string, string> {
  const out = new Map<string, string>();
  for (const part of (info ?? '').split(';')) {
    const [kind, queueId, offset] = part.split(' ');
    if (offset !== undefined) out.set(`${kind ?? ''} ${queueId ?? ''}`, offset);
  }
  return out;
}

/** How often each message or queue was delivered before, of orderly groups (`ExtraInfoUtil#parseOrderCountInfo`). */
function orderCountOf(info: string | undefined, message: DecodedMessage, kind: string): number | undefined {
  const counts = startOffsetsOf(info);
  const count = Number(counts.get(`${kind} qo${message.queueId}%${message.queueOffset}`) ?? counts.get(`${kind} ${message.queueId}`) ?? NaN);
  return count > 0 ? count : undefined;
}

export class Receiver {
  private readonly parts: ProxyParts;
  private readonly settler: Settler;
  private readonly renewals: Renewals;

  constructor(parts: ProxyParts, settler: Settler, renewals: Renewals) {
    this.parts = parts;
    this.settler = settler;
    this.renewals = renewals;
  }

  async receiveMessage(call: ProxyCall, request: Request): Promise<void> {
    const { parts } = this;
    const pollMs = pollMsOf(call, request, parts.clock.nowMs());
    const topic = checkedTopic(parts, request.messageQueue?.topic);
    const group = request.group?.name ?? '';
    checkGroup(group);
    const invisibleMs = request.autoRenew ? renewedInvisibleMs : msOf(request.invisibleDuration);
    if (!request.autoRenew) checkInvisibleTime(invisibleMs, proxyLimits.receiveInvisibleMsMin);
    const subscription = subscriptionOf(topic, request.filterExpression, 0);
    const { perm, readQueueNums } = knownTopic(parts, topic).config;
    if ((perm & permRead) === 0 || readQueueNums <= 0) throw new GrpcRefusal(grpcCode.FORBIDDEN, 'no readable queue');
    if (parts.crowded()) throw new GrpcRefusal(grpcCode.TOO_MANY_REQUESTS, 'too much waits to be taken by clients');
    const order = groupOf(parts, group)?.consumeMessageOrderly ?? false;
    const reply = await parts.ask('POP_MESSAGE', call.peer, {
      consumerGroup: group, topic, queueId: -1, maxMsgNums: Math.min(proxyLimits.receiveMax, Math.max(1, request.batchSize)), invisibleTime: BigInt(invisibleMs),
      pollTime: BigInt(Math.trunc(pollMs)), bornTime: BigInt(parts.clock.nowMs()), initMode: initModeMax, expType: subscription.expressionType, exp: subscription.subString, order,
      attemptId: request.attemptId,
    }, { language: call.language });
    const nowMs = parts.clock.nowMs();
    if (reply.code === responseCodes.POLLING_FULL) return finishReceive(call.call, nowMs, { code: grpcCode.TOO_MANY_REQUESTS, message: 'polling full' });
    if (reply.code === responseCodes.POLLING_TIMEOUT || reply.code === responseCodes.PULL_NOT_FOUND) {
      return finishReceive(call.call, nowMs, { code: grpcCode.MESSAGE_NOT_FOUND, message: 'no new message' });
    }
    if (reply.code !== responseCodes.SUCCESS) return finishReceive(call.call, nowMs, statusOfReply(reply));
    this.deliver(call, request, group, topic, await this.filtered(call, group, topic, subscription.tagsSet, this.popped(reply, order)));
  }

  /** The messages of an answer with their handles (`MQClientAPIImpl#processPopResponse`). */
  private popped(reply: Reply<'POP_MESSAGE'>, order: boolean): Popped[] {
    const { body, header } = reply;
    const bytes = body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.concat(body);
    const { messages, fault } = decodeMessages(bytes);
    if (fault !== undefined) this.parts.log.error({ fault }, 'the broker popped what cannot be read');
    const starts = startOffsetsOf(header?.startOffsetInfo);
    return messages.map((message) => {
      const own = message.properties.get(propertyNames.POP_CK);
      const kind = topicTypeOfName(message.topic);
      const start = starts.get(`${kind} ${message.queueId}`) ?? String(message.queueOffset);
      const receipt = own ?? [
        start, header?.popTime ?? 0, header?.invisibleTime ?? 0, header?.reviveQid ?? 0, kind, this.parts.broker.config.brokerName, message.queueId, message.queueOffset,
      ].join(' ');
      if (order) message.reconsumeTimes = orderCountOf(header?.orderCountInfo, message, kind) ?? message.reconsumeTimes;
      return { message, handle: `${receipt} ${message.phyOffset}` };
    });
  }

  /** What the client wants: others are acknowledged, and those whose attempts are used up are dead (`PopMessageResultFilterImpl`). */
  private async filtered(call: ProxyCall, group: string, topic: string, tags: readonly string[], popped: readonly Popped[]): Promise<Popped[]> {
    const attemptsMax = (groupOf(this.parts, group)?.retryMaxTimes ?? 16) + 1;
    const out: Popped[] = [];
    for (const one of popped) {
      const tag = one.message.properties.get(propertyNames.TAGS) ?? '';
      const messageId = one.message.properties.get(propertyNames.UNIQ_KEY) ?? one.message.msgId;
      if (tags.length > 0 && !tags.includes(tag)) await this.settler.acknowledge(call, topic, group, one.handle);
      else if (one.message.reconsumeTimes >= attemptsMax) await this.settler.bury(call, topic, group, messageId, one.handle);
      else out.push(one);
    }
    return out;
  }

  private deliver(call: ProxyCall, request: Request, group: string, topic: string, popped: readonly Popped[]): void {
    const nowMs = this.parts.clock.nowMs();
    if (popped.length === 0) return finishReceive(call.call, nowMs, { code: grpcCode.MESSAGE_NOT_FOUND, message: 'no match message' });
    let delivered = write(call.call, { status: statusOk });
    for (const { message, handle } of popped) {
      delivered &&= write(call.call, { message: messageOf(message, handle, nowMs) });
      // Nobody takes it: it comes again soon, for whoever asks then.
      if (!delivered) void this.settler.change(call, topic, group, handle, nackInvisibleMs);
      else if (request.autoRenew && call.client !== undefined) this.renewals.add(call.client, { group, topic, handle });
    }
    finishReceive(call.call, nowMs);
  }
}
