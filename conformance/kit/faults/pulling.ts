/** Pulls of the traffic of faults: what is asked, and what an answer says. */
import { req, res } from '../codes.js';
import { RawConnection, type Answer, type HostPort } from '../connection.js';
import { Failure } from '../expect.js';
import { decodeRecords, type StoredMessage } from '../wire/record.js';
import { valueOf } from '../workload/consumer.js';
import type { Recorder } from '../workload/recorder.js';

/** Messages asked for at once: what a consumer may see again when its commit was lost with the connection. */
export const pullMax = 16;

/** How long a pull that finds nothing is held, ms. */
export const suspendMs = 300;

/** Of the reader that looks at the end. */
const openMs = 5000;

export interface Place {
  readonly topic: string;
  readonly group: string;
  readonly queues: number;
}

/** Reads every queue from its beginning to its end at `broker`, as somebody who takes nothing away. */
export async function readQueues(recorder: Recorder, place: Place, broker: HostPort): Promise<void> {
  const { topic, queues } = place;
  const connection = await RawConnection.open(broker, { timeoutMs: openMs });
  try {
    for (let queueId = 0; queueId < queues; queueId++) {
      const bound = async (code: number): Promise<number> => Number((await connection.request(code, { topic, queueId })).ext['offset']);
      const max = await bound(req.GET_MAX_OFFSET);
      for (let offset = await bound(req.GET_MIN_OFFSET); offset < max; ) {
        const { messages, next } = pulled(await connection.request(req.PULL_MESSAGE, pullHeader(place, queueId, offset, 4)), offset);
        for (const message of messages) recorder.event('reader', 'read', valueOf(message));
        if (next <= offset) throw new Failure(`queue ${queueId} of ${topic} can be read to its end`, `messages up to offset ${max}`, `none from ${offset} on`);
        offset = next;
      }
    }
  } finally {
    connection.close();
  }
}

export function pullHeader({ topic, group }: Place, queueId: number, queueOffset: number, sysFlag: number): Record<string, string | number> {
  return {
    consumerGroup: group, topic, queueId, queueOffset, maxMsgNums: pullMax, sysFlag, commitOffset: 0, suspendTimeoutMillis: suspendMs,
    subscription: '*', subVersion: 0, expressionType: 'TAG',
  };
}

/** Messages of a pull and the offset to go on from. */
export function pulled(answer: Answer, offset: number): { readonly messages: readonly StoredMessage[]; readonly next: number } {
  const next = Number(answer.ext['nextBeginOffset']);
  return {
    messages: answer.code === res.SUCCESS ? decodeRecords(answer.body) : [],
    next: pullCodes.has(answer.code) && Number.isSafeInteger(next) ? next : offset,
  };
}

/** Answers of a pull that say where to go on. */
export const pullCodes: ReadonlySet<number> = new Set([res.SUCCESS, res.PULL_NOT_FOUND, res.PULL_RETRY_IMMEDIATELY, res.PULL_OFFSET_MOVED]);
