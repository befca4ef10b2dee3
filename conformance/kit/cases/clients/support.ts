/** What cases about connected clients share: joining a group over an own connection, and what the broker says of its members. */
import { req } from '../../codes.js';
import type { RawConnection } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, fail, isTrue } from '../../expect.js';
import { json, type ConsumerData, type HeartbeatOptions, type Messaging } from '../../messaging.js';

/** A client with a connection of its own. */
export interface Client {
  readonly id: string;
  readonly connection: RawConnection;
  /** The messaging requests over that connection. */
  readonly via: Messaging;
}

/** A connected client that has said nothing yet. */
export async function client(t: Context, name = 'client'): Promise<Client> {
  const connection = await t.connect('broker', { label: name });
  return { id: t.groupName(name), connection, via: t.via(connection) };
}

/** A new client that is a consumer of the group by one heartbeat. */
export async function join(t: Context, consumer: ConsumerData, name = 'client', options: Omit<HeartbeatOptions, 'consumers'> = {}): Promise<Client> {
  const one = await client(t, name);
  code(await one.via.heartbeat(one.id, { consumers: [consumer], ...options }), 0, `heartbeat of ${name}`);
  return one;
}

/** The client ids of the group, sorted; empty when the broker says that there is no consumer. */
export async function members(t: Context, consumerGroup: string): Promise<string[]> {
  const answer = await t.request(req.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup });
  if (answer.code !== 0) return [];
  const ids = object(json(answer), 'consumer list')['consumerIdList'];
  isTrue(Array.isArray(ids), 'consumerIdList is a list');
  return ids.map(String).sort();
}

/** Whether a NOTIFY_CONSUMER_IDS_CHANGED for the group comes (or came unread) within the time. */
export async function notified(one: Client, consumerGroup: string, waitMs = 3000): Promise<boolean> {
  try {
    await one.connection.nextFrame((frame) => frame.code === req.NOTIFY_CONSUMER_IDS_CHANGED && frame.ext['consumerGroup'] === consumerGroup, waitMs, 'NOTIFY_CONSUMER_IDS_CHANGED');
    return true;
  } catch {
    return false;
  }
}

/** Reads away the notifications a client already has, with a round trip so that none is on its way. */
export async function drain(one: Client, consumerGroup: string): Promise<void> {
  await one.via.request(req.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup });
  while (await notified(one, consumerGroup, 30));
}

/** The value as an object; a Failure otherwise. */
export function object(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(`${what} is an object`, 'an object', value);
  return value as Readonly<Record<string, unknown>>;
}

/** The value as a list; a Failure otherwise. */
export function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) fail(`${what} is a list`, 'a list', value);
  return value as readonly unknown[];
}
