/**
 * What the store cases share. With an endpoint, a case writes over the wire and then looks at the files until they are as required
 * (derived files follow the log in a moment); with files alone it judges all that is there.
 */
import { defineCases, type Case, type RegisteredCase } from '../../case.js';
import type { Context } from '../../context.js';
import { Failure, notApplicable } from '../../expect.js';
import type { Feature } from '../../features.js';
import { StoreFiles } from '../../store/store-files.js';
import { WireViolation } from '../../wire/violation.js';

export interface StoreCase extends Omit<Case, 'run' | 'needs' | 'setup'> {
  /** Features without which the case has nothing to write; with files alone they are not asked for. */
  readonly asks?: readonly Feature[];
  readonly needs?: readonly Feature[];
  readonly setup?: NonNullable<Case['setup']>;
  /** Writes over the wire; answers the topics that are judged. Default: a few messages of every kind into a topic of two queues. */
  readonly write?: (t: Context) => Promise<readonly string[]>;
  /** How long the files may be behind; default 8 s. */
  readonly settleMs?: number;
  /** Throws a Failure when the requirement does not hold of the files. */
  readonly judge: (store: StoreFiles, t: Context) => void;
}

/** How long files may be behind, unless the case says otherwise. */
const usualSettleMs = 8000;

/** The cases of the area `store`. */
export function storeCases(list: readonly StoreCase[]): readonly RegisteredCase[] {
  return defineCases('store', list.map(({ asks, needs, write, judge, settleMs, ...one }) => ({
    setup: 'store', timeoutMs: 30_000, ...one, needs: ['store-dir', ...(needs ?? [])],
    async run(t) {
      const dir = t.endpoint.storeDir ?? '';
      const live = t.has('wire');
      const missing = (asks ?? []).filter((feature) => !t.has(feature));
      if (live && missing.length > 0) notApplicable(`needs ${missing.join(', ')}, which the endpoint does not offer`);
      const topics = live ? new Set(await (write ?? mixed)(t)) : undefined;
      await settled(t, live ? settleMs ?? usualSettleMs : 0, () => judge(new StoreFiles(dir, { topics }), t));
    },
  })));
}

/** A look at a large store takes a second in which nothing else of the kit goes on: other cases get this many times as long in between. */
const restFactor = 8;

/** Judges until the files are as required or time is up; with files alone, once. */
async function settled(t: Context, settleMs: number, judge: () => void): Promise<void> {
  const end = t.now() + settleMs;
  for (;;) {
    const begun = t.now();
    try {
      judge();
      return;
    } catch (error) {
      if (!(error instanceof Failure || error instanceof WireViolation) || t.now() >= end) throw error;
    }
    await t.sleep(Math.max(100, Math.min(restFactor * (t.now() - begun), end - t.now())));
  }
}

export const uniqKey = (t: Context): string => t.rng.bytes(16).toString('hex').toUpperCase();

/** Messages of every plain kind: with and without tag, keys and UNIQ_KEY, UTF-8, a flag, compressed, a batch. */
export async function mixed(t: Context): Promise<readonly string[]> {
  const topic = await t.topic({ queues: 2 });
  await t.sendOk(topic, { body: 'plain' });
  await t.sendOk(topic, { body: 'tagged', tags: 'TagA', keys: 'k1 k2', properties: { UNIQ_KEY: uniqKey(t) } });
  await t.sendOk(topic, { body: 'sch\u00f6n \u{1f680}', queueId: 1, tags: 'gr\u00fcn', keys: 'schl\u00fcssel' });
  await t.sendOk(topic, { body: 'flag', queueId: 1, messageFlag: 7, properties: { own: 'value' } });
  await t.sendOk(topic, { body: t.rng.bytes(3000), tags: 'zzzzzz' });
  if (t.has('batch')) await t.sendBatch(topic, [0, 1, 2, 3, 4].map((i) => ({ body: `batch ${i}`, properties: { TAGS: `T${i}`, KEYS: `b${i}`, UNIQ_KEY: uniqKey(t) } })));
  return [topic];
}

/** More than one CommitLog file holds, where files are small: 1.2 MB. */
export async function large(t: Context): Promise<readonly string[]> {
  const topic = await t.topic({ queues: 1 });
  for (let i = 0; i < 20; i++) await t.sendOk(topic, { body: t.rng.bytes(60_000 + i * 17) });
  return [topic];
}

/** For what is seen only where a case can fill a file: files of `bytes` are too large for one that writes `writtenBytes` into them. */
export function fillable(store: StoreFiles, what: string, bytes: number | undefined, writtenBytes: number): void {
  if (store.live && bytes !== undefined && bytes > writtenBytes) notApplicable(`needs ${what} files of at most ${writtenBytes} bytes, and they have ${bytes}`);
}

/** What `large` writes, about. */
export const largeBytes = 1_200_000;

/** Fails with the first of `problems`. */
export function none(problems: Iterable<string | undefined>, what: string): void {
  for (const problem of problems) if (problem !== undefined) throw new Failure(what, 'holds throughout', problem);
}
