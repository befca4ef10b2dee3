/** A server of tests that does what a script says with each connection: the endpoint that is not RocketMQ, hangs, lies or leaves. */
import { createServer, type Server, type Socket } from 'node:net';
import { decodeFrame, encodeFrame, FrameSplitter, type Command, type FrameInput } from '../wire/frame.js';
import { WireViolation } from '../wire/violation.js';

/** What to do with a request: an answer, bytes as they are, or nothing. */
export type Script = (request: Command, socket: Socket) => Partial<FrameInput> | Buffer | undefined;

/** The requests that a chunk ends. Bytes that are none, which some cases send on purpose, end the connection. */
function read(splitter: FrameSplitter, chunk: Buffer, socket: Socket): readonly Command[] {
  try {
    return [...splitter.push(chunk)].map(decodeFrame);
  } catch (error) {
    if (!(error instanceof WireViolation)) throw error;
    socket.destroy();
    return [];
  }
}

export class ScriptedServer {
  readonly address: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(server: Server, sockets: Set<Socket>, port: number) {
    this.server = server;
    this.sockets = sockets;
    this.address = `127.0.0.1:${port}`;
  }

  /** Listens on a free loopback port. `greet` sees each connection before any byte. */
  static start(script: Script, greet: (socket: Socket) => void = () => undefined): Promise<ScriptedServer> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      const splitter = new FrameSplitter();
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
      socket.on('data', (chunk: Buffer) => {
        for (const request of read(splitter, chunk, socket)) {
          const answer = script(request, socket);
          if (answer !== undefined) socket.write(Buffer.isBuffer(answer) ? answer : encodeFrame({ code: 0, opaque: request.opaque, flag: 1, ...answer }));
        }
      });
      greet(socket);
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        if (address === null || typeof address === 'string') reject(new Error('no port'));
        else resolve(new ScriptedServer(server, sockets, address.port));
      });
    });
  }

  stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
