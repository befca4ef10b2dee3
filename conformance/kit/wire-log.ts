/**
 * What went over the wire in one case, both directions: a decoded summary and the bytes as hex, within caps, for reports.
 */
import { requestName, responseName } from './codes.js';
import type { Command } from './wire/frame.js';

/** One frame or one write. */
export interface WireEntry {
  /** Since the case began. */
  readonly atMs: number;
  /** Label of the connection. */
  readonly connection: string;
  readonly direction: 'sent' | 'received' | 'event';
  readonly bytes: number;
  /** `SEND_MESSAGE_V2(310) opaque 3 {a: ..., ...} body 5 B`. */
  readonly summary: string;
  /** At most 1024 bytes of it, none once the case's budget is used up. */
  readonly hex: string;
}

export const entryHexBytesMax = 1024;
export const caseHexBytesMax = 24 * 1024;
export const entriesMax = 200;
const summaryMax = 600;

/** The wire log of a case: its first and last entries, when there are too many. */
export class WireLog {
  private readonly startMs: number;
  private readonly head: WireEntry[] = [];
  private readonly tail: WireEntry[] = [];
  private hexBytes = 0;
  private left = 0;

  constructor(startMs: number = Date.now()) {
    this.startMs = startMs;
  }

  add(connection: string, direction: WireEntry['direction'], summary: string, bytes: Buffer = Buffer.alloc(0)): void {
    const room = Math.min(entryHexBytesMax, caseHexBytesMax - this.hexBytes, bytes.length);
    this.hexBytes += Math.max(0, room);
    const entry: WireEntry = {
      atMs: Date.now() - this.startMs, connection, direction, bytes: bytes.length,
      summary: summary.length > summaryMax ? `${summary.slice(0, summaryMax)}...` : summary,
      hex: room <= 0 ? '' : bytes.toString('hex', 0, room),
    };
    if (this.head.length < entriesMax / 2) this.head.push(entry);
    else {
      this.tail.push(entry);
      if (this.tail.length > entriesMax / 2) {
        this.tail.shift();
        this.left++;
      }
    }
  }

  /** The entries, with a remark in the middle where some were left out. */
  entries(): readonly WireEntry[] {
    if (this.left === 0) return [...this.head, ...this.tail];
    const gap: WireEntry = { atMs: this.tail[0]?.atMs ?? 0, connection: '', direction: 'event', bytes: 0, summary: `${this.left} entries left out`, hex: '' };
    return [...this.head, gap, ...this.tail];
  }
}

/** A command in one line. */
export function summarize(command: Command): string {
  const isAnswer = (command.flag & 1) !== 0;
  const ext = Object.entries(command.ext).map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ');
  return `${isAnswer ? `answer ${responseName(command.code)}` : requestName(command.code)} opaque ${command.opaque}${command.serialize === 'binary' ? ' binary' : ''}${(command.flag & 2) !== 0 ? ' oneway' : ''}`
    + `${command.remark === undefined ? '' : ` remark ${JSON.stringify(command.remark)}`}${ext === '' ? '' : ` {${ext}}`}${command.body.length === 0 ? '' : ` body ${command.body.length} B`}`;
}
