/**
 * What every broker under test looks like to the suites: two addresses, a data directory, and ways to end and revive it.
 * The adapters (`adapters/apache`, `adapters/skylark`) make them; `chooseEndpoint` is in `adapters/index.ts`.
 */

export interface Endpoint {
  /** `skylark` or `apache-<version>`. */
  readonly name: string;
  /** host:port of the name server. */
  readonly namesrv: string;
  /** host:port of the broker. */
  readonly broker: string;
  /** host:port of the gRPC endpoint, where there is one. */
  readonly grpc?: string | undefined;
  /** The store directory (storePathRootDir). */
  readonly dataDir: string;
  /** Process id of the broker now. */
  readonly pid: number;
  /** Ends it in order (SIGTERM); the data stays. */
  stop(): Promise<void>;
  /** kill -9 of the broker's process; the data stays as it was left. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data, after `stop` or `kill`. */
  restart(): Promise<void>;
  /** Ends it and deletes the data, unless the data directory was given by the caller. */
  dispose(): Promise<void>;
}

export interface EndpointOptions {
  /** Use (and keep) this store directory instead of a temporary one. */
  readonly dataDir?: string;
  /** Broker configuration in Apache's property names. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
}

/** Something the machine lacks. Suites print it as `skipped: needs java and maven`. */
export class Missing extends Error {
  readonly tools: readonly string[];

  constructor(tools: readonly string[]) {
    super(`needs ${tools.join(' and ')}`);
    this.name = 'Missing';
    this.tools = tools;
  }
}
