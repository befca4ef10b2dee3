/**
 * Makes `apache-5.5.0-timers/`: the timer files of a real Apache broker that was stopped with timers pending: two for one second, one called back, one
 * for a later second, one so far ahead that it is rolled. Run by hand: `node dist/conformance/golden/capture-timers.js`. Needs java and maven.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { apacheVersion } from '../adapters/apache/install.js';
import { req } from '../kit/codes.js';
import { RawClient } from '../raw-client.js';
import { projectRoot } from '../process.js';
import { readSparse } from './sparse.js';

async function main(): Promise<void> {
  const golden = join(projectRoot, 'conformance/golden/apache-5.5.0-timers');
  const endpoint = await ApacheEndpoint.start({ config: { recallMessageEnable: true } });
  try {
    const broker = await RawClient.connect(endpoint.broker);
    await broker.createTopic('GoldenTimers', 2);
    const at = Math.ceil(Date.now() / 1000) * 1000 + 600_000;
    const send = async (n: number, time: number): Promise<string> => {
      const UNIQ_KEY = `7F000001000100000000000000000${n}`;
      const sent = await broker.ask('send', req.SEND_MESSAGE_V2, {
        a: 'golden_writer', b: 'GoldenTimers', c: 'TBW102', d: 4, e: n % 2, f: 0, g: Date.now(), h: 0, j: 0, k: false, m: false,
        i: `UNIQ_KEY\u0001${UNIQ_KEY}\u0002TIMER_DELIVER_MS\u0001${time}\u0002`,
      }, Buffer.from(`timer ${n}`));
      return sent.ext['recallHandle'] ?? '';
    };
    await send(101, at + 500);
    const handle = await send(102, at + 700);
    await send(103, at + 5500);
    await send(104, at + 200_000_000);
    await broker.ask('recall', req.RECALL_MESSAGE, { producerGroup: 'golden_writer', topic: 'GoldenTimers', recallHandle: handle });
    await sleep(4000);
    const checkPoint = await broker.ask('check point', 60, {});
    const metrics = await broker.ask('metrics', 61, {});
    broker.close();
    await endpoint.stop();
    mkdirSync(golden, { recursive: true });
    const all = readSparse(endpoint.dataDir, `Apache RocketMQ ${apacheVersion}, stopped in order with timers pending`);
    const files = all.files.filter(({ path }) => /^(timerwheel|timerlog\/|config\/timer)/.test(path));
    writeFileSync(join(golden, 'timers.json'), `${JSON.stringify({ ...all, at, handle, checkPointHex: checkPoint.body.toString('hex'), metricsText: metrics.body.toString('utf8'), files }, undefined, 1)}\n`);
  } finally {
    await endpoint.dispose();
  }
}

await main();
