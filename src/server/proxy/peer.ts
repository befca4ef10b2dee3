/**
 * A gRPC client as the broker's handlers see it: a Connection that has no socket. Answers come back to whoever asked; what the broker sends by
 * itself (transaction checks, questions to consumers) goes to the owner.
 */
import type { Command } from '../../codec/command.js';
import { Fault } from '../../codec/errors.js';
import { hostBytes } from '../../codec/host-address.js';
import type { GrpcPeer } from '../../remoting/grpc.js';
import type { Connection, OutgoingRequest, Reply } from '../../remoting/types.js';

/** Connections with sockets count from 1. */
let lastId = 2 ** 40;

const noHost = Buffer.alloc(8);

/** What the broker sends to a client by itself. */
export interface PeerOwner {
  notify(request: OutgoingRequest): boolean;
  call(request: OutgoingRequest, timeoutMs: number): Promise<Command>;
}

export class LocalPeer implements Connection {
  readonly id = ++lastId;
  readonly remoteAddress: string;
  readonly remoteHost: Buffer;
  readonly localHost: string;
  readonly localPort = 0;
  state: unknown = undefined;
  private readonly owner: PeerOwner | undefined;
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private readonly closeListeners: (() => void)[] = [];
  private lastOpaque = 0;
  private isOpen = true;

  constructor(peer: GrpcPeer, owner?: PeerOwner) {
    this.owner = owner;
    const host = hostBytes(peer.address, peer.port);
    this.remoteHost = host === undefined ? noHost : Buffer.from(host);
    this.remoteAddress = `${peer.address.replace(/^::ffff:/, '')}:${peer.port}`;
    this.localHost = peer.localAddress.replace(/^::ffff:/, '');
  }

  get open(): boolean {
    return this.isOpen;
  }

  /** A request of this client begins: its opaque, and who gets the answer. */
  asked(answered: (reply: Reply) => void): number {
    const opaque = ++this.lastOpaque;
    this.waiting.set(opaque, answered);
    return opaque;
  }

  reply(opaque: number, reply: Reply): void {
    const answered = this.waiting.get(opaque);
    if (answered === undefined) return;
    this.waiting.delete(opaque);
    answered(reply);
  }

  notify(request: OutgoingRequest): boolean {
    return this.isOpen && this.owner?.notify(request) === true;
  }

  call(request: OutgoingRequest, timeoutMs: number): Promise<Command> {
    return this.owner === undefined || !this.isOpen ? Promise.reject(new Fault('the client is gone')) : this.owner.call(request, timeoutMs);
  }

  /** Frames of the hot path belong to sockets; nothing here asks by it. */
  write(): void {
    throw new Error('a gRPC client takes no frames');
  }

  writeOwned(): void {
    throw new Error('a gRPC client takes no frames');
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.waiting.clear();
    for (const listener of this.closeListeners.splice(0)) listener();
  }

  onClose(listener: () => void): void {
    if (this.isOpen) this.closeListeners.push(listener);
    else listener();
  }
}
