/** A surrogate without its partner in a header we write: UTF-8 has no bytes for it. */
import { expect, test } from '@jest/globals';
import { encodeCommand } from './header.js';

const lone = 'a\ud800b';

test('a JSON header has ? in its place, as Apache writes it', () => {
  const frame = encodeCommand({ code: 1, opaque: 1, remark: lone, ext: { [lone]: lone } }).toString('utf8');
  expect(frame).toContain('"extFields":{"a?b":"a?b"}');
  expect(frame).toContain('"remark":"a?b"');
});

test('a binary header has U+FFFD, where Apache writes ? (header.lone-surrogate)', () => {
  const frame = encodeCommand({ code: 1, opaque: 1, remark: lone, ext: { [lone]: lone }, serialize: 'ROCKETMQ' });
  const expected = Buffer.from('a\ufffdb');
  const lengthOf = (bytes: 2 | 4): Buffer => Buffer.from([...new Array<number>(bytes - 1).fill(0), expected.length]);
  expect(frame.includes(Buffer.concat([lengthOf(4), expected]))).toBe(true);
  expect(frame.includes(Buffer.concat([lengthOf(2), expected, lengthOf(4), expected]))).toBe(true);
  expect(frame.includes('a?b')).toBe(false);
});
