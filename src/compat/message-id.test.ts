import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeOffsetMessageId, encodeOffsetMessageId, offsetMessageId, offsetMessageIdPrefix, uniqueIdMinter } from './message-id.js';

const v4 = Uint8Array.of(10, 9, 8, 7);
const v6 = new Uint8Array(Buffer.from('20010db8000000000000000000000001', 'hex'));
// MessageDecoder#createMessageId of Apache 5.5.0 for these hosts, port 10911, offset 1000.
const goldenV4 = '0A09080700002A9F00000000000003E8';
const goldenV6 = '20010DB800000000000000000000000100002A9F00000000000003E8';

describe('offset message ids', () => {
  test('are the ones Apache makes', () => {
    expect(encodeOffsetMessageId(v4, 10911, 1000)).toBe(goldenV4);
    expect(encodeOffsetMessageId(v6, 10911, 1000)).toBe(goldenV6);
    expect(offsetMessageId(offsetMessageIdPrefix(v4, 10911), 1000)).toBe(goldenV4);
  });

  test('round trip, in either case of letters', () => {
    const offset = fc.maxSafeNat();
    fc.assert(
      fc.property(fc.constantFrom(v4, v6), fc.nat(65535), offset, (address, port, phyOffset) => {
        const id = encodeOffsetMessageId(address, port, phyOffset);
        for (const text of [id, id.toLowerCase()]) {
          const decoded = decodeOffsetMessageId(text);
          expect(decoded.ok && { ...decoded, address: [...decoded.address] }).toEqual({ ok: true, address: [...address], port, phyOffset });
        }
      }),
    );
  });

  test.each([
    ['', '32 or 56'],
    [goldenV4.slice(1), '31 characters'],
    ['G'.repeat(32), 'hex digits only'],
    ['0A090807FFFFFFFF00000000000003E8', 'port'],
    ['0A0908070001000000000000000003E8', '65536'],
    ['0A09080700002A9F8000000000000000', 'offset'],
    ['0A09080700002A9F0020000000000000', 'offset'],
    ['中'.repeat(32), 'hex digits only'],
  ])('%j is refused naming why', (id, why) => {
    const decoded = decodeOffsetMessageId(id);
    expect(decoded.ok ? '' : decoded.reason).toContain(why);
  });

  test('no text throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => void decodeOffsetMessageId(text)));
    expect(() => offsetMessageIdPrefix(new Uint8Array(5), 1)).toThrow(/4 or 16 bytes, not 5/);
  });
});

describe('unique ids', () => {
  const monthStartMs = (ms: number): number => Date.UTC(new Date(ms).getUTCFullYear(), new Date(ms).getUTCMonth(), 1);

  test('hold address, pid, salt, milliseconds of the month and a counter', () => {
    let nowMs = Date.UTC(2024, 1, 1) + 0x01020304;
    const mint = uniqueIdMinter({ address: v4, pid: 0x1abcd, random: () => 0.5, nowMs: () => nowMs, monthStartMs });
    expect(mint()).toBe('0A090807' + 'ABCD' + '80000000' + '01020304' + '0000');
    nowMs += 1;
    expect(mint()).toBe('0A090807' + 'ABCD' + '80000000' + '01020305' + '0001');
  });

  test('start again with each month, also after several', () => {
    let nowMs = Date.UTC(2023, 11, 31, 23, 59, 59, 999);
    const mint = uniqueIdMinter({ address: v6, pid: 1, random: () => 0, nowMs: () => nowMs, monthStartMs });
    const millis = (): number => Number.parseInt(mint().slice(44, 52), 16);
    expect(millis()).toBe(31 * 86_400_000 - 1);
    nowMs += 1;
    expect(millis()).toBe(0);
    nowMs = Date.UTC(2024, 5, 15);
    expect(millis()).toBe(14 * 86_400_000);
    nowMs = Date.UTC(2024, 0, 1);
    expect(millis()).toBe(0);
  });

  test('of one minter differ until the counter of 16 bits is through', () => {
    const mint = uniqueIdMinter({ address: v4, pid: 7, random: Math.random, nowMs: () => 1_700_000_000_000 });
    const ids = new Set(Array.from({ length: 65536 }, mint));
    expect(ids.size).toBe(65536);
    expect(ids.has(mint())).toBe(true);
  });
});
