import { expect, test } from '@jest/globals';
import { checkStore, ListLog, ManualClock, message, openOn, smallConfig } from './store-fixture.js';
import { PassingFault } from './passing-fault.js';
import { simulatedDisk } from './simulated-disk.js';

test('derived files that cannot be written for a while are said when it begins and when it has ended', async () => {
  const disk = simulatedDisk(1);
  const clock = new ManualClock();
  const log = new ListLog();
  const store = await openOn(disk, clock, smallConfig(), log);
  const said = (): string[] => log.lines.filter((line) => line.includes('derived files'));
  for (const round of [1, 2]) {
    disk.fail('create', 'ENOSPC', 30, /consumequeue/);
    for (let i = 0; i < 20; i++) {
      const queue = store.queue('T', round);
      expect(store.put(message(queue, `m${round}-${i}`, { uniq: `U${round}-${i}`, tag: 'a' })).status).toBe('PUT_OK');
      expect(store.writeTurn()).toBeUndefined();
      await clock.advance(1000);
    }
    expect(said()).toHaveLength(round * 2 - 1);
    await clock.advance(15000);
    await store.checkpoint();
    await clock.advance(2000);
    expect(said().slice(round * 2 - 2)).toEqual(['warn derived files cannot be written, they stay in memory', 'info derived files are written again']);
  }
  expect((await checkStore(store)).size).toBe(2);
  await store.close();
});

test('a next commit log file that cannot be prepared is said once, and once that it can again', async () => {
  const disk = simulatedDisk(1);
  const clock = new ManualClock();
  const log = new ListLog();
  const store = await openOn(disk, clock, smallConfig(), log);
  const queue = store.queue('T', 0);
  for (let i = 0; i < 20; i++) {
    if (i === 1) disk.fail('create', 'ENOSPC', 3, /commitlog/);
    expect(store.put(message(queue, `m${i}`, { uniq: `U${i}`, padding: 100 })).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
  }
  expect(log.lines.filter((line) => line.includes('next commit log file'))).toEqual([
    'warn the next commit log file cannot be prepared',
    'info the next commit log file is prepared again',
  ]);
  await checkStore(store);
  await store.close();
});

test('a fault is said when it begins, when it is another, and when it has ended', () => {
  const log = new ListLog();
  const codes: unknown[] = [];
  const fault = new PassingFault({
    info: (fields, text) => log.info(fields, text),
    warn: (fields, text) => {
      codes.push(fields);
      log.warn(fields, text);
    },
    error: (fields, text) => log.error(fields, text),
  }, 'began', 'ended');
  fault.worked();
  expect(log.lines).toEqual([]);
  for (const code of ['ENOSPC', 'ENOSPC', 'EIO', 'EIO', 'ENOSPC']) fault.failed(code);
  expect(log.lines).toEqual(['warn began', 'warn began', 'warn began']);
  expect(codes).toEqual([{ code: 'ENOSPC' }, { code: 'EIO' }, { code: 'ENOSPC' }]);
  fault.worked();
  fault.worked();
  expect(log.lines.slice(3)).toEqual(['info ended']);
  fault.failed('ENOSPC');
  expect(log.lines.slice(4)).toEqual(['warn began']);
});
