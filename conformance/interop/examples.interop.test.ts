/**
 * The programs below examples/ that run to their end: each does what its documentation says, with SKYLARK_ENDPOINT=apache at Apache's broker and proxy.
 * exactly-once has a suite of its own.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { endpointKind, startEndpoint } from '../adapters/index.js';
import type { Endpoint } from '../endpoint.js';
import { Child, projectRoot } from '../process.js';

let endpoint: Endpoint;

beforeAll(async () => {
  // Apache's is not on unless it is asked for (`lite.on-by-default`)
  endpoint = await startEndpoint({ grpc: true, ...(endpointKind === 'apache' ? { config: { enableLmq: true, enableMultiDispatch: true } } : {}) });
}, 900_000);

afterAll(async () => {
  await endpoint.dispose();
}, 180_000);

/** What the program printed; fails unless it ended well. */
async function run(program: string): Promise<string[]> {
  const child = new Child(program, process.execPath, [join(projectRoot, 'examples', program), endpoint.broker, endpoint.grpc ?? '']);
  const lines: string[] = [];
  child.onLine((line) => lines.push(line));
  expect([await child.exited, child.tail.slice(-3)]).toEqual([0, child.tail.slice(-3)]);
  return lines;
}

describe('examples', () => {
  test('priority/by-topic: the most urgent topic first, each in its order', async () => {
    const lines = await run('priority/by-topic.js');
    expect(lines[0]).toBe('JobsUrgent: stop the pump');
    expect(lines.slice(1, 3).sort()).toEqual(['JobsUsual: send invoice 1', 'JobsUsual: send invoice 2']);
    expect(lines.slice(3).sort()).toEqual(['JobsWhenever: count visitors', 'JobsWhenever: tidy up']);
  }, 120_000);

  test('priority/by-queue: the broker gives the highest priority first', async () => {
    expect(await run('priority/by-queue.js')).toEqual(['3: stop the pump', '2: send invoice 1', '2: send invoice 2', '1: tidy up', '1: count visitors']);
  }, 120_000);

  test('priority/by-handling: the consumer does what is most urgent of what it holds', async () => {
    expect(await run('priority/by-handling.js')).toEqual(['in 1 minutes: stop the pump', 'in 20 minutes: send invoice 1', 'in 30 minutes: send invoice 2', 'in 80 minutes: count visitors', 'in 90 minutes: tidy up']);
  }, 120_000);

  test('order/orders: each order in its order', async () => {
    const lines = await run('order/orders.js');
    for (const order of ['order 1', 'order 2', 'order 3']) expect(lines.filter((line) => line.startsWith(order))).toEqual(['placed', 'paid', 'shipped'].map((step) => `${order}: ${step}`));
    expect(lines.length).toBe(9);
  }, 120_000);

  test('pop/worker: what was put off comes back, counted', async () => {
    expect((await run('pop/worker.js')).sort()).toEqual(['easy: done at attempt 1', 'hard: done at attempt 2', 'hard: not now']);
  }, 120_000);

  test('lite-topics/chat: a client hears the room it is in', async () => {
    expect(await run('lite-topics/chat.js')).toEqual(['room-7: hello', 'room-7: bye']);
  }, 120_000);
});
