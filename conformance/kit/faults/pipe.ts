/**
 * One direction of a connection through the fault proxy: bytes go out in the order in which they came, when the network's conditions
 * let them. Which conditions hold is the proxy's business; they are read anew for each piece.
 */
import type { Socket } from 'node:net';

/** What holds for one direction now. */
export interface Conditions {
  /** Each piece comes out this much later, ms. */
  readonly delayMs: number;
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number;
  /** Nothing comes out until this is false again. */
  readonly held: boolean;
  /** What comes in is lost. */
  readonly lost: boolean;
}

/** The source is not read while more than this waits. */
const waitingBytesMax = 4 * 1024 * 1024;

/** A throttled direction writes a piece this often. */
const tickMs = 20;

interface Piece {
  readonly bytes: Buffer;
  readonly dueAt: number;
}

export class Pipe {
  private readonly from: Socket;
  private readonly to: Socket;
  private readonly conditions: () => Conditions;
  private readonly waiting: Piece[] = [];
  private waitingBytes = 0;
  private lastDue = 0;
  /** While throttled: not before this. */
  private nextAt = 0;
  private ending = false;
  private ended = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, conditions: () => Conditions) {
    this.from = from;
    this.to = to;
    this.conditions = conditions;
    to.on('drain', () => this.pump());
  }

  /** Bytes that came in and have not gone out. */
  get pendingBytes(): number {
    return this.waitingBytes;
  }

  /** Takes bytes to be passed on. */
  push(bytes: Buffer): void {
    const { lost, delayMs } = this.conditions();
    if (bytes.length === 0 || lost || this.ending) return;
    this.lastDue = Math.max(this.lastDue, Date.now() + delayMs); // never past what came before
    this.waiting.push({ bytes, dueAt: this.lastDue });
    this.waitingBytes += bytes.length;
    if (this.waitingBytes > waitingBytesMax) this.from.pause();
    this.pump();
  }

  /** The source has ended: so does this direction, after what still waits. */
  end(): void {
    this.ending = true;
    this.pump();
  }

  /** Ends this direction now; what waits and what still comes is lost. */
  endNow(): void {
    this.drop();
    this.end();
  }

  /** Writes what may be written; called again when conditions changed. */
  pump(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (!this.ended && !this.to.destroyed && !this.to.connecting && !this.to.writableNeedDrain) {
      const { held, lost, bytesPerSecond } = this.conditions();
      if (lost) this.drop();
      if (held || lost) return;
      const first = this.waiting[0];
      if (first === undefined) {
        if (this.ending) {
          this.ended = true;
          this.to.end();
        }
        return;
      }
      const waitMs = Math.max(first.dueAt, bytesPerSecond === 0 ? 0 : this.nextAt) - Date.now();
      if (waitMs > 0) {
        this.again(waitMs);
        return;
      }
      const most = bytesPerSecond === 0 ? first.bytes.length : Math.max(1, Math.floor(bytesPerSecond * tickMs / 1000));
      this.write(first, most);
      this.nextAt = Date.now() + tickMs;
    }
  }

  close(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.drop();
  }

  private again(ms: number): void {
    this.timer = setTimeout(() => this.pump(), ms);
  }

  private drop(): void {
    this.waiting.length = 0;
    this.waitingBytes = 0;
    this.from.resume();
  }

  private write(first: Piece, most: number): void {
    const out = first.bytes.subarray(0, most);
    if (out.length === first.bytes.length) this.waiting.shift();
    else this.waiting[0] = { bytes: first.bytes.subarray(most), dueAt: first.dueAt };
    this.waitingBytes -= out.length;
    if (this.to.writable) this.to.write(out);
    if (this.waitingBytes <= waitingBytesMax) this.from.resume();
  }
}
