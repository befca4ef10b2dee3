/** What the cases of lite topics share. */
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, hasField, notApplicable } from '../../expect.js';
import { decodeRecords, type StoredMessage } from '../../wire/record.js';
import { client, type Client } from '../clients/support.js';

export interface Lite {
  readonly parent: string;
  readonly group: string;
}

export type Popped = Answer & { readonly messages: readonly StoredMessage[] };

/** A parent topic and a group bound to it. */
export async function setUp(t: Context, attributes: Readonly<Record<string, string>> = {}): Promise<Lite> {
  const parent = await t.topic({ queues: 1, attributes: { 'message.type': 'LITE' }, route: true });
  return { parent, group: await t.group({ attributes: { '+lite.bind.topic': parent, ...attributes } }) };
}

/** LITE_SUBSCRIPTION_CTL over the client's connection. */
export function subscribe(one: Client, lite: Lite, liteTopics: readonly string[], action = 'COMPLETE_ADD', more: object = {}): Promise<Answer> {
  return one.via.request(req.LITE_SUBSCRIPTION_CTL, {}, {
    body: JSON.stringify({ subscriptionSet: [{ action, clientId: one.id, group: lite.group, topic: lite.parent, liteTopicSet: liteTopics, version: Date.now(), ...more }] }),
  });
}

export async function pop(t: Context, one: Client, lite: Lite, ext: Readonly<Record<string, string | number>> = {}): Promise<Popped> {
  const answer = await one.via.request(req.POP_LITE_MESSAGE, {
    clientId: one.id, consumerGroup: lite.group, topic: lite.parent, maxMsgNum: 32, invisibleTime: 30_000, pollTime: 0, bornTime: t.now(), ...ext,
  });
  return { ...answer, messages: answer.code === 0 ? decodeRecords(answer.body) : [] };
}

export const send = (t: Context, lite: Lite, liteTopic: string, body: string): Promise<Answer> => t.sendOk(lite.parent, { body, properties: { __LITE_TOPIC: liteTopic } });

/** A subscribed client; the subscription is made, and its first offset taken, before messages are sent. */
export async function subscriber(t: Context, lite: Lite, liteTopics: readonly string[], label = 'subscriber'): Promise<Client> {
  const one = await client(t, label);
  code(await subscribe(one, lite, liteTopics), res.SUCCESS, 'subscription');
  return one;
}

/** Lite topics have queues of their own only where the broker is told to keep them. */
export async function dispatched(t: Context): Promise<void> {
  const config = (await t.request(req.GET_BROKER_CONFIG)).body.toString('utf8');
  for (const key of ['enableLmq', 'enableMultiDispatch']) if (new RegExp(`^${key}=false`, 'm').test(config)) notApplicable(`needs ${key}=true`);
}

export async function popSome(t: Context, one: Client, lite: Lite, ext: Readonly<Record<string, string | number>> = {}): Promise<Popped> {
  await dispatched(t);
  return t.until('a lite message can be popped', async () => {
    const answer = await pop(t, one, lite, ext);
    return answer.messages.length > 0 ? answer : undefined;
  });
}

/** The receipt of the message at this offset of its lite topic. */
export function receipt(t: Context, popped: Popped, offset: number): string {
  return `0 ${hasField(popped, 'popTime')} ${hasField(popped, 'invisibleTime')} 999 0 ${t.endpoint.brokerName} 0 ${offset}`;
}

export const bodies = (popped: Popped): string[] => popped.messages.map((message) => message.body.toString());

export const common = { level: 'MUST', versions: { from: '5.5.0' }, needs: ['lite', 'pop'] } as const;
