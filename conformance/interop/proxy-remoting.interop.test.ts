/**
 * The scenarios of `scenarios.ts` with remoting clients that know nothing but the remoting port of `skylark proxy`: Java 5.5.0, or those with PROXY_SDK in their
 * names (`PROXY_SDK=` for all).
 */
import { SkylarkProcess } from '../adapters/proxied.js';
import { interopSuite, type Front } from './scenarios.js';
import type { RemotingSdk } from '../sdk-driver.js';

/** What Apache's proxy does not serve to remoting clients either. */
const unserved: Readonly<Record<string, string>> = {
  'pop: two push consumers that the broker gives messages to, a refused one comes back from the retry topic': 'a proxy serves no QUERY_ASSIGNMENT',
  'requests are replied to': 'a proxy serves no SEND_REPLY_MESSAGE',
  'query by key and by message id': 'a proxy serves no QUERY_MESSAGE',
  'topics: create, list, delete': 'a proxy serves no administration',
};

const proxy: Front = {
  name: 'skylark proxy',
  lacks: (title) => unserved[title],
  async start({ namesrv }) {
    // The topics of these scenarios have no type, and messages of all types.
    const settings = ['enableTopicMessageTypeCheck=false', 'topicRouteServiceCacheRefreshSeconds=1'].flatMap((pair) => ['--set', pair]);
    const one = new SkylarkProcess('proxy', ['proxy', '--namesrv', namesrv, '--grpc-port', '0', '--remoting-port', '0', ...settings]);
    await one.start();
    return { namesrv: one.field('remoting'), dispose: async () => void (await one.stop()) };
  },
};

const sdks: readonly RemotingSdk[] = ['java-5.5.0', 'java-4.9.8', 'go'];
for (const sdk of sdks) if (sdk.includes(process.env['PROXY_SDK'] ?? 'java-5.5.0')) interopSuite(sdk, proxy);
