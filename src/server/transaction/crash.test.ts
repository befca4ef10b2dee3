/**
 * kill -9 between half, decision, op message and check, again and again on one store: what was committed is there, what was rolled back never shows.
 * A producer whose answer got lost is asked and says the same again. `SKYLARK_KILLS=20` makes the run long, `SKYLARK_SEED` repeats one.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pullAll, seeded } from '../testdata/mixed-load.js';
import { RawClient, sendExt, startServer, until } from '../testdata/process.js';
import type { Answer, Port } from '../testdata/process.js';

const kills = Number(process.env['SKYLARK_KILLS'] ?? 2);
const seed = Number(process.env['SKYLARK_SEED'] ?? Date.now() % 1_000_000);

const topic = 'Tx';
const group = 'tx_producer';
const queues = 4;
const commit = 8;
const rollback = 12;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skylark-tx-crash-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One producer's book: what it decided of each message, and what the broker acknowledged. */
class Book {
  readonly decided = new Map<string, number>();
  /** Halves that were acknowledged: they must come to their end. */
  readonly halves = new Set<string>();
  readonly checked = new Set<string>();
  readonly wrong: string[] = [];
  readonly #random: () => number;
  #next = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Connects, says that it is there, and answers every question from the book. */
  async connect(port: Port): Promise<RawClient> {
    const client = await RawClient.open(port);
    const body = { clientID: 'tx@1', producerDataSet: [{ groupName: group }], consumerDataSet: [] };
    const beat = await client.request(34, {}, Buffer.from(JSON.stringify(body)));
    if (beat?.code !== 0) this.wrong.push(`heartbeat: ${beat?.code ?? 'closed'}`);
    client.socket.on('data', () => this.#answerChecks(client));
    return client;
  }

  #answerChecks(client: RawClient): void {
    for (const asked of client.others.splice(0)) {
      if (asked.code !== 39) continue;
      const key = asked.ext['transactionId'] ?? '';
      this.checked.add(key);
      const decision = this.decided.get(key);
      if (decision === undefined) this.wrong.push(`asked about ${key}, which was never sent`);
      else void this.#end(client, key, decision, asked.ext, true).catch(() => undefined);
    }
  }

  #end(client: RawClient, key: string, decision: number, at: Readonly<Record<string, string | undefined>>, fromCheck: boolean): Promise<Answer | undefined> {
    return client.request(37, {
      producerGroup: group, tranStateTableOffset: at['tranStateTableOffset'], commitLogOffset: at['commitLogOffset'], commitOrRollback: String(decision),
      fromTransactionCheck: String(fromCheck), msgId: key, transactionId: key,
    });
  }

  /** Transactions until the connection is gone. */
  async run(client: RawClient): Promise<void> {
    const lane = async (): Promise<void> => {
      while (!client.isClosed) {
        const key = `t${++this.#next}`;
        const decision = this.#random() < 0.5 ? commit : rollback;
        this.decided.set(key, decision);
        const properties = `TRAN_MSG\u0001true\u0002PGROUP\u0001${group}\u0002UNIQ_KEY\u0001${key}\u0002`;
        const half = await client.request(310, sendExt(topic, { a: group, e: String(this.#next % queues), f: '4', g: String(Date.now()), i: properties }), Buffer.from(`${key} body`));
        if (half === undefined) return;
        if (half.code !== 0) this.wrong.push(`half ${key}: ${half.code} ${half.remark}`);
        this.halves.add(key);
        // Some say nothing and wait to be asked.
        if (this.#random() < 0.25) continue;
        const at = { tranStateTableOffset: half.ext['queueOffset'], commitLogOffset: String(BigInt(`0x${(half.ext['msgId'] ?? '').slice(16)}`)) };
        const ended = await this.#end(client, key, decision, at, false);
        if (ended === undefined) return;
        if (ended.code !== 0) this.wrong.push(`end of ${key}: ${ended.code} ${ended.remark}`);
        await sleep(this.#random() * 5);
      }
    };
    await Promise.all([lane(), lane(), lane()]);
  }

  /** Keys in the topic, with how often each is there. */
  async seen(client: RawClient): Promise<Map<string, number>> {
    const seen = new Map<string, number>();
    for (let queueId = 0; queueId < queues; queueId++) {
      const { records } = await pullAll(client, topic, queueId, 0);
      for (const { id } of records) seen.set(id, (seen.get(id) ?? 0) + 1);
    }
    return seen;
  }
}

describe('kill -9', () => {
  it.each([
    ['async flush', []],
    ['sync flush', ['--flush', 'sync']],
  ])('loses no commit and shows no rollback: %s', async (_name, args) => {
    const random = seeded(seed);
    const book = new Book(random);
    const settings = ['transactionTimeOut=400', 'transactionCheckInterval=200', 'transactionOpBatchInterval=150', 'transactionCheckMax=1000', 'flushConsumerOffsetInterval=100'];
    const all = ['--log-level', 'silent', ...settings.flatMap((one) => ['--set', one]), ...args];
    for (let round = 0; round < kills; round++) {
      const server = await startServer(join(dir, 'data'), all);
      const client = await book.connect(server.broker);
      if (round === 0) {
        const made = await client.request(17, { topic, defaultTopic: 'TBW102', readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' });
        expect(made?.code).toBe(0);
      }
      const before = book.halves.size;
      const running = book.run(client);
      await until('some halves are acknowledged', () => book.halves.size > before + 20);
      await sleep(random() * 900);
      expect(await server.kill('SIGKILL')).toBe('SIGKILL');
      await running;
    }
    const last = await startServer(join(dir, 'data'), all);
    const client = await book.connect(last.broker);
    const committed = [...book.halves].filter((key) => book.decided.get(key) === commit);
    let seen = new Map<string, number>();
    await until('every committed half is there', async () => {
      seen = await book.seen(client);
      return committed.every((key) => seen.has(key));
    }, 60_000);
    // Whoever is still undecided is asked within this time, and answers what it decided.
    await sleep(1500);
    seen = await book.seen(client);
    const shown = [...seen.keys()].filter((key) => book.decided.get(key) !== commit);
    client.close();
    expect(await last.kill('SIGTERM')).toBe(0);
    expect({ seed, wrong: book.wrong, shown }).toEqual({ seed, wrong: [], shown: [] });
    expect(committed.length).toBeGreaterThan(5);
    expect(book.checked.size).toBeGreaterThan(0);
  }, 200_000 + kills * 20_000);
});
