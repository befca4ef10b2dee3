/**
 * Transactions of one broker, composed: END_TRANSACTION, op messages, checks, counts, and RESUME_CHECK_HALF_MESSAGE. The way in, a send with TRAN_MSG=true, is
 * broker/send.ts.
 */
import { propertyNames } from '../../codec/properties.js';
import { responseCodes } from '../../codec/responses.js';
import { decodeOffsetMessageId } from '../../compat/message-id.js';
import type { Handler, Reply } from '../../remoting/types.js';
import { PutForm } from '../broker/put-form.js';
import type { PutParts } from '../broker/put-place.js';
import { transHalfTopic } from '../broker/topic-names.js';
import { TransactionCheck } from './check.js';
import { CheckSender } from './check-sender.js';
import type { TransactionCounts } from './counts.js';
import { createEndTransaction } from './end-transaction.js';
import { fillAgain, readStored } from './half-message.js';
import { OpMessages } from './op-messages.js';
import { putAndWait } from './put.js';

export interface Transactions {
  readonly handlers: {
    readonly END_TRANSACTION: Handler<'END_TRANSACTION'>;
    readonly RESUME_CHECK_HALF_MESSAGE: Handler<'RESUME_CHECK_HALF_MESSAGE'>;
  };
  readonly ops: OpMessages;
  readonly check: TransactionCheck;
  readonly sender: CheckSender;
  start(): void;
  /** Ends a run at work and stores the decisions that wait. */
  stop(): Promise<void>;
}

/** @param fileReservedHours `fileReservedTime`, asked anew at each run */
export function createTransactions(put: PutParts, counts: TransactionCounts, fileReservedHours: () => number): Transactions {
  const { ctx } = put;
  const ops = new OpMessages(put);
  const sender = new CheckSender(ctx, (phyOffset) => put.form.msgId(phyOffset));
  const check = new TransactionCheck({ put, ops, sender, counts, fileReservedHours });
  return {
    handlers: {
      END_TRANSACTION: createEndTransaction(put, ops, counts),
      RESUME_CHECK_HALF_MESSAGE: createResume(put),
    },
    ops, check, sender,
    start() {
      counts.start();
      check.start();
    },
    async stop() {
      await check.stop();
      await ops.stop();
      await counts.stop();
    },
  };
}

/** A half that was given up goes back to the half topic with no checks counted (`AdminBrokerProcessor#resumeCheckHalfMessage`). */
function createResume(put: PutParts): Handler<'RESUME_CHECK_HALF_MESSAGE'> {
  const { ctx } = put;
  const failed = (what: string): Reply => ({ code: responseCodes.SYSTEM_ERROR, remark: what });
  return async (_call, { msgId }) => {
    const id = msgId === undefined ? undefined : decodeOffsetMessageId(msgId);
    const record = id?.ok === true ? await ctx.store.record(id.phyOffset) : undefined;
    const half = record === undefined ? undefined : readStored(record);
    if (half === undefined) return failed('Exception was thrown when putting message back to RMQ_SYS_TRANS_HALF_TOPIC.');
    if (half.real === undefined) return failed(`the message names no place: ${propertyNames.REAL_TOPIC} and ${propertyNames.REAL_QUEUE_ID} are needed`);
    // A form of its own: another request may come while this one waits.
    const form = new PutForm(ctx);
    fillAgain(ctx, form, { ...half, queueId: 0 }, transHalfTopic, new Map(half.properties).set(propertyNames.TRANSACTION_CHECK_TIMES, '0'));
    return (await putAndWait(put, form)) === undefined ? failed('Put message back to RMQ_SYS_TRANS_HALF_TOPIC failed.') : { code: responseCodes.SUCCESS };
  };
}
