/**
 * A small client of the kit's own, right on purpose and wrong on demand: what `client.test.ts` judges. Arguments: NAMESRV TOPIC
 * GROUP ACTION [FLAW]. Knows one broker for each name of the route and JSON frames.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { req, res } from '../../codes.js';
import { encodeBatch } from '../../wire/batch.js';
import { decodeFrame, encodeFrame, FrameSplitter, type Command } from '../../wire/frame.js';
import { encodeProperties } from '../../wire/properties.js';
import { decodeRecords } from '../../wire/record.js';
import { jsonBody, objects } from '../answers.js';
import { bodyOf, messageCount } from '../program.js';

const [namesrv = '', topic = '', group = '', action = '', flaw = 'none'] = process.argv.slice(2);
const clientId = `127.0.0.1@good-${process.pid}`;
const say = (event: Readonly<Record<string, unknown>>): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
let opaque = 0;
let leaving = false;
let wake: () => void = () => undefined;

class Peer {
  readonly address: string;
  private socket: Socket | undefined;
  private readonly waiting = new Map<number, (command: Command | undefined) => void>();

  constructor(address: string) {
    this.address = address;
  }

  async ask(code: number, ext: Readonly<Record<string, string | number | boolean>>, body: Buffer | string = '', timeoutMs = 20_000): Promise<Command | undefined> {
    const socket = await this.open();
    const mine = flaw === 'same-opaque' ? 1 : ++opaque;
    const timer = new AbortController();
    const answer = new Promise<Command | undefined>((resolve) => this.waiting.set(mine, resolve));
    socket?.write(encodeFrame({ code, ext, body, opaque: mine, language: 'JAVA' }));
    if (socket === undefined) return undefined;
    return await Promise.race([answer, sleep(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined)]).finally(() => timer.abort());
  }

  async tell(code: number, ext: Readonly<Record<string, string | number | boolean>>, body: Buffer | string = ''): Promise<void> {
    (await this.open())?.write(encodeFrame({ code, ext, body, opaque: ++opaque, flag: 2, language: 'JAVA' }));
  }

  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  private async open(): Promise<Socket | undefined> {
    if (this.socket !== undefined) return this.socket;
    const [host = '', port = ''] = this.address.split(':');
    const socket = connect(Number(port), host);
    const splitter = new FrameSplitter();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const bytes of splitter.push(chunk)) {
        const command = decodeFrame(bytes);
        if ((command.flag & 1) === 0) {
          if (command.code === req.NOTIFY_CONSUMER_IDS_CHANGED) wake();
          else if ((command.flag & 2) === 0) socket.write(encodeFrame({ code: res.REQUEST_CODE_NOT_SUPPORTED, opaque: command.opaque, flag: 1, language: 'JAVA' }));
          continue;
        }
        const key = flaw === 'takes-any-answer' ? [...this.waiting.keys()].at(-1) ?? command.opaque : command.opaque;
        this.waiting.get(key)?.(command);
        this.waiting.delete(key);
      }
    });
    socket.on('close', () => {
      if (this.socket === socket) this.socket = undefined;
      for (const end of this.waiting.values()) end(undefined);
      this.waiting.clear();
    });
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve((this.socket = socket)));
      socket.once('close', () => resolve(undefined));
    });
  }
}

const names = new Peer(namesrv);
const peers = new Map<string, Peer>();
interface Queue { readonly broker: string; readonly id: number }

async function route(of: string): Promise<Queue[]> {
  const answer = await names.ask(req.GET_ROUTEINFO_BY_TOPIC, { topic: of });
  if (answer?.code !== res.SUCCESS) return [];
  const body = jsonBody(answer.body);
  for (const one of objects(body['brokerDatas'])) {
    const addresses = one['brokerAddrs'] as Readonly<Record<string, string>>;
    const address = addresses['0'] ?? '';
    const name = String(one['brokerName']);
    if (peers.get(name)?.address !== address) peers.set(name, new Peer(address));
  }
  const queues = objects(body['queueDatas']);
  return Array.from({ length: Math.max(0, ...queues.map((one) => Number(one['readQueueNums']))) }, (_none, id) => queues.filter((one) => id < Number(one['readQueueNums'])).map((one) => ({ broker: String(one['brokerName']), id }))).flat();
}

async function heartbeat(): Promise<void> {
  if (flaw === 'no-heartbeat') return;
  const subscription = (of: string): object => ({ topic: of, subString: '*', classFilterMode: false, expressionType: 'TAG', tagsSet: [], codeSet: [], subVersion: Date.now() });
  const consumerDataSet = action.startsWith('consume') ? [{ groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', subscriptionDataSet: [subscription(topic), subscription(`%RETRY%${group}`)], unitMode: false }] : [];
  const body = JSON.stringify({ clientID: clientId, consumerDataSet, producerDataSet: [{ groupName: 'good_producer' }] });
  await Promise.all([...peers.values()].map((peer) => peer.ask(req.HEART_BEAT, {}, body, 2000)));
}

let ids = 0;
const uniqKey = (): string => (flaw === 'same-uniq-key' ? '0'.repeat(32) : `7F000001${process.pid.toString(16).padStart(8, '0')}${(ids++).toString(16).padStart(16, '0')}`.toUpperCase());

async function produce(): Promise<void> {
  let queues = await route(topic);
  await heartbeat();
  const messages = Array.from({ length: messageCount }, (_none, i) => ({ key: `k${i}`, body: bodyOf(`k${i}`, action === 'produce-big'), properties: { KEYS: `k${i}`, UNIQ_KEY: uniqKey() } }));
  if (action === 'produce-batch') {
    const answer = await peers.get('broker-a')?.ask(req.SEND_BATCH_MESSAGE, sendFields(0, 0, '', true), encodeBatch(messages));
    for (const { key } of messages) say({ event: 'sent', key, acknowledged: answer?.code === res.SUCCESS });
    return;
  }
  for (const [i, { key, body, properties }] of messages.entries()) {
    let answer: Command | undefined;
    for (let attempt = 0; attempt < 3; attempt++) {
      if (queues.length === 0) queues = await route(topic);
      const queue = queues[(i + attempt) % Math.max(1, queues.length)];
      const peer = peers.get(queue?.broker ?? '');
      if (queue === undefined || peer === undefined) break;
      const big = action === 'produce-big';
      const fields = sendFields(queue.id, big ? 1 : 0, encodeProperties(properties), false);
      if (action === 'produce-oneway') {
        await peer.tell(req.SEND_MESSAGE_V2, fields, body);
        break;
      }
      answer = await peer.ask(req.SEND_MESSAGE_V2, fields, big ? deflateSync(body) : body, 3000);
      if (answer?.code === res.GO_AWAY) peer.close();
      if (flaw !== 'retries-all' && answer !== undefined && answer.code !== res.SYSTEM_BUSY && answer.code !== res.GO_AWAY) break;
      if (answer?.code === res.SUCCESS) break;
    }
    say({ event: 'sent', key, acknowledged: answer?.code === res.SUCCESS, ...(answer?.code === res.SUCCESS ? { queueId: Number(answer.ext['queueId']), offset: Number(answer.ext['queueOffset']) } : {}) });
  }
}

const sendFields = (queueId: number, sysFlag: number, properties: string, batch: boolean): Record<string, string | number | boolean> => ({ a: 'good_producer', b: topic, c: 'TBW102', d: 4, e: queueId, f: sysFlag, g: Date.now(), h: 0, i: properties, j: 0, k: false, m: batch });

interface Pulling { readonly topic: string; readonly queue: Queue; offset: number; stop: boolean }
const pulling = new Map<string, Pulling>();
const commit = (one: Pulling): Promise<void> => peers.get(one.queue.broker)?.tell(req.UPDATE_CONSUMER_OFFSET, { consumerGroup: group, topic: one.topic, queueId: one.queue.id, commitOffset: one.offset + (flaw === 'commits-beyond' ? 5 : 0) }) ?? Promise.resolve();

async function rebalance(): Promise<void> {
  await heartbeat();
  for (const of of [topic, `%RETRY%${group}`]) {
    const queues = await route(of);
    const answer = await peers.get('broker-a')?.ask(req.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: group }, '', 2000);
    const members = (jsonBody(answer?.body ?? Buffer.alloc(0))['consumerIdList'] as readonly string[] | undefined) ?? [];
    const at = flaw === 'takes-all-queues' ? 0 : members.indexOf(clientId);
    if (at < 0 && flaw !== 'no-heartbeat') continue;
    const share = flaw === 'takes-all-queues' ? 1 : Math.max(1, members.length);
    for (const queue of queues) {
      const name = `${of} ${queue.broker} ${queue.id}`;
      const own = pulling.get(name);
      if (queue.id % share !== Math.max(0, at)) {
        if (own !== undefined) own.stop = true;
        pulling.delete(name);
      } else if (own === undefined) {
        const one: Pulling = { topic: of, queue, offset: 0, stop: false };
        pulling.set(name, one);
        void run(one);
      }
    }
  }
}

async function run(one: Pulling): Promise<void> {
  const peer = peers.get(one.queue.broker);
  if (peer === undefined) return;
  if (action === 'consume-orderly' && flaw !== 'no-lock') await peer.ask(req.LOCK_BATCH_MQ, {}, JSON.stringify({ consumerGroup: group, clientId, mqSet: [{ topic: one.topic, brokerName: one.queue.broker, queueId: one.queue.id }] }));
  const stored = await peer.ask(req.QUERY_CONSUMER_OFFSET, { consumerGroup: group, topic: one.topic, queueId: one.queue.id });
  one.offset = stored?.code === res.SUCCESS ? Number(stored.ext['offset']) : 0;
  while (!one.stop && !leaving) {
    const answer = await peer.ask(req.PULL_MESSAGE, { consumerGroup: group, topic: one.topic, queueId: one.queue.id, queueOffset: one.offset, maxMsgNums: 32, sysFlag: 2, commitOffset: 0, suspendTimeoutMillis: 1000, subscription: '*', subVersion: 0, expressionType: 'TAG' });
    if (one.stop || leaving) return;
    if (answer?.code === res.SUCCESS) {
      for (const message of decodeRecords(answer.body)) {
        say({ event: 'received', key: message.properties['KEYS'], body: message.body.toString('utf8'), queueId: message.queueId, offset: message.queueOffset });
        if (action === 'consume-fail') await peer.ask(req.CONSUMER_SEND_MSG_BACK, { offset: message.phyOffset, group, delayLevel: 0, originMsgId: message.msgId, originTopic: topic, unitMode: false, maxReconsumeTimes: 16 });
      }
    }
    const next = answer?.ext['nextBeginOffset'];
    if (next !== undefined) one.offset = Number(next) + (flaw === 'skips' && answer?.code === res.SUCCESS ? 1 : 0);
    if (answer?.code === res.SUCCESS) await commit(one);
    if (answer === undefined || answer.code !== res.SUCCESS) await sleep(50);
  }
}

async function leave(): Promise<void> {
  leaving = true;
  for (const one of pulling.values()) {
    await commit(one);
    if (action === 'consume-orderly') await peers.get(one.queue.broker)?.ask(req.UNLOCK_BATCH_MQ, {}, JSON.stringify({ consumerGroup: group, clientId, mqSet: [{ topic: one.topic, brokerName: one.queue.broker, queueId: one.queue.id }] }), 1000);
  }
  for (const peer of peers.values()) await peer.ask(req.UNREGISTER_CLIENT, { clientID: clientId, ...(action.startsWith('consume') ? { consumerGroup: group } : { producerGroup: 'good_producer' }) }, '', 1000);
  say({ event: 'closed' });
  process.exit(0);
}

createInterface({ input: process.stdin }).on('line', (line) => void (line.includes('close') && leave())).on('close', () => process.exit(0));
say({ event: 'ready' });
if (action.startsWith('consume')) {
  while (!leaving) {
    if (peers.size === 0) await route(topic);
    await rebalance();
    const notified = new Promise<void>((resolve) => (wake = resolve));
    await Promise.race([notified, sleep(500)]);
  }
} else await produce();
