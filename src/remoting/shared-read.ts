/**
 * Accepted sockets that all read into one buffer (`readBytes` of codec/hot-path.ts) instead of a new one of 64 KiB for each read, which keeps the garbage
 * collector busy and has to be copied to where frames are scanned. Node offers that (`onread`) for sockets it makes, not for those it accepts, so the
 * accepted one's handle goes to a new socket. Where a Node has no such handle, sockets are read in the ordinary way.
 */
import { Socket } from 'node:net';
import { readBytes } from '../codec/hot-path.js';

/** The part of a socket that is the system's: Node keeps it under this name, and takes it as an option. */
interface WithHandle {
  _handle?: { readonly useUserBuffer?: unknown; reading?: boolean; readStop?: () => void } | null;
}

interface HandleOptions {
  readonly handle: object;
  readonly allowHalfOpen: boolean;
  readonly onread: { readonly buffer: Uint8Array; readonly callback: (bytes: number) => boolean };
}

/**
 * A socket in place of `accepted`, all of whose bytes so far were taken; it waits for `resume`, and the caller takes its listeners off `accepted`. `onRead` hears how many bytes of `readBytes` each read
 * filled; they are gone when it returns. Undefined when this Node cannot do it: then `accepted` is as it was.
 */
export function readShared(accepted: Socket, onRead: (bytes: number) => void): Socket | undefined {
  const holder = accepted as unknown as WithHandle;
  const handle = holder._handle;
  if (handle === undefined || handle === null || typeof handle.useUserBuffer !== 'function' || typeof handle.readStop !== 'function' || accepted.readableLength > 0) {
    return undefined;
  }
  handle.readStop();
  handle.reading = false;
  const options: HandleOptions = {
    handle,
    allowHalfOpen: accepted.allowHalfOpen,
    onread: {
      buffer: readBytes,
      callback: (bytes) => {
        onRead(bytes);
        return true;
      },
    },
  };
  const socket = new Socket(options);
  // What is left of it is only counted by its server, no longer.
  holder._handle = null;
  accepted.destroy();
  return socket;
}
