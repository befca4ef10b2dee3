/** A conversation with a broker and a name server as data: for each kind of request one that a sabotage may notice, and its honest answer. */
import { req } from '../../codes.js';
import { encodeBatch } from '../../wire/batch.js';
import type { Command } from '../../wire/frame.js';
import { encodeProperties } from '../../wire/properties.js';
import { sampleRecord } from './sample.js';

export interface Exchange {
  readonly role: 'broker' | 'namesrv';
  readonly request: Command;
  readonly answer: Command;
}

type Parts = Partial<Omit<Command, 'body'>> & { readonly body?: Buffer | string };

function command(code: number, parts: Parts): Command {
  const { body, ...rest } = parts;
  return { code, language: 'JAVA', version: 513, opaque: 1, flag: 0, remark: undefined, ext: {}, serialize: 'json', ...rest, body: Buffer.isBuffer(body) ? body : Buffer.from(body ?? '') };
}

function pair(code: number, request: Parts, answer: Parts & { readonly code?: number } = {}, role: Exchange['role'] = 'broker'): Exchange {
  return { role, request: command(code, request), answer: command(answer.code ?? 0, { opaque: request.opaque ?? 1, ...answer, flag: 1 }) };
}

const group = 'g';
const where = { topic: 'T', queueId: '1' };
const records = [0, 1, 2].map((queueOffset) => sampleRecord({ queueOffset, body: `message ${queueOffset}`, properties: { KEYS: 'k', own: 'x', ...(queueOffset === 1 ? {} : { TAGS: 'A' }), RETRY_TOPIC: 'T' } }));
const body = Buffer.concat(records);
const found = { nextBeginOffset: '3', minOffset: '0', maxOffset: '3' };
const properties = encodeProperties({ TAGS: 'A', KEYS: 'k', own: 'grün', Own: 'x' });
const delayed = encodeProperties({ TAGS: 'A', DELAY: '3' });
const timed = encodeProperties({ TIMER_DELAY_MS: '3000' });
const stored = { msgId: '7F00000100002A9F0000000000000001', queueId: '1', queueOffset: '4', transactionId: 'x' };
const pull = { consumerGroup: group, ...where, queueOffset: '1', maxMsgNums: '2', sysFlag: '7', commitOffset: '1', suspendTimeoutMillis: '500', subscription: 'A||B', expressionType: 'TAG' };
const route = '{"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:10911"},"brokerName":"b"}],"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":3,"writeQueueNums":2}]}';

/** The conversation, in order; it repeats what a sabotage must see twice. */
export function exchanges(): Exchange[] {
  const v2 = (i: string, ext: Record<string, string> = {}): Exchange => pair(req.SEND_MESSAGE_V2, { ext: { a: 'p', b: 'T', e: '1', f: '0', g: '5', h: '7', i, ...ext }, body: 'some body' }, { ext: stored });
  const topic = { topic: 'T', readQueueNums: '4', writeQueueNums: '4', perm: '4' };
  const lock = (clientId: string): string => JSON.stringify({ consumerGroup: group, clientId, mqSet: [{ topic: 'T', brokerName: 'b', queueId: 0 }] });
  return [
    pair(req.GET_MAX_OFFSET, { ext: { ...where, future: 'x' }, opaque: -7 }, { ext: { offset: '5' } }),
    pair(req.GET_MAX_OFFSET, { ext: where, serialize: 'binary' }, { ext: { offset: '5' } }),
    pair(req.GET_MIN_OFFSET, { ext: where }, { ext: { offset: '1' } }),
    pair(req.UPDATE_CONSUMER_OFFSET, { ext: { consumerGroup: group, ...where, commitOffset: '4' }, flag: 2 }),
    pair(9999, {}, { code: 3, remark: ' request type 9999 not supported' }),
    ...['namesrv', 'broker'].flatMap((role) => [
      pair(req.GET_ROUTEINFO_BY_TOPIC, { ext: { topic: 'T' } }, { body: route }, role as Exchange['role']),
      pair(req.GET_ROUTEINFO_BY_TOPIC, { ext: { topic: 'T' } }, { code: 17, remark: 'No topic route info in name server for the topic: T' }, role as Exchange['role']),
    ]),
    pair(req.REGISTER_BROKER, { ext: { brokerName: 'b' } }, {}, 'namesrv'),
    pair(req.UNREGISTER_BROKER, { ext: { brokerName: 'b' } }, {}, 'namesrv'),
    pair(req.PUT_KV_CONFIG, { ext: { namespace: 'n', key: 'k', value: 'v' } }, {}, 'namesrv'),
    pair(req.GET_KV_CONFIG, { ext: { namespace: 'n', key: 'k' } }, { ext: { value: 'v' } }, 'namesrv'),
    pair(req.GET_KV_CONFIG, { ext: { namespace: 'n', key: 'l' } }, { code: 22, remark: 'No config item' }, 'namesrv'),
    pair(req.DELETE_KV_CONFIG, { ext: { namespace: 'n', key: 'k' } }, {}, 'namesrv'),
    pair(req.DELETE_TOPIC_IN_NAMESRV, { ext: { topic: 'T' } }, {}, 'namesrv'),
    pair(req.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, {}, { body: '{"topicList":["T"]}' }, 'namesrv'),
    pair(req.GET_BROKER_CLUSTER_INFO, {}, { body: '{"brokerAddrTable":{"b":{}},"clusterAddrTable":{}}' }, 'namesrv'),
    pair(req.UPDATE_AND_CREATE_TOPIC, { ext: topic }),
    pair(req.UPDATE_AND_CREATE_TOPIC, { ext: topic }),
    pair(req.UPDATE_AND_CREATE_TOPIC, { ext: { ...topic, topic: '/' } }, { code: 1, remark: 'bad name' }),
    pair(req.DELETE_TOPIC_IN_BROKER, { ext: { topic: 'T' } }),
    pair(req.GET_TOPIC_STATS_INFO, { ext: { topic: 'T' } }, { body: '{"offsetTable":{{"queueId":0}:{"maxOffset":3,"minOffset":0}}}' }),
    pair(req.GET_TOPIC_STATS_INFO, { ext: { topic: 'U' } }, { code: 17, remark: 'topic[U] not exist' }),
    pair(req.GET_ALL_TOPIC_CONFIG, {}, { body: '{"topicConfigTable":{"T":{}}}' }),
    pair(req.GET_TOPIC_CONFIG, { ext: { topic: 'T' } }, { body: '{"readQueueNums":4,"writeQueueNums":4}' }),
    pair(req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, { body: '{"groupName":"g","consumeEnable":false}' }),
    pair(req.DELETE_SUBSCRIPTIONGROUP, { ext: { groupName: group } }),
    pair(req.GET_SUBSCRIPTIONGROUP_CONFIG, { ext: { group } }, { body: '{"groupName":"g","retryMaxTimes":3}' }),
    pair(req.SEND_MESSAGE, { ext: { topic: 'U', queueId: '1', properties, sysFlag: '0', flag: '7', bornTimestamp: '5' }, body: 'some body' }, { ext: stored }),
    v2(properties), v2(properties), v2(delayed), v2(timed), v2(encodeProperties({ TRAN_MSG: 'true' }), { f: '4' }),
    pair(req.SEND_MESSAGE_V2, { ext: { b: 'none', i: '' } }, { code: 17, remark: 'topic[none] not exist' }),
    pair(req.SEND_BATCH_MESSAGE, { ext: { b: 'T' }, body: encodeBatch([{ body: 'a' }, { body: 'b' }]) }, { ext: { msgId: 'a,b', queueId: '1', queueOffset: '4' } }),
    pair(req.PULL_MESSAGE, { ext: { ...pull, queueOffset: '2' } }, { ext: found, body }),
    pair(req.PULL_MESSAGE, { ext: { ...pull, topic: '%RETRY%g' } }, { ext: found, body }),
    pair(req.PULL_MESSAGE, { ext: { ...pull, expressionType: 'SQL92', subscription: 'a > 1' } }, { ext: found, body }),
    ...[17, 19, 21, 23].map((code) => pair(req.PULL_MESSAGE, { ext: pull }, { code, ext: found, remark: 'r' })),
    pair(req.UPDATE_CONSUMER_OFFSET, { ext: { consumerGroup: group, ...where, commitOffset: '4' } }),
    pair(req.UPDATE_CONSUMER_OFFSET, { ext: { consumerGroup: group, ...where, commitOffset: '2' } }),
    pair(req.QUERY_CONSUMER_OFFSET, { ext: { consumerGroup: group, ...where } }, { ext: { offset: '1' } }),
    pair(req.QUERY_CONSUMER_OFFSET, { ext: { consumerGroup: group, ...where } }, { ext: { offset: '3' } }),
    pair(req.QUERY_CONSUMER_OFFSET, { ext: { consumerGroup: 'h', ...where } }, { code: 22, remark: 'Not found' }),
    pair(req.SEARCH_OFFSET_BY_TIMESTAMP, { ext: { ...where, timestamp: '1', boundaryType: 'UPPER' } }, { ext: { offset: '1' } }),
    pair(req.GET_EARLIEST_MSG_STORETIME, { ext: where }, { ext: { timestamp: '1' } }),
    pair(req.INVOKE_BROKER_TO_RESET_OFFSET, { ext: { topic: 'T', group } }, { body: '{"offsetTable":{}}' }),
    pair(req.HEART_BEAT, { body: '{"clientID":"c"}' }),
    pair(req.UNREGISTER_CLIENT, { ext: { clientID: 'c' } }),
    pair(req.GET_CONSUMER_LIST_BY_GROUP, { ext: { consumerGroup: group } }, { body: '{"consumerIdList":["a","b"]}' }),
    pair(req.GET_CONSUMER_LIST_BY_GROUP, { ext: { consumerGroup: 'h' } }, { code: 1, remark: 'no consumer for this group, h' }),
    pair(req.GET_CONSUMER_CONNECTION_LIST, { ext: { consumerGroup: group } }, { body: '{"connectionSet":[{"clientAddr":"127.0.0.1:1"}]}' }),
    pair(req.CHECK_CLIENT_CONFIG, { body: '{}' }, { code: 23, remark: 'the expression cannot be read' }),
    pair(req.LOCK_BATCH_MQ, { body: lock('one') }, { body: '{"lockOKMQSet":[{"topic":"T"}]}' }),
    pair(req.UNLOCK_BATCH_MQ, { body: lock('two') }),
    pair(req.QUERY_ASSIGNMENT, { body: '{}' }, { body: '{"messageQueueAssignments":[{}]}' }),
    pair(req.CONSUMER_SEND_MSG_BACK, { ext: { group, offset: '5', delayLevel: '3', maxReconsumeTimes: '2' } }),
    pair(req.RECALL_MESSAGE, { ext: { topic: 'T', recallHandle: 'h' } }, { ext: { msgId: 'm' } }),
    pair(req.END_TRANSACTION, { ext: { commitOrRollback: '12' } }),
    pair(req.VIEW_MESSAGE_BY_ID, { ext: { offset: '1' } }, { body: records[0] ?? '' }),
    pair(req.VIEW_MESSAGE_BY_ID, { ext: { offset: '2' } }, { body: records[1] ?? '' }),
    pair(req.VIEW_MESSAGE_BY_ID, { ext: { offset: '3' } }, { code: 1, remark: 'can not find message by the offset, 3' }),
    pair(req.QUERY_MESSAGE, { ext: { topic: 'T', key: 'k', maxNum: '2', beginTimestamp: '1', endTimestamp: '2', _UNIQUE_KEY_QUERY: 'true' } }, { body }),
    pair(req.GET_BROKER_RUNTIME_INFO, {}, { body: '{"table":{"brokerVersionDesc":"V5_5_0","brokerVersion":"513"}}' }),
    pair(req.GET_BROKER_CONFIG, {}, { body: 'a=b\n' }),
    pair(req.UPDATE_BROKER_CONFIG, { body: 'a=b' }),
    pair(req.GET_CONSUME_STATS, { ext: { consumerGroup: group } }, { body: '{"offsetTable":{{"queueId":0}:{"brokerOffset":3,"consumerOffset":1}}}' }),
    pair(req.QUERY_TOPIC_CONSUME_BY_WHO, { ext: { topic: 'T' } }, { body: '{"groupList":["g"]}' }),
    pair(req.GET_ALL_CONSUMER_OFFSET, {}, { body: '{"offsetTable":{"T@g":{0:1}}}' }),
    pair(req.CLONE_GROUP_OFFSET, { ext: { srcGroup: group, destGroup: 'h' } }),
    pair(req.POP_MESSAGE, { ext: { consumerGroup: group, ...where, maxMsgNums: '2', invisibleTime: '500', exp: 'A' } }, { ext: { startOffsetInfo: '0 0 1', popTime: '1' }, body }),
    pair(req.ACK_MESSAGE, { ext: { consumerGroup: group, ...where, extraInfo: 'x' } }),
    pair(req.CHANGE_MESSAGE_INVISIBLETIME, { ext: { consumerGroup: group, ...where, invisibleTime: '9' } }, { ext: { popTime: '1' } }),
  ];
}

/** What a broker sends by itself. */
export function pushes(): Command[] {
  return [
    command(req.NOTIFY_CONSUMER_IDS_CHANGED, { ext: { consumerGroup: group }, flag: 2 }),
    command(req.CHECK_TRANSACTION_STATE, { ext: { msgId: 'm' }, body: records[0] ?? '' }),
    command(req.PUSH_REPLY_MESSAGE_TO_CLIENT, { ext: { properties: encodeProperties({ CORRELATION_ID: 'c', REPLY_TO_CLIENT: 'x' }) }, body: 'reply' }),
  ];
}
