/** The end of a turn: order, once per sender, errors of hooks; and the small helpers beside it. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AddressList, parseAddressList } from './address-list.js';
import { CallTimeouts } from './call-timeouts.js';
import { splitAddress } from './client.js';
import { ManualClock } from './clocks.js';
import { EventTurn, outPieceBytes } from './turn.js';

describe('turn', () => {
  test('hooks run in order of registration, then each sender once; one deferral for all', () => {
    const deferred: (() => void)[] = [];
    const events: string[] = [];
    const turn = new EventTurn(() => undefined, (run) => void deferred.push(run));
    turn.beforeSend(() => void events.push('store'));
    turn.beforeSend(() => void events.push('acks'));
    turn.schedule();
    turn.willSend({ flush: () => void events.push('a') });
    turn.willSend({ flush: () => void events.push('b') });
    expect(deferred).toHaveLength(1);
    deferred[0]?.();
    expect(events).toEqual(['store', 'acks', 'a', 'b']);
    turn.schedule();
    expect(deferred).toHaveLength(2);
    deferred[1]?.();
    expect(events.slice(4)).toEqual(['store', 'acks']);
  });

  test('what a hook queues leaves in the same turn, what a flush queues in the next', () => {
    const deferred: (() => void)[] = [];
    const events: string[] = [];
    const turn = new EventTurn(() => undefined, (run) => void deferred.push(run));
    const late = { flush: () => void events.push('late') };
    let hooked = false;
    turn.beforeSend(() => {
      if (!hooked) turn.willSend({ flush: () => { events.push('from hook'); turn.willSend(late); } });
      hooked = true;
    });
    turn.schedule();
    deferred.shift()?.();
    expect(events).toEqual(['from hook']);
    expect(deferred).toHaveLength(1);
    deferred.shift()?.();
    expect(events).toEqual(['from hook', 'late']);
  });

  test('a hook that throws is reported; the others and the senders go on', () => {
    const errors: unknown[] = [];
    const events: string[] = [];
    const turn = new EventTurn((error) => errors.push(error), () => undefined);
    turn.beforeSend(() => {
      throw new Error('first');
    });
    turn.beforeSend(() => void events.push('second'));
    turn.willSend({ flush: () => void events.push('sent') });
    turn.run();
    expect(errors).toEqual([new Error('first')]);
    expect(events).toEqual(['second', 'sent']);
  });

  test('pieces are reused', () => {
    const turn = new EventTurn(() => undefined, () => undefined);
    const piece = turn.takePiece();
    expect(piece.length).toBe(outPieceBytes);
    turn.returnPiece(piece);
    expect(turn.takePiece()).toBe(piece);
    expect(turn.takePiece()).not.toBe(piece);
  });
});

describe('address list', () => {
  test('is parsed from Apache\'s form', () => {
    expect(parseAddressList(' a:1; b:2 ;;a:1,c:3')).toEqual(['a:1', 'b:2', 'c:3']);
    expect(parseAddressList('')).toEqual([]);
  });

  test('stays with an address until it fails, and a late report changes nothing', () => {
    const list = new AddressList(['a', 'b', 'c'], 0.4);
    expect(list.current()).toBe('b');
    list.failed('a');
    expect(list.current()).toBe('b');
    list.failed('b');
    list.failed('b');
    expect(list.current()).toBe('c');
    list.failed('c');
    expect(list.current()).toBe('a');
    list.replace(['x', 'a']);
    expect(list.current()).toBe('a');
    list.replace([]);
    expect(list.current()).toBeUndefined();
    list.failed('a');
  });

  test('host and port part at the last colon', () => {
    expect(splitAddress('localhost:9876')).toEqual({ host: 'localhost', port: 9876 });
    expect(splitAddress('[::1]:9876')).toEqual({ host: '::1', port: 9876 });
    for (const bad of ['', 'localhost', ':1', 'a:0', 'a:65536', 'a:1x']) expect(splitAddress(bad)).toBeUndefined();
  });
});

test('call timeouts look only while there are calls', () => {
  const clock = new ManualClock();
  const timeouts = new CallTimeouts(clock);
  let left = 2;
  timeouts.watch({ expireCalls: () => --left });
  expect(clock.pending).toBe(1);
  clock.advance(50);
  expect(clock.pending).toBe(1);
  clock.advance(50);
  expect(clock.pending).toBe(0);
});

test('a manual clock runs timers in order of time, whatever the steps', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 1000 })), fc.array(fc.integer({ min: 1, max: 400 })), (delays, steps) => {
    const clock = new ManualClock(0);
    const ran: number[] = [];
    for (const delay of delays) clock.setTimeout(() => void ran.push(clock.nowMs()), delay);
    for (const ms of steps) clock.advance(ms);
    const now = steps.reduce((sum, ms) => sum + ms, 0);
    expect(clock.nowMs()).toBe(now);
    expect(ran).toEqual(delays.filter((delay) => steps.length > 0 && delay <= now).sort((a, b) => a - b));
  }));
});
