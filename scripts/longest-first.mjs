/**
 * The order in which jest begins the suites: the long ones first, so that none of them is left alone at the end. Suites that are not named here come
 * after them, large files first.
 */
import { statSync } from 'node:fs';

/** What each takes about, in seconds, on a machine of two cores with nothing else to do; only the order matters. */
const seconds = {
  // real SDKs and Apache's broker: the ones that wait beside the ones that compute; first the one that may have programs to build
  'conformance/interop/grpc-sdks.interop': 300,
  'conformance/interop/conform.interop': 130, 'conformance/interop/timer-exchange.interop': 116, 'conformance/interop/timer-crash.interop': 78,
  'conformance/interop/store-exchange.interop': 111, 'conformance/interop/workloads.interop': 77, 'conformance/interop/transaction-exchange.interop': 67,
  'conformance/interop/filter-exchange.interop': 72, 'conformance/differential/differential.interop': 60, 'conformance/interop/crash.interop': 60,
  'conformance/interop/crash-pop.interop': 60, 'conformance/interop/java-4.9.8.interop': 59, 'conformance/interop/java-5.5.0.interop': 58,
  'conformance/interop/go.interop': 57, 'conformance/interop/ali-ons.interop': 24, 'conformance/differential/filter.interop': 20, 'conformance/differential/sentinel.interop': 12,
  // unit suites
  'src/store/odd-files': 34, 'src/store/crash': 32, 'conformance/kit/client/client': 30, 'src/server/damaged-store': 24, 'src/store/kill': 20, 'src/server/crash': 18,
  'src/server/broker/admin': 15, 'src/store/rebuild': 15, 'src/server/timer/timers.property': 15, 'conformance/kit/store/store': 14, 'src/server/bad-input': 12,
  'src/server/transaction/crash': 10, 'src/server/pop/pop': 8, 'conformance/kit/hostile': 7, 'conformance/kit/main': 7, 'src/store/log-gap': 6, 'src/server/names': 6,
  'src/server/pop/pop.model': 5, 'conformance/kit/faults/faults': 5, 'src/server/disk-full': 5, 'src/store/batch-units': 5, 'src/server/filter/sql-property': 5,
};

const secondsOf = (path) => Object.entries(seconds).find(([name]) => path.endsWith(`/dist/${name}.test.js`))?.[1] ?? 0;

export default class LongestFirst {
  sort(tests) {
    const known = tests.map((test) => ({ test, seconds: secondsOf(test.path.replaceAll('\\', '/')), bytes: statSync(test.path).size }));
    return known.sort((a, b) => b.seconds - a.seconds || b.bytes - a.bytes).map(({ test }) => test);
  }

  /** Of `--shard=i/n`: every n-th suite. */
  shard(tests, { shardIndex, shardCount }) {
    return this.sort(tests).filter((_, i) => i % shardCount === shardIndex - 1);
  }

  allFailedTests() {
    return [];
  }

  cacheResults() {}
}
