/**
 * A million pending timers: sends messages that are due in one stretch of seconds, kills the broker with -9 while all of them wait, starts it again, and
 * reads back what came. Prints what taking, waiting, starting and delivering cost, how late messages came, and exits with 1 when one is missing.
 * `node dist/benchmark/timers.js [--messages N] [--spread SECONDS] [--lead SECONDS]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SkylarkEndpoint } from '../conformance/adapters/skylark.js';
import { parseLooseJson, RawClient } from '../conformance/raw-client.js';
import { spawnLoad } from './load/spawn.js';
import { cpuSecondsOf, residentOf } from './proc.js';

const QUEUES = 4;
const GET_BROKER_RUNTIME_INFO = 28;
const topic = 'PendingTimers';

const secondsSince = (fromMs: number): string => `${((performance.now() - fromMs) / 1000).toFixed(1)} s`;
const say = (what: string, text: string): void => void process.stdout.write(`${what.padEnd(32)}${text}\n`);

/** Asks over a connection of its own: the broker closes one that is silent while messages are sent or wait. */
async function asked<T>(address: string, ask: (broker: RawClient) => Promise<T>): Promise<T> {
  const broker = await RawClient.connect(address);
  try {
    return await ask(broker);
  } finally {
    broker.close();
  }
}

/** How many messages the broker's wheel holds. */
async function pending(address: string): Promise<number> {
  const { body } = await asked(address, (broker) => broker.ask('runtime info', GET_BROKER_RUNTIME_INFO, {}));
  return Number((parseLooseJson(body.toString('utf8')) as { table: Record<string, string> }).table['timerCongestNum']);
}

/** Whoever waits for all of them waits no longer than until the first is due: from then on they become fewer. */
async function untilPending(address: string, messages: number, timeoutMs: number, dueMs: number): Promise<void> {
  for (const end = Date.now() + timeoutMs; (await pending(address)) < messages; await sleep(50)) {
    if (Date.now() > dueMs) throw new Error('messages are due before all are in the wheel: --lead is too short');
    if (Date.now() > end) throw new Error(`the wheel holds ${await pending(address)} of ${messages} after ${timeoutMs} ms`);
  }
}

/** Sends `messages`, the same number for each second of the stretch that begins at `dueMs`. */
async function sendAll(address: string, messages: number, spread: number, dueMs: number): Promise<number> {
  let sent = 0;
  for (let second = 0; second < spread; second++) {
    const { send, errors } = await spawnLoad({
      address, topic, queues: QUEUES, warmupMs: 0, measureMs: 120_000, pids: [],
      send: { connections: 8, window: 32, batch: 1, bodyBytes: 128, messagesMax: Math.ceil(messages / spread), properties: { TIMER_DELIVER_MS: String(dueMs + 1000 * second) } },
    });
    if (errors.length > 0) throw new Error(`sending: ${JSON.stringify(errors)}`);
    sent += send?.messages ?? 0;
  }
  return sent;
}

interface Arrivals {
  readonly count: number;
  readonly doubled: number;
  readonly early: number;
  /** Milliseconds after the time that was asked for, sorted. */
  readonly lateMs: readonly number[];
}

async function readBack(broker: RawClient, messages: number): Promise<Arrivals> {
  const keys = new Set<string>();
  const lateMs: number[] = [];
  let doubled = 0;
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    for (let queueOffset = 0; ;) {
      const { messages: some, nextBeginOffset } = await broker.pull({ topic, queueId, queueOffset, maxMessages: 32 });
      if (some.length === 0) break;
      for (const one of some) {
        const key = one.properties['UNIQ_KEY'] ?? '';
        if (keys.has(key)) doubled++;
        keys.add(key);
        lateMs.push(Number(one.storeTimestamp) - Number(one.properties['TIMER_OUT_MS']));
      }
      queueOffset = Number(nextBeginOffset);
    }
  }
  if (keys.size > messages) throw new Error(`${keys.size} messages came of ${messages} that were sent`);
  lateMs.sort((a, b) => a - b);
  return { count: keys.size, doubled, early: lateMs.filter((ms) => ms < 0).length, lateMs };
}

async function run(messages: number, spread: number, leadS: number): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-timers-'));
  const endpoint = await SkylarkEndpoint.start({ dataDir: join(dir, 'store') });
  try {
    await asked(endpoint.broker, (broker) => broker.createTopic(topic, QUEUES));
    const dueMs = 1000 * Math.ceil(Date.now() / 1000 + leadS);
    const sendingMs = performance.now();
    const sent = await sendAll(endpoint.broker, messages, spread, dueMs);
    say('sent', `${sent.toLocaleString('en')} in ${secondsSince(sendingMs)}, due over ${spread} s`);
    await untilPending(endpoint.broker, sent, 60_000, dueMs);
    if (Date.now() > dueMs - 5000) throw new Error(`sending took too long for --lead ${leadS}`);
    say('all in the wheel', `${secondsSince(sendingMs)} after the first send, broker ${((residentOf(endpoint.pid)?.rssBytes ?? NaN) / 2 ** 20).toFixed(0)} MiB resident`);

    await endpoint.kill();
    const startingMs = performance.now();
    await endpoint.restart();
    say('start after kill -9', secondsSince(startingMs));
    await untilPending(endpoint.broker, sent, 60_000, dueMs);
    say('all in the wheel again', `${secondsSince(startingMs)} after the start, ${((residentOf(endpoint.pid)?.rssBytes ?? NaN) / 2 ** 20).toFixed(0)} MiB resident`);
    if (Date.now() > dueMs - 1000) throw new Error(`the restart took too long for --lead ${leadS}`);
    const idle = cpuSecondsOf(endpoint.pid) ?? NaN;
    const idleMs = performance.now();
    await sleep(Math.max(0, Math.min(5000, dueMs - 1000 - Date.now())));
    say('CPU while they wait', `${((((cpuSecondsOf(endpoint.pid) ?? NaN) - idle) / (performance.now() - idleMs)) * 100_000).toFixed(1)} %`);

    await sleep(Math.max(0, dueMs - Date.now()));
    const beforeS = cpuSecondsOf(endpoint.pid) ?? NaN;
    await sleep(spread * 1000);
    for (let left = await pending(endpoint.broker), end = Date.now() + 120_000; left > 0 && Date.now() < end; left = await pending(endpoint.broker)) await sleep(200);
    say('delivering', `${(((cpuSecondsOf(endpoint.pid) ?? NaN) - beforeS) * 1e6 / sent).toFixed(1)} us CPU a message`);
    const { count, doubled, early, lateMs } = await asked(endpoint.broker, (broker) => readBack(broker, sent));
    const at = (percent: number): string => `${lateMs[Math.min(lateMs.length - 1, Math.floor((lateMs.length * percent) / 100))] ?? NaN} ms`;
    say('came', `${count.toLocaleString('en')}, ${sent - count} missing, ${doubled} twice, ${early} early`);
    say('after their time', `p50 ${at(50)}, p99 ${at(99)}, latest ${at(100)}`);
    return count === sent && early === 0 ? 0 : 1;
  } finally {
    await endpoint.dispose();
    rmSync(dir, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { messages: { type: 'string', default: '1000000' }, spread: { type: 'string', default: '20' }, lead: { type: 'string', default: '90' } } });
const [messages, spread, lead] = [Number(values.messages), Number(values.spread), Number(values.lead)];
if (!(messages >= 1 && spread >= 1 && spread <= messages && lead >= 10)) throw new RangeError('--messages from 1, --spread from 1 to as many, --lead from 10');
process.exitCode = await run(messages, spread, lead);
