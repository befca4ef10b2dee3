/**
 * A filter in Java: a child JVM of its own, which compiles the uploaded source and judges with it (java/skylark/FilterMain.java has the frames of
 * its stdin and stdout). Its heap, metaspace, stacks and direct memory are bounded by the JVM, its time by running-filter.ts, which ends it with
 * SIGKILL. It is started without a shell, with an empty environment, in a folder of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { parseHost } from '../../codec/host-address.js';
import type { DecodedMessage } from '../../codec/stored-message.js';
import { compileProgram, findJdk, type Environment, type Jdk } from './jdk.js';
import { shortened, type OpenSandbox, type Sandbox, type SandboxEvents, type SandboxReply } from './sandbox.js';

export interface JavaLimits {
  readonly filterJavaHome: string;
  readonly filterJavaWrapper: string;
  readonly filterMemoryMb: number;
}

const requestKinds = { LOAD: 1, MATCH: 2 } as const;
const replyKinds = { LOADED: 0, FAILED: 1, MATCHED: 2, NOT_MATCHED: 3, THREW: 4 } as const;
/** No answer is longer: texts are cut to 1000 characters. */
const replyBytesMax = 8192;
/** A compiler that failed is not asked again before, in milliseconds. */
const compileAgainMs = 60_000;

/** Grows as it is written to. */
class Frame {
  #bytes = Buffer.alloc(1024);
  #length = 4;

  #room(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }

  int8(value: number): this {
    const at = this.#room(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value | 0, at);
    return this;
  }

  int64(value: number): this {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(BigInt(value), at);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.int32(value.length);
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value, 'utf8'));
  }

  host(value: string): this {
    const host = parseHost(value) ?? new Uint8Array(8);
    return this.bytes(host.subarray(0, -4)).int32(Buffer.from(host).readInt32BE(host.length - 4));
  }

  done(): Buffer {
    this.#bytes.writeInt32BE(this.#length - 4, 0);
    return this.#bytes.subarray(0, this.#length);
  }
}

function loadFrame(className: string, source: string): Buffer {
  return new Frame().int8(requestKinds.LOAD).text(className).text(source).done();
}

/** As `FilterMain#message` reads it. */
function matchFrame(consumerGroup: string, message: DecodedMessage): Buffer {
  const frame = new Frame().int8(requestKinds.MATCH).text(consumerGroup);
  frame.text(message.topic).int32(message.queueId).int32(message.flag).int64(message.queueOffset).int64(message.phyOffset).int32(message.sysFlag);
  frame.int64(message.bornTimestamp).host(message.bornHost).int64(message.storeTimestamp).host(message.storeHost).int32(message.reconsumeTimes);
  frame.int64(message.preparedTransactionOffset).int32(message.bodyCrc).int32(message.storeSize);
  // As MessageClientExt#getMsgId: the client's own id where there is one.
  frame.text(message.properties.get('UNIQ_KEY') ?? message.msgId).int32(message.properties.size);
  for (const [name, value] of message.properties) frame.text(name).text(value);
  return frame.bytes(message.body).done();
}

function replyOf(kind: number, text: string): SandboxReply | undefined {
  switch (kind) {
    case replyKinds.LOADED:
      return { kind: 'loaded' };
    case replyKinds.FAILED:
      return { kind: 'failed', text: shortened(text) };
    case replyKinds.MATCHED:
      return { kind: 'verdict', matched: true };
    case replyKinds.NOT_MATCHED:
      return { kind: 'verdict', matched: false };
    case replyKinds.THREW:
      return { kind: 'threw', text: shortened(text) };
    default:
      return undefined;
  }
}

function jvmOptions(limits: JavaLimits, dir: string): string[] {
  return [
    `-Xmx${limits.filterMemoryMb}m`, '-Xms8m', '-Xss512k', '-XX:MaxMetaspaceSize=64m', '-XX:ReservedCodeCacheSize=32m', '-XX:MaxDirectMemorySize=8m', '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1', '-XX:+ExitOnOutOfMemoryError', '-XX:+DisplayVMOutputToStderr', '-XX:-UsePerfData', '-XX:+DisableAttachMechanism', `-XX:ErrorFile=${join(dir, 'hs_err.log')}`,
    '-Djava.awt.headless=true', `-Djava.io.tmpdir=${dir}`, `-Duser.home=${dir}`, '-Djava.util.concurrent.ForkJoinPool.common.parallelism=1', '-Dfile.encoding=UTF-8',
  ];
}

/** Opens JVMs; `root` is the filter server's temporary folder, below which everything is written. */
export class JavaSandboxes {
  readonly #limits: JavaLimits;
  readonly #root: string;
  readonly #env: Environment;
  readonly #nowMs: () => number;
  #program: Promise<{ readonly jdk: Jdk; readonly classes: string }> | undefined;
  #failedMs = 0;

  constructor(limits: JavaLimits, root: string, env: Environment, nowMs: () => number) {
    this.#limits = limits;
    this.#root = root;
    this.#env = env;
    this.#nowMs = nowMs;
  }

  /** Why there is no Java here, or undefined. */
  missing(): string | undefined {
    const jdk = findJdk(this.#limits.filterJavaHome, this.#env);
    return typeof jdk === 'string' ? jdk : undefined;
  }

  readonly open: OpenSandbox = async (events) => {
    const { jdk, classes } = await this.#compiled();
    const dir = mkdtempSync(join(this.#root, 'jvm-'));
    const words = [...this.#limits.filterJavaWrapper.split(' ').filter((word) => word !== ''), jdk.java, ...jvmOptions(this.#limits, dir), '-cp', classes, 'skylark.FilterMain'];
    const child = spawn(words[0] ?? jdk.java, words.slice(1), { cwd: dir, env: {}, stdio: ['pipe', 'pipe', 'ignore'] });
    return started(child, events, () => rmSync(dir, { recursive: true, force: true, maxRetries: 2 }));
  };

  #compiled(): Promise<{ readonly jdk: Jdk; readonly classes: string }> {
    if (this.#program !== undefined && (this.#failedMs === 0 || this.#nowMs() - this.#failedMs < compileAgainMs)) return this.#program;
    this.#failedMs = 0;
    const jdk = findJdk(this.#limits.filterJavaHome, this.#env);
    if (typeof jdk === 'string') return Promise.reject(new Error(`filters in Java are not served: ${jdk}`));
    const program = compileProgram(jdk, this.#root, {}).then((classes) => ({ jdk, classes }));
    this.#program = program;
    program.catch(() => {
      this.#failedMs = this.#nowMs();
    });
    return program;
  }
}

/** The child once it runs; its end is told once. */
function started(child: ChildProcess, events: SandboxEvents, cleanUp: () => void): Promise<Sandbox> {
  return new Promise((resolve, reject) => {
    const { stdin, stdout } = child;
    let running = false;
    let why = '';
    const gone = new Promise<void>((done) => {
      child.once('close', (code, signal) => {
        cleanUp();
        const text = why === '' ? `the filter's JVM ended (${signal ?? `exit ${String(code)}`})` : why;
        if (running) events.gone(text);
        else reject(new Error(text));
        done();
      });
    });
    child.once('error', (error) => {
      why = `the filter's JVM cannot be started: ${error.message}`;
      if (child.pid !== undefined) return;
      cleanUp();
      reject(new Error(why));
    });
    child.once('spawn', () => {
      running = true;
      lowerPriority(child.pid);
      resolve({
        load: (className, source) => void stdin?.write(loadFrame(className, source)),
        match: (consumerGroup, message) => void stdin?.write(matchFrame(consumerGroup, message)),
        async kill() {
          child.kill('SIGKILL');
          await gone;
        },
      });
    });
    stdin?.on('error', () => undefined);
    let held: Buffer = Buffer.alloc(0);
    stdout?.on('data', (chunk: Buffer) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      while (held.length >= 4) {
        const length = held.readInt32BE(0);
        const reply = length < 1 || length > replyBytesMax ? undefined : held.length < 4 + length ? 'later' : replyOf(held.readInt8(4), held.toString('utf8', 5, 4 + length));
        if (reply === 'later') return;
        if (reply === undefined) {
          why = "the filter's JVM wrote what is no answer";
          child.kill('SIGKILL');
          return;
        }
        held = held.subarray(4 + length);
        events.reply(reply);
      }
    });
  });
}

/** Filters yield to brokers; where that is not allowed they do not. */
function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // not allowed here
  }
}
