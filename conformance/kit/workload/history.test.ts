import { describe, expect, test } from '@jest/globals';
import { allocateEvenly } from './allocate.js';
import { mergeVerdicts, runCheckers } from './checkers/checker.js';
import { accepts, History, HistoryError, readHistory, writeLine, type HistoryLine } from './history.js';
import { Recorder, timelineOf } from './recorder.js';

const invoke: HistoryLine = { process: 'p', type: 'invoke', op: 'send', id: 1, time: 5, key: 'a', queueId: 0, transactional: true };
const ok: HistoryLine = { process: 'p', type: 'ok', op: 'send', id: 1, time: 7.5, queueOffset: 3 };
const text = (...lines: unknown[]): string => lines.map((line) => JSON.stringify(line)).join('\n');

describe('readHistory', () => {
  test('reads what writeLine wrote, in order of time', () => {
    expect(readHistory([ok, invoke].map(writeLine).join('\n') + '\n\n')).toEqual([invoke, ok]);
  });

  test.each([
    ['line 1: no JSON', '{'],
    ['line 1: a line is a JSON object', '[]'],
    ['line 2: unknown member colour', text(invoke, { ...ok, colour: 'red' })],
    ['line 1: queueId must be an integer', text({ ...invoke, queueId: '0' })],
    ['line 1: queues must be a list of integers', text({ ...invoke, queues: [1.5] })],
    ['line 1: key must be a text of at most 1024 characters', text({ ...invoke, key: 'x'.repeat(1025) })],
    ['line 1: op must be one of', text({ ...invoke, op: 'toString' })],
    ['line 1: type must be one of', text({ ...invoke, type: 'done' })],
    ['line 1: receive is an event', text({ ...invoke, op: 'receive' })],
    ['line 1: id must be', text({ ...invoke, id: -1 })],
    ['line 1: time must be', '{"process":"p","type":"invoke","op":"send","id":1,"time":1e999}'],
    ['line 1: process must be', text({ ...invoke, process: '' })],
    ['which it did not invoke', text(ok)],
    ['which it did not invoke', text(invoke, { ...ok, op: 'ack' })],
    ['which is not over', text(invoke, invoke)],
  ])('%s', (message, lines) => {
    expect(() => readHistory(lines)).toThrow(HistoryError);
    expect(() => readHistory(lines)).toThrow(message);
  });
});

describe('History', () => {
  test('a call without an end is info; ends prevail', () => {
    const history = new History([invoke, { ...invoke, id: 2, time: 6 }, ok]);
    expect(history.of('send').map((one) => [one.outcome, one.value.key, one.value.queueOffset])).toEqual([['ok', 'a', 3], ['info', 'a', undefined]]);
  });

  test('expressions of tags', () => {
    expect([accepts('*', undefined), accepts('a || b', 'b'), accepts('a||b', 'ab'), accepts('a', undefined), accepts(' ', 'x')]).toEqual([true, true, false, false, true]);
  });
});

describe('Recorder', () => {
  test('its lines are a history, and a call ends once', () => {
    const seen: HistoryLine[] = [];
    const recorder = new Recorder((line) => seen.push(line));
    recorder.event('c', 'join', { group: 'G' });
    const call = recorder.call('c', 'ack', { key: 'a' });
    call.info({ error: 'no answer' });
    call.ok();
    expect(seen).toEqual(recorder.lines);
    expect(readHistory(seen.map(writeLine).join('\n')).map((line) => line.type)).toEqual(['ok', 'invoke', 'info']);
  });

  test('a timeline in milliseconds since its begin, anomalies marked', () => {
    expect(timelineOf([invoke, ok], new Map([[ok, 'lost: a']]))).toEqual([
      { process: 'p', op: 'send', invokedMs: 0, completedMs: 2.5, outcome: 'ok', value: 'a q0 @3', anomaly: 'lost: a' },
    ]);
  });
});

describe('checkers', () => {
  test('one that breaks is unknown, and fail goes over unknown over pass', () => {
    const broken = { name: 'broken', requirement: '', check: (): never => { throw new Error('slip'); } };
    expect(runCheckers([broken], new History([]))).toEqual([{ checker: 'broken', verdict: 'unknown', anomalies: [], figures: {}, reason: 'slip' }]);
    expect([mergeVerdicts([{ verdict: 'pass' }, { verdict: 'unknown' }, { verdict: 'fail' }]), mergeVerdicts([{ verdict: 'pass' }, { verdict: 'unknown' }]), mergeVerdicts([])]).toEqual(['fail', 'unknown', 'pass']);
  });
});

describe('allocateEvenly', () => {
  test('contiguous runs, the larger ones first, whatever the order of the ids', () => {
    const shares = (queues: number, ...ids: string[]): number[][] => [...ids].sort().map((id) => allocateEvenly(queues, ids, id));
    expect(shares(5, 'b', 'a')).toEqual([[0, 1, 2], [3, 4]]);
    expect(shares(8, 'c', 'a', 'b')).toEqual([[0, 1, 2], [3, 4, 5], [6, 7]]);
    expect(shares(1, 'a', 'b')).toEqual([[0], []]);
    expect(allocateEvenly(4, ['a'], 'stranger')).toEqual([]);
  });
});
