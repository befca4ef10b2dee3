/**
 * What consumers of a group agree on, against a plain model, on the simulated clock and disk: who is in the group, which queues the broker assigns to each, how far
 * each queue is consumed and to where it was reset. Clients come, go and are silent; messages come; offsets are committed, asked for and reset; brokers stop and are killed.
 */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { RequestName } from '../../codec/requests.js';
import { ManualClock } from '../../remoting/clocks.js';
import { simulatedDisk, type SimulatedDisk } from '../../store/simulated-disk.js';
import { Composed, Peer, pump, settle } from './testdata/composed.js';
import type { Answer, Ask } from './testdata/composed.js';

/** The property ends by then, after however many runs; a failing one prints its seed. */
const boxMs = 15_000;
const runs = Number(process.env['SKYLARK_CONSUMING_RUNS'] ?? 60);
const topic = 'T';
const queues = 5;
const groups = ['g', 'h'] as const;
/** `flushConsumerOffsetInterval`: what was committed longer ago is on disk. */
const saveMs = 5000;
const queryNotFound = 22;

type Group = (typeof groups)[number];
type Step =
  | { readonly do: 'send'; readonly queueId: number }
  | { readonly do: 'commit' | 'query' | 'pull' | 'reset'; readonly group: Group; readonly queueId: number; readonly offset: number }
  | { readonly do: 'join' | 'leave' | 'vanish'; readonly group: Group; readonly client: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'restart'; readonly how: 'stop' | 'kill' };

const queueId = fc.nat(queues - 1);
const group = fc.constantFrom(...groups);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), queueId }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('commit' as const, 'commit' as const, 'query' as const, 'pull' as const, 'reset' as const), group, queueId, offset: fc.nat(4) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'join' as const, 'leave' as const, 'vanish' as const), group, client: fc.nat(6) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(100, saveMs + 100, 20_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), how: fc.constantFrom('stop' as const, 'kill' as const) }) },
);

/** What a queue's offset may be after a kill: any that was committed since it was saved. */
interface Offset {
  now: number | undefined;
  /** On disk for sure, and what came after it. */
  since: (number | undefined)[];
}

class World {
  c: Composed;
  private readonly sent = new Array<number>(queues).fill(0);
  private readonly offsets = new Map<string, Offset>();
  /** Resets that wait for the next pull. */
  private readonly resets = new Map<string, number>();
  private readonly members = new Map<Group, Map<string, Peer>>(groups.map((one) => [one, new Map<string, Peer>()]));

  constructor(c: Composed) {
    this.c = c;
  }

  static async open(disk: SimulatedDisk): Promise<World> {
    const world = new World(await World.broker(disk, new ManualClock()));
    await world.ok('UPDATE_AND_CREATE_TOPIC', { ext: { topic, defaultTopic: 'TBW102', readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6', topicFilterType: 'SINGLE_TAG', order: 'false' } });
    for (const groupName of groups) await world.ok('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: JSON.stringify({ groupName }) });
    return world;
  }

  private static async broker(disk: SimulatedDisk, clock: ManualClock): Promise<Composed> {
    const c = await Composed.open({ brokerName: 'broker-a', flushConsumerOffsetInterval: String(saveMs) }, disk, { clock });
    await pump(c, c.broker.start());
    return c;
  }

  private ask(name: RequestName, ask: Ask): Promise<Answer> {
    return pump(this.c, this.c.ask(name, ask));
  }

  private async ok(name: RequestName, ask: Ask): Promise<Answer> {
    const answer = await this.ask(name, ask);
    if (answer.code !== 0) throw new Error(`${name}: ${answer.code} ${answer.remark ?? ''}`);
    return answer;
  }

  async run(one: Step): Promise<void> {
    switch (one.do) {
      case 'send':
        await this.ok('SEND_MESSAGE_V2', { ext: { a: 'p', b: topic, c: 'TBW102', d: '4', e: String(one.queueId), f: '0', g: '1700000000000', h: '0', i: '', j: '0' }, body: 'x' });
        this.sent[one.queueId] = (this.sent[one.queueId] ?? 0) + 1;
        break;
      case 'commit': {
        const answer = await this.ok('UPDATE_CONSUMER_OFFSET', { ext: this.place(one, { commitOffset: String(one.offset) }) });
        const waits = this.resets.has(nameOf(one));
        expect(answer.remark).toBe(waits ? 'Offset has been previously reset' : undefined);
        if (!waits) this.set(nameOf(one), one.offset);
        break;
      }
      case 'query':
        await this.look(one.group, one.queueId);
        break;
      case 'reset': {
        const answer = await this.ask('INVOKE_BROKER_TO_RESET_OFFSET', { ext: { topic, group: one.group, queueId: String(one.queueId), offset: String(one.offset), timestamp: '-1', isForce: 'true' } });
        const max = this.sent[one.queueId] ?? 0;
        expect(answer.code).toBe(one.offset > max + 1 ? 1 : 0);
        if (answer.code !== 0) break;
        this.resets.set(nameOf(one), one.offset);
        this.set(nameOf(one), one.offset);
        break;
      }
      case 'pull': {
        const answer = await this.ask('PULL_MESSAGE', { ext: {
          consumerGroup: one.group, topic, queueId: String(one.queueId), queueOffset: String(one.offset), maxMsgNums: '32', sysFlag: '4', commitOffset: '0', suspendTimeoutMillis: '0', subscription: '*', subVersion: '0', expressionType: 'TAG',
        } });
        const reset = this.resets.get(nameOf(one));
        if (reset !== undefined) {
          // PULL_OFFSET_MOVED: the client goes on where it was sent.
          expect([answer.code, String(answer.header['nextBeginOffset'])]).toEqual([21, String(reset)]);
          this.resets.delete(nameOf(one));
        } else if (one.offset < (this.sent[one.queueId] ?? 0)) expect([answer.code, String(answer.header['nextBeginOffset'])]).toEqual([0, String(this.sent[one.queueId])]);
        break;
      }
      case 'join':
        await this.join(one.group, one.client);
        break;
      case 'leave':
      case 'vanish': {
        const clientId = `c${one.client}`;
        const peer = this.members.get(one.group)?.get(clientId);
        if (peer === undefined) break;
        if (one.do === 'leave') await this.ok('UNREGISTER_CLIENT', { peer, ext: { clientID: clientId, consumerGroup: one.group } });
        else {
          peer.close();
          this.c.broker.consumers.connectionClosed(peer);
        }
        this.members.get(one.group)?.delete(clientId);
        break;
      }
      case 'pass':
        await this.pass(one.ms);
        break;
      case 'restart':
        await this.restart(one.how);
    }
    await this.agree();
  }

  private place({ group: consumerGroup, queueId: id }: { readonly group: string; readonly queueId: number }, more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { consumerGroup, topic, queueId: String(id), ...more };
  }

  private set(name: string, offset: number): void {
    const known = this.offsets.get(name) ?? { now: undefined, since: [undefined] };
    known.now = offset;
    known.since.push(offset);
    this.offsets.set(name, known);
  }

  private async look(of: Group, id: number): Promise<void> {
    const answer = await this.ask('QUERY_CONSUMER_OFFSET', { ext: this.place({ group: of, queueId: id }, { setZeroIfNotFound: 'false' }) });
    const { now } = this.offsets.get(nameOf({ group: of, queueId: id })) ?? { now: undefined };
    expect([of, id, answer.code === 0 ? answer.header['offset'] : answer.code]).toEqual([of, id, now ?? queryNotFound]);
  }

  /** Heartbeats of the living go on while time passes. */
  private async pass(ms: number): Promise<void> {
    for (const [of, members] of this.members) for (const [clientId, peer] of members) await this.beat(of, clientId, peer);
    for (let left = ms; left > 0; left -= 1000) {
      this.c.clock.advance(Math.min(1000, left));
      await settle(this.c, 10);
    }
    if (ms > saveMs) for (const one of this.offsets.values()) one.since = [one.now];
  }

  private async join(of: Group, client: number): Promise<void> {
    const members = this.members.get(of) ?? new Map<string, Peer>();
    const peer = members.get(`c${client}`) ?? new Peer(10 + client + (of === 'g' ? 0 : 100));
    members.set(`c${client}`, peer);
    await this.beat(of, `c${client}`, peer);
  }

  private async beat(groupName: Group, clientID: string, peer: Peer): Promise<void> {
    await this.ok('HEART_BEAT', { peer, body: JSON.stringify({
      clientID, heartbeatFingerprint: 0, withoutSub: false, producerDataSet: [],
      consumerDataSet: [{ groupName, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', unitMode: false, subscriptionDataSet: [{ topic, subVersion: 1, subString: '*', tagsSet: [], codeSet: [], expressionType: 'TAG', classFilterMode: false }] }],
    }) });
  }

  /** After a stop nothing is forgotten but who was there and which resets wait; after a kill, offsets that were not saved yet. */
  private async restart(how: 'stop' | 'kill'): Promise<void> {
    const { disk, clock } = this.c;
    if (how === 'stop') await this.c.stop();
    else {
      disk.crash();
      disk.restart('kill');
    }
    this.c = await World.broker(disk, new ManualClock(clock.nowMs()));
    for (const members of this.members.values()) members.clear();
    this.resets.clear();
    for (const [name, one] of this.offsets) {
      const [of = '', id = ''] = name.split(' ');
      const answer = await this.ask('QUERY_CONSUMER_OFFSET', { ext: this.place({ group: of, queueId: Number(id) }, { setZeroIfNotFound: 'false' }) });
      const found = answer.code === 0 ? Number(answer.header['offset']) : undefined;
      if (how === 'stop') expect([name, found]).toEqual([name, one.now]);
      else expect(one.since).toContain(found);
      one.now = found;
      one.since = [found];
    }
  }

  /** Members, bounds and assignments, as everybody is told them. */
  private async agree(): Promise<void> {
    for (let id = 0; id < queues; id++) {
      const [max, min] = [await this.ok('GET_MAX_OFFSET', { ext: { topic, queueId: String(id) } }), await this.ok('GET_MIN_OFFSET', { ext: { topic, queueId: String(id) } })];
      expect([max.header['offset'], min.header['offset']]).toEqual([this.sent[id], 0]);
    }
    for (const [of, members] of this.members) {
      const list = await this.ask('GET_CONSUMER_LIST_BY_GROUP', { ext: { consumerGroup: of } });
      const ids = list.code === 0 ? (JSON.parse(list.body) as { consumerIdList: string[] }).consumerIdList : [];
      expect([...ids].sort()).toEqual([...members.keys()].sort());
      for (const strategyName of ['AVG', 'AVG_BY_CIRCLE']) await this.allocated(of, [...members.keys()].sort(), strategyName);
    }
  }

  /** Each queue has one client; no two clients differ by more than one queue, and the first ones have more. */
  private async allocated(of: Group, clients: readonly string[], strategyName: string): Promise<void> {
    const shares: number[][] = [];
    for (const clientId of clients) {
      const answer = await this.ok('QUERY_ASSIGNMENT', { body: JSON.stringify({ topic, consumerGroup: of, clientId, strategyName, messageModel: 'CLUSTERING' }) });
      const { messageQueueAssignments } = JSON.parse(answer.body) as { messageQueueAssignments: { messageQueue: { queueId: number } }[] };
      shares.push(messageQueueAssignments.map((one) => one.messageQueue.queueId));
    }
    if (clients.length === 0) return;
    expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: queues }, (_, id) => id));
    expect(shares.map((share) => share.length)).toEqual(clients.map((_, i) => Math.floor(queues / clients.length) + (i < queues % clients.length ? 1 : 0)));
    for (const share of shares) for (let i = 1; i < share.length; i++) expect((share[i] ?? 0) - (share[i - 1] ?? 0)).toBe(strategyName === 'AVG' ? 1 : clients.length);
  }

  async end(): Promise<void> {
    for (const of of groups) for (let id = 0; id < queues; id++) await this.look(of, id);
    await this.c.stop();
  }
}

const nameOf = ({ group: of, queueId: id }: { readonly group: string; readonly queueId: number }): string => `${of} ${id}`;

test('members, assignments, offsets and resets, through stops and kills', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), fc.nat(), async (steps, seed) => {
      const world = await World.open(simulatedDisk(seed));
      for (const one of steps) await world.run(one);
      await world.end();
    }),
    { numRuns: runs, interruptAfterTimeLimit: boxMs, markInterruptAsFailure: false },
  );
}, 240_000);
