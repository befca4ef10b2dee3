/** Valid values of header fields by their names, out of the model: how a row of the table becomes a request without anything being written for it. */
import type { Field, RequestName } from '../../src/codec/requests.js';
import type { Draft } from './draft.js';
import type { Value } from './steps.js';

/** Fields that the table has as optional and without which Apache fails on null, or does nothing (`offsets.clone-all-topics`). */
const needed: Readonly<Partial<Record<RequestName, readonly string[]>>> = { QUERY_SUBSCRIPTION_BY_CONSUMER: ['topic'], CLONE_GROUP_OFFSET: ['topic'], GET_LITE_TOPIC_INFO: ['parentTopic'], GET_LITE_CLIENT_INFO: ['parentTopic'] };

export const isNeeded = (request: RequestName, name: string): boolean => needed[request]?.includes(name) ?? false;

/** A value, or undefined: the field is left out. */
export function fieldValue(request: RequestName, name: string, field: Field, draft: Draft): Value | undefined {
  const { random } = draft;
  const topic = draft.topics[0] === undefined ? undefined : draft.topic();
  switch (name) {
    case 'topic': case 'parentTopic': return random.once(25) ? '~TNone' : topic?.name ?? '~TNone';
    case 'consumerGroup': case 'group': case 'srcGroup': case 'compareGroup': case 'groupName': case 'producerGroup':
      return random.once(25) ? '~GNone' : draft.groups[0] === undefined ? '~G0' : draft.group();
    case 'destGroup': return random.pick(['~G0', '~G1', '~GClone']);
    // Apache deletes what groups that are named here have committed (`offsets.query-correction`).
    case 'filterGroups': return random.pick(['', '~GNone', '~GNone,~GNobody']);
    case 'queueId': return random.once(20) ? 7 : topic === undefined ? 0 : draft.queue(topic);
    case 'queueOffset': case 'commitOffset': case 'index': case 'offset': return random.below(8);
    case 'maxMsgNums': case 'maxNum': case 'count': case 'maxCount': case 'topK': return random.pick([1, 2, 3, 8, 32]);
    case 'maxMsgBytes': return random.pick([1, 300, 1000, 100_000]);
    case 'timestamp': return random.pick([0, 1, -1]);
    case 'beginTimestamp': return random.once(8) ? { ref: 'clock', of: '', plus: 3_000_000 } : 0;
    case 'endTimestamp': return random.once(8) ? 1 : { ref: 'clock', of: '', plus: 3_600_000 };
    case 'liteTopic': return request.startsWith('GET_LITE') ? '~lite' : undefined;
    case 'key': return random.pick(['k0', 'k1', 'k2', 'k3', 'kNone']);
    case 'indexType': return random.pick(['K', 'U', 'T']);
    case 'boundaryType': return random.pick(['lower', 'upper']);
    case 'expressionType': return 'TAG';
    case 'subscription': return random.pick(['*', 'TagA', 'TagB', 'TagA || TagB', 'TagA||TagC', 'TagZ']);
    case 'subVersion': case 'suspendTimeoutMillis': return 0;
    case 'clientID': case 'clientId': return `~C${random.pick(['a', 'b'])}`;
    case 'clientAddr': return random.pick(['', '~Ca']);
    case 'statsName': return random.pick(['TOPIC_PUT_NUMS', 'TOPIC_PUT_SIZE', 'NONE_OF_THESE']);
    case 'statsKey': return topic?.name ?? '~TNone';
    case 'bname': return random.once(3) ? 'broker-a' : undefined;
    case 'namespace': return request.includes('KV') ? '~N' : undefined;
    case 'value': return random.pick(['v', '', 'a;b:4', 'ü']);
    case 'brokerName': return 'broker-a';
    case 'cluster': case 'clusterName': return random.once(4) ? 'NoSuchCluster' : 'DefaultCluster';
    default:
  }
  // Of what has no meaning here: the namespace fields, the static topic's mark, proxies' and lite topics' fields.
  if (field.as === 'bool' && !['namespaced', 'oneway', 'logical'].includes(name)) return random.once(2);
  return undefined;
}
