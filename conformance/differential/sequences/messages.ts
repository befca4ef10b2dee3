/** Sending, pulling, sending back, delays and queries. */
import { crc32, deflateSync } from 'node:zlib';
import { encodeBatch } from '../../kit/wire/batch.js';
import type { Sequence } from '../compare.js';
import { Peer } from '../peer.js';
import { code, fill, heartbeat, makeGroup, makeTopic, pullOf, waitMax } from './steps.js';

const id = (n: number): string => `C0DE${String(n).padStart(28, '0')}`;
const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

/** Bodies whose CRC is known are only here to keep the table honest about what is stored. */
const big = Buffer.alloc(5000, 'x');

const sending: Sequence = {
  name: 'send variants',
  async run(peer) {
    const topic = 'DiffSend';
    await makeTopic(peer, topic, 4, { writeQueueNums: 4, readQueueNums: 4 });
    let n = 0;
    const send = async (label: string, properties: Record<string, string>, more: Record<string, string | number | boolean> = {}, body: Buffer = utf8(label), mask: string[] = []): Promise<void> => {
      await peer.ask(label, code.SEND_MESSAGE_V2, { ...Peer.v2(topic, 0, { UNIQ_KEY: id(++n), ...properties }), ...more }, { body, mask });
    };
    await send('plain', {});
    await send('tags and keys', { TAGS: 'TagA', KEYS: 'a b c' });
    await send('wait false', { WAIT: 'false' });
    await send('own MSG_REGION', { MSG_REGION: 'elsewhere', TRACE_ON: 'false', CLUSTER: 'other' });
    await send('POP_CK', { POP_CK: '0 1 2 3 4 broker-a 0 0' });
    await send('compressed', {}, { f: 1 }, deflateSync(big));
    await send('compressed flag, plain body', {}, { f: 1 });
    await send('flag 7', {}, { h: 7 });
    await send('retries 3', {}, { j: 3 });
    await send('unit mode', {}, { k: true });
    await send('queue 3', {}, { e: 3 });
    await send('queue 4', {}, { e: 4 });
    await makeTopic(peer, 'DiffSendAny', 4);
    await send('queue -1', {}, { b: 'DiffSendAny', e: -1 }, utf8('any'), ['queueId', 'queueOffset']);
    await send('queue -5', {}, { b: 'DiffSendAny', e: -5 }, utf8('any'), ['queueId', 'queueOffset']);
    await send('no uniq key', {}, { i: 'KEYS\u0001nokey\u0002' });
    await send('own id is not hex', { UNIQ_KEY: 'my own id' });
    await send('body of 4 MiB', {}, {}, Buffer.alloc(4 * 1024 * 1024, 'a'));
    await send('body of 4 MiB + 1', {}, {}, Buffer.alloc(4 * 1024 * 1024 + 1, 'a'));
    await send('properties of 32766', { p: 'x'.repeat(32766 - 43) }, {});
    await send('properties of 32 KiB and more', { p: 'x'.repeat(33000) }, {});
    await send('system topic', {}, { b: 'SCHEDULE_TOPIC_XXXX' });
    await send('system topic RMQ_SYS_TRANS_HALF_TOPIC', {}, { b: 'RMQ_SYS_TRANS_HALF_TOPIC' });
    await send('system topic TBW102', {}, { b: 'TBW102' });
    await send('system topic SELF_TEST_TOPIC', {}, { b: 'SELF_TEST_TOPIC' });
    await send('system topic OFFSET_MOVED_EVENT', {}, { b: 'OFFSET_MOVED_EVENT' });
    await send('system topic BenchmarkTest', {}, { b: 'BenchmarkTest' });
    await send('topic with blank', {}, { b: 'a b' });
    await send('topic with umlaut', {}, { b: 'tüp' });
    await send('topic with slash', {}, { b: '../x' });
    await send('topic empty', {}, { b: '' });
    await send('topic of 127', {}, { b: 'T'.repeat(127) });
    await send('topic of 128', {}, { b: 'T'.repeat(128) });
    await send('topic created on send', {}, { b: 'DiffSendAuto', d: 3 });
    await peer.ask('its config', code.GET_TOPIC_CONFIG, { topic: 'DiffSendAuto' });
    await send('topic created on send, 20 queues asked', {}, { b: 'DiffSendAuto20', d: 20 });
    await peer.ask('its config', code.GET_TOPIC_CONFIG, { topic: 'DiffSendAuto20' });
    await send('topic created on send, 0 queues asked', {}, { b: 'DiffSendAuto0', d: 0 });
    await peer.ask('its config', code.GET_TOPIC_CONFIG, { topic: 'DiffSendAuto0' });
    await send('created from a topic without inherit', {}, { b: 'DiffSendAutoX', c: topic });
    await send('created from an unknown topic', {}, { b: 'DiffSendAutoY', c: 'NoSuchDefault' });
    await send('created in unit mode', {}, { b: 'DiffSendAutoUnit', k: true });
    await peer.ask('its config', code.GET_TOPIC_CONFIG, { topic: 'DiffSendAutoUnit' });
    await send('retry topic, unknown group', {}, { b: '%RETRY%diff_no_group' });
    await makeGroup(peer, 'diff_send_group', { retryMaxTimes: 2 });
    await send('retry topic', { RETRY_TOPIC: topic }, { b: '%RETRY%diff_send_group', j: 1, l: 5 });
    await send('retry topic, too many', { RETRY_TOPIC: topic }, { b: '%RETRY%diff_send_group', j: 6, l: 5 }, utf8('x'), ['queueId']);
    await send('retry topic, too many by group', { RETRY_TOPIC: topic }, { b: '%RETRY%diff_send_group', j: 3 }, utf8('x'), ['queueId']);
    await send('DLQ topic', {}, { b: '%DLQ%diff_send_group' });
    await send('DLQ topic unknown', {}, { b: '%DLQ%diff_nobody' });
    await send('sharding key', { __SHARDINGKEY: 's1' });
    await send('inner num', { INNER_NUM: '1' });
    await send('needs unwrap', {}, { f: 0x100 });
    await send('instance id', { INSTANCE_ID: 'i' });
    await send('min value long', {}, { g: '-9007199254740990' });
    await makeTopic(peer, 'DiffSendOdd', 1);
    await send('unclosed properties', {}, { b: 'DiffSendOdd', i: `UNIQ_KEY\u0001${id(900)}\u0002TAGS\u0001TagC` });
    await send('properties without value', {}, { b: 'DiffSendOdd', i: `UNIQ_KEY\u0001${id(901)}\u0002novalue\u0002x\u0001y\u0002` });
    await send('properties with empty value', {}, { b: 'DiffSendOdd', i: `UNIQ_KEY\u0001${id(902)}\u0002e\u0001\u0002x\u0001y\u0002` });
    await send('duplicate property', {}, { b: 'DiffSendOdd', i: `UNIQ_KEY\u0001${id(903)}\u0002x\u00011\u0002x\u00012\u0002` });
    await send('property with two separators', {}, { b: 'DiffSendOdd', i: `UNIQ_KEY\u0001${id(904)}\u0002x\u00011\u00012\u0002` });
    await waitMax(peer, 'DiffSendOdd', 0, 5);
    await peer.ask('pull odd properties', code.PULL_MESSAGE, pullOf('DiffSendOdd', 'diff_send_group', 0, 0), { mask: ['recordBytes'] });
    await waitMax(peer, topic, 0, 17);
    for (let at = 0; at < 32; at += 8) {
      await peer.ask(`pull what was stored from ${at}`, code.PULL_MESSAGE, pullOf(topic, 'diff_send_group', 0, at, { maxMsgNums: 8 }));
    }
    await peer.ask('pull queue 3', code.PULL_MESSAGE, pullOf(topic, 'diff_send_group', 3, 0));
    await peer.ask('pull retry topic', code.PULL_MESSAGE, pullOf('%RETRY%diff_send_group', 'diff_send_group', 0, 0));
    await peer.ask('pull DLQ', code.PULL_MESSAGE, pullOf('%DLQ%diff_send_group', 'diff_send_group', 0, 0));
    await peer.ask('DLQ config', code.GET_TOPIC_CONFIG, { topic: '%DLQ%diff_send_group' });
    peer.note('crc of the body', crc32(big) >>> 0);
  },
};

const permissions: Sequence = {
  name: 'topic permissions',
  async run(peer) {
    await makeGroup(peer, 'diff_perm_group');
    for (const perm of [0, 1, 2, 4, 5, 6, 7]) {
      for (const order of [false, true]) {
        const topic = `DiffPerm${perm}${order}`;
        await makeTopic(peer, topic, 2, { perm, order });
        await peer.ask(`send perm ${perm} order ${order}`, code.SEND_MESSAGE_V2, Peer.v2(topic, 0), { body: 'x' });
        if (perm !== 0) await waitMax(peer, topic, 0, 1);
        await peer.ask(`pull perm ${perm} order ${order}`, code.PULL_MESSAGE, pullOf(topic, 'diff_perm_group', 0, 0, { sysFlag: 4 }));
        await peer.ask(`config perm ${perm} order ${order}`, code.GET_TOPIC_CONFIG, { topic });
        await peer.ask(`route perm ${perm} order ${order}`, code.GET_ROUTEINFO_BY_TOPIC, { topic }, { to: 'namesrv' });
      }
    }
    await makeTopic(peer, 'DiffPermQueues', 2, { readQueueNums: 1, writeQueueNums: 3 });
    for (const queueId of [0, 1, 2, 3]) {
      await peer.ask(`send queue ${queueId} of read 1 write 3`, code.SEND_MESSAGE_V2, Peer.v2('DiffPermQueues', queueId), { body: 'x' });
      if (queueId < 3) await waitMax(peer, 'DiffPermQueues', queueId, 1);
      await peer.ask(`pull queue ${queueId} of read 1 write 3`, code.PULL_MESSAGE, pullOf('DiffPermQueues', 'diff_perm_group', queueId, 0));
    }
  },
};

const batches: Sequence = {
  name: 'batches',
  async run(peer) {
    const topic = 'DiffBatch';
    await makeTopic(peer, topic, 2);
    await makeGroup(peer, 'diff_batch_group');
    const messages = [0, 1, 2].map((i) => ({ body: utf8(`batched ${i}`), properties: { UNIQ_KEY: id(i), KEYS: `b${i}`, TAGS: i === 1 ? 'TagB' : 'TagA' } }));
    const good = encodeBatch(messages);
    const send = (label: string, body: Buffer, more: Record<string, string | number | boolean> = {}, requestCode: number = code.SEND_BATCH_MESSAGE): Promise<unknown> =>
      peer.ask(label, requestCode, { ...Peer.v2(topic, 0), i: '', m: true, ...more }, { body });
    await send('good', good);
    await send('by SEND_MESSAGE_V2', good, {}, code.SEND_MESSAGE_V2);
    await send('one', encodeBatch(messages.slice(0, 1)));
    await send('with own uniq key', good, { i: `UNIQ_KEY\u0001${id(77)}\u0002` });
    await send('without uniq keys', encodeBatch([{ body: utf8('a') }, { body: utf8('b') }]));
    await send('with an empty body inside', encodeBatch([{ body: utf8('') }, { body: utf8('b') }]));
    await send('with WAIT', encodeBatch([{ body: utf8('a'), properties: { WAIT: 'true', UNIQ_KEY: id(5) } }]));
    await send('with a delay inside', encodeBatch([{ body: utf8('a'), properties: { DELAY: '2', UNIQ_KEY: id(6) } }]));
    await send('with a delay outside', good, { i: 'DELAY\u00012\u0002' });
    await send('with tags outside', good, { i: 'TAGS\u0001Outer\u0002' });
    await send('prepared', good, { f: 4 });
    await send('retry topic', good, { b: '%RETRY%diff_batch_group' });
    await send('cut in the middle', good.subarray(0, good.length - 3));
    await send('bytes after the end', Buffer.concat([good, Buffer.from([0, 0])]));
    await send('zero length', Buffer.alloc(24));
    await send('not marked as batch', good, { m: false });
    await send('unknown topic is created', good, { b: 'DiffBatchAuto' });
    await send('queue out of range', good, { e: 9 });
    await send('above 4 MiB', encodeBatch([0, 1, 2, 3, 4].map(() => ({ body: Buffer.alloc(1024 * 1024, 'a') }))));
    await waitMax(peer, topic, 0, 12);
    await peer.ask('pull', code.PULL_MESSAGE, pullOf(topic, 'diff_batch_group', 0, 0));
    await peer.ask('pull TagB', code.PULL_MESSAGE, pullOf(topic, 'diff_batch_group', 0, 0, { subscription: 'TagB' }));
    await peer.until('indexed', 5000, async () => (await peer.ask('', code.QUERY_MESSAGE, { topic, key: 'b1', maxNum: 9, beginTimestamp: 0, endTimestamp: Date.now() + 60_000 }, { quiet: true }))?.code === 0);
    await peer.ask('query by key', code.QUERY_MESSAGE, { topic, key: 'b1', maxNum: 9, beginTimestamp: 0, endTimestamp: Date.now() + 60_000 }, { mask: ['indexLastUpdatePhyoffset'] });
  },
};

const pulls: Sequence = {
  name: 'pull variants',
  async run(peer) {
    const topic = 'DiffPull';
    const group = 'diff_pull_group';
    await makeTopic(peer, topic, 3);
    await makeGroup(peer, group);
    const tags = ['TagA', 'TagB', 'TagC', '', 'Tag A', '*', 'TagA'];
    await fill(peer, topic, 0, 7, (i) => ({ UNIQ_KEY: id(i), ...(tags[i] === '' ? {} : { TAGS: tags[i] ?? '' }) }));
    const pull = (label: string, more: Record<string, string | number | boolean>, client = 'a'): Promise<unknown> =>
      peer.ask(label, code.PULL_MESSAGE, pullOf(topic, group, 0, 0, more), { client });
    for (const queueOffset of [-1, 0, 3, 6, 7, 8, 1000]) await pull(`offset ${queueOffset}`, { queueOffset });
    for (const queueOffset of [-1, 0, 5]) await pull(`empty queue offset ${queueOffset}`, { queueId: 1, queueOffset });
    for (const queueId of [-1, 3, 100]) await pull(`queue ${queueId}`, { queueId });
    for (const maxMsgNums of [-1, 0, 1, 6, 7, 100]) await pull(`maxMsgNums ${maxMsgNums}`, { maxMsgNums });
    for (const maxMsgBytes of [0, 1, 300, 100000]) await pull(`maxMsgBytes ${maxMsgBytes}`, { maxMsgBytes });
    for (const subscription of ['*', '', 'TagA', 'TagA||TagB', ' TagA || TagB ', 'TagA||TagA', 'a||b', '||', ' ', 'TagA||', '||TagA', 'Tag A', 'TagA | TagB', 'TagA,TagB', '* || TagA', 'TagZ', 'taga']) {
      await pull(`expression '${subscription}'`, { subscription });
    }
    for (const expressionType of ['', 'TAG', 'tag', 'SQL92', 'XYZ']) await pull(`expression type '${expressionType}'`, { expressionType, subscription: 'TagA' });
    for (const sysFlag of [0, 1, 4, 5, 8, 12, 16]) await pull(`sysFlag ${sysFlag}`, { sysFlag, commitOffset: 3, queueOffset: 2, suspendTimeoutMillis: 100 });
    await peer.ask('what was committed', code.QUERY_CONSUMER_OFFSET, { consumerGroup: group, topic, queueId: 0 });
    await Promise.all([
      pull('suspend 200 at the end', { sysFlag: 6, queueOffset: 7, suspendTimeoutMillis: 200 }, 's1'),
      pull('suspend 200 at the end, commit', { sysFlag: 7, queueOffset: 7, commitOffset: 6, suspendTimeoutMillis: 200 }, 's2'),
      pull('suspend 200 beyond the end', { sysFlag: 6, queueOffset: 9, suspendTimeoutMillis: 200 }, 's3'),
      pull('suspend on an empty queue', { sysFlag: 6, queueId: 1, suspendTimeoutMillis: 200 }, 's4'),
      pull('suspend, tag not there', { sysFlag: 6, subscription: 'TagZ', suspendTimeoutMillis: 200 }, 's5'),
      pull('suspend 0', { sysFlag: 6, queueOffset: 7, suspendTimeoutMillis: 0 }, 's6'),
      pull('suspend -1', { sysFlag: 6, queueOffset: 7, suspendTimeoutMillis: -1 }, 's7'),
    ]);
    await peer.ask('what was committed', code.QUERY_CONSUMER_OFFSET, { consumerGroup: group, topic, queueId: 0 });
    const held = peer.ask('held until a message comes', code.PULL_MESSAGE, pullOf(topic, group, 0, 7, { sysFlag: 6, suspendTimeoutMillis: 15_000 }), { client: 'holder' });
    const heldTag = peer.ask('held until its tag comes', code.PULL_MESSAGE, pullOf(topic, group, 0, 7, { sysFlag: 6, suspendTimeoutMillis: 15_000, subscription: 'TagQ' }), { client: 'holder2', quiet: true });
    await peer.until('the pulls wait', 300, async () => Promise.resolve(false));
    await peer.ask('send to the held', code.SEND_MESSAGE_V2, Peer.v2(topic, 0, { UNIQ_KEY: id(50), TAGS: 'TagX' }), { body: 'wake', quiet: true });
    await held;
    await peer.ask('send to the held tag', code.SEND_MESSAGE_V2, Peer.v2(topic, 0, { UNIQ_KEY: id(51), TAGS: 'TagQ' }), { body: 'wake', quiet: true });
    const woken = await heldTag;
    peer.note('the tag pull', { code: woken?.code, next: woken?.ext['nextBeginOffset'] });
    await pull('unknown topic', { topic: 'NoSuchTopic' });
    await pull('unknown group is created', { consumerGroup: 'diff_pull_fresh' });
    await peer.ask('its config', code.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'diff_pull_fresh' });
    await pull('group with blank', { consumerGroup: 'a b' });
    await makeGroup(peer, 'diff_pull_off', { consumeEnable: false });
    await pull('group with consume disabled', { consumerGroup: 'diff_pull_off' });
    await peer.ask('forbid the group', code.UPDATE_AND_GET_GROUP_FORBIDDEN, { group, topic, readable: false });
    await pull('forbidden for the group', {});
    await peer.ask('allow the group', code.UPDATE_AND_GET_GROUP_FORBIDDEN, { group, topic, readable: true });
    await pull('allowed again', {});
  },
};

const subscriptions: Sequence = {
  name: 'pull with the subscription of a heartbeat',
  async run(peer) {
    const topic = 'DiffSub';
    const group = 'diff_sub_group';
    await makeTopic(peer, topic, 1);
    await makeGroup(peer, group);
    await fill(peer, topic, 0, 3, (i) => ({ UNIQ_KEY: id(i), TAGS: i === 1 ? 'TagB' : 'TagA' }));
    const pull = (label: string, more: Record<string, string | number | boolean>): Promise<unknown> =>
      peer.ask(label, code.PULL_MESSAGE, pullOf(topic, group, 0, 0, { sysFlag: 0, subVersion: 1000, ...more }));
    await pull('no consumer, no subscription flag', {});
    await peer.ask('heartbeat TagB', code.HEART_BEAT, {}, { body: heartbeat('diff-sub-1', [{ group, subs: [{ topic, subString: 'TagB', tagsSet: ['TagB'], codeSet: [2598918], subVersion: 1000 }] }]) });
    await pull('same version', {});
    await pull('older version', { subVersion: 1 });
    await pull('newer version', { subVersion: 2000 });
    await pull('with its own subscription', { sysFlag: 4, subscription: 'TagA' });
    await pull('other topic', { topic: 'DiffPull' });
    await peer.ask('heartbeat TagA, newer', code.HEART_BEAT, {}, { body: heartbeat('diff-sub-1', [{ group, subs: [{ topic, subString: 'TagA', tagsSet: ['TagA'], codeSet: [2598917], subVersion: 3000 }] }]) });
    await pull('after the change, old version', {});
    await pull('after the change, new version', { subVersion: 3000 });
    await peer.ask('heartbeat older subscription', code.HEART_BEAT, {}, { body: heartbeat('diff-sub-1', [{ group, subs: [{ topic, subString: 'TagB', tagsSet: ['TagB'], codeSet: [2598918], subVersion: 500 }] }]) });
    await pull('after an older heartbeat', { subVersion: 3000 });
    await peer.ask('heartbeat broadcasting', code.HEART_BEAT, {}, { body: heartbeat('diff-sub-1', [{ group, subs: [{ topic, subVersion: 4000 }], more: { messageModel: 'BROADCASTING' } }]) });
    await pull('broadcasting', { subVersion: 4000 });
    await makeGroup(peer, group, { consumeBroadcastEnable: false });
    await pull('broadcasting disabled', { subVersion: 4000 });
    await peer.ask('subscription', code.QUERY_SUBSCRIPTION_BY_CONSUMER, { topic, group });
    await peer.ask('subscription of another topic', code.QUERY_SUBSCRIPTION_BY_CONSUMER, { topic: 'NoSuchTopic', group });
  },
};

const sendBack: Sequence = {
  name: 'send back',
  async run(peer) {
    const topic = 'DiffBack';
    const group = 'diff_back_group';
    await makeTopic(peer, topic, 1);
    await makeGroup(peer, group, { retryQueueNums: 2 });
    const sent = await peer.ask('message', code.SEND_MESSAGE_V2, Peer.v2(topic, 0, { UNIQ_KEY: id(1), TAGS: 'TagA', KEYS: 'k' }), { body: 'back and forth' });
    await waitMax(peer, topic, 0, 1);
    const offset = Number(BigInt(`0x${(sent?.ext['msgId'] ?? '').slice(-16) || '0'}`));
    const back = (label: string, more: Record<string, string | number | boolean>, version = 513): Promise<unknown> =>
      peer.ask(label, code.CONSUMER_SEND_MSG_BACK, { offset, group, delayLevel: 0, originMsgId: 'x', originTopic: topic, unitMode: false, maxReconsumeTimes: 16, ...more }, { version });
    await back('level 0', {});
    await back('level 1', { delayLevel: 1 });
    await back('level 5', { delayLevel: 5 });
    await back('level 18', { delayLevel: 18 });
    await back('level 19', { delayLevel: 19 });
    await back('level -1', { delayLevel: -1 });
    await back('level -5', { delayLevel: -5 });
    await back('no retries left', { maxReconsumeTimes: 0 });
    await back('old client, group decides', { maxReconsumeTimes: 0 }, 50);
    await back('unknown offset', { offset: 123_456_789_012 });
    await back('offset inside a record', { offset: 1 });
    await back('negative offset', { offset: -1 });
    await back('unknown topic', { originTopic: 'NoSuchTopic' });
    await back('unit mode', { unitMode: true });
    await back('unknown group', { group: 'diff_back_fresh' });
    await back('illegal group', { group: 'a b' });
    await back('group missing', { group: '' });
    await makeGroup(peer, 'diff_back_noretry', { retryQueueNums: 0 });
    await back('group without retry queues', { group: 'diff_back_noretry' });
    await makeGroup(peer, 'diff_back_two', { retryMaxTimes: 0 });
    await back('group without retries', { group: 'diff_back_two', maxReconsumeTimes: 16 });
    await peer.ask('one way', code.CONSUMER_SEND_MSG_BACK, { offset, group, delayLevel: 0, originTopic: topic }, { oneway: true });
    await peer.ask('retry topic', code.GET_TOPIC_CONFIG, { topic: `%RETRY%${group}` });
    await peer.ask('DLQ', code.GET_TOPIC_CONFIG, { topic: `%DLQ%${group}` });
    await waitMax(peer, `%DLQ%${group}`, 0, 3);
    await peer.ask('pull DLQ', code.PULL_MESSAGE, pullOf(`%DLQ%${group}`, 'diff_back_reader', 0, 0));
    await peer.until('level 1 came back', 8000, async () => {
      let seen = 0;
      for (const queueId of [0, 1]) seen += Number((await peer.ask('', code.GET_MAX_OFFSET, { topic: `%RETRY%${group}`, queueId }, { quiet: true }))?.ext['offset'] ?? 0);
      return seen >= 1;
    });
    for (const queueId of [0, 1]) {
      const response = await peer.ask('pull retry', code.PULL_MESSAGE, pullOf(`%RETRY%${group}`, 'diff_back_reader', queueId, 0), { quiet: true });
      if (response?.code === 0) await peer.ask('pull retry', code.PULL_MESSAGE, pullOf(`%RETRY%${group}`, 'diff_back_reader', queueId, 0), { mask: ['queueId', 'REAL_QID'] });
    }
  },
};

const delays: Sequence = {
  name: 'delay levels',
  async run(peer) {
    const topic = 'DiffDelay';
    await makeTopic(peer, topic, 1);
    const levels = ['1', '0', '-1', 'x', '', '18', '19', '1000', ' 1', '+1', '99999999999'];
    for (const [i, level] of levels.entries()) {
      await peer.ask(`level '${level}'`, code.SEND_MESSAGE_V2, Peer.v2(topic, 0, { UNIQ_KEY: id(i), TAGS: 'TagA', KEYS: `d${i}`, DELAY: level }), { body: `delayed ${level}`, mask: ['queueOffset'] });
    }
    await peer.ask('level 1 with timer properties', code.SEND_MESSAGE_V2, Peer.v2(topic, 0, { UNIQ_KEY: id(30), DELAY: '1', TIMER_DELAY_MS: '5' }), { body: 'both', mask: ['queueOffset'] });
    await peer.ask('pull the schedule topic', code.PULL_MESSAGE, pullOf('SCHEDULE_TOPIC_XXXX', 'diff_delay_reader', 17, 0, { maxMsgNums: 1 }), { mask: ['nextBeginOffset', 'maxOffset', 'queueOffset'], quiet: true });
    await waitMax(peer, topic, 0, 6, 10_000);
    await peer.ask('pull', code.PULL_MESSAGE, pullOf(topic, 'diff_delay_reader', 0, 0), { mask: ['recordBytes'] }); // an empty DELAY is kept as sent: store.property-order
  },
};

const queries: Sequence = {
  name: 'query and view',
  async run(peer) {
    const topic = 'DiffQuery';
    await makeTopic(peer, topic, 2);
    const now = Date.now();
    const first = await peer.ask('one', code.SEND_MESSAGE_V2, Peer.v2(topic, 0, { UNIQ_KEY: id(1), KEYS: 'k1 k2', TAGS: 'TagA' }), { body: 'one' });
    await peer.ask('two', code.SEND_MESSAGE_V2, Peer.v2(topic, 1, { UNIQ_KEY: id(2), KEYS: 'k2', TAGS: 'TagB' }), { body: 'two' });
    await peer.ask('three', code.SEND_MESSAGE_V2, Peer.v2(topic, 1, { UNIQ_KEY: id(3), KEYS: ' k3  k4 ', TAGS: 'TagB' }), { body: 'three' });
    const ask = (label: string, more: Record<string, string | number | boolean>): Promise<unknown> =>
      peer.ask(label, code.QUERY_MESSAGE, { topic, key: 'k2', maxNum: 32, beginTimestamp: 0, endTimestamp: now + 3_600_000, ...more }, { mask: ['indexLastUpdatePhyoffset'] });
    await peer.until('indexed', 5000, async () => (await peer.ask('', code.QUERY_MESSAGE, { topic, key: 'k4', maxNum: 9, beginTimestamp: 0, endTimestamp: now + 3_600_000 }, { quiet: true }))?.code === 0);
    for (const key of ['k1', 'k2', 'k3', 'k4', 'k5', '', ' ', 'k1 k2', id(1), 'TagA']) await ask(`key '${key}'`, { key });
    for (const maxNum of [0, 1, 2, 100]) await ask(`max ${maxNum}`, { maxNum });
    await ask('unique', { key: id(2), _UNIQUE_KEY_QUERY: 'true' });
    await ask('unique by index type', { key: id(2), indexType: 'U' });
    await ask('key by index type', { indexType: 'K' });
    await ask('tag by index type', { key: 'TagB', indexType: 'T' });
    await ask('tag with index type K', { key: 'TagB', indexType: 'K' });
    await ask('unknown index type', { indexType: 'Z' });
    await ask('last key', { lastKey: 'x' });
    await ask('other topic', { topic: 'NoSuchTopic' });
    await ask('before', { beginTimestamp: 0, endTimestamp: 1 });
    await ask('after', { beginTimestamp: now + 3_000_000, endTimestamp: now + 3_600_000 });
    await ask('turned around', { beginTimestamp: now + 3_600_000, endTimestamp: 0 });
    await ask('Long.MAX_VALUE', { beginTimestamp: 0, endTimestamp: '9223372036854775807' });
    const offset = Number(BigInt(`0x${(first?.ext['msgId'] ?? '').slice(-16) || '0'}`));
    await peer.ask('view', code.VIEW_MESSAGE_BY_ID, { offset, topic });
    await peer.ask('view, other topic', code.VIEW_MESSAGE_BY_ID, { offset, topic: 'NoSuchTopic' });
    await peer.ask('view beyond', code.VIEW_MESSAGE_BY_ID, { offset: 999_999_999_999 });
    await peer.ask('view negative', code.VIEW_MESSAGE_BY_ID, { offset: -1 });
  },
};

const oneway: Sequence = {
  name: 'one-way requests',
  async run(peer) {
    const topic = 'DiffOneway';
    await makeTopic(peer, topic, 1);
    await makeGroup(peer, 'diff_oneway_group');
    await peer.ask('send', code.SEND_MESSAGE_V2, Peer.v2(topic, 0), { body: 'one way', oneway: true });
    await peer.ask('send to an illegal queue', code.SEND_MESSAGE_V2, Peer.v2(topic, 9), { body: 'one way', oneway: true });
    await peer.ask('unknown code', 9999, {}, { oneway: true });
    await waitMax(peer, topic, 0, 1);
    await peer.ask('update offset', code.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'diff_oneway_group', topic, queueId: 0, commitOffset: 1 }, { oneway: true });
    await peer.until('the offset is there', 3000, async () => (await peer.ask('', code.QUERY_CONSUMER_OFFSET, { consumerGroup: 'diff_oneway_group', topic, queueId: 0 }, { quiet: true }))?.ext['offset'] === '1');
    for (const unknown of [0, 1, 13, 44, 999, 3442, 32767, 300000, -1]) await peer.ask(`code ${unknown}`, unknown, {});
    for (const unknown of [0, 10, 11, 34, 999, 200000, -1]) await peer.ask(`name server code ${unknown}`, unknown, {}, { to: 'namesrv' });
  },
};

export const messageSequences: readonly Sequence[] = [sending, permissions, batches, pulls, subscriptions, sendBack, delays, queries, oneway];
