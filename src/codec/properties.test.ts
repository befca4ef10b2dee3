import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatProperties, parseProperties, propertyFault, propertyNames, PropertyScan, scanProperties, specialProperties } from './properties.js';

const scan = new PropertyScan();
function scanText(text: string): PropertyScan {
  const bytes = Buffer.from(`##${text}##`, 'utf8');
  scanProperties(scan, bytes, 2, bytes.length - 2);
  return scan;
}
function span(text: string, start: number, end: number): string | undefined {
  return start < 0 ? undefined : Buffer.from(`##${text}##`, 'utf8').toString('utf8', start, end);
}

describe('the string form', () => {
  test('what readers keep and drop', () => {
    expect([...parseProperties('a\x01b\x02KEYS\x01k1 k2\x02')]).toEqual([['a', 'b'], ['KEYS', 'k1 k2']]);
    expect([...parseProperties('a\x01b')]).toEqual([['a', 'b']]);
    expect([...parseProperties('a\x01\x02\x01b\x02\x02ab\x02abc\x02x\x01y\x01z\x02')]).toEqual([['x', 'y\x01z']]);
    expect([...parseProperties('a\x011\x02b\x012\x02a\x013\x02')]).toEqual([['a', '3'], ['b', '2']]);
    expect(parseProperties('').size).toBe(0);
    // The first 0x01 lies in a later element: the element without one is dropped, nothing is joined.
    expect([...parseProperties('abc\x02d\x01e')]).toEqual([['d', 'e']]);
  });

  test('round trip of what propertyFault lets through', () => {
    const text = fc.string({ unit: 'binary', maxLength: 8 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name }), (pairs) => {
        const writable = pairs.filter(([name, value]) => propertyFault(name, value) === undefined);
        expect([...parseProperties(formatProperties(writable))]).toEqual(writable);
      }),
    );
    expect(propertyFault('a', 'b\x01')).toBeUndefined();
    expect(propertyFault('a\x02', 'b')).toBe('the property name "a\\u0002" must not hold the bytes 0x01 or 0x02');
    expect([propertyFault('', ''), propertyFault('a', ''), propertyFault('a', '\x02')]).toEqual(['a property name must not be empty', 'the value of property a must not be empty', 'the value of property a must not hold the byte 0x02']);
    expect(propertyFault('', 'x')).toMatch(/name must not be empty/);
    expect(propertyFault('a', '')).toMatch(/value of property a/);
    expect(propertyFault('a\x01', 'b')).toMatch(/0x01/);
    expect(propertyFault('a', 'b\x02')).toMatch(/property a .*0x02/);
  });
});

describe('the scanner', () => {
  test('agrees with the parser on any text', () => {
    const word = fc.constantFrom('KEYS', 'TAGS', 'WAIT', 'DELAY', 'UNIQ_KEY', 'UNIQ_KEX', 'PGROUP', 'x', '', 'true', 'TRUE', 'false', '中', 'TIMER_X', 'TIMER_', 'CLUSTER', 'INNER_NUM');
    const element = fc.tuple(word, word).map(([name, value]) => `${name}\x01${value}\x02`);
    const piece = fc.oneof({ weight: 3, arbitrary: element }, word, fc.constantFrom('\x01', '\x02'));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const text = pieces.join('');
        const map = parseProperties(text);
        const found = scanText(text);
        expect(span(text, found.keysStart, found.keysEnd)).toBe(map.get('KEYS'));
        expect(span(text, found.tagsStart, found.tagsEnd)).toBe(map.get('TAGS'));
        expect(span(text, found.uniqKeyStart, found.uniqKeyEnd)).toBe(map.get('UNIQ_KEY'));
        expect(span(text, found.delayStart, found.delayEnd)).toBe(map.get('DELAY'));
        expect(found.waitStoreOk).toBe((map.get('WAIT') ?? 'true').toLowerCase() === 'true');
        const special = (name: string): boolean => specialProperties.includes(name) || /^(TIMER_|INNER_)./.test(name);
        expect(found.special).toBe([...map.keys()].some(special));
        const closed = text === '' || text.endsWith('\x02') ? text : `${text}\x02`;
        expect(found.odd).toBe(formatProperties(map) !== closed);
      }),
      { numRuns: 500 },
    );
  });

  test('a scan depends on nothing scanned before: strings alike in length and layout, and damaged ones', () => {
    const found = ({ layout: _layout, names: _names, ...rest }: PropertyScan): object => rest;
    const name = fc.constantFrom('KEYS', 'TAGS', 'WAIT', 'DELAY', 'UNIQ_KEY', 'color', 'TIMER_X');
    const value = fc.oneof({ weight: 3, arbitrary: fc.string({ unit: fc.constantFrom('a', '7', '\x01', '\xff'), minLength: 4, maxLength: 4 }) }, fc.constantFrom('true', 'TRUE'));
    const change = fc.record({ at: fc.nat(80), byte: fc.oneof(fc.constantFrom(1, 2), fc.nat(255)), times: fc.nat(2) });
    const text = fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 5 }).map((pairs) => pairs.map(([n, v]) => `${n}\x01${v}\x02`).join(''));
    fc.assert(
      fc.property(text, fc.array(change, { minLength: 2, maxLength: 12 }), fc.nat(5), (first, changes, pad) => {
        const used = new PropertyScan();
        const bytes = Buffer.concat([Buffer.alloc(pad), Buffer.from(first, 'latin1'), Buffer.alloc(2)]);
        const end = pad + first.length;
        for (const { at, byte, times } of changes) {
          // Unchanged strings in between make the scan remember this layout.
          for (let i = 0; i <= times; i++) scanProperties(used, Buffer.from(first, 'latin1'), 0, first.length);
          const damaged = Buffer.from(bytes);
          damaged[pad + (at % first.length)] = byte;
          const fresh = new PropertyScan();
          scanProperties(fresh, damaged, pad, end);
          scanProperties(used, damaged, pad, end);
          expect(found(used)).toEqual(found(fresh));
        }
      }),
      { numRuns: 300 },
    );
  });

  describe('a string laid out as the one remembered is not looked through again', () => {
    /** Whether the layout was used: a look through the bytes notes where the names stand. */
    const remembered = (used: PropertyScan, bytes: Uint8Array, start = 0, end = bytes.length): boolean => {
      used.names.fill(-7);
      scanProperties(used, bytes, start, end);
      const fresh = new PropertyScan();
      scanProperties(fresh, bytes, start, end);
      const { layout: _one, names, ...found } = used;
      const { layout: _other, names: _others, ...expected } = fresh;
      expect(found).toEqual(expected);
      return names[0] === -7;
    };
    const ofLength = (length: number): string => `a\x01${'x'.repeat(length - 3)}\x02`;

    test('from its third time on, of 4 to 256 bytes, wherever it stands', () => {
      for (const length of [4, 5, 6, 7, 8, 9, 63, 64, 65, 127, 128, 200, 253, 254, 255, 256]) {
        const used = new PropertyScan();
        const bytes = Buffer.from(ofLength(length));
        expect([length, remembered(used, bytes), remembered(used, bytes), remembered(used, bytes), remembered(used, bytes)]).toEqual([length, false, false, true, true]);
        expect(remembered(used, Buffer.concat([Buffer.alloc(5), bytes, Buffer.alloc(3)]), 5, 5 + length)).toBe(true);
        expect(remembered(used, Buffer.from(ofLength(length + 1)))).toBe(false);
        expect(remembered(used, bytes)).toBe(true);
      }
      for (const length of [3, 257, 258, 300]) {
        const used = new PropertyScan();
        const bytes = Buffer.from(length === 3 ? 'a\x01b' : ofLength(length));
        expect([length, ...[1, 2, 3, 4].map(() => remembered(used, bytes))]).toEqual([length, false, false, false, false]);
      }
    });

    test('with other values of the same lengths, none with another byte elsewhere', () => {
      const text = 'KEYS\x01k1 k2\x02TAGS\x01tag\x02UNIQ_KEY\x010123456789ABCDEF\x02WAIT\x01true\x02DELAY\x013\x02color\x01red\x02last\x01v';
      for (const length of [text.length, text.length - 1, 22]) {
        const string = Buffer.from(text.slice(0, length));
        const used = new PropertyScan();
        for (let times = 0; times < 2; times++) scanProperties(used, string, 0, length);
        let inValue = false;
        let name = '';
        for (let at = 0; at < length; at++) {
          const byte = string[at] as number;
          const free = inValue && byte !== 2 && name !== 'WAIT';
          for (const other of [0, 3, 0x82, 0xff]) {
            const changed = Buffer.from(string);
            changed[at] = other;
            // An answer from elsewhere in between changes nothing.
            expect([length, at, other, remembered(used, changed)]).toEqual([length, at, other, free]);
            if (!free) for (let times = 0; times < 3; times++) scanProperties(used, string, 0, length);
          }
          const parted = Buffer.from(string);
          parted[at] = 2;
          if (byte !== 2) expect([length, at, remembered(used, parted)]).toEqual([length, at, false]);
          for (let times = 0; times < 3; times++) scanProperties(used, string, 0, length);
          if (byte === 1 && !inValue) inValue = true;
          else if (byte === 2) [inValue, name] = [false, ''];
          else if (!inValue) name += String.fromCharCode(byte);
        }
      }
    });

    test('with the names of the end of a long one', () => {
      const long = (end: string): Buffer => Buffer.from(`a\x01${'x'.repeat(252 - end.length)}\x02${end}`);
      const used = new PropertyScan();
      for (let times = 0; times < 3; times++) expect(remembered(used, long('KEYS\x01k'))).toBe(times === 2);
      expect(remembered(used, long('KEYT\x01k'))).toBe(false);
      expect(used.keysStart).toBe(-1);
    });
  });

  test('counts, oddness and spans of small strings, exactly', () => {
    const table: [string, Partial<PropertyScan>][] = [
      ['', { count: 0, odd: false }], ['a', { count: 0, odd: true }], ['\x02', { count: 0, odd: true }], ['\x01', { count: 0, odd: true }], ['a\x01', { count: 0, odd: true }], ['\x01a', { count: 0, odd: true }], ['a\x01b', { count: 1, odd: false }],
      ['a\x01b\x02', { count: 1, odd: false }], ['a\x01b\x02\x02', { count: 1, odd: true }], ['a\x01b\x02a\x01c', { count: 2, odd: true }], ['a\x01b\x02b\x01c', { count: 2, odd: false }], ['ab\x01b\x02a\x01c', { count: 2, odd: false }],
      ['ab\x01b\x02ac\x01c\x02cb\x01d', { count: 3, odd: false }], ['a\x01b\x01c', { count: 1, odd: false }], ['KEYS\x01v', { keysStart: 7, keysEnd: 8 }], ['TAGS\x01vw\x02', { tagsStart: 7, tagsEnd: 9 }], ['UNIQ_KEY\x01v', { uniqKeyStart: 11, uniqKeyEnd: 12 }],
      ['DELAY\x013\x02', { delayStart: 8, delayEnd: 9, special: true }], ['DELAZ\x013', { delayStart: -1, special: false }], ['KEYS\x01', { keysStart: -1, keysEnd: -1, odd: true }], ['xDELAY\x013', { delayStart: -1, special: false }],
      ['TIMER_\x01v', { special: false }], ['TIMER_a\x01v', { special: true }], ['INNER_a\x01v', { special: true }], ['INNERXa\x01v', { special: false }], ['aTIMER_\x01v', { special: false }],
    ];
    for (const [text, expected] of table) expect([text, scanText(text)]).toEqual([text, expect.objectContaining(expected)]);
    // The names of 32 are compared; with one more the string is odd.
    const many = (count: number, last = 'n'): string => Array.from({ length: count }, (_, i) => `${i === count - 1 ? last : 'n'}${i}\x01v\x02`).join('');
    expect([scanText(many(32)).odd, scanText(many(33)).odd, scan.count]).toEqual([false, true, 33]);
    expect([scanText(`${many(31)}n30\x01w`).odd, scanText(`${many(31)}n0\x01w`).odd, scanText(`${many(31)}n31\x01w`).odd]).toEqual([true, true, false]);
  });

  test('a fresh scan has found nothing', () => {
    const { layout: _layout, names, ...found } = new PropertyScan();
    expect(names).toHaveLength(64);
    expect(found).toEqual({ keysStart: -1, keysEnd: -1, tagsStart: -1, tagsEnd: -1, uniqKeyStart: -1, uniqKeyEnd: -1, delayStart: -1, delayEnd: -1, waitStoreOk: true, special: false, odd: false, count: 0 });
  });

  test('WAIT is true in any case, false otherwise; the last one counts', () => {
    const wait = (value: string): boolean => scanText(`a\x01b\x02WAIT\x01${value}\x02`).waitStoreOk;
    expect(['true', 'TRUE', 'tRuE', 'false', 'truf', 'yes', 'true '].map(wait)).toEqual([true, true, true, false, false, false, false]);
    expect([scanText('WAIT\x01false\x02WAIT\x01true').waitStoreOk, scanText('WAIT\x01\x02').waitStoreOk]).toEqual([true, true]);
  });

  test('no bytes throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(40), fc.nat(40), (bytes, a, b) => {
        scanProperties(scan, bytes, Math.min(a, bytes.length), Math.min(b, bytes.length));
      }),
    );
  });

  test('ordinary names stay on the fast path, every special one leaves it', () => {
    expect(scanText('UNIQ_KEY\x01A\x02WAIT\x01true\x02TAGS\x01t\x02KEYS\x01k\x02PGROUP\x01g\x02__SHARDINGKEY\x01s\x02color\x01red\x02').special).toBe(false);
    expect(scan.count).toBe(7);
    for (const name of specialProperties) expect([name, scanText(`${name}\x01v`).special]).toEqual([name, true]);
    for (const name of Object.values(propertyNames)) {
      if (/^(TIMER_|INNER_)/.test(name)) expect([name, scanText(`a\x01b\x02${name}\x01v\x02`).special]).toEqual([name, true]);
    }
    expect(scanText('DELAY\x01\x02').special).toBe(false);
  });
});

test('a name that differs from a special one in any byte is not special', () => {
  for (const name of specialProperties) {
    expect([name, scanText(`${name}\u0001v\u0002`).special]).toEqual([name, true]);
    for (let i = 0; i < name.length; i++) {
      const other = `${name.slice(0, i)}~${name.slice(i + 1)}`;
      expect([other, scanText(`${other}\u0001v\u0002`).special]).toEqual([other, false]);
    }
  }
});
