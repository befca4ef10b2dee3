/**
 * Asks the controllers of flow rules, as conformance/adapters/sentinel/java/FlowRunner.java asks Sentinel. Lines in: `rule GRADE COUNT BEHAVIOR WARMUP
 * MAXQUEUE` begins a new resource, `at MS N` asks for N at a time, `exit` ends the newest entry that is open. A line out for each `at`: -1 when blocked, else
 * the milliseconds it waits.
 */
import { readFileSync } from 'node:fs';
import { controllerOf, FlowNode } from '../flow/controllers.js';
import type { Controller } from '../flow/controllers.js';

let node = new FlowNode();
let grade = 1;
let controller: Controller | undefined;
const out: number[] = [];
for (const line of readFileSync(0, 'utf8').trim().split('\n')) {
  const [what, ...parts] = line.split(' ');
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = parts.map(Number);
  if (what === 'rule') {
    node = new FlowNode();
    grade = a;
    controller = controllerOf({ resource: 'g:t', grade, count: b, controlBehavior: c, warmUpPeriodSec: d, maxQueueingTimeMs: e });
  } else if (what === 'exit') {
    if (node.threads > 0) node.threads--;
  } else if (controller !== undefined) {
    const most = controller.most(node, b, a);
    const waitMs = controller.take(node, b, a);
    // Asking beforehand takes nothing, and agrees.
    if ((most === b) !== waitMs >= 0) throw new Error(`${line}: ${most} may pass, and ${b} wait ${waitMs} ms`);
    out.push(waitMs);
    if (waitMs < 0) continue;
    node.passed(a, b);
    if (grade === 0) node.threads++;
  }
}
process.stdout.write(`${out.join('\n')}\n`);
