/** Bounds of a connection and of a server, with their defaults. Bytes and milliseconds; each is checked where it is named. */
import { frameBytesMaxDefault } from '../codec/frame.js';

export interface ConnectionLimits {
  /** Largest frame with its length word (`com.rocketmq.remoting.frameMaxLength`). */
  readonly frameBytesMax: number;
  /** A frame that took longer than this to arrive closes the connection. Ours: Netty would wait for ever. */
  readonly frameTimeMsMax: number;
  /** Neither read nor write for this long closes the connection (`NettyServerConfig#serverChannelMaxIdleTimeSeconds`, 120 s). */
  readonly idleMsMax: number;
  /** Answers the peer has not taken: above this its requests are not read any more. */
  readonly outPauseBytes: number;
  /** Answers the peer has not taken: above this the connection closes. */
  readonly outBytesMax: number;
  /** Bytes of its requests waiting in lanes or at work: above this its requests are not read any more. */
  readonly requestPauseBytes: number;
  /** Requests of its own waiting in lanes or at work: above this its requests are not read any more. */
  readonly requestsPauseCount: number;
  /** Calls of ours that may wait for this peer's answer. */
  readonly callsMax: number;
}

export interface ServerLimits extends ConnectionLimits {
  /** Connections open at once; a further one is closed at once and counted. */
  readonly connectionsMax: number;
  /** Bytes of unfinished frames on all connections: beyond it those that have been sending theirs the longest are closed. */
  readonly unfinishedBytesMax: number;
  /** Answers that peers have not taken, on all connections: beyond it those that have not taken any for the longest are closed. */
  readonly outTotalBytesMax: number;
}

export const defaultServerLimits: ServerLimits = {
  frameBytesMax: frameBytesMaxDefault,
  frameTimeMsMax: 30_000,
  idleMsMax: 120_000,
  outPauseBytes: 4 * 1024 * 1024,
  outBytesMax: 64 * 1024 * 1024,
  requestPauseBytes: 32 * 1024 * 1024,
  requestsPauseCount: 10_000,
  callsMax: 10_000,
  connectionsMax: 20_000,
  unfinishedBytesMax: 256 * 1024 * 1024,
  outTotalBytesMax: 512 * 1024 * 1024,
};
