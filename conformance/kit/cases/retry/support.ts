/** What the cases about retries share: a message to return, and where it turns up. */
import type { Context } from '../../context.js';
import { present } from '../../expect.js';
import type { StoredMessage } from '../../wire/record.js';

export interface Sent {
  readonly topic: string;
  readonly group: string;
  readonly message: StoredMessage;
}

/** A group and one readable message of a topic of one queue. */
export async function sent(t: Context, group: Parameters<Context['group']>[0] = {}, options: Parameters<Context['send']>[1] = {}): Promise<Sent> {
  const topic = await t.topic({ queues: 1 });
  const made = await t.group(group);
  await t.sendOk(topic, { body: 'again', ...options });
  return { topic, group: made, message: present((await t.pullAll(topic, 1))[0], 'the message') };
}

/** The first message of the dead letter queue, read as soon as it may be. */
export async function dead(t: Context, group: string): Promise<StoredMessage> {
  const topic = `%DLQ%${group}`;
  return present((await t.pullAll(topic, 1, { group }))[0], 'the message of the dead letter queue');
}

/** The first message of the retry topic; delay level 1 is a second. */
export async function retried(t: Context, group: string): Promise<StoredMessage> {
  return present((await t.pullAll(`%RETRY%${group}`, 1, { group, waitMs: 8000 }))[0], 'the message of the retry topic');
}

/** The last message of a delay level's queue that belongs to the group: what waits to be tried again. */
export async function waiting(t: Context, group: string, level: number): Promise<StoredMessage> {
  const reader = await t.readerGroup();
  return t.until(`a message of the group waits at delay level ${level}`, async () => {
    const { offset } = await t.maxOffset('SCHEDULE_TOPIC_XXXX', level - 1);
    for (let from = Math.max(0, offset - 32); from < offset;) {
      const answer = await t.pull('SCHEDULE_TOPIC_XXXX', { queueId: level - 1, offset: from, group: reader });
      const found = answer.messages.find((one) => one.properties['REAL_TOPIC'] === `%RETRY%${group}`);
      if (found !== undefined) return found;
      if (answer.code !== 0 || answer.nextBeginOffset <= from) return undefined;
      from = answer.nextBeginOffset;
    }
    return undefined;
  });
}
