/** What a server or client of remoting counts. Plain numbers, read by runtime information and metrics. */

/** Why a connection was closed, as counted. */
export type CloseReason =
  | 'peer' | 'error' | 'wire' | 'slowReader' | 'slowSender' | 'idle' | 'shutdown' | 'server' | 'tooMany';

export interface Counters {
  /** Connections taken in or dialled since the start. */
  opened: number;
  /** Connections open now. */
  open: number;
  /** Closed connections by reason. */
  readonly closed: Record<CloseReason, number>;
  /** Whole frames read. */
  framesIn: number;
  bytesIn: number;
  bytesOut: number;
  /** Requests served by a hot-path handler. */
  fastRequests: number;
  /** Requests of a code nobody serves here. */
  unsupported: number;
  /** Refusals answered. */
  refusals: number;
  /** Unexpected exceptions of handlers: defects. */
  exceptions: number;
  /** Requests answered GO_AWAY. */
  goneAway: number;
  /** Answers to no call of ours (late or invented). */
  strayAnswers: number;
  /** One-way requests of ours dropped because the peer does not read. */
  droppedNotices: number;
  /** Times reading was paused, by cause. */
  pausedForAnswers: number;
  pausedForRequests: number;
}

export function newCounters(): Counters {
  return {
    opened: 0,
    open: 0,
    closed: { peer: 0, error: 0, wire: 0, slowReader: 0, slowSender: 0, idle: 0, shutdown: 0, server: 0, tooMany: 0 },
    framesIn: 0,
    bytesIn: 0,
    bytesOut: 0,
    fastRequests: 0,
    unsupported: 0,
    refusals: 0,
    exceptions: 0,
    goneAway: 0,
    strayAnswers: 0,
    droppedNotices: 0,
    pausedForAnswers: 0,
    pausedForRequests: 0,
  };
}
