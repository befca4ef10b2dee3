/**
 * Transactions over gRPC (`EndTransactionActivity`, `ClusterTransactionService`): where each half message lies, which EndTransaction does not say;
 * learned from the answer to the send, or from the broker's check.
 */
import { grpcCode, transactionResolution, transactionSource, type EndTransactionRequest, type EndTransactionResponse } from '../../codec/grpc-messages.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import { responseCodes } from '../../codec/responses.js';
import { messageSysFlag } from '../../codec/sys-flag.js';
import { decodeOffsetMessageId } from '../../compat/message-id.js';
import { checkedTopic, type ProxyCall, type ProxyParts } from './context.js';
import { GrpcRefusal, statusOfReply, statusOk } from './status.js';

export interface HalfMessage {
  readonly broker: string;
  readonly topic: string;
  readonly messageId: string;
  readonly transactionId: string;
  /** Offset message id of the half message: its commit log offset. */
  readonly offsetMessageId: string;
  /** tranStateTableOffset. */
  readonly queueOffset: number;
}

export interface Place {
  /** Undefined = the only one. */
  readonly broker: string | undefined;
  readonly commitLogOffset: bigint;
  readonly queueOffset: bigint;
}

/** Half messages remembered: the oldest is forgotten beyond, and the broker's check brings it back. */
const halfMessagesMax = 100_000;

export class TransactionTable {
  private readonly places = new Map<string, Place>();

  get size(): number {
    return this.places.size;
  }

  add(half: HalfMessage): void {
    const id = decodeOffsetMessageId(half.offsetMessageId);
    if (id.ok) this.put(half.topic, half.transactionId, { broker: half.broker, commitLogOffset: BigInt(id.phyOffset), queueOffset: BigInt(half.queueOffset) });
  }

  put(topic: string, transactionId: string, place: Place): void {
    const key = `${topic}\n${transactionId}`;
    this.places.delete(key);
    this.places.set(key, place);
    if (this.places.size <= halfMessagesMax) return;
    const [oldest] = this.places.keys();
    if (oldest !== undefined) this.places.delete(oldest);
  }

  /** The place of a half message that is being ended; forgotten with that. */
  take(topic: string, transactionId: string): Place | undefined {
    const key = `${topic}\n${transactionId}`;
    const place = this.places.get(key);
    this.places.delete(key);
    return place;
  }
}

export async function endTransaction(
  parts: ProxyParts, table: TransactionTable, call: ProxyCall, request: Value<typeof EndTransactionRequest>,
): Promise<Partly<Value<typeof EndTransactionResponse>>> {
  const topic = checkedTopic(parts, request.topic);
  if (request.transactionId.trim() === '') throw new GrpcRefusal(grpcCode.INVALID_TRANSACTION_ID, 'transaction id cannot be empty');
  const place = table.take(topic, request.transactionId);
  if (place === undefined) throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, 'cannot found transaction data');
  const commitOrRollback = request.resolution === transactionResolution.COMMIT ? messageSysFlag.TRANSACTION_COMMIT
    : request.resolution === transactionResolution.ROLLBACK ? messageSysFlag.TRANSACTION_ROLLBACK : 0;
  const reply = await parts.ask('END_TRANSACTION', call.peer, {
    topic, producerGroup: topic, tranStateTableOffset: place.queueOffset, commitLogOffset: place.commitLogOffset, commitOrRollback,
    fromTransactionCheck: request.source === transactionSource.SOURCE_SERVER_CHECK, msgId: request.messageId, transactionId: request.transactionId,
    // The broker answers nothing to one that leaves it open.
  }, { broker: place.broker, language: call.language, oneway: commitOrRollback === 0 });
  return { status: reply.code === responseCodes.SUCCESS ? statusOk : statusOfReply(reply) };
}
