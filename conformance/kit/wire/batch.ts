/** The body of SEND_BATCH_MESSAGE (`MessageDecoder#encodeMessage`): for each message `size, magic 0, crc 0, flag, body len32, properties len16`. */
import { bytesOf } from './frame.js';
import { encodeProperties, type Properties } from './properties.js';

export interface BatchElement {
  readonly body: Buffer | string;
  readonly properties?: Properties;
  readonly flag?: number;
}

/** The concatenated elements. */
export function encodeBatch(elements: readonly BatchElement[]): Buffer {
  return Buffer.concat(elements.flatMap((element) => {
    const body = bytesOf(element.body);
    const properties = Buffer.from(encodeProperties(element.properties ?? {}), 'utf8');
    const head = Buffer.alloc(20);
    head.writeInt32BE(20 + body.length + 2 + properties.length, 0);
    head.writeInt32BE(element.flag ?? 0, 12);
    head.writeInt32BE(body.length, 16);
    const propertiesLength = Buffer.alloc(2);
    propertiesLength.writeUInt16BE(properties.length & 0xffff);
    return [head, body, propertiesLength, properties];
  }));
}
