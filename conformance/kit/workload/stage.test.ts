import { expect, test } from '@jest/globals';
import type { Context } from '../context.js';
import { Recorder } from './recorder.js';
import { Stage, type Actors } from './stage.js';

test('drained: what a consumer tried to acknowledge and was refused is still missing', async () => {
  const recorder = new Recorder();
  let sleeps = 0;
  const sleep = (): Promise<void> => {
    if (++sleeps === 3) recorder.call('consumer-1', 'ack', { key: 'a-1', topic: 'T' }).ok();
    return Promise.resolve();
  };
  const stage = new Stage({ sleep } as unknown as Context, recorder, { durationMs: 1, seed: 1, drainMs: 10_000 }, { settleMs: 1 } as unknown as Actors);
  recorder.event('consumer-1', 'join', { group: 'G', topic: 'T', mode: 'pop', expression: '*' });
  recorder.call('producer-1', 'send', { key: 'a-1', topic: 'T', queueId: 0 }).ok({ queueId: 0, queueOffset: 0 });
  recorder.call('consumer-1', 'ack', { key: 'a-1', topic: 'T' }).fail({ error: 'SYSTEM_ERROR(1)' });
  await stage.drained();
  // Three times because it was missing, once more for what should not come.
  expect(sleeps).toBe(4);
});
