/**
 * Requests of the gRPC service to the broker of the same process: the broker's own handlers, on their lanes, as any remoting client would ask
 * them, without a socket between.
 */
import { commandFlag, currentVersion, type Command } from '../../codec/command.js';
import { Refusal } from '../../codec/errors.js';
import { requests, type HeaderOf, type RequestName } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { exceptionText } from '../../remoting/dispatch.js';
import { rejectRequestRemark, type LaneSet, type LaneTask } from '../../remoting/lanes.js';
import type { Clock, Ctx, Handlers, Log, Reply } from '../../remoting/types.js';
import type { AskBroker, AskOptions } from './brokers.js';
import type { LocalPeer } from './peer.js';

export interface AskBrokerParts {
  readonly handlers: Partial<Handlers>;
  readonly lanes: LaneSet;
  readonly clock: Clock;
  readonly log: Log;
}

type AnyHandler = (ctx: Ctx, header: unknown, body: Buffer) => Reply | undefined | Promise<Reply | undefined>;

const noExt: ReadonlyMap<string, string> = new Map();
const noBody = Buffer.alloc(0);

export function createAskBroker(parts: AskBrokerParts): AskBroker {
  const handlers = parts.handlers as { readonly [name: string]: AnyHandler | undefined };
  return <N extends RequestName>(name: N, from: LocalPeer, header: HeaderOf<N>, options: AskOptions = {}) => new Promise<Reply<N>>((resolve) => {
    const handler = handlers[name];
    const { code, lane: laneName } = requests[name];
    if (handler === undefined) {
      resolve({ code: responseCodes.REQUEST_CODE_NOT_SUPPORTED, remark: ` request type ${code} not supported` });
      return;
    }
    const lane = parts.lanes.get(laneName);
    const rejected = lane.rejection();
    if (rejected !== undefined) {
      resolve({ code: responseCodes.SYSTEM_BUSY, remark: rejected === '' ? rejectRequestRemark : rejected });
      return;
    }
    const opaque = from.asked((reply) => resolve(reply));
    const command: Command = {
      code, language: options.language ?? 'JAVA', version: currentVersion, opaque, flag: options.oneway === true ? commandFlag.oneway : 0,
      remark: undefined, ext: noExt, serialize: 'JSON', body: options.body ?? noBody,
    };
    lane.submit(new LocalRequest(parts, from, command, name, handler, header));
    if (options.oneway === true) from.reply(opaque, { code: responseCodes.SUCCESS });
  });
}

/** One request on its way through a lane. */
class LocalRequest implements Ctx, LaneTask {
  readonly connection: LocalPeer;
  readonly command: Command;
  readonly receivedMs: number;
  private readonly parts: AskBrokerParts;
  private readonly name: RequestName;
  private readonly handler: AnyHandler;
  private readonly header: unknown;

  constructor(parts: AskBrokerParts, from: LocalPeer, command: Command, name: RequestName, handler: AnyHandler, header: unknown) {
    this.parts = parts;
    this.connection = from;
    this.command = command;
    this.receivedMs = parts.clock.nowMs();
    this.name = name;
    this.handler = handler;
    this.header = header;
  }

  reply(reply: Reply): void {
    this.connection.reply(this.command.opaque, reply);
  }

  run(): Promise<void> | undefined {
    let result: Reply | undefined | Promise<Reply | undefined>;
    try {
      result = this.handler(this, this.header, this.command.body);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
    if (!(result instanceof Promise)) {
      if (result !== undefined) this.reply(result);
      return undefined;
    }
    return result.then((reply) => {
      if (reply !== undefined) this.reply(reply);
    }, (error: unknown) => this.fail(error));
  }

  refuse(remark: string): void {
    this.reply({ code: responseCodes.SYSTEM_BUSY, remark });
  }

  queued(): void {
    // The request's bytes are its own already.
  }

  unqueued(): void {
    // Nothing was counted.
  }

  private fail(error: unknown): void {
    if (error instanceof Refusal) {
      this.reply({ code: error.code, remark: error.message });
      return;
    }
    this.parts.log.error({ request: this.name, peer: this.connection.remoteAddress, error }, 'handler failed');
    this.reply({ code: responseCodes.SYSTEM_ERROR, remark: exceptionText(error) });
  }
}
