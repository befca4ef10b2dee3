/**
 * The clients of the gRPC service by their id: what they said of themselves, their Telemetry stream, and how they stand at the broker as
 * producer or consumer. A client that sends no heartbeats is forgotten when the broker's registries let go of it.
 */
import type { Command } from '../../codec/command.js';
import { Fault } from '../../codec/errors.js';
import { clientType, grpcCode, grpcMethods, type Settings, type TelemetryCommand } from '../../codec/grpc-messages.js';
import type { Partly, Value } from '../../codec/protobuf.js';
import { grpcPrefixBytes, type GrpcCall, type GrpcPeer } from '../../remoting/grpc.js';
import type { OutgoingRequest } from '../../remoting/types.js';
import { LocalPeer, type PeerOwner } from './peer.js';
import { GrpcRefusal } from './status.js';

export type SettingsValue = Value<typeof Settings>;
type CommandValue = Value<typeof TelemetryCommand>;

/** Clients at once. */
export const clientsMax = 100_000;

/** What becomes of the broker's own requests to a client: transactions.ts and relay.ts know. */
export interface Relay {
  notify(client: ProxyClient, request: OutgoingRequest): boolean;
  call(client: ProxyClient, request: OutgoingRequest, timeoutMs: number): Promise<Command>;
}

export class ProxyClient implements PeerOwner {
  readonly id: string;
  readonly peer: LocalPeer;
  settings: SettingsValue | undefined;
  private readonly relay: Relay;
  private readonly silent: (client: ProxyClient) => void;
  private telemetry: GrpcCall | undefined;

  constructor(id: string, peer: GrpcPeer, relay: Relay, silent: (client: ProxyClient) => void) {
    this.id = id;
    this.relay = relay;
    this.silent = silent;
    this.peer = new LocalPeer(peer, this);
  }

  get isConsumer(): boolean {
    const type = this.settings?.clientType;
    return type === clientType.PUSH_CONSUMER || type === clientType.SIMPLE_CONSUMER || type === clientType.LITE_PUSH_CONSUMER;
  }

  /** Commands go to this stream from now on. */
  opened(telemetry: GrpcCall): void {
    if (this.telemetry === telemetry) return;
    this.telemetry = telemetry;
    telemetry.onClose(() => {
      if (this.telemetry !== telemetry) return;
      this.telemetry = undefined;
      this.silent(this);
    });
  }

  /** Sends a command; false when no stream is open. */
  tell(command: Partly<CommandValue>): boolean {
    const { telemetry } = this;
    if (telemetry?.open !== true) return false;
    telemetry.send(grpcMethods.Telemetry.answer.encode(command, grpcPrefixBytes));
    return true;
  }

  notify(request: OutgoingRequest): boolean {
    return this.relay.notify(this, request);
  }

  call(request: OutgoingRequest, timeoutMs: number): Promise<Command> {
    return this.relay.call(this, request, timeoutMs);
  }
}

export class ProxyClients {
  private readonly byId = new Map<string, ProxyClient>();
  private readonly relay: Relay;
  private readonly silent: (client: ProxyClient) => void;

  /** @param silent told of a client whose Telemetry stream ended, or that left */
  constructor(relay: Relay, silent: (client: ProxyClient) => void) {
    this.relay = relay;
    this.silent = silent;
  }

  get size(): number {
    return this.byId.size;
  }

  get(id: string): ProxyClient | undefined {
    return this.byId.get(id);
  }

  /** The client of this id, made when it is new. */
  open(id: string, peer: GrpcPeer): ProxyClient {
    const known = this.byId.get(id);
    if (known !== undefined) return known;
    if (this.byId.size >= clientsMax) throw new GrpcRefusal(grpcCode.TOO_MANY_REQUESTS, `clients of this broker: at most ${clientsMax} are allowed`);
    const client = new ProxyClient(id, peer, this.relay, this.silent);
    this.byId.set(id, client);
    client.peer.onClose(() => {
      if (this.byId.get(id) === client) this.byId.delete(id);
      this.silent(client);
    });
    return client;
  }

  /** The client has left. */
  close(id: string): void {
    this.byId.get(id)?.peer.close();
  }

  closeAll(): void {
    for (const client of [...this.byId.values()]) client.peer.close();
  }
}

/** A client that is not there or has no stream cannot be asked. */
export function notConnected(client: ProxyClient): Fault {
  return new Fault(`the client ${client.id} has no Telemetry stream`);
}
