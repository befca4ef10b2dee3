/**
 * A bounded number of connections to each broker that all gRPC clients share (`MQClientAPIFactory`, `rocketmqMQClientNum`), and who of the brokers is
 * known not to answer.
 */
import { decodeReplyHeader, encodeHeader } from '../../../codec/header.js';
import type { Command } from '../../../codec/command.js';
import { requests, type HeaderOf, type RequestName } from '../../../codec/requests.js';
import { responseCodes, type ResponseCode } from '../../../codec/responses.js';
import type { RemotingClient, RemotingConnection } from '../../../remoting/index.js';
import type { Clock, Log, OutgoingRequest, Reply } from '../../../remoting/types.js';
import { BrokerAway, type AskBroker, type AskOptions } from '../brokers.js';
import type { LocalPeer } from '../peer.js';
import type { Directory } from './directory.js';
import { textOf } from '../../words.js';

/** What an answer may take beside the time for which the broker holds the request; Apache's proxy gives most requests 3 s, pops 10 s more. */
const answerMs = 3000;
const heldAnswerMs = 10_000;

/** A broker that could not be reached is not preferred again for so long. */
const awayMs = 2000;

/** The broker at the other end of a connection of ours, in its `state`. */
export class BrokerEnd {
  readonly broker: string;

  constructor(broker: string) {
    this.broker = broker;
  }
}

export interface LinksOptions {
  readonly clients: readonly RemotingClient[];
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
}

export class BrokerLinks {
  readonly #options: LinksOptions;
  readonly #awayUntilMs = new Map<string, number>();
  #turn = 0;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** False while the broker is known not to answer. */
  usable(broker: string): boolean {
    const untilMs = this.#awayUntilMs.get(broker);
    if (untilMs === undefined) return true;
    if (untilMs > this.#options.clock.nowMs()) return false;
    this.#awayUntilMs.delete(broker);
    return true;
  }

  readonly ask: AskBroker = async <N extends RequestName>(name: N, from: LocalPeer, header: HeaderOf<N>, options: AskOptions = {}): Promise<Reply<N>> => {
    const { broker = await this.any(), body, language, oneway = false, holdMs = 0 } = options;
    const request: OutgoingRequest = { code: requests[name].code, ext: encodeHeader(name, header), body, language };
    const connection = await this.connection(broker, from.id);
    if (oneway) {
      if (!connection.notify(request)) throw new BrokerAway(`the broker ${broker} takes no more requests now`, { unsent: true });
      return { code: responseCodes.SUCCESS };
    }
    const { code, remark, ext, body: content } = await this.call(connection, broker, request, holdMs > 0 ? holdMs + heldAnswerMs : answerMs);
    return { code: code as ResponseCode, remark, header: decodeReplyHeader(name, ext), body: content };
  };

  /** A broker that may be asked what all of them know. Rejects with BrokerAway when there is none. */
  async any(): Promise<string> {
    const brokers = await this.#directory(() => this.#options.directory.brokers());
    const usable = brokers.filter(({ brokerName }) => this.usable(brokerName));
    const some = usable.length > 0 ? usable : brokers;
    this.#turn = (this.#turn + 1) & 0x7fff_ffff;
    const one = some[this.#turn % Math.max(1, some.length)];
    if (one === undefined) throw new BrokerAway('the name servers know no broker', { unsent: true });
    return one.brokerName;
  }

  /** The connection of this number to the broker, dialled when there is none. Rejects with BrokerAway. */
  async connection(broker: string, which: number): Promise<RemotingConnection> {
    const address = await this.#directory(() => this.#options.directory.addressOf(broker));
    if (address === undefined) throw new BrokerAway(`cannot find broker ${broker.slice(0, 128)}`, { unsent: true });
    const { clients } = this.#options;
    return this.dial(clients[which % clients.length] as RemotingClient, broker, address, new BrokerEnd(broker));
  }

  /** The connection of `client` to the broker; a new one is given `state`. Rejects with BrokerAway, which is remembered. */
  async dial(client: RemotingClient, broker: string, address: string, state: BrokerEnd): Promise<RemotingConnection> {
    try {
      const connection = await client.connection(address);
      connection.state ??= state;
      this.#awayUntilMs.delete(broker);
      return connection;
    } catch (error) {
      this.#away(broker);
      throw new BrokerAway(`the broker ${broker} cannot be reached: ${textOf(error)}`, { unsent: true });
    }
  }

  /** Asks over a connection. Rejects with BrokerAway. */
  async call(connection: RemotingConnection, broker: string, request: OutgoingRequest, timeoutMs: number): Promise<Command> {
    let answer: Command;
    try {
      answer = await connection.call(request, timeoutMs);
    } catch (error) {
      if (!connection.open) this.#options.directory.trouble();
      throw new BrokerAway(`the broker ${broker} gives no answer: ${textOf(error)}`, { late: connection.open });
    }
    if (answer.code !== responseCodes.GO_AWAY) return answer;
    // It is stopping, and has not taken the request.
    this.#away(broker);
    throw new BrokerAway(`the broker ${broker} is stopping`, { unsent: true });
  }

  #away(broker: string): void {
    this.#awayUntilMs.set(broker, this.#options.clock.nowMs() + awayMs);
    this.#options.directory.trouble();
  }

  async #directory<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw new BrokerAway(textOf(error), { unsent: true });
    }
  }
}
