import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addressBytes, addressText, hostBytes, hostText, parseHost } from './host-address.js';

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex');

describe('host fields', () => {
  test.each([
    ['10.9.8.7:10911', '0a09080700002a9f', '10.9.8.7:10911'],
    ['0.0.0.0:0', '0000000000000000', '0.0.0.0:0'],
    ['255.255.255.255:65535', 'ffffffff0000ffff', '255.255.255.255:65535'],
    ['[2001:db8::1]:10911', '20010db800000000000000000000000100002a9f', '2001:db8:0:0:0:0:0:1:10911'],
    ['2001:db8:0:0:0:0:0:1:10911', '20010db800000000000000000000000100002a9f', '2001:db8:0:0:0:0:0:1:10911'],
    ['fe80::1%eth0:80', 'fe80000000000000000000000000000100000050', 'fe80:0:0:0:0:0:0:1:80'],
    ['::1:5', '000000000000000000000000000000010000' + '0005', '0:0:0:0:0:0:0:1:5'],
    ['[::]:5', '00000000000000000000000000000000' + '00000005', '0:0:0:0:0:0:0:0:5'],
    ['::ffff:1.2.3.4:99', '0102030400000063', '1.2.3.4:99'],
    ['[::ffff:102:304]:99', '0102030400000063', '1.2.3.4:99'],
    ['::fffe:1.2.3.4:1', '00000000000000000000fffe01020304' + '00000001', '0:0:0:0:0:fffe:102:304:1'],
    ['::feff:1.2.3.4:1', '00000000000000000000feff01020304' + '00000001', '0:0:0:0:0:feff:102:304:1'],
    ['::1:ffff:1.2.3.4:1', '00000000000000000001ffff01020304' + '00000001', '0:0:0:0:1:ffff:102:304:1'],
    ['100::ffff:1.2.3.4:1', '01000000000000000000ffff01020304' + '00000001', '100:0:0:0:0:ffff:102:304:1'],
    ['64:ff9b::1.2.3.4:1', '0064ff9b000000000000000001020304' + '00000001', '64:ff9b:0:0:0:0:102:304:1'],
  ])('%s', (text, bytes, canonical) => {
    const host = parseHost(text);
    expect(hex(host)).toBe(bytes);
    expect(hostText(host as Uint8Array)).toBe(canonical);
  });

  test.each(['', '1.2.3.4', '1.2.3.4:', '1.2.3:1', '1.2.3.256:1', '1.2.3.4:65536', '1.2.3.4:-1', '1.2.3.4:1e3', 'localhost:1', '1::2::3:1', '1:2:3:4:5:6:7:8:9:1', '12345::1:1', '::1.2.3:1', ':1', '1:2:3:4:5:6:7::8:1', '::1.2.3.4:5:6'])(
    '%j is no host',
    (text) => {
      expect(parseHost(text)).toBeUndefined();
    },
  );

  test.each<[string, string | undefined]>([
    ['1.2.3.4', '01020304'], ['[1.2.3.4]', '01020304'], ['0.0.0.255', '000000ff'], ['001.02.3.4', '01020304'], ['[::1]', '00000000000000000000000000000001'], ['::', '00000000000000000000000000000000'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'], ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'], ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'], ['1::8', '00010000000000000000000000000008'],
    ['ABCD:ef01::FFFF', 'abcdef0100000000000000000000ffff'], ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'], ['fe80::1%eth0', 'fe800000000000000000000000000001'], ['fe80::1%', 'fe800000000000000000000000000001'], ['::ffff:1.2.3.4', '01020304'],
    ['', undefined], ['1.2.3', undefined], ['1.2.3.4.5', undefined], ['1.2.3.', undefined], ['1.2.3.4 ', undefined], ['1.2.3.0004', undefined], ['1.2.3.x', undefined], ['256.1.1.1', undefined], ['1.1.1.256', undefined],
    ['[1.2.3.4', undefined], ['1.2.3.4]', undefined], ['[::1', undefined], ['::1]', undefined], ['[]', undefined], [':', undefined], [':::', undefined], ['1:2:3:4:5:6:7', undefined], ['1:2:3:4:5:6:7:8:9', undefined],
    ['1:2:3:4:5:6:7:8::', undefined], ['::1:2:3:4:5:6:7:8', undefined], ['1::2::3', undefined], ['12345::', undefined], ['g::', undefined], ['::1.2.3', undefined], ['1.2.3.4::', undefined], ['1.2.3.4::1', undefined], ['::1.2.3.4:5', undefined],
    ['1:2:3:4:5:6:7:1.2.3.4', undefined], ['%eth0::1', undefined], ['1:', undefined], [':1', undefined],
  ])('address %j', (text, bytes) => {
    expect(hex(addressBytes(text))).toBe(bytes);
  });

  test('a port is a whole number up to 65535', () => {
    for (const [port, good] of [[0, true], [1, true], [65535, true], [65536, false], [-1, false], [1.5, false], [NaN, false]] as const) {
      expect([port, hex(hostBytes('1.2.3.4', port))]).toEqual([port, good ? `01020304${port.toString(16).padStart(8, '0')}` : undefined]);
    }
    expect(hostBytes('x', 1)).toBeUndefined();
    for (const text of ['1.2.3.4:00001', '1.2.3.4:1']) expect(hex(parseHost(text))).toBe('0102030400000001');
    for (const text of ['1.2.3.4:000001', '1.2.3.4: 1', '1.2.3.4:1 ', '1.2.3.4', ':', '5']) expect(parseHost(text)).toBeUndefined();
  });

  test('fields and addresses of another length are refused by it', () => {
    for (const bytes of [0, 4, 7, 9, 12, 16, 19, 21]) expect(() => hostText(new Uint8Array(bytes))).toThrow(`a host field has 8 or 20 bytes, not ${bytes}`);
    for (const bytes of [0, 3, 5, 15, 17]) expect(() => addressText(new Uint8Array(bytes))).toThrow(`an address has 4 or 16 bytes, not ${bytes}`);
    // A field within a larger buffer, with a negative port as a damaged record may hold it.
    expect(hostText(Buffer.from('ffff01020304ffffffffffff', 'hex').subarray(2, 10))).toBe('1.2.3.4:-1');
    expect(addressText(Buffer.from('00000000000000000001ffff01020304', 'hex'))).toBe('0:0:0:0:1:ffff:102:304');
  });

  test('an address that is mapped stays readable where it was stored in 16 bytes', () => {
    expect(addressText(Buffer.from('00000000000000000000ffff01020304', 'hex'))).toBe('1.2.3.4');
    expect(() => addressText(new Uint8Array(5))).toThrow(RangeError);
    expect(() => hostText(new Uint8Array(12))).toThrow(RangeError);
  });

  test('round trip, and no text throws', () => {
    fc.assert(fc.property(fc.ipV4(), fc.nat(65535), (ip, port) => expect(hostText(hostBytes(ip, port) as Uint8Array)).toBe(`${ip}:${port}`)));
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        const bytes = addressBytes(ip);
        expect([ip, bytes?.length === 16 || bytes?.length === 4]).toEqual([ip, true]);
        expect(hex(addressBytes(addressText(bytes as Uint8Array)))).toBe(hex(bytes));
      }),
    );
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abf:.[]%') }), (text) => void parseHost(text)));
  });
});
