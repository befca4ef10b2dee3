// Copying short ranges between buffers word by word. A call into native code (`set`, `copy`) costs about as much as thirty words, and the
// view of the range it needs is garbage afterwards; most bodies and property strings are shorter than that. Longer ones are left to `set`.
import { viewOf } from './int64.js';

/** From this many bytes on `set` is used (measured on Node 20). */
export const copyNativeBytesMin = 128;

const NO_BYTES = new Uint8Array(0);

/** The DataView of the buffer seen last: the messages of one frame share their buffer. */
export class ViewMemo {
  private bytes: Uint8Array = NO_BYTES;
  private view: DataView = viewOf(NO_BYTES);

  of(bytes: Uint8Array): DataView {
    if (bytes !== this.bytes) {
      this.view = viewOf(bytes);
      this.bytes = bytes;
    }
    return this.view;
  }
}

/**
 * Copies `source[start..end)` to `target[at..)`; each view covers its array. Source and target do not overlap. A range outside either throws
 * RangeError, perhaps after a part was copied.
 */
export function copyRange(target: Uint8Array, targetView: DataView, at: number, source: Uint8Array, sourceView: DataView, start: number, end: number): void {
  const length = end - start;
  if (length >= copyNativeBytesMin) {
    target.set(new Uint8Array(source.buffer, source.byteOffset + start, length), at);
    return;
  }
  if (length < 4) {
    for (let i = 0; i < length; i++) target[at + i] = source[start + i] as number;
    return;
  }
  const last = end - 4;
  for (; start < last; start += 4, at += 4) targetView.setInt32(at, sourceView.getInt32(start));
  // The last word overlaps the one before it unless the length is a multiple of four.
  targetView.setInt32(at + last - start, sourceView.getInt32(last));
}
