/**
 * END_TRANSACTION: a producer's word on a half message (`EndTransactionProcessor`). A commit stores the message in its topic and is answered once that is
 * written; commit and rollback both leave the half's offset for an op message. A second word on the same half is not recognized: a half that is
 * committed twice is delivered twice, as in Apache.
 */
import { propertyNames } from '../../codec/properties.js';
import type { HeaderOf } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { messageSysFlag } from '../../codec/sys-flag.js';
import { parseJavaLong } from '../../compat/java-number.js';
import type { Ctx, Handler, Reply } from '../../remoting/types.js';
import type { PutStatus } from '../../store/types.js';
import { notAvailableText } from '../broker/acks.js';
import { noRemark } from '../broker/admin.js';
import { PutForm } from '../broker/put-form.js';
import type { PutParts } from '../broker/put-place.js';
import { illegalText } from '../broker/send-checks.js';
import type { TransactionCounts } from './counts.js';
import { fillCommitted, readHalf } from './half-message.js';
import type { Half } from './half-message.js';
import type { OpMessages } from './op-messages.js';

type EndHeader = HeaderOf<'END_TRANSACTION'>;

const onewayFlag = 2;

/** How a half that was found no reason to refuse is told from others. */
type Found = { readonly half: Half } | { readonly refusal: Reply };

const systemError = (remark: string): Reply => ({ code: responseCodes.SYSTEM_ERROR, remark });

/** How long a half with CHECK_IMMUNITY_TIME_IN_SECONDS may be ended without being asked, in ms (`TransactionalMessageUtil#getImmunityTime`). */
export function endImmunityMs(text: string, transactionTimeOutMs: number): number {
  const seconds = parseJavaLong(text);
  return Math.max(seconds === undefined ? 0 : Number(seconds) * 1000, transactionTimeOutMs);
}

/** What a put that did not succeed is answered (`EndTransactionProcessor#sendFinalMessage`). */
const putRefusals: { readonly [S in Exclude<PutStatus, 'PUT_OK'>]: (bodyBytesMax: number, remark: string) => Reply } = {
  CREATE_MAPPED_FILE_FAILED: () => systemError('Create mapped file failed.'),
  MESSAGE_ILLEGAL: (bodyBytesMax) => ({ code: responseCodes.MESSAGE_ILLEGAL, remark: illegalText(bodyBytesMax).replace('the', 'The') }),
  PROPERTIES_SIZE_EXCEEDED: (bodyBytesMax) => ({ code: responseCodes.MESSAGE_ILLEGAL, remark: illegalText(bodyBytesMax).replace('the', 'The') }),
  SERVICE_NOT_AVAILABLE: (_bodyBytesMax, remark) => ({ code: responseCodes.SERVICE_NOT_AVAILABLE, remark: `Service not available now. ${remark}`.trimEnd() }),
  OS_PAGE_CACHE_BUSY: () => systemError('OS page cache busy, please try another machine'),
  LMQ_CONSUME_QUEUE_NUM_EXCEEDED: () => systemError('UNKNOWN_ERROR DEFAULT'),
  UNKNOWN_ERROR: () => systemError('UNKNOWN_ERROR'),
};

export function createEndTransaction(parts: PutParts, ops: OpMessages, counts: TransactionCounts): Handler<'END_TRANSACTION'> {
  const { ctx, acks } = parts;
  const form = new PutForm(ctx);

  /** The half that the request names, when the request may end it; checks in Apache's order. */
  async function find(header: EndHeader): Promise<Found> {
    const record = header.commitLogOffset <= BigInt(Number.MAX_SAFE_INTEGER) ? await ctx.store.record(Number(header.commitLogOffset)) : undefined;
    const half = record === undefined ? undefined : readHalf(record);
    if (half === undefined) return { refusal: systemError('Find prepared transaction message failed') };
    const immunity = half.properties.get(propertyNames.CHECK_IMMUNITY_TIME_IN_SECONDS) ?? '';
    if (header.fromTransactionCheck !== true && immunity !== '' && ctx.clock.nowMs() - half.bornTimestamp > endImmunityMs(immunity, ctx.config.transactionTimeOut)) {
      return { refusal: { code: responseCodes.ILLEGAL_OPERATION, remark: noRemark } };
    }
    if (half.properties.get(propertyNames.PRODUCER_GROUP) !== header.producerGroup) return { refusal: systemError('The producer group wrong') };
    if (BigInt(half.queueOffset) !== header.tranStateTableOffset) return { refusal: systemError('The transaction state table offset wrong') };
    if (BigInt(half.phyOffset) !== header.commitLogOffset) return { refusal: systemError('The commit log offset wrong') };
    return { half };
  }

  function decided(half: Half): void {
    ops.add(half.queueId, half.queueOffset);
    if (half.real !== undefined) counts.add(half.real.topic, -1);
  }

  function commit(call: Ctx, half: Half): Reply | undefined {
    if (!fillCommitted(ctx, form, half)) return systemError(`the half message names no place: ${propertyNames.REAL_TOPIC} and ${propertyNames.REAL_QUEUE_ID} are needed`);
    const result = ctx.store.put(form.input);
    if (result.status !== 'PUT_OK') return putRefusals[result.status](ctx.config.maxMessageSize, result.remark);
    acks.settle(result.phyOffset, form.scan.waitStoreOk, (outcome, fault) => {
      // Stored is stored: a flush that takes long is no refusal.
      if (outcome !== 'FAULT') decided(half);
      if ((call.command.flag & onewayFlag) !== 0) return;
      call.reply(outcome === 'FAULT' ? { code: responseCodes.SERVICE_NOT_AVAILABLE, remark: notAvailableText(fault) } : { code: responseCodes.SUCCESS });
    });
    return undefined;
  }

  return async (call, header) => {
    const type = header.commitOrRollback;
    // Unknown, or nothing anybody knows: not answered.
    if (type !== messageSysFlag.TRANSACTION_COMMIT && type !== messageSysFlag.TRANSACTION_ROLLBACK) return undefined;
    const found = await find(header);
    if ('refusal' in found) return found.refusal;
    if (type === messageSysFlag.TRANSACTION_COMMIT) return commit(call, found.half);
    decided(found.half);
    return { code: responseCodes.SUCCESS, remark: noRemark };
  };
}
