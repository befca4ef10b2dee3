/**
 * The scenarios of `scenarios.ts` with remoting clients that know nothing but the remoting port of `skylark proxy`: Java 5.5.0 and ali-ons, or those with PROXY_SDK in
 * their names (`PROXY_SDK=` for all). With SKYLARK_ENDPOINT=apache they stand before Apache's proxy and broker, so that differences are ours or theirs by name.
 */
import { ApacheProxy } from '../adapters/apache/proxy.js';
import { endpointKind } from '../adapters/index.js';
import { SkylarkProcess } from '../adapters/proxied.js';
import { remotingSdks } from '../sdk-driver.js';
import { interopSuite, type Front } from './scenarios.js';

/** What Apache's proxy does not serve to remoting clients either. */
const unserved: Readonly<Record<string, string>> = {
  'pop: two push consumers that the broker gives messages to, a refused one comes back from the retry topic': 'a proxy serves no QUERY_ASSIGNMENT',
  'requests are replied to': 'a proxy serves no SEND_REPLY_MESSAGE',
  'query by key and by message id': 'a proxy serves no QUERY_MESSAGE',
  'topics: create, list, delete': 'a proxy serves no administration',
};

/** What Apache's proxy 5.5.0 does not serve besides. */
const unservedByApache: Readonly<Record<string, string>> = {
  'transactions: commits arrive, rollbacks do not, who said nothing is asked':
    'Apache\'s proxy knows a half message of a remoting client only when the broker has asked about it: what was ended before is asked about too (TransactionActivity)',
  'what producer and consumer trace is one timeline': 'Apache\'s proxy answers TRACE_ON=false, so that producers do not trace (divergence proxy.region)',
  'lite pull': 'a lite pull consumer was given nothing through Apache\'s proxy, 4.9.8 and 5.5.0 alike; why is not known',
};

/** Libraries whose requests name no broker: refused by Apache's proxy, served here where there is one choice (divergence proxy.bname). */
const nameless: readonly string[] = ['go', 'ali-ons'];

const skylark: Front = {
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

const apache: Front = {
  name: 'Apache\'s proxy',
  lacks: (title, sdk) => (nameless.includes(sdk) ? 'Apache\'s proxy refuses requests without bname' : unserved[title] ?? unservedByApache[title]),
  async start({ namesrv }) {
    const one = await ApacheProxy.start({ namesrv, config: { enableTopicMessageTypeCheck: false } });
    return { namesrv: one.remoting, dispose: () => one.dispose() };
  },
};

const usual: readonly string[] = ['java-5.5.0', 'ali-ons'];
const asked = process.env['PROXY_SDK'];
for (const sdk of remotingSdks) {
  if (asked === undefined ? usual.includes(sdk) : sdk.includes(asked)) interopSuite(sdk, endpointKind === 'apache' ? apache : skylark);
}
