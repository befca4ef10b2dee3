/**
 * The remoting port (`RemotingProtocolServer` and its activities): routes that name this process in place of every broker, and requests that go on to the
 * broker they name (`bname`). Requests that name none go to all brokers (heartbeats), or to one that may answer for all.
 */
import { encodeTopicRouteData, getConsumerListByGroupResponseBody, lockBatchRequestBody, unlockBatchRequestBody } from '../../../codec/bodies.js';
import { commandFlag } from '../../../codec/command.js';
import { Fault, Refusal } from '../../../codec/errors.js';
import { parseProperties } from '../../../codec/properties.js';
import { messageSysFlag } from '../../../codec/sys-flag.js';
import type { HeaderOf, RequestName } from '../../../codec/requests.js';
import { responseCodes } from '../../../codec/responses.js';
import type { Clock, Connection, Ctx, Handler, Handlers, LaneLimits, Lanes, Reply } from '../../../remoting/types.js';
import { readHeartbeat } from '../../broker/heartbeat.js';
import { dlqPrefix, retryPrefix, shown } from '../../broker/topic-names.js';
import { BrokerAway } from '../brokers.js';
import { checkType, messageTypeOf } from '../send.js';
import { GrpcRefusal } from '../status.js';
import type { ClusterBrokers } from './cluster-brokers.js';
import { memberConnections } from './members.js';
import { passedOn, Session, type SessionParts } from './sessions.js';

/** `Duration.ofSeconds(3)` of the activities; pulls and pops have what they may be held for and 10 s more. */
const answerMs = 3000;
const heldAnswerMs = 10_000;
/** Longest that a request asks to be held for. */
const holdMsMax = 600_000;

export interface RemotingPortOptions extends SessionParts {
  readonly brokers: ClusterBrokers;
  readonly clock: Clock;
  /** `HOST:PORT` at which a client that reached us on this address finds us again. */
  readonly accessAddress: (localHost: string) => string;
  readonly checkTypes: boolean;
  /** Shown in place of the brokers' own (`regionId`, `traceOn`); undefined = theirs. */
  readonly regionId: string | undefined;
  readonly traceOn: boolean | undefined;
}

/** Requests wait for brokers, not for this process. */
const limits: LaneLimits = { capacity: 100_000, concurrency: 100_000, waitMsMax: 0 };
export const proxyLanes: Lanes = {
  send: limits, pull: limits, litePull: limits, ack: limits, client: limits, heartbeat: limits, consumer: limits, admin: limits, endTransaction: limits, route: limits,
};

/** Where requests of these names say which broker they are for. */
type NamesBroker = Extract<RequestName,
  | 'SEND_MESSAGE' | 'SEND_MESSAGE_V2' | 'SEND_BATCH_MESSAGE' | 'CONSUMER_SEND_MSG_BACK' | 'PULL_MESSAGE' | 'LITE_PULL_MESSAGE' | 'POP_MESSAGE' | 'ACK_MESSAGE'
  | 'CHANGE_MESSAGE_INVISIBLETIME' | 'UPDATE_CONSUMER_OFFSET' | 'QUERY_CONSUMER_OFFSET' | 'SEARCH_OFFSET_BY_TIMESTAMP' | 'GET_MAX_OFFSET' | 'GET_MIN_OFFSET'
  | 'RECALL_MESSAGE' | 'END_TRANSACTION'>;

export type ProxyHandlers = Pick<Handlers, NamesBroker
  | 'LOCK_BATCH_MQ' | 'UNLOCK_BATCH_MQ' | 'HEART_BEAT' | 'UNREGISTER_CLIENT' | 'CHECK_CLIENT_CONFIG' | 'GET_CONSUMER_LIST_BY_GROUP' | 'GET_CONSUMER_CONNECTION_LIST'
  | 'GET_ROUTEINFO_BY_TOPIC'>;

/** The short headers have the broker's name under one of their own. */
type SendHeader = Pick<HeaderOf<'SEND_MESSAGE'>, 'topic' | 'defaultTopic' | 'sysFlag' | 'properties' | 'bname'> & { readonly brokerName?: string | undefined };

export class RemotingPort {
  readonly handlers: ProxyHandlers;
  readonly #options: RemotingPortOptions;
  readonly #sessions = new Map<Connection, Session>();

  constructor(options: RemotingPortOptions) {
    this.#options = options;
    const plain = <N extends NamesBroker>(): Handler<N> => (ctx, header) => this.#relay(ctx, (header as { bname?: string }).bname, (header as { topic?: string }).topic);
    const held = <N extends NamesBroker>(holdMs: (header: HeaderOf<N>) => bigint): Handler<N> => (ctx, header) => this.#relay(ctx, (header as { bname?: string }).bname, (header as { topic?: string }).topic,
      Math.min(holdMsMax, Math.max(0, Number(holdMs(header)))) + heldAnswerMs);
    this.handlers = {
      SEND_MESSAGE: (ctx, header) => this.#send(ctx, header), SEND_MESSAGE_V2: (ctx, header) => this.#send(ctx, header),
      SEND_BATCH_MESSAGE: (ctx, header) => this.#send(ctx, header),
      CONSUMER_SEND_MSG_BACK: (ctx, header) => this.#relay(ctx, header.bname, header.originTopic),
      PULL_MESSAGE: held(({ suspendTimeoutMillis }) => suspendTimeoutMillis), LITE_PULL_MESSAGE: held(({ suspendTimeoutMillis }) => suspendTimeoutMillis),
      POP_MESSAGE: held(({ pollTime }) => pollTime),
      ACK_MESSAGE: plain(), CHANGE_MESSAGE_INVISIBLETIME: plain(), UPDATE_CONSUMER_OFFSET: plain(), QUERY_CONSUMER_OFFSET: plain(), SEARCH_OFFSET_BY_TIMESTAMP: plain(),
      GET_MAX_OFFSET: plain(), GET_MIN_OFFSET: plain(),
      RECALL_MESSAGE: (ctx, header) => this.#recall(ctx, header),
      END_TRANSACTION: (ctx, header) => this.#endTransaction(ctx, header),
      LOCK_BATCH_MQ: (ctx, _header, body) => this.#lock(ctx, lockBatchRequestBody.decode(body).mqSet, body),
      UNLOCK_BATCH_MQ: (ctx, _header, body) => this.#lock(ctx, unlockBatchRequestBody.decode(body).mqSet, body),
      HEART_BEAT: (ctx, _header, body) => this.#heartbeat(ctx, body),
      UNREGISTER_CLIENT: (ctx) => this.#toAll(ctx),
      CHECK_CLIENT_CONFIG: (ctx) => this.#toAny(ctx),
      GET_CONSUMER_LIST_BY_GROUP: (ctx, header) => this.#members(ctx, header.consumerGroup),
      GET_CONSUMER_CONNECTION_LIST: (ctx, header) => this.#connections(ctx, header.consumerGroup),
      GET_ROUTEINFO_BY_TOPIC: (ctx, header) => this.#route(ctx, header),
    };
  }

  /** Clients of the port. */
  get size(): number {
    return this.#sessions.size;
  }

  #session(connection: Connection): Session {
    let session = this.#sessions.get(connection);
    if (session === undefined) {
      session = new Session(connection, this.#options);
      this.#sessions.set(connection, session);
      connection.onClose(() => this.#sessions.delete(connection));
    }
    return session;
  }

  /** Passes a request on to the broker it names; one that names none goes to the only broker of its topic, or is refused as Apache's proxy refuses it. */
  async #relay(ctx: Ctx, named: string | undefined, topic: string | undefined, timeoutMs = answerMs): Promise<Reply | undefined> {
    const broker = named ?? (topic === undefined ? undefined : await this.#onlyBroker(topic));
    if (broker === undefined) return { code: responseCodes.VERSION_NOT_SUPPORTED, remark: "Request doesn't have field bname" };
    return this.#pass(ctx, broker, timeoutMs);
  }

  async #pass(ctx: Ctx, broker: string, timeoutMs: number): Promise<Reply | undefined> {
    const session = this.#session(ctx.connection);
    try {
      if ((ctx.command.flag & commandFlag.oneway) !== 0) {
        await session.send(broker, passedOn(ctx.command));
        return undefined;
      }
      return this.#shown(await session.relay(broker, passedOn(ctx.command), timeoutMs));
    } catch (error) {
      return refusalOf(error);
    }
  }

  #shown(reply: Reply): Reply {
    const { regionId, traceOn } = this.#options;
    if (regionId === undefined && traceOn === undefined) return reply;
    return { ...reply, ext: { ...reply.ext, ...(regionId === undefined ? {} : { MSG_REGION: regionId }), ...(traceOn === undefined ? {} : { TRACE_ON: String(traceOn) }) } };
  }

  /** Old clients do not name the broker: where a topic lies on one alone there is nothing to choose. */
  async #onlyBroker(topic: string): Promise<string | undefined> {
    const queues = await this.#options.brokers.queuesOf(topic).catch(() => undefined);
    return queues?.length === 1 ? queues[0]?.brokerName : undefined;
  }

  /** The same for a send, which makes a topic that is not there where its default topic lies. */
  async #onlyBrokerForSend({ topic, defaultTopic }: SendHeader): Promise<string | undefined> {
    const queues = await this.#options.brokers.queuesOf(topic).catch(() => null);
    return this.#onlyBroker(queues === undefined ? defaultTopic : topic);
  }

  async #send(ctx: Ctx, header: SendHeader): Promise<Reply | undefined> {
    const { topic, sysFlag } = header;
    const properties = parseProperties(header.properties ?? '');
    const own = topic.startsWith(retryPrefix) || topic.startsWith(dlqPrefix);
    if (this.#options.checkTypes && !own && !properties.has('TRANSFER_FLAG')) {
      const refusal = await this.#checkType(topic, properties);
      if (refusal !== undefined) return refusal;
    }
    const broker = header.brokerName ?? header.bname ?? (await this.#onlyBrokerForSend(header));
    const reply = await this.#relay(ctx, broker, undefined);
    if ((sysFlag & messageSysFlag.TRANSACTION_PREPARED) !== 0 && broker !== undefined) this.#session(ctx.connection).keepHalf(reply?.ext?.['transactionId'], broker);
    return reply;
  }

  /** The refusal of a message that is not of its topic's type (`SendMessageActivity#sendMessage`). */
  async #checkType(topic: string, properties: ReadonlyMap<string, string>): Promise<Reply | undefined> {
    try {
      checkType(await this.#options.brokers.topicType(topic), messageTypeOf(properties));
      return undefined;
    } catch (error) {
      return refusalOf(error);
    }
  }

  async #recall(ctx: Ctx, header: HeaderOf<'RECALL_MESSAGE'>): Promise<Reply | undefined> {
    if (this.#options.checkTypes) {
      const refusal = await this.#checkType(header.topic ?? '', new Map([['TIMER_DELIVER_MS', '']]));
      if (refusal !== undefined) return refusal;
    }
    return this.#relay(ctx, header.bname, header.topic);
  }

  async #endTransaction(ctx: Ctx, header: HeaderOf<'END_TRANSACTION'>): Promise<Reply | undefined> {
    const broker = header.bname ?? this.#session(ctx.connection).brokerOfHalf(header.transactionId);
    const decided = header.commitOrRollback === messageSysFlag.TRANSACTION_COMMIT || header.commitOrRollback === messageSysFlag.TRANSACTION_ROLLBACK;
    if (decided || broker === undefined) return this.#relay(ctx, broker, header.topic);
    // The broker answers nothing to one that leaves it open.
    try {
      await this.#session(ctx.connection).send(broker, passedOn(ctx.command));
      return { code: responseCodes.SUCCESS };
    } catch (error) {
      return refusalOf(error);
    }
  }

  async #lock(ctx: Ctx, queues: readonly { readonly brokerName: string }[], body: Buffer): Promise<Reply | undefined> {
    const [first] = queues;
    if (first === undefined) return { code: responseCodes.SUCCESS, remark: 'MessageQueue set is empty', body };
    return this.#pass(ctx, first.brokerName, answerMs);
  }

  async #heartbeat(ctx: Ctx, body: Buffer): Promise<Reply | undefined> {
    if (!readHeartbeat(body).withoutSub) this.#session(ctx.connection).keepHeartbeat({ ...passedOn(ctx.command), body });
    return this.#toAll(ctx);
  }

  /** Passes a request on to every broker; the answer is a refusal when one refuses, else what all say. */
  async #toAll(ctx: Ctx): Promise<Reply | undefined> {
    const session = this.#session(ctx.connection);
    let away: unknown = new BrokerAway('the name servers know no broker');
    let answers: (Reply | undefined)[];
    try {
      const brokers = await this.#options.directory.brokers();
      answers = await Promise.all(brokers.map(({ brokerName }) => session.relay(brokerName, passedOn(ctx.command), answerMs).catch((error: unknown) => {
        away = error;
        return undefined;
      })));
    } catch (error) {
      return refusalOf(error);
    }
    const given = answers.filter((answer) => answer !== undefined);
    const refused = given.find(({ code }) => code !== responseCodes.SUCCESS);
    const [first] = given;
    if (first === undefined) return refusalOf(away);
    if (refused !== undefined) return refused;
    const changed = given.some(({ ext }) => ext?.['IS_SUB_CHANGE'] === 'true');
    return this.#shown(changed ? { ...first, ext: { ...first.ext, IS_SUB_CHANGE: 'true' } } : first);
  }

  async #toAny(ctx: Ctx): Promise<Reply | undefined> {
    try {
      return await this.#pass(ctx, await this.#options.links.any(), answerMs);
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** The members of a group: those of the remoting clients, which every broker knows, and those of gRPC. */
  async #members(ctx: Ctx, group: string): Promise<Reply | undefined> {
    const here = this.#options.brokers.consumers.clientIds(group);
    const reply = await this.#toAny(ctx);
    if (here.length === 0) return reply;
    const there = reply?.code === responseCodes.SUCCESS && reply.body !== undefined ? getConsumerListByGroupResponseBody.decode(bytesOf(reply)).consumerIdList : [];
    return { code: responseCodes.SUCCESS, body: getConsumerListByGroupResponseBody.encode({ consumerIdList: [...new Set([...there, ...here])] }) };
  }

  async #connections(ctx: Ctx, group: string): Promise<Reply | undefined> {
    const reply = await this.#toAny(ctx);
    const here = this.#options.brokers.consumers.get(group);
    return here === undefined ? reply : memberConnections(here, reply);
  }

  /** The route of a topic with this process in place of every broker (`GetTopicRouteActivity`). */
  async #route(ctx: Ctx, header: HeaderOf<'GET_ROUTEINFO_BY_TOPIC'>): Promise<Reply> {
    const topic = header.topic ?? 'null';
    let route;
    try {
      route = await this.#options.directory.route(topic);
    } catch (error) {
      return refusalOf(error);
    }
    if (route === undefined) return { code: responseCodes.TOPIC_NOT_EXIST, remark: `No topic route info in name server for the topic: ${shown(topic)}` };
    const here = this.#options.accessAddress(ctx.connection.localHost);
    const brokerDatas = route.brokerDatas.map((data) => ({ ...data, brokerAddrs: new Map([...data.brokerAddrs.keys()].map((id) => [id, here])) }));
    return this.#shown({ code: responseCodes.SUCCESS, body: encodeTopicRouteData({ ...route, brokerDatas, filterServerTable: new Map() }, ctx.command.version, header.acceptStandardJsonOnly === true) });
  }
}

function bytesOf({ body }: Reply): Buffer {
  return body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.concat(body);
}

/** What is answered in place of a broker (`AbstractRemotingActivity#writeErrResponse`). Throws what is no refusal. */
function refusalOf(error: unknown): Reply {
  if (error instanceof GrpcRefusal) return { code: responseCodes.MESSAGE_ILLEGAL, remark: error.message };
  if (error instanceof Refusal) return { code: error.code, remark: error.message };
  if (error instanceof Fault) return { code: responseCodes.SYSTEM_ERROR, remark: error.message };
  throw error;
}
