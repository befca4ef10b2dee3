/**
 * A store's files with any damage: the log, what is derived from it, the timers. The input is a list of patches to the files of a store that was written
 * and killed or closed; the store must open, or say with a Fault why not, serve nothing that was never put, and take and keep new messages.
 *
 *   patch: file 1 byte | position 2 bytes, of 65,536ths of the file | kind 1 byte | length 1 byte, then that many bytes
 *   kind: 0 overwrite | 1 truncate | 2 zero to the end | 3 xor | 4 remove the file | 5 append
 */
import { readCheckpoint } from '../../src/codec/checkpoint-record.js';
import { crc31 } from '../../src/codec/crc32.js';
import { Fault } from '../../src/codec/errors.js';
import { readRecord, recordCheck, RecordView } from '../../src/codec/message-record.js';
import { simulatedDisk } from '../../src/store/simulated-disk.js';
import type { SimulatedDisk } from '../../src/store/simulated-disk.js';
import { ManualClock, message, openOn, recordsOf, settle, smallConfig, storeRoot } from '../../src/store/store-fixture.js';
import type { OpenStore } from '../../src/store/message-store.js';
import { Rig } from '../../src/server/timer/testdata/rig.js';
import { mutateBytes } from '../engine/mutate.js';
import type { Random } from '../engine/random.js';
import { holds } from '../engine/target.js';
import type { Outcome, Running, Target } from '../engine/target.js';

type Files = ReadonlyMap<string, Buffer>;

interface Patch {
  readonly file: number;
  readonly position: number;
  readonly kind: number;
  readonly bytes: Buffer;
}

const patchesMax = 6;

function patchesOf(input: Buffer): Patch[] {
  const patches: Patch[] = [];
  for (let at = 0; at + 5 <= input.length && patches.length < patchesMax;) {
    const length = input[at + 4] as number;
    patches.push({ file: input[at] as number, position: input.readUInt16BE(at + 1), kind: (input[at + 3] as number) % 6, bytes: input.subarray(at + 5, at + 5 + length) });
    at += 5 + length;
  }
  return patches;
}

const patchBytes = ({ file, position, kind, bytes }: Patch): Buffer => Buffer.concat([Buffer.from([file, position >> 8, position & 0xff, kind, bytes.length]), bytes]);

function makePatch(random: Random): Buffer {
  const kind = random.below(6);
  const bytes = kind === 1 || kind === 2 || kind === 4 ? Buffer.alloc(0) : random.once(3) ? Buffer.alloc(random.small(32), random.pick([0, 0xff, 0x7f])) : random.bytes(random.pick([1, 2, 4, 8, 20, 40]));
  return patchBytes({ file: random.below(256), position: random.once(4) ? 0 : random.word() & 0xffff, kind, bytes });
}

/** The files with the patches made; `names` are those that may be damaged. */
function damaged(files: Files, names: readonly string[], input: Buffer): Map<string, Buffer> {
  const result = new Map(files);
  for (const { file, position, kind, bytes } of patchesOf(input)) {
    const name = names[file % names.length];
    const old = name === undefined ? undefined : result.get(name);
    if (name === undefined || old === undefined) continue;
    const at = Math.floor((position * old.length) / 65_536);
    const copy = Buffer.from(old);
    switch (kind) {
      case 0: bytes.copy(copy, at); break;
      case 1: result.set(name, old.subarray(0, at)); continue;
      case 2: copy.fill(0, at); break;
      case 3: for (let i = 0; i < bytes.length && at + i < copy.length; i++) copy[at + i] = (copy[at + i] as number) ^ (bytes[i] as number); break;
      case 4: result.delete(name); continue;
      default: result.set(name, Buffer.concat([old, bytes])); continue;
    }
    result.set(name, copy);
  }
  return result;
}

function diskOf(files: Files): SimulatedDisk {
  const disk = simulatedDisk(7);
  for (const [name, bytes] of files) disk.place(name, bytes);
  return disk;
}

const filesOn = (disk: SimulatedDisk): Files => new Map(disk.files().map((name) => [name, disk.content(name)]));

// ---- the store

const texts = Array.from({ length: 60 }, (_, i) => `message ${i}`);

/** A store of some files of each kind; `clean` = it was closed, else killed behind a checkpoint. */
async function storeFiles(clean: boolean): Promise<Files> {
  const disk = simulatedDisk(7);
  const store = await openOn(disk, new ManualClock(), smallConfig());
  for (const [i, text] of texts.entries()) {
    store.put(message(store.queue(i % 3 === 0 ? 'Other' : 'T', i % 2), text, { tag: `t${i % 4}`, uniq: `U${i}`, keys: `k${i} all`, padding: i % 7 }));
    if (i % 5 === 4) store.writeTurn();
    if (i === 40) await store.checkpoint();
  }
  store.writeTurn();
  await settle();
  if (clean) await store.close();
  else disk.crash();
  disk.restart('kill');
  return filesOn(disk);
}

/** Reads every queue from its first offset to its last. Whatever a status says, the next offset must lead on. */
async function walk(store: OpenStore, known: ReadonlySet<string>, trustedBelow: number): Promise<void> {
  for (const topic of store.topicsOnDisk()) {
    for (const queueId of store.queueIdsOf(topic)) {
      const queue = store.existingQueue(topic, queueId);
      if (queue === undefined) continue;
      let at = queue.minOffset;
      for (let rounds = 0; at < queue.maxOffset && rounds < 2000; rounds++) {
        const result = await store.get(queue, at, 32, 1 << 20, undefined);
        if (result.status === 'FOUND') {
          for (const slice of result.slices) judgeServed(slice, known, trustedBelow, `${topic}/${queueId}`);
        }
        if (result.nextBeginOffset <= at) break;
        at = result.nextBeginOffset;
      }
    }
  }
}

/**
 * Judges the records of an answer. Recovery looks at no record below `trustedBelow`: a body is its reader's to check there, as
 * with Apache, and a wrong CRC is no invention.
 */
function judgeServed(slice: Buffer, known: ReadonlySet<string>, trustedBelow: number, place: string): void {
  const view = new RecordView();
  for (let at = 0; at < slice.length; at += view.size) {
    const outcome = readRecord(view, slice, at, slice.length, recordCheck.NONE);
    holds(outcome === 'record', () => `${place} serves what is no record at ${at} of a slice: ${outcome} ${view.reason}`);
    if (crc31(slice, view.bodyStart, view.bodyEnd) !== view.bodyCrc) {
      holds(view.phyOffset < trustedBelow, () => `${place} serves the record at ${view.phyOffset}, the body CRC differs`);
      continue;
    }
    const text = slice.toString('utf8', view.bodyStart, view.bodyEnd).trimEnd();
    holds(known.has(text), () => `${place} serves ${JSON.stringify(text.slice(0, 80))}, which was never put`);
  }
}

/** Up to where the checkpoint says that ConsumeQueues are durable. */
function checkpointOf(files: Files): number {
  const checkpoint = readCheckpoint(files.get(`${storeRoot}/checkpoint`) ?? Buffer.alloc(0));
  holds(checkpoint !== undefined && checkpoint.logicsPhysicalOffset > 0, () => 'the killed store has no checkpoint');
  return checkpoint.logicsPhysicalOffset;
}

/** What recovery is asked to open: canaries put a store with a bug here. */
export type OpenSubject = typeof openOn;

async function runStore(open: OpenSubject, files: Files, names: readonly string[], input: Buffer, trustedBelow: number): Promise<Outcome> {
  const disk = diskOf(damaged(files, names, input));
  const known = new Set([...texts, 'after']);
  let store: OpenStore;
  try {
    store = await open(disk, new ManualClock(), smallConfig());
  } catch (error) {
    if (error instanceof Fault) return 'refused';
    throw error;
  }
  await walk(store, known, trustedBelow);
  await store.queryIndex('T', 'k1', 64, 0, Number.MAX_SAFE_INTEGER, undefined);
  const queue = store.queue('T', 0);
  const put = store.put(message(queue, 'after', { tag: 'new', uniq: 'Unew' }));
  const refused = store.writeTurn();
  if (put.status !== 'PUT_OK' || refused !== undefined) {
    await store.close();
    return 'refused';
  }
  await store.close();
  // What was acknowledged is there after a clean stop, at its place in the log and in its queue.
  const again = await open(disk, new ManualClock(), smallConfig());
  const record = await again.record(put.phyOffset);
  holds(record !== undefined && record.includes('after'), () => `the message put at ${put.phyOffset} is gone`);
  const result = await again.get(again.queue('T', 0), put.queueOffset, 1, 1 << 20, undefined);
  holds(result.status === 'FOUND' && recordsOf(result.slices)[0]?.text === 'after', () => `the message put at offset ${put.queueOffset} is answered ${result.status}`);
  await walk(again, known, trustedBelow);
  await again.close();
  return 'taken';
}

function storeTarget(name: string, proves: string, choose: (file: string) => boolean, open: OpenSubject): Target {
  const openTarget = async (): Promise<Running> => {
    const killed = await storeFiles(false);
    // After a kill recovery begins at the checkpoint; after a clean stop it looks at the end of the log alone.
    const images = [{ files: killed, trustedBelow: checkpointOf(killed) }, { files: await storeFiles(true), trustedBelow: Number.MAX_SAFE_INTEGER }] as const;
    return {
      // The first byte says which of the two.
      run: (input) => {
        const { files, trustedBelow } = images[(input[0] ?? 0) % 2 === 0 ? 0 : 1];
        return runStore(open, files, [...files.keys()].filter(choose), input.subarray(1), trustedBelow);
      },
    };
  };
  return {
    name, proves,
    declared: [],
    inputBytesMax: 512,
    allocationBytesMax: (inputBytes) => 24 * 1024 * 1024 + 64 * inputBytes,
    // A store is opened twice and read whole.
    millisMax: 400,
    make: (random) => Buffer.concat([Buffer.from([random.below(2)]), ...Array.from({ length: random.small(3) }, () => makePatch(random))]),
    mutate: mutatePatches,
    open: openTarget,
  };
}

function mutatePatches(random: Random, input: Buffer): Buffer | undefined {
  const patches = patchesOf(input.subarray(1));
  const at = random.below(patches.length);
  const one = patches[at];
  const head = input.subarray(0, 1);
  if (one === undefined || random.once(4)) return Buffer.concat([head, ...patches.map(patchBytes), makePatch(random)]);
  const changed: Patch = random.once(3)
    ? { ...one, position: (one.position + random.below(65) - 32) & 0xffff }
    : random.once(2) ? { ...one, bytes: mutateBytes(random, one.bytes, one.bytes, 60) } : { ...one, file: random.below(256) };
  return Buffer.concat([head, ...patches.map((patch, i) => patchBytes(i === at ? changed : patch))]);
}

export function commitLogRecovery(open: OpenSubject = openOn): Target {
  return storeTarget('commitlog-recovery', 'a log damaged anywhere opens or is refused by a Fault, serves nothing that was never put, takes and keeps new messages', (file) => file.includes('/commitlog/'), open);
}

export function derivedRecovery(open: OpenSubject = openOn): Target {
  return storeTarget('derived-recovery', 'ConsumeQueue, Index, checkpoint and other derived files with any damage: the same', (file) => !file.includes('/commitlog/'), open);
}

// ---- timers

const timed = Array.from({ length: 6 }, (_, i) => `timed ${i}`);

async function timerFiles(): Promise<{ readonly files: Files; readonly now: number }> {
  const rig = await new Rig().open();
  for (const [i, text] of timed.entries()) await rig.send(text, { TIMER_DELAY_SEC: String(2 + 2 * i) });
  await rig.pass(5000);
  rig.crash('kill');
  return { files: filesOn(rig.disk), now: 6000 };
}

export function timerRecovery(): Target {
  return {
    name: 'timer-recovery',
    proves: 'timer wheel, timer log and timer checkpoint with any damage: the broker starts, invents no message and serves on',
    declared: [],
    inputBytesMax: 256,
    allocationBytesMax: (inputBytes) => 64 * 1024 * 1024 + 64 * inputBytes,
    // A broker with timers is opened, twenty seconds of its clock pass, it stops.
    millisMax: 2000,
    make: (random) => Buffer.concat([Buffer.from([0]), ...Array.from({ length: random.small(3) }, () => makePatch(random))]),
    mutate: mutatePatches,
    open: async () => {
      const { files, now } = await timerFiles();
      const names = [...files.keys()].filter((file) => /timer/.test(file));
      return {
        run: async (input): Promise<Outcome> => {
          const rig = new Rig();
          for (const [name, bytes] of damaged(files, names, input.subarray(1))) rig.disk.place(name, bytes);
          rig.skip(now);
          try {
            await rig.open();
          } catch (error) {
            if (error instanceof Fault) return 'refused';
            throw error;
          }
          await rig.pass(20_000, 2000);
          const arrived = await rig.arrived();
          for (const { body } of arrived) holds(timed.includes(body), () => `${JSON.stringify(body.slice(0, 40))} arrived and was never sent`);
          const sent = await rig.send('now', {});
          holds(sent.code === 0, () => `a send is answered ${sent.code} ${sent.remark ?? ''}`);
          await rig.stop();
          return 'taken';
        },
      };
    },
  };
}
