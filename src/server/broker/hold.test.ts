/** What happens to a pull when as many wait as may. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createPull } from './pull.js';
import type { Pull } from './pull.js';
import { createSend } from './send.js';
import type { Send } from './send.js';
import { FakeConnection, Kit, sendFields } from './testdata/kit.js';
import type { Answered } from './testdata/kit.js';

const heldMax = 3;

let kit: Kit;
let send: Send;
let pull: Pull;
let warnings: object[];

beforeEach(() => {
  kit = new Kit();
  kit.limits.heldPullsMax = heldMax;
  kit.topic('T');
  warnings = [];
  const ctx = { ...kit.ctx, log: { ...kit.ctx.log, warn: (fields: object) => void warnings.push(fields) } };
  send = createSend(ctx, [1000]);
  pull = createPull(ctx);
});

/** A pull that wants to wait 15 s on an empty queue; what it was answered at once. */
async function ask(way: 'slow' | 'fast', more: Record<string, string> = {}): Promise<Answered[]> {
  const frame = kit.frame('PULL_MESSAGE', {
    consumerGroup: 'g', topic: 'T', queueId: '1', queueOffset: '0', maxMsgNums: '32', sysFlag: '6', commitOffset: '0', suspendTimeoutMillis: '15000',
    subscription: '*', subVersion: '5', expressionType: 'TAG', maxMsgBytes: '262144', ...more,
  });
  if (way === 'slow') await kit.slow(pull.handlers, 'PULL_MESSAGE', frame);
  else if (!kit.fast(pull.fast.PULL_MESSAGE, frame)) throw new Error('not taken');
  await kit.settle();
  return kit.connection.take();
}

describe.each(['slow', 'fast'] as const)('%s path', (way) => {
  test('as many as may be are held, the next is answered PULL_NOT_FOUND at once and counted', async () => {
    for (let i = 0; i < heldMax; i++) expect(await ask(way)).toEqual([]);
    expect([pull.hold.count, pull.hold.turnedAway]).toEqual([heldMax, 0]);
    expect(await ask(way)).toMatchObject([{ code: 19, remark: 'NO_MESSAGE_IN_QUEUE', ext: { nextBeginOffset: '0', minOffset: '0', maxOffset: '0' } }]);
    // Another queue, another topic: the bound is the whole broker's.
    expect(await ask(way, { queueId: '2' })).toMatchObject([{ code: 19 }]);
    expect([pull.hold.count, pull.hold.turnedAway]).toEqual([heldMax, 2]);
  });
});

test('those that wait are woken as ever, and make room', async () => {
  for (let i = 0; i < heldMax; i++) await ask('fast');
  expect(await ask('fast')).toHaveLength(1);
  kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', sendFields(), Buffer.from('x')), new FakeConnection(9));
  kit.endTurn();
  expect(kit.connection.take().map((answer) => answer.code)).toEqual([0, 0, 0]);
  expect(pull.hold.count).toBe(0);
  expect(await ask('fast', { queueOffset: '1' })).toEqual([]);
  expect([pull.hold.count, pull.hold.turnedAway]).toEqual([1, 1]);
});

test('time that is up and connections that close make room', async () => {
  for (let i = 0; i < heldMax; i++) await ask('fast');
  kit.clock.advance(15_250);
  expect(kit.connection.take()).toHaveLength(heldMax);
  for (let i = 0; i < heldMax; i++) expect(await ask('fast')).toEqual([]);
  kit.connection.open = false;
  kit.clock.advance(250);
  kit.connection.open = true;
  expect(await ask('fast')).toEqual([]);
  expect([pull.hold.count, pull.hold.turnedAway]).toEqual([1, 0]);
});

test('the log says it once a minute, not once a pull', async () => {
  for (let i = 0; i < heldMax + 5; i++) await ask('fast');
  expect(warnings).toMatchObject([{ held: heldMax, limit: heldMax, turnedAway: 1 }]);
  kit.clock.advance(60_000);
  kit.connection.take();
  for (let i = 0; i < heldMax + 2; i++) await ask('fast');
  expect(warnings).toMatchObject([{ held: heldMax, limit: heldMax, turnedAway: 1 }, { held: heldMax, limit: heldMax, turnedAway: 6 }]);
});

test('long subscription texts are bounded together, and make room again', async () => {
  kit.limits.heldTextCharsMax = 1000;
  const ctx = { ...kit.ctx };
  pull = createPull(ctx);
  const long = { subscription: 'x'.repeat(600) };
  expect(await ask('slow', long)).toEqual([]);
  expect(await ask('slow', long)).toMatchObject([{ code: 19 }]);
  expect(await ask('slow')).toEqual([]);
  expect([pull.hold.count, pull.hold.turnedAway]).toEqual([2, 1]);
  kit.clock.advance(15_250);
  expect(kit.connection.take()).toHaveLength(2);
  expect(await ask('slow', long)).toEqual([]);
});
