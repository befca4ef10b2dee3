/**
 * Lite topics of gRPC clients (`ClientActivity#syncLiteSubscription`, `LiteSubscriptionService`): what they subscribe to, told in the client's name to every
 * broker of the parent topic. Each takes the lite topics that lie on it.
 */
import { clientType, grpcCode, liteSubscriptionAction, namesOf, type SyncLiteSubscriptionRequest, type SyncLiteSubscriptionResponse } from '../../codec/grpc-messages.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import { responseCodes } from '../../codec/responses.js';
import { writeJson } from '../../compat/fastjson.js';
import type { Reply } from '../../remoting/types.js';
import { bindTopicOf, clientQuotaOf } from '../lite/metadata.js';
import type { GroupView } from './brokers.js';
import type { ProxyClient } from './clients.js';
import { checkedTopic, knownTopic, readable, type ProxyCall, type ProxyParts } from './context.js';
import type { LocalPeer } from './peer.js';
import { GrpcRefusal, statusOfReply, statusOk } from './status.js';
import { checkGroup, checkLiteTopic } from './validate.js';

const actions = namesOf(liteSubscriptionAction);

/** Values of OFFSET_POLICY are the broker's: LAST 0, MIN 1, MAX 2. */
const policyMax = 2;

type Option = NonNullable<Value<typeof SyncLiteSubscriptionRequest>['offsetOption']>;

function optionOf(option: Option): { readonly type: string; readonly value: number } {
  if (option.policy !== undefined) {
    if (option.policy < 0 || option.policy > policyMax) throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, `unknown OffsetOption policy: ${option.policy}`);
    return { type: 'POLICY', value: option.policy };
  }
  if (option.offset !== undefined) return { type: 'OFFSET', value: Number(option.offset) };
  if (option.tailN !== undefined) return { type: 'TAIL_N', value: Number(option.tailN) };
  if (option.timestamp !== undefined) return { type: 'TIMESTAMP', value: Number(option.timestamp) };
  throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, 'Unknown OffsetOption type: OFFSETTYPE_NOT_SET');
}

/** What a client may name beyond its quota before it is refused (`ClientProcessor#validateLiteSubscriptionQuota`). */
const liteQuotaSlack = 300;

/** A group that a client says it is of. @throws GrpcRefusal ILLEGAL_CONSUMER_GROUP when there is none and none is made (`ClientProcessor#getGroupOrException`). */
export async function demandGroup(parts: ProxyParts, name: string): Promise<GroupView> {
  const group = await parts.brokers.group(name);
  if (group === undefined) throw new GrpcRefusal(grpcCode.ILLEGAL_CONSUMER_GROUP, `group not found: ${name}`);
  return group;
}

/** @throws GrpcRefusal ILLEGAL_TOPIC when the group has its lite topics under another topic (`ClientProcessor#validateLiteBindTopic`). */
export function checkBindTopic(name: string, group: GroupView, topic: string): void {
  const bound = bindTopicOf(group);
  if (bound !== topic) throw new GrpcRefusal(grpcCode.ILLEGAL_TOPIC, `lite group ${name} is expected to bind topic ${bound ?? 'null'}, but actual is ${topic}`);
}

export async function syncLiteSubscription(parts: ProxyParts, call: ProxyCall, request: Value<typeof SyncLiteSubscriptionRequest>): Promise<Partly<Value<typeof SyncLiteSubscriptionResponse>>> {
  const topic = checkedTopic(parts, request.topic);
  const group = request.group?.name ?? '';
  checkGroup(group);
  const action = actions.get(request.action);
  if (action === undefined) throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, 'unknown LiteSubscriptionAction: UNRECOGNIZED');
  const adding = request.action === liteSubscriptionAction.PARTIAL_ADD;
  if (adding) for (const liteTopic of request.liteTopicSet) checkLiteTopic(liteTopic);
  const offsetOption = adding && request.offsetOption !== undefined ? optionOf(request.offsetOption) : undefined;
  const liteTopics = [...new Set(request.liteTopicSet)];
  const config = await demandGroup(parts, group);
  checkBindTopic(group, config, topic);
  const quota = clientQuotaOf(config);
  if (liteTopics.length > Math.max(0, quota + liteQuotaSlack)) throw new GrpcRefusal(grpcCode.LITE_SUBSCRIPTION_QUOTA_EXCEEDED, `lite subscription quota exceeded: ${quota}`);
  const body = writeJson({ subscriptionSet: [{ action, clientId: call.clientId, group, liteTopicSet: liteTopics, offsetOption, topic, version: Number(request.version ?? 0) }] });
  const replies = await tellBrokers(parts, call.peer, topic, Buffer.from(body), { language: call.language });
  const refused = replies.find(({ code }) => code !== responseCodes.SUCCESS);
  return { status: refused === undefined ? statusOk : statusOfReply(refused) };
}

/** Tells every broker on which the topic can be read. Rejects when one gives no answer: the client says it again. */
async function tellBrokers(parts: ProxyParts, peer: LocalPeer, topic: string, body: Buffer, options: { readonly language?: string; readonly oneway?: boolean }): Promise<Reply[]> {
  const brokers = readable(await knownTopic(parts, topic));
  return Promise.all(brokers.map(({ brokerName }) => parts.ask('LITE_SUBSCRIPTION_CTL', peer, {}, { ...options, broker: brokerName, body })));
}

export function isLiteClient(client: ProxyClient | undefined): boolean {
  return client?.settings?.clientType === clientType.LITE_PUSH_CONSUMER;
}

/** The client, or its stream, is gone: its lite topics go to others (`GrpcClientSettingsManager#offlineClientLiteSubscription`). */
export function liteClientGone(parts: ProxyParts, client: ProxyClient): void {
  const subscription = client.settings?.subscription;
  if (!isLiteClient(client) || subscription === undefined) return;
  const topic = subscription.subscriptions[0]?.topic?.name ?? '';
  const body = Buffer.from(writeJson({ subscriptionSet: [{ action: 'COMPLETE_REMOVE', clientId: client.id, group: subscription.group?.name ?? '', topic }] }));
  tellBrokers(parts, client.peer, topic, body, { oneway: true })
    .catch((error: unknown) => parts.log.warn({ clientId: client.id, error: String(error) }, 'the lite topics of a client that left could not be given back'));
}
