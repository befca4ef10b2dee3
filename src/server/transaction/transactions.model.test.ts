/**
 * Transactions against a model, on the simulated clock and disk: halves, decisions by whoever sent them or was asked, checks, time that passes, stops and kills, in any
 * order. What must hold: a message shows when its transaction was committed and not before, once; one that was rolled back never does; each check asks about every half
 * that is undecided and old enough, and no other, until it was asked about too often, and then it is given up.
 */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { readRecord, RecordView } from '../../codec/message-record.js';
import { requests } from '../../codec/requests.js';
import { decodeMessage } from '../../codec/stored-message.js';
import { ManualClock } from '../../remoting/clocks.js';
import { simulatedDisk, type SimulatedDisk } from '../../store/simulated-disk.js';
import { Composed, Peer, pump } from '../broker/testdata/composed.js';

/** The property ends by then, after however many runs; a failing one prints its seed. */
const boxMs = 15_000;
const runs = Number(process.env['SKYLARK_TRANSACTION_RUNS'] ?? 40);
const commit = 8;
const rollback = 12;
const checkMax = 3;
const timeoutMs = 6000;
const givenUpTopic = 'TRANS_CHECK_MAX_TIME_TOPIC';

type Step =
  | { readonly do: 'half'; readonly queueId: number }
  | { readonly do: 'decide'; readonly which: number; readonly commit: boolean }
  | { readonly do: 'check' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'restart'; readonly how: 'stop' | 'kill' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('half' as const), queueId: fc.nat(1) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('decide' as const), which: fc.nat(20), commit: fc.boolean() }) },
  { weight: 4, arbitrary: fc.constant({ do: 'check' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(100, 5000, timeoutMs + 1, 20_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), how: fc.constantFrom('stop' as const, 'kill' as const) }) },
);

interface Half {
  readonly body: string;
  readonly bornMs: number;
  /** Where it lies now, as who sent it or was asked knows. */
  queueOffset: string;
  phyOffset: string;
  /** When it was stored there. */
  storedMs: number;
  state: 'committed' | 'given up' | 'open' | 'rolled back';
  asked: number;
  /** Decided before a kill that may have taken the note of it: it may be asked about once more, and gets the same answer. */
  noteUnsure: boolean;
  /** How often it was committed. */
  commits: number;
  /** It was asked about for the last time while only a lost note said that it is decided: it may be given up as well. */
  mayBeGivenUp: boolean;
}

class World {
  c: Composed;
  readonly halves: Half[] = [];
  private producer = new Peer(9);

  private constructor(c: Composed) {
    this.c = c;
  }

  static async open(disk: SimulatedDisk): Promise<World> {
    const world = new World(await World.broker(disk, new ManualClock()));
    await world.ask('UPDATE_AND_CREATE_TOPIC', { topic: 'T', defaultTopic: 'TBW102', readQueueNums: '2', writeQueueNums: '2', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' });
    return world;
  }

  private static broker(disk: SimulatedDisk, clock: ManualClock): Promise<Composed> {
    return Composed.open({ brokerName: 'broker-a', transactionCheckMax: String(checkMax), transactionTimeOut: String(timeoutMs) }, disk, { clock });
  }

  private async ask(name: 'END_TRANSACTION' | 'SEND_MESSAGE_V2' | 'UPDATE_AND_CREATE_TOPIC', ext: Readonly<Record<string, string>>, body = ''): Promise<Readonly<Record<string, unknown>>> {
    const answer = await pump(this.c, this.c.ask(name, { ext, body }));
    if (answer.code !== 0) throw new Error(`${name}: ${answer.code} ${answer.remark ?? ''}`);
    return answer.header;
  }

  async run(one: Step): Promise<void> {
    if (one.do === 'half') await this.half(one.queueId);
    else if (one.do === 'check') await this.check();
    else if (one.do === 'pass') this.c.clock.advance(one.ms);
    else if (one.do === 'restart') await this.restart(one.how);
    else {
      const open = this.halves.filter((half) => half.state === 'open');
      const half = open[one.which % Math.max(1, open.length)];
      if (half !== undefined) await this.decide(half, one.commit);
    }
    await this.look();
  }

  private async half(queueId: number): Promise<void> {
    const body = `m${this.halves.length}`;
    const bornMs = this.c.clock.nowMs();
    const properties = Object.entries({ TRAN_MSG: 'true', PGROUP: 'pg', UNIQ_KEY: body }).map(([name, value]) => `${name}\u0001${value}\u0002`).join('');
    const header = await this.ask('SEND_MESSAGE_V2', { a: 'pg', b: 'T', c: 'TBW102', d: '4', e: String(queueId), f: '4', g: String(bornMs), h: '0', j: '0', i: properties }, body);
    const msgId = typeof header['msgId'] === 'string' ? header['msgId'] : '';
    this.halves.push({ body, bornMs, queueOffset: String(header['queueOffset']), phyOffset: String(parseInt(msgId.slice(16), 16)), storedMs: bornMs, state: 'open', asked: 0, noteUnsure: false, commits: 0, mayBeGivenUp: false });
  }

  private async decide(half: Half, commits: boolean): Promise<void> {
    await this.ask('END_TRANSACTION', {
      producerGroup: 'pg', tranStateTableOffset: half.queueOffset, commitLogOffset: half.phyOffset, commitOrRollback: String(commits ? commit : rollback), msgId: half.body, transactionId: half.body,
    });
    half.state = commits ? 'committed' : 'rolled back';
    half.noteUnsure = false;
    if (commits) half.commits++;
  }

  /** Who is asked notes where the half lies now, and does not answer yet. */
  private async check(): Promise<void> {
    const { c } = this;
    const nowMs = c.clock.nowMs();
    this.producer = new Peer(9);
    c.broker.producers.register('pg', { clientId: 'p@9', connection: this.producer, language: 'JAVA', version: 513, lastUpdateMs: nowMs });
    await pump(this.c, c.broker.transactions.check.run());
    c.broker.producers.connectionClosed(this.producer);
    const asked = new Map<string, Readonly<Record<string, unknown>>>();
    for (const { code, ext } of this.producer.notified) {
      if (code !== requests.CHECK_TRANSACTION_STATE.code) continue;
      const key = String(ext?.['transactionId']);
      if (asked.has(key)) throw new Error(`${key} is asked about twice in one check`);
      asked.set(key, { ...ext });
    }
    // A run ends at the first half that is young, or was stored in this very moment, unless that was asked about too often already: being asked about for the
    // last time, a half is stored again and given up when the same run comes to it (TransactionalMessageServiceImpl#check looks at needDiscard first).
    let ended = false;
    const storedAgain: Half[] = [];
    for (const half of this.inOrder()) {
      const at = asked.get(half.body);
      const place = { queueOffset: String(at?.['tranStateTableOffset']), phyOffset: String(at?.['commitLogOffset']), storedMs: nowMs };
      if (half.state === 'given up' && at !== undefined) throw new Error(`${half.body} was given up and is asked about`);
      if (half.state === 'committed' || half.state === 'rolled back') {
        if (at === undefined) continue;
        if (!half.noteUnsure) throw new Error(`${half.body} is ${half.state}, and asked about`);
        if (++half.asked >= checkMax) half.mayBeGivenUp = true;
        storedAgain.push(half);
        Object.assign(half, place);
        await this.decide(half, half.state === 'committed');
      }
      if (half.state !== 'open') continue;
      const ageMs = nowMs - half.bornMs;
      if (at === undefined) {
        if (ended) continue;
        if (half.asked >= checkMax) half.state = 'given up';
        else if (ageMs <= timeoutMs || half.storedMs >= nowMs) ended = true;
        else throw new Error(`${half.body} is undecided for ${ageMs} ms, was asked about ${half.asked} times, and is not asked about`);
        continue;
      }
      if (ageMs <= timeoutMs) throw new Error(`${half.body} is asked about after ${ageMs} ms`);
      if (half.asked >= checkMax) throw new Error(`${half.body} is asked about a ${half.asked + 1}th time`);
      half.asked++;
      storedAgain.push(half);
      Object.assign(half, place);
    }
    for (const half of ended ? [] : storedAgain.sort((a, b) => Number(a.queueOffset) - Number(b.queueOffset))) {
      if (half.asked < checkMax) break;
      if (half.state === 'open') half.state = 'given up';
    }
  }

  /** As they lie in the half topic. */
  private inOrder(): readonly Half[] {
    return [...this.halves].sort((a, b) => Number(a.queueOffset) - Number(b.queueOffset));
  }

  private async restart(how: 'stop' | 'kill'): Promise<void> {
    const { disk, clock } = this.c;
    if (how === 'stop') await this.c.stop();
    else {
      // Without it checks begin again where they were at the last save, and ask once more about what they stored again since, as Apache's do.
      this.c.broker.offsets.save();
      await pump(this.c, new Promise((resolve) => { setTimeout(resolve, 5); }));
      disk.crash();
      disk.restart('kill');
      for (const half of this.halves) if (half.state === 'committed' || half.state === 'rolled back') half.noteUnsure = true;
    }
    this.c = await World.broker(disk, new ManualClock(clock.nowMs()));
  }

  private async bodies(topic: string, queueId: number): Promise<string[]> {
    const queue = this.c.store.queue(topic, queueId);
    const found: string[] = [];
    for (const unit of await this.c.store.units(queue, queue.minOffset, 1000)) {
      const record = await this.c.store.record(unit.phyOffset);
      const view = new RecordView();
      if (record !== undefined && readRecord(view, record, 0, record.length) === 'record') found.push(decodeMessage(view).body.toString());
    }
    return found;
  }

  private async look(): Promise<void> {
    const shown = [...await this.bodies('T', 0), ...await this.bodies('T', 1)].sort();
    expect(shown).toEqual(this.halves.flatMap((half) => Array.from({ length: half.commits }, () => half.body)).sort());
    const givenUp = new Set(await this.bodies(givenUpTopic, 0));
    for (const half of this.halves) if (half.mayBeGivenUp && half.state !== 'given up') givenUp.delete(half.body);
    expect(givenUp).toEqual(new Set(this.halves.filter((half) => half.state === 'given up').map((half) => half.body)));
  }

  /** In the end each half is decided or given up. */
  async end(): Promise<void> {
    for (let round = 0; round < checkMax + 2 && this.halves.some((half) => half.state === 'open'); round++) {
      this.c.clock.advance(timeoutMs + 1);
      await this.check();
      await this.look();
    }
    expect(this.halves.filter((half) => half.state === 'open').map((half) => half.body)).toEqual([]);
    await this.c.stop();
  }
}

test('halves, decisions, checks, stops and kills in any order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.nat(), async (steps, seed) => {
      const world = await World.open(simulatedDisk(seed));
      for (const one of steps) await world.run(one);
      await world.end();
    }),
    { numRuns: runs, interruptAfterTimeLimit: boxMs, markInterruptAsFailure: false },
  );
}, 240_000);
