/**
 * From a frame to its handler and back: the table of codes served on one port, the hot path, lanes, and what each kind of error
 * becomes on the wire. It knows no handler's meaning; sockets are connection.ts.
 */
import { commandFlag, type Command } from '../codec/command.js';
import { Refusal } from '../codec/errors.js';
import { decodeCommand, decodeHeader } from '../codec/header.js';
import { HeaderScan } from '../codec/header-scan.js';
import { readBytes } from '../codec/hot-path.js';
import { requests, type LaneName, type RequestName, type Role, type Spec } from '../codec/requests.js';
import { responseCodes } from '../codec/responses.js';
import type { RemotingConnection } from './connection.js';
import { rejectRequestRemark, type Lane, type LaneSet, type LaneTask } from './lanes.js';
import type { Ctx, FastHandler, Handlers, Log, Reply } from './types.js';

/** Peers newer than this understand GO_AWAY (`MQVersion.Version.V5_3_1`, `NettyRemotingAbstract#processRequestCommand`). */
const goAwayVersionAbove = 475;

type AnyHandler = (ctx: Ctx, header: unknown, body: Buffer) => Reply | undefined | Promise<Reply | undefined>;

interface Entry {
  readonly name: RequestName;
  readonly handler: AnyHandler;
  readonly fast: FastHandler | undefined;
  readonly lane: Lane;
}

export interface DispatcherOptions {
  /** Handlers by name; codes the table does not give to `role`, and codes without a handler, are answered REQUEST_CODE_NOT_SUPPORTED. */
  readonly handlers: Partial<Handlers>;
  readonly fast?: { readonly [N in RequestName]?: FastHandler };
  /** Which port this is: a code is served when its `on` has this role. */
  readonly role: Role;
  /** Shared by the ports of one server. */
  readonly lanes: LaneSet;
  readonly log: Log;
}

export class Dispatcher {
  readonly lanes: LaneSet;
  private readonly byCode = new Map<number, Entry>();
  private readonly scan = new HeaderScan();
  private readonly log: Log;
  private draining = false;

  constructor(options: DispatcherOptions) {
    this.lanes = options.lanes;
    this.log = options.log;
    const handlers = options.handlers as { readonly [name: string]: AnyHandler | undefined };
    for (const name of Object.keys(requests) as RequestName[]) {
      const spec: Spec = requests[name];
      const handler = handlers[name];
      if (handler === undefined || !spec.on.includes(options.role)) continue;
      const lane: LaneName = spec.lane;
      this.byCode.set(spec.code, { name, handler, fast: options.fast?.[name], lane: this.lanes.get(lane) });
    }
  }

  /** Codes served, ascending. */
  codes(): readonly number[] {
    return [...this.byCode.keys()].sort((a, b) => a - b);
  }

  /** From now on requests of peers that know it are answered GO_AWAY. */
  drain(): void {
    this.draining = true;
  }

  /** One frame of a connection. True when none of its bytes are kept. Throws WireError when its header cannot be read. */
  frame(connection: RemotingConnection, buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, serializeTypeByte: number): boolean {
    if (serializeTypeByte === 0 && this.fast(connection, buffer, headerStart, headerEnd, bodyEnd)) return true;
    // Handlers may keep a body for as long as they like: not the bytes that the next read overwrites.
    const command = buffer === readBytes
      ? decodeCommand(Buffer.from(buffer.subarray(headerStart, bodyEnd)), 0, headerEnd - headerStart, bodyEnd - headerStart, serializeTypeByte)
      : decodeCommand(buffer, headerStart, headerEnd, bodyEnd, serializeTypeByte);
    if ((command.flag & commandFlag.response) !== 0) connection.answered(command);
    else this.request(connection, command, bodyEnd - headerStart);
    return false;
  }

  /** Hot path: true when a fast handler took the frame, of which it keeps nothing. Anything out of the ordinary is left to the full reader. */
  private fast(connection: RemotingConnection, buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number): boolean {
    const { scan } = this;
    if (this.draining || !scan.scan(buffer, headerStart, headerEnd) || (scan.flag & commandFlag.response) !== 0) return false;
    const entry = this.byCode.get(scan.code);
    if (entry?.fast === undefined) return false;
    const { lane } = entry;
    if (!lane.free || lane.limits.reject?.() !== undefined) return false;
    const { opaque, flag } = scan;
    try {
      if (!entry.fast(connection, scan, buffer, headerEnd, bodyEnd)) return false;
    } catch (error) {
      const reply = this.errorReply(connection, entry.name, error);
      if ((flag & commandFlag.oneway) === 0) connection.reply(opaque, reply);
    }
    connection.counters.fastRequests++;
    return true;
  }

  /** A decoded request, with the bytes of its frame for the budget. */
  request(connection: RemotingConnection, command: Command, frameBytes: number): void {
    const entry = this.byCode.get(command.code);
    const oneway = (command.flag & commandFlag.oneway) !== 0;
    if (entry === undefined) {
      connection.counters.unsupported++;
      if (!oneway) connection.reply(command.opaque, { code: responseCodes.REQUEST_CODE_NOT_SUPPORTED, remark: ` request type ${command.code} not supported` });
      return;
    }
    if (this.draining && command.version > goAwayVersionAbove) {
      connection.counters.goneAway++;
      if (!oneway) connection.reply(command.opaque, { code: responseCodes.GO_AWAY, remark: 'please go away' });
      return;
    }
    const rejected = entry.lane.rejection();
    if (rejected !== undefined) {
      if (!oneway) connection.reply(command.opaque, { code: responseCodes.SYSTEM_BUSY, remark: rejected === '' ? rejectRequestRemark : rejected });
      return;
    }
    entry.lane.submit(new Request(this, connection, command, entry, frameBytes));
  }

  /** What an error of a handler becomes: a Refusal its code and remark, anything else SYSTEM_ERROR, counted and logged. */
  errorReply(connection: RemotingConnection, name: RequestName, error: unknown): Reply {
    if (error instanceof Refusal) {
      connection.counters.refusals++;
      return { code: error.code, remark: error.message };
    }
    connection.counters.exceptions++;
    this.log.error({ request: name, peer: connection.remoteAddress, error }, 'handler failed');
    return { code: responseCodes.SYSTEM_ERROR, remark: exceptionText(error) };
  }
}

/** An unexpected exception as a remark: its name and message, as Java's `Throwable#toString` (`UtilAll#exceptionSimpleDesc`). */
export function exceptionText(error: unknown): string {
  if (!(error instanceof Error)) return 'Error: unknown';
  const text = error.message === '' ? error.name : `${error.name}: ${error.message}`;
  return text.length > 1024 ? `${text.slice(0, 1024)}...` : text;
}

/** One request on its way through a lane: the handler's context and the lane's task in one object. */
class Request implements Ctx, LaneTask {
  readonly connection: RemotingConnection;
  command: Command;
  readonly receivedMs: number;
  private readonly dispatcher: Dispatcher;
  private readonly entry: Entry;
  private readonly frameBytes: number;
  private answered: boolean;

  constructor(dispatcher: Dispatcher, connection: RemotingConnection, command: Command, entry: Entry, frameBytes: number) {
    this.dispatcher = dispatcher;
    this.connection = connection;
    this.command = command;
    this.entry = entry;
    this.frameBytes = frameBytes;
    this.receivedMs = connection.receivedMs;
    this.answered = (command.flag & commandFlag.oneway) !== 0;
  }

  reply(reply: Reply): void {
    if (this.answered) return;
    this.answered = true;
    this.connection.reply(this.command.opaque, reply);
  }

  run(): Promise<void> | undefined {
    const { command, entry } = this;
    let result: Reply | undefined | Promise<Reply | undefined>;
    try {
      result = entry.handler(this, decodeHeader(entry.name, command.ext), command.body);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
    if (result === undefined) return undefined;
    if (!(result instanceof Promise)) {
      this.done(result);
      return undefined;
    }
    this.connection.holdRequest(this.frameBytes);
    return result.then(
      (reply) => {
        this.connection.releaseRequest(this.frameBytes);
        if (reply !== undefined) this.done(reply);
      },
      (error: unknown) => {
        this.connection.releaseRequest(this.frameBytes);
        this.fail(error);
      },
    );
  }

  /** The reply's encoding may fail (a value that is no header text): that is a defect of the handler, answered as one. */
  private done(reply: Reply): void {
    if (this.answered) return;
    try {
      this.reply(reply);
    } catch (error) {
      this.answered = false;
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.reply(this.dispatcher.errorReply(this.connection, this.entry.name, error));
  }

  refuse(remark: string): void {
    this.reply({ code: responseCodes.SYSTEM_BUSY, remark });
  }

  queued(): void {
    this.connection.holdRequest(this.frameBytes);
    const { body } = this.command;
    // A small body must not keep a large chunk alive while it waits.
    if (body.length > 0 && body.buffer.byteLength > 2 * body.length) this.command = { ...this.command, body: Buffer.from(body) };
  }

  unqueued(): void {
    this.connection.releaseRequest(this.frameBytes);
  }
}
