/**
 * Orderly consumers of the real Java client while the queues of their topic are added and taken, consumers come and go, and the broker stops, starts and is
 * killed: nothing acknowledged is lost, and no queue is ever delivered past something nobody had. SKYLARK_ORDERLY_SDK=java-4.9.8 or go plays it with
 * another library.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingForEndpoint, startEndpoint } from '../adapters/index.js';
import type { Endpoint } from '../endpoint.js';
import { duplicates, fromNowhere, heldWrongly, jumped, lost, misplaced, outOfOrder, sentOutOfOrder, unevenly, type Sent } from '../history.js';
import { RawClient } from '../raw-client.js';
import { eventually, missingFor, SdkDriver, type OutgoingMessage, type RemotingSdk } from '../sdk-driver.js';
import { readTopic } from './load.js';
import { routed } from './route.js';

const sdkName = (process.env['SKYLARK_ORDERLY_SDK'] ?? 'java-5.5.0') as RemotingSdk;
const topic = 'OrderlyQueues';
const group = 'orderly_queues_group';
const patienceMs = 180_000;
const missing = [...new Set([...missingFor(sdkName), ...missingForEndpoint()])];

/** One message after the other to each of the queues there are for writing, until it is stopped. What got no answer counts as not acknowledged. */
class Writer {
  readonly sent: Sent[] = [];
  /** What has no answer yet: a consumer may have it already. */
  inFlight: readonly Sent[] = [];
  queues: number;
  readonly #sdk: SdkDriver;
  #writing = true;
  #done: Promise<void> = Promise.resolve();
  #next = 0;

  constructor(sdk: SdkDriver, queues: number) {
    this.#sdk = sdk;
    this.queues = queues;
  }

  start(): void {
    this.#done = this.#write();
  }

  async #write(): Promise<void> {
    while (this.#writing) await sleep((await this.once()) ? 30 : 500);
  }

  /** One message to each queue; whether all were acknowledged. */
  async once(): Promise<boolean> {
    const outgoing: OutgoingMessage[] = Array.from({ length: this.queues }, (_, queueId) => {
      const key = `o-${this.#next++}`;
      return { key, body: `body of ${key}`, queueId };
    });
    this.inFlight = outgoing.map(({ key, body }) => ({ key, body, acknowledged: false, sentAt: Date.now() }));
    const sent = await this.#sdk.send(topic, 'sync', outgoing).catch(() => this.inFlight);
    this.sent.push(...sent);
    this.inFlight = [];
    return sent.every((entry) => entry.acknowledged);
  }

  /** Waits until messages more are acknowledged in each of the queues. */
  async writes(queues: number, more = 10): Promise<void> {
    const from = this.sent.length;
    await eventually(`${queues} queues are written`, patienceMs, () => Array.from({ length: queues }, (_, queueId) => queueId)
      .filter((queueId) => this.sent.slice(from).filter((entry) => entry.acknowledged && entry.queueId === queueId).length < more).map((queueId) => `queue ${queueId}`));
  }

  async stop(): Promise<void> {
    this.#writing = false;
    await this.#done;
  }
}

describe(`orderly consumers of ${sdkName} while queues come and go`, () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let endpoint: Endpoint;
  let sdk: SdkDriver;
  let writer: Writer;
  const everybody = ['a', 'b', 'c'];

  beforeAll(async () => {
    endpoint = await startEndpoint({ config: { flushConsumerOffsetInterval: 500 } });
    await resize(2, 2);
    await routed(endpoint.namesrv, topic, patienceMs);
    sdk = await SdkDriver.start(sdkName, endpoint.namesrv);
    writer = new Writer(sdk, 2);
    await writer.once(); // whatever a library loads on its first send is loaded
  }, 900_000);

  afterAll(async () => {
    await writer.stop();
    await sdk.stop();
    await endpoint.dispose();
  }, 180_000);

  async function resize(read: number, write: number): Promise<void> {
    const broker = await RawClient.connect(endpoint.broker);
    await broker.createTopic(topic, read, { writeQueueNums: write });
    broker.close();
  }

  const join = (as: string): Promise<unknown> => sdk.command('subscribe', { as, group, topic, expression: '*', orderly: true, pollMs: 1000 });

  async function shared(queues: number, ...who: string[]): Promise<void> {
    await eventually(`${queues} queues are shared by ${who.join(', ')}`, patienceMs, async () => {
      const shares: Record<string, number[]> = {};
      for (const as of who) shares[as] = await sdk.assignment(as);
      return unevenly(queues, shares).map((violation) => `${violation} (${JSON.stringify(shares)})`);
    });
  }

  const consumed = (): Promise<void> => eventually('all was consumed', patienceMs, () => lost(writer.sent, sdk.received(...everybody)));

  function inOrder(): void {
    const received = sdk.received(...everybody);
    expect({ jumped: jumped(received), outOfOrder: outOfOrder(received), fromNowhere: fromNowhere([...writer.sent, ...writer.inFlight], received) }).toEqual({ jumped: [], outOfOrder: [], fromNowhere: [] });
  }

  test('two consumers share two queues', async () => {
    writer.start();
    await join('a');
    await join('b');
    await shared(2, 'a', 'b');
    await writer.writes(2);
  }, 900_000);

  test('queues are added, for reading first', async () => {
    await resize(4, 2);
    await writer.writes(2);
    await resize(4, 4);
    writer.queues = 4;
    await shared(4, 'a', 'b');
    await writer.writes(4);
    inOrder();
  }, 900_000);

  test('a third consumer joins', async () => {
    await join('c');
    await shared(4, ...everybody);
    await writer.writes(4);
    inOrder();
  }, 900_000);

  test('the broker stops and starts again', async () => {
    await endpoint.stop();
    await endpoint.restart();
    await writer.writes(4);
    inOrder();
  }, 900_000);

  test('queues are taken, for writing first, for reading when they are read to their end', async () => {
    writer.queues = 2;
    await resize(4, 2);
    await writer.writes(2);
    await eventually('queues 2 and 3 are read to their end', patienceMs, () => lost(writer.sent.filter((entry) => (entry.queueId ?? 0) > 1), sdk.received(...everybody)));
    await resize(2, 2);
    await eventually('nobody has queue 2 or 3', patienceMs, async () => {
      const held = (await Promise.all(everybody.map((as) => sdk.assignment(as)))).flat();
      return [...held].sort((x, y) => x - y).join() === '0,1' ? [] : [held.join()];
    });
    await writer.writes(2);
    inOrder();
  }, 900_000);

  test('the broker is killed and starts again', async () => {
    await endpoint.kill();
    await endpoint.restart();
    await writer.writes(2);
    inOrder();
  }, 900_000);

  test('a consumer leaves, and the queues come back', async () => {
    await sdk.command('unsubscribe', { as: 'a' });
    await shared(2, 'b', 'c');
    await resize(4, 4);
    writer.queues = 4;
    await shared(4, 'b', 'c');
    await writer.writes(4);
    await writer.stop();
    await consumed();
    inOrder();
    expect([...misplaced(writer.sent), ...sentOutOfOrder(writer.sent)]).toEqual([]);
    const broker = await RawClient.connect(endpoint.broker);
    const held = await readTopic(broker, topic, 4);
    broker.close();
    expect(heldWrongly(writer.sent, held)).toEqual([]);
    const received = sdk.received(...everybody);
    const again = duplicates(received, writer.sent.length);
    process.stderr.write(`orderly queues, ${sdkName}: ${writer.sent.length} sent, ${writer.sent.filter((entry) => !entry.acknowledged).length} without an answer, ${received.length} deliveries, ${again.count} again\n`);
    expect(again.violations).toEqual([]);
  }, 900_000);
});
