import { expect, test, describe } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCommand } from '../../codec/header.js';
import { requestName } from '../../codec/requests.js';
import { decodeMessages } from '../../codec/stored-message.js';
import { frames } from '../../codec/testdata/wire.js';
import { silentLog, systemClock } from '../../remoting/clocks.js';
import { realDisk } from '../../store/disk.js';
import { openStore } from '../../store/message-store.js';
import type { FastHandler } from '../../remoting/types.js';
import { createPull } from './pull.js';
import { createSend } from './send.js';
import { parseSubscription } from './subscription.js';
import { Kit, sendFields } from './testdata/kit.js';

const served = new Set([10, 11, 36, 310, 320, 361]);
const real = frames.filter((frame) => frame.dir === 'c2s' && served.has(frame.code));
const levels = [1000, 5000, 10_000, 30_000, 60_000];

/** A broker that knows the topics and groups of one frame. */
async function replay(hex: string, viaFast: boolean): Promise<{ taken: boolean; answers: unknown; stored: unknown }> {
  const kit = new Kit();
  const send = createSend(kit.ctx, levels);
  const pull = createPull(kit.ctx);
  const frame = Buffer.from(hex, 'hex');
  const word = frame.readInt32BE(4);
  const command = decodeCommand(frame, 8, 8 + (word & 0xffffff), frame.length, word >>> 24);
  const name = requestName(command.code);
  if (name === undefined) throw new Error(`code ${command.code}`);
  const topic = command.ext.get('b') ?? command.ext.get('topic');
  if (topic !== undefined) {
    kit.topic(topic);
    // An offset of the recording lies beyond an empty queue: fill it so that reads find something.
    for (let i = 0; i < 4; i++) kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', sendFields({ b: topic, e: String(i) }), Buffer.from('filler')));
    kit.endTurn();
    kit.connection.take();
    const parsed = parseSubscription(topic, '*', 'TAG', 2n ** 62n);
    const group = command.ext.get('consumerGroup');
    if (typeof parsed !== 'string' && group !== undefined) kit.consumer(group, [parsed]);
  }
  const fast = { ...send.fast, ...pull.fast } as Readonly<Record<string, FastHandler | undefined>>;
  const handler = fast[name];
  const taken = viaFast && word >>> 24 === 0 && handler !== undefined && kit.fast(handler, frame);
  if (!viaFast) await kit.slow({ ...send.handlers, ...pull.handlers }, name, frame);
  await kit.settle();
  pull.stop();
  return { taken, answers: kit.connection.take(), stored: kit.store.messages() };
}

describe('requests of real SDKs', () => {
  test.each(real.map((frame, i) => [`${i} ${frame.sdk} ${frame.code}`, frame.hex] as const))('%s', async (_name, hex) => {
    const one = await replay(hex, false);
    const two = await replay(hex, true);
    const [answer] = one.answers as { code: number; remark?: string }[];
    // A held pull is answered later; what is not served is refused by name; nothing else is refused.
    if (answer !== undefined && answer.code !== 0 && answer.code !== 21) expect(answer.remark).toMatch(/look message by offset failed|forbidden|not served|timerWheelEnable/);
    if (!two.taken) return;
    expect(two.answers).toEqual(one.answers);
    expect(two.stored).toEqual(one.stored);
  });

  test('most of them are plain', async () => {
    const taken = await Promise.all(real.filter((frame) => [11, 310, 320, 361].includes(frame.code)).map((frame) => replay(frame.hex, true)));
    expect(taken.filter((one) => one.taken).length).toBeGreaterThan(taken.length / 2);
  });
});

describe('with the store on disk', () => {
  test.each(['ASYNC_FLUSH', 'SYNC_FLUSH'] as const)('%s: sent, held, woken, pulled', async (flushDiskType) => {
    const root = mkdtempSync(join(tmpdir(), 'send-pull-'));
    const kit = new Kit();
    try {
      const store = await openStore({
        root, disk: realDisk(), clock: systemClock(true), log: silentLog,
        config: {
          mappedFileSizeCommitLog: 1 << 20, mappedFileSizeConsumeQueue: 20 * 1000, flushIntervalCommitLog: 500, flushIntervalConsumeQueue: 1000, flushDiskType,
          fileReservedTime: 72, deleteWhen: '04', cleanResourceInterval: 10_000, deleteCommitLogFilesInterval: 100, diskMaxUsedSpaceRatio: 75,
          cleanFileForciblyEnable: true, checkCRCOnRecover: true, maxMessageSize: 65_536, messageIndexEnable: true, maxHashSlotNum: 100, maxIndexNum: 400,
          maxMsgsNumBatch: 64, maxTransferBytesOnMessageInMemory: 262_144, maxTransferCountOnMessageInMemory: 32, maxTransferBytesOnMessageInDisk: 65_536,
          maxTransferCountOnMessageInDisk: 8, accessMessageInMemoryMaxRatio: 40, commitLogRecoverMaxNum: 10, tailCacheBytesMax: 1 << 20, readCacheBytesMax: 1 << 20,
        },
      });
      store.setStoreHost(kit.store.storeHost);
      const ctx = { ...kit.ctx, store };
      const send = createSend(ctx, levels);
      const pull = createPull(ctx);
      kit.topics.set('T', { ...kit.topic('T'), queues: [0, 1, 2, 3].map((id) => store.queue('T', id)) });
      const asked = {
        consumerGroup: 'g', topic: 'T', queueId: '1', queueOffset: '0', maxMsgNums: '32', sysFlag: '6', commitOffset: '0', suspendTimeoutMillis: '15000',
        subscription: 'TagA', subVersion: '5', expressionType: 'TAG',
      };
      expect(kit.fast(pull.fast.PULL_MESSAGE, kit.frame('PULL_MESSAGE', asked))).toBe(true);
      expect(pull.hold.count).toBe(1);
      expect(kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', sendFields(), Buffer.from('first')))).toBe(true);
      await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields({ i: 'TAGS\u0001TagA\u0002DELAY\u00011\u0002' }), Buffer.from('late')));
      const answers = [];
      for (let i = 0; i < 200 && answers.length < 3; i++) {
        await kit.settle();
        answers.push(...kit.connection.take());
        await new Promise((resolve) => { setTimeout(resolve, 5); });
      }
      expect(answers.map((answer) => answer.code)).toEqual([0, 0, 0]);
      const pulled = answers.find((answer) => answer.body.length > 0);
      expect(decodeMessages(pulled?.body ?? Buffer.alloc(0)).messages).toMatchObject([{ topic: 'T', queueId: 1, queueOffset: 0, storeHost: '127.0.0.1:10911' }]);
      const [unit] = await store.units(store.queue('SCHEDULE_TOPIC_XXXX', 0), 0, 1);
      expect(unit?.tagsCode).toBeGreaterThan(1_700_000_000_000);
      pull.stop();
      await store.close();
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
