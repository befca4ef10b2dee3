/** What Apache's own classes answered, kept in conformance/golden/apache-5.5.0-filters.json, is what is answered here. */
import { expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { hexOf } from '../../codec/testdata/questions.js';
import { answer } from './testdata/filter-answers.js';

interface Golden {
  readonly values: readonly string[];
  readonly verdicts: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, string>>;
  readonly answers: readonly (readonly [question: string, answer: string])[];
}

const name = 'conformance/golden/apache-5.5.0-filters.json';
const places = [new URL(`../../../../${name}`, import.meta.url), new URL(`../../../${name}`, import.meta.url)];
const golden = JSON.parse(readFileSync(places.find((place) => existsSync(place)) ?? name, 'utf8')) as Golden;
const letters: Readonly<Record<string, string>> = { true: 't', false: 'f', null: 'n', threw: 'x', refused: 'r' };

function verdictOf(sql: string, pairs: string): string {
  return letters[answer(`evaluate ${hexOf(sql)} ${pairs}`).split(' ')[0] ?? ''] ?? '?';
}

test('each written expression has the verdict of Apache for each value', () => {
  const found = Object.fromEntries(Object.keys(golden.verdicts).map((sql) => [
    sql, [verdictOf(sql, ''), verdictOf(sql, `${hexOf('b')}=${hexOf('1')}`), ...golden.values.map((value) => verdictOf(sql, `${hexOf('a')}=${hexOf(value)}`))].join(''),
  ]));
  expect(found).toEqual(golden.verdicts);
  expect(Object.keys(found).length).toBeGreaterThan(100);
});

test('what compiles there compiles here, and mistakes are found at the same place', () => {
  const wrong = Object.entries(golden.texts).filter(([text, theirs]) => {
    const ours = answer(`compile ${hexOf(text)}`);
    // Behind a plus Apache names the plus itself; at the end of the text, and for mistakes of meaning, it names no place.
    return ours !== theirs && !(ours.startsWith('refused') && (theirs === 'refused' || text === '+'));
  });
  expect(wrong).toEqual([]);
});

test('Bloom filter positions, hashes, texts of bits and extension files are those of Apache', () => {
  expect(golden.answers.length).toBeGreaterThan(200);
  for (const [question, theirs] of golden.answers) expect([question, answer(question)]).toEqual([question, theirs]);
});
