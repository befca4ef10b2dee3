/**
 * What clients tell the broker about themselves and ask about each other (`ClientManageProcessor`, `ConsumerManageProcessor`): heartbeats, leaving,
 * the members of a group, a check of their filter, and consume offsets.
 */
import { bigOf, boolOf, intOf, isMap, listOf, longValue, textOf } from '../../codec/json-members.js';
import { readJson, writeJson } from '../../compat/fastjson.js';
import type { JsonMap } from '../../compat/fastjson.js';
import { javaStringHash } from '../../compat/java-string-hash.js';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Connection, Ctx, Handlers } from '../../remoting/types.js';
import type { ConsumerData, ConsumerTable } from './consumers.js';
import type { ProducerTable } from './producers.js';
import { brokerLimits, clientNameFault, demand, demandRoom } from './limits.js';
import { isTagType } from './subscription.js';
import { groupNameFault, retryTopicOf, shown } from './topic-names.js';
import { permReadWrite, queueNumsMax } from './topics.js';
import type { BrokerContext, ClientChannel, ConsumeType, MessageModel, Subscription } from './types.js';

/** `TopicSysFlag#FLAG_UNIT_SUB`. */
const unitSubFlag = 2;

/** Reads a JSON body that must be an object; refuses with SYSTEM_ERROR what is none, as an exception of Apache's reader becomes. */
export function readBody(body: Buffer, what: string): JsonMap {
  let value: unknown;
  try {
    value = readJson(body);
  } catch (error) {
    throw new Refusal(responseCodes.SYSTEM_ERROR, `the body is no ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isMap(value)) throw new Refusal(responseCodes.SYSTEM_ERROR, `the body is no ${what}: not an object`);
  return value;
}

/** Reads a `SubscriptionData` bean; undefined when it names no topic. Tag hashes that a client left out are computed. */
export function readSubscription(bean: JsonMap): Subscription | undefined {
  const topic = textOf(bean, 'topic');
  if (topic === undefined) return undefined;
  const tagsSet = new Set<string>();
  for (const tag of listOf(bean, 'tagsSet')) if (typeof tag === 'string') tagsSet.add(tag);
  const codeSet = new Set<number>();
  for (const code of listOf(bean, 'codeSet')) {
    const value = longValue(code);
    if (value !== undefined) codeSet.add(value | 0);
  }
  if (codeSet.size === 0) for (const tag of tagsSet) codeSet.add(javaStringHash(tag));
  return {
    topic,
    expressionType: textOf(bean, 'expressionType') ?? 'TAG',
    subString: textOf(bean, 'subString') ?? '',
    tagsSet,
    codeSet,
    subVersion: bigOf(bean, 'subVersion') ?? 0n,
    classFilterMode: boolOf(bean, 'classFilterMode', false),
  };
}

const consumeTypes: readonly ConsumeType[] = ['CONSUME_ACTIVELY', 'CONSUME_PASSIVELY', 'CONSUME_POP'];
const messageModels: readonly MessageModel[] = ['BROADCASTING', 'CLUSTERING', 'LITE_SELECTIVE'];

interface ConsumerBeat extends ConsumerData {
  readonly subscriptions: readonly Subscription[];
  readonly unitMode: boolean;
}

interface Beat {
  readonly clientId: string;
  readonly fingerprint: number;
  readonly withoutSub: boolean;
  readonly producers: readonly string[];
  readonly consumers: readonly ConsumerBeat[];
}

/** Reads `HeartbeatData`. Groups without a name are left out. Refuses one that is larger or names more groups than any real client's. */
export function readHeartbeat(body: Buffer): Beat {
  demandRoom('bytes of the heartbeat', body.length, brokerLimits.clientBodyBytesMax);
  const root = readBody(body, 'HeartbeatData');
  for (const set of ['consumerDataSet', 'producerDataSet']) demandRoom(`groups in ${set}`, listOf(root, set).length, brokerLimits.groupsOfConnectionMax);
  const consumers: ConsumerBeat[] = [];
  for (const bean of listOf(root, 'consumerDataSet')) {
    const group = isMap(bean) ? textOf(bean, 'groupName') : undefined;
    if (!isMap(bean) || group === undefined) continue;
    const consumeType = textOf(bean, 'consumeType');
    const messageModel = textOf(bean, 'messageModel');
    const subscriptions: Subscription[] = [];
    for (const sub of listOf(bean, 'subscriptionDataSet')) {
      const subscription = isMap(sub) ? readSubscription(sub) : undefined;
      if (subscription !== undefined) subscriptions.push(subscription);
    }
    consumers.push({
      group,
      consumeType: consumeTypes.find((type) => type === consumeType) ?? 'CONSUME_PASSIVELY',
      messageModel: messageModels.find((model) => model === messageModel) ?? 'CLUSTERING',
      consumeFromWhere: textOf(bean, 'consumeFromWhere') ?? 'CONSUME_FROM_LAST_OFFSET',
      subscriptions,
      unitMode: boolOf(bean, 'unitMode', false),
    });
  }
  const producers: string[] = [];
  for (const bean of listOf(root, 'producerDataSet')) {
    const group = isMap(bean) ? textOf(bean, 'groupName') : undefined;
    if (group !== undefined) producers.push(group);
  }
  return {
    clientId: textOf(root, 'clientID') ?? '',
    fingerprint: intOf(root, 'heartbeatFingerprint', 0),
    withoutSub: boolOf(root, 'withoutSub', false),
    producers,
    consumers,
  };
}

export interface ClientParts {
  readonly ctx: BrokerContext;
  readonly consumers: ConsumerTable;
  readonly producers: ProducerTable;
}

type ClientHandlers = Pick<Handlers,
  'HEART_BEAT' | 'UNREGISTER_CLIENT' | 'CHECK_CLIENT_CONFIG' | 'GET_CONSUMER_LIST_BY_GROUP' | 'QUERY_CONSUMER_OFFSET' | 'UPDATE_CONSUMER_OFFSET'>;

export function createClientHandlers(parts: ClientParts): ClientHandlers {
  const { ctx, consumers, producers } = parts;
  /** The fingerprint each group's last heartbeat had. */
  const fingerprints = new Map<string, number>();
  const watched = new WeakSet<Connection>();

  /** Has the registries forget the connection's clients when it closes. */
  const watch = (connection: Connection): void => {
    if (watched.has(connection)) return;
    watched.add(connection);
    connection.onClose(() => {
      producers.connectionClosed(connection);
      consumers.connectionClosed(connection);
    });
  };

  const clientOf = (request: Ctx, clientId: string): ClientChannel => ({
    clientId,
    connection: request.connection,
    language: request.command.language,
    version: request.command.version,
    lastUpdateMs: ctx.clock.nowMs(),
  });

  /** True when the group's client should send its subscriptions in full. */
  const beatOfGroup = (beat: Beat, data: ConsumerBeat, client: ClientChannel): boolean => {
    const config = ctx.groups.find(data.group);
    if (config === undefined) return false;
    const last = fingerprints.get(data.group);
    fingerprints.set(data.group, beat.fingerprint);
    const ordered = data.subscriptions.some((subscription) => ctx.topics.get(subscription.topic)?.config.order === true);
    ctx.topics.createOnSendBack(retryTopicOf(data.group), config.retryQueueNums, permReadWrite, data.unitMode ? unitSubFlag : 0, ordered);
    const withoutSub = beat.fingerprint !== 0 && beat.withoutSub;
    // Apache answers false to a group it does not know, which then stays without subscriptions until the client's next change.
    const unknown = withoutSub && consumers.get(data.group) === undefined;
    consumers.register({ ...data, subscriptions: withoutSub ? undefined : data.subscriptions }, client, config.notifyConsumerIdsChangedEnable);
    return unknown || (last !== undefined && last !== beat.fingerprint);
  };

  return {
    HEART_BEAT(request, _header, body) {
      const beat = readHeartbeat(body);
      const { connection } = request;
      let changed = beat.fingerprint === 0;
      if (connection.open) {
        watch(connection);
        if (beat.consumers.length + beat.producers.length > 0) demand(clientNameFault('clientID', beat.clientId));
        // What can be taken is taken; the first name that cannot be is answered. Apache passes over such groups silently.
        let refusal: Refusal | undefined;
        const attempt = (fault: string | undefined, take: () => void): void => {
          try {
            demand(fault);
            take();
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            refusal ??= error;
          }
        };
        for (const data of beat.consumers) {
          attempt(groupNameFault(data.group), () => {
            if (beatOfGroup(beat, data, clientOf(request, beat.clientId))) changed = true;
          });
        }
        for (const group of beat.producers) attempt(clientNameFault('producer group', group), () => producers.register(group, clientOf(request, beat.clientId)));
        if (refusal !== undefined) throw refusal;
      }
      return { code: responseCodes.SUCCESS, ext: { IS_SUPPORT_HEART_BEAT_V2: 'true', IS_SUB_CHANGE: String(changed) } };
    },

    UNREGISTER_CLIENT(request, header) {
      if (header.producerGroup !== undefined) producers.unregister(header.producerGroup, request.connection);
      if (header.consumerGroup !== undefined) {
        // Looked up as for a heartbeat: a group that is not there is made (`ClientManageProcessor#unregisterClient`).
        const notify = ctx.groups.find(header.consumerGroup)?.notifyConsumerIdsChangedEnable ?? true;
        consumers.unregister(header.consumerGroup, request.connection, notify);
      }
      return { code: responseCodes.SUCCESS };
    },

    CHECK_CLIENT_CONFIG(_request, _header, body) {
      if (body.length === 0) return { code: responseCodes.SUCCESS };
      const subscription = readBody(body, 'CheckClientRequestBody').get('subscriptionData');
      const type = isMap(subscription) ? textOf(subscription, 'expressionType') : undefined;
      if (!isMap(subscription) || type === undefined || isTagType(type)) return { code: responseCodes.SUCCESS };
      if (!ctx.config.enablePropertyFilter) {
        throw new Refusal(responseCodes.SYSTEM_ERROR, `The broker does not support consumer to filter message by ${type.slice(0, 128)}`);
      }
      const built = ctx.filters.build(textOf(subscription, 'topic') ?? '', '', textOf(subscription, 'subString') ?? '', type, 0n);
      if (typeof built === 'string') throw new Refusal(responseCodes.SUBSCRIPTION_PARSE_FAILED, built);
      return { code: responseCodes.SUCCESS };
    },

    GET_CONSUMER_LIST_BY_GROUP(_request, header) {
      const consumerIdList = consumers.clientIds(header.consumerGroup);
      if (consumerIdList.length === 0) {
        throw new Refusal(responseCodes.SYSTEM_ERROR, `no consumer for this group, ${shown(header.consumerGroup)}`);
      }
      return { code: responseCodes.SUCCESS, body: Buffer.from(writeJson({ consumerIdList })) };
    },

    async QUERY_CONSUMER_OFFSET(_request, header) {
      const { consumerGroup, topic, queueId } = header;
      const stored = ctx.offsets.query(consumerGroup, topic, queueId);
      if (stored >= 0) return { code: responseCodes.SUCCESS, header: { offset: stored } };
      if (header.setZeroIfNotFound === false) {
        throw new Refusal(responseCodes.QUERY_NOT_FOUND, 'Not found, do not set to zero, maybe this group boot first');
      }
      const queue = ctx.topics.get(topic) === undefined ? undefined : ctx.store.existingQueue(topic, queueId);
      if (queue !== undefined && queue.minOffset <= 0 && queue.maxOffset > 0) {
        const first = await ctx.store.get(queue, 0, 1, 1, undefined);
        if (first.status === 'FOUND' && !first.fallenBehind) return { code: responseCodes.SUCCESS, header: { offset: 0 } };
      }
      throw new Refusal(responseCodes.QUERY_NOT_FOUND, 'Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first');
    },

    UPDATE_CONSUMER_OFFSET(request, header) {
      const { consumerGroup, topic, queueId, commitOffset } = header;
      if (ctx.groups.get(consumerGroup) === undefined) {
        throw new Refusal(responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${shown(consumerGroup)} not exist!`);
      }
      if (ctx.topics.get(topic) === undefined) throw new Refusal(responseCodes.TOPIC_NOT_EXIST, `Topic ${shown(topic)} not exist!`);
      if (queueId === undefined) throw new Refusal(responseCodes.INVALID_PARAMETER, `QueueId is null, topic is ${topic}`);
      if (commitOffset === undefined) throw new Refusal(responseCodes.INVALID_PARAMETER, `Offset is null, topic is ${topic}`);
      if (queueId < 0 || queueId >= queueNumsMax) {
        throw new Refusal(responseCodes.INVALID_PARAMETER, `queueId is ${queueId}, allowed range [0, ${queueNumsMax - 1}], topic is ${topic}`);
      }
      const offset = Number(commitOffset);
      if (!Number.isSafeInteger(offset)) {
        throw new Refusal(responseCodes.INVALID_PARAMETER, `commitOffset is ${commitOffset}, allowed range [0, ${Number.MAX_SAFE_INTEGER}], topic is ${topic}`);
      }
      if (ctx.config.useServerSideResetOffset && ctx.offsets.pendingReset(consumerGroup, topic, queueId) !== undefined) {
        return { code: responseCodes.SUCCESS, remark: 'Offset has been previously reset' };
      }
      ctx.offsets.commit(consumerGroup, topic, queueId, offset, request.connection.remoteAddress);
      return { code: responseCodes.SUCCESS };
    },
  };
}
