/** A broker and a store with one bug each. */
import { Refusal } from '../../src/codec/errors.js';
import { responseCodes } from '../../src/codec/responses.js';
import type { Handlers } from '../../src/remoting/types.js';
import { openOn } from '../../src/store/store-fixture.js';
import type { HandlersSubject } from '../targets/servers.js';
import type { OpenSubject } from '../targets/recovery.js';

/** A pull that is refused leaves the broker refusing sends. */
export const stuckAfterRefusal: HandlersSubject = (handlers) => {
  let stuck = false;
  const { PULL_MESSAGE: pull, SEND_MESSAGE_V2: send } = handlers;
  const changed: Partial<Handlers> = {
    ...handlers,
    PULL_MESSAGE: (ctx, header, body) => {
      if (header.queueId < 0 || header.queueId > 1_000_000) {
        stuck = true;
        throw new Refusal(responseCodes.SYSTEM_ERROR, 'queueId');
      }
      return pull?.(ctx, header, body);
    },
    SEND_MESSAGE_V2: (ctx, header, body) => {
      if (stuck) throw new Refusal(responseCodes.SYSTEM_BUSY, 'stuck');
      return send?.(ctx, header, body);
    },
  };
  return changed;
};

/** Waits for an offset that never comes. */
export const endlessLoop: HandlersSubject = (handlers) => {
  const { GET_MAX_OFFSET: handler } = handlers;
  return {
    ...handlers,
    GET_MAX_OFFSET: (ctx, header, body) => {
      for (let at = 0; at > header.queueId;) at = 0;
      return handler?.(ctx, header, body);
    },
  };
};

/** An exception where a value is missing. */
export const missingCheck: HandlersSubject = (handlers) => {
  const { QUERY_CONSUMER_OFFSET: handler } = handlers;
  return {
    ...handlers,
    QUERY_CONSUMER_OFFSET: (ctx, header, body) => {
      if (header.queueId > 0x7fff_0000) throw new TypeError('Cannot read properties of undefined');
      return handler?.(ctx, header, body);
    },
  };
};

/** Recovery that takes records without a look at their CRC. */
export const uncheckedLog: OpenSubject = (disk, clock, config, log, dir) => openOn(disk, clock, { ...config, checkCRCOnRecover: false }, log, dir);
