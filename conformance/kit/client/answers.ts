/** What the played name server and brokers answer when the script says nothing: enough for a client to produce and consume. */
import { req, res } from '../codes.js';
import type { FrameInput } from '../wire/frame.js';
import type { Arrival, Cluster } from './cluster.js';
import { decodeBatch, readSend, type Queues } from './topic.js';

/** A body as JSON, `{}` when it is none. */
export function jsonBody(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? value as Record<string, unknown> : {};
  } catch {
    return {};
  }
}

/** A member that is a list of objects, else an empty list. */
export function objects(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null) : [];
}

/** The answer of a correct endpoint. */
export async function answerByDefault(arrival: Arrival, cluster: Cluster): Promise<FrameInput | 'silent'> {
  const { command, link } = arrival;
  const { ext } = command;
  if (link.server === 'namesrv') return command.code === req.GET_ROUTEINFO_BY_TOPIC ? route(ext['topic'] ?? '', cluster) : notSupported(command.code);
  const store = cluster.store(link.server);
  const key = `${link.server} ${ext['topic'] ?? ''} ${ext['queueId'] ?? ''}`;
  switch (command.code) {
    case req.HEART_BEAT: {
      const id = jsonBody(command.body)['clientID'];
      if (typeof id === 'string' && objects(jsonBody(command.body)['consumerDataSet']).some((one) => one['groupName'] === cluster.options.group)) joined(arrival, cluster, id);
      return { code: res.SUCCESS };
    }
    case req.UNREGISTER_CLIENT:
      for (const one of cluster.links) if (one.clientId === ext['clientID'] && ext['consumerGroup'] === cluster.options.group) one.clientId = undefined;
      notifyMembers(cluster);
      return { code: res.SUCCESS };
    case req.GET_CONSUMER_LIST_BY_GROUP:
      return { code: res.SUCCESS, body: JSON.stringify({ consumerIdList: cluster.members() }) };
    case req.SEND_MESSAGE:
    case req.SEND_MESSAGE_V2:
    case req.SEND_BATCH_MESSAGE:
      return send(arrival, cluster, store);
    case req.PULL_MESSAGE:
    case req.LITE_PULL_MESSAGE:
      return pull(arrival, cluster, store);
    case req.QUERY_CONSUMER_OFFSET: {
      const stored = cluster.offsets.get(key);
      return stored === undefined ? { code: res.QUERY_NOT_FOUND, remark: 'Not found, do not set to zero, maybe this group boot first' } : { code: res.SUCCESS, ext: { offset: stored } };
    }
    case req.UPDATE_CONSUMER_OFFSET:
      cluster.offsets.set(key, Number(ext['commitOffset'] ?? 0));
      return { code: res.SUCCESS };
    case req.GET_MAX_OFFSET:
      return { code: res.SUCCESS, ext: { offset: store.maxOffset(ext['topic'] ?? '', Number(ext['queueId'])) } };
    case req.GET_MIN_OFFSET:
    case req.SEARCH_OFFSET_BY_TIMESTAMP:
      return { code: res.SUCCESS, ext: { offset: store.firstOffset } };
    case req.LOCK_BATCH_MQ: {
      const body = jsonBody(command.body);
      const taken = objects(body['mqSet']).filter((queue) => {
        const name = `${String(queue['brokerName'])} ${String(queue['topic'])} ${String(queue['queueId'])}`;
        const owner = cluster.locks.get(name) ?? String(body['clientId']);
        if (owner === body['clientId']) cluster.locks.set(name, owner);
        return owner === body['clientId'];
      });
      return { code: res.SUCCESS, body: JSON.stringify({ lockOKMQSet: taken }) };
    }
    case req.UNLOCK_BATCH_MQ:
      for (const queue of objects(jsonBody(command.body)['mqSet'])) cluster.locks.delete(`${String(queue['brokerName'])} ${String(queue['topic'])} ${String(queue['queueId'])}`);
      return { code: res.SUCCESS };
    case req.CONSUMER_SEND_MSG_BACK: {
      const from = store.at(Number(ext['offset']));
      if (from === undefined) return { code: res.SYSTEM_ERROR, remark: `look message by offset failed, ${ext['offset'] ?? ''}` };
      const properties = { ...from.properties, RETRY_TOPIC: from.properties['RETRY_TOPIC'] ?? from.topic, ORIGIN_MESSAGE_ID: from.properties['ORIGIN_MESSAGE_ID'] ?? store.msgId(from) };
      setTimeout(() => {
        store.put({ topic: `%RETRY%${ext['group'] ?? ''}`, queueId: 0, body: from.body, sysFlag: from.sysFlag ?? 0, reconsumeTimes: (from.reconsumeTimes ?? 0) + 1, properties });
        cluster.arrived();
      }, 300).unref();
      return { code: res.SUCCESS };
    }
    case req.CHECK_CLIENT_CONFIG:
      return { code: res.SUCCESS };
    default:
      return notSupported(command.code);
  }
}

function notSupported(code: number): FrameInput {
  return { code: res.REQUEST_CODE_NOT_SUPPORTED, remark: ` request type ${code} not supported` };
}

function joined(arrival: Arrival, cluster: Cluster, id: string): void {
  const fresh = !cluster.members().includes(id);
  arrival.link.clientId = id;
  if (fresh) notifyMembers(cluster);
}

function notifyMembers(cluster: Cluster): void {
  for (const link of cluster.links) if (link.clientId !== undefined && link.closedAt === undefined) cluster.ask(link, req.NOTIFY_CONSUMER_IDS_CHANGED, { consumerGroup: cluster.options.group }, true);
}

function route(topic: string, cluster: Cluster): FrameInput {
  const retry = topic === `%RETRY%${cluster.options.group}`;
  if (!retry && !(topic === cluster.options.topic && cluster.known)) return { code: res.TOPIC_NOT_EXIST, remark: `No topic route info in name server for the topic: ${topic}` };
  const queues = retry ? 1 : cluster.queues;
  const port = (name: 'broker-a' | 'broker-b'): number => cluster.deadPort ?? cluster.ports.get(name) ?? 0;
  return {
    code: res.SUCCESS,
    body: JSON.stringify({
      brokerDatas: cluster.route.map((name) => ({ brokerAddrs: { 0: `127.0.0.1:${port(name)}` }, brokerName: name, cluster: 'conform', enableActingMaster: false })),
      filterServerTable: {},
      queueDatas: cluster.route.map((name) => ({ brokerName: name, perm: 6, readQueueNums: queues, topicSynFlag: 0, topicSysFlag: 0, writeQueueNums: queues })),
    }),
  };
}

function send(arrival: Arrival, cluster: Cluster, store: Queues): FrameInput {
  const { command } = arrival;
  const asked = readSend(command.code, command.ext);
  const parts = asked.batch ? decodeBatch(command.body) : [{ body: command.body, flag: 0, properties: asked.properties }];
  const common = { topic: asked.topic ?? '', queueId: asked.queueId, sysFlag: asked.sysFlag, bornTimestamp: Number.isSafeInteger(asked.bornTimestamp) ? asked.bornTimestamp : 0 };
  if (typeof parts === 'string' || !Number.isInteger(asked.sysFlag) || !(asked.queueId >= 0 && asked.queueId < 64)) return { code: res.SYSTEM_ERROR, remark: typeof parts === 'string' ? parts : 'no queueId or sysFlag' };
  const stored = parts.map((part) => store.put({ ...common, ...part }));
  const first = stored[0];
  if (first === undefined || stored.includes(undefined)) return { code: res.SYSTEM_ERROR, remark: 'full' };
  cluster.arrived();
  return { code: res.SUCCESS, ext: { msgId: stored.map((one) => (one === undefined ? '' : store.msgId(one))).join(','), queueId: asked.queueId, queueOffset: first.queueOffset } };
}

async function pull(arrival: Arrival, cluster: Cluster, store: Queues): Promise<FrameInput | 'silent'> {
  const { ext } = arrival.command;
  const [topic, queueId, offset] = [ext['topic'] ?? '', Number(ext['queueId']), Number(ext['queueOffset'])];
  const sysFlag = Number(ext['sysFlag'] ?? 0);
  if ((sysFlag & 1) !== 0) cluster.offsets.set(`${arrival.link.server} ${topic} ${queueId}`, Number(ext['commitOffset'] ?? 0));
  const end = Date.now() + Math.min(Number(ext['suspendTimeoutMillis'] ?? 0) || 0, 15_000);
  for (;;) {
    const maxOffset = store.maxOffset(topic, queueId);
    const bounds = { maxOffset, minOffset: store.firstOffset, suggestWhichBrokerId: 0 };
    if (offset > maxOffset) return { code: res.PULL_OFFSET_MOVED, ext: { ...bounds, nextBeginOffset: maxOffset } };
    if (offset < store.firstOffset) return { code: res.PULL_OFFSET_MOVED, ext: { ...bounds, nextBeginOffset: store.firstOffset } };
    const found = store.from(topic, queueId, offset, Number(ext['maxMsgNums'] ?? 32));
    if (found.length > 0) return { code: res.SUCCESS, remark: 'FOUND', ext: { ...bounds, nextBeginOffset: offset + found.length }, body: Buffer.concat(found.map((one) => one.record)) };
    if (arrival.link.closedAt !== undefined) return 'silent';
    if ((sysFlag & 2) === 0 || Date.now() >= end) return { code: res.PULL_NOT_FOUND, remark: 'OFFSET_OVERFLOW_ONE', ext: { ...bounds, nextBeginOffset: offset } };
    await cluster.held(Math.max(1, end - Date.now()));
  }
}
