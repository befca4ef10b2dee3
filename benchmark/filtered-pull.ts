/**
 * What filter bits save: 50 groups, each of which wants one message in a hundred, pull a backlog by SQL92, from a broker that judges each message by its
 * properties and from one that keeps bits beside the queue (enableCalcFilterBitMap, enableConsumeQueueExt). Prints, for each, what laying down and
 * pulling cost the broker. `node dist/benchmark/filtered-pull.js [--messages N] [--groups N]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SkylarkEndpoint } from '../conformance/adapters/skylark.js';
import { code, RawClient } from '../conformance/raw-client.js';
import { cpuSecondsOf } from './proc.js';

/** Values the property has: one in so many passes a group's expression. */
const VALUES = 100;
const BATCH = 64;
const GROUPS_MEASURED = 5;
const requestCode = { PULL_MESSAGE: 11, HEART_BEAT: 34 } as const;
const topic = 'FilteredPull';

interface Figures {
  readonly putUs: number;
  readonly pullUs: number;
  readonly pulledPerSecond: number;
  readonly received: number;
}

async function subscribe(broker: RawClient, group: string, expression: string): Promise<void> {
  await broker.ask('heartbeat', requestCode.HEART_BEAT, {}, Buffer.from(JSON.stringify({
    clientID: group,
    consumerDataSet: [{
      groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', unitMode: false,
      subscriptionDataSet: [{ topic, subString: expression, expressionType: 'SQL92', subVersion: 1, classFilterMode: false, tagsSet: [], codeSet: [] }],
    }],
    producerDataSet: [],
  })));
}

async function layDown(broker: RawClient, messages: number): Promise<void> {
  for (let at = 0; at < messages; at += BATCH) {
    await broker.sendBatch(topic, 0, Array.from({ length: Math.min(BATCH, messages - at) }, (_, i) => ({
      body: Buffer.alloc(128, 97), properties: { n: String((at + i) % VALUES), region: 'north', TAGS: 'TagA' },
    })));
  }
}

/** Goes through the queue as the group; answers how many messages came. */
async function pullAll(broker: RawClient, group: string, messages: number): Promise<number> {
  let received = 0;
  for (let queueOffset = 0; queueOffset < messages;) {
    const answer = await broker.call(requestCode.PULL_MESSAGE, {
      consumerGroup: group, topic, queueId: 0, queueOffset, maxMsgNums: 32, sysFlag: 0, commitOffset: 0, suspendTimeoutMillis: 0, subVersion: 0,
    });
    if (answer.code === 0) for (let at = 0; at < answer.body.length; at += answer.body.readInt32BE(at)) received++;
    else if (answer.code !== 20) throw new Error(`pull at ${queueOffset}: ${answer.code} ${answer.remark}`);
    queueOffset = Number(answer.ext['nextBeginOffset']);
  }
  return received;
}

async function measure(messages: number, groups: number, bits: boolean): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-filter-'));
  const config = { enablePropertyFilter: true, ...(bits ? { enableCalcFilterBitMap: true, enableConsumeQueueExt: true } : {}) };
  const endpoint = await SkylarkEndpoint.start({ dataDir: join(dir, 'store'), config });
  try {
    const broker = await RawClient.connect(endpoint.broker);
    const cpu = (): number => cpuSecondsOf(endpoint.pid) ?? NaN;
    await broker.createTopic(topic, 1);
    for (let i = 0; i < groups; i++) await subscribe(broker, `group_${i}`, `n = ${i} AND region <> 'south'`);
    await layDown(broker, 2 * BATCH);
    await broker.ask('delete', code.DELETE_TOPIC_IN_BROKER, { topic });
    await broker.createTopic(topic, 1);
    const beforePut = cpu();
    await layDown(broker, messages);
    const putUs = ((cpu() - beforePut) * 1e6) / messages;
    await pullAll(broker, 'group_0', messages);
    const beforePull = cpu();
    const startedMs = performance.now();
    let received = 0;
    for (let i = 0; i < GROUPS_MEASURED; i++) received += await pullAll(broker, `group_${i}`, messages);
    const seconds = (performance.now() - startedMs) / 1000;
    broker.close();
    const passed = GROUPS_MEASURED * messages;
    return { putUs, pullUs: ((cpu() - beforePull) * 1e6) / passed, pulledPerSecond: passed / seconds, received };
  } finally {
    await endpoint.dispose();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { messages: { type: 'string', default: '200000' }, groups: { type: 'string', default: '50' } } });
  const [messages, groups] = [Number(values.messages), Number(values.groups)];
  if (!(messages >= VALUES && groups >= GROUPS_MEASURED && groups <= VALUES)) throw new RangeError(`--messages from ${VALUES}, --groups ${GROUPS_MEASURED} to ${VALUES}`);
  process.stdout.write(`${messages} messages of 128 B, ${groups} groups, one message in ${VALUES} for each\n`);
  process.stdout.write(`${'broker'.padEnd(16)}${'put CPU us/msg'.padStart(16)}${'pull CPU us/msg passed'.padStart(24)}${'messages passed/s'.padStart(20)}${'received'.padStart(10)}\n`);
  for (const bits of [false, true]) {
    const { putUs, pullUs, pulledPerSecond, received } = await measure(messages, groups, bits);
    process.stdout.write(
      `${(bits ? 'with bits' : 'properties only').padEnd(16)}${putUs.toFixed(2).padStart(16)}${pullUs.toFixed(3).padStart(24)}${Math.round(pulledPerSecond).toLocaleString('en').padStart(20)}${String(received).padStart(10)}\n`,
    );
  }
}

await main();
