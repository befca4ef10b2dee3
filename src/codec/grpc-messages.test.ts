/** The messages and enums of the gRPC service against Apache's descriptors (`testdata/apache-grpc.json`). */
import { describe, expect, test } from '@jest/globals';
import * as declared from './grpc-messages.js';
import type { MessageType } from './protobuf.js';
import { apacheGrpc } from './testdata/golden.js';

const isMessage = (one: unknown): one is MessageType<unknown> => typeof one === 'object' && one !== null && 'plan' in one;
const messages = Object.entries(declared as Record<string, unknown>).filter((one): one is [string, MessageType<unknown>] => isMessage(one[1]));
const nameOf = new Map(messages.map(([name, { plan }]) => [plan, name]));
/** Google's own, which Apache's descriptors do not hold: timestamp.proto, duration.proto. */
const googles = { Duration: { seconds: '1 int64', nanos: '2 int32' }, Timestamp: { seconds: '1 int64', nanos: '2 int32' } };
const theirs: Record<string, Record<string, string>> = { ...apacheGrpc.messages, ...googles };

/** A type of a descriptor as a kind of ours, with the name of the message where it is one. */
function kindOf(type: string): string {
  if (type in apacheGrpc.enums) return 'i32';
  if (type in theirs) return `message ${type}`;
  return { int32: 'i32', int64: 'i64', 'map<string,string>': 'map' }[type] ?? type;
}

describe('messages', () => {
  test.each(messages)('%s has the fields of Apache\'s', (name, { plan }) => {
    const ours = Object.fromEntries(plan.fields.map(({ name: field, field: { number, kind, many, optional, message } }) => [
      field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      [number, message === undefined ? kind : `${kind} ${nameOf.get(message.plan)}`, many && kind !== 'map', kind === 'message' || optional],
    ]));
    expect(ours).toEqual(Object.fromEntries(Object.entries(theirs[name] ?? {}).map(([field, text]) => {
      const [number, type = '', label] = text.split(' ');
      const kind = kindOf(type);
      const many = label === 'repeated';
      return [field, [Number(number), kind, many, kind.startsWith('message') || (!many && (label === 'optional' || label === 'oneof'))]];
    })));
  });
});

test('enums have the numbers of Apache\'s', () => {
  const names = { Code: 'grpcCode', MessageType: 'messageType', ClientType: 'clientType', FilterType: 'filterType', Permission: 'permission', AddressScheme: 'addressScheme', DigestType: 'digestType', Encoding: 'encoding',
    TransactionResolution: 'transactionResolution', TransactionSource: 'transactionSource', LiteSubscriptionAction: 'liteSubscriptionAction', Language: 'language' } as const;
  for (const [theirName, ourName] of Object.entries(names)) expect([theirName, declared[ourName]]).toEqual([theirName, apacheGrpc.enums[theirName]]);
});
