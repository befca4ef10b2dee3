/**
 * A load for the crash and store suites: several raw connections that send single messages and batches, remember what was
 * acknowledged and where, and survive the broker's death. Its counterpart reads every queue back for the checkers.
 */
import { createHash } from 'node:crypto';
import type { Held, Sent } from '../history.js';
import type { StoredMessage } from '../kit/wire/record.js';
import { RawClient } from '../raw-client.js';

/** A reproducible stream of numbers in [0, 1): the same seed gives the same stream. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A body that its key determines, so that a reader needs no copy of it. */
function bodyOf(key: string, bytes: number): string {
  const unit = createHash('sha1').update(key).digest('base64');
  return `${key} ${unit.repeat(Math.ceil(bytes / unit.length)).slice(0, bytes)}`;
}

export interface LoadOptions {
  readonly topic: string;
  readonly queues: number;
  readonly connections: number;
  /** Requests in flight on each connection. */
  readonly window: number;
  readonly random: () => number;
  /** Prefix of all keys. */
  readonly name: string;
  /** Pause after each answer, ms; keeps a histories' size in bounds. */
  readonly pauseMs?: number;
}

export class Load {
  readonly sent: Sent[] = [];
  /** Refusals (code and remark) and their counts; lost connections are no refusals. */
  readonly refusals = new Map<string, number>();
  private readonly options: LoadOptions;
  private clients: RawClient[] = [];
  private workers: Promise<void>[] = [];
  private next = 0;
  private stopping = false;

  constructor(options: LoadOptions) {
    this.options = options;
  }

  get acknowledged(): number {
    return this.sent.reduce((count, entry) => count + (entry.acknowledged ? 1 : 0), 0);
  }

  /** Connects and sends until `stop` is called or the broker is gone. */
  async start(broker: string): Promise<void> {
    this.stopping = false;
    this.clients = await Promise.all(Array.from({ length: this.options.connections }, () => RawClient.connect(broker)));
    this.workers = this.clients.flatMap((client) => Array.from({ length: this.options.window }, () => this.work(client)));
  }

  /** Ends the sending; everything on its way is answered or counted as unanswered. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.workers);
    for (const client of this.clients) client.close();
  }

  private async work(client: RawClient): Promise<void> {
    const { topic, queues, random, name, pauseMs } = this.options;
    while (!this.stopping && client.connected) {
      const queueId = Math.floor(random() * queues);
      const count = random() < 0.3 ? 2 + Math.floor(random() * 15) : 1;
      const entries = Array.from({ length: count }, (): Sent => {
        const key = `${name}-${this.next++}`;
        return { key, body: bodyOf(key, Math.floor(random() ** 3 * 2000)), acknowledged: false, sentAt: Date.now() };
      });
      const place = this.sent.length;
      this.sent.push(...entries);
      const inputs = entries.map((entry) => ({ body: Buffer.from(entry.body, 'utf8'), properties: { KEYS: entry.key } }));
      const [first] = inputs;
      if (first === undefined) continue;
      try {
        const output = count === 1 ? await client.send({ topic, queueId, ...first }) : await client.sendBatch(topic, queueId, inputs);
        if (output.code === 0) {
          const ids = output.msgId.split(',');
          entries.forEach((entry, i) => {
            const msgId = ids[i];
            this.sent[place + i] = { ...entry, acknowledged: true, queueId: output.queueId, queueOffset: output.queueOffset + i, ...(msgId === undefined ? {} : { msgId }) };
          });
        } else {
          const refusal = `${output.code} ${output.remark ?? ''}`;
          this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
        }
      } catch {
        // the broker died under this request: it stays unacknowledged
      }
      if (pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** A stored record as the checkers of histories take it. */
export function asHeld(record: StoredMessage): Held {
  return { key: record.properties['KEYS'] ?? '', body: record.body.toString('utf8'), queueId: record.queueId, queueOffset: record.queueOffset, msgId: record.msgId };
}

/** Everything the queues of a topic hold, read by PULL; a record whose body does not fit its CRC fails. */
export async function readTopic(broker: RawClient, topic: string, queues: number): Promise<Held[]> {
  const all: Held[] = [];
  for (let queueId = 0; queueId < queues; queueId++) {
    for (const record of await broker.readQueue(topic, queueId)) {
      if (!record.crcOk) throw new Error(`${topic} queue ${queueId} offset ${record.queueOffset}: body and CRC differ`);
      all.push(asHeld(record));
    }
  }
  return all;
}
