/** Offsets: bounds of queues, what groups committed and how far behind they are, resetting and copying it, and the entries of a queue. */
import { lightQueueId, liteQueueName } from '../../compat/light-queues.js';
import { Refusal } from '../../codec/errors.js';
import type { HeaderOf } from '../../codec/requests.js';
import { requests } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import type { Handlers, Reply } from '../../remoting/types.js';
import { checkGroupName, jsonReply, noRemark, queueBean, queueOf, success } from './admin.js';
import type { AdminParts } from './admin.js';
import { JsonDouble, writeJson } from '../../compat/fastjson.js';
import type { JsonOut, JsonOutBean } from '../../compat/fastjson.js';
import { filterDataBean } from '../filter/filter-data.js';
import { queueDataBean } from './queue-view.js';
import { isBlank, shown } from './topic-names.js';
import type { Topic } from './types.js';

/** Entries QUERY_CONSUME_QUEUE answers at most; Apache sets no limit. */
const unitsMax = 16_384;
const longMax = 2n ** 63n - 1n;

type OffsetHandlers = Pick<Handlers,
  | 'SEARCH_OFFSET_BY_TIMESTAMP' | 'GET_MAX_OFFSET' | 'GET_MIN_OFFSET' | 'GET_EARLIEST_MSG_STORETIME' | 'GET_ALL_CONSUMER_OFFSET'
  | 'GET_CONSUME_STATS' | 'GET_BROKER_CONSUME_STATS' | 'QUERY_CONSUME_TIME_SPAN' | 'QUERY_CORRECTION_OFFSET' | 'CLONE_GROUP_OFFSET'
  | 'QUERY_CONSUME_QUEUE' | 'INVOKE_BROKER_TO_RESET_OFFSET'>;

interface Behind {
  readonly table: Map<JsonOutBean, JsonOut>;
  diff: number;
  inflight: number;
}

/** A long as a number; what is no safe integer is clamped, which no offset or time ever is. */
function clampLong(value: bigint): number {
  const max = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > max ? max : value < -max ? -max : value);
}

/** `QueueTimeSpan#getMinTimeStampStr` and its like: `yyyy-MM-dd#HH:mm:ss:SSS` in local time. */
function timeText(timeMs: number): string {
  const time = new Date(timeMs);
  const digits = (value: number, width = 2): string => String(value).padStart(width, '0');
  return `${digits(time.getFullYear(), 4)}-${digits(time.getMonth() + 1)}-${digits(time.getDate())}`
    + `#${digits(time.getHours())}:${digits(time.getMinutes())}:${digits(time.getSeconds())}:${digits(time.getMilliseconds(), 3)}`;
}

export function createOffsetHandlers(parts: AdminParts): OffsetHandlers {
  const { ctx, topics, groups, offsets, consumers, statistics } = parts;
  const { store } = ctx;

  /** The group's live consumers subscribe something, but not this topic. */
  const unsubscribed = (group: string, topic: string): boolean =>
    (consumers.get(group)?.subscriptions.size ?? 0) > 0 && consumers.subscription(group, topic) === undefined;

  /** Adds an `OffsetWrapper` per queue of the topic. */
  const addBehind = async (behind: Behind, group: string, topic: Topic, queueNums: number, withPull: boolean): Promise<void> => {
    for (let queueId = 0; queueId < queueNums; queueId++) {
      const queue = queueOf(parts, topic.name, queueId);
      const brokerOffset = Math.max(0, queue?.maxOffset ?? 0);
      const consumerOffset = Math.max(0, offsets.query(group, topic.name, queueId));
      const pullOffset = withPull ? Math.max(consumerOffset, offsets.queryPull(group, topic.name, queueId)) : 0;
      const storeTime = queue === undefined || consumerOffset === 0 ? 0 : await store.storeTimeAt(queue, consumerOffset - 1);
      behind.table.set(queueBean(parts, topic.name, queueId), { brokerOffset, consumerOffset, lastTimestamp: Math.max(0, storeTime), pullOffset });
      behind.diff += brokerOffset - consumerOffset;
      behind.inflight += pullOffset - consumerOffset;
    }
  };

  const offsetByTime = async (topic: string, queueId: number, timestamp: number): Promise<number> => {
    const queue = queueOf(parts, topic, queueId);
    if (queue === undefined) return 0;
    return timestamp < 0 ? queue.maxOffset : store.offsetByTime(queue, timestamp, 'LOWER');
  };

  const resetBody = (topic: string, reset: ReadonlyMap<number, number>): JsonOut => ({
    offsetTable: new Map<JsonOutBean, JsonOut>([...reset].map(([queueId, offset]) => [queueBean(parts, topic, queueId), offset])),
  });

  /** `AdminBrokerProcessor#resetOffsetInner`: the next pull of the group is sent to the new offset. */
  const resetHere = async (header: HeaderOf<'INVOKE_BROKER_TO_RESET_OFFSET'>): Promise<Reply> => {
    const { topic: name, group, queueId } = header;
    const topic = topics.get(name);
    if (topic === undefined) throw new Refusal(responseCodes.TOPIC_NOT_EXIST, `Topic ${shown(name)} does not exist`);
    if (groups.get(group) === undefined) {
      throw new Refusal(responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${shown(group)} does not exist`);
    }
    const timestamp = clampLong(header.timestamp);
    const reset = new Map<number, number>();
    if (queueId >= 0) {
      const queueNums = Math.max(topic.config.readQueueNums, topic.config.writeQueueNums);
      if (queueId >= queueNums) throw new Refusal(responseCodes.INVALID_PARAMETER, `queueId is ${queueId}, allowed range [0, ${queueNums - 1}]`);
      if (header.offset !== undefined && header.offset !== -1n) {
        const queue = queueOf(parts, name, queueId);
        const min = queue?.minOffset ?? 0;
        const max = queue?.maxOffset ?? 0;
        const offset = clampLong(header.offset);
        if (offset < min || offset > max + 1) {
          throw new Refusal(responseCodes.SYSTEM_ERROR, `Target offset ${header.offset} not in consume queue range [${min}-${max}]`);
        }
        reset.set(queueId, offset);
      } else reset.set(queueId, await offsetByTime(name, queueId, timestamp));
    } else {
      for (let id = 0; id < topic.config.readQueueNums; id++) reset.set(id, await offsetByTime(name, id, timestamp));
    }
    if (reset.size === 0) throw new Refusal(responseCodes.SYSTEM_ERROR, 'No queues to reset.');
    for (const [id, offset] of reset) offsets.assignReset(group, name, id, offset);
    return jsonReply(resetBody(name, reset));
  };

  /** `Broker2Client#resetOffset`: the live consumers are told the new offsets. */
  const resetInClients = async (header: HeaderOf<'INVOKE_BROKER_TO_RESET_OFFSET'>, forCpp: boolean): Promise<Reply> => {
    const { topic: name, group } = header;
    const topic = topics.get(name);
    if (topic === undefined) {
      throw new Refusal(responseCodes.TOPIC_NOT_EXIST, `[reset-offset] reset offset failed, no topic in this broker. topic=${shown(name)}`);
    }
    const reset = new Map<number, number>();
    for (let id = 0; id < topic.config.writeQueueNums; id++) {
      const committed = offsets.query(group, name, id);
      if (committed === -1) throw new Refusal(responseCodes.SYSTEM_ERROR, `THe consumer group <${shown(group)}> not exist`);
      const offset = Math.max(0, await offsetByTime(name, id, header.timestamp === -1n ? -1 : clampLong(header.timestamp)));
      reset.set(id, header.isForce || offset < committed ? offset : committed);
    }
    const clients = [...(consumers.get(group)?.clients.values() ?? [])];
    if (clients.length === 0) {
      throw new Refusal(responseCodes.CONSUMER_NOT_ONLINE,
        `Consumer not online, so can not reset offset, Group: ${shown(group)} Topic: ${name} Timestamp: ${header.timestamp}`);
    }
    const answer = resetBody(name, reset);
    const body = forCpp
      ? { offsetTable: [...reset].map(([queueId, offset]) => ({ ...queueBean(parts, name, queueId), offset })) }
      : answer;
    const ext = { group, topic: name, timestamp: String(header.timestamp) };
    for (const client of clients) {
      client.connection.notify({ code: requests.RESET_CONSUMER_CLIENT_OFFSET.code, ext, body: Buffer.from(writeJson(body)) });
    }
    return jsonReply(answer);
  };

  return {
    async SEARCH_OFFSET_BY_TIMESTAMP(_request, header) {
      const liteQueue = isBlank(header.liteTopic) ? undefined : liteQueueName(header.topic, header.liteTopic ?? '');
      const queue = isBlank(header.liteTopic) ? queueOf(parts, header.topic, header.queueId)
        : liteQueue === undefined || header.queueId !== lightQueueId ? undefined : store.existingQueue(liteQueue, lightQueueId);
      const offset = queue === undefined ? 0 : await store.offsetByTime(queue, clampLong(header.timestamp), header.boundaryType ?? 'LOWER');
      return { code: responseCodes.SUCCESS, header: { offset } };
    },

    GET_MAX_OFFSET(_request, header) {
      return { code: responseCodes.SUCCESS, header: { offset: queueOf(parts, header.topic, header.queueId)?.maxOffset ?? 0 } };
    },

    GET_MIN_OFFSET(_request, header) {
      return { code: responseCodes.SUCCESS, remark: '', header: { offset: queueOf(parts, header.topic, header.queueId)?.minOffset ?? 0 } };
    },

    async GET_EARLIEST_MSG_STORETIME(_request, header) {
      const queue = queueOf(parts, header.topic, header.queueId);
      const timestamp = queue === undefined || queue.maxOffset <= queue.minOffset ? -1 : await store.storeTimeAt(queue, queue.minOffset);
      return { code: responseCodes.SUCCESS, header: { timestamp } };
    },

    GET_ALL_CONSUMER_OFFSET() {
      return { code: responseCodes.SUCCESS, body: Buffer.from(offsets.encode()) };
    },

    async GET_CONSUME_STATS(_request, header) {
      const { consumerGroup: group } = header;
      const given = (header.topicList ?? '').split(';').filter((topic) => topic !== '');
      let names: readonly string[] = given;
      if (isBlank(header.topicList)) {
        const asked = isBlank(header.topic) ? offsets.topicsOf(group) : [header.topic ?? ''];
        names = asked.filter((topic) => !unsubscribed(group, topic));
      }
      const behind: Behind = { table: new Map(), diff: 0, inflight: 0 };
      let consumeTps = 0;
      for (const name of new Set(names)) {
        const topic = topics.get(name);
        if (topic === undefined) continue;
        await addBehind(behind, group, topic, topic.config.readQueueNums, true);
        consumeTps += statistics.getTps(group, name);
      }
      return jsonReply({ consumeTps: new JsonDouble(consumeTps), offsetTable: behind.table });
    },

    async GET_BROKER_CONSUME_STATS(_request, header) {
      let totalDiff = 0;
      let totalInflightDiff = 0;
      const consumeStatsList: JsonOut[] = [];
      for (const { groupName: group } of [...groups.all()]) {
        const stats: JsonOut[] = [];
        for (const name of offsets.topicsOf(group)) {
          const topic = topics.get(name);
          if (topic === undefined || (header.isOrder && !topic.config.order) || unsubscribed(group, name)) continue;
          const behind: Behind = { table: new Map(), diff: 0, inflight: 0 };
          await addBehind(behind, group, topic, topic.config.writeQueueNums, false);
          totalDiff += behind.diff;
          totalInflightDiff += behind.inflight;
          stats.push({ consumeTps: new JsonDouble(statistics.getTps(group, name)), offsetTable: behind.table });
        }
        consumeStatsList.push(new Map([[group, stats]]));
      }
      return jsonReply({ brokerAddr: ctx.brokerAddress(), consumeStatsList, totalDiff, totalInflightDiff });
    },

    async QUERY_CONSUME_TIME_SPAN(_request, header) {
      const topic = topics.get(header.topic);
      if (topic === undefined) throw new Refusal(responseCodes.TOPIC_NOT_EXIST, `topic[${shown(header.topic)}] not exist`);
      const consumeTimeSpanSet: JsonOut[] = [];
      for (let queueId = 0; queueId < topic.config.writeQueueNums; queueId++) {
        const queue = queueOf(parts, topic.name, queueId);
        const timeAt = async (queueOffset: number): Promise<number> =>
          queue === undefined || queueOffset < queue.minOffset || queueOffset >= queue.maxOffset ? -1 : store.storeTimeAt(queue, queueOffset);
        const minTimeStamp = await timeAt(queue?.minOffset ?? 0);
        const maxTimeStamp = await timeAt((queue?.maxOffset ?? 0) - 1);
        const committed = offsets.query(header.group, topic.name, queueId);
        const consumeTimeStamp = committed > 0 ? await timeAt(committed - 1) : minTimeStamp;
        const delayTime = committed < (queue?.maxOffset ?? 0) ? ctx.clock.nowMs() - (await timeAt(committed)) : 0;
        consumeTimeSpanSet.push({
          consumeTimeStamp, consumeTimeStampStr: timeText(consumeTimeStamp), delayTime, maxTimeStamp, maxTimeStampStr: timeText(maxTimeStamp),
          messageQueue: queueBean(parts, topic.name, queueId), minTimeStamp, minTimeStampStr: timeText(minTimeStamp),
        });
      }
      return jsonReply({ consumeTimeSpanSet });
    },

    QUERY_CORRECTION_OFFSET(_request, header) {
      // Apache forgets the offsets of the filtered groups here (`queryMinOffsetInAllGroup`); a question must not lose anything.
      const filtered = new Set((header.filterGroups ?? '').split(','));
      const correctionOffsets = new Map<number, JsonOut>();
      const smallest = new Map<number, number>();
      for (const group of offsets.groupsOf(header.topic)) {
        if (filtered.has(group)) continue;
        for (const [queueId, offset] of offsets.queuesOf(group, header.topic) ?? []) {
          if (offset < (queueOf(parts, header.topic, queueId)?.minOffset ?? 0)) continue;
          smallest.set(queueId, Math.min(offset, smallest.get(queueId) ?? offset));
        }
      }
      for (const [queueId, offset] of smallest) correctionOffsets.set(queueId, offset);
      for (const [queueId, offset] of offsets.queuesOf(header.compareGroup, header.topic) ?? []) {
        const corrected = smallest.get(queueId);
        if (corrected !== undefined && corrected > offset) correctionOffsets.set(queueId, longMax);
      }
      return jsonReply({ correctionOffsets });
    },

    CLONE_GROUP_OFFSET(_request, header) {
      const { srcGroup, destGroup } = header;
      checkGroupName(destGroup);
      const names = isBlank(header.topic) ? offsets.topicsOf(srcGroup) : [header.topic ?? ''];
      for (const topic of names) {
        if (topics.get(topic) === undefined || (!header.offline && unsubscribed(srcGroup, topic))) continue;
        offsets.clone(srcGroup, destGroup, topic);
      }
      return success;
    },

    async QUERY_CONSUME_QUEUE(_request, header) {
      const { topic = 'null', queueId, consumerGroup } = header;
      const queue = queueOf(parts, topic, queueId);
      if (queue === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, `${queueId}@${shown(topic)} is not exist!`);
      const index = clampLong(header.index);
      if (index < queue.minOffset || index >= queue.maxOffset) {
        return { code: responseCodes.SUCCESS, remark: `Index ${header.index} of ${queueId}@${topic} is not exist!` };
      }
      // an entry for each record: a batch of a batch queue is one
      const units = (await store.units(queue, index, Math.max(0, Math.min(header.count, unitsMax)))).filter((unit, i, all) => unit.phyOffset !== all[i - 1]?.phyOffset);
      const subscription = consumerGroup === undefined ? undefined : consumers.subscription(consumerGroup, topic);
      const offline = consumerGroup !== undefined && subscription === undefined;
      const data = consumerGroup === undefined ? undefined : ctx.filters.get(topic, consumerGroup);
      const filterData = consumerGroup === undefined ? undefined : offline ? `${shown(consumerGroup)}@${topic} is not online!`
        : data === undefined ? 'null' : writeJson(filterDataBean(data), true);
      const filter = subscription === undefined ? undefined : ctx.filters.filterOf(subscription, data);
      return {
        ...jsonReply({
          filterData,
          maxQueueIndex: queue.maxOffset,
          minQueueIndex: queue.minOffset,
          queueData: units.map((unit) => queueDataBean(unit, subscription !== undefined, filter)),
          subscriptionData: subscription === undefined ? undefined : { ...subscription },
        }),
        remark: noRemark,
      };
    },

    INVOKE_BROKER_TO_RESET_OFFSET(request, header) {
      return ctx.config.useServerSideResetOffset ? resetHere(header) : resetInClients(header, request.command.language === 'CPP');
    },
  };
}
