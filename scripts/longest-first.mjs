/**
 * The order in which jest begins the suites: the long ones first, so that none of them is left alone at the end. Suites that are not named here come
 * after them, large files first.
 */
import { statSync } from 'node:fs';

/** What each takes about, in seconds, on a machine of two cores with nothing else to do; only the order matters. */
const seconds = {
  // real SDKs and Apache's broker: the ones that wait beside the ones that compute; first the one that may have programs to build
  'conformance/interop/grpc-sdks.interop': 300,
  'conformance/interop/static-topics.interop': 104, 'conformance/interop/timer-exchange.interop': 110, 'conformance/interop/filter-server.interop': 112,
  'conformance/interop/store-exchange.interop': 96, 'conformance/interop/consumption-tuning.interop': 92, 'conformance/interop/orderly-queues.interop': 80,
  'conformance/interop/timer-crash.interop': 78, 'conformance/interop/filter-exchange.interop': 72, 'conformance/interop/proxy-remoting.interop': 70,
  'conformance/interop/transaction-exchange.interop': 67, 'conformance/interop/compaction-exchange.interop': 66, 'conformance/interop/lite-exchange.interop': 64,
  'conformance/differential/differential.interop': 60, 'conformance/interop/crash-pop.interop': 60, 'conformance/interop/crash.interop': 58,
  'conformance/interop/java-5.5.0.interop': 52, 'conformance/interop/go.interop': 42, 'conformance/interop/ali-ons.interop': 31, 'conformance/interop/java-4.9.8.interop': 28,
  'conformance/interop/exactly-once.interop': 26, 'conformance/interop/documentation.interop': 24, 'conformance/interop/workloads.interop': 18,
  'conformance/differential/sentinel.interop': 15, 'conformance/interop/examples.interop': 14, 'conformance/interop/proxy.interop': 13, 'conformance/differential/filter.interop': 10,
  // unit suites
  'src/server/filter-server/java-filters': 42, 'fuzz/engine/campaign': 35, 'conformance/kit/client/client': 29, 'src/server/damaged-store': 24, 'src/store/odd-files': 23,
  'fuzz/crash/crash-points': 22, 'fuzz/sim/sim': 18, 'src/server/compaction-crash': 16, 'conformance/kit/grpc/hostile': 15, 'src/server/crash': 15,
  'src/server/filter-server/filters': 15, 'src/server/filter-server/filter-server': 14, 'src/server/transaction/crash': 13, 'src/store/rebuild': 13, 'src/store/compaction': 12,
  'src/server/names': 11, 'conformance/kit/store/store': 11, 'src/store/kill': 11, 'src/server/bad-input': 9, 'src/server/filter-server/uploads.property': 8,
  'conformance/kit/faults/faults': 8, 'src/store/crash': 8, 'conformance/kit/saboteur/catalogue': 7, 'src/store/message-store': 7, 'src/store/log-gap': 7, 'conformance/kit/hostile': 6,
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
