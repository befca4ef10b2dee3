/** The name server's answers: what its tables know, as the bodies of codec/bodies.ts. */
import { clusterInfo, encodeTopicRouteData, getBrokerMemberGroupResponseBody } from '../../codec/bodies.js';
import type { BrokerData } from '../../codec/bodies.js';
import { sortedAddrs, type Route, type RouteTable } from './route-table.js';

/** `TopicRouteData` in the dialect of the client, see `encodeTopicRouteData`. */
export function routeBody(route: Route, clientVersion: number, acceptStandardJsonOnly: boolean): Buffer {
  return encodeTopicRouteData({
    brokerDatas: route.brokers.map((broker) => ({ ...broker, brokerAddrs: broker.addrs })),
    filterServerTable: new Map([...route.filterServers].flatMap(([addr, servers]) => (servers === undefined ? [] : [[addr, servers] as const]))),
    orderTopicConf: route.orderTopicConf,
    queueDatas: route.queues,
    topicQueueMappingByBroker: route.mappings,
  }, clientVersion, acceptStandardJsonOnly);
}

/** `ClusterInfo`, with each broker's addresses as the asking client should see them. */
export function clusterInfoBody(table: RouteTable, shownTo: (addrs: ReadonlyMap<number, string>) => ReadonlyMap<number, string> = (addrs) => addrs): Buffer {
  const brokers = new Map<string, BrokerData>();
  for (const data of table.allBrokers()) brokers.set(data.brokerName, { ...data, brokerAddrs: sortedAddrs(shownTo(data.addrs)) });
  return clusterInfo.encode({ brokerAddrTable: brokers, clusterAddrTable: new Map([...table.allClusters()].map(([cluster, names]) => [cluster, [...names]])) });
}

/** `GetBrokerMemberGroupResponseBody`. */
export function memberGroupBody(cluster: string | undefined, brokerName: string | undefined, addrs: ReadonlyMap<number, string> | undefined): Buffer {
  return getBrokerMemberGroupResponseBody.encode({ brokerMemberGroup: { brokerAddrs: sortedAddrs(addrs ?? new Map()), brokerName, cluster } });
}
