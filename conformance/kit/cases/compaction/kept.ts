/** Topics with `cleanup.policy=COMPACTION`: what a compaction keeps, and how it is read. The files of the setup hold about a hundred messages each. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, isTrue, notApplicable } from '../../expect.js';

const compacted = { queues: 1, attributes: { 'cleanup.policy': 'COMPACTION' } } as const;
const versions = { from: '5.1.0' } as const;
const count = 260;
const keys = 10;
/** The messages, of more than 200 bytes each, fill two such files. */
const fileBytesMax = count * 100;

interface Kept {
  readonly queueOffset: number;
  readonly key: string;
  readonly body: string;
}

/** Every message that pulls find. */
async function readAll(t: Context, topic: string): Promise<Kept[]> {
  const found: Kept[] = [];
  const max = (await t.maxOffset(topic)).offset ?? 0;
  for (let offset = 0; offset < max; ) {
    const answer = await t.pull(topic, { offset, max: 32 });
    if (answer.code !== res.SUCCESS) break;
    for (const message of answer.messages) found.push({ queueOffset: message.queueOffset, key: message.properties['KEYS'] ?? '', body: message.body.toString() });
    offset = Number(answer.ext['nextBeginOffset']);
  }
  return found;
}

/** How long a compaction is waited for. */
const waitMs = 60_000;

/** An endpoint that compacts every few minutes, or files that the case does not fill, cannot be waited for. Those that do not tell are. */
async function compactsSoon(t: Context): Promise<void> {
  const told = (await t.request(req.GET_BROKER_CONFIG)).body.toString('utf8');
  const value = (key: string): number => Number(new RegExp(`^${key}=(\\d+)\\r?$`, 'm').exec(told)?.[1] ?? 0);
  const [everyMs, fileBytes] = [value('compactionScheduleInternal'), value('compactionMappedFileSize')];
  if (everyMs >= waitMs) notApplicable(`needs a compaction within ${waitMs} ms, and there is one every ${everyMs} ms`);
  if (fileBytes > fileBytesMax) notApplicable(`needs compaction files of at most ${fileBytesMax} bytes, and they have ${fileBytes}`);
}

/** Sends `count` messages over the keys. */
async function fillKeys(t: Context, topic: string): Promise<void> {
  for (let i = 0; i < count; i++) {
    await t.sendOk(topic, { keys: `k${i % keys}`, body: `${i}`, tags: i % 2 === 0 ? 'even' : 'odd' });
  }
}

/** Waits until the first two files were compacted. */
async function compaction(t: Context, topic: string): Promise<Kept[]> {
  await t.until('a compaction', async () => (await readAll(t, topic)).length < count - 100, waitMs);
  return readAll(t, topic);
}

export const cases = defineCases('compaction', [
  {
    name: 'compaction.newest-of-each-key-kept',
    requirement: 'After a compaction the newest message of each key is found with its own queue offset, and older ones are gone.',
    level: 'MUST',
    setup: 'compaction', versions, timeoutMs: 90_000,
    source: 'CompactionLog#shouldRetainMsg',
    async run(t) {
      await compactsSoon(t);
      const topic = await t.topic(compacted);
      await fillKeys(t, topic);
      const kept = await compaction(t, topic);
      const newest = new Map(kept.map((one) => [one.key, one]));
      for (let key = 0; key < keys; key++) equal([newest.get(`k${key}`)?.body, newest.get(`k${key}`)?.queueOffset], [`${count - keys + key}`, count - keys + key], `newest of k${key}`);
      isTrue(kept.every((one) => one.body === String(one.queueOffset)), 'each message at the queue offset it had');
    },
  },
  {
    name: 'compaction.gap-answers-next',
    requirement: 'A pull at an offset that was compacted away is answered with the next message there is.',
    level: 'MUST',
    setup: 'compaction', versions, timeoutMs: 90_000,
    source: 'SparseConsumeQueue#iterateFromOrNext',
    async run(t) {
      await compactsSoon(t);
      const topic = await t.topic(compacted);
      await fillKeys(t, topic);
      const kept = await compaction(t, topic);
      const first = kept[0]?.queueOffset ?? 0;
      isTrue(first > 0, 'the first message is gone');
      const answer = await t.pull(topic, { offset: 0, max: 1 });
      code(answer, res.SUCCESS, 'pull at 0');
      equal([answer.messages.map((m) => m.queueOffset), Number(answer.ext['nextBeginOffset']), Number(answer.ext['minOffset']), Number(answer.ext['maxOffset'])], [[first], first + 1, first, count], 'message, nextBeginOffset, minOffset, maxOffset');
      equal([(await t.minOffset(topic)).offset, (await t.maxOffset(topic)).offset], [0, count], 'GET_MIN_OFFSET and GET_MAX_OFFSET, of the ConsumeQueue');
    },
  },
  {
    name: 'compaction.all-before-compaction',
    requirement: 'Until a file is full and compacted every message is found, tags are not looked at by the broker, and the end of the queue is answered like any other.',
    level: 'SHOULD',
    setup: 'compaction', versions, timeoutMs: 30_000,
    source: 'CompactionStore#getMessage',
    async run(t) {
      const topic = await t.topic(compacted);
      for (let i = 0; i < 20; i++) await t.sendOk(topic, { keys: 'k', body: `${i}`, tags: i % 2 === 0 ? 'even' : 'odd' });
      await t.until('all are there', async () => (await readAll(t, topic)).length === 20, 10_000);
      const answer = await t.pull(topic, { offset: 0, subscription: 'even' });
      equal(answer.messages.map((m) => m.queueOffset), Array.from({ length: 20 }, (_, i) => i), 'messages with a subscription to one tag');
      const end = await t.pull(topic, { offset: 20 });
      equal([end.code, Number(end.ext['nextBeginOffset'])], [res.PULL_NOT_FOUND, 20], 'pull at the end');
      const beyond = await t.pull(topic, { offset: 25 });
      equal([beyond.code, Number(beyond.ext['nextBeginOffset'])], [res.PULL_OFFSET_MOVED, 0], 'pull behind the end of a queue that begins at 0');
    },
  },
]);
