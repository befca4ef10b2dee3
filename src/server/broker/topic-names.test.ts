import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { groupNameFault, isSendForbidden, isSystemGroup, SystemTopics, topicNameFault } from './topic-names.js';

describe('names', () => {
  test.each([
    ['', 'The specified topic is blank.'],
    ['  ', 'The specified topic is blank.'],
    ['a b', 'The specified topic: a b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$'],
    ['../x', 'The specified topic: ../x, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$'],
    ['t'.repeat(128), `The specified topic: ${'t'.repeat(128)}, is longer than topic max length: 127`],
    [`%RETRY%${'g'.repeat(249)}`, `The specified topic is DLQ or Retry topic: %RETRY%${'g'.repeat(249)}, and it's longer than topic max length: 255`],
    ['t'.repeat(127), undefined],
    [`%DLQ%${'g'.repeat(250)}`, undefined],
    ['aZ09_-|%', undefined],
  ])('topic %j', (name, fault) => expect(topicNameFault(name)).toBe(fault));

  test.each([
    [undefined, 'The specified group is blank.'],
    ['g\n', 'The specified group: g\n, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$'],
    ['g'.repeat(121), `The specified group: ${'g'.repeat(121)}, is longer than group max length: 120`],
    ['g'.repeat(120), undefined],
  ])('group %j', (name, fault) => expect(groupNameFault(name)).toBe(fault));

  test('whatever passes is a safe single path component, and a remark stays short', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[%|a-zA-Z0-9_.\/-]*$/)), (name) => {
      const fault = topicNameFault(name);
      if (fault === undefined) expect(name).toMatch(/^[%|a-zA-Z0-9_-]{1,255}$/);
      else expect(fault.length).toBeLessThan(700);
    }));
    expect(topicNameFault('/'.repeat(1_000_000))?.length).toBeLessThan(700);
  });

  test('system topics are the fixed ones, the added ones and the prefix', () => {
    const topics = new SystemTopics();
    topics.add('DefaultCluster');
    expect(['TBW102', 'CHECKPOINT_TOPIC', 'DefaultCluster', 'rmq_sys_anything', 'BenchmarkTest'].every((name) => topics.has(name))).toBe(true);
    expect(['Mine', 'OtherCluster', '%RETRY%g'].some((name) => topics.has(name))).toBe(false);
    expect([isSendForbidden('SCHEDULE_TOPIC_XXXX'), isSendForbidden('TBW102'), isSendForbidden('RMQ_SYS_TRACE_TOPIC')]).toEqual([true, false, false]);
    expect([isSystemGroup('CID_RMQ_SYS_TRANS'), isSystemGroup('CID_x')]).toEqual([true, false]);
  });
});
