import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog, systemClock } from '../../remoting/clocks.js';
import { JavaSandboxes } from './java-sandbox.js';
import { findJdk } from './jdk.js';
import { RunningFilter, type Judgement } from './running-filter.js';
import type { SandboxReply } from './sandbox.js';
import { message } from './testdata/message.js';

const limits = { filterJavaHome: '', filterJavaWrapper: '', filterMemoryMb: 48, filterMatchTimeoutMs: 20_000, filterCompileTimeoutMs: 60_000, filterPullTimeMs: 60_000 };
const jdk = findJdk('', process.env);

let root = '';
let sandboxes: JavaSandboxes;
let running: RunningFilter[] = [];
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'filters-'));
  sandboxes = new JavaSandboxes(limits, root, process.env, Date.now);
});
afterEach(async () => {
  await Promise.all(running.map((filter) => filter.stop()));
  running = [];
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const imports = 'package com.shop;\nimport java.util.*;\nimport org.apache.rocketmq.common.filter.*;\nimport org.apache.rocketmq.common.message.*;\n';

function sourceOf(body: string): string {
  if (body.includes('class ')) return body;
  return `${imports}public class Cheap implements MessageFilter {\n  @Override public boolean match(MessageExt msg, FilterContext context) {\n${body}\n  }\n}\n`;
}

function filter(body: string, more: Partial<typeof limits> = {}, className = 'com.shop.Cheap'): RunningFilter {
  const made = new RunningFilter({ open: sandboxes.open, className, source: sourceOf(body), clock: systemClock(), log: silentLog, limits: { ...limits, ...more } });
  running.push(made);
  return made;
}

async function started(body: string, more: Partial<typeof limits> = {}): Promise<RunningFilter> {
  const made = filter(body, more);
  expect(await made.start()).toBeUndefined();
  return made;
}

const faultOf = (judgement: Judgement): string => ('fault' in judgement ? judgement.fault : 'no fault');

test('where there is no JDK it says so', async () => {
  expect(findJdk('/nowhere', process.env)).toBe('filterJavaHome=/nowhere has no bin/java and bin/javac');
  expect(findJdk('', { PATH: '/nowhere' })).toBe('no JDK was found at JAVA_HOME or on PATH');
  const none = new JavaSandboxes(limits, root, {}, Date.now);
  await expect(none.open({ reply: () => undefined, gone: () => undefined })).rejects.toThrow('filters in Java are not served: no JDK was found at JAVA_HOME or on PATH');
});

describe('a filter in Java', () => {
  if (typeof jdk === 'string') {
    test.skip(`skipped: ${jdk}`, () => undefined);
    return;
  }

  test('sees the message as a consumer would', async () => {
    const seen = await started(`
      List<Object> got = List.of(msg.getTopic(), msg.getQueueId(), msg.getQueueOffset(), msg.getFlag(), String.valueOf(msg.getBornHost()), msg.getTags(), msg.getKeys(),
        msg.getProperty("colour"), String.valueOf(msg.getUserProperty("none")), new String(msg.getBody(), java.nio.charset.StandardCharsets.UTF_8), context.getConsumerGroup(), msg.getMsgId());
      String want = "[T, 3, 7, 5, /10.1.2.3:77, A, k1 k2, red, null, h\\u00e9, G, 0A]";
      if (!got.toString().equals(want)) throw new IllegalStateException(got.toString());
      return true;`);
    expect(await seen.judge('G', [message('hé', { TAGS: 'A', KEYS: 'k1 k2', colour: 'red', UNIQ_KEY: '0A' })])).toEqual({ verdicts: [true] });
  });

  test('may use what a filter needs: lambdas, streams, records, inner classes, numbers, text, time', async () => {
    const uses = await started(`${imports}
      import java.math.BigDecimal; import java.time.*; import java.util.regex.*; import java.util.stream.*;
      public class Cheap implements MessageFilter {
        enum Kind { GOOD, BAD }
        static final Map<String, Kind> KINDS = new HashMap<>();
        static class Price { final BigDecimal amount; Price(String text) { amount = new BigDecimal(text.trim()); } }
        private final Pattern digits = Pattern.compile("(\\\\d+)");
        static { KINDS.put("a", Kind.GOOD); }
        public boolean match(MessageExt msg, FilterContext context) {
          try {
            Price price = new Price(msg.getProperty("price"));
            List<String> words = Arrays.stream(new String(msg.getBody()).split(" ")).map(String::toLowerCase).filter(w -> w.length() > 1).sorted().collect(Collectors.toList());
            Matcher matcher = digits.matcher(String.format("%05d %s", words.size(), LocalDate.ofEpochDay(1)));
            System.out.println("nobody reads this " + Kind.valueOf("GOOD"));
            switch (KINDS.getOrDefault("a", Kind.BAD)) { case GOOD: break; default: return false; }
            Comparator<BigDecimal> order = new Comparator<BigDecimal>() { public int compare(BigDecimal a, BigDecimal b) { return a.compareTo(b); } };
            return matcher.find() && matcher.group(1).equals("00002") && order.compare(price.amount, BigDecimal.TEN) < 0 && System.currentTimeMillis() > 0;
          } catch (NumberFormatException none) { return false; }
        }
      }`);
    const judged = await uses.judge('G', [message('Two words', { price: '9.5' }), message('Two words', { price: '10' }), message('Two words', { price: 'x' })]);
    expect(judged).toEqual({ verdicts: [true, false, false] });
  });

  test.each([
    ['return 1;', /line 7: incompatible types: int cannot be converted to boolean/],
    ['return missing(msg);', /line 7: cannot find symbol/],
    ['class Other { }', /the source declares no class com\.shop\.Cheap/],
    ['package com.shop; public class Cheap { }', /com\.shop\.Cheap does not implement org\.apache\.rocketmq\.common\.filter\.MessageFilter/],
    [`${imports}public class Cheap implements MessageFilter { static { if (true) throw new IllegalStateException("at once"); } public boolean match(MessageExt m, FilterContext c) { return true; } }`, /at once/],
  ])('a source %j says why it is none', async (source, why) => {
    expect(await filter(source).start()).toMatch(why);
  });

  test('as with Apache the package comes from the source', async () => {
    const made = filter('package a.b; import org.apache.rocketmq.common.filter.*; import org.apache.rocketmq.common.message.*; class Cheap implements MessageFilter { public boolean match(MessageExt m, FilterContext c) { return false; } }', {}, 'Cheap');
    expect([await made.start(), await made.judge('G', [message('x')])]).toEqual([undefined, { verdicts: [false] }]);
  });

  const victim = join(tmpdir(), `filters-victim-${process.pid}`);
  const reaching = [
    ['System.exit(0); return true;', 'java.lang.System.exit'],
    ['Runtime.getRuntime().halt(1); return true;', 'java.lang.Runtime'],
    ['return System.getenv().isEmpty();', 'java.lang.System.getenv'],
    ['return System.getProperties().isEmpty();', 'java.lang.System.getProperties|java.util.Properties'],
    [`return new java.io.File("${victim}").mkdir();`, 'java.io.File'],
    [`try { new Formatter("${victim}"); } catch (Exception e) { } return true;`, 'java.util.Formatter'],
    [`try { new java.io.PrintStream("${victim}"); } catch (Exception e) { } return true;`, 'java.io.PrintStream.<init>'],
    [`return java.nio.file.Files.exists(java.nio.file.Paths.get("${victim}"));`, 'java.nio.file.'],
    ['new java.net.Socket(); return true;', 'java.net.Socket'],
    ['return new java.net.InetSocketAddress("example.org", 80).isUnresolved();', 'java.net.InetSocketAddress.'],
    ['return java.net.InetAddress.getLoopbackAddress() == null;', 'java.net.InetAddress.getLoopbackAddress'],
    ['new Thread(() -> { for (;;); }).start(); return true;', 'java.lang.Thread'],
    ['new ProcessBuilder("touch").command(); return true;', 'java.lang.ProcessBuilder'],
    ['try { return Class.forName("java.lang.Runtime") == null; } catch (Exception e) { return false; }', 'java.lang.Class.forName'],
    ['return msg.getClass().getMethods().length > 0;', 'java.lang.Class.getMethods'],
    ['return getClass().getClassLoader() == null;', 'java.lang.Class.getClassLoader'],
    ['java.util.function.Supplier<Object> s = java.lang.invoke.MethodHandles::lookup; return s.get() == null;', 'java.lang.invoke.MethodHandles.lookup'],
    ['java.util.function.Function<String, String> f = System::getenv; return f.apply("HOME") == null;', 'java.lang.System.getenv'],
    ['try { skylark.FilterMain.main(null); } catch (Exception e) { } return true;', 'skylark.FilterMain'],
    ['ServiceLoader.load(Runnable.class); return true;', 'java.util.ServiceLoader'],
    ['new Timer(); return true;', 'java.util.Timer'],
    ['sun.misc.Unsafe.getUnsafe(); return true;', 'sun.misc.Unsafe'],
  ] as const;
  test('a source that reaches out is refused by name', async () => {
    const replies: SandboxReply[] = [];
    let told: () => void = () => undefined;
    const sandbox = await sandboxes.open({ reply: (reply) => void (replies.push(reply), told()), gone: (why) => void (replies.push({ kind: 'failed', text: why }), told()) });
    try {
      for (const [body, name] of reaching) {
        const answered = new Promise<void>((resolve) => { told = resolve; });
        sandbox.load('com.shop.Cheap', sourceOf(body));
        await answered;
        const reply = replies.pop();
        expect([body, reply]).toEqual([body, { kind: 'failed', text: expect.stringMatching(new RegExp(`^a filter may not use (${name})`)) }]);
      }
      expect(existsSync(victim)).toBe(false);
    } finally {
      await sandbox.kill();
    }
  });

  test('annotation processors, services and files of the upload do nothing', async () => {
    // A class of the program's own name, and one that pretends to be what filters implement.
    const made = filter('package org.apache.rocketmq.common.filter; public class MessageFilter { }', {}, 'org.apache.rocketmq.common.filter.MessageFilter');
    expect(await made.start()).toMatch(/does not implement/);
    const own = filter('package java.lang; public class Cheap { }', {}, 'java.lang.Cheap');
    expect(await own.start()).not.toBeUndefined();
  });

  test('what a filter throws fails the pull and serves the next one', async () => {
    const throws = await started('if ("bad".equals(msg.getTags())) { if ("deep".equals(msg.getKeys())) return match(msg, context); throw new IllegalStateException("no price"); } return true;');
    expect(faultOf(await throws.judge('G', [message('x', { TAGS: 'bad' })]))).toBe('java.lang.IllegalStateException: no price');
    expect(faultOf(await throws.judge('G', [message('x', { TAGS: 'bad', KEYS: 'deep' })]))).toBe('java.lang.StackOverflowError');
    expect(await throws.judge('G', [message('x')])).toEqual({ verdicts: [true] });
  });

  test.each([
    ['for (;;) { }', 1500, /did not judge a message within 1500 ms and was ended/],
    ['try { java.util.concurrent.TimeUnit.DAYS.sleep(1); } catch (InterruptedException e) { }', 1500, /did not judge a message within 1500 ms and was ended/],
    ['List<byte[]> all = new ArrayList<>(); for (;;) all.add(new byte[1 << 20]);', 60_000, /JVM ended \(exit 3\)/],
    ['for (;;) { try { for (List<Object> all = new ArrayList<>(); ; ) all.add(new long[100000]); } catch (Throwable e) { } }', 60_000, /JVM ended \(exit 3\)/],
  ])('a filter that does %j is ended and started anew', async (body, filterMatchTimeoutMs, fault) => {
    const bad = await started(`if ("bad".equals(msg.getTags())) { ${body} } return true;`, { filterMatchTimeoutMs });
    expect(faultOf(await bad.judge('G', [message('x', { TAGS: 'bad' })]))).toMatch(fault);
    expect(faultOf(await bad.judge('G', [message('x')]))).toMatch(/it is started again in \d+ ms/);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await bad.judge('G', [message('x')])).toEqual({ verdicts: [true] });
  });

  test('a source that loops as it starts is ended', async () => {
    const source = `${imports}public class Cheap implements MessageFilter { static { while (System.nanoTime() != 0) { } } public boolean match(MessageExt m, FilterContext c) { return true; } }`;
    expect(await filter(source, { filterCompileTimeoutMs: 8000 }).start()).toBe('it did not compile and start within 8000 ms');
  });

  test('nothing is left: no process, no file', async () => {
    const made = await started('return true;');
    expect(readdirSync(root).filter((name) => name.startsWith('jvm-'))).toHaveLength(1);
    await made.stop();
    expect(readdirSync(root)).toEqual(['classes']);
    expect(execFileSync('ps', ['-eo', 'args']).toString()).not.toContain(root);
  });
});
