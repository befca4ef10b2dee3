/** ReceiveMessage (`ReceiveMessageActivity`, `ConsumerProcessor#popMessage`): a POP of the broker, its answer as a stream. */
import { grpcCode, grpcMethods, type ReceiveMessageRequest } from '../../codec/grpc-messages.js';
import { propertyNames } from '../../codec/properties.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import type { HeaderOf } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { decodeMessages, type DecodedMessage } from '../../codec/stored-message.js';
import { grpcPrefixBytes, type GrpcCall } from '../../remoting/grpc.js';
import type { Reply } from '../../remoting/types.js';
import { BrokerAway, type BrokerQueues } from './brokers.js';
import { checkedTopic, knownTopic, readable, type ProxyCall, type ProxyParts } from './context.js';
import { subscriptionOf } from './filter.js';
import { isLiteClient } from './lite.js';
import { messageOf } from './message.js';
import { topicTypeOfName } from './receipt-handle.js';
import type { Renewals } from './renewals.js';
import type { Settler } from './settle.js';
import { GrpcRefusal, statusOfReply, statusOk, type Status } from './status.js';
import { checkedMsOf, timeOf } from './time.js';
import { checkGroup, checkInvisibleTime, proxyLimits } from './validate.js';

type Request = Value<typeof ReceiveMessageRequest>;
type Answer = Partly<Value<typeof grpcMethods.ReceiveMessage.answer>>;

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
  const asked = request.longPollingTimeout === undefined ? leftMs - checkedMsOf(call.client?.settings?.requestTimeout) / 2 : checkedMsOf(request.longPollingTimeout);
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

/** A pop for a client with lite topics. */
interface LiteAsked {
  readonly group: string;
  readonly topic: string;
  readonly invisibleMs: number;
  readonly pollMs: number;
  readonly tags: readonly string[];
}

/** The lite topic that is to be named with the message's acknowledgement. */
function liteTopicOf(call: ProxyCall, message: DecodedMessage): string | undefined {
  return isLiteClient(call.client) ? message.properties.get(propertyNames.LITE_TOPIC) : undefined;
}

const nothingNew: Status = { code: grpcCode.MESSAGE_NOT_FOUND, message: 'no new message' };

/** What a pop that brought nothing is answered; undefined = it brought something. */
function statusOfPop(reply: Pick<Reply, 'code' | 'remark'>): Status | undefined {
  if (reply.code === responseCodes.SUCCESS) return undefined;
  if (reply.code === responseCodes.POLLING_FULL) return { code: grpcCode.TOO_MANY_REQUESTS, message: 'polling full' };
  if (reply.code === responseCodes.POLLING_TIMEOUT || reply.code === responseCodes.PULL_NOT_FOUND) return nothingNew;
  return statusOfReply(reply);
}

export class Receiver {
  private readonly parts: ProxyParts;
  private readonly settler: Settler;
  private readonly renewals: Renewals;
  private turn = 0;

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
    const askedMs = checkedMsOf(request.invisibleDuration);
    const invisibleMs = request.autoRenew ? renewedInvisibleMs : askedMs;
    if (!request.autoRenew) checkInvisibleTime(invisibleMs, proxyLimits.receiveInvisibleMsMin);
    const subscription = subscriptionOf(topic, request.filterExpression, 0);
    const brokers = readable(await knownTopic(parts, topic));
    if (request.batchSize < 0) throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, `Illegal Capacity: ${request.batchSize}`);
    if (request.batchSize === 0) return finishReceive(call.call, parts.clock.nowMs(), nothingNew);
    if (parts.crowded()) throw new GrpcRefusal(grpcCode.TOO_MANY_REQUESTS, 'too much waits to be taken by clients');
    if (isLiteClient(call.client)) return this.receiveLite(call, request, brokers, { group, topic, invisibleMs, pollMs, tags: subscription.tagsSet });
    const order = (await parts.brokers.group(group))?.consumeMessageOrderly ?? false;
    const { broker, reply } = await this.pop('POP_MESSAGE', call, brokers, request.messageQueue?.broker?.name ?? '', Math.trunc(pollMs), {
      consumerGroup: group, topic, queueId: -1, maxMsgNums: Math.min(proxyLimits.receiveMax, request.batchSize), invisibleTime: BigInt(invisibleMs),
      pollTime: BigInt(Math.trunc(pollMs)), bornTime: BigInt(parts.clock.nowMs()), initMode: initModeMax, expType: subscription.expressionType, exp: subscription.subString, order,
      attemptId: request.attemptId,
    });
    const status = statusOfPop(reply);
    if (status !== undefined) return finishReceive(call.call, parts.clock.nowMs(), status);
    this.deliver(call, request, group, topic, await this.filtered(call, group, topic, subscription.tagsSet, this.popped(broker, reply, order)));
  }

  /** Pops from the broker that the client means, or the next; one that cannot be reached leaves it to another. */
  private async pop<N extends 'POP_MESSAGE' | 'POP_LITE_MESSAGE'>(name: N, call: ProxyCall, queues: readonly BrokerQueues[], wanted: string, holdMs: number, header: HeaderOf<N>): Promise<{ readonly broker: string; readonly reply: Reply<N> }> {
    let left = queues.map(({ brokerName }) => brokerName);
    for (;;) {
      const usable = left.filter((one) => this.parts.brokers.usable(one));
      const some = usable.length > 0 ? usable : left;
      this.turn = (this.turn + 1) & 0x7fff_ffff;
      const broker = some.includes(wanted) ? wanted : (some[this.turn % some.length] ?? '');
      try {
        return { broker, reply: await this.parts.ask(name, call.peer, header, { broker, language: call.language, holdMs }) };
      } catch (error) {
        left = left.filter((one) => one !== broker);
        if (!(error instanceof BrokerAway) || !error.unsent || left.length === 0) throw error;
      }
    }
  }

  /** The same for a client with lite topics (`ConsumerProcessor#popLiteMessage`). */
  private async receiveLite(call: ProxyCall, request: Request, brokers: readonly BrokerQueues[], asked: LiteAsked): Promise<void> {
    const { parts } = this;
    const { group, topic } = asked;
    const unacked = call.client === undefined ? 0 : this.renewals.countOf(call.client);
    if (unacked > proxyLimits.liteUnackedMax) {
      throw new GrpcRefusal(grpcCode.FORBIDDEN, `The client [${call.clientId}] has too many unacked messages. Unacked count: ${unacked}`);
    }
    const { broker, reply } = await this.pop('POP_LITE_MESSAGE', call, brokers, request.messageQueue?.broker?.name ?? '', Math.trunc(asked.pollMs), {
      clientId: call.clientId, consumerGroup: group, topic, maxMsgNum: Math.min(proxyLimits.receiveMax, request.batchSize), invisibleTime: BigInt(asked.invisibleMs),
      pollTime: BigInt(Math.trunc(asked.pollMs)), bornTime: BigInt(parts.clock.nowMs()), attemptId: request.attemptId,
    });
    const status = statusOfPop(reply);
    if (status !== undefined) return finishReceive(call.call, parts.clock.nowMs(), status);
    this.deliver(call, request, group, topic, await this.filtered(call, group, topic, asked.tags, this.poppedLite(broker, reply)));
  }

  /** Messages of lite topics with their handles (`MQClientAPIImpl#processPopLiteResponse`): they stand where their light queue has them. */
  private poppedLite(broker: string, { body, header }: Reply<'POP_LITE_MESSAGE'>): Popped[] {
    const { messages, fault } = decodeMessages(body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.concat(body));
    if (fault !== undefined) this.parts.log.error({ fault }, 'the broker popped what cannot be read');
    const counts = (header?.orderCountInfo ?? '').split(';');
    const popped: Popped[] = [];
    messages.forEach((message, i) => {
      const offset = message.properties.get(propertyNames.INNER_MULTI_QUEUE_OFFSET) ?? '';
      if (!/^\d{1,16}$/.test(offset)) return;
      const handle = [0, header?.popTime ?? 0, header?.invisibleTime ?? 0, header?.reviveQid ?? 0, '0', broker, 0, offset, message.phyOffset].join(' ');
      // "n", or "0 qo0%offset n"; a list of another length says nothing of single messages.
      const times = counts.length === messages.length ? Number((counts[i] ?? '').split(' ').at(-1)) : 0;
      message.reconsumeTimes = Number.isInteger(times) ? times : 0;
      message.queueOffset = Number(offset);
      popped.push({ message, handle });
    });
    return popped;
  }

  /** The messages of an answer with their handles (`MQClientAPIImpl#processPopResponse`). */
  private popped(broker: string, reply: Reply<'POP_MESSAGE'>, order: boolean): Popped[] {
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
        start, header?.popTime ?? 0, header?.invisibleTime ?? 0, header?.reviveQid ?? 0, kind, broker, message.queueId, message.queueOffset,
      ].join(' ');
      if (order) message.reconsumeTimes = orderCountOf(header?.orderCountInfo, message, kind) ?? message.reconsumeTimes;
      return { message, handle: `${receipt} ${message.phyOffset}` };
    });
  }

  /** What the client wants: others are acknowledged, and those whose attempts are used up are dead (`PopMessageResultFilterImpl`). */
  private async filtered(call: ProxyCall, group: string, topic: string, tags: readonly string[], popped: readonly Popped[]): Promise<Popped[]> {
    const attemptsMax = ((await this.parts.brokers.group(group))?.retryMaxTimes ?? 16) + 1;
    const out: Popped[] = [];
    for (const one of popped) {
      const tag = one.message.properties.get(propertyNames.TAGS) ?? '';
      const messageId = one.message.properties.get(propertyNames.UNIQ_KEY) ?? one.message.msgId;
      if (tags.length > 0 && !tags.includes(tag)) await this.settler.acknowledge(call, topic, group, one.handle, liteTopicOf(call, one.message));
      else if (one.message.reconsumeTimes < attemptsMax) out.push(one);
      else {
        // What cannot be buried now comes again, and the others must not wait for that.
        await this.settler.bury(call, topic, group, messageId, one.handle, liteTopicOf(call, one.message)).catch((error: unknown) => {
          this.parts.log.warn({ topic, group, error: error instanceof Error ? error.message : String(error) }, 'a message could not become a dead letter');
        });
      }
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
      const liteTopic = liteTopicOf(call, message);
      if (!delivered) void this.settler.change(call, topic, group, handle, nackInvisibleMs, { liteTopic });
      else if (request.autoRenew && call.client !== undefined) this.renewals.add(call.client, { group, topic, handle, liteTopic });
    }
    finishReceive(call.call, nowMs);
  }
}
