/**
 * java.util.Properties text: broker.conf and the bodies of UPDATE_*_CONFIG (`MixAll#string2Properties`), and the text of GET_*_CONFIG
 * (`MixAll#properties2String`). It owns the syntax; which keys exist is src/server/config.ts.
 */

/** The keys and values in order of first appearance; a later value of the same key wins (`Properties#load`). Never throws. */
export function readProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const line = logicalLine(text, at);
    at = line.next;
    if (line.text === '') continue;
    const [key, value] = splitLine(line.text);
    properties.set(key, value);
  }
  return properties;
}

/** One `key=value` line each, nothing escaped, as Apache answers (`MixAll#properties2String`). */
export function writeProperties(properties: Iterable<readonly [string, string | undefined]>): string {
  let text = '';
  for (const [key, value] of properties) if (value !== undefined) text += `${key}=${value}\n`;
  return text;
}

/** The next line with continuations joined and leading blanks and comments gone; '' for blank lines and comments. */
function logicalLine(text: string, start: number): { readonly text: string; readonly next: number } {
  let joined = '';
  let at = start;
  for (let first = true; ; first = false) {
    while (at < text.length && isBlank(text.charCodeAt(at))) at++;
    const from = at;
    while (at < text.length && !isLineEnd(text.charCodeAt(at))) at++;
    const line = text.slice(from, at);
    if (text[at] === '\r' && text[at + 1] === '\n') at++;
    if (at < text.length) at++;
    if (first && (line.startsWith('#') || line.startsWith('!'))) return { text: '', next: at };
    if (!endsWithOddBackslashes(line)) return { text: joined + line, next: at };
    joined += line.slice(0, -1);
    if (at >= text.length) return { text: joined, next: at };
  }
}

function endsWithOddBackslashes(line: string): boolean {
  let count = 0;
  for (let i = line.length - 1; i >= 0 && line[i] === '\\'; i--) count++;
  return count % 2 === 1;
}

/** The key ends at the first unescaped blank, `=` or `:`; blanks around one separator are dropped. */
function splitLine(line: string): readonly [string, string] {
  let end = 0;
  while (end < line.length) {
    const unit = line.charCodeAt(end);
    if (unit === 0x5c) {
      end += 2;
      continue;
    }
    if (unit === 0x3d || unit === 0x3a || isBlank(unit)) break;
    end++;
  }
  let value = end;
  while (value < line.length && isBlank(line.charCodeAt(value))) value++;
  if (line[value] === '=' || line[value] === ':') value++;
  while (value < line.length && isBlank(line.charCodeAt(value))) value++;
  return [unescape(line.slice(0, end)), unescape(line.slice(value))];
}

/** `\t`, `\n`, `\r`, `\f`, `\uXXXX`; any other escaped character is itself. A malformed `\u`, where Java gives the file up, stays as written. */
function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]?))/g, (_all, hex: string | undefined, letter: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    switch (letter) {
      case 't': return '\t';
      case 'n': return '\n';
      case 'r': return '\r';
      case 'f': return '\f';
      case 'u': return '\\u';
      default: return letter ?? '';
    }
  });
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09 || unit === 0x0c;
}

function isLineEnd(unit: number): boolean {
  return unit === 0x0a || unit === 0x0d;
}
