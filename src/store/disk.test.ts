/** What the disk's errors say. The files of the real disk are the other suites'. */
import { expect, test } from '@jest/globals';
import { diskErrorCode } from './disk.js';

test.each([
  [Object.assign(new Error('no space left'), { code: 'ENOSPC' }), 'ENOSPC'],
  [{ code: 'EIO' }, 'EIO'],
  [new Error('a message'), 'a message'],
  [{ code: 5, message: 'a message' }, 'a message'],
  [{ code: 5, message: 6 }, 'unknown error'],
  [{}, 'unknown error'],
  [null, 'null'],
  [undefined, 'undefined'],
  ['a text', 'a text'],
])('%p is %s', (error, code) => {
  expect(diskErrorCode(error)).toBe(code);
});
