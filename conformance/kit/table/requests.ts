/**
 * The requests of Apache RocketMQ 5.5.0 that cases are generated from: for each the server that answers it, its header fields with
 * type and whether senders always write them (`!`), and values with which it does no harm. The kit keeps this copy for itself, so that
 * a slip in the product's table cannot hide behind itself. What becomes of a row is `variants.ts`.
 *
 * Left out are requests that would change more than names of the case's own even when they are wrong: configuration, cleaning,
 * rollbacks, roles and replication, users and permissions, registration of brokers.
 */
import type { req } from '../codes.js';
import type { Feature } from '../features.js';

/** How Java reads a field: text, int, long, boolean, or a word of an enumeration. */
export type FieldType = 'str' | 'i32' | 'i64' | 'bool' | 'enum';

export interface FieldSpec {
  readonly name: string;
  readonly type: FieldType;
  /** Senders always write it. */
  readonly required: boolean;
  /** A value that is right; `$name` stands for something of the case (`names.ts`). */
  readonly value: string;
}

export interface Row {
  readonly name: keyof typeof req;
  readonly to: 'broker' | 'namesrv';
  readonly fields: readonly FieldSpec[];
  /** A body that is right, with `$name` as in fields; `batch` is one message in the batch encoding. */
  readonly body?: string;
  /** The body is JSON, so garbage in it can be told. */
  readonly json: boolean;
  readonly needs: readonly Feature[];
  /** The right request would do harm or differ from run to run: only its wrong forms are sent. */
  readonly onlyWrong: boolean;
  /** Its header is that of another row: only the request as a whole is judged, not each field. */
  readonly few: boolean;
}

/** Values that most requests take for a field of that name; other fields get 0, false or their own name. */
const usual: Readonly<Record<string, string>> = {
  topic: '$topic', consumerGroup: '$group', group: '$group', groupName: '$group', producerGroup: '$producer', defaultTopic: 'TBW102', defaultTopicQueueNums: '4',
  a: '$producer', b: '$topic', c: 'TBW102', d: '4', bornTimestamp: '$now', g: '$now', maxMsgNums: '8', maxMsgNum: '8', subVersion: '0', subscription: '*', expressionType: 'TAG',
  clientId: 'conform-client', clientID: 'conform-client', brokerName: '$brokerName', clusterName: '$cluster', cluster: '$cluster', bornTime: '0',
  readQueueNums: '2', writeQueueNums: '2', perm: '6', topicFilterType: 'SINGLE_TAG', boundaryType: 'lower', committed: 'true',
};

interface RowOptions {
  readonly set?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly json?: boolean;
  readonly needs?: readonly Feature[];
  readonly onlyWrong?: boolean;
  readonly few?: boolean;
}

function row(to: Row['to'], name: Row['name'], fields: string, options: RowOptions = {}): Row {
  const specs = fields.split(' ').filter((text) => text !== '').map((text): FieldSpec => {
    const match = /^(\w+):(str|i32|i64|bool|enum)(!?)$/.exec(text);
    if (match === null) throw new Error(`${name}: '${text}' is no field`);
    const [, field = '', type = 'str', mark] = match;
    const plain = type === 'str' ? field : type === 'bool' ? 'false' : '0';
    return { name: field, type: type as FieldType, required: mark === '!', value: options.set?.[field] ?? usual[field] ?? plain };
  });
  return { name, to, fields: specs, json: options.json ?? options.body?.startsWith('{') === true, needs: options.needs ?? [], onlyWrong: options.onlyWrong === true, few: options.few === true, ...(options.body === undefined ? {} : { body: options.body }) };
}

const broker = (name: Row['name'], fields = '', options: RowOptions = {}): Row => row('broker', name, fields, options);
const namesrv = (name: Row['name'], fields = '', options: RowOptions = {}): Row => row('namesrv', name, fields, options);

const send = 'producerGroup:str! topic:str! defaultTopic:str! defaultTopicQueueNums:i32! queueId:i32! sysFlag:i32! bornTimestamp:i64! flag:i32! properties:str reconsumeTimes:i32 unitMode:bool batch:bool maxReconsumeTimes:i32';
const sendV2 = 'a:str! b:str! c:str! d:i32! e:i32! f:i32! g:i64! h:i32! i:str j:i32 k:bool l:i32 m:bool';
const pull = 'consumerGroup:str! topic:str! queueId:i32! queueOffset:i64! maxMsgNums:i32! sysFlag:i32! commitOffset:i64! suspendTimeoutMillis:i64! subscription:str subVersion:i64! expressionType:str';
const createTopic = 'topic:str! defaultTopic:str! readQueueNums:i32! writeQueueNums:i32! perm:i32! topicFilterType:str! topicSysFlag:i32 order:bool!';
const locks = '{"clientId":"conform-client","consumerGroup":"$group","mqSet":[{"brokerName":"$brokerName","queueId":0,"topic":"$topic"}]}';
/** A POP receipt: start offset, pop time, invisible time, revive queue, 0 for the topic itself, broker, queue, offset. */
const receipt = '0 $now 60000 0 0 $brokerName 0 0';

export const rows: readonly Row[] = [
  broker('SEND_MESSAGE', send, { body: 'x', set: { properties: '' } }),
  broker('SEND_MESSAGE_V2', sendV2, { body: 'x', set: { i: '' } }),
  broker('SEND_BATCH_MESSAGE', sendV2, { body: 'batch', set: { i: '', m: 'true' }, needs: ['batch'], few: true }),
  broker('SEND_REPLY_MESSAGE_V2', sendV2, { body: 'x', set: { i: '' }, needs: ['request-reply'], onlyWrong: true, few: true }),
  broker('PULL_MESSAGE', pull, { set: { sysFlag: '4' } }),
  broker('LITE_PULL_MESSAGE', 'consumerGroup:str! topic:str! queueId:i32! queueOffset:i64!', { set: { sysFlag: '20' }, onlyWrong: true }),
  broker('QUERY_MESSAGE', 'topic:str! key:str! maxNum:i32! beginTimestamp:i64! endTimestamp:i64!', { set: { maxNum: '32', endTimestamp: '$now' } }),
  broker('QUERY_CONSUMER_OFFSET', 'consumerGroup:str! topic:str! queueId:i32! setZeroIfNotFound:bool'),
  broker('UPDATE_CONSUMER_OFFSET', 'consumerGroup:str! topic:str! queueId:i32! commitOffset:i64!'),
  broker('UPDATE_AND_CREATE_TOPIC', createTopic, { set: { topic: '$newTopic' }, needs: ['admin'] }),
  broker('UPDATE_AND_CREATE_TOPIC_LIST', '', { body: '{"topicConfigList":[]}', needs: ['admin'] }),
  broker('GET_ALL_TOPIC_CONFIG', 'topicSeq:i32! maxTopicNum:i32', { set: { maxTopicNum: '1' } }),
  broker('GET_BROKER_CONFIG', '', { needs: ['config-read'] }),
  broker('GET_BROKER_RUNTIME_INFO'),
  broker('SEARCH_OFFSET_BY_TIMESTAMP', 'topic:str! queueId:i32! timestamp:i64! boundaryType:enum'),
  broker('GET_MAX_OFFSET', 'topic:str! queueId:i32! committed:bool'),
  broker('GET_MIN_OFFSET', 'topic:str! queueId:i32!'),
  broker('GET_EARLIEST_MSG_STORETIME', 'topic:str! queueId:i32!'),
  broker('VIEW_MESSAGE_BY_ID', 'topic:str offset:i64!', { set: { offset: '888888888888888' } }),
  broker('HEART_BEAT', '', { body: '{"clientID":"conform-client","consumerDataSet":[],"producerDataSet":[{"groupName":"$producer"}]}' }),
  broker('UNREGISTER_CLIENT', 'clientID:str! producerGroup:str consumerGroup:str'),
  broker('CONSUMER_SEND_MSG_BACK', 'offset:i64! group:str! delayLevel:i32! originMsgId:str originTopic:str unitMode:bool maxReconsumeTimes:i32', { set: { offset: '888888888888888', originTopic: '$topic' } }),
  broker('END_TRANSACTION', 'topic:str producerGroup:str! tranStateTableOffset:i64! commitLogOffset:i64! commitOrRollback:i32! fromTransactionCheck:bool msgId:str! transactionId:str', { set: { commitLogOffset: '888888888888888', commitOrRollback: '8' }, needs: ['transaction'] }),
  broker('GET_CONSUMER_LIST_BY_GROUP', 'consumerGroup:str!'),
  broker('LOCK_BATCH_MQ', '', { body: locks }),
  broker('UNLOCK_BATCH_MQ', '', { body: locks }),
  broker('GET_ALL_CONSUMER_OFFSET'),
  broker('GET_ALL_DELAY_OFFSET', '', { needs: ['delay-level'] }),
  broker('CHECK_CLIENT_CONFIG', '', { body: '{"clientId":"conform-client","group":"$group","subscriptionData":{"expressionType":"TAG","subString":"*","topic":"$topic"}}' }),
  broker('GET_TIMER_CHECK_POINT', '', { needs: ['timer'] }),
  broker('GET_TIMER_METRICS', '', { needs: ['timer'] }),
  broker('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', '', { body: '{"groupName":"$group"}', needs: ['admin'] }),
  broker('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST', '', { body: '{"groupConfigList":[]}', needs: ['admin'] }),
  broker('GET_ALL_SUBSCRIPTIONGROUP_CONFIG', 'groupSeq:i32! maxGroupNum:i32', { set: { maxGroupNum: '1' } }),
  broker('GET_TOPIC_STATS_INFO', 'topic:str!'),
  broker('GET_CONSUMER_CONNECTION_LIST', 'consumerGroup:str!'),
  broker('GET_PRODUCER_CONNECTION_LIST', 'producerGroup:str!'),
  broker('DELETE_SUBSCRIPTIONGROUP', 'groupName:str! cleanOffset:bool', { needs: ['admin'] }),
  broker('GET_CONSUME_STATS', 'consumerGroup:str! topic:str'),
  broker('DELETE_TOPIC_IN_BROKER', 'topic:str!', { needs: ['admin'] }),
  broker('INVOKE_BROKER_TO_RESET_OFFSET', 'group:str! topic:str! queueId:i32 offset:i64 timestamp:i64! isForce:bool!', { set: { queueId: '0' } }),
  broker('INVOKE_BROKER_TO_GET_CONSUMER_STATUS', 'topic:str! group:str!'),
  broker('QUERY_TOPIC_CONSUME_BY_WHO', 'topic:str!'),
  broker('QUERY_CONSUME_TIME_SPAN', 'topic:str! group:str!'),
  broker('GET_SYSTEM_TOPIC_LIST_FROM_BROKER'),
  broker('GET_CONSUMER_RUNNING_INFO', 'consumerGroup:str! clientId:str! jstackEnable:bool'),
  broker('QUERY_CORRECTION_OFFSET', 'compareGroup:str! topic:str!', { set: { compareGroup: '$group' } }),
  broker('CONSUME_MESSAGE_DIRECTLY', 'consumerGroup:str! clientId:str msgId:str brokerName:str', { set: { msgId: '7F0000010000271000000000000F423F' } }),
  broker('CLONE_GROUP_OFFSET', 'srcGroup:str! destGroup:str! topic:str offline:bool', { set: { srcGroup: '$group', destGroup: '$group' } }),
  broker('VIEW_BROKER_STATS_DATA', 'statsName:str! statsKey:str!', { set: { statsName: 'TOPIC_PUT_NUMS', statsKey: '$topic' } }),
  broker('GET_BROKER_CONSUME_STATS', 'isOrder:bool!'),
  broker('QUERY_CONSUME_QUEUE', 'topic:str queueId:i32 index:i64 count:i32 consumerGroup:str', { set: { count: '4', consumerGroup: '' } }),
  broker('RESUME_CHECK_HALF_MESSAGE', 'topic:str msgId:str', { set: { msgId: '7F0000010000271000000000000F423F' }, needs: ['transaction'] }),
  broker('GET_ALL_PRODUCER_INFO'),
  broker('QUERY_TOPICS_BY_CONSUMER', 'group:str!'),
  broker('QUERY_SUBSCRIPTION_BY_CONSUMER', 'group:str! topic:str'),
  broker('GET_TOPIC_CONFIG', 'topic:str!'),
  broker('GET_SUBSCRIPTIONGROUP_CONFIG', 'group:str!'),
  broker('UPDATE_AND_GET_GROUP_FORBIDDEN', 'group:str! topic:str! readable:bool', { set: { readable: 'true' } }),
  broker('RECALL_MESSAGE', 'producerGroup:str topic:str! recallHandle:str!', { needs: ['recall'] }),
  broker('QUERY_ASSIGNMENT', '', { body: '{"clientId":"conform-client","consumerGroup":"$group","messageModel":"CLUSTERING","strategyName":"AVG","topic":"$topic"}', needs: ['assignment'] }),
  broker('SET_MESSAGE_REQUEST_MODE', '', { body: '{"consumerGroup":"$group","mode":"PULL","popShareQueueNum":0,"topic":"$topic"}', needs: ['assignment'] }),
  broker('GET_ALL_MESSAGE_REQUEST_MODE', '', { needs: ['assignment'] }),
  broker('UPDATE_AND_CREATE_STATIC_TOPIC', '', { body: '{}', needs: ['static-topic'], onlyWrong: true }),
  broker('GET_BROKER_HA_STATUS'),
  broker('GET_COLD_DATA_FLOW_CTR_INFO'),
  broker('POP_MESSAGE', 'consumerGroup:str! topic:str! queueId:i32! maxMsgNums:i32! invisibleTime:i64! pollTime:i64! bornTime:i64! initMode:i32!', { set: { invisibleTime: '60000' }, needs: ['pop'] }),
  broker('ACK_MESSAGE', 'consumerGroup:str! topic:str! queueId:i32! extraInfo:str! offset:i64!', { set: { extraInfo: receipt }, needs: ['pop'] }),
  broker('PEEK_MESSAGE', 'topic:str! queueId:i32! maxMsgNums:i32! consumerGroup:str!', { needs: ['pop'] }),
  broker('CHANGE_MESSAGE_INVISIBLETIME', 'consumerGroup:str! topic:str! queueId:i32! extraInfo:str! offset:i64! invisibleTime:i64!', { set: { extraInfo: receipt, invisibleTime: '60000' }, needs: ['pop'], onlyWrong: true }),
  broker('NOTIFICATION', 'consumerGroup:str! topic:str! queueId:i32! pollTime:i64! bornTime:i64!', { needs: ['pop'] }),
  broker('POLLING_INFO', 'consumerGroup:str! topic:str! queueId:i32!', { needs: ['pop'] }),
  broker('BATCH_ACK_MESSAGE', '', { body: '{"acks":[],"brokerName":"$brokerName"}', needs: ['pop'] }),
  broker('LITE_SUBSCRIPTION_CTL', '', { body: '{"subscriptionSet":[]}', needs: ['lite'] }),
  broker('GET_PARENT_TOPIC_INFO', 'topic:str!', { needs: ['lite'] }),
  broker('GET_LITE_GROUP_INFO', 'group:str! liteTopic:str topK:i32', { needs: ['lite'] }),

  namesrv('PUT_KV_CONFIG', 'namespace:str! key:str! value:str!', { set: { namespace: '$namespace' }, needs: ['namesrv-admin'] }),
  namesrv('GET_KV_CONFIG', 'namespace:str! key:str!', { set: { namespace: '$namespace' } }),
  namesrv('DELETE_KV_CONFIG', 'namespace:str! key:str!', { set: { namespace: '$namespace' }, needs: ['namesrv-admin'] }),
  namesrv('GET_KVLIST_BY_NAMESPACE', 'namespace:str!', { set: { namespace: '$namespace' } }),
  namesrv('UNREGISTER_BROKER', 'brokerName:str! brokerAddr:str! clusterName:str! brokerId:i64!', { set: { brokerName: '$newTopic', clusterName: '$newTopic', brokerAddr: '127.0.0.1:1' }, needs: ['namesrv-admin'] }),
  namesrv('GET_ROUTEINFO_BY_TOPIC', 'topic:str! acceptStandardJsonOnly:bool', { set: { topic: '$newTopic' } }),
  namesrv('GET_BROKER_CLUSTER_INFO'),
  namesrv('WIPE_WRITE_PERM_OF_BROKER', 'brokerName:str!', { set: { brokerName: '$newTopic' }, needs: ['namesrv-admin'] }),
  namesrv('ADD_WRITE_PERM_OF_BROKER', 'brokerName:str!', { set: { brokerName: '$newTopic' }, needs: ['namesrv-admin'] }),
  namesrv('GET_ALL_TOPIC_LIST_FROM_NAMESERVER'),
  namesrv('DELETE_TOPIC_IN_NAMESRV', 'topic:str! clusterName:str', { set: { topic: '$newTopic' }, needs: ['namesrv-admin'] }),
  namesrv('REGISTER_TOPIC_IN_NAMESRV', 'topic:str!', { set: { topic: '$newTopic' }, body: '{"brokerDatas":[],"filterServerTable":{},"queueDatas":[]}', needs: ['namesrv-admin'] }),
  namesrv('GET_TOPICS_BY_CLUSTER', 'cluster:str!'),
  namesrv('GET_SYSTEM_TOPIC_LIST_FROM_NS'),
  namesrv('GET_UNIT_TOPIC_LIST'),
  namesrv('GET_HAS_UNIT_SUB_TOPIC_LIST'),
  namesrv('GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST'),
  namesrv('GET_NAMESRV_CONFIG', '', { needs: ['config-read'] }),
  namesrv('QUERY_DATA_VERSION', 'brokerName:str! brokerAddr:str! clusterName:str! brokerId:i64!', { set: { brokerName: '$newTopic', brokerAddr: '127.0.0.1:1' }, body: '{"counter":1,"stateVersion":0,"timestamp":1}' }),
  namesrv('GET_BROKER_MEMBER_GROUP', 'clusterName:str! brokerName:str!'),
  namesrv('BROKER_HEARTBEAT', 'clusterName:str! brokerAddr:str! brokerName:str!', { set: { brokerName: '$newTopic', brokerAddr: '127.0.0.1:1', clusterName: '$newTopic' } }),
];
