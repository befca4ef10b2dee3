import { describe, expect, it } from '@jest/globals';
import { readInvocation } from './cli.js';
import { ConfigError, resolveConfig } from './config.js';

const noFile = (): string => {
  throw new Error('ENOENT: no such file');
};

function settingsOf(argv: string[], file = ''): ReadonlyMap<string, string> {
  const invocation = readInvocation(argv, () => file);
  if (typeof invocation === 'string') throw new Error('expected an invocation');
  return invocation.settings;
}

describe('the command line', () => {
  it('serves SQL92 where nobody brought a configuration, as long as nobody says otherwise', () => {
    const filters = (argv: readonly string[]): string | undefined => {
      const read = readInvocation(argv, () => 'brokerName=b');
      return typeof read === 'string' ? undefined : read.settings.get('enablePropertyFilter');
    };
    expect([filters([]), filters(['start']), filters(['start', '--set', 'enablePropertyFilter=false'])]).toEqual(['true', 'true', 'false']);
    expect([filters(['start', '--config', 'f']), filters(['broker'])]).toEqual([undefined, undefined]);
  });

  it('starts both servers when no command is given', () => {
    expect(readInvocation([], noFile)).toMatchObject({ role: 'start', logLevel: 'warn' });
  });

  it('lets flags win over --set, and --set over the file', () => {
    const file = 'listenPort=1\nbrokerName=from-file\nregionId=file\n';
    const settings = settingsOf(['broker', '-c', 'b.conf', '--set', 'brokerName=from-set', '--set', 'listenPort=2', '--port', '3'], file);
    expect(settings.get('listenPort')).toBe('3');
    expect(settings.get('brokerName')).toBe('from-set');
    expect(settings.get('regionId')).toBe('file');
  });

  it('prints help and version as text', () => {
    expect(readInvocation(['--help'], noFile)).toContain('skylark <command>');
    expect(readInvocation(['--version'], noFile)).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['strat'], /unknown command 'strat'/],
    [['start', 'broker'], /one command at a time/],
    [['--flush', 'maybe'], /--flush must be sync or async, not 'maybe'/],
    [['--log-level', 'loud'], /--log-level must be one of debug, info, warn, error, silent/],
    [['--nonsense'], /--nonsense/],
    [['-c', 'missing.conf'], /cannot read the configuration file missing.conf: ENOENT/],
    [['--set', 'novalue'], /--set takes KEY=VALUE/],
    [['start', '--namesrv', '127.0.0.1:9876'], /--namesrv goes with the command broker/],
    [['broker', '--namesrv-port', '1'], /--namesrv-port goes with the command start/],
  ])('refuses %j in one line', (argv, message) => {
    expect(() => readInvocation(argv, noFile)).toThrow(ConfigError);
    expect(() => readInvocation(argv, noFile)).toThrow(message);
  });
});

describe('configuration', () => {
  const resolve = (entries: [string, string][], role: 'broker' | 'namesrv' = 'broker') => resolveConfig(new Map(entries), 'broker.conf', role);

  it('has Apache defaults', () => {
    const { broker, store, namesrv, ignored } = resolve([]);
    expect(broker).toMatchObject({ brokerClusterName: 'DefaultCluster', listenPort: 10911, defaultTopicQueueNums: 8, autoCreateTopicEnable: true });
    expect(store).toMatchObject({ mappedFileSizeCommitLog: 1073741824, flushDiskType: 'ASYNC_FLUSH', fileReservedTime: 72 });
    expect(namesrv.listenPort).toBe(9876);
    expect(ignored).toEqual([]);
  });

  it('names an unknown key and where it stood', () => {
    expect(() => resolve([['brokrName', 'x']])).toThrow("broker.conf: unknown configuration key 'brokrName'");
  });

  it('accepts keys of Apache that have no effect, and says which', () => {
    expect(resolve([['sendMessageThreadPoolNums', '16']]).ignored).toEqual(['sendMessageThreadPoolNums']);
  });

  it('refuses values that promise what is not built', () => {
    expect(() => resolve([['brokerRole', 'SLAVE']])).toThrow(/brokerRole can only be ASYNC_MASTER: replication is not built yet/);
    expect(resolve([['brokerRole', 'ASYNC_MASTER']]).ignored).toEqual([]);
  });

  it.each([
    ['listenPort', '65536', /listenPort must be a whole number from 0 to 65535, not '65536'/],
    ['listenPort', 'abc', /listenPort must be a whole number/],
    ['autoCreateTopicEnable', 'yes', /autoCreateTopicEnable must be true or false, not 'yes'/],
    ['flushDiskType', 'LATER', /flushDiskType must be one of ASYNC_FLUSH, SYNC_FLUSH/],
    ['brokerName', '../etc', /brokerName must be 1 to 127 characters/],
    ['messageDelayLevel', '1s,2s', /messageDelayLevel must be numbers with s, m, h or d/],
    ['mappedFileSizeConsumeQueue', '30', /multiple of 20/],
  ])('checks %s=%s', (key, value, message) => {
    expect(() => resolve([[key, value]])).toThrow(message);
  });

  it('gives listenPort to the server whose file it is', () => {
    expect(resolve([['listenPort', '7']], 'broker')).toMatchObject({ broker: { listenPort: 7 }, namesrv: { listenPort: 9876 } });
    expect(resolve([['listenPort', '7']], 'namesrv')).toMatchObject({ broker: { listenPort: 10911 }, namesrv: { listenPort: 7 } });
  });
});
