/** A broker and a store with one bug each. */
import { Refusal } from '../../src/codec/errors.js';
import { responseCodes } from '../../src/codec/responses.js';
import type { Handlers } from '../../src/remoting/types.js';
import { grpcMethods, grpcServicePath } from '../../src/codec/grpc-messages.js';
import type { GrpcHandler } from '../../src/remoting/grpc.js';
import { openOn } from '../../src/store/store-fixture.js';
import type { GrpcSubject } from '../targets/grpc-service.js';
import type { HandlersSubject } from '../targets/servers.js';
import type { OpenSubject } from '../targets/recovery.js';

type AnyHandler = (ctx: unknown, header: { readonly queueId?: number }, body: Buffer) => unknown;

/** Asks `before` of every request that names a queue, then its handler. */
function beforeQueues(handlers: Partial<Handlers>, before: (queueId: number, name: string) => void): Partial<Handlers> {
  return Object.fromEntries(Object.entries(handlers as Readonly<Record<string, AnyHandler>>).map(([name, handler]): [string, AnyHandler] => [name, (ctx, header, body) => {
    if (typeof header.queueId === 'number') before(header.queueId, name);
    return handler(ctx, header, body);
  }]));
}

/** A request that is refused for its queue leaves the broker refusing sends. */
export const stuckAfterRefusal: HandlersSubject = (handlers) => {
  let stuck = false;
  return beforeQueues(handlers, (queueId, name) => {
    if (queueId < 0) {
      stuck = true;
      throw new Refusal(responseCodes.SYSTEM_ERROR, 'queueId');
    }
    if (stuck && name.startsWith('SEND_MESSAGE')) throw new Refusal(responseCodes.SYSTEM_BUSY, 'stuck');
  });
};

/** Waits for an offset that never comes. */
export const endlessLoop: HandlersSubject = (handlers) => beforeQueues(handlers, (queueId) => {
  for (let at = 0; at > queueId;) at = 0;
});

/** An exception where a value is missing. */
export const missingCheck: HandlersSubject = (handlers) => beforeQueues(handlers, (queueId) => {
  if (queueId > 0x7fff_0000) throw new TypeError('Cannot read properties of undefined');
});

/** An acknowledgement of nothing is never answered. */
export const unansweredAck: GrpcSubject = (handlers) => {
  const path = `${grpcServicePath}AckMessage`;
  const own = handlers.get(path);
  if (own?.kind !== 'unary') throw new Error('no AckMessage');
  const lax: GrpcHandler = { kind: 'unary', call: (call, message) => {
    const { topic, group, entries } = grpcMethods.AckMessage.request.decode(message);
    if (topic === undefined || group === undefined || entries.length > 0) own.call(call, message);
  } };
  return new Map([...handlers, [path, lax]]);
};

/** Recovery that takes records without a look at their CRC. */
export const uncheckedLog: OpenSubject = (disk, clock, config, log, dir) => openOn(disk, clock, { ...config, checkCRCOnRecover: false }, log, dir);
