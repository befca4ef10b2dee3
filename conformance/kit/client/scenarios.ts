/** What the played endpoint does to a client, one scenario after another. Each is played once; many cases judge the same play. */
import { setTimeout as sleep } from 'node:timers/promises';
import { req, res } from '../codes.js';
import { Cluster, type ClusterOptions, type Script } from './cluster.js';
import { messageCount, type Action, type ClientFeature, type ClientUnderTest, type Running } from './program.js';

export interface Scenario {
  readonly name: string;
  readonly action: Action;
  readonly needs?: ClientFeature;
  readonly clients?: number;
  readonly cluster?: Omit<ClusterOptions, 'topic' | 'group' | 'script'>;
  /** Made anew for each play, so that it may count. */
  readonly script?: () => Script;
  /** Before the client starts. */
  readonly prepare?: (cluster: Cluster) => void;
  /** Nothing more is to come. */
  readonly done: (play: Play) => boolean;
  /** The client gets this long, after it said ready. */
  readonly maxMs: number;
  /** How long to look on after it is done. */
  readonly settleMs?: number;
}

/** What happened. */
export interface Play {
  readonly cluster: Cluster;
  readonly runs: Running[];
  readonly topic: string;
  readonly group: string;
  /** When the clients were told to leave, on the cluster's clock. */
  closingAt: number;
}

const sendCodes = [req.SEND_MESSAGE, req.SEND_MESSAGE_V2, req.SEND_BATCH_MESSAGE];
const allSent = ({ runs }: Play): boolean => runs.every((run) => run.sent().length >= messageCount);
const receivedCount = ({ runs }: Play): number => runs.reduce((sum, run) => sum + run.received().length, 0);

/** Lays messages k0, k1, ... ready, in turn over the queues of broker-a. */
function fill(cluster: Cluster, count: number, from = 0): void {
  for (let i = from; i < from + count; i++) cluster.store('broker-a').put({ topic: cluster.options.topic, queueId: i % cluster.queues, body: Buffer.from(`body k${i}`), properties: { KEYS: `k${i}`, UNIQ_KEY: `7F0000010001000000000000000${String(i).padStart(5, '0')}` } });
  cluster.arrived();
}

/** Takes the n-th send (from 0) that reaches any broker. */
function onSend(nth: number, script: Script): () => Script {
  return () => {
    let seen = 0;
    return (arrival, cluster) => (sendCodes.some((code) => code === arrival.command.code) && seen++ === nth ? script(arrival, cluster) : undefined);
  };
}

/** How long the scenario `not-found` answers so, from the first pull of the queue on. */
export const notFoundMs = 3000;

const two = { brokers: ['broker-a', 'broker-b'] } as const;

export const scenarios: readonly Scenario[] = [
  { name: 'produce', action: 'produce', done: (play) => allSent(play) && play.cluster.requests(req.HEART_BEAT).length > 0, maxMs: 35_000 },
  { name: 'produce-batch', action: 'produce-batch', needs: 'batch', done: allSent, maxMs: 20_000 },
  { name: 'produce-big', action: 'produce-big', done: allSent, maxMs: 20_000 },
  { name: 'produce-oneway', action: 'produce-oneway', needs: 'oneway', done: (play) => allSent(play) && play.cluster.requests(...sendCodes).length >= messageCount, maxMs: 20_000 },
  { name: 'busy', action: 'produce', cluster: two, script: onSend(2, () => ({ code: res.SYSTEM_BUSY, remark: '[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while' })), done: allSent, maxMs: 25_000 },
  { name: 'illegal', action: 'produce', cluster: two, script: onSend(2, () => ({ code: res.MESSAGE_ILLEGAL, remark: 'the message is illegal, maybe msg body or properties length not matched' })), done: allSent, maxMs: 25_000 },
  { name: 'unknown-code', action: 'produce', script: onSend(2, () => ({ code: 9999, remark: 'a code of a later release' })), done: allSent, maxMs: 25_000 },
  {
    name: 'wrong-opaque', action: 'produce', done: allSent, maxMs: 25_000,
    script: onSend(2, async ({ command, link }) => {
      link.send({ code: res.SUCCESS, opaque: command.opaque + 100_000, flag: 1, ext: { msgId: '7F00000100002A9F0000000000000000', queueId: 3, queueOffset: 987_654 } });
      await sleep(200);
      return undefined;
    }),
  },
  { name: 'late', action: 'produce', script: onSend(2, async () => { await sleep(1200); return undefined; }), done: allSent, maxMs: 25_000, settleMs: 500 },
  { name: 'silent', action: 'produce', cluster: two, script: onSend(2, () => 'silent'), done: allSent, maxMs: 45_000 },
  { name: 'go-away', action: 'produce', script: onSend(2, () => ({ code: res.GO_AWAY, remark: 'please go away' })), done: allSent, maxMs: 25_000 },
  { name: 'cut', action: 'produce', script: onSend(2, ({ link }) => { link.cut(); return 'silent'; }), done: allSent, maxMs: 45_000 },
  { name: 'no-route', action: 'produce', prepare: (cluster) => { cluster.known = false; }, done: allSent, maxMs: 45_000 },
  { name: 'dead-broker', action: 'produce', prepare: (cluster) => { cluster.deadPort = 1; }, done: allSent, maxMs: 45_000 },
  {
    name: 'consume', action: 'consume', maxMs: 25_000, settleMs: 1500, prepare: (cluster) => fill(cluster, 20),
    script: () => {
      let more = false;
      return (arrival, cluster) => {
        if (!more && arrival.command.code === req.PULL_MESSAGE && Number(arrival.command.ext['queueOffset']) >= 5) {
          more = true;
          setTimeout(() => fill(cluster, 4, 20), 1000).unref();
        }
        return undefined;
      };
    },
    done: (play) => receivedCount(play) >= 24,
  },
  {
    name: 'not-found', action: 'consume', maxMs: 25_000, prepare: (cluster) => fill(cluster, 4),
    script: () => {
      let first = Infinity; // a client takes seconds to its first pull
      return ({ command, at }, cluster) => {
        if (command.code !== req.PULL_MESSAGE || command.ext['queueId'] !== '0' || command.ext['topic'] !== cluster.options.topic) return undefined;
        first = Math.min(first, at);
        return command.ext['queueOffset'] === '1' && at < first + notFoundMs ? { code: res.PULL_NOT_FOUND, ext: { nextBeginOffset: 1, minOffset: 0, maxOffset: 1, suggestWhichBrokerId: 0 } } : undefined;
      };
    },
    done: ({ cluster, topic }) => {
      const all = cluster.requests(req.PULL_MESSAGE).filter(({ command: { ext } }) => ext['topic'] === topic && ext['queueId'] === '0');
      return all.filter(({ command: { ext } }) => ext['queueOffset'] === '1').length >= 2 && cluster.now > (all[0]?.at ?? Infinity) + notFoundMs;
    },
  },
  {
    name: 'moved', action: 'consume', cluster: { firstOffset: 50 }, maxMs: 30_000,
    prepare: (cluster) => {
      for (let id = 0; id < 4; id++) cluster.offsets.set(`broker-a ${cluster.options.topic} ${id}`, 7);
      fill(cluster, 8);
    },
    done: (play) => receivedCount(play) >= 8,
  },
  { name: 'pull-unknown-code', action: 'consume', maxMs: 25_000, prepare: (cluster) => fill(cluster, 8), script: () => { let once = false; return (arrival) => (arrival.command.code === req.PULL_MESSAGE && arrival.command.ext['queueId'] === '0' && !once && (once = true) ? { code: 9999, remark: 'a code of a later release' } : undefined); }, done: (play) => receivedCount(play) >= 8 },
  {
    name: 'two', action: 'consume', clients: 2, maxMs: 40_000, settleMs: 1000, prepare: (cluster) => fill(cluster, 8),
    script: () => {
      let planned = false;
      return (_arrival, cluster) => {
        if (!planned && cluster.members().length >= 2) {
          planned = true;
          setTimeout(() => fill(cluster, 8, 8), 21_000).unref(); // libraries that are not told rebalance every 20 s
        }
        return undefined;
      };
    },
    done: (play) => new Set(play.runs.flatMap((run) => run.received().map((one) => one.key))).size >= 16,
  },
  { name: 'retry', action: 'consume-fail', maxMs: 25_000, prepare: (cluster) => fill(cluster, 4), done: (play) => receivedCount(play) >= 8 },
  { name: 'orderly', action: 'consume-orderly', needs: 'orderly', maxMs: 30_000, settleMs: 500, prepare: (cluster) => fill(cluster, 20), done: (play) => receivedCount(play) >= 20 },
  {
    name: 'consumer-cut', action: 'consume', maxMs: 40_000, prepare: (cluster) => fill(cluster, 8),
    script: () => {
      let planned = false;
      return (arrival, cluster) => {
        if (!planned && arrival.command.code === req.PULL_MESSAGE && Number(arrival.command.ext['queueOffset']) >= 2) {
          planned = true;
          setTimeout(() => {
            for (const link of cluster.links) if (link.server === 'broker-a' && link.closedAt === undefined) link.cut();
            setTimeout(() => fill(cluster, 8, 8), 500).unref();
          }, 500).unref();
        }
        return undefined;
      };
    },
    done: (play) => new Set(play.runs.flatMap((run) => run.received().map((one) => one.key))).size >= 16 && play.cluster.requests(req.HEART_BEAT).some((beat) => beat.at > (play.cluster.links.find((link) => link.server === 'broker-a' && link.closedAt !== undefined)?.closedAt ?? Infinity)),
  },
  {
    name: 'route-change', action: 'consume', maxMs: 45_000, cluster: { queues: 2 }, prepare: (cluster) => fill(cluster, 4),
    script: () => (arrival, cluster) => { if (arrival.command.code === req.PULL_MESSAGE) cluster.queues = 4; return undefined; },
    done: ({ cluster, topic }) => new Set(cluster.requests(req.PULL_MESSAGE).filter(({ command }) => command.ext['topic'] === topic).map(({ command }) => command.ext['queueId'])).size >= 4,
  },
  {
    name: 'odd-request', action: 'consume', maxMs: 25_000, prepare: (cluster) => fill(cluster, 4),
    script: () => {
      let asked = false;
      return (arrival, cluster) => {
        if (!asked && arrival.command.code === req.PULL_MESSAGE && Number(arrival.command.ext['queueOffset']) >= 1) {
          asked = true;
          cluster.ask(arrival.link, 9998, {});
          setTimeout(() => fill(cluster, 4, 4), 500).unref();
        }
        return undefined;
      };
    },
    done: (play) => receivedCount(play) >= 8,
  },
];

let names = 0;

/** Plays one scenario. @throws ClientError when the client does not start. */
export async function play(client: ClientUnderTest, scenario: Scenario, signal?: AbortSignal): Promise<Play> {
  const id = `${Date.now().toString(36)}${++names}`;
  const [topic, group] = [`conform_T${id}`, `conform_G${id}`];
  const script = scenario.script?.();
  const cluster = await Cluster.open({ topic, group, ...scenario.cluster, ...(script === undefined ? {} : { script }) });
  const played: Play = { cluster, runs: [], topic, group, closingAt: Infinity };
  try {
    scenario.prepare?.(cluster);
    for (let i = 0; i < (scenario.clients ?? 1); i++) played.runs.push(await client.start({ namesrv: cluster.namesrv, topic, group, action: scenario.action, as: `c${id}${i}` }));
    const end = Date.now() + scenario.maxMs;
    while (Date.now() < end && signal?.aborted !== true && !scenario.done(played) && played.runs.every((run) => run.ended() === undefined)) await sleep(25);
    await sleep(scenario.settleMs ?? 200);
  } finally {
    played.closingAt = cluster.now;
    await Promise.all(played.runs.map((run) => run.close()));
    await sleep(50);
    await cluster.close();
  }
  return played;
}
