/** What cases about sending share: the record behind an answer, and topics of a given name. */
import type { Context } from '../../context.js';
import { req } from '../../codes.js';
import { code, present } from '../../expect.js';
import type { StoredMessage } from '../../wire/record.js';

/** The stored record that an answer's `msgId` names; fails the case when there is none. */
export async function stored(t: Context, answer: { readonly msgId: string }, what = 'the stored message'): Promise<StoredMessage> {
  return present((await t.viewById(answer.msgId)).message, what);
}

/** Sends one message and reads its record. */
export async function sendAndView(t: Context, topic: string, options: Parameters<Context['sendOk']>[1] = {}): Promise<StoredMessage> {
  return stored(t, await t.sendOk(topic, options));
}

/** Creates a topic of exactly this name or changes it; deletes it at the end. */
export async function putTopic(t: Context, topic: string, fields: Readonly<Record<string, string | number | boolean>> = {}): Promise<void> {
  t.forgetTopic(topic);
  code(await t.request(req.UPDATE_AND_CREATE_TOPIC, {
    topic, defaultTopic: 'TBW102', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, ...fields,
  }), 0, `create topic ${topic}`);
}

/** A key of configuration from GET_BROKER_CONFIG, or `otherwise` where it cannot be read or is not there. */
export async function configNumber(t: Context, key: string, otherwise: number): Promise<number> {
  if (!t.has('config-read')) return otherwise;
  const text = (await t.request(req.GET_BROKER_CONFIG)).body.toString('utf8');
  const value = new RegExp(`^${key}=(\\d+)\\r?$`, 'm').exec(text)?.[1];
  return value === undefined ? otherwise : Number(value);
}

/** A UNIQ_KEY of the usual form. */
export function uniqKey(t: Context): string {
  return t.rng.bytes(16).toString('hex').toUpperCase();
}
