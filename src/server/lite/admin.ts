/** What the broker tells of lite topics, their clients and groups, and the dispatch on demand (`LiteManagerProcessor`). */
import { responseCodes } from '../../codec/responses.js';
import type { JsonOut } from '../../compat/fastjson.js';
import { isLiteQueue, lightQueueId, liteQueueName, partsOfLiteQueue } from '../../compat/light-queues.js';
import type { Handlers } from '../../remoting/types.js';
import { jsonReply, success } from '../broker/admin.js';
import { shown } from '../broker/topic-names.js';
import type { GroupConfig } from '../broker/types.js';
import { refusal } from '../pop/parts.js';
import type { LiteParts } from './create.js';
import { bindTopicOf, boundGroups, expirationMinutes, expirations, isParentTopic, isWildcard } from './metadata.js';

/** `#MAX_RETURN_COUNT`. */
const returnedMax = 10_000;
/** Entries a lag list has at most; Apache makes as many as are asked for. */
const topMax = 10_000;

type LiteAdminHandlers = Pick<Handlers,
  'GET_BROKER_LITE_INFO' | 'GET_PARENT_TOPIC_INFO' | 'GET_LITE_TOPIC_INFO' | 'GET_LITE_CLIENT_INFO' | 'GET_LITE_GROUP_INFO' | 'TRIGGER_LITE_DISPATCH'>;

interface Lag {
  readonly name: string;
  readonly lagCount: number;
  readonly committed: number;
}

export function createLiteAdmin(parts: LiteParts): LiteAdminHandlers {
  const { ctx, queues, subscriptions, events, orders, offsetEntries } = parts;
  const { store, offsets } = ctx;

  function demandParent(topic: string): void {
    if (ctx.topics.get(topic) === undefined) throw refusal(responseCodes.TOPIC_NOT_EXIST, `Topic [${shown(topic)}] not exist.`);
    if (!isParentTopic(ctx, topic)) throw refusal(responseCodes.INVALID_PARAMETER, `Topic [${topic}] type not match.`);
  }

  function demandGroup(group: string): GroupConfig {
    const config = ctx.groups.find(group);
    if (config === undefined) throw refusal(responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, `Group [${shown(group)}] not exist.`);
    return config;
  }

  function demandLiteGroup(group: string): string {
    const parent = bindTopicOf(demandGroup(group));
    if (parent === undefined || parent === '') throw refusal(responseCodes.INVALID_PARAMETER, `Group [${group}] is not a LITE group.`);
    return parent;
  }

  const storeTimeAt = async (name: string, queueOffset: number): Promise<number> => {
    const queue = queues.get(name);
    return queue === undefined || queueOffset < queue.minOffset || queueOffset >= queue.maxOffset ? -1 : store.storeTimeAt(queue, queueOffset);
  };

  /** Lite topics in which the group has messages left, the most first (`LiteConsumerLagCalculator#getLagCountTopK`), and how many in all. */
  async function lagsOf(group: string, topK: number): Promise<{ readonly total: number; readonly list: JsonOut }> {
    if (topK < 1) throw refusal(responseCodes.SYSTEM_ERROR, `topK is ${topK}, it must be 1 or more`);
    const lags: Lag[] = [];
    let total = 0;
    for (const name of offsets.topicsOf(group)) {
      const committed = offsets.queuesOf(group, name)?.get(lightQueueId) ?? -1;
      if (!isLiteQueue(name) || committed < 0) continue;
      const lagCount = Math.max(0, queues.maxOffset(name) - committed);
      total += lagCount;
      if (lagCount > 0) lags.push({ name, lagCount, committed });
    }
    lags.sort((a, b) => b.lagCount - a.lagCount);
    const list: JsonOut[] = [];
    for (const { name, lagCount, committed } of lags.slice(0, Math.min(topK, topMax))) {
      list.push({ earliestUnconsumedTimestamp: await storeTimeAt(name, committed), lagCount, liteTopic: partsOfLiteQueue(name)?.liteTopic });
    }
    return { total, list };
  }

  return {
    GET_BROKER_LITE_INFO() {
      return jsonReply({
        cqTableSize: store.topicsOnDisk().length,
        currentLmqNum: store.lightQueues,
        eventMapSize: events.size,
        groupMeta: boundGroups(ctx),
        liteSubscriptionCount: subscriptions.active,
        maxLmqNum: ctx.config.maxLmqConsumeQueueNum,
        offsetTableSize: offsetEntries(),
        orderInfoCount: orders.size,
        storeType: 'default',
        topicMeta: expirations(ctx),
      });
    },

    GET_PARENT_TOPIC_INFO(_call, { topic }) {
      demandParent(topic);
      return jsonReply({
        groups: boundGroups(ctx).get(topic),
        liteTopicCount: queues.names(topic).length,
        lmqNum: store.lightQueues,
        topic,
        ttl: expirationMinutes(ctx, topic),
      });
    },

    async GET_LITE_TOPIC_INFO(_call, { parentTopic = '', liteTopic = '' }) {
      demandParent(parentTopic);
      const name = liteQueueName(parentTopic, liteTopic) ?? '';
      const queue = queues.get(name);
      const maxOffset = queue?.maxOffset ?? 0;
      const subscriber: JsonOut[] = [];
      for (const [group, clients] of subscriptions.subscribersOf(name)) {
        if (isWildcard(ctx.groups.get(group))) subscriber.push({ clientId: '*', group });
        else for (const { clientId } of clients) subscriber.push({ clientId, group });
      }
      const owner = await queues.ownerOf(parentTopic);
      return jsonReply({
        liteTopic,
        parentTopic,
        shardingToBroker: owner(name) === ctx.config.brokerName,
        subscriber,
        topicOffset: { lastUpdateTimestamp: maxOffset > 0 ? await storeTimeAt(name, maxOffset - 1) : 0, maxOffset, minOffset: queue?.minOffset ?? 0 },
      });
    },

    GET_LITE_CLIENT_INFO(_call, { parentTopic = '', group = '', clientId = '', maxCount }) {
      demandParent(parentTopic);
      if (bindTopicOf(demandGroup(group)) !== parentTopic) throw refusal(responseCodes.INVALID_PARAMETER, `Subscription [${group}]-[${parentTopic}] not match.`);
      const names = subscriptions.of(clientId)?.queues;
      return jsonReply({
        clientId,
        group,
        lastAccessTime: events.accessedMs(clientId),
        lastConsumeTime: 0,
        liteTopicCount: names?.size ?? -1,
        liteTopicSet: names === undefined ? undefined : [...names].slice(0, Math.max(0, Math.min(maxCount, returnedMax))),
        parentTopic,
      });
    },

    async GET_LITE_GROUP_INFO(_call, { group, liteTopic = '', topK }) {
      const parentTopic = demandLiteGroup(group);
      if (liteTopic === '') {
        const { total, list } = await lagsOf(group, topK);
        // Times of the oldest are gathered only with liteLagLatencyCollectEnable, which nobody here reads.
        return jsonReply({ earliestUnconsumedTimestamp: -1, group, lagCountTopK: list, lagTimestampTopK: [], liteTopic: liteTopic === '' ? undefined : liteTopic, parentTopic, totalLagCount: total });
      }
      const name = liteQueueName(parentTopic, liteTopic) ?? '';
      const maxOffset = queues.maxOffset(name);
      const committed = offsets.query(group, name, lightQueueId);
      const found = maxOffset > 0 && committed >= 0;
      return jsonReply({
        earliestUnconsumedTimestamp: found ? await storeTimeAt(name, committed) : -1,
        group,
        liteTopic,
        liteTopicOffsetWrapper: found
          ? { brokerOffset: maxOffset, consumerOffset: committed, lastTimestamp: committed > 0 ? await storeTimeAt(name, committed - 1) : 0, pullOffset: 0 }
          : undefined,
        parentTopic,
        totalLagCount: found ? maxOffset - committed : -1,
      });
    },

    TRIGGER_LITE_DISPATCH(_call, { group, clientId = '' }) {
      demandLiteGroup(group);
      if (clientId !== '') events.dispatchAll(clientId, group);
      else events.dispatchAllOfGroup(group);
      return success;
    },
  };
}
