/** Defaults, which are Apache's, and what is worked out of the options. */
import { describe, expect, test } from '@jest/globals';
import * as os from 'node:os';
import { defaultDelayLevels, defaultStoreConfig, delayLevelTable, extensionFileBytesDefault, lightQueuesMaxDefault, memoryWindowBytes, servesLightQueues } from './options.js';

// `MessageStoreConfig` of 5.5.0; caches are ours.
test('defaults', () => {
  expect(defaultStoreConfig()).toEqual({
    mappedFileSizeCommitLog: 1073741824, mappedFileSizeConsumeQueue: 6000000, flushIntervalCommitLog: 500, flushIntervalConsumeQueue: 1000, flushDiskType: 'ASYNC_FLUSH', fileReservedTime: 72, deleteWhen: '04',
    cleanResourceInterval: 10000, deleteCommitLogFilesInterval: 100, diskMaxUsedSpaceRatio: 75, cleanFileForciblyEnable: true, checkCRCOnRecover: true, maxMessageSize: 4194304, messageIndexEnable: true,
    maxHashSlotNum: 5000000, maxIndexNum: 20000000, maxMsgsNumBatch: 64, maxTransferBytesOnMessageInMemory: 262144, maxTransferCountOnMessageInMemory: 32, maxTransferBytesOnMessageInDisk: 65536,
    maxTransferCountOnMessageInDisk: 8, accessMessageInMemoryMaxRatio: 40, commitLogRecoverMaxNum: 10, tailCacheBytesMax: 67108864, readCacheBytesMax: 67108864,
  });
  expect([lightQueuesMaxDefault, extensionFileBytesDefault]).toEqual([20000, 50331648]);
});

test.each([
  [{}, false], [{ enableLmq: true }, false], [{ enableMultiDispatch: true }, false], [{ enableLmq: false, enableMultiDispatch: true }, false], [{ enableLmq: true, enableMultiDispatch: false }, false],
  [{ enableLmq: true, enableMultiDispatch: true }, true],
])('light queues are served by %j: %p', (config, serves) => {
  expect(servesLightQueues(config)).toBe(serves);
});

test('what counts as in memory is a part of all memory, in whole bytes', () => {
  const of = (totalMemoryBytes: number | undefined, accessMessageInMemoryMaxRatio: number): number => memoryWindowBytes({ ...defaultStoreConfig(), accessMessageInMemoryMaxRatio, ...(totalMemoryBytes === undefined ? {} : { totalMemoryBytes }) });
  expect([of(1000, 40), of(999, 40), of(1000, 0), of(1000, 100), of(0, 40)]).toEqual([400, 399, 0, 1000, 0]);
  expect(of(undefined, 100)).toBe(os.totalmem());
});

describe('delay levels', () => {
  test('are those of Apache', () => {
    const s = 1000;
    const m = 60 * s;
    expect(delayLevelTable(defaultDelayLevels)).toEqual([0, s, 5 * s, 10 * s, 30 * s, m, 2 * m, 3 * m, 4 * m, 5 * m, 6 * m, 7 * m, 8 * m, 9 * m, 10 * m, 20 * m, 30 * m, 60 * m, 120 * m]);
  });

  test.each<[string, number[]]>([
    ['1s 2m 3h 4d', [0, 1000, 120_000, 10_800_000, 345_600_000]], ['  0s \t 12s\n', [0, 0, 12_000]], ['1s', [0, 1000]],
  ])('%j', (levels, table) => {
    expect(delayLevelTable(levels)).toEqual(table);
  });

  test.each([['1x', '1x'], ['1s 1', '1'], ['s1', 's1'], ['1s -1s', '-1s'], ['1.5s', '1.5s'], ['xs', 'xs'], ['', ''], ['1s,2s', '1s,2s'], ['1S', '1S'], ['9007199254740992s', '9007199254740992s']])('%j is refused for %j', (levels, part) => {
    expect(() => delayLevelTable(levels)).toThrow(new RangeError(`messageDelayLevel: "${part}" is not a number followed by s, m, h or d`));
  });
});
