/**
 * The scenarios every SDK is driven through, the same for all: what is sent, who consumes, and which checkers of `history.ts`
 * must acquit. All scenarios of one SDK run at the same time in one process of it, since most of their time is waiting.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { missingForEndpoint, startEndpoint } from '../adapters/index.js';
import { skylarkMain } from '../adapters/skylark.js';
import type { Endpoint } from '../endpoint.js';
import {
  duplicates, early, filteredWrongly, fromNowhere, heldWrongly, lost, misplaced, missedByBroadcast, outOfOrder, overtaken, sentOutOfOrder, unevenly,
  type Held, type Sent,
} from '../history.js';
import type { StoredMessage } from '../kit/wire/record.js';
import { code, RawClient } from '../raw-client.js';
import { eventually, features, missingFor, SdkDriver, type Feature, type OutgoingMessage, type RemotingSdk } from '../sdk-driver.js';
import { routed } from './route.js';

interface Setting {
  readonly sdk: SdkDriver;
  readonly endpoint: Endpoint;
  readonly broker: RawClient;
  readonly namesrv: RawClient;
  /** A fresh name for a topic, group or consumer of this run. */
  readonly name: (of: string) => string;
  /** A fresh topic, once the name server knows it. */
  readonly topic: (of: string, queues: number) => Promise<string>;
}

interface Scenario {
  readonly title: string;
  readonly needs?: Feature;
  run(setting: Setting): Promise<void>;
}

/** How long a message or an assignment may take on a busy machine; no scenario waits so long when all is well. */
const patienceMs = 120_000;

/** Checks of half messages come within seconds, not within half a minute; late enough that a decision on a busy machine comes before its question. */
const soonChecked = { transactionCheckInterval: 1000, transactionTimeOut: 5000, transactionOpBatchInterval: 100 } as const;

function messages(prefix: string, count: number, more: (i: number) => Partial<OutgoingMessage> = () => ({})): OutgoingMessage[] {
  return Array.from({ length: count }, (_, i) => ({ key: `${prefix}-${i}`, body: `body of ${prefix}-${i}: \u00fc \u{1f680}`, ...more(i) }));
}

function held(record: StoredMessage): Held {
  return { key: record.properties['KEYS'] ?? '', body: record.body.toString('utf8'), queueId: record.queueId, queueOffset: record.queueOffset, msgId: record.msgId };
}

async function heldIn(broker: RawClient, topic: string, queues: number): Promise<Held[]> {
  const all: Held[] = [];
  for (let queueId = 0; queueId < queues; queueId++) {
    const records = await broker.readQueue(topic, queueId);
    expect(records.filter((record) => !record.crcOk)).toEqual([]);
    all.push(...records.map(held));
  }
  return all;
}

function sends(mode: 'sync' | 'async' | 'oneway' | 'batch', feature?: Feature): Scenario {
  return {
    title: `${mode} send`,
    ...(feature === undefined ? {} : { needs: feature }),
    async run({ sdk, broker, topic }) {
      const name = await topic(`send_${mode}`, 4);
      const sent = await sdk.send(name, mode, messages(mode, 12, (i) => (i % 3 === 0 ? { tag: 'TagA' } : {})));
      expect(sent.map((entry) => entry.acknowledged)).toEqual(sent.map(() => mode !== 'oneway'));
      if (mode !== 'oneway') expect(misplaced(sent)).toEqual([]);
      if (mode === 'sync' || mode === 'batch') expect(sentOutOfOrder(sent)).toEqual([]);
      await eventually('all are in the queues', patienceMs, async () => {
        const keys = new Set((await heldIn(broker, name, 4)).map((record) => record.key));
        return sent.filter((entry) => !keys.has(entry.key)).map((entry) => `${entry.key} is missing`);
      });
      expect(heldWrongly(sent, await heldIn(broker, name, 4))).toEqual([]);
    },
  };
}

interface Timeline {
  readonly topic?: string;
  readonly keys?: string;
  readonly events: readonly { readonly kind: string; readonly group?: string; readonly ok?: boolean; readonly outcome?: string; readonly attempt?: number; readonly costMs?: number }[];
}

/** What `skylark admin message trace` says of a message; undefined when it finds nothing. */
async function timelineOf(namesrv: string, msgId: string): Promise<Timeline | undefined> {
  const found = await promisify(execFile)(process.execPath, [skylarkMain(), 'admin', 'message', 'trace', msgId, '-n', namesrv, '--json']).catch(() => undefined);
  return found === undefined ? undefined : (JSON.parse(found.stdout) as Timeline);
}

const scenarios: readonly Scenario[] = [
  {
    title: 'what producer and consumer trace is one timeline',
    needs: 'trace',
    async run({ sdk, endpoint, name, topic }) {
      const from = await topic('traced', 1);
      const group = name('traced_group');
      await sdk.command('subscribe', { as: name('traced_consumer'), group, topic: from, expression: '*', fail: 'once', retryDelayLevel: 1, trace: true });
      const [sent] = await sdk.command('send', { topic: from, mode: 'sync', messages: messages('traced', 1), trace: true });
      let timeline: Timeline | undefined;
      await eventually('the timeline is whole', patienceMs, async () => {
        timeline = await timelineOf(endpoint.namesrv, sent?.msgId ?? '');
        return timeline?.events.filter((event) => event.kind === 'consumed').length === 2 ? [] : [JSON.stringify(timeline?.events ?? null)];
      });
      expect(timeline).toMatchObject({
        topic: from, keys: 'traced-0',
        events: [
          { kind: 'sent', group: sdk.sdk === 'go' ? 'go_traced_producer' : 'java_traced_producer', ok: true },
          { kind: 'consumed', group, ok: false, attempt: 1 },
          { kind: 'consumed', group, ok: true, outcome: 'SUCCESS', attempt: 2 },
        ],
      });
    },
  },
  {
    title: 'retry after ten seconds, then the dead letter queue',
    async run({ sdk, broker, namesrv, name, topic }) {
      const from = await topic('retry', 2);
      const group = name('retry_group');
      // the group's own limit, for the library that does not send one with each message that it hands back
      await broker.ask('create group', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, Buffer.from(JSON.stringify({
        groupName: group, consumeEnable: true, consumeFromMinEnable: true, consumeBroadcastEnable: true, retryQueueNums: 1, retryMaxTimes: 1,
        brokerId: 0, whichBrokerWhenConsumeSlowly: 1, notifyConsumerIdsChangedEnable: true,
      })));
      // it is made by the first heartbeat too, but clients then learn its route only half a minute later
      await broker.createTopic(`%RETRY%${group}`, 1);
      await eventually('the retry topic is known', patienceMs, async () => ((await namesrv.hasRoute(`%RETRY%${group}`)) ? [] : ['no route']));
      const consumer = name('retry_consumer');
      await sdk.command('subscribe', { as: consumer, group, topic: from, expression: '*', maxReconsume: 1, fail: 'always' });
      const sent = await sdk.send(from, 'sync', messages('retry', 3, () => ({ tag: 'TagR' })));
      const deadLetters = `%DLQ%${group}`;
      await eventually('all are dead letters', patienceMs, async () => {
        const dead = new Set((await broker.readQueue(deadLetters, 0).catch(() => [])).map((record) => record.properties['KEYS']));
        return sent.filter((entry) => !dead.has(entry.key)).map((entry) => `${entry.key} is missing`);
      });
      const received = sdk.received(consumer);
      expect(fromNowhere(sent, received)).toEqual([]);
      for (const entry of sent) {
        const deliveries = received.filter((delivery) => delivery.key === entry.key);
        expect(deliveries.map((delivery) => delivery.reconsumeTimes)).toEqual([0, 1]);
        const [first, second] = deliveries;
        expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(9_500); // level 3, less the trip of the first hand-back
      }
      const dead = await broker.readQueue(deadLetters, 0);
      expect(dead.map((record) => record.properties['RETRY_TOPIC'])).toEqual(dead.map(() => from));
      expect(dead.map((record) => record.body.toString('utf8')).sort()).toEqual(sent.map((entry) => entry.body).sort());
    },
  },
  {
    title: 'push: two consumers share eight queues evenly, one joins, one leaves, nothing is lost',
    async run({ sdk, name, topic }) {
      const from = await topic('push', 8);
      const group = name('push_group');
      const [a, b, c] = [name('push_a'), name('push_b'), name('push_c')];
      const join = (as: string): Promise<unknown> => sdk.command('subscribe', { as, group, topic: from, expression: '*' });
      const even = (...who: string[]): Promise<void> => eventually(`8 queues are even among ${who.length}`, patienceMs, async () => {
        const shares: Record<string, number[]> = {};
        for (const as of who) shares[as] = await sdk.assignment(as);
        return unevenly(8, shares).map((violation) => `${violation} (${JSON.stringify(shares)})`);
      });
      const sent: Sent[] = [];
      let sending = true;
      const load = (async () => {
        for (let round = 0; sending; round++) {
          sent.push(...await sdk.send(from, 'sync', messages(`push-${round}`, 8)));
          await sleep(100);
        }
      })();
      try {
        await join(a);
        await join(b);
        await even(a, b);
        await join(c);
        await even(a, b, c);
        // what its queues hold may have been committed before they were its own
        await eventually(`${c} consumes`, patienceMs, () => (sdk.received(c).length > 0 ? [] : ['nothing yet']));
        await sdk.command('unsubscribe', { as: a });
        await even(b, c);
      } finally {
        sending = false;
        await load;
      }
      await eventually('all were consumed', patienceMs, () => lost(sent, sdk.received(a, b, c)));
      const received = sdk.received(a, b, c);
      expect(fromNowhere(sent, received)).toEqual([]);
      expect(misplaced(sent)).toEqual([]);
      // A queue that changes hands is read again from the last stored offset: a few seconds of messages, never everything.
      expect(duplicates(received, sent.length).violations).toEqual([]);
      expect(new Set(received.map((entry) => entry.consumer)).size).toBe(3);
    },
  },
  sends('sync'),
  sends('async'),
  sends('oneway', 'oneway'),
  sends('batch', 'batch'),
  {
    title: 'a compressed body arrives whole',
    async run({ sdk, broker, name, topic }) {
      const from = await topic('compressed', 1);
      const as = name('compressed_consumer');
      await sdk.command('subscribe', { as, group: name('compressed_group'), topic: from, expression: '*' });
      const sent = await sdk.send(from, 'sync', [{ key: 'zip-1', body: 'to and fro '.repeat(2000) }]);
      await eventually('it was consumed', patienceMs, () => lost(sent, sdk.received(as)));
      expect(fromNowhere(sent, sdk.received(as))).toEqual([]);
      const [record] = await broker.readQueue(from, 0);
      expect((record?.sysFlag ?? 0) & 1).toBe(1);
    },
  },
  {
    title: 'a topic is created by the first send to it',
    needs: 'autoCreate',
    async run({ sdk, broker, name }) {
      const to = name('auto');
      const sent = await sdk.send(to, 'sync', messages('auto', 4));
      expect(misplaced(sent)).toEqual([]);
      await eventually('all are in the queues', patienceMs, async () => lost(sent, (await heldIn(broker, to, 4)).map((record) => ({
        ...record, consumer: 'raw', reconsumeTimes: 0, at: 0, taken: true,
      }))));
      expect(heldWrongly(sent, await heldIn(broker, to, 4))).toEqual([]);
    },
  },
  {
    title: 'pop: two push consumers that the broker gives messages to, a refused one comes back from the retry topic',
    needs: 'pop',
    async run({ sdk, broker, name, topic }) {
      const from = await topic('pop', 4);
      const group = name('pop_group');
      await broker.ask('create group', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, Buffer.from(JSON.stringify({ groupName: group, consumeEnable: true, retryQueueNums: 1, retryMaxTimes: 16 })));
      await broker.ask('set mode', code.SET_MESSAGE_REQUEST_MODE, {}, Buffer.from(JSON.stringify({ topic: from, consumerGroup: group, mode: 'POP', popShareQueueNum: 0 })));
      const consumers = [name('pop_a'), name('pop_b')];
      for (const as of consumers) await sdk.command('subscribe', { as, group, topic: from, expression: '*', serverRebalance: true, fail: 'once' });
      const sent = await sdk.send(from, 'sync', messages('pop', 40, (i) => (i % 2 === 0 ? { tag: 'TagP' } : {})));
      const refused = sent.filter((entry) => entry.key.endsWith('0')).map((entry) => entry.key).sort();
      // The client hands a refused message back for ten seconds, then for thirty: each of the two may refuse it once.
      await eventually('all were taken', 2 * patienceMs, () => lost(sent, sdk.received(...consumers).filter((entry) => entry.taken)));
      const received = sdk.received(...consumers);
      expect(fromNowhere(sent, received)).toEqual([]);
      expect(duplicates(received.filter((entry) => entry.taken), 0).violations).toEqual([]);
      expect([...new Set(received.filter((entry) => !entry.taken).map((entry) => entry.key))].sort()).toEqual(refused);
      expect(received.filter((entry) => entry.reconsumeTimes > 0).every((entry) => refused.includes(entry.key))).toBe(true);
      const retried = await broker.readQueue(`%RETRY%${group}_${from}`, 0);
      expect([...new Set(retried.map((record) => record.properties['KEYS']))].sort()).toEqual(refused);
      expect(retried.every((record) => record.reconsumeTimes > 0 && record.properties['1ST_POP_TIME'] !== undefined)).toBe(true);
    },
  },
  {
    title: 'pull by offset',
    needs: 'pull',
    async run({ sdk, name, topic }) {
      const from = await topic('pull', 4);
      const sent = await sdk.send(from, 'sync', messages('pull', 40));
      const as = name('pull_consumer');
      await sdk.command('pull', { as, group: name('pull_group'), topic: from, style: 'pull', expect: 40 });
      const received = sdk.received(as);
      expect([...lost(sent, received), ...fromNowhere(sent, received), ...outOfOrder(received), ...duplicates(received, 0).violations]).toEqual([]);
    },
  },
  {
    title: 'lite pull',
    needs: 'litePull',
    async run({ sdk, name, topic }) {
      const from = await topic('lite', 4);
      const sent = await sdk.send(from, 'sync', messages('lite', 40));
      const as = name('lite_consumer');
      await sdk.command('pull', { as, group: name('lite_group'), topic: from, style: 'lite', expect: 40 });
      const received = sdk.received(as);
      expect([...lost(sent, received), ...fromNowhere(sent, received), ...outOfOrder(received), ...duplicates(received, 0).violations]).toEqual([]);
    },
  },
  {
    title: 'broadcast: each of two consumers gets every message',
    async run({ sdk, name, topic }) {
      const from = await topic('broadcast', 4);
      const group = name('broadcast_group');
      const consumers = [name('broadcast_a'), name('broadcast_b')];
      for (const as of consumers) await sdk.command('subscribe', { as, group, topic: from, expression: '*', model: 'broadcasting' });
      const sent = await sdk.send(from, 'sync', messages('broadcast', 20));
      await eventually('both got all', patienceMs, () => missedByBroadcast(sent, sdk.received(...consumers), consumers));
      const received = sdk.received(...consumers);
      expect(fromNowhere(sent, received)).toEqual([]);
      for (const as of consumers) expect(duplicates(sdk.received(as), 0).violations).toEqual([]);
    },
  },
  {
    title: 'tag filter TagA || TagB',
    async run({ sdk, name, topic }) {
      const from = await topic('filter', 4);
      const as = name('filter_consumer');
      const tags = ['TagA', 'TagB', 'TagC', undefined];
      const sent = await sdk.send(from, 'sync', messages('filter', 24, (i) => {
        const tag = tags[i % tags.length];
        return tag === undefined ? {} : { tag };
      }));
      await sdk.command('subscribe', { as, group: name('filter_group'), topic: from, expression: 'TagA || TagB' });
      const accepts = (tag: string | undefined): boolean => tag === 'TagA' || tag === 'TagB';
      await eventually('the accepted were consumed', patienceMs, () => lost(sent.filter((entry) => accepts(entry.tag)), sdk.received(as)));
      await sleep(500); // time for one too many
      const received = sdk.received(as);
      expect([...filteredWrongly(sent, received, accepts), ...fromNowhere(sent, received), ...duplicates(received, 0).violations]).toEqual([]);
    },
  },
  {
    title: 'SQL92 filter, of messages there before and of messages that come',
    async run({ sdk, name, topic }) {
      const from = await topic('sql', 4);
      const as = name('sql_consumer');
      const regions = ['north', 'south', "o'hare", 'east'];
      const outgoing = (prefix: string): OutgoingMessage[] =>
        messages(prefix, 24, (i) => ({ properties: { ...(i % 5 === 4 ? {} : { size: String(i) }), region: regions[i % regions.length] ?? '' } }));
      const accepts = (key: string): boolean => {
        const i = Number(key.slice(key.lastIndexOf('-') + 1));
        return (i % 5 !== 4 && i >= 6 && i <= 18 && i % 4 !== 1) || (i % 5 === 4 && i % 4 === 2);
      };
      const before = await sdk.send(from, 'sync', outgoing('early'));
      await sdk.command('subscribe', {
        as, group: name('sql_group'), topic: from, expressionType: 'SQL92',
        expression: "size BETWEEN 6 AND 18 AND region <> 'south' OR (size IS NULL AND region IN ('o''hare', 'nowhere'))",
      });
      await eventually('the accepted of before were consumed', patienceMs, () => lost(before.filter((entry) => accepts(entry.key)), sdk.received(as)));
      const after = await sdk.send(from, 'sync', outgoing('late'));
      const sent = [...before, ...after];
      await eventually('the accepted of after were consumed', patienceMs, () => lost(sent.filter((entry) => accepts(entry.key)), sdk.received(as)));
      await sleep(500); // time for one too many
      const received = sdk.received(as);
      expect(received.filter((delivery) => !accepts(delivery.key)).map((delivery) => delivery.key)).toEqual([]);
      expect([...fromNowhere(sent, received), ...duplicates(received, 0).violations]).toEqual([]);
    },
  },
  {
    title: 'delay levels 1 and 2 are never early',
    async run({ sdk, name, topic }) {
      const from = await topic('delay', 2);
      const as = name('delay_consumer');
      await sdk.command('subscribe', { as, group: name('delay_group'), topic: from, expression: '*' });
      const sent = await sdk.send(from, 'sync', messages('delay', 6, (i) => (i % 3 === 0 ? {} : { delayLevel: i % 3 })));
      await eventually('all were consumed', patienceMs, () => lost(sent, sdk.received(as)));
      const received = sdk.received(as);
      expect([...early(sent, received), ...fromNowhere(sent, received), ...duplicates(received, 0).violations]).toEqual([]);
    },
  },
  {
    title: 'orderly: each queue in order, a refused message is not overtaken',
    needs: 'orderly',
    async run({ sdk, name, topic }) {
      const from = await topic('orderly', 4);
      const as = name('orderly_consumer');
      const sent = await sdk.send(from, 'sync', messages('orderly', 40, (i) => ({ queueId: i % 4 })));
      expect(sent.map((entry) => entry.queueId)).toEqual(sent.map((_, i) => i % 4));
      await sdk.command('subscribe', { as, group: name('orderly_group'), topic: from, expression: '*', orderly: true, fail: 'once' });
      await eventually('all were consumed', patienceMs, () => lost(sent, sdk.received(as)));
      const received = sdk.received(as);
      expect(received.some((entry) => !entry.taken)).toBe(true);
      expect([...outOfOrder(received), ...overtaken(received), ...fromNowhere(sent, received), ...duplicates(received, 0).violations]).toEqual([]);
    },
  },
  {
    title: 'transactions: commits arrive, rollbacks do not, who said nothing is asked',
    needs: 'transaction',
    async run({ sdk, name, topic }) {
      const to = await topic('transaction', 2);
      const [as, consumer] = [name('transaction_producer'), name('transaction_consumer')];
      await sdk.command('subscribe', { as: consumer, group: name('transaction_consumers'), topic: to, expression: '*' });
      const halves = ([
        ['commit', 'commit'], ['rollback', 'rollback'], ['unknown', 'commit'], ['unknown', 'rollback'], ['commit', 'commit'], ['rollback', 'rollback'],
      ] as const).map(([decide, answer], i) => ({ key: `tx-${i}`, body: `body of tx-${i}: \u00fc`, decide, answer }));
      expect(await sdk.transact(as, name('transaction_group'), to, halves)).toEqual(halves.map(({ key }) => key));
      const visible = halves.filter(({ answer }) => answer === 'commit').map(({ key }) => key);
      const silent = halves.filter(({ decide }) => decide === 'unknown').map(({ key }) => key);
      await eventually('what was committed was consumed, and the silent were asked', patienceMs, () => {
        const keys = new Set(sdk.received(consumer).map(({ key }) => key));
        const asked = new Set(sdk.checked(as));
        return [...visible.filter((key) => !keys.has(key)).map((key) => `${key} is missing`), ...silent.filter((key) => !asked.has(key)).map((key) => `${key} was not asked about`)];
      });
      await sleep(2000); // time for one that was rolled back, and for a second question
      const received = sdk.received(consumer);
      expect([...new Set(received.map(({ key }) => key))].sort()).toEqual([...visible].sort());
      for (const { key, body } of halves) for (const delivery of received.filter((one) => one.key === key)) expect(delivery.body).toBe(body);
      expect([...new Set(sdk.checked(as))].sort()).toEqual([...silent].sort());
    },
  },
  {
    title: 'requests are replied to',
    needs: 'requestReply',
    async run({ sdk, name, topic }) {
      const to = await topic('request', 2);
      await sdk.command('subscribe', { as: name('replier'), group: name('repliers'), topic: to, expression: '*' });
      const asked = messages('request', 5);
      const replies = await sdk.request(to, asked);
      expect(asked.map(({ key }) => replies.get(key))).toEqual(asked.map(({ body }) => `reply to ${body}`));
    },
  },
  {
    title: 'query by key and by message id',
    needs: 'query',
    async run({ sdk, name, topic }) {
      const from = await topic('query', 2);
      const sent = await sdk.send(from, 'sync', messages(name('query'), 5, () => ({ tag: 'TagQ' })));
      const [wanted] = sent.slice(2);
      const byKey = name('by_key');
      await eventually('the key is found', patienceMs, async () => {
        // the client throws when nothing was found
        await sdk.command('queryKey', { as: byKey, topic: from, key: wanted?.key }).catch(() => undefined);
        return sdk.received(byKey).length > 0 ? [] : [`no message with key ${wanted?.key ?? ''}`];
      });
      const byId = name('by_id');
      await sdk.command('viewId', { as: byId, topic: from, msgId: wanted?.msgId });
      for (const as of [byKey, byId]) {
        expect(sdk.received(as)).toEqual([expect.objectContaining({ key: wanted?.key, body: wanted?.body, queueId: wanted?.queueId, queueOffset: wanted?.queueOffset, tag: 'TagQ' })]);
      }
    },
  },
  {
    title: 'topics: create, list, delete',
    needs: 'admin',
    async run({ sdk, endpoint, name, namesrv }) {
      const topic = name('admin');
      const listed = async (): Promise<boolean> => (await sdk.command('listTopics', {})).some((event) => event.topics?.includes(topic));
      await sdk.command('createTopic', { topic, broker: endpoint.broker, queues: 3 });
      await eventually('it is listed', patienceMs, async () => ((await listed()) ? [] : ['not listed']));
      expect(await namesrv.hasRoute(topic)).toBe(true);
      const sent = await sdk.send(topic, 'sync', messages('admin', 6));
      expect(new Set(sent.map((entry) => entry.queueId)).size).toBe(3);
      await sdk.command('deleteTopic', { topic, broker: endpoint.broker });
      await eventually('it is gone', patienceMs, async () => ((await listed()) ? ['still listed'] : []));
    },
  },
];

/** Something that clients reach the brokers through. */
export interface Front {
  readonly name: string;
  /** Why a library cannot play a scenario through it; undefined = it can. */
  lacks(title: string, sdk: RemotingSdk): string | undefined;
  start(endpoint: Endpoint): Promise<{ readonly namesrv: string; dispose(): Promise<void> }>;
}

/** Registers the suite of one SDK against the chosen endpoint, directly or through something. */
export function interopSuite(sdkName: RemotingSdk, through?: Front): void {
  const missing = [...new Set([...missingFor(sdkName), ...missingForEndpoint()])];
  if (missing.length > 0) {
    describe(sdkName, () => {
      for (const scenario of scenarios) test.skip(`skipped: needs ${missing.join(' and ')}: ${scenario.title}`, () => undefined);
    });
    return;
  }
  describe(through === undefined ? sdkName : `${sdkName} through ${through.name}`, () => {
    const runs = new Map<Scenario, Promise<{ error?: unknown; ms: number }>>();
    // SKYLARK_SCENARIO: only those whose title has this in it.
    const chosen = scenarios.filter((scenario) => scenario.title.includes(process.env['SKYLARK_SCENARIO'] ?? ''));
    const able = chosen.filter((scenario) => (scenario.needs === undefined || features[sdkName].has(scenario.needs)) && through?.lacks(scenario.title, sdkName) === undefined);
    let endpoint: Endpoint | undefined;
    let sdk: SdkDriver | undefined;
    let front: { readonly namesrv: string; dispose(): Promise<void> } | undefined;
    const clients: RawClient[] = [];

    beforeAll(async () => {
      endpoint = await startEndpoint({ config: { ...soonChecked, enablePropertyFilter: true, traceTopicEnable: true } });
      front = await through?.start(endpoint);
      sdk = await SdkDriver.start(sdkName, front?.namesrv ?? endpoint.namesrv);
      const broker = await RawClient.connect(endpoint.broker);
      const namesrv = await RawClient.connect(endpoint.namesrv);
      clients.push(broker, namesrv);
      const suffix = randomBytes(3).toString('hex');
      const setting: Setting = {
        sdk, endpoint, broker, namesrv,
        name: (of) => `${of}_${suffix}`,
        async topic(of, queues) {
          const name = `${of}_${suffix}`;
          await broker.createTopic(name, queues);
          await routed(namesrv, name, 90_000);
          return name;
        },
      };
      for (const scenario of able) {
        const start = Date.now();
        runs.set(scenario, scenario.run(setting).then(
          () => ({ ms: Date.now() - start }),
          (error: unknown) => ({ error, ms: Date.now() - start }),
        ));
      }
    }, 900_000);

    afterAll(async () => {
      for (const client of clients) client.close();
      await sdk?.stop();
      await front?.dispose();
      await endpoint?.dispose();
    }, 180_000);

    for (const scenario of chosen) {
      if (!able.includes(scenario)) {
        test.skip(`skipped: ${through?.lacks(scenario.title, sdkName) ?? `${sdkName} has no ${scenario.needs ?? ''}`}: ${scenario.title}`, () => undefined);
        continue;
      }
      test(scenario.title, async () => {
        const result = await runs.get(scenario);
        if (process.env['INTEROP_TIMES'] !== undefined) process.stderr.write(`${sdkName}: ${scenario.title}: ${result?.ms ?? -1} ms\n`);
        if (result?.error !== undefined) throw result.error instanceof Error ? result.error : new Error('a scenario threw no error object', { cause: result.error });
      }, 900_000);
    }
  });
}
