/** Ending a TCP connection by reset. */
import type { Socket } from 'node:net';

/**
 * Resets a connection; one whose end is just under way is destroyed. Node cannot reset that one (`uv_tcp_close_reset` answers EINVAL), never closes it, and
 * a process that has such a socket turns for ever when it wants to exit.
 */
export function resetSocket(socket: Socket): void {
  if (socket.connecting || (socket.writableEnded && !socket.writableFinished)) socket.destroy();
  else socket.resetAndDestroy();
}
