/** What administrators' cases share: tables keyed by queue, and a member of a group on a connection of its own. */
import type { Answer, RawConnection } from '../../connection.js';
import type { Context } from '../../context.js';
import { code } from '../../expect.js';
import { json } from '../../session.js';

/** A table whose keys are message queues (objects as keys, as fastjson writes them), by queue id. */
export function byQueue<T>(table: Readonly<Record<string, T>>): Readonly<Record<number, T>> {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [queueIn(key), value]));
}

function queueIn(key: string): number {
  const match = /"queueId"\s*:\s*(\d+)/.exec(key);
  return match === null ? NaN : Number(match[1]);
}

/** `offsetTable` of a body by queue id. */
export function offsetTable<T>(answer: Answer): Readonly<Record<number, T>> {
  return byQueue((json(answer) as { readonly offsetTable: Readonly<Record<string, T>> }).offsetTable);
}

/** A consumer that has sent its heartbeat over a connection of its own. */
export interface Member {
  readonly clientId: string;
  readonly connection: RawConnection;
}

export async function join(t: Context, group: string, topics: readonly string[], options: { readonly version?: number; readonly language?: string; readonly name?: string } = {}): Promise<Member> {
  const connection = await t.connect('broker', { label: options.name ?? 'consumer' });
  const clientId = `${group}@${options.name ?? 'one'}`;
  const answer = await t.via(connection).heartbeat(clientId, {
    consumers: [{ group, subscriptions: topics }],
    ...(options.version === undefined ? {} : { version: options.version }), ...(options.language === undefined ? {} : { language: options.language }),
  });
  code(answer, 0, 'heartbeat of a consumer');
  return { clientId, connection };
}
