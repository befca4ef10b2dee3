/** The official Node SDK of the gRPC kind (rocketmq-client-nodejs) against the gRPC endpoint; what it sends is read back over remoting as well. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import { Child, projectRoot } from '../process.js';
import { RawClient } from '../raw-client.js';

interface Event { readonly event: string; readonly re?: number; readonly [name: string]: unknown }

/** The SDK's program: commands out, events in. */
class Puppet {
  readonly events: Event[] = [];
  private readonly child: Child;
  private readonly home = mkdtempSync(join(tmpdir(), 'grpc-node-'));
  private last = 0;

  constructor(grpc: string) {
    this.child = new Child('rocketmq-client-nodejs', process.execPath, [join(projectRoot, 'conformance/sdk/node-grpc/main.js'), grpc], { env: { HOME: this.home } });
    this.child.onLine((line) => this.events.push(JSON.parse(line) as Event));
  }

  /** The events of one command, without `done`. */
  async do(command: string, members: object, timeoutMs = 60_000): Promise<readonly Event[]> {
    const re = ++this.last;
    this.child.writeLine(JSON.stringify({ do: command, re, ...members }));
    const end = Date.now() + timeoutMs;
    for (;;) {
      const mine = this.events.filter((event) => event.re === re);
      const error = mine.find((event) => event.event === 'error');
      if (error !== undefined) throw new Error(`${command}: ${String(error['message'])}`);
      if (mine.at(-1)?.event === 'done') return mine.slice(0, -1);
      if (Date.now() > end || !this.child.running) throw new Error(`${command}: nothing in ${timeoutMs} ms; ${this.child.tail.join('\n')}`);
      await sleep(10);
    }
  }

  async end(): Promise<void> {
    await this.child.kill();
    rmSync(this.home, { recursive: true, force: true });
  }
}

describe('rocketmq-client-nodejs', () => {
  let endpoint: SkylarkEndpoint;
  let broker: RawClient;
  let sdk: Puppet;
  let served: (code: number) => Promise<boolean>;

  beforeAll(async () => {
    endpoint = await SkylarkEndpoint.start({ config: { recallMessageEnable: true } });
    broker = await RawClient.connect(endpoint.broker);
    sdk = new Puppet(endpoint.grpc ?? '');
    served = async (requestCode) => (await broker.call(requestCode, { topic: 'NoSuchTopic', consumerGroup: 'NoSuchGroup' })).code !== 3;
  }, 180_000);

  afterAll(async () => {
    await sdk.end();
    broker.close();
    await endpoint.dispose();
  }, 180_000);

  const topic = async (name: string, type: string, queues = 4): Promise<void> => broker.createTopic(name, queues, { attributes: `+message.type=${type}` });
  const stored = async (name: string, queues: number): Promise<Awaited<ReturnType<RawClient['readQueue']>>> => (await Promise.all(Array.from({ length: queues }, (_, queue) => broker.readQueue(name, queue)))).flat();

  test('sends, and the store holds what it sent', async () => {
    await topic('NodeNormal', 'NORMAL');
    const messages = Array.from({ length: 20 }, (_, i) => ({ key: `k${i}`, body: `body ${i} größe`, tag: 'TagA', properties: { colour: 'blue' } }));
    const sent = await sdk.do('send', { topic: 'NodeNormal', messages });
    const held = await stored('NodeNormal', 4);
    expect(held.map((one) => one.body.toString()).sort()).toEqual(messages.map((one) => one.body).sort());
    expect(held.map((one) => one.properties['UNIQ_KEY']).sort()).toEqual(sent.map((one) => one['msgId']).sort());
    expect(held.map((one) => [one.properties['TAGS'], one.properties['colour']])).toEqual(messages.map(() => ['TagA', 'blue']));
  }, 180_000);

  test('starts a producer of several topics', async () => {
    for (const name of ['NodeOne', 'NodeTwo', 'NodeThree']) await topic(name, 'NORMAL');
    await sdk.do('producer', { topics: ['NodeOne', 'NodeTwo', 'NodeThree'] }, 20_000);
  }, 180_000);

  test('sends in order to one queue of a FIFO topic', async () => {
    await topic('NodeFifo', 'FIFO', 8);
    const messages = Array.from({ length: 10 }, (_, i) => ({ key: `k${i}`, body: `${i}`, group: 'orders' }));
    await sdk.do('send', { topic: 'NodeFifo', messages });
    const held = await stored('NodeFifo', 8);
    expect(held.map((one) => one.body.toString())).toEqual(messages.map((one) => one.body));
    expect(new Set(held.map((one) => one.queueId)).size).toBe(1);
  }, 180_000);

  test('is refused a message of another type than the topic', async () => {
    await topic('NodeRefused', 'FIFO');
    await expect(sdk.do('send', { topic: 'NodeRefused', messages: [{ key: 'k', body: 'x' }] })).rejects.toThrow(/type/i);
  }, 180_000);

  test('receives and acknowledges', async () => {
    if (!(await served(200_050))) return void process.stderr.write('receiving is skipped: the broker does not serve POP\n');
    await topic('NodeReceived', 'NORMAL', 1);
    const consume = (settle: string, expect_: number, waitMs?: number): Promise<readonly Event[]> => sdk.do('receive', { group: 'node_simple', topic: 'NodeReceived', expect: expect_, settle, waitMs });
    await consume('none', 0, 1);
    await sdk.do('send', { topic: 'NodeReceived', messages: ['a', 'b', 'c'].map((body) => ({ key: body, body })) });
    const got = await consume('ack', 3);
    expect(got.map((one) => [one['key'], one['body'], one['attempt']]).sort()).toEqual([['a', 'a', 1], ['b', 'b', 1], ['c', 'c', 1]]);
    expect(await consume('ack', 1, 100)).toEqual([]);
  }, 90_000);

  test('commits and rolls back transactions', async () => {
    if (!(await served(37))) return void process.stderr.write('transactions are skipped: the broker does not serve them\n');
    await topic('NodeTransaction', 'TRANSACTION', 1);
    await sdk.do('transaction', { topic: 'NodeTransaction', resolution: 'rollback', key: 'r', body: 'rolled back' });
    await sdk.do('transaction', { topic: 'NodeTransaction', resolution: 'commit', key: 'c', body: 'committed' });
    for (let i = 0; i < 100 && (await stored('NodeTransaction', 1)).length === 0; i++) await sleep(50);
    expect((await stored('NodeTransaction', 1)).map((one) => one.body.toString())).toEqual(['committed']);
  }, 180_000);

  test('leaves in order', async () => {
    await sdk.do('stop', {});
  }, 180_000);
});
