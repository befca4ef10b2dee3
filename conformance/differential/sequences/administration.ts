/** Topics, groups, offsets, clients, locks and statistics of the broker. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sequence } from '../compare.js';
import { Peer } from '../peer.js';
import { code, fill, groupBody, heartbeat, makeGroup, makeTopic, pullOf, topicFields, waitMax } from './steps.js';

const id = (n: number): string => `C0DE${String(n).padStart(28, '0')}`;
type Fields = Record<string, string | number | boolean>;

const topics: Sequence = {
  name: 'topics',
  async run(peer) {
    const make = async (label: string, topic: string, more: Fields = {}): Promise<void> => {
      await peer.ask(`create ${label}`, code.UPDATE_AND_CREATE_TOPIC, topicFields(topic, 4, more));
      await peer.ask(`config ${label}`, code.GET_TOPIC_CONFIG, { topic });
    };
    await make('plain', 'DiffTopic');
    await make('same again', 'DiffTopic');
    await make('more queues', 'DiffTopic', { readQueueNums: 8, writeQueueNums: 8 });
    await make('fewer queues', 'DiffTopic', { readQueueNums: 2, writeQueueNums: 2 });
    await make('no queues', 'DiffTopic', { readQueueNums: 0, writeQueueNums: 0 });
    await make('read only', 'DiffTopic', { perm: 4 });
    await make('ordered', 'DiffTopicOrdered', { order: true });
    await make('unit', 'DiffTopicUnit', { topicSysFlag: 1 });
    await make('unit sub', 'DiffTopicUnitSub', { topicSysFlag: 2 });
    await make('unit and unit sub', 'DiffTopicUnitBoth', { topicSysFlag: 3 });
    await make('multi tag', 'DiffTopicMulti', { topicFilterType: 'MULTI_TAG' });
    await make('odd filter type', 'DiffTopicOdd', { topicFilterType: 'NOPE' });
    for (const attributes of [
      '+message.type=FIFO', '+message.type=NORMAL', '+message.type=DELAY', '+message.type=TRANSACTION', '+message.type=MIXED', '+message.type=XYZ', '+a=b', 'a=b',
      '-message.type', '-a', '+queue.type=SimpleCQ', '+cleanup.policy=DELETE', '+cleanup.policy=COMPACTION', '+cleanup.policy=X', '+reserve.time=5', '+', '', '=', '+=',
      '+message.type=FIFO,+queue.type=SimpleCQ', '+message.type=FIFO,+message.type=NORMAL', '+message.type', 'message.type=FIFO', '+lite.topic.expiration=5', '+message.type=fifo',
      '+retry.policy=x',
    ]) {
      await make(`attributes '${attributes}' on a new topic`, `DiffAttr_${attributes.replace(/[^a-zA-Z]/g, '_')}`, { attributes });
    }
    await make('for changes', 'DiffAttrs', { attributes: '+message.type=NORMAL' });
    for (const attributes of ['+message.type=FIFO', '-message.type', '-message.type,+message.type=FIFO', '+cleanup.policy=COMPACTION', '-cleanup.policy', '+queue.type=BatchCQ', '-queue.type', '+nope=1']) {
      await make(`change '${attributes}'`, 'DiffAttrs', { attributes });
    }
    for (const topic of ['a b', 'x/y', '../x', 'tüp', '', 'T'.repeat(128), 'SCHEDULE_TOPIC_XXXX', 'TBW102', 'rmq_sys_something', 'RMQ_SYS_TRACE_TOPIC', 'DefaultCluster', 'broker-a', '%RETRY%x', '%DLQ%x', 'a%b', 'a|b', 'SELF_TEST_TOPIC', 'BenchmarkTest', 'OFFSET_MOVED_EVENT']) {
      await peer.ask(`create '${topic.slice(0, 30)}'`, code.UPDATE_AND_CREATE_TOPIC, topicFields(topic, 4));
    }
    for (const topic of ['', 'a b', 'DiffNever', 'SCHEDULE_TOPIC_XXXX', 'TBW102', 'T'.repeat(300), 'DiffTopic', 'DiffTopic']) {
      await peer.ask(`delete '${topic.slice(0, 30)}'`, code.DELETE_TOPIC_IN_BROKER, { topic });
    }
    await peer.ask('config of the deleted', code.GET_TOPIC_CONFIG, { topic: 'DiffTopic' });
    await peer.ask('route of the deleted on the broker side of the name server', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'DiffTopicOrdered' }, { to: 'namesrv' });
    await peer.ask('unit topics', code.GET_UNIT_TOPIC_LIST, {}, { to: 'namesrv' });
    await peer.ask('unit sub topics', code.GET_HAS_UNIT_SUB_TOPIC_LIST, {}, { to: 'namesrv' });
    await peer.ask('unit sub, not unit topics', code.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST, {}, { to: 'namesrv' });
    const list = (configs: unknown): string => JSON.stringify({ topicConfigList: configs });
    await peer.ask('list of two', code.UPDATE_AND_CREATE_TOPIC_LIST, {}, { body: list([{ topicName: 'DiffList1', readQueueNums: 2, writeQueueNums: 2, perm: 6 }, { topicName: 'DiffList2', attributes: { '+message.type': 'FIFO' } }]) });
    await peer.ask('its first', code.GET_TOPIC_CONFIG, { topic: 'DiffList1' });
    await peer.ask('its second', code.GET_TOPIC_CONFIG, { topic: 'DiffList2' });
    await peer.ask('list with a bad name', code.UPDATE_AND_CREATE_TOPIC_LIST, {}, { body: list([{ topicName: 'DiffList3' }, { topicName: 'a b' }]) });
    await peer.ask('whether the first of them is there', code.GET_TOPIC_CONFIG, { topic: 'DiffList3' });
    await peer.ask('empty list', code.UPDATE_AND_CREATE_TOPIC_LIST, {}, { body: list([]) });
    await peer.ask('system topics of the broker', code.GET_SYSTEM_TOPIC_LIST_FROM_BROKER);
    for (const [name, mask] of [['GET_TOPIC_STATS_INFO', ['lastUpdateTimestamp']]] as const) {
      await makeTopic(peer, 'DiffStats', 2);
      await fill(peer, 'DiffStats', 1, 3);
      await peer.ask('stats', code[name], { topic: 'DiffStats' }, { mask: [...mask, 'topicPutTps'] });
      await peer.ask('stats of an unknown topic', code[name], { topic: 'NoSuchTopic' });
    }
    await peer.ask('who consumes it', code.QUERY_TOPIC_CONSUME_BY_WHO, { topic: 'DiffStats' });
    await peer.ask('who consumes an unknown topic', code.QUERY_TOPIC_CONSUME_BY_WHO, { topic: 'NoSuchTopic' });
    await peer.ask('topic config of an unknown topic', code.GET_TOPIC_CONFIG, { topic: 'NoSuchTopic' });
    const all = await peer.ask('all topics', code.GET_ALL_TOPIC_CONFIG, {}, { quiet: true });
    const table = JSON.parse(all?.body.toString('utf8') ?? '{}') as { topicConfigTable?: Record<string, unknown> };
    peer.note('all topics', {
      code: all?.code, ext: Object.keys(all?.ext ?? {}), members: Object.keys(table).sort(), system: Object.keys(table.topicConfigTable ?? {}).filter((topic) => !/^(Diff|%)/.test(topic)).sort(),
      configs: Object.entries(table.topicConfigTable ?? {}).filter(([topic]) => !/^(Diff|%|T{9})/.test(topic)),
    });
  },
};

const groups: Sequence = {
  name: 'groups',
  async run(peer) {
    const make = async (label: string, group: string, more: Record<string, unknown> = {}): Promise<void> => {
      await peer.ask(`create ${label}`, code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, { body: groupBody(group, more) });
      await peer.ask(`config ${label}`, code.GET_SUBSCRIPTIONGROUP_CONFIG, { group });
    };
    await make('plain', 'diff_group');
    await make('again', 'diff_group');
    await make('changed', 'diff_group', { retryMaxTimes: 3, retryQueueNums: 4, consumeEnable: false, consumeMessageOrderly: true, consumeTimeoutMinute: 30 });
    await make('minimal', 'diff_group_min');
    await peer.ask('create only a name', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, { body: '{"groupName":"diff_group_name"}' });
    await peer.ask('config only a name', code.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'diff_group_name' });
    await make('negative retries', 'diff_group_neg', { retryMaxTimes: -1, retryQueueNums: -1 });
    await make('customized retry', 'diff_group_cust', { groupRetryPolicy: { type: 'CUSTOMIZED', customizedRetryPolicy: { next: [1000, 5000] } } });
    await make('exponential retry', 'diff_group_exp', { groupRetryPolicy: { type: 'EXPONENTIAL', exponentialRetryPolicy: { initial: 5000, max: 10000, multiplier: 2 } } });
    await make('unknown member', 'diff_group_unknown', { nope: 1 });
    for (const [name, value] of [['+priority.factor', '1'], ['+nope', '1'], ['nope', '1'], ['+lite.bind.topic', 'DiffTopic'], ['-nope', '']] as const) {
      await make(`attribute ${name}=${value}`, `diff_group_a${name.replace(/[^a-z]/g, '_')}`, { attributes: { [name]: value } });
    }
    for (const group of ['a b', '', '../x', 'g'.repeat(120), 'g'.repeat(121), 'g'.repeat(256), 'TOOLS_CONSUMER', 'CID_RMQ_SYS_x', 'grüppe', '%RETRY%g', 'a|b%c-d_e']) {
      await make(`'${group.slice(0, 20)}' of ${group.length}`, group);
    }
    await peer.ask('config of an unknown group', code.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'diff_group_fresh' });
    await peer.ask('config of a group with blank', code.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'a b' });
    for (const groupName of ['diff_group', 'diff_group', 'never', '', 'a b', 'TOOLS_CONSUMER']) await peer.ask(`delete '${groupName}'`, code.DELETE_SUBSCRIPTIONGROUP, { groupName, cleanOffset: true });
    await peer.ask('retry topic after deletion', code.GET_TOPIC_CONFIG, { topic: '%RETRY%diff_group' });
    const readable = (label: string, more: Fields): Promise<unknown> => peer.ask(label, code.UPDATE_AND_GET_GROUP_FORBIDDEN, { group: 'diff_group_min', topic: 'DiffStats', ...more });
    await readable('readable?', {});
    await readable('forbid', { readable: false });
    await readable('readable?', {});
    await readable('allow', { readable: true });
    await readable('unknown topic', { topic: 'NoSuchTopic', readable: false });
    await readable('unknown group', { group: 'diff_nobody', readable: false });
    const all = await peer.ask('all groups', code.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, {}, { quiet: true });
    const table = JSON.parse(all?.body.toString('utf8') ?? '{}') as { subscriptionGroupTable?: Record<string, unknown> };
    peer.note('all groups', { code: all?.code, ext: Object.keys(all?.ext ?? {}).sort(), members: Object.keys(table).sort(), system: Object.entries(table.subscriptionGroupTable ?? {}).filter(([group]) => !/^diff_|^mqa_|^g{9}|^[a%]/.test(group)) });
  },
};

const offsets: Sequence = {
  name: 'offsets',
  async run(peer) {
    const topic = 'DiffOffset';
    const group = 'diff_offset_group';
    await makeTopic(peer, topic, 3);
    await makeGroup(peer, group);
    await fill(peer, topic, 0, 5, (i) => ({ UNIQ_KEY: id(i) }));
    const query = (label: string, more: Fields = {}): Promise<unknown> => peer.ask(`query ${label}`, code.QUERY_CONSUMER_OFFSET, { consumerGroup: group, topic, queueId: 0, ...more });
    const update = (label: string, more: Fields = {}): Promise<unknown> => peer.ask(`update ${label}`, code.UPDATE_CONSUMER_OFFSET, { consumerGroup: group, topic, queueId: 0, commitOffset: 3, ...more });
    await query('none');
    await query('none, no zero', { setZeroIfNotFound: false });
    await query('none, zero', { setZeroIfNotFound: true });
    await query('none on an empty queue', { queueId: 1 });
    await query('none on no queue', { queueId: 77 });
    await query('unknown topic', { topic: 'NoSuchTopic' });
    await query('unknown group', { consumerGroup: 'diff_nobody' });
    await query('illegal group', { consumerGroup: 'a b' });
    await update('3');
    await query('3');
    await update('back to 1', { commitOffset: 1 });
    await query('1');
    await update('beyond the end', { commitOffset: 1000 });
    await query('beyond the end');
    await update('negative', { commitOffset: -7 });
    await query('negative');
    await update('unknown group', { consumerGroup: 'diff_nobody_at_all' });
    await update('unknown topic', { topic: 'NoSuchTopic' });
    await update('illegal group', { consumerGroup: 'a b' });
    await update('empty group', { consumerGroup: '' });
    await update('empty topic', { topic: '' });
    await update('4', { commitOffset: 4 });
    for (const queueId of [0, 1, 77, -1]) {
      await peer.ask(`max ${queueId}`, code.GET_MAX_OFFSET, { topic, queueId });
      await peer.ask(`max committed ${queueId}`, code.GET_MAX_OFFSET, { topic, queueId, committed: true });
      await peer.ask(`min ${queueId}`, code.GET_MIN_OFFSET, { topic, queueId });
      await peer.ask(`earliest ${queueId}`, code.GET_EARLIEST_MSG_STORETIME, { topic, queueId });
    }
    await peer.ask('max of an unknown topic', code.GET_MAX_OFFSET, { topic: 'NoSuchTopic', queueId: 0 });
    await peer.ask('stats', code.GET_CONSUME_STATS, { consumerGroup: group, topic }, { mask: ['consumeTps'] });
    await peer.ask('stats without topic', code.GET_CONSUME_STATS, { consumerGroup: group }, { mask: ['consumeTps'] });
    await peer.ask('stats of an unknown topic', code.GET_CONSUME_STATS, { consumerGroup: group, topic: 'NoSuchTopic' });
    await peer.ask('stats of an unknown group', code.GET_CONSUME_STATS, { consumerGroup: 'diff_nobody', topic });
    await peer.ask('stats of a topic list', code.GET_CONSUME_STATS, { consumerGroup: group, topicList: `${topic};DiffStats` });
    await peer.ask('time span', code.QUERY_CONSUME_TIME_SPAN, { topic, group }, { mask: ['delayTime'] });
    await peer.ask('time span of an unknown topic', code.QUERY_CONSUME_TIME_SPAN, { topic: 'NoSuchTopic', group });
    await peer.ask('topics by consumer', code.QUERY_TOPICS_BY_CONSUMER, { group });
    await peer.ask('topics by an unknown consumer', code.QUERY_TOPICS_BY_CONSUMER, { group: 'diff_nobody' });
    await peer.ask('correction', code.QUERY_CORRECTION_OFFSET, { topic, compareGroup: group, filterGroups: '' });
    await peer.ask('clone', code.CLONE_GROUP_OFFSET, { srcGroup: group, destGroup: 'diff_offset_clone', topic, offline: true });
    await query('of the clone', { consumerGroup: 'diff_offset_clone' });
    await peer.ask('clone of nobody', code.CLONE_GROUP_OFFSET, { srcGroup: 'diff_nobody', destGroup: 'diff_offset_clone2', topic, offline: true });
    await peer.ask('clone all topics', code.CLONE_GROUP_OFFSET, { srcGroup: group, destGroup: 'diff_offset_clone3', offline: true });
    await query('of the third clone', { consumerGroup: 'diff_offset_clone3' });
    await peer.ask('queue', code.QUERY_CONSUME_QUEUE, { topic, queueId: 0, index: 1, count: 2 }, { mask: ['physicOffset', 'bitMap', 'msg', 'extendDataJson'] });
    await peer.ask('queue with group', code.QUERY_CONSUME_QUEUE, { topic, queueId: 0, index: 1, count: 2, consumerGroup: group }, { mask: ['physicOffset'] });
    await peer.ask('queue beyond', code.QUERY_CONSUME_QUEUE, { topic, queueId: 0, index: 100, count: 2 });
    await peer.ask('queue of an empty queue', code.QUERY_CONSUME_QUEUE, { topic, queueId: 2, index: 0, count: 2 });
    await peer.ask('queue of an unknown topic', code.QUERY_CONSUME_QUEUE, { topic: 'NoSuchTopicQ', queueId: 0, index: 0, count: 2 });
    const reset = (label: string, more: Fields): Promise<unknown> => peer.ask(`reset ${label}`, code.INVOKE_BROKER_TO_RESET_OFFSET, { topic, group, timestamp: -1, isForce: true, queueId: -1, ...more });
    await reset('to the start of time', { timestamp: 0 });
    await query('while a reset waits');
    await update('while a reset waits', { commitOffset: 5 });
    await query('after the ignored update');
    await peer.ask('pull gets the reset', code.PULL_MESSAGE, pullOf(topic, group, 0, 4));
    await peer.ask('pull after the reset', code.PULL_MESSAGE, pullOf(topic, group, 0, 0, { maxMsgNums: 1 }));
    await update('after the reset', { commitOffset: 2 });
    await query('after the reset');
    await reset('to the end', {});
    await peer.ask('pull gets the reset', code.PULL_MESSAGE, pullOf(topic, group, 0, 4));
    await reset('one queue to an offset', { queueId: 0, offset: 3 });
    await peer.ask('pull gets the reset', code.PULL_MESSAGE, pullOf(topic, group, 0, 4));
    await reset('one queue beyond the end', { queueId: 0, offset: 100 });
    await reset('one queue below the start', { queueId: 0, offset: -2 });
    await reset('not by force', { isForce: false, timestamp: 0 });
    await reset('unknown topic', { topic: 'NoSuchTopic' });
    await reset('unknown group', { group: 'diff_nobody' });
    await reset('in the future', { timestamp: Date.now() + 3_600_000 });
    await reset('empty queue', { queueId: 1 });
    const status = (label: string, more: Fields): Promise<unknown> => peer.ask(`status ${label}`, code.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, { topic, group, clientAddr: '', ...more });
    await status('nobody online', {});
    await status('unknown topic', { topic: 'NoSuchTopic' });
    const all = await peer.ask('all consumer offsets', code.GET_ALL_CONSUMER_OFFSET, {}, { quiet: true });
    peer.note('all consumer offsets: members', Object.keys(JSON.parse((all?.body.toString('utf8') ?? '{}').replace(/([{,])(-?\d+):/g, '$1"$2":')) as object).sort());
    const delay = await peer.ask('all delay offsets', code.GET_ALL_DELAY_OFFSET, {}, { quiet: true });
    peer.note('all delay offsets: members', { code: delay?.code, members: Object.keys(JSON.parse((delay?.body.toString('utf8') ?? '{}').replace(/([{,])(-?\d+):/g, '$1"$2":')) as object).sort() });
  },
};

const searchByTime: Sequence = {
  name: 'search offset by time',
  async run(peer) {
    const topic = 'DiffTime';
    await makeTopic(peer, topic, 2);
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      await sleep(20); // each message has a store time of its own, and room for a question in between
      await peer.ask('fill', code.SEND_MESSAGE_V2, Peer.v2(topic, 0, { UNIQ_KEY: id(i) }), { body: `${i}` });
      await waitMax(peer, topic, 0, i + 1);
      const view = await peer.ask('', code.PULL_MESSAGE, pullOf(topic, 'diff_time_reader', 0, i, { maxMsgNums: 1 }), { quiet: true });
      times.push(Number(view?.body.readBigInt64BE(56) ?? 0n));
    }
    const search = async (label: string, timestamp: number | string, more: Fields = {}): Promise<void> => {
      for (const boundaryType of ['lower', 'upper', 'LOWER', 'UPPER', 'x']) {
        await peer.ask(`${label} ${boundaryType}`, code.SEARCH_OFFSET_BY_TIMESTAMP, { topic, queueId: 0, timestamp, boundaryType, ...more });
      }
      await peer.ask(`${label} without boundary`, code.SEARCH_OFFSET_BY_TIMESTAMP, { topic, queueId: 0, timestamp, ...more });
    };
    peer.note('store times ascend', times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0) + 1));
    for (const [i, time] of times.entries()) {
      await search(`at message ${i}`, time);
      await search(`just after message ${i}`, time + 1);
    }
    await search('before all', (times[0] ?? 1) - 1);
    await search('after all', (times[4] ?? 1) + 10_000);
    for (const odd of [0, -1, '9223372036854775807']) await search(`time ${odd}`, odd);
    await search('empty queue', 5, { queueId: 1 });
    await search('no queue', 5, { queueId: 50 });
    await search('unknown topic', 5, { topic: 'NoSuchTopic' });
  },
};

const clients: Sequence = {
  name: 'heartbeats and clients',
  async run(peer) {
    const topic = 'DiffClients';
    const group = 'diff_clients';
    await makeTopic(peer, topic, 2);
    const sub = { topic, subString: 'TagA', tagsSet: ['TagA'], codeSet: [2598917], subVersion: 1000 };
    const beat = (label: string, client: string, body: string, ext: Fields = {}): Promise<unknown> => peer.ask(`heartbeat ${label}`, code.HEART_BEAT, ext, { client, body });
    const list = (label: string): Promise<unknown> => peer.ask(`list ${label}`, code.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: group });
    const connections = (label: string): Promise<unknown> => peer.ask(`connections ${label}`, code.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group });
    await list('before');
    await connections('before');
    await beat('first', 'c1', heartbeat('cid-1', [{ group, subs: [sub] }], ['diff_producer']));
    await list('one');
    await connections('one');
    await peer.ask('producer connections', code.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'diff_producer' });
    await peer.ask('producers', code.GET_ALL_PRODUCER_INFO, {}, { mask: ['lastUpdateTimestamp'], quiet: true });
    await beat('same again', 'c1', heartbeat('cid-1', [{ group, subs: [sub] }], ['diff_producer']));
    await beat('second', 'c2', heartbeat('cid-2', [{ group, subs: [sub] }]));
    await peer.until('the first was told', 3000, async () => Promise.resolve(peer.requestsHeard('c1').length > 0));
    peer.note('told', peer.requestsHeard('c1').at(-1)?.replace(/cid-\d/g, 'cid'));
    await list('two');
    await connections('two');
    await peer.ask('retry topic of the group', code.GET_TOPIC_CONFIG, { topic: `%RETRY%${group}` });
    await peer.ask('config of the group', code.GET_SUBSCRIPTIONGROUP_CONFIG, { group });
    await peer.ask('subscription', code.QUERY_SUBSCRIPTION_BY_CONSUMER, { group, topic });
    await peer.ask('who consumes', code.QUERY_TOPIC_CONSUME_BY_WHO, { topic });
    await beat('more topics', 'c2', heartbeat('cid-2', [{ group, subs: [sub, { topic: 'DiffStats', subVersion: 2000 }] }]));
    await connections('after a change');
    await beat('fewer topics', 'c2', heartbeat('cid-2', [{ group, subs: [sub] }]));
    await connections('after another change');
    await beat('without subscriptions, V2 unknown', 'c3', heartbeat('cid-3', [{ group: 'diff_clients_v2', subs: [] }], [], { heartbeatFingerprint: 12345, withoutSub: true }));
    await beat('V2 full', 'c3', heartbeat('cid-3', [{ group: 'diff_clients_v2', subs: [sub] }], [], { heartbeatFingerprint: 12345 }));
    await beat('V2 short', 'c3', heartbeat('cid-3', [{ group: 'diff_clients_v2', subs: [] }], [], { heartbeatFingerprint: 12345, withoutSub: true }));
    await beat('V2 short, other fingerprint', 'c3', heartbeat('cid-3', [{ group: 'diff_clients_v2', subs: [] }], [], { heartbeatFingerprint: 999, withoutSub: true }));
    await beat('V2 full, other fingerprint', 'c3', heartbeat('cid-3', [{ group: 'diff_clients_v2', subs: [sub] }], [], { heartbeatFingerprint: 999 }));
    await peer.ask('V2 list', code.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: 'diff_clients_v2' });
    await beat('illegal group', 'c4', heartbeat('cid-4', [{ group: 'a b', subs: [sub] }]));
    await beat('empty', 'c4', heartbeat('cid-4', []));
    await beat('no client id', 'c4', '{}');
    await beat('orderly group of an ordered topic', 'c5', heartbeat('cid-5', [{ group: 'diff_clients_o', subs: [{ topic: 'DiffPerm6true' }] }]));
    await peer.ask('its retry topic', code.GET_TOPIC_CONFIG, { topic: '%RETRY%diff_clients_o' });
    await peer.ask('running info of nobody', code.GET_CONSUMER_RUNNING_INFO, { consumerGroup: group, clientId: 'nobody', jstackEnable: false });
    await peer.ask('status of them', code.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, { topic, group, clientAddr: 'nobody' });
    await peer.ask('unregister the second', code.UNREGISTER_CLIENT, { clientID: 'cid-2', consumerGroup: group }, { client: 'c2' });
    await list('after unregistering');
    await peer.ask('unregister once more', code.UNREGISTER_CLIENT, { clientID: 'cid-2', consumerGroup: group }, { client: 'c2' });
    await peer.ask('unregister nothing', code.UNREGISTER_CLIENT, { clientID: 'cid-2' }, { client: 'c2' });
    await peer.ask('unregister the producer', code.UNREGISTER_CLIENT, { clientID: 'cid-1', producerGroup: 'diff_producer' }, { client: 'c1' });
    await peer.ask('producer connections after', code.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'diff_producer' });
    peer.closeClient('c1');
    await peer.until('the first is gone', 5000, async () => (await peer.ask('', code.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: group }, { quiet: true }))?.code === 1);
    await list('after closing');
    await connections('after closing');
    for (const version of [0, 100, 400, 513]) for (const language of ['JAVA', 'CPP', 'GO', 'HTTP']) {
      await peer.ask(`client of ${language} ${version}`, code.HEART_BEAT, {}, { client: 'c9', version, language, body: heartbeat('cid-9', [{ group: 'diff_lang', subs: [sub] }]) });
      await peer.ask(`connection of ${language} ${version}`, code.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: 'diff_lang' });
    }
  },
};

const locks: Sequence = {
  name: 'queue locks',
  async run(peer) {
    const group = 'diff_locks';
    const body = (clientId: string, queues: number[], more: Record<string, unknown> = {}): string =>
      JSON.stringify({ consumerGroup: group, clientId, mqSet: queues.map((queueId) => ({ topic: 'DiffLock', brokerName: 'broker-a', queueId })), ...more });
    const lock = (label: string, text: string): Promise<unknown> => peer.ask(`lock ${label}`, code.LOCK_BATCH_MQ, {}, { body: text });
    const unlock = (label: string, text: string): Promise<unknown> => peer.ask(`unlock ${label}`, code.UNLOCK_BATCH_MQ, {}, { body: text });
    await lock('by one', body('one', [0, 1]));
    await lock('by one again', body('one', [0, 1]));
    await lock('by two', body('two', [0, 1, 2]));
    await unlock('by two', body('two', [0]));
    await lock('by two after its unlock', body('two', [0]));
    await unlock('by one', body('one', [0]));
    await lock('by two after the owner\'s unlock', body('two', [0]));
    await lock('by one of what is left', body('one', [0, 1, 2]));
    await lock('of nothing', body('one', []));
    await lock('only this broker', body('one', [5], { onlyThisBroker: true }));
    await lock('of another group', body('one', [2], { consumerGroup: 'diff_locks_2' }));
    await unlock('of an unknown group', body('one', [2], { consumerGroup: 'diff_locks_3' }));
    await makeTopic(peer, 'DiffLock', 1);
    await makeGroup(peer, group);
    await peer.ask('send to the retry topic of a group with locks', code.SEND_MESSAGE_V2, { ...Peer.v2(`%RETRY%${group}`, 0, { RETRY_TOPIC: 'DiffLock' }), j: 1, l: 9 }, { body: 'ordered' });
    await waitMax(peer, `%DLQ%${group}`, 0, 1);
    await peer.ask('it is dead', code.PULL_MESSAGE, pullOf(`%DLQ%${group}`, 'diff_lock_reader', 0, 0));
  },
};

const runtime: Sequence = {
  name: 'runtime and configuration of the broker',
  async run(peer) {
    const info = await peer.ask('runtime', code.GET_BROKER_RUNTIME_INFO, {}, { quiet: true });
    const table = (JSON.parse(info?.body.toString('utf8') ?? '{}') as { table?: Record<string, string> }).table ?? {};
    peer.note('runtime', { code: info?.code, remark: info?.remark, keys: Object.keys(table).filter((key) => !/^(schedule|commitLogDirCapacity|commitLogDiskRatio|putMessageDistributeTime|dispatchMaxBuffer|putLatency99|[gp][eu]tMessageEntireTimeMax)/.test(key)).sort() });
    for (const name of ['brokerVersionDesc', 'brokerVersion', 'putTps', 'sendThreadPoolQueueCapacity', 'pullThreadPoolQueueCapacity', 'queryThreadPoolQueueCapacity']) {
      peer.note(`runtime ${name}`, /Tps/.test(name) ? (table[name] ?? '').split(' ').length : table[name] ?? '(absent)');
    }
    const config = await peer.ask('config', code.GET_BROKER_CONFIG, {}, { quiet: true });
    const lines = (config?.body.toString('utf8') ?? '').split('\n');
    peer.note('config', { code: config?.code, ext: Object.keys(config?.ext ?? {}).sort() });
    for (const key of ['brokerName', 'brokerClusterName', 'brokerId', 'maxMessageSize', 'flushDiskType', 'fileReservedTime', 'deleteWhen', 'brokerPermission', 'autoCreateTopicEnable', 'defaultTopicQueueNums', 'mappedFileSizeCommitLog', 'messageDelayLevel', 'longPollingEnable', 'maxTransferCountOnMessageInMemory']) {
      peer.note(`config ${key}`, lines.find((line) => line.startsWith(`${key}=`)) ?? '(absent)');
    }
    await peer.ask('update config', code.UPDATE_BROKER_CONFIG, {}, { body: 'autoCreateTopicEnable=true\n' });
    await peer.ask('update config: black list', code.UPDATE_BROKER_CONFIG, {}, { body: 'brokerConfigPath=/x\n' });
    await peer.ask('update config: empty', code.UPDATE_BROKER_CONFIG, {}, { body: '' });
    await peer.ask('update config: blank', code.UPDATE_BROKER_CONFIG, {}, { body: '\n' });
    await peer.ask('stats data', code.VIEW_BROKER_STATS_DATA, { statsName: 'NOPE', statsKey: 'x' });
    await peer.ask('clean expired consume queues', code.CLEAN_EXPIRED_CONSUMEQUEUE);
    await peer.ask('clean unused topics', code.CLEAN_UNUSED_TOPIC);
    await peer.ask('delete expired commit log', code.DELETE_EXPIRED_COMMITLOG);
    await peer.ask('broker consume stats', code.GET_BROKER_CONSUME_STATS, { isOrder: true }, { mask: ['consumeStatsList', 'totalDiff', 'totalInflightDiff'] });
    for (const type of ['TAG', 'SQL92', 'XYZ', '']) {
      await peer.ask(`check client ${type}`, code.CHECK_CLIENT_CONFIG, {}, { body: JSON.stringify({ clientId: 'c', group: 'g', subscriptionData: { topic: 'DiffStats', subString: 'a', expressionType: type, subVersion: 1 } }) });
    }
  },
};

export const administrationSequences: readonly Sequence[] = [topics, groups, offsets, searchByTime, clients, locks, runtime];
