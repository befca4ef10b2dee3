import { expect, test } from '@jest/globals';
import type { Checkpoint } from '../codec/checkpoint-record.js';
import { CheckpointFile } from './checkpoint.js';
import { SimulatedDisk } from './simulated-disk.js';
import { ListLog } from './store-fixture.js';

const value = (logicsPhysicalOffset: number): Checkpoint => ({
  physicMsgTimestamp: 1, logicsMsgTimestamp: 2, indexMsgTimestamp: 3, masterFlushedOffset: 4, confirmPhyOffset: 5, logicsPhysicalOffset,
});

test('a checkpoint that was written is there after a loss of power, the first one too', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const disk = new SimulatedDisk(seed);
    disk.place('/store/other', Buffer.alloc(1));
    const file = new CheckpointFile(disk, '/store');
    expect(file.load(new ListLog())).toBe(false);
    for (const offset of [1000, 2000]) {
      await file.write(value(offset));
      disk.restart('power');
      const again = new CheckpointFile(disk, '/store');
      expect([seed, again.load(new ListLog()), again.value]).toEqual([seed, true, value(offset)]);
    }
  }
});
