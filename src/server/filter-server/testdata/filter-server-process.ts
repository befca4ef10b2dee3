/** A real `skylark filter-server` for tests, and the requests its clients send. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc31 } from '../../../codec/crc32.js';
import { RawClient, sendExt, type Answer, type Port } from '../../testdata/process.js';

const main = fileURLToPath(new URL('../../main.js', import.meta.url));

export class FilterServerProcess {
  readonly child: ChildProcess;
  readonly port: Port;
  readonly dir: string;
  readonly exited: Promise<number | string>;

  private constructor(child: ChildProcess, ready: string, exited: Promise<number | string>) {
    this.child = child;
    const at = /filterServer=([^ ]+):(\d+)/.exec(ready);
    this.port = { host: at?.[1] ?? '', port: Number(at?.[2]) };
    this.dir = /dir=([^ ]+)/.exec(ready)?.[1] ?? '';
    this.exited = exited;
  }

  get address(): string {
    return `${this.port.host}:${this.port.port}`;
  }

  static start(args: readonly string[]): Promise<FilterServerProcess> {
    const child = spawn(process.execPath, [main, 'filter-server', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
    const exited = new Promise<number | string>((resolve) => child.once('close', (code, signal) => resolve(code ?? signal ?? 'gone')));
    return new Promise((resolve, reject) => {
      child.stdout.once('data', (chunk: Buffer) => resolve(new FilterServerProcess(child, chunk.toString(), exited)));
      void exited.then((how) => reject(new Error(`the filter server ended with ${how}: ${stderr}`)));
    });
  }

  /** A process that is killed leaves its folder; this one does not. */
  async kill(signal: NodeJS.Signals): Promise<number | string> {
    this.child.kill(signal);
    const how = await this.exited;
    if (signal === 'SIGKILL' && this.dir !== '') rmSync(this.dir, { recursive: true, force: true });
    return how;
  }
}

export async function upload(client: RawClient, className: string, source: string, more: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
  const body = Buffer.from(source);
  const answer = await client.request(302, { consumerGroup: 'G', topic: 'T', className, classCRC: crc31(body, 0, body.length), ...more }, body);
  if (answer === undefined) throw new Error('closed');
  return answer;
}

export interface PullOptions {
  readonly topic?: string;
  readonly queueId?: number;
  readonly maxMsgNums?: number;
  readonly suspendMs?: number;
}

/** The pull that a push consumer with a filter class sends. */
export async function pull(client: RawClient, queueOffset: number, { topic = 'T', queueId = 0, maxMsgNums = 32, suspendMs = 0 }: PullOptions = {}): Promise<Answer> {
  const answer = await client.request(11, {
    consumerGroup: 'G', topic, queueId, queueOffset, maxMsgNums, sysFlag: 8 | (suspendMs > 0 ? 2 : 0), commitOffset: 0, suspendTimeoutMillis: suspendMs, subVersion: 1, expressionType: 'TAG',
  });
  if (answer === undefined) throw new Error('closed');
  return answer;
}

/** A topic of one queue with these bodies; a property `n` says the number of each. */
export async function fill(broker: RawClient, topic: string, bodies: readonly string[], from = 0): Promise<void> {
  await broker.request(17, { topic, defaultTopic: 'TBW102', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false });
  for (const [index, body] of bodies.entries()) {
    const sent = await broker.request(310, sendExt(topic, { i: `n\u0001${from + index}\u0002` }), Buffer.from(body));
    if (sent?.code !== 0) throw new Error(`not sent: ${sent?.code ?? 'closed'} ${sent?.remark ?? ''}`);
  }
}

/** filterServerTable of a topic's route. */
export async function filterServersOf(namesrv: RawClient, topic: string): Promise<Record<string, string[]>> {
  const answer = await namesrv.request(105, { topic });
  if (answer?.code !== 0) return {};
  return (JSON.parse(answer.body.toString()) as { filterServerTable: Record<string, string[]> }).filterServerTable;
}

export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
