#!/usr/bin/env node
/**
 * The verifiable producer and consumer as processes: what they do goes to stdout as it happens, a history line each; what is said to
 * people goes to stderr. `check` judges the lines of any number of them.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { EndpointError, splitAddress } from '../connection.js';
import { createContext } from '../context.js';
import { discover } from '../endpoint.js';
import { json } from '../session.js';
import { req } from '../codes.js';
import type { Context } from '../context.js';
import { mergeVerdicts, runCheckers } from './checkers/checker.js';
import { allCheckers } from './checkers/index.js';
import { Consumer, type ConsumerMode, type ConsumerOptions } from './consumer.js';
import { SdkHistory } from './drivers.js';
import { History, HistoryError, readHistory, writeLine } from './history.js';
import { PopConsumer } from './pop-consumer.js';
import { Producer } from './producer.js';
import { Recorder } from './recorder.js';

const usage = `Usage: main.js produce --namesrv HOST:PORT --topic NAME [options]
       main.js consume --namesrv HOST:PORT --topic NAME --group NAME [options]
       main.js sdk --namesrv HOST:PORT --topic NAME --group NAME --sdk java-4.9.8|java-5.5.0|go|ali-ons [options]
       main.js check FILE...

Both     --name TEXT (process in the history), --create N (make the topic with N queues first), --seed N
produce  --messages N (100), --rate R (a second; 0: as fast as answered), --in-flight N (16), --tag-mix a,b,, --delay-ms N,..., --shards N,
         --transactional PERCENT, --body-max BYTES
consume  --mode clustering|orderly|broadcasting|pop, --expression 'a || b', --messages N (end after so many taken), --seconds S (end after, 0: on SIGTERM),
         --fail-every N (give back each Nth delivery), --invisible-ms N
sdk      a real client library sends --messages N (100) and consumes them; ends when it has all, or after --seconds S (30)
check    --checker NAME,... (${allCheckers.map((one) => one.name).join(', ')}); exit 1 when one finds an anomaly
`;

class Usage extends Error {}

const flags = Object.fromEntries([
  'namesrv', 'broker', 'topic', 'group', 'name', 'create', 'seed', 'messages', 'rate', 'in-flight', 'tag-mix', 'delay-ms', 'shards', 'transactional', 'body-max', 'mode', 'expression',
  'seconds', 'fail-every', 'invisible-ms', 'checker', 'sdk',
].map((name) => [name, { type: 'string' as const }]));

const modes: readonly ConsumerMode[] = ['clustering', 'orderly', 'broadcasting', 'pop'];

/** Runs the command; the exit code: 0, 1 an anomaly, 2 usage or no history, 3 no endpoint. */
export async function workloadMain(argv: readonly string[]): Promise<number> {
  try {
    const [what, ...rest] = argv;
    const { values, positionals } = parseArgs({ args: rest, options: flags, allowPositionals: true });
    const args = new Args(values);
    if (what === 'check') return check(args, positionals);
    if (what === 'sdk') return await playSdk(args);
    if ((what !== 'produce' && what !== 'consume') || positionals.length > 0) throw new Usage(usage);
    return await take(what, args);
  } catch (error) {
    if (error instanceof EndpointError) {
      process.stderr.write(`${error.message}\n`);
      return 3;
    }
    if (!(error instanceof Usage || error instanceof HistoryError || (error instanceof Error && 'code' in error))) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

class Args {
  private readonly values: Readonly<Record<string, string | undefined>>;

  constructor(values: Readonly<Record<string, string | undefined>>) {
    this.values = values;
  }

  text(name: string): string | undefined {
    return this.values[name];
  }

  needed(name: string): string {
    const value = this.values[name];
    if (value === undefined || value === '') throw new Usage(`--${name} is missing`);
    return value;
  }

  int(name: string, fallback: number, min: number, max: number): number {
    const value = this.values[name];
    if (value === undefined) return fallback;
    if (!/^\d{1,12}$/.test(value) || Number(value) < min || Number(value) > max) throw new Usage(`--${name} takes a number from ${min} to ${max}, not '${value}'`);
    return Number(value);
  }

  list(name: string): string[] | undefined {
    return this.values[name]?.split(',').map((one) => one.trim());
  }
}

async function take(what: 'produce' | 'consume', args: Args): Promise<number> {
  const namesrv = args.needed('namesrv');
  const broker = args.text('broker');
  for (const address of [namesrv, broker]) if (address !== undefined && splitAddress(address) === undefined) throw new Usage(`'${address}' is no HOST:PORT`);
  const topic = args.needed('topic');
  const seed = args.int('seed', 1, 0, 0xffffffff);
  const group = what === 'consume' ? args.needed('group') : '';
  const name = args.text('name') ?? `${what === 'produce' ? 'producer' : 'consumer'}-${process.pid}`;
  const create = args.int('create', 0, 0, 1024);
  const options = what === 'produce' ? producing(args) : consuming(args);
  const endpoint = await discover({ namesrv, broker });
  const t = createContext({ endpoint, caseName: `workload.${what}`, seed, prefix: 'workload_', runId: `${process.pid.toString(36)}${Date.now().toString(36)}` });
  const recorder = new Recorder((line) => process.stdout.write(`${writeLine(line)}\n`));
  try {
    const queues = await queuesOf(t, topic, create);
    if ('messages' in options) {
      const producer = new Producer(t, recorder, { name, topic, queues, seed, ...options });
      onEnd(() => producer.stop());
      await producer.run();
    } else {
      await consume(t, recorder, { name, group, topic, queues, ...options.consumer }, args);
    }
    return 0;
  } finally {
    await t.end();
  }
}

/** One library sends and consumes; the topic must be there. Loaded only here: the programs are built on first use. */
async function playSdk(args: Args): Promise<number> {
  const { features, missingFor, SdkDriver } = await import('../../sdk-driver.js');
  const sdk = (Object.keys(features) as (keyof typeof features)[]).find((one) => one === args.needed('sdk'));
  if (sdk === undefined) throw new Usage(`--sdk must be one of ${Object.keys(features).join(', ')}, not '${args.needed('sdk')}'`);
  const [namesrv, topic, group, count] = [args.needed('namesrv'), args.needed('topic'), args.needed('group'), args.int('messages', 100, 1, 100_000)];
  const missing = missingFor(sdk);
  if (missing.length > 0) throw new Usage(`${sdk} needs ${missing.join(', ')}`);
  const driver = await SdkDriver.start(sdk, namesrv);
  try {
    const history = new SdkHistory(driver);
    const as = `${sdk} consumer`;
    await history.subscribe({ as, group, topic });
    await history.send(topic, 'sync', Array.from({ length: count }, (_, i) => ({ key: `${sdk}-${process.pid}-${i}`, body: `message ${i}` })));
    const end = Date.now() + args.int('seconds', 30, 1, 3600) * 1000;
    while (Date.now() < end && new Set(driver.received(as).map((one) => one.key)).size < count) await pause(100);
    for (const line of history.history()) process.stdout.write(`${writeLine(line)}\n`);
    return 0;
  } finally {
    await driver.stop();
  }
}

function producing(args: Args): Omit<ConstructorParameters<typeof Producer>[2], 'name' | 'topic' | 'queues' | 'seed'> {
  const tags = args.list('tag-mix');
  const delays = args.list('delay-ms')?.map((one) => {
    if (!/^\d{1,9}$/.test(one)) throw new Usage(`--delay-ms takes milliseconds, not '${one}'`);
    return Number(one);
  });
  return {
    messages: args.int('messages', 100, 1, 10_000_000), rate: args.int('rate', 0, 0, 1_000_000), inFlight: args.int('in-flight', 16, 1, 4096), shards: args.int('shards', 0, 0, 10_000),
    transactionalPercent: args.int('transactional', 0, 0, 100), bodyBytesMax: args.int('body-max', 256, 1, 4_000_000), ...(tags === undefined ? {} : { tags }), ...(delays === undefined ? {} : { delaysMs: delays }),
  };
}

function consuming(args: Args): { readonly consumer: Pick<ConsumerOptions, 'mode' | 'expression' | 'invisibleMs'> } {
  const mode = modes.find((one) => one === (args.text('mode') ?? 'clustering'));
  if (mode === undefined) throw new Usage(`--mode must be one of ${modes.join(', ')}, not '${args.text('mode') ?? ''}'`);
  const expression = args.text('expression');
  return { consumer: { mode, invisibleMs: args.int('invisible-ms', 30_000, 1000, 86_400_000), ...(expression === undefined ? {} : { expression }) } };
}

async function consume(t: Context, recorder: Recorder, options: ConsumerOptions, args: Args): Promise<void> {
  const failEvery = args.int('fail-every', 0, 0, 1_000_000);
  const wanted = args.int('messages', 0, 0, 1_000_000_000);
  const seconds = args.int('seconds', 0, 0, 1_000_000);
  const over = new AbortController();
  onEnd(() => over.abort());
  let deliveries = 0;
  let taken = 0;
  const all: ConsumerOptions = {
    ...options,
    take: () => {
      if (failEvery > 0 && ++deliveries % failEvery === 0) return false;
      if (++taken === wanted) over.abort();
      return true;
    },
  };
  const consumer = options.mode === 'pop' ? new PopConsumer(t, recorder, all) : new Consumer(t, recorder, all);
  recorder.event(options.name, 'start');
  await consumer.start();
  const timer = seconds === 0 ? setInterval(() => undefined, 1 << 30) : setTimeout(() => over.abort(), seconds * 1000);
  if (!over.signal.aborted) await new Promise<void>((resolve) => over.signal.addEventListener('abort', () => resolve(), { once: true }));
  clearTimeout(timer);
  await consumer.stop();
  recorder.event(options.name, 'stop', { count: taken });
}

/** Runs once when somebody asks the process to end. */
function onEnd(run: () => void): void {
  process.once('SIGTERM', run);
  process.once('SIGINT', run);
}

async function queuesOf(t: Context, topic: string, create: number): Promise<number> {
  if (create > 0) {
    const answer = await t.request(req.UPDATE_AND_CREATE_TOPIC, { topic, defaultTopic: 'TBW102', readQueueNums: create, writeQueueNums: create, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false });
    if (answer.code !== 0) throw new Usage(`topic ${topic} was not created: code ${answer.code}, ${answer.remark ?? 'no remark'}`);
    await t.routed(topic);
  }
  const answer = await (await t.namesrv()).request(req.GET_ROUTEINFO_BY_TOPIC, { topic });
  if (answer.code !== 0) throw new Usage(`topic ${topic} has no route: code ${answer.code}, ${answer.remark ?? 'no remark'} (--create N makes it)`);
  const data = (json(answer) as { queueDatas?: { brokerName?: unknown; readQueueNums?: unknown }[] }).queueDatas?.find((one) => one.brokerName === t.endpoint.brokerName);
  const queues = Number(data?.readQueueNums);
  if (!(queues > 0 && queues <= 65_536)) throw new Usage(`topic ${topic} has no readable queues at ${t.endpoint.brokerName}`);
  return queues;
}

function check(args: Args, files: readonly string[]): number {
  if (files.length === 0) throw new Usage(usage);
  const names = args.list('checker') ?? allCheckers.map((one) => one.name);
  const unknown = names.find((name) => !allCheckers.some((one) => one.name === name));
  if (unknown !== undefined) throw new Usage(`no checker '${unknown}'`);
  const history = new History(readHistory(files.map((file) => readFileSync(file, 'utf8')).join('\n')));
  const results = runCheckers(allCheckers.filter((one) => names.includes(one.name)), history);
  for (const result of results) process.stdout.write(`${JSON.stringify(result)}\n`);
  return mergeVerdicts(results) === 'fail' ? 1 : 0;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await workloadMain(process.argv.slice(2));
}
