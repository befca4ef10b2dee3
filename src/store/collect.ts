/** Asks the runtime to give unused memory back: an idle process allocates nothing, so that nothing else would make it look. */
import * as v8 from 'node:v8';
import * as vm from 'node:vm';

let collect: (() => void) | undefined;

/** One full collection, some milliseconds on the thread. Does nothing where the runtime offers none. */
export function collectGarbage(): void {
  if (collect === undefined) {
    v8.setFlagsFromString('--expose-gc');
    const found: unknown = vm.runInNewContext('typeof gc === "function" ? gc : undefined');
    collect = typeof found === 'function' ? (): void => void (found as () => void)() : (): void => undefined;
  }
  collect();
}
