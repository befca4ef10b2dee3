/** A real file system that fills up: sends are refused by name, consumers go on, sends resume when there is room, nothing acknowledged is lost. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { pullAll } from './testdata/mixed-load.js';
import { RawClient, sendExt, startServer, until } from './testdata/process.js';

const parent = mkdtempSync(join(tmpdir(), 'skylark-full-'));
const mounted = join(parent, 'disk');
let canMount = false;
try {
  mkdirSync(mounted);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mounted], { stdio: 'ignore' });
  canMount = true;
} catch {
  // Said by the test's name.
}

afterAll(() => {
  if (canMount) execFileSync('umount', [mounted]);
  rmSync(parent, { recursive: true, force: true });
});

const createTopic = { topic: 'OnFull', defaultTopic: 'TBW102', readQueueNums: '2', writeQueueNums: '2', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' };

describe('a full disk', () => {
  (canMount ? it : it.skip)(`refuses sends and serves the rest until there is room${canMount ? '' : ' (skipped: needs a tmpfs mount)'}`, async () => {
    const server = await startServer(join(mounted, 'data'), ['--log-level', 'silent']);
    const client = await RawClient.open(server.broker);
    const acknowledged = new Map<number, string>();
    let next = 0;
    const send = async (): Promise<string> => {
      const id = `f${next++}`;
      const answer = await client.request(310, sendExt('Load'), Buffer.from(`${id} ${'x'.repeat(60_000)}`));
      if (answer?.code === 0) acknowledged.set(Number(answer.ext['queueOffset']), id);
      return answer?.code === 0 ? '' : `${answer?.code} ${answer?.remark}`;
    };
    const missing = async (on: RawClient): Promise<string[]> => {
      const found = new Map((await pullAll(on, 'Load', 0, 0)).records.map(({ queueOffset, id }) => [queueOffset, id]));
      return [...acknowledged].filter(([offset, id]) => found.get(offset) !== id).map(([offset, id]) => `${id} at ${offset}`);
    };
    let refused = '';
    while (refused === '' && next < 2000) refused = await send();
    expect(refused).toMatch(/^14 service not available now\. disk (write failed: ENOSPC|full: )/);
    // A commit log file of 1 GiB and an index file of 420 MB are holes until they are written.
    expect(acknowledged.size).toBeGreaterThan(400);
    expect(await missing(client)).toEqual([]);
    const refusedTopic = await client.request(17, createTopic);
    expect(refusedTopic).toMatchObject({ code: 1, remark: expect.stringMatching(/topics\.json cannot be saved.*ENOSPC/) });
    expect(await send()).not.toBe('');

    execFileSync('mount', ['-o', 'remount,size=256m', mounted]);
    await until('sends are taken again', async () => (await send()) === '');
    expect((await client.request(17, createTopic))?.code).toBe(0);
    for (let i = 0; i < 50; i++) expect(await send()).toBe('');
    await server.kill('SIGKILL');
    const again = await startServer(join(mounted, 'data'), ['--log-level', 'silent']);
    const reader = await RawClient.open(again.broker);
    expect(await missing(reader)).toEqual([]);
    expect((await reader.request(21))?.body.includes('"OnFull"')).toBe(true);
    expect(await again.kill('SIGTERM')).toBe(0);
  }, 240_000);
});
