/** The name server's requests: what each reads, checks and answers (`DefaultRequestProcessor`, `ClientRequestProcessor`). */
import { intOf, isMap, listOf, textOf } from '../../codec/json-members.js';
import { JsonError, readJson } from '../../compat/fastjson.js';
import type { JsonMap } from '../../compat/fastjson.js';
import { readProperties } from '../../compat/properties-file.js';
import { dataVersion, kvTable, topicList } from '../../codec/bodies.js';
import { crc31 } from '../../codec/crc32.js';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Clock, Connection, Handlers, Reply } from '../../remoting/types.js';
import { readDataVersion } from '../broker/data-version.js';
import type { NamesrvConfig } from '../config-types.js';
import { orderTopicNamespace, type KvConfig } from './kv-config.js';
import { addressFault, demand, nameFault, namesrvLimits, shown } from './limits.js';
import { readRegistration } from './registration-body.js';
import { clusterInfoBody, memberGroupBody, routeBody } from './route-json.js';
import type { QueueData, RouteTable, Unregistration } from './route-table.js';
import { configText, updateConfig } from './runtime-config.js';
import { filterByZone, zoneNameField } from './zone.js';

/** `FAQUrl#suggestTodo` of `FAQUrl#APPLY_TOPIC_URL`. */
const faq = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

/** Codes the name server serves. */
export type NamesrvRequest =
  | 'PUT_KV_CONFIG' | 'GET_KV_CONFIG' | 'DELETE_KV_CONFIG' | 'GET_KVLIST_BY_NAMESPACE'
  | 'REGISTER_BROKER' | 'UNREGISTER_BROKER' | 'BROKER_HEARTBEAT' | 'QUERY_DATA_VERSION'
  | 'GET_ROUTEINFO_BY_TOPIC' | 'GET_BROKER_CLUSTER_INFO' | 'GET_BROKER_MEMBER_GROUP'
  | 'WIPE_WRITE_PERM_OF_BROKER' | 'ADD_WRITE_PERM_OF_BROKER'
  | 'GET_ALL_TOPIC_LIST_FROM_NAMESERVER' | 'DELETE_TOPIC_IN_NAMESRV' | 'REGISTER_TOPIC_IN_NAMESRV'
  | 'GET_TOPICS_BY_CLUSTER' | 'GET_SYSTEM_TOPIC_LIST_FROM_NS'
  | 'GET_UNIT_TOPIC_LIST' | 'GET_HAS_UNIT_SUB_TOPIC_LIST' | 'GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST'
  | 'UPDATE_NAMESRV_CONFIG' | 'GET_NAMESRV_CONFIG';

export interface NamesrvParts {
  readonly config: NamesrvConfig;
  readonly clock: Clock;
  readonly startedMs: number;
  readonly table: RouteTable;
  readonly kv: KvConfig;
  /** Queues an unregistration; false when too many wait. */
  readonly unregister: (request: Unregistration) => boolean;
  /** Carries out queued unregistrations now: what follows sees their effect. */
  readonly settle: () => void;
  /** `NameServerOptions#clientAddress`. */
  readonly clientAddress?: ((address: string, connection: Connection) => string) | undefined;
}

const success = { code: responseCodes.SUCCESS } as const;

function withBody(body: Buffer): { readonly code: 0; readonly body: Buffer } {
  return { code: responseCodes.SUCCESS, body };
}

function objectBody(body: Buffer): JsonMap | undefined {
  if (body.length === 0) return undefined;
  try {
    const value = readJson(body);
    return isMap(value) ? value : undefined;
  } catch (error) {
    if (error instanceof JsonError) throw new Refusal(responseCodes.SYSTEM_ERROR, `body is not readable JSON: ${error.message}`);
    throw error;
  }
}

/** A broker id that a number holds exactly. */
function brokerIdOf(id: bigint): number {
  const value = Number(id);
  demand(value >= 0 && Number.isSafeInteger(value) ? undefined : `brokerId ${id} is outside 0..${Number.MAX_SAFE_INTEGER}`);
  return value;
}

export function namesrvHandlers(parts: NamesrvParts): Pick<Handlers, NamesrvRequest> {
  const { config, clock, table, kv, settle, clientAddress } = parts;
  const addressesFor = (addrs: ReadonlyMap<number, string>, connection: Connection): Map<number, string> =>
    new Map([...addrs].map(([id, addr]) => [id, clientAddress?.(addr, connection) ?? addr]));
  /** A list that configuration can switch off. */
  const list = (enabled: boolean, topics: () => readonly string[]): Reply => {
    if (!enabled) return { code: responseCodes.SYSTEM_ERROR, remark: 'disable' };
    settle();
    return withBody(topicList.encode({ topicList: topics() }));
  };
  return {
    PUT_KV_CONFIG: (_ctx, header) => {
      const { namespace, key, value } = header;
      if (namespace === undefined || key === undefined) return { code: responseCodes.SYSTEM_ERROR, remark: 'namespace or key is null' };
      // Apache keeps a null, which nobody can tell from no value.
      if (value === undefined) kv.delete(namespace, key);
      else kv.put(namespace, key, value);
      return success;
    },
    GET_KV_CONFIG: (_ctx, header) => {
      const value = kv.get(header.namespace, header.key);
      if (value !== undefined) return { ...success, header: { value } };
      return { code: responseCodes.QUERY_NOT_FOUND, remark: `No config item, Namespace: ${shown(header.namespace)} Key: ${shown(header.key)}` };
    },
    DELETE_KV_CONFIG: (_ctx, header) => {
      kv.delete(header.namespace, header.key);
      return success;
    },
    GET_KVLIST_BY_NAMESPACE: (_ctx, header) => {
      const values = kv.list(header.namespace);
      if (values !== undefined) return withBody(kvTable.encode({ table: values }));
      return { code: responseCodes.QUERY_NOT_FOUND, remark: `No config item, Namespace: ${shown(header.namespace)}` };
    },

    REGISTER_BROKER: (ctx, header, body) => {
      settle();
      const crc = header.bodyCrc32 ?? 0;
      if (crc !== 0 && crc !== crc31(body, 0, body.length)) return { code: responseCodes.SYSTEM_ERROR, remark: 'crc32 not match' };
      demand(nameFault('clusterName', header.clusterName));
      demand(nameFault('brokerName', header.brokerName));
      demand(addressFault('brokerAddr', header.brokerAddr));
      if (header.haServerAddr !== '') demand(nameFault('haServerAddr', header.haServerAddr));
      const zoneName = ctx.command.ext.get(zoneNameField);
      if (zoneName !== undefined && zoneName !== '') demand(nameFault('zone name', zoneName));
      const timeoutMs = header.heartbeatTimeoutMillis === undefined ? undefined : Number(header.heartbeatTimeoutMillis);
      const { heartbeatTimeoutMsMax } = namesrvLimits;
      demand(timeoutMs === undefined || (timeoutMs >= 0 && timeoutMs <= heartbeatTimeoutMsMax) ? undefined
        : `heartbeatTimeoutMillis ${timeoutMs} is outside 0..${heartbeatTimeoutMsMax}`);
      const registration = readRegistration(body, header.compressed, ctx.command.version);
      for (const topic of registration.topics) demand(nameFault('topic', topic.topicName));
      for (const mapping of registration.mappings) {
        demand(nameFault('static topic', mapping.topic));
        demand(nameFault('broker name of a static topic', mapping.bname));
      }
      const result = table.register({
        cluster: header.clusterName, brokerName: header.brokerName, brokerId: brokerIdOf(header.brokerId), addr: header.brokerAddr,
        haServerAddr: header.haServerAddr, zoneName, timeoutMs, enableActingMaster: header.enableActingMaster, connection: ctx.connection,
      }, registration);
      if (result === 'refused') return { code: responseCodes.SYSTEM_ERROR, remark: 'register broker failed' };
      if ('full' in result) return { code: responseCodes.SYSTEM_ERROR, remark: `register broker failed: ${result.full}` };
      const order = config.returnOrderTopicConfigToBroker ? kv.list(orderTopicNamespace) : undefined;
      return {
        ...success,
        header: { haServerAddr: result.haServerAddr, masterAddr: result.masterAddr },
        body: order === undefined ? undefined : kvTable.encode({ table: order }),
      };
    },
    UNREGISTER_BROKER: (_ctx, header) => {
      if (header.brokerId < 0n || header.brokerId > BigInt(Number.MAX_SAFE_INTEGER)) return success; // nobody registers with such an id
      const queued = parts.unregister({
        cluster: header.clusterName, brokerName: header.brokerName, brokerId: brokerIdOf(header.brokerId), addr: header.brokerAddr,
      });
      return queued ? success : { code: responseCodes.SYSTEM_ERROR };
    },
    BROKER_HEARTBEAT: (_ctx, header) => {
      settle();
      table.touch(header.clusterName, header.brokerAddr);
      return success;
    },
    QUERY_DATA_VERSION: (_ctx, header, body) => {
      settle();
      const map = objectBody(body);
      const changed = table.versionChanged(header.clusterName, header.brokerAddr, map === undefined ? undefined : readDataVersion(map));
      table.touch(header.clusterName, header.brokerAddr);
      const known = table.dataVersion(header.clusterName, header.brokerAddr);
      return { ...success, header: { changed }, body: known === undefined ? undefined : dataVersion.encode(known) };
    },

    GET_ROUTEINFO_BY_TOPIC: (ctx, header) => {
      if (config.needWaitForService && clock.nowMs() - parts.startedMs < config.waitSecondsForService * 1000) {
        return { code: responseCodes.SYSTEM_ERROR, remark: 'name server not ready' };
      }
      settle();
      const topic = header.topic ?? 'null';
      const route = table.route(topic);
      if (route === undefined) {
        return { code: responseCodes.TOPIC_NOT_EXIST, remark: `No topic route info in name server for the topic: ${shown(topic)}${faq}` };
      }
      if (config.orderMessageEnable) route.orderTopicConf = kv.get(orderTopicNamespace, topic);
      filterByZone(route, ctx.command.ext);
      route.brokers = route.brokers.map((broker) => ({ ...broker, addrs: addressesFor(broker.addrs, ctx.connection) }));
      // Clients look filter servers up under the broker's address as they were given it.
      const filterServers = new Map([...route.filterServers].map(([addr, servers]) => [clientAddress?.(addr, ctx.connection) ?? addr, servers]));
      return withBody(routeBody({ ...route, filterServers }, ctx.command.version, header.acceptStandardJsonOnly === true));
    },
    GET_BROKER_CLUSTER_INFO: (ctx) => {
      settle();
      return withBody(clusterInfoBody(table, (addrs) => addressesFor(addrs, ctx.connection)));
    },
    GET_BROKER_MEMBER_GROUP: (_ctx, header) => {
      settle();
      // Apache sets no remark, so its default one stays (`RemotingCommand#createResponseCommand`).
      const addrs = table.addrsOf(header.brokerName ?? '');
      return { ...withBody(memberGroupBody(header.clusterName, header.brokerName, addrs)), remark: 'not set any response code' };
    },
    WIPE_WRITE_PERM_OF_BROKER: (_ctx, header) => {
      settle();
      return { ...success, header: { wipeTopicCount: table.setWritePerm(header.brokerName, false) } };
    },
    ADD_WRITE_PERM_OF_BROKER: (_ctx, header) => {
      settle();
      return { ...success, header: { addTopicCount: table.setWritePerm(header.brokerName, true) } };
    },

    GET_ALL_TOPIC_LIST_FROM_NAMESERVER: () => list(config.enableAllTopicList, () => table.allTopics()),
    DELETE_TOPIC_IN_NAMESRV: (_ctx, header) => {
      settle();
      table.deleteTopic(header.topic, header.clusterName);
      return success;
    },
    REGISTER_TOPIC_IN_NAMESRV: (_ctx, header, body) => {
      settle();
      demand(nameFault('topic', header.topic));
      const map = objectBody(body);
      if (map === undefined) return success;
      const queues: QueueData[] = [];
      for (const value of listOf(map, 'queueDatas')) {
        if (!isMap(value)) continue;
        queues.push({
          brokerName: textOf(value, 'brokerName') ?? '',
          readQueueNums: intOf(value, 'readQueueNums', 0),
          writeQueueNums: intOf(value, 'writeQueueNums', 0),
          perm: intOf(value, 'perm', 0),
          topicSysFlag: intOf(value, 'topicSysFlag', 0),
        });
      }
      const full = table.registerTopic(header.topic, queues);
      return full === undefined ? success : { code: responseCodes.SYSTEM_ERROR, remark: full };
    },
    GET_TOPICS_BY_CLUSTER: (_ctx, header) => list(config.enableTopicList, () => table.topicsOfCluster(header.cluster)),
    GET_SYSTEM_TOPIC_LIST_FROM_NS: () => {
      settle();
      const { topics, brokerAddr } = table.systemTopics();
      return withBody(topicList.encode({ brokerAddr, topicList: topics }));
    },
    GET_UNIT_TOPIC_LIST: () => list(config.enableTopicList, () => table.unitTopics('unit')),
    GET_HAS_UNIT_SUB_TOPIC_LIST: () => list(config.enableTopicList, () => table.unitTopics('unitSub')),
    GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: () => list(config.enableTopicList, () => table.unitTopics('unitSubUnUnit')),

    UPDATE_NAMESRV_CONFIG: (_ctx, _header, body) => {
      if (body.length > 0) updateConfig(config, readProperties(body.toString('utf8')));
      return success;
    },
    GET_NAMESRV_CONFIG: () => withBody(Buffer.from(configText(config))),
  };
}
