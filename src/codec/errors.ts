/**
 * The kinds of error that may leave a codec, a handler or the store. Anything else that escapes is a defect.
 */
import type { ResponseCode } from './responses.js';

/** An expected refusal: the dispatcher turns it into a response with this code and remark. */
export class Refusal extends Error {
  readonly code: ResponseCode;
  constructor(code: ResponseCode, remark: string) {
    super(remark);
    this.name = 'Refusal';
    this.code = code;
  }
}

/** The bytes of a frame cannot be read: the connection that sent them is closed. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WireError';
  }
}

/** The disk or a peer failed. `cause` keeps the original error; the store latches the first write fault. */
export class Fault extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'Fault';
  }
}
