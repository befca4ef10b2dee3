import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { frameOf } from './frames.js';
import { ResponseScanner, ScanError } from './scanner.js';

interface Seen {
  readonly opaque: number;
  readonly code: number;
  readonly header: string;
  readonly body: string;
}

function collector(): { scanner: ResponseScanner; seen: Seen[] } {
  const seen: Seen[] = [];
  const scanner = new ResponseScanner((opaque, code, buffer, headerStart, bodyStart, end) => {
    seen.push({ opaque, code, header: buffer.toString('utf8', headerStart, bodyStart), body: buffer.toString('latin1', bodyStart, end) });
  });
  return { scanner, seen };
}

function feed(scanner: ResponseScanner, bytes: Buffer, pieces: readonly number[]): void {
  let at = 0;
  let i = 0;
  // One buffer for all reads, as a socket's: what was kept must have been copied.
  const chunk = Buffer.alloc(bytes.length);
  while (at < bytes.length) {
    const length = Math.min(pieces[i++ % pieces.length] ?? 1, bytes.length - at);
    bytes.copy(chunk, 0, at, at + length);
    scanner.feed(chunk, length);
    chunk.fill(0xff);
    at += length;
  }
}

// As Apache 5.5.0 writes it: members in alphabetical order, the remark behind the opaque.
const sent = (opaque: number): string =>
  `{"code":0,"extFields":{"queueId":"1","transactionId":"FD0013","msgId":"7F000001000051AF000000000000C8A3","TRACE_ON":"true","MSG_REGION":"DefaultRegion","queueOffset":"9"},"flag":1,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`;
const refused = (opaque: number): string =>
  `{"code":2,"flag":1,"language":"JAVA","opaque":${opaque},"remark":"said \\"opaque\\":99 and {\\"code\\":0 ,\\"opaque\\":5","serializeTypeCurrentRPC":"JSON","version":513}`;
const otherOrder = (opaque: number): string => `{"opaque":${opaque},"extFields":{"code":"7","opaque":"8"},"version":1,"code":-3}`;

describe('response scanner', () => {
  test('finds code and opaque in whatever order, and is not led astray by remarks', () => {
    const { scanner, seen } = collector();
    const bytes = Buffer.concat([frameOf(sent(12)), frameOf(refused(13)), frameOf(otherOrder(-14), Buffer.from('body'))]);
    scanner.feed(bytes, bytes.length);
    expect(seen.map(({ opaque, code, body }) => [opaque, code, body])).toEqual([
      [12, 0, ''],
      [13, 2, ''],
      [-14, -3, 'body'],
    ]);
    expect(scanner.pendingBytes).toBe(0);
  });

  test('one byte at a time gives the same responses as one read', () => {
    const bytes = Buffer.concat([frameOf(sent(1), Buffer.alloc(300, 65)), frameOf(refused(2)), frameOf(sent(3))]);
    const whole = collector();
    whole.scanner.feed(bytes, bytes.length);
    const dripped = collector();
    feed(dripped.scanner, bytes, [1]);
    expect(whole.seen.map(({ opaque }) => opaque)).toEqual([1, 2, 3]);
    expect(dripped.seen).toEqual(whole.seen);
  });

  test('any cutting of the stream gives the same responses', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 200_000 })), { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 20 }),
        (frames, pieces) => {
          const bytes = Buffer.concat(frames.map(([opaque, bodyBytes]) => frameOf(sent(opaque), Buffer.alloc(bodyBytes, 66))));
          const { scanner, seen } = collector();
          feed(scanner, bytes, pieces);
          expect(seen.map(({ opaque, body }) => [opaque, body.length])).toEqual(frames);
          expect(seen.every(({ body }) => /^B*$/.test(body))).toBe(true);
          expect(scanner.pendingBytes).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('reads the ROCKETMQ serialization too', () => {
    const header = Buffer.alloc(21);
    header.writeInt16BE(17, 0);
    header.writeInt16BE(513, 3);
    header.writeInt32BE(77, 5);
    const frame = Buffer.concat([Buffer.alloc(8), header]);
    frame.writeInt32BE(4 + header.length, 0);
    frame.writeInt32BE((1 << 24) | header.length, 4);
    const { scanner, seen } = collector();
    scanner.feed(frame, frame.length);
    expect(seen.map(({ opaque, code }) => [opaque, code])).toEqual([[77, 17]]);
  });

  test.each([
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a length without room for the header word', Buffer.from([0, 0, 0, 3])],
    ['an oversized length', Buffer.from([0x7f, 0, 0, 0])],
    ['a header longer than its frame', Buffer.from([0, 0, 0, 4, 0, 0, 0, 1])],
    ['a header without opaque', frameOf('{"code":0}')],
    ['no JSON at all', frameOf('opaque')],
  ])('refuses %s', (_name, bytes) => {
    expect(() => {
      const { scanner } = collector();
      scanner.feed(bytes, bytes.length);
    }).toThrow(ScanError);
    expect(() => {
      feed(collector().scanner, bytes, [1]);
    }).toThrow(ScanError);
  });
});
