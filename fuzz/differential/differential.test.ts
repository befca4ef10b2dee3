/** The campaign's parts that need no server: sequences, what is taken out of answers, what two answers differ in, cutting down. */
import { describe, expect, test } from '@jest/globals';
import { requests, type Spec } from '../../src/codec/requests.js';
import { divergences } from '../../src/compat/divergence.js';
import type { Difference } from '../../conformance/differential/compare.js';
import { covers } from '../../conformance/differential/compare.js';
import { accepted } from './accepted.js';
import { generate, moves } from './generate.js';
import { keyOf, kindOf } from './judge.js';
import { minimizeSteps } from './minimize.js';
import { messageId, runName, Symbols } from './normal.js';
import { isRef, requestCount, type Step, type Template } from './steps.js';

const names = (steps: readonly Step[]): string[] => steps.flatMap((step) => ('send' in step ? [step.send] : []));

describe('sequences', () => {
  const many = Array.from({ length: 60 }, (_, number) => generate('test', number));

  test('follow from the seed', () => {
    expect(generate('test', 7)).toEqual(many[7]);
    expect(generate('test', 7)).not.toEqual(generate('other', 7));
  });

  test('have the fields that the table demands, and name only steps before them', () => {
    const wrong: string[] = [];
    for (const steps of many) {
      const before = new Set<number>();
      for (const step of steps) {
        for (const ref of refsOf(step as unknown as Template)) if (ref !== 'clock' && !before.has(ref)) wrong.push(`${step.id} names ${ref}`);
        if ('send' in step) {
          const spec: Spec = requests[step.send];
          const fields = { ...step.ext, ...(step.properties === undefined ? {} : { i: '', properties: '' }) };
          for (const [name, field] of Object.entries(spec.header)) if (field.opt !== true && !((field.wire ?? name) in fields)) wrong.push(`${step.send} lacks ${name}`);
        }
        before.add(step.id);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('reach what a client asks of a broker and of a name server', () => {
    const asked = new Set(many.flatMap(names));
    for (const name of ['SEND_MESSAGE', 'SEND_MESSAGE_V2', 'SEND_BATCH_MESSAGE', 'PULL_MESSAGE', 'POP_MESSAGE', 'ACK_MESSAGE', 'END_TRANSACTION', 'HEART_BEAT', 'REGISTER_BROKER', 'GET_ROUTEINFO_BY_TOPIC', 'PUT_KV_CONFIG']) expect(asked).toContain(name);
    expect(asked.size).toBeGreaterThan(70);
    expect(moves.every((move) => move.weight >= 0.1)).toBe(true);
    expect(Math.min(...many.map(requestCount))).toBeGreaterThanOrEqual(25);
  });
});

function refsOf(value: Template | undefined): (number | 'clock')[] {
  if (value === undefined || value === null || typeof value !== 'object') return [];
  if (isRef(value)) return [value.ref];
  return Object.values(value).flatMap((inner) => refsOf(inner));
}

describe('answers', () => {
  const run = runName(5);
  const symbols = (): Symbols => new Symbols(run, '127.0.0.1:10911', '127.0.0.1:9876');

  test('lose addresses, times, ids and the name of their run', () => {
    expect(symbols().text(`${run}T0 at 127.0.0.1:10911 of 127.0.0.1:9876, seen by 127.0.0.1:40000 at 1764300000123, ${messageId(run, 12)}`)).toBe('~T0 at <broker> of <namesrv>, seen by <address> at <time>, ^12^');
  });

  test('of tables of the whole broker, only the part of their run is kept, and no revive progress', () => {
    const other = runName(6);
    const table = { [`${run}T0@${run}G0`]: { 0: 3 }, [`${other}T0@${other}G0`]: { 0: 9 }, 'rmq_sys_REVIVE_LOG_x@CID_RMQ_SYS_REVIVE_GROUP': { 0: 1 } };
    expect(symbols().plain({ offsetTable: table }, new Set())).toEqual({ offsetTable: { '~T0@~G0': { 0: 3 } } });
    expect(symbols().plain([`${run}T0`, `${other}T0`, 'TBW102'], new Set())).toEqual(['~T0', 'TBW102']);
  });

  test('numbers are kept, but for those that measure time', () => {
    expect(symbols().plain({ delayTime: 3, offset: 3 }, new Set())).toEqual({ delayTime: '<time since>', offset: 3 });
    expect(symbols().plain({ delayTime: 0, storeTimestamp: Date.now(), any: 1 }, new Set(['any']))).toEqual({ delayTime: 0, storeTimestamp: '<time>', any: '<any>' });
  });

  test('a message has one name, wherever it is named', () => {
    const all = symbols();
    expect(all.message(1000, '<message 3>')).toBe('<message 3>');
    expect(all.plain({ phyOffset: 1000, other: { physicOffset: 2000 } }, new Set())).toEqual({ phyOffset: '<message 3>', other: { physicOffset: '<stored 1>' } });
  });
});

describe('differences', () => {
  const difference = (more: Partial<Difference>): Difference => ({ sequence: 'random', label: 'PULL_MESSAGE {"queueId":3}', what: 'field nextBeginOffset', apache: '7', skylark: '8', ...more });

  test('are the same one whatever numbers they are about', () => {
    expect(keyOf(difference({}))).toBe(keyOf(difference({ label: 'PULL_MESSAGE {"queueId":1}', apache: '12', skylark: '13' })));
    expect(keyOf(difference({}))).not.toBe(keyOf(difference({ what: 'remark' })));
    expect(kindOf(difference({ what: 'body[12].queueOffset' }))).toBe('PULL_MESSAGE body[#].queueOffset');
  });

  test('each row names a divergence, and covers no difference of another request', () => {
    for (const row of accepted) {
      expect(Object.keys(divergences)).toContain(row.divergence);
      expect(covers(row, difference({}))).toBe(false);
    }
  });
});

describe('cutting down', () => {
  test('leaves the steps and fields that the difference needs', async () => {
    const steps = generate('test', 3);
    const sends = steps.filter((step) => 'send' in step && step.send.startsWith('SEND_MESSAGE'));
    const needed = sends[1]?.id;
    expect(needed).toBeDefined();
    let runs = 0;
    const least = await minimizeSteps(steps, (candidate) => {
      runs++;
      return Promise.resolve(candidate.some((step) => step.id === needed));
    }, 200);
    expect(least.map((step) => step.id)).toEqual([needed]);
    expect(runs).toBeLessThanOrEqual(200);
    const [one] = least;
    expect(one !== undefined && 'send' in one ? Object.keys(one.properties ?? {}) : []).toEqual(['UNIQ_KEY']);
  });
});
