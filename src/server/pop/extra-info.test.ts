import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Refusal } from '../../codec/errors.js';
import { formatExtraInfo, InfoList, normalTopic, partsOfRetryTopicV2, popRetryTopic, readReceipt, realTopic, topicKind } from './extra-info.js';

describe('receipts', () => {
  const receipt = { startOffset: 12, popTime: 1_700_000_000_000, invisibleTime: 60_000, reviveQid: 3, brokerName: 'broker-a' };

  test('are written as Apache writes them', () => {
    expect(formatExtraInfo(receipt, '1', 0, 14)).toBe('12 1700000000000 60000 3 1 broker-a 0 14');
  });

  test('are read back, with or without queue and offset', () => {
    expect(readReceipt('12 1700000000000 60000 3 0 broker-a 0 14')).toEqual(receipt);
    expect(readReceipt('12 1700000000000 60000 3 0 broker-a')).toEqual(receipt);
  });

  test.each([
    ['', /getBrokerName fail, extraInfoStrs length 1$/],
    ['nonsense', /getBrokerName fail, extraInfoStrs length 1$/],
    ['12 1700000000000 60000 3 0', /getBrokerName fail, extraInfoStrs length 5$/],
    ['12 1700000000000 60000 3 0     ', /getBrokerName fail, extraInfoStrs length 5$/],
    ['x 1 1 1 0 b', /For input string: "x"$/],
    ['1 1 1 x 0 b', /For input string: "x"$/],
    ['1 1 1 99999999999 0 b', /For input string: "99999999999"$/],
  ])('%j is refused with SYSTEM_ERROR', (text, remark) => {
    let refused: unknown;
    try {
      readReceipt(text);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(Refusal);
    expect((refused as Refusal).code).toBe(1);
    expect((refused as Refusal).message).toMatch(remark);
  });

  test('any text is read or refused', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.array(fc.oneof(fc.bigInt().map(String), fc.string({ maxLength: 5 })), { maxLength: 9 }).map((parts) => parts.join(' '))), (text) => {
      try {
        const read = readReceipt(text);
        expect(Number.isSafeInteger(read.startOffset) && Number.isSafeInteger(read.popTime) && Number.isSafeInteger(read.invisibleTime)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }));
  });
});

describe('retry topics', () => {
  test('have Apache\'s names', () => {
    expect(popRetryTopic('T', 'g', false)).toBe('%RETRY%g_T');
    expect(popRetryTopic('T', 'g', true)).toBe('%RETRY%g+T');
    expect(realTopic('T', 'g', '0')).toBe('T');
    expect(realTopic('T', 'g', '1')).toBe('%RETRY%g_T');
    expect(realTopic('T', 'g', '2')).toBe('%RETRY%g+T');
    expect(() => realTopic('T', 'g', '3')).toThrow(/getRetry fail, format is wrong/);
  });

  test('tell their kind and their topic', () => {
    expect(['T', '%RETRY%g_T', '%RETRY%g+T'].map(topicKind)).toEqual(['0', '1', '2']);
    expect(['T', '%RETRY%g_a_b', '%RETRY%g+a_b'].map((topic) => normalTopic(topic, 'g'))).toEqual(['T', 'a_b', 'a_b']);
    expect(partsOfRetryTopicV2('%RETRY%g_1+a_b')).toEqual({ topic: 'a_b', group: 'g_1' });
    expect(partsOfRetryTopicV2('%RETRY%g_a')).toBeUndefined();
  });
});

test('lists of an answer', () => {
  const list = new InfoList();
  list.add('0', 3, '10,11');
  list.add('1', 0, 5);
  expect(list.text).toBe('0 3 10,11;1 0 5');
});
