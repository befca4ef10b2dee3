/** LOCK_BATCH_MQ and UNLOCK_BATCH_MQ over locks.ts. */
import { intOf, isMap, listOf, textOf } from '../../codec/json-members.js';
import { writeJson } from '../../compat/fastjson.js';
import type { JsonMap } from '../../compat/fastjson.js';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Handlers } from '../../remoting/types.js';
import { readBody } from './heartbeat.js';
import { brokerLimits, clientNameFault, demand, demandRoom } from './limits.js';
import type { LockedQueue, QueueLockTable } from './locks.js';

interface LockRequest {
  readonly group: string | undefined;
  readonly clientId: string;
  readonly queues: readonly LockedQueue[];
}

function readLockRequest(body: Buffer, what: string): LockRequest {
  demandRoom(`bytes of the ${what}`, body.length, brokerLimits.clientBodyBytesMax);
  const root: JsonMap = readBody(body, what);
  demandRoom('queues in mqSet', listOf(root, 'mqSet').length, brokerLimits.queuesOfLockMax);
  const queues: LockedQueue[] = [];
  for (const bean of listOf(root, 'mqSet')) {
    if (!isMap(bean)) continue;
    queues.push({ brokerName: textOf(bean, 'brokerName') ?? '', queueId: intOf(bean, 'queueId', 0), topic: textOf(bean, 'topic') ?? '' });
  }
  return { group: textOf(root, 'consumerGroup'), clientId: textOf(root, 'clientId') ?? '', queues };
}

export function createLockHandlers(locks: QueueLockTable): Pick<Handlers, 'LOCK_BATCH_MQ' | 'UNLOCK_BATCH_MQ'> {
  return {
    LOCK_BATCH_MQ(_request, _header, body) {
      const { group, clientId, queues } = readLockRequest(body, 'LockBatchRequestBody');
      demand(clientNameFault('consumerGroup', group ?? '') ?? clientNameFault('clientId', clientId));
      for (const queue of queues) demand(clientNameFault('topic of mqSet', queue.topic) ?? clientNameFault('brokerName of mqSet', queue.brokerName));
      demandRoom('queue locks of this broker', locks.size + queues.length, brokerLimits.locksMax);
      const granted = locks.lock(group ?? '', queues, clientId).map((queue) => ({ ...queue }));
      return { code: responseCodes.SUCCESS, body: Buffer.from(writeJson({ lockOKMQSet: granted })) };
    },

    UNLOCK_BATCH_MQ(_request, _header, body) {
      const { group, clientId, queues } = readLockRequest(body, 'UnlockBatchRequestBody');
      if (group === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, 'the body has no consumerGroup');
      locks.unlock(group, queues, clientId);
      return { code: responseCodes.SUCCESS };
    },
  };
}
