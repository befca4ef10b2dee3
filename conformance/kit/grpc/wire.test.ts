import { describe, expect, it } from '@jest/globals';
import { WireViolation } from '../wire/violation.js';
import { Code, Encoding, MessageType, Permission } from './tables.js';
import { decode, encode, Raw } from './wire.js';

/** A SendMessageRequest of rocketmq-client-nodejs 1.0.8, and a QueryRouteResponse of Apache's proxy 5.5.0. */
const sent = Buffer.from('0a520a081206546f706963541a420a065461674e67541a2230313032464330303030303030313737453330423134413539323030303030303031280130043a0c0892978cd80610c0fda7e6014202766d22027478', 'hex');
const route = Buffer.from('0a0808a09c0112024f4b12300a081206546f7069634e1804221f0a0862726f6b65722d611a130801120f0a093132372e302e302e3110b1db012a010112320a081206546f7069634e10011804221f0a0862726f6b65722d611a130801120f0a093132372e302e302e3110b1db012a0101', 'hex');

describe('the protobuf wire format', () => {
  it('reads what an SDK sent, and writes the same bytes', () => {
    const value = decode('SendMessageRequest', sent);
    const [message] = value.messages ?? [];
    expect(message?.topic?.name).toBe('TopicT');
    expect(message?.body).toEqual(Buffer.from('tx'));
    expect(message?.system_properties).toMatchObject({ tag: 'TagNgT', message_id: '0102FC0000000177E30B14A59200000001', body_encoding: Encoding.IDENTITY, message_type: MessageType.TRANSACTION, born_host: 'vm' });
    expect(encode('SendMessageRequest', value)).toEqual(sent);
  });

  it('reads what the proxy answered, packed enums included', () => {
    const value = decode('QueryRouteResponse', route);
    expect(value.status).toEqual({ code: Code.OK, message: 'OK' });
    expect(value.message_queues?.map((queue) => [queue.id, queue.permission, queue.accept_message_types])).toEqual([[undefined, Permission.READ_WRITE, [1]], [1, Permission.READ_WRITE, [1]]]);
  });

  it('keeps every kind of field through a round trip', () => {
    const settings = {
      client_type: 2, backoff_policy: { max_attempts: -1, exponential_backoff: { initial: { seconds: -5, nanos: 1 }, multiplier: 1.5 } },
      subscription: { group: { name: 'größe' }, subscriptions: [], fifo: false, receive_batch_size: 2_147_483_647 },
    };
    expect(decode('Settings', encode('Settings', settings))).toEqual(settings);
    const message = { user_properties: { a: '', b: 'ü' }, body: Buffer.from([0, 255]), system_properties: { keys: ['x', ''], queue_offset: -1 } };
    expect(decode('Message', encode('Message', message))).toEqual(message);
  });

  it('passes over unknown fields, and the last value of a field counts', () => {
    const bytes = new Raw().varint(900, 1n << 63n).bytes(901, 'x').fixed32(902, Buffer.alloc(4)).varint(1, 1).varint(1, 7).done();
    expect(decode('Status', bytes)).toEqual({ code: 7 });
  });

  it('ends in a WireViolation for every cut of a message that is no message any more', () => {
    let violations = 0;
    for (let at = 0; at < route.length; at++) {
      try {
        decode('QueryRouteResponse', route.subarray(0, at));
      } catch (error) {
        expect(error).toBeInstanceOf(WireViolation);
        violations++;
      }
    }
    expect(violations).toBeGreaterThan(route.length / 2);
  });
});
