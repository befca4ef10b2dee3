/**
 * PULL_MESSAGE and LITE_PULL_MESSAGE: the checks in Apache's order, which messages are read, what each outcome of the read is answered, and
 * when a request waits (hold.ts). It owns none of the messages: records go out as the store's slices, unjoined.
 */
import { liteQueueName } from '../../compat/light-queues.js';
import { hasPullFlag, pullSysFlag } from '../../codec/sys-flag.js';
import { responseCodes } from '../../codec/responses.js';
import type { ResponseCode } from '../../codec/responses.js';
import type { HeaderOf, ReplyHeaderOf } from '../../codec/requests.js';
import type { Connection, Ctx, FastHandler, Handler, Reply, TimerHandle } from '../../remoting/types.js';
import type { GetResult, GetStatus, MessageFilter, QueueRef } from '../../store/types.js';
import type { FilterData } from '../filter/filter-data.js';
import type { ColdDataControl } from '../flow/cold-data.js';
import type { FlowControl, FlowGate } from '../flow/flow-control.js';
import { BroadcastOffsets, broadcastScanMs } from './broadcast-offsets.js';
import type { BroadcastClient } from './broadcast-offsets.js';
import { createHold } from './hold.js';
import type { Hold } from './hold.js';
import { createPullFast } from './pull-fast.js';
import { faqText, isReadable, ownIp } from './send-checks.js';
import { isTagType, parseSubscription } from './subscription.js';
import { shown } from './topic-names.js';
import type { BrokerContext, GroupConfig, Subscription, Topic } from './types.js';

/** `ForbiddenType`: who forbade a pull. */
export const forbiddenType = { BROKER: 1, GROUP: 2, TOPIC: 3, BROADCASTING_DISABLED: 4, SUBSCRIPTION: 5 } as const;

/** `DefaultMessageStore#MAX_PULL_MSG_SIZE`: a pull is bounded by the store's own limits, not by the request's maxMsgBytes. */
export const pullBytesMax = 128 * 1024 * 1024;

/** `RequestSource`: whom a proxy pulls for. */
export const requestSource = { SDK: -1, PROXY_FOR_ORDER: 0, PROXY_FOR_BROADCAST: 1, PROXY_FOR_STREAM: 2 } as const;

/** Bit of `GroupTable.forbidden` that forbids reading (`PermName#INDEX_PERM_READ`). */
const forbidReadBit = 2;

/** A pull, from whichever reader of headers. Numbers are cut to safe integers: clients send Long.MAX_VALUE. */
export interface PullRequest {
  readonly connection: Connection;
  readonly lite: boolean;
  readonly group: string;
  readonly topicName: string;
  readonly liteTopic: string | undefined;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly maxMsgNums: number;
  readonly sysFlag: number;
  readonly commitOffset: number;
  readonly suspendTimeoutMs: number;
  readonly subscription: string | undefined;
  readonly expressionType: string | undefined;
  readonly subVersion: bigint;
  /** The client of a broadcasting proxy (requestSource 1, proxyFrowardClientId); undefined: the peer itself. */
  readonly proxyClientId?: string | undefined;
  /** It waited because its group reads too much cold data, and does not wait again. */
  readonly slowed?: boolean;
}

/** What a pull is answered; `found` holds the records of a successful one. */
export interface PullAnswer {
  readonly code: ResponseCode;
  readonly remark: string;
  readonly header: PullHeader | undefined;
  readonly found: GetResult | undefined;
}

export interface PullHeader {
  readonly suggestWhichBrokerId: number;
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly topicSysFlag: number;
  readonly groupSysFlag: number;
}

export type PullListener = (answer: PullAnswer | PullRefusal) => void;

/** A pull that never reached the store. */
export interface PullRefusal {
  readonly code: ResponseCode;
  readonly remark: string;
  readonly forbidden?: number;
}

export interface Pull {
  readonly handlers: {
    readonly PULL_MESSAGE: Handler<'PULL_MESSAGE'>;
    readonly LITE_PULL_MESSAGE: Handler<'LITE_PULL_MESSAGE'>;
  };
  readonly fast: { readonly PULL_MESSAGE: FastHandler; readonly LITE_PULL_MESSAGE: FastHandler };
  readonly hold: Hold;
  /** Runs a pull; the listener hears its answer once, now or later. */
  pull(request: PullRequest, listener: PullListener): void;
  /** Begins to commit where broadcasting clients are. */
  start(): void;
  stop(): void;
}

/** What every pull needs. */
interface PullParts extends PullGuards {
  readonly ctx: BrokerContext;
  readonly hold: Hold;
  readonly broadcast: BroadcastOffsets;
}

/** What passed the checks. */
interface Granted {
  readonly topic: Topic;
  readonly group: GroupConfig;
  readonly queue: QueueRef;
  /** Undefined = everything matches. */
  readonly filter: MessageFilter | undefined;
  /** Set for a pull by broadcast. */
  readonly client?: BroadcastClient;
}

/** Who else has a say in pulls. */
export interface PullGuards {
  readonly flow?: FlowControl | undefined;
  readonly cold?: ColdDataControl | undefined;
}

export function createPull(ctx: BrokerContext, guards: PullGuards = {}): Pull {
  const hold = createHold(ctx);
  const broadcast = new BroadcastOffsets(ctx);
  let scanner: TimerHandle | undefined;
  const parts: PullParts = { ctx, hold, broadcast, ...guards };
  const pull = (request: PullRequest, listener: PullListener): void => runPull(parts, request, true, listener);
  const handle = (lite: boolean) => (call: Ctx, header: HeaderOf<'PULL_MESSAGE'>): undefined => {
    pull(requestOf(call, header, lite), (answer) => call.reply(replyOf(answer)));
    return undefined;
  };
  return {
    handlers: { PULL_MESSAGE: handle(false), LITE_PULL_MESSAGE: handle(true) },
    fast: { PULL_MESSAGE: createPullFast(ctx, pull, false), LITE_PULL_MESSAGE: createPullFast(ctx, pull, true) },
    hold,
    pull,
    start() {
      scanner = ctx.clock.setInterval(() => broadcast.scan(), broadcastScanMs);
    },
    stop() {
      scanner?.clear();
      broadcast.scan();
      hold.stop();
    },
  };
}

const safeMax = BigInt(Number.MAX_SAFE_INTEGER);

/** An int64 as a number, cut to what a number holds exactly. */
export function clampInt64(value: bigint): number {
  return value > safeMax ? Number.MAX_SAFE_INTEGER : value < -safeMax ? -Number.MAX_SAFE_INTEGER : Number(value);
}

function requestOf(call: Ctx, header: HeaderOf<'PULL_MESSAGE'>, lite: boolean): PullRequest {
  return {
    connection: call.connection,
    lite,
    group: header.consumerGroup,
    topicName: header.topic,
    liteTopic: header.liteTopic,
    queueId: header.queueId,
    queueOffset: clampInt64(header.queueOffset),
    maxMsgNums: header.maxMsgNums,
    sysFlag: header.sysFlag,
    commitOffset: clampInt64(header.commitOffset),
    suspendTimeoutMs: clampInt64(header.suspendTimeoutMillis),
    subscription: header.subscription,
    expressionType: header.expressionType,
    subVersion: header.subVersion,
    proxyClientId: header.requestSource === requestSource.PROXY_FOR_BROADCAST ? (header.proxyFrowardClientId ?? '') : undefined,
  };
}

/** An answer as the remoting layer sends it. */
export function replyOf(answer: PullAnswer | PullRefusal): Reply<'PULL_MESSAGE'> {
  if (!('found' in answer)) {
    const header: ReplyHeaderOf<'PULL_MESSAGE'> | undefined = answer.forbidden === undefined ? undefined : { forbiddenType: answer.forbidden };
    return { code: answer.code, remark: answer.remark, header };
  }
  return { code: answer.code, remark: answer.remark, header: answer.header, body: answer.found?.slices };
}

/** `PullMessageProcessor#processRequest` up to the read. */
function grant(ctx: BrokerContext, request: PullRequest): Granted | PullRefusal {
  const { config } = ctx;
  const { group, topicName } = request;
  const refusal = (code: ResponseCode, remark: string, forbidden?: number): PullRefusal =>
    forbidden === undefined ? { code, remark } : { code, remark, forbidden };

  if (!isReadable(config.brokerPermission)) {
    return refusal(responseCodes.NO_PERMISSION, `the broker[${ownIp(ctx)}] pulling message is forbidden`, forbiddenType.BROKER);
  }
  if (request.lite && !config.litePullMessageEnable) {
    return refusal(responseCodes.NO_PERMISSION, `the broker[${ownIp(ctx)}] for lite pull consumer is forbidden`, forbiddenType.BROKER);
  }
  const groupConfig = ctx.groups.find(group);
  if (groupConfig === undefined) {
    return refusal(responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group [${shown(group)}] does not exist, ${faqText}`);
  }
  if (!groupConfig.consumeEnable) {
    return refusal(responseCodes.NO_PERMISSION, `subscription group no permission, ${group}`, forbiddenType.GROUP);
  }
  const topic = ctx.topics.get(topicName);
  if (topic === undefined) return refusal(responseCodes.TOPIC_NOT_EXIST, `topic[${shown(topicName)}] not exist, apply first please! ${faqText}`);
  if (!isReadable(topic.config.perm)) {
    return refusal(responseCodes.NO_PERMISSION, `the topic[${topicName}] pulling message is forbidden`, forbiddenType.TOPIC);
  }
  const own = request.queueId < topic.config.readQueueNums ? topic.queues[request.queueId] : undefined;
  if (own === undefined) {
    return refusal(
      responseCodes.INVALID_PARAMETER,
      `queueId[${request.queueId}] is illegal, topic:[${topicName}] topicConfig.readQueueNums:[${topic.config.readQueueNums}] ` +
        `consumer:[/${request.connection.remoteAddress}]`,
    );
  }
  const found = subscriptionOf(ctx, request, groupConfig);
  if ('code' in found) return found;
  const { subscription, data } = found;
  if (!isTagType(subscription.expressionType) && !config.enablePropertyFilter) {
    return refusal(responseCodes.SYSTEM_ERROR, `The broker does not support consumer to filter message by ${subscription.expressionType}`);
  }
  const liteQueue = request.liteTopic === undefined || request.liteTopic.trim() === '' ? undefined : liteQueueName(topicName, request.liteTopic);
  // Throws a Refusal for a name that cannot be a queue's.
  const queue = liteQueue === undefined ? own : ctx.store.queue(liteQueue, request.queueId);
  return { topic, group: groupConfig, queue, filter: ctx.filters.filterOf(subscription, data) };
}

/** A subscription, and what its expression means when it has one. */
interface Asked {
  readonly subscription: Subscription;
  readonly data: FilterData | undefined;
}

/** The last subscription text each group pulled with, and what it means: a group's pulls carry the same one again and again. */
const lastParsed = new WeakMap<GroupConfig, { text: string | undefined; type: string | undefined; subVersion: bigint; parsed: Asked }>();

/** Text = why the subscription means nothing. Apache filters by nothing when the expression does not compile: the consumer would get what it did not ask for. */
function parseAgain(ctx: BrokerContext, request: PullRequest, group: GroupConfig): Asked | string {
  const { topicName, subscription: text, expressionType: type, subVersion } = request;
  const last = lastParsed.get(group);
  if (last !== undefined && last.parsed.subscription.topic === topicName && last.text === text && last.type === type && last.subVersion === subVersion) return last.parsed;
  const subscription = parseSubscription(topicName, text, type, subVersion);
  if (typeof subscription === 'string') return subscription;
  // A broker that serves no expressions says so instead of reading them.
  const judged = !isTagType(subscription.expressionType) && ctx.config.enablePropertyFilter;
  const data = judged ? ctx.filters.build(topicName, request.group, subscription.subString, subscription.expressionType, subVersion) : undefined;
  if (typeof data === 'string') return data;
  const parsed = { subscription, data };
  lastParsed.set(group, { text, type, subVersion, parsed });
  return parsed;
}

/** The subscription in the request, or the one the group's heartbeats registered. */
function subscriptionOf(ctx: BrokerContext, request: PullRequest, groupConfig: GroupConfig): Asked | PullRefusal {
  const { group, topicName } = request;
  if (hasPullFlag(request.sysFlag, pullSysFlag.SUBSCRIPTION)) {
    const parsed = parseAgain(ctx, request, groupConfig);
    return typeof parsed === 'string' ? { code: responseCodes.SUBSCRIPTION_PARSE_FAILED, remark: "parse the consumer's subscription failed" } : parsed;
  }
  const registered = ctx.consumers.get(group);
  if (registered === undefined) return { code: responseCodes.SUBSCRIPTION_NOT_EXIST, remark: `the consumer's group info not exist${faqText}` };
  if (!groupConfig.consumeBroadcastEnable && registered.messageModel === 'BROADCASTING') {
    return {
      code: responseCodes.NO_PERMISSION,
      remark: `the consumer group[${group}] can not consume by broadcast way`,
      forbidden: forbiddenType.BROADCASTING_DISABLED,
    };
  }
  if (ctx.groups.forbidden(groupConfig.groupName, topicName, forbidReadBit)) {
    return {
      code: responseCodes.NO_PERMISSION,
      remark: `the consumer group[${group}] is forbidden for topic[${topicName}]`,
      forbidden: forbiddenType.SUBSCRIPTION,
    };
  }
  const subscription = registered.subscriptions.get(topicName);
  if (subscription === undefined) return { code: responseCodes.SUBSCRIPTION_NOT_EXIST, remark: `the consumer's subscription not exist${faqText}` };
  if (subscription.subVersion < request.subVersion) {
    return { code: responseCodes.SUBSCRIPTION_NOT_LATEST, remark: "the consumer's subscription not latest" };
  }
  if (isTagType(subscription.expressionType)) return { subscription, data: undefined };
  const data = ctx.filters.get(topicName, group);
  if (data === undefined) {
    return { code: responseCodes.FILTER_DATA_NOT_EXIST, remark: "The broker's consumer filter data is not exist!Your expression may be wrong!" };
  }
  if (data.clientVersion < request.subVersion) {
    return { code: responseCodes.FILTER_DATA_NOT_LATEST, remark: "the consumer's consumer filter data not latest" };
  }
  return { subscription, data };
}

/** What each outcome of a read is answered (`PullMessageProcessor#composeResponseHeader`). */
function codeOf(status: GetStatus, queueOffset: number): ResponseCode {
  switch (status) {
    case 'FOUND':
      return responseCodes.SUCCESS;
    case 'NO_MATCHED_MESSAGE':
    case 'MESSAGE_WAS_REMOVING':
      return responseCodes.PULL_RETRY_IMMEDIATELY;
    case 'NO_MATCHED_LOGIC_QUEUE':
    case 'NO_MESSAGE_IN_QUEUE':
      return queueOffset === 0 ? responseCodes.PULL_NOT_FOUND : responseCodes.PULL_OFFSET_MOVED;
    case 'OFFSET_FOUND_NULL':
    case 'OFFSET_OVERFLOW_ONE':
      return responseCodes.PULL_NOT_FOUND;
    case 'OFFSET_OVERFLOW_BADLY':
    case 'OFFSET_RESET':
    case 'OFFSET_TOO_SMALL':
      return responseCodes.PULL_OFFSET_MOVED;
  }
}

const noSlices: readonly Buffer[] = [];

function resetResult(queue: QueueRef, nextBeginOffset: number): GetResult {
  return {
    status: 'OFFSET_RESET', nextBeginOffset, minOffset: queue.minOffset, maxOffset: queue.maxOffset,
    slices: noSlices, messageCount: 0, bytes: 0, fallenBehind: false,
  };
}

/** Runs a pull once. `first`: it may be held and commits its offset; a woken one does neither. */
function runPull(parts: PullParts, request: PullRequest, first: boolean, listener: PullListener): void {
  const { ctx, broadcast } = parts;
  const granted = grant(ctx, request);
  if ('code' in granted) {
    listener(granted);
    return;
  }
  const { queue } = granted;
  const { cold } = parts;
  if (cold !== undefined && cold.exceeds(request.group) && !ctx.store.isCached(queue, request.queueOffset) && slowCold(parts, cold, request, first, listener)) return;
  const client = broadcast.clientOf(request.connection, request.group, request.proxyClientId);
  const asked = client === undefined ? granted : { ...granted, client };
  // A waiting reset is forgotten even when the feature is off (`ConsumerOffsetManager#queryThenEraseResetOffset`).
  const reset = ctx.offsets.takeReset(request.group, request.topicName, request.queueId);
  if (reset !== undefined && ctx.config.useServerSideResetOffset) {
    answerPull(parts, request, asked, resetResult(queue, reset), first, listener);
    return;
  }
  const place = client === undefined ? -1 : broadcast.initOffset(queue, request.group, client, request.queueOffset);
  if (place instanceof Promise) void place.then((at) => read(parts, request, asked, at, first, listener), () => read(parts, request, asked, -1, first, listener));
  else read(parts, request, asked, place, first, listener);
}

/** A group that reads too much cold data (`PullMessageProcessor#processRequest`): true when this pull goes no further now. */
function slowCold(parts: PullParts, cold: ColdDataControl, request: PullRequest, first: boolean, listener: PullListener): boolean {
  const type = parts.ctx.consumers.get(request.group)?.consumeType;
  if (type === 'CONSUME_PASSIVELY') {
    listener({ code: responseCodes.SYSTEM_BUSY, remark: 'This consumer group is reading cold data. It has been flow control' });
    return true;
  }
  if (type !== 'CONSUME_ACTIVELY' || request.slowed === true) return false;
  cold.hold(() => {
    if (request.connection.open) runPull(parts, { ...request, maxMsgNums: 1, slowed: true }, first, listener);
  });
  return true;
}

/** A pull of a group and topic with flow rules: no more messages than the rules let pass, and those when the rules say. */
function readGated(parts: PullParts, gate: FlowGate, request: PullRequest, granted: Granted, first: boolean, listener: PullListener): void {
  const { ctx } = parts;
  const refuse = (): void => listener({ code: responseCodes.FLOW_CONTROL, remark: `flow control: group[${request.group}] topic[${request.topicName}]` });
  const most = gate.most(Math.max(1, request.maxMsgNums));
  if (most === 0) {
    refuse();
    return;
  }
  gate.enter();
  const taken = (result: GetResult): void => {
    if (result.messageCount === 0) {
      gate.leave();
      answerPull(parts, request, granted, result, first, listener);
      return;
    }
    const passes = gate.take(result.messageCount, () => {
      gate.leave();
      answerPull(parts, request, granted, result, first, listener);
    });
    if (passes) return;
    gate.leave();
    ctx.store.release(result);
    refuse();
  };
  const result = ctx.store.get(granted.queue, request.queueOffset, most, pullBytesMax, granted.filter);
  if (!(result instanceof Promise)) {
    taken(result);
    return;
  }
  result.then(taken, (error: unknown) => {
    gate.leave();
    unreadable(ctx, request, listener, error);
  });
}

function unreadable(ctx: BrokerContext, request: PullRequest, listener: PullListener, error: unknown): void {
  const { topicName, queueId, queueOffset } = request;
  ctx.log.error({ topic: topicName, queueId, queueOffset, error: String(error) }, 'a pull could not be read');
  listener({ code: responseCodes.SYSTEM_ERROR, remark: `the messages of topic[${topicName}] queueId[${queueId}] cannot be read: ${String(error)}` });
}

/** Reads, or sends a broadcasting client to its own place. */
function read(parts: PullParts, request: PullRequest, granted: Granted, place: number, first: boolean, listener: PullListener): void {
  const { ctx } = parts;
  const { queue } = granted;
  if (place >= 0) {
    answerPull(parts, request, granted, resetResult(queue, place), first, listener);
    return;
  }
  const gate = parts.flow?.gate(request.group, request.topicName);
  if (gate !== undefined) {
    readGated(parts, gate, request, granted, first, listener);
    return;
  }
  // A batch is never full before it has one message, whatever was asked for (`DefaultMessageStore#isTheBatchFull`).
  const result = ctx.store.get(queue, request.queueOffset, Math.max(1, request.maxMsgNums), pullBytesMax, granted.filter);
  if (!(result instanceof Promise)) {
    answerPull(parts, request, granted, result, first, listener);
    return;
  }
  result.then(
    (found) => answerPull(parts, request, granted, found, first, listener),
    (error: unknown) => unreadable(ctx, request, listener, error),
  );
}

/** `DefaultPullMessageResultHandler#handle`. */
function answerPull(
  parts: PullParts, request: PullRequest, granted: Granted, result: GetResult, first: boolean, listener: PullListener,
): void {
  const { ctx, hold, broadcast } = parts;
  const { config, offsets } = ctx;
  const { group, topicName, queueId, connection } = request;
  offsets.commitPull(group, topicName, queueId, result.nextBeginOffset);
  if (first && hasPullFlag(request.sysFlag, pullSysFlag.COMMIT_OFFSET)) {
    offsets.commit(group, topicName, queueId, request.commitOffset, connection.remoteAddress);
  }
  const code = codeOf(result.status, request.queueOffset);
  if (granted.client !== undefined) {
    const at = code === responseCodes.PULL_OFFSET_MOVED ? result.nextBeginOffset : request.queueOffset;
    broadcast.update(topicName, group, queueId, at, granted.client);
  }
  if (code === responseCodes.PULL_NOT_FOUND && first && hasPullFlag(request.sysFlag, pullSysFlag.SUSPEND)) {
    const holdMs = config.longPollingEnable ? request.suspendTimeoutMs : config.shortPollingTimeMills;
    hold.suspend({
      connection,
      queue: granted.queue,
      queueOffset: request.queueOffset,
      filter: granted.filter,
      deadlineMs: ctx.clock.nowMs() + holdMs,
      textChars: group.length + (request.subscription?.length ?? 0) + (request.expressionType?.length ?? 0),
      run: () => runPull(parts, request, false, listener),
    });
    return;
  }
  if (code === responseCodes.PULL_OFFSET_MOVED) {
    ctx.log.info(
      { group, topic: topicName, queueId, requestOffset: request.queueOffset, newOffset: result.nextBeginOffset, status: result.status },
      'a pull offset was corrected',
    );
  }
  // What came in a lent page came from the disk.
  if (parts.cold !== undefined && result.lender !== undefined) parts.cold.read(group, result.bytes);
  if (code === responseCodes.SUCCESS) ctx.pulled?.(group, topicName, result.messageCount);
  const suggested = !config.slaveReadEnable ? 0 : result.fallenBehind ? granted.group.whichBrokerWhenConsumeSlowly : granted.group.brokerId;
  listener({
    code,
    remark: result.status,
    header: {
      suggestWhichBrokerId: suggested,
      nextBeginOffset: result.nextBeginOffset,
      minOffset: result.minOffset,
      maxOffset: result.maxOffset,
      topicSysFlag: granted.topic.config.topicSysFlag,
      groupSysFlag: granted.group.groupSysFlag,
    },
    found: code === responseCodes.SUCCESS ? result : undefined,
  });
}
