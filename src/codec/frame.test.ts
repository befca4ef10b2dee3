import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WireError } from './errors.js';
import { encodeFrame, FrameReader, frameBytesMaxDefault } from './frame.js';
import { frames } from './testdata/wire.js';

interface Cut {
  readonly header: string;
  readonly body: string;
  readonly type: number;
}

/** The frames that come out when these chunks go in. */
function read(chunks: readonly Buffer[], bytesMax?: number): Cut[] {
  const cuts: Cut[] = [];
  const reader = new FrameReader((buffer, headerStart, headerEnd, bodyEnd, type) => {
    cuts.push({ header: buffer.toString('hex', headerStart, headerEnd), body: buffer.toString('hex', headerEnd, bodyEnd), type });
  }, bytesMax);
  for (const chunk of chunks) reader.feed(chunk);
  return cuts;
}

const recorded = frames.slice(0, 40).map(({ hex }) => Buffer.from(hex, 'hex'));
const expected = recorded.map((frame): Cut => {
  const headerEnd = 8 + (frame.readUInt32BE(4) & 0xffffff);
  return { header: frame.toString('hex', 8, headerEnd), body: frame.toString('hex', headerEnd), type: frame.readUInt8(4) };
});
const stream = Buffer.concat(recorded);

describe('cutting', () => {
  test('many frames in one chunk', () => expect(read([stream])).toEqual(expected));
  test('one byte at a time', () => expect(read([...stream].map((byte) => Buffer.from([byte])))).toEqual(expected));
  test('any partition of the stream', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 60 }), (sizes) => {
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of sizes) {
        chunks.push(stream.subarray(at, at + size));
        at += size;
      }
      chunks.push(stream.subarray(at));
      expect(read(chunks)).toEqual(expected);
    }));
  });
  test('frames of any size, whole and in two chunks', () => {
    for (const bytes of [255, 256, 65_535, 65_536, 70_000, 131_073, 16_777_216 + 300]) {
      const frame = encodeFrame('{"code":1}', Buffer.alloc(bytes, 'b'));
      for (const cut of [0, 3, 4, 8, 20, bytes]) {
        const sizes: number[] = [];
        const reader = new FrameReader((_buffer, _headerStart, headerEnd, bodyEnd) => { sizes.push(bodyEnd - headerEnd); }, 32 << 20);
        reader.feed(frame.subarray(0, cut));
        reader.feed(frame.subarray(cut));
        reader.feed(frame);
        expect(sizes).toEqual([bytes, bytes]);
      }
    }
  });
  test('a frame inside one chunk is not copied', () => {
    const frame = encodeFrame('{"code":1}', Buffer.from('body'));
    let seen: Buffer | undefined;
    new FrameReader((buffer) => { seen = buffer; }).feed(frame);
    expect(seen).toBe(frame);
  });
  test('nothing comes of any truncation', () => {
    const frame = recorded[0] as Buffer;
    for (let length = 0; length < frame.length; length++) expect(read([frame.subarray(0, length)])).toEqual([]);
  });
  test('a listener that stops the reader gets no more', () => {
    let count = 0;
    const reader = new FrameReader(() => {
      count++;
      reader.stop();
    });
    reader.feed(stream);
    reader.feed(stream);
    expect(count).toBe(1);
  });
  test('a chunk that is changed later does not change a frame that spans chunks', () => {
    const frame = encodeFrame('{"code":1}', Buffer.from('body'));
    const first = Buffer.from(frame.subarray(0, 15));
    let header = '';
    const reader = new FrameReader((buffer, start, end) => { header = buffer.toString('utf8', start, end); });
    reader.feed(first);
    first.fill(0);
    reader.feed(frame.subarray(15));
    expect(header).toBe('{"code":1}');
  });
});

describe('bounds', () => {
  const words = (total: number, word: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32BE(total, 0);
    bytes.writeInt32BE(word | 0, 4);
    return bytes;
  };
  test.each([
    ['negative length', words(-1, 0), /frame length -1 is outside 4\.\.16777212/],
    ['zero length', words(0, 0), /frame length 0/],
    ['length below a header word', words(3, 0), /frame length 3/],
    ['length beyond the limit', words(frameBytesMaxDefault - 3, 0), /frame length 16777213/],
    ['header longer than the frame', words(10, 7), /header length 7 is outside 0\.\.6/],
    ['unknown serialization', words(10, 0x02000001), /serialization type 2 is outside 0\.\.1/],
    ['a request in another protocol', Buffer.from('GET / HTTP/1.1\r\n'), /frame length/],
  ])('%s', (_name, bytes, message) => {
    expect(() => read([bytes])).toThrow(message);
    expect(() => read([bytes])).toThrow(WireError);
    expect(() => read([...bytes].map((byte) => Buffer.from([byte])))).toThrow(message);
  });
  test('the largest frame allowed passes', () => {
    const frame = encodeFrame(Buffer.alloc(10, 0x20), Buffer.alloc(82));
    expect(read([frame], 100)).toHaveLength(1);
    expect(() => read([frame], 99)).toThrow(/outside 4\.\.95/);
  });
  test('a declared length is not allocated ahead of its bytes', () => {
    const reader = new FrameReader(() => undefined);
    reader.feed(words(frameBytesMaxDefault - 4, 100));
    reader.feed(Buffer.alloc(10));
    expect(reader.heldBytes).toBe(18);
    const room = (reader as unknown as { pending: Buffer }).pending.length;
    expect(room).toBeLessThanOrEqual(65_536);
  });
  test('a large frame in small chunks arrives whole', () => {
    const body = Buffer.alloc(3_000_000, 7);
    const frame = encodeFrame('{"code":1}', body);
    const chunks: Buffer[] = [];
    for (let at = 0; at < frame.length; at += 65_536) chunks.push(frame.subarray(at, at + 65_536));
    const cuts = read(chunks);
    expect(cuts).toHaveLength(1);
    expect(cuts[0]?.body.length).toBe(6_000_000);
  });
  test('random bytes end in WireError or silence', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (chunks) => {
      try {
        read(chunks.map((chunk) => Buffer.from(chunk)));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }), { numRuns: 500 });
  });
});
