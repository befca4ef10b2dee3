/** LOCK_BATCH_MQ and UNLOCK_BATCH_MQ over locks.ts. */
import type { JsonMap } from '../../compat/fastjson.js';
import { responseCodes } from '../../codec/responses.js';
import type { Handlers } from '../../remoting/types.js';
import { readBody } from './heartbeat.js';
import { compactJson, intOf, isMap, listOf, textOf } from './json-view.js';
import type { LockedQueue, QueueLockTable } from './locks.js';

interface LockRequest {
  readonly group: string;
  readonly clientId: string;
  readonly queues: readonly LockedQueue[];
}

function readLockRequest(body: Buffer, what: string): LockRequest {
  const root: JsonMap = readBody(body, what);
  const queues: LockedQueue[] = [];
  for (const bean of listOf(root, 'mqSet')) {
    if (!isMap(bean)) continue;
    queues.push({ brokerName: textOf(bean, 'brokerName') ?? '', queueId: intOf(bean, 'queueId', 0), topic: textOf(bean, 'topic') ?? '' });
  }
  return { group: textOf(root, 'consumerGroup') ?? '', clientId: textOf(root, 'clientId') ?? '', queues };
}

export function createLockHandlers(locks: QueueLockTable): Pick<Handlers, 'LOCK_BATCH_MQ' | 'UNLOCK_BATCH_MQ'> {
  return {
    LOCK_BATCH_MQ(_request, _header, body) {
      const { group, clientId, queues } = readLockRequest(body, 'LockBatchRequestBody');
      const granted = locks.lock(group, queues, clientId).map((queue) => ({ ...queue }));
      return { code: responseCodes.SUCCESS, body: Buffer.from(compactJson({ lockOKMQSet: granted })) };
    },

    UNLOCK_BATCH_MQ(_request, _header, body) {
      const { group, clientId, queues } = readLockRequest(body, 'UnlockBatchRequestBody');
      locks.unlock(group, queues, clientId);
      return { code: responseCodes.SUCCESS };
    },
  };
}
