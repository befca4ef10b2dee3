/**
 * One client connection through the fault proxy: two pipes, and an eye on the frames in both directions. Answers that name the
 * endpoint's address are rewritten to name the proxy, so that clients stay behind it; a send may be doomed to lose its answer.
 */
import { connect, type Socket } from 'node:net';
import { req } from '../codes.js';
import { splitAddress, type HostPort } from '../connection.js';
import { Cutter, encodeAltered } from '../saboteur/link.js';
import { decodeFrame, type Command } from '../wire/frame.js';
import { resetSocket } from '../wire/reset.js';
import { Pipe, type Conditions } from './pipe.js';

/** Requests that a producer sends again when their answer is lost. */
const sendCodes: ReadonlySet<number> = new Set([req.SEND_MESSAGE, req.SEND_MESSAGE_V2, req.SEND_BATCH_MESSAGE, req.SEND_REPLY_MESSAGE, req.SEND_REPLY_MESSAGE_V2]);

/** How a connection ends. */
export type Ending = 'reset' | 'fin';

/** A connection that was ended in order and is not read any more is given up after it. */
const endMsMax = 2000;

/** Answers that are to be lost, remembered for one connection; more pass. */
const doomedMax = 1000;

export interface LinkOptions {
  readonly client: Socket;
  readonly server: HostPort;
  readonly conditions: (direction: 'toServer' | 'toClient', link: FaultLink) => Conditions;
  /** Whether frames of the remoting protocol are looked for; without, bytes pass as they come. */
  readonly frames: boolean;
  /** A text with the proxy's addresses where it had the endpoint's. */
  readonly rewrite: (text: string) => string;
  /** Whether this send loses its answer, and how the connection then ends. */
  readonly doom: () => Ending | undefined;
  /** The endpoint had answered a doomed send when its connection was cut. */
  readonly onLostAnswer: () => void;
  readonly onClose: (link: FaultLink) => void;
}

export class FaultLink {
  private readonly options: LinkOptions;
  private readonly client: Socket;
  private readonly server: Socket;
  private readonly toServer: Pipe;
  private readonly toClient: Pipe;
  private readonly fromClient = new Cutter();
  private readonly fromServer = new Cutter();
  private readonly doomed = new Map<number, Ending>();
  private closed = false;
  private halfClosed = false;

  constructor(options: LinkOptions) {
    const target = splitAddress(options.server);
    if (target === undefined) throw new Error(`'${options.server}' is no HOST:PORT`);
    this.options = options;
    this.client = options.client;
    this.server = connect({ ...target, allowHalfOpen: true });
    this.client.setNoDelay(true);
    this.server.setNoDelay(true);
    this.toServer = new Pipe(this.client, this.server, () => options.conditions('toServer', this));
    this.toClient = new Pipe(this.server, this.client, () => options.conditions('toClient', this));
    this.server.once('connect', () => this.pump());
    this.client.on('data', (chunk: Buffer) => {
      if (options.frames) this.watch(chunk);
      this.toServer.push(chunk);
    });
    this.server.on('data', (chunk: Buffer) => (options.frames ? this.onServerData(chunk) : this.toClient.push(chunk)));
    this.client.on('end', () => this.toServer.end());
    this.server.on('end', () => {
      this.toClient.push(this.fromServer.rest());
      this.toClient.end();
    });
    for (const socket of [this.client, this.server]) {
      socket.on('error', () => this.cut('reset'));
      socket.on('close', () => this.whenClosed());
    }
  }

  /** By it the server knows this connection. */
  get serverSidePort(): number | undefined {
    return this.server.localPort;
  }

  /** Bytes that wait in the proxy. */
  get pendingBytes(): number {
    return this.toServer.pendingBytes + this.toClient.pendingBytes;
  }

  /** Looks at the conditions again. */
  pump(): void {
    this.toServer.pump();
    this.toClient.pump();
  }

  /** Sends on their way keep their answers. */
  pardon(): void {
    this.doomed.clear();
  }

  /** Ends both connections; what waits is lost. */
  cut(by: Ending): void {
    if (this.closed) return;
    this.closed = true;
    this.toServer.close();
    this.toClient.close();
    for (const socket of [this.client, this.server]) {
      if (by === 'reset' || socket.connecting) resetSocket(socket);
      else endSocket(socket);
      socket.resume();
    }
    this.options.onClose(this);
  }

  /** Ends the direction to one side; the other goes on. */
  halfClose(side: 'client' | 'server'): void {
    this.halfClosed = true;
    (side === 'client' ? this.toClient : this.toServer).endNow();
  }

  get isHalfClosed(): boolean {
    return this.halfClosed;
  }

  /** Both sides have ended: nothing more will come. */
  private whenClosed(): void {
    if (this.client.destroyed && (this.server.destroyed || this.toServer.pendingBytes === 0)) this.cut('fin');
    else if (this.server.destroyed && this.toClient.pendingBytes === 0) this.cut('fin');
  }

  private watch(chunk: Buffer): void {
    for (const bytes of this.fromClient.push(chunk).frames) {
      const command = decodeOrUndefined(bytes);
      if (command === undefined || (command.flag & 3) !== 0 || !sendCodes.has(command.code) || this.doomed.size >= doomedMax) continue;
      const ending = this.options.doom();
      if (ending !== undefined) this.doomed.set(command.opaque, ending);
    }
  }

  private onServerData(chunk: Buffer): void {
    const { frames, loose } = this.fromServer.push(chunk);
    for (const bytes of frames) {
      const came = decodeOrUndefined(bytes);
      const ending = came === undefined || (came.flag & 1) === 0 ? undefined : this.doomed.get(came.opaque);
      if (ending !== undefined) {
        this.options.onLostAnswer();
        this.cut(ending);
        return;
      }
      this.toClient.push(came === undefined ? bytes : this.rewritten(came, bytes));
    }
    if (loose !== undefined) this.toClient.push(loose);
  }

  /** Routes and cluster information are JSON; nothing else is read by clients to find a broker. */
  private rewritten(came: Command, bytes: Buffer): Buffer {
    if (came.body[0] !== 0x7b && came.body[0] !== 0x5b) return bytes;
    const text = came.body.toString('utf8');
    const out = this.options.rewrite(text);
    return out === text ? bytes : encodeAltered(came, bytes, { ...came, body: Buffer.from(out, 'utf8') });
  }
}

/** FIN, then gone; a peer that does not read has that long. */
function endSocket(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), endMsMax);
  socket.end(() => socket.destroy());
  socket.once('close', () => clearTimeout(timer));
}

function decodeOrUndefined(bytes: Buffer): Command | undefined {
  try {
    return decodeFrame(bytes);
  } catch {
    return undefined; // not the protocol: it passes as it is
  }
}
