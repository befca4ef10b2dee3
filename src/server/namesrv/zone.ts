/** Routes for clients of one zone (`ZoneRouteRPCHook`): a request that says so sees the brokers of its zone, and those without a master. */
import type { Route } from './route-table.js';

/** extFields of a request (`MixAll#ZONE_MODE`, `#ZONE_NAME`); ZONE_NAME also comes with a broker's registration. */
export const zoneModeField = '__ZONE_MODE';
export const zoneNameField = '__ZONE_NAME';

/** Drops brokers of other zones, their queues and filter servers, when the request is in zone mode. */
export function filterByZone(route: Route, ext: ReadonlyMap<string, string>): void {
  const zone = ext.get(zoneNameField)?.trim().toLowerCase();
  if (ext.get(zoneModeField)?.toLowerCase() !== 'true' || zone === undefined || zone === '') return;
  const removed = new Set<string>();
  route.brokers = route.brokers.filter((broker) => {
    // Without a master the rule of nearness is broken on purpose: its slaves are all there is.
    if (!broker.addrs.has(0) || broker.zoneName?.toLowerCase() === zone) return true;
    removed.add(broker.brokerName);
    for (const addr of broker.addrs.values()) route.filterServers.delete(addr);
    return false;
  });
  route.queues = route.queues.filter((queue) => !removed.has(queue.brokerName));
}
