/**
 * Lite topics through `skylark proxy` before two brokers, by hand-made gRPC: which broker has a lite topic, that its subscriber gets it wherever it lies, and that
 * a client that loses one is told. The libraries' own scenario is in `grpc-sdks.interop.test.ts`.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AllBrokers, Proxied } from '../adapters/proxied.js';
import { req as code } from '../kit/codes.js';
import { GrpcChannel, type GrpcStream } from '../kit/grpc/client.js';
import { ClientType, Code, MessageType, methods, OffsetOptionPolicy, type MethodName } from '../kit/grpc/tables.js';
import { decode, encode, type MessageOf } from '../kit/grpc/wire.js';
import { WireLog } from '../kit/wire-log.js';
import { RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';
import { groupBody } from './grpc-scenarios.js';

const topic = 'LiteParent';
const group = 'LiteGroup';
const liteTopics = Array.from({ length: 12 }, (_, i) => `room-${i}`);

let proxied: Proxied;
let brokers: AllBrokers;
let channel: GrpcChannel;
const clients: RawClient[] = [];

/** Actions of SyncLiteSubscription. */
const action = { PARTIAL_ADD: 0, PARTIAL_REMOVE: 1, COMPLETE_ADD: 2, COMPLETE_REMOVE: 3 } as const;

const headersOf = (clientId: string): Readonly<Record<string, string>> => ({ 'x-mq-client-id': clientId, 'x-mq-language': 'JAVA', 'x-mq-client-version': '5.2.0' });

async function ask<M extends MethodName>(clientId: string, method: M, request: MessageOf<(typeof methods)[M]['request']>): Promise<MessageOf<(typeof methods)[M]['answer']>[]> {
  const outcome = await channel.call(method, encode(methods[method].request, request), { headers: headersOf(clientId), timeoutMs: 30_000 });
  expect([outcome.status, outcome.statusText]).toEqual([0, undefined]);
  return outcome.messages.map((bytes) => decode(methods[method].answer, bytes));
}

/** A LitePushConsumer's Telemetry stream, its settings taken. */
async function join(clientId: string): Promise<GrpcStream> {
  const stream = channel.start('Telemetry', { headers: headersOf(clientId), deadlineMs: null });
  stream.send(encode('TelemetryCommand', { settings: { client_type: ClientType.LITE_PUSH_CONSUMER, request_timeout: { seconds: 3, nanos: 0 }, subscription: { group: { name: group }, subscriptions: [{ topic: { name: topic } }] } } }));
  expect(decode('TelemetryCommand', await stream.next()).status?.code).toBe(Code.OK);
  return stream;
}

const sync = async (clientId: string, which: number, names: readonly string[], more: object = {}): Promise<number | undefined> => (await ask(clientId, 'SyncLiteSubscription', {
  topic: { name: topic }, group: { name: group }, action: which, lite_topic_set: names, version: Date.now(), ...more,
}))[0]?.status?.code;

async function send(liteTopic: string, body: string): Promise<void> {
  const [answer] = await ask('producer', 'SendMessage', { messages: [{
    topic: { name: topic }, body: Buffer.from(body), system_properties: { message_id: `ID${liteTopic}${body}`, message_type: MessageType.LITE, lite_topic: liteTopic },
  }] });
  expect(answer?.status?.code).toBe(Code.OK);
}

/** One ReceiveMessage of each broker; what came is acknowledged. */
async function receive(clientId: string): Promise<{ lite: string; body: string; broker: string }[]> {
  const got = await Promise.all(['broker-a', 'broker-b'].map(async (broker) => {
    const answers = await ask(clientId, 'ReceiveMessage', {
      group: { name: group }, message_queue: { topic: { name: topic }, broker: { name: broker }, id: -1 }, batch_size: 32, auto_renew: true, long_polling_timeout: { seconds: 5, nanos: 0 },
    });
    const messages = answers.flatMap(({ message }) => (message === undefined ? [] : [message]));
    const entries = messages.map(({ system_properties: system }) => ({ message_id: system?.message_id, receipt_handle: system?.receipt_handle, lite_topic: system?.lite_topic }));
    if (entries.length > 0) expect((await ask(clientId, 'AckMessage', { group: { name: group }, topic: { name: topic }, entries }))[0]?.status?.code).toBe(Code.OK);
    return messages.map((one) => ({ lite: one.system_properties?.lite_topic ?? '', body: (one.body ?? Buffer.alloc(0)).toString(), broker: one.system_properties?.receipt_handle?.split(' ')[5] ?? '' }));
  }));
  return got.flat();
}

beforeAll(async () => {
  proxied = await Proxied.start({ brokers: 'skylark', config: { enableLmq: true, enableMultiDispatch: true } });
  brokers = await AllBrokers.connect(proxied.brokerAddresses);
  await brokers.createTopic(topic, 4, { attributes: '+message.type=LITE' });
  await brokers.ask('group', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, groupBody(group, { consumeMessageOrderly: true, attributes: { '+lite.bind.topic': topic, '+lite.sub.model': 'Exclusive' } }));
  const namesrv = await RawClient.connect(proxied.namesrv);
  clients.push(namesrv);
  await eventually('both brokers are in the route', 30_000, async () => ((await namesrv.call(code.GET_ROUTEINFO_BY_TOPIC, { topic })).body.toString().split('"brokerName"').length > 4 ? [] : ['not yet']));
  channel = await GrpcChannel.open(proxied.grpc, new WireLog());
}, 300_000);

afterAll(async () => {
  channel.close();
  brokers.close();
  for (const client of clients) client.close();
  await proxied.dispose();
}, 60_000);

test('a client gets its lite topics from whichever broker has them, each in order', async () => {
  await join('one');
  expect(await sync('one', action.COMPLETE_ADD, liteTopics)).toBe(Code.OK);
  for (const body of ['1', '2', '3']) for (const name of liteTopics) await send(name, body);
  const got: Awaited<ReturnType<typeof receive>> = [];
  await eventually('all came', 60_000, async () => {
    got.push(...await receive('one'));
    return got.length >= 3 * liteTopics.length ? [] : [`${got.length} came`];
  });
  for (const name of liteTopics) {
    const own = got.filter(({ lite }) => lite === name);
    expect(own.map(({ body }) => body)).toEqual(['1', '2', '3']);
    expect(new Set(own.map(({ broker }) => broker)).size).toBe(1);
  }
  expect([...new Set(got.map(({ broker }) => broker))].sort()).toEqual(['broker-a', 'broker-b']);
}, 120_000);

test('the newest subscriber of an exclusive group has the lite topic, and the one before is told by whichever broker has it', async () => {
  const before = await join('two');
  expect(await sync('two', action.PARTIAL_ADD, ['hall-0', 'hall-1', 'hall-2', 'hall-3', 'hall-4', 'hall-5'], { offset_option: { policy: OffsetOptionPolicy.MIN } })).toBe(Code.OK);
  await join('three');
  expect(await sync('three', action.PARTIAL_ADD, ['hall-0', 'hall-1', 'hall-2', 'hall-3', 'hall-4', 'hall-5'])).toBe(Code.OK);
  const lost: (string | undefined)[] = [];
  for (let i = 0; i < 6; i++) lost.push(decode('TelemetryCommand', await before.next(20_000)).notify_unsubscribe_lite_command?.lite_topic);
  expect(lost.sort()).toEqual(['hall-0', 'hall-1', 'hall-2', 'hall-3', 'hall-4', 'hall-5']);
  for (let i = 0; i < 6; i++) await send(`hall-${i}`, 'after');
  const got: Awaited<ReturnType<typeof receive>> = [];
  await eventually('the new owner took all', 60_000, async () => {
    got.push(...await receive('three'));
    return got.length >= 6 ? [] : [`${got.length} came`];
  });
  expect(await receive('two')).toEqual([]);
  expect(got.map(({ body }) => body)).toEqual(Array.from({ length: 6 }, () => 'after'));
}, 120_000);

test('lite topics are given back when the client\'s stream ends, and refusals of a broker are the client\'s', async () => {
  const stream = await join('four');
  expect(await sync('four', action.PARTIAL_ADD, ['attic-0', 'attic-1', 'attic-2', 'attic-3'])).toBe(Code.OK);
  const held = async (): Promise<number> => {
    let count = 0;
    for (const address of proxied.brokerAddresses) {
      const client = await RawClient.connect(address);
      clients.push(client);
      const answer = await client.call(code.GET_LITE_CLIENT_INFO, { parentTopic: topic, group, clientId: 'four', maxCount: 100 });
      count += answer.body.toString().split('attic-').length - 1;
    }
    return count;
  };
  expect(await held()).toBe(4);
  stream.cancel();
  await eventually('nobody has them', 30_000, async () => ((await held()) === 0 ? [] : ['still held']));
  await brokers.ask('group', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, groupBody('LiteOfNothing', { attributes: { '+lite.bind.topic': 'LiteNowhere' } }));
  for (const [of, status] of [[group, Code.ILLEGAL_TOPIC], ['LiteOfNothing', Code.TOPIC_NOT_FOUND]] as const) {
    expect((await ask('four', 'SyncLiteSubscription', { topic: { name: 'LiteNowhere' }, group: { name: of }, action: action.PARTIAL_ADD, lite_topic_set: ['a'] }))[0]?.status?.code).toBe(status);
  }
}, 90_000);
