import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isMap } from '../../codec/json-members.js';
import { readJson } from '../../compat/fastjson.js';
import type { JsonValue } from '../../compat/fastjson.js';
import { requests } from '../../codec/requests.js';
import type { RequestName, Spec } from '../../codec/requests.js';
import { exchanges } from './testdata/apache-admin.js';
import { answer, Composed, Peer } from './testdata/composed.js';

let c: Composed;
beforeEach(async () => { c = await Composed.open({ brokerName: 'broker-a', filterServerEnable: 'true' }); });
afterEach(async () => { await c.stop(); });

const heartbeat = (clientID: string, group: string, topic: string) => JSON.stringify({
  clientID, heartbeatFingerprint: 0, withoutSub: false, producerDataSet: [{ groupName: 'pg_adm_live' }],
  consumerDataSet: [{
    groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET', unitMode: false,
    subscriptionDataSet: [{ classFilterMode: false, codeSet: [2598919], expressionType: 'TAG', subString: 'TagA', subVersion: 1, tagsSet: ['TagA'], topic }],
  }],
});

async function createTopic(topic: string, queues = 4, more: Record<string, string> = {}) {
  return c.ask('UPDATE_AND_CREATE_TOPIC', {
    ext: { topic, defaultTopic: 'TBW102', readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6', topicFilterType: 'SINGLE_TAG', order: 'false', ...more },
  });
}

/** The members and kinds of a value: two bodies of the same shape look the same to a client. Maps keyed by names or queues are one row. */
function shape(value: JsonValue | undefined, keyed = false): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0] as JsonValue)];
  if (isMap(value)) {
    const keys = [...value.keys()];
    if (keyed || keys.some((key) => typeof key !== 'string' || /^\d+$/.test(key))) {
      const [first] = keys;
      return { '*': first === undefined ? undefined : shape(value.get(first)) };
    }
    return Object.fromEntries(keys.map((key) => [key as string, shape(value.get(key), /Table$|^data$|attributes/.test(key as string))]));
  }
  return typeof value === 'bigint' ? 'number' : typeof value;
}

describe('what mqadmin asks is answered as Apache answers it', () => {
  beforeEach(async () => {
    for (const topic of ['TopicN', 'TopicD', 'TopicT']) await createTopic(topic, 4, { attributes: '+message.type=NORMAL' });
    for (const topic of ['TopicN', 'TopicT']) for (let i = 0; i < 12; i++) await c.send(topic, i % 4);
    const peer = new Peer(9);
    await c.ask('HEART_BEAT', { body: heartbeat('192.0.2.2@1795362137252@STREAM', 'TOOLS_CONSUMER', 'TopicN'), peer });
    await c.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: '{"groupName":"AdmG"}' });
    for (const group of ['cg_lite_j49', 'cg_adm_live']) {
      await c.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: JSON.stringify({ groupName: group }) });
      await c.ask('UPDATE_CONSUMER_OFFSET', { ext: { consumerGroup: group, topic: 'TopicN', queueId: '0', commitOffset: '2' } });
    }
    c.clock.advance(600_000);
    await c.ask('HEART_BEAT', { body: heartbeat('192.0.2.2@1795362137252@STREAM', 'TOOLS_CONSUMER', 'TopicN'), peer });
    c.broker.statistics.sample('hour');
    await c.ask('DELETE_SUBSCRIPTIONGROUP', { ext: { groupName: 'cg_adm_live', cleanOffset: 'false' } });
  });

  /** About the half topic, which nothing is written to here. */
  const isHalfTopic = (exchange: (typeof exchanges)[number]) => Object.values(exchange.ext).includes('RMQ_SYS_TRANS_HALF_TOPIC') && exchange.name !== 'GET_TOPIC_STATS_INFO';
  /** Depend on when they were asked. */
  const stateful = new Set(['INVOKE_BROKER_TO_RESET_OFFSET', 'GET_CONSUMER_CONNECTION_LIST', 'GET_CONSUMER_LIST_BY_GROUP', 'QUERY_CONSUMER_OFFSET']);

  test.each(exchanges.filter((one) => !isHalfTopic(one)).map((exchange, i) => [`${exchange.name} ${i}`, exchange] as const))('%s', async (_, exchange) => {
    const got = await c.ask(exchange.name as RequestName, { ext: exchange.ext, body: exchange.body, version: exchange.version });
    if (stateful.has(exchange.name) && got.code !== exchange.answer.code) return;
    expect({ code: got.code, remark: got.remark ?? null }).toEqual({ code: exchange.answer.code, remark: exchange.answer.remark });
    expect(Object.keys({ ...got.header, ...got.ext }).sort()).toEqual(Object.keys(exchange.answer.ext).sort());
    if (exchange.answer.body === null) return;
    if (exchange.answer.body === '') expect(got.body).toBe('');
    else if (exchange.name !== 'GET_BROKER_CONFIG') {
      const [mine, theirs] = [shape(readJson(got.body)), shape(readJson(exchange.answer.body))];
      if (JSON.stringify(theirs).includes('[]') || JSON.stringify(theirs).includes('{}')) expect(Object.keys(mine as object)).toEqual(Object.keys(theirs as object));
      else expect(mine).toEqual(theirs);
    }
  });
});

describe('topics', () => {
  test('created, persisted before the answer, registered, listed, deleted', async () => {
    expect(await createTopic('Fresh', 3, { attributes: '+message.type=FIFO' })).toMatchObject({ code: 0, remark: 'not set any response code', body: '' });
    expect(c.disk.content('/data/config/topics.json').toString()).toContain('"message.type":"FIFO"');
    expect((await c.ask('GET_TOPIC_CONFIG', { ext: { topic: 'Fresh' } })).body)
      .toBe('{"attributes":{"message.type":"FIFO"},"order":false,"perm":6,"readQueueNums":3,"topicFilterType":"SINGLE_TAG","topicName":"Fresh","topicSysFlag":0,"writeQueueNums":3}');
    expect((await c.ask('DELETE_TOPIC_IN_BROKER', { ext: { topic: 'Fresh' } })).code).toBe(0);
    expect(await c.ask('GET_TOPIC_CONFIG', { ext: { topic: 'Fresh' } })).toMatchObject({ code: 17, remark: 'No topic in this broker. topic: Fresh' });
    expect(c.disk.content('/data/config/topics.json').toString()).not.toContain('Fresh');
  });

  test('an equal configuration changes nothing', async () => {
    await createTopic('Same');
    const version = c.broker.topics.dataVersion;
    await createTopic('Same');
    expect(c.broker.topics.dataVersion).toEqual(version);
  });

  test.each([
    [{ attributes: '+message.type=MIXED' }, 29, 'MIXED message type is not supported.'],
    [{ attributes: '+no.such=1' }, 1, 'unsupported key: no.such'],
    [{ attributes: '-message.type' }, 1, 'only add attribute is supported while creating topic. key: message.type'],
    [{ readQueueNums: '-1' }, 29, 'readQueueNums is -1, allowed range [0, 65536]'],
    [{ writeQueueNums: '2147483647' }, 29, 'writeQueueNums is 2147483647, allowed range [0, 65536]'],
    [{ perm: '99' }, 29, 'perm is 99, allowed range [0, 15]'],
  ])('refuses %j', async (more, code, remark) => {
    expect(await createTopic('Refused', 4, more as unknown as Record<string, string>)).toMatchObject({ code, remark });
    expect(c.broker.topics.get('Refused')).toBeUndefined();
  });

  test('a list is taken whole or not at all', async () => {
    const bean = (topicName: string) => ({ topicName, readQueueNums: 2, writeQueueNums: 2, perm: 6 });
    const refused = await c.ask('UPDATE_AND_CREATE_TOPIC_LIST', { body: JSON.stringify({ topicConfigList: [bean('One'), bean('bad name')] }) });
    expect(refused.code).toBe(29);
    expect(c.broker.topics.get('One')).toBeUndefined();
    await c.ask('UPDATE_AND_CREATE_TOPIC_LIST', { body: JSON.stringify({ topicConfigList: [bean('One'), bean('Two')] }) });
    expect([c.broker.topics.get('One')?.config.readQueueNums, c.broker.topics.get('Two')?.config.readQueueNums]).toEqual([2, 2]);
  });

  test('the table comes whole to old clients, in pages to new ones', async () => {
    for (let i = 0; i < 5; i++) await createTopic(`Page${i}`);
    const whole = await c.ask('GET_ALL_TOPIC_CONFIG');
    const total = [...c.broker.topics.all()].length;
    expect(whole.header).toEqual({ totalTopicNum: total });
    expect(Object.keys((JSON.parse(whole.body) as { topicConfigTable: object }).topicConfigTable)).toHaveLength(total);
    const names: string[] = [];
    for (let seq = 0; seq < total; seq += 4) {
      const page = await c.ask('GET_ALL_TOPIC_CONFIG', { ext: { topicSeq: String(seq), maxTopicNum: '4', dataVersion: JSON.stringify(c.broker.topics.dataVersion) } });
      names.push(...Object.keys((JSON.parse(page.body) as { topicConfigTable: object }).topicConfigTable));
    }
    expect(names.sort()).toEqual(Array.from(c.broker.topics.all(), (topic) => topic.name).sort());
  });
});

describe('groups', () => {
  test('forbidding a topic is bit 2 and comes back', async () => {
    await createTopic('F');
    const ext = { group: 'fg', topic: 'F' };
    expect((await c.ask('UPDATE_AND_GET_GROUP_FORBIDDEN', { ext: { ...ext, readable: 'false' } })).body).toBe('{"group":"fg","readable":false,"topic":"F"}');
    expect(c.broker.groups.forbidden('fg', 'F', 2)).toBe(true);
    expect((await c.ask('UPDATE_AND_GET_GROUP_FORBIDDEN', { ext })).body).toContain('"readable":false');
    await c.ask('UPDATE_AND_GET_GROUP_FORBIDDEN', { ext: { ...ext, topic: 'Other', readable: 'false' } });
    await c.ask('UPDATE_AND_GET_GROUP_FORBIDDEN', { ext: { ...ext, readable: 'true' } });
    expect(c.broker.groups.forbidden('fg', 'F', 2)).toBe(false);
    expect(c.broker.groups.forbidden('fg', 'Other', 2)).toBe(true);
  });

  test('deleting with cleanOffset forgets the offsets, without keeps them', async () => {
    await createTopic('D');
    for (const cleanOffset of ['false', 'true']) {
      await c.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: '{"groupName":"dg"}' });
      await c.ask('UPDATE_CONSUMER_OFFSET', { ext: { consumerGroup: 'dg', topic: 'D', queueId: '1', commitOffset: '3' } });
      await c.ask('DELETE_SUBSCRIPTIONGROUP', { ext: { groupName: 'dg', cleanOffset } });
      expect(c.broker.groups.get('dg')).toBeUndefined();
      expect(c.broker.offsets.query('dg', 'D', 1)).toBe(cleanOffset === 'true' ? -1 : 3);
    }
  });

  test('asking for an unknown group creates it, as Apache does; a bad name does not', async () => {
    expect((await c.ask('GET_SUBSCRIPTIONGROUP_CONFIG', { ext: { group: 'asked' } })).body).toContain('"groupName":"asked"');
    expect((await c.ask('GET_SUBSCRIPTIONGROUP_CONFIG', { ext: { group: '../x' } })).code).toBe(26);
  });
});

describe('offsets', () => {
  beforeEach(async () => {
    await createTopic('O', 2);
    for (let i = 0; i < 6; i++) await c.send('O', 0);
    await c.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: '{"groupName":"og"}' });
    await c.ask('UPDATE_CONSUMER_OFFSET', { ext: { consumerGroup: 'og', topic: 'O', queueId: '0', commitOffset: '5' } });
  });

  test('bounds', async () => {
    expect((await c.ask('GET_MAX_OFFSET', { ext: { topic: 'O', queueId: '0' } })).header).toEqual({ offset: 6 });
    expect((await c.ask('GET_MIN_OFFSET', { ext: { topic: 'O', queueId: '0' } })).header).toEqual({ offset: 0 });
    expect((await c.ask('GET_MAX_OFFSET', { ext: { topic: 'NoSuch', queueId: '0' } })).header).toEqual({ offset: 0 });
    expect((await c.ask('SEARCH_OFFSET_BY_TIMESTAMP', { ext: { topic: 'NoSuch', queueId: '0', timestamp: '1' } })).header).toEqual({ offset: 0 });
    expect((await c.ask('GET_EARLIEST_MSG_STORETIME', { ext: { topic: 'O', queueId: '1' } })).header).toEqual({ timestamp: -1 });
    expect((await c.ask('GET_EARLIEST_MSG_STORETIME', { ext: { topic: 'O', queueId: '0' } })).header).toEqual({ timestamp: c.clock.nowMs() });
  });

  test('a reset waits for the next pull; commits are acknowledged and ignored until then', async () => {
    const reset = await c.ask('INVOKE_BROKER_TO_RESET_OFFSET', { ext: { topic: 'O', group: 'og', queueId: '0', offset: '2', timestamp: '-1', isForce: 'true' } });
    expect(reset).toMatchObject({ code: 0, body: '{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"O"}:2}}' });
    const commit = await c.ask('UPDATE_CONSUMER_OFFSET', { ext: { consumerGroup: 'og', topic: 'O', queueId: '0', commitOffset: '6' } });
    expect(commit).toMatchObject({ code: 0, remark: 'Offset has been previously reset' });
    expect((await c.ask('QUERY_CONSUMER_OFFSET', { ext: { consumerGroup: 'og', topic: 'O', queueId: '0' } })).header).toEqual({ offset: 2 });
    expect(c.broker.offsets.takeReset('og', 'O', 0)).toBe(2);
    await c.ask('UPDATE_CONSUMER_OFFSET', { ext: { consumerGroup: 'og', topic: 'O', queueId: '0', commitOffset: '6' } });
    expect(c.broker.offsets.query('og', 'O', 0)).toBe(6);
  });

  test.each([
    [{ topic: 'NoSuch' }, 17, 'Topic NoSuch does not exist'],
    [{ group: 'nobody' }, 26, 'Group nobody does not exist'],
    [{ queueId: '0', offset: '99' }, 1, 'Target offset 99 not in consume queue range [0-6]'],
    [{ queueId: '7', offset: '0' }, 29, 'queueId is 7, allowed range [0, 1]'],
  ])('a reset with %j is refused', async (more, code, remark) => {
    const ext = { topic: 'O', group: 'og', queueId: '-1', timestamp: '-1', isForce: 'true', ...more } as Record<string, string>;
    expect(await c.ask('INVOKE_BROKER_TO_RESET_OFFSET', { ext })).toMatchObject({ code, remark });
  });

  test('cloned offsets, correction offsets, the entries of a queue', async () => {
    await c.ask('CLONE_GROUP_OFFSET', { ext: { srcGroup: 'og', destGroup: 'copy', offline: 'true' } });
    expect(c.broker.offsets.query('copy', 'O', 0)).toBe(5);
    c.broker.offsets.commit('copy', 'O', 0, 3, '');
    expect((await c.ask('QUERY_CORRECTION_OFFSET', { ext: { compareGroup: 'og', topic: 'O' } })).body).toBe('{"correctionOffsets":{0:3}}');
    expect((await c.ask('QUERY_CORRECTION_OFFSET', { ext: { compareGroup: 'copy', topic: 'O', filterGroups: 'copy' } })).body)
      .toBe('{"correctionOffsets":{0:9223372036854775807}}');
    expect(c.broker.offsets.query('copy', 'O', 0)).toBe(3);
    const units = await c.ask('QUERY_CONSUME_QUEUE', { ext: { topic: 'O', queueId: '0', index: '4', count: '10' } });
    expect(JSON.parse(units.body)).toMatchObject({ maxQueueIndex: 6, minQueueIndex: 0, queueData: [{ tagsCode: 0 }, { tagsCode: 0 }] });
  });

  test('time spans and consume stats know how far behind a group is', async () => {
    const stats = await c.ask('GET_CONSUME_STATS', { ext: { consumerGroup: 'og' } });
    expect(stats.body).toContain('{"brokerName":"broker-a","queueId":0,"topic":"O"}:{"brokerOffset":6,"consumerOffset":5');
    const span = JSON.parse((await c.ask('QUERY_CONSUME_TIME_SPAN', { ext: { topic: 'O', group: 'og' } })).body) as { consumeTimeSpanSet: { delayTime: number }[] };
    expect(span.consumeTimeSpanSet).toHaveLength(2);
  });
});

describe('clients', () => {
  test('a call is passed on with its fields, and the answer back', async () => {
    const peer = new Peer(2);
    await createTopic('T');
    await c.ask('HEART_BEAT', { body: heartbeat('me', 'cg', 'T'), peer });
    peer.answers.push(answer(0, { remark: 'mine', body: Buffer.from('{"x":1}') }));
    const got = await c.ask('GET_CONSUMER_RUNNING_INFO', { ext: { consumerGroup: 'cg', clientId: 'me', jstackEnable: 'true' } });
    expect(got).toMatchObject({ code: 0, remark: 'mine', body: '{"x":1}' });
    expect(peer.called[0]).toMatchObject({ request: { code: 307, ext: { consumerGroup: 'cg', clientId: 'me', jstackEnable: 'true' } }, timeoutMs: 10000 });
    expect(await c.ask('GET_CONSUMER_RUNNING_INFO', { ext: { consumerGroup: 'cg', clientId: 'me' } })).toMatchObject({ code: 207 });
    expect(await c.ask('GET_CONSUMER_RUNNING_INFO', { ext: { consumerGroup: 'cg', clientId: 'you' } }))
      .toMatchObject({ code: 1, remark: 'The Consumer <cg> <you> not online' });
  });

  test('a message is handed to one consumer with its record', async () => {
    const peer = new Peer(3);
    await createTopic('T');
    await c.send('T', 0, 'for one');
    await c.ask('HEART_BEAT', { body: heartbeat('me', 'cg', 'T'), peer });
    peer.answers.push(answer(0));
    const msgId = `7F00000100002A9F${'0'.repeat(16)}`;
    expect((await c.ask('CONSUME_MESSAGE_DIRECTLY', { ext: { consumerGroup: 'cg', clientId: 'me', msgId, topic: 'T' } })).code).toBe(0);
    expect(peer.called[0]?.request.ext).toMatchObject({ brokerName: 'broker-a', topicSysFlag: '0', groupSysFlag: '0' });
    expect(peer.called[0]?.request.body?.includes('for one')).toBe(true);
    expect((await c.ask('CONSUME_MESSAGE_DIRECTLY', { ext: { consumerGroup: 'cg', clientId: 'me', msgId: 'zz' } })).code).toBe(1);
  });

  test('consume status is asked of every client and put together', async () => {
    const peer = new Peer(4);
    await createTopic('T');
    await c.ask('HEART_BEAT', { body: heartbeat('me', 'cg', 'T'), peer });
    peer.answers.push(answer(0, { body: Buffer.from('{"messageQueueTable":{{"brokerName":"b","queueId":0,"topic":"T"}:5}}') }));
    expect((await c.ask('INVOKE_BROKER_TO_GET_CONSUMER_STATUS', { ext: { topic: 'T', group: 'cg' } })).body)
      .toBe('{"consumerTable":{"me":{{"brokerName":"b","queueId":0,"topic":"T"}:5}},"messageQueueTable":{}}');
    expect((await c.ask('INVOKE_BROKER_TO_GET_CONSUMER_STATUS', { ext: { topic: 'T', group: 'none' } })).code).toBe(1);
  });

  test('connection lists show who is there', async () => {
    await createTopic('T');
    await c.ask('HEART_BEAT', { body: heartbeat('me', 'cg', 'T') });
    expect((await c.ask('GET_CONSUMER_CONNECTION_LIST', { ext: { consumerGroup: 'cg' } })).body).toBe(
      '{"connectionSet":[{"clientAddr":"127.0.0.1:50001","clientId":"me","language":"JAVA","version":513}],"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET",'
      + '"consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","subscriptionTable":{"T":{"classFilterMode":false,"codeSet":[2598919],'
      + '"expressionType":"TAG","subString":"TagA","subVersion":1,"tagsSet":["TagA"],"topic":"T"}}}');
    expect((await c.ask('GET_ALL_PRODUCER_INFO')).body).toContain('"remoteIP":"/127.0.0.1:50001"');
  });
});

describe('the broker itself', () => {
  test('runtime figures have the keys that tools read', async () => {
    await createTopic('R');
    await c.send('R');
    const { table } = JSON.parse((await c.ask('GET_BROKER_RUNTIME_INFO')).body) as { table: Record<string, string> };
    expect(table).toMatchObject({ brokerActive: 'true', brokerVersionDesc: 'V5_5_0', msgPutTotalTodayNow: '1', sendThreadPoolQueueCapacity: '10000', sendThreadPoolQueueSize: '0' });
    for (const key of ['putTps', 'getTransferredTps', 'bootTimestamp', 'commitLogMaxOffset', 'earliestMessageTimeStamp', 'remainHowManyDataToFlush']) expect(table).toHaveProperty([key]);
    expect(table['putTps']?.split(' ')).toHaveLength(3);
    expect(table['commitLogDirCapacity']).toBe('Total : 200.0 GiB, Free : 1.5 GiB.');
  });

  test('high availability is told as that of a master without slaves', async () => {
    await createTopic('R');
    const before = JSON.parse((await c.ask('GET_BROKER_HA_STATUS')).body) as Record<string, unknown>;
    await c.send('R');
    const after = JSON.parse((await c.ask('GET_BROKER_HA_STATUS')).body) as Record<string, unknown>;
    expect(Object.keys(after)).toEqual(['haClientRuntimeInfo', 'haConnectionInfo', 'inSyncSlaveNums', 'master', 'masterCommitLogMaxOffset']);
    expect(after).toMatchObject({ haConnectionInfo: [], inSyncSlaveNums: 0, master: true });
    expect(Number(after['masterCommitLogMaxOffset'])).toBeGreaterThan(Number(before['masterCommitLogMaxOffset']));
  });

  test('times nobody measures are shown as Apache does before anything happened', async () => {
    const { table } = JSON.parse((await c.ask('GET_BROKER_RUNTIME_INFO')).body) as { table: Record<string, string> };
    expect(table).toMatchObject({
      putMessageEntireTimeMax: '0', getMessageEntireTimeMax: '0', dispatchMaxBuffer: '0', putLatency99: '0.00', putLatency999: '0.00',
      putMessageDistributeTime: '[<=0ms]:0 [0~10ms]:0 [10~50ms]:0 [50~100ms]:0 [100~200ms]:0 [200~500ms]:0 [500ms~1s]:0 [1~2s]:0 [2~3s]:0 [3~4s]:0 [4~5s]:0 [5~10s]:0 [10s~]:0 ',
    });
  });

  test('delay offsets come with the version of their own table', async () => {
    c.disk.place('/data/config/delayOffset.json', Buffer.from('{"dataVersion":{"counter":7,"stateVersion":0,"timestamp":1700000000000},"offsetTable":{10:4,2:9}}'));
    await c.stop();
    c = await Composed.open({}, c.disk);
    expect(await c.ask('GET_ALL_DELAY_OFFSET')).toMatchObject({
      code: 0, body: '{"dataVersion":{"counter":7,"stateVersion":0,"timestamp":1700000000000},"offsetTable":{2:9,10:4}}',
    });
  });

  test('keys on the list change at once, all others are refused and nothing changes', async () => {
    expect((await c.ask('UPDATE_BROKER_CONFIG', { body: 'longPollingEnable=false\ntraceOn=false\n' })).code).toBe(0);
    expect(c.broker.context.config).toMatchObject({ longPollingEnable: false, traceOn: false });
    for (const body of ['storePathRootDir=/etc', 'traceOn=true\nrocketmqHome=/x', 'messageStorePlugIn=a', 'listenPort=1', '__proto__=1', 'namesrvAddr=evil:1']) {
      const got = await c.ask('UPDATE_BROKER_CONFIG', { body });
      expect(got.code).toBe(16);
      expect(got.remark).toContain('Can not update config in black list.');
    }
    expect((await c.ask('UPDATE_BROKER_CONFIG', { body: 'brokerPermission=9' })).code).toBe(29);
    expect(c.broker.context.config).toMatchObject({ traceOn: false, listenPort: 10911, brokerPermission: 6 });
    expect((await c.ask('UPDATE_BROKER_CONFIG', { body: 'fileReservedTime=5\nmaxTransferCountOnMessageInDisk=0' })).code).toBe(29);
    expect((await c.ask('GET_BROKER_CONFIG')).body).not.toContain('fileReservedTime=5\n');
    expect((await c.ask('UPDATE_BROKER_CONFIG', { body: 'fileReservedTime=5' })).code).toBe(0);
    const shown = await c.ask('GET_BROKER_CONFIG');
    expect(shown.body).toContain('longPollingEnable=false\n');
    expect(shown.body).toContain('fileReservedTime=5\n');
    expect(JSON.parse(shown.header['version'] as string)).toMatchObject({ counter: 2 });
  });

  test('a master without a controller answers what concerns slaves, epochs and the kv store as Apache does', async () => {
    expect((await c.ask('RESET_MASTER_FLUSH_OFFSET', { ext: { masterFlushOffset: '0' } })).code).toBe(0);
    expect((await c.ask('POP_ROLLBACK')).code).toBe(0);
    expect(await c.ask('GET_BROKER_EPOCH_CACHE')).toMatchObject({ code: 1, remark: 'this request only for controllerMode ' });
  });

  test('statistics of a topic that nobody wrote to do not exist', async () => {
    expect(await c.ask('VIEW_BROKER_STATS_DATA', { ext: { statsName: 'TOPIC_PUT_NUMS', statsKey: 'X' } }))
      .toMatchObject({ code: 1, remark: 'The stats <TOPIC_PUT_NUMS> <X> not exist' });
    expect((await c.ask('VIEW_BROKER_STATS_DATA', { ext: { statsName: '__proto__', statsKey: 'X' } })).code).toBe(1);
  });
});

describe('bad names', () => {
  const names = ['../../etc/passwd', 'a\0b', 'x'.repeat(10_240), 'größe', '主题', '', ' ', 'a/b', '\ud800', '.', '..', 'a@b', 'constructor\n'];
  const nameFields = new Set(['topic', 'group', 'groupName', 'consumerGroup', 'producerGroup', 'srcGroup', 'destGroup', 'compareGroup', 'filterGroups', 'clientId', 'statsKey', 'statsName', 'topicList', 'defaultTopic']);
  const fills: Record<string, string> = { str: 'x', i32: '1', i64: '1', bool: 'false', f64: '1', boundary: 'lower' };
  const served = (Object.keys(requests) as RequestName[]).filter((name) => {
    const spec: Spec = requests[name];
    return spec.state === 'served' && spec.on.includes('broker') && ['admin', 'client', 'consumer'].includes(spec.lane);
  });

  test('every admin request of the table is served', () => {
    expect(served.filter((name) => c.broker.handlers[name] === undefined)).toEqual([]);
  });

  test.each(served)('%s neither fails nor makes anything of them', async (name) => {
    const spec: Spec = requests[name];
    const before = c.disk.files();
    for (const bad of names) {
      const ext = Object.fromEntries(Object.entries(spec.header).map(([key, field]) => [field.wire ?? key, nameFields.has(key) ? bad : (fills[field.as] ?? '')]));
      const got = await c.ask(name, { ext, body: JSON.stringify({
        groupName: bad, topicConfigList: [{ topicName: bad }], groupConfigList: [{ groupName: bad }], consumerGroup: bad, clientId: bad, mqSet: [{ topic: bad, brokerName: bad, queueId: 1 }],
      }) });
      expect(typeof got.code).toBe('number');
      expect((got.remark ?? '').length).toBeLessThan(2048);
    }
    const allowed = /^\/data\/(config|commitlog|lock|abort|checkpoint|index)/;
    expect(c.disk.files().filter((file) => !before.includes(file) && !allowed.test(file))).toEqual([]);
    for (const topic of c.broker.topics.all()) expect(topic.name).toMatch(/^[%|a-zA-Z0-9_-]+$/);
    for (const group of c.broker.groups.all()) expect(group.groupName).toMatch(/^[%|a-zA-Z0-9_-]+$/);
  });
});
