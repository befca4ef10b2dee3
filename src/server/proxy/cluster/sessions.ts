/**
 * Clients of the remoting port: each has connections of its own to the brokers, so that to a broker it is a client like any other: heartbeats, members of
 * groups, locks, held pulls, and what the broker asks by itself come and go over them. A session opens a connection to a broker when the first request
 * goes there, at most one to each, and they end with the client's own.
 */
import { commandFlag, type Command } from '../../../codec/command.js';
import { requests, type RequestName } from '../../../codec/requests.js';
import type { ResponseCode } from '../../../codec/responses.js';
import { Dispatcher, LaneSet, RemotingClient, type ClientOptions } from '../../../remoting/index.js';
import type { Connection, Ctx, Lanes, OutgoingRequest, Reply } from '../../../remoting/types.js';
import { BrokerAway } from '../brokers.js';
import type { Directory } from './directory.js';
import { BrokerEnd, type BrokerLinks } from './links.js';

/** Clients answer the broker within so long, or the broker has given up. */
const clientAnswerMs = 10_000;

/** Half messages of a client whose broker is remembered: the oldest is forgotten beyond. */
const halfMessagesMax = 10_000;

/** A heartbeat is kept for a broker that comes later, up to this size. */
const heartbeatBytesMax = 256 * 1024;

/** The end of a session's connection at a broker. */
class SessionEnd extends BrokerEnd {
  readonly session: Session;
  /** The client's heartbeat went over this connection. */
  introduced = false;

  constructor(broker: string, session: Session) {
    super(broker);
    this.session = session;
  }
}

export interface SessionParts {
  readonly links: BrokerLinks;
  readonly directory: Directory;
  readonly client: ClientOptions;
}

export class Session {
  readonly connection: Connection;
  readonly #parts: SessionParts;
  readonly #client: RemotingClient;
  readonly #halves = new Map<string, string>();
  #heartbeat: OutgoingRequest | undefined;

  constructor(connection: Connection, parts: SessionParts) {
    this.connection = connection;
    this.#parts = parts;
    this.#client = new RemotingClient(parts.client);
    connection.onClose(() => void this.#client.close());
  }

  /** Passes a request on and answers what the broker answers. Rejects with BrokerAway. */
  async relay(broker: string, request: OutgoingRequest, timeoutMs: number): Promise<Reply> {
    const connection = await this.#dial(broker);
    const { code, remark, ext, body } = await this.#parts.links.call(connection, broker, request, timeoutMs);
    return { code: code as ResponseCode, remark, ext: Object.fromEntries(ext), body };
  }

  /** Passes a request on that nobody waits for; false when the broker takes none now. Rejects with BrokerAway. */
  async send(broker: string, request: OutgoingRequest): Promise<boolean> {
    return (await this.#dial(broker)).notify(request);
  }

  /** This request introduces the client to brokers that it has no connection to yet, too. */
  keepHeartbeat(request: OutgoingRequest): void {
    if ((request.body?.length ?? 0) <= heartbeatBytesMax) this.#heartbeat = request;
  }

  /** Where a half message lies, for clients that do not say. */
  keepHalf(transactionId: string | undefined, broker: string): void {
    if (transactionId === undefined) return;
    this.#halves.delete(transactionId);
    this.#halves.set(transactionId, broker);
    if (this.#halves.size <= halfMessagesMax) return;
    const [oldest] = this.#halves.keys();
    if (oldest !== undefined) this.#halves.delete(oldest);
  }

  brokerOfHalf(transactionId: string | undefined): string | undefined {
    return transactionId === undefined ? undefined : this.#halves.get(transactionId);
  }

  async #dial(broker: string): Promise<Connection & Awaited<ReturnType<RemotingClient['connection']>>> {
    let address: string | undefined;
    try {
      address = await this.#parts.directory.addressOf(broker);
    } catch (error) {
      throw new BrokerAway(error instanceof Error ? error.message : String(error), { unsent: true });
    }
    if (address === undefined) throw new BrokerAway(`cannot find broker ${broker.slice(0, 128)}`, { unsent: true });
    const connection = await this.#parts.links.dial(this.#client, broker, address, new SessionEnd(broker, this));
    const end = connection.state;
    if (end instanceof SessionEnd && !end.introduced) {
      end.introduced = true;
      // A broker that was restarted knows its clients again before it is asked anything.
      if (this.#heartbeat !== undefined) connection.notify(this.#heartbeat);
    }
    return connection;
  }
}

/** What brokers ask of clients by themselves. */
const asksOfClients = [
  'CHECK_TRANSACTION_STATE', 'NOTIFY_CONSUMER_IDS_CHANGED', 'RESET_CONSUMER_CLIENT_OFFSET', 'GET_CONSUMER_STATUS_FROM_CLIENT', 'GET_CONSUMER_RUNNING_INFO',
  'CONSUME_MESSAGE_DIRECTLY', 'PUSH_REPLY_MESSAGE_TO_CLIENT',
] as const satisfies readonly RequestName[];

const lane = { capacity: 10_000, concurrency: 10_000, waitMsMax: 0 } as const;
const lanes: Lanes = { admin: lane, reply: lane, client: lane };

/** Passes what brokers ask on to the client whose connection it is. One for all sessions. */
export function createClientDispatcher({ clock, log }: Pick<ClientOptions, 'clock' | 'log'>): Dispatcher {
  const pass = (ctx: Ctx): Promise<Reply> | undefined => {
    const { command } = ctx;
    const end = ctx.connection.state;
    if (!(end instanceof SessionEnd)) return undefined;
    const { session, broker } = end;
    const request = passedOn(command, { bname: broker });
    if (command.code === requests.CHECK_TRANSACTION_STATE.code) session.keepHalf(command.ext.get('transactionId'), broker);
    if ((command.flag & commandFlag.oneway) !== 0) {
      session.connection.notify(request);
      return undefined;
    }
    return session.connection.call(request, clientAnswerMs).then(({ code, remark, ext, body }) => ({ code: code as ResponseCode, remark, ext: Object.fromEntries(ext), body }));
  };
  return new Dispatcher({ handlers: Object.fromEntries(asksOfClients.map((name) => [name, pass])), role: 'client', lanes: new LaneSet(clock, lanes), log });
}

/** A request as it goes on to the other side. */
export function passedOn({ code, ext, body, language, version }: Command, more: Readonly<Record<string, string>> = {}): OutgoingRequest {
  return { code, ext: { ...Object.fromEntries(ext), ...more }, body: body.length === 0 ? undefined : body, language, version };
}
