/**
 * The programs of `conformance/sdk`: what each library can do, what it needs of the machine, and how its program is built (kept in `.cache`)
 * and run. Driving them is `sdk-driver.ts`.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { jvmOpens, jvmQuick, mavenLibrary, missingForJava } from './adapters/apache/install.js';
import { madeOnce } from './made-once.js';
import { cacheDir, missingTools, projectRoot, run } from './process.js';

/** Libraries that speak the remoting protocol: their programs are given a name server. */
export const remotingSdks = ['java-4.9.8', 'java-5.5.0', 'go', 'ali-ons'] as const;
/** Libraries that speak gRPC: their programs are given a gRPC endpoint. */
export const grpcSdks = ['grpc-java', 'grpc-go', 'grpc-python', 'grpc-node', 'grpc-rust'] as const;
export const sdkNames = [...remotingSdks, ...grpcSdks] as const;

export type RemotingSdk = (typeof remotingSdks)[number];
export type SdkName = (typeof sdkNames)[number];

/** What a library can do at all; scenarios that need more are skipped by name. */
export type Feature = 'batch' | 'oneway' | 'pull' | 'litePull' | 'orderly' | 'admin' | 'query' | 'autoCreate' | 'queueChoice' | 'pop' | 'transaction' | 'requestReply' | 'trace';

export const features: Readonly<Record<RemotingSdk, ReadonlySet<Feature>>> = {
  'java-4.9.8': new Set<Feature>(['batch', 'oneway', 'pull', 'litePull', 'orderly', 'admin', 'query', 'autoCreate', 'queueChoice', 'transaction', 'requestReply', 'trace']),
  'java-5.5.0': new Set<Feature>(['batch', 'oneway', 'pull', 'litePull', 'orderly', 'admin', 'query', 'autoCreate', 'queueChoice', 'pop', 'transaction', 'requestReply', 'trace']),
  // Its replies lose their body in the client.
  go: new Set<Feature>(['batch', 'oneway', 'pull', 'litePull', 'orderly', 'admin', 'autoCreate', 'queueChoice', 'transaction', 'trace']),
  'ali-ons': new Set<Feature>([]),
};

const sourceDir = join(projectRoot, 'conformance/sdk');

/** Tools that this machine lacks for the library. */
export function missingFor(sdk: SdkName): string[] {
  if (!existsSync(sourceDir)) return ['a checkout of the project']; // an installed package has no programs
  if (sdk === 'go' || sdk === 'grpc-go') return missingTools('go');
  if (sdk === 'grpc-rust') return missingTools('cargo');
  if (sdk === 'grpc-python') return missingTools('python3');
  if (sdk === 'grpc-node') return missingTools('npm');
  return sdk === 'ali-ons' ? [] : missingForJava();
}

/** The command line that runs a program; logs and whatever else it leaves go into `home`. */
export interface Runner {
  readonly command: string;
  readonly args: (home: string) => string[];
  readonly env?: Readonly<Record<string, string>>;
}

const builds = new Map<SdkName, Promise<Runner>>();

/** Builds what must be built. Programs started side by side share one build. */
export function prepare(sdk: SdkName): Promise<Runner> {
  const built = builds.get(sdk) ?? build(sdk);
  builds.set(sdk, built);
  return built;
}

async function build(sdk: SdkName): Promise<Runner> {
  switch (sdk) {
    case 'ali-ons':
      return { command: process.execPath, args: () => [join(sourceDir, 'ali-ons/main.js')] };
    case 'go':
      return await buildGo('go-sdk', 'go');
    case 'grpc-go':
      return await buildGo('grpc-go-sdk', 'grpc-go');
    case 'grpc-rust':
      return await buildRust();
    case 'grpc-python':
      return await buildPython();
    case 'grpc-node':
      return await buildNode();
    case 'grpc-java':
      return await buildJava({ cache: 'grpc-java-sdk', pom: 'conformance/sdk/grpc-java/pom.xml', version: '5.2.0', sources: ['java/src/Puppet.java', 'grpc-java/GrpcProgram.java'] });
    default:
      return await buildJava({ cache: 'java-sdk', pom: 'conformance/sdk/java/pom.xml', version: sdk.slice('java-'.length), sources: ['java/src/Puppet.java', 'java/src/SdkProgram.java'] });
  }
}

async function buildGo(cache: string, folder: string): Promise<Runner> {
  const source = join(sourceDir, folder);
  const binary = join(cacheDir, cache, 'main');
  await once(join(cacheDir, cache), ['main.go', 'go.mod', 'go.sum'].map((file) => join(source, file)), () =>
    run(`go build for ${folder}`, 'go', ['build', '-mod=mod', '-p', '1', '-o', binary, '.'], { cwd: source }));
  return { command: binary, args: () => [] };
}

/** Four minutes of one core the first time, for the 250 crates below the SDK; then seconds. */
async function buildRust(): Promise<Runner> {
  const source = join(sourceDir, 'grpc-rust');
  const dir = join(cacheDir, 'grpc-rust-sdk');
  const target = join(dir, 'target');
  await once(dir, ['src/main.rs', 'Cargo.toml', 'Cargo.lock'].map((file) => join(source, file)), async () => {
    utimesSync(join(source, 'src/main.rs'), new Date(), new Date()); // cargo goes by times, which a checkout of an older state sets back
    await run('cargo build for grpc-rust', 'cargo', ['build', '--quiet', '--locked', '--jobs', '2', '--target-dir', target], { cwd: source, timeoutMs: 1_800_000 });
  });
  return { command: join(target, 'debug/skylark-grpc-rust'), args: () => [] };
}

async function buildJava({ cache, pom, version, sources }: { readonly cache: string; readonly pom: string; readonly version: string; readonly sources: readonly string[] }): Promise<Runner> {
  const classpath = await mavenLibrary(cache, pom, version);
  const files = sources.map((file) => join(sourceDir, file));
  const classes = join(cacheDir, cache, version, 'programs');
  await once(classes, files, () => run(`javac for ${cache} ${version}`, 'javac', ['-nowarn', '-d', classes, '-cp', classpath, ...files]));
  const main = (sources.at(-1) ?? '').replace(/^.*\/|\.java$/g, '');
  return {
    command: 'java',
    args: (home) => [
      '-Xms64m', '-Xmx512m', ...jvmQuick, ...jvmOpens, `-Duser.home=${home}`,
      '-Drocketmq.client.logLevel=WARN', '-cp', `${classes}:${classpath}`, main,
    ],
  };
}

async function buildPython(): Promise<Runner> {
  const dir = join(cacheDir, 'grpc-python-sdk');
  const requirements = join(sourceDir, 'grpc-python/requirements.txt');
  const python = join(dir, 'venv/bin/python');
  await once(dir, [requirements], async () => {
    rmSync(join(dir, 'venv'), { recursive: true, force: true });
    await run('python3 -m venv', 'python3', ['-m', 'venv', join(dir, 'venv')]);
    await run('pip install', python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  });
  return { command: python, args: () => [join(sourceDir, 'grpc-python/main.py')] };
}

async function buildNode(): Promise<Runner> {
  const args = (): string[] => [join(sourceDir, 'grpc-node/main.js')];
  if (isInstalled('rocketmq-client-nodejs')) return { command: process.execPath, args };
  const dir = join(cacheDir, 'grpc-node-sdk');
  const manifest = join(sourceDir, 'grpc-node/package.json');
  await once(dir, [manifest], async () => {
    copyFileSync(manifest, join(dir, 'package.json'));
    await run('npm install for grpc-node', 'npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'], { cwd: dir });
  });
  const modules = [join(dir, 'node_modules'), process.env['NODE_PATH'] ?? ''].filter((one) => one !== '').join(delimiter);
  return { command: process.execPath, args, env: { NODE_PATH: modules } };
}

/** Whether the package is among those of the project. */
function isInstalled(name: string): boolean {
  try {
    createRequire(join(projectRoot, 'package.json')).resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Runs `build` unless `dir` was built from exactly these sources before. */
async function once(dir: string, sources: readonly string[], build: () => Promise<void>): Promise<void> {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(source));
  await madeOnce(dir, { marker: 'built', want: hash.digest('hex') }, build);
}
