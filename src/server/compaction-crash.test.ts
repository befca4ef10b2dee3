/**
 * kill -9 while compaction logs are compacted, again and again on one store: of each key the newest message that was acknowledged is there, or one sent
 * after it. `SKYLARK_KILLS=20` makes the run long, `SKYLARK_SEED` repeats one.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeMessages } from '../codec/stored-message.js';
import { pullAll, pullExt, seeded } from './testdata/mixed-load.js';
import { RawClient, sendExt, startServer, until, type Port } from './testdata/process.js';

const kills = Number(process.env['SKYLARK_KILLS'] ?? 4);
const seed = Number(process.env['SKYLARK_SEED'] ?? Date.now() % 1_000_000);
const topic = 'Prices';
const keysOfLane = 20;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skylark-compaction-crash-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Versions by key: those that were acknowledged, and those that were sent at all. */
class Prices {
  readonly acknowledged = new Map<string, number>();
  readonly sent = new Map<string, number>();
  readonly wrong: string[] = [];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  get total(): number {
    return [...this.acknowledged.values()].reduce((sum, version) => sum + version, 0);
  }

  /** Sends the next version of one key after the other until the connection is gone; each lane has its own keys. */
  async run(port: Port): Promise<void> {
    const lane = async (name: string): Promise<void> => {
      const client = await RawClient.open(port);
      while (!client.isClosed) {
        const key = `${name}${Math.floor(this.#random() * keysOfLane)}`;
        const version = (this.sent.get(key) ?? 0) + 1;
        this.sent.set(key, version);
        const answer = await client.request(310, sendExt(topic, { g: String(Date.now()), i: `KEYS\u0001${key}\u0002` }), Buffer.from(`${version} ${'x'.repeat(500)}`));
        if (answer === undefined) return;
        if (answer.code !== 0) this.wrong.push(`${key} ${version}: ${answer.code} ${answer.remark}`);
        else this.acknowledged.set(key, version);
      }
    };
    await Promise.all(['a', 'b', 'c'].map(lane));
  }

  /** What a reader from the start on finds; how many messages there are. */
  async verify(port: Port): Promise<number> {
    const client = await RawClient.open(port);
    const newest = new Map<string, number>();
    let count = 0;
    const end = (await pullAll(client, topic, 0, Number.MAX_SAFE_INTEGER)).max;
    for (let offset = 0; offset < end; ) {
      const answer = await client.request(11, pullExt(topic, 0, offset));
      if (answer === undefined) throw new Error(`pull at ${offset}: the connection closed`);
      for (const { properties, body } of answer.code === 0 ? decodeMessages(answer.body).messages : []) {
        const key = properties.get('KEYS') ?? '';
        const version = Number(body.toString().split(' ')[0]);
        if (version < (newest.get(key) ?? 0)) this.wrong.push(`${key}: version ${version} after ${newest.get(key) ?? 0}`);
        newest.set(key, version);
        count++;
      }
      const next = Number(answer.ext['nextBeginOffset']);
      if (!(next > offset)) break;
      offset = next;
    }
    client.close();
    for (const [key, version] of this.acknowledged) if ((newest.get(key) ?? 0) < version) this.wrong.push(`${key}: version ${version} was acknowledged, the newest is ${newest.get(key) ?? 'none'}`);
    for (const [key, version] of newest) if (version > (this.sent.get(key) ?? 0)) this.wrong.push(`${key}: version ${version} was never sent`);
    return count;
  }
}

/** Files of a compaction that is under way: its result, or the note of what takes the place of what. */
function underWay(data: string): number {
  const root = join(data, 'compaction');
  return [join(root, 'compactionLog', topic, '0', 'compacting'), join(root, 'replacing')].reduce((sum, path) => {
    try {
      return sum + readdirSync(path).length;
    } catch {
      return sum;
    }
  }, 0);
}

describe('kill -9', () => {
  it('in the midst of compactions loses no newest message of a key', async () => {
    const random = seeded(seed);
    const prices = new Prices(random);
    const data = join(dir, 'data');
    const settings = ['compactionMappedFileSize=60000', 'compactionCqMappedFileSize=4600', 'compactionScheduleInternal=500'];
    const all = ['--log-level', 'silent', ...settings.flatMap((one) => ['--set', one])];
    let inTheAct = 0;
    let read = 0;
    for (let round = 0; round < kills; round++) {
      const server = await startServer(data, all);
      if (round === 0) {
        const client = await RawClient.open(server.broker);
        const made = await client.request(17, { topic, defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false', attributes: '+cleanup.policy=COMPACTION' });
        expect(made?.code).toBe(0);
        client.close();
      } else read = await prices.verify(server.broker);
      const before = prices.total;
      const running = prices.run(server.broker);
      await until('some are acknowledged', () => prices.total > before + 300);
      await until('a compaction is under way', async () => {
        for (let look = 0; look < 200 && underWay(data) === 0; look++) await sleep(0);
        return underWay(data) > 0;
      });
      await sleep(random() * 4);
      expect(await server.kill('SIGKILL')).toBe('SIGKILL');
      if (underWay(data) > 0) inTheAct++;
      await running;
    }
    const last = await startServer(data, all);
    read = await prices.verify(last.broker);
    // What is left of the compaction that was cut off goes, or is finished, and compactions go on.
    await until('compactions bring the number of messages down', async () => (read = await prices.verify(last.broker)) < prices.total / 2);
    expect(await last.kill('SIGTERM')).toBe(0);
    if (process.env['SKYLARK_VERBOSE'] !== undefined) process.stderr.write(`compaction crash: ${prices.total} acknowledged, ${read} left, ${inTheAct} of ${kills} kills in the midst of a compaction, seed ${seed}\n`);
    expect({ seed, wrong: prices.wrong }).toEqual({ seed, wrong: [] });
    expect(inTheAct).toBeGreaterThan(0);
  }, 200_000 + kills * 20_000);
});
