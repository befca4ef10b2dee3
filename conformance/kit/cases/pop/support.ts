/** What cases about POP share: receipts, a topic with a group, batch acknowledgements. */
import { req } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { equal, fail, hasField, present } from '../../expect.js';
import type { Ext } from '../../wire/header-json.js';
import { realTopic, receiptOf } from '../../wire/receipt.js';
import type { StoredMessage } from '../../wire/record.js';

export { realTopic, startOffsets } from '../../wire/receipt.js';

export type Popped = Awaited<ReturnType<Context['pop']>>;

/** A topic and a group of the case's own. */
export async function setUp(t: Context, queues = 1, group: Parameters<Context['group']>[0] = {}): Promise<{ readonly topic: string; readonly group: string }> {
  return { topic: await t.topic({ queues }), group: await t.group(group) };
}

/** Sends bodies to queue 0 and waits until they can be read. */
export async function fill(t: Context, topic: string, bodies: readonly string[], queueId = 0): Promise<void> {
  for (const body of bodies) await t.sendOk(topic, { body, queueId });
  await t.pullAll(topic, bodies.length, { queueId });
}

/** Pops until messages come, at most `waitMs`. */
export function popUntil(t: Context, topic: string, group: string, options: Parameters<Context['pop']>[2] = {}, waitMs = 5000): Promise<Popped> {
  return t.until('messages can be popped', async () => {
    const answer = await t.pop(topic, group, options);
    if (answer.code !== 0 && answer.code !== 210) fail('POP_MESSAGE: response code', 'SUCCESS or POLLING_TIMEOUT', `${answer.code} ${answer.remark ?? ''}`);
    return answer.messages.length > 0 ? answer : undefined;
  }, waitMs);
}

/** Waits until messages that nobody acknowledged are delivered again: these bodies, and no others. */
export async function comesAgain(t: Context, topic: string, group: string, bodies: readonly string[], invisibleMs = 30_000): Promise<void> {
  const again = await popUntil(t, topic, group, { invisibleMs }, 20_000);
  equal(again.messages.map((message) => message.body.toString()), bodies, 'delivered again');
}

/** The receipt of a popped message. Fails naming what the answer lacks of it. */
export function receipt(t: Context, popped: Answer, message: StoredMessage): string {
  if (message.properties['POP_CK'] === undefined) for (const name of ['startOffsetInfo', 'popTime', 'invisibleTime', 'reviveQid']) hasField(popped, name, undefined, 'pop answer');
  return present(receiptOf(popped.ext, message, t.endpoint.brokerName), `start offset of queue ${message.queueId}`);
}

/** Acknowledges a popped message. */
export function ackOf(t: Context, group: string, popped: Answer, message: StoredMessage, ext: Ext = {}): Promise<Answer> {
  return t.ack(group, realTopic(group, message), message.queueId, message.queueOffset, receipt(t, popped, message), ext);
}

/** CHANGE_MESSAGE_INVISIBLETIME of a popped message. */
export function changeOf(t: Context, group: string, popped: Answer, message: StoredMessage, invisibleTime: number, ext: Ext = {}): Promise<Answer> {
  return t.request(req.CHANGE_MESSAGE_INVISIBLETIME, {
    consumerGroup: group, topic: realTopic(group, message), queueId: message.queueId, offset: message.queueOffset, extraInfo: receipt(t, popped, message), invisibleTime, ...ext,
  });
}

/** BATCH_ACK_MESSAGE of messages of one queue of the topic itself; offsets relative to the start are bits, least significant first. */
export function batchAckOf(t: Context, topic: string, group: string, popped: Answer, messages: readonly StoredMessage[], ack: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
  const first = present(messages[0], 'a popped message');
  const start = Number(receipt(t, popped, first).split(' ')[0]);
  const bits = Buffer.alloc(8);
  for (const message of messages) {
    const bit = message.queueOffset - start;
    bits.writeUInt8(bits.readUInt8(bit >> 3) | (1 << (bit & 7)), bit >> 3);
  }
  return t.request(req.BATCH_ACK_MESSAGE, {}, {
    body: JSON.stringify({
      brokerName: t.endpoint.brokerName,
      acks: [{
        c: group, t: topic, r: '0', so: start, q: first.queueId, rq: Number(hasField(popped, 'reviveQid')), pt: Number(hasField(popped, 'popTime')), it: Number(hasField(popped, 'invisibleTime')),
        b: bits.toString('base64'), ...ack,
      }],
    }),
  });
}

/** NOTIFICATION: whether there is something to pop. */
export function notification(t: Context, topic: string, consumerGroup: string, ext: Ext = {}): Promise<Answer> {
  return t.request(req.NOTIFICATION, { consumerGroup, topic, queueId: -1, pollTime: 0, bornTime: t.now(), order: false, ...ext }, { timeoutMs: 8000 });
}
