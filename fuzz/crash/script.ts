/**
 * What a broker is asked to do while its machine is stopped at every operation of its disk, and what it acknowledged of it. Each promise is written down when
 * the answer came, each attempt before it is made.
 */
import type { Context } from '../../conformance/kit/context.js';
import { EndpointError } from '../../conformance/kit/connection.js';
import { req } from '../../conformance/kit/codes.js';
import { ackOf } from '../../conformance/kit/cases/pop/support.js';
import { phyOffsetOf } from '../../conformance/kit/wire/record.js';
import type { Machine } from '../sim/machine.js';
import type { World } from '../sim/world.js';

/** Something acknowledged, at a time of the world. */
export type Promised = { readonly at: number } & (
  | { readonly what: 'message'; readonly topic: string; readonly queueId: number; readonly queueOffset: number; readonly key: string }
  /** It comes to its topic in the end. */
  | { readonly what: 'comes'; readonly topic: string; readonly key: string }
  /** It never does. */
  | { readonly what: 'never'; readonly topic: string; readonly key: string }
  | { readonly what: 'topic' | 'noTopic' | 'group' | 'noGroup'; readonly name: string }
  | { readonly what: 'offset'; readonly group: string; readonly topic: string; readonly queueOffset: number }
  | { readonly what: 'taken'; readonly key: string }
);

/** A clean stop in the middle, and so many stages. */
export const topics = { plain: 'Plain', delayed: 'Delayed', decided: 'Decided', popped: 'Popped', short: 'ShortLived', sentTo: 'MadeBySend' } as const;
export const groups = { reader: 'Reader', popper: 'Popper', short: 'ShortLivedGroup' } as const;
export const popInvisibleMs = 1500;

export class Script {
  readonly promised: Promised[] = [];
  /** Keys that were ever sent to a topic, with their bodies. */
  readonly tried = new Map<string, string>();
  /** Files that retention may take were asked to go. */
  expired = false;
  /** Names under change when the end came: either state is right. */
  readonly unsure = new Set<string>();
  private readonly t: Context;
  private readonly world: World;
  private readonly machine: Machine;
  private serial = 0;

  constructor(t: Context, world: World, machine: Machine) {
    this.t = t;
    this.world = world;
    this.machine = machine;
  }

  /** Everything, once. Rejects when the machine goes down on the way. */
  async run(): Promise<void> {
    const { plain, delayed, decided, popped, short, sentTo } = topics;
    for (const [topic, queues] of [[plain, 2], [delayed, 1], [decided, 1], [popped, 1]] as const) await this.makeTopic(topic, queues);
    for (const group of [groups.reader, groups.popper]) await this.makeGroup(group);
    await this.sends(plain, 2);
    await this.sends(sentTo, 1, 1);
    this.promise({ what: 'topic', name: sentTo });
    await this.sends(sentTo, 1, 2);
    await this.batch(plain);
    await this.delays(delayed);
    await this.transactions(decided);
    await this.sends(popped, 1, 3);
    await this.pops(popped);
    await this.commit(plain, 2);
    await this.world.sleep(1300);
    await this.makeTopic(short, 1);
    await this.makeGroup(groups.short);
    await this.sends(short, 1, 2);
    await this.dropTopic(short);
    await this.dropGroup(groups.short);
    await this.sends(plain, 2, 4, 1800);
    await this.machine.stop();
    await this.machine.start();
    await this.sends(plain, 2, 3, 1500);
    await this.commit(plain, 4);
    await this.delays(delayed);
    await this.transactions(decided);
    await this.world.sleep(1200);
    this.machine.diskAgeMs = 0;
    await this.sends(plain, 2, 3, 900);
    this.expired = true;
    await this.ask('DELETE_EXPIRED_COMMITLOG', this.t.request(req.DELETE_EXPIRED_COMMITLOG));
    await this.sends(plain, 2, 2);
    await this.world.sleep(900);
    await this.machine.stop();
  }

  /** The answer, which must be a success. */
  private async ask<A extends { readonly code: number; readonly remark: string | undefined }>(what: string, answer: Promise<A>): Promise<A> {
    const got = await answer;
    // What a machine says that is down already: the answer of a store that just met its end.
    if (got.code !== 0) throw new EndpointError('closed', `${what}: ${got.code} ${got.remark ?? ''}`);
    return got;
  }

  private promise(one: Promised extends infer P ? P extends Promised ? Omit<P, 'at'> : never : never): void {
    this.promised.push({ ...one, at: this.world.now });
  }

  private async makeTopic(topic: string, queues: number): Promise<void> {
    this.unsure.add(topic);
    await this.ask('topic', this.t.request(req.UPDATE_AND_CREATE_TOPIC, {
      topic, defaultTopic: 'TBW102', readQueueNums: queues, writeQueueNums: queues, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false,
    }));
    this.unsure.delete(topic);
    this.promise({ what: 'topic', name: topic });
  }

  private async dropTopic(topic: string): Promise<void> {
    this.unsure.add(topic);
    await this.ask('delete topic', this.t.request(req.DELETE_TOPIC_IN_BROKER, { topic }));
    this.unsure.delete(topic);
    this.promise({ what: 'noTopic', name: topic });
  }

  private async makeGroup(groupName: string): Promise<void> {
    this.unsure.add(groupName);
    await this.ask('group', this.t.request(req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, { body: JSON.stringify({
      groupName, consumeEnable: true, consumeFromMinEnable: true, consumeBroadcastEnable: true, consumeMessageOrderly: false, retryQueueNums: 1, retryMaxTimes: 16, brokerId: 0,
      whichBrokerWhenConsumeSlowly: 1, notifyConsumerIdsChangedEnable: true,
    }) }));
    this.unsure.delete(groupName);
    this.promise({ what: 'group', name: groupName });
  }

  private async dropGroup(groupName: string): Promise<void> {
    this.unsure.add(groupName);
    await this.ask('delete group', this.t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName, cleanOffset: true }));
    this.unsure.delete(groupName);
    this.promise({ what: 'noGroup', name: groupName });
  }

  private message(topic: string, bytes = 20): { readonly key: string; readonly body: string } {
    const key = `${topic}-${++this.serial}`;
    const body = `${key} ${'.'.repeat(bytes)}`;
    this.tried.set(key, body);
    return { key, body };
  }

  private async sends(topic: string, queues: number, count = 3, bytes = 20): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { key, body } = this.message(topic, bytes);
      const queueId = i % queues;
      const form = i % 2 === 0 ? 'V2' : 'V1';
      const sent = await this.ask('send', this.t.send(topic, { body, queueId, keys: key, tags: i % 2 === 0 ? 'a' : 'b', properties: { UNIQ_KEY: `U${key}` }, form }));
      this.promise({ what: 'message', topic, queueId: sent.queueId, queueOffset: sent.queueOffset, key });
    }
  }

  private async batch(topic: string): Promise<void> {
    const all = [this.message(topic), this.message(topic), this.message(topic)];
    const sent = await this.ask('batch', this.t.sendBatch(topic, all.map(({ key, body }) => ({ body, properties: { KEYS: key, UNIQ_KEY: `U${key}` } })), { queueId: 1 }));
    for (const [i, { key }] of all.entries()) this.promise({ what: 'message', topic, queueId: 1, queueOffset: sent.queueOffset + i, key });
  }

  private async delays(topic: string): Promise<void> {
    for (const properties of [{ DELAY: '1' }, { TIMER_DELAY_SEC: '2' }, { TIMER_DELIVER_MS: String(Math.round(this.world.nowMs() + 1500)) }]) {
      const { key, body } = this.message(topic);
      await this.ask('delayed send', this.t.send(topic, { body, keys: key, properties: { UNIQ_KEY: `U${key}`, ...properties } }));
      this.promise({ what: 'comes', topic, key });
    }
  }

  private async transactions(topic: string): Promise<void> {
    for (const end of ['commit', 'rollback', 'commit', undefined] as const) {
      const { key, body } = this.message(topic);
      const half = await this.ask('half', this.t.send(topic, { body, keys: key, sysFlag: 4, group: 'Decider', properties: { UNIQ_KEY: `U${key}`, TRAN_MSG: 'true', PGROUP: 'Decider' } }));
      if (end === undefined) {
        this.promise({ what: 'never', topic, key });
        continue;
      }
      if (end === 'rollback') this.promise({ what: 'never', topic, key });
      await this.ask(end, this.t.request(req.END_TRANSACTION, {
        topic, producerGroup: 'Decider', tranStateTableOffset: Number(half.ext['queueOffset']), commitLogOffset: phyOffsetOf(half.msgId) ?? 0,
        commitOrRollback: end === 'commit' ? 8 : 12, fromTransactionCheck: false, msgId: half.ext['transactionId'] ?? '', transactionId: half.ext['transactionId'] ?? '',
      }));
      if (end === 'commit') this.promise({ what: 'comes', topic, key });
    }
  }

  private async pops(topic: string): Promise<void> {
    const popped = await this.ask('pop', this.t.pop(topic, groups.popper, { max: 2, invisibleMs: popInvisibleMs }));
    const [first] = popped.messages;
    if (first === undefined) return;
    await this.ask('ack', ackOf(this.t, groups.popper, popped, first));
    this.promise({ what: 'taken', key: first.properties['KEYS'] ?? '' });
  }

  private async commit(topic: string, queueOffset: number): Promise<void> {
    await this.ask('commit', this.t.commitOffset(groups.reader, topic, 0, queueOffset));
    this.promise({ what: 'offset', group: groups.reader, topic, queueOffset });
  }
}
