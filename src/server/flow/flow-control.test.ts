/** Rule files, gates and their counts; cold reads. How each controller decides is held against Sentinel itself (conformance/differential). */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock, silentLog } from '../../remoting/clocks.js';
import { ColdDataControl, coldPeriodMs } from './cold-data.js';
import { FlowControl, ruleWatchMs } from './flow-control.js';
import type { FlowGate } from './flow-control.js';
import { PassWindows } from './pass-windows.js';
import { readFlowRules } from './rules.js';

describe('rules', () => {
  test('defaults are those of Sentinel', () => {
    expect(readFlowRules('[{"resource":"g:t","count":5}]', () => undefined)).toEqual([
      { resource: 'g:t', count: 5, grade: 1, controlBehavior: 0, warmUpPeriodSec: 10, maxQueueingTimeMs: 500 },
    ]);
  });

  test.each([
    ['{"count":1}', /resource is missing/], ['{"resource":"x","count":1}', /GROUP:TOPIC/], ['{"resource":"g:t","count":-1}', /count/],
    ['{"resource":"g:t","count":"x"}', /count/], ['{"resource":"g:t","grade":2,"count":1}', /grade/], ['{"resource":"g:t","controlBehavior":1,"warmUpPeriodSec":0,"count":1}', /warmUp/],
    ['{"resource":"g:t","strategy":1,"count":1}', /strategy/], ['{"resource":"g:t","clusterMode":true,"count":1}', /clusterMode/], ['{"resource":"g:t","limitApp":"a","count":1}', /limitApp/],
    ['7', /no object/],
  ])('%s is not obeyed, and said why', (text, why) => {
    const ignored: string[] = [];
    expect(readFlowRules(`[${text},{"resource":"g:t"}]`, (index, reason) => ignored.push(`${index} ${reason}`))).toHaveLength(1);
    expect(ignored).toHaveLength(1);
    expect(ignored[0]).toMatch(why);
  });

  test('what is no array of rules throws', () => {
    for (const text of ['{}', '', '[', 'null']) expect(() => readFlowRules(text, () => undefined)).toThrow();
  });
});

test('windows count the last second, and the second before', () => {
  const second = new PassWindows(500, 2);
  second.add(1000, 3);
  second.add(1499, 2);
  second.add(1500, 4);
  expect([second.sum(1999), second.sum(2000), second.sum(2600), second.sum(5000)]).toEqual([9, 4, 0, 0]);
  const minute = new PassWindows(1000, 60);
  minute.add(1999, 5);
  expect([minute.previous(1999), minute.previous(2000), minute.previous(2999), minute.previous(3001)]).toEqual([0, 5, 5, 0]);
});

describe('gates', () => {
  let clock: ManualClock;
  let text: string | undefined;
  let flow: FlowControl;
  let stamp = 0;
  const rules = (...list: object[]): void => {
    text = JSON.stringify(list);
    stamp++;
    flow.look();
  };
  const gate = (): FlowGate => {
    const found = flow.gate('g', 't');
    if (found === undefined) throw new Error('no gate');
    return found;
  };

  beforeEach(() => {
    clock = new ManualClock(1_700_000_000_000);
    text = undefined;
    flow = new FlowControl({ clock, log: silentLog, file: { stamp: () => (text === undefined ? undefined : String(stamp)), read: () => text ?? '' } });
    flow.start();
  });

  test('only what has rules has a gate; all of its rules must agree', () => {
    expect(flow.gate('g', 't')).toBeUndefined();
    rules({ resource: 'g:t', count: 10 }, { resource: 'g:t', count: 4 }, { resource: 'g:other', count: 1 });
    expect(flow.gate('h', 't')).toBeUndefined();
    expect(gate().most(32)).toBe(4);
    let ran = 0;
    expect(gate().take(3, () => ran++)).toBe(true);
    expect([ran, gate().most(32), gate().take(2, () => ran++)]).toEqual([1, 1, false]);
    expect(flow.refused).toBe(1);
    clock.advance(1500);
    expect(gate().most(32)).toBe(4);
  });

  test('a limiter lets wait, and what waits counts when it passes', () => {
    rules({ resource: 'g:t', count: 10, controlBehavior: 2, maxQueueingTimeMs: 250 });
    const passed: number[] = [];
    const take = (count: number): boolean => gate().take(count, () => passed.push(clock.nowMs()));
    expect([take(1), take(1), take(1), gate().most(32), take(1)]).toEqual([true, true, true, 0, false]);
    expect(passed).toEqual([1_700_000_000_000]);
    clock.advance(250);
    expect(passed.map((ms) => ms - 1_700_000_000_000)).toEqual([0, 100, 200]);
  });

  test('threads count pulls at work', () => {
    rules({ resource: 'g:t', grade: 0, count: 2 });
    gate().enter();
    expect(gate().most(32)).toBe(32);
    gate().enter();
    expect(gate().most(32)).toBe(0);
    gate().leave();
    expect(gate().most(32)).toBe(32);
  });

  test('a changed file is taken, counts go on, a bad one changes nothing, a removed one ends the rules', () => {
    rules({ resource: 'g:t', count: 10 });
    gate().take(6, () => undefined);
    text = JSON.stringify([{ resource: 'g:t', count: 8 }]);
    stamp++;
    expect(gate().most(32)).toBe(4);
    clock.advance(ruleWatchMs - 600);
    clock.advance(600);
    expect(gate().most(32)).toBe(8);
    gate().take(6, () => undefined);
    rules({ resource: 'g:t', count: 9 });
    expect(gate().most(32)).toBe(3);
    text = '[{';
    stamp++;
    flow.look();
    expect(gate().most(32)).toBe(3);
    text = undefined;
    flow.look();
    expect(flow.gate('g', 't')).toBeUndefined();
    flow.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('cold reads', () => {
  const config = { coldDataFlowControlEnable: true, cgColdReadThreshold: 100, globalColdReadThreshold: 1000 };

  test('thresholds of the group, its own, and of all', () => {
    const cold = new ColdDataControl(config, new ManualClock());
    cold.read('a', 99);
    expect(cold.exceeds('a')).toBe(false);
    cold.read('a', 1);
    expect(cold.exceeds('a')).toBe(true);
    cold.setThreshold('a', 500);
    expect(cold.exceeds('a')).toBe(false);
    cold.read('b', 50);
    expect(cold.exceeds('b')).toBe(false);
    cold.read('c', 900);
    expect([cold.exceeds('b'), cold.exceeds('nobody')]).toEqual([true, false]);
    cold.sweep();
    expect([cold.exceeds('b'), cold.exceeds('c')]).toEqual([false, false]);
    cold.removeThreshold('a');
    cold.read('a', 100);
    expect(cold.exceeds('a')).toBe(true);
    expect(new ColdDataControl({ ...config, coldDataFlowControlEnable: false }, new ManualClock()).exceeds('a')).toBe(false);
  });

  test('held pulls run in the first round after three seconds; silent groups are forgotten', () => {
    const clock = new ManualClock(0);
    const cold = new ColdDataControl(config, clock);
    cold.start();
    let ran = 0;
    clock.advance(coldPeriodMs - 1000);
    cold.hold(() => ran++);
    clock.advance(1000);
    expect(ran).toBe(0);
    clock.advance(coldPeriodMs);
    expect(ran).toBe(1);
    cold.read('a', 5);
    expect((cold.info()['runtimeTable'] as Map<string, unknown>).size).toBe(1);
    clock.advance(65_000);
    expect((cold.info()['runtimeTable'] as Map<string, unknown>).size).toBe(0);
    cold.stop();
    expect(clock.pending).toBe(0);
  });
});
