/** Flow rules in Sentinel's own JSON (`FlowRule`): an array of objects. What of it counts here, and which rules are not obeyed. */
import { readJson } from '../../compat/fastjson.js';
import { boolOf, isMap, textOf } from '../../codec/json-members.js';
import type { JsonMap } from '../../compat/fastjson.js';

/** One rule; defaults are Sentinel's. */
export interface FlowRule {
  /** `group:topic`. */
  readonly resource: string;
  /** 0 threads: pulls at work at once. 1 QPS: messages a second. */
  readonly grade: number;
  readonly count: number;
  /** 0 reject, 1 warm-up, 2 rate limiter, 3 warm-up with rate limiter; any other rejects. */
  readonly controlBehavior: number;
  readonly warmUpPeriodSec: number;
  readonly maxQueueingTimeMs: number;
}

/** Bytes of a rule file. */
export const ruleFileBytesMax = 4 * 1024 * 1024;
/** Rules of one file. */
export const rulesMax = 10_000;

/** Reads a rule file. `onIgnored` hears of every rule that is not obeyed, and why. Throws when the text is no JSON array of objects. */
export function readFlowRules(text: string, onIgnored: (index: number, why: string) => void): FlowRule[] {
  const root: unknown = readJson(text, ruleFileBytesMax);
  if (!Array.isArray(root)) throw new TypeError('flow rules are a JSON array');
  if (root.length > rulesMax) throw new TypeError(`${root.length} flow rules, at most ${rulesMax} are allowed`);
  const rules: FlowRule[] = [];
  (root as readonly unknown[]).forEach((bean, index) => {
    const rule = isMap(bean) ? readRule(bean) : 'it is no object';
    if (typeof rule === 'string') onIgnored(index, rule);
    else rules.push(rule);
  });
  return rules;
}

/** A member as a number; undefined when it is none. */
function numberOf(bean: JsonMap, name: string, fallback: number): number | undefined {
  const value = bean.get(name);
  if (value === undefined || value === null) return fallback;
  const number = typeof value === 'bigint' || typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && value !== '' ? number : undefined;
}

/** The rule, or what keeps it from being obeyed (`FlowRuleUtil#isValidRule`, and what needs more than one broker knows). */
function readRule(bean: JsonMap): FlowRule | string {
  const resource = textOf(bean, 'resource');
  if (resource === undefined || resource.trim() === '') return 'resource is missing';
  if (!resource.includes(':')) return 'resource is not GROUP:TOPIC';
  const count = numberOf(bean, 'count', 0);
  const grade = numberOf(bean, 'grade', 1);
  const controlBehavior = numberOf(bean, 'controlBehavior', 0);
  const warmUpPeriodSec = numberOf(bean, 'warmUpPeriodSec', 10);
  const maxQueueingTimeMs = numberOf(bean, 'maxQueueingTimeMs', 500);
  if (count === undefined || count < 0) return 'count is not a number from 0 on';
  if (grade !== 0 && grade !== 1) return 'grade is neither 0 (threads) nor 1 (QPS)';
  if (controlBehavior === undefined || controlBehavior < 0) return 'controlBehavior is not a number from 0 on';
  if (warmUpPeriodSec === undefined || maxQueueingTimeMs === undefined) return 'warmUpPeriodSec or maxQueueingTimeMs is no number';
  if (grade === 1 && (controlBehavior === 1 || controlBehavior === 3) && warmUpPeriodSec <= 0) return 'warmUpPeriodSec is not above 0';
  if (grade === 1 && controlBehavior === 2 && maxQueueingTimeMs < 0) return 'maxQueueingTimeMs is below 0';
  if (numberOf(bean, 'strategy', 0) !== 0) return 'strategy: only 0 (the resource itself) is obeyed';
  if (boolOf(bean, 'clusterMode', false)) return 'clusterMode: a broker counts for itself';
  const limitApp = textOf(bean, 'limitApp') ?? 'default';
  if (limitApp !== '' && limitApp !== 'default') return 'limitApp: only default is obeyed';
  return { resource, count, grade, controlBehavior, warmUpPeriodSec, maxQueueingTimeMs };
}
