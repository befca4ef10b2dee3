import { afterEach, describe, expect, it } from '@jest/globals';
import { clientType, filterType, grpcCode, grpcMethods, grpcServicePath, liteSubscriptionAction, messageType, transactionResolution, transactionSource, type GrpcMethodName } from '../../codec/grpc-messages.js';
import type { Command } from '../../codec/command.js';
import type { MessageType, Partly, Value } from '../../codec/protobuf.js';
import { requests } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { encodeMessage } from '../../codec/stored-message.js';
import { javaStringHash } from '../../compat/java-string-hash.js';
import { grpcStatus } from '../../remoting/grpc.js';
import { silentLog } from '../../remoting/clocks.js';
import { Composed } from '../broker/testdata/composed.js';
import { LocalBrokers } from './local-brokers.js';
import { readHandle } from './receipt-handle.js';
import { consistentHash } from '../../compat/consistent-hash.js';
import { createProxy, type Proxy } from './service.js';
import { KeptCall } from './testdata/kept-call.js';

type RequestOf<M extends GrpcMethodName> = Partly<Value<(typeof grpcMethods)[M]['request']>>;
type AnswerOf<M extends GrpcMethodName> = Value<(typeof grpcMethods)[M]['answer']>;

interface Asked { readonly name: string; readonly header: Readonly<Record<string, unknown>> }

/** The service before a whole broker on a disk in memory; `handlers` are put over the broker's own and what they are asked is kept. */
class Stage {
  readonly asked: Asked[] = [];
  readonly composed: Composed;
  readonly proxy: Proxy;

  private constructor(composed: Composed, handlers: Readonly<Record<string, (header: never) => object>>) {
    this.composed = composed;
    const over = Object.fromEntries(Object.entries(handlers).map(([name, answer]) => [name, (_ctx: unknown, header: never) => {
      this.asked.push({ name, header });
      return answer(header);
    }]));
    const { broker, clock } = composed;
    this.proxy = createProxy({
      brokers: new LocalBrokers({ broker: { handlers: { ...broker.handlers, ...over }, laneSet: broker.laneSet, context: broker.context }, clock, log: silentLog }),
      clock, log: silentLog, crowded: () => false,
    });
  }

  static async open(handlers: Readonly<Record<string, (header: never) => object>> = {}, settings: Readonly<Record<string, string>> = {}): Promise<Stage> {
    return new Stage(await Composed.open(settings), handlers);
  }

  async topic(topic: string, type = 'NORMAL', queues = 1): Promise<void> {
    const ext = { topic, defaultTopic: 'TBW102', readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false', attributes: `+message.type=${type}` };
    expect((await this.composed.ask('UPDATE_AND_CREATE_TOPIC', { ext })).code).toBe(0);
  }

  /** Runs turns until the call has ended. */
  async finished(call: KeptCall): Promise<void> {
    let over = false;
    void call.over.then(() => (over = true));
    for (let i = 0; i < 200 && !over; i++) await this.turn();
    expect(call.open).toBe(false);
  }

  async turn(): Promise<void> {
    this.composed.turn.run();
    await new Promise<void>((resolve) => { setImmediate(resolve); });
  }

  async callAll<M extends Exclude<GrpcMethodName, 'Telemetry'>>(method: M, request: RequestOf<M>, call = new KeptCall()): Promise<AnswerOf<M>[]> {
    const handler = this.proxy.handlers.get(grpcServicePath + method);
    if (handler?.kind !== 'unary') throw new Error(`no ${method}`);
    handler.call(call, (grpcMethods[method].request as MessageType<Value<(typeof grpcMethods)[M]['request']>>).encode(request as never));
    await this.finished(call);
    return call.sent.map((bytes) => grpcMethods[method].answer.decode(bytes) as AnswerOf<M>);
  }

  async call<M extends Exclude<GrpcMethodName, 'Telemetry'>>(method: M, request: RequestOf<M>, call = new KeptCall()): Promise<AnswerOf<M>> {
    const [answer] = await this.callAll(method, request, call);
    if (answer === undefined) throw new Error(`${method} was not answered`);
    return answer;
  }

  /** Opens Telemetry with settings and waits for their answer. */
  async telemetry(settings: RequestOf<'Telemetry'>['settings'], call = new KeptCall()): Promise<KeptCall> {
    const handler = this.proxy.handlers.get(`${grpcServicePath}Telemetry`);
    if (handler?.kind !== 'streaming') throw new Error('no Telemetry');
    handler.open(call).message(grpcMethods.Telemetry.request.encode({ settings }));
    for (let i = 0; i < 200 && call.sent.length === 0 && call.open; i++) await this.turn();
    return call;
  }

  consumer(group: string, topic: string, type: number = clientType.PUSH_CONSUMER): Promise<KeptCall> {
    return this.telemetry({ clientType: type, subscription: { group: { name: group }, subscriptions: [{ topic: { name: topic }, expression: { type: filterType.TAG, expression: '*' } }] } });
  }
}

const stages: Stage[] = [];
afterEach(async () => {
  for (const stage of stages.splice(0)) {
    stage.proxy.stop();
    await stage.composed.stop();
  }
});

async function open(handlers: Readonly<Record<string, (header: never) => object>> = {}, settings: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const stage = await Stage.open(handlers, settings);
  stages.push(stage);
  return stage;
}

const message = (topic: string, system: object = {}): object => ({ topic: { name: topic }, body: Buffer.from('hello'), systemProperties: { messageId: 'ID1', messageType: messageType.NORMAL, ...system } });

/** Where the clock of the tests begins. */
const startMs = 1_700_000_000_000;

/** What POP answers: records of these messages, with the information clients build receipts from. */
const popped = (...messages: readonly { readonly queueOffset: number; readonly tag?: string; readonly reconsumeTimes?: number }[]) => (): object => ({
  code: responseCodes.SUCCESS,
  header: { popTime: startMs, invisibleTime: 60_000, reviveQid: 3, startOffsetInfo: '0 0 5', restNum: 0 },
  body: Buffer.concat(messages.map(({ queueOffset, tag, reconsumeTimes }) => encodeMessage({
    topic: 'T', queueOffset, phyOffset: 100 + queueOffset, body: Buffer.from(`b${queueOffset}`), reconsumeTimes: reconsumeTimes ?? 0,
    properties: new Map([['UNIQ_KEY', `U${queueOffset}`], ...(tag === undefined ? [] : [['TAGS', tag] as const])]),
  }))),
});

const receiveOf = (more: RequestOf<'ReceiveMessage'> = {}): RequestOf<'ReceiveMessage'> => ({
  group: { name: 'G' }, messageQueue: { topic: { name: 'T' } }, batchSize: 8, invisibleDuration: { seconds: 30 }, longPollingTimeout: { seconds: 5 }, filterExpression: { type: filterType.TAG, expression: '*' }, ...more,
});

const ok = (): object => ({ code: responseCodes.SUCCESS });

describe('the gRPC service', () => {
  it('stores a message through the broker\'s own handler, with the caller\'s address and id', async () => {
    const stage = await open();
    await stage.topic('T');
    const answer = await stage.call('SendMessage', { messages: [message('T', { tag: 'A', keys: ['k1', 'k2'] })] });
    expect(answer.status?.code).toBe(grpcCode.OK);
    expect(answer.entries[0]).toMatchObject({ messageId: 'ID1', offset: 0, transactionId: '' });
    const pulled = await stage.composed.ask('GET_MAX_OFFSET', { ext: { topic: 'T', queueId: '0' } });
    expect(pulled.header).toMatchObject({ offset: 1 });
  });

  it('registers clients as producers and consumers of the broker, and lets go of them', async () => {
    const stage = await open();
    await stage.topic('T');
    await stage.consumer('G', 'T');
    expect(stage.composed.broker.consumers.clientIds('G')).toEqual(['client-1']);
    expect((await stage.call('Heartbeat', { group: { name: 'G' } })).status?.code).toBe(grpcCode.OK);
    expect((await stage.call('NotifyClientTermination', { group: { name: 'G' } })).status?.code).toBe(grpcCode.OK);
    expect(stage.composed.broker.consumers.clientIds('G')).toEqual([]);
    expect((await stage.call('Heartbeat', {})).status?.code).toBe(grpcCode.UNRECOGNIZED_CLIENT_TYPE);
    expect(stage.proxy.sizes()).toEqual({ clients: 0, halfMessages: 0, renewals: 0 });
  });

  it('forgets a client that sends no heartbeats', async () => {
    const stage = await open();
    await stage.topic('T');
    await stage.telemetry({ clientType: clientType.PRODUCER, publishing: { topics: [{ name: 'T' }] } });
    expect(stage.proxy.sizes().clients).toBe(1);
    stage.composed.clock.advance(121_000);
    stage.composed.broker.producers.scan();
    expect(stage.proxy.sizes().clients).toBe(0);
  });

  it('refuses a consumer whose group is not there and is not made on demand', async () => {
    const stage = await open({}, { autoCreateSubscriptionGroup: 'false' });
    await stage.topic('T');
    const telemetry = await stage.consumer('G', 'T');
    expect([telemetry.status, telemetry.text]).toEqual([grpcStatus.INVALID_ARGUMENT, 'process client telemetryCommand failed. group not found: G']);
    expect(stage.composed.broker.consumers.get('G')).toBeUndefined();
    expect((await stage.call('Heartbeat', { group: { name: 'G' } })).status?.code).toBe(grpcCode.UNRECOGNIZED_CLIENT_TYPE);
  });

  it('takes a lite client into a lite group of its topic only, and another into none', async () => {
    const stage = await open();
    await stage.topic('T');
    await stage.topic('P', 'LITE');
    await stage.composed.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: Buffer.from(JSON.stringify({ groupName: 'L', attributes: { '+lite.bind.topic': 'P', '+lite.sub.client.quota': '2' } })) });
    const refusal = async (type: number, group: string, topic: string): Promise<string> => (await stage.consumer(group, topic, type)).text?.replace('process client telemetryCommand failed. ', '') ?? 'taken';
    expect(await refusal(clientType.LITE_PUSH_CONSUMER, 'G', 'T')).toBe('regular group cannot use LITE mode: G');
    expect(await refusal(clientType.PUSH_CONSUMER, 'L', 'P')).toBe('lite group must use LITE mode: L');
    expect(await refusal(clientType.LITE_PUSH_CONSUMER, 'L', 'T')).toBe('lite group L is expected to bind topic P, but actual is T');
    expect(await refusal(clientType.LITE_PUSH_CONSUMER, 'L', 'P')).toBe('taken');
    const sync = async (topic: string, group: string, ...liteTopicSet: string[]): Promise<number | undefined> => (await stage.call('SyncLiteSubscription', { action: liteSubscriptionAction.PARTIAL_ADD, topic: { name: topic }, group: { name: group }, liteTopicSet })).status?.code;
    expect(await sync('T', 'L', 'a')).toBe(grpcCode.ILLEGAL_TOPIC);
    const names = Array.from({ length: 303 }, (_, i) => `r${i}`);
    expect(await sync('P', 'L', ...names)).toBe(grpcCode.LITE_SUBSCRIPTION_QUOTA_EXCEEDED);
    expect(await sync('P', 'L', ...names.slice(1))).not.toBe(grpcCode.LITE_SUBSCRIPTION_QUOTA_EXCEEDED);
  });

  it('refuses times, priorities and batches that Apache fails over', async () => {
    const stage = await open();
    await stage.topic('D', 'DELAY');
    await stage.topic('X', 'TRANSACTION');
    await stage.topic('T');
    const send = async (...messages: object[]): Promise<number | undefined> => (await stage.call('SendMessage', { messages })).status?.code;
    const later = { deliveryTimestamp: { seconds: startMs / 1000 + 60, nanos: 0 } };
    expect(await send(message('D', later))).toBe(grpcCode.OK);
    expect(await send(message('D', { deliveryTimestamp: { seconds: 1, nanos: 2_000_000_000 } }))).toBe(grpcCode.INTERNAL_SERVER_ERROR);
    expect(await send(message('D', { deliveryTimestamp: { seconds: 1, nanos: -1 } }))).toBe(grpcCode.INTERNAL_SERVER_ERROR);
    expect(await send(message('D', { deliveryTimestamp: { seconds: 999_999_999_999_999, nanos: 0 } }))).toBe(grpcCode.INTERNAL_SERVER_ERROR);
    expect(await send(message('D', later), message('D', { ...later, messageId: 'ID2' }))).toBe(grpcCode.INTERNAL_SERVER_ERROR);
    const half = (orphanedTransactionRecoveryDuration: object): object => message('X', { messageType: messageType.TRANSACTION, orphanedTransactionRecoveryDuration });
    expect(await send(half({ seconds: 5, nanos: 0 }))).toBe(grpcCode.OK);
    expect(await send(half({ seconds: 5, nanos: -1 }))).toBe(grpcCode.INTERNAL_SERVER_ERROR);
    expect(await send(message('T', { priority: -1 }))).toBe(grpcCode.INTERNAL_SERVER_ERROR);
    expect((await stage.call('ReceiveMessage', receiveOf({ batchSize: -1 }))).status?.code).toBe(grpcCode.INTERNAL_SERVER_ERROR);
    expect((await stage.call('ReceiveMessage', receiveOf({ batchSize: 0 }))).status?.code).toBe(grpcCode.MESSAGE_NOT_FOUND);
    expect((await stage.telemetry({ clientType: 99, publishing: { topics: [{ name: 'T' }] } })).status).toBe(grpcStatus.INTERNAL);
  });

  it('gives each received message a receipt handle from what the broker said, and streams status, messages, time', async () => {
    const stage = await open({ POP_MESSAGE: popped({ queueOffset: 5 }, { queueOffset: 6 }) });
    await stage.topic('T');
    const parts = await stage.callAll('ReceiveMessage', receiveOf());
    expect(parts.map((part) => part.status?.code ?? part.message?.systemProperties?.receiptHandle ?? (part.deliveryTimestamp === undefined ? undefined : 'time'))).toEqual([
      grpcCode.OK, `5 ${startMs} 60000 3 0 ${stage.composed.broker.context.config.brokerName} 0 5 105`, `5 ${startMs} 60000 3 0 ${stage.composed.broker.context.config.brokerName} 0 6 106`, 'time',
    ]);
    expect(stage.asked[0]?.header).toMatchObject({ topic: 'T', consumerGroup: 'G', queueId: -1, maxMsgNums: 8, invisibleTime: 30_000n, pollTime: 5000n, initMode: 1, exp: '*', expType: 'TAG', order: false });
  });

  it('acknowledges what the filter does not want, and buries what was delivered too often', async () => {
    const stage = await open({ POP_MESSAGE: popped({ queueOffset: 1, tag: 'A' }, { queueOffset: 2, tag: 'B' }, { queueOffset: 3, tag: 'A', reconsumeTimes: 17 }), ACK_MESSAGE: ok, CONSUMER_SEND_MSG_BACK: ok });
    await stage.topic('T');
    const parts = await stage.callAll('ReceiveMessage', receiveOf({ filterExpression: { type: filterType.TAG, expression: 'A' } }));
    expect(parts.flatMap((part) => (part.message === undefined ? [] : [part.message.systemProperties?.messageId]))).toEqual(['U1']);
    expect(stage.asked.filter((one) => one.name === 'CONSUMER_SEND_MSG_BACK').map((one) => one.header)).toMatchObject([{ offset: 103n, group: 'G', delayLevel: -1, originMsgId: 'U3', maxReconsumeTimes: 0 }]);
  });

  it('says what the broker says when there is nothing, or too many wait', async () => {
    for (const [code, status] of [[responseCodes.POLLING_TIMEOUT, grpcCode.MESSAGE_NOT_FOUND], [responseCodes.POLLING_FULL, grpcCode.TOO_MANY_REQUESTS], [responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, grpcCode.CONSUMER_GROUP_NOT_FOUND]] as const) {
      const stage = await open({ POP_MESSAGE: () => ({ code, remark: 'words' }) });
      await stage.topic('T');
      const parts = await stage.callAll('ReceiveMessage', receiveOf());
      expect(parts.map((part) => part.status?.code ?? 'time')).toEqual([status, 'time']);
    }
  });

  it('remembers where half messages lie, from the send or from the broker\'s check, and ends them there', async () => {
    const stage = await open({
      SEND_MESSAGE_V2: () => ({ code: responseCodes.SUCCESS, header: { msgId: '7F00000100002A9F0000000000000123', queueOffset: 7, queueId: 0, transactionId: 'ID1' } }), END_TRANSACTION: ok,
    });
    await stage.topic('T', 'TRANSACTION');
    const telemetry = await stage.telemetry({ clientType: clientType.PRODUCER, publishing: { topics: [{ name: 'T' }] } });
    const sent = await stage.call('SendMessage', { messages: [message('T', { messageType: messageType.TRANSACTION })] });
    expect(sent.entries[0]?.transactionId).toBe('ID1');
    const end = (transactionId: string, source: number): Promise<AnswerOf<'EndTransaction'>> => stage.call('EndTransaction', { topic: { name: 'T' }, messageId: 'ID1', transactionId, resolution: transactionResolution.COMMIT, source });
    expect((await end('ID1', transactionSource.SOURCE_CLIENT)).status?.code).toBe(grpcCode.OK);
    expect(stage.asked.at(-1)?.header).toMatchObject({ tranStateTableOffset: 7n, commitLogOffset: 0x123n, commitOrRollback: 8, fromTransactionCheck: false, producerGroup: 'T' });
    expect((await end('ID1', transactionSource.SOURCE_CLIENT)).status?.message).toBe('cannot found transaction data');

    const [channel] = [...(stage.composed.broker.producers.get('T') ?? [])].map(([connection]) => connection);
    const ext = { transactionId: 'ID9', tranStateTableOffset: '9', commitLogOffset: '999', msgId: 'ID9' };
    expect(channel?.notify({ code: requests.CHECK_TRANSACTION_STATE.code, ext, body: encodeMessage({ topic: 'T', body: Buffer.from('half'), properties: new Map([['UNIQ_KEY', 'ID9'], ['REAL_TOPIC', 'T']]) }) })).toBe(true);
    const command = grpcMethods.Telemetry.answer.decode(telemetry.sent.at(-1) ?? Buffer.alloc(0));
    expect(command.recoverOrphanedTransactionCommand).toMatchObject({ transactionId: 'ID9', message: { topic: { name: 'T' }, body: Buffer.from('half'), systemProperties: { messageId: 'ID9' } } });
    expect((await end('ID9', transactionSource.SOURCE_SERVER_CHECK)).status?.code).toBe(grpcCode.OK);
    expect(stage.asked.at(-1)?.header).toMatchObject({ tranStateTableOffset: 9n, commitLogOffset: 999n, fromTransactionCheck: true });
  });

  it('asks a consumer to consume a message or to show its stack, and passes the answer on', async () => {
    const stage = await open();
    await stage.topic('T');
    const telemetry = await stage.consumer('G', 'T');
    const channel = stage.composed.broker.consumers.findClient('G', 'client-1')?.connection;
    const answer = channel?.call({ code: requests.CONSUME_MESSAGE_DIRECTLY.code, ext: {}, body: encodeMessage({ topic: 'T', body: Buffer.from('x') }) }, 1000);
    const { nonce } = grpcMethods.Telemetry.answer.decode(telemetry.sent.at(-1) ?? Buffer.alloc(0)).verifyMessageCommand ?? { nonce: '' };
    const handler = stage.proxy.handlers.get(`${grpcServicePath}Telemetry`);
    if (handler?.kind !== 'streaming') throw new Error('no Telemetry');
    handler.open(new KeptCall()).message(grpcMethods.Telemetry.request.encode({ status: { code: grpcCode.FAILED_TO_CONSUME_MESSAGE }, verifyMessageResult: { nonce } }));
    expect(JSON.parse((await answer)?.body.toString() ?? '')).toMatchObject({ consumeResult: 'CR_LATER' });
    const stack = async (code: number): Promise<Command | undefined> => {
      const asked = channel?.call({ code: requests.GET_CONSUMER_RUNNING_INFO.code, ext: { jstackEnable: 'true' } }, 1000);
      const command = grpcMethods.Telemetry.answer.decode(telemetry.sent.at(-1) ?? Buffer.alloc(0)).printThreadStackTraceCommand;
      handler.open(new KeptCall()).message(grpcMethods.Telemetry.request.encode({ status: { code }, threadStackTrace: { nonce: command?.nonce ?? '', threadStackTrace: 'main at x' } }));
      return asked;
    };
    expect(JSON.parse((await stack(grpcCode.OK))?.body.toString() ?? '')).toMatchObject({ jstack: 'main at x' });
    expect(await stack(grpcCode.VERIFY_FIFO_MESSAGE_UNSUPPORTED)).toMatchObject({ code: responseCodes.NO_PERMISSION, remark: 'forbidden to verify message' });
    expect(await stack(grpcCode.INTERNAL_ERROR)).toMatchObject({ code: responseCodes.SYSTEM_ERROR, remark: 'verify message failed' });
    telemetry.leave();
    await expect(channel?.call({ code: requests.GET_CONSUMER_RUNNING_INFO.code, ext: {} }, 1000)).rejects.toThrow('no Telemetry stream');
  });

  it('refuses every method without a client id, in the answer\'s own form', async () => {
    const stage = await open();
    for (const method of ['QueryRoute', 'SendMessage', 'AckMessage', 'ReceiveMessage'] as const) {
      expect((await stage.call(method, {}, new KeptCall({ headers: { 'x-mq-client-id': ' ' } }))).status?.code).toBe(grpcCode.CLIENT_ID_REQUIRED);
    }
  });
});

describe('renewal', () => {
  const renewing = { POP_MESSAGE: popped({ queueOffset: 5 }), ACK_MESSAGE: ok, CHANGE_MESSAGE_INVISIBLETIME: () => ({ code: responseCodes.SUCCESS, header: { popTime: startMs + 50_000, invisibleTime: 60_000, reviveQid: 4 } }) };

  it('changes the time of a message ten seconds before it would come again, and acknowledges by the newest handle', async () => {
    const stage = await open(renewing);
    const { clock, broker } = stage.composed;
    await stage.topic('T');
    await stage.consumer('G', 'T');
    await stage.callAll('ReceiveMessage', receiveOf({ autoRenew: true }));
    expect(stage.proxy.sizes().renewals).toBe(1);
    const changes = (): readonly unknown[] => stage.asked.filter((one) => one.name === 'CHANGE_MESSAGE_INVISIBLETIME').map((one) => one.header['invisibleTime']);
    clock.advance(45_000);
    for (let i = 0; i < 20; i++) await stage.turn();
    expect(changes()).toEqual([]);
    clock.advance(5000);
    for (let i = 0; i < 20; i++) await stage.turn();
    expect(changes()).toEqual([60_000n]);
    const { brokerName } = broker.context.config;
    await stage.call('AckMessage', { topic: { name: 'T' }, group: { name: 'G' }, entries: [{ messageId: 'U5', receiptHandle: `5 ${startMs} 60000 3 0 ${brokerName} 0 5 105` }] });
    expect(stage.asked.at(-1)?.header).toMatchObject({ extraInfo: `5 ${startMs + 50_000} 60000 4 0 ${brokerName} 0 5 105` });
    expect(stage.proxy.sizes().renewals).toBe(0);
  });

  it('ends with its client: the message comes again within a second', async () => {
    const stage = await open(renewing);
    await stage.topic('T');
    await stage.consumer('G', 'T');
    await stage.callAll('ReceiveMessage', receiveOf({ autoRenew: true }));
    await stage.call('NotifyClientTermination', { group: { name: 'G' } });
    for (let i = 0; i < 20; i++) await stage.turn();
    expect(stage.asked.at(-1)).toMatchObject({ name: 'CHANGE_MESSAGE_INVISIBLETIME', header: { invisibleTime: 1000n } });
    expect(stage.proxy.sizes().renewals).toBe(0);
  });
});

describe('a polling time', () => {
  const askedFor = async (more: RequestOf<'ReceiveMessage'>, deadlineMs?: number): Promise<unknown> => {
    const stage = await open({ POP_MESSAGE: () => ({ code: responseCodes.PULL_NOT_FOUND }) });
    await stage.topic('T');
    await stage.consumer('G', 'T');
    const [answer] = await stage.callAll('ReceiveMessage', receiveOf(more), new KeptCall({ deadlineMs }));
    return stage.asked.find((one) => one.name === 'POP_MESSAGE')?.header['pollTime'] ?? answer?.status;
  };
  const seconds = (n: number, nanos = 0): RequestOf<'ReceiveMessage'> => ({ longPollingTimeout: { seconds: n, nanos } });

  it.each([[2_147_483_647, 0, 20_000n], [315_576_000_000, 999_999_999, 20_000n], [6, 500_000_000, 6500n], [0, 0, 5000n], [-5, 0, 5000n], [0, -1, 5000n]])('of %i s and %i ns is within what a broker may hold', async (n, nanos, expected) => {
    expect(await askedFor(seconds(n, nanos))).toBe(expected);
  });

  it('ends with the deadline, however far that is', async () => {
    expect(await askedFor(seconds(2_147_483_647), startMs + 7000)).toBe(7000n);
    expect(await askedFor({ longPollingTimeout: undefined }, startMs + 99_999_999 * 3_600_000)).toBe(20_000n);
  });

  it.each([[315_576_000_001, 0], [Number.MAX_SAFE_INTEGER, 0], [6, 2_147_483_647], [6, -1], [-6, 1]])('of %i s and %i ns is no duration', async (n, nanos) => {
    expect(await askedFor(seconds(n, nanos))).toMatchObject({ code: grpcCode.INTERNAL_SERVER_ERROR, message: expect.stringContaining(`Duration is not valid. See proto definition for valid values. Seconds (${n})`) as unknown });
    expect(await askedFor({ longPollingTimeout: { seconds: 5, nanos: 0 }, invisibleDuration: { seconds: n, nanos } })).toMatchObject({ code: grpcCode.INTERNAL_SERVER_ERROR });
  });

  it('is the longest where neither it nor a deadline is said', async () => {
    expect(await askedFor({ longPollingTimeout: undefined })).toBe(20_000n);
  });
});

describe('receipt handles', () => {
  it.each(['', 'nonsense', '1 2 3 4 0 b 0', 'x 2 3 4 0 b 0 5', '1 2 3 4 0 b 0 99999999999999999', '1 2 3 4 0 b 9999999999 5', `${'1 '.repeat(600)}`])('%s is none', (text) => {
    expect(() => readHandle(text)).toThrow('Parse failed');
  });

  it('has a commit log offset or -1', () => {
    expect(readHandle('1 2 3 4 0 b 5 6')).toMatchObject({ queueId: 5, queueOffset: 6, commitLogOffset: -1 });
    expect(readHandle('1 2 3 4 0 b 5 6 7').commitLogOffset).toBe(7);
  });

  it('reckons its time as Java does: beyond the largest long it is long past', () => {
    expect(readHandle('1 2 3 4 0 b 5 6').visibleMs).toBe(5);
    expect(readHandle('1 2 9223372036854775807 4 0 b 5 6').visibleMs).toBeLessThan(0);
  });
});

describe('consistent hashing', () => {
  it.each([['order-1', 3, 3], ['order-2', 2, 2], ['A', 0, 0], ['group_x', 5, 2]])('%s goes where Guava puts it', (text, ofEight, ofFour) => {
    expect([consistentHash(javaStringHash(text), 8), consistentHash(javaStringHash(text), 4)]).toEqual([ofEight, ofFour]);
  });

  it('moves only what must move when a bucket is added, and spreads evenly', () => {
    const counts = new Array<number>(8).fill(0);
    let moved = 0;
    for (let hash = -5000; hash < 5000; hash++) {
      const bucket = consistentHash(hash * 7919, 8);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      const next = consistentHash(hash * 7919, 9);
      if (next !== bucket) {
        expect(next).toBe(8);
        moved++;
      }
    }
    expect(Math.min(...counts)).toBeGreaterThan(1000);
    expect(moved).toBeLessThan(1500);
    expect(consistentHash(12345, 1)).toBe(0);
  });
});
