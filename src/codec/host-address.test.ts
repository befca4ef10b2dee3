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
