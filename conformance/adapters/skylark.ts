/**
 * The product's own build as an endpoint: `node dist/src/server/launch.js start` on free ports. It is driven only through its
 * command line, its one `ready` line and signals, as any user would.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoint, EndpointOptions } from '../endpoint.js';
import { Child, projectRoot } from '../process.js';

export interface SkylarkOptions extends EndpointOptions {
  /** Further words of the command line, such as `--flush sync`. */
  readonly args?: readonly string[];
  /** Another build than dist/src/server/launch.js of the project. */
  readonly main?: string;
}

/** A defect, not a busy machine, is what exceeds it. */
const startTimeoutMs = 300_000;

/** The compiled command that is driven: SKYLARK_MAIN, or the build in dist. */
export function skylarkMain(): string {
  return process.env['SKYLARK_MAIN'] ?? join(projectRoot, 'dist/src/server/launch.js');
}

export class SkylarkEndpoint implements Endpoint {
  readonly name = 'skylark';
  readonly dataDir: string;
  private readonly options: SkylarkOptions;
  private readonly parent: string;
  private child: Child | undefined;
  private addresses: { namesrv: string; broker: string; grpc: string | undefined } | undefined;

  private constructor(options: SkylarkOptions) {
    this.options = options;
    this.parent = mkdtempSync(join(tmpdir(), 'skylark-endpoint-'));
    this.dataDir = options.dataDir ?? join(this.parent, 'store');
  }

  static async start(options: SkylarkOptions = {}): Promise<SkylarkEndpoint> {
    const endpoint = new SkylarkEndpoint(options);
    try {
      await endpoint.restart();
    } catch (error) {
      await endpoint.dispose();
      throw error;
    }
    return endpoint;
  }

  get namesrv(): string {
    return this.started().namesrv;
  }

  get broker(): string {
    return this.started().broker;
  }

  get grpc(): string | undefined {
    return this.started().grpc;
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  async restart(): Promise<void> {
    if (this.child?.running === true) throw new Error('the broker is running');
    const main = this.options.main ?? skylarkMain();
    if (!existsSync(main)) throw new Error(`${main} is not built: npm run build`);
    const port = (address: string | undefined): string => address?.split(':').at(-1) ?? '0';
    const args = [main, 'start', '--port', port(this.addresses?.broker), '--namesrv-port', port(this.addresses?.namesrv), '--grpc-port', port(this.addresses?.grpc), '--data', this.dataDir];
    if (this.options.config !== undefined) {
      const conf = join(this.parent, 'broker.conf');
      writeFileSync(conf, Object.entries(this.options.config).map(([key, value]) => `${key}=${value}\n`).join(''));
      args.push('--config', conf);
    }
    const child = new Child('skylark', process.execPath, [...args, ...(this.options.args ?? [])]);
    this.child = child;
    const ready = await child.line((line) => line.startsWith('ready '), startTimeoutMs);
    const field = (name: string): string => {
      const value = new RegExp(`(?:^| )${name}=(\\S+)`).exec(ready)?.[1];
      if (value === undefined) throw new Error(`no ${name}= in: ${ready}`);
      return value;
    };
    this.addresses = { namesrv: field('namesrv'), broker: field('broker'), grpc: /(?:^| )grpc=(\S+)/.exec(ready)?.[1] };
  }

  async stop(): Promise<void> {
    const exit = await this.child?.stop();
    if (exit !== undefined && exit !== 0 && exit !== 'SIGKILL') throw new Error(`skylark answered SIGTERM with exit ${exit}:\n${this.child?.tail.join('\n')}`);
    if (exit === 'SIGKILL' && this.killed !== this.child) throw new Error('skylark did not stop on SIGTERM in time');
  }

  async kill(): Promise<void> {
    this.killed = this.child;
    await this.child?.kill();
  }

  async dispose(): Promise<void> {
    try {
      await this.stop();
    } finally {
      rmSync(this.parent, { recursive: true, force: true });
    }
  }

  private killed: Child | undefined;

  private started(): { namesrv: string; broker: string; grpc: string | undefined } {
    if (this.addresses === undefined) throw new Error('skylark has not started');
    return this.addresses;
  }
}
