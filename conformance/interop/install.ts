/**
 * Before a run of all interop suites: what they need of Maven, Go and the like is brought into `.cache`, so that no suite's time passes with downloads. A run
 * of chosen suites installs only what they ask for.
 */
import { installApache, mavenLibrary, missingForJava } from '../adapters/apache/install.js';
import { grpcSdks, missingFor, prepare, remotingSdks } from '../sdk-builds.js';

/** The part of jest's configuration that tells whether suites were chosen. */
interface Chosen {
  readonly nonFlagArgs?: readonly string[];
  readonly testPathPatterns?: { readonly patterns?: readonly string[] };
}

/** Installing that takes less is not worth a line, ms. */
const noticedMs = 1000;

export default async function install(jest: Chosen): Promise<void> {
  if ((jest.nonFlagArgs?.length ?? 0) + (jest.testPathPatterns?.patterns?.length ?? 0) > 0) return;
  const java = missingForJava().length === 0;
  const sdks = [...remotingSdks, ...(process.env['CONFORM_GRPC_DRIVERS'] === '1' ? grpcSdks : [])].filter((sdk) => missingFor(sdk).length === 0);
  await Promise.all([
    ...(java ? [timed('Apache RocketMQ', () => installApache()), timed('Sentinel', () => mavenLibrary('sentinel', 'conformance/adapters/sentinel/pom.xml', '1.8.8'))] : []),
    ...sdks.map((sdk) => timed(sdk, () => prepare(sdk))),
  ]);
}

/** A failure is told here and fails only the suites that need what is missing. */
async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const start = Date.now();
  const failure = await work().then(() => undefined, (error: unknown) => (error instanceof Error ? error.message : String(error)));
  const ms = Date.now() - start;
  if (failure !== undefined) process.stderr.write(`installing ${what} failed: ${failure}\n`);
  else if (ms > noticedMs) process.stderr.write(`installed ${what} in ${(ms / 1000).toFixed(1)} s\n`);
}
