/**
 * POP against a model, on the simulated clock and disk: sends, pops, acknowledgements of any receipt, changed invisible times, time that passes, stops and
 * kills, in any order. What must hold: a message is never visible to its group twice at once, what was acknowledged in time never comes again, and
 * whatever was not comes again.
 */
import { test } from '@jest/globals';
import * as fc from 'fast-check';
import type { DecodedMessage } from '../../codec/stored-message.js';
import { simulatedDisk } from '../../store/simulated-disk.js';
import { pass, Popping } from './testdata/popping.js';
import type { Popped } from './testdata/popping.js';
import { reviveLateMs } from './revive.js';

const runs = Number(process.env['SKYLARK_POP_RUNS'] ?? 6);

interface Given {
  readonly answer: Popped;
  readonly message: DecodedMessage;
  readonly untilMs: number;
  changed: boolean;
}

class World {
  k: Popping;
  sent = 0;
  /** By body: whether it was acknowledged while it was invisible. */
  readonly acked = new Set<string>();
  readonly given = new Map<string, Given>();

  constructor(k: Popping) {
    this.k = k;
  }

  get nowMs(): number {
    return this.k.c.clock.nowMs();
  }

  take(answer: Popped, invisibleMs: number): void {
    for (const message of answer.messages) {
      const body = message.body.toString();
      if (this.acked.has(body)) throw new Error(`${body} was acknowledged and is given again`);
      const before = this.given.get(body);
      if (before !== undefined && before.untilMs > this.nowMs) throw new Error(`${body} is given while it is invisible for ${before.untilMs - this.nowMs} ms more`);
      this.given.set(body, { answer, message, untilMs: this.nowMs + invisibleMs, changed: false });
    }
  }
}

type Step =
  | { readonly do: 'send'; readonly count: number; readonly queueId: number }
  | { readonly do: 'pop'; readonly max: number; readonly queueId: number; readonly invisibleMs: number }
  | { readonly do: 'ack' | 'change'; readonly which: number; readonly invisibleMs: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'restart'; readonly how: 'stop' | 'kill' };

const invisible = fc.constantFrom(2000, 5000, 20_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const), count: fc.integer({ min: 1, max: 5 }), queueId: fc.nat(1) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('pop' as const), max: fc.integer({ min: 1, max: 6 }), queueId: fc.integer({ min: -1, max: 1 }), invisibleMs: invisible }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('ack' as const), which: fc.nat(20), invisibleMs: invisible }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('change' as const), which: fc.nat(20), invisibleMs: invisible }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(500, 3000, 9000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), how: fc.constantFrom('stop' as const, 'kill' as const) }) },
);

async function run(world: World, one: Step): Promise<void> {
  const { k } = world;
  switch (one.do) {
    case 'send':
      await k.send('T', Array.from({ length: one.count }, () => `m${world.sent++}`), one.queueId);
      return;
    case 'pop':
      world.take(await k.pop('T', 'g', { max: one.max, queueId: one.queueId, invisibleMs: one.invisibleMs }), one.invisibleMs);
      return;
    case 'ack':
    case 'change': {
      const all = [...world.given];
      const [body, given] = all[one.which % Math.max(1, all.length)] ?? [];
      if (body === undefined || given === undefined || given.changed) return;
      // Between the end of the time and the look of the revive service either may win.
      if (Math.abs(given.untilMs - world.nowMs) < 1 || (world.nowMs >= given.untilMs && world.nowMs < given.untilMs + reviveLateMs + 2000)) return;
      // A new invisible time is a new check point, whatever became of the old one: what was acknowledged, or came back already, comes (once more) after it.
      if (one.do === 'change' && (world.acked.has(body) || world.nowMs >= given.untilMs)) return;
      const answer = one.do === 'ack' ? await k.ack('g', given.answer, given.message) : await k.change('g', given.answer, given.message, one.invisibleMs);
      if (answer.code !== 0) throw new Error(`${one.do} of ${body}: ${answer.code} ${answer.remark ?? ''}`);
      if (world.nowMs >= given.untilMs) return;
      if (one.do === 'ack') world.acked.add(body);
      else world.given.set(body, { ...given, untilMs: world.nowMs + one.invisibleMs, changed: true });
      return;
    }
    case 'pass':
      await pass(k.c, one.ms);
      return;
    case 'restart':
      world.k = await k.restart(one.how);
  }
}

/** Everything that was not acknowledged is given, in the end, and acknowledged now. */
async function drain(world: World): Promise<void> {
  for (let round = 0; round < 60 && world.acked.size < world.sent; round++) {
    for (const queueId of [0, 1]) {
      const answer = await world.k.pop('T', 'g', { queueId, invisibleMs: 60_000 });
      world.take(answer, 60_000);
      for (const message of answer.messages) {
        const acked = await world.k.ack('g', answer, message);
        if (acked.code !== 0) throw new Error(`ack: ${acked.code} ${acked.remark ?? ''}`);
        world.acked.add(message.body.toString());
      }
    }
    await pass(world.k.c, 1500);
  }
  if (world.acked.size < world.sent) {
    const lost = Array.from({ length: world.sent }, (_, i) => `m${i}`).filter((body) => !world.acked.has(body));
    throw new Error(`never given again: ${lost.join(' ')}`);
  }
}

test('popping, acknowledging, reviving, stopping and killing in any order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), fc.nat(), async (steps, seed) => {
      const world = new World(await Popping.open({}, simulatedDisk(seed)));
      await world.k.topic('T', 2);
      for (const one of steps) await run(world, one);
      await drain(world);
      await world.k.stop();
    }),
    { numRuns: runs },
  );
}, 240_000);
