/**
 * Clients that come, stay and leave: Telemetry's settings, Heartbeat, NotifyClientTermination (`ClientActivity`, `GrpcClientSettingsManager`).
 * To the brokers a producer is a producer of each of its topics (the topic's name is the group), a consumer a consumer of its group.
 */
import { clientType, grpcCode, language, namesOf, type HeartbeatRequest, type HeartbeatResponse, type NotifyClientTerminationRequest, type NotifyClientTerminationResponse } from '../../codec/grpc-messages.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import { responseCodes } from '../../codec/responses.js';
import { isMap, intOf, listOf, longValue, textOf } from '../../codec/json-members.js';
import type { GroupView } from './brokers.js';
import { bindTopicOf, clientQuotaOf } from '../lite/metadata.js';
import type { ProxyClient, SettingsValue } from './clients.js';
import { checkedTopic, type ProxyCall, type ProxyParts } from './context.js';
import { subscriptionOf } from './filter.js';
import { checkBindTopic, demandGroup } from './lite.js';
import { GrpcRefusal, statusOk, statusOfReply } from './status.js';
import { timeOf } from './time.js';
import { checkGroup, proxyLimits } from './validate.js';

/** `LanguageCode`: what `x-mq-language` may say of a client that registers. */
const languages: ReadonlySet<string> = new Set(['JAVA', 'CPP', 'DOTNET', 'PYTHON', 'DELPHI', 'ERLANG', 'RUBY', 'OTHER', 'HTTP', 'GO', 'PHP', 'OMS', 'RUST', 'NODE_JS']);

const typeNames = namesOf(clientType);

/** `ProxyConfig#grpcClientProducer...`. */
const producerBackoff = { maxAttempts: 3, exponentialBackoff: { initial: timeOf(10), max: timeOf(1000), multiplier: 2 } } as const;

/** `CustomizedRetryPolicy#next`, in seconds. */
const retrySteps = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200] as const;

/** `ExponentialRetryPolicy`. */
const exponentialDefault = { initialMs: 5000, maxMs: 7_200_000, multiplier: 2 } as const;

function backoffOf(policy: unknown): Partly<NonNullable<SettingsValue['backoffPolicy']>> {
  const map = isMap(policy) ? policy : undefined;
  if (map !== undefined && textOf(map, 'type') === 'EXPONENTIAL') {
    const own = map.get('exponentialRetryPolicy');
    const read = (name: 'initial' | 'max', or: number): number => (isMap(own) ? Number(longValue(own.get(name)) ?? or) : or);
    return {
      exponentialBackoff: {
        initial: timeOf(read('initial', exponentialDefault.initialMs)), max: timeOf(read('max', exponentialDefault.maxMs)),
        multiplier: isMap(own) ? intOf(own, 'multiplier', exponentialDefault.multiplier) : exponentialDefault.multiplier,
      },
    };
  }
  const own = map?.get('customizedRetryPolicy');
  const steps = isMap(own) ? listOf(own, 'next').map((step) => Number(longValue(step) ?? 0)) : [];
  return { customizedBackoff: { next: (steps.length > 0 ? steps : retrySteps.map((seconds) => seconds * 1000)).map(timeOf) } };
}

/** The settings a client is given: its own, and what the endpoint and its group want (`GrpcClientSettingsManager#getClientSettings`). */
function mergedSettings(settings: SettingsValue, group: GroupView | undefined): SettingsValue {
  const metric = { on: false, endpoints: undefined };
  if (settings.publishing !== undefined) {
    return {
      ...settings, metric, backoffPolicy: { customizedBackoff: undefined, ...producerBackoff },
      publishing: { ...settings.publishing, validateMessageType: true, maxBodySize: proxyLimits.bodyBytesMax },
    };
  }
  if (settings.subscription === undefined || group === undefined) return { ...settings, metric };
  return {
    ...settings, metric,
    backoffPolicy: { exponentialBackoff: undefined, customizedBackoff: undefined, ...(backoffOf(group.groupRetryPolicy) as object), maxAttempts: group.retryMaxTimes + 1 },
    subscription: {
      ...settings.subscription, fifo: group.consumeMessageOrderly, receiveBatchSize: proxyLimits.receiveMax, longPollingTimeout: timeOf(proxyLimits.pollMsMax),
      liteSubscriptionQuota: clientQuotaOf(group), maxLiteTopicSize: proxyLimits.liteTopicBytesMax,
    },
  };
}

/** The group of a consumer, which must suit its kind; undefined of a producer (`ClientProcessor#registerConsumer`). @throws GrpcRefusal */
async function suitingGroup(parts: ProxyParts, { clientType: type, subscription }: SettingsValue): Promise<GroupView | undefined> {
  if (subscription === undefined) return undefined;
  const name = subscription.group?.name ?? '';
  const group = await demandGroup(parts, name);
  const lite = type === clientType.LITE_PUSH_CONSUMER;
  const bound = (bindTopicOf(group) ?? '') !== '';
  if (lite && !bound) throw new GrpcRefusal(grpcCode.ILLEGAL_CONSUMER_GROUP, `regular group cannot use LITE mode: ${name}`);
  if (!lite && bound) throw new GrpcRefusal(grpcCode.ILLEGAL_CONSUMER_GROUP, `lite group must use LITE mode: ${name}`);
  const [first] = subscription.subscriptions;
  if (lite && first !== undefined) checkBindTopic(name, group, first.topic?.name ?? '');
  return group;
}

/** Tells the broker of the client: again with each heartbeat. */
async function register(parts: ProxyParts, client: ProxyClient, settings: SettingsValue, from: string): Promise<void> {
  const producers = (settings.publishing?.topics ?? []).map((topic) => topic.name);
  const { subscription } = settings;
  const consumerDataSet = subscription === undefined ? [] : [{
    groupName: subscription.group?.name ?? '', consumeType: settings.clientType === clientType.SIMPLE_CONSUMER ? 'CONSUME_ACTIVELY' : 'CONSUME_PASSIVELY',
    messageModel: settings.clientType === clientType.LITE_PUSH_CONSUMER ? 'LITE_SELECTIVE' : 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET', unitMode: false,
    subscriptionDataSet: subscription.subscriptions.map((entry) => subscriptionOf(entry.topic?.name ?? '', entry.expression, parts.clock.nowMs())),
  }];
  if (producers.length + consumerDataSet.length === 0) return;
  const reply = await parts.brokers.register(client.peer, { clientID: client.id, producers, consumerDataSet }, from);
  if (reply.code !== responseCodes.SUCCESS) {
    const { code, message } = statusOfReply(reply);
    throw new GrpcRefusal(code, message);
  }
}

/**
 * A client's settings: checked, kept, registered; answers those it is given. A GrpcRefusal is an error of the client's, any other Error means that
 * nothing can be made of what it said (the stream ends with INTERNAL).
 */
export async function takeSettings(parts: ProxyParts, call: ProxyCall, settings: SettingsValue): Promise<SettingsValue> {
  const { publishing, subscription } = settings;
  const type = settings.clientType ?? clientType.CLIENT_TYPE_UNSPECIFIED;
  if (publishing !== undefined) for (const topic of publishing.topics) checkedTopic(parts, topic);
  if (publishing !== undefined && !typeNames.has(type)) throw new Error('Can\'t get the number of an unknown enum value.');
  if (subscription !== undefined) {
    checkGroup(subscription.group?.name ?? '');
    for (const entry of subscription.subscriptions) subscriptionOf(entry.topic?.name ?? '', entry.expression, 0);
    if (type !== clientType.PUSH_CONSUMER && type !== clientType.SIMPLE_CONSUMER && type !== clientType.LITE_PUSH_CONSUMER) {
      throw new Error(`Client type is not consumer, type: ${typeNames.get(type) ?? 'UNRECOGNIZED'}`);
    }
  }
  if (!languages.has(call.language)) throw new Error(`No enum constant org.apache.rocketmq.remoting.protocol.LanguageCode.${call.language}`);
  const group = await suitingGroup(parts, settings);
  const client = parts.clients.open(call.clientId, call.call.peer);
  const first = client.settings === undefined;
  client.settings = settings;
  client.opened(call.call);
  await register(parts, client, settings, call.language);
  await settled(parts, settings, first);
  return mergedSettings(settings, group);
}

/**
 * rocketmq-client-nodejs waits for its first settings only after it has fetched the routes of all its topics, and sends its own after the first: an answer
 * that comes between is lost to it, and it hangs. Its first answer is held back so long; no other client waits.
 */
const nodeSettleMs = 150;

/** Resolves when the client may be answered. */
export function settled(parts: ProxyParts, settings: SettingsValue, first: boolean): Promise<void> {
  const topics = (settings.publishing?.topics.length ?? 0) + (settings.subscription?.subscriptions.length ?? 0);
  if (!first || topics < 2 || settings.userAgent?.language !== language.NODE_JS) return Promise.resolve();
  return new Promise((resolve) => parts.clock.setTimeout(resolve, nodeSettleMs));
}

const unknownClient = { status: { code: grpcCode.UNRECOGNIZED_CLIENT_TYPE, message: 'cannot find client settings for this client' } } as const;

export async function heartbeat(parts: ProxyParts, { client, language: from }: ProxyCall, request: Value<typeof HeartbeatRequest>): Promise<Partly<Value<typeof HeartbeatResponse>>> {
  if (client?.settings === undefined) return unknownClient;
  if (client.settings.clientType !== clientType.PRODUCER && !client.isConsumer) {
    return { status: { code: grpcCode.UNRECOGNIZED_CLIENT_TYPE, message: String(client.settings.clientType) } };
  }
  if (client.isConsumer) checkGroup(request.group?.name ?? '');
  await suitingGroup(parts, client.settings);
  await register(parts, client, client.settings, from);
  return { status: statusOk };
}

export async function notifyClientTermination(parts: ProxyParts, { client }: ProxyCall, request: Value<typeof NotifyClientTerminationRequest>): Promise<Partly<Value<typeof NotifyClientTerminationResponse>>> {
  if (client?.settings === undefined) return unknownClient;
  if (client.isConsumer) checkGroup(request.group?.name ?? '');
  parts.clients.close(client.id);
  return Promise.resolve({ status: statusOk });
}
