/** What commands that start something have in common: a configuration file, `--set KEY=VALUE`, a log level. */
import { ConfigError } from './config.js';
import { logLevels, type LogLevel } from './log.js';
import { textOf } from './words.js';

/** The text of the file that `--config` names. Throws ConfigError. */
export function readConfigFile(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (error) {
    throw new ConfigError(`cannot read the configuration file ${path}: ${textOf(error)}`);
  }
}

/** Key and value of each `--set`. Throws ConfigError. */
export function readSetFlags(pairs: readonly string[] | undefined): [key: string, value: string][] {
  return (pairs ?? []).map((pair) => {
    const at = pair.indexOf('=');
    if (at <= 0) throw new ConfigError(`--set takes KEY=VALUE, not '${pair}'`);
    return [pair.slice(0, at).trim(), pair.slice(at + 1)];
  });
}

/** `--log-level`, warn when it is not given. Throws ConfigError. */
export function readLogLevel(text: string | undefined): LogLevel {
  const level = logLevels.find((one) => one === (text ?? 'warn'));
  if (level === undefined) throw new ConfigError(`--log-level must be one of ${logLevels.join(', ')}, not '${text ?? ''}'`);
  return level;
}
