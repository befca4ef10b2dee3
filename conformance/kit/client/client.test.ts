import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { RunReport } from '../report/types.js';
import { decodeClientFrame } from './frames.js';
import { clientOf, commandClient, splitCommand } from './program.js';
import { clientCases, runClientCases } from './run.js';
import { rawFrame } from '../wire/frame.js';
import { scenarios } from './scenarios.js';
import { decodeBatch } from './topic.js';

const program = fileURLToPath(new URL('./testdata/good-client.js', import.meta.url));
const good = (flaw = 'none'): ReturnType<typeof commandClient> => commandClient(`'${process.execPath}' '${program}' {namesrv} {topic} {group} {scenario} ${flaw}`, 'good');
const failed = (report: RunReport): string[] => report.cases.filter((one) => one.verdict !== 'pass').map((one) => `${one.name}: ${one.failure?.message ?? one.reason ?? ''}, expected ${one.failure?.expected ?? ''}, actual ${one.failure?.actual ?? ''}`);

describe('the cases about clients', () => {
  it('are at least 40, with different names, each for a scenario that there is', () => {
    expect(clientCases.length).toBeGreaterThanOrEqual(40);
    expect(new Set(clientCases.map((one) => one.name)).size).toBe(clientCases.length);
    expect(clientCases.filter((one) => !scenarios.some((scenario) => scenario.name === one.scenario))).toEqual([]);
  });

  const flaws = [
    ['takes-any-answer', 'client.failure.wrong-opaque-ignored'], ['same-uniq-key', 'client.send.uniq-key-unique'], ['retries-all', 'client.failure.illegal-not-retried'],
    ['no-heartbeat', 'client.heartbeat.subscription'], ['commits-beyond', 'client.offsets.never-beyond'], ['skips', 'client.pull.next-begin-offset'],
    ['same-opaque', 'client.frames.opaque-unique'], ['no-lock', 'client.orderly.locks-first'], ['takes-all-queues', 'client.rebalance.disjoint'],
  ] as const;
  // A run is mostly waiting for what does not come: all of them wait at the same time.
  let acquittal: Promise<RunReport> | undefined;
  const convictions = new Map<string, Promise<RunReport>>();
  beforeAll(() => {
    acquittal = runClientCases({ client: good(), parallel: 16, knownFailures: [] });
    for (const [flaw, name] of flaws) convictions.set(flaw, runClientCases({ client: good(flaw), cases: clientCases.filter((one) => one.name === name), knownFailures: [] }));
    for (const each of [acquittal, ...convictions.values()]) each.catch(() => undefined);
  });

  it('acquit a good client', async () => {
    expect(failed(await (acquittal as Promise<RunReport>))).toEqual([]);
  }, 240_000);

  it.each(flaws.map(([flaw]) => flaw))('convict one that is wrong in one way: %s', async (flaw) => {
    expect((await convictions.get(flaw))?.cases.map((one) => one.verdict)).toEqual(['fail']);
  }, 240_000);

  it('call a program that does not start an error, not a failure', async () => {
    const report = await runClientCases({ client: commandClient('/nonexistent {namesrv} {scenario}'), cases: clientCases.slice(0, 1) });
    expect(report.cases[0]?.verdict).toBe('error');
  });
});

describe('what a client sends', () => {
  it('is read with numbers as fields, which are named', () => {
    const { command, loose } = decodeClientFrame(rawFrame({ header: '{"code":1,"opaque":2,"extFields":{"a":1,"b":"x","c":true}}' }));
    expect(command.ext).toEqual({ a: '1', b: 'x', c: 'true' });
    expect(loose).toEqual(['a', 'c']);
  });

  it('may be a batch that is cut, which is said', () => {
    expect(decodeBatch(Buffer.alloc(10))).toMatch(/cut/);
    expect(decodeBatch(Buffer.from('7fffffff0000000000000000000000007fffffff0000', 'hex'))).toMatch(/an element at 0/);
  });
});

describe('--client', () => {
  it('takes quoted words', () => expect(splitCommand("a 'b c' \"d\" e'f g'")).toEqual(['a', 'b c', 'd', 'ef g']));
  it('refuses unknown SDKs and commands without a place for the name server', () => {
    expect(() => clientOf('sdk:cobol')).toThrow(/there are java-4.9.8/);
    expect(() => clientOf('run me')).toThrow(/needs \{namesrv\} and \{scenario\}/);
  });
});
