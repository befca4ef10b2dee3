/**
 * From a SQL92 filter to its tree, by the grammar of `SelectorParser.jj` and the checks its actions make (`ComparisonExpression#create*`,
 * `ConstantExpression#create*`). What a tree means is sql-compile.ts.
 *
 *   or         = and { OR and }
 *   and        = equality { AND equality }
 *   equality   = comparison { '=' comparison | '<>' comparison | IS [NOT] NULL }
 *   comparison = unary { ('>' | '>=' | '<' | '<=') unary | [NOT] (CONTAINS | STARTSWITH | ENDSWITH) text
 *                      | [NOT] BETWEEN unary AND unary | [NOT] IN '(' text { ',' text } ')' }
 *   unary      = '+' unary | '-' unary | NOT unary | literal | name | '(' or ')'
 *
 * As Apache's, the parser stops behind a complete expression: what follows is neither read nor refused, but its first word must be one.
 */
import { SqlError, SqlLexer, textValue } from './sql-lexer.js';
import type { Token, TokenKind } from './sql-lexer.js';

/** Characters of an expression; Apache's has no limit but the frame's. */
export const sqlCharsMax = 64 * 1024;
/** Parentheses and signs within each other; Apache's ends where the thread's stack does. */
export const sqlDepthMax = 256;

/** A number literal, by the Java type it has: int and double as numbers, long as bigint. */
export type NumberLiteral =
  | { readonly type: 'int' | 'double'; readonly value: number }
  | { readonly type: 'long'; readonly value: bigint };

export type CompareOperator = '=' | '>' | '>=' | '<' | '<=';
export type TextOperator = 'CONTAINS' | 'STARTSWITH' | 'ENDSWITH';

/** `boolean` in the comments: the node is a BooleanExpression in Apache's tree. */
export type SqlNode =
  | { readonly kind: 'property'; readonly name: string }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'number'; readonly number: NumberLiteral }
  /** TRUE, FALSE, NULL: boolean. */
  | { readonly kind: 'truth'; readonly value: boolean | null }
  | { readonly kind: 'negate'; readonly of: SqlNode }
  /** boolean */
  | { readonly kind: 'not'; readonly of: SqlNode }
  /** A property alone where a truth is asked for: boolean. */
  | { readonly kind: 'cast'; readonly of: SqlNode }
  /** boolean; two or more sides. */
  | { readonly kind: 'and' | 'or'; readonly sides: readonly SqlNode[] }
  /** boolean; NOT BETWEEN is `value < low OR value > high`. */
  | { readonly kind: 'between'; readonly not: boolean; readonly value: SqlNode; readonly low: SqlNode; readonly high: SqlNode }
  /** boolean */
  | { readonly kind: 'compare'; readonly operator: CompareOperator; readonly left: SqlNode; readonly right: SqlNode }
  /** IS NULL: boolean. */
  | { readonly kind: 'isNull'; readonly of: SqlNode }
  /** boolean */
  | { readonly kind: 'match'; readonly operator: TextOperator; readonly not: boolean; readonly of: SqlNode; readonly text: string }
  /** boolean */
  | { readonly kind: 'in'; readonly not: boolean; readonly name: string; readonly texts: readonly string[] };

const isBoolean = (node: SqlNode): boolean => !(node.kind === 'property' || node.kind === 'text' || node.kind === 'number' || node.kind === 'negate');
const isConstant = (node: SqlNode): boolean => node.kind === 'text' || node.kind === 'number' || node.kind === 'truth';

const intMax = 2147483647n;
const longMax = 2n ** 63n - 1n;
/** Digits of the largest long: more of them are out of range without a look at their value, which would take more than linear time. */
const longDigits = 19;

/** The tree of an expression. Throws SqlError with the place where it is wrong; in time linear in its length. */
export function parseSql(sql: string): SqlNode {
  if (sql.length > sqlCharsMax) throw new SqlError(sqlCharsMax, `the expression has ${sql.length} characters, the limit is ${sqlCharsMax}`);
  return new SqlParser(sql).parse();
}

class SqlParser {
  readonly #sql: string;
  readonly #lexer: SqlLexer;
  #token: Token;
  #depth = 0;
  /** Comparisons of comparisons (`a = b = c`): each deepens the tree by one. */
  #links = 0;

  constructor(sql: string) {
    this.#sql = sql;
    this.#lexer = new SqlLexer(sql);
    this.#token = this.#lexer.next();
  }

  parse(): SqlNode {
    return this.#truth(this.#or(), 0);
  }

  #fail(what: string): never {
    throw new SqlError(this.#token.start, what);
  }

  /** The present word as an error shows it. */
  #found(): string {
    const { kind, start, end } = this.#token;
    return kind === 'end' ? 'the end' : this.#sql.slice(start, Math.min(end, start + 32));
  }

  #advance(): void {
    this.#token = this.#lexer.next();
  }

  #expect(kind: TokenKind, what: string): Token {
    const token = this.#token;
    if (token.kind !== kind) this.#fail(`${what} expected, not ${this.#found()}`);
    this.#advance();
    return token;
  }

  #text(): string {
    return textValue(this.#sql, this.#expect('text', 'a text in single quotes'));
  }

  /** `SelectorParser#asBooleanExpression`. */
  #truth(node: SqlNode, at: number): SqlNode {
    if (isBoolean(node)) return node;
    if (node.kind === 'property') return { kind: 'cast', of: node };
    throw new SqlError(at, 'a condition expected, not a value');
  }

  #or(): SqlNode {
    return this.#chain('OR', 'or', () => this.#chain('AND', 'and', () => this.#equality()));
  }

  /** Sides that follow each other without parentheses are one node: thousands of them do not nest. */
  #chain(word: 'OR' | 'AND', kind: 'or' | 'and', side: () => SqlNode): SqlNode {
    let at = this.#token.start;
    const first = side();
    if (this.#token.kind !== word) return first;
    // Each side is a condition only when the next one was read: of two mistakes Apache names that one first.
    const sides: SqlNode[] = [];
    let left = first;
    while (this.#token.kind === word) {
      this.#advance();
      const { start } = this.#token;
      const right = side();
      sides.push(this.#truth(left, at));
      left = right;
      at = start;
    }
    sides.push(this.#truth(left, at));
    return { kind, sides };
  }

  #equality(): SqlNode {
    let left = this.#comparison();
    for (let first = true; ; first = false) {
      const { kind } = this.#token;
      if (kind !== '=' && kind !== '<>' && kind !== 'IS') return left;
      if (!first) this.#link();
      if (kind === 'IS') left = this.#isNull(left);
      else left = this.#equal(left, kind === '<>');
    }
  }

  #isNull(of: SqlNode): SqlNode {
    this.#advance();
    const not = this.#token.kind === 'NOT';
    if (not) this.#advance();
    this.#expect('NULL', not ? 'NULL' : 'NULL or NOT NULL');
    return not ? { kind: 'not', of: { kind: 'isNull', of } } : { kind: 'isNull', of };
  }

  #equal(left: SqlNode, not: boolean): SqlNode {
    const { start } = this.#token;
    this.#advance();
    const right = this.#comparison();
    const isNull = (node: SqlNode): boolean => node.kind === 'truth' && node.value === null;
    if (isNull(left) || isNull(right)) throw new SqlError(start, 'NULL cannot be compared: IS NULL asks for a missing property');
    if (left.kind === 'truth' && isConstant(right) && right.kind !== 'truth') throw new SqlError(start, 'TRUE or FALSE cannot be compared with a text or number');
    const equal: SqlNode = { kind: 'compare', operator: '=', left, right };
    return not ? { kind: 'not', of: equal } : equal;
  }

  #comparison(): SqlNode {
    let left = this.#unary();
    for (let first = true; ; first = false) {
      const { start, kind } = this.#token;
      const next = this.#comparisonBehind(left, kind, start);
      if (next === undefined) return left;
      if (!first) this.#link();
      left = next;
    }
  }

  #link(): void {
    if (++this.#links > sqlDepthMax) this.#fail(`more than ${sqlDepthMax} comparisons of comparisons`);
  }

  #comparisonBehind(left: SqlNode, kind: TokenKind, start: number): SqlNode | undefined {
    switch (kind) {
      case '>':
      case '>=':
      case '<':
      case '<=':
        this.#advance();
        return ordered(kind, left, this.#unary(), start);
      case 'NOT': {
        this.#advance();
        const node = this.#worded(left, true, start);
        if (node === undefined) throw new SqlError(start, `BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH expected behind NOT, not ${this.#found()}`);
        return node;
      }
      default:
        return this.#worded(left, false, start);
    }
  }

  #worded(left: SqlNode, not: boolean, start: number): SqlNode | undefined {
    const { kind } = this.#token;
    switch (kind) {
      case 'CONTAINS':
      case 'STARTSWITH':
      case 'ENDSWITH':
        this.#advance();
        return { kind: 'match', operator: kind, not, of: left, text: this.#text() };
      case 'BETWEEN': {
        this.#advance();
        const low = this.#unary();
        this.#expect('AND', 'AND');
        return between(left, low, this.#unary(), not, start);
      }
      case 'IN':
        this.#advance();
        return this.#in(left, not, start);
      default:
        return undefined;
    }
  }

  #in(left: SqlNode, not: boolean, start: number): SqlNode {
    this.#expect('(', '(');
    const texts = [this.#text()];
    while (this.#token.kind === ',') {
      this.#advance();
      texts.push(this.#text());
    }
    this.#expect(')', ', or )');
    if (left.kind !== 'property') throw new SqlError(start, 'IN is asked of a property');
    return { kind: 'in', not, name: left.name, texts };
  }

  #deeper(): void {
    if (++this.#depth > sqlDepthMax) this.#fail(`nested deeper than ${sqlDepthMax}`);
  }

  #unary(): SqlNode {
    // Signs first, innermost last: a run of them does not recurse.
    const signs: TokenKind[] = [];
    while (this.#token.kind === '+' || this.#token.kind === '-' || this.#token.kind === 'NOT') {
      this.#deeper();
      signs.push(this.#token.kind);
      this.#advance();
    }
    const { start } = this.#token;
    let node = this.#primary();
    for (let i = signs.length - 1; i >= 0; i--) {
      if (signs[i] === '-') node = { kind: 'negate', of: node };
      else if (signs[i] === 'NOT') node = { kind: 'not', of: this.#truth(node, start) };
    }
    this.#depth -= signs.length;
    return node;
  }

  #primary(): SqlNode {
    const token = this.#token;
    switch (token.kind) {
      case 'text':
        return { kind: 'text', value: this.#text() };
      case 'integer':
      case 'float': {
        const number = token.kind === 'integer' ? integerLiteral(this.#sql, token) : floatLiteral(this.#sql, token);
        this.#advance();
        return { kind: 'number', number };
      }
      case 'TRUE':
      case 'FALSE':
      case 'NULL':
        this.#advance();
        return { kind: 'truth', value: token.kind === 'NULL' ? null : token.kind === 'TRUE' };
      case 'name':
        this.#advance();
        return { kind: 'property', name: this.#sql.slice(token.start, token.end) };
      case '(': {
        this.#deeper();
        this.#advance();
        const inner = this.#or();
        this.#expect(')', ')');
        this.#depth--;
        return inner;
      }
      default:
        return this.#fail(`a property, literal or ( expected, not ${this.#found()}`);
    }
  }
}

/** `ComparisonExpression#checkLessThanOperand`: no truths, texts or conditions. */
function checkOrdered(node: SqlNode, at: number): void {
  if (node.kind === 'text' || isBoolean(node)) throw new SqlError(at, 'only properties and numbers can be compared by <, <=, > and >=');
}

function ordered(operator: CompareOperator, left: SqlNode, right: SqlNode, at: number): SqlNode {
  checkOrdered(left, at);
  checkOrdered(right, at);
  return { kind: 'compare', operator, left, right };
}

/** `ComparisonExpression#createBetween`, `createNotBetween`. */
function between(value: SqlNode, low: SqlNode, high: SqlNode, not: boolean, at: number): SqlNode {
  if (!not && low.kind === 'number' && high.kind === 'number' && compareLiterals(high.number, low.number) < 0) {
    throw new SqlError(at, 'the first value of BETWEEN is greater than the second');
  }
  for (const operand of [value, low, high]) checkOrdered(operand, at);
  return { kind: 'between', not, value, low, high };
}

/** `ComparisonExpression#__compare` of two numbers: of int, long and double the wider type decides. An int is exact as a double, beside which a long keeps its order. */
export function compareLiterals(left: NumberLiteral, right: NumberLiteral): number {
  if (left.type === 'long' && right.type === 'long') return compareLongs(left.value, right.value);
  return compareDoubles(Number(left.value), Number(right.value));
}

export function compareLongs(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `Double#compare`: NaN above everything and equal to itself, -0.0 below 0.0. */
export function compareDoubles(left: number, right: number): number {
  if (left < right) return -1;
  if (left > right) return 1;
  if (left === right) return Object.is(left, right) ? 0 : Object.is(left, -0) ? -1 : 1;
  const leftNaN = Number.isNaN(left);
  return leftNaN === Number.isNaN(right) ? 0 : leftNaN ? 1 : -1;
}

/** `ConstantExpression#createFromDecimal`: an int where it fits, else a long. */
function integerLiteral(sql: string, token: Token): NumberLiteral {
  const suffixed = (sql.charCodeAt(token.end - 1) | 0x20) === 0x6c;
  const end = suffixed ? token.end - 1 : token.end;
  const value = end - token.start > longDigits ? longMax + 1n : BigInt(sql.slice(token.start, end));
  if (value > longMax) throw new SqlError(token.start, `an integer beyond ${longMax}`);
  return value <= intMax ? { type: 'int', value: Number(value) } : { type: 'long', value };
}

/** `ConstantExpression#createFloat`: refuses infinite ones, and zero because it is below Double.MIN_VALUE. */
function floatLiteral(sql: string, token: Token): NumberLiteral {
  const value = Number(sql.slice(token.start, token.end));
  if (!Number.isFinite(value)) throw new SqlError(token.start, `a number beyond ${Number.MAX_VALUE}`);
  if (value === 0) throw new SqlError(token.start, `a floating point number below ${Number.MIN_VALUE}`);
  return { type: 'double', value };
}
