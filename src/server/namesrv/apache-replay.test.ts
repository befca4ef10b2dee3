/** Requests that Apache's broker, tools and clients really sent, against our name server; answers compared with Apache's own. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Command } from '../../codec/command.js';
import { encodeCommand } from '../../codec/header.js';
import { apacheNamesrv } from './testdata/apache-namesrv.js';
import { readFrame, register, startRig, type NamesrvPeer, type Rig } from './testdata/rig.js';

type Name = keyof typeof apacheNamesrv;

let rig: Rig;
let peer: NamesrvPeer;

beforeEach(async () => {
  rig = await startRig();
  peer = await rig.peer();
});

afterEach(async () => {
  await rig.stop();
});

function requestOf(name: Name): Buffer {
  return Buffer.from(apacheNamesrv[name].request, 'hex');
}

function parts(command: Command): object {
  const { code, flag, language, version, remark, serialize } = command;
  return { code, flag, language, version, remark, serialize, ext: Object.fromEntries(command.ext), body: command.body.toString() };
}

/** What Apache answered; addresses in it are the captured broker's own, so nothing needs to be replaced. */
function apacheAnswer(name: Name): object {
  const exchange: { readonly request: string; readonly answer?: string } = apacheNamesrv[name];
  if (exchange.answer === undefined) throw new Error(`no answer was captured for ${name}`);
  return parts(readFrame(Buffer.from(exchange.answer, 'hex')));
}

async function replay(name: Name): Promise<Command> {
  return peer.frame(requestOf(name));
}

async function same(name: Name): Promise<void> {
  expect(parts(await replay(name))).toEqual(apacheAnswer(name));
}

describe('a broker of Apache registers', () => {
  test('registration, cluster information, renewals and unregistration are answered as by Apache', async () => {
    await same('clusterInfoEmpty');
    await same('register');
    await same('clusterInfo');
    await same('registerAgain');
    await same('registerNewVersion');
    await same('clusterInfo');
    await same('unregister');
    await same('clusterInfoEmpty');
    await same('unregisterFromTool');
  });

  test('routes: unknown topics, its cluster\'s topic, a system topic', async () => {
    await same('routeUnknown');
    await same('routeMemberGroup');
    await same('register');
    await same('routeCluster');
    // The broker created this one later and registered it alone.
    const cluster = 'DefaultCluster';
    expect((await register(peer, { cluster, addr: '127.0.0.1:20911', topics: [{ name: 'DefaultHeartBeatSyncerTopic', queues: 1 }], counter: 1 })).code).toBe(0);
    await same('routeSyncer');
  });

  test('a one-way QUERY_DATA_VERSION is not answered and harms nothing', async () => {
    peer.socket.write(requestOf('queryDataVersionOneway'));
    await same('clusterInfoEmpty');
  });

  test('the body it deflates but does not mark as such is refused, marked it is taken', async () => {
    const refused = await replay('registerCompressedUnmarked');
    expect(refused.code).toBe(1);
    expect(refused.remark).toMatch(/^Failed to decode RegisterBrokerBody, /);
    expect((apacheAnswer('registerCompressedUnmarked') as { remark: string }).remark).toContain('Failed to decode RegisterBrokerBody, ');
    const { ext, body, code } = readFrame(requestOf('registerCompressedUnmarked'));
    const marked = new Map(ext).set('compressed', 'true');
    const answer = await peer.frame(encodeCommand({ code, opaque: 99, version: 513, ext: marked, body }));
    expect(answer.code).toBe(0);
    expect(rig.server.table.allTopics()).toEqual(expect.arrayContaining(['TopicT', 'RMQ_SYS_TRANS_HALF_TOPIC', 'TBW102']));
    expect(rig.server.table.route('TopicT')?.queues).toEqual([{ brokerName: 'broker-a', perm: 6, readQueueNums: 4, writeQueueNums: 4, topicSysFlag: 0 }]);
  });

  test('REGISTER_TOPIC_IN_NAMESRV adds a topic of a known broker', async () => {
    await same('registerTopic');
    expect(rig.server.table.route('ActT')).toBeUndefined();
    await same('register');
    await same('registerTopic');
    expect(rig.server.table.route('ActT')?.queues).toEqual([{ brokerName: 'broker-a', perm: 6, readQueueNums: 1, writeQueueNums: 1, topicSysFlag: 0 }]);
  });
});

describe('clients and tools of Apache', () => {
  test.each(['routeJava5', 'routeJava4', 'routeGo'] as const)('%s: the same bytes as from Apache', async (name) => {
    await register(peer, { cluster: 'DefaultCluster', addr: '127.0.0.1:20911', topics: ['TopicN', 'T2'] });
    await same(name);
  });

  test.each(['topicList', 'topicListGo'] as const)('%s: the same topics, in an order of ours', async (name) => {
    const expected = JSON.parse((apacheAnswer(name) as { body: string }).body) as { topicList: string[] };
    await register(peer, { cluster: 'DefaultCluster', addr: '127.0.0.1:20911', topics: expected.topicList });
    const answer = await replay(name);
    expect(parts(answer)).toMatchObject({ ...apacheAnswer(name), body: answer.body.toString() });
    expect(JSON.parse(answer.body.toString())).toEqual(expected);
  });

  test('KV configs are put and deleted', async () => {
    await same('putKv');
    expect(rig.server.kv.get('NSX', 'a')).toBe('b');
    await same('deleteKv');
    expect(rig.server.kv.get('NSX', 'a')).toBeUndefined();
  });

  test('write permission of a broker with 91 topics is taken and given', async () => {
    await register(peer, { topics: Array.from({ length: 91 }, (_, i) => ({ name: `T${i}`, perm: 7 })) });
    await same('wipeWritePerm');
    expect(rig.server.table.route('T5')?.queues[0]?.perm).toBe(5);
    await same('addWritePerm');
    expect(rig.server.table.route('T5')?.queues[0]?.perm).toBe(6);
  });

  test('topics are deleted, everywhere or in one cluster', async () => {
    await register(peer, { cluster: 'DefaultCluster', topics: ['%RETRY%AdmG', 'AdmT', 'Stays'] });
    await register(peer, { cluster: 'other', name: 'broker-b', addr: '10.0.0.2:10911', topics: ['AdmT', 'Stays'] });
    await same('deleteTopic');
    await same('deleteTopicInCluster');
    expect([...rig.server.table.allTopics()].sort()).toEqual(['AdmT', 'Stays']);
    expect(rig.server.table.route('AdmT')?.queues.map((queue) => queue.brokerName)).toEqual(['broker-b']);
  });

  test('the configuration is properties text', async () => {
    const answer = await replay('getConfig');
    expect(answer.code).toBe(0);
    expect(answer.body.toString()).toContain('\norderMessageEnable=false\n');
  });

  test('the admin tool\'s request for a topic nobody named is answered for "null"', async () => {
    const answer = await peer.frame(encodeCommand({ code: 105, opaque: 77 }));
    expect(answer).toMatchObject({ code: 17, remark: 'No topic route info in name server for the topic: null\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.' });
  });
});
