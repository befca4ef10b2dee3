/** What a dialled connection without handlers of its own does with a frame: answers go to their calls, requests are not supported. */
import { commandFlag } from '../codec/command.js';
import { decodeCommand } from '../codec/header.js';
import { responseCodes } from '../codec/responses.js';
import type { RemotingConnection } from './connection.js';

/** Takes one frame. Throws WireError when its header cannot be read. */
export function decodeAnswerOnly(
  connection: RemotingConnection, buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, serializeTypeByte: number,
): void {
  const command = decodeCommand(buffer, headerStart, headerEnd, bodyEnd, serializeTypeByte);
  if ((command.flag & commandFlag.response) !== 0) {
    connection.answered(command);
    return;
  }
  connection.counters.unsupported++;
  if ((command.flag & commandFlag.oneway) !== 0) return;
  connection.reply(command.opaque, { code: responseCodes.REQUEST_CODE_NOT_SUPPORTED, remark: ` request type ${command.code} not supported` });
}
