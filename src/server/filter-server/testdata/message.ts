/** Messages for filters to judge. */
import { decodeMessages, encodeMessage, type DecodedMessage } from '../../../codec/stored-message.js';

export function message(body: string | Buffer, properties: Readonly<Record<string, string>> = {}, more: object = {}): DecodedMessage {
  const record = encodeMessage({ topic: 'T', queueId: 3, queueOffset: 7, flag: 5, bornHost: '10.1.2.3:77', body: Buffer.from(body), properties: new Map(Object.entries(properties)), ...more });
  const [decoded] = decodeMessages(record).messages;
  if (decoded === undefined) throw new Error('no message');
  return decoded;
}
