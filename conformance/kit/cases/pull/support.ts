/** What cases about held pulls share. */
import { res } from '../../codes.js';
import type { Context } from '../../context.js';
import { fail } from '../../expect.js';
import type { PullAnswer } from '../../messaging.js';

/** Long enough that a wrong answer would have come, short enough for a case. */
export const quietMs = 300;

/** 'held' when nothing has come in `ms`. */
export function stateOf(t: Context, answer: Promise<unknown>, ms = quietMs): Promise<'held' | 'answered'> {
  return Promise.race([answer.then(() => 'answered' as const), t.sleep(ms).then(() => 'held' as const)]);
}

/**
 * Holds a pull at offset 0 of an empty queue, has a message stored that the pull refuses, and requires that it stays held. Apache looks at
 * held pulls every five seconds without the message at hand, and then answers PULL_RETRY_IMMEDIATELY: where that fell into the wait,
 * the pull is held anew, once, behind the message.
 */
export async function staysHeld(t: Context, hold: (offset: number) => Promise<PullAnswer>, sendRefused: () => Promise<unknown>): Promise<{ readonly held: Promise<PullAnswer>; readonly sent: number }> {
  for (let sent = 1; ; sent++) {
    const held = hold(sent - 1);
    await t.sleep(100);
    await sendRefused();
    if ((await stateOf(t, held)) === 'held') return { held, sent };
    const answer = await held;
    if (sent > 1 || answer.code !== res.PULL_RETRY_IMMEDIATELY) fail('the pull after a message it refuses', 'held', `answered with code ${answer.code}, ${answer.remark ?? 'no remark'}`);
  }
}
