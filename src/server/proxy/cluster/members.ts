/** Who is in a consumer group (`ConsumerConnection`): the remoting clients that a broker names, and the gRPC clients of this process. */
import { consumerConnection, type SubscriptionData } from '../../../codec/bodies.js';
import { responseCodes } from '../../../codec/responses.js';
import type { Reply } from '../../../remoting/types.js';
import type { ConsumerGroup } from '../../broker/types.js';

type Members = Parameters<typeof consumerConnection.encode>[0];

/** @param there what a broker answered; anything but SUCCESS means that it knows none. */
export function memberConnections(here: ConsumerGroup, there: Reply | undefined): Reply {
  const own = Array.from(here.clients.values(), ({ clientId, connection, language, version }) => ({ clientId, clientAddr: connection.remoteAddress, language, version }));
  const body = there?.code === responseCodes.SUCCESS && Buffer.isBuffer(there.body) ? there.body : undefined;
  const theirs = body === undefined ? undefined : consumerConnection.decode(body);
  const subscriptions = new Map<string, SubscriptionData>([...here.subscriptions].map(([topic, { tagsSet, codeSet, ...subscription }]) => [topic, {
    ...subscription, tagsSet: [...tagsSet], codeSet: [...codeSet],
  }]));
  const members = {
    connectionSet: [...(theirs?.connectionSet ?? []), ...own],
    consumeFromWhere: theirs?.consumeFromWhere ?? here.consumeFromWhere,
    consumeType: theirs?.consumeType ?? here.consumeType,
    messageModel: theirs?.messageModel ?? here.messageModel,
    subscriptionTable: new Map([...subscriptions, ...(theirs?.subscriptionTable ?? [])]),
  } as Members;
  return { code: responseCodes.SUCCESS, body: consumerConnection.encode(members) };
}
