/** What cases about locks of queues share. */
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code } from '../../expect.js';
import { json } from '../../messaging.js';
import { list, object, type Client } from '../clients/support.js';

export interface Locking {
  readonly group: string;
  readonly clientId: string;
  readonly topic: string;
  readonly queues: readonly number[];
}

/** Who asks: the case itself, or a client with a connection of its own. */
type Asking = Pick<Client['via'], 'request'>;

/** The body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ. */
export function locksBody(t: Context, one: Locking): string {
  const mqSet = one.queues.map((queueId) => ({ topic: one.topic, brokerName: t.endpoint.brokerName, queueId }));
  return JSON.stringify({ consumerGroup: one.group, clientId: one.clientId, onlyThisBroker: false, mqSet });
}

/** LOCK_BATCH_MQ; the queue ids it granted, sorted. */
export async function lock(t: Context, one: Locking, via: Asking = t): Promise<number[]> {
  const answer = await via.request(req.LOCK_BATCH_MQ, {}, { body: locksBody(t, one) });
  code(answer, res.SUCCESS, `lock by ${one.clientId}`);
  return list(object(json(answer), 'locks')['lockOKMQSet'], 'lockOKMQSet').map((queue) => Number(object(queue, 'queue')['queueId'])).sort((a, b) => a - b);
}

export const unlock = (t: Context, one: Locking, via: Asking = t): Promise<Answer> => via.request(req.UNLOCK_BATCH_MQ, {}, { body: locksBody(t, one) });
