/** Connected clients: lists of them, and requests that the broker passes on to one of them (`Broker2Client`). */
import { isMap, mapOf } from '../../codec/json-members.js';
import { readJson } from '../../compat/fastjson.js';
import type { JsonOut } from '../../compat/fastjson.js';
import { decodeOffsetMessageId } from '../../compat/message-id.js';
import { versionName, versions } from '../../compat/versions.js';
import { Refusal } from '../../codec/errors.js';
import { requests } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import type { ResponseCode } from '../../codec/responses.js';
import type { Handlers, Reply } from '../../remoting/types.js';
import { jsonReply, noRemark } from './admin.js';
import type { AdminParts } from './admin.js';
import { isBlank, shown } from './topic-names.js';
import type { ClientChannel } from './types.js';

/** Milliseconds a client may take (`Broker2Client#callClient`, `#getConsumeStatus`). */
const callTimeoutMs = 10_000;
const statusTimeoutMs = 5_000;

type ConnectionHandlers = Pick<Handlers,
  | 'GET_CONSUMER_CONNECTION_LIST' | 'GET_PRODUCER_CONNECTION_LIST' | 'GET_ALL_PRODUCER_INFO' | 'GET_CONSUMER_RUNNING_INFO'
  | 'CONSUME_MESSAGE_DIRECTLY' | 'INVOKE_BROKER_TO_GET_CONSUMER_STATUS'>;

function connectionBean(client: ClientChannel): JsonOut {
  return { clientAddr: client.connection.remoteAddress, clientId: client.clientId, language: client.language, version: client.version };
}

export function createConnectionHandlers(parts: AdminParts): ConnectionHandlers {
  const { ctx, consumers, producers, topics, groups } = parts;

  /** `AdminBrokerProcessor#callConsumer`. */
  const relay = async (code: number, group: string, clientId: string, ext: ReadonlyMap<string, string>, body: Buffer): Promise<Reply> => {
    const client = consumers.findClient(group, clientId);
    const who = `<${shown(group)}> <${shown(clientId)}>`;
    if (client === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, `The Consumer ${who} not online`);
    if (client.version < versions.V3_1_8_SNAPSHOT) {
      throw new Refusal(responseCodes.SYSTEM_ERROR,
        `The Consumer <${shown(clientId)}> Version <${versionName(client.version) ?? client.version}> too low to finish, please upgrade it to V3_1_8_SNAPSHOT`);
    }
    try {
      const answer = await client.connection.call({ code, ext: Object.fromEntries(ext), body }, callTimeoutMs);
      return { code: answer.code as ResponseCode, remark: answer.remark, ext: Object.fromEntries(answer.ext), body: Buffer.from(answer.body) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why.startsWith('no answer')) throw new Refusal(responseCodes.CONSUME_MSG_TIMEOUT, `consumer ${who} Timeout: ${why}`);
      throw new Refusal(responseCodes.SYSTEM_ERROR, `invoke consumer ${who} Exception: ${why}`);
    }
  };

  return {
    GET_CONSUMER_CONNECTION_LIST(_request, header) {
      const group = consumers.get(header.consumerGroup);
      if (group === undefined) {
        throw new Refusal(responseCodes.CONSUMER_NOT_ONLINE, `the consumer group[${shown(header.consumerGroup)}] not online`);
      }
      return jsonReply({
        connectionSet: Array.from(group.clients.values(), connectionBean),
        consumeFromWhere: group.consumeFromWhere,
        consumeType: group.consumeType,
        messageModel: group.messageModel,
        subscriptionTable: new Map<string, JsonOut>([...group.subscriptions].map(([topic, subscription]) => [topic, { ...subscription }])),
      });
    },

    GET_PRODUCER_CONNECTION_LIST(_request, header) {
      const clients = producers.get(header.producerGroup);
      if (clients === undefined) {
        throw new Refusal(responseCodes.SYSTEM_ERROR, `the producer group[${shown(header.producerGroup)}] not exist`);
      }
      return jsonReply({ connectionSet: Array.from(clients.values(), connectionBean) });
    },

    GET_ALL_PRODUCER_INFO() {
      const data = new Map<string, JsonOut>();
      for (const [group, clients] of producers.all()) {
        data.set(group, Array.from(clients.values(), (client) => ({
          clientId: client.clientId,
          language: client.language,
          lastUpdateTimestamp: client.lastUpdateMs,
          // `InetSocketAddress#toString` of an address without a name.
          remoteIP: `/${client.connection.remoteAddress}`,
          version: client.version,
        })));
      }
      return jsonReply({ data });
    },

    GET_CONSUMER_RUNNING_INFO(request, header, body) {
      return relay(requests.GET_CONSUMER_RUNNING_INFO.code, header.consumerGroup, header.clientId, request.command.ext, body);
    },

    async CONSUME_MESSAGE_DIRECTLY(request, header) {
      const { consumerGroup, clientId = '', msgId = '', topic } = header;
      const ext = new Map(request.command.ext);
      ext.set('brokerName', ctx.config.brokerName);
      const topicSysFlag = isBlank(topic) ? undefined : topics.get(topic ?? '')?.config.topicSysFlag;
      if (topicSysFlag !== undefined) ext.set('topicSysFlag', String(topicSysFlag));
      const group = groups.get(consumerGroup);
      if (group !== undefined) ext.set('groupSysFlag', String(group.groupSysFlag));
      const id = decodeOffsetMessageId(msgId);
      if (!id.ok) throw new Refusal(responseCodes.SYSTEM_ERROR, `msgId ${shown(msgId)}: ${id.reason}`);
      const record = await ctx.store.record(id.phyOffset);
      if (record === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, `message ${msgId} is not in this broker`);
      return relay(requests.CONSUME_MESSAGE_DIRECTLY.code, consumerGroup, clientId, ext, record);
    },

    async INVOKE_BROKER_TO_GET_CONSUMER_STATUS(_request, header) {
      const { topic, group, clientAddr } = header;
      const clients = [...(consumers.get(group)?.clients.values() ?? [])];
      if (clients.length === 0) {
        throw new Refusal(responseCodes.SYSTEM_ERROR, `No Any Consumer online in the consumer group: [${shown(group)}]`);
      }
      const consumerTable = new Map<string, JsonOut>();
      for (const client of clients) {
        if (client.version < versions.V3_0_7_SNAPSHOT) {
          throw new Refusal(responseCodes.SYSTEM_ERROR,
            `the client does not support this feature. version=${versionName(client.version) ?? client.version}`);
        }
        if (!isBlank(clientAddr) && clientAddr !== client.clientId) continue;
        try {
          const answer = await client.connection.call(
            { code: requests.GET_CONSUMER_STATUS_FROM_CLIENT.code, ext: { topic, group } }, statusTimeoutMs);
          if (answer.code !== responseCodes.SUCCESS || answer.body.length === 0) continue;
          const status = readJson(answer.body);
          if (isMap(status)) consumerTable.set(client.clientId, mapOf(status, 'messageQueueTable'));
        } catch (error) {
          ctx.log.warn({ group, clientId: client.clientId, why: String(error) }, 'client did not tell its consume status');
        }
      }
      return { ...jsonReply({ consumerTable, messageQueueTable: {} }), remark: noRemark };
    },
  };
}
