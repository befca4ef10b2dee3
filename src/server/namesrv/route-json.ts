/** The name server's answers as fastjson2 writes them: members in alphabetical order, absent ones left out, numeric keys bare or quoted. */
import { compactJson, type JsonOut } from '../broker/json-view.js';
import type { QueueMapping } from './registration-body.js';
import { sortedAddrs, type Route, type RouteTable } from './route-table.js';

/** Keys of number maps: fastjson's default writes them bare, standard JSON quotes them. */
function numberMap<V>(map: ReadonlyMap<number, V>, standard: boolean): ReadonlyMap<string | number, V> {
  return standard ? new Map([...map].map(([key, value]) => [String(key), value])) : map;
}

/**
 * `TopicRouteData`. `standard`: keys quoted and text in ASCII, for clients from V4_9_4 on or that ask for it; older ones get bare keys
 * (`ClientRequestProcessor#getRouteInfoByTopic`).
 */
export function routeJson(route: Route, standard: boolean): string {
  const text = compactJson({
    brokerDatas: route.brokers.map((broker) => ({
      brokerAddrs: numberMap(broker.addrs, standard),
      brokerName: broker.brokerName,
      cluster: broker.cluster,
      enableActingMaster: broker.enableActingMaster,
      zoneName: broker.zoneName,
    })),
    filterServerTable: new Map([...route.filterServers].filter(([, servers]) => servers !== undefined)),
    orderTopicConf: route.orderTopicConf,
    queueDatas: route.queues.map((queue) => ({ ...queue })),
    topicQueueMappingByBroker: route.mappings === undefined ? undefined : new Map([...route.mappings].map(([name, mapping]) => [name, mappingOut(mapping, standard)])),
  });
  return standard ? asciiJson(text) : text;
}

function mappingOut(mapping: QueueMapping, standard: boolean): JsonOut {
  return { ...mapping, currIdMap: numberMap(mapping.currIdMap, standard) as JsonOut };
}

/** Every character beyond ASCII as an escape (`JSONWriter.Feature.BrowserCompatible`). */
function asciiJson(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `ClusterInfo`, with each broker's addresses as the asking client should see them. */
export function clusterInfoJson(table: RouteTable, shownTo: (addrs: ReadonlyMap<number, string>) => ReadonlyMap<number, string> = (addrs) => addrs): string {
  const brokers = new Map<string, JsonOut>();
  for (const data of table.allBrokers()) {
    brokers.set(data.brokerName, {
      brokerAddrs: sortedAddrs(shownTo(data.addrs)) as JsonOut,
      brokerName: data.brokerName,
      cluster: data.cluster,
      enableActingMaster: data.enableActingMaster,
      zoneName: data.zoneName,
    });
  }
  return compactJson({ brokerAddrTable: brokers, clusterAddrTable: new Map([...table.allClusters()].map(([cluster, names]) => [cluster, [...names]])) });
}

/** `TopicList`. */
export function topicListJson(topics: readonly string[], brokerAddr?: string): string {
  return compactJson({ brokerAddr, topicList: topics });
}

/** `GetBrokerMemberGroupResponseBody`. */
export function memberGroupJson(cluster: string | undefined, brokerName: string | undefined, addrs: ReadonlyMap<number, string> | undefined): string {
  return compactJson({ brokerMemberGroup: { brokerAddrs: sortedAddrs(addrs ?? new Map()) as JsonOut, brokerName, cluster } });
}

/** `KVTable`. */
export function kvTableJson(table: ReadonlyMap<string, string>): string {
  return compactJson({ table });
}
