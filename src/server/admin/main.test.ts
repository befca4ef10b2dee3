/** `skylark admin` against a broker that runs: what it finds and makes, how it pages, what it says when there is nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RawClient, sendExt, startServer, until, type ServerProcess } from '../testdata/process.js';
import { adminMain } from './main.js';

let dir: string;
let server: ServerProcess;
let client: RawClient;
const sent: { readonly msgId: string; readonly uniqueId: string }[] = [];

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const admin = (...argv: string[]): Promise<Run> => run('message', ...argv);

async function run(...argv: string[]): Promise<Run> {
  let [out, err] = ['', ''];
  const code = await adminMain([...argv, '-n', `${server.namesrv.host}:${server.namesrv.port}`], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

const json = async (...argv: string[]): Promise<{ found: { queueOffset: number; queueId: number; uniqueId: string; body?: string; storeTimestamp: number }[]; more?: boolean; total?: number }> =>
  JSON.parse((await admin(...argv, '--json')).out) as never;

async function send(topic: string, body: string, properties: Readonly<Record<string, string>>, queueId = 0): Promise<{ msgId: string; uniqueId: string }> {
  const text = Object.entries(properties).map(([name, value]) => `${name}\u0001${value}\u0002`).join('');
  const answer = await client.request(310, sendExt(topic, { e: String(queueId), i: text }), Buffer.from(body));
  if (answer?.code !== 0) throw new Error(`send: ${answer?.code ?? 'closed'} ${answer?.remark ?? ''}`);
  return { msgId: answer.ext['msgId'] ?? '', uniqueId: answer.ext['transactionId'] ?? '' };
}

const record = (...fields: readonly (string | number | boolean)[]): string => `${fields.join('\u0001')}\u0002`;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'skylark-admin-'));
  server = await startServer(join(dir, 'data'), ['--log-level', 'silent', '--set', 'traceTopicEnable=true']);
  client = await RawClient.open(server.broker);
  const made = await client.request(17, { topic: 'T', defaultTopic: 'TBW102', readQueueNums: '2', writeQueueNums: '2', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' });
  expect(made?.code).toBe(0);
  // Over some seconds: the index knows no smaller times, and one query of it answers 64 messages.
  for (let i = 0; i < 100; i++) {
    if (i === 40 || i === 80) await new Promise((resolve) => setTimeout(resolve, 1100));
    sent.push(await send('T', `body ${i}`, { KEYS: `all k${i}`, TAGS: 'TagA', UNIQ_KEY: `U${i}` }, i % 2));
  }
  await until('the index has all', async () => (await admin('byKey', '-t', 'T', 'k99')).code === 0, 10_000);
}, 60_000);

afterAll(async () => {
  client.close();
  await server.kill('SIGTERM');
  rmSync(dir, { recursive: true, force: true });
});

describe('skylark admin message', () => {
  it('byId and byUniqueKey show one message', async () => {
    const { out, code } = await admin('byId', sent[7]?.msgId ?? '');
    expect(code).toBe(0);
    expect(out).toContain('U7  20');
    expect(out).toMatch(/topic T  queue 1  offset 3  at 127\.0\.0\.1:\d+  offset id /);
    expect(out).toContain('tags TagA  keys all k7');
    expect(out).toContain('body 7 (6 bytes)');
    expect((await json('byUniqueKey', '-t', 'T', 'U7')).found).toMatchObject([{ uniqueId: 'U7', body: 'body 7', queueId: 1, queueOffset: 3 }]);
  });

  it('byKey pages from the newest on, beyond what one query of the index answers', async () => {
    const pages = await Promise.all([1, 2, 3, 4].map((page) => json('byKey', '-t', 'T', 'all', '--page', String(page), '--page-size', '30')));
    expect(pages.map(({ found, more }) => [found.length, more])).toEqual([[30, true], [30, true], [30, true], [10, false]]);
    expect(pages.flatMap(({ found }) => found.map(({ uniqueId }) => uniqueId))).toEqual(sent.map((_, i) => `U${99 - i}`));
  });

  it('query pages through a time, queue after queue', async () => {
    const pages = await Promise.all([1, 2, 3].map((page) => json('query', '-t', 'T', '--page', String(page), '--page-size', '40')));
    expect(pages.map(({ found, more, total }) => [found.length, more, total])).toEqual([[40, true, 100], [40, true, 100], [20, false, 100]]);
    expect(pages.flatMap(({ found }) => found.map(({ body }) => body))).toEqual([0, 1].flatMap((queue) => Array.from({ length: 50 }, (_, i) => `body ${2 * i + queue}`)));
    const { found } = pages[0] ?? { found: [] };
    const beginMs = found[20]?.storeTimestamp ?? 0;
    const from = await json('query', '-t', 'T', '--begin', String(beginMs), '--page-size', '1000');
    const all = await json('query', '-t', 'T', '--page-size', '1000');
    expect(from.found.map(({ uniqueId }) => uniqueId)).toEqual(all.found.filter(({ storeTimestamp }) => storeTimestamp >= beginMs).map(({ uniqueId }) => uniqueId));
    const until_ = await json('query', '-t', 'T', '--end', new Date(beginMs).toISOString(), '--page-size', '1000');
    expect(until_.found.map(({ uniqueId }) => uniqueId)).toEqual(all.found.filter(({ storeTimestamp }) => storeTimestamp <= beginMs).map(({ uniqueId }) => uniqueId));
  });

  it('trace joins what producer and consumers wrote into one timeline', async () => {
    const pub = record('Pub', 1_700_000_000_000, 'DefaultRegion', 'pg', 'T', 'U7', 'TagA', 'k7', '127.0.0.1:10911', 6, 4, 0, sent[7]?.msgId ?? '', true);
    const before = record('SubBefore', 1_700_000_000_100, 'DefaultRegion', 'cg', 'R1', 'U7', 0, 'k7') + record('SubBefore', 1_700_000_000_100, 'DefaultRegion', 'cg', 'R1', 'U8', 0, 'k8');
    const after = record('SubAfter', 'R1', 'U7', 12, true, 'k7', 0, 1_700_000_000_112, 'cg');
    await send('RMQ_SYS_TRACE_TOPIC', after, { KEYS: 'U7 k7' });
    await send('RMQ_SYS_TRACE_TOPIC', before, { KEYS: 'U7 k7 U8 k8' });
    await send('RMQ_SYS_TRACE_TOPIC', pub, { KEYS: 'U7 k7' });
    let run: Run = { code: 1, out: '', err: '' };
    await until('all three are indexed', async () => (run = await admin('trace', 'U7')).out.split('\n').length === 5, 10_000);
    expect(run.out.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'U7 topic T Normal_Msg',
      `tags TagA keys k7 6 bytes stored at 127.0.0.1:10911 offset id ${sent[7]?.msgId ?? ''}`,
      '2023-11-14T22:13:20.000Z sent pg 127.0.0.1 ok 4 ms',
      '2023-11-14T22:13:20.100Z consumed cg 127.0.0.1 SUCCESS 12 ms, attempt 1',
      '',
    ]);
    expect((await admin('trace', sent[7]?.msgId ?? '')).out).toBe(run.out);
    expect(JSON.parse((await admin('trace', 'U8', '--json')).out)).toMatchObject({ msgId: 'U8', events: [{ kind: 'consuming', group: 'cg' }] });
  });

  it('says what is wrong, and what is not there', async () => {
    expect(await admin('trace', 'NOBODY')).toEqual({ code: 1, out: '', err: 'nothing found\n' });
    expect(await admin('byKey', '-t', 'NoSuchTopic', 'k')).toMatchObject({ code: 1, err: 'skylark admin: the topic NoSuchTopic does not exist\n' });
    expect(await admin('byId', 'xyz')).toMatchObject({ code: 1, err: expect.stringContaining("'xyz' is no offset id") });
    expect(await admin('byKey', 'k')).toMatchObject({ code: 2, err: expect.stringContaining('--topic is needed') });
    expect(await admin('query', '-t', 'T', '--page', '0')).toMatchObject({ code: 2, err: expect.stringContaining('--page takes a number from 1') });
    expect(await admin('query', '-t', 'T', '--begin', 'soon')).toMatchObject({ code: 2, err: expect.stringContaining("not 'soon'") });
    expect(await admin('toString')).toMatchObject({ code: 2, err: expect.stringContaining('unknown command') });
    expect(await adminMain(['message', 'trace', 'U1', '-n', '127.0.0.1:1'], { out: () => undefined, err: () => undefined })).toBe(1);
  });
});

describe('skylark admin topic', () => {
  it('create makes a topic of a type, and changes it', async () => {
    expect(await run('topic', 'create', 'Fifo', '--type', 'fifo', '--queues', '3')).toEqual({ code: 0, out: 'Fifo: 3 queues, FIFO, on broker-a\n', err: '' });
    const config = async (): Promise<unknown> => JSON.parse((await client.request(351, { topic: 'Fifo' }))?.body.toString('utf8') ?? '');
    expect(await config()).toMatchObject({ topicName: 'Fifo', readQueueNums: 3, writeQueueNums: 3, perm: 6, attributes: { 'message.type': 'FIFO' } });
    expect((await run('topic', 'create', 'Fifo', '--queues', '5')).code).toBe(0);
    expect(await config()).toMatchObject({ readQueueNums: 5, attributes: { 'message.type': 'FIFO' } });
  });

  it('list names it', async () => {
    await run('topic', 'create', 'Plain');
    expect((JSON.parse((await run('topic', 'list', '--json')).out) as { topics: string[] }).topics).toEqual(expect.arrayContaining(['Plain', 'T', 'TBW102']));
  });

  it.each([
    [['topic', 'create'], /TOPIC is needed/],
    [['topic', 'create', 'X', '--type', 'SOME'], /--type takes NORMAL, FIFO/],
    [['topic', 'create', 'X', '--queues', '0'], /--queues takes a number from 1 to 1024, not '0'/],
    [['topic', 'drop'], /unknown command 'drop': create, list/],
    [['broker'], /unknown area 'broker': message, topic/],
  ])('%j is a mistake of its user', async (argv, says) => {
    const { code, err } = await run(...argv);
    expect([code, says.test(err)]).toEqual([2, true]);
  });

  it('says what the broker refuses', async () => {
    const { code, err } = await run('topic', 'create', 'a/b');
    expect(code).toBe(1);
    expect(err).toMatch(/UPDATE_AND_CREATE_TOPIC with /);
  });
});
