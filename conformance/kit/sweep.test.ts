/** What a run leaves on a real broker that it shares with others: nothing, also when it is interrupted or the broker is killed meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import { Child } from '../process.js';
import { defineCases } from './case.js';
import { discover, type Endpoint } from './endpoint.js';
import type { RunReport } from './report/types.js';
import { runCases } from './runner.js';
import { leftovers, ofPrefix, sweep } from './sweep.js';

const main = fileURLToPath(new URL('./main.js', import.meta.url));
const about = { requirement: 'It works.', level: 'MUST', source: 'Test' } as const;
const nothing = { topics: [], groups: [] };

let broker: SkylarkEndpoint;
let endpoint: Endpoint;
beforeAll(async () => {
  broker = await SkylarkEndpoint.start();
  endpoint = await discover({ namesrv: broker.namesrv });
});
const dir = mkdtempSync(join(tmpdir(), 'sweep-'));
afterAll(async () => {
  await broker.dispose();
  rmSync(dir, { recursive: true, force: true });
});

/** Waits until the endpoint has so many topics and groups of a prefix. */
async function until(prefix: string, count: number): Promise<void> {
  for (let have = 0; have < count; await sleep(20)) {
    const { topics, groups } = await leftovers(endpoint, ofPrefix(prefix));
    have = topics.length + groups.length;
  }
}

describe('after an interrupt', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends the cases that are under way, and what they and all before them made is gone', async (signal) => {
    const prefix = `${signal.toLowerCase()}_`;
    const json = join(dir, 'report.json');
    // One waits for a minute from the beginning, the others make many topics and groups.
    const child = new Child('conform', process.execPath, [main, '--namesrv', broker.namesrv, '--only', 'rebalance.*,pop.*,offsets.*', '--prefix', prefix, '--json', json]);
    await until(prefix, 12);
    process.kill(child.pid, signal);
    expect(await child.exited).toBe(1);
    const { cases } = JSON.parse(readFileSync(json, 'utf8')) as RunReport;
    const waited = cases.find((one) => one.name === 'rebalance.lock.expires');
    expect([waited?.verdict, waited?.reason, (waited?.wire.length ?? 0) > 0]).toEqual(['skipped', 'the run was ended', true]);
    expect(await leftovers(endpoint, ofPrefix(prefix))).toEqual(nothing);
  });

  it('cases that were cut are skipped, as are those that had not begun', async () => {
    const cut = new AbortController();
    const cases = defineCases('x', [
      { ...about, name: 'x.waits', run: async (t) => { await t.topic(); await t.group(); cut.abort(); await t.sleep(60_000); } },
      { ...about, name: 'x.later', run: () => Promise.resolve() },
    ]);
    const report = await runCases({ endpoint, cases, parallel: 1, cut: cut.signal, sweep: true, prefix: 'cut_' });
    expect(report.cases.map((one) => [one.verdict, one.reason])).toEqual([['skipped', 'the run was ended'], ['skipped', 'the run was ended']]);
    expect(report.notes).toEqual([]);
    expect(await leftovers(endpoint, ofPrefix('cut_'))).toEqual(nothing);
  });
});

describe('when the broker is killed in the middle', () => {
  const cases = (end: () => Promise<void>): ReturnType<typeof defineCases> => defineCases('x', [
    { ...about, name: 'x.killed', run: async (t) => { await t.fill(await t.topic({ route: true }), 3); await t.group(); await end(); await t.sleep(50); } },
    { ...about, name: 'x.after', run: async (t) => void (await t.topic()) },
  ]);

  it('and comes back, the end of the run deletes what no case could', async () => {
    let back: Promise<void> = Promise.resolve();
    const report = await runCases({
      endpoint, parallel: 1, cleanupMs: 500, sweep: true, prefix: 'killed_',
      cases: cases(async () => {
        await broker.kill();
        back = sleep(1500).then(() => broker.restart());
      }),
    });
    await back;
    expect(report.cases.map((one) => one.verdict)).toEqual(['pass', 'error']);
    expect(report.cases[0]?.notes.join()).toMatch(/delete topic killed_x-killed_.*(?:no connection|not done)/);
    expect(report.notes).toEqual([]);
    expect(await leftovers(endpoint, ofPrefix('killed_'))).toEqual(nothing);
  });

  it('and stays away, the report says so, and --clean deletes it later', async () => {
    const report = await runCases({ endpoint, parallel: 1, cleanupMs: 200, sweep: true, sweepPatienceMs: 300, prefix: 'away_', cases: cases(() => broker.kill()) });
    expect(report.notes).toEqual([expect.stringMatching(/^what the run left on the endpoint could not be looked for \(conform --clean does it later\): no connection/)]);
    await broker.restart();
    const left = await leftovers(endpoint, ofPrefix('away_'));
    expect([left.topics.length, left.groups.length]).toEqual([1, 1]);
    const other = await runCases({ endpoint, parallel: 1, prefix: 'other_', cases: defineCases('x', [{ ...about, name: 'x.another', run: async (t) => {
      await t.topic();
      const child = new Child('conform', process.execPath, [main, '--namesrv', broker.namesrv, '--clean', '--prefix', 'away_']);
      expect(await child.exited).toBe(0);
      expect(child.tail.join('\n')).toContain('1 topics and 1 groups that begin with away_ deleted');
      expect((await leftovers(endpoint, ofPrefix('other_'))).topics).toHaveLength(1);
    } }]) });
    expect(other.cases[0]).toMatchObject({ verdict: 'pass' });
    expect(await leftovers(endpoint, ofPrefix('away_'))).toEqual(nothing);
  });
});

it('an endpoint where nothing may be created, or which is thrown away, is not asked', async () => {
  const nowhere = { ...endpoint, broker: '127.0.0.1:1', namesrv: '127.0.0.1:1' };
  const quiet = { deleted: nothing, notes: [] };
  expect(await sweep({ ...nowhere, keepsTopics: true }, () => true)).toEqual(quiet);
  expect(await sweep({ ...nowhere, features: new Set() }, () => true)).toEqual(quiet);
});
