/** What a case gets: its session (connections, names, time, clean-up) and the requests of `messaging.ts` on its broker connection. */
import type { RawConnection } from './connection.js';
import { Messaging } from './messaging.js';
import { Session, type SessionOptions } from './session.js';

/** All of Session and, over the case's own broker connection, all of Messaging. */
export type Context = Session & Messaging & {
  /** The same requests over another connection: `t.via(other).pull(...)`. */
  via(connection: RawConnection): Messaging;
};

/** The context of one case. */
export function createContext(options: SessionOptions): Context {
  const session = new Session(options);
  const messaging = new Messaging(session, () => session.broker());
  const own = { via: (connection: RawConnection): Messaging => new Proxy(new Messaging(session, () => Promise.resolve(connection)), { get: (target, name) => method(target, name) }) };
  return new Proxy(session, {
    get(target, name) {
      const from: object = name in own ? own : name in target ? target : messaging;
      return method(from, name);
    },
  }) as Context;
}

/** A member of `from`; a method bound to it, whose promise may be dropped: a case that ended early does not come back for what it began. */
function method(from: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(from, name, from);
  if (typeof value !== 'function') return value;
  return (...args: unknown[]): unknown => {
    const result: unknown = Reflect.apply(value, from, args);
    if (result instanceof Promise) result.catch(() => undefined);
    return result;
  };
}
