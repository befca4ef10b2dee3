import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ackKey, checkPointKey, decodeAck, decodeCheckPoint, encodeAck, encodeCheckPoint, mergeKey } from './revive-records.js';
import type { AckRecord, CheckPoint } from './revive-records.js';

const ck: CheckPoint = {
  topic: 'T', group: 'g', queueId: 1, startOffset: 100, popTime: 1_700_000_000_000, invisibleTime: 30_000, brokerName: 'broker-a', bitMap: 0, diffs: [0, 1, 5],
  rePutTimes: 0, suspend: false,
};
const ack: AckRecord = { topic: 'T', group: 'g', queueId: 1, startOffset: 100, popTime: 1_700_000_000_000, brokerName: 'broker-a', offsets: [105], batch: false };

describe('bodies are what Apache 5.5.0 writes (fastjson2 of the same values)', () => {
  test('check point', () => {
    // Apache's golden text has "ro":7, the offset it was read at; what is stored has 0.
    expect(encodeCheckPoint(ck).toString().replace('"ro":0', '"ro":7')).toBe(
      '{"bm":0,"bn":"broker-a","c":"g","d":[0,1,5],"it":30000,"n":3,"pt":1700000000000,"q":1,"reviveTime":1700000030000,"ro":7,"so":100,"sp":false,"t":"T"}',
    );
    expect(checkPointKey(ck)).toBe('T@1@100@g@1700000000000@broker-a@ck');
  });

  test('check point put again', () => {
    expect(encodeCheckPoint({ ...ck, rePutTimes: 2, suspend: true }).toString()).toContain('"ro":0,"rp":"2","so":100,"sp":true,');
  });

  test('acknowledgements', () => {
    expect(encodeAck(ack).toString()).toBe('{"ao":105,"bn":"broker-a","c":"g","pt":1700000000000,"q":1,"so":100,"t":"T"}');
    expect(encodeAck({ ...ack, batch: true, offsets: [100, 105] }).toString()).toBe('{"ao":-1,"aol":[100,105],"bn":"broker-a","c":"g","pt":1700000000000,"q":1,"so":100,"t":"T"}');
    expect(ackKey(ack)).toBe('T@1@105@g@1700000000000@broker-a@ack');
    expect(ackKey({ ...ack, batch: true })).toBe('T@1@-1@g@1700000000000@broker-a@ack');
    expect(mergeKey(ack)).toBe(mergeKey(ck));
  });
});

test('what is written is read back', () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9_%-]{1,20}$/);
  const long = fc.nat({ max: Number.MAX_SAFE_INTEGER - 100 });
  const some: fc.Arbitrary<CheckPoint> = fc.record({
    topic: name, group: name, queueId: fc.nat(100), startOffset: long, popTime: long, invisibleTime: fc.nat(1_000_000), brokerName: name, bitMap: fc.integer(),
    diffs: fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 32 }), rePutTimes: fc.nat(20), suspend: fc.boolean(),
  });
  fc.assert(fc.property(some, (one) => {
    expect(decodeCheckPoint(encodeCheckPoint(one).toString())).toEqual(one);
  }));
  const someAck: fc.Arbitrary<AckRecord> = fc.record({
    topic: name, group: name, queueId: fc.nat(100), startOffset: long, popTime: long, brokerName: name, offsets: fc.array(long, { minLength: 1, maxLength: 40 }), batch: fc.constant(true),
  });
  fc.assert(fc.property(someAck, (one) => {
    expect(decodeAck(encodeAck(one).toString(), true)).toEqual(one);
  }));
});

test('any text is read or is none', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
    decodeCheckPoint(text);
    decodeAck(text, false);
    decodeAck(text, true);
  }));
  expect(decodeCheckPoint('{"t":"T","c":"g","n":3,"so":5}')?.diffs).toEqual([0, 1, 2]);
  expect(decodeCheckPoint('{"t":"T","c":"g","n":3,"so":5,"d":[0,-1]}')).toBeUndefined();
  expect(decodeAck('{"topic":"T","consumerGroup":"g","ackOffset":7,"startOffset":5,"queueId":2,"popTime":9,"brokerName":"b"}', false)).toEqual({
    topic: 'T', group: 'g', queueId: 2, startOffset: 5, popTime: 9, brokerName: 'b', offsets: [7], batch: false,
  });
});
