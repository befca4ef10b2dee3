/** `conform --client` on the command line. */
import { UsageError, type ConformOptions } from '../cli.js';
import type { RunReport } from '../report/types.js';
import { selectCases } from '../select.js';
import { ClientError, clientOf } from './program.js';
import { clientCases, runClientCases } from './run.js';

/** A JVM that starts beside three others may be so late that its first sends find no route in time. */
const parallelDefault = 2;

/** The cases that --only, --skip, --area and --level leave. */
export function chosenClientCases(options: ConformOptions): typeof clientCases {
  const names = new Set(selectCases(clientCases.map((one) => ({ ...one, run: () => Promise.resolve() })), options).map((one) => one.name));
  return clientCases.filter((one) => names.has(one.name));
}

/** Runs them, or those of some names. @throws UsageError for a client that cannot be run here. */
export async function runClient(options: ConformOptions, kitVersion: string, signal: AbortSignal, names?: ReadonlySet<string>): Promise<RunReport> {
  try {
    return await runClientCases({
      client: clientOf(options.client ?? ''), cases: chosenClientCases(options).filter((one) => names === undefined || names.has(one.name)), parallel: options.parallelGiven ?? parallelDefault, level: options.level, kitVersion, signal,
      onScenario: (name, ms) => void process.stderr.write(`  ${name} ${(ms / 1000).toFixed(1)} s\n`),
    });
  } catch (error) {
    if (error instanceof ClientError) throw new UsageError(error.message);
    throw error;
  }
}
