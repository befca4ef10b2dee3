/** LITE_SUBSCRIPTION_CTL (`LiteSubscriptionCtlProcessor`): clients, or proxies for them, say which lite topics they have. */
import { responseCodes } from '../../codec/responses.js';
import { isMap, listOf, longOf, textOf } from '../../codec/json-members.js';
import type { JsonMap } from '../../compat/fastjson.js';
import { liteQueueName } from '../../compat/light-queues.js';
import type { Connection, Handler } from '../../remoting/types.js';
import { isTopicName } from '../../store/names.js';
import { brokerLimits } from '../broker/limits.js';
import { isBlank, shown } from '../broker/topic-names.js';
import { jsonBody } from '../pop/request-modes.js';
import { refusal } from '../pop/parts.js';
import type { LiteParts } from './create.js';
import { LiteQuotaError, LiteStateError } from './subscriptions.js';
import type { OffsetOption } from './subscriptions.js';

const optionTypes: readonly string[] = ['POLICY', 'OFFSET', 'TAIL_N', 'TIMESTAMP'];

function optionOf(entry: JsonMap): OffsetOption | undefined {
  const bean = entry.get('offsetOption');
  if (!isMap(bean)) return undefined;
  const type = textOf(bean, 'type') ?? '';
  return optionTypes.includes(type) ? { type: type as OffsetOption['type'], value: longOf(bean, 'value', 0) } : undefined;
}

/** Names of the queues; throws for one that can be none. */
function queuesOf(entry: JsonMap, topic: string): string[] {
  const names = new Set<string>();
  for (const liteTopic of listOf(entry, 'liteTopicSet')) {
    if (typeof liteTopic !== 'string') continue;
    const name = liteQueueName(topic, liteTopic);
    if (name === undefined || !isTopicName(name)) throw new LiteStateError(`the lite topic ${JSON.stringify(shown(liteTopic))} cannot be the name of a queue`);
    names.add(name);
  }
  return [...names];
}

export function createLiteControl(parts: LiteParts): Handler<'LITE_SUBSCRIPTION_CTL'> {
  const { ctx, subscriptions, queues } = parts;

  async function apply(entry: JsonMap, connection: Connection): Promise<void> {
    const [clientId = '', group = '', topic = ''] = ['clientId', 'group', 'topic'].map((name) => textOf(entry, name));
    if (isBlank(clientId) || isBlank(group) || isBlank(topic)) {
      ctx.log.warn({ clientId: shown(clientId), group: shown(group), topic: shown(topic) }, 'a lite subscription without client, group or topic is passed over');
      return;
    }
    for (const name of [clientId, group, topic]) {
      if (name.length > brokerLimits.nameCharsMax) throw new LiteStateError(`a name has ${name.length} characters, at most ${brokerLimits.nameCharsMax} are allowed`);
    }
    const action = textOf(entry, 'action');
    const names = queuesOf(entry, topic);
    const connect = (): void => {
      if (ctx.groups.find(group)?.consumeEnable !== true) throw new LiteStateError('Consumer group is not allowed to consume.');
      subscriptions.connect(clientId, connection);
    };
    switch (action) {
      case 'PARTIAL_ADD': {
        const takes = await queues.takes(topic);
        connect();
        subscriptions.add(clientId, group, topic, names, takes, optionOf(entry));
        return;
      }
      case 'PARTIAL_REMOVE':
        subscriptions.remove(clientId, group, topic, names);
        return;
      case 'COMPLETE_ADD': {
        const takes = await queues.takes(topic);
        connect();
        subscriptions.replace(clientId, group, topic, names, takes);
        return;
      }
      case 'COMPLETE_REMOVE':
        subscriptions.removeClient(clientId);
        return;
      default:
        throw refusal(responseCodes.SYSTEM_ERROR, `LiteSubscriptionCtlRequestBody: action is ${JSON.stringify(shown(action ?? 'null'))}`);
    }
  }

  return async (call, _header, body) => {
    if (body.length === 0) return { code: responseCodes.ILLEGAL_OPERATION, remark: 'Request body is null.' };
    const entries = listOf(jsonBody('LiteSubscriptionCtlRequestBody', body), 'subscriptionSet').filter(isMap);
    if (entries.length === 0) return { code: responseCodes.ILLEGAL_OPERATION, remark: 'LiteSubscriptionCtlRequestBody is empty.' };
    try {
      for (const entry of entries) await apply(entry, call.connection);
    } catch (error) {
      if (error instanceof LiteQuotaError) {
        return { code: responseCodes.LITE_SUBSCRIPTION_QUOTA_EXCEEDED, remark: `org.apache.rocketmq.broker.lite.LiteQuotaException: ${error.message}` };
      }
      if (error instanceof LiteStateError) return { code: responseCodes.ILLEGAL_OPERATION, remark: `java.lang.IllegalStateException: ${error.message}` };
      throw error;
    }
    return { code: responseCodes.SUCCESS };
  };
}
