// The body of a batch: what SEND_BATCH_MESSAGE carries, and the body of an inner-batch record. The cursor walks it without
// allocating; which batches are allowed is the send path's business.
//
//   per element: TOTALSIZE int32 | MAGIC int32, 0 | BODYCRC int32, 0 | FLAG int32 | BODY int32 + n | PROPERTIES int16 + n
import { viewOf } from './int64.js';
import { formatProperties, propertiesBytesMax } from './properties.js';

/** Bytes of an element with neither body nor properties. */
export const batchElementBytesMin = 22;

const NO_BYTES = new Uint8Array(0);

/**
 * Walks the elements of a batch: `reset`, then `next` until it says false, then look at `reason`. Spans are [start, end) in `bytes`.
 * Only the lengths of body and properties say where an element ends: TOTALSIZE, magic and CRC are not looked at, as in
 * `MessageExtEncoder#encode`.
 */
export class BatchCursor {
  bytes: Uint8Array = NO_BYTES;
  private view: DataView = viewOf(NO_BYTES);
  private end = 0;
  /** Where the current element starts; after a fault, the element at fault. */
  position = 0;
  private following = 0;
  /** Elements seen so far. */
  count = 0;
  flag = 0;
  bodyStart = 0;
  bodyEnd = 0;
  propertiesStart = 0;
  propertiesEnd = 0;
  /** Why the walk stopped early; empty when it did not. */
  reason = '';

  /** Stands before the first element of bytes [start, end). */
  reset(bytes: Uint8Array, start: number, end: number): void {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    this.end = end;
    this.position = start;
    this.following = start;
    this.count = 0;
    this.reason = start < 0 || start > end || end > bytes.length ? `the range ${start}..${end} is not within ${bytes.length} bytes` : '';
  }

  /** Moves to the next element; false at the end and at a fault. */
  next(): boolean {
    if (this.reason !== '') return false;
    const pos = this.following;
    const left = this.end - pos;
    this.position = pos;
    if (left === 0) return false;
    if (left < batchElementBytesMin) return this.fault(`${left} bytes are left, an element has at least ${batchElementBytesMin}`);
    const view = this.view;
    const bodyBytes = view.getInt32(pos + 16);
    if (bodyBytes < 0 || bodyBytes > left - batchElementBytesMin) {
      return this.fault(`body length ${bodyBytes} is not in 0..${left - batchElementBytesMin}`);
    }
    const bodyEnd = pos + 20 + bodyBytes;
    const propertiesBytes = view.getInt16(bodyEnd);
    const propertiesMax = Math.min(left - batchElementBytesMin - bodyBytes, propertiesBytesMax);
    if (propertiesBytes < 0 || propertiesBytes > propertiesMax) return this.fault(`properties length ${propertiesBytes} is not in 0..${propertiesMax}`);
    this.flag = view.getInt32(pos + 12);
    this.bodyStart = pos + 20;
    this.bodyEnd = bodyEnd;
    this.propertiesStart = bodyEnd + 2;
    this.following = this.propertiesEnd = bodyEnd + 2 + propertiesBytes;
    this.count++;
    return true;
  }

  private fault(reason: string): boolean {
    this.reason = reason;
    return false;
  }
}

export interface BatchElement {
  readonly flag?: number;
  readonly body: Uint8Array;
  readonly properties?: Iterable<readonly [string, string]>;
}

/**
 * The batch body of some messages (`MessageDecoder#encodeMessages`).
 * @throws RangeError when an element's properties take more than 32767 bytes
 */
export function encodeBatch(elements: readonly BatchElement[]): Buffer {
  return Buffer.concat(elements.map(encodeElement));
}

function encodeElement(element: BatchElement): Buffer {
  const properties = Buffer.from(formatProperties(element.properties ?? []), 'utf8');
  if (properties.length > propertiesBytesMax) {
    throw new RangeError(`the properties have at most ${propertiesBytesMax} bytes, not ${properties.length}`);
  }
  const bodyBytes = element.body.length;
  const bytes = Buffer.alloc(batchElementBytesMin + bodyBytes + properties.length);
  bytes.writeInt32BE(bytes.length, 0);
  bytes.writeInt32BE(element.flag ?? 0, 12);
  bytes.writeInt32BE(bodyBytes, 16);
  bytes.set(element.body, 20);
  bytes.writeInt16BE(properties.length, 20 + bodyBytes);
  bytes.set(properties, 22 + bodyBytes);
  return bytes;
}
