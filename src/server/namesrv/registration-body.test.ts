import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import { versions } from '../../compat/versions.js';
import { readRegistration, zeroVersion } from './registration-body.js';

const v3010: number = versions.V3_0_11 - 1;
const v5: number = versions.V5_5_0;
const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const part = (text: string): Buffer => Buffer.concat([int(Buffer.byteLength(text)), Buffer.from(text)]);
const topic = { topicName: 'T', readQueueNums: 16, writeQueueNums: 16, perm: 6, topicSysFlag: 0 };

/** Refuses, and says what and why in Apache's first words. */
function refused(body: Buffer, compressed: boolean, why: RegExp): void {
  const read = (): unknown => readRegistration(body, compressed, v5);
  expect(read).toThrow(Refusal);
  expect(read).toThrow(why);
  expect(read).toThrow(/^Failed to decode RegisterBrokerBody, /);
  try {
    read();
  } catch (error) {
    expect((error as Refusal).code).toBe(responseCodes.SYSTEM_ERROR);
  }
}

describe('what a body leaves out', () => {
  test('is what Apache\'s classes have', () => {
    const body = Buffer.from('{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{"topicName":"T"},"none":null},"topicQueueMappingInfoMap":{"S":{"topic":"S","bname":"b"}}}}');
    expect(readRegistration(body, false, v5)).toMatchObject({
      dataVersion: zeroVersion, topics: [topic], filterServers: [],
      mappings: [{ topic: 'S', bname: 'b', scope: '__global__', totalQueues: 0, epoch: 0, dirty: false, currIdMap: new Map() }],
    });
    expect(readRegistration(Buffer.from('{}'), false, v5)).toEqual({ dataVersion: zeroVersion, topics: [], mappings: [], filterServers: [] });
  });

  test('of filter servers: none is said, or nothing is said', () => {
    const servers = (body: string, version = v5): readonly string[] | undefined => readRegistration(Buffer.from(body), false, version).filterServers;
    expect([servers('{"filterServerList":["10.0.0.1:1"]}'), servers('{"filterServerList":[]}'), servers('{}'), servers('')]).toEqual([['10.0.0.1:1'], [], [], []]);
    expect([servers('{"filterServerList":null}'), servers('{}', v3010), servers('', v3010)]).toEqual([undefined, undefined, undefined]);
  });

  test('an old broker sends the topic table alone', () => {
    const body = Buffer.from('{"dataVersion":{"counter":1,"timestamp":2},"topicConfigTable":{"T":{"topicName":"T"}}}');
    expect(readRegistration(body, false, v3010)).toMatchObject({ dataVersion: { counter: 1, stateVersion: 0, timestamp: 2 }, topics: [topic], mappings: [] });
  });
});

test('a topic that comes twice in the compressed form counts once, the later one', () => {
  const body = deflateSync(Buffer.concat([part('{"counter":1}'), int(2), part('T 1 1 6 SINGLE_TAG {}'), part('T 2 3 4 SINGLE_TAG {}'), part('[]'), int(0)]));
  expect(readRegistration(body, true, v5)).toMatchObject({ topics: [{ ...topic, readQueueNums: 2, writeQueueNums: 3, perm: 4 }], filterServers: [] });
});

test('members of the wrong kind refuse the whole body', () => {
  const json = (topics: string): Buffer => Buffer.from(`{"topicConfigSerializeWrapper":{"topicConfigTable":${topics}}}`);
  refused(json('{"T":{"topicName":"T","perm":"rw"}}'), false, /perm must be an integer .*, not "rw"$/);
  refused(json('{"T":{"topicName":"T","readQueueNums":2147483648}}'), false, /readQueueNums must be an integer/);
  refused(json('[]'), false, /topicConfigTable must be an object, not a list$/);
  for (const [text, why] of [['T 1 1', /at least 5 parts, this one has 3$/], ['T 1 x 6 SINGLE_TAG', /writeQueueNums of a topic/], ['T 1 1 6 OTHER', /topicFilterType/]] as const) {
    refused(deflateSync(Buffer.concat([part('{}'), int(1), part(text), part('[]'), int(0)])), true, why);
  }
});
