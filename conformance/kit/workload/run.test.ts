import { describe, expect, test } from '@jest/globals';
import { readConformOptions, UsageError } from '../cli.js';
import { Failure } from '../expect.js';
import { resultOf } from './checkers/checker.js';
import { judge, shortCases, workloadRun } from './run.js';
import { workloads } from './workloads.js';

const base = ['--namesrv', '127.0.0.1:9876'];

describe('workload cases', () => {
  test('one for each checker, and one for all in a plain run', () => {
    expect(workloadRun(workloads, 1000).cases.map((one) => one.name)).toEqual(workloads.flatMap((one) => one.checkers.map((checker) => `workload.${one.name}.${checker.name}`)));
    expect(shortCases(workloads).map((one) => one.name)).toEqual(workloads.map((one) => `workload.${one.name}`));
  });

  test('judge: pass passes, an anomaly is told with its excerpt, nothing judged fails', () => {
    const line = { process: 'p', type: 'ok', op: 'receive', id: 1, time: 1, key: 'a' } as const;
    expect(() => judge(resultOf('lost', 1, []))).not.toThrow();
    expect(() => judge(resultOf('lost', 0, []))).toThrow('lost: the history has nothing for it to judge');
    const failure = (() => {
      try {
        judge(resultOf('nowhere', 1, [{ name: 'never-sent', sentence: 'p received a, which nobody sent.', excerpt: [line] }]));
      } catch (error) {
        return error;
      }
      return undefined;
    })();
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ message: 'nowhere found 1 anomalies; never-sent: p received a, which nobody sent.', actual: JSON.stringify(line) });
  });
});

describe('--workload', () => {
  test('names, all, and duration', () => {
    expect(readConformOptions([...base, '--workload', 'pop,ordered', '--duration', '0.5'])).toMatchObject({ workloads: ['pop', 'ordered'], durationMs: 500 });
    expect(readConformOptions([...base, '--workload', 'all'])).toMatchObject({ workloads: workloads.map((one) => one.name), durationMs: undefined });
    expect(readConformOptions(base)).toMatchObject({ workloads: [] });
  });

  test.each([
    [['--workload', 'nothing'], /no workload 'nothing'/],
    [['--workload', 'pop', '--duration', '0.4'], /0\.5 to 3600/],
    [['--duration', '3'], /belong to --workload/],
    [['--workload', 'pop', '--self-check'], /not with --workload/],
  ])('%j', (args, message) => {
    expect(() => readConformOptions([...base, ...args])).toThrow(UsageError);
    expect(() => readConformOptions([...base, ...args])).toThrow(message);
  });
});
