import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Clock } from '../../remoting/types.js';
import { silentLog } from '../../remoting/clocks.js';
import { ManualClock } from '../../store/store-fixture.js';
import { simulatedDisk, SimulatedCrash } from '../../store/simulated-disk.js';
import type { SimulatedDisk } from '../../store/simulated-disk.js';
import { ConfigFile, TurnSavedFile } from './config-file.js';

const path = '/data/config/x.json';

/** A file whose text is one number, guarded by a marker, so that a torn one is refused. */
function fileOn(disk: SimulatedDisk, inPieces = false) {
  const state = { value: 0 };
  const text = () => `<${state.value}>`;
  const file = new ConfigFile({ disk, path, log: silentLog, encode: () => (inPieces ? [...text()] : text()) });
  const load = () => file.load((text) => {
    const value = /^<(\d+)>$/.exec(text)?.[1];
    if (value === undefined) throw new SyntaxError(`no marker in ${JSON.stringify(text)}`);
    state.value = Number(value);
  });
  return { state, file, load };
}

const put = (disk: SimulatedDisk, name: string, text: string) => disk.place(name, Buffer.from(text));
const textOf = (disk: SimulatedDisk, name: string) => (disk.stat(name) === undefined ? undefined : disk.content(name).toString());

describe('loading', () => {
  test.each([
    ['nothing', undefined, undefined, 'absent', 0],
    ['the file', '<5>', '<4>', 'file', 5],
    ['the backup when the file is missing', undefined, '<4>', 'backup', 4],
    ['the backup when the file is empty', '', '<4>', 'backup', 4],
    ['the backup when the file is corrupt', '<5', '<4>', 'backup', 4],
    ['nothing when both are empty', '', '', 'absent', 0],
  ])('%s', (_, main, backup, origin, value) => {
    const disk = simulatedDisk(1);
    if (main !== undefined) put(disk, path, main);
    if (backup !== undefined) put(disk, `${path}.bak`, backup);
    const { load, state } = fileOn(disk);
    expect([load(), state.value]).toEqual([origin, value]);
  });

  test('a corrupt file without a readable backup is a fault that names both, and stays where it is', () => {
    const disk = simulatedDisk(1);
    put(disk, path, '<5');
    put(disk, `${path}.bak`, '4>');
    expect(() => fileOn(disk).load()).toThrow(/x\.json: no marker.*x\.json\.bak: no marker/);
    expect([textOf(disk, path), textOf(disk, `${path}.bak`)]).toEqual(['<5', '4>']);
  });

  test('a corrupt file is set aside and never becomes the backup', async () => {
    const disk = simulatedDisk(1);
    put(disk, path, '<5');
    put(disk, `${path}.bak`, '<4>');
    const { load, file, state } = fileOn(disk);
    load();
    state.value = 6;
    file.saveNow();
    expect([textOf(disk, path), textOf(disk, `${path}.bak`), textOf(disk, `${path}.corrupt`)]).toEqual(['<6>', '<4>', '<5']);
    await file.flush();
  });
});

describe('demandSaved', () => {
  function turnSaved() {
    const disk = simulatedDisk(1);
    disk.place('/data/x', Buffer.alloc(0));
    let value = 0;
    const file = new TurnSavedFile({ disk, path, log: silentLog, clock: new ManualClock() as unknown as Clock, turn: { schedule: () => undefined, beforeSend: () => undefined }, encode: () => `<${value}>` });
    return { disk, file, change: (to: number) => { value = to; file.changed(); } };
  }

  test('is over when a power loss takes nothing any more', async () => {
    const { disk, file, change } = turnSaved();
    for (const value of [1, 2, 3]) {
      change(value);
      await file.demandSaved();
    }
    disk.crash();
    disk.restart('power');
    expect(fileOn(disk).load()).toBe('file');
    expect([textOf(disk, path), textOf(disk, `${path}.bak`)]).toEqual(['<3>', '<3>']);
  });

  test('refuses what the disk does not sync, and writes it at the next try', async () => {
    const { disk, file, change } = turnSaved();
    change(1);
    await file.demandSaved();
    change(2);
    disk.fail('datasync', 'EIO');
    await expect(file.demandSaved()).rejects.toThrow(/x\.json cannot be saved.*EIO/);
    await file.demandSaved();
    disk.crash();
    disk.restart('power');
    expect(textOf(disk, path)).toBe('<2>');
  });
});

describe('changes whose answers wait', () => {
  test('each is on the platter when its promise settles; those that come meanwhile go together', async () => {
    const disk = simulatedDisk(5);
    // the store's own directory is there, as whoever made the store synced it
    disk.place('/data/x', Buffer.alloc(0));
    let value = 0;
    const hooks: (() => void)[] = [];
    const file = new TurnSavedFile({ disk, path, log: silentLog, clock: new ManualClock() as unknown as Clock, turn: { schedule: () => undefined, beforeSend: (hook) => void hooks.push(hook) }, encode: () => `<${value}>` });
    expect(file.saving).toBeUndefined();
    const change = (): Promise<void> | undefined => {
      value++;
      file.changedAwaited();
      for (const hook of hooks) hook();
      return file.saving;
    };
    const first = change();
    expect(textOf(disk, path)).toBe('<1>');
    const [second, third] = [change(), change()];
    expect([second === first, third === second, textOf(disk, path)]).toEqual([false, true, '<1>']);
    await first;
    expect(textOf(disk, `${path}.bak`)).toBe('<1>');
    await second;
    disk.crash();
    disk.restart('power');
    const texts = [textOf(disk, path), textOf(disk, `${path}.bak`)];
    expect(texts).toEqual(['<3>', '<3>']);
    expect(file.saving).toBeUndefined();
  });

  test('a disk that refuses is waited for no longer than it takes to say so', async () => {
    const disk = simulatedDisk(5);
    disk.spaceLeft = 0;
    const file = new TurnSavedFile({ disk, path, log: silentLog, clock: new ManualClock() as unknown as Clock, turn: { schedule: () => undefined, beforeSend: () => undefined }, encode: () => '<1>' });
    file.changedAwaited();
    await file.saving;
    expect(file.saving).toBeUndefined();
    disk.spaceLeft = Number.MAX_SAFE_INTEGER;
    await file.demandSaved();
    expect(textOf(disk, path)).toBe('<1>');
  });
});

describe('saving', () => {
  test('saveNow is there before it returns; the backup is what was synced last', async () => {
    const disk = simulatedDisk(1);
    const { file, state } = fileOn(disk);
    for (const value of [1, 2, 3]) {
      state.value = value;
      file.saveNow();
      expect(textOf(disk, path)).toBe(`<${value}>`);
      await file.flush();
    }
    expect(textOf(disk, `${path}.bak`)).toBe('<3>');
    state.value = 4;
    file.saveNow();
    state.value = 5;
    file.saveNow();
    // Neither 4 nor 5 is synced yet, so the backup is still the last synced text.
    expect([textOf(disk, path), textOf(disk, `${path}.bak`)]).toEqual(['<5>', '<3>']);
    await file.flush();
    expect(textOf(disk, `${path}.bak`)).toBe('<5>');
  });

  test('many saves of one turn are one write', async () => {
    const disk = simulatedDisk(1);
    const { file, state } = fileOn(disk);
    state.value = 9;
    for (let i = 0; i < 100; i++) file.save();
    await file.flush();
    expect(textOf(disk, path)).toBe('<9>');
    expect(disk.ops).toBeLessThan(20);
  });

  test('a full disk keeps the old text, is told, and the next save works', async () => {
    const disk = simulatedDisk(1);
    const { file, state } = fileOn(disk);
    state.value = 1;
    file.saveNow();
    await file.flush();
    disk.fail('write', 'ENOSPC');
    state.value = 2;
    file.saveNow();
    await file.flush();
    expect(file.fault).toContain('ENOSPC');
    expect(textOf(disk, path)).toBe('<1>');
    file.saveNow();
    await file.flush();
    expect([file.fault, textOf(disk, path)]).toEqual([undefined, '<2>']);
  });

  test('a text in pieces: what is to be saved meanwhile is saved after it, and a later text is never replaced by it', async () => {
    const disk = simulatedDisk(1);
    let [value, made] = [1, 0];
    const whileMade: { at: number; run: () => void }[] = [];
    const file = new ConfigFile({
      disk, path, log: silentLog,
      *encode() {
        const now = value;
        for (const piece of ['<', ...String(now).repeat(20), '>']) {
          made++;
          for (const { at, run } of whileMade) if (made === at) run();
          yield piece;
        }
      },
    });
    file.save();
    whileMade.push({ at: 11, run: () => { value = 2; file.save(); } });
    await file.flush();
    expect(textOf(disk, path)).toBe(`<${'2'.repeat(20)}>`);
    // 22 pieces each; one that is made while the third save is under way replaces the file at once and stays.
    whileMade.push({ at: 50, run: () => { value = 3; file.saveNow(); } });
    file.save();
    await file.flush();
    expect([textOf(disk, path), textOf(disk, `${path}.bak`), file.fault]).toEqual([`<${'3'.repeat(20)}>`, `<${'3'.repeat(20)}>`, undefined]);
    expect(disk.list('/data/config')).toEqual(['x.json', 'x.json.bak']);
  });

  test('whatever operation the machine dies at, a value saved or being saved is loaded, and a flushed one never lost', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(), fc.boolean(), fc.integer({ min: 1, max: 60 }), fc.constantFrom('kill' as const, 'power' as const),
      fc.array(fc.record({ now: fc.boolean(), flush: fc.boolean() }), { minLength: 1, maxLength: 8 }), async (seed, inPieces, crashAt, kind, steps) => {
        const disk = simulatedDisk(seed);
        disk.place('/data/x', Buffer.alloc(0));
        const { file, state } = fileOn(disk, inPieces);
        let flushed = 0;
        disk.crashAtOp = crashAt;
        try {
          for (const step of steps) {
            state.value++;
            if (step.now) file.saveNow();
            else file.save();
            if (!step.flush) continue;
            await file.flush();
            if (file.fault === undefined && !disk.isDown) flushed = state.value;
          }
          await file.flush();
          if (file.fault === undefined && !disk.isDown) flushed = state.value;
        } catch (error) {
          if (!(error instanceof SimulatedCrash)) throw error;
        }
        if (!disk.isDown) disk.crash();
        await new Promise<void>((resolve) => { setImmediate(resolve); });
        disk.restart(kind);
        const again = fileOn(disk);
        again.load();
        expect(again.state.value).toBeGreaterThanOrEqual(flushed);
        expect(again.state.value).toBeLessThanOrEqual(state.value);
      }), { numRuns: 300 });
  });
});
