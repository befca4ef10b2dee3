/** The tables of codes and headers against the classes of Apache RocketMQ 5.5.0, read by reflection (`testdata/apache-codes.json`). */
import { describe, expect, test } from '@jest/globals';
import { requests } from './requests.js';
import type { RequestName, Spec } from './requests.js';
import { responseCodes } from './responses.js';
import { apacheCodes } from './testdata/golden.js';

const kinds = new Map([['String', 'str'], ['Integer', 'i32'], ['int', 'i32'], ['Long', 'i64'], ['long', 'i64'], ['Boolean', 'bool'], ['boolean', 'bool'], ['BoundaryType', 'boundary']]);
const specs = (Object.entries(requests) as [RequestName, Spec][]).filter(([, { javaHeader }]) => javaHeader !== undefined && apacheCodes.headers[javaHeader] !== undefined);

/** Marked CFNotNull by Apache, yet its handlers serve a request without it. */
const mayBeAbsent = new Set([
  'UPDATE_CONSUMER_OFFSET queueId', 'UPDATE_CONSUMER_OFFSET commitOffset', 'GET_ALL_TOPIC_CONFIG topicSeq', 'GET_ALL_SUBSCRIPTIONGROUP_CONFIG groupSeq', 'PUT_KV_CONFIG namespace', 'PUT_KV_CONFIG key', 'PUT_KV_CONFIG value',
  'GET_ROUTEINFO_BY_TOPIC topic', 'GET_BROKER_MEMBER_GROUP clusterName', 'GET_BROKER_MEMBER_GROUP brokerName',
]);

/** Fields of an Apache header by name: `[kind, whether it is marked CFNotNull]`. */
function fieldsOf(javaHeader: string): Record<string, [kind: string | undefined, notNull: boolean]> {
  return Object.fromEntries((apacheCodes.headers[javaHeader] ?? '').split(' ').map((field) => {
    const { name = '', type = '', mark } = /^\^?(?<name>\w+):(?<type>\w+)(?<mark>!?)$/.exec(field)?.groups ?? {};
    return [name, [kinds.get(type), mark === '!']];
  }));
}

test('response codes are those of ResponseCode and RemotingSysResponseCode', () => {
  expect(responseCodes).toEqual(apacheCodes.responses);
});

test('request codes are those of RequestCode', () => {
  expect(Object.fromEntries(Object.entries(requests).map(([name, { code }]) => [name, code]))).toEqual(apacheCodes.requests);
});

describe('fields of request headers', () => {
  test('have the names and types of Apache\'s', () => {
    expect(specs.length).toBe(111);
    for (const [name, spec] of specs) {
      const ours = Object.fromEntries(Object.entries(spec.header).map(([key, { wire, as }]) => [wire ?? key, as]));
      const theirs = Object.fromEntries(Object.entries(fieldsOf(spec.javaHeader ?? '')).map(([field, [kind]]) => [field, kind]));
      expect([name, ours]).toEqual([name, theirs]);
    }
  });

  test('may be absent where Apache does not mark them CFNotNull, and where its handlers do not mind', () => {
    const lenient: string[] = [];
    for (const [name, spec] of specs) {
      const theirs = fieldsOf(spec.javaHeader ?? '');
      for (const [key, { wire, opt, or }] of Object.entries(spec.header)) {
        const notNull = theirs[wire ?? key]?.[1] === true;
        if (!notNull) expect([name, key, opt === true || or !== undefined]).toEqual([name, key, true]);
        else if (opt === true) lenient.push(`${name} ${key}`);
      }
    }
    expect(new Set(lenient)).toEqual(mayBeAbsent);
  });
});
