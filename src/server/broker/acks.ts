/**
 * The gate before acknowledgements: answers to successful puts wait here until the turn's records are written, with SYNC_FLUSH until they
 * are on the platter, and where a topic is made for a message until the table of topics is there too, as
 * `TopicConfigManager#createTopicInSendMessageMethod` persists it before the message is put. It owns the order "write the turn, then answer" and what is answered instead when that fails.
 * What an answer says is the business of who puts; the write itself is the store's.
 */
import type { Connection, Reply } from '../../remoting/types.js';
import type { FlushOutcome } from '../../store/types.js';
import { responseCodes } from '../../codec/responses.js';
import type { BrokerContext } from './types.js';

/** What became of what a turn appended. `FAULT`: not stored, with the store's text. */
export type Stored = 'STORED' | 'FLUSH_DISK_TIMEOUT' | 'FAULT';

/** Called once per appended thing, within the turn that wrote it unless it waits for a flush. */
export type StoredListener = (outcome: Stored, fault: string) => void;

/** What a connection's buffer starts with, and what it may keep after a turn of many answers. */
const bufferBytes = { first: 8192, keptMax: 1024 * 1024 } as const;

/** The answers of one connection in this turn: whole frames end to end, and what is needed to take one back. */
export class HeldReplies {
  readonly connection: Connection;
  bytes: Buffer = Buffer.allocUnsafeSlow(bufferBytes.first);
  /** Bytes used: the next frame is written here. */
  length = 0;
  count = 0;
  opaques = new Int32Array(64);
  ends = new Int32Array(64);
  /** 1 = the answer waits for the flush (`Message#isWaitStoreMsgOK`). */
  waits = new Uint8Array(64);

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Makes sure `bytes` can take this many more. */
  room(bytesMore: number): void {
    if (this.length + bytesMore <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + bytesMore));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** Notes the frame that was written at `[length, end)`. */
  note(opaque: number, end: number, waits: boolean): void {
    if (this.count === this.opaques.length) this.grow();
    const i = this.count++;
    this.opaques[i] = opaque;
    this.ends[i] = end;
    this.waits[i] = waits ? 1 : 0;
    this.length = end;
  }

  /** A copy of the turn's answers, to be given later; these here are forgotten. */
  taken(): HeldReplies {
    const taken = new HeldReplies(this.connection);
    taken.bytes = Buffer.from(this.bytes.subarray(0, this.length));
    taken.opaques = this.opaques.slice(0, this.count);
    taken.ends = this.ends.slice(0, this.count);
    taken.waits = this.waits.slice(0, this.count);
    taken.length = this.length;
    taken.count = this.count;
    this.clear();
    return taken;
  }

  /** Forgets the turn's answers. */
  clear(): void {
    this.length = 0;
    this.count = 0;
    if (this.bytes.length > bufferBytes.keptMax) this.bytes = Buffer.allocUnsafeSlow(bufferBytes.first);
  }

  private grow(): void {
    const size = this.opaques.length * 2;
    const opaques = new Int32Array(size);
    const ends = new Int32Array(size);
    const waits = new Uint8Array(size);
    opaques.set(this.opaques);
    ends.set(this.ends);
    waits.set(this.waits);
    this.opaques = opaques;
    this.ends = ends;
    this.waits = waits;
  }
}

/** Frames of one connection that wait for a flush. */
interface Waiting {
  readonly connection: Connection;
  readonly frames: Buffer;
  readonly opaques: Int32Array;
}

interface Called {
  readonly waits: boolean;
  readonly listener: StoredListener;
}

export interface Acks {
  /** The connection's buffer of this turn, to write a frame into (`room` first), then `hold`. */
  replies(connection: Connection): HeldReplies;
  /** Holds the frame written at `[held.length, end)`. `phyOffset`: where the record lies that it acknowledges. */
  hold(held: HeldReplies, opaque: number, end: number, waits: boolean, phyOffset: number): void;
  /** Calls the listener once the record at `phyOffset` is stored, or is not. */
  settle(phyOffset: number, waits: boolean, listener: StoredListener): void;
  /** Has the hook called at the end of each turn before its records are written: it may put more, and settle them. Must not throw. */
  beforeWrite(hook: () => void): void;
  /** Writes the turn and releases what is held. A turn hook calls it; only for tests and a stopping broker otherwise. */
  release(): void;
}

/** The remark of SERVICE_NOT_AVAILABLE; its beginning is Apache's, which operators look for. */
export function notAvailableText(fault: string): string {
  return `service not available now. ${fault}`;
}

/**
 * Creates the gate and registers it with the turn. The gate's hook calls `store.writeTurn()` itself, so nothing else may: what that call
 * returns decides what is answered.
 */
export function createAcks(ctx: BrokerContext, ext: () => Readonly<Record<string, string>>): Acks {
  const byConnection = new Map<Connection, HeldReplies>();
  let active: HeldReplies[] = [];
  let listeners: Called[] = [];
  const hooks: (() => void)[] = [];
  let last: HeldReplies | undefined;
  let highest = -1;

  function unavailable(fault: string): Reply {
    return { code: responseCodes.SERVICE_NOT_AVAILABLE, remark: notAvailableText(fault), ext: ext() };
  }

  function refuse(connection: Connection, opaques: Int32Array, count: number, fault: string): void {
    const reply = unavailable(fault);
    for (let i = 0; i < count; i++) connection.reply(opaques[i] as number, reply);
  }

  function notify(listener: StoredListener, outcome: Stored, fault: string): void {
    try {
      listener(outcome, fault);
    } catch (error) {
      ctx.log.error({ error: String(error) }, 'an acknowledgement could not be given');
    }
  }

  /** What waits leaves `held` as a copy; the rest is sent. */
  function sendUnawaited(held: HeldReplies, waiting: Waiting[]): void {
    let waitingBytes = 0;
    let waitingCount = 0;
    let start = 0;
    for (let i = 0; i < held.count; i++) {
      const end = held.ends[i] as number;
      if (held.waits[i] === 1) {
        waitingBytes += end - start;
        waitingCount++;
      }
      start = end;
    }
    if (waitingCount === 0) {
      held.connection.write(held.bytes.subarray(0, held.length));
      return;
    }
    const frames = Buffer.allocUnsafe(waitingBytes);
    const opaques = new Int32Array(waitingCount);
    let at = 0;
    let k = 0;
    start = 0;
    for (let i = 0; i < held.count; i++) {
      const end = held.ends[i] as number;
      if (held.waits[i] === 1) {
        at += held.bytes.copy(frames, at, start, end);
        opaques[k++] = held.opaques[i] as number;
      } else {
        held.connection.write(held.bytes.subarray(start, end));
      }
      start = end;
    }
    waiting.push({ connection: held.connection, frames, opaques });
  }

  function flushed(outcome: FlushOutcome, waiting: readonly Waiting[], late: readonly StoredListener[]): void {
    const fault = outcome === 'FAULT' ? (ctx.store.fault ?? 'the log could not be flushed') : '';
    for (const { connection, frames, opaques } of waiting) {
      if (!connection.open) continue;
      if (outcome === 'FLUSHED') connection.write(frames);
      else if (outcome === 'FLUSH_DISK_TIMEOUT') connection.write(withCode(frames, responseCodes.FLUSH_DISK_TIMEOUT));
      else refuse(connection, opaques, opaques.length, fault);
    }
    const stored = outcome === 'FLUSHED' ? 'STORED' : outcome;
    for (const listener of late) notify(listener, stored, fault);
    ctx.turn.schedule();
  }

  function write(): string | undefined {
    try {
      const fault = ctx.store.writeTurn();
      if (fault !== undefined) return fault;
    } catch (error) {
      return `the log could not be written: ${String(error)}`;
    }
    // Nothing is acknowledged that the log does not hold, whoever else may have called writeTurn.
    return highest >= ctx.store.positions.written ? (ctx.store.fault ?? 'the log was not written') : undefined;
  }

  function release(): void {
    for (const hook of hooks) hook();
    const fault = write();
    highest = -1;
    const creating = ctx.topics.takeAwaited();
    if (active.length === 0 && listeners.length === 0) return;
    const held = active;
    const called = listeners;
    active = [];
    listeners = [];
    const { written } = ctx.store.positions;
    if (creating === undefined || fault !== undefined) {
      give(held, called, fault, written);
      return;
    }
    const later = held.map((one) => one.taken());
    void creating.then(() => {
      give(later, called, undefined, written);
      ctx.turn.schedule();
    });
  }

  /** What a turn put is answered; `written`: up to where its records reach. */
  function give(held: readonly HeldReplies[], called: readonly Called[], fault: string | undefined, written: number): void {
    const waiting: Waiting[] = [];
    const late: StoredListener[] = [];
    const sync = ctx.store.syncFlush;
    for (const one of held) {
      if (!one.connection.open) byConnection.delete(one.connection);
      else if (fault !== undefined) refuse(one.connection, one.opaques, one.count, fault);
      else if (sync) sendUnawaited(one, waiting);
      else one.connection.write(one.bytes.subarray(0, one.length));
      one.clear();
    }
    for (const { waits, listener } of called) {
      if (fault !== undefined) notify(listener, 'FAULT', fault);
      else if (sync && waits) late.push(listener);
      else notify(listener, 'STORED', '');
    }
    if (waiting.length > 0 || late.length > 0) {
      ctx.store.flushed(written, ctx.config.syncFlushTimeout).then(
        (outcome) => flushed(outcome, waiting, late),
        (error: unknown) => {
          ctx.log.error({ error: String(error) }, 'waiting for a flush failed');
          flushed('FAULT', waiting, late);
        },
      );
    }
  }

  ctx.turn.beforeSend(release);

  return {
    replies(connection) {
      if (last !== undefined && last.connection === connection) return last;
      let held = byConnection.get(connection);
      if (held === undefined) {
        held = new HeldReplies(connection);
        byConnection.set(connection, held);
        connection.onClose(() => {
          byConnection.delete(connection);
          if (last?.connection === connection) last = undefined;
        });
      }
      last = held;
      return held;
    },
    hold(held, opaque, end, waits, phyOffset) {
      if (held.count === 0) active.push(held);
      held.note(opaque, end, waits);
      if (phyOffset > highest) highest = phyOffset;
      ctx.turn.schedule();
    },
    settle(phyOffset, waits, listener) {
      listeners.push({ waits, listener });
      if (phyOffset > highest) highest = phyOffset;
      ctx.turn.schedule();
    },
    beforeWrite(hook) {
      hooks.push(hook);
    },
    release,
  };
}

/** The same answers with another code: rare, so each JSON header is read and written again. */
function withCode(frames: Buffer, code: number): Buffer {
  const out: Buffer[] = [];
  let at = 0;
  while (at < frames.length) {
    const total = frames.readInt32BE(at);
    const header = JSON.parse(frames.toString('utf8', at + 8, at + 4 + total)) as Record<string, unknown>;
    header['code'] = code;
    const text = Buffer.from(JSON.stringify(header), 'utf8');
    const frame = Buffer.allocUnsafe(8 + text.length);
    frame.writeInt32BE(4 + text.length, 0);
    frame.writeInt32BE(text.length, 4);
    text.copy(frame, 8);
    out.push(frame);
    at += 4 + total;
  }
  return Buffer.concat(out);
}
