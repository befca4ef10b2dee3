/**
 * Static topics: requests name a logic queue, and are rewritten to the queue of a broker before the usual handlers see them; what these answer is
 * rewritten back. A queue that lies on another broker is asked for there. Topics without a mapping pass through.
 */
import { topicQueueMappingDetail } from '../../codec/bodies.js';
import type { Command } from '../../codec/command.js';
import { Refusal } from '../../codec/errors.js';
import type { RequestName } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import type { ResponseCode } from '../../codec/responses.js';
import { pullSysFlag } from '../../codec/sys-flag.js';
import type { Ctx, Handler, Handlers, Reply } from '../../remoting/types.js';
import type { BrokerContext } from '../broker/types.js';
import { isEndDecided, itemAfter, itemAt, logicEnd, logicOffsetLoosely, logicOffsetStrictly, physicalOffset } from './mapping.js';
import type { MappingDetail, MappingItem } from './mapping.js';
import type { MappingTable } from './mapping-table.js';
import type { BrokerPeers } from './peers.js';

export interface StaticParts {
  readonly ctx: BrokerContext;
  readonly table: MappingTable;
  readonly peers: BrokerPeers;
}

/** The fields by which a request names a queue. */
interface QueueHeader {
  readonly topic: string;
  readonly queueId?: number | undefined;
  readonly logical?: boolean | undefined;
}

/** A logic queue that this broker leads. */
interface Led {
  readonly detail: MappingDetail;
  readonly globalId: number;
  readonly items: readonly MappingItem[];
  readonly leader: MappingItem;
}

type Wrapped = 'SEND_MESSAGE' | 'SEND_MESSAGE_V2' | 'SEND_BATCH_MESSAGE' | 'PULL_MESSAGE' | 'LITE_PULL_MESSAGE' | 'SEARCH_OFFSET_BY_TIMESTAMP' | 'GET_MAX_OFFSET'
  | 'GET_MIN_OFFSET' | 'GET_EARLIEST_MSG_STORETIME' | 'UPDATE_CONSUMER_OFFSET' | 'QUERY_CONSUMER_OFFSET';

/** An answer of another broker, as ours. */
function passOn(answer: Command): Reply {
  return { code: answer.code as ResponseCode, remark: answer.remark, ext: Object.fromEntries(answer.ext), body: answer.body.length > 0 ? answer.body : undefined };
}

/** The number an answer carries under a name, from its header or its fields. */
function numberOf(reply: Reply, name: string): number {
  const value = (reply.header as Readonly<Record<string, unknown>> | undefined)?.[name] ?? reply.ext?.[name];
  return value === undefined ? 0 : Number(value);
}

/** The same answer with other numbers. */
function withNumbers(reply: Reply, code: ResponseCode, numbers: Readonly<Record<string, number>>): Reply {
  if (reply.header !== undefined) return { ...reply, code, header: { ...reply.header, ...numbers } };
  return { ...reply, code, ext: { ...reply.ext, ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)])) } };
}

export function createStaticTopics(parts: StaticParts, inner: Pick<Handlers, Wrapped>): Pick<Handlers, Wrapped> {
  const { ctx, table, peers } = parts;
  const ownName = (): string => ctx.config.brokerName;

  /** Undefined: not a static topic, or a request that another broker passed on. `why` is the remark of a refusal, behind topic and queue. */
  function ledBy(header: QueueHeader, why: (broker: string) => string, selectOne = false): Led | undefined {
    if (header.logical === false || table.size === 0) return undefined;
    const detail = table.get(header.topic);
    if (detail === undefined) return undefined;
    let globalId = header.queueId ?? -1;
    if (globalId < 0 && selectOne) globalId = detail.hostedQueues.keys().next().value ?? -1;
    const items = detail.hostedQueues.get(globalId) ?? [];
    const leader = items.at(-1);
    if (leader === undefined || leader.bname !== detail.bname) {
      throw new Refusal(responseCodes.NOT_LEADER_FOR_QUEUE, `${header.topic}-${globalId} ${why(ownName())}`);
    }
    return { detail, globalId, items, leader };
  }
  const notHere = (broker: string): string => `does not exit in request process of current broker ${broker}`;

  function isOwn(item: MappingItem): boolean {
    return item.bname === ownName();
  }

  /** Runs the usual handler, and has its answer, now or later, rewritten. */
  function rewritten<H, R extends Reply>(handler: (call: Ctx, header: H, body: Buffer) => R | undefined | Promise<R | undefined>, call: Ctx, header: H, body: Buffer, rewrite: (reply: Reply) => Reply): R | undefined | Promise<R | undefined> {
    const own: Ctx = {
      connection: call.connection, command: call.command, receivedMs: call.receivedMs,
      reply: (reply) => call.reply(rewrite(reply)),
    };
    const answer = handler(own, header, body);
    if (answer === undefined) return undefined;
    if (answer instanceof Promise) return answer.then((reply) => (reply === undefined ? undefined : (rewrite(reply) as R)));
    return rewrite(answer) as R;
  }

  /** `SendMessageProcessor#rewriteResponseForStaticTopic`. */
  const send = <H extends QueueHeader, R extends Reply>(handler: (call: Ctx, header: H, body: Buffer) => R | undefined | Promise<R | undefined>): typeof handler => (call, header, body) => {
    const led = ledBy(header, notHere, true);
    if (led === undefined) return handler(call, header, body);
    return rewritten(handler, call, { ...header, queueId: led.leader.queueId }, body, (reply) =>
      (reply.header === undefined ? reply : withNumbers(reply, reply.code, { queueId: led.globalId, queueOffset: logicOffsetLoosely(led.leader, numberOf(reply, 'queueOffset')) })));
  };

  const pull = (handler: Handler<'PULL_MESSAGE'>): Handler<'PULL_MESSAGE'> => (call, header, body) => {
    const led = ledBy(header, (broker) => `cannot find mapping item in request process of current broker ${broker}`);
    if (led === undefined) return handler(call, header, body);
    const item = itemAt(led.items, Number(header.queueOffset));
    if (item === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, `${header.topic}-${led.globalId} has no item with a logic offset`);
    const offset = physicalOffset(item, Number(header.queueOffset));
    const maxMsgNums = isEndDecided(item) ? Math.min(item.endOffset - item.startOffset, header.maxMsgNums) : header.maxMsgNums;
    const rewrite = (reply: Reply): Reply => rewritePull(led, item, offset, reply);
    if (isOwn(item)) return rewritten(handler, call, { ...header, queueId: item.queueId, queueOffset: BigInt(offset), maxMsgNums }, body, rewrite);
    const sysFlag = header.sysFlag & ~(pullSysFlag.SUSPEND | pullSysFlag.COMMIT_OFFSET);
    return peers.call('PULL_MESSAGE', item.bname ?? '', { ...Object.fromEntries(call.command.ext), queueId: String(item.queueId), queueOffset: String(offset), maxMsgNums: String(maxMsgNums), sysFlag: String(sysFlag) })
      .then((answer) => rewrite(passOn(answer)) as Reply<'PULL_MESSAGE'>);
  };

  /** Sends a question to the broker of an item. */
  const ask = (call: Ctx, name: RequestName, item: MappingItem, change: Readonly<Record<string, string>> = {}): Promise<Command> =>
    peers.call(name, item.bname ?? '', { ...Object.fromEntries(call.command.ext), queueId: String(item.queueId), ...change });

  const need = (answer: Command): Command => {
    if (answer.code !== responseCodes.SUCCESS) throw new Refusal(responseCodes.SYSTEM_ERROR, answer.remark ?? `code ${answer.code}`);
    return answer;
  };
  const offsetReply = (offset: number): Reply => ({ code: responseCodes.SUCCESS, header: { offset } });

  return {
    SEND_MESSAGE: send(inner.SEND_MESSAGE),
    SEND_MESSAGE_V2: send(inner.SEND_MESSAGE_V2),
    SEND_BATCH_MESSAGE: send(inner.SEND_BATCH_MESSAGE),
    PULL_MESSAGE: pull(inner.PULL_MESSAGE),
    LITE_PULL_MESSAGE: pull(inner.LITE_PULL_MESSAGE),

    async SEARCH_OFFSET_BY_TIMESTAMP(call, header, body) {
      const led = ledBy(header, notHere);
      if (led === undefined) return inner.SEARCH_OFFSET_BY_TIMESTAMP(call, header, body);
      let offset = -1;
      for (const item of led.items) {
        if (item.logicOffset < 0) continue;
        if (isOwn(item)) {
          offset = numberOf((await inner.SEARCH_OFFSET_BY_TIMESTAMP(call, { ...header, queueId: item.queueId }, body)) as Reply, 'offset');
          if (offset <= 0) continue;
          offset = logicOffsetStrictly(item, offset);
          break;
        }
        const found = Number(need(await ask(call, 'SEARCH_OFFSET_BY_TIMESTAMP', item)).ext.get('offset') ?? '-1');
        if (found < 0 || (isEndDecided(item) && found >= item.endOffset)) continue;
        offset = logicOffsetStrictly(item, found);
      }
      return offsetReply(offset);
    },

    async GET_MAX_OFFSET(call, header, body) {
      const led = ledBy(header, notHere);
      if (led === undefined) return inner.GET_MAX_OFFSET(call, header, body);
      const item = itemAt(led.items, Number.MAX_SAFE_INTEGER);
      if (item === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, 'null');
      // Apache asks the item's broker for the leader's queue (`rewriteRequestForStaticTopic`).
      const max = isOwn(item) ? numberOf((await inner.GET_MAX_OFFSET(call, { ...header, queueId: item.queueId }, body)) as Reply, 'offset')
        : Number(need(await ask(call, 'GET_MAX_OFFSET', item)).ext.get('offset') ?? '0');
      return offsetReply(logicOffsetStrictly(item, max));
    },

    async GET_MIN_OFFSET(call, header, body) {
      const led = ledBy(header, (broker) => `is not leader in broker ${broker}, request code ${call.command.code}`);
      if (led === undefined) return inner.GET_MIN_OFFSET(call, header, body);
      const item = itemAt(led.items, 0);
      if (item === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, 'null');
      const min = isOwn(item) ? numberOf((await inner.GET_MIN_OFFSET(call, { ...header, queueId: item.queueId }, body)) as Reply, 'offset')
        : Number(need(await ask(call, 'GET_MIN_OFFSET', item)).ext.get('offset') ?? '0');
      return { ...offsetReply(logicOffsetLoosely(item, min)), remark: '' };
    },

    async GET_EARLIEST_MSG_STORETIME(call, header, body) {
      const led = ledBy(header, notHere);
      if (led === undefined) return inner.GET_EARLIEST_MSG_STORETIME(call, header, body);
      const item = itemAt(led.items, 0);
      if (item === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, 'null');
      if (isOwn(item)) return inner.GET_EARLIEST_MSG_STORETIME(call, { ...header, queueId: item.queueId }, body);
      return passOn(need(await ask(call, 'GET_EARLIEST_MSG_STORETIME', item)));
    },

    async UPDATE_CONSUMER_OFFSET(call, header, body) {
      const led = ledBy(header, notHere);
      const item = led === undefined ? undefined : itemAt(led.items, Number(header.commitOffset ?? 0n));
      if (led === undefined || item === undefined) return inner.UPDATE_CONSUMER_OFFSET(call, header, body);
      const commitOffset = physicalOffset(item, Number(header.commitOffset ?? 0n));
      if (isOwn(item)) return inner.UPDATE_CONSUMER_OFFSET(call, { ...header, queueId: item.queueId, commitOffset: BigInt(commitOffset) }, body);
      return passOn(await ask(call, 'UPDATE_CONSUMER_OFFSET', item, { commitOffset: String(commitOffset) }));
    },

    async QUERY_CONSUMER_OFFSET(call, header, body) {
      const led = ledBy(header, notHere);
      if (led === undefined) return inner.QUERY_CONSUMER_OFFSET(call, header, body);
      const single = led.items.length === 1 && led.leader.logicOffset === 0;
      if (single) return inner.QUERY_CONSUMER_OFFSET(call, { ...header, queueId: led.leader.queueId }, body);
      // The newest queue first, then those before it.
      for (const item of [...led.items].reverse()) {
        if (isOwn(item)) {
          const offset = ctx.offsets.query(header.consumerGroup, header.topic, item.queueId);
          if (offset >= 0) return offsetReply(logicOffsetStrictly(item, offset));
          continue;
        }
        const answer = await ask(call, 'QUERY_CONSUMER_OFFSET', item, { setZeroIfNotFound: 'false' });
        if (answer.code === responseCodes.SUCCESS) return offsetReply(logicOffsetStrictly(item, Number(answer.ext.get('offset') ?? '0')));
        if (answer.code !== responseCodes.QUERY_NOT_FOUND) throw new Refusal(responseCodes.SYSTEM_ERROR, `Unknown response code ${answer.code}`);
      }
      return { code: responseCodes.QUERY_NOT_FOUND, remark: 'Not found, maybe this group consumer boot first' };
    },
  };
}

/** `PullMessageProcessor#rewriteResponseForStaticTopic`; `requested` is an offset of the item's queue, as are the numbers of the answer. */
export function rewritePull(led: Pick<Led, 'detail' | 'globalId' | 'items' | 'leader'>, item: MappingItem, requested: number, reply: Reply): Reply {
  if (reply.header === undefined && reply.ext?.['nextBeginOffset'] === undefined) return reply;
  let current = item;
  let code: ResponseCode = reply.code;
  let next = numberOf(reply, 'nextBeginOffset');
  let min = numberOf(reply, 'minOffset');
  let max = numberOf(reply, 'maxOffset');
  const earliest = itemAt(led.items, 0) ?? item;
  /** Behind the end of an item the next one begins. */
  const moveOn = (): void => {
    const after = itemAfter(led.items, current);
    if (after === undefined) {
      code = responseCodes.PULL_NOT_FOUND;
      return;
    }
    current = after;
    next = min = max = after.startOffset;
    code = responseCodes.PULL_RETRY_IMMEDIATELY;
  };
  if (reply.code !== responseCodes.SUCCESS) {
    let moved = false;
    if (led.leader.gen === current.gen) {
      if (requested > max) {
        if (reply.code === responseCodes.PULL_OFFSET_MOVED) next = max;
      } else if (requested < min) {
        next = min;
        code = responseCodes.PULL_RETRY_IMMEDIATELY;
      }
    }
    if (earliest.gen === current.gen) {
      if (requested < min) {
        next = min;
        code = responseCodes.PULL_OFFSET_MOVED;
      } else if (requested >= max) {
        moveOn();
        moved = current !== item;
      } else code = reply.code;
    }
    if (!moved && led.leader.gen !== current.gen && earliest.gen !== current.gen) {
      if (requested < min) {
        next = min;
        code = responseCodes.PULL_RETRY_IMMEDIATELY;
      } else if (requested >= max) moveOn();
      else code = reply.code;
    }
  }
  if (isEndDecided(current) && next >= current.endOffset) next = current.endOffset;
  const last = led.items.at(-1);
  return withNumbers(reply, code, {
    nextBeginOffset: logicOffsetStrictly(current, next),
    minOffset: logicOffsetStrictly(current, Math.max(current.startOffset, min)),
    maxOffset: Math.max(logicOffsetStrictly(current, max), last === undefined ? -1 : logicEnd(last)),
    offsetDelta: current.logicOffset - current.startOffset,
  });
}

/** Reads the body of UPDATE_AND_CREATE_STATIC_TOPIC. */
export function readMapping(body: Buffer): MappingDetail {
  return topicQueueMappingDetail.decode(body);
}
