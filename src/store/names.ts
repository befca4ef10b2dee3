/** Names of store files and the rule which topic names may become directories. */
import { Refusal } from '../codec/errors.js';
import { isLightQueue } from '../compat/light-queues.js';
import { responseCodes } from '../codec/responses.js';

/** `DelayLevel` messages wait here (`TopicValidator#RMQ_SYS_SCHEDULE_TOPIC`). */
export const scheduleTopic = 'SCHEDULE_TOPIC_XXXX';

/** Longest file name of common file systems, and Apache's longest topic. */
const topicBytesMax = 255;

const topicPattern = /^[%|a-zA-Z0-9_+$-]+$/;

/** Light queues are named by applications: whatever may stand in a file's name. */
const lightPattern = /^[^/\\\u0000-\u001f\u007f,\p{Cs}]+$/u;

/** Characters of `TopicValidator#isTopicOrGroupIllegal`, and those of retry topics (`+`) and light queues. */
export function isTopicName(topic: string): boolean {
  if (topic.length > topicBytesMax) return false;
  return isLightQueue(topic) ? lightPattern.test(topic) && Buffer.byteLength(topic) <= topicBytesMax : topicPattern.test(topic);
}

/** Throws a Refusal unless topic and queue id may name a directory. */
export function checkQueueName(topic: string, queueId: number): void {
  if (!isTopicName(topic)) {
    const shown = JSON.stringify(topic.slice(0, 64));
    throw new Refusal(
      responseCodes.INVALID_PARAMETER,
      `the topic ${shown} (${topic.length} characters) is not 1 to ${topicBytesMax} characters of %|a-zA-Z0-9_+$-`,
    );
  }
  if (!Number.isInteger(queueId) || queueId < 0 || queueId > 0x7fffffff) {
    throw new Refusal(responseCodes.INVALID_PARAMETER, `the queue id ${queueId} of topic ${topic} is not in 0..2147483647`);
  }
}

/** 20 digits, zero padded (`UtilAll#offset2FileName`). */
export function offsetFileName(offset: number): string {
  return String(offset).padStart(20, '0');
}

/** The offset that a file name stands for, undefined when it is no such name. */
export function offsetOfFileName(name: string): number | undefined {
  if (!/^\d{20}$/.test(name)) return undefined;
  const offset = Number(name);
  return Number.isSafeInteger(offset) ? offset : undefined;
}

/** Local time as yyyyMMddHHmmssSSS (`UtilAll#timeMillisToHumanString`). */
export function timeFileName(timeMs: number): string {
  const t = new Date(timeMs);
  const two = (n: number): string => String(n).padStart(2, '0');
  return (
    String(t.getFullYear()).padStart(4, '0') +
    two(t.getMonth() + 1) +
    two(t.getDate()) +
    two(t.getHours()) +
    two(t.getMinutes()) +
    two(t.getSeconds()) +
    String(t.getMilliseconds()).padStart(3, '0')
  );
}
