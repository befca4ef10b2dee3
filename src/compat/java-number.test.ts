import { expect, test } from '@jest/globals';
import { javaDoubleText, numberFormatText, parseJavaBoolean, parseJavaDouble, parseJavaInt, parseJavaLong } from './java-number.js';

test.each([['7', 7], ['+7', 7], ['-7', -7], ['007', 7], ['2147483647', 2147483647], ['-2147483648', -2147483648], [`${'0'.repeat(500)}5`, 5]])('parseInt %s', (text, value) => {
  expect(parseJavaInt(text)).toBe(value);
});
test.each(['', '+', '-', ' 7', '7 ', '0x7', '1e3', '7.0', '٣', '2147483648', '-2147483649', '9'.repeat(500)])('parseInt refuses %s', (text) => {
  expect(parseJavaInt(text)).toBeUndefined();
});
test('parseLong', () => {
  expect(parseJavaLong('9223372036854775807')).toBe(9223372036854775807n);
  expect(parseJavaLong('-9223372036854775808')).toBe(-9223372036854775808n);
  expect(parseJavaLong(`+${'0'.repeat(100)}12`)).toBe(12n);
  expect(parseJavaLong('-0')).toBe(0n);
  for (const bad of ['9223372036854775808', '-9223372036854775809', '', '-', '1L', '9'.repeat(1_000_000)]) expect(parseJavaLong(bad)).toBeUndefined();
});
test('parseBoolean', () => expect(['true', 'TRUE', 'True', 'yes', '1', 'truex', ''].map(parseJavaBoolean)).toEqual([true, true, true, false, false, false, false]));
test('parseDouble', () => expect(['1.5', ' -2e3 ', '1f', '.5', '5.', 'NaN', '-Infinity', 'x', ''].map(parseJavaDouble)).toEqual([1.5, -2000, 1, 0.5, 5, NaN, -Infinity, undefined, undefined]));
test('toString of doubles', () => expect([0, -0, 1, 1234567, 12345678, 0.001, 0.0001, 1.5e-10, -2.5].map(javaDoubleText)).toEqual(['0.0', '-0.0', '1.0', '1234567.0', '1.2345678E7', '0.001', '1.0E-4', '1.5E-10', '-2.5']));
test('NumberFormatException', () => expect(numberFormatText('x')).toBe('java.lang.NumberFormatException: For input string: "x"'));
