/** Histories told by hand: each step happens one millisecond after the one before, unless it says when. */
import { History, type HistoryLine, type LineType, type Op, type Value } from '../../history.js';

export class Story {
  readonly lines: HistoryLine[] = [];
  private clock = 0;
  private ids = 0;

  /** Moves the clock to this time, ms. */
  at(ms: number): this {
    this.clock = ms;
    return this;
  }

  /** An event, or a call that is answered a millisecond later. */
  private step(process: string, op: Op, value: Value, ...types: LineType[]): this {
    const id = ++this.ids;
    for (const [i, type] of types.entries()) this.lines.push({ process, type, op, id, time: ++this.clock, ...(i === 0 || type === 'invoke' ? value : {}) });
    return this;
  }

  call(process: string, op: Op, value: Value, end: LineType = 'ok'): this {
    return this.step(process, op, value, 'invoke', end);
  }

  event(process: string, op: Op, value: Value = {}): this {
    return this.step(process, op, value, 'ok');
  }

  join(process: string, value: Value = {}): this {
    return this.event(process, 'join', { group: 'G', topic: 'T', mode: 'clustering', expression: '*', ...value });
  }

  /** Sent to queue 0 of topic T at this offset by p, and acknowledged. */
  sent(key: string, queueOffset: number, value: Value = {}, end: LineType = 'ok'): this {
    return this.call('p', 'send', { key, topic: 'T', queueId: 0, queueOffset, body: `body of ${key}`, ...value }, end);
  }

  /** Received by the process, as it was sent with `sent`. */
  got(process: string, key: string, queueOffset: number, value: Value = {}): this {
    return this.event(process, 'receive', { key, topic: 'T', queueId: 0, queueOffset, body: `body of ${key}`, reconsumeTimes: 0, ...value });
  }

  took(process: string, key: string): this {
    return this.call(process, 'ack', { key });
  }

  /** Received and taken. */
  consumed(process: string, key: string, queueOffset: number, value: Value = {}): this {
    return this.got(process, key, queueOffset, value).took(process, key);
  }

  read(key: string, queueOffset: number, value: Value = {}): this {
    return this.event('reader', 'read', { key, topic: 'T', queueId: 0, queueOffset, body: `body of ${key}`, ...value });
  }

  /** The history so far. */
  history(): History {
    return new History(this.lines);
  }
}

export const story = (): Story => new Story();
