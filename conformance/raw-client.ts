/**
 * The conformance kit's own remoting client over node:net: frames, SEND_MESSAGE_V2, batches, PULL, queries and the few
 * admin calls the suites need. It encodes and reads every byte itself, so that a mistake in the product's codec cannot hide
 * here; stored messages and batches are those of kit/wire. No retries, no routing, one connection; `RawClient.connect` again after the peer went away.
 */
import { connect, type Socket } from 'node:net';
import { encodeBatch } from './kit/wire/batch.js';
import { encodeProperties } from './kit/wire/properties.js';
import { decodeRecord, decodeRecords, type StoredMessage } from './kit/wire/record.js';

export const code = {
  SEND_MESSAGE: 10, PULL_MESSAGE: 11, QUERY_MESSAGE: 12, QUERY_CONSUMER_OFFSET: 14, UPDATE_CONSUMER_OFFSET: 15,
  UPDATE_AND_CREATE_TOPIC: 17, GET_MAX_OFFSET: 30, GET_MIN_OFFSET: 31, VIEW_MESSAGE_BY_ID: 33, HEART_BEAT: 34,
  CONSUMER_SEND_MSG_BACK: 36, GET_ROUTEINFO_BY_TOPIC: 105, GET_BROKER_CLUSTER_INFO: 106,
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: 200, DELETE_TOPIC_IN_BROKER: 215, SEND_MESSAGE_V2: 310, SEND_BATCH_MESSAGE: 320,
  SET_MESSAGE_REQUEST_MODE: 401, POP_MESSAGE: 200050, ACK_MESSAGE: 200051,
} as const;

export interface Response {
  readonly code: number;
  readonly remark: string | undefined;
  readonly ext: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A peer's answer with a code the caller did not expect. */
export class RawError extends Error {
  readonly code: number;

  constructor(what: string, response: Pick<Response, 'code' | 'remark'>) {
    super(`${what}: code ${response.code}, ${response.remark ?? 'no remark'}`);
    this.name = 'RawError';
    this.code = response.code;
  }
}

export interface SendInput {
  readonly topic: string;
  readonly queueId: number;
  readonly body: Buffer;
  readonly properties?: Readonly<Record<string, string>>;
  readonly group?: string;
  /** Bit 0: the body is compressed (zlib unless bits 8-10 say another); default 0. */
  readonly sysFlag?: number;
  readonly flag?: number;
}

export interface SendOutput {
  readonly code: number;
  readonly remark: string | undefined;
  readonly msgId: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly transactionId: string | undefined;
}

export type Ext = Readonly<Record<string, string | number | boolean>>;

const responseBytesMax = 64 * 1024 * 1024;

/** JSON as Apache's server writes it: numeric map keys may stand without quotes. */
export function parseLooseJson(text: string): unknown {
  return JSON.parse(text.replace(/("(?:[^"\\]|\\.)*")|([{,]\s*)(-?\d+)(\s*:)/g, (_all, quoted: string | undefined, before: string, key: string, after: string) =>
    quoted ?? `${before}"${key}"${after}`));
}

interface Waiting {
  readonly resolve: (response: Response) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class RawClient {
  readonly address: string;
  private readonly socket: Socket;
  private readonly waiting = new Map<number, Waiting>();
  private opaque = 0;
  private pending: Buffer = Buffer.alloc(0);
  private gone: Error | undefined;

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.onData(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error(`${address} closed the connection`)));
  }

  /** @param address host:port. */
  static connect(address: string, timeoutMs = 5000): Promise<RawClient> {
    const [host, port] = address.split(':');
    return new Promise((resolve, reject) => {
      const socket = connect({ host: host ?? '127.0.0.1', port: Number(port) });
      const timer = setTimeout(() => socket.destroy(new Error(`no connection to ${address} in ${timeoutMs} ms`)), timeoutMs);
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve(new RawClient(address, socket));
      });
    });
  }

  get connected(): boolean {
    return this.gone === undefined;
  }

  close(): void {
    this.socket.destroy();
  }

  /** Called with each request and its response; for recording golden answers. */
  record: ((request: { code: number; ext: Ext; body: Buffer }, response: Response) => void) | undefined;

  /** Called with each request the peer sends on its own account, such as NOTIFY_CONSUMER_IDS_CHANGED. Nothing answers it. */
  onRequest: ((request: { code: number; flag: number; ext: Readonly<Record<string, string>>; body: Buffer }) => void) | undefined;

  /** MQVersion ordinal and LanguageCode that requests carry. */
  identity: { version: number; language: string } = { version: 513, language: 'OTHER' };

  /** One request and its response, whatever its code. Rejects when the connection ends or `timeoutMs` passes. */
  call(requestCode: number, ext: Ext, body: Buffer = Buffer.alloc(0), timeoutMs = 10_000): Promise<Response> {
    const opaque = ++this.opaque;
    return new Promise((resolve, reject) => {
      if (this.gone !== undefined) {
        reject(this.gone);
        return;
      }
      const timer = setTimeout(() => {
        this.waiting.delete(opaque);
        reject(new Error(`no answer from ${this.address} to request ${requestCode} in ${timeoutMs} ms`));
      }, timeoutMs);
      const record = this.record;
      this.waiting.set(opaque, {
        resolve: record === undefined ? resolve : (response) => {
          record({ code: requestCode, ext, body }, response);
          resolve(response);
        },
        reject,
        timer,
      });
      this.write(requestCode, opaque, 0, ext, body);
    });
  }

  /** Like `call`, but any code other than 0 throws `RawError`. */
  async ask(what: string, requestCode: number, ext: Ext, body?: Buffer): Promise<Response> {
    const response = await this.call(requestCode, ext, body);
    if (response.code !== 0) throw new RawError(what, response);
    return response;
  }

  oneway(requestCode: number, ext: Ext, body: Buffer = Buffer.alloc(0)): void {
    this.write(requestCode, ++this.opaque, 2, ext, body);
  }

  /** SEND_MESSAGE_V2. */
  async send(input: SendInput): Promise<SendOutput> {
    return sendOutput(await this.call(code.SEND_MESSAGE_V2, sendHeader(input, false), input.body));
  }

  /** SEND_BATCH_MESSAGE: all messages go to one topic and queue; `msgId` is the comma-joined list. */
  async sendBatch(topic: string, queueId: number, messages: readonly Pick<SendInput, 'body' | 'properties'>[]): Promise<SendOutput> {
    const body = encodeBatch(messages);
    return sendOutput(await this.call(code.SEND_BATCH_MESSAGE, sendHeader({ topic, queueId, body }, true), body));
  }

  /** One PULL without suspending. `messages` is empty unless the code is 0. */
  async pull(input: { topic: string; queueId: number; queueOffset: number; maxMessages?: number; group?: string; expression?: string }): Promise<{
    response: Response; messages: StoredMessage[]; nextBeginOffset: number; minOffset: number; maxOffset: number;
  }> {
    const response = await this.call(code.PULL_MESSAGE, {
      consumerGroup: input.group ?? 'conformance_reader', topic: input.topic, queueId: input.queueId, queueOffset: input.queueOffset,
      maxMsgNums: input.maxMessages ?? 32, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: input.expression ?? '*',
      subVersion: 0, expressionType: 'TAG',
    });
    return {
      response,
      messages: response.code === 0 ? decodeRecords(response.body) : [],
      nextBeginOffset: Number(response.ext['nextBeginOffset'] ?? -1),
      minOffset: Number(response.ext['minOffset'] ?? -1),
      maxOffset: Number(response.ext['maxOffset'] ?? -1),
    };
  }

  /** Every message of a queue from `from` to its present end. */
  async readQueue(topic: string, queueId: number, from = 0): Promise<StoredMessage[]> {
    const out: StoredMessage[] = [];
    for (let queueOffset = from; ; ) {
      const { response, messages, nextBeginOffset, maxOffset } = await this.pull({ topic, queueId, queueOffset });
      if (response.code === 0) {
        out.push(...messages);
        queueOffset = (messages.at(-1)?.queueOffset ?? queueOffset) + 1;
      } else if ((response.code === 20 || response.code === 21) && nextBeginOffset > queueOffset) {
        queueOffset = nextBeginOffset;
      } else if (response.code === 19 || response.code === 20 || response.code === 21) {
        return out;
      } else {
        throw new RawError(`pull ${topic}/${queueId}@${queueOffset}`, response);
      }
      if (queueOffset >= maxOffset) return out;
    }
  }

  async maxOffset(topic: string, queueId: number): Promise<number> {
    return Number((await this.ask('max offset', code.GET_MAX_OFFSET, { topic, queueId })).ext['offset']);
  }

  async minOffset(topic: string, queueId: number): Promise<number> {
    return Number((await this.ask('min offset', code.GET_MIN_OFFSET, { topic, queueId })).ext['offset']);
  }

  /** Messages whose KEYS hold `key`; none found is an empty list. */
  async queryByKey(topic: string, key: string, unique = false): Promise<StoredMessage[]> {
    const response = await this.call(code.QUERY_MESSAGE, {
      topic, key, maxNum: 64, beginTimestamp: 0, endTimestamp: Date.now() + 3_600_000, ...(unique ? { _UNIQUE_KEY_QUERY: 'true' } : {}),
    });
    if (response.code === 22) return [];
    if (response.code !== 0) throw new RawError(`query ${topic} ${key}`, response);
    return decodeRecords(response.body);
  }

  async viewByOffset(phyOffset: number): Promise<StoredMessage> {
    return decodeRecord((await this.ask('view message', code.VIEW_MESSAGE_BY_ID, { offset: phyOffset })).body);
  }

  async createTopic(topic: string, queues: number, more: Ext = {}): Promise<void> {
    await this.ask(`create topic ${topic}`, code.UPDATE_AND_CREATE_TOPIC, {
      topic, defaultTopic: 'TBW102', readQueueNums: queues, writeQueueNums: queues, perm: 6, topicFilterType: 'SINGLE_TAG',
      topicSysFlag: 0, order: false, ...more,
    });
  }

  /** Whether the name server (this client must be connected to it) has a route for the topic. */
  async hasRoute(topic: string): Promise<boolean> {
    return (await this.call(code.GET_ROUTEINFO_BY_TOPIC, { topic })).code === 0;
  }

  /** GET_BROKER_CLUSTER_INFO of a name server, as parsed JSON. */
  async clusterInfo(): Promise<unknown> {
    return parseLooseJson((await this.ask('cluster info', code.GET_BROKER_CLUSTER_INFO, {})).body.toString('utf8'));
  }

  private write(requestCode: number, opaque: number, flag: number, ext: Ext, body: Buffer): void {
    const extFields = Object.fromEntries(Object.entries(ext).map(([name, value]) => [name, String(value)]));
    const header = Buffer.from(JSON.stringify({ code: requestCode, extFields, flag, language: this.identity.language, opaque, serializeTypeCurrentRPC: 'JSON', version: this.identity.version }), 'utf8');
    const head = Buffer.alloc(8);
    head.writeInt32BE(4 + header.length + body.length, 0);
    head.writeInt32BE(header.length, 4); // the high byte is the serialization: 0 = JSON
    this.socket.write(Buffer.concat([head, header, body]));
  }

  private onData(chunk: Buffer): void {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    while (this.pending.length >= 4) {
      const length = this.pending.readInt32BE(0);
      if (length < 4 || length > responseBytesMax) {
        this.socket.destroy(new Error(`${this.address} sent a frame of ${length} bytes`));
        return;
      }
      if (this.pending.length < 4 + length) return;
      const frame = this.pending.subarray(4, 4 + length);
      this.pending = this.pending.subarray(4 + length);
      try {
        this.onFrame(frame);
      } catch (error) {
        this.socket.destroy(error instanceof Error ? error : new Error(String(error)));
        return;
      }
    }
  }

  private onFrame(frame: Buffer): void {
    const word = frame.readInt32BE(0);
    const headerBytes = word & 0xffffff;
    if (word >>> 24 !== 0) throw new Error(`${this.address} answered in serialization ${word >>> 24}`);
    const header = JSON.parse(frame.toString('utf8', 4, 4 + headerBytes)) as {
      code: number; flag: number; opaque: number; remark?: string | null; extFields?: Record<string, string> | null;
    };
    if ((header.flag & 1) === 0) { // a request of the broker's own, such as NOTIFY_CONSUMER_IDS_CHANGED
      this.onRequest?.({ code: header.code, flag: header.flag, ext: header.extFields ?? {}, body: frame.subarray(4 + headerBytes) });
      return;
    }
    const waiting = this.waiting.get(header.opaque);
    if (waiting === undefined) return;
    this.waiting.delete(header.opaque);
    clearTimeout(waiting.timer);
    waiting.resolve({ code: header.code, remark: header.remark ?? undefined, ext: header.extFields ?? {}, body: frame.subarray(4 + headerBytes) });
  }

  private fail(error: Error): void {
    this.gone ??= error;
    for (const waiting of this.waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(this.gone);
    }
    this.waiting.clear();
  }
}

/** SEND_MESSAGE_V2's one-letter fields: group, topic, default topic, its queues, queue, sysFlag, born, flag, properties, retries, unit, max retries, batch. */
function sendHeader(input: SendInput, batch: boolean): Ext {
  return {
    a: input.group ?? 'conformance_writer', b: input.topic, c: 'TBW102', d: 4, e: input.queueId, f: input.sysFlag ?? 0, g: Date.now(), h: input.flag ?? 0,
    i: batch ? '' : encodeProperties(input.properties ?? {}), j: 0, k: false, m: batch,
  };
}

function sendOutput(response: Response): SendOutput {
  return {
    code: response.code,
    remark: response.remark,
    msgId: response.ext['msgId'] ?? '',
    queueId: Number(response.ext['queueId'] ?? -1),
    queueOffset: Number(response.ext['queueOffset'] ?? -1),
    transactionId: response.ext['transactionId'],
  };
}
