import { describe, expect, it } from '@jest/globals';
import { Recorder } from '../workload/recorder.js';
import { judge } from './judge.js';

/** Three messages in queue 0, each sent, received, taken, committed and read. */
function honest(): Recorder {
  const recorder = new Recorder();
  recorder.event('c', 'join', { group: 'g', topic: 't', mode: 'clustering', expression: '*' });
  for (let i = 0; i < 3; i++) {
    const place = { topic: 't', queueId: 0, queueOffset: i, key: `m${i}`, body: '1:00000000' };
    const { queueOffset, ...sent } = place;
    recorder.call('p', 'send', sent).ok({ queueOffset });
    recorder.event('c', 'receive', place);
    recorder.call('c', 'ack', place).ok();
    recorder.call('c', 'commit', { group: 'g', topic: 't', queueId: 0, queueOffset: i + 1 }).ok();
    recorder.event('reader', 'read', place);
  }
  return recorder;
}

const attempts = new Map([['m0', 1], ['m1', 2], ['m2', 1]]);
const names = (recorder: Recorder, more: { readonly resumes?: number; readonly crashed?: boolean } = {}): string[] =>
  judge({ lines: recorder.lines, attempts, resumes: 1, tellsPlaces: true, crashed: false, ...more }).anomalies.map((one) => one.name);

describe('the judgement of a run with faults', () => {
  it('acquits a history in which all is well', () => {
    const judged = judge({ lines: honest().lines, attempts, resumes: 1, tellsPlaces: true, crashed: false });
    expect(judged).toEqual({ anomalies: [], unknown: [], figures: { acknowledged: 3, received: 3, copies: 0, duplicates: 0, duplicatesMax: 16 } });
  });

  it('counts a copy for each time a message was sent, and convicts one more', () => {
    const recorder = honest();
    recorder.event('reader', 'read', { topic: 't', queueId: 0, queueOffset: 3, key: 'm1', body: '1:00000000' });
    expect(judge({ lines: recorder.lines, attempts, resumes: 1, tellsPlaces: true, crashed: false })).toMatchObject({ anomalies: [], figures: { copies: 1, duplicatesMax: 17 } });
    recorder.event('reader', 'read', { topic: 't', queueId: 0, queueOffset: 4, key: 'm1', body: '1:00000000' });
    expect(names(recorder)).toEqual(['more-copies-than-sends']);
  });

  it('convicts a lost message and one that is in no queue', () => {
    const recorder = honest();
    recorder.call('p', 'send', { topic: 't', queueId: 0, key: 'm3', body: '1:00000000' }).ok({ queueOffset: 3 });
    expect(names(recorder)).toEqual(['lost', 'gone']);
  });

  it('convicts a forgotten commit, but not after a crash, nor where one without an answer came late', () => {
    const forgetful = (): Recorder => {
      const recorder = honest();
      recorder.call('c', 'offset', { group: 'g', topic: 't', queueId: 0 }).ok({ queueOffset: 1 });
      return recorder;
    };
    expect(names(forgetful())).toEqual(['forgotten']);
    expect(names(forgetful(), { crashed: true })).toEqual([]);
    const late = new Recorder();
    late.call('c', 'commit', { group: 'g', topic: 't', queueId: 0, queueOffset: 1 }).info();
    late.lines.push(...forgetful().lines.map((line) => ({ ...line, id: line.id + 10 })));
    expect(names(late)).toEqual([]);
  });

  it('bounds deliveries again by the connections lost', () => {
    const recorder = honest();
    for (let i = 0; i < 3; i++) recorder.event('c', 'receive', { topic: 't', queueId: 0, queueOffset: 2, key: 'm2', body: '1:00000000' });
    expect(names(recorder)).toEqual([]);
    expect(names(recorder, { resumes: 0 })).toEqual(['duplicate', 'duplicate', 'duplicate']);
  });

  it('bounds no duplicates of a library that does not tell when it began anew, nor judges commits it does not tell', () => {
    const recorder = new Recorder();
    recorder.lines.push(...honest().lines.filter((line) => line.op !== 'commit'));
    for (let i = 0; i < 3; i++) recorder.event('c', 'receive', { topic: 't', queueId: 0, queueOffset: 2, key: 'm2', body: '1:00000000' });
    expect(judge({ lines: recorder.lines, attempts, resumes: undefined, tellsPlaces: true, crashed: false })).toMatchObject({ anomalies: [], unknown: [], figures: { duplicatesMax: Infinity } });
    expect(judge({ lines: recorder.lines, attempts, resumes: 1, tellsPlaces: true, crashed: false }).unknown).toEqual([expect.stringMatching(/^offsets: /)]);
  });

  it('judges no queues and offsets where clients do not tell them, and loss all the same', () => {
    const placeless = (): Recorder => {
      const recorder = new Recorder();
      recorder.lines.push(...honest().lines.filter((line) => line.op !== 'commit').map((line) => {
        const { queueId: _queueId, queueOffset: _queueOffset, ...rest } = line;
        return line.op === 'read' ? line : rest;
      }));
      return recorder;
    };
    const judged = (recorder: Recorder, tellsPlaces: boolean): { anomalies: string[]; unknown: readonly string[] } => {
      const { anomalies, unknown } = judge({ lines: recorder.lines, attempts, resumes: undefined, tellsPlaces, crashed: false });
      return { anomalies: anomalies.map((one) => one.name), unknown };
    };
    expect(judged(placeless(), false)).toEqual({ anomalies: [], unknown: [] });
    expect(judged(placeless(), true).anomalies).not.toEqual([]);
    const one = placeless();
    one.call('p', 'send', { topic: 't', key: 'm3', body: '1:00000000' }).ok();
    expect(judged(one, false).anomalies).toEqual(['lost']);
  });
});
