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
});
