/**
 * SQL92 filters against a slow evaluator written from the grammar of `SelectorParser.jj` and the three-valued logic of Apache's expressions, with nothing
 * of the product's but the reading of numbers: words by one regular expression, a tree of closures without any shortcut, exceptions as exceptions.
 */
import { javaDouble, javaInt, javaLong } from '../../src/compat/java-text-number.js';
import { parseProperties, formatProperties } from '../../src/codec/properties.js';
import { ExpressionCache } from '../../src/server/filter/expression.js';
import type { Compiled } from '../../src/server/filter/expression.js';
import { MapProperties } from '../../src/server/filter/property-source.js';
import { verdict } from '../../src/server/filter/sql-compile.js';
import { mutateBytes } from '../engine/mutate.js';
import type { Random } from '../engine/random.js';
import { holds, same } from '../engine/target.js';
import type { Outcome, Target } from '../engine/target.js';

/** true, false, null = unknown, or 'threw'. */
type Truth = boolean | null | 'threw';

class Bad extends Error {}
/** Where Apache's evaluator throws. */
class Thrown extends Error {}

type Number3 = { readonly type: 'int' | 'long'; readonly value: bigint } | { readonly type: 'double'; readonly value: number };
type Value = string | boolean | Number3 | null;
type Properties = ReadonlyMap<string, string>;
interface Node { readonly kind: 'property' | 'text' | 'number' | 'truth' | 'condition' | 'value'; readonly literal?: Value; readonly name?: string; readonly eval: (properties: Properties) => Value }

// The longest match wins: floats before integers, `<>` and `<=` before `<`. A line comment has its line end; a text has pairs of quotes inside.
const words = /[ \t\n\r\f]+|--[^\n\r]*(?:\r\n|\n|\r)|\/\*[^]*?\*\/|(?<float>(?:\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+))|(?<integer>[1-9]\d*[lL]?|0)|(?<text>'(?:[^']|'')*')|(?<name>[a-zA-Z_$][a-zA-Z0-9_$]*)|(?<sign><>|>=|<=|[=<>(),+-])/y;
const keywords = new Set(['NOT', 'AND', 'OR', 'BETWEEN', 'IN', 'TRUE', 'FALSE', 'NULL', 'IS', 'CONTAINS', 'STARTSWITH', 'ENDSWITH']);

interface Word { readonly kind: string; readonly text: string }

/** Words one at a time: what follows a complete expression is not read. */
class Words {
  private readonly sql: string;
  private at = 0;
  word: Word = { kind: 'end', text: '' };
  constructor(sql: string) {
    this.sql = sql;
    this.next();
  }

  next(): Word {
    const taken = this.word;
    for (;;) {
      if (this.at >= this.sql.length) {
        this.word = { kind: 'end', text: '' };
        return taken;
      }
      words.lastIndex = this.at;
      const match = words.exec(this.sql);
      if (match === null) throw new Bad();
      this.at += match[0].length;
      const groups = match.groups ?? {};
      const kind = ['float', 'integer', 'text', 'name', 'sign'].find((one) => groups[one] !== undefined);
      if (kind === undefined) continue;
      const upper = match[0].toUpperCase();
      this.word = kind === 'name' && keywords.has(upper) ? { kind: upper, text: upper } : kind === 'sign' ? { kind: match[0], text: match[0] } : { kind, text: match[0] };
      return taken;
    }
  }
}

const longMax = 9223372036854775807n;
const condition = (evaluate: (properties: Properties) => Value): Node => ({ kind: 'condition', eval: evaluate });
const isCondition = (node: Node): boolean => node.kind === 'condition' || node.kind === 'truth';

function numberOf(word: Word): Number3 {
  if (word.kind === 'float') {
    const value = Number(word.text);
    if (!Number.isFinite(value) || value === 0) throw new Bad();
    return { type: 'double', value };
  }
  const value = BigInt(word.text.replace(/[lL]$/, ''));
  if (value > longMax) throw new Bad();
  return { type: value <= 2147483647n ? 'int' : 'long', value };
}

const wide = (number: Number3): number => Number(number.value);

/** `Double#compare`. */
function compareDouble(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (a === 0 && b === 0) return Number(Object.is(b, -0)) - Number(Object.is(a, -0));
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareNumbers(a: Number3, b: Number3): number {
  if (a.type === 'double' || b.type === 'double') return compareDouble(wide(a), wide(b));
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

function readAs(text: string, type: Number3['type']): Number3 {
  if (type === 'double') {
    const value = javaDouble(text);
    if (value === undefined) throw new Thrown();
    return { type, value };
  }
  const value = type === 'int' ? javaInt(text) : javaLong(text);
  if (value === undefined) throw new Thrown();
  return { type, value: BigInt(value) };
}

/** `ComparisonExpression#__compare` of two values that are there. */
function compare(a: Exclude<Value, null>, b: Exclude<Value, null>): number {
  if (typeof a === 'string' && typeof b === 'string') return a === b ? 0 : a < b ? -1 : 1;
  if (typeof a === 'string' && typeof b === 'boolean') return Number(a.toLowerCase() === 'true') - Number(b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (typeof a === 'boolean' && typeof b === 'string') throw new Thrown();
  if (typeof a === 'boolean' || typeof b === 'boolean') return -1;
  if (typeof a === 'string') return compareNumbers(readAs(a, (b as Number3).type), b as Number3);
  if (typeof b === 'string') return compareNumbers(a, readAs(b, a.type));
  return compareNumbers(a, b);
}

function equals(a: Value, b: Value): boolean | null {
  if (a === null) return b === null ? true : null;
  return b === null ? false : compare(a, b) === 0;
}

function ordered(operator: string, a: Value, b: Value): boolean | null {
  if (a === null || b === null) return null;
  const sign = typeof a === 'string' && typeof b === 'string' ? compareNumbers(readAs(a, 'double'), readAs(b, 'double')) : compare(a, b);
  return operator === '<' ? sign < 0 : operator === '<=' ? sign <= 0 : operator === '>' ? sign > 0 : sign >= 0;
}

const not = (value: Value): Value => (value === null ? null : value !== true);

/** The parser: a function for each rule of the grammar. */
class Parser {
  private readonly words: Words;
  constructor(sql: string) {
    this.words = new Words(sql);
  }

  parse(): Node {
    return this.condition(this.or());
  }

  private get kind(): string {
    return this.words.word.kind;
  }

  /** True, and one word further, when this is the word. */
  private passed(kind: string): boolean {
    const found = this.kind === kind;
    if (found) this.words.next();
    return found;
  }

  private take(kind: string): Word {
    if (this.kind !== kind) throw new Bad();
    return this.words.next();
  }

  private condition(node: Node): Node {
    if (isCondition(node)) return node;
    if (node.kind !== 'property') throw new Bad();
    return condition((properties) => (node.eval(properties) === null ? null : false));
  }

  private or(): Node {
    let left = this.and();
    while (this.kind === 'OR') {
      this.words.next();
      const [a, b] = [left, this.and()].map((one) => this.condition(one)) as [Node, Node];
      left = condition((properties) => {
        const x = a.eval(properties);
        if (x === true) return true;
        const y = b.eval(properties);
        return y === true ? true : x === null || y === null ? null : false;
      });
    }
    return left;
  }

  private and(): Node {
    let left = this.equality();
    while (this.kind === 'AND') {
      this.words.next();
      const [a, b] = [left, this.equality()].map((one) => this.condition(one)) as [Node, Node];
      left = condition((properties) => {
        const x = a.eval(properties);
        if (x === false) return false;
        const y = b.eval(properties);
        return y === false ? false : x === null || y === null ? null : true;
      });
    }
    return left;
  }

  private equality(): Node {
    let left = this.comparison();
    for (;;) {
      const a = left;
      if (this.kind === 'IS') {
        this.words.next();
        const negated = this.passed('NOT');
        this.take('NULL');
        left = condition((properties) => (a.eval(properties) === null) !== negated);
      } else if (this.kind === '=' || this.kind === '<>') {
        const negated = this.words.next().text === '<>';
        const b = this.comparison();
        for (const side of [a, b]) if (side.kind === 'truth' && side.literal === null) throw new Bad();
        if (a.kind === 'truth' && (b.kind === 'text' || b.kind === 'number')) throw new Bad();
        left = condition((properties) => {
          const value = equals(a.eval(properties), b.eval(properties));
          return negated ? not(value) : value;
        });
      } else return left;
    }
  }

  private comparison(): Node {
    let left = this.unary();
    for (;;) {
      const next = this.comparisonOf(left);
      if (next === undefined) return left;
      left = next;
    }
  }

  private comparisonOf(left: Node): Node | undefined {
    const { kind } = this;
    if (['<', '<=', '>', '>='].includes(kind)) {
      this.words.next();
      const right = this.unary();
      for (const side of [left, right]) if (side.kind === 'text' || isCondition(side)) throw new Bad();
      return condition((properties) => ordered(kind, left.eval(properties), right.eval(properties)));
    }
    const negated = kind === 'NOT';
    if (negated) this.words.next();
    switch (this.kind) {
      case 'CONTAINS': case 'STARTSWITH': case 'ENDSWITH': {
        const operator = this.words.next().kind;
        const looked = this.text();
        return condition((properties) => {
          const value = left.eval(properties);
          if (looked === '' || typeof value !== 'string') return false;
          const found = operator === 'CONTAINS' ? value.indexOf(looked) >= 0 : operator === 'STARTSWITH' ? value.slice(0, looked.length) === looked : value.length >= looked.length && value.slice(value.length - looked.length) === looked;
          return found !== negated;
        });
      }
      case 'BETWEEN': {
        this.words.next();
        const low = this.unary();
        this.take('AND');
        const high = this.unary();
        if (!negated && low.kind === 'number' && high.kind === 'number' && compareNumbers(low.literal as Number3, high.literal as Number3) > 0) throw new Bad();
        for (const side of [left, low, high]) if (side.kind === 'text' || isCondition(side)) throw new Bad();
        return condition((properties) => {
          const x = ordered(negated ? '<' : '>=', left.eval(properties), low.eval(properties));
          if (x === negated) return x;
          const y = ordered(negated ? '>' : '<=', left.eval(properties), high.eval(properties));
          return y === negated ? y : x === null || y === null ? null : !negated;
        });
      }
      case 'IN': {
        this.words.next();
        this.take('(');
        const texts = [this.text()];
        while (this.passed(',')) texts.push(this.text());
        this.take(')');
        if (left.kind !== 'property') throw new Bad();
        return condition((properties) => {
          const value = left.eval(properties);
          return value === null ? null : texts.includes(value as string) !== negated;
        });
      }
      default:
        if (negated) throw new Bad();
        return undefined;
    }
  }

  private text(): string {
    return this.take('text').text.slice(1, -1).replaceAll("''", "'");
  }

  private unary(): Node {
    if (this.kind === '+') {
      this.words.next();
      return this.unary();
    }
    if (this.kind === '-') {
      this.words.next();
      const of = this.unary();
      return { kind: 'value', eval: (properties) => negative(of.eval(properties)) };
    }
    if (this.kind === 'NOT') {
      this.words.next();
      const of = this.condition(this.unary());
      return condition((properties) => not(of.eval(properties)));
    }
    return this.primary();
  }

  private primary(): Node {
    const { word } = this.words;
    switch (word.kind) {
      case 'text': {
        const value = this.text();
        return { kind: 'text', literal: value, eval: () => value };
      }
      case 'integer': case 'float': {
        const value = numberOf(word);
        this.words.next();
        return { kind: 'number', literal: value, eval: () => value };
      }
      case 'TRUE': case 'FALSE': case 'NULL': {
        this.words.next();
        const value = word.kind === 'NULL' ? null : word.kind === 'TRUE';
        return { kind: 'truth', literal: value, eval: () => value };
      }
      case 'name':
        this.words.next();
        return { kind: 'property', name: word.text, eval: (properties) => properties.get(word.text) ?? null };
      case '(': {
        this.words.next();
        const inner = this.or();
        this.take(')');
        return inner;
      }
      default: throw new Bad();
    }
  }
}

/** `UnaryExpression#negate`: only numbers have one. */
function negative(value: Value): Value {
  if (typeof value !== 'object' || value === null) return null;
  return value.type === 'double' ? { type: 'double', value: -value.value } : { type: value.type, value: -value.value };
}

function evaluate(node: Node, properties: Properties): Truth {
  try {
    const value = node.eval(properties);
    return value === null ? null : value === true;
  } catch (error) {
    if (error instanceof Thrown) return 'threw';
    throw error;
  }
}

// ---- the target

export type SqlSubject = (text: string) => Compiled;

/** The expression, a zero byte, the properties. */
function runSql(compile: SqlSubject, input: Buffer): Outcome {
  const zero = input.indexOf(0);
  const sql = input.toString('utf8', 0, zero < 0 ? input.length : zero);
  const properties = parseProperties(zero < 0 ? '' : input.toString('utf8', zero + 1));
  const compiled = compile(sql);
  let slow: Node | undefined;
  try {
    slow = new Parser(sql).parse();
  } catch (error) {
    if (!(error instanceof Bad)) throw error;
  }
  // Depth is bounded by each in its own way, and what the lexer trips over behind the end is Apache's own business.
  if ('error' in compiled) {
    if (slow !== undefined && !/nested|more than \d+ comparisons|characters/.test(compiled.error)) holds(false, () => `${JSON.stringify(sql)} is refused (${compiled.error}), the grammar takes it`);
    return 'refused';
  }
  holds(slow !== undefined, () => `${JSON.stringify(sql)} is taken, the grammar refuses it`);
  const names: Readonly<Record<number, Truth>> = { [verdict.YES]: true, [verdict.NO]: false, [verdict.UNKNOWN]: null, [verdict.SPOILED]: 'threw' };
  same(`verdict of ${JSON.stringify(sql)}`, names[compiled.judge(new MapProperties(new Map(properties)))], evaluate(slow, properties));
  return 'taken';
}

const propertyNames = ['a', 'b', 'c', 'TAGS'];
const values = ['1', '5', '5.0', '-3', 'abc', 'true', 'TRUE', '', '2147483648', '9223372036854775808', '1e3', 'NaN', ' 5', '0x10', "it's", '\u0665'];

function makeUnary(random: Random): string {
  switch (random.below(7)) {
    case 0: return `-${random.pick(['5', '1.5', 'a', '2147483648'])}`;
    case 1: return random.pick(["'abc'", "''", "'it''s'", "'5'", "'true'"]);
    case 2: return random.pick(['0', '5', '1.5', '.5e1', '2147483647', '2147483648', '9223372036854775807', '5L']);
    case 3: return random.pick(['TRUE', 'false', 'NULL']);
    default: return random.pick(propertyNames);
  }
}

function makeExpression(random: Random, depth: number): string {
  if (depth <= 0 || random.once(5)) {
    switch (random.below(7)) {
      case 0: return `${makeUnary(random)} IS ${random.once(2) ? 'NOT ' : ''}NULL`;
      case 1: return `${random.pick(propertyNames)} ${random.once(2) ? 'NOT ' : ''}IN ('abc', ${random.pick(["'5'", "'true'"])})`;
      case 2: return `${random.pick(propertyNames)} ${random.once(2) ? 'NOT ' : ''}BETWEEN ${makeUnary(random)} AND ${makeUnary(random)}`;
      case 3: return `${random.pick(propertyNames)} ${random.once(2) ? 'NOT ' : ''}${random.pick(['CONTAINS', 'startswith', 'EndsWith'])} ${random.pick(["'b'", "'abc'", "''", "'5'"])}`;
      case 4: return makeUnary(random);
      default: return `${makeUnary(random)} ${random.pick(['=', '<>', '<', '<=', '>', '>='])} ${makeUnary(random)}`;
    }
  }
  const [left, right] = [makeExpression(random, depth - 1), makeExpression(random, depth - 1)];
  return random.pick([`${left} AND ${right}`, `${left} OR ${right}`, `NOT (${left})`, `(${left})`, `(${left}) = ${right}`, `${left} /* c */ AND ${right}`]);
}

function makeProperties(random: Random): string {
  return formatProperties(propertyNames.filter(() => !random.once(4)).map((name) => [name, random.pick(values)] as const));
}

export function sql92(compile?: SqlSubject): Target {
  return {
    name: 'sql92',
    proves: 'any text is refused or judged as by a slow evaluator written from the grammar, over any properties, in three-valued logic',
    declared: [],
    inputBytesMax: 1024,
    allocationBytesMax: (inputBytes) => 256 * inputBytes + 65_536,
    words: ['AND', ' OR ', 'NOT ', 'BETWEEN', 'IN', 'TRUE', 'FALSE', 'NULL', ' IS ', 'CONTAINS', 'STARTSWITH', 'ENDSWITH', '=', '<>', '<=', '(', ')', ',', "'", "''", '--', '/*', '*/', '1.5', '5L', '.5', '1e400', '$a', '\u0001', '\u0002', '\u0000'],
    seeds: () => ['a = 5\u0000a\u00015\u0002', "a BETWEEN 1 AND 5 AND b IS NOT NULL\u0000a\u00013\u0002b\u0001x", "TAGS IN ('abc', 'x') OR NOT (c > 1.5)\u0000TAGS\u0001abc", "a = 'it''s' -- c\n", 'a'].map((text) => Buffer.from(text)),
    make: (random) => Buffer.from(`${makeExpression(random, random.below(4))}\u0000${makeProperties(random)}`),
    mutate: (random, input) => {
      const zero = input.indexOf(0);
      if (zero < 0) return undefined;
      const sql = input.subarray(0, zero);
      return random.once(2) ? Buffer.concat([sql, Buffer.from(`\u0000${makeProperties(random)}`)]) : Buffer.concat([mutateBytes(random, sql, Buffer.from(makeExpression(random, 1)), 800), input.subarray(zero)]);
    },
    open: () => {
      const cache = new ExpressionCache();
      return { run: (input) => runSql(compile ?? ((text) => cache.compile('SQL92', text)), input) };
    },
  };
}
