/** Topics: create, change, delete, list, and what consumes them. The table is topics.ts. */
import { topicQueueMappingDetail } from '../../codec/bodies.js';
import { isMap } from '../../codec/json-members.js';
import { JsonDouble, readJson } from '../../compat/fastjson.js';
import type { JsonOut, JsonOutBean } from '../../compat/fastjson.js';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Handlers } from '../../remoting/types.js';
import { checkTopicName, jsonReply, noRemark, pageOf, queueBean, queueOf, requiredList, success } from './admin.js';
import type { AdminParts } from './admin.js';
import { alterAttributes, parseAttributeChanges, topicAttributes } from './attributes.js';
import { readDataVersion, sameDataVersion } from './data-version.js';
import { readBody } from './heartbeat.js';
import { isLightQueue } from '../../compat/light-queues.js';
import { isBlank, shown } from './topic-names.js';
import { readTopicConfig, topicConfig, topicConfigFault } from './topics.js';
import { readMapping } from '../static/static-topics.js';
import { popRetryTopic } from '../pop/extra-info.js';
import type { DataVersion, TopicConfig } from './types.js';

type TopicHandlers = Pick<Handlers,
  | 'UPDATE_AND_CREATE_TOPIC' | 'UPDATE_AND_CREATE_STATIC_TOPIC' | 'UPDATE_AND_CREATE_TOPIC_LIST' | 'GET_ALL_TOPIC_CONFIG' | 'DELETE_TOPIC_IN_BROKER' | 'GET_TOPIC_CONFIG'
  | 'GET_TOPIC_STATS_INFO' | 'GET_SYSTEM_TOPIC_LIST_FROM_BROKER' | 'QUERY_TOPIC_CONSUME_BY_WHO' | 'QUERY_TOPICS_BY_CONSUMER'
  | 'QUERY_SUBSCRIPTION_BY_CONSUMER' | 'CLEAN_UNUSED_TOPIC' | 'CLEAN_EXPIRED_CONSUMEQUEUE' | 'DELETE_EXPIRED_COMMITLOG'>;

/** `CreateTopicRequestHeader#checkFields`: any other name is refused. */
function filterTypeOf(text: string): 'SINGLE_TAG' | 'MULTI_TAG' {
  if (text === 'SINGLE_TAG' || text === 'MULTI_TAG') return text;
  throw new Refusal(responseCodes.SYSTEM_ERROR, `topicFilterType = [${shown(text)}] value invalid, must be SINGLE_TAG or MULTI_TAG`);
}

/** True when the caller's DataVersion, as text, is the table's: only then may its page begin elsewhere than at the start. */
export function knowsVersion(text: string | undefined, current: DataVersion): boolean {
  if (text === undefined || isBlank(text)) return false;
  try {
    const value = readJson(text);
    return isMap(value) && sameDataVersion(readDataVersion(value), current);
  } catch {
    return false;
  }
}

export function createTopicHandlers(parts: AdminParts): TopicHandlers {
  const { ctx, topics, offsets, consumers, statistics, registration, mappings } = parts;

  const checkNotSystem = (topic: string): void => {
    if (ctx.config.validateSystemTopicWhenUpdateTopic && topics.isSystem(topic)) {
      throw new Refusal(responseCodes.INVALID_PARAMETER, `The topic[${topic}] is conflict with system topic.`);
    }
  };

  /** Checks everything about a wanted configuration whose attributes are signed changes; returns the one to store. */
  const resolve = (wanted: TopicConfig): TopicConfig => {
    checkTopicName(wanted.topicName);
    checkNotSystem(wanted.topicName);
    const fault = topicConfigFault(wanted);
    if (fault !== undefined) throw new Refusal(responseCodes.INVALID_PARAMETER, fault);
    if (!ctx.config.enableMixedMessageType && wanted.attributes['+message.type'] === 'MIXED') {
      throw new Refusal(responseCodes.INVALID_PARAMETER, 'MIXED message type is not supported.');
    }
    // No tiered store here: Apache throws this from its update.
    const attributes = alterAttributes(topicAttributes, topics.get(wanted.topicName)?.config.attributes, wanted.attributes);
    return { ...wanted, attributes };
  };

  const deleteTopic = async (topic: string): Promise<void> => {
    topics.delete(topic);
    offsets.removeTopic(topic);
    statistics.topicRemoved(topic);
    mappings.delete(topic);
    mappings.demandWritten();
    topics.demandWritten();
    // At once: who sends now makes the topic anew, and its messages stay.
    await ctx.store.deleteTopics(new Set([topic]));
    await Promise.all([mappings.demandSaved(), topics.demandSaved()]);
  };

  return {
    async UPDATE_AND_CREATE_TOPIC(_request, header) {
      const wanted = topicConfig(header.topic, {
        readQueueNums: header.readQueueNums,
        writeQueueNums: header.writeQueueNums,
        perm: header.perm,
        topicFilterType: filterTypeOf(header.topicFilterType),
        topicSysFlag: header.topicSysFlag ?? 0,
        order: header.order,
      });
      checkTopicName(wanted.topicName);
      topics.update(resolve({ ...wanted, attributes: parseAttributeChanges(header.attributes) }));
      await topics.demandSaved();
      await registration.settled();
      return { code: responseCodes.SUCCESS, remark: noRemark };
    },

    async UPDATE_AND_CREATE_STATIC_TOPIC(_request, header, body) {
      const wanted = topicConfig(header.topic, {
        readQueueNums: header.readQueueNums,
        writeQueueNums: header.writeQueueNums,
        perm: header.perm,
        topicFilterType: filterTypeOf(header.topicFilterType),
        topicSysFlag: header.topicSysFlag ?? 0,
      });
      const config = resolve(wanted);
      const detail = readMapping(body);
      if (detail.topic !== wanted.topicName) throw new Refusal(responseCodes.INVALID_PARAMETER, `the mapping is of topic ${shown(detail.topic ?? 'null')}, not of ${wanted.topicName}`);
      if (detail.bname !== ctx.config.brokerName) throw new Refusal(responseCodes.SYSTEM_ERROR, `the mapping is of broker ${shown(detail.bname ?? 'null')}, this is ${ctx.config.brokerName}`);
      // Before the topic: a refused mapping changes nothing.
      mappings.update(detail, header.force ?? false);
      mappings.demandWritten();
      topics.update(config);
      await Promise.all([mappings.demandSaved(), topics.demandSaved()]);
      await registration.settled();
      return { code: responseCodes.SUCCESS, remark: noRemark };
    },

    async UPDATE_AND_CREATE_TOPIC_LIST(_request, _header, body) {
      const wanted: TopicConfig[] = [];
      for (const bean of requiredList(readBody(body, 'CreateTopicListRequestBody'), 'topicConfigList')) {
        const config = isMap(bean) ? readTopicConfig(bean) : undefined;
        if (config === undefined) checkTopicName(undefined);
        else wanted.push(resolve(config));
      }
      topics.updateAll(wanted);
      await topics.demandSaved();
      await registration.settled();
      return { code: responseCodes.SUCCESS, remark: noRemark };
    },

    GET_ALL_TOPIC_CONFIG(_request, header) {
      const { topicSeq, dataVersion, maxTopicNum } = header;
      let configs = Array.from(topics.all(), (topic) => topic.config);
      const total = configs.length;
      const asked = topicSeq !== undefined || dataVersion !== undefined || maxTopicNum !== undefined;
      if (asked && ctx.config.enableSplitMetadata) {
        const seq = knowsVersion(dataVersion, topics.dataVersion) ? (topicSeq ?? 0) : 0;
        configs = [...pageOf(configs, (config) => config.topicName, seq, Math.min(ctx.config.splitMetadataSize, maxTopicNum ?? Number.MAX_SAFE_INTEGER))];
      }
      const details = new Map<string, JsonOut>();
      for (const { topicName } of configs) {
        const detail = mappings.get(topicName);
        if (detail !== undefined) details.set(topicName, topicQueueMappingDetail.write(detail));
      }
      const table = new Map<string, JsonOut>(configs.map((config) => [config.topicName, { ...config }]));
      return {
        ...jsonReply({
          dataVersion: { ...topics.dataVersion },
          mappingDataVersion: { ...mappings.dataVersion },
          topicConfigTable: table,
          topicQueueMappingDetailMap: details,
          topicQueueMappingInfoMap: {},
        }),
        header: { totalTopicNum: total },
      };
    },

    async DELETE_TOPIC_IN_BROKER(_request, header) {
      const { topic } = header;
      if (isBlank(topic)) throw new Refusal(responseCodes.INVALID_PARAMETER, 'The specified topic is blank.');
      if (topics.get(topic) === undefined) checkTopicName(topic);
      checkNotSystem(topic);
      // The retry topics that POP made for its groups go with it (`AdminBrokerProcessor#deleteTopic`).
      const retries = offsets.groupsOf(topic).flatMap((group) => [popRetryTopic(topic, group, false), popRetryTopic(topic, group, true)]);
      for (const retry of retries) if (topics.get(retry) !== undefined) await deleteTopic(retry);
      await parts.topicDeleted?.(topic);
      await deleteTopic(topic);
      return success;
    },

    GET_TOPIC_CONFIG(_request, header) {
      const topic = topics.get(header.topic);
      if (topic === undefined) throw new Refusal(responseCodes.TOPIC_NOT_EXIST, `No topic in this broker. topic: ${shown(header.topic)}`);
      // Only who asks for the logic queues is told of them.
      const detail = header.logical === true ? mappings.get(header.topic) : undefined;
      return jsonReply({ ...topic.config, ...(detail === undefined ? {} : { mappingDetail: topicQueueMappingDetail.write(detail) }) });
    },

    async GET_TOPIC_STATS_INFO(_request, header) {
      const topic = topics.get(header.topic);
      if (topic === undefined) throw new Refusal(responseCodes.TOPIC_NOT_EXIST, `topic[${shown(header.topic)}] not exist`);
      const offsetTable = new Map<JsonOutBean, JsonOut>();
      for (let queueId = 0; queueId < Math.max(topic.config.writeQueueNums, topic.config.readQueueNums); queueId++) {
        const queue = queueOf(parts, topic.name, queueId);
        const maxOffset = Math.max(0, queue?.maxOffset ?? 0);
        const lastUpdateTimestamp = queue === undefined || maxOffset === 0 ? 0 : await ctx.store.storeTimeAt(queue, maxOffset - 1);
        offsetTable.set(queueBean(parts, topic.name, queueId), { lastUpdateTimestamp, maxOffset, minOffset: Math.max(0, queue?.minOffset ?? 0) });
      }
      return jsonReply({ offsetTable, topicPutTps: new JsonDouble(statistics.putTps(topic.name)) });
    },

    GET_SYSTEM_TOPIC_LIST_FROM_BROKER() {
      return jsonReply({ topicList: topics.systemTopics.names() });
    },

    QUERY_TOPIC_CONSUME_BY_WHO(_request, header) {
      const groups = new Set([...consumers.groupsOfTopic(header.topic), ...offsets.groupsOf(header.topic)]);
      return jsonReply({ groupList: [...groups] });
    },

    QUERY_TOPICS_BY_CONSUMER(_request, header) {
      return jsonReply({ brokerAddr: ctx.brokerAddress(), topicList: offsets.topicsOf(header.group) });
    },

    QUERY_SUBSCRIPTION_BY_CONSUMER(_request, header) {
      const { group, topic } = header;
      const subscription = topic === undefined ? undefined : consumers.subscription(group, topic);
      return jsonReply({ group, subscriptionData: subscription === undefined ? undefined : { ...subscription }, topic });
    },

    async CLEAN_UNUSED_TOPIC() {
      const unused = ctx.store.topicsOnDisk().filter((topic) => topics.get(topic) === undefined && !topics.isSystem(topic) && !isLightQueue(topic));
      if (unused.length > 0) await ctx.store.deleteTopics(new Set(unused));
      return success;
    },

    async CLEAN_EXPIRED_CONSUMEQUEUE() {
      await ctx.store.cleanExpiredConsumeQueue();
      return success;
    },

    async DELETE_EXPIRED_COMMITLOG() {
      await ctx.store.deleteExpiredCommitLog();
      return success;
    },
  };
}

