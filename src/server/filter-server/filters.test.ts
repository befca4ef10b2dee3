import { afterEach, describe, expect, test } from '@jest/globals';
import { silentLog, systemClock } from '../../remoting/clocks.js';
import { javaScriptSandboxes } from './javascript-sandbox.js';
import { RunningFilter, type Judgement } from './running-filter.js';
import { message } from './testdata/message.js';

const limits = { filterMemoryMb: 16, filterMatchTimeoutMs: 500, filterCompileTimeoutMs: 20_000, filterPullTimeMs: 60_000 };

let running: RunningFilter[] = [];
afterEach(async () => {
  await Promise.all(running.map((filter) => filter.stop()));
  running = [];
});

function filter(source: string, more: Partial<typeof limits> = {}): RunningFilter {
  const all = { ...limits, ...more };
  const made = new RunningFilter({ open: javaScriptSandboxes(all), className: 'f.js', source, clock: systemClock(), log: silentLog, limits: all });
  running.push(made);
  return made;
}

async function started(source: string, more: Partial<typeof limits> = {}): Promise<RunningFilter> {
  const made = filter(source, more);
  expect(await made.start()).toBeUndefined();
  return made;
}

const faultOf = (judgement: Judgement): string => ('fault' in judgement ? judgement.fault : 'no fault');

describe('a filter in JavaScript', () => {
  test('sees what MessageFilter#match sees', async () => {
    const seen = await started(`function match(msg, context) {
      const got = [msg.getTopic(), msg.queueId, msg.getQueueOffset(), msg.getFlag(), msg.bornHost, msg.getTags(), msg.keys, msg.getProperty('colour'), msg.getUserProperty('none'),
        msg.getBodyText(), msg.body.length, context.getConsumerGroup(), msg.getReconsumeTimes(), msg.getDelayTimeLevel()];
      const want = ['T', 3, 7, 5, '10.1.2.3:77', 'A', 'k1 k2', 'red', null, 'h\\u00e9\\ud83d\\ude00\\ufffd', 8, 'G', 0, 0];
      if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(JSON.stringify(got));
      return true;
    }`);
    const body = Buffer.concat([Buffer.from('hé😀'), Buffer.from([0xff])]);
    expect(await seen.judge('G', [message(body, { TAGS: 'A', KEYS: 'k1 k2', colour: 'red' })])).toEqual({ verdicts: [true] });
  });

  test('judges each message of a pull, and keeps its state from pull to pull', async () => {
    const everyOther = await started('let n = 0; function match() { return n++ % 2 === 0; }');
    expect(await Promise.all([everyOther.judge('G', [message('1'), message('2'), message('3')]), everyOther.judge('G', [message('4'), message('5')])]))
      .toEqual([{ verdicts: [true, false, true] }, { verdicts: [false, true] }]);
  });

  test('reaches nothing outside', async () => {
    const names = ['require', 'process', 'fetch', 'std', 'os', 'setTimeout', 'WebAssembly', 'XMLHttpRequest', 'Worker', 'Deno', 'console', 'Buffer', 'performance'];
    const looks = await started(`function match() { const found = ${JSON.stringify(names)}.filter((name) => typeof globalThis[name] !== 'undefined'); if (found.length > 0) throw new Error(found.join()); return true; }`);
    expect(await looks.judge('G', [message('x')])).toEqual({ verdicts: [true] });
    const imports = await started("function match() { import('node:fs').then((fs) => fs.writeFileSync('/tmp/escaped', '')); return true; }");
    expect(await imports.judge('G', [message('x')])).toEqual({ verdicts: [true] });
  });

  test.each([
    ['no JavaScript at all', 'SyntaxError'],
    ['const notMatch = 1;', 'f.js declares no function match(msg, context)'],
    ["throw new Error('at once')", 'Error: at once'],
    ['const match = async () => true;', undefined],
  ])('a source %j says why it is none', async (source, why) => {
    const failed = await filter(source).start();
    if (why === undefined) expect(failed).toBeUndefined();
    else expect(failed).toContain(why);
  });

  test.each([
    ['return undefined;', 'TypeError: match answered undefined, not true or false'],
    ['return Promise.resolve(true);', 'TypeError: match answered object, not true or false'],
    ["throw new RangeError('no such price');", 'RangeError: no such price'],
    ['throw null;', 'null'],
    ['return match(msg, context);', 'InternalError: stack overflow'],
    ["const all = []; for (;;) all.push(new Uint8Array(1 << 20));", 'InternalError: out of memory'],
    ["return 'x'.repeat(1e9).length > 0;", 'InternalError: out of memory'],
  ])('a filter that does %j fails the pull and serves the next one', async (body, fault) => {
    const bad = await started(`function match(msg, context) { if (msg.getTags() === 'bad') { ${body} } return true; }`, { filterMatchTimeoutMs: 100_000 });
    expect(faultOf(await bad.judge('G', [message('x', { TAGS: 'bad' })]))).toBe(fault);
    expect(await bad.judge('G', [message('x')])).toEqual({ verdicts: [true] });
  });

  test.each([
    ['for (;;);'],
    ['for (;;) { try { for (;;); } catch { } }'],
    ["/(a+)+$/.test('a'.repeat(64) + 'b');"],
  ])('a filter that does %j is ended, refused for a while, and started anew', async (body) => {
    const loops = await started(`function match(msg) { if (msg.getTags() === 'bad') { ${body} } return true; }`);
    expect(faultOf(await loops.judge('G', [message('x', { TAGS: 'bad' })]))).toBe('f.js did not judge a message within 500 ms and was ended');
    expect(faultOf(await loops.judge('G', [message('x')]))).toMatch(/was ended; it is started again in \d+ ms/);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await loops.judge('G', [message('x')])).toEqual({ verdicts: [true] });
  });

  test('a source that loops as it is loaded does not start', async () => {
    expect(await filter('for (;;);', { filterCompileTimeoutMs: 1000 }).start()).toMatch(/interrupted|did not compile and start within 1000 ms/);
  });

  test('what does not fit into the time of a pull is left to the next', async () => {
    const slow = await started('function match() { const end = Date.now() + 30; while (Date.now() < end); return true; }', { filterPullTimeMs: 600, filterMatchTimeoutMs: 20_000 });
    const judged = await slow.judge('G', Array.from({ length: 60 }, () => message('x')));
    expect('verdicts' in judged && judged.verdicts.length > 0 && judged.verdicts.length < 60).toBe(true);
  });
});
