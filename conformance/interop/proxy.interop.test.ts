/**
 * `skylark proxy` before two brokers: what remoting clients meet on its remoting port, and what is left of acknowledged messages when a broker or the proxy is
 * killed. The gRPC libraries are `grpc-sdks.interop.test.ts`.
 */
import { connect as connectHttp2 } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AllBrokers, Proxied } from '../adapters/proxied.js';
import { req as code, res as responseCode } from '../kit/codes.js';
import { parseLooseJson, RawClient } from '../raw-client.js';
import { eventually, SdkDriver, type OutgoingMessage } from '../sdk-driver.js';

const half = 0x4;
const commit = 8;

describe('the remoting port of skylark proxy', () => {
  let proxied: Proxied;
  let brokers: AllBrokers;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    proxied = await Proxied.start({ brokers: 'skylark', config: { transactionCheckInterval: 500, transactionTimeOut: 1000, transactionOpBatchInterval: 100 } });
    brokers = await AllBrokers.connect(proxied.brokerAddresses);
    for (const [topic, type] of [['PortNormal', 'NORMAL'], ['PortTransaction', 'TRANSACTION'], ['PortFifo', 'FIFO']] as const) await brokers.createTopic(topic, 2, { attributes: `+message.type=${type}` });
    const namesrv = await RawClient.connect(proxied.namesrv);
    clients.push(namesrv);
    await eventually('both brokers are in the route', 30_000, async () => {
      const { body } = await namesrv.call(code.GET_ROUTEINFO_BY_TOPIC, { topic: 'PortFifo' });
      return body.toString().split('"brokerName"').length > 4 ? [] : ['not yet'];
    });
  }, 300_000);

  afterAll(async () => {
    for (const client of clients) client.close();
    brokers.close();
    await proxied.dispose();
  }, 60_000);

  const dial = async (): Promise<RawClient> => {
    const client = await RawClient.connect(proxied.remoting);
    clients.push(client);
    return client;
  };
  const send = (client: RawClient, topic: string, broker: string | undefined, more: Readonly<Record<string, string | number>> = {}): ReturnType<RawClient['call']> => client.call(code.SEND_MESSAGE_V2, {
    a: 'PortProducers', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: Date.now(), h: 0, i: 'KEYS\u0001k\u0002', j: 0, k: 'false', m: 'false', ...(broker === undefined ? {} : { n: broker }), ...more,
  }, Buffer.from(`to ${broker ?? 'nobody'}`));

  test('gives routes that lead to itself, in the dialect of the client', async () => {
    const client = await dial();
    const route = parseLooseJson((await client.ask('route', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'PortNormal' })).body.toString()) as { brokerDatas: { brokerName: string; brokerAddrs: Record<string, string> }[]; queueDatas: unknown[] };
    expect(route.brokerDatas.map((one) => [one.brokerName, one.brokerAddrs]).sort()).toEqual([['broker-a', { 0: proxied.remoting }], ['broker-b', { 0: proxied.remoting }]]);
    expect(route.queueDatas).toHaveLength(2);
    expect(await client.call(code.GET_ROUTEINFO_BY_TOPIC, { topic: 'PortNobody' })).toMatchObject({ code: 17, remark: 'No topic route info in name server for the topic: PortNobody' });
  }, 60_000);

  test('passes requests on to the broker they name, and refuses those that name none', async () => {
    const client = await dial();
    for (const broker of ['broker-a', 'broker-b']) expect((await send(client, 'PortNormal', broker)).code).toBe(0);
    expect(await send(client, 'PortNormal', undefined)).toMatchObject({ code: responseCode.VERSION_NOT_SUPPORTED, remark: "Request doesn't have field bname" });
    expect(await send(client, 'PortNormal', 'broker-none')).toMatchObject({ code: 1 });
    const held = await brokers.readQueue('PortNormal', 0);
    expect(held.map((one) => one.body.toString()).sort()).toEqual(['to broker-a', 'to broker-b']);
    for (const bname of ['broker-a', 'broker-b']) {
      const pulled = await client.call(code.PULL_MESSAGE, {
        consumerGroup: 'PortReaders', topic: 'PortNormal', queueId: 0, queueOffset: 0, maxMsgNums: 32, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*', subVersion: 0, expressionType: 'TAG', bname,
      });
      expect([pulled.code, pulled.body.includes(`to ${bname}`)]).toEqual([0, true]);
      expect((await client.ask('max offset', code.GET_MAX_OFFSET, { topic: 'PortNormal', queueId: 0, bname })).ext['offset']).toBe('1');
    }
  }, 60_000);

  test('holds a pull until a message comes', async () => {
    const client = await dial();
    const pull = client.call(code.PULL_MESSAGE, {
      consumerGroup: 'PortWaiters', topic: 'PortNormal', queueId: 1, queueOffset: 0, maxMsgNums: 32, sysFlag: 6, commitOffset: 0, suspendTimeoutMillis: 15_000, subscription: '*', subVersion: 0, expressionType: 'TAG', bname: 'broker-b',
    }, undefined, 30_000);
    await sleep(300);
    expect((await send(await dial(), 'PortNormal', 'broker-b', { e: 1 })).code).toBe(0);
    expect((await pull).code).toBe(0);
  }, 60_000);

  test('refuses a message of another type than its topic, as the gRPC port does', async () => {
    expect(await send(await dial(), 'PortFifo', 'broker-a')).toMatchObject({ code: 13, remark: 'TopicMessageType validate failed, the expected type is FIFO, but actual type is NORMAL' });
    expect(await send(await dial(), 'PortUnknown', 'broker-a')).toMatchObject({ code: 13, remark: 'TopicMessageType validate failed, the expected type is UNSPECIFIED, but actual type is NORMAL' });
  }, 60_000);

  test('introduces clients to all brokers, tells them of each other, and forgets them when they go', async () => {
    const heartbeat = (clientID: string): Buffer => Buffer.from(JSON.stringify({
      clientID, producerDataSet: [], heartbeatFingerprint: 0, withoutSub: false,
      consumerDataSet: [{ groupName: 'PortGroup', consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET', unitMode: false, subscriptionDataSet: [{ topic: 'PortNormal', subString: '*', tagsSet: [], codeSet: [], subVersion: 1, expressionType: 'TAG', classFilterMode: false }] }],
    }));
    const [one, two] = [await dial(), await dial()];
    const told: number[] = [];
    one.onRequest = (request) => told.push(request.code);
    await one.ask('heartbeat', code.HEART_BEAT, {}, heartbeat('client-one'));
    await two.ask('heartbeat', code.HEART_BEAT, {}, heartbeat('client-two'));
    const members = async (client: Pick<RawClient, 'ask'>): Promise<string[]> => ((JSON.parse((await client.ask('members', code.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: 'PortGroup' })).body.toString()) as { consumerIdList: string[] }).consumerIdList).sort();
    expect(await members(one)).toEqual(['client-one', 'client-two']);
    for (const address of proxied.brokerAddresses) {
      const direct = await RawClient.connect(address);
      clients.push(direct);
      expect(await members(direct)).toEqual(['client-one', 'client-two']);
    }
    await eventually('the first is told of the second', 20_000, () => (told.includes(code.NOTIFY_CONSUMER_IDS_CHANGED) ? [] : ['not told']));
    two.close();
    await eventually('the second is forgotten', 20_000, async () => ((await members(one)).length === 1 ? [] : ['still there']));
  }, 90_000);

  test('brings checks of half messages to the producer, whose word finds the broker although it does not name it', async () => {
    const client = await dial();
    await client.ask('heartbeat', code.HEART_BEAT, {}, Buffer.from(JSON.stringify({ clientID: 'port-producer', producerDataSet: [{ groupName: 'PortProducers' }], consumerDataSet: [] })));
    const asked: Readonly<Record<string, string>>[] = [];
    client.onRequest = (request) => {
      if (request.code === code.CHECK_TRANSACTION_STATE) asked.push(request.ext);
    };
    const propertiesFor = (broker: string): string => `TRAN_MSG\u0001true\u0002PGROUP\u0001PortProducers\u0002UNIQ_KEY\u0001${broker}${Date.now()}\u0002`;
    for (const broker of ['broker-a', 'broker-b']) expect((await send(client, 'PortTransaction', broker, { f: half, i: propertiesFor(broker) })).code).toBe(0);
    await eventually('both brokers ask', 30_000, () => (new Set(asked.map((ext) => ext['bname'])).size === 2 ? [] : ['not both']));
    for (const ext of asked.slice(0, 8)) {
      await client.call(code.END_TRANSACTION, {
        topic: 'PortTransaction', producerGroup: 'PortProducers', tranStateTableOffset: ext['tranStateTableOffset'] ?? '', commitLogOffset: ext['commitLogOffset'] ?? '', commitOrRollback: commit,
        fromTransactionCheck: 'true', msgId: ext['msgId'] ?? '', transactionId: ext['transactionId'] ?? '',
      });
    }
    await eventually('both are there', 30_000, async () => ((await brokers.readQueue('PortTransaction', 0)).length >= 2 ? [] : ['not both']));
  }, 90_000);

  test('takes gRPC in clear text and in TLS, and remoting in TLS', async () => {
    for (const url of [`http://${proxied.remoting}`, `https://${proxied.remoting}`]) {
      const session = connectHttp2(url, { rejectUnauthorized: false });
      session.on('error', () => undefined);
      const status = await new Promise<string>((resolve) => {
        const stream = session.request({ ':method': 'POST', ':path': '/apache.rocketmq.v2.MessagingService/PullMessage', 'content-type': 'application/grpc', 'x-mq-client-id': 'c' });
        stream.on('error', (error: Error) => resolve(error.message));
        stream.on('response', (headers) => resolve(String(headers['grpc-status'])));
        stream.end();
      });
      session.destroy();
      expect(status).toBe('12');
    }
    const [host, port] = proxied.remoting.split(':');
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const socket = connectTls({ host: host ?? '', port: Number(port), rejectUnauthorized: false }, () => {
        const header = Buffer.from(JSON.stringify({ code: code.GET_ROUTEINFO_BY_TOPIC, language: 'JAVA', version: 513, opaque: 1, flag: 0, extFields: { topic: 'PortNormal' } }));
        const head = Buffer.alloc(8);
        head.writeInt32BE(4 + header.length, 0);
        head.writeInt32BE(header.length, 4);
        socket.write(Buffer.concat([head, header]));
      });
      socket.once('data', (chunk: Buffer) => {
        resolve(chunk);
        socket.destroy();
      });
      socket.on('error', reject);
    });
    expect(answer.toString()).toContain('"code":0');
  }, 60_000);
});

describe('kill -9 behind and of skylark proxy', () => {
  let proxied: Proxied;
  let brokers: AllBrokers;
  let sdk: SdkDriver;

  beforeAll(async () => {
    proxied = await Proxied.start({ brokers: 'skylark' });
    brokers = await AllBrokers.connect(proxied.brokerAddresses);
    await brokers.createTopic('Killed', 2, { attributes: '+message.type=NORMAL' });
    brokers.close();
    await sleep(1500);
    sdk = await SdkDriver.start('grpc-node', proxied.grpc);
  }, 300_000);

  afterAll(async () => {
    await sdk.stop();
    await proxied.dispose();
  }, 60_000);

  test('one broker of two, then the proxy: nothing acknowledged is lost, and both are used again', async () => {
    const acknowledged = new Map<string, string>();
    let refused = 0;
    let next = 0;
    let stopping = false;
    const work = async (): Promise<void> => {
      while (!stopping) {
        const message: OutgoingMessage = { key: `k${next}`, body: `body ${next++}` };
        try {
          const [sent] = await sdk.send('Killed', 'sync', [message]);
          if (sent?.acknowledged === true) acknowledged.set(message.key, message.body);
        } catch {
          refused++;
        }
      }
    };
    const workers = [work(), work()];
    const more = async (what: string, count: number): Promise<void> => {
      const before = acknowledged.size;
      await eventually(what, 90_000, () => (acknowledged.size >= before + count ? [] : [`${acknowledged.size - before} of ${count}, ${refused} refused`]));
    };
    await more('messages are taken', 20);
    const [, second] = proxied.brokers;
    await second?.kill();
    await more('messages are taken by the broker that is left', 20);
    await second?.start();
    await more('messages are taken again', 20);
    await proxied.proxy.kill();
    await sleep(200);
    await proxied.proxy.start();
    await more('messages are taken by the new proxy', 20);
    stopping = true;
    await Promise.all(workers);
    brokers = await AllBrokers.connect(proxied.brokerAddresses);
    const held = new Set((await Promise.all([0, 1].map((queue) => brokers.readQueue('Killed', queue)))).flat().map((one) => one.body.toString()));
    brokers.close();
    expect([...acknowledged.values()].filter((body) => !held.has(body))).toEqual([]);
    process.stderr.write(`proxy crash: ${acknowledged.size} acknowledged, ${refused} refused\n`);
  }, 600_000);
});
