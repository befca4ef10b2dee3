/** The queues a topic has on all brokers, as the name servers tell: asked when needed and believed for a while (`TopicRouteInfoManager`). */
import { topicRouteData } from '../../codec/bodies.js';
import type { TopicRouteData } from '../../codec/bodies.js';
import { requests } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { parseAddressList } from '../../remoting/address-list.js';
import type { NamesrvCaller } from './registration.js';
import type { BrokerContext } from './types.js';

/** How long a route that was asked for is believed, in milliseconds (`loadBalancePollNameServerInterval`). */
const routeMs = 30_000;
/** One that named no queues is asked for again sooner. */
const noRouteMs = 1000;
const routeTimeoutMs = 3000;
const routesMax = 10_000;

/** One broker's part of a topic. */
export interface RoutedQueues {
  readonly brokerName: string;
  readonly perm: number;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** Its broker has a master. */
  readonly led: boolean;
}

export interface TopicRoutes {
  /** Undefined when nobody has the topic. */
  of(topic: string): Promise<readonly RoutedQueues[] | undefined>;
}

function partsOf(route: TopicRouteData): RoutedQueues[] {
  return route.queueDatas.map(({ brokerName, perm, readQueueNums, writeQueueNums }) => ({
    brokerName, perm, readQueueNums, writeQueueNums,
    led: route.brokerDatas.some((broker) => broker.brokerName === brokerName && broker.brokerAddrs.has(0)),
  }));
}

export function createTopicRoutes(ctx: BrokerContext, client: NamesrvCaller): TopicRoutes {
  const routes = new Map<string, { readonly untilMs: number; readonly parts: Promise<readonly RoutedQueues[] | undefined> }>();

  async function ask(topic: string): Promise<readonly RoutedQueues[] | undefined> {
    const servers = parseAddressList(ctx.config.namesrvAddr);
    for (const address of servers) {
      try {
        const answer = await client.call(address, { code: requests.GET_ROUTEINFO_BY_TOPIC.code, ext: { topic, acceptStandardJsonOnly: 'true' } }, routeTimeoutMs);
        if (answer.code === responseCodes.SUCCESS) return partsOf(topicRouteData.decode(answer.body));
        if (answer.code === responseCodes.TOPIC_NOT_EXIST) return undefined;
      } catch (error) {
        ctx.log.warn({ topic, address, error: String(error) }, 'a name server could not be asked for a route');
      }
    }
    if (servers.length > 0) return undefined;
    // Nobody else can have the topic where there is no name server.
    const own = ctx.topics.get(topic)?.config;
    return own === undefined ? undefined : [{ brokerName: ctx.config.brokerName, perm: own.perm, readQueueNums: own.readQueueNums, writeQueueNums: own.writeQueueNums, led: true }];
  }

  return {
    async of(topic) {
      const nowMs = ctx.clock.nowMs();
      const known = routes.get(topic);
      if (known !== undefined && nowMs < known.untilMs) return known.parts;
      if (routes.size >= routesMax) routes.delete(routes.keys().next().value ?? '');
      const parts = ask(topic);
      routes.delete(topic);
      routes.set(topic, { untilMs: nowMs + noRouteMs, parts });
      const found = await parts;
      if (found !== undefined && found.length > 0) routes.set(topic, { untilMs: ctx.clock.nowMs() + routeMs, parts });
      return found;
    },
  };
}
