/** Lanes: what runs at once, what waits, what is refused and with which words. */
import { describe, expect, test } from '@jest/globals';
import { ManualClock } from './clocks.js';
import { defaultLanes, LaneSet, type LaneTask } from './lanes.js';
import type { Lanes } from './types.js';

interface Probe extends LaneTask {
  readonly events: string[];
  finish(): Promise<void>;
}

function probe(events: string[], name: string, asynchronous: boolean): Probe {
  let release: () => void = () => undefined;
  let work: Promise<void> | undefined;
  return {
    events,
    run: () => {
      events.push(`run ${name}`);
      if (!asynchronous) return undefined;
      work = new Promise<void>((resolve) => {
        release = resolve;
      });
      return work;
    },
    refuse: (remark) => void events.push(`${name}: ${remark}`),
    queued: () => void events.push(`wait ${name}`),
    unqueued: () => void events.push(`leave ${name}`),
    finish: async () => {
      release();
      await work;
      await Promise.resolve();
    },
  };
}

function setUp(lanes: Lanes): { clock: ManualClock; set: LaneSet; events: string[] } {
  const clock = new ManualClock();
  return { clock, set: new LaneSet(clock, lanes), events: [] };
}

const small = { capacity: 2, concurrency: 1, waitMsMax: 200 };

describe('lanes', () => {
  test('a synchronous request on a free lane runs without waiting and takes no slot', () => {
    const { set, events } = setUp({ send: small });
    const lane = set.get('send');
    for (const name of ['a', 'b', 'c', 'd']) lane.submit(probe(events, name, false));
    expect(events).toEqual(['run a', 'run b', 'run c', 'run d']);
    expect(lane.size).toBe(0);
  });

  test('order is kept behind an asynchronous request, and the queue has a bound', async () => {
    const { set, events } = setUp({ send: small });
    const lane = set.get('send');
    const slow = probe(events, 'slow', true);
    lane.submit(slow);
    for (const name of ['b', 'c', 'd']) lane.submit(probe(events, name, false));
    expect(events).toEqual(['run slow', 'wait b', 'wait c', 'd: [OVERLOAD]system busy, start flow control for a while']);
    expect(lane.refused.overload).toBe(1);
    await slow.finish();
    expect(events.slice(4)).toEqual(['leave b', 'run b', 'leave c', 'run c']);
    expect(set.pending).toBe(0);
  });

  test('a slow lane does not delay another', () => {
    const { set, events } = setUp({ send: small, pull: small });
    set.get('send').submit(probe(events, 'slow', true));
    set.get('send').submit(probe(events, 'waits', false));
    set.get('pull').submit(probe(events, 'other', false));
    expect(events).toEqual(['run slow', 'wait waits', 'run other']);
  });

  test('what waited too long is refused at the next sweep, oldest first, with the size left', () => {
    const { clock, set, events } = setUp({ send: { ...small, capacity: 10 } });
    const lane = set.get('send');
    lane.submit(probe(events, 'slow', true));
    lane.submit(probe(events, 'a', false));
    clock.advance(105);
    lane.submit(probe(events, 'b', false));
    expect(lane.headWaitTimeMs(clock.nowMs())).toBe(105);
    clock.advance(90);
    expect(events).toEqual(['run slow', 'wait a', 'wait b']);
    clock.advance(10);
    expect(events.slice(3)).toEqual(['leave a', 'a: [TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 200ms, size of queue: 1']);
    clock.advance(120);
    expect(events.at(-1)).toMatch(/^b: \[TIMEOUT_CLEAN_QUEUE].*, period in queue: 20\dms, size of queue: 0$/);
    expect(lane.refused.timeout).toBe(2);
    // Nothing waits: the sweep's timer is gone.
    expect(clock.pending).toBe(0);
  });

  test('a lane without a limit on waiting keeps its requests', () => {
    const { clock, set, events } = setUp({ query: { capacity: 5, concurrency: 1, waitMsMax: 0 } });
    const lane = set.get('query');
    lane.submit(probe(events, 'slow', true));
    lane.submit(probe(events, 'a', false));
    clock.advance(3_600_000);
    expect(lane.size).toBe(1);
  });

  test('idle resolves when the last asynchronous request is done', async () => {
    const { set, events } = setUp({ send: small });
    const slow = probe(events, 'slow', true);
    set.get('send').submit(slow);
    let idle = false;
    const waiting = set.idle().then(() => {
      idle = true;
    });
    await Promise.resolve();
    expect(idle).toBe(false);
    await slow.finish();
    await waiting;
    expect(idle).toBe(true);
  });

  test('refuseAll empties the queue with the given words', () => {
    const { clock, set, events } = setUp({ send: small });
    const lane = set.get('send');
    lane.submit(probe(events, 'slow', true));
    lane.submit(probe(events, 'a', false));
    lane.submit(probe(events, 'b', false));
    clock.advance(7);
    lane.refuseAll((waitedMs, left) => `gone after ${waitedMs}, ${left} left`);
    expect(events.filter((event) => event.includes('gone'))).toEqual(['a: gone after 7, 1 left', 'b: gone after 7, 0 left']);
  });

  test('a long queue is first in, first out', async () => {
    const { set, events } = setUp({ send: { capacity: 5000, concurrency: 1, waitMsMax: 0 } });
    const lane = set.get('send');
    const slow = probe(events, 'slow', true);
    lane.submit(slow);
    for (let i = 0; i < 3000; i++) lane.submit(probe(events, String(i), false));
    await slow.finish();
    expect(events.filter((event) => event.startsWith('run')).slice(1)).toEqual(Array.from({ length: 3000 }, (_, i) => `run ${i}`));
  });

  test('default limits are BrokerConfig of 5.5.0 on a machine with 2 processors', () => {
    const lanes = defaultLanes(2);
    expect(lanes.send).toEqual({ capacity: 10000, concurrency: 2, waitMsMax: 200 });
    expect(lanes.pull).toEqual({ capacity: 100000, concurrency: 20, waitMsMax: 5000 });
    expect(lanes.heartbeat).toEqual({ capacity: 50000, concurrency: 2, waitMsMax: 31000 });
    expect(lanes.route).toEqual({ capacity: 50000, concurrency: 8, waitMsMax: 0 });
  });
});
