/** A broker under the benchmark: an address, the processes behind it, and ways to pause and end them. */
import { setTimeout as sleep } from 'node:timers/promises';

export type Flush = 'async' | 'sync';

export interface Broker {
  /** `skylark` or `apache-<version>`. */
  readonly name: string;
  readonly address: string;
  /** Its gRPC endpoint, where it was started with one. */
  readonly grpcAddress: string | null;
  /** The process whose CPU and memory are compared: the broker. */
  readonly pid: number;
  /** The name server where it is a process of its own; reported beside, not counted. */
  readonly namesrvPid: number | null;
  /** Seconds from starting the broker's process until it said that it serves. */
  readonly startS: number;
  /** Ends the processes and deletes their data. */
  dispose(): Promise<void>;
}

/** How a broker is started: a fresh one, on an empty store below `parent`; `grpc`: in the process that serves gRPC too. */
export type StartBroker = (flush: Flush, parent: string, grpc: boolean) => Promise<Broker>;

function signal(broker: Broker, name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of [broker.pid, broker.namesrvPid]) {
    if (pid === null) continue;
    try {
      process.kill(pid, name);
    } catch {
      // It has ended; the next load on it says so.
    }
  }
}

/** Takes the CPU from a broker while the other one is measured. */
export function pause(broker: Broker): void {
  signal(broker, 'SIGSTOP');
}

/** Gives a paused broker time again, and a moment to catch up with its timers. */
export async function resume(broker: Broker): Promise<void> {
  signal(broker, 'SIGCONT');
  await sleep(1000);
}

/** Ends a broker, paused or not. */
export async function end(broker: Broker): Promise<void> {
  signal(broker, 'SIGCONT');
  await broker.dispose();
}
