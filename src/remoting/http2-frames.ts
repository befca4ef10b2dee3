/** HTTP/2's numbers (RFC 9113): kinds of frames, their flags, errors, settings; and what ends a connection or a stream. */

export const frameType = { DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4, PUSH_PROMISE: 5, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8, CONTINUATION: 9 } as const;
export const frameFlag = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 0x20 } as const;
export const http2Error = {
  NO_ERROR: 0, PROTOCOL_ERROR: 1, INTERNAL_ERROR: 2, FLOW_CONTROL_ERROR: 3, SETTINGS_TIMEOUT: 4, STREAM_CLOSED: 5, FRAME_SIZE_ERROR: 6, REFUSED_STREAM: 7, CANCEL: 8,
  COMPRESSION_ERROR: 9, ENHANCE_YOUR_CALM: 11,
} as const;
export const setting = { HEADER_TABLE_SIZE: 1, ENABLE_PUSH: 2, MAX_CONCURRENT_STREAMS: 3, INITIAL_WINDOW_SIZE: 4, MAX_FRAME_SIZE: 5, MAX_HEADER_LIST_SIZE: 6 } as const;

/** Bytes before each payload. */
export const frameHeadBytes = 9;

/** Ends a connection (no stream) or a stream. */
export class Http2Fault extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The payload without its padding. @throws Http2Fault */
export function unpadded(flags: number, payload: Buffer): Buffer {
  if ((flags & frameFlag.PADDED) === 0) return payload;
  const end = payload.length - (payload[0] ?? 0);
  if (payload.length === 0 || end < 1) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'more padding than payload');
  return payload.subarray(1, end);
}
