/** The home folder of one of Apache's programs (each gets its own) and the command line that uses it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jvmOpens } from './install.js';

/** A home with the two kinds of log configuration that RocketMQ 4 and 5 look for, quiet enough for tests. */
export function makeHome(parent: string, name: string): string {
  const home = join(parent, name);
  mkdirSync(join(home, 'conf'), { recursive: true });
  const logback = `<configuration>
  <appender name="file" class="ch.qos.logback.core.FileAppender">
    <file>${join(home, `${name}.log`)}</file>
    <encoder><pattern>%d{HH:mm:ss.SSS} %p %t %c{0} - %m%n</pattern></encoder>
  </appender>
  <root level="${process.env['APACHE_LOG_LEVEL'] ?? 'WARN'}"><appender-ref ref="file"/></root>
</configuration>
`;
  for (const file of ['rmq.logback.xml', 'logback_namesrv.xml', 'logback_broker.xml', 'logback_tools.xml']) {
    writeFileSync(join(home, 'conf', file), logback);
  }
  return home;
}

/** The command line of one of Apache's programs with its own home, log configuration and classpath. */
export function javaArgs(home: string, classpath: string, flags: readonly string[], main: string, args: readonly string[]): string[] {
  return [
    ...flags, ...jvmOpens,
    `-Duser.home=${home}`, `-Drocketmq.home.dir=${home}`,
    `-Drmq.logback.configurationFile=${join(home, 'conf/rmq.logback.xml')}`,
    '-cp', classpath, main, ...args,
  ];
}
