/**
 * From the tree of a SQL92 filter to closures that judge a message by its properties, with the three-valued logic and the Java types of
 * `ComparisonExpression`, `LogicExpression` and `UnaryExpression`. Every property is a text; the literal decides as what it is read.
 *
 * Where Apache's evaluator throws (a property that is no number, TRUE compared with a text) the verdict is `spoiled`: it spoils the whole
 * expression unless AND or OR decided before it was asked.
 */
import { javaDouble, javaInt, javaLong } from '../../compat/java-text-number.js';
import { parseJavaBoolean } from '../../compat/java-number.js';
import { compareDoubles, compareLiterals, compareLongs } from './sql-parser.js';
import type { CompareOperator, NumberLiteral, SqlNode } from './sql-parser.js';

/** Small integers rather than `true`, `false` and exceptions: evaluation is on the path of every filtered pull. */
export const verdict = { NO: 0, YES: 1, UNKNOWN: 2, SPOILED: 3 } as const;
export type Verdict = (typeof verdict)[keyof typeof verdict];

/** A property name as expressions ask for it, with its UTF-8 bytes for readers of records. */
export interface PropertyKey {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The properties of one message. */
export interface PropertySource {
  get(key: PropertyKey): string | undefined;
  /** The property as `Integer#valueOf` reads it: undefined = there is none, NaN = no such number. */
  int(key: PropertyKey): number | undefined;
}

export type Judge = (properties: PropertySource) => Verdict;

/** An exception of Java as a value. */
const spoiled = Symbol('spoiled');
type Value = string | boolean | NumberLiteral | null | typeof spoiled;
type Operand = (properties: PropertySource) => Value;

/** The expression as a function. Total: it throws for no properties whatever. */
export function compileSql(node: SqlNode): Judge {
  const judge = truth(node);
  return (properties) => {
    try {
      return judge(properties);
    } catch {
      // Only a stack at its end gets here.
      return verdict.SPOILED;
    }
  };
}

function keyOf(name: string): PropertyKey {
  return { name, bytes: Buffer.from(name, 'utf8') };
}

function truth(node: SqlNode): Judge {
  switch (node.kind) {
    case 'truth': {
      const constant = node.value === null ? verdict.UNKNOWN : node.value ? verdict.YES : verdict.NO;
      return () => constant;
    }
    case 'cast': {
      // A text is no Boolean: false where there is one (`UnaryExpression#createBooleanCast`).
      const of = operand(node.of);
      return (properties) => (of(properties) === null ? verdict.UNKNOWN : verdict.NO);
    }
    case 'not':
      return negated(truth(node.of));
    case 'and':
      return all(node.sides.map(truth));
    case 'or':
      return any(node.sides.map(truth));
    case 'compare':
      return fastCompare(node.operator, node.left, node.right) ?? compared(node.operator, operand(node.left), operand(node.right));
    case 'between':
      return between(node.not, operand(node.value), operand(node.low), operand(node.high));
    case 'isNull': {
      const of = operand(node.of);
      return (properties) => {
        const value = of(properties);
        return value === spoiled ? verdict.SPOILED : value === null ? verdict.YES : verdict.NO;
      };
    }
    case 'match':
      return matched(node.operator, node.not, operand(node.of), node.text);
    case 'in':
      return contained(node.not, keyOf(node.name), new Set(node.texts));
    case 'property':
    case 'text':
    case 'number':
    case 'negate':
      throw new TypeError(`a ${node.kind} is no condition`);
  }
}

function negated(of: Judge): Judge {
  return (properties) => {
    const v = of(properties);
    return v === verdict.YES ? verdict.NO : v === verdict.NO ? verdict.YES : v;
  };
}

/** `LogicExpression#createAND`, of any number of sides from the left. */
function all(sides: readonly Judge[]): Judge {
  return (properties) => {
    let result: Verdict = verdict.YES;
    for (const side of sides) {
      const v = side(properties);
      if (v === verdict.NO || v === verdict.SPOILED) return v;
      if (v === verdict.UNKNOWN) result = v;
    }
    return result;
  };
}

/** `LogicExpression#createOR`. */
function any(sides: readonly Judge[]): Judge {
  return (properties) => {
    let result: Verdict = verdict.NO;
    for (const side of sides) {
      const v = side(properties);
      if (v === verdict.YES || v === verdict.SPOILED) return v;
      if (v === verdict.UNKNOWN) result = v;
    }
    return result;
  };
}

function operand(node: SqlNode): Operand {
  switch (node.kind) {
    case 'property': {
      const key = keyOf(node.name);
      return (properties) => properties.get(key) ?? null;
    }
    case 'text': {
      const { value } = node;
      return () => value;
    }
    case 'number': {
      const { number } = node;
      return () => number;
    }
    case 'negate': {
      const number = literalOf(node);
      if (number !== undefined) return () => number;
      // Only numbers have a negative, and there are none but literals; what is below may still spoil the whole.
      const of = operand(node.of);
      return (properties) => (of(properties) === spoiled ? spoiled : null);
    }
    default: {
      const judge = truth(node);
      return (properties) => {
        const v = judge(properties);
        return v === verdict.YES ? true : v === verdict.NO ? false : v === verdict.UNKNOWN ? null : spoiled;
      };
    }
  }
}

/** The number that a literal with signs before it is; undefined for anything else (`UnaryExpression#negate`). */
function literalOf(node: SqlNode): NumberLiteral | undefined {
  let sign = 1;
  let at = node;
  for (; at.kind === 'negate'; at = at.of) sign = -sign;
  if (at.kind !== 'number') return undefined;
  const { number } = at;
  if (sign > 0) return number;
  if (number.type === 'long') return { type: 'long', value: -number.value };
  return { type: number.type, value: number.type === 'int' ? 0 - number.value : -number.value };
}

/** What the sign of a comparison says to an operator (`ComparisonExpression#asBoolean`). */
function says(operator: CompareOperator, sign: number): Verdict {
  switch (operator) {
    case '=': return sign === 0 ? verdict.YES : verdict.NO;
    case '>': return sign > 0 ? verdict.YES : verdict.NO;
    case '>=': return sign >= 0 ? verdict.YES : verdict.NO;
    case '<': return sign < 0 ? verdict.YES : verdict.NO;
    case '<=': return sign <= 0 ? verdict.YES : verdict.NO;
  }
}

function compared(operator: CompareOperator, left: Operand, right: Operand): Judge {
  if (operator === '=') {
    return (properties) => {
      const l = left(properties);
      if (l === spoiled) return verdict.SPOILED;
      return equal(l, right(properties));
    };
  }
  return (properties) => {
    const l = left(properties);
    if (l === null) return verdict.UNKNOWN;
    if (l === spoiled) return verdict.SPOILED;
    return order(operator, l, right(properties));
  };
}

/** `ComparisonExpression#doCreateEqual`: two missing values are equal, a missing left one is unknown, a missing right one is not equal. */
function equal(l: Exclude<Value, typeof spoiled>, r: Value): Verdict {
  if (r === spoiled) return verdict.SPOILED;
  if (l === null) return r === null ? verdict.YES : verdict.UNKNOWN;
  if (r === null) return verdict.NO;
  if (typeof l === 'string' && typeof r === 'string') return l === r ? verdict.YES : verdict.NO;
  const sign = compareValues(l, r);
  return Number.isNaN(sign) ? verdict.SPOILED : says('=', sign);
}

/** `ComparisonExpression#evaluate` of an ordering. Two texts are read as doubles. */
function order(operator: CompareOperator, l: string | boolean | NumberLiteral, r: Value): Verdict {
  if (r === null) return verdict.UNKNOWN;
  if (r === spoiled) return verdict.SPOILED;
  let sign: number;
  if (typeof l === 'string' && typeof r === 'string') {
    const [x, y] = [javaDouble(l), javaDouble(r)];
    sign = x === undefined || y === undefined ? NaN : compareDoubles(x, y);
  } else sign = compareValues(l, r);
  return Number.isNaN(sign) ? verdict.SPOILED : says(operator, sign);
}

/** `ComparisonExpression#__compare` of values that are not both texts; NaN where it throws. */
function compareValues(l: string | boolean | NumberLiteral, r: string | boolean | NumberLiteral): number {
  if (typeof l === 'string') {
    if (typeof r === 'string') return l === r ? 0 : l < r ? -1 : 1;
    if (typeof r === 'boolean') return Number(parseJavaBoolean(l)) - Number(r);
    return compareText(l, r);
  }
  if (typeof l === 'boolean') {
    if (typeof r === 'boolean') return Number(l) - Number(r);
    // Java casts the Boolean, not the text, to a text.
    return typeof r === 'string' ? NaN : -1;
  }
  if (typeof r === 'boolean') return -1;
  return typeof r === 'string' ? -compareText(r, l) : compareLiterals(l, r);
}

/** A text read as the number's type, compared with it; NaN when it is none. */
function compareText(text: string, number: NumberLiteral): number {
  if (number.type === 'int') {
    const value = javaInt(text);
    return value === undefined ? NaN : value - number.value;
  }
  if (number.type === 'long') {
    const value = javaLong(text);
    return value === undefined ? NaN : compareLongs(value, number.value);
  }
  const value = javaDouble(text);
  return value === undefined ? NaN : compareDoubles(value, number.value);
}

const mirrored = { '=': '=', '>': '<', '>=': '<=', '<': '>', '<=': '>=' } as const;

/** The shapes nearly every filter has: a property with an int, or with a text by `=`. The same verdicts without values in between. */
function fastCompare(operator: CompareOperator, left: SqlNode, right: SqlNode): Judge | undefined {
  if (left.kind === 'property' && right.kind === 'text' && operator === '=') {
    const key = keyOf(left.name);
    const { value } = right;
    return (properties) => {
      const text = properties.get(key);
      return text === undefined ? verdict.UNKNOWN : text === value ? verdict.YES : verdict.NO;
    };
  }
  if (left.kind === 'property') {
    const number = literalOf(right);
    return number?.type === 'int' ? compareInt(operator, left.name, number.value) : undefined;
  }
  // `5 = a` of a missing property is false, not unknown: only orderings can be turned round.
  if (right.kind === 'property' && operator !== '=') {
    const number = literalOf(left);
    return number?.type === 'int' ? compareInt(mirrored[operator], right.name, number.value) : undefined;
  }
  return undefined;
}

function compareInt(operator: CompareOperator, name: string, number: number): Judge {
  const key = keyOf(name);
  return (properties) => {
    const value = properties.int(key);
    if (value === undefined) return verdict.UNKNOWN;
    return Number.isNaN(value) ? verdict.SPOILED : says(operator, value - number);
  };
}

/** Both ends are asked of one value; Apache evaluates it twice, which cannot be told from outside but by the time it takes. */
function between(not: boolean, value: Operand, low: Operand, high: Operand): Judge {
  return (properties) => {
    const v = value(properties);
    if (v === spoiled) return verdict.SPOILED;
    if (v === null) return verdict.UNKNOWN;
    const first = order(not ? '<' : '>=', v, low(properties));
    if (first === verdict.SPOILED || first === (not ? verdict.YES : verdict.NO)) return first;
    const second = order(not ? '>' : '<=', v, high(properties));
    return second === verdict.SPOILED || second === (not ? verdict.YES : verdict.NO) || first !== verdict.UNKNOWN ? second : first;
  };
}

/** `ComparisonExpression.ContainsExpression` and its kin: false, never unknown, for what is no text, and for an empty text looked for, with NOT too. */
function matched(operator: 'CONTAINS' | 'STARTSWITH' | 'ENDSWITH', not: boolean, of: Operand, text: string): Judge {
  if (text === '') return () => verdict.NO;
  return (properties) => {
    const value = of(properties);
    if (value === spoiled) return verdict.SPOILED;
    if (typeof value !== 'string') return verdict.NO;
    const found = operator === 'CONTAINS' ? value.includes(text) : operator === 'STARTSWITH' ? value.startsWith(text) : value.endsWith(text);
    return found === not ? verdict.NO : verdict.YES;
  };
}

function contained(not: boolean, key: PropertyKey, texts: ReadonlySet<string>): Judge {
  return (properties) => {
    const value = properties.get(key);
    return value === undefined ? verdict.UNKNOWN : texts.has(value) === not ? verdict.NO : verdict.YES;
  };
}
