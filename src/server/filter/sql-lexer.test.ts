/** The words of an expression, each with its place, by a table and against a plain lexer of regular expressions. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SqlError, SqlLexer, textValue } from './sql-lexer.js';

/** Every word as `kind start-end`; what is refused as its place and reason. */
function wordsOf(sql: string): string[] {
  const lexer = new SqlLexer(sql);
  const words: string[] = [];
  try {
    for (;;) {
      const { kind, start, end } = lexer.next();
      words.push(`${kind} ${start}-${end}`);
      if (kind === 'end') return words;
    }
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    expect([error.name, error.message]).toEqual(['SqlError', error.what]);
    return [...words, `${error.at}: ${error.what}`];
  }
}

describe('words', () => {
  test.each<[string, string[]]>([
    ['', ['end 0-0']],
    [' \t\n\r\f', ['end 5-5']],
    ['a', ['name 0-1', 'end 1-1']],
    ['azAZ_$09', ['name 0-8', 'end 8-8']],
    ['_ $', ['name 0-1', 'name 2-3', 'end 3-3']],
    ['a-b', ['name 0-1', '- 1-2', 'name 2-3', 'end 3-3']],
    ['= <> > >= < <= ( , ) + -', ['= 0-1', '<> 2-4', '> 5-6', '>= 7-9', '< 10-11', '<= 12-14', '( 15-16', ', 17-18', ') 19-20', '+ 21-22', '- 23-24', 'end 24-24']],
    ['<<=>>==', ['< 0-1', '<= 1-3', '> 3-4', '>= 4-6', '= 6-7', 'end 7-7']],
    ['not And oR between in TRUE false null is contains startswith ENDSWITH', [
      'NOT 0-3', 'AND 4-7', 'OR 8-10', 'BETWEEN 11-18', 'IN 19-21', 'TRUE 22-26', 'FALSE 27-32', 'NULL 33-37', 'IS 38-40', 'CONTAINS 41-49', 'STARTSWITH 50-60', 'ENDSWITH 61-69', 'end 69-69',
    ]],
    ['NOTE ANDY STARTSWITHX _IN IN1', ['name 0-4', 'name 5-9', 'name 10-21', 'name 22-25', 'name 26-29', 'end 29-29']],
    ['0 7 10 99', ['integer 0-1', 'integer 2-3', 'integer 4-6', 'integer 7-9', 'end 9-9']],
    ['5L 10l 0L', ['integer 0-2', 'integer 3-6', 'integer 7-8', 'name 8-9', 'end 9-9']],
    ['007', ['integer 0-1', 'integer 1-2', 'integer 2-3', 'end 3-3']],
    ['5K 5M', ['integer 0-1', 'name 1-2', 'integer 3-4', 'name 4-5', 'end 5-5']],
    ['1. .5 1.5 00.5 .05', ['float 0-2', 'float 3-5', 'float 6-9', 'float 10-14', 'float 15-18', 'end 18-18']],
    ['1e5 1E+5 1e-05 .5e1 1.e1 0e0', ['float 0-3', 'float 4-8', 'float 9-14', 'float 15-19', 'float 20-24', 'float 25-28', 'end 28-28']],
    ['1e 1e+ 1ex', ['integer 0-1', 'name 1-2', 'integer 3-4', 'name 4-5', '+ 5-6', 'integer 7-8', 'name 8-10', 'end 10-10']],
    ['1D5 1d5 1F5', ['integer 0-1', 'name 1-3', 'integer 4-5', 'name 5-7', 'integer 8-9', 'name 9-11', 'end 11-11']],
    ['5M 5m', ['integer 0-1', 'name 1-2', 'integer 3-4', 'name 4-5', 'end 5-5']],
    ['1.5L', ['float 0-3', 'name 3-4', 'end 4-4']],
    ['1.2.3', ['float 0-3', 'float 3-5', 'end 5-5']],
    ["'' 'a' 'it''s' ''''", ['text 0-2', 'text 3-6', 'text 7-14', 'text 15-19', 'end 19-19']],
    ["'a\nb'c", ['text 0-5', 'name 5-6', 'end 6-6']],
    ["'a'''", ['text 0-5', 'end 5-5']],
  ])('%j', (sql, words) => {
    expect(wordsOf(sql)).toEqual(words);
  });

  test.each<[string, string[]]>([
    ['a -- b\nc', ['name 0-1', 'name 7-8', 'end 8-8']],
    ['a --\nc', ['name 0-1', 'name 5-6', 'end 6-6']],
    ['a -- b\rc', ['name 0-1', 'name 7-8', 'end 8-8']],
    ['a -- b\r\nc', ['name 0-1', 'name 8-9', 'end 9-9']],
    ['a -- b\r', ['name 0-1', 'end 7-7']],
    ['\na -- b', ['name 1-2', '- 3-4', '- 4-5', 'name 6-7', 'end 7-7']],
    ['-', ['- 0-1', 'end 1-1']],
    ['--', ['- 0-1', '- 1-2', 'end 2-2']],
    ['--\n', ['end 3-3']],
    ['a /* b\n* / */ c /**/d/***/', ['name 0-1', 'name 14-15', 'name 20-21', 'end 26-26']],
  ])('comments and what only looks like one: %j', (sql, words) => {
    expect(wordsOf(sql)).toEqual(words);
  });

  test.each<[string, string[]]>([
    ['a @', ['name 0-1', "2: '@' begins no word"]],
    ['~', ["0: '~' begins no word"]],
    ['.', ["0: '.' begins no word"]],
    ['.a', ["0: '.' begins no word"]],
    ['/', ["0: '/' begins no word"]],
    ['*', ["0: '*' begins no word"]],
    ['`', ["0: '`' begins no word"]],
    ['{', ["0: '{' begins no word"]],
    ['[', ["0: '[' begins no word"]],
    [':', ["0: ':' begins no word"]],
    ['\u007f', ['0: U+007F begins no word']],
    ['\u0001', ['0: U+0001 begins no word']],
    ['\u00e9', ['0: U+00E9 begins no word']],
    ['a\ud83d\ude00', ['name 0-1', '1: U+1F600 begins no word']],
    ['\ud800', ['0: U+D800 begins no word']],
    ['/*', ['0: a comment that does not end']],
    ['a /*/', ['name 0-1', '2: a comment that does not end']],
    ["'", ['0: a text that does not end']],
    ["a 'b", ['name 0-1', '2: a text that does not end']],
    ["'a' 'b", ['text 0-3', '4: a text that does not end']],
    // The longest text that ends, and what is left of the pair.
    ["'''", ['text 0-2', '2: a text that does not end']],
    ["'a''", ['text 0-3', '3: a text that does not end']],
    ["'a''b''c", ['text 0-6', '6: a text that does not end']],
    ["'a''b", ['text 0-3', '3: a text that does not end']],
  ])('refused: %j', (sql, words) => {
    expect(wordsOf(sql)).toEqual(words);
  });

  test('are those of a plain lexer, which tries a pattern for each kind of word', () => {
    const patterns: readonly [kind: string, pattern: RegExp][] = [
      ['', /^[ \t\n\r\f]/], ['', /^--[^\r\n]*(?:\r\n|\r|\n)/], ['', /^\/\*[^]*?\*\//], ['sign', /^(?:<>|<=|>=|[=<>(),+-])/],
      ['float', /^\d+\.\d*(?:[eE][+-]?\d+)?/], ['float', /^\.\d+(?:[eE][+-]?\d+)?/], ['float', /^\d+[eE][+-]?\d+/], ['integer', /^(?:0|[1-9]\d*[lL]?)/],
      ['name', /^[A-Za-z_$][A-Za-z0-9_$]*/], ['text', /^'(?:[^']|'')*'/],
    ];
    const keywords = /^(?:NOT|AND|OR|BETWEEN|IN|TRUE|FALSE|NULL|IS|CONTAINS|STARTSWITH|ENDSWITH)$/;
    const plain = (sql: string): string[] => {
      const words: string[] = [];
      for (let at = 0; at < sql.length;) {
        const rest = sql.slice(at);
        const found = patterns.map(([kind, pattern]) => [kind, pattern.exec(rest)?.[0] ?? ''] as const).reduce((best, one) => (one[1].length > best[1].length ? one : best));
        const [kind, text] = found;
        if (text === '') return [...words, 'refused'];
        const word = kind === 'sign' ? text : kind === 'name' && keywords.test(text.toUpperCase()) ? text.toUpperCase() : kind;
        if (kind !== '') words.push(`${word} ${at}-${at + text.length}`);
        at += text.length;
      }
      return [...words, `end ${sql.length}-${sql.length}`];
    };
    const part = fc.constantFrom(' ', '\n', '\r', '\f', '-', '--', '/*', '*/', '*', '/', "'", "''", 'a', 'In', 'NULL', 'e', 'E1', 'l', 'L', '0', '9', '10', '.', '+', '<', '>', '=', '(', ')', ',', '$', '_', '@', 'z', 'Z');
    fc.assert(fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const sql = parts.join('');
      expect([sql, wordsOf(sql).map((word) => (/^\d/.test(word) ? 'refused' : word))]).toEqual([sql, plain(sql)]);
    }), { numRuns: 400 });
  });
});

test('a text says what stands between its quotes, pairs of quotes single', () => {
  for (const [sql, value] of [["''", ''], ["'a'", 'a'], ["'it''s'", "it's"], ["''''", "'"], ["''''''", "''"], ["  'a b'  ", 'a b']] as const) expect(textValue(sql, new SqlLexer(sql).next())).toBe(value);
});
