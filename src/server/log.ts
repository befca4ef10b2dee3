/**
 * Structured logs on stderr: one JSON object a line, quiet by default (warn). The library is loaded at the first line that is written,
 * so that a silent start does not pay for it; lines keep their order.
 */
import type { Log } from '../remoting/types.js';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

type Sink = Pick<import('pino').Logger, 'debug' | 'info' | 'warn' | 'error' | 'flush'>;

/** A log that writes lines of `level` and above. `flush` resolves when everything logged so far has been written. */
export function createLog(level: LogLevel): Log & { flush(): Promise<void> } {
  const least = logLevels.indexOf(level);
  let sink: Sink | undefined;
  let loading: Promise<void> | undefined;
  const waiting: ((to: Sink) => void)[] = [];
  const load = async (): Promise<void> => {
    const { pino, destination } = await import('pino');
    sink = pino({ level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"`, formatters: { level: (label) => ({ level: label }) } }, destination({ dest: 2, sync: true }));
    for (const line of waiting.splice(0)) line(sink);
  };
  const write = (at: Exclude<LogLevel, 'silent'>) => (fields: object, message: string): void => {
    if (logLevels.indexOf(at) < least) return;
    if (sink !== undefined) {
      sink[at](fields, message);
      return;
    }
    waiting.push((to) => to[at](fields, message));
    loading ??= load();
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    flush: async () => {
      await loading;
    },
  };
}
