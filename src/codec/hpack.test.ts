import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { connect } from 'node:http2';
import { Duplex } from 'node:stream';
import { WireError } from './errors.js';
import { encodeHeaderBlock, HpackDecoder } from './hpack.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function read(decoder: HpackDecoder, block: Buffer): string[] {
  const out: string[] = [];
  decoder.decode(block, (name, value) => out.push(`${name}: ${value}`));
  return out;
}

describe('the examples of RFC 7541', () => {
  it.each([
    ['C.3, plain', ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', '8286 84be 5808 6e6f 2d63 6163 6865', '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65']],
    ['C.4, in the Huffman code', ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', '8286 84be 5886 a8eb 1064 9cbf', '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf']],
  ])('%s', (_name, [first = '', second = '', third = '']) => {
    const decoder = new HpackDecoder(4096);
    expect(read(decoder, hex(first))).toEqual([':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com']);
    expect(read(decoder, hex(second))).toEqual([':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache']);
    expect(read(decoder, hex(third))).toEqual([':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value']);
  });

  it('C.6, with a table of 256 bytes from which entries go', () => {
    const decoder = new HpackDecoder(256);
    expect(read(decoder, hex('4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3')))
      .toEqual([':status: 302', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', 'location: https://www.example.com']);
    expect(read(decoder, hex('4883 640e ffc1 c0bf'))).toEqual([':status: 307', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', 'location: https://www.example.com']);
    expect(read(decoder, hex('88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07')))
      .toEqual([':status: 200', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:22 GMT', 'location: https://www.example.com', 'content-encoding: gzip', 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1']);
  });
});

/** The header block in which Node (nghttp2) sends these fields, and the four that every request begins with. */
async function blockOfNode(fields: Record<string, string>): Promise<Buffer> {
  let sent = Buffer.alloc(0);
  return await new Promise((done, fail) => {
    const wire = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, written) => {
        sent = Buffer.concat([sent, chunk]);
        written();
        // Behind the preface: frames of length (3), type, flags, stream (4).
        for (let at = 24; at + 9 <= sent.length; at += 9 + sent.readUIntBE(at, 3)) {
          if (sent[at + 3] !== 1 || at + 9 + sent.readUIntBE(at, 3) > sent.length) continue;
          session.destroy();
          done(sent.subarray(at + 9, at + 9 + sent.readUIntBE(at, 3)));
        }
      },
    });
    const session = connect('http://localhost', { createConnection: () => wire });
    session.on('error', fail);
    session.request(fields).on('error', fail).end();
  });
}

describe('what Node writes', () => {
  const begin = [':method: GET', ':authority: localhost:80', ':scheme: http', ':path: /'];

  it('every character that it sends, in the Huffman code', async () => {
    // So many short codes make the text shorter in the Huffman code, whatever stands in it.
    const texts = [9, ...Array.from({ length: 95 }, (_, i) => 0x20 + i), ...Array.from({ length: 128 }, (_, i) => 0x80 + i)].map((byte) => `aaaaaaaaaaaa${String.fromCharCode(byte)}aaaaaaaaaaaa`);
    const fields = Object.fromEntries(texts.map((text, i) => [`x${i}`, text]));
    const block = await blockOfNode(fields);
    expect(block.includes('aaaaaaaaaaaa')).toBe(false);
    expect(read(new HpackDecoder(4096), block)).toEqual([...begin, ...texts.map((text, i) => `x${i}: ${text}`)]);
  });
});

describe('the Huffman code', () => {
  // Those that no field may hold: RFC 7541, Appendix B.
  it.each([
    [0, '1ff8', 13], [1, '7fffd8', 23], [2, 'fffffe2', 28], [8, 'fffffe8', 28], [10, '3ffffffc', 30], [11, 'fffffe9', 28], [12, 'fffffea', 28], [13, '3ffffffd', 30], [14, 'fffffeb', 28], [21, 'ffffff2', 28],
    [22, '3ffffffe', 30], [23, 'ffffff3', 28], [31, 'ffffffb', 28], [127, 'ffffffc', 28],
  ])('of %i', (symbol, code, bits) => {
    const text = Number.parseInt(code, 16).toString(2).padStart(bits, '0');
    const bytes = (text.padEnd(Math.ceil(bits / 8) * 8, '1').match(/.{8}/gu) ?? []).map((byte) => Number.parseInt(byte, 2));
    expect(read(new HpackDecoder(4096), Buffer.from([0, 1, 0x61, 0x80 | bytes.length, ...bytes]))).toEqual([`a: ${String.fromCharCode(symbol)}`]);
  });
});

/** Why a block cannot be read. */
function refusal(decoder: HpackDecoder, block: Buffer): string {
  try {
    return `read ${read(decoder, block).join(', ')}`;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.message;
  }
}

describe('fields by their number', () => {
  /** Appendix A, where a value stands behind a name. */
  const table = [
    ':authority', ':method GET', ':method POST', ':path /', ':path /index.html', ':scheme http', ':scheme https', ':status 200', ':status 204', ':status 206', ':status 304', ':status 400', ':status 404', ':status 500', 'accept-charset',
    'accept-encoding gzip, deflate', 'accept-language', 'accept-ranges', 'accept', 'access-control-allow-origin', 'age', 'allow', 'authorization', 'cache-control', 'content-disposition', 'content-encoding', 'content-language', 'content-length',
    'content-location', 'content-range', 'content-type', 'cookie', 'date', 'etag', 'expect', 'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'last-modified', 'link', 'location', 'max-forwards',
    'proxy-authenticate', 'proxy-authorization', 'range', 'referer', 'refresh', 'retry-after', 'server', 'set-cookie', 'strict-transport-security', 'transfer-encoding', 'user-agent', 'vary', 'via', 'www-authenticate',
  ].map((entry) => entry.replace(/ |$/, ': '));

  it('of the static table, whole or only the name', () => {
    expect(table).toHaveLength(61);
    for (const [i, entry] of table.entries()) {
      const [name = ''] = /^:?[^:]+/.exec(entry) ?? [];
      const number = (first: number, bits: number): number[] => (i + 1 < 2 ** bits - 1 ? [first | (i + 1)] : [first | (2 ** bits - 1), i + 1 - (2 ** bits - 1)]);
      expect(read(new HpackDecoder(4096), Buffer.of(0x80 | (i + 1)))).toEqual([entry]);
      for (const [first, bits] of [[0x40, 6], [0x00, 4], [0x10, 4]] as const) expect(read(new HpackDecoder(4096), Buffer.from([...number(first, bits), 1, 0x76]))).toEqual([`${name}: v`]);
    }
  });

  it('of the dynamic table, the newest first; what is sent as never to be indexed, or without, enters nothing', () => {
    const decoder = new HpackDecoder(4096);
    const added = [0x40, 0x00, 0x10, 0x40].map((first, i) => Buffer.from([first, 1, 0x61 + i, 1, 0x41 + i]));
    expect(read(decoder, Buffer.concat(added))).toEqual(['a: A', 'b: B', 'c: C', 'd: D']);
    expect(read(decoder, hex('be bf'))).toEqual(['d: D', 'a: A']);
    expect(refusal(decoder, hex('c0'))).toBe('HPACK: there is no field 64');
    expect(refusal(decoder, hex('80'))).toBe('HPACK: there is no field 0');
    expect(refusal(decoder, hex('ff 81 01'))).toBe('HPACK: there is no field 256');
  });
});

describe('the size of the table', () => {
  const entry = (name: number, valueBytes: number): Buffer => Buffer.concat([Buffer.from([0x40, 1, name, valueBytes]), Buffer.alloc(valueBytes, 0x76)]);
  const held = (decoder: HpackDecoder): string => {
    let names = '';
    for (let index = 62; ; index++) {
      const text = refusal(decoder, Buffer.of(0x80 | index));
      if (!text.startsWith('read')) return names;
      names += text[5];
    }
  };

  it('counts 32 bytes for each entry beside its text, to the byte', () => {
    // Two entries of 32 + 1 + 10.
    for (const [bytesMax, names] of [[86, 'ba'], [85, 'b'], [43, 'b'], [42, ''], [0, '']] as const) {
      const decoder = new HpackDecoder(bytesMax);
      read(decoder, Buffer.concat([entry(0x61, 10), entry(0x62, 10)]));
      expect([bytesMax, held(decoder)]).toEqual([bytesMax, names]);
    }
  });

  it('changes at the beginning of a block, any number of times, to what is allowed; entries go at once', () => {
    const decoder = new HpackDecoder(129);
    const three = Buffer.concat([entry(0x61, 10), entry(0x62, 10), entry(0x63, 10)]);
    expect(read(decoder, three)).toHaveLength(3);
    expect(held(decoder)).toBe('cba');
    // 86: 31 and 55 more.
    expect(refusal(decoder, hex('3f37'))).toBe('read ');
    expect(held(decoder)).toBe('cb');
    expect(refusal(decoder, hex('3f37 3f62'))).toBe('read ');
    expect(held(decoder)).toBe('cb');
    expect(read(decoder, Buffer.concat([entry(0x64, 10)]))).toHaveLength(1);
    expect(held(decoder)).toBe('dcb');
    // To nothing and back again: all are gone.
    expect(refusal(decoder, hex('20 3f62'))).toBe('read ');
    expect(held(decoder)).toBe('');
    read(decoder, three);
    expect(held(decoder)).toBe('cba');
    expect(refusal(decoder, hex('3f63'))).toBe('HPACK: a table of 130 bytes, at most 129 are allowed');
    for (const before of ['82', '0001610162', '4001610162']) expect(refusal(decoder, hex(`${before} 20`))).toBe('HPACK: the size of the table changes within a block');
    expect(refusal(new HpackDecoder(100), hex('3e'))).toBe('read ');
    expect(refusal(new HpackDecoder(29), hex('3e'))).toBe('HPACK: a table of 30 bytes, at most 29 are allowed');
  });

  it('keeps the order of its entries however many went before', () => {
    const decoder = new HpackDecoder(35 * 5);
    for (let i = 0; i < 700; i++) {
      read(decoder, Buffer.of(0x40, 1, 0x30 + i % 64, 1, 0x30 + (i >> 6)));
      const newest = Array.from({ length: Math.min(i + 1, 5) }, (_, back) => `${String.fromCharCode(0x30 + (i - back) % 64)}: ${String.fromCharCode(0x30 + ((i - back) >> 6))}`);
      if (i % 7 === 0 || i < 8) expect(newest.map((_, back) => read(decoder, Buffer.of(0x80 | (62 + back)))[0])).toEqual(newest);
    }
    expect(refusal(decoder, hex('c3'))).toBe('HPACK: there is no field 67');
    // Those that went are let go of, 128 of them at a time.
    expect((decoder as unknown as { names: readonly string[] }).names.length).toBeLessThanOrEqual(128 + 6);
  });
});

describe('numbers and texts', () => {
  it('a number has at most 28 bits behind its first', () => {
    const decoder = (): HpackDecoder => new HpackDecoder(2 ** 29);
    const size = (bytes: string): string => refusal(new HpackDecoder(0), hex(bytes));
    expect([size('3f00'), size('3f7f'), size('3f8001'), size('3fff7f'), size('3f808001'), size('3fffff7f'), size('3f80808001'), size('3fffffff7f')]).toEqual(
      [31, 158, 159, 16414, 16415, 2097182, 2097183, 268435486].map((bytes) => `HPACK: a table of ${bytes} bytes, at most 0 are allowed`),
    );
    expect(refusal(decoder(), hex('3fffffff7f'))).toBe('read ');
    for (const bytes of ['3f8080808000', '3fffffffff01']) expect(refusal(decoder(), hex(bytes))).toBe('HPACK: a number of more than 28 bits');
    for (const bytes of ['3f', '3f80', '3f8080', '3f808080']) expect(refusal(decoder(), hex(bytes))).toBe('HPACK: the block ends within a number');
  });

  it('a text ends with its block or before it', () => {
    const [text, number] = ['HPACK: the block ends within a string', 'HPACK: the block ends within a number'];
    const table = [
      ['00', text], ['0001', text], ['000161', text], ['00016101', text], ['00016103 6162', text], ['41', text], ['4181', text], ['0f', number], ['007f', number], ['000161ff', number],
      ['00016100', 'read a: '], ['00000161', 'read : a'], ['00016103 616263', 'read a: abc'],
    ];
    expect(table.map(([bytes = '']) => [bytes, refusal(new HpackDecoder(99), hex(bytes))])).toEqual(table);
  });

  it('the Huffman code is filled up with ones, at most seven', () => {
    const value = (...bytes: number[]): string => refusal(new HpackDecoder(99), Buffer.from([0, 1, 0x61, 0x80 | bytes.length, ...bytes]));
    for (let count = 1; count <= 16; count++) {
      // The code of `a` has five bits: 00011.
      const bits = '00011'.repeat(count);
      const bytesOf = (padded: string): number[] => (padded.match(/.{8}/gu) ?? []).map((byte) => Number.parseInt(byte, 2));
      const length = Math.ceil(bits.length / 8) * 8;
      expect(value(...bytesOf(bits.padEnd(length, '1')))).toBe(`read a: ${'a'.repeat(count)}`);
      expect(value(...bytesOf(bits.padEnd(length + 8, '1')))).toBe('HPACK: a string ends within a code');
      if (bits.length < length) expect(value(...bytesOf(`${bits}${'1'.repeat(length - bits.length - 1)}0`))).toBe('HPACK: a string ends within a code');
    }
    expect(value(0xf8)).toBe('read a: &');
    expect(value(0xf8, 0xff)).toBe('HPACK: a string ends within a code');
    expect(value(0xff, 0xff, 0xff, 0xff)).toBe('HPACK: the end of a string within it');
  });
});

describe('what cannot be read is a WireError', () => {
  it.each([
    ['no field 0', '80'], ['a field beyond the table', 'be'], ['a name beyond the table', '7e 01 61'], ['an unfinished number', 'ff ff'], ['a number without end', 'ff ff ff ff ff ff ff 01'],
    ['an unfinished string', '00 05 61'], ['a string longer than the block', '00 7f ff ff ff 07 61'], ['a table larger than allowed', '3f e2 1f'], ['a table that changes between fields', '82 20'],
    ['padding of zeros in the Huffman code', '00 81 18 00'], ['padding of a byte', '00 82 1f ff 00'], ['the end of a string in the Huffman code', '00 84 ff ff ff ff 00'],
  ])('%s', (_name, bytes) => {
    expect(() => read(new HpackDecoder(4096), hex(bytes))).toThrow(WireError);
  });

  it('whatever the bytes', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 6 }), (blocks) => {
      const decoder = new HpackDecoder(200);
      try {
        for (const block of blocks) read(decoder, Buffer.from(block));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }));
  });
});

describe('blocks of our own', () => {
  it('use the static table where it has the field, or its name', () => {
    expect(encodeHeaderBlock([[':status', '200'], ['content-type', 'a'], ['x-y', 'z']]).toString('hex')).toBe('88' + '0f10' + '0161' + '00' + '03782d79' + '017a');
  });

  it('of every length are read as they were written', () => {
    for (let length = 0; length < 300; length++) expect(read(new HpackDecoder(4096), encodeHeaderBlock([['a', 'b'.repeat(length)], ['c'.repeat(length + 1), 'd']]))).toEqual([`a: ${'b'.repeat(length)}`, `${'c'.repeat(length + 1)}: d`]);
  });

  it('are read as they were written', () => {
    const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 300 });
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('grpc-status', 'grpc-message', ':status', 'a', 'server'), text), { maxLength: 8 }), (fields) => {
      expect(read(new HpackDecoder(4096), encodeHeaderBlock(fields))).toEqual(fields.map(([name, value]) => `${name}: ${value}`));
    }));
  });

  it('a table of a peer takes no more than its limit, whatever enters', () => {
    const decoder = new HpackDecoder(4096);
    const long = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xe1, 0x1f]), Buffer.alloc(127 + 0x61 + (0x1f << 7), 0x62)]);
    expect(read(decoder, long)).toHaveLength(1);
    // It was larger than the table, which is empty now.
    expect(() => read(decoder, hex('be'))).toThrow(WireError);
    for (let i = 0; i < 1000; i++) read(decoder, Buffer.concat([Buffer.from([0x40, 1, 0x61, 60]), Buffer.alloc(60, i % 64 + 0x30)]));
    expect(read(decoder, hex('be'))).toHaveLength(1);
    // Index 62 is the newest entry; of those with 61 bytes of text 44 have room.
    expect(read(decoder, Buffer.from([0x80 | (62 + 43)]))).toHaveLength(1);
    expect(() => read(decoder, Buffer.from([0x80 | (62 + 44)]))).toThrow(WireError);
  });
});
