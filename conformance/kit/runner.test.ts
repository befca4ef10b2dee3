import { afterEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { defineCases, type Case } from './case.js';
import { req } from './codes.js';
import { EndpointError, RawConnection } from './connection.js';
import { discover, versionOfOrdinal, type Endpoint } from './endpoint.js';
import type { Context } from './context.js';
import { equal, fail, notApplicable } from './expect.js';
import { featureNames } from './features.js';
import type { CaseReport, RunReport } from './report/types.js';
import { runCases, type RunOptions } from './runner.js';
import { ScriptedServer, type Script } from './testdata/scripted-server.js';
import { encodeFrame, rawFrame } from './wire/frame.js';

const open: ScriptedServer[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

async function serve(script: Script): Promise<string> {
  const server = await ScriptedServer.start(script);
  open.push(server);
  return server.address;
}

function endpointAt(address: string, without: readonly string[] = []): Endpoint {
  return {
    name: 'scripted', kind: 'scripted', version: '5.5.0', namesrv: address, broker: address, brokerName: 'b', cluster: 'c', grpc: undefined, storeDir: undefined,
    features: new Set(featureNames.filter((name) => !without.includes(name))), keepsTopics: false, signer: undefined, profile: 'full',
  };
}

const about = { requirement: 'It works.', level: 'MUST', source: 'Test' } as const;

async function run(list: readonly Partial<Case>[], options: Partial<RunOptions> = {}): Promise<RunReport> {
  const cases = defineCases('x', list.map((one, i) => ({ ...about, name: `x.case${i}`, run: async () => undefined, ...one })));
  return runCases({ endpoint: endpointAt('127.0.0.1:1'), timeoutMs: 300, cases, ...options });
}

async function one(part: Partial<Case>, options: Partial<RunOptions> = {}): Promise<CaseReport> {
  const report = (await run([part], options)).cases[0];
  if (report === undefined) throw new Error('no report');
  return report;
}

describe('verdicts', () => {
  it('pass, with the case as it was declared', async () => {
    expect(await one({})).toMatchObject({ name: 'x.case0', area: 'x', ...about, origin: 'hand', verdict: 'pass' });
  });

  it('fail, with what was expected and what came', async () => {
    expect(await one({ run: async () => equal([1, 2n], [1, 3n], 'the list') })).toMatchObject({ verdict: 'fail', failure: { kind: 'assertion', message: 'the list', expected: '[1,"3n"]', actual: '[1,"2n"]' } });
  });

  it('error for a fault of the kit, thrown at once or later', async () => {
    const faulty = (): Promise<void> => {
      throw new TypeError('oops');
    };
    expect(await one({ run: faulty })).toMatchObject({ verdict: 'error', failure: { kind: 'kit', message: 'oops' } });
    expect((await one({ run: async () => Promise.reject(new Error('later')) })).verdict).toBe('error');
  });

  it('error when nothing listens', async () => {
    expect(await one({ run: async (t) => void (await t.request(30)) })).toMatchObject({ verdict: 'error', failure: { kind: 'endpoint' } });
  });

  it('not applicable by feature, version or the case itself; skipped when destructive', async () => {
    const endpoint = endpointAt('127.0.0.1:1', ['pop', 'admin']);
    expect(await one({ needs: ['pop'] }, { endpoint })).toMatchObject({ verdict: 'not-applicable', reason: 'needs pop, which the endpoint does not offer' });
    expect(await one({ versions: { to: '4.9.8' } })).toMatchObject({ verdict: 'not-applicable', reason: 'for versions up to 4.9.8, and the endpoint is 5.5.0' });
    expect((await one({ versions: { from: '5.4.0' } })).verdict).toBe('pass');
    expect(await one({ run: async () => notApplicable('no reason') })).toMatchObject({ verdict: 'not-applicable', reason: 'no reason' });
    expect((await one({ run: async (t) => void (await t.topic()) }, { endpoint })).verdict).toBe('not-applicable');
    expect((await one({ destructive: true })).verdict).toBe('skipped');
    expect((await one({ destructive: true }, { destructive: true })).verdict).toBe('pass');
  });

  it('known-failure for a listed failure of this endpoint only', async () => {
    const knownFailures = [{ endpoint: 'scripted', versions: { from: '5.0.0' }, case: 'x.case0', issue: 'https://example.org/1' }];
    const failing = async (): Promise<void> => fail('wrong');
    expect(await one({ run: failing }, { knownFailures })).toMatchObject({ verdict: 'known-failure', issue: 'https://example.org/1', failure: { message: 'wrong' } });
    expect((await one({ run: failing }, { knownFailures: [{ endpoint: 'other', case: 'x.case0', issue: 'i' }] })).verdict).toBe('fail');
    expect((await one({ run: failing }, { knownFailures: [{ endpoint: 'scripted', versions: { to: '4.9.9' }, case: 'x.case0', issue: 'i' }] })).verdict).toBe('fail');
    expect(await one({}, { knownFailures })).toMatchObject({ verdict: 'pass', notes: ['listed as a known failure, and passes now: https://example.org/1'] });
  });
});

describe('a run', () => {
  it('ends a case whose time is up, and the work it left behind', async () => {
    const address = await serve(() => undefined);
    let after: unknown = 'nothing';
    const report = await one({
      run: async (t) => {
        try {
          await t.request(30, {}, { timeoutMs: 60_000 });
        } catch (error) {
          after = error;
        }
      },
    }, { endpoint: endpointAt(address) });
    expect(report).toMatchObject({ verdict: 'fail', failure: { kind: 'timeout', message: 'the case was not over in 300 ms' } });
    expect(after).toBeInstanceOf(EndpointError);
    expect((await one({ run: () => new Promise(() => undefined) })).failure?.kind).toBe('timeout');
  });

  it('ends the work of a case that is late before it cleans up', async () => {
    const address = await serve(() => undefined);
    const order: string[] = [];
    await one({
      run: async (t) => {
        t.cleanup(async () => order.push('clean-up'));
        await t.request(30, {}, { timeoutMs: 60_000 }).catch(() => order.push('request ended'));
      },
    }, { endpoint: endpointAt(address) });
    expect(order).toEqual(['request ended', 'clean-up']);
  });

  it('survives errors nobody awaited, inside and outside promises', () => {
    const here = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
    const program = `
      const { runCases } = await import(${here('./runner.js')});
      const { defineCases } = await import(${here('./case.js')});
      const about = { requirement: 'It works.', level: 'MUST', source: 'Test' };
      const run = async (t) => {
        Promise.reject(new Error('lost'));
        setTimeout(() => { throw new Error('thrown'); }, 5);
        await t.sleep(30);
      };
      const endpoint = { name: 'e', kind: 'e', version: '5.5.0', namesrv: '', broker: '', brokerName: '', cluster: '', profile: 'full', features: new Set() };
      const report = await runCases({ endpoint, cases: defineCases('x', [{ ...about, name: 'x.a', run }, { ...about, name: 'x.b', run: (t) => t.sleep(40) }]) });
      console.log(JSON.stringify([report.cases.map((each) => each.verdict), report.notes.map((note) => /lost|thrown/.exec(note)?.[0])]));`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', timeout: 60_000 });
    expect([child.stdout.trim(), child.stderr, child.status]).toEqual(['[["pass","pass"],["lost","thrown"]]', '', 0]);
  });

  it('reports the history a case drew, whatever became of the case', async () => {
    const history = [{ process: 'p', op: 'send', invokedMs: 0, completedMs: 1, outcome: 'ok', value: 'm' }] as const;
    expect((await one({ run: (t) => Promise.resolve(t.draw(history)) })).history).toEqual(history);
    expect(await one({ run: (t) => {
      t.draw(history);
      fail('wrong');
    } })).toMatchObject({ verdict: 'fail', history });
    expect('history' in (await one({}))).toBe(false);
  });

  it('cleans up in reverse order whatever the verdict, and goes on when that fails or hangs', async () => {
    const done: string[] = [];
    const report = await one({
      run: async (t) => {
        t.cleanup(async () => done.push('first'));
        t.cleanup(async () => Promise.reject(new Error('no')), 'the middle');
        t.cleanup(async () => done.push('last'));
        fail('wrong');
      },
    });
    expect(done).toEqual(['last', 'first']);
    expect(report).toMatchObject({ verdict: 'fail', notes: ['the middle: no'] });
  });

  it('runs so many at a time, exclusive ones alone and last, and keeps the order of the reports', async () => {
    let now = 0;
    let most = 0;
    let alone = 0;
    const busy = async (t: Parameters<Case['run']>[0]): Promise<void> => {
      most = Math.max(most, ++now);
      await t.sleep(20);
      now--;
    };
    const exclusive = { exclusive: true, run: async (t: Parameters<Case['run']>[0]): Promise<void> => { alone = ++now; await t.sleep(5); now--; } };
    const report = await run([exclusive, ...Array.from({ length: 7 }, () => ({ run: busy }))], { parallel: 3 });
    expect([most, alone]).toEqual([3, 1]);
    expect(report.cases.map((each) => each.name)).toEqual(Array.from({ length: 8 }, (_, i) => `x.case${i}`));
  });

  it('deletes what a case made at once, but after what was to be undone before it', async () => {
    const asked: string[] = [];
    const waiting: (() => void)[] = [];
    const answer: Script = ({ code, opaque, ext }, socket) => {
      if (code !== req.DELETE_TOPIC_IN_BROKER) return {};
      asked.push(ext['topic'] ?? '');
      waiting.push(() => void socket.write(encodeFrame({ code: 0, opaque, flag: 1 })));
      if (waiting.length >= 2) for (const each of waiting.splice(0)) each(); // the first is answered only when the second is there
      return undefined;
    };
    const report = await one({
      run: async (t) => {
        t.forgetTopic('a');
        t.forgetTopic('b');
        t.cleanup(async () => void asked.push('undone'));
        t.forgetTopic('c');
        t.forgetTopic('d');
        await Promise.resolve();
      },
    }, { endpoint: endpointAt(await serve(answer), ['namesrv-admin']) });
    expect(report.notes).toEqual([]);
    expect([asked.slice(0, 2).sort(), asked[2], asked.slice(3).sort()]).toEqual([['c', 'd'], 'undone', ['a', 'b']]);
  });

  it('runs what takes minutes beside the others from the beginning, but not where one at a time was asked for', async () => {
    const order: string[] = [];
    const say = (word: string, ms: number) => async (t: Context): Promise<void> => { order.push(word); await t.sleep(ms); };
    const list: Partial<Case>[] = [{ run: say('a', 30) }, { run: say('b', 30) }, { run: say('c', 1) }, { run: say('long', 1), timeoutMs: 90_000 }];
    await run(list, { parallel: 2 });
    expect([order.slice(0, 3).sort(), order[3]]).toEqual([['a', 'b', 'long'], 'c']);
    order.length = 0;
    await run(list, { parallel: 1 });
    expect(order).toEqual(['a', 'b', 'c', 'long']);
  });

  it('skips what has not begun when it is ended', async () => {
    const ended = new AbortController();
    const report = await run([{ run: async () => ended.abort() }, {}], { parallel: 1, signal: ended.signal });
    expect(report.cases.map((each) => each.verdict)).toEqual(['pass', 'skipped']);
  });

  it('gives the same random numbers for the same seed and name, and names nobody else has', async () => {
    const seen: (string | number)[][] = [];
    const look: Partial<Case> = { run: async (t) => void seen.push([t.rng.int(0, 1e9), t.rng.text(8), t.topicName()]) };
    await run([look, look], { seed: 7 });
    await run([look], { seed: 7 });
    expect(seen[0]?.slice(0, 2)).toEqual(seen[2]?.slice(0, 2));
    expect(seen[0]?.[0]).not.toBe(seen[1]?.[0]);
    expect(new Set(seen.map((each) => each[2])).size).toBe(3);
    expect(seen[0]?.[2]).toMatch(/^conform_x-case0_[0-9a-z]+$/);
  });
});

describe('endpoints that misbehave get verdicts', () => {
  const probe: Partial<Case> = { run: async (t) => void (await t.request(30, {}, { timeoutMs: 100 })) };
  it.each<[string, Script, RegExp]>([
    ['hang', () => undefined, /no answer/],
    ['close', (_request, socket) => void socket.end(), /closed the connection/],
    ['lie about lengths', () => rawFrame({ header: '{}', lengthWord: 0x70000000 }), /frame length of/],
  ])('that %s', async (_what, script, text) => {
    const report = await one(probe, { endpoint: endpointAt(await serve(script)) });
    expect(report).toMatchObject({ verdict: 'fail', failure: { kind: 'endpoint', message: expect.stringMatching(text) } });
    expect(report.wire.length).toBeGreaterThan(1);
  });

  it('that refuse the topic of a case: error, not fail', async () => {
    const address = await serve(() => ({ code: 1, remark: 'no room' }));
    expect(await one({ run: async (t) => void (await t.topic()) }, { endpoint: endpointAt(address) })).toMatchObject({ verdict: 'error', failure: { kind: 'set-up', message: expect.stringMatching(/^create topic .*SYSTEM_ERROR\(1\), no room$/) } });
  });

  it('whose pull body is no record: fail', async () => {
    const address = await serve((request) => (request.code === req.PULL_MESSAGE ? { body: 'rubbish' } : {}));
    expect(await one({ run: async (t) => void (await t.pull('T', { group: 'g' })) }, { endpoint: endpointAt(address) })).toMatchObject({ verdict: 'fail', failure: { kind: 'endpoint' } });
  });

  it('whose answers lack what a case reads of them: fail, with the place; without an answer it is a fault of the kit', async () => {
    const endpoint = endpointAt(await serve(() => ({ body: '{}' })));
    const lacks: readonly ((body: Buffer) => unknown)[] = [
      (body) => (JSON.parse(body.toString()) as { table: { a: 1 } }).table.a,
      (body) => JSON.parse(body.subarray(1).toString()) as unknown,
      (body) => body.readInt32BE(0),
    ];
    for (const read of lacks) {
      const failure = { kind: 'endpoint', message: expect.stringMatching(/^what the endpoint answered cannot be read: (Type|Syntax|Range)Error: /), stack: expect.stringContaining('runner.test') };
      expect(await one({ run: async (t) => void read((await t.request(30)).body) }, { endpoint })).toMatchObject({ verdict: 'fail', failure });
      expect(await one({ run: async () => void (await Promise.resolve(read(Buffer.alloc(0)))) }, { endpoint })).toMatchObject({ verdict: 'error', failure: { kind: 'kit' } });
    }
  });

  it('that hang while a case has left what it began: nothing is unhandled', async () => {
    const endpoint = endpointAt(await serve(() => undefined));
    const run = (t: Context): Promise<never> => {
      void t.pull('T', { group: 'g' });
      void t.broker().then((connection) => void t.via(connection).pull('T', { group: 'g' }));
      return new Promise(() => undefined);
    };
    expect(await one({ timeoutMs: 100, run }, { endpoint })).toMatchObject({ verdict: 'fail', failure: { kind: 'timeout' } });
  });
});

describe('discovery', () => {
  const table = '{"brokerAddrTable":{"b1":{"brokerAddrs":{0:"ADDRESS",1:"127.0.0.1:2"},"brokerName":"b1","cluster":"c1"}},"clusterAddrTable":{"c1":["b1"]}}';

  it('finds broker, name, cluster, version and features', async () => {
    let own = '';
    own = await serve((request) => {
      if (request.code === req.GET_BROKER_CLUSTER_INFO) return { body: table.replace('ADDRESS', own) };
      if (request.code === req.GET_BROKER_RUNTIME_INFO) return { language: 'JAVA', body: '{"table":{"brokerVersionDesc":"V5_3_2"}}' };
      if (request.code === req.GET_BROKER_CONFIG) return { body: 'rocketmqHome=/x\nenablePropertyFilter=true\nautoCreateTopicEnable=false\n' };
      return { code: 3 };
    });
    const endpoint = await discover({ namesrv: own, without: ['timer'] });
    expect(endpoint).toMatchObject({ name: 'apache 5.3.2', kind: 'apache', version: '5.3.2', broker: own, brokerName: 'b1', cluster: 'c1' });
    expect(['sql92', 'pop', 'priority', 'timer', 'admin', 'auto-create-topic'].map((name) => endpoint.features.has(name as never))).toEqual([true, false, false, false, true, false]);
  });

  it.each<[string, Script]>([
    ['hang', () => undefined],
    ['speak HTTP', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['know no brokers', () => ({ body: '{"brokerAddrTable":{}}' })],
    ['send no JSON', () => ({ body: 'x' })],
    ['send another JSON', () => ({ body: '{"brokerAddrTable":{"a":7,"b":{"brokerAddrs":{"0":"nowhere"}}}}' })],
    ['refuse', () => ({ code: 3 })],
  ])('is an EndpointError for name servers that %s', async (_what, script) => {
    await expect(discover({ namesrv: await serve(script), timeoutMs: 150 })).rejects.toBeInstanceOf(EndpointError);
  });

  it('reads releases from ordinals', () => {
    expect([409, 413, 475, 513, 0, 100_000].map(versionOfOrdinal)).toEqual(['4.9.8', '5.0.0', '5.3.1', '5.5.0', undefined, undefined]);
  });

  it('leaves no connection open after a failure', async () => {
    const address = await serve(() => ({ code: 3 }));
    await discover({ namesrv: address }).catch(() => undefined);
    const connection = await RawConnection.open(address);
    connection.close();
    expect((await connection.closed).by).toBe('us');
  });
});
