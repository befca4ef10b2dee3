/**
 * A broker's surroundings for tests of single parts: a store in memory with real record bytes and faults on demand, tables that are maps, a
 * connection that keeps what was sent, a clock and a turn that move when told.
 */
import { HeaderScan } from '../../../codec/header-scan.js';
import { decodeCommand, decodeHeader, encodeCommand } from '../../../codec/header.js';
import { BatchCursor } from '../../../codec/batch.js';
import { encodeRecord, readRecord, RecordFields, recordLengthOf, RecordView, storedPropertiesBytes } from '../../../codec/message-record.js';
import { decodeMessage } from '../../../codec/stored-message.js';
import type { DecodedMessage } from '../../../codec/stored-message.js';
import { scanProperties, PropertyScan, propertySeparator } from '../../../codec/properties.js';
import { javaHashOfBytes } from '../../../compat/java-string-hash.js';
import { requests } from '../../../codec/requests.js';
import type { RequestName } from '../../../codec/requests.js';
import { viewOf } from '../../../codec/int64.js';
import { ManualClock, silentLog } from '../../../remoting/clocks.js';
import { EventTurn } from '../../../remoting/turn.js';
import type { Command } from '../../../codec/command.js';
import type { Connection, Ctx, FastHandler, Handlers, OutgoingRequest, Reply } from '../../../remoting/types.js';
import { encodeReplyHeader } from '../../../codec/header.js';
import type { FlushOutcome, GetResult, GetStatus, IndexQueryResult, MessageFilter, MessageStore, PutInput, PutResult, PutStatus, QueueRef, QueueUnit, RecordPlace } from '../../../store/types.js';
import type { BrokerConfig } from '../../config-types.js';
import { ExpressionCache } from '../../filter/expression.js';
import { ConsumerFilterTable } from '../../filter/filter-data.js';
import { createFilterRegistry } from '../../filter/message-filter.js';
import { simulatedDisk } from '../../../store/simulated-disk.js';
import { brokerLimits } from '../limits.js';
import type { BrokerLimits } from '../limits.js';
import type { BrokerContext, ConsumerGroup, GroupConfig, Subscription, Topic, TopicConfig } from '../types.js';

export interface FakeQueue extends QueueRef {
  minOffset: number;
  maxOffset: number;
  units: QueueUnit[];
}

/** A store that keeps everything in one buffer. What `writeTurn` did not write is gone after a fault. */
export class FakeStore implements MessageStore {
  readonly lightQueues = 0;
  readonly recovery = { cleanStop: true, recordsScanned: 0, bytesCut: 0, cutReason: undefined, elapsedMs: 0 };
  fault: string | undefined;
  syncFlush = false;
  /** The next writeTurn fails with this. */
  failWrite: string | undefined;
  /** Status of the next put. */
  failPut: PutStatus | undefined;
  /** Answers of `flushed`, in order; FLUSHED when empty. */
  flushes: (FlushOutcome | Promise<FlushOutcome>)[] = [];
  flushCalls = 0;
  /** `get` answers with a promise. */
  slowReads = false;
  fallenBehind = false;
  log = Buffer.alloc(1 << 20);
  tail = 0;
  written = 0;
  storeHost = Buffer.from('7f00000100002a9f', 'hex');
  readonly queues = new Map<string, FakeQueue>();
  readonly bodyMax = 4 * 1024 * 1024;
  indexAnswer: IndexQueryResult = { phyOffsets: [], indexLastUpdateTimestamp: 0, indexLastUpdatePhyOffset: 0 };
  indexAsked: unknown[] = [];
  private readonly nowMs: () => number;
  private readonly listeners: ((queue: QueueRef, from: number, to: number) => void)[] = [];
  private turn: { queue: FakeQueue; unit: QueueUnit }[] = [];
  private readonly result = { status: 'PUT_OK' as PutStatus, remark: '', phyOffset: 0, queueOffset: 0, recordBytes: 0, storeTimestamp: 0, count: 0, phyOffsets: new Float64Array(4096) };

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  get positions() {
    return { min: 0, written: this.written, flushed: this.written, confirmed: this.written, dispatched: this.written };
  }

  queue(topic: string, queueId: number): FakeQueue {
    const key = `${topic}@${queueId}`;
    let queue = this.queues.get(key);
    if (queue === undefined) {
      queue = { topic, topicBytes: Buffer.from(topic), queueId, minOffset: 0, maxOffset: 0, attachment: undefined, units: [] };
      this.queues.set(key, queue);
    }
    return queue;
  }

  compact(): void {
    // Reads of the fake come from the queue itself.
  }

  existingQueue(topic: string, queueId: number) {
    const queue = this.queues.get(`${topic}@${queueId}`);
    return queue !== undefined && queue.units.length > 0 ? queue : undefined;
  }

  queueIdsOf() {
    return [];
  }

  topicsOnDisk() {
    return [];
  }

  private refuse(status: PutStatus, remark: string): PutResult {
    return Object.assign(this.result, { status, remark, phyOffset: -1, queueOffset: -1, count: 0 });
  }

  private append(input: PutInput, fields: RecordFields, tagsCode: number): void {
    const queue = input.queue as FakeQueue;
    fields.queueId = queue.queueId;
    fields.sysFlag = input.sysFlag;
    fields.bornTimestamp = input.bornTimestamp;
    fields.bornHost = input.bornHost;
    fields.reconsumeTimes = input.reconsumeTimes;
    fields.topic = queue.topicBytes;
    fields.storeTimestamp = this.nowMs();
    fields.storeHost = this.storeHost;
    const pending = this.turn.filter((one) => one.queue === queue).length;
    fields.queueOffset = queue.units.length + pending;
    fields.phyOffset = this.tail;
    const length = recordLengthOf(fields);
    if (this.tail + length > this.log.length) this.log = Buffer.concat([this.log, Buffer.alloc(this.log.length + length)]);
    encodeRecord(this.log, viewOf(this.log), this.tail, fields);
    this.turn.push({ queue, unit: { queueOffset: fields.queueOffset, phyOffset: this.tail, recordBytes: length, tagsCode } });
    this.tail += length;
  }

  put(input: PutInput): PutResult {
    if (this.fault !== undefined) return this.refuse('SERVICE_NOT_AVAILABLE', this.fault);
    if (this.failPut !== undefined) {
      const status = this.failPut;
      this.failPut = undefined;
      return this.refuse(status, 'as the test wants it');
    }
    const fields = new RecordFields();
    fields.flag = input.flag;
    fields.body = input.body;
    fields.bodyStart = input.bodyStart;
    fields.bodyEnd = input.bodyEnd;
    fields.properties = input.props;
    fields.propertiesStart = input.propsStart;
    fields.propertiesEnd = input.propsEnd;
    const suffix = input.propsSuffix;
    fields.appended = suffix === undefined ? Buffer.alloc(0) : suffix[0] === propertySeparator ? suffix.subarray(1) : suffix;
    if (input.bodyEnd - input.bodyStart > this.bodyMax) return this.refuse('MESSAGE_ILLEGAL', 'body');
    if (storedPropertiesBytes(fields) > 32767) return this.refuse('PROPERTIES_SIZE_EXCEEDED', 'properties');
    const phyOffset = this.tail;
    this.append(input, fields, input.tagsCode);
    const unit = this.turn.at(-1)?.unit as QueueUnit;
    this.result.phyOffsets[0] = phyOffset;
    return Object.assign(this.result, { status: 'PUT_OK', remark: '', phyOffset, queueOffset: unit.queueOffset, recordBytes: unit.recordBytes, count: 1 });
  }

  putBatch(input: PutInput): PutResult {
    if (this.fault !== undefined) return this.refuse('SERVICE_NOT_AVAILABLE', this.fault);
    const cursor = new BatchCursor();
    const scan = new PropertyScan();
    const first = this.turn.length;
    const phyOffset = this.tail;
    cursor.reset(input.body, input.bodyStart, input.bodyEnd);
    let i = 0;
    while (cursor.next()) {
      const fields = new RecordFields();
      fields.flag = cursor.flag;
      fields.body = fields.properties = input.body;
      fields.bodyStart = cursor.bodyStart;
      fields.bodyEnd = cursor.bodyEnd;
      fields.propertiesStart = cursor.propertiesStart;
      fields.propertiesEnd = cursor.propertiesEnd;
      scanProperties(scan, input.body, cursor.propertiesStart, cursor.propertiesEnd);
      this.result.phyOffsets[i++] = this.tail;
      this.append(input, fields, scan.tagsStart < 0 ? 0 : javaHashOfBytes(0, input.body, scan.tagsStart, scan.tagsEnd));
    }
    if (cursor.reason !== '' || i === 0) {
      this.turn.length = first;
      this.tail = phyOffset;
      return this.refuse('MESSAGE_ILLEGAL', cursor.reason);
    }
    return Object.assign(this.result, { status: 'PUT_OK', remark: '', phyOffset, queueOffset: this.turn[first]?.unit.queueOffset, count: i });
  }

  writeTurn(): string | undefined {
    const turn = this.turn;
    this.turn = [];
    const fault = this.failWrite;
    if (fault !== undefined) {
      this.failWrite = undefined;
      this.tail = this.written;
      return fault;
    }
    this.written = this.tail;
    const from = new Map<FakeQueue, number>();
    for (const { queue, unit } of turn) {
      if (!from.has(queue)) from.set(queue, unit.queueOffset);
      queue.units.push(unit);
      queue.maxOffset = queue.units.length;
    }
    for (const [queue, start] of from) for (const listener of this.listeners) listener(queue, start, queue.maxOffset);
    return undefined;
  }

  flushed(): Promise<FlushOutcome> {
    this.flushCalls++;
    return Promise.resolve(this.flushes.shift() ?? 'FLUSHED');
  }

  setBitMapOf() {}

  onArrival(listener: (queue: QueueRef, from: number, to: number) => void) {
    this.listeners.push(listener);
  }

  get(ref: QueueRef, queueOffset: number, maxMsgs: number, maxBytes: number, filter: MessageFilter | undefined): GetResult | Promise<GetResult> {
    const result = this.read(ref as FakeQueue, queueOffset, maxMsgs, maxBytes, filter);
    return this.slowReads ? Promise.resolve(result) : result;
  }

  private read(queue: FakeQueue, queueOffset: number, maxMsgs: number, maxBytes: number, filter: MessageFilter | undefined): GetResult {
    const { minOffset, maxOffset } = queue;
    const none = (status: GetStatus, nextBeginOffset: number): GetResult =>
      ({ status, nextBeginOffset, minOffset, maxOffset, slices: [], messageCount: 0, bytes: 0, fallenBehind: this.fallenBehind });
    if (maxOffset === 0) return none('NO_MESSAGE_IN_QUEUE', 0);
    if (queueOffset < minOffset) return none('OFFSET_TOO_SMALL', minOffset);
    if (queueOffset === maxOffset) return none('OFFSET_OVERFLOW_ONE', queueOffset);
    if (queueOffset > maxOffset) return none('OFFSET_OVERFLOW_BADLY', maxOffset);
    const slices: Buffer[] = [];
    let next = queueOffset;
    let bytes = 0;
    for (const unit of queue.units.slice(queueOffset)) {
      const match = filter === undefined || filter.matchesEntry(unit.tagsCode);
      if (match && slices.length > 0 && (slices.length >= Math.min(maxMsgs, 32) || bytes + unit.recordBytes > Math.min(maxBytes, 262144))) break;
      next++;
      if (!match) continue;
      slices.push(this.log.subarray(unit.phyOffset, unit.phyOffset + unit.recordBytes));
      bytes += unit.recordBytes;
    }
    if (slices.length === 0) return none('NO_MATCHED_MESSAGE', next);
    return { status: 'FOUND', nextBeginOffset: next, minOffset, maxOffset, slices, messageCount: slices.length, bytes, fallenBehind: this.fallenBehind };
  }

  cached = true;

  isCached(): boolean {
    return this.cached;
  }

  setReadAhead(): void {
    // Nothing is read ahead.
  }

  release(): void {
    // Its slices are never used again.
  }

  units(ref: QueueRef, queueOffset: number, count: number) {
    return Promise.resolve((ref as FakeQueue).units.slice(queueOffset, queueOffset + count));
  }

  records(places: readonly RecordPlace[]): Promise<(Buffer | undefined)[]> {
    return Promise.all(places.map(({ phyOffset }) => this.record(phyOffset)));
  }

  record(phyOffset: number): Promise<Buffer | undefined> {
    const view = new RecordView();
    if (phyOffset >= this.written || readRecord(view, this.log, phyOffset, this.written) !== 'record') return Promise.resolve(undefined);
    return Promise.resolve(Buffer.from(this.log.subarray(phyOffset, phyOffset + view.size)));
  }

  offsetByTime() {
    return Promise.resolve(0);
  }

  storeTimeAt() {
    return Promise.resolve(-1);
  }

  earliestStoreTime() {
    return Promise.resolve(-1);
  }

  queryIndex(...asked: unknown[]) {
    this.indexAsked.push(asked);
    return Promise.resolve(this.indexAnswer);
  }

  deleteTopics() {
    return Promise.resolve(0);
  }

  cleanExpiredConsumeQueue() {
    return Promise.resolve();
  }

  deleteExpiredCommitLog() {
    return Promise.resolve(0);
  }

  runtimeInfo() {
    return {};
  }

  close() {
    return Promise.resolve();
  }

  /** Everything written, decoded, in order. */
  messages(): DecodedMessage[] {
    const found: DecodedMessage[] = [];
    const view = new RecordView();
    for (let at = 0; at < this.written; at += view.size) {
      if (readRecord(view, this.log, at, this.written) !== 'record') throw new Error(view.reason);
      found.push(decodeMessage(view));
    }
    return found;
  }
}

/** An answer as a peer reads it. */
export interface Answered {
  readonly code: number;
  readonly opaque: number;
  readonly remark: string | undefined;
  readonly ext: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export class FakeConnection implements Connection {
  readonly id: number;
  readonly remoteAddress = '127.0.0.1:4321';
  readonly remoteHost = Buffer.from('7f000001000010e1', 'hex');
  readonly localHost = '127.0.0.1';
  readonly localPort = 10911;
  open = true;
  state: unknown = undefined;
  private sent: Buffer[] = [];
  private readonly closers: (() => void)[] = [];

  constructor(id = 1) {
    this.id = id;
  }

  write(bytes: Uint8Array) {
    this.sent.push(Buffer.from(bytes));
  }

  writeOwned(bytes: Buffer) {
    this.sent.push(bytes);
  }

  reply(opaque: number, reply: Reply) {
    const body = reply.body === undefined ? undefined : Buffer.isBuffer(reply.body) ? reply.body : Buffer.concat([...reply.body]);
    this.sent.push(encodeCommand({ code: reply.code, opaque, flag: 1, remark: reply.remark, ext: encodeReplyHeader(reply.header, reply.ext), body }));
  }

  notify(_request: OutgoingRequest) {
    return true;
  }

  call(): Promise<Command> {
    return Promise.reject(new Error('not here'));
  }

  close() {
    this.open = false;
    for (const closer of this.closers) closer();
  }

  onClose(listener: () => void) {
    this.closers.push(listener);
  }

  /** What was sent since the last call, decoded. */
  take(): Answered[] {
    const bytes = Buffer.concat(this.sent);
    this.sent = [];
    const found: Answered[] = [];
    for (let at = 0; at < bytes.length; ) {
      const total = bytes.readInt32BE(at);
      const word = bytes.readInt32BE(at + 4);
      const command = decodeCommand(bytes, at + 8, at + 8 + (word & 0xffffff), at + 4 + total, word >>> 24);
      found.push({ code: command.code, opaque: command.opaque, remark: command.remark, ext: Object.fromEntries(command.ext), body: Buffer.from(command.body) });
      at += 4 + total;
    }
    return found;
  }
}

export const testConfig = {
  brokerClusterName: 'DefaultCluster', brokerName: 'broker-a', brokerId: 0, brokerIP1: '', listenPort: 10911, brokerPermission: 6,
  regionId: 'DefaultRegion', traceOn: true, startAcceptSendRequestTimeStamp: 0, rejectTransactionMessage: false, maxMessageSize: 4 * 1024 * 1024,
  longPollingEnable: true, shortPollingTimeMills: 1000, slaveReadEnable: false, litePullMessageEnable: true, useServerSideResetOffset: true,
  enableBroadcastOffsetStore: true, broadcastOffsetExpireSecond: 120, broadcastOffsetExpireMaxSecond: 300,
  coldDataFlowControlEnable: false, cgColdReadThreshold: 3145728, globalColdReadThreshold: 104857600, flowRuleFile: '', filterServerEnable: false, filterServerNums: 0,
  enablePropertyFilter: false, syncFlushTimeout: 5000, defaultQueryMaxNum: 32, storePathConfigDir: '/data/config',
  messageDelayLevel: '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h',
} as unknown as BrokerConfig;

const groupDefaults: GroupConfig = {
  groupName: 'g', consumeEnable: true, consumeFromMinEnable: true, consumeBroadcastEnable: true, consumeMessageOrderly: false, retryQueueNums: 1,
  retryMaxTimes: 16, groupRetryPolicy: undefined, brokerId: 0, whichBrokerWhenConsumeSlowly: 1, notifyConsumerIdsChangedEnable: true,
  groupSysFlag: 0, consumeTimeoutMinute: 15, subscriptionDataSet: undefined, attributes: {},
};

/** Everything a part needs, and hands on the rest. */
export class Kit {
  readonly clock = new ManualClock();
  readonly config: BrokerConfig = { ...testConfig };
  readonly limits: { -readonly [name in keyof BrokerLimits]: number } = { ...brokerLimits };
  readonly store = new FakeStore(() => this.clock.nowMs());
  private deferred: (() => void)[] = [];
  readonly turn = new EventTurn((error) => { throw error; }, (run) => { this.deferred.push(run); });
  readonly topics = new Map<string, Topic>();
  readonly groups = new Map<string, GroupConfig>();
  readonly consumers = new Map<string, ConsumerGroup>();
  readonly committed = new Map<string, number>();
  readonly pulled = new Map<string, number>();
  readonly resets = new Map<string, number>();
  readonly forbidden = new Set<string>();
  readonly lockedGroups = new Set<string>();
  readonly filterTable = new ConsumerFilterTable({
    config: { storePathConfigDir: '/data/config', maxErrorRateOfBloomFilter: 20, expectConsumerNumUseFilter: 32, filterDataCleanTimeSpan: 86_400_000 },
    disk: simulatedDisk(1), clock: this.clock, log: silentLog, expressions: new ExpressionCache(),
  });
  autoCreate = true;
  autoCreateGroup = true;
  randomValue = 0.5;
  readonly connection = new FakeConnection();
  readonly ctx: BrokerContext;
  private readonly scan = new HeaderScan();
  private opaque = 100;

  constructor() {
    const storeHost = this.store.storeHost;
    const never = (): never => { throw new Error('not in this kit'); };
    const create = (name: string): Topic => this.topic(name, { readQueueNums: 4, writeQueueNums: 4 });
    this.ctx = {
      config: this.config, limits: this.limits, clock: this.clock, log: silentLog, turn: this.turn, store: this.store,
      topics: {
        dataVersion: { stateVersion: 0, timestamp: 0, counter: 0 },
        get: (name) => this.topics.get(name),
        getByBytes: (bytes, start, end) => this.topics.get(bytes.toString('latin1', start, end)),
        all: () => this.topics.values(),
        createOnSend: (name) => (this.autoCreate ? create(name) : undefined),
        createOnSendBack: (name, queueNums, perm, topicSysFlag) =>
          this.topics.get(name) ?? this.topic(name, { readQueueNums: queueNums, writeQueueNums: queueNums, perm, topicSysFlag }),
        takeAwaited: () => undefined,
        update: never, delete: never,
        isSystem: () => false,
        isSendForbidden: (name) => name === 'SCHEDULE_TOPIC_XXXX' || name === 'SELF_TEST_TOPIC',
      },
      groups: {
        dataVersion: { stateVersion: 0, timestamp: 0, counter: 0 },
        find: (group) => this.groups.get(group) ?? (this.autoCreateGroup ? this.group(group) : undefined),
        get: (group) => this.groups.get(group),
        all: () => this.groups.values(),
        update: never, delete: never, setForbidden: never,
        forbidden: (group, topic, bit) => this.forbidden.has(`${group}@${topic}@${bit}`),
      },
      offsets: {
        query: never, queryPull: never, pendingReset: never, assignReset: never, groupsOf: never, topicsOf: never, queuesOf: never,
        queryBroadcast: (group, topic, queueId) => this.committed.get(`${group}@broadcast@${topic}@${queueId}`) ?? -1,
        commitBroadcast: (group, topic, queueId, offset) => void this.committed.set(`${group}@broadcast@${topic}@${queueId}`, offset),
        clone: never, removeGroup: never, removeTopic: never,
        commit: (group, topic, queueId, offset) => void this.committed.set(`${group}@${topic}@${queueId}`, offset),
        commitPull: (group, topic, queueId, offset) => void this.pulled.set(`${group}@${topic}@${queueId}`, offset),
        takeReset: (group, topic, queueId) => {
          const key = `${group}@${topic}@${queueId}`;
          const offset = this.resets.get(key);
          this.resets.delete(key);
          return offset;
        },
      },
      consumers: {
        get: (group) => this.consumers.get(group),
        subscription: (group, topic) => this.consumers.get(group)?.subscriptions.get(topic),
        all: () => this.consumers.values(), findClient: () => undefined, clientIds: () => [],
      },
      producers: { get: () => undefined, all: () => [], findByClientId: () => undefined },
      locks: { anyLocked: (group) => this.lockedGroups.has(group) },
      filters: createFilterRegistry({ table: this.filterTable, filterSupportRetry: false }),
      random: () => this.randomValue,
      brokerAddress: () => '127.0.0.1:10911',
      storeHost: () => storeHost,
    };
  }

  /** The turn asked for a topic that is on its way to the platter until that settles; undefined: it did not. */
  creates(saved: Promise<void> | undefined): void {
    Object.assign(this.ctx.topics, { takeAwaited: () => saved });
  }

  topic(name: string, config: Partial<TopicConfig> = {}): Topic {
    const whole: TopicConfig = {
      topicName: name, readQueueNums: 4, writeQueueNums: 4, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, attributes: {}, ...config,
    };
    const count = Math.max(whole.readQueueNums, whole.writeQueueNums);
    const queues = Array.from({ length: count }, (_, i) => this.store.queue(name, i));
    const topic: Topic = { config: whole, name, nameBytes: Buffer.from(name), mapped: false, queues };
    this.topics.set(name, topic);
    return topic;
  }

  group(name: string, config: Partial<GroupConfig> = {}): GroupConfig {
    const group = { ...groupDefaults, groupName: name, ...config };
    this.groups.set(name, group);
    return group;
  }

  /** A group with a live consumer and these subscriptions. */
  consumer(group: string, subscriptions: readonly Subscription[], messageModel: ConsumerGroup['messageModel'] = 'CLUSTERING'): void {
    this.consumers.set(group, {
      group, consumeType: 'CONSUME_PASSIVELY', messageModel, consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET', clients: new Map(),
      subscriptions: new Map(subscriptions.map((one) => [one.topic, one])),
    });
  }

  /** Ends the turn, and turns that ending it begins; promises settle in between. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => { setImmediate(resolve); });
      const runs = this.deferred;
      this.deferred = [];
      for (const run of runs) run();
    }
  }

  /** Ends the turn without letting promises settle. */
  endTurn(): void {
    const runs = this.deferred;
    this.deferred = [];
    for (const run of runs) run();
  }

  frame(name: RequestName, ext: Readonly<Record<string, string>>, body?: Buffer, flag = 0, version = 513): Buffer {
    return encodeCommand({ code: requests[name].code, opaque: this.opaque++, flag, version, ext, body });
  }

  /** Runs a frame through a fast handler; whether it was taken. */
  fast(handler: FastHandler, frame: Buffer, connection: Connection = this.connection): boolean {
    const headerEnd = 8 + (frame.readInt32BE(4) & 0xffffff);
    if (!this.scan.scan(frame, 8, headerEnd)) return false;
    return handler(connection, this.scan, frame, headerEnd, 4 + frame.readInt32BE(0));
  }

  /** Runs a frame through an ordinary handler, answering on the connection as dispatch does. */
  async slow(handlers: Partial<Handlers>, name: RequestName, frame: Buffer, connection: Connection = this.connection): Promise<void> {
    const word = frame.readInt32BE(4);
    const command = decodeCommand(frame, 8, 8 + (word & 0xffffff), 4 + frame.readInt32BE(0), word >>> 24);
    const oneway = (command.flag & 2) !== 0;
    const call: Ctx = {
      connection, command, receivedMs: this.clock.nowMs(),
      reply: (reply) => { if (!oneway) connection.reply(command.opaque, reply); },
    };
    const handler = handlers[name] as ((call: Ctx, header: unknown, body: Buffer) => Reply | undefined | Promise<Reply | undefined>);
    try {
      const pending = handler(call, decodeHeader(name, command.ext), command.body);
      const [reply] = await Promise.all([pending, pending instanceof Promise ? this.settle() : undefined]);
      if (reply !== undefined) call.reply(reply);
    } catch (error) {
      const { code, message } = error as { code: Reply['code']; message: string };
      if (typeof code !== 'number') throw error;
      call.reply({ code, remark: message });
    }
  }
}

/** Fields of a SEND_MESSAGE_V2 as the Java client writes them. */
export function sendFields(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    a: 'pg', b: 'T', c: 'TBW102', d: '4', e: '1', f: '0', g: '1700000000000', h: '0', j: '0', k: 'false', m: 'false', n: 'broker-a',
    i: 'UNIQ_KEY\u0001FD000000000000000000000000000002081230946E096F68D8780000\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002', ...more,
  };
}
