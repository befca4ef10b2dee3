/**
 * The examples of documentation pages, as they stand there: commands of `skylark` and mqadmin and a program in Java, with the addresses of the page replaced
 * by those of this run. With SKYLARK_ENDPOINT=apache pages for one broker are played at Apache's.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jvmOpens, mavenLibrary, missingForJava } from '../adapters/apache/install.js';
import { startEndpoint } from '../adapters/index.js';
import { SkylarkEndpoint, skylarkMain } from '../adapters/skylark.js';
import { runMqadmin } from '../differential/mqadmin/mqadmin.js';
import { Child, projectRoot } from '../process.js';
import { eventually } from '../sdk-driver.js';
import { routed } from './route.js';

const missing = missingForJava();

/** Blocks of a page in one language. */
function blocks(page: string, language: string): string[] {
  const text = readFileSync(join(projectRoot, 'docs', page), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1] ?? '');
}

/** The commands of mqadmin on a page, without the name of the program and comments. */
function mqadminOf(page: string): string[] {
  return blocks(page, 'sh').flatMap((block) => block.split('\n')).filter((line) => line.startsWith('mqadmin '))
    .map((line) => line.replace(/ +#.*$/, '').slice('mqadmin '.length).replaceAll('127.0.0.1:9876', '@NS'));
}

const imports = ['client.consumer.*', 'client.consumer.listener.*', 'client.producer.*', 'client.utils.MessageUtil', 'common.consumer.ConsumeFromWhere', 'common.message.*'].map((name) => `import org.apache.rocketmq.${name};`).join('\n');

describe('examples in the documentation', () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let dir = '';
  const ends: (() => Promise<unknown>)[] = [];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'documentation-'));
  });

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Runs the statements of a page's only program in Java, which may go on for ever; what it prints is collected. */
  async function java(page: string, namesrv: string): Promise<string[]> {
    const [block = ''] = blocks(page, 'java');
    const libraries = await mavenLibrary('java-sdk', 'conformance/sdk/java/pom.xml', '5.5.0');
    const source = join(dir, 'Page.java');
    writeFileSync(source, `${imports}\npublic class Page {\n    public static void main(String[] args) throws Exception {\n${block.replaceAll('127.0.0.1:9876', namesrv)}\n    }\n}\n`);
    const child = new Child(page, 'java', [...jvmOpens, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Duser.home=${dir}`, '-cp', libraries, source], { cwd: dir });
    ends.push(() => child.kill());
    const lines: string[] = [];
    child.onLine((line) => lines.push(line));
    void child.exited.then((code) => lines.push(`ended ${code}: ${child.tail.slice(-5).join(' | ')}`));
    return lines;
  }

  /** A page whose commands of mqadmin make a topic that its Java program uses: what that prints. */
  async function played(page: string, topic: string): Promise<readonly string[]> {
    const endpoint = await startEndpoint();
    ends.push(() => endpoint.dispose());
    const printed = (await runMqadmin(endpoint, mqadminOf(page))).flat();
    expect(printed.filter((line) => /failed|threw/.test(line))).toEqual([]);
    await routed(endpoint.namesrv, topic, 60_000);
    return java(page, endpoint.namesrv);
  }

  test('compaction.md: a new reader gets the newest price of each item', async () => {
    const lines = await played('compaction.md', 'prices');
    const last = Array.from({ length: 10 }, (_, i) => `item-${i} = price ${990 + i}`);
    await eventually('the last price of each item is printed', 180_000, () => last.filter((line) => !lines.includes(line)).concat(lines.filter((line) => line.startsWith('ended'))));
  }, 600_000);

  test('request-reply.md: the requester has the answer', async () => {
    const lines = await played('request-reply.md', 'questions');
    await eventually('it is printed', 180_000, () => (lines.includes('the answer is 42') ? [] : [lines.join(' / ')]));
  }, 600_000);

  test('static-topics.md: the answer names a logic queue, and a broker that has it', async () => {
    const a = await SkylarkEndpoint.start({ config: { brokerName: 'broker-a' } });
    ends.push(() => a.dispose());
    const b = new Child('broker-b', process.execPath, [skylarkMain(), 'broker', '--port', '0', '--namesrv', a.namesrv, '--data', join(dir, 'b'), '--set', 'brokerName=broker-b']);
    ends.push(() => b.stop());
    await b.line((line) => line.startsWith('ready '), 300_000);
    const printed = (await runMqadmin(a, mqadminOf('static-topics.md'))).flat();
    expect(printed.filter((line) => /failed|threw/.test(line))).toEqual([]);
    await routed(a.namesrv, 'orders', 60_000);
    const lines = await java('static-topics.md', a.namesrv);
    await eventually('it is printed', 180_000, () => (lines.some((line) => /MessageQueue \[topic=orders, brokerName=broker-[ab], queueId=[0-7]\]/.test(line)) ? [] : [lines.join(' / ')]));
  }, 600_000);
});
