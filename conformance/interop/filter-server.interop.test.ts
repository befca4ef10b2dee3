/**
 * The real 4.9.8 client with filter classes: `subscribe(topic, fullClassName, filterClassSource)` uploads Java source, or a script, to the filter servers
 * of the route, and pulls there. What matches arrives, each message once, whatever is killed meanwhile.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import { RawClient } from '../raw-client.js';
import { eventually, missingFor, SdkDriver, type OutgoingMessage } from '../sdk-driver.js';

const group = 'filter_group';
const className = 'org.example.shop.CheapFilter';
const java = (condition: string): string => `package org.example.shop;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import org.apache.rocketmq.common.filter.FilterContext;
import org.apache.rocketmq.common.filter.MessageFilter;
import org.apache.rocketmq.common.message.MessageExt;

public class CheapFilter implements MessageFilter {
    @Override
    public boolean match(MessageExt msg, FilterContext context) {
        String price = msg.getUserProperty("price");
        if (price == null || !"${group}".equals(context.getConsumerGroup())) {
            return false;
        }
        String text = new String(msg.getBody(), StandardCharsets.UTF_8);
        return text.startsWith("body ") && (${condition});
    }
}
`;
const cheapJava = java('new BigDecimal(price).compareTo(new BigDecimal("10")) < 0');
const cheapScript = "function match(msg, context) { const price = msg.getProperty('price'); return price !== null && Number(price) < 10 && msg.getBodyText().startsWith('body '); }";

/** Every third is cheap. */
function goods(prefix: string, count: number): OutgoingMessage[] {
  return Array.from({ length: count }, (_one, i) => ({ key: `${prefix}${i}`, body: `body ${i}`, tag: 'any', properties: { price: i % 3 === 0 ? '9.99' : '10.00' } }));
}
const cheap = (messages: readonly OutgoingMessage[]): string[] => messages.filter((_one, i) => i % 3 === 0).map((message) => message.key);

/** Processes below this one, found in /proc. */
function below(pid: number): { readonly pid: number; readonly args: string }[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const parent = Number(/^\d+ \(.*\) \w (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1]);
      return [{ pid: Number(name), parent, args: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }];
    } catch {
      return [];
    }
  });
  const children = all.filter((one) => one.parent === pid);
  return [...children, ...children.flatMap((one) => below(one.pid))];
}

const filterServerPid = (broker: SkylarkEndpoint): number => below(broker.pid).find((one) => one.args.includes('filter-server'))?.pid ?? 0;
const jvms = (broker: SkylarkEndpoint): number[] => below(broker.pid).filter((one) => one.args.includes('skylark.FilterMain')).map((one) => one.pid);

async function filterServers(broker: SkylarkEndpoint): Promise<string[]> {
  const namesrv = await RawClient.connect(broker.namesrv);
  try {
    const answer = await namesrv.ask('route', 105, { topic: 'TBW102' });
    return Object.values((JSON.parse(answer.body.toString()) as { filterServerTable: Record<string, string[]> }).filterServerTable).flat();
  } finally {
    namesrv.close();
  }
}

describe('filter classes of the 4.9.8 client', () => {
  const missing = missingFor('java-4.9.8');
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let broker: SkylarkEndpoint | undefined;
  let sdk: SdkDriver | undefined;
  afterEach(async () => {
    await sdk?.stop();
    await broker?.dispose();
    [sdk, broker] = [undefined, undefined];
  });

  async function start(nums: number): Promise<{ broker: SkylarkEndpoint; sdk: SdkDriver }> {
    broker = await SkylarkEndpoint.start({ config: { filterServerNums: nums, flushConsumerOffsetInterval: 500, filterMatchTimeoutMs: 5000, filterCompileTimeoutMs: 120_000 } });
    sdk = await SdkDriver.start('java-4.9.8', broker.namesrv);
    const up = broker;
    await eventually('the filter servers registered', 60_000, async () => ((await filterServers(up)).length === nums ? [] : ['not yet']));
    return { broker: up, sdk };
  }

  async function subscribe(to: SdkDriver, as: string, topic: string, name: string, source: string): Promise<void> {
    await to.command('subscribe', { as, topic, group, filterClass: name, source });
  }

  async function arrive(from: SdkDriver, as: string, keys: readonly string[], timeoutMs = 180_000): Promise<void> {
    await eventually('what matches arrived', timeoutMs, () => {
      const got = new Set(from.received(as).map((one) => one.key));
      return keys.filter((key) => !got.has(key));
    });
  }

  const exactly = (from: SdkDriver, as: string, keys: readonly string[]): void => {
    expect(from.received(as).map((one) => one.key).sort()).toEqual([...keys].sort());
  };

  test.each([['Java', className, cheapJava, 1], ['JavaScript', 'shop/cheap.js'.replace('/', '.'), cheapScript, 2]] as const)('%s: exactly what matches arrives, each once', async (_language, name, source, nums) => {
    const { broker: own, sdk: client } = await start(nums);
    const topic = 'FilteredGoods';
    await client.command('createTopic', { topic, broker: own.broker, queues: 4 });
    const before = goods('before', 90);
    await client.send(topic, 'sync', before);
    await subscribe(client, 'cheap', topic, name, source);
    await arrive(client, 'cheap', cheap(before));
    const after = goods('after', 90);
    await client.send(topic, 'batch', after);
    await arrive(client, 'cheap', cheap(after));
    await sleep(1500);
    exactly(client, 'cheap', [...cheap(before), ...cheap(after)]);
    // The group moved on over what did not match: nothing is left to pull.
    const raw = await RawClient.connect(own.broker);
    await eventually('the group is at the end of each queue', 60_000, async () => {
      const behind: string[] = [];
      for (const queueId of [0, 1, 2, 3]) {
        const [at, max] = [await raw.ask('offset', 14, { consumerGroup: group, topic, queueId }), await raw.ask('max', 30, { topic, queueId, committed: true })];
        if (at.ext['offset'] !== max.ext['offset']) behind.push(`queue ${queueId} at ${at.ext['offset'] ?? '?'} of ${max.ext['offset'] ?? '?'}`);
      }
      return behind;
    });
    raw.close();
  });

  test('kill -9 of the filter server and of its JVM while messages flow: each match once', async () => {
    const { broker: own, sdk: client } = await start(1);
    const topic = 'KilledGoods';
    await client.command('createTopic', { topic, broker: own.broker, queues: 2 });
    await subscribe(client, 'cheap', topic, className, cheapJava);
    const all: OutgoingMessage[] = [];
    const send = async (prefix: string): Promise<void> => {
      const messages = goods(prefix, 60);
      all.push(...messages);
      await client.send(topic, 'sync', messages);
    };
    await send('a');
    await arrive(client, 'cheap', cheap(all.slice(0, 60)));
    const sending = send('b');
    for (const pid of jvms(own)) process.kill(pid, 'SIGKILL');
    await sending;
    await arrive(client, 'cheap', cheap(all.slice(60, 120)));
    const [address] = await filterServers(own);
    const more = send('c');
    process.kill(filterServerPid(own), 'SIGKILL');
    await more;
    await eventually('another filter server registered', 60_000, async () => {
      const now = await filterServers(own);
      return now.length === 1 && now[0] !== address ? [] : [now.join() || 'none'];
    });
    await send('d');
    await arrive(client, 'cheap', all.filter((one) => one.properties?.['price'] === '9.99').map((one) => one.key));
    await sleep(1500);
    exactly(client, 'cheap', all.filter((one) => one.properties?.['price'] === '9.99').map((one) => one.key));
    expect(jvms(own)).toHaveLength(1);
  });

  test('kill -9 of the broker: its filter server goes with it, and nothing that matches is lost', async () => {
    const { broker: own, sdk: client } = await start(1);
    const topic = 'RestartedGoods';
    await client.command('createTopic', { topic, broker: own.broker, queues: 2 });
    await subscribe(client, 'cheap', topic, className, cheapJava);
    const first = goods('first', 60);
    await client.send(topic, 'sync', first);
    await arrive(client, 'cheap', cheap(first));
    const old = [filterServerPid(own), ...jvms(own)];
    await own.kill();
    await eventually('nothing of it is left', 60_000, () => old.filter((pid) => existsSync(`/proc/${pid}`)).map(String));
    await own.restart();
    const second = goods('second', 60);
    await client.send(topic, 'sync', second);
    await arrive(client, 'cheap', cheap(second));
    const keys = client.received('cheap').map((one) => one.key);
    expect([...new Set(keys)].sort()).toEqual([...cheap(first), ...cheap(second)].sort());
  });

  test('source that hangs, allocates or reaches out: the consumer gets nothing, another group everything', async () => {
    const { broker: own, sdk: client } = await start(1);
    const topic = 'GuardedGoods';
    await client.command('createTopic', { topic, broker: own.broker, queues: 1 });
    const messages = goods('m', 30);
    await client.send(topic, 'sync', messages);
    const bad = {
      exit: java('exit()').replace(/\}\s*$/, '    private static boolean exit() { System.exit(1); return true; }\n}\n'),
      socket: java('reach()').replace(/\}\s*$/, '    private static boolean reach() { try { return new java.net.Socket("127.0.0.1", 9876).isConnected(); } catch (Exception e) { return false; } }\n}\n'),
      loop: java('loop()').replace(/\}\s*$/, '    private static boolean loop() { while (System.nanoTime() != 0) { } return true; }\n}\n'),
      memory: java('fill()').replace(/\}\s*$/, '    private static boolean fill() { java.util.List<Object> all = new java.util.ArrayList<>(); for (;;) all.add(new byte[1 << 20]); }\n}\n'),
    };
    for (const [name, source] of Object.entries(bad)) await client.command('subscribe', { as: name, topic, group: `${group}`.replace('filter', name), filterClass: className, source: source.replaceAll(`"${group}"`, `"${group.replace('filter', name)}"`) });
    await subscribe(client, 'cheap', topic, className, cheapJava);
    await arrive(client, 'cheap', cheap(messages));
    await sleep(3000);
    exactly(client, 'cheap', cheap(messages));
    for (const name of Object.keys(bad)) expect([name, client.received(name)]).toEqual([name, []]);
    // The broker noticed nothing: it has the filter server it started, and serves.
    expect(await filterServers(own)).toHaveLength(1);
    await client.command('unsubscribe', { as: 'exit' });
    // The same group with a source that serves gets everything.
    await client.command('subscribe', { as: 'mended', topic, group: 'exit_group', filterClass: className, source: cheapJava.replaceAll(`"${group}"`, '"exit_group"') });
    await arrive(client, 'mended', cheap(messages));
    exactly(client, 'mended', cheap(messages));
  });
});
