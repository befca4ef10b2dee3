/** Frames of ours, headers only: bodies follow as pieces of their own, so that slices of the log travel without a copy. */
import { commandFlag } from '../codec/command.js';
import type { SerializeType } from '../codec/command.js';
import { encodeCommand, encodeReplyHeader, jsonHeader, type CommandParts } from '../codec/header.js';
import { framePrefixBytes, headerBytesMax, writeFramePrefix } from '../codec/frame.js';
import { responseCodes } from '../codec/responses.js';
import type { OutgoingRequest, Reply } from './types.js';

function bodyBytesOf(body: Buffer | readonly Buffer[] | undefined): number {
  if (body === undefined) return 0;
  if (Buffer.isBuffer(body)) return body.length;
  let bytes = 0;
  for (const part of body) bytes += part.length;
  return bytes;
}

/** The length words and the header of a frame whose body of `bodyBytes` the caller sends after it. */
function headOf(parts: CommandParts, bodyBytes: number): Buffer {
  if (parts.serialize === 'ROCKETMQ') {
    // Binary answers are configured by few: the frame is built whole and its length word corrected for the body that follows.
    const head = encodeCommand(parts);
    head.writeInt32BE(head.length - 4 + bodyBytes, 0);
    return head;
  }
  let header = jsonHeader(parts);
  // UTF-16 units are at most the bytes: only text that could pass the bound is measured.
  if (header.length * 3 > headerBytesMax && Buffer.byteLength(header) > headerBytesMax) {
    header = jsonHeader({ code: responseCodes.SYSTEM_ERROR, opaque: parts.opaque, flag: parts.flag, remark: `answer header longer than ${headerBytesMax} bytes` });
  }
  const headerBytes = Buffer.byteLength(header);
  const head = Buffer.allocUnsafe(framePrefixBytes + headerBytes);
  writeFramePrefix(head, 0, headerBytes, bodyBytes);
  head.write(header, framePrefixBytes);
  return head;
}

/**
 * The head of an answer. Language and version are those of an Apache 5.5.0 broker (JAVA, 513): SDKs map the language to an enum of
 * their own and know no other server. `serialize` is the server's own setting, never the request's (`RemotingCommand#createResponseCommand`).
 */
export function replyHead(opaque: number, reply: Reply, serialize: SerializeType): Buffer {
  return headOf({
    code: reply.code, opaque, flag: commandFlag.response, remark: reply.remark, serialize,
    ext: encodeReplyHeader(reply.header, reply.ext),
  }, bodyBytesOf(reply.body));
}

/** The head of a request of ours. */
export function requestHead(request: OutgoingRequest, opaque: number, oneway: boolean): Buffer {
  return headOf({ code: request.code, opaque, language: request.language, version: request.version, ext: request.ext, flag: oneway ? commandFlag.oneway : 0 }, bodyBytesOf(request.body));
}
