import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { requestsDocument } from './generate-docs.js';
import { requestName, requests } from './requests.js';
import type { RequestName, Spec } from './requests.js';

const names = Object.keys(requests) as RequestName[];

test('REQUESTS.md is what the generator prints', () => {
  const places = [new URL('../../../src/codec/REQUESTS.md', import.meta.url), new URL('REQUESTS.md', import.meta.url)];
  const place = places.find((url) => existsSync(url));
  expect(place).toBeDefined();
  expect(readFileSync(place as URL, 'utf8')).toBe(requestsDocument());
});

describe('the table', () => {
  test('codes are unique and found by number', () => {
    expect(new Set(names.map((name) => requests[name].code)).size).toBe(names.length);
    for (const name of names) expect(requestName(requests[name].code)).toBe(name);
    expect(requestName(9999)).toBeUndefined();
  });
  test('wire names within a header are unique, and no field is both optional and defaulted', () => {
    for (const name of names) {
      const spec: Spec = requests[name];
      const wires = Object.entries(spec.header).map(([key, field]) => field.wire ?? key);
      expect([name, new Set(wires).size]).toEqual([name, wires.length]);
      for (const field of [...Object.values(spec.header), ...Object.values(spec.reply)]) expect(field.opt === true && field.or !== undefined).toBe(false);
      // Answers are written without asking the table, so their fields have no other name on the wire.
      for (const field of Object.values(spec.reply)) expect(field.wire).toBeUndefined();
    }
  });
  test('what is served is served somewhere', () => {
    for (const name of names) if ((requests[name] as Spec).state === 'served') expect([name, requests[name].on.length > 0]).toEqual([name, true]);
  });
});
