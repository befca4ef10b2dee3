import { describe, expect, it } from '@jest/globals';
import { readProxyFile, resolveProxyConfig } from './config.js';
import { proxyHelp, readProxyInvocation } from './main.js';

const of = (settings: Readonly<Record<string, unknown>>): ReturnType<typeof resolveProxyConfig> => resolveProxyConfig(new Map(Object.entries(settings)), 'rmq-proxy.json');

describe('rmq-proxy.json', () => {
  it('has Apache\'s defaults, and leaves region and trace to the brokers', () => {
    const { config, tls, ignored } = of({});
    expect(config).toMatchObject({ grpcServerPort: 8081, remotingListenPort: 8080, rocketmqMQClientNum: 6, topicRouteServiceCacheRefreshSeconds: 20, transactionHeartbeatPeriodSecond: 20, enableTopicMessageTypeCheck: true });
    expect([config.regionId, config.traceOn, tls['tls.test.mode.enable'], ignored]).toEqual([undefined, undefined, true, []]);
  });

  it('takes a file as Apache\'s users have it, and names what has no effect', () => {
    const settings = readProxyFile('p.json', '{"rocketMQClusterName":"DefaultCluster","proxyMode":"cluster","namesrvAddr":"a:1;b:2","grpcServerPort":"9000","grpcThreadPoolNums":3,"maxMessageSize":4194304,"regionId":"r"}');
    const { config, ignored } = resolveProxyConfig(settings);
    expect(config).toMatchObject({ namesrvAddr: 'a:1;b:2', grpcServerPort: 9000, regionId: 'r' });
    expect(ignored).toEqual(['grpcThreadPoolNums']);
  });

  it.each<[Readonly<Record<string, unknown>>, string]>([
    [{ proxyMode: 'LOCAL' }, 'rmq-proxy.json: proxyMode can only be "CLUSTER": for the LOCAL mode start a broker: skylark start'],
    [{ maxMessageSize: 1 }, 'rmq-proxy.json: maxMessageSize can only be 4194304: the limit is fixed'],
    [{ grpcServerPort: 70_000 }, 'rmq-proxy.json: grpcServerPort must be a whole number from 0 to 65535, not 70000'],
    [{ traceOn: 'perhaps' }, 'rmq-proxy.json: traceOn must be true or false, not "perhaps"'],
    [{ namesrvAddr: 5 }, 'rmq-proxy.json: namesrvAddr must be text, not 5'],
    [{ grpcServerPrt: 1 }, "rmq-proxy.json: unknown configuration key 'grpcServerPrt'"],
    [{ tlsTestModeEnable: false }, 'rmq-proxy.json: tlsTestModeEnable is false: tlsKeyPath and tlsCertPath must name the key and the certificate'],
  ])('%p is refused', (settings, text) => {
    expect(() => of(settings)).toThrow(text);
  });

  it.each(['', '[]', 'null', '{', '{"a":'])('%p is no such file', (text) => {
    expect(() => readProxyFile('p.json', text)).toThrow('p.json');
  });
});

describe('the command line of skylark proxy', () => {
  const read = (argv: readonly string[], file = '{}'): ReturnType<typeof readProxyInvocation> => readProxyInvocation(argv, () => file);

  it('lets flags win over --set, and --set over the file', () => {
    const invocation = read(['--config', 'f', '--set', 'grpcServerPort=2', '--grpc-port', '3', '--set', 'remotingListenPort=4', '-n', 'x:1'], '{"grpcServerPort":1,"remotingListenPort":1,"regionId":"f"}');
    if (typeof invocation === 'string') throw new Error('text');
    expect(Object.fromEntries(invocation.settings)).toEqual({ grpcServerPort: '3', remotingListenPort: '4', regionId: 'f', namesrvAddr: 'x:1' });
  });

  it('shows help', () => {
    expect(read(['--help'])).toBe(proxyHelp);
  });

  it.each([[['--nope'], 'skylark proxy --help'], [['start'], "'start' is too much"], [['--set', 'x'], '--set takes KEY=VALUE'], [['--log-level', 'loud'], '--log-level must be one of']])('%p is refused', (argv, text) => {
    expect(() => read(argv)).toThrow(text);
  });
});
