/**
 * examples/exactly-once: the order service, the warehouse and the broker are killed with -9 at random, and in the end each order that is in the service's
 * database was counted once. SKYLARK_CRASH_SEED repeats a run's moments; SKYLARK_CRASH_KILLS sets how many,
 * SKYLARK_ENDPOINT=apache plays it at Apache's broker and proxy.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEndpoint } from '../adapters/index.js';
import { Child, projectRoot, run } from '../process.js';
import { eventually } from '../sdk-driver.js';
import { seeded } from './load.js';

const kills = Number(process.env['SKYLARK_CRASH_KILLS'] ?? 5);
const seed = Number(process.env['SKYLARK_CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const folder = join(projectRoot, 'examples/exactly-once');

/** The broker asks soon, so that the test need not wait for half a minute. */
const config = { transactionTimeOut: 1000, transactionCheckInterval: 500, transactionOpBatchInterval: 200, flushConsumerOffsetInterval: 200 };

interface Order {
  readonly id: string;
  readonly item: string;
  readonly quantity: number;
}

interface Sqlite {
  prepare(sql: string): { all(): unknown[] };
  close(): void;
}

/** What a program's database holds, read beside it. */
function rows<Row>(file: string, sql: string): Row[] {
  const Database = createRequire(import.meta.url)('libsql') as new (file: string) => Sqlite;
  const db = new Database(file);
  try {
    return db.prepare(sql).all() as Row[];
  } finally {
    db.close();
  }
}

/** A program of the example that is started again whenever it ends, as a supervisor does. */
class Kept {
  /** Lines that say the broker asked how an order ended. */
  asked = 0;
  readonly #script: string;
  readonly #args: readonly string[];
  #child: Child | undefined;
  #ended = false;
  #running: Promise<void> = Promise.resolve();
  #port: number | undefined;

  constructor(script: string, args: readonly string[]) {
    this.#script = script;
    this.#args = args;
  }

  /** The port it serves now; undefined while it is down. */
  get port(): number | undefined {
    return this.#child?.running === true ? this.#port : undefined;
  }

  start(): void {
    this.#running = this.#keep();
  }

  async #keep(): Promise<void> {
    while (!this.#ended) {
      this.#port = undefined;
      const child = new Child(this.#script, process.execPath, [join(folder, this.#script), ...this.#args]);
      this.#child = child;
      child.onLine((line) => {
        if (line.startsWith('ready port=')) this.#port = Number(line.slice('ready port='.length));
        if (line.startsWith('asked ')) this.asked++;
      });
      await child.exited;
      await sleep(100);
    }
  }

  kill(): Promise<void> {
    return this.#child?.kill() ?? Promise.resolve();
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.kill();
    await this.#running;
  }
}

/** Customers: each places one order after the other, and asks again with the same id until it is told that the order is there. */
class Customers {
  readonly told: Order[] = [];
  stopping = false;
  readonly #random: () => number;
  #next = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  async run(service: Kept): Promise<void> {
    while (!this.stopping) {
      const order = { id: `o${++this.#next}`, item: `item${Math.floor(this.#random() * 4)}`, quantity: 1 + Math.floor(this.#random() * 9) };
      while (!(await this.#place(service, order))) await sleep(50);
      this.told.push(order);
      await sleep(this.#random() * 10);
    }
  }

  async #place(service: Kept, order: Order): Promise<boolean> {
    if (service.port === undefined) return false;
    try {
      const answer = await fetch(`http://127.0.0.1:${service.port}/orders/${order.id}`, {
        method: 'PUT', body: JSON.stringify({ item: order.item, quantity: order.quantity }), signal: AbortSignal.timeout(5000),
      });
      await answer.arrayBuffer();
      return answer.ok;
    } catch {
      return false;
    }
  }
}

const totals = (orders: readonly Order[]): Record<string, number> => {
  const sum: Record<string, number> = {};
  for (const { item, quantity } of orders) sum[item] = (sum[item] ?? 0) + quantity;
  return sum;
};

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'exactly-once-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('examples/exactly-once', () => {
  test('loses no order and counts none twice, whatever is killed', async () => {
    const random = seeded(seed);
    const [ordersDb, warehouseDb] = [join(dir, 'orders.db'), join(dir, 'warehouse.db')];
    const endpoint = await startEndpoint({ grpc: true, config });
    await run('create-topic', process.execPath, [join(folder, 'create-topic.js'), '--broker', endpoint.broker]);
    const endpoints = endpoint.grpc ?? '';
    const service = new Kept('order-service.js', ['--endpoints', endpoints, '--db', ordersDb, '--port', '0']);
    const warehouse = new Kept('warehouse.js', ['--endpoints', endpoints, '--db', warehouseDb]);
    const customers = new Customers(random);
    try {
      service.start();
      warehouse.start();
      const running = Promise.all([1, 2, 3, 4].map(() => customers.run(service)));
      for (let round = 0; round < kills; round++) {
        // Somewhere among orders: some were placed since the last kill.
        const before = customers.told.length;
        await eventually('orders are placed again', 30_000, () => (customers.told.length >= before + 4 ? [] : ['too few']));
        await sleep(random() * 500);
        const broker = async (): Promise<void> => {
          await endpoint.kill();
          await endpoint.restart();
        };
        const victims = [() => service.kill(), () => warehouse.kill(), broker];
        const first = round % victims.length;
        const second = Math.floor(random() * victims.length);
        await Promise.all([...new Set([first, second])].map(async (which) => victims[which]?.()));
      }
      customers.stopping = true;
      await running;
      let orders: Order[] = [];
      await eventually('every order is at the warehouse', 60_000, () => {
        orders = rows<Order>(ordersDb, 'SELECT id, item, quantity FROM orders');
        const done = new Set(rows<{ order_id: string }>(warehouseDb, 'SELECT order_id FROM done').map((one) => one.order_id));
        return orders.filter((order) => !done.has(order.id)).map((order) => order.id);
      });
      // Whatever is still undecided is asked about in this time; nothing of it may show.
      await sleep(2000);
      const done = rows<{ order_id: string; deliveries: number }>(warehouseDb, 'SELECT order_id, deliveries FROM done');
      const sold = rows<{ item: string; quantity: number }>(warehouseDb, 'SELECT item, quantity FROM sold');
      expect({ seed, done: done.map((one) => one.order_id).sort() }).toEqual({ seed, done: orders.map((one) => one.id).sort() });
      expect({ seed, sold: Object.fromEntries(sold.map((one) => [one.item, one.quantity])) }).toEqual({ seed, sold: totals(orders) });
      expect(customers.told.filter((told) => !orders.some((order) => order.id === told.id && order.item === told.item && order.quantity === told.quantity))).toEqual([]);
      expect(orders.length).toBeGreaterThanOrEqual(4 * kills);
      if (process.env['SKYLARK_VERBOSE'] !== undefined) process.stderr.write(`${orders.length} orders, ${service.asked} asked about, ${done.filter((one) => one.deliveries > 1).length} delivered again\n`);
    } finally {
      customers.stopping = true;
      await Promise.all([service.end(), warehouse.end()]);
      await endpoint.dispose();
    }
  }, 100_000 + kills * 20_000);
});
