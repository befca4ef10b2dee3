/**
 * Reads JSON as fastjson writes it, for comparing: numbers and whole objects may stand as map keys. The result keeps which
 * dialect was used: a bare numeric key reads as `#0`, an object key as its own canonical text, a quoted one as itself.
 */

/** The parsed value of `text`. Throws an Error that names the position. */
export function readLooseJson(text: string): unknown {
  let at = 0;
  const bad = (what: string): Error => new Error(`${what} at ${at} of ${text.slice(0, 200)}`);
  const blank = (): void => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  const word = (): string => {
    const match = /^[^\s,:{}[\]"]+/.exec(text.slice(at, at + 400));
    if (match === null) throw bad('no value');
    at += match[0].length;
    return match[0];
  };
  const quoted = (): string => {
    const start = at++;
    while (text[at] !== '"') {
      if (at >= text.length) throw bad('open string');
      at += text[at] === '\\' ? 2 : 1;
    }
    return JSON.parse(text.slice(start, ++at).replace(/[\u0000-\u001f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)) as string;
  };
  const value = (): unknown => {
    blank();
    const first = text[at];
    if (first === '"') return quoted();
    if (first === '[') {
      at++;
      const out: unknown[] = [];
      for (blank(); text[at] !== ']'; blank()) {
        out.push(value());
        blank();
        if (text[at] === ',') at++;
        else if (text[at] !== ']') throw bad('no comma');
      }
      at++;
      return out;
    }
    if (first === '{') {
      at++;
      const out: Record<string, unknown> = {};
      for (blank(); text[at] !== '}'; blank()) {
        const key = text[at] === '"' ? quoted() : text[at] === '{' ? canonical(value()) : `#${word()}`;
        blank();
        if (text[at] !== ':') throw bad('no colon');
        at++;
        out[key] = value();
        blank();
        if (text[at] === ',') at++;
        else if (text[at] !== '}') throw bad('no comma');
      }
      at++;
      return out;
    }
    const literal = word();
    if (literal === 'true' || literal === 'false') return literal === 'true';
    if (literal === 'null') return null;
    const number = Number(literal);
    if (Number.isNaN(number)) throw bad(`literal ${literal}`);
    return Number.isInteger(number) && !Number.isSafeInteger(number) ? literal : number;
  };
  const result = value();
  blank();
  if (at !== text.length) throw bad('text after the value');
  return result;
}

/** JSON with sorted keys and sorted arrays: two values that only differ in order have the same text. */
export function canonical(value: unknown): string {
  return JSON.stringify(sorted(value));
}

/** The same value with keys and arrays in one order (the lists in bodies are sets or come out of hash maps). */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]));
  }
  return value;
}
