/** The write permission of a broker, and the configuration of the name server itself. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, equal, hasField, isTrue, notCode, remarkMatches } from '../../expect.js';
import type { Ext } from '../../wire/header-json.js';
import { FakeBroker, queuesOf } from './support.js';

async function ask(t: Context, request: number, ext: Ext = {}, body?: string): Promise<Answer> {
  return (await t.namesrv()).request(request, ext, body === undefined ? {} : { body });
}

export const cases = defineCases('namesrv', [
  {
    name: 'namesrv.write-perm.wiped',
    requirement: 'WIPE_WRITE_PERM_OF_BROKER takes the write bit from all topics of a broker, leaves other bits, and answers their number.',
    level: 'MUST',
    source: 'RouteInfoManager#operateWritePermOfBroker',
    async run(t) {
      const broker = await FakeBroker.create(t);
      code(await broker.register({ topics: [{ topic: broker.topic, perm: 7 }, { topic: broker.filler, perm: 6 }] }), res.SUCCESS, 'registration');
      const answer = await ask(t, req.WIPE_WRITE_PERM_OF_BROKER, { brokerName: broker.name });
      code(answer, res.SUCCESS, 'wipe');
      hasField(answer, 'wipeTopicCount', 2);
      equal([(await queuesOf(t, broker.topic, broker.name)).perm, (await queuesOf(t, broker.filler, broker.name)).perm], [5, 4], 'permissions');
    },
  },
  {
    name: 'namesrv.write-perm.wiped-of-one-broker',
    requirement: 'WIPE_WRITE_PERM_OF_BROKER leaves the permission that the same topic has on other brokers.',
    level: 'MUST',
    source: 'RouteInfoManager#operateWritePermOfBroker',
    async run(t) {
      const one = await FakeBroker.registered(t);
      const two = await FakeBroker.registered(t, { topics: [{ topic: one.topic }, { topic: t.topicName('x') }] });
      code(await ask(t, req.WIPE_WRITE_PERM_OF_BROKER, { brokerName: one.name }), res.SUCCESS, 'wipe');
      equal([(await queuesOf(t, one.topic, one.name)).perm, (await queuesOf(t, one.topic, two.name)).perm], [4, 6], 'permissions');
    },
  },
  {
    name: 'namesrv.write-perm.added',
    requirement: 'ADD_WRITE_PERM_OF_BROKER makes the permission of all topics of a broker read and write, whatever it was, and answers their number.',
    level: 'SHOULD',
    source: 'RouteInfoManager#operateWritePermOfBroker',
    versions: { from: '4.9.0' },
    async run(t) {
      const broker = await FakeBroker.create(t);
      code(await broker.register({ topics: [{ topic: broker.topic, perm: 1 }, { topic: broker.filler, perm: 4 }] }), res.SUCCESS, 'registration');
      const answer = await ask(t, req.ADD_WRITE_PERM_OF_BROKER, { brokerName: broker.name });
      code(answer, res.SUCCESS, 'add');
      hasField(answer, 'addTopicCount', 2);
      equal([(await queuesOf(t, broker.topic, broker.name)).perm, (await queuesOf(t, broker.filler, broker.name)).perm], [6, 6], 'permissions');
    },
  },
  {
    name: 'namesrv.write-perm.unknown-broker',
    requirement: 'WIPE_WRITE_PERM_OF_BROKER of a broker that is not known answers SUCCESS and the number 0.',
    level: 'SHOULD',
    source: 'RouteInfoManager#operateWritePermOfBroker',
    async run(t) {
      const answer = await ask(t, req.WIPE_WRITE_PERM_OF_BROKER, { brokerName: t.topicName('b') });
      code(answer, res.SUCCESS, 'wipe');
      hasField(answer, 'wipeTopicCount', 0);
    },
  },
  {
    name: 'namesrv.write-perm.restored-by-registration',
    requirement: 'A registration with a new DataVersion brings back a wiped write permission.',
    level: 'SHOULD',
    source: 'RouteInfoManager#createAndUpdateQueueData',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await ask(t, req.WIPE_WRITE_PERM_OF_BROKER, { brokerName: broker.name }), res.SUCCESS, 'wipe');
      code(await broker.register(), res.SUCCESS, 'registration with the same version');
      equal((await queuesOf(t, broker.topic, broker.name)).perm, 4, 'permission after the same version');
      code(await broker.register({ version: { counter: 2 } }), res.SUCCESS, 'registration with a new version');
      equal((await queuesOf(t, broker.topic, broker.name)).perm, 6, 'permission after a new version');
    },
  },
  {
    name: 'namesrv.request.code-not-supported',
    requirement: 'A request the name server does not know is REQUEST_CODE_NOT_SUPPORTED with a remark that names its code.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#processRequest',
    versions: { from: '5.0.0' },
    async run(t) {
      const answer = await ask(t, req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 });
      code(answer, res.REQUEST_CODE_NOT_SUPPORTED, 'GET_MAX_OFFSET at the name server');
      equal(answer.remark, ' request type 30 not supported', 'remark');
    },
  },
  {
    name: 'namesrv.config.read',
    requirement: 'GET_NAMESRV_CONFIG answers the configuration as lines key=value.',
    level: 'SHOULD',
    source: 'DefaultRequestProcessor#getConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const answer = await ask(t, req.GET_NAMESRV_CONFIG);
      code(answer, res.SUCCESS, 'configuration');
      const lines = answer.body.toString('utf8').split('\n').filter((line) => line !== '');
      isTrue(lines.every((line) => /^[\w.]+=/.test(line)), 'each line is key=value');
      equal(['listenPort', 'kvConfigPath', 'orderMessageEnable'].filter((key) => !lines.some((line) => line.startsWith(`${key}=`))), [], 'keys that are not there');
    },
  },
  {
    name: 'namesrv.config.path-not-writable',
    requirement: 'UPDATE_NAMESRV_CONFIG of kvConfigPath is NO_PERMISSION.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#validateBlackListConfigExist (CVE-2023-37582)',
    needs: ['namesrv-admin'],
    versions: { from: '4.9.7' },
    async run(t) {
      const config = (await ask(t, req.GET_NAMESRV_CONFIG)).body.toString('utf8');
      const now = /^kvConfigPath=(.*)$/m.exec(config)?.[1] ?? '';
      const answer = await ask(t, req.UPDATE_NAMESRV_CONFIG, {}, `kvConfigPath=${now}`);
      code(answer, res.NO_PERMISSION, 'update of kvConfigPath to what it is');
      remarkMatches(answer, /^Can not update config/, 'update of kvConfigPath');
    },
  },
  {
    name: 'namesrv.config.half-allowed-refused',
    requirement: 'UPDATE_NAMESRV_CONFIG with one forbidden key among others is NO_PERMISSION as a whole.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#validateBlackListConfigExist',
    needs: ['namesrv-admin'],
    versions: { from: '5.2.0' },
    async run(t) {
      const before = (await ask(t, req.GET_NAMESRV_CONFIG)).body.toString('utf8');
      const now = /^rocketmqHome=(.*)$/m.exec(before)?.[1] ?? '';
      const level = /^scanNotActiveBrokerInterval=(\d+)$/m.exec(before)?.[1];
      notCode(await ask(t, req.UPDATE_NAMESRV_CONFIG, {}, `scanNotActiveBrokerInterval=${Number(level ?? 5000)}\nrocketmqHome=${now}`), res.SUCCESS, 'update with rocketmqHome');
    },
  },
]);
