/**
 * Compiling filter expressions (`FilterFactory`, `SqlFilter`, `SelectorParser#parse`): text and type to a judge, or why not. Results, good and bad, are
 * kept: a group's pulls and heartbeats bring the same text again and again.
 */
import { compileSql } from './sql-compile.js';
import type { Judge } from './sql-compile.js';
import { SqlError } from './sql-lexer.js';
import { parseSql } from './sql-parser.js';

/** `ExpressionType#SQL92`: the only type there is beside tags. */
export const sqlType = 'SQL92';

/** Expressions kept; Apache keeps 100. */
const cachedMax = 1000;
/** Characters of all kept texts. */
const cachedCharsMax = 1024 * 1024;

/** A judge, or why there is none; `at` is the place as `line:column`, for whoever compares it. */
export type Compiled = { readonly judge: Judge } | Refused;

export interface Refused {
  readonly error: string;
  readonly at?: string;
}

export class ExpressionCache {
  /** Least recently used first. */
  readonly #kept = new Map<string, Compiled>();
  #chars = 0;
  /** Expressions that were parsed rather than found. */
  compiled = 0;

  compile(type: string, text: string): Compiled {
    if (type !== sqlType) return { error: `unknown expression type ${shownText(type)}: TAG or ${sqlType}` };
    const known = this.#kept.get(text);
    if (known !== undefined) {
      this.#kept.delete(text);
      this.#kept.set(text, known);
      return known;
    }
    this.compiled++;
    const result = compileText(text);
    // One expression must not empty the cache.
    if (text.length <= cachedCharsMax / 8) this.#keep(text, result);
    return result;
  }

  get size(): number {
    return this.#kept.size;
  }

  #keep(text: string, result: Compiled): void {
    this.#kept.set(text, result);
    this.#chars += text.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= cachedMax && this.#chars <= cachedCharsMax) return;
      this.#kept.delete(oldest);
      this.#chars -= oldest.length;
    }
  }
}

function compileText(text: string): Compiled {
  try {
    return { judge: compileSql(parseSql(text)) };
  } catch (error) {
    if (error instanceof SqlError) {
      const [line, column] = place(text, error.at);
      return { error: `Invalid expression at line ${line}, column ${column}: ${error.what}`, at: `${line}:${column}` };
    }
    // The parser's own depth is bounded; whoever calls with a nearly full stack gets a refusal all the same.
    if (error instanceof RangeError) return { error: 'Invalid expression: nested too deep' };
    throw error;
  }
}

/** Line and column, both from 1, as JavaCC counts them but for tabs, which are one column here. */
function place(text: string, at: number): [line: number, column: number] {
  let line = 1;
  let lineStart = 0;
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) {
    line++;
    lineStart = i + 1;
  }
  return [line, at - lineStart + 1];
}

function shownText(text: string): string {
  return text.length <= 128 ? text : `${text.slice(0, 128)}...`;
}
