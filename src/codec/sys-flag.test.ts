import { expect, test } from '@jest/globals';
import {
  bornHostBytes, compressionType, hasPullFlag, isCompressed, isUndispatched, messageSysFlag, pullSysFlag, storeHostBytes, transactionType,
  withCompression, withHostBits, withoutCompression, withoutPullFlag, withTransactionType,
} from './sys-flag.js';

test('compression: the type bits name it, 0 is zlib, unknown types are unknown', () => {
  expect([0, 0x100, 0x200, 0x300].map(compressionType)).toEqual(['zlib', 'lz4', 'zstd', 'zlib']);
  expect([0x400, 0x500, 0x600, 0x700].map(compressionType)).toEqual([undefined, undefined, undefined, undefined]);
  expect(withCompression(0x230, 'lz4')).toBe(0x131);
  expect(isCompressed(withoutCompression(0x131))).toBe(false);
  expect(withoutCompression(0x131)).toBe(0x130);
});

test('transactions: two bits, of which prepared and rolled back get no queue entry', () => {
  const types = [0, messageSysFlag.TRANSACTION_PREPARED, messageSysFlag.TRANSACTION_COMMIT, messageSysFlag.TRANSACTION_ROLLBACK];
  expect(types.map((type) => transactionType(withTransactionType(0x13f, type)))).toEqual([0, 4, 8, 12]);
  expect(types.map((type) => isUndispatched(type))).toEqual([false, true, false, true]);
});

test('hosts: the bits say the lengths and follow them', () => {
  expect([0, 0x10, 0x20, 0x30].map((flag) => [bornHostBytes(flag), storeHostBytes(flag)])).toEqual([[8, 8], [20, 8], [8, 20], [20, 20]]);
  expect(withHostBits(0x331, 8, 20)).toBe(0x321);
  expect(withHostBits(0x1, 20, 8)).toBe(0x11);
});

test('pull flags', () => {
  expect(hasPullFlag(0x3, pullSysFlag.SUSPEND)).toBe(true);
  expect(withoutPullFlag(0x3, pullSysFlag.SUSPEND)).toBe(0x1);
  expect(hasPullFlag(0x3, pullSysFlag.LITE_PULL_MESSAGE)).toBe(false);
});
