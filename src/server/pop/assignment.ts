/**
 * QUERY_ASSIGNMENT: the broker says which queues a client of a group consumes, and how (`QueryAssignmentProcessor`). The queues are those of every
 * broker that has the topic, as the name servers tell.
 */
import { isLightQueue, lightQueueId } from '../../compat/light-queues.js';
import { responseCodes } from '../../codec/responses.js';
import { writeJson } from '../../compat/fastjson.js';
import type { JsonOut } from '../../compat/fastjson.js';
import { textOf } from '../../codec/json-members.js';
import type { Handler } from '../../remoting/types.js';
import type { RoutedQueues, TopicRoutes } from '../broker/topic-routes.js';
import { isReadable } from '../broker/send-checks.js';
import type { BrokerContext } from '../broker/types.js';
import { jsonBody } from './request-modes.js';
import type { RequestModes } from './request-modes.js';

export interface Queue {
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
}

type Strategy = (queues: readonly Queue[], clients: readonly string[], client: string) => Queue[];

/** `AllocateMessageQueueAveragely`: neighbours; the first clients have one more. */
const averagely: Strategy = (queues, clients, client) => {
  const index = clients.indexOf(client);
  if (index < 0) return [];
  const rest = queues.length % clients.length;
  const share = Math.floor(queues.length / clients.length) + (index < rest ? 1 : 0);
  const from = index * share + (index < rest ? 0 : rest);
  return queues.slice(from, from + share);
};

/** `AllocateMessageQueueAveragelyByCircle`. */
const byCircle: Strategy = (queues, clients, client) => {
  const index = clients.indexOf(client);
  return index < 0 ? [] : queues.filter((_, i) => i % clients.length === index);
};

const strategies: ReadonlyMap<string, Strategy> = new Map([['AVG', averagely], ['AVG_BY_CIRCLE', byCircle]]);

/** `#allocate4Pop` where not every client pops from all queues. */
function allocateForPop(strategy: Strategy, queues: readonly Queue[], clients: readonly string[], client: string, share: number): Queue[] {
  const index = clients.indexOf(client);
  if (clients.length <= queues.length) {
    if (index < 0) return [];
    return Array.from({ length: share + 1 }, (_, i) => clients[(index + i) % clients.length] ?? client).flatMap((one) => strategy(queues, clients, one));
  }
  const queue = index < 0 ? undefined : queues[index % queues.length];
  return queue === undefined ? [] : [queue];
}

/** Java's order of `MessageQueue`: topic, broker name, queue id. */
function ascending(queues: readonly Queue[]): Queue[] {
  return [...queues].sort((a, b) => (a.brokerName === b.brokerName ? a.queueId - b.queueId : a.brokerName < b.brokerName ? -1 : 1));
}

function distinct(queues: readonly Queue[]): Queue[] {
  return [...new Map(queues.map((queue) => [`${queue.brokerName}@${queue.queueId}`, queue])).values()];
}

function queuesOf(topic: string, parts: readonly RoutedQueues[]): Queue[] {
  return parts.flatMap(({ brokerName, perm, readQueueNums }) =>
    (isReadable(perm) ? Array.from({ length: Math.min(readQueueNums, 65_536) }, (_, queueId) => ({ topic, brokerName, queueId })) : []));
}

export function createAssignment(ctx: BrokerContext, modes: RequestModes, routes: TopicRoutes): Handler<'QUERY_ASSIGNMENT'> {
  async function routed(topic: string): Promise<readonly Queue[] | undefined> {
    // A light queue is on the broker that is asked for it.
    if (isLightQueue(topic)) return [{ topic, brokerName: ctx.config.brokerName, queueId: lightQueueId }];
    const parts = await routes.of(topic);
    return parts === undefined ? undefined : queuesOf(topic, parts);
  }

  return async (_call, _header, body) => {
    const request = jsonBody('QueryAssignmentRequestBody', body);
    const topic = textOf(request, 'topic') ?? '';
    const group = textOf(request, 'consumerGroup') ?? '';
    const clientId = textOf(request, 'clientId') ?? '';
    const strategy = strategies.get(textOf(request, 'strategyName') ?? '');
    const setting = modes.of(topic, group);
    const queues = await routed(topic);

    function assigned(): readonly Queue[] | undefined {
      if (queues === undefined) return undefined;
      if (textOf(request, 'messageModel') === 'BROADCASTING' || !ctx.config.serverLoadBalancerEnable) return queues;
      const clients = [...ctx.consumers.clientIds(group)].sort();
      if (clients.length === 0 || clientId.trim() === '' || strategy === undefined) return undefined;
      const all = ascending(queues);
      const { mode, popShareQueueNum: share } = setting;
      // Each client pops from all queues; several of one broker with queue -1 are one in the end.
      if (mode === 'POP' && (share <= 0 || share >= clients.length - 1)) return all.map((queue) => ({ ...queue, queueId: -1 }));
      // Of no queues a strategy makes no allocation (`AbstractAllocateMessageQueueStrategy#check`): the client keeps what it has.
      if (all.length === 0) return undefined;
      return mode === 'POP' ? allocateForPop(strategy, all, clients, clientId, share) : strategy(all, clients, clientId);
    }

    const result = assigned();
    const assignments: JsonOut = result === undefined ? undefined : distinct(result).map((messageQueue) => ({ messageQueue: { ...messageQueue }, mode: setting.mode }));
    return { code: responseCodes.SUCCESS, body: Buffer.from(writeJson({ messageQueueAssignments: assignments }), 'utf8') };
  };
}
