import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeCommand } from './header.js';
import type { Command } from './command.js';
import { encodeReplyInto, PullReplyWriter, pullReplyBytesMax, SendReplyWriter } from './reply-writer.js';
import { frames } from './testdata/wire.js';

function decode(frame: Buffer): Command {
  expect(frame.readInt32BE(0)).toBe(frame.length - 4);
  const headerEnd = 8 + (frame.readUInt32BE(4) & 0xffffff);
  return decodeCommand(frame, 8, headerEnd, frame.length, frame.readUInt8(4));
}

/** A frame's prefix and JSON header for a body of so many bytes. */
function plainFrame(header: string, bodyBytes: number): Buffer {
  const text = Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32BE(4 + text.length + bodyBytes, 0);
  prefix.writeUIntBE(text.length, 5, 3);
  return Buffer.concat([prefix, text]);
}

const plainText = (text: string): string => text.replace(/["\\]/g, '\\$&').replace(/[\0-\x1f]/g, (one) => `\\u${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`);
const plainId = (phyOffset: number): string => phyOffset.toString(16).toUpperCase().padStart(16, '0');

function plainSendReply(opaque: number, queueId: number, queueOffset: number, ids: readonly string[], region: string, traceOn: boolean, key: string | undefined): Buffer {
  const transactionId = key === undefined ? '' : `"transactionId":"${plainText(key)}",`;
  return plainFrame(
    `{"code":0,"extFields":{"queueId":"${queueId}",${transactionId}"msgId":"${ids.join(',')}","TRACE_ON":"${traceOn}","MSG_REGION":${JSON.stringify(region)},"queueOffset":"${queueOffset}"},`
    + `"flag":1,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`, 0,
  );
}

/** Bytes that count the copies made into them. */
class CountedBytes extends Uint8Array {
  copies = 0;

  override set(array: ArrayLike<number>, offset?: number): void {
    this.copies++;
    super.set(array, offset);
  }
}

const edges = [0, 9, 10, 99, 100, 999, 1000, 9999, 10_000, 99_999, 100_000, 999_999, 1e6, 9_999_999, 1e7, 99_999_999, 1e8, 999_999_999, 1e9, 2_147_483_647];
const far = [2_147_483_648, 4_294_967_295, 4_294_967_296, 9_999_999_999, 1e10, 99_999_999_999, 1e12 + 7, 1e15, Number.MAX_SAFE_INTEGER];

const recorded = (reqCode: number): Buffer[] => frames.filter((each) => each.reqCode === reqCode && each.code === 0).map(({ hex }) => Buffer.from(hex, 'hex'));

describe('SEND', () => {
  test.each([10, 310, 320])('Apache\'s bytes on success of code %d', (code) => {
    let count = 0;
    for (const frame of recorded(code)) {
      const { ext, opaque } = decode(frame);
      if (ext.has('recallHandle')) continue;
      const ids = (ext.get('msgId') as string).split(',');
      const writer = new SendReplyWriter((ids[0] as string).slice(0, 16), ext.get('MSG_REGION'), ext.get('TRACE_ON') === 'true');
      const key = Buffer.from(ext.get('transactionId') ?? '');
      const offsets = ids.map((id) => Number(`0x${id.slice(16)}`));
      const target = Buffer.alloc(writer.bytesMax(key.length, ids.length));
      const keyStart = ext.has('transactionId') ? 0 : -1;
      const numbers = [opaque, Number(ext.get('queueId')), Number(ext.get('queueOffset'))] as const;
      const end = ids.length === 1
        ? writer.write(target, 0, ...numbers, offsets[0] as number, key, keyStart, key.length)
        : writer.writeBatch(target, 0, ...numbers, offsets, ids.length, key, keyStart, key.length);
      expect(target.subarray(0, end).toString('utf8', 8)).toBe(frame.toString('utf8', 8));
      expect(target.subarray(0, end).equals(frame)).toBe(true);
      count++;
    }
    expect(count).toBeGreaterThan(0);
  });

  test('any numbers and any key', () => {
    const writer = new SendReplyWriter('7F000001000051AF', 'a "region"');
    const int32 = fc.integer({ min: -2147483648, max: 2147483647 });
    fc.assert(fc.property(int32, fc.nat(100_000), fc.maxSafeNat(), fc.maxSafeNat(), fc.option(fc.string({ unit: 'grapheme' })), fc.nat(20), (opaque, queueId, queueOffset, phyOffset, id, at) => {
      const key = Buffer.from(id ?? '');
      const target = Buffer.alloc(at + writer.bytesMax(key.length));
      const end = writer.write(target, at, opaque, queueId, queueOffset, phyOffset, key, id === null ? -1 : 0, key.length);
      expect(end).toBeLessThanOrEqual(target.length);
      const { ext, ...command } = decode(target.subarray(at, end));
      expect(command).toMatchObject({ code: 0, opaque, flag: 1, language: 'JAVA', version: 513, remark: undefined });
      expect(Object.fromEntries(ext)).toEqual({
        queueId: String(queueId), queueOffset: String(queueOffset), msgId: `7F000001000051AF${phyOffset.toString(16).toUpperCase().padStart(16, '0')}`,
        MSG_REGION: 'a "region"', TRACE_ON: 'true', ...(id === null ? {} : { transactionId: id }),
      });
    }), { numRuns: 500 });
  });

  test('an answer like the one before it, and not quite like it', () => {
    const number = fc.oneof(fc.constantFrom(0, 7, 9, 10, 42, 99, 100, 999, 1000, 123_456, 999_999_999, 1_000_000_000, 2_147_483_647), fc.nat(50));
    const key = fc.oneof(fc.stringMatching(/^[0-9A-F]{8}$/), fc.constantFrom('a"345678', '1234567\\', '1234567\u0007', '\u00e9345678'), fc.constant(undefined));
    const step = fc.record({ opaque: fc.oneof(number, fc.constant(-5)), queueId: number, queueOffset: fc.oneof(number, fc.constant(2 ** 40)), phyOffset: fc.maxSafeNat(), key, region: fc.nat(20) });
    fc.assert(fc.property(fc.array(step, { minLength: 2, maxLength: 12 }), (steps) => {
      const used = new SendReplyWriter('7F000001000051AF');
      for (const { opaque, queueId, queueOffset, phyOffset, key: id, region } of steps) {
        const fresh = new SendReplyWriter('7F000001000051AF', region === 0 ? 'elsewhere' : 'DefaultRegion');
        if (region === 0) used.configure('7F000001000051AF', 'elsewhere', true);
        else if (region === 1) used.configure('7F000001000051AF', 'DefaultRegion', true);
        const bytes = Buffer.from(id ?? '');
        const [one, other] = [used, fresh].map((writer) => {
          const target = Buffer.alloc(3 + writer.bytesMax(bytes.length), 0xff);
          return target.subarray(3, writer.write(target, 3, opaque, queueId, queueOffset, phyOffset, bytes, id === undefined ? -1 : 0, bytes.length));
        });
        if (region <= 1) expect(one?.toString('latin1')).toBe(other?.toString('latin1'));
        else expect(one?.toString('latin1').replace('elsewhere', 'DefaultRegion').slice(8)).toBe(other?.toString('latin1').slice(8));
      }
    }), { numRuns: 500 });
  });

  test('an answer with other digits than the one before it, as many of them', () => {
    const writer = new SendReplyWriter('7F000001000051AF');
    const answers = [[12_345, 10, 1234, 5], [98_706, 47, 5069, 2 ** 40 + 7], [50_060, 99, 9080, 0]] as const;
    for (const [opaque, queueId, queueOffset, phyOffset] of answers) {
      const target = Buffer.alloc(writer.bytesMax(8));
      const end = writer.write(target, 0, opaque, queueId, queueOffset, phyOffset, Buffer.from('KEY00001'), 0, 8);
      const { ext, ...command } = decode(target.subarray(0, end));
      expect([command.opaque, ext.get('queueId'), ext.get('queueOffset'), ext.get('msgId')?.slice(16), ext.get('transactionId')]).toEqual([
        opaque, String(queueId), String(queueOffset), phyOffset.toString(16).toUpperCase().padStart(16, '0'), 'KEY00001',
      ]);
    }
  });

  test('the ids of a batch, whatever their digits and the length of the address', () => {
    const near = fc.tuple(fc.maxSafeNat(), fc.array(fc.nat(5_000_000), { minLength: 1, maxLength: 40 })).map(([first, steps]) => {
      const offsets = [Math.min(first, Number.MAX_SAFE_INTEGER - 40 * 5_000_000)];
      for (const step of steps) offsets.push((offsets.at(-1) as number) + step);
      return offsets;
    });
    const offsets = fc.oneof(near, fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 8 }), fc.constant([2 ** 32 - 300, 2 ** 32 - 1, 2 ** 32, 2 ** 33 + 5]));
    const prefix = fc.constantFrom('7F000001000051AF', '00000000000000000000FFFF7F000001000051AF', '', 'ABC');
    fc.assert(fc.property(prefix, offsets, fc.nat(9), (host, list, at) => {
      const writer = new SendReplyWriter(host);
      const target = Buffer.alloc(at + writer.bytesMax(0, list.length));
      const end = writer.writeBatch(target, at, 7, 1, 2, list, list.length);
      const ids = list.map((phyOffset) => `${host}${phyOffset.toString(16).toUpperCase().padStart(16, '0')}`);
      expect(decode(target.subarray(at, end)).ext.get('msgId')).toBe(ids.join(','));
    }));
  });
});

describe('SEND, byte for byte as a plain writer', () => {
  const host = '7F000001000051AF';
  const keys = [undefined, '', 'KEY00001', 'K'.repeat(16), 'K'.repeat(17), 'a"b', 'a\\b', '!#[]', 'é中', ...Array.from({ length: 34 }, (_, code) => `k${String.fromCharCode(code)}k`)];

  test.each([[true, 'DefaultRegion'], [false, 'a "region"'], [true, '']] as const)('every number of digits, every key: trace %s, region %j', (traceOn, region) => {
    const writer = new SendReplyWriter(host, region, traceOn);
    const check = (opaque: number, queueId: number, queueOffset: number, phyOffset: number, key: string | undefined): void => {
      const bytes = Buffer.from(`##${key ?? ''}##`);
      const target = Buffer.alloc(5 + writer.bytesMax(bytes.length - 4), 0xee);
      const end = writer.write(target, 5, opaque, queueId, queueOffset, phyOffset, bytes, key === undefined ? -1 : 2, bytes.length - 2);
      const expected = plainSendReply(opaque, queueId, queueOffset, [`${host}${plainId(phyOffset)}`], region, traceOn, key);
      expect(target.toString('latin1', 5, end)).toBe(expected.toString('latin1'));
      expect(target.subarray(0, 5).every((byte) => byte === 0xee)).toBe(true);
    };
    for (const [i, value] of edges.entries()) {
      // Twice each, for the second answer is made of the first.
      for (const key of [undefined, 'KEY00001', 'KEY00002']) check(value, edges[(i + 7) % edges.length] as number, value, value, key);
      for (const other of far) check(-value, value, other, other, 'KEY00001');
    }
    for (const key of keys) for (const opaque of [7, -2_147_483_648]) check(opaque, 1, 2, 3, key);
    check(1, 2, 3, 2 ** 40 + 0xabcdef, undefined);
    check(1, 2, 3, 0x12345678 * 2 ** 20 + 0x9abcd, undefined);
  });

  test('of a batch, with and without a key', () => {
    const writer = new SendReplyWriter(host);
    for (const key of keys) {
      for (const offsets of [[5], [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 9, 2 ** 40]]) {
        const bytes = Buffer.from(key ?? '');
        const target = Buffer.alloc(2 + writer.bytesMax(bytes.length, offsets.length), 0xee);
        const end = writer.writeBatch(target, 2, 9, 3, 77, offsets, offsets.length, bytes, key === undefined ? -1 : 0, bytes.length);
        expect(target.toString('latin1', 2, end)).toBe(plainSendReply(9, 3, 77, offsets.map((offset) => `${host}${plainId(offset)}`), 'DefaultRegion', true, key).toString('latin1'));
      }
    }
    expect(writer.writeBatch(Buffer.alloc(600), 0, 9, 3, 77, [5, 6, 7], 2)).toBe(plainSendReply(9, 3, 77, [`${host}${plainId(5)}`, `${host}${plainId(6)}`], 'DefaultRegion', true, undefined).length);
  });

  test('an answer laid out as the one before it is one copy of that one', () => {
    const writer = new SendReplyWriter(host);
    const bytes = Buffer.from('KEY00001');
    const copies = (opaque: number, queueId: number, queueOffset: number, keyBytes = 8): number => {
      const target = new CountedBytes(writer.bytesMax(8));
      const end = writer.write(target, 0, opaque, queueId, queueOffset, 5, bytes, keyBytes < 0 ? -1 : 0, keyBytes);
      expect(Buffer.from(target.subarray(0, end)).toString('latin1')).toBe(plainSendReply(opaque, queueId, queueOffset, [`${host}${plainId(5)}`], 'DefaultRegion', true, keyBytes < 0 ? undefined : 'KEY00001'.slice(0, keyBytes)).toString('latin1'));
      return target.copies;
    };
    for (let digits = 1; digits <= 9; digits++) {
      const [least, most] = [digits === 1 ? 0 : 10 ** (digits - 1), 10 ** digits - 1];
      for (const place of [0, 1, 2]) {
        const numbers = (value: number): [number, number, number] => [0, 1, 2].map((at) => (at === place ? value : 5)) as [number, number, number];
        expect(copies(...numbers(least))).toBeGreaterThan(1);
        expect([digits, place, copies(...numbers(most)), copies(...numbers(least))]).toEqual([digits, place, 1, 1]);
        expect(copies(...numbers(10 * (least + 1)))).toBeGreaterThan(1);
      }
    }
    copies(1, 2, 3, -1);
    expect([copies(4, 5, 6, -1), copies(4, 5, 6, 0) > 1, copies(4, 5, 6, 0), copies(4, 5, 6, 7) > 1, copies(4, 5, 6, 7), copies(4, 5, 6, -1) > 1]).toEqual([1, true, 1, true, 1, true]);
    // Another broker's answers are not made of it.
    writer.configure(host, 'DefaultRegion', true);
    expect(copies(4, 5, 6, -1)).toBeGreaterThan(1);
  });

  test('room: no answer is longer than it says, whatever its key', () => {
    for (const region of ['', 'DefaultRegion', 'r'.repeat(200)]) {
      const writer = new SendReplyWriter(host, region, false);
      const key = Buffer.alloc(50, 1);
      const target = Buffer.alloc(5000);
      expect(writer.write(target, 0, -2147483648, 2147483647, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, key, 0, 50)).toBeLessThanOrEqual(writer.bytesMax(50));
      const one = writer.bytesMax(0, 1);
      expect([writer.bytesMax(0), writer.bytesMax(10) - one, writer.bytesMax(0, 3) - one]).toEqual([one, 60, 2 * (16 + 17)]);
    }
  });
});

describe('PULL', () => {
  const writer = new PullReplyWriter();

  test('Apache\'s bytes on success', () => {
    const found = recorded(11);
    expect(found.length).toBeGreaterThan(3);
    for (const frame of found) {
      const { ext, opaque, body } = decode(frame);
      const value = (name: string): number => Number(ext.get(name));
      const target = Buffer.alloc(pullReplyBytesMax);
      const end = writer.write(target, 0, opaque, body.length, value('nextBeginOffset'), value('minOffset'), value('maxOffset'), value('suggestWhichBrokerId'), value('topicSysFlag'), value('groupSysFlag'));
      expect(Buffer.concat([target.subarray(0, end), body]).equals(frame)).toBe(true);
    }
  });

  test('is written byte for byte as by a plain writer, before a body of any length', () => {
    const values = [...edges, ...far, -1, -10, -2_147_483_648];
    for (const [i, value] of values.entries()) {
      const [next, min, max, broker] = [1, 2, 3, 4].map((step) => values[(i + 5 * step) % values.length] as number) as [number, number, number, number];
      for (const bodyBytes of [0, 255, 256, 65_535, 65_536, 16_777_215, 16_777_216, 2 ** 31 - 500]) {
        const target = Buffer.alloc(3 + pullReplyBytesMax, 0xee);
        const end = writer.write(target, 3, value, bodyBytes, next, min, max, broker, i, -i);
        expect(target.toString('latin1', 3, end)).toBe(plainFrame(
          `{"code":0,"extFields":{"suggestWhichBrokerId":"${broker}","groupSysFlag":"${-i}","nextBeginOffset":"${next}","maxOffset":"${max}","minOffset":"${min}","topicSysFlag":"${i}"},`
          + `"flag":1,"language":"JAVA","opaque":${value},"remark":"FOUND","serializeTypeCurrentRPC":"JSON","version":513}`, bodyBytes,
        ).toString('latin1'));
      }
    }
  });

  test('the longest answer fits its bound', () => {
    const big = -Number.MAX_SAFE_INTEGER;
    const target = Buffer.alloc(pullReplyBytesMax);
    expect(writer.write(target, 0, -2147483648, 2 ** 31 - 500, big, big, big, big, -2147483648, -2147483648)).toBeLessThanOrEqual(pullReplyBytesMax);
  });
});

describe('general', () => {
  test('code, remark, fields, room', () => {
    const target = Buffer.alloc(300);
    const end = encodeReplyInto(target, 5, 17, 9, 'no "route"', 3, 'a', '1', 'b', 'é');
    const command = decode(Buffer.concat([target.subarray(5, end), Buffer.from('xyz')]));
    expect(command).toMatchObject({ code: 17, opaque: 9, flag: 1, remark: 'no "route"' });
    expect([...command.ext]).toEqual([['a', '1'], ['b', 'é']]);
    expect(encodeReplyInto(Buffer.alloc(end - 6), 0, 17, 9, 'no "route"', 3, 'a', '1', 'b', 'é')).toBe(-1);
    expect(encodeReplyInto(Buffer.alloc(end - 5), 0, 17, 9, 'no "route"', 3, 'a', '1', 'b', 'é')).toBe(end - 5);
  });

  test('a header of more than 64 KiB, and a name without a value', () => {
    const long = 'x'.repeat(70_000);
    const target = Buffer.alloc(71_000);
    const header = `{"code":1,"extFields":{"a":"${long}"},"flag":1,"language":"JAVA","opaque":2,"serializeTypeCurrentRPC":"JSON","version":513}`;
    expect(target.subarray(4, encodeReplyInto(target, 4, 1, 2, undefined, 70_000, 'a', long, 'b')).equals(plainFrame(header, 70_000))).toBe(true);
    const none = plainFrame('{"code":1,"flag":1,"language":"JAVA","opaque":2,"serializeTypeCurrentRPC":"JSON","version":513}', 0);
    expect(target.subarray(0, encodeReplyInto(target, 0, 1, 2, undefined)).equals(none)).toBe(true);
  });

  test('text of two and three bytes a character is measured in bytes where room is short', () => {
    for (const text of ['é'.repeat(100), '中'.repeat(100), 'a'.repeat(100)]) {
      const bytes = encodeReplyInto(Buffer.alloc(2000), 0, 1, 2, text);
      expect([encodeReplyInto(Buffer.alloc(bytes), 0, 1, 2, text), encodeReplyInto(Buffer.alloc(bytes - 1), 0, 1, 2, text), encodeReplyInto(Buffer.alloc(bytes + 3), 4, 1, 2, text)]).toEqual([bytes, -1, -1]);
    }
  });
});
