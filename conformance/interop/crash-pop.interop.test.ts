/**
 * kill -9 while messages are sent and popped, again and again on the same data: every acknowledged message is given to the group, and what the group
 * acknowledged more than a moment before a kill is not given again, but for few. SKYLARK_CRASH_SEED repeats a run's moments; SKYLARK_CRASH_KILLS sets
 * how many.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { endpointKind, missingForEndpoint, startEndpoint } from '../adapters/index.js';
import type { Endpoint } from '../endpoint.js';
import type { StoredMessage } from '../kit/wire/record.js';
import { decodeRecords } from '../kit/wire/record.js';
import { code, RawClient } from '../raw-client.js';
import type { Response } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';
import { Load, seeded } from './load.js';

const kills = Number(process.env['SKYLARK_CRASH_KILLS'] ?? (endpointKind === 'apache' ? 2 : 20));
const seed = Number(process.env['SKYLARK_CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const topic = 'CrashPopTopic';
const group = 'crash_pop_group';
const queues = 3;
const invisibleMs = 4000;
const missing = missingForEndpoint();

/** Pops and acknowledges until the broker is gone or `stop` is called. */
class Popper {
  /** Deliveries by key, and keys whose acknowledgement was answered. */
  readonly given = new Map<string, number>();
  readonly acked = new Set<string>();
  /** Keys with an acknowledgement that was sent and never answered: it may have been stored. */
  readonly unsure = new Set<string>();
  /** Deliveries of what had been acknowledged. */
  again = 0;
  private readonly random: () => number;
  private stopping = false;
  private workers: Promise<void>[] = [];

  constructor(random: () => number) {
    this.random = random;
  }

  start(address: string, connections: number): void {
    this.stopping = false;
    this.workers = Array.from({ length: connections }, () => this.work(address));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.workers);
  }

  private async work(address: string): Promise<void> {
    const client = await RawClient.connect(address).catch(() => undefined);
    while (client !== undefined && !this.stopping && client.connected) {
      try {
        const answer = await client.call(code.POP_MESSAGE, {
          consumerGroup: group, topic, queueId: -1, maxMsgNums: 16, invisibleTime: invisibleMs, pollTime: 500, bornTime: Date.now(), initMode: 0, expType: 'TAG', exp: '*', order: false,
        });
        if (answer.code !== 0) await sleep(20);
        else for (const message of decodeRecords(answer.body)) await this.take(client, answer, message);
      } catch {
        // the broker died under this request
      }
    }
    client?.close();
  }

  private async take(client: RawClient, answer: Response, message: StoredMessage): Promise<void> {
    const key = message.properties['KEYS'] ?? '';
    this.given.set(key, (this.given.get(key) ?? 0) + 1);
    if (this.acked.has(key)) this.again++;
    // Now and then a consumer forgets: the message must come back.
    if (this.random() < 0.05 && message.reconsumeTimes === 0) return;
    const extraInfo = message.properties['POP_CK'] ?? receipt(answer, message);
    const real = extraInfo.split(' ')[4] === '1' ? `%RETRY%${group}_${topic}` : topic;
    this.unsure.add(key);
    const ack = await client.call(code.ACK_MESSAGE, { consumerGroup: group, topic: real, queueId: message.queueId, offset: message.queueOffset, extraInfo });
    if (ack.code === 0) this.acked.add(key);
    else this.unsure.delete(key);
  }
}

function receipt(answer: Response, message: StoredMessage): string {
  const start = (answer.ext['startOffsetInfo'] ?? '').split(';').map((part) => part.split(' ')).find(([kind, queueId]) => kind === '0' && queueId === String(message.queueId));
  return [start?.[2], answer.ext['popTime'], answer.ext['invisibleTime'], answer.ext['reviveQid'], '0', brokerName, message.queueId, message.queueOffset].join(' ');
}

let brokerName = '';

describe(`kill -9 while popping, ${kills} times, seed ${seed}`, () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  const random = seeded(seed);
  const load = new Load({ topic, queues, connections: 2, window: 2, random, name: 'crashpop', pauseMs: 5 });
  const popper = new Popper(random);
  let endpoint: Endpoint;

  beforeAll(async () => {
    endpoint = await startEndpoint();
    const broker = await RawClient.connect(endpoint.broker);
    await broker.createTopic(topic, queues);
    await broker.ask('create group', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, Buffer.from(JSON.stringify({ groupName: group, consumeEnable: true, retryQueueNums: 1, retryMaxTimes: 16 })));
    broker.close();
    const namesrv = await RawClient.connect(endpoint.namesrv);
    const { brokerAddrTable } = await namesrv.clusterInfo() as { brokerAddrTable: Readonly<Record<string, unknown>> };
    namesrv.close();
    brokerName = Object.keys(brokerAddrTable)[0] ?? '';
  }, 900_000);

  afterAll(async () => {
    await popper.stop();
    await endpoint.dispose();
  }, 180_000);

  test('nothing acknowledged is lost to the group, and little is given again', async () => {
    for (let kill = 1; kill <= kills; kill++) {
      const before = popper.acked.size;
      await load.start(endpoint.broker);
      popper.start(endpoint.broker, 2);
      await eventually('the group acknowledges', 90_000, () => (popper.acked.size > before + 20 ? [] : ['nothing acknowledged']));
      await sleep(random() * 400);
      await endpoint.kill();
      await load.stop();
      await popper.stop();
      await endpoint.restart();
    }
    popper.start(endpoint.broker, 2);
    await eventually(`seed ${seed}: all that was acknowledged to producers was acknowledged by the group`, 120_000, () =>
      load.sent.filter((entry) => entry.acknowledged && !popper.acked.has(entry.key) && !popper.unsure.has(entry.key)).map((entry) => `${entry.key}, given ${popper.given.get(entry.key) ?? 0} times`));
    await popper.stop();
    // One acknowledgement of each connection at most is on its way when the broker is killed.
    const unanswered = [...popper.unsure].filter((key) => !popper.acked.has(key));
    expect(unanswered.length).toBeLessThanOrEqual(kills * 2);
    const deliveries = [...popper.given.values()].reduce((sum, count) => sum + count, 0);
    process.stderr.write(`crash-pop: ${load.acknowledged} acknowledged of ${load.sent.length} sent, ${deliveries} deliveries of ${popper.given.size}, ${popper.again} of what was acknowledged, ${unanswered.length} acknowledgements unanswered, ${kills} kills, seed ${seed}\n`);
    // Apache's groups begin again where their offsets were saved last.
    if (endpointKind !== 'apache') expect(popper.again).toBeLessThanOrEqual(kills * 8);
  }, 600_000);
});
