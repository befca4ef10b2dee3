/** A process that writes to the real disk is killed at random, again and again: everything it said was written is there at the next start. */
import { afterAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { realDisk } from './disk.js';
import { openStore } from './message-store.js';
import { checkStore, ListLog, ManualClock, smallConfig } from './store-fixture.js';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'store-kill-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const kills = 20;
const sizes = { mappedFileSizeCommitLog: 1 << 16, mappedFileSizeConsumeQueue: 20 * 64, maxHashSlotNum: 101, maxIndexNum: 500, recoverStepBytes: 1 << 14 };

interface Line {
  readonly where: string;
  readonly text: string;
}

/** Runs the writer until it has said so much, and kills it some way further on. Returns what it said. */
function runAndKill(round: number): Promise<Line[]> {
  const script = fileOf('kill-writer.js');
  const writer = spawn(process.execPath, [script, dir, String(round), JSON.stringify(sizes)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let said = '';
    const turnsUntil = 20 + ((round * 37) % 150);
    writer.stdout.on('data', (part: Buffer) => {
      said += part.toString('latin1');
      if (said.split('\n').length > turnsUntil) writer.kill('SIGKILL');
    });
    writer.once('error', reject);
    writer.once('close', (_code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the writer ended by itself in round ${round}`));
      const lines = said.split('\n').slice(0, -1);
      resolve(lines.map((line) => ({ where: line.slice(0, line.indexOf(' ')), text: line.slice(line.indexOf(' ') + 1) })));
    });
  });
}

function fileOf(name: string): string {
  return path.join(path.dirname(new URL(import.meta.url).pathname), 'testdata', name);
}

test(`what was written before any of ${kills} kills is there, once, and the index knows it`, async () => {
  const promised = new Map<string, string>();
  for (let round = 0; round < kills; round++) {
    const lines = await runAndKill(round);
    expect(lines.length).toBeGreaterThan(10);
    for (const { where, text } of lines) promised.set(where, text);
  }
  const store = await openStore({ root: dir, disk: realDisk(), clock: new ManualClock(), log: new ListLog(), config: smallConfig(sizes) });
  expect(store.recovery.cleanStop).toBe(false);
  const all = await checkStore(store);
  for (const [where, text] of promised) {
    const [queue = '', offset = ''] = where.split('@');
    expect([where, all.get(queue)?.[Number(offset)]]).toEqual([where, text]);
  }
  await store.close();
}, 240_000);
