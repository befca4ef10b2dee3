/**
 * What every gRPC library is driven through, the same for all: what is sent, who consumes, and what must hold of the events. All scenarios of all
 * libraries run at the same time on one broker, since most of their time is waiting. Starting them is `grpc-sdks.interop.test.ts`.
 */
import { expect } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { duplicates, early, fromNowhere, lost, type Sent } from '../history.js';
import { code, type RawClient } from '../raw-client.js';
import { eventually, type Event, type OutgoingMessage, type SdkDriver, type SdkName, type SendMode } from '../sdk-driver.js';

type GrpcSdk = Extract<SdkName, `grpc-${string}`>;
type TopicType = 'NORMAL' | 'FIFO' | 'DELAY' | 'TRANSACTION' | 'PRIORITY' | 'LITE';

/** What a gRPC library may lack. */
export type GrpcFeature = 'push' | 'priority' | 'recall' | 'change' | 'fifoRetry' | 'fifoWaits' | 'lite' | 'liteTold' | 'remoting';

const all: readonly GrpcFeature[] = ['push', 'priority', 'recall', 'change', 'fifoRetry', 'fifoWaits', 'lite', 'liteTold'];

export const grpcFeatures: Readonly<Record<GrpcSdk, readonly GrpcFeature[]>> = {
  'grpc-java': all,
  // Goes on behind a FIFO message while that waits to be tried again (`fifoConsumeService#consumeIteratively`).
  'grpc-go': all.filter((one) => one !== 'fifoWaits' && !one.startsWith('lite')),
  'grpc-python': all.filter((one) => !one.startsWith('lite')),
  // A FIFO message that was not taken goes to the dead letter queue at once. NotifyUnsubscribeLiteCommand reaches no consumer (TelemetrySession has no case for it).
  'grpc-node': all.filter((one) => one !== 'fifoRetry' && one !== 'fifoWaits' && one !== 'liteTold'),
  // Sends, and receives with simple consumers.
  'grpc-rust': [],
};

export interface Setting {
  readonly sdk: SdkDriver;
  readonly broker: Pick<RawClient, 'ask' | 'readQueue'>;
  /** Apache's Java client of the remoting protocol on the same broker, where there is Java. */
  readonly remoting: SdkDriver | undefined;
  /** Runs when few others start clients or send: libraries give up after 3 s, which a machine with five of them at once may need. */
  gate<T>(run: () => Promise<T>): Promise<T>;
  /** Whether the library has this. */
  has(feature: GrpcFeature): boolean;
  /** A fresh name of this run. */
  name(of: string): string;
  /** A fresh topic of that type on all brokers, or `onOne` of them, once the name server knows it. */
  topic(of: string, type: TopicType, queues?: number, onOne?: 'onOne'): Promise<string>;
  /** A fresh group. */
  group(of: string, more?: Readonly<Record<string, boolean | number | Readonly<Record<string, string>>>>): Promise<string>;
}

export interface Scenario {
  readonly title: string;
  readonly needs?: GrpcFeature;
  run(setting: Setting): Promise<void>;
}

/** How long a message may take on a busy machine; no scenario waits so long when all is well. */
const patienceMs = 90_000;

/** Long enough for what must not come to have come. */
const quietMs = 1500;

/** The shortest that the endpoint takes for a receive. */
const invisibleMs = 10_000;

/** How long a delivery may be under way from the broker, where its invisible time begins, to the event: libraries start side by side on a busy machine. */
const tripMs = 5000;

interface Consume {
  readonly style?: 'push' | 'simple' | 'lite';
  readonly expression?: string;
  readonly expressionType?: 'SQL92';
  readonly fail?: 'once' | 'always';
  readonly invisibleMs?: number;
  readonly changeMs?: number;
  readonly batch?: number;
  readonly serverRebalance?: boolean;
}

function messages(prefix: string, count: number, more: (i: number) => Partial<OutgoingMessage> = () => ({})): OutgoingMessage[] {
  return Array.from({ length: count }, (_, i) => ({ key: `${prefix}-${i}`, body: `body of ${prefix}-${i}: ü \u{1f680}`, ...more(i) }));
}

async function consume(setting: Setting, group: string, topic: string, { style = 'push', ...more }: Consume = {}, by: SdkDriver = setting.sdk): Promise<string> {
  const as = setting.name(`consumer_${randomBytes(4).toString('hex')}_of_${group}`);
  await setting.gate(() => by.command('subscribe', { as, group, topic, ...(style === 'push' ? {} : { style }), invisibleMs, ...more }, patienceMs));
  return as;
}

function send(setting: Setting, topic: string, mode: SendMode, list: readonly OutgoingMessage[], by: SdkDriver = setting.sdk): Promise<Sent[]> {
  return setting.gate(() => by.send(topic, mode, list));
}

/** The styles of consumers the library has. */
const styles = (setting: Setting): readonly ('push' | 'simple')[] => (setting.has('push') ? ['push', 'simple'] : ['simple']);

const untaken = (sent: readonly Sent[], sdk: SdkDriver, ...names: string[]): string[] => lost(sent, sdk.received(...names));

/** Everything came as it was sent, and was taken once. */
function exactly(sent: readonly Sent[], sdk: SdkDriver, ...names: string[]): void {
  const received = sdk.received(...names);
  expect(fromNowhere(sent, received)).toEqual([]);
  expect(duplicates(received.filter((one) => one.taken), 0).violations).toEqual([]);
}

/** The keys of each message group in the order they were delivered. */
function byGroup(events: readonly Event[]): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  for (const event of events) (out[event.shard ?? ''] ??= []).push(event.key ?? '');
  return out;
}

async function deadLetters(broker: Setting['broker'], group: string): Promise<string[]> {
  return (await broker.readQueue(`%DLQ%${group}`, 0).catch(() => [])).map((record) => record.properties['KEYS'] ?? '');
}

export const scenarios: readonly Scenario[] = [
  {
    title: 'plain messages come whole, once each, to consumers of every kind',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('plain', 'NORMAL');
      const names = await Promise.all(styles(setting).map(async (style) => consume(setting, await setting.group(`plain_${style}`), topic, { style })));
      const sent = await send(setting, topic, 'sync', messages('plain', 30, (i) => ({ ...(i % 3 === 0 ? { tag: 'TagA' } : {}), properties: { colour: 'blue', number: `${i}` } })));
      for (const as of names) await eventually(`${as} took all`, patienceMs, () => untaken(sent, sdk, as));
      await sleep(quietMs);
      for (const as of names) {
        exactly(sent, sdk, as);
        const heard = sdk.heard('received', as);
        const ids = new Map(sent.map((one) => [one.key, one.msgId]));
        expect(heard.map((one) => [one.key, one.msgId])).toEqual(heard.map((one) => [one.key, ids.get(one.key ?? '')]));
        expect(heard.map((one) => one.reconsume)).toEqual(heard.map(() => 0));
        expect(heard.map((one) => one.properties)).toEqual(heard.map((one) => expect.objectContaining({ colour: 'blue', number: one.key?.split('-')[1] })));
        expect(heard.filter((one) => (one.bornHost ?? '') === '')).toEqual([]);
      }
    },
  },
  {
    title: 'message groups keep their order',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('fifo', 'FIFO');
      const names = await Promise.all(styles(setting).map(async (style) => consume(setting, await setting.group(`fifo_${style}`, { consumeMessageOrderly: true }), topic, { style, ...(style === 'push' && setting.has('fifoWaits') ? { fail: 'once' } : {}) })));
      const sent = await send(setting, topic, 'sync', messages('fifo', 24, (i) => ({ shard: `group ${i % 3}` })));
      for (const as of names) await eventually(`${as} took all`, patienceMs, () => untaken(sent, sdk, as));
      for (const as of names) {
        exactly(sent, sdk, as);
        const taken = sdk.heard('received', as).filter((one) => one.taken === true);
        expect(byGroup(taken)).toEqual(Object.fromEntries([0, 1, 2].map((n) => [`group ${n}`, sent.filter((_, i) => i % 3 === n).map((one) => one.key)])));
      }
    },
  },
  {
    title: 'delayed messages are not early',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('delay', 'DELAY');
      const as = await consume(setting, await setting.group('delay'), topic, { style: setting.has('push') ? 'push' : 'simple' });
      const delayMs = (i: number): number => 1000 * (1 + (i % 3));
      const sent = (await send(setting, topic, 'sync', messages('delay', 9, (i) => ({ delayMs: delayMs(i) })))).map((one, i) => ({ ...one, delayMs: delayMs(i) }));
      await eventually('all were taken', patienceMs, () => untaken(sent, sdk, as));
      exactly(sent, sdk, as);
      expect(early(sent, sdk.received(as))).toEqual([]);
    },
  },
  {
    title: 'a delayed message is recalled',
    needs: 'recall',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('recall', 'DELAY');
      const as = await consume(setting, await setting.group('recall'), topic, { style: 'simple' });
      // the send that makes the producer may be slow
      await send(setting, topic, 'sync', messages('first', 1, () => ({ delayMs: 1000 })));
      const [second, recalled] = await setting.gate(async () => {
        const events = await sdk.command('send', { topic, mode: 'sync', messages: messages('recall', 3, () => ({ delayMs: 10_000 })) });
        expect(events.map((one) => one.recallHandle ?? '')).not.toContain('');
        return [events[1], (await sdk.command('recall', { topic, recallHandle: events[1]?.recallHandle }))[0]];
      });
      expect(recalled?.msgId).toBe(second?.msgId);
      await eventually('the others came', patienceMs, () => ['recall-0', 'recall-2'].filter((key) => !sdk.heard('received', as).some((one) => one.key === key)));
      await sleep(quietMs);
      expect(sdk.heard('received', as).map((one) => one.key).sort()).toEqual(['first-0', 'recall-0', 'recall-2']);
    },
  },
  {
    title: 'transactions: what is committed comes, by the producer or when it is asked, nothing else',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('transaction', 'TRANSACTION');
      const as = await consume(setting, await setting.group('transaction'), topic, { style: setting.has('push') ? 'push' : 'simple' });
      const kinds = [{ decision: 'commit' }, { decision: 'rollback' }, { decision: 'open', properties: { answer: 'commit' } }, { decision: 'open', properties: { answer: 'rollback' } }] as const;
      const sent = await send(setting, topic, 'transaction', messages('transaction', 8, (i) => kinds[i % 4] ?? kinds[0]));
      const wanted = sent.filter((_, i) => i % 2 === 0);
      await eventually('what is committed was taken', patienceMs, () => untaken(wanted, sdk, as));
      const asked = (): string[] => sent.filter((_, i) => i % 4 > 1).map((one) => one.key).filter((key) => !sdk.heard('checked', topic).some((one) => one.key === key));
      await eventually('the producer was asked about the open ones', patienceMs, asked);
      await sleep(quietMs);
      exactly(wanted, sdk, as);
    },
  },
  {
    title: 'filters let through what matches, and nothing else',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('filter', 'NORMAL');
      const style = setting.has('push') ? 'push' : 'simple';
      const tags = await consume(setting, await setting.group('filter_tags'), topic, { style, expression: 'red || blue' });
      const sql = await consume(setting, await setting.group('filter_sql'), topic, { style: 'simple', expression: "TAGS IN ('red', 'green') AND weight > 4", expressionType: 'SQL92' });
      const colours = ['red', 'blue', 'green', 'reds'];
      const sent = await send(setting, topic, 'sync', messages('filter', 24, (i) => ({ tag: colours[i % 4] ?? '', properties: { weight: `${i % 10}` } })));
      const wanted = { [tags]: sent.filter((_, i) => i % 4 < 2), [sql]: sent.filter((_, i) => i % 2 === 0 && i % 10 > 4) };
      for (const [as, expected] of Object.entries(wanted)) await eventually(`${as} took what matches`, patienceMs, () => untaken(expected, sdk, as));
      await sleep(quietMs);
      for (const [as, expected] of Object.entries(wanted)) exactly(expected, sdk, as);
    },
  },
  {
    title: 'messages of a higher priority come first',
    needs: 'priority',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('priority', 'PRIORITY', 4, 'onOne');
      const group = await setting.group('priority');
      // a new group begins behind what is there: it is made known first, and has nobody while messages gather
      const before = await consume(setting, group, topic, { style: 'simple' });
      await sleep(quietMs);
      await sdk.command('unsubscribe', { as: before }, patienceMs);
      const sent = await send(setting, topic, 'sync', messages('priority', 9, (i) => ({ priority: 1 + (i % 3) })));
      const as = await consume(setting, group, topic, { style: 'simple', batch: 9 });
      await eventually('all were taken', patienceMs, () => untaken(sent, sdk, as));
      exactly(sent, sdk, as);
      const round = sdk.heard('received', as).map((one) => Number(one.key?.split('-')[1]) % 3);
      expect(round).toEqual([...round].sort((a, b) => b - a));
    },
  },
  {
    title: 'what is never taken ends in the dead letter queue after all attempts',
    async run(setting) {
      const { sdk, broker } = setting;
      const topic = await setting.topic('dead', 'NORMAL');
      const group = await setting.group('dead', { retryMaxTimes: 1 });
      const as = await consume(setting, group, topic, { style: setting.has('push') ? 'push' : 'simple', fail: 'always' });
      const sent = await send(setting, topic, 'sync', messages('dead', 3));
      const keys = sent.map((one) => one.key);
      await eventually('all are dead letters', patienceMs, async () => {
        const dead = await deadLetters(broker, group);
        return keys.filter((key) => !dead.includes(key));
      });
      expect((await deadLetters(broker, group)).sort()).toEqual(keys);
      for (const key of keys) expect(sdk.heard('received', as).filter((one) => one.key === key).map((one) => one.reconsume)).toEqual([0, 1]);
    },
  },
  {
    title: 'a message group goes on behind a message that became a dead letter',
    needs: 'push',
    async run(setting) {
      const { sdk, broker } = setting;
      const topic = await setting.topic('dead_fifo', 'FIFO', 2);
      const group = await setting.group('dead_fifo', { retryMaxTimes: 1, consumeMessageOrderly: true });
      const as = await consume(setting, group, topic, { fail: 'always' });
      const sent = await send(setting, topic, 'sync', messages('dead', 3, () => ({ shard: 'one' })));
      const keys = sent.map((one) => one.key);
      await eventually('all are dead letters', patienceMs, async () => {
        const dead = await deadLetters(broker, group);
        return keys.filter((key) => !dead.includes(key));
      });
      const times = setting.has('fifoRetry') ? 2 : 1; // after which the library buries it
      const wanted = keys.flatMap((key) => Array.from({ length: times }, () => key));
      const heard = sdk.heard('received', as).map((one) => one.key ?? '');
      expect(setting.has('fifoWaits') ? heard : heard.sort()).toEqual(wanted);
    },
  },
  {
    title: 'a message that is not acknowledged is invisible for its time, and comes again',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('invisible', 'NORMAL');
      const as = await consume(setting, await setting.group('invisible'), topic, { style: 'simple', fail: 'once' });
      const sent = await send(setting, topic, 'sync', messages('invisible', 12));
      await eventually('all were taken', patienceMs, () => untaken(sent, sdk, as));
      await sleep(quietMs);
      exactly(sent, sdk, as);
      for (const key of ['invisible-0', 'invisible-10']) {
        const [first, second] = sdk.heard('received', as).filter((one) => one.key === key);
        expect([first?.reconsume, second?.reconsume]).toEqual([0, 1]);
        expect((second?.t ?? 0) - (first?.t ?? 0)).toBeGreaterThanOrEqual(invisibleMs - tripMs);
      }
    },
  },
  {
    title: 'an invisible time is changed',
    needs: 'change',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('change', 'NORMAL');
      const as = await consume(setting, await setting.group('change'), topic, { style: 'simple', fail: 'once', invisibleMs: 600_000, changeMs: 3000 });
      const sent = await send(setting, topic, 'sync', messages('change', 12));
      await eventually('all were taken', patienceMs, () => untaken(sent, sdk, as));
      await sleep(quietMs);
      exactly(sent, sdk, as);
      expect(sdk.heard('changed', as).map((one) => one.key).sort()).toEqual(['change-0', 'change-10']);
      for (const key of ['change-0', 'change-10']) {
        const [first, second] = sdk.heard('received', as).filter((one) => one.key === key);
        expect((second?.t ?? 0) - (first?.t ?? 0)).toBeGreaterThanOrEqual(3000);
      }
    },
  },
  {
    title: 'lite topics: a client has those it subscribed to, each in order, and loses one to another of its group',
    needs: 'lite',
    async run(setting) {
      const { sdk } = setting;
      const topic = await setting.topic('lite', 'LITE', 2);
      const group = await setting.group('lite', { consumeMessageOrderly: true, attributes: { '+lite.bind.topic': topic, '+lite.sub.model': 'Exclusive' } });
      const other = await setting.group('lite_other', { consumeMessageOrderly: true, attributes: { '+lite.bind.topic': topic } });
      const [one, two, third] = [await consume(setting, group, topic, { style: 'lite', ...(setting.has('fifoWaits') ? { fail: 'once' } : {}) }), await consume(setting, group, topic, { style: 'lite' }), await consume(setting, other, topic, { style: 'lite' })];
      const lite = (what: string, as: string, name: string, more: object = {}): Promise<readonly Event[]> => sdk.command(what, { as, lite: name, ...more });
      for (const name of ['a', 'b']) await lite('subscribeLite', one, name);
      await lite('subscribeLite', two, 'c');
      const list = messages('lite', 36, (i) => ({ lite: ['a', 'b', 'c', 'd'][i % 4] ?? '' }));
      const sent = await send(setting, topic, 'sync', list);
      const of = (...names: string[]): Sent[] => sent.filter((_, i) => names.includes(list[i]?.lite ?? ''));
      const inOrder = (as: string, name: string, expected: readonly Sent[]): void => {
        const taken = sdk.heard('received', as).filter((event) => event.taken === true && event.lite === name);
        expect(taken.map((event) => event.key)).toEqual(expected.map((event) => event.key));
      };
      await eventually('each took what is its own', patienceMs, () => [...untaken(of('a', 'b'), sdk, one), ...untaken(of('c'), sdk, two)]);
      for (const name of ['a', 'b']) inOrder(one, name, of(name));
      inOrder(two, 'c', of('c'));
      // A group of its own begins at the first message where it says so.
      await lite('subscribeLite', third, 'd', { from: 'min' });
      await eventually('the other group took d from its start', patienceMs, () => untaken(of('d'), sdk, third));
      inOrder(third, 'd', of('d'));
      await lite('unsubscribeLite', two, 'c');
      const left = await send(setting, topic, 'sync', messages('left', 2, () => ({ lite: 'c' })));
      await sleep(quietMs);
      expect(sdk.heard('received', two).filter((event) => left.some(({ key }) => key === event.key))).toEqual([]);
      if (!setting.has('liteTold')) return;
      // In an exclusive group the newest subscriber has the lite topic, and the one before is told.
      await lite('subscribeLite', two, 'a');
      await eventually('the client that lost a knows it', patienceMs, async () => ((await sdk.command('liteTopics', { as: one }))[0]?.lites ?? []).filter((name) => name === 'a'));
      const more = await send(setting, topic, 'sync', messages('more', 6, () => ({ lite: 'a' })));
      await eventually('the new owner took all', patienceMs, () => untaken(more, sdk, two));
      expect(sdk.heard('received', one).filter((event) => event.key?.startsWith('more'))).toEqual([]);
    },
  },
  {
    title: 'remoting and gRPC clients read each other',
    needs: 'remoting',
    async run(setting) {
      const { sdk, remoting } = setting;
      if (remoting === undefined) throw new Error('no remoting client');
      const topic = await setting.topic('mixed', 'NORMAL');
      const here = await consume(setting, await setting.group('mixed_grpc'), topic, { style: 'simple' });
      const there = await consume(setting, await setting.group('mixed_remoting'), topic, {}, remoting);
      const properties = { colour: 'blue' };
      const sent = await send(setting, topic, 'sync', messages('grpc', 10, (i) => ({ ...(i % 2 === 0 ? { tag: 'TagA' } : {}), properties })));
      const told = await send(setting, topic, 'sync', messages('remoting', 10, (i) => ({ ...(i % 2 === 0 ? { tag: 'TagB' } : {}), properties })), remoting);
      const both = [...sent, ...told];
      await eventually('the gRPC consumer took all', patienceMs, () => untaken(both, sdk, here));
      await eventually('the remoting consumer took all', patienceMs, () => untaken(both, remoting, there));
      await sleep(quietMs);
      exactly(both, sdk, here);
      exactly(both, remoting, there);
      // one id on either side; what the remoting client's send answers is the other kind of id, a place in the log
      const idOf = (key: string): string | undefined => sent.find((one) => one.key === key)?.msgId ?? sdk.heard('received', here).find((one) => one.key === key)?.msgId;
      for (const heard of [sdk.heard('received', here), remoting.heard('received', there)]) {
        expect(heard.map((one) => [one.key, one.msgId])).toEqual(heard.map((one) => [one.key, idOf(one.key ?? '')]));
        expect(heard.map((one) => one.properties?.['colour'])).toEqual(heard.map(() => 'blue'));
        expect(heard.map((one) => one.reconsume)).toEqual(heard.map(() => 0));
        expect(heard.filter((one) => (one.bornHost ?? '') === '')).toEqual([]);
      }
    },
  },
  {
    title: 'remoting and gRPC consumers share one group',
    needs: 'remoting',
    async run(setting) {
      const { sdk, broker, remoting } = setting;
      if (remoting === undefined) throw new Error('no remoting client');
      const topic = await setting.topic('shared', 'NORMAL');
      const group = await setting.group('shared');
      await broker.ask('set mode', code.SET_MESSAGE_REQUEST_MODE, {}, Buffer.from(JSON.stringify({ topic, consumerGroup: group, mode: 'POP', popShareQueueNum: 0 })));
      const there = await consume(setting, group, topic, { serverRebalance: true, fail: 'once' }, remoting);
      const here = await consume(setting, group, topic, { style: 'simple' });
      const sent = [...await send(setting, topic, 'sync', messages('grpc', 20)), ...await send(setting, topic, 'sync', messages('remoting', 20), remoting)];
      await eventually('all were taken', patienceMs, () => lost(sent, [...sdk.received(here), ...remoting.received(there)]));
      await sleep(quietMs);
      const received = [...sdk.received(here), ...remoting.received(there)];
      expect(fromNowhere(sent, received)).toEqual([]);
      expect(duplicates(received.filter((one) => one.taken), 0).violations).toEqual([]);
      // whoever gets it, a message that the remoting consumer gave back comes with its number
      const refused = new Set(remoting.received(there).filter((one) => !one.taken).map((one) => one.key));
      expect(received.filter((one) => one.taken && one.reconsumeTimes > 0).map((one) => one.key).sort()).toEqual([...refused].sort());
    },
  },
];

/** The body that makes a group. */
export function groupBody(groupName: string, more: Readonly<Record<string, boolean | number | Readonly<Record<string, string>>>>): Buffer {
  return Buffer.from(JSON.stringify({
    groupName, consumeEnable: true, consumeFromMinEnable: true, consumeBroadcastEnable: true, retryQueueNums: 1, retryMaxTimes: 16, brokerId: 0, whichBrokerWhenConsumeSlowly: 1,
    notifyConsumerIdsChangedEnable: true, ...more,
  }));
}
