/** A gRPC call without a transport: it keeps what was sent. */
import { grpcPrefixBytes, grpcStatus, type GrpcCall } from '../../../remoting/grpc.js';

export interface KeptCallOptions {
  readonly headers?: GrpcCall['headers'];
  readonly peer?: GrpcCall['peer'];
  readonly deadlineMs?: number | undefined;
}

export class KeptCall implements GrpcCall {
  readonly headers: GrpcCall['headers'];
  readonly peer: GrpcCall['peer'];
  deadlineMs: number | undefined;
  open = true;
  /** Messages without their prefix. */
  readonly sent: Buffer[] = [];
  /** How it was ended; undefined when its caller left, or it is open. */
  status: number | undefined;
  text: string | undefined;
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  private finish: () => void = () => undefined;
  private readonly listeners: (() => void)[] = [];

  constructor({ headers = {}, peer = { address: '10.0.0.9', port: 5000, localAddress: '127.0.0.1' }, deadlineMs }: KeptCallOptions = {}) {
    this.headers = { 'x-mq-client-id': 'client-1', 'x-mq-language': 'JAVA', 'x-mq-client-version': '5.2.0', ...headers };
    this.peer = peer;
    this.deadlineMs = deadlineMs;
    this.over = new Promise((resolve) => (this.finish = resolve));
  }

  send(message: Buffer): void {
    if (this.open) this.sent.push(message.subarray(grpcPrefixBytes));
  }

  end(status: number = grpcStatus.OK, text?: string): void {
    if (!this.open) return;
    this.status = status;
    this.text = text;
    this.leave();
  }

  onClose(listener: () => void): void {
    if (this.open) this.listeners.push(listener);
    else listener();
  }

  /** The caller goes. */
  leave(): void {
    this.open = false;
    this.finish();
    for (const listener of this.listeners.splice(0)) listener();
  }
}
