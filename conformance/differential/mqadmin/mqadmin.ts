/**
 * Runs commands of Apache's real mqadmin against a name server, all in one JVM (AdminDriver.java), and gives what each printed,
 * with everything taken out that may differ from run to run. Which commands: the suite.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoint } from '../../endpoint.js';
import { installApache, jvmOpens, jvmQuick } from '../../adapters/apache/install.js';
import { Child, projectRoot } from '../../process.js';

/** Commands in the words of the shell; `@NS` and `@BR` stand for the addresses of name server and broker. */
export async function runMqadmin(endpoint: Pick<Endpoint, 'namesrv' | 'broker'>, commands: readonly string[]): Promise<string[][]> {
  const classpath = await installApache();
  const home = mkdtempSync(join(tmpdir(), 'mqadmin-'));
  const child = new Child('mqadmin', 'java', [
    ...jvmQuick, ...jvmOpens, `-Duser.home=${home}`, `-Drocketmq.home.dir=${home}`, '-cp', classpath,
    join(projectRoot, 'conformance/differential/mqadmin/AdminDriver.java'), endpoint.namesrv,
  ], { cwd: home, env: { ROCKETMQ_HOME: home } });
  try {
    const out: string[][] = [];
    for (const [number, command] of commands.entries()) {
      const lines: string[] = [];
      const stop = child.onLine((line) => {
        if (!line.startsWith('##')) lines.push(line);
      });
      child.writeLine(command.replaceAll('@NS', endpoint.namesrv).replaceAll('@BR', endpoint.broker).split(' ').join('\t'));
      await child.line((line) => line === `##end ${number}`, 60_000);
      stop();
      out.push(normal(lines, endpoint));
    }
    return out;
  } finally {
    await child.kill();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Lines that carry something, without log lines of the tool's own start, addresses, ids, times and fractions; sorted, as tables come out of hash maps. */
function normal(lines: readonly string[], endpoint: Pick<Endpoint, 'namesrv' | 'broker'>): string[] {
  return lines
    .filter((line) => line.trim() !== '' && !/ \|-(INFO|WARN|ERROR) /.test(line) && !/^\s+at /.test(line))
    .map((line) => line
      .replaceAll(endpoint.broker, '<broker>')
      .replaceAll(endpoint.namesrv, '<namesrv>')
      .replace(/127\.0\.0\.1:\d+/g, '<address>')
      .replace(/\b(?:[0-9A-F]{56}|[0-9A-F]{32})\b/g, '<id>')
      .replace(/\d{4}-\d\d-\d\d[ #]\d\d:\d\d:\d\d(?:[,:]\d+)?/g, '<time>')
      .replace(/(?<!\d)1[789]\d{11}(?!\d)/g, '<time>')
      // clusterList's Timer(Progress): seconds that the timing wheel's reader is behind the clock, 0 or 1 on an idle broker.
      .replace(/\b\d+-(?=\d+\(\d+\.\d+w,)/g, '<seconds>-')
      .replace(/\b\d+\.\d+(?:E-?\d+)?\b/g, '<fraction>')
      .replace(/\s+/g, ' ')
      .trim())
    .sort();
}
