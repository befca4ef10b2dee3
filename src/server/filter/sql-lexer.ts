/**
 * Words of a SQL92 filter (`SelectorParser.jj`, its token section): the longest match wins, keywords win over names of the same length, case does not
 * count in keywords. Whitespace and comments are passed over. One pass, no regular expressions, no strings made before they are asked for.
 */

export type TokenKind =
  | 'end' | 'name' | 'text' | 'integer' | 'float'
  | 'NOT' | 'AND' | 'OR' | 'BETWEEN' | 'IN' | 'TRUE' | 'FALSE' | 'NULL' | 'IS' | 'CONTAINS' | 'STARTSWITH' | 'ENDSWITH'
  | '=' | '<>' | '>' | '>=' | '<' | '<=' | '(' | ',' | ')' | '+' | '-';

const keywords = new Set<TokenKind>(['NOT', 'AND', 'OR', 'BETWEEN', 'IN', 'TRUE', 'FALSE', 'NULL', 'IS', 'CONTAINS', 'STARTSWITH', 'ENDSWITH']);
const keywordCharsMax = 10;

export interface Token {
  readonly kind: TokenKind;
  /** [start, end) in the expression. */
  readonly start: number;
  readonly end: number;
}

/** An expression that is none; `at` counts characters from 0. */
export class SqlError extends Error {
  readonly at: number;
  /** What was found or is wrong there. */
  readonly what: string;

  constructor(at: number, what: string) {
    super(what);
    this.name = 'SqlError';
    this.at = at;
    this.what = what;
  }
}

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;
/** Letters, _ and $: names are ASCII. */
const isNameStart = (c: number): boolean => (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || c === 0x5f || c === 0x24;
const lineEnd = (c: number): boolean => c === 0x0a || c === 0x0d;

/** How a character stands in an error: printable ones as they are. */
function shownChar(c: number): string {
  return c >= 0x20 && c < 0x7f ? `'${String.fromCharCode(c)}'` : `U+${c.toString(16).toUpperCase().padStart(4, '0')}`;
}

export class SqlLexer {
  readonly #sql: string;
  /** Position of the last line end, -1 = none: signs in a row must not each look for one to the end. */
  readonly #lastLineEnd: number;
  #pos = 0;

  constructor(sql: string) {
    this.#sql = sql;
    this.#lastLineEnd = Math.max(sql.lastIndexOf('\n'), sql.lastIndexOf('\r'));
  }

  /** The next word. Throws SqlError at a character that begins none. */
  next(): Token {
    const sql = this.#sql;
    for (;;) {
      const start = this.#pos;
      if (start >= sql.length) return { kind: 'end', start, end: start };
      const c = sql.charCodeAt(start);
      if (c === 0x20 || c === 0x09 || c === 0x0a || c === 0x0d || c === 0x0c) {
        this.#pos++;
        continue;
      }
      const comment = this.#comment(start, c);
      if (comment > start) {
        this.#pos = comment;
        continue;
      }
      const token = this.#token(start, c);
      this.#pos = token.end;
      return token;
    }
  }

  /** Where a comment that begins here ends; `start` when none does. A line comment needs its line end: without one `--` is two minus signs. */
  #comment(start: number, c: number): number {
    const sql = this.#sql;
    const second = sql.charCodeAt(start + 1);
    if (c === 0x2d && second === 0x2d) {
      let at = start + 2;
      if (this.#lastLineEnd < at) return start;
      while (!lineEnd(sql.charCodeAt(at))) at++;
      return at + 1;
    }
    if (c === 0x2f && second === 0x2a) {
      const end = sql.indexOf('*/', start + 2);
      if (end >= 0) return end + 2;
      throw new SqlError(start, 'a comment that does not end');
    }
    return start;
  }

  #token(start: number, c: number): Token {
    const sign = this.#sign(start, c);
    if (sign !== undefined) return { kind: sign, start, end: start + sign.length };
    if (isNameStart(c)) return this.#word(start);
    if (c === 0x27) return this.#text(start);
    if (isDigit(c) || (c === 0x2e && isDigit(this.#sql.charCodeAt(start + 1)))) return this.#number(start, c);
    throw new SqlError(start, `${shownChar(this.#sql.codePointAt(start) ?? c)} begins no word`);
  }

  #sign(start: number, c: number): TokenKind | undefined {
    const second = this.#sql.charCodeAt(start + 1);
    switch (c) {
      case 0x3d: return '=';
      case 0x3c: return second === 0x3e ? '<>' : second === 0x3d ? '<=' : '<';
      case 0x3e: return second === 0x3d ? '>=' : '>';
      case 0x28: return '(';
      case 0x29: return ')';
      case 0x2c: return ',';
      case 0x2b: return '+';
      case 0x2d: return '-';
      default: return undefined;
    }
  }

  #word(start: number): Token {
    const sql = this.#sql;
    let end = start + 1;
    while (end < sql.length && (isNameStart(sql.charCodeAt(end)) || isDigit(sql.charCodeAt(end)))) end++;
    if (end - start <= keywordCharsMax) {
      const keyword = sql.slice(start, end).toUpperCase() as TokenKind;
      if (keywords.has(keyword)) return { kind: keyword, start, end };
    }
    return { kind: 'name', start, end };
  }

  /** Two quotes within stand for one. Without a closing quote the last pair read backwards is no end either: the text is refused. */
  #text(start: number): Token {
    const sql = this.#sql;
    let at = start + 1;
    for (;;) {
      const quote = sql.indexOf("'", at);
      if (quote < 0) break;
      if (sql.charCodeAt(quote + 1) !== 0x27) return { kind: 'text', start, end: quote + 1 };
      at = quote + 2;
    }
    // The longest match that still ends with a quote: `'a''` is the text `a` followed by a lone quote, which the next word trips over.
    const last = sql.lastIndexOf("'");
    if (last > start) return { kind: 'text', start, end: this.#pairedEnd(start) };
    throw new SqlError(start, 'a text that does not end');
  }

  /** Of a text whose last quotes are all pairs: its longest prefix that is a whole text, which ends at the first quote of its last pair. */
  #pairedEnd(start: number): number {
    const sql = this.#sql;
    let end = -1;
    for (let at = sql.indexOf("'", start + 1); at >= 0; at = sql.indexOf("'", at + 2)) end = at + 1;
    return end;
  }

  /** `0`, or digits without a leading zero with an optional L; or a floating point number. The longer of the two. */
  #number(start: number, c: number): Token {
    const sql = this.#sql;
    let digits = start;
    while (digits < sql.length && isDigit(sql.charCodeAt(digits))) digits++;
    let end = digits;
    let float = false;
    if (sql.charCodeAt(end) === 0x2e) {
      float = true;
      end++;
      while (end < sql.length && isDigit(sql.charCodeAt(end))) end++;
    }
    const exponent = this.#exponentEnd(end);
    if (exponent > end) {
      float = true;
      end = exponent;
    }
    if (float) return { kind: 'float', start, end };
    if (c === 0x30) return { kind: 'integer', start, end: start + 1 };
    const suffix = sql.charCodeAt(digits) | 0x20;
    return { kind: 'integer', start, end: suffix === 0x6c ? digits + 1 : digits };
  }

  #exponentEnd(at: number): number {
    const sql = this.#sql;
    if ((sql.charCodeAt(at) | 0x20) !== 0x65) return at;
    let end = at + 1;
    const sign = sql.charCodeAt(end);
    if (sign === 0x2b || sign === 0x2d) end++;
    if (!isDigit(sql.charCodeAt(end))) return at;
    while (end < sql.length && isDigit(sql.charCodeAt(end))) end++;
    return end;
  }
}

/** What a text word says: quotes taken off, pairs of quotes single (`SelectorParser#stringLitteral`). */
export function textValue(sql: string, token: Token): string {
  const inner = sql.slice(token.start + 1, token.end - 1);
  return inner.includes("'") ? inner.replaceAll("''", "'") : inner;
}
