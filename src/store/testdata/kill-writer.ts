/** The writer that kill.test.ts starts and kills: puts to three queues turn by turn and says each record whose turn was written, `topic/queueId@offset text`. */
import * as fs from 'node:fs';
import { realDisk } from '../disk.js';
import { openStore } from '../message-store.js';
import type { StoreConfig } from '../options.js';
import { ListLog, message, smallConfig } from '../store-fixture.js';

const [, , root = '', round = '', sizes = ''] = process.argv;
const clock = {
  nowMs: () => Date.now(),
  setTimeout: (callback: () => void, delayMs: number) => {
    const timer = setTimeout(callback, delayMs);
    return { clear: () => clearTimeout(timer) };
  },
};
const config = { ...smallConfig(JSON.parse(sizes) as Partial<StoreConfig>), flushIntervalConsumeQueue: 3, checkpointIntervalMs: 5, flushIntervalCommitLog: 4 };
const store = await openStore({ root, disk: realDisk(), clock, log: new ListLog(), config });
store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
for (let turn = 0; ; turn++) {
  let said = '';
  for (let i = 0; i < 1 + (turn % 4); i++) {
    const queueId = (turn + i) % 3;
    const text = `r${round}-${turn}-${i}`;
    const put = store.put(message(store.queue('T', queueId), text, { uniq: `U-${text}`, tag: 'a', padding: (turn * 53) % 900 }));
    if (put.status !== 'PUT_OK') throw new Error(put.remark);
    said += `T/${queueId}@${put.queueOffset} ${text}\n`;
  }
  const fault = store.writeTurn();
  if (fault !== undefined) throw new Error(fault);
  fs.writeSync(1, said);
  if (turn % 5 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  if (turn % 40 === 39) await new Promise<void>((resolve) => setTimeout(resolve, 4));
}
