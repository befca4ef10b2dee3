/**
 * Brings Apache RocketMQ of a given version from Maven Central into the ignored cache and says with which classpath and
 * JVM flags its programs run. Starting them is `adapters/apache/apache.ts`.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Missing } from '../../endpoint.js';
import { alone, madeOnce } from '../../made-once.js';
import { cacheDir, missingTools, projectRoot, run } from '../../process.js';

export const apacheVersion = '5.5.0';

/** Names of the tools that are missing for running Apache's broker, as they stand in skip messages. */
export function missingForJava(): string[] {
  return missingTools('java', 'javac', 'mvn').map((tool) => (tool === 'mvn' ? 'maven' : tool === 'javac' ? 'a JDK' : tool));
}

/**
 * The jars that `pom` names, for one RocketMQ version, in `.cache/<name>/<version>/lib`. Fetched once; a changed pom fetches anew.
 * @returns the classpath entry (`DIR/*`).
 * @throws Missing when there is no Java or Maven here.
 */
export async function mavenLibrary(name: string, pom: string, version: string): Promise<string> {
  const missing = missingForJava();
  if (missing.length > 0) throw new Missing(missing);
  const pomPath = join(projectRoot, pom);
  if (!existsSync(pomPath)) throw new Missing(['a checkout of the project']);
  const dir = join(cacheDir, name, version);
  const want = createHash('sha256').update(readFileSync(pomPath)).update(version).digest('hex');
  await madeOnce(dir, { marker: 'complete', want }, async () => {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    // Several Mavens do not share a local repository safely.
    await alone(join(cacheDir, 'maven.lock'), () => run(`maven for ${name} ${version}`, 'mvn', [
      '-q', '-B', '-f', pomPath, 'dependency:copy-dependencies', '-DincludeScope=runtime',
      `-DoutputDirectory=${join(dir, 'lib')}`, `-Drocketmq.version=${version}`,
    ]));
  });
  return join(dir, 'lib', '*');
}

/** Apache's own programs: name server, broker, admin tool. */
export function installApache(version: string = apacheVersion): Promise<string> {
  return mavenLibrary('apache', 'conformance/adapters/apache/pom.xml', version);
}

/** What RocketMQ needs of a JVM 17 (it reaches into java.nio and into the cleaner of direct buffers). */
export const jvmOpens: readonly string[] = [
  '--add-opens=java.base/java.nio=ALL-UNNAMED',
  '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
  '--add-opens=java.base/java.lang=ALL-UNNAMED',
  '--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED',
];

/** For JVMs that run for seconds: no second compiler, and no verification of classes, a quarter of what a start of the broker costs; the jars are Maven Central's. */
export const jvmQuick: readonly string[] = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:+UnlockDiagnosticVMOptions', '-XX:-BytecodeVerificationRemote'];

/** Quick start and a small footprint, for suites; a benchmark passes its own. */
export const jvmSmall = {
  namesrv: ['-Xms64m', '-Xmx256m', ...jvmQuick],
  broker: ['-Xms256m', '-Xmx768m', '-XX:MaxDirectMemorySize=1g', ...jvmQuick],
} as const satisfies Record<string, readonly string[]>;
