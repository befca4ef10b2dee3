/**
 * The requests most cases need, one method each, over one connection. Each returns the decoded answer whatever its code, so that a
 * case can judge refusals; methods that end in `Ok` fail the case unless the code is SUCCESS. `ext` overrides or (undefined) leaves
 * out single header fields. Rarer requests: `t.request(req.NAME, {...})`.
 */
import { req } from './codes.js';
import type { Answer, RawConnection, RequestOptions } from './connection.js';
import { code, Failure } from './expect.js';
import type { Session } from './session.js';
import { json } from './session.js';
import { encodeBatch, type BatchElement } from './wire/batch.js';
import { bytesOf } from './wire/frame.js';
import type { Ext } from './wire/header-json.js';
import { encodeProperties, type Properties } from './wire/properties.js';
import { decodeRecord, decodeRecords, phyOffsetOf, type StoredMessage } from './wire/record.js';

export interface SendOptions extends Omit<RequestOptions, 'body'> {
  readonly body?: Buffer | string;
  /** Default 0. */
  readonly queueId?: number;
  readonly properties?: Properties;
  /** Properties TAGS and KEYS. */
  readonly tags?: string;
  readonly keys?: string;
  readonly group?: string;
  readonly sysFlag?: number;
  /** The message's own flag, not the frame's. */
  readonly messageFlag?: number;
  readonly bornTimestamp?: number;
  readonly reconsumeTimes?: number;
  readonly ext?: Ext;
  /** V2 (default): SEND_MESSAGE_V2 with one-letter fields; V1: SEND_MESSAGE with long names (then `ext` has those). */
  readonly form?: 'V1' | 'V2';
}

/** NaN and '' where the answer has no such field. */
export interface SendAnswer extends Answer {
  readonly msgId: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly transactionId: string | undefined;
}

export interface PullOptions extends Omit<RequestOptions, 'body'> {
  /** Default 0. */
  readonly queueId?: number;
  /** Default 0. */
  readonly offset?: number | bigint;
  /** Default 32. */
  readonly max?: number;
  /** Default: a group of the case's own. */
  readonly group?: string;
  /** Default `*`; sysFlag says that it is in the request. */
  readonly subscription?: string;
  readonly expressionType?: 'TAG' | 'SQL92' | (string & {});
  readonly subVersion?: number;
  /** Wait this long at the server when there is nothing. */
  readonly suspendMs?: number;
  /** Commit this offset with the pull. */
  readonly commitOffset?: number;
  /** Instead of what the options above make: 1 commit, 2 suspend, 4 subscription in the request. */
  readonly sysFlag?: number;
  readonly ext?: Ext;
}

export interface PullAnswer extends Answer {
  /** Empty unless the code is 0. */
  readonly messages: readonly StoredMessage[];
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
}

export interface OffsetAnswer extends Answer {
  /** NaN when the answer has none. */
  readonly offset: number;
}

export interface Subscription {
  readonly topic: string;
  /** Default `*`. */
  readonly expression?: string;
  readonly expressionType?: string;
  readonly subVersion?: number;
}

export interface ConsumerData {
  readonly group: string;
  readonly subscriptions: readonly (Subscription | string)[];
  readonly type?: 'CONSUME_ACTIVELY' | 'CONSUME_PASSIVELY';
  readonly model?: 'CLUSTERING' | 'BROADCASTING';
  readonly from?: 'CONSUME_FROM_LAST_OFFSET' | 'CONSUME_FROM_FIRST_OFFSET' | 'CONSUME_FROM_TIMESTAMP';
}

export interface HeartbeatOptions extends Omit<RequestOptions, 'body'> {
  readonly consumers?: readonly ConsumerData[];
  /** Producer groups. */
  readonly producers?: readonly string[];
  /** Members put into the body as they are, such as heartbeatFingerprint. */
  readonly members?: Readonly<Record<string, unknown>>;
}

const number = (text: string | undefined): number => (text === undefined ? NaN : Number(text));

/** `session.json` for cases that import from here. */
export { json };

export class Messaging {
  private readonly session: Session;
  private readonly open: () => Promise<RawConnection>;
  private reader: Promise<string> | undefined;

  constructor(session: Session, open: () => Promise<RawConnection>) {
    this.session = session;
    this.open = open;
  }

  /** Any request to the broker. */
  async request(requestCode: number, ext: Ext | null = {}, options: RequestOptions = {}): Promise<Answer> {
    return (await this.open()).request(requestCode, ext, options);
  }

  /** Sends one message. */
  async send(topic: string, options: SendOptions = {}): Promise<SendAnswer> {
    const { body, queueId, properties, tags, keys, group, sysFlag, messageFlag, bornTimestamp, reconsumeTimes, ext, form, ...rest } = options;
    const text = encodeProperties({ ...(tags === undefined ? {} : { TAGS: tags }), ...(keys === undefined ? {} : { KEYS: keys }), ...properties });
    const values = [group ?? 'conform_writer', topic, 'TBW102', 4, queueId ?? 0, sysFlag ?? 0, bornTimestamp ?? this.session.now(), messageFlag ?? 0, text, reconsumeTimes ?? 0, false, false];
    const names = form === 'V1'
      ? ['producerGroup', 'topic', 'defaultTopic', 'defaultTopicQueueNums', 'queueId', 'sysFlag', 'bornTimestamp', 'flag', 'properties', 'reconsumeTimes', 'unitMode', 'batch']
      : ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'm'];
    const header = Object.fromEntries(names.map((name, i) => [name, values[i]]));
    return sendAnswer(await this.request(form === 'V1' ? req.SEND_MESSAGE : req.SEND_MESSAGE_V2, { ...header, ...ext }, { ...rest, body: bytesOf(body ?? 'conform') }));
  }

  /** Sends one message; fails the case unless it was stored. */
  async sendOk(topic: string, options: SendOptions = {}): Promise<SendAnswer> {
    const answer = await this.send(topic, options);
    code(answer, 0, `send to ${topic}`);
    return answer;
  }

  /** Sends `count` messages with bodies `message 0`, `message 1`, ... one after another; each must be stored. */
  async fill(topic: string, count: number, options: SendOptions = {}): Promise<SendAnswer[]> {
    const out: SendAnswer[] = [];
    for (let i = 0; i < count; i++) out.push(await this.sendOk(topic, { body: `message ${i}`, ...options }));
    return out;
  }

  /** SEND_BATCH_MESSAGE: all elements go to one queue; `msgId` is the comma-joined list. `body` in the options replaces the elements' bytes. */
  async sendBatch(topic: string, elements: readonly BatchElement[], options: SendOptions = {}): Promise<SendAnswer> {
    const { queueId, group, sysFlag, messageFlag, bornTimestamp, reconsumeTimes, properties, ext, body, tags: _tags, keys: _keys, form: _form, ...rest } = options;
    return sendAnswer(await this.request(req.SEND_BATCH_MESSAGE, {
      a: group ?? 'conform_writer', b: topic, c: 'TBW102', d: 4, e: queueId ?? 0, f: sysFlag ?? 0, g: bornTimestamp ?? this.session.now(), h: messageFlag ?? 0,
      i: encodeProperties(properties ?? {}), j: reconsumeTimes ?? 0, k: false, m: true, ...ext,
    }, { ...rest, body: body ?? encodeBatch(elements) }));
  }

  /** One PULL_MESSAGE. */
  async pull(topic: string, options: PullOptions = {}): Promise<PullAnswer> {
    const { queueId, offset, max, group, subscription, expressionType, subVersion, suspendMs, commitOffset, sysFlag, ext, ...rest } = options;
    const answer = await this.request(req.PULL_MESSAGE, {
      consumerGroup: group ?? (await this.readerGroup()), topic, queueId: queueId ?? 0, queueOffset: offset ?? 0, maxMsgNums: max ?? 32,
      sysFlag: sysFlag ?? (4 | (commitOffset === undefined ? 0 : 1) | (suspendMs === undefined ? 0 : 2)),
      commitOffset: commitOffset ?? 0, suspendTimeoutMillis: suspendMs ?? 0, subscription: subscription ?? '*', subVersion: subVersion ?? 0,
      expressionType: expressionType ?? 'TAG', ...ext,
    }, { timeoutMs: (suspendMs ?? 0) + 5000, ...rest });
    return {
      ...answer, messages: answer.code === 0 ? decodeRecords(answer.body) : [], nextBeginOffset: number(answer.ext['nextBeginOffset']),
      minOffset: number(answer.ext['minOffset']), maxOffset: number(answer.ext['maxOffset']),
    };
  }

  /**
   * All messages of a queue from `offset`, waiting until at least `count` of them can be read (an endpoint may make messages visible a
   * moment after it acknowledged them). Fails the case when fewer came in `waitMs` (default 5000).
   */
  async pullAll(topic: string, count: number, options: PullOptions & { readonly waitMs?: number } = {}): Promise<StoredMessage[]> {
    const { waitMs, ...pullOptions } = options;
    const end = this.session.now() + (waitMs ?? 5000);
    const out: StoredMessage[] = [];
    for (let offset = Number(pullOptions.offset ?? 0); ; ) {
      const answer = await this.pull(topic, { ...pullOptions, offset });
      out.push(...answer.messages);
      const next = Number.isSafeInteger(answer.nextBeginOffset) ? answer.nextBeginOffset : offset;
      if (answer.code !== 0) code(answer, [19, 20, 21], `pull ${topic} queue ${pullOptions.queueId ?? 0} at ${offset}`);
      const moved = next > offset;
      offset = Math.max(offset, next);
      if (answer.code === 0 && moved && offset < answer.maxOffset) continue;
      if (out.length >= count && (offset >= answer.maxOffset || !moved)) return out;
      if (this.session.now() >= end) throw new Failure(`messages readable in ${topic} queue ${pullOptions.queueId ?? 0}`, `at least ${count}`, `${out.length} after ${waitMs ?? 5000} ms`);
      if (!moved) await this.session.sleep(20);
    }
  }

  /** The case's own consumer group, made on first use. */
  readerGroup(): Promise<string> {
    this.reader ??= this.session.has('admin') ? this.session.group({ suffix: 'reader' }) : Promise.resolve(this.session.groupName('reader'));
    return this.reader;
  }

  /** GET_MAX_OFFSET. */
  async maxOffset(topic: string, queueId = 0): Promise<OffsetAnswer> {
    return offsetAnswer(await this.request(req.GET_MAX_OFFSET, { topic, queueId }));
  }

  /** GET_MIN_OFFSET. */
  async minOffset(topic: string, queueId = 0): Promise<OffsetAnswer> {
    return offsetAnswer(await this.request(req.GET_MIN_OFFSET, { topic, queueId }));
  }

  /** SEARCH_OFFSET_BY_TIMESTAMP; `boundaryType` lower or upper since 5.0.0. */
  async searchOffset(topic: string, queueId: number, timestamp: number, ext: Ext = {}): Promise<OffsetAnswer> {
    return offsetAnswer(await this.request(req.SEARCH_OFFSET_BY_TIMESTAMP, { topic, queueId, timestamp, ...ext }));
  }

  /** QUERY_CONSUMER_OFFSET. */
  async queryOffset(consumerGroup: string, topic: string, queueId = 0, ext: Ext = {}): Promise<OffsetAnswer> {
    return offsetAnswer(await this.request(req.QUERY_CONSUMER_OFFSET, { consumerGroup, topic, queueId, ...ext }));
  }

  /** UPDATE_CONSUMER_OFFSET: a consumer acknowledges everything before `commitOffset`. */
  commitOffset(consumerGroup: string, topic: string, queueId: number, commitOffset: number | bigint, ext: Ext = {}): Promise<Answer> {
    return this.request(req.UPDATE_CONSUMER_OFFSET, { consumerGroup, topic, queueId, commitOffset, ...ext });
  }

  /** VIEW_MESSAGE_BY_ID, by commit log offset or offset message id. `message` is undefined unless the code is 0. */
  async viewById(id: string | number, ext: Ext = {}): Promise<Answer & { readonly message: StoredMessage | undefined }> {
    const answer = await this.request(req.VIEW_MESSAGE_BY_ID, { offset: typeof id === 'number' ? id : phyOffsetOf(id), ...ext });
    return { ...answer, message: answer.code === 0 ? decodeRecord(answer.body) : undefined };
  }

  /** QUERY_MESSAGE by a word of KEYS, or (`unique`) by UNIQ_KEY. */
  async queryByKey(topic: string, key: string, options: { readonly unique?: boolean; readonly max?: number; readonly begin?: number; readonly end?: number; readonly ext?: Ext } = {}): Promise<Answer & { readonly messages: readonly StoredMessage[] }> {
    const answer = await this.request(req.QUERY_MESSAGE, {
      topic, key, maxNum: options.max ?? 32, beginTimestamp: options.begin ?? 0, endTimestamp: options.end ?? this.session.now() + 3_600_000,
      ...(options.unique === true ? { _UNIQUE_KEY_QUERY: 'true' } : {}), ...options.ext,
    });
    return { ...answer, messages: answer.code === 0 ? decodeRecords(answer.body) : [] };
  }

  /** HEART_BEAT of a client with its consumers and producers. The connection is the client's channel. */
  heartbeat(clientID: string, options: HeartbeatOptions = {}): Promise<Answer> {
    const { consumers, producers, members, ...rest } = options;
    const body = {
      clientID,
      consumerDataSet: (consumers ?? []).map((consumer) => ({
        groupName: consumer.group, consumeType: consumer.type ?? 'CONSUME_PASSIVELY', messageModel: consumer.model ?? 'CLUSTERING',
        consumeFromWhere: consumer.from ?? 'CONSUME_FROM_FIRST_OFFSET', unitMode: false, subscriptionDataSet: consumer.subscriptions.map(subscriptionData),
      })),
      producerDataSet: (producers ?? []).map((groupName) => ({ groupName })),
      ...members,
    };
    return this.request(req.HEART_BEAT, {}, { ...rest, body: JSON.stringify(body) });
  }

  /** UNREGISTER_CLIENT. */
  unregister(clientID: string, groups: { readonly consumerGroup?: string; readonly producerGroup?: string }): Promise<Answer> {
    return this.request(req.UNREGISTER_CLIENT, { clientID, ...groups });
  }

  /** CONSUMER_SEND_MSG_BACK: a consumer returns a message for a later try. */
  sendBack(group: string, originTopic: string, phyOffset: number, ext: Ext = {}): Promise<Answer> {
    return this.request(req.CONSUMER_SEND_MSG_BACK, { group, originTopic, offset: phyOffset, delayLevel: 0, unitMode: false, maxReconsumeTimes: 16, ...ext });
  }

  /** POP_MESSAGE of one queue, or of all with queueId -1 (default). */
  async pop(topic: string, group: string, options: { readonly queueId?: number; readonly max?: number; readonly invisibleMs?: number; readonly pollMs?: number; readonly ext?: Ext; readonly timeoutMs?: number } = {}): Promise<Answer & { readonly messages: readonly StoredMessage[] }> {
    const pollMs = options.pollMs ?? 0;
    const answer = await this.request(req.POP_MESSAGE, {
      consumerGroup: group, topic, queueId: options.queueId ?? -1, maxMsgNums: options.max ?? 32, invisibleTime: options.invisibleMs ?? 30_000, pollTime: pollMs,
      bornTime: this.session.now(), initMode: 0, expType: 'TAG', exp: '*', order: false, ...options.ext,
    }, { timeoutMs: options.timeoutMs ?? pollMs + 5000 });
    return { ...answer, messages: answer.code === 0 ? decodeRecords(answer.body) : [] };
  }

  /** ACK_MESSAGE of a popped message by its receipt (extraInfo). */
  ack(consumerGroup: string, topic: string, queueId: number, offset: number, extraInfo: string, ext: Ext = {}): Promise<Answer> {
    return this.request(req.ACK_MESSAGE, { consumerGroup, topic, queueId, offset, extraInfo, ...ext });
  }
}

/** SubscriptionData as heartbeats and checks carry it. */
export function subscriptionData(subscription: Subscription | string): Record<string, unknown> {
  const { topic, expression, expressionType, subVersion } = typeof subscription === 'string' ? { topic: subscription } as Subscription : subscription;
  const tags = expression === undefined || expression === '*' || (expressionType ?? 'TAG') !== 'TAG' ? [] : expression.split('||').map((tag) => tag.trim()).filter((tag) => tag !== '');
  return {
    topic, subString: expression ?? '*', expressionType: expressionType ?? 'TAG', subVersion: subVersion ?? 1, classFilterMode: false, tagsSet: tags, codeSet: tags.map(stringHash),
  };
}

/** `String#hashCode`: a message's tags code. */
export function stringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

function sendAnswer(answer: Answer): SendAnswer {
  return { ...answer, msgId: answer.ext['msgId'] ?? '', queueId: number(answer.ext['queueId']), queueOffset: number(answer.ext['queueOffset']), transactionId: answer.ext['transactionId'] };
}

function offsetAnswer(answer: Answer): OffsetAnswer {
  return { ...answer, offset: number(answer.ext['offset']) };
}
