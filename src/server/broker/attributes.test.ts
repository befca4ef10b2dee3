import { describe, expect, test } from '@jest/globals';
import { alterAttributes, groupAttributes, parseAttributeChanges, topicAttributes } from './attributes.js';

const change = (current: Record<string, string> | undefined, text: string) => alterAttributes(topicAttributes, current, parseAttributeChanges(text));

describe('attributes', () => {
  test('are added, changed and removed by signed keys', () => {
    expect(change(undefined, '+message.type=FIFO,+cleanup.policy=COMPACTION')).toEqual({ 'message.type': 'FIFO', 'cleanup.policy': 'COMPACTION' });
    expect(change({ 'message.type': 'FIFO' }, '+message.type=DELAY,+lite.topic.expiration=5')).toEqual({ 'message.type': 'DELAY', 'lite.topic.expiration': '5' });
    expect(change({ 'message.type': 'FIFO' }, '-message.type')).toEqual({});
    expect(change({ 'message.type': 'FIFO' }, '')).toEqual({ 'message.type': 'FIFO' });
    expect(alterAttributes(groupAttributes, undefined, { '+priority.factor': '0', '+lite.bind.topic': 'T' })).toEqual({ 'priority.factor': '0', 'lite.bind.topic': 'T' });
  });

  test.each([
    [undefined, 'message.type=FIFO', 'add/alter attribute format is wrong: message.type'],
    [undefined, 'message.type', 'delete attribute format is wrong: message.type'],
    [undefined, '+message.type=FIFO,+message.type=FIFO', 'key duplication: +message.type'],
    [{ 'message.type': 'FIFO' }, '+message.type=FIFO,-message.type', 'alter duplication key. key: message.type'],
    [{}, '-message.type', 'attempt to delete a nonexistent key: message.type'],
    [{}, '+cleanup.policy=DELETE', 'attempt to update an unchangeable attribute. key: cleanup.policy'],
    [undefined, '+message.type=NOPE', 'value is not in set: [UNSPECIFIED, MIXED, TRANSACTION, PRIORITY, FIFO, DELAY, LITE, NORMAL]'],
    [undefined, '+lite.topic.expiration=43201', 'value is not in range(-1, 43200)'],
    [undefined, '+lite.topic.expiration=x', 'For input string: "x"'],
    [undefined, '+constructor=x', 'unsupported key: constructor'],
    [undefined, '+__proto__=x', 'unsupported key: __proto__'],
    [undefined, '+=x', 'kv string format wrong.'],
  ])('%j with %s is refused', (current, text, why) => {
    expect(() => change(current as Record<string, string> | undefined, text)).toThrow(why);
  });
});
