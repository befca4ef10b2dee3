import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WireError } from './errors.js';
import { encodeFrame, FrameReader, frameBytesMaxDefault, headerBytesMax, serializeTypeOf, typeByteOf, writeFramePrefix } from './frame.js';
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

describe('writing', () => {
  test('a frame is two words, the header and the body', () => {
    expect(encodeFrame('').toString('hex')).toBe('0000000400000000');
    expect(encodeFrame('é', Buffer.from('xyz')).toString('hex')).toBe('0000000900000002' + 'c3a9' + '78797a');
    expect(encodeFrame(Buffer.from('ab'), undefined, 'ROCKETMQ').toString('hex')).toBe('0000000601000002' + '6162');
    expect(encodeFrame(Buffer.from('ab'), new Uint8Array([7]), 'JSON').toString('hex')).toBe('0000000700000002' + '6162' + '07');
    const target = Buffer.alloc(14, 0xee);
    writeFramePrefix(target, 3, 0x010203, 0x04050607, 'ROCKETMQ');
    expect(target.toString('hex')).toBe('eeeeee' + '0406080e' + '01010203' + 'eeeeee');
    writeFramePrefix(target, 0, 1, 2);
    expect(target.toString('hex', 0, 8)).toBe('0000000700000001');
  });

  test('a header has at most 24 bits of length', () => {
    const target = Buffer.alloc(8);
    writeFramePrefix(target, 0, headerBytesMax, 0);
    expect(target.toString('hex')).toBe('0100000300ffffff');
    expect(() => writeFramePrefix(target, 0, headerBytesMax + 1, 0)).toThrow('header length 16777216 is outside 0..16777215');
  });

  test('the type byte', () => {
    expect([typeByteOf('JSON'), typeByteOf('ROCKETMQ'), serializeTypeOf(0), serializeTypeOf(1), serializeTypeOf(2)]).toEqual([0, 1, 'JSON', 'ROCKETMQ', undefined]);
  });
});

describe('what is held', () => {
  const frame = encodeFrame('{"code":1}', Buffer.from('body'));

  test('the bytes of an unfinished frame, none of a whole one', () => {
    const reader = new FrameReader(() => undefined);
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < frame.length; at++) {
        expect(reader.heldBytes).toBe(at);
        reader.feed(frame.subarray(at, at + 1));
      }
    }
    expect(reader.heldBytes).toBe(0);
    reader.feed(Buffer.concat([frame, frame.subarray(0, 9)]));
    expect(reader.heldBytes).toBe(9);
    // No more of a chunk than is asked for.
    reader.feed(Buffer.concat([frame.subarray(9), frame]), 3);
    expect(reader.heldBytes).toBe(12);
    reader.stop();
    expect(reader.heldBytes).toBe(0);
    reader.feed(frame.subarray(0, 5));
    expect(reader.heldBytes).toBe(0);
  });

  test('nothing behind an error, which names the limit', () => {
    for (const chunks of [[Buffer.from('000000d100000001', 'hex')], [Buffer.from('0000', 'hex'), Buffer.from('00d1', 'hex')], [Buffer.from('000000d1', 'hex')]]) {
      const reader = new FrameReader(() => undefined, 212, 'maxOfTest');
      expect(() => chunks.forEach((chunk) => reader.feed(chunk))).toThrow('frame length 209 is outside 4..208 (maxOfTest 212)');
      expect(reader.heldBytes).toBe(0);
      reader.feed(frame.subarray(0, 5));
      expect(reader.heldBytes).toBe(0);
    }
    for (const [hex, why] of [['0000000400000001', 'header length 1 is outside 0..0 of a frame of length 4'], ['0000000402000000', 'serialization type 2 is outside 0..1 (0 JSON, 1 ROCKETMQ)'], ['00000004ff000000', 'serialization type 255 is outside 0..1 (0 JSON, 1 ROCKETMQ)']] as const) {
      for (const cut of [0, 4, 7]) {
        const reader = new FrameReader(() => undefined);
        expect(() => [0, 1].forEach((part) => reader.feed(Buffer.from(hex, 'hex').subarray(part === 0 ? 0 : cut, part === 0 ? cut : 8)))).toThrow(why);
        expect(reader.heldBytes).toBe(0);
      }
    }
    expect(read([Buffer.from('0000000400000000', 'hex')])).toEqual([{ header: '', body: '', type: 0 }]);
    expect(read([Buffer.from('0000000401000000', 'hex')])).toEqual([{ header: '', body: '', type: 1 }]);
  });

  test('room for a frame doubles from 64 KiB on, up to what it declares', () => {
    const large = encodeFrame('{"code":1}', Buffer.alloc(300_000));
    const reader = new FrameReader(() => undefined);
    const rooms: number[] = [];
    for (let at = 0; at < large.length - 20_000; at += 20_000) {
      reader.feed(large.subarray(at, at + 20_000));
      rooms.push((reader as unknown as { pending: Buffer }).pending.length);
    }
    expect([...new Set(rooms)]).toEqual([65_536, 131_072, 262_144, large.length]);
    const small = new FrameReader(() => undefined);
    small.feed(frame.subarray(0, 10));
    expect((small as unknown as { pending: Buffer }).pending.length).toBe(frame.length);
  });

  test('a buffer is used again when the listener keeps nothing of it, and only then', () => {
    const middle = encodeFrame('{"code":1}', Buffer.alloc(10_000, 5));
    for (const keepsNothing of [true, false, undefined]) {
      const seen: Buffer[] = [];
      const reader = new FrameReader((buffer) => {
        seen.push(buffer);
        return keepsNothing;
      });
      for (let times = 0; times < 3; times++) {
        reader.feed(middle.subarray(0, 100));
        reader.feed(middle.subarray(100));
      }
      expect([seen[1] === seen[0], seen[2] === seen[1]]).toEqual(keepsNothing === true ? [true, true] : [false, false]);
      // Two at a time have two.
      const [one, other] = [new FrameReader(() => keepsNothing), new FrameReader(() => keepsNothing)];
      one.feed(middle.subarray(0, 100));
      other.feed(middle.subarray(0, 100));
      const [first, second] = [one, other].map((each) => (each as unknown as { pending: Buffer }).pending);
      expect(first === second).toBe(false);
    }
  });
});
