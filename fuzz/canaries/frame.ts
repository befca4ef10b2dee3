/** A reader of frames with one bug. */
import { WireError } from '../../src/codec/errors.js';
import type { FrameListener } from '../../src/codec/frame.js';

export function laxFrameReader(onFrame: FrameListener, bytesMax: number, bug: 'header' | 'limit' | 'allocation'): { feed(chunk: Buffer): void; readonly heldBytes: number } {
  let held = Buffer.alloc(0);
  const feed = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4) {
      const total = held.readInt32BE(0);
      const lax = bug === 'limit' ? 1 : 0;
      if (bug === 'allocation' && total > 0 && total < 1 << 27) Buffer.allocUnsafe(total);
      if (total < 4 || total > bytesMax - 4 + lax) throw new WireError('length');
      if (held.length < 8) return;
      const headerBytes = held.readUIntBE(5, 3);
      if (headerBytes > total - (bug === 'header' ? 0 : 4) || held.readUInt8(4) > 1) throw new WireError('header length');
      if (held.length < 4 + total) return;
      const frame = held.subarray(0, 4 + total);
      held = held.subarray(4 + total);
      onFrame(frame, 8, 8 + headerBytes, frame.length, frame.readUInt8(4));
    }
  };
  return { feed, get heldBytes() { return held.length; } };
}
