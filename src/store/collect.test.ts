/** Asking the runtime to collect. */
import { expect, test } from '@jest/globals';
import { collectGarbage } from './collect.js';

test('what nobody holds is collected, each time it is asked', async () => {
  const register = new FinalizationRegistry<number>((n) => void gone.push(n));
  const gone: number[] = [];
  for (const round of [1, 2]) {
    register.register({ large: new Array(1000).fill(round) }, round);
    for (let i = 0; i < 20 && !gone.includes(round); i++) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
      collectGarbage();
    }
    expect(gone).toContain(round);
  }
});
