/** Makes a sequence shorter and plainer while it still shows its difference. */
import { requests, type Spec } from '../../src/codec/requests.js';
import { minimizeSequence } from '../engine/minimize.js';
import { isNeeded } from './fields.js';
import type { Request, Step } from './steps.js';

type Condition = (steps: readonly Step[]) => Promise<boolean>;

/** Whole halves of requests first, then single ones, then fields, properties and bodies. @param runsMax bound on runs of the condition */
export async function minimizeSteps(steps: readonly Step[], condition: Condition, runsMax: number): Promise<readonly Step[]> {
  let left = runsMax;
  const counted: Condition = (candidate) => {
    left--;
    return condition(candidate);
  };
  let best = await minimizeSequence(steps, counted, left);
  for (let before = Infinity; best.length < before && left > 0;) {
    before = best.length;
    best = await minimizeSequence(best, counted, left);
  }
  for (let at = 0; at < best.length; at++) {
    for (let changed = true; changed && left > 0;) {
      changed = false;
      for (const plainer of plainerOnes(best[at] as Step)) {
        if (left <= 0) break;
        const candidate = best.map((one, i) => (i === at ? plainer : one));
        if (!(await counted(candidate))) continue;
        best = candidate;
        changed = true;
        break;
      }
    }
  }
  return best;
}

/** The same step with one thing less. */
function* plainerOnes(step: Step): Generator<Step> {
  if (!('send' in step)) return;
  const spec: Spec = requests[step.send];
  const needed = new Set(Object.entries(spec.header).filter(([, field]) => field.opt !== true).map(([name, field]) => field.wire ?? name));
  for (const name of Object.keys(step.ext)) if (!needed.has(name) && !isNeeded(step.send, name)) yield { ...step, ext: without(step.ext, name) };
  for (const name of Object.keys(step.properties ?? {})) if (name !== 'UNIQ_KEY') yield { ...step, properties: without(step.properties ?? {}, name) };
  if (step.body !== undefined && 'text' in step.body && step.body.text.length > 12 && !step.body.text.startsWith('{')) yield { ...step, body: { text: 'x' } };
  if (step.body !== undefined && 'batch' in step.body && step.body.batch.length > 1) {
    const { batch } = step.body;
    for (let i = 0; i < batch.length; i++) yield { ...step, body: { batch: batch.filter((_part, j) => j !== i) } };
  }
  if (step.identity !== undefined) yield withoutIdentity(step);
}

function withoutIdentity(step: Request): Request {
  const { identity: _identity, ...rest } = step;
  return rest;
}

function without<T>(of: Readonly<Record<string, T>>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(of).filter(([key]) => key !== name));
}
