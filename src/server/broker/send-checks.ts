/**
 * What a broker checks before it takes a message, in Apache's order, with its codes and remarks; and the kinds of message that it does not
 * serve yet, each refused by name. Nothing here writes; storing is send.ts.
 */
import { responseCodes } from '../../codec/responses.js';
import type { ResponseCode } from '../../codec/responses.js';
import { propertyNames } from '../../codec/properties.js';
import { messageSysFlag } from '../../codec/sys-flag.js';
import { parseJavaBoolean, parseJavaInt } from '../../compat/java-number.js';
import type { Connection } from '../../remoting/types.js';
import type { PutResult, PutStatus } from '../../store/types.js';
import { notAvailableText } from './acks.js';
import type { TopicTraits } from './put-form.js';
import { topicTraits } from './put-form.js';
import { timerTriggers } from '../timer/place.js';
import { isBlank, retryPrefix, topicNameFault } from './topic-names.js';
import type { BrokerContext, TopicConfig } from './types.js';

/** `FAQUrl#suggestTodo`. */
export const faqText = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

/** A code and a remark: what a refused request is answered. */
export interface Answer {
  readonly code: ResponseCode;
  readonly remark: string;
  /** Without MSG_REGION and TRACE_ON: where Java throws before the reply has its marks. */
  readonly bare?: true;
}

/** The header of a send, whichever of the three codes it came with. */
export interface SendHeader {
  readonly producerGroup: string;
  readonly topic: string;
  readonly defaultTopic: string;
  readonly defaultTopicQueueNums: number;
  readonly queueId: number;
  readonly sysFlag: number;
  readonly bornTimestamp: bigint;
  readonly flag: number;
  readonly properties?: string | undefined;
  readonly reconsumeTimes?: number | undefined;
  readonly unitMode?: boolean | undefined;
  readonly batch?: boolean | undefined;
  readonly maxReconsumeTimes?: number | undefined;
}

/** A send on its way through the checks. */
export interface Draft {
  readonly header: SendHeader;
  readonly connection: Connection;
  readonly body: Buffer;
  /** Set by the check that finds or creates the topic. */
  traits: TopicTraits | undefined;
}

/** The broker's own address in remarks: brokerIP1, or what clients reached when that is not configured. */
export function ownIp(ctx: BrokerContext): string {
  if (ctx.config.brokerIP1 !== '') return ctx.config.brokerIP1;
  const address = ctx.brokerAddress();
  return address.slice(0, address.lastIndexOf(':'));
}

type Check = (ctx: BrokerContext, draft: Draft) => Answer | undefined;

const readPermission = 4;
const writePermission = 2;
const inheritPermission = 1;

/** `PermName#isWriteable`. */
export function isWriteable(perm: number): boolean {
  return (perm & writePermission) !== 0;
}

/** `PermName#isReadable`. */
export function isReadable(perm: number): boolean {
  return (perm & readPermission) !== 0;
}

/** `TopicSysFlag`: unit and unit subscription bits. */
const topicSysFlags = { unit: 1, unitSub: 2 } as const;

function two(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}

/** Local time as `UtilAll#timeMillisToHumanString2` writes it. */
function humanTime(ms: number): string {
  const t = new Date(ms);
  return `${two(t.getFullYear(), 4)}-${two(t.getMonth() + 1)}-${two(t.getDate())} ` +
    `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())},${two(t.getMilliseconds(), 3)}`;
}

/** `TopicConfig#toString`. */
export function topicConfigText(config: TopicConfig): string {
  const perm = `${isReadable(config.perm) ? 'R' : '-'}${isWriteable(config.perm) ? 'W' : '-'}${(config.perm & inheritPermission) !== 0 ? 'X' : '-'}`;
  const attributes = Object.entries(config.attributes).map(([name, value]) => `${name}=${value}`).join(', ');
  return `TopicConfig [topicName=${config.topicName}, readQueueNums=${config.readQueueNums}, writeQueueNums=${config.writeQueueNums}, ` +
    `perm=${perm}, topicFilterType=${config.topicFilterType}, topicSysFlag=${config.topicSysFlag}, order=${config.order}, attributes={${attributes}}]`;
}

function findOrCreateTopic(ctx: BrokerContext, draft: Draft): Answer | undefined {
  const { header, connection } = draft;
  const name = header.topic;
  let topic = ctx.topics.get(name);
  if (topic === undefined) {
    const retry = name.startsWith(retryPrefix);
    const sysFlag = header.unitMode !== true ? 0 : retry ? topicSysFlags.unitSub : topicSysFlags.unit;
    topic = ctx.topics.createOnSend(name, header.defaultTopic, connection.remoteAddress, header.defaultTopicQueueNums, sysFlag);
    if (topic === undefined && retry) topic = ctx.topics.createOnSendBack(name, 1, readPermission | writePermission, sysFlag);
  }
  if (topic === undefined) return { code: responseCodes.TOPIC_NOT_EXIST, remark: `topic[${name}] not exist, apply first please!${faqText}` };
  draft.traits = topicTraits(topic);
  return undefined;
}

/** `SendMessageProcessor#preSend` and `AbstractSendMessageProcessor#msgCheck`, in order. The topic's own write permission is not asked. */
const checks: readonly Check[] = [
  // A frame without body is a null body in Java: NullPointerException before any check (`#buildMsgContext`).
  (_ctx, { body }) => (body.length > 0 ? undefined : { code: responseCodes.SYSTEM_ERROR, remark: 'the message body is missing', bare: true }),
  (ctx) => {
    const from = ctx.config.startAcceptSendRequestTimeStamp;
    return ctx.clock.nowMs() >= from ? undefined : { code: responseCodes.SYSTEM_ERROR, remark: `broker unable to service, until ${humanTime(from)}` };
  },
  // Only topics with the order mark are kept from a broker without write permission (`TopicConfigManager#isOrderTopic`).
  (ctx, { header }) =>
    isWriteable(ctx.config.brokerPermission) || ctx.topics.get(header.topic)?.config.order !== true
      ? undefined
      : { code: responseCodes.NO_PERMISSION, remark: `the broker[${ownIp(ctx)}] sending message is forbidden` },
  (_ctx, { header }) => {
    const fault = topicNameFault(header.topic);
    return fault === undefined ? undefined : { code: responseCodes.INVALID_PARAMETER, remark: fault };
  },
  (ctx, { header }) =>
    ctx.topics.isSendForbidden(header.topic)
      ? { code: responseCodes.NO_PERMISSION, remark: `Sending message to topic[${header.topic}] is forbidden.` }
      : undefined,
  findOrCreateTopic,
  (_ctx, { header, traits, connection }) =>
    traits === undefined || header.queueId < traits.queueIdsEnd
      ? undefined
      : {
          code: responseCodes.INVALID_PARAMETER,
          remark: `request queueId[${header.queueId}] is illegal, ${topicConfigText(traits.topic.config)} Producer: ${connection.remoteAddress}`,
        },
  // Java divides by it to choose a queue.
  (_ctx, { header, traits }) =>
    header.queueId >= 0 || traits === undefined || traits.writeQueues > 0
      ? undefined
      : { code: responseCodes.SYSTEM_ERROR, remark: `topic[${header.topic}] has no write queues: writeQueueNums is ${traits.writeQueues}, must be 1 or more` },
  (_ctx, { header }) =>
    header.bornTimestamp >= BigInt(Number.MIN_SAFE_INTEGER) && header.bornTimestamp <= BigInt(Number.MAX_SAFE_INTEGER)
      ? undefined
      : { code: responseCodes.INVALID_PARAMETER, remark: `request bornTimestamp[${header.bornTimestamp}] is illegal, must be within -(2^53-1)..2^53-1 ms` },
];

/** Runs the checks; undefined = passed, and `draft.traits` is set. */
export function checkSend(ctx: BrokerContext, draft: Draft): Answer | undefined {
  for (const check of checks) {
    const answer = check(ctx, draft);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** A single message about to be stored: what `unserved` rows look at. */
export interface Candidate {
  readonly ctx: BrokerContext;
  readonly properties: ReadonlyMap<string, string>;
  readonly sysFlag: number;
  readonly reconsumeTimes: number;
  readonly batch: boolean;
  readonly traits: TopicTraits;
}

/** A kind of message that is not served yet. Issues that add one replace its row. */
interface Unserved {
  readonly what: string;
  readonly applies: (candidate: Candidate) => boolean;
  readonly answer: (candidate: Candidate) => Answer;
}

/** The DELAY property as `Message#getDelayTimeLevel` reads it; undefined when it is not an int32, which Java throws at. */
export function delayLevelOf(properties: ReadonlyMap<string, string>): number | undefined {
  const text = properties.get(propertyNames.DELAY_TIME_LEVEL);
  return text === undefined ? 0 : parseJavaInt(text);
}

function isOtherType({ properties }: Candidate): boolean {
  return isPrepared(properties) || properties.has(propertyNames.DELAY_TIME_LEVEL) ||
    timerTriggers.some((name) => properties.has(name)) || properties.has(propertyNames.SHARDING_KEY);
}

function isPrepared(properties: ReadonlyMap<string, string>): boolean {
  return parseJavaBoolean(properties.get(propertyNames.TRANSACTION_PREPARED) ?? '') === true;
}

/** `Message#getPriority`: -1 when absent or not a number. */
export function priorityOf(properties: ReadonlyMap<string, string>): number {
  return parseJavaInt(properties.get(propertyNames.PRIORITY) ?? '') ?? -1;
}

/** A message with a priority and another type's property: the priority is dropped (`TopicMessageType#parseFromMessageProperty`). */
export function losesPriority(candidate: Candidate): boolean {
  return priorityOf(candidate.properties) >= 0 && isOtherType(candidate);
}

const unserved: readonly Unserved[] = [
  {
    // `HookUtils#checkInnerBatch`: an inner batch is made by the broker, or comes whole from one that did, to a batch queue.
    what: 'inner batch',
    applies: ({ properties, sysFlag, traits }) => {
      const inner = (sysFlag & messageSysFlag.INNER_BATCH) !== 0;
      return (properties.has(propertyNames.INNER_NUM) && !inner) || (inner && !traits.batchQueue);
    },
    answer: ({ ctx }) => ({ code: responseCodes.MESSAGE_ILLEGAL, remark: illegalText(ctx.config.maxMessageSize) }),
  },
  {
    // Apache puts the elements into the timer topic, where the first of them stops all timers.
    what: 'timer batch',
    applies: ({ properties, batch }) => batch && !properties.has(propertyNames.TIMER_OUT_MS) && timerTriggers.some((name) => properties.has(name)),
    answer: () => ({ code: responseCodes.MESSAGE_ILLEGAL, remark: 'a batch cannot wait for a time: its request has a timer property' }),
  },
];

/** True for a half message. Clients before 4.6.1 leave TRAN_MSG on messages they send back as delayed ones: those are none. */
export function isHalf({ properties, reconsumeTimes }: Pick<Candidate, 'properties' | 'reconsumeTimes'>): boolean {
  return isPrepared(properties) && !(reconsumeTimes > 0 && (delayLevelOf(properties) ?? 0) > 0);
}

/** `rejectTransactionMessage`. */
export function checkTransaction({ ctx }: Candidate): Answer | undefined {
  if (!ctx.config.rejectTransactionMessage) return undefined;
  return { code: responseCodes.NO_PERMISSION, remark: `the broker[${ownIp(ctx)}] sending transaction message is forbidden` };
}

/** Why a message of this kind is refused; undefined when it can be stored. */
export function checkServed(candidate: Candidate): Answer | undefined {
  return unserved.find((row) => row.applies(candidate))?.answer(candidate);
}

/** Names of the kinds that are not served, for documentation and tests. */
export const unservedKinds: readonly string[] = unserved.map((row) => row.what);

/** `CleanupPolicy.COMPACTION` topics need a key to compact by. */
export function checkCompaction(traits: TopicTraits, properties: ReadonlyMap<string, string>): Answer | undefined {
  if (!traits.compaction || !isBlank(properties.get(propertyNames.KEYS))) return undefined;
  return { code: responseCodes.MESSAGE_ILLEGAL, remark: 'Required message key is missing' };
}

/** Timer properties that a delayed message loses (`HookUtils#checkIfTimerMessage`). */
export const droppedByDelay: readonly string[] = timerTriggers;

export function illegalText(bodyBytesMax: number): string {
  return `the message is illegal, maybe msg body or properties length not matched. msg body length limit ${bodyBytesMax}B, msg properties length limit 32KB.`;
}

/** What each refusal of the store is answered (`SendMessageProcessor#handlePutMessageResult`). */
const putAnswers: { readonly [S in Exclude<PutStatus, 'PUT_OK'>]: (ctx: BrokerContext, remark: string) => Answer } = {
  MESSAGE_ILLEGAL: (ctx) => ({ code: responseCodes.MESSAGE_ILLEGAL, remark: illegalText(ctx.config.maxMessageSize) }),
  PROPERTIES_SIZE_EXCEEDED: (ctx) => ({ code: responseCodes.MESSAGE_ILLEGAL, remark: illegalText(ctx.config.maxMessageSize) }),
  SERVICE_NOT_AVAILABLE: (_ctx, remark) => ({ code: responseCodes.SERVICE_NOT_AVAILABLE, remark: notAvailableText(remark) }),
  OS_PAGE_CACHE_BUSY: () => ({ code: responseCodes.SYSTEM_BUSY, remark: '[PC_SYNCHRONIZED]broker busy, start flow control for a while' }),
  LMQ_CONSUME_QUEUE_NUM_EXCEEDED: () => ({ code: responseCodes.LMQ_QUOTA_EXCEEDED, remark: '[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]lmq consume queue num exceeded.' }),
  CREATE_MAPPED_FILE_FAILED: () => ({ code: responseCodes.SYSTEM_ERROR, remark: 'create mapped file failed, server is busy or broken.' }),
  UNKNOWN_ERROR: () => ({ code: responseCodes.SYSTEM_ERROR, remark: 'UNKNOWN_ERROR' }),
};

/** The answer to a put that did not succeed; undefined for PUT_OK. */
export function putAnswer(ctx: BrokerContext, result: PutResult): Answer | undefined {
  return result.status === 'PUT_OK' ? undefined : putAnswers[result.status](ctx, result.remark);
}
