import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { req } from './codes.js';
import type { RunReport } from './report/types.js';
import { ScriptedServer } from './testdata/scripted-server.js';

const dir = mkdtempSync(join(tmpdir(), 'conform-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function conform(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [fileURLToPath(new URL('./main.js', import.meta.url)), ...args], { timeout: 60_000 }, (_error, out, err) => resolve({ code: child.exitCode ?? -1, out, err }));
  });
}

/** A name server and broker that refuses everything but to say where it is. */
async function refusing(): Promise<ScriptedServer> {
  let own = '';
  const server = await ScriptedServer.start((request) =>
    (request.code === req.GET_BROKER_CLUSTER_INFO ? { body: `{"brokerAddrTable":{"b":{"brokerAddrs":{"0":"${own}"},"cluster":"c"}}}` } : { code: 1, remark: 'never' }));
  own = server.address;
  return server;
}

describe('conform', () => {
  it('answers usage, help, the list and an endpoint that is not there with its exit codes', async () => {
    expect(await conform('--bogus')).toEqual({ code: 2, out: '', err: "conform: Unknown option '--bogus' (--help lists the options)\n" });
    expect(await conform('--namesrv', 'h:1', '--only', 'no.such.case')).toMatchObject({ code: 2, err: "conform: --only: no case matches 'no.such.case' (--list names them)\n" });
    expect(await conform('--namesrv', 'h:1', '--only', 'pull.offset-past-max', '--area', 'send')).toMatchObject({ code: 2, err: 'conform: no case matches --only, --skip, --area and --level\n' });
    expect(await conform('--namesrv', 'h:1', '--verdicts', join(dir, 'none.json'))).toMatchObject({ code: 2, err: expect.stringMatching(/^conform: .*none\.json: no such verdict file/) });
    expect(await conform('--namesrv', 'h:1', '--json', join(dir, 'no/x.json'))).toMatchObject({ code: 2, err: `conform: --json ${dir}/no/x.json: there is no folder ${dir}/no\n` });
    expect((await conform('--help')).out).toMatch(/^Usage: skylark conform/);
    expect((await conform('--list', '--only', 'offsets.commit-then-query')).out).toMatch(/^offsets\.commit-then-query {2}MUST/);
    expect(await conform('--namesrv', '127.0.0.1:1')).toMatchObject({ code: 3, err: expect.stringMatching(/^conform: no connection to 127\.0\.0\.1:1/) });
  });

  it('does not mind a reader that has seen enough', async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./main.js', import.meta.url)), '--list'], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect([code, err]).toEqual([0, expect.stringMatching(/^\d+ cases\n$/)]);
  });

  it('fails the run for a broker that refuses everything, and says so in its reports', async () => {
    const server = await refusing();
    try {
      const json = join(dir, 'report.json');
      const { code, out } = await conform('--namesrv', server.address, '--only', 'offsets.commit-then-query', '--json', json, '--seed', '5');
      expect([code, /ERROR offsets\.commit-then-query/.test(out)]).toEqual([1, true]);
      const report = JSON.parse(readFileSync(json, 'utf8')) as RunReport;
      expect([report.seed, report.endpoint.kind, report.cases.map((one) => [one.name, one.verdict])]).toEqual([5, 'rocketmq', [['offsets.commit-then-query', 'error']]]);
    } finally {
      await server.stop();
    }
  });

  it('finds no endpoint where the gRPC port is closed, instead of failing its cases', async () => {
    const server = await refusing();
    try {
      expect(await conform('--namesrv', server.address, '--grpc', '127.0.0.1:1', '--area', 'grpc')).toMatchObject({ code: 3, err: expect.stringMatching(/^conform: no connection to 127\.0\.0\.1:1/) });
    } finally {
      await server.stop();
    }
  });

  it('is not fooled by a server that hangs or is no name server', async () => {
    const server = await ScriptedServer.start(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    try {
      expect(await conform('--namesrv', server.address)).toMatchObject({ code: 3, err: expect.stringMatching(/^conform: .* sent a frame length of .*: it begins "HTTP\/1\.1 400 Bad Request"\n$/) });
    } finally {
      await server.stop();
    }
  });
});
