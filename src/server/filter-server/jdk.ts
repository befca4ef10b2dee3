/**
 * The JDK that filters in Java need: where it is, and our program for its JVMs (java/), which its own compiler compiles once for each run of the
 * filter server, into the server's temporary folder.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The sources in the package: beside src, of which dist/src is compiled. */
export const javaSources = fileURLToPath(new URL('../../../../src/server/filter-server/java', import.meta.url));

const compileMsMax = 120_000;

export interface Jdk {
  readonly java: string;
  readonly javac: string;
}

export interface Environment {
  readonly JAVA_HOME?: string | undefined;
  readonly PATH?: string | undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function within(bin: string): Jdk | undefined {
  const jdk = { java: join(bin, 'java'), javac: join(bin, 'javac') };
  return isProgram(jdk.java) && isProgram(jdk.javac) ? jdk : undefined;
}

/** The JDK of the directory `home`, or with '' that of JAVA_HOME or the first on PATH; a text says what is missing. */
export function findJdk(home: string, env: Environment): Jdk | string {
  if (home !== '') return within(join(home, 'bin')) ?? `filterJavaHome=${home} has no bin/java and bin/javac`;
  const places = [...(env.JAVA_HOME === undefined || env.JAVA_HOME === '' ? [] : [join(env.JAVA_HOME, 'bin')]), ...(env.PATH ?? '').split(delimiter).filter((dir) => dir !== '')];
  for (const place of places) {
    const found = within(place);
    if (found !== undefined) return found;
  }
  return 'no JDK was found at JAVA_HOME or on PATH';
}

/** Compiles our program into `dir`/classes, which is the class path of filter JVMs. Rejects with an error that says why not. */
export function compileProgram(jdk: Jdk, dir: string, env: NodeJS.ProcessEnv): Promise<string> {
  const classes = join(dir, 'classes');
  mkdirSync(classes, { recursive: true, mode: 0o700 });
  const sources = readdirSync(javaSources, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.java')).map((file) => join(javaSources, file));
  const args = ['-J-Xmx128m', '-J-XX:+UseSerialGC', '-J-XX:TieredStopAtLevel=1', '-nowarn', '-proc:none', '-encoding', 'UTF-8', '-d', classes, ...sources];
  return new Promise((resolve, reject) => {
    execFile(jdk.javac, args, { cwd: dir, env, timeout: compileMsMax, killSignal: 'SIGKILL', maxBuffer: 1 << 20 }, (error, _stdout, stderr) => {
      if (error === null) resolve(classes);
      else reject(new Error(`${jdk.javac} cannot compile the program of filter JVMs: ${stderr.trim() === '' ? error.message : stderr.trim().slice(0, 500)}`));
    });
  });
}
