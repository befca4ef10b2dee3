/**
 * Names from hell in every field that takes one: no file outside the data directory, no crash, no megabytes in remarks, and no table that grows
 * without bound.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { requests, type Spec } from '../codec/requests.js';
import { Ping, RawClient, sendExt, startServer, type Answer, type ServerProcess } from './testdata/process.js';

const names: Readonly<Record<string, string>> = {
  parent: '../../evil', encoded: '..%2f..%2fevil', absolute: '/tmp/evil', backslash: '..\\evil', nul: 'a\0b', long: 'x'.repeat(10_240), unicode: 'тема😀',
  surrogate: '\ud800', blank: '   ', empty: '', dot: '.', dots: '..', newline: 'a\nb', control: 'a\u0001b', at: 'a@b', quote: 'a"b', proto: '__proto__',
};
const plain: Readonly<Record<string, string>> = { str: 'Plain', i32: '0', i64: '0', bool: 'false', f64: '0', boundary: 'lower' };
/** Values with which a request is answered at all: a transaction whose outcome its producer does not know (0) is not, in Apache neither. */
const answered: Readonly<Record<string, Readonly<Record<string, string>>>> = { END_TRANSACTION: { commitOrRollback: '8' } };

let parent: string;
let server: ServerProcess;
let ping: Ping;

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'skylark-names-'));
  server = await startServer(join(parent, 'a', 'b', 'data'), ['--log-level', 'silent']);
  ping = await Ping.start(server.broker);
});

afterAll(async () => {
  expect((await ping.stop()).wrong).toEqual([]);
  expect(await server.kill('SIGTERM')).toBe(0);
  rmSync(parent, { recursive: true, force: true });
});

/** Every path below the parent, the names of queues and tables in the data directory included. */
function paths(): string[] {
  return readdirSync(parent, { recursive: true }).map(String);
}

const legalPath = /^a(\/b(\/data(\/(abort|lock|checkpoint|(commitlog|index)(\/\d+)?|config(\/[A-Za-z]+\.json(\.bak|\.tmp2?|\.bak\.tmp)?)?|consumequeue(\/[%|\w-]+(\/\d+(\/\d+)?)?)?))?)?)?$/;

describe('names', () => {
  for (const role of ['broker', 'namesrv'] as const) {
    it(`every text field of every code on the ${role}`, async () => {
      const port = server[role];
      const client = await RawClient.open(port);
      let asked = 0;
      for (const [name, spec] of Object.entries(requests) as [string, Spec][]) {
        if (!spec.on.includes(role)) continue;
        const ext: Record<string, string> = {};
        for (const [field, { as, wire }] of Object.entries(spec.header)) ext[wire ?? field] = answered[name]?.[field] ?? plain[as] ?? '';
        for (const [field, { as, wire }] of Object.entries(spec.header)) {
          for (const [kind, bad] of Object.entries(names)) {
            if (as !== 'str' && kind !== 'parent' && kind !== 'long' && kind !== 'empty') continue;
            const where = `${name}.${field} ${kind}`;
            const answer = await client.request(spec.code, { ...ext, [wire ?? field]: bad }, name.startsWith('SEND_M') ? Buffer.from('x') : undefined)
              .catch((error: unknown) => { throw new Error(`${where}: ${String(error)}`); });
            if (answer === undefined) throw new Error(`${where}: closed`);
            expect([where, answer.remark.length < 2000, /TypeError|RangeError|ENOENT|undefined/.test(answer.remark)]).toEqual([where, true, false]);
            asked++;
          }
        }
      }
      client.close();
      expect(asked).toBeGreaterThan(500);
      expect(paths().filter((path) => !legalPath.test(path))).toEqual([]);
    });
  }

  it.each(['parent', 'nul', 'long', 'unicode', 'blank', 'empty', 'dots', 'control'])('%s is refused as topic and as group', async (kind) => {
    const client = await RawClient.open(server.broker);
    const bad = names[kind] ?? '';
    expect((await client.request(310, sendExt(bad), Buffer.from('x')))?.code).toBe(29);
    expect((await client.request(200, {}, Buffer.from(JSON.stringify({ groupName: bad }))))?.code).toBe(29);
    const topic = { defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' };
    expect((await client.request(17, { ...topic, topic: bad }))?.code).not.toBe(0);
    client.close();
  });

  it.each(['parent', 'nul', 'long', 'unicode', 'blank', 'dots', 'control'])('%s is refused inside JSON bodies, and what else the body says is taken', async (kind) => {
    const bad = names[kind] ?? '';
    const client = await RawClient.open(server.broker);
    const body = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
    const group = `Good${kind}`;
    const beat = await client.request(34, {}, body({ clientID: 'c', consumerDataSet: [{ groupName: bad }, { groupName: group, subscriptionDataSet: [] }], producerDataSet: [{ groupName: bad }] }));
    expect(beat).toMatchObject({ code: 29, remark: expect.stringContaining('group') });
    expect((await client.request(38, { consumerGroup: group }))?.body.toString()).toBe('{"consumerIdList":["c"]}');
    expect((await client.request(34, {}, body({ clientID: bad, producerDataSet: [{ groupName: 'P' }] })))?.code).toBe(29);
    expect((await client.request(34, {}, body({ clientID: 'c', producerDataSet: [{ groupName: bad }] })))?.code).toBe(29);
    for (const lock of [{ consumerGroup: bad }, { clientId: bad }, { mqSet: [{ topic: bad, brokerName: 'b', queueId: 0 }] }, { mqSet: [{ topic: 'T', brokerName: bad, queueId: 0 }] }]) {
      expect((await client.request(41, {}, body({ consumerGroup: 'G', clientId: 'c', mqSet: [], ...lock })))?.code).toBe(29);
    }
    client.close();
    const namesrv = await RawClient.open(server.namesrv);
    const ext = { brokerName: 'other', brokerAddr: '127.0.0.9:5', clusterName: 'C', brokerId: '0', haServerAddr: '127.0.0.9:6' };
    const registration = body({ topicConfigSerializeWrapper: { topicConfigTable: { x: { topicName: bad } }, dataVersion: { counter: 1, timestamp: 1 } } });
    expect((await namesrv.request(103, ext, registration))?.code).toBe(29);
    for (const field of ['brokerName', 'brokerAddr', 'clusterName']) expect((await namesrv.request(103, { ...ext, [field]: bad }))?.code).not.toBe(0);
    expect((await namesrv.request(100, { namespace: bad, key: 'k', value: 'v' }))?.code).not.toBe(0);
    expect((await namesrv.request(100, { namespace: 'n', key: bad, value: 'v' }))?.code).not.toBe(0);
    namesrv.close();
  });
});

describe('tables', () => {
  const beatOf = (groups: number, prefix: string, set: string): Buffer =>
    Buffer.from(JSON.stringify({ clientID: 'c', [set]: Array.from({ length: groups }, (_, i) => ({ groupName: `${prefix}${i}` })) }));

  async function asked(code: number, body: Buffer, ext = {}, port = server.broker): Promise<Answer | undefined> {
    const client = await RawClient.open(port);
    const answer = await client.request(code, ext, body);
    client.close();
    return answer;
  }

  it('bounds heartbeats: their size, their groups, and the groups of a connection over time', async () => {
    expect(await asked(34, beatOf(100_000, 'h', 'consumerDataSet'))).toMatchObject({ code: 29, remark: expect.stringContaining('at most 1048576') });
    expect(await asked(34, beatOf(1001, 'h', 'producerDataSet'))).toMatchObject({ code: 29, remark: expect.stringContaining('at most 1000') });
    const client = await RawClient.open(server.broker);
    const before = server.residentBytes();
    expect((await client.request(34, {}, beatOf(1000, 'first', 'producerDataSet')))?.code).toBe(0);
    for (let round = 0; round < 20; round++) expect((await client.request(34, {}, beatOf(1000, `r${round}x`, 'producerDataSet')))?.code).toBe(29);
    expect(server.residentBytes() - before).toBeLessThan(100 * 1024 * 1024);
    // Known groups stay: the heartbeat that named them is still good.
    expect((await client.request(34, {}, beatOf(1000, 'first', 'producerDataSet')))?.code).toBe(0);
    client.close();
  });

  it('bounds lock requests', async () => {
    const mqSet = Array.from({ length: 10_001 }, (_, queueId) => ({ topic: 'T', brokerName: 'b', queueId }));
    expect(await asked(41, Buffer.from(JSON.stringify({ consumerGroup: 'G', clientId: 'c', mqSet })))).toMatchObject({ code: 29, remark: expect.stringContaining('at most 10000') });
  });

  it('bounds KV configs together', async () => {
    const client = await RawClient.open(server.namesrv);
    let refused: Answer | undefined;
    for (let i = 0; i < 80 && refused === undefined; i++) {
      const answer = await client.request(100, { namespace: 'NS', key: `k${i}`, value: 'v'.repeat(65_000) });
      if (answer?.code !== 0) refused = answer;
    }
    expect(refused).toMatchObject({ code: 29, remark: expect.stringContaining('at most 4194304') });
    client.close();
  });

  it('does not unfold a registration that is a bomb', async () => {
    const ext = { brokerName: 'other', brokerAddr: '127.0.0.9:5', clusterName: 'C', brokerId: '0', haServerAddr: '127.0.0.9:6', compressed: 'true' };
    const before = server.residentBytes();
    const answer = await asked(103, deflateSync(Buffer.alloc(256 * 1024 * 1024)), ext, server.namesrv);
    expect(answer).toMatchObject({ code: 1, remark: expect.stringContaining('67108864') });
    expect(server.residentBytes() - before).toBeLessThan(200 * 1024 * 1024);
  });
});
