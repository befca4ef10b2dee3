/**
 * The end of an event-loop turn. Frames of all sockets that one poll phase brought are handled first; then the hooks run (the store's
 * write, acknowledgements), then each connection with something to say writes once. One EventTurn serves every server of the process.
 */
import type { Turn } from './types.js';

/** Something with bytes queued for the end of the turn. */
export interface Sender {
  /** Hands what is queued to the socket. Must not throw. */
  flush(): void;
}

/** Bytes of one pooled piece of output. Small answers of a turn are copied together into such pieces. */
export const outPieceBytes = 32 * 1024;

/** Pieces kept for reuse; more are left to the garbage collector. */
const freePiecesMax = 128;

export class EventTurn implements Turn {
  private readonly hooks: (() => void)[] = [];
  private senders: (Sender | undefined)[] = [];
  private spare: (Sender | undefined)[] = [];
  /** How many of `senders` are of this turn: the arrays keep their length, as setting it costs more than a flush's bookkeeping. */
  private sending = 0;
  private scheduled = false;
  private inHooks = false;
  private readonly freePieces: Buffer[] = [];
  private readonly runTurn = (): void => this.run();
  private readonly onError: (error: unknown) => void;
  private readonly defer: (run: () => void) => void;

  /**
   * `defer` runs its argument after the current poll phase (setImmediate unless simulated). `onError` hears what a hook threw: the
   * remaining hooks and writes of the turn go on.
   */
  constructor(onError: (error: unknown) => void, defer: (run: () => void) => void = setImmediate) {
    this.onError = onError;
    this.defer = defer;
  }

  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.defer(this.runTurn);
  }

  beforeSend(hook: () => void): void {
    this.hooks.push(hook);
  }

  /** Has `sender.flush()` called once at the end of this turn. The caller calls this once per turn (it keeps its own mark). */
  willSend(sender: Sender): void {
    this.senders[this.sending++] = sender;
    // The turn at work flushes what its hooks queue.
    if (!this.inHooks) this.schedule();
  }

  /** Runs the end of the turn now: hooks in order, then one flush per sender. Hooks may queue bytes and senders. */
  run(): void {
    this.scheduled = false;
    this.inHooks = true;
    for (const hook of this.hooks) {
      try {
        hook();
      } catch (error) {
        this.onError(error);
      }
    }
    this.inHooks = false;
    const { senders, sending } = this;
    if (sending === 0) return;
    this.senders = this.spare;
    this.sending = 0;
    for (let i = 0; i < sending; i++) {
      const sender = senders[i];
      senders[i] = undefined;
      sender?.flush();
    }
    this.spare = senders;
  }

  /** An output piece of `outPieceBytes`, contents undefined. */
  takePiece(): Buffer {
    return this.freePieces.pop() ?? Buffer.allocUnsafeSlow(outPieceBytes);
  }

  /** Gives a piece back once the socket no longer reads it. */
  returnPiece(piece: Buffer): void {
    if (this.freePieces.length < freePiecesMax) this.freePieces.push(piece);
  }
}
