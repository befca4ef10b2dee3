/**
 * SEND_REPLY_MESSAGE and SEND_REPLY_MESSAGE_V2: a consumer's reply to a request goes straight to the client that asked, as PUSH_REPLY_MESSAGE_TO_CLIENT, and is
 * stored beside it (`ReplyMessageProcessor`). The request itself is an ordinary message; matching replies to requests is the clients' business.
 */
import { encodeHeader } from '../../codec/header.js';
import { parseProperties, formatProperties, propertyNames } from '../../codec/properties.js';
import { requests } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import type { Ctx, Handler, Reply } from '../../remoting/types.js';
import { PutForm } from './put-form.js';
import { randomQueueId } from './put-place.js';
import type { PutParts } from './put-place.js';
import { checkSend } from './send-checks.js';
import type { Draft, SendHeader } from './send-checks.js';

/** How long a requester may take to answer the push, in milliseconds (`Broker2Client#callClient`). */
export const pushTimeoutMs = 10_000;

export interface ReplyHandlers {
  readonly SEND_REPLY_MESSAGE: Handler<'SEND_REPLY_MESSAGE'>;
  readonly SEND_REPLY_MESSAGE_V2: Handler<'SEND_REPLY_MESSAGE_V2'>;
}

type StoredReply = NonNullable<Reply<'SEND_REPLY_MESSAGE'>['header']>;

export function createReplyHandlers(parts: PutParts): ReplyHandlers {
  const { ctx, acks } = parts;
  const form = new PutForm(ctx);

  /** What is pushed and stored has the marks of every send (`AbstractSendMessageProcessor#buildMsgContext`), but for the cluster. */
  function markedProperties(header: SendHeader): Map<string, string> {
    const properties = parseProperties(header.properties ?? '');
    for (const [name, value] of Object.entries(form.ext())) properties.set(name, value);
    return properties;
  }

  /** Pushes the reply and waits for the requester's answer. What went wrong, or undefined. */
  async function push(call: Ctx, header: SendHeader, properties: ReadonlyMap<string, string>, body: Buffer): Promise<string | undefined> {
    const requester = properties.get(propertyNames.MESSAGE_REPLY_TO_CLIENT);
    if (requester === undefined) return `reply message properties[${propertyNames.MESSAGE_REPLY_TO_CLIENT}] is null`;
    const client = ctx.producers.findByClientId(requester);
    if (client === undefined) return `push reply message fail, channel of <${requester}> not found.`;
    const nowMs = ctx.clock.nowMs();
    const ext = encodeHeader('PUSH_REPLY_MESSAGE_TO_CLIENT', {
      producerGroup: header.producerGroup,
      topic: header.topic,
      defaultTopic: header.defaultTopic,
      defaultTopicQueueNums: header.defaultTopicQueueNums,
      queueId: header.queueId,
      sysFlag: header.sysFlag,
      bornTimestamp: header.bornTimestamp,
      flag: header.flag,
      properties: formatProperties(new Map(properties).set(propertyNames.PUSH_REPLY_TIME, String(nowMs))),
      reconsumeTimes: header.reconsumeTimes,
      unitMode: header.unitMode ?? false,
      bornHost: call.connection.remoteAddress,
      storeHost: ctx.brokerAddress(),
      storeTimestamp: BigInt(nowMs),
    });
    const failed = `push reply message to ${requester}fail.`;
    try {
      const answer = await client.connection.call({ code: requests.PUSH_REPLY_MESSAGE_TO_CLIENT.code, ext, body }, pushTimeoutMs);
      return answer.code === responseCodes.SUCCESS ? undefined : failed;
    } catch (error) {
      ctx.log.warn({ requester, error: String(error) }, 'a reply could not be pushed');
      return failed;
    }
  }

  /** Stores the reply. Undefined when it could not be stored: that changes no answer. */
  function store(call: Ctx, header: SendHeader, properties: ReadonlyMap<string, string>, queueId: number, body: Buffer): Promise<StoredReply | undefined> {
    const input = form.input;
    const props = Buffer.from(formatProperties(properties), 'utf8');
    input.queue = ctx.store.queue(header.topic, queueId);
    input.flag = header.flag;
    input.bornTimestamp = Number(header.bornTimestamp);
    input.bornHost = call.connection.remoteHost;
    input.sysFlag = form.sysFlag(0, input.bornHost);
    input.reconsumeTimes = header.reconsumeTimes ?? 0;
    input.preparedTransactionOffset = 0;
    input.body = body;
    input.bodyStart = 0;
    input.bodyEnd = body.length;
    form.exactBytes(props, 0, props.length);
    const result = ctx.store.put(input);
    if (result.status !== 'PUT_OK') {
      ctx.log.warn({ topic: header.topic, status: result.status, remark: result.remark }, 'a reply could not be stored');
      return Promise.resolve(undefined);
    }
    const stored = { msgId: form.msgId(result.phyOffset), queueId, queueOffset: BigInt(result.queueOffset) };
    return new Promise((resolve) => {
      acks.settle(result.phyOffset, form.scan.waitStoreOk, (outcome) => resolve(outcome === 'FAULT' ? undefined : stored));
    });
  }

  async function reply(call: Ctx, header: SendHeader, body: Buffer): Promise<Reply<'SEND_REPLY_MESSAGE'>> {
    const draft: Draft = { header, connection: call.connection, body, traits: undefined };
    const refusal = checkSend(ctx, draft);
    if (refusal !== undefined) {
      const { bare, ...answer } = refusal;
      return bare === true ? answer : { ...answer, ext: parts.form.ext() };
    }
    const queueId = header.queueId < 0 ? randomQueueId(ctx, draft.traits?.writeQueues ?? 1) : header.queueId;
    const properties = markedProperties(header);
    const fault = await push(call, header, properties, body);
    const stored = ctx.config.storeReplyMessageEnable ? await store(call, header, properties, queueId, body) : undefined;
    // "0" where nothing was stored: clients cannot read an answer without an id.
    const pushed = fault === undefined ? { msgId: '0', queueId, queueOffset: 0n } : undefined;
    return { code: fault === undefined ? responseCodes.SUCCESS : responseCodes.SYSTEM_ERROR, remark: fault, header: stored ?? pushed, ext: parts.form.ext() };
  }

  return { SEND_REPLY_MESSAGE: reply, SEND_REPLY_MESSAGE_V2: reply };
}
