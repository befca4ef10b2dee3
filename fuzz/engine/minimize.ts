/** Makes an input smaller and plainer while a condition holds. */

type Condition = (input: Buffer) => Promise<boolean>;

/**
 * Takes chunks away, halves first, then sets bytes to `0` or zero. The result fulfils the condition, as `input` does.
 * @param runsMax bound on evaluations of the condition
 */
export async function minimize(input: Buffer, condition: Condition, runsMax: number): Promise<Buffer> {
  let best = input;
  let left = runsMax;
  const accept = async (candidate: Buffer): Promise<boolean> => {
    if (left <= 0 || !(await (left--, condition(candidate)))) return false;
    best = candidate;
    return true;
  };
  for (let changed = true; changed && left > 0;) {
    changed = false;
    for (let size = Math.max(1, best.length >> 1); size >= 1 && left > 0; size >>= 1) {
      for (let at = 0; at < best.length && left > 0;) {
        if (await accept(Buffer.concat([best.subarray(0, at), best.subarray(at + size)]))) changed = true;
        else at += size;
      }
    }
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    for (const plain of [0x30, 0]) {
      if (best[at] === plain || best[at] === 0) continue;
      const candidate = Buffer.from(best);
      candidate[at] = plain;
      if (await accept(candidate)) break;
    }
  }
  return best;
}

/** Leaves inputs of a sequence out while the condition holds. */
export async function minimizeSequence<T>(inputs: readonly T[], condition: (inputs: readonly T[]) => Promise<boolean>, runsMax: number): Promise<readonly T[]> {
  let best = inputs;
  let left = runsMax;
  for (let size = Math.max(1, best.length >> 1); size >= 1; size >>= 1) {
    for (let at = 0; at < best.length && best.length > 1 && left > 0;) {
      const candidate = [...best.slice(0, at), ...best.slice(at + size)];
      left--;
      if (candidate.length > 0 && (await condition(candidate))) best = candidate;
      else at += size;
    }
  }
  return best;
}
