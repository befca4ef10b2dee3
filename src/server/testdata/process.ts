/**
 * A real server process for hostile tests, and a raw client that can say anything to it. Frames are built here by hand, so that
 * a mistake shared with the codec does not hide. What is asserted is the tests'.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../main.js', import.meta.url));

/** Longest wait for anything a server has to do, in milliseconds: a defect, not a measure, is what exceeds it. */
export const patienceMs = 60_000;

export interface Port {
  readonly host: string;
  readonly port: number;
}

/** One running `skylark start`. */
export class ServerProcess {
  readonly child: ChildProcess;
  readonly namesrv: Port;
  readonly broker: Port;
  /** What it wrote to standard error so far. */
  readonly errors: () => string;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;

  constructor(child: ChildProcess, ready: string, errors: () => string, exited: Promise<number | string>) {
    this.child = child;
    this.namesrv = portOf(ready, 'namesrv');
    this.broker = portOf(ready, 'broker');
    this.errors = errors;
    this.exited = exited;
  }

  /** Resident bytes, or 0 where /proc is missing. */
  residentBytes(): number {
    const path = `/proc/${this.child.pid ?? 0}/status`;
    if (!existsSync(path)) return 0;
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  }

  kill(signal: NodeJS.Signals): Promise<number | string> {
    this.child.kill(signal);
    return this.exited;
  }
}

function portOf(ready: string, name: string): Port {
  const found = new RegExp(`${name}=([^ ]+):(\\d+)`).exec(ready);
  return { host: found?.[1] ?? '', port: Number(found?.[2] ?? 0) };
}

export interface Spawned {
  /** The ready line, or undefined when the process ended without one. */
  readonly server: ServerProcess | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number | string | undefined;
}

/** Runs `skylark start` on free ports until it says ready or ends; with `killAfterMs` it is killed when it does neither in time. */
export async function spawnServer(dataDir: string, args: readonly string[] = [], killAfterMs?: number): Promise<Spawned> {
  const ports = args.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(process.execPath, [main, 'start', ...ports, '--namesrv-port', '0', '--data', dataDir, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const killer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-200_000);
  });
  const exited = new Promise<number | string>((resolve) => child.on('close', (code, signal) => resolve(code ?? signal ?? 'gone')));
  const ready = new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      const line = /^ready .*$/m.exec(stdout)?.[0];
      if (line !== undefined && stdout.includes('\n')) resolve(line);
    });
  });
  const outcome = await Promise.race([ready, exited.then(() => undefined)]);
  clearTimeout(killer);
  if (outcome === undefined) return { server: undefined, stdout, stderr, exit: await exited };
  return { server: new ServerProcess(child, outcome, () => stderr, exited), stdout, stderr, exit: undefined };
}

/** A server that has to start. */
export async function startServer(dataDir: string, args: readonly string[] = []): Promise<ServerProcess> {
  const { server, stderr, exit } = await spawnServer(dataDir, args);
  if (server === undefined) throw new Error(`the server ended with ${String(exit)}: ${stderr}`);
  return server;
}

/** The two length words, then header and body as given. */
export function frame(header: string | Buffer, body: Buffer = Buffer.alloc(0), type = 0): Buffer {
  const head = Buffer.from(header as string);
  const words = Buffer.alloc(8);
  words.writeInt32BE(4 + head.length + body.length, 0);
  words.writeUInt32BE((type * 0x1000000 + head.length) >>> 0, 4);
  return Buffer.concat([words, head, body]);
}

export interface Answer {
  readonly code: number;
  readonly opaque: number;
  readonly flag: number;
  readonly remark: string;
  readonly ext: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

let lastOpaque = 0;

/** Text of a request's header. */
export function requestHeader(code: number, ext: Readonly<Record<string, unknown>>, opaque: number, flag = 0): string {
  return JSON.stringify({ code, language: 'JAVA', version: 477, opaque, flag, extFields: ext });
}

/** One TCP connection; answers are matched by opaque. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  isClosed = false;
  /** Frames that answered nothing that waits: notices, and answers to frames sent with `write`. */
  readonly others: Answer[] = [];
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  #held: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true;
        for (const done of this.#waiting.values()) done(undefined);
        this.#waiting.clear();
        resolve();
      });
    });
  }

  static open(port: Port): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: port.host, port: port.port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** The answer, or undefined when the connection closed instead. Rejects when neither happened in time: nothing may be left unanswered. */
  request(code: number, ext: Readonly<Record<string, unknown>> = {}, body?: Buffer): Promise<Answer | undefined> {
    const opaque = ++lastOpaque;
    return this.sent(frame(requestHeader(code, ext, opaque), body), opaque);
  }

  /** Writes a frame of the caller's and waits for the answer with `opaque`. */
  sent(bytes: Buffer, opaque: number, waitMs = patienceMs): Promise<Answer | undefined> {
    if (this.isClosed) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(opaque);
        reject(new Error(`neither an answer nor a close within ${waitMs} ms`));
      }, waitMs);
      this.#waiting.set(opaque, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.write(bytes);
    });
  }

  #take(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    while (this.#held.length >= 4) {
      const total = this.#held.readInt32BE(0);
      if (this.#held.length < 4 + total) return;
      const headerBytes = this.#held.readInt32BE(4) & 0xffffff;
      const header = JSON.parse(this.#held.toString('utf8', 8, 8 + headerBytes)) as Partial<Answer> & { extFields?: Record<string, string> };
      const answer: Answer = {
        code: header.code ?? 0, opaque: header.opaque ?? 0, flag: header.flag ?? 0, remark: header.remark ?? '', ext: header.extFields ?? {},
        body: Buffer.from(this.#held.subarray(8 + headerBytes, 4 + total)),
      };
      this.#held = this.#held.subarray(4 + total);
      const waiting = (answer.flag & 1) !== 0 ? this.#waiting.get(answer.opaque) : undefined;
      if (waiting === undefined) this.others.push(answer);
      else {
        this.#waiting.delete(answer.opaque);
        waiting(answer);
      }
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A well-behaved connection that asks all along; `stop` says how often it was answered and with what else than success. */
export class Ping {
  answers = 0;
  readonly wrong: string[] = [];
  #running = true;
  readonly #client: RawClient;
  readonly #done: Promise<void>;

  private constructor(client: RawClient, code: number, ext: Readonly<Record<string, unknown>>) {
    this.#client = client;
    this.#done = this.#run(code, ext);
  }

  static async start(port: Port, code = 28, ext: Readonly<Record<string, unknown>> = {}): Promise<Ping> {
    return new Ping(await RawClient.open(port), code, ext);
  }

  async #run(code: number, ext: Readonly<Record<string, unknown>>): Promise<void> {
    while (this.#running) {
      try {
        const answer = await this.#client.request(code, ext);
        if (answer === undefined || answer.code !== 0) this.wrong.push(answer === undefined ? 'closed' : `${answer.code} ${answer.remark}`);
        else this.answers++;
        if (answer === undefined) return;
      } catch (error) {
        this.wrong.push(String(error));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<{ answers: number; wrong: readonly string[] }> {
    this.#running = false;
    await this.#done;
    this.#client.close();
    return { answers: this.answers, wrong: this.wrong };
  }
}

/** Waits until `test` holds; throws when it does not in time. */
export async function until(what: string, test: () => boolean | Promise<boolean>, waitMs = patienceMs): Promise<void> {
  const end = Date.now() + waitMs;
  while (!(await test())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${waitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function sendExt(topic: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { a: 'PG', b: topic, c: 'TBW102', d: '4', e: '0', f: '0', g: '1700000000000', h: '0', i: '', j: '0', k: 'false', m: 'false', ...more };
}
