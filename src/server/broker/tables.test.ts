import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Refusal } from '../../codec/errors.js';
import { isMap } from '../../codec/json-members.js';
import { responseCodes } from '../../codec/responses.js';
import { JsonDouble, readJson, writeJson } from '../../compat/fastjson.js';
import type { JsonValue } from '../../compat/fastjson.js';
import { ManualClock, silentLog } from '../../remoting/clocks.js';
import { EventTurn } from '../../remoting/turn.js';
import { simulatedDisk } from '../../store/simulated-disk.js';
import type { QueueRef } from '../../store/types.js';
import { resolveConfig } from '../config.js';
import { SubscriptionGroupTable, groupConfig } from './groups.js';
import type { BrokerLimits } from './limits.js';
import { ConsumerOffsetTable } from './offsets.js';
import { liveGroups, liveOffsets, liveTopics, vectorConsumeStats, vectorGroups, vectorOffsets, vectorOffsetsPretty, vectorTopics } from './testdata/apache-config.js';
import { TopicConfigTable, topicConfig } from './topics.js';

function tables(settings: Record<string, string> = {}, disk = simulatedDisk(3), limits?: Pick<BrokerLimits, 'topicsMax' | 'groupsMax'>) {
  const clock = new ManualClock();
  const turn = new EventTurn((error) => { throw error; }, () => {});
  const { broker: config } = resolveConfig(new Map(Object.entries({ storePathConfigDir: '/c', brokerName: 'broker-a', ...settings })), '', 'broker');
  const asked: string[] = [];
  const onDisk: string[] = [];
  const logged: [level: string, fields: object, text: string][] = [];
  const log = { ...silentLog, info: (fields: object, text: string) => void logged.push(['info', fields, text]), warn: (fields: object, text: string) => void logged.push(['warn', fields, text]) };
  const store = {
    topicsOnDisk: () => onDisk,
    queue: (topic: string, queueId: number): QueueRef => {
      asked.push(`${topic}@${queueId}`);
      return { topic, topicBytes: Buffer.from(topic), queueId, minOffset: 0, maxOffset: 0, attachment: undefined };
    },
  };
  const options = { config, limits, store, disk, clock, turn, log };
  return { disk, clock, turn, config, asked, onDisk, logged, topics: new TopicConfigTable(options), groups: new SubscriptionGroupTable(options), offsets: new ConsumerOffsetTable(options) };
}

const place = (disk: ReturnType<typeof simulatedDisk>, name: string, text: string) => disk.place(`/c/${name}`, Buffer.from(text));

/** A value with maps as sorted entries, so that order does not count. */
function sorted(value: JsonValue | undefined): unknown {
  if (Array.isArray(value)) return value.map((one) => sorted(one as JsonValue));
  if (!isMap(value)) return value;
  return [...value].map(([key, one]) => [typeof key === 'string' ? key : JSON.stringify(sorted(key)), sorted(one)] as const).sort(([a], [b]) => (a < b ? -1 : 1));
}

describe('files that Apache wrote', () => {
  test('topics: every member is read and written back, and nothing is lost', () => {
    for (const text of [liveTopics, vectorTopics]) {
      const t = tables();
      place(t.disk, 'topics.json', text);
      t.topics.load();
      const mine = readJson(t.topics.encode());
      const theirs = readJson(text);
      if (!isMap(mine) || !isMap(theirs)) throw new TypeError('no object');
      expect(sorted(mine.get('dataVersion'))).toEqual(sorted(theirs.get('dataVersion')));
      const table = mine.get('topicConfigTable');
      const given = theirs.get('topicConfigTable');
      if (!isMap(table) || !isMap(given)) throw new TypeError('no table');
      for (const [name, bean] of given) expect(sorted(table.get(name))).toEqual(sorted(bean));
    }
    const golden = tables();
    place(golden.disk, 'topics.json', liveTopics);
    golden.topics.load();
    expect(golden.topics.get('GoldenTopic')?.config).toEqual(topicConfig('GoldenTopic', { readQueueNums: 4, writeQueueNums: 4 }));
  });

  test('the system topics of a fresh broker are those of a live one', () => {
    const { topics } = tables({ brokerName: 'broker-a' });
    const live = readJson(liveTopics);
    const given = isMap(live) ? live.get('topicConfigTable') : undefined;
    if (!isMap(given)) throw new TypeError('no table');
    const theirs = [...given.keys()].filter((name) => !/Golden|golden|no_such/.test(name as string)).sort();
    expect(Array.from(topics.all(), (topic) => topic.name).sort()).toEqual(theirs);
    for (const name of theirs) {
      const mine = readJson(writeJson({ ...topics.get(name as string)?.config }));
      expect(sorted(mine)).toEqual(sorted(given.get(name)));
    }
  });

  test('groups', () => {
    for (const text of [liveGroups, vectorGroups]) {
      const t = tables();
      place(t.disk, 'subscriptionGroup.json', text);
      t.groups.load();
      expect(sorted(readJson(t.groups.encode()))).toEqual(sorted(readJson(text)));
    }
    const t = tables();
    place(t.disk, 'subscriptionGroup.json', vectorGroups);
    t.groups.load();
    expect(t.groups.forbidden('g', 'T', 0)).toBe(true);
  });

  test('offsets, byte for byte; pull offsets are not taken over', () => {
    const t = tables();
    place(t.disk, 'consumerOffset.json', vectorOffsetsPretty);
    t.offsets.load();
    expect(t.offsets.encode()).toBe(vectorOffsets);
    expect([t.offsets.query('g', 'T', 0), t.offsets.query('g', 'T', 1), t.offsets.query('g', 'T', 2)]).toEqual([5, 7, -1]);
    const live = tables();
    place(live.disk, 'consumerOffset.json', liveOffsets);
    live.offsets.load();
    expect(live.offsets.query('golden_group', 'GoldenTopic', 0)).toBe(2);
    expect(live.offsets.queryPull('golden_group', 'GoldenTopic', 0)).toBe(2);
  });

  test('a file on disk has the pretty form', async () => {
    const t = tables();
    t.clock.advance(0);
    place(t.disk, 'consumerOffset.json', vectorOffsetsPretty);
    t.offsets.load();
    await t.offsets.close();
    expect(t.disk.content('/c/consumerOffset.json').toString()).toBe(vectorOffsetsPretty);
  });

  test('maps keyed by queues and doubles are written as fastjson2 does', () => {
    expect(writeJson({ consumeTps: new JsonDouble(0), offsetTable: new Map([[{ topic: 'T', brokerName: 'broker-a', queueId: 1 }, { pullOffset: 0, lastTimestamp: 1, consumerOffset: 5, brokerOffset: 9 }]]) }))
      .toBe(vectorConsumeStats);
  });

  test('entries that are not ours survive', async () => {
    const t = tables();
    place(t.disk, 'topics.json', '{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":2},"topicConfigTable":{"bad name":{"topicName":"bad name","perm":6,"new":1},"Good":{"topicName":"Good"}}}');
    place(t.disk, 'consumerOffset.json', '{"offsetTable":{"odd":{0:1},"a@b@c":{0:2},"T@g":{0:3}}}');
    t.topics.load();
    t.offsets.load();
    expect([t.topics.get('bad name'), t.topics.get('Good')?.config.writeQueueNums]).toEqual([undefined, 16]);
    await Promise.all([t.topics.close(), t.offsets.close()]);
    expect(t.disk.content('/c/topics.json').toString()).toContain('"new":1');
    expect(t.disk.content('/c/consumerOffset.json').toString()).toContain('"a@b@c":{\n\t\t\t0:2');
  });
});

describe('topics', () => {
  test('are made on send from the default topic', () => {
    const { topics } = tables();
    const made = topics.createOnSend('New', 'TBW102', 'peer', 4, 0)?.config;
    expect(made).toEqual(topicConfig('New', { readQueueNums: 4, writeQueueNums: 4 }));
    expect(topics.createOnSend('Many', 'TBW102', 'peer', 64, 1)?.config).toMatchObject({ readQueueNums: 8, topicSysFlag: 1 });
    expect(topics.createOnSend('Less', 'TBW102', 'peer', -3, 0)?.config.readQueueNums).toBe(0);
    expect(topics.createOnSend('FromOwn', 'Many', 'peer', 4, 0)).toBeUndefined();
    expect(topics.createOnSend('NoDefault', 'Nothing', 'peer', 4, 0)).toBeUndefined();
    expect(topics.createOnSend('../x', 'TBW102', 'peer', 4, 0)).toBeUndefined();
    expect(topics.createOnSend('New', 'TBW102', 'peer', 1, 0)?.config.readQueueNums).toBe(4);
  });

  test('are not made on send when that is off, even with TBW102 left in the file', () => {
    const t = tables({ autoCreateTopicEnable: 'false' });
    expect(t.topics.get('TBW102')).toBeUndefined();
    t.topics.update(topicConfig('TBW102', { perm: 7 }));
    expect(t.topics.createOnSend('New', 'TBW102', 'peer', 4, 0)).toBeUndefined();
  });

  test('a turn that asks for a topic a message made waits until that is on the platter, other turns do not', async () => {
    const t = tables();
    t.disk.place('/c/x', Buffer.alloc(0)); // the directory is there
    t.topics.update(topicConfig('Old'));
    const byBytes = (name: string) => t.topics.getByBytes(Buffer.from(name), 0, name.length);
    t.turn.run();
    expect([byBytes('Old')?.name, t.topics.takeAwaited()]).toEqual(['Old', undefined]);
    t.topics.createOnSend('New', 'TBW102', 'peer', 2, 0);
    t.turn.run();
    const first = t.topics.takeAwaited();
    expect(first).toBeDefined();
    expect([t.topics.takeAwaited(), byBytes('Old')?.name, t.topics.takeAwaited()]).toEqual([undefined, 'Old', undefined]);
    for (const ask of [() => t.topics.get('New'), () => byBytes('New'), () => byBytes('New'), () => t.topics.createOnSend('New', 'TBW102', 'peer', 2, 0), () => t.topics.createOnSendBack('New', 2, 6, 0)]) {
      ask();
      expect(t.topics.takeAwaited()).toBeDefined();
    }
    // deleted and made again: what is saved first is not the second
    t.topics.delete('New');
    t.topics.createOnSend('New', 'TBW102', 'peer', 4, 0);
    const second = t.topics.takeAwaited();
    await first;
    byBytes('New');
    expect(t.topics.takeAwaited()).toBeDefined();
    await second;
    t.disk.crash();
    t.disk.restart('power');
    expect(JSON.parse(t.disk.content('/c/topics.json').toString())).toMatchObject({ topicConfigTable: { New: { readQueueNums: 4 } } });
    await t.topics.creating;
    expect([byBytes('New')?.name, t.topics.get('New')?.name, t.topics.takeAwaited()]).toEqual(['New', 'New', undefined]);
  });

  test('queues are asked of the store once, when needed', () => {
    const t = tables();
    const topic = t.topics.createOnSend('New', 'TBW102', 'peer', 2, 0);
    expect(t.asked).toEqual([]);
    expect(topic?.queues.map((queue) => queue.queueId)).toEqual([0, 1]);
    expect(t.asked).toEqual(['New@0', 'New@1']);
  });

  test('a store with queues and neither topics.json nor its backup is told of once; a new store and one with either file are not', () => {
    const lost = tables();
    lost.onDisk.push('SCHEDULE_TOPIC_XXXX', 'Orders', '%RETRY%g');
    lost.topics.load();
    expect(lost.logged).toEqual([['warn', { topics: 2, names: ['Orders', '%RETRY%g'] }, expect.stringMatching(/^topics\.json and topics\.json\.bak are missing/)]]);
    const fresh = tables();
    fresh.topics.load();
    expect(fresh.logged).toEqual([['info', {}, 'no topics.json yet']]);
    for (const name of ['topics.json', 'topics.json.bak']) {
      const kept = tables();
      place(kept.disk, name, liveTopics);
      kept.onDisk.push('Orders');
      kept.topics.load();
      expect(kept.logged.filter(([, , text]) => text.includes('missing'))).toEqual([]);
    }
  });

  test('are found by bytes, also after a change', () => {
    const t = tables();
    t.topics.createOnSend('Here', 'TBW102', 'peer', 2, 0);
    const bytes = Buffer.from('xxHerexx');
    const find = () => t.topics.getByBytes(bytes, 2, 6);
    expect(find()?.config.readQueueNums).toBe(2);
    t.topics.update(topicConfig('Here', { readQueueNums: 7 }));
    expect(find()?.config.readQueueNums).toBe(7);
    t.topics.delete('Here');
    expect(find()).toBeUndefined();
    expect(t.topics.getByBytes(Buffer.alloc(100_000), 0, 100_000)).toBeUndefined();
  });

  test('a change is on disk at the end of its turn, told to listeners, and steps the version', () => {
    const t = tables();
    const told: string[] = [];
    t.topics.onChange((changed) => told.push(...changed.map((config) => config.topicName)));
    t.topics.createOnSendBack('%RETRY%g', 1, 6, 0);
    t.topics.createOnSendBack('%RETRY%g', 1, 6, 0, true);
    t.topics.createOnSendBack('%RETRY%g', 1, 6, 0, true);
    expect([told, t.topics.dataVersion.counter, t.topics.get('%RETRY%g')?.config.order]).toEqual([['%RETRY%g', '%RETRY%g'], 2, true]);
    expect(t.disk.files()).toEqual([]);
    t.turn.run();
    expect(t.disk.content('/c/topics.json').toString()).toContain('"order":true');
  });
});

describe('groups', () => {
  test('are made on demand when allowed, system ones always, bad names never', () => {
    const t = tables({ autoCreateSubscriptionGroup: 'false' });
    expect([t.groups.find('mine'), t.groups.find('CID_RMQ_SYS_x')?.groupName, t.groups.find('TOOLS_CONSUMER')?.retryMaxTimes]).toEqual([undefined, 'CID_RMQ_SYS_x', 16]);
    const open = tables();
    expect([open.groups.find('mine')?.groupName, open.groups.find('a/b'), open.groups.find('g'.repeat(121))]).toEqual(['mine', undefined, undefined]);
    open.groups.update(groupConfig('../x'));
    expect(open.groups.get('../x')).toBeUndefined();
  });
});

describe('offsets', () => {
  test('are what was committed last, in any order of commits', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    fc.assert(fc.property(fc.array(fc.tuple(name, name, fc.nat(3), fc.nat())), (commits) => {
      const { offsets } = tables();
      const model = new Map<string, number>();
      for (const [group, topic, queueId, offset] of commits) {
        offsets.commit(group, topic, queueId, offset, 'peer');
        model.set(`${topic}@${group}@${queueId}`, offset);
      }
      for (const [key, offset] of model) {
        const [topic = '', group = '', queueId = ''] = key.split('@');
        expect(offsets.query(group, topic, Number(queueId))).toBe(offset);
        expect(offsets.groupsOf(topic)).toContain(group);
        expect(offsets.topicsOf(group)).toContain(topic);
      }
    }));
  });

  test('survive a restart and are saved every interval only when they changed', async () => {
    const t = tables({ consumerOffsetUpdateVersionStep: '2' });
    t.offsets.start();
    t.clock.advance(20_000);
    expect(t.disk.files()).toEqual([]);
    for (const offset of [1, 2, 3]) t.offsets.commit('g', 'T', 0, offset, 'peer');
    expect(t.offsets.dataVersion.counter).toBe(1);
    t.clock.advance(5_000);
    await new Promise<void>((resolve) => { setImmediate(resolve); });
    const again = tables({}, t.disk);
    again.offsets.load();
    expect([again.offsets.query('g', 'T', 0), again.offsets.dataVersion.counter]).toEqual([3, 1]);
    await t.offsets.close();
  });

  test('resets, clones and removals', () => {
    const { offsets } = tables();
    offsets.commit('g', 'T', 0, 9, 'peer');
    offsets.assignReset('g', 'T', 0, 4);
    offsets.assignReset('g', 'T', 1, -1);
    expect([offsets.query('g', 'T', 0), offsets.pendingReset('g', 'T', 0), offsets.pendingReset('g', 'T', 1)]).toEqual([4, 4, undefined]);
    expect([offsets.takeReset('g', 'T', 0), offsets.takeReset('g', 'T', 0), offsets.query('g', 'T', 0)]).toEqual([4, undefined, 4]);
    offsets.clone('g', 'copy', 'T');
    offsets.commit('copy', 'T', 0, 7, 'peer');
    expect([offsets.query('g', 'T', 0), offsets.query('copy', 'T', 0)]).toEqual([4, 7]);
    offsets.commitPull('g', 'T', 0, 6);
    expect([offsets.queryPull('g', 'T', 0), offsets.queryPull('copy', 'T', 0)]).toEqual([6, 7]);
    offsets.removeGroup('copy');
    offsets.removeTopic('T');
    expect([offsets.query('copy', 'T', 0), offsets.query('g', 'T', 0), offsets.queryPull('g', 'T', 0), offsets.topicsOf('g')]).toEqual([-1, -1, -1, []]);
  });
});

describe('the most there may be', () => {
  const room = 3;
  /** Tables with room for `room` more than a fresh broker has. */
  function nearlyFull() {
    const fresh = tables();
    const limits = { topicsMax: fresh.topics.size + room, groupsMax: fresh.groups.size + room };
    return { ...tables({}, simulatedDisk(3), limits), limits };
  }

  test('of topics, by every way one is made', () => {
    const { topics, limits, turn, disk } = nearlyFull();
    expect(topics.createOnSend('A', 'TBW102', 'peer', 4, 0)).toBeDefined();
    // Two at once where one has room: neither is made.
    expect(topics.updateAll([topicConfig('B'), topicConfig('A', { perm: 4 })])).toBe(2);
    expect(() => topics.updateAll([topicConfig('C'), topicConfig('D')])).toThrow(`topics of this broker: ${limits.topicsMax + 1}, at most ${limits.topicsMax} are allowed`);
    expect([topics.get('C'), topics.get('D'), topics.size]).toEqual([undefined, undefined, limits.topicsMax - 1]);
    expect(topics.createOnSendBack('%RETRY%g', 1, 6, 0)).toBeDefined();
    expect(topics.size).toBe(limits.topicsMax);
    const { counter } = topics.dataVersion;
    const full = new Refusal(responseCodes.INVALID_PARAMETER, `topics of this broker with E: ${limits.topicsMax + 1}, at most ${limits.topicsMax} are allowed`);
    expect(() => topics.createOnSend('E', 'TBW102', 'peer', 4, 0)).toThrow(full);
    expect(() => topics.createOnSendBack('E', 1, 6, 0)).toThrow(full);
    expect(() => topics.update(topicConfig('E'))).toThrow(Refusal);
    expect([topics.get('E'), topics.size, topics.dataVersion.counter]).toEqual([undefined, limits.topicsMax, counter]);
    // What is there serves and changes; what goes makes room.
    expect(topics.createOnSend('A', 'TBW102', 'peer', 4, 0)?.config.perm).toBe(4);
    expect(topics.update(topicConfig('A', { perm: 2 }))).toBe(true);
    topics.delete('B');
    expect(topics.update(topicConfig('E'))).toBe(true);
    turn.run();
    expect(disk.content('/c/topics.json').toString()).not.toContain('"C"');
  });

  test('of groups, by every way one is made', () => {
    const { groups, limits } = nearlyFull();
    expect(groups.find('a')).toBeDefined();
    groups.updateAll([groupConfig('b'), groupConfig('a', { retryMaxTimes: 3 })]);
    expect(() => groups.updateAll([groupConfig('c'), groupConfig('d')])).toThrow(`groups of this broker: ${limits.groupsMax + 1}, at most ${limits.groupsMax} are allowed`);
    expect([groups.get('c'), groups.get('d'), groups.size]).toEqual([undefined, undefined, limits.groupsMax - 1]);
    expect(groups.find('c')).toBeDefined();
    expect(() => groups.find('e')).toThrow(new Refusal(responseCodes.INVALID_PARAMETER, `groups of this broker with e: ${limits.groupsMax + 1}, at most ${limits.groupsMax} are allowed`));
    expect(() => groups.update(groupConfig('e'))).toThrow(Refusal);
    expect([groups.get('e'), groups.size, groups.find('a')?.retryMaxTimes]).toEqual([undefined, limits.groupsMax, 3]);
    groups.update(groupConfig('a', { retryMaxTimes: 5 }));
    groups.delete('b');
    expect([groups.find('e')?.groupName, groups.get('a')?.retryMaxTimes, groups.size]).toEqual(['e', 5, limits.groupsMax]);
  });
});
