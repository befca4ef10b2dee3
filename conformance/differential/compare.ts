/**
 * Runs sequences against both servers at once and lists where their transcripts differ. A difference that is deliberate is
 * named by a row of `accepted`, which names the divergence; everything else is a finding.
 */
import { Peer, type Answer } from './peer.js';

export interface Sequence {
  readonly name: string;
  /** Sends the requests; called once for each peer, at the same time. `peer.transcript` is what is compared. */
  readonly run: (peer: Peer) => Promise<void>;
}

export interface Difference {
  readonly sequence: string;
  readonly label: string;
  readonly what: string;
  readonly apache: string;
  readonly skylark: string;
}

export interface Accepted {
  /** Of sequence and label, joined by ` / `. */
  readonly where: RegExp;
  /** Which part of the answer; all of it when absent. */
  readonly what?: RegExp;
  /** Must match Apache's side. */
  readonly apache?: RegExp;
  /** Must match Skylark's side. */
  readonly skylark?: RegExp;
  /** Id of the row in src/compat/divergence.ts. */
  readonly divergence: string;
}

/** Remarks that carry a Java exception, its stack frame or what a null did: only the code is compared. */
const javaAccident = /(?:Exception|Error)(?:[:,]|$)|\.java:\d+|^null$|Exception\b.*, (?:org|java)\./s;

function isText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The parts in which two answers to the same request differ. */
export function differencesOf(sequence: string, apache: Answer, skylark: Answer): Difference[] {
  const out: Difference[] = [];
  const add = (what: string, a: unknown, s: unknown): void => {
    out.push({ sequence, label: apache.label, what, apache: isText(a), skylark: isText(s) });
  };
  if (apache.label !== skylark.label) {
    add('step', apache.label, skylark.label);
    return out;
  }
  if (apache.code !== skylark.code) add('code', `${apache.code} ${apache.remark}`, `${skylark.code} ${skylark.remark}`);
  else if (apache.remark !== skylark.remark && !javaAccident.test(apache.remark)) add('remark', apache.remark, skylark.remark);
  const names = new Set([...Object.keys(apache.ext), ...Object.keys(skylark.ext)]);
  for (const name of names) {
    if (apache.ext[name] !== skylark.ext[name]) add(`field ${name}`, apache.ext[name] ?? '(absent)', skylark.ext[name] ?? '(absent)');
  }
  bodies(apache.body, skylark.body, 'body', add);
  return out;
}

function bodies(a: unknown, s: unknown, path: string, add: (what: string, a: unknown, s: unknown) => void): void {
  if (JSON.stringify(a) === JSON.stringify(s)) return;
  const isMap = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value);
  if (isMap(a) && isMap(s)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(s)])) {
      if (!(key in a)) add(`${path}.${key}`, '(absent)', s[key]);
      else if (!(key in s)) add(`${path}.${key}`, a[key], '(absent)');
      else bodies(a[key], s[key], `${path}.${key}`, add);
    }
    return;
  }
  if (Array.isArray(a) && Array.isArray(s) && a.length === s.length) {
    a.forEach((inner, index) => bodies(inner, s[index], `${path}[${index}]`, add));
    return;
  }
  add(path, a, s);
}

export interface Outcome {
  readonly requests: number;
  readonly differences: readonly Difference[];
}

/** Runs one sequence against both and compares. A sequence that throws is a difference too. */
export async function compareOne(sequence: Sequence, apache: Peer, skylark: Peer, accepted: readonly Accepted[]): Promise<Outcome> {
  const run = async (peer: Peer): Promise<Answer[]> => {
    peer.transcript.length = 0;
    try {
      await sequence.run(peer);
    } catch (error) {
      peer.transcript.push({ label: 'the sequence threw', code: String(error), remark: '', ext: {}, body: '' });
    } finally {
      peer.end();
    }
    return [...peer.transcript];
  };
  const [a, s] = await Promise.all([run(apache), run(skylark)]);
  const found: Difference[] = [];
  for (let i = 0; i < Math.max(a.length, s.length); i++) {
    const [left, right] = [a[i], s[i]];
    if (left === undefined || right === undefined) {
      found.push({ sequence: sequence.name, label: (left ?? right)?.label ?? '', what: 'number of answers', apache: String(a.length), skylark: String(s.length) });
      break;
    }
    found.push(...differencesOf(sequence.name, left, right));
  }
  return { requests: a.length, differences: found.filter((d) => !accepted.some((row) => covers(row, d))) };
}

/** Whether a difference is the one of a row. */
export function covers(row: Accepted, difference: Difference): boolean {
  return row.where.test(`${difference.sequence} / ${difference.label}`) && (row.what?.test(difference.what) ?? true) && (row.apache?.test(difference.apache) ?? true)
    && (row.skylark?.test(difference.skylark) ?? true);
}

export function describeDifference(d: Difference): string {
  return `${d.sequence} / ${d.label}: ${d.what}\n    apache:  ${d.apache.slice(0, 600)}\n    skylark: ${d.skylark.slice(0, 600)}`;
}
