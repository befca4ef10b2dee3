/** The route table against a plain model under any sequence of registrations and unregistrations; invariants after each step. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { silentLog } from '../../remoting/index.js';
import { namesrvConfig } from './testdata/rig.js';
import { RouteTable } from './route-table.js';

interface Step {
  readonly kind: 'register' | 'unregister' | 'wipe' | 'deleteTopic';
  readonly broker: number;
  readonly id: number;
  readonly addr: number;
  readonly topics: readonly string[];
  readonly counter: number;
}

const topicNames = ['T1', 'T2', 'T3', 'T4', 'T5'];

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('register', 'register', 'register', 'unregister', 'wipe', 'deleteTopic'),
  broker: fc.integer({ min: 0, max: 2 }),
  id: fc.integer({ min: 0, max: 2 }),
  addr: fc.integer({ min: 0, max: 3 }),
  topics: fc.uniqueArray(fc.constantFrom(...topicNames), { minLength: 0, maxLength: 5 }),
  counter: fc.integer({ min: 0, max: 3 }),
});

/** Addresses and topics by broker name, kept the obvious way. */
interface Model {
  readonly addrs: Map<string, Map<number, string>>;
  readonly versions: Map<string, number>;
  readonly perms: Map<string, Map<string, number>>;
}

const clusterOf = (broker: number): string => (broker === 2 ? 'c2' : 'c1');

function apply(model: Model, { kind, broker, id, addr: addrIndex, topics, counter }: Step): void {
  const name = `b${broker}`;
  const addr = `10.0.${broker}.${addrIndex}:1`;
  const addrs = model.addrs.get(name);
  if (kind === 'wipe') {
    for (const perms of model.perms.values()) if (perms.has(name)) perms.set(name, (perms.get(name) ?? 0) & ~2);
  } else if (kind === 'deleteTopic') {
    model.perms.delete(topics[0] ?? 'T1');
  } else if (kind === 'unregister') {
    model.versions.delete(addr);
    if (addrs === undefined) return;
    for (const [key, value] of [...addrs]) if (value === addr) addrs.delete(key);
    if (addrs.size > 0) return;
    model.addrs.delete(name);
    for (const [topic, perms] of [...model.perms]) {
      perms.delete(name);
      if (perms.size === 0) model.perms.delete(topic);
    }
  } else {
    const first = addrs?.has(id) !== true;
    if (first && topics.length === 1) return;
    const now = addrs ?? new Map<number, string>();
    model.addrs.set(name, now);
    for (const [key, value] of [...now]) if (value === addr && key !== id) now.delete(key);
    now.set(id, addr);
    const changed = first || model.versions.get(addr) !== counter;
    model.versions.set(addr, counter);
    if (id !== 0) return;
    for (const topic of topics) {
      const perms = model.perms.get(topic) ?? new Map<string, number>();
      model.perms.set(topic, perms);
      if (changed || !perms.has(name)) perms.set(name, 6);
    }
  }
}

function applyTable(table: RouteTable, { kind, broker, id, addr: addrIndex, topics, counter }: Step): void {
  const brokerName = `b${broker}`;
  const addr = `10.0.${broker}.${addrIndex}:1`;
  const cluster = clusterOf(broker);
  if (kind === 'wipe') table.setWritePerm(brokerName, false);
  else if (kind === 'deleteTopic') table.deleteTopic(topics[0] ?? 'T1');
  else if (kind === 'unregister') table.unregister([{ cluster, brokerName, brokerId: id, addr }]);
  else {
    table.register(
      { cluster, brokerName, brokerId: id, addr, haServerAddr: '', zoneName: undefined, timeoutMs: undefined, enableActingMaster: undefined, connection: undefined },
      {
        dataVersion: { counter, stateVersion: 0, timestamp: 0 }, mappings: [], filterServers: [],
        topics: topics.map((topicName) => ({ topicName, readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 })),
      },
    );
  }
}

function newTable(): RouteTable {
  return new RouteTable({ config: namesrvConfig(), log: silentLog, nowMs: () => 0, brokersMax: 100, topicsMax: 100 });
}

function check(table: RouteTable, model: Model): void {
  expect(new Set(table.allTopics())).toEqual(new Set(model.perms.keys()));
  const clusters = new Map<string, Set<string>>();
  for (const name of model.addrs.keys()) {
    const cluster = clusterOf(Number(name.slice(1)));
    clusters.set(cluster, (clusters.get(cluster) ?? new Set()).add(name));
  }
  expect(new Map(table.allClusters())).toEqual(clusters);
  expect(new Map([...table.allBrokers()].map((data) => [data.brokerName, data.addrs]))).toEqual(model.addrs);
  for (const topic of topicNames) {
    const perms = model.perms.get(topic);
    const route = table.route(topic);
    if (perms === undefined) {
      expect(route).toBeUndefined();
      continue;
    }
    expect(new Map(route?.queues.map((queue) => [queue.brokerName, queue.perm]))).toEqual(perms);
    expect(new Map(route?.brokers.map((broker) => [broker.brokerName, broker.addrs]))).toEqual(new Map([...perms.keys()].map((name) => [name, model.addrs.get(name)])));
  }
}

describe('route table', () => {
  test('agrees with the model after every step', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const table = newTable();
      const model: Model = { addrs: new Map(), versions: new Map(), perms: new Map() };
      for (const one of steps) {
        applyTable(table, one);
        apply(model, one);
        check(table, model);
      }
    }), { numRuns: 300 });
  });

  test('a batch of unregistrations has the effect of one after the other', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 30 }), fc.array(step, { maxLength: 12 }), (steps, leaving) => {
      const together = newTable();
      const apart = newTable();
      for (const one of steps) {
        applyTable(together, one);
        applyTable(apart, one);
      }
      const requests = leaving.map(({ broker, id, addr }) => ({ cluster: clusterOf(broker), brokerName: `b${broker}`, brokerId: id, addr: `10.0.${broker}.${addr}:1` }));
      together.unregister(requests);
      for (const request of requests) apart.unregister([request]);
      for (const topic of topicNames) expect(together.route(topic)).toEqual(apart.route(topic));
      expect(new Map(together.allClusters())).toEqual(new Map(apart.allClusters()));
    }), { numRuns: 100 });
  });

  test('a broker that registered under two clusters leaves both', () => {
    const table = newTable();
    const registration = { dataVersion: { counter: 1, stateVersion: 0, timestamp: 0 }, mappings: [], filterServers: [], topics: [] };
    const broker = { brokerName: 'b', brokerId: 0, addr: '10.0.0.1:1', haServerAddr: '', zoneName: undefined, timeoutMs: undefined, enableActingMaster: undefined, connection: undefined };
    table.register({ ...broker, cluster: 'c1' }, registration);
    table.register({ ...broker, cluster: 'c2' }, registration);
    table.unregister([{ cluster: 'c2', brokerName: 'b', brokerId: 0, addr: '10.0.0.1:1' }]);
    expect(table.allClusters().size).toBe(0);
  });

  test('static topics: mappings travel with the route and go with their broker', () => {
    const table = newTable();
    const broker = { cluster: 'c', brokerName: 'b', brokerId: 0, addr: '10.0.0.1:1', haServerAddr: '', zoneName: undefined, timeoutMs: undefined, enableActingMaster: undefined, connection: undefined };
    const mapping = { topic: 'S', scope: '__global__', totalQueues: 2, bname: 'b', epoch: 3, dirty: false, currIdMap: new Map([[0, 0], [1, 1]]) };
    const topic = { topicName: 'S', readQueueNums: 2, writeQueueNums: 2, perm: 6, topicSysFlag: 0 };
    table.register(broker, { dataVersion: { counter: 1, stateVersion: 0, timestamp: 0 }, mappings: [mapping], filterServers: [], topics: [topic, { ...topic, topicName: 'T' }] });
    expect(table.route('S')?.mappings).toEqual(new Map([['b', mapping]]));
    expect(table.route('T')?.mappings).toBeUndefined();
    table.unregister([{ cluster: 'c', brokerName: 'b', brokerId: 0, addr: '10.0.0.1:1' }]);
    expect(table.route('S')).toBeUndefined();
  });
});
