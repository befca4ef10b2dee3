/**
 * Load of every kind that must survive a kill, and the book of what was acknowledged: single and batch sends, delayed ones, messages sent back,
 * offset commits, topics and groups created. `verify` reads a restarted broker and says in words what is missing, moved or invented.
 */
import { RawClient, requestHeader, frame, sendExt, type Port } from './process.js';

export const loadTopic = 'Load';
export const delayedTopic = 'Delayed';
export const loadGroup = 'LoadGroup';
const queues = 4;

/** Uniform in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Pulled {
  readonly queueOffset: number;
  readonly phyOffset: number;
  readonly id: string;
}

/** Records of a pull answer's body; the id is the body up to its first blank. */
export function readRecords(body: Buffer): Pulled[] {
  const records: Pulled[] = [];
  for (let at = 0; at < body.length; at += body.readInt32BE(at)) {
    const bodyBytes = body.readInt32BE(at + 84);
    const text = body.toString('latin1', at + 88, at + 88 + Math.min(bodyBytes, 60));
    records.push({ queueOffset: Number(body.readBigInt64BE(at + 20)), phyOffset: Number(body.readBigInt64BE(at + 28)), id: text.split(' ', 1)[0] ?? '' });
  }
  return records;
}

export function pullExt(topic: string, queueId: number, queueOffset: number, group = 'TOOLS_CONSUMER'): Record<string, string> {
  return {
    consumerGroup: group, topic, queueId: String(queueId), queueOffset: String(queueOffset), maxMsgNums: '1000', sysFlag: '4', commitOffset: '0',
    suspendTimeoutMillis: '0', subscription: '*', subVersion: '0', expressionType: 'TAG', maxMsgBytes: '4000000',
  };
}

/** Everything in a queue from an offset on, following what the broker says comes next. */
export async function pullAll(client: RawClient, topic: string, queueId: number, fromOffset: number): Promise<{ records: Pulled[]; min: number; max: number }> {
  const records: Pulled[] = [];
  for (let offset = fromOffset; ; ) {
    const answer = await client.request(11, pullExt(topic, queueId, offset));
    if (answer === undefined) throw new Error(`pull of ${topic}-${queueId} at ${offset}: the connection closed`);
    const min = Number(answer.ext['minOffset']);
    const max = Number(answer.ext['maxOffset']);
    if (answer.code === 0) {
      records.push(...readRecords(answer.body));
      offset = Number(answer.ext['nextBeginOffset']);
      continue;
    }
    const next = Number(answer.ext['nextBeginOffset']);
    if ((answer.code === 20 || answer.code === 21) && next > offset && next <= max) {
      offset = next;
      continue;
    }
    return { records, min, max };
  }
}

/** Elements of SEND_BATCH_MESSAGE: total, magic, crc, flag, body, properties. */
export function batchBody(bodies: readonly string[], properties = ''): Buffer {
  return Buffer.concat(
    bodies.map((text) => {
      const body = Buffer.from(text);
      const props = Buffer.from(properties);
      const element = Buffer.alloc(22 + body.length + props.length);
      element.writeInt32BE(element.length, 0);
      element.writeInt32BE(body.length, 16);
      body.copy(element, 20);
      element.writeInt16BE(props.length, 20 + body.length);
      props.copy(element, 22 + body.length);
      return element;
    }),
  );
}

interface Place {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
}

export class MixedLoad {
  /** id -> where the broker said it is. */
  readonly placed = new Map<string, Place>();
  /** Acknowledged delayed messages, which come out in their topic later. */
  readonly delayed = new Set<string>();
  /** Acknowledged send-backs: these ids come out in the retry topic later. */
  readonly sentBack = new Set<string>();
  readonly topics = new Set<string>();
  readonly groups = new Set<string>();
  /** Highest offset acknowledged per queue of the load group. */
  readonly committed = new Map<number, number>();
  /** Everything ever sent, acknowledged or not. */
  readonly sent = new Set<string>();
  refused: string[] = [];
  #next = 0;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  get acknowledged(): number {
    return this.placed.size + this.delayed.size + this.sentBack.size;
  }

  #id(kind: string): string {
    const id = `${kind}${++this.#next}`;
    this.sent.add(id);
    return id;
  }

  #text(id: string): string {
    const size = this.#random() < 0.02 ? 60_000 : 200;
    return `${id} ${'x'.repeat(Math.floor(this.#random() * size))}`;
  }

  /** Loads the broker on several connections until they close or `stop` says so. */
  async run(port: Port, stop: () => boolean, connections = 4, inFlight = 8): Promise<void> {
    const first = await RawClient.open(port);
    await first.request(200, {}, Buffer.from(JSON.stringify({ groupName: loadGroup, consumeEnable: true })));
    first.close();
    const worker = async (): Promise<void> => {
      let client: RawClient;
      try {
        client = await RawClient.open(port);
      } catch {
        return;
      }
      const lane = async (): Promise<void> => {
        while (!stop() && !client.isClosed) await this.#one(client).catch(() => client.close());
      };
      await Promise.all(Array.from({ length: inFlight }, lane));
      client.close();
    };
    await Promise.all(Array.from({ length: connections }, worker));
  }

  async #one(client: RawClient): Promise<void> {
    const dice = this.#random();
    const queueId = Math.floor(this.#random() * queues);
    if (dice < 0.6) {
      const id = this.#id('s');
      const answer = await client.request(310, sendExt(loadTopic, { e: String(queueId), i: `TAGS\u0001a\u0002KEYS\u0001${id}\u0002` }), Buffer.from(this.#text(id)));
      if (this.#good(answer)) this.placed.set(id, { topic: loadTopic, queueId, queueOffset: Number(answer?.ext['queueOffset']) });
    } else if (dice < 0.8) {
      const ids = Array.from({ length: 1 + Math.floor(this.#random() * 20) }, () => this.#id('b'));
      const answer = await client.request(320, sendExt(loadTopic, { e: String(queueId), m: 'true' }), batchBody(ids.map((id) => this.#text(id))));
      if (this.#good(answer)) {
        ids.forEach((id, i) => this.placed.set(id, { topic: loadTopic, queueId, queueOffset: Number(answer?.ext['queueOffset']) + i }));
      }
    } else if (dice < 0.88) {
      const id = this.#id('d');
      const answer = await client.request(310, sendExt(delayedTopic, { e: String(queueId), i: 'DELAY\u00011\u0002' }), Buffer.from(this.#text(id)));
      if (this.#good(answer)) this.delayed.add(id);
    } else if (dice < 0.94) {
      const id = this.#id('r');
      const answer = await client.request(310, sendExt(loadTopic, { e: String(queueId) }), Buffer.from(this.#text(id)));
      if (!this.#good(answer)) return;
      this.placed.set(id, { topic: loadTopic, queueId, queueOffset: Number(answer?.ext['queueOffset']) });
      const offset = BigInt(`0x${(answer?.ext['msgId'] ?? '').slice(16)}`);
      const back = await client.request(36, { offset: String(offset), group: loadGroup, delayLevel: '1', originTopic: loadTopic, unitMode: 'false', maxReconsumeTimes: '16' });
      if (this.#good(back)) this.sentBack.add(id);
    } else if (dice < 0.98) {
      // The first message makes the topic; there are no offsets of one that is not there.
      if (this.placed.size === 0) return;
      const offset = (this.committed.get(queueId) ?? 0) + 1;
      const answer = await client.request(15, { consumerGroup: loadGroup, topic: loadTopic, queueId: String(queueId), commitOffset: String(offset) });
      if (this.#good(answer)) this.committed.set(queueId, Math.max(offset, this.committed.get(queueId) ?? 0));
    } else if (dice < 0.99) {
      const topic = `Made${++this.#next}`;
      const answer = await client.request(17, { topic, defaultTopic: 'TBW102', readQueueNums: '2', writeQueueNums: '2', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' });
      if (this.#good(answer)) this.topics.add(topic);
    } else {
      const groupName = `Group${++this.#next}`;
      const answer = await client.request(200, {}, Buffer.from(JSON.stringify({ groupName, consumeEnable: true })));
      if (this.#good(answer)) this.groups.add(groupName);
    }
  }

  #good(answer: { code: number; remark: string } | undefined): boolean {
    if (answer !== undefined && answer.code !== 0 && this.refused.length < 1000) this.refused.push(`${answer.code} ${answer.remark}`);
    return answer?.code === 0;
  }

  /** What is wrong with the broker's answer to the book; empty = nothing. Waits for delayed messages. */
  async verify(port: Port, waitForDelayed = true): Promise<string[]> {
    const wrong: string[] = [];
    const client = await RawClient.open(port);
    const found = new Map<string, Place>();
    for (let queueId = 0; queueId < queues; queueId++) {
      const { records } = await pullAll(client, loadTopic, queueId, 0);
      records.forEach((record, i) => {
        if (record.queueOffset !== i) wrong.push(`${loadTopic}-${queueId}: entry ${i} has offset ${record.queueOffset}`);
        if (!this.sent.has(record.id)) wrong.push(`${loadTopic}-${queueId}: ${record.id} was never sent`);
        const twice = found.get(record.id);
        if (twice !== undefined) wrong.push(`${record.id} is at ${twice.queueId}:${twice.queueOffset} and ${queueId}:${i}`);
        found.set(record.id, { topic: loadTopic, queueId, queueOffset: i });
      });
    }
    for (const [id, place] of this.placed) {
      const at = found.get(id);
      if (at === undefined) wrong.push(`${id} acknowledged at ${place.queueId}:${place.queueOffset} is lost`);
      else if (at.queueId !== place.queueId || at.queueOffset !== place.queueOffset) {
        wrong.push(`${id} acknowledged at ${place.queueId}:${place.queueOffset} is at ${at.queueId}:${at.queueOffset}`);
      }
    }
    const listed = (await client.request(21))?.body.toString() ?? '';
    for (const topic of this.topics) if (!listed.includes(`"${topic}"`)) wrong.push(`topic ${topic} is lost`);
    const groups = (await client.request(201))?.body.toString() ?? '';
    for (const group of this.groups) if (!groups.includes(`"${group}"`)) wrong.push(`group ${group} is lost`);
    for (const [queueId, offset] of this.committed) {
      const answer = await client.request(14, { consumerGroup: loadGroup, topic: loadTopic, queueId: String(queueId) });
      const stored = answer?.code === 0 ? Number(answer.ext['offset']) : 0;
      // Offsets are saved every few seconds: a crash may take them back, never forward.
      if (stored > offset) wrong.push(`committed offset of queue ${queueId} is ${stored}, beyond ${offset}`);
    }
    if (waitForDelayed) {
      wrong.push(...(await this.#late(client, 'delayed', delayedTopic, queues, this.delayed)));
      wrong.push(...(await this.#late(client, 'sent back', `%RETRY%${loadGroup}`, 1, this.sentBack)));
    }
    client.close();
    return wrong;
  }

  async #late(client: RawClient, what: string, topic: string, queueNums: number, ids: ReadonlySet<string>): Promise<string[]> {
    const seen = new Set<string>();
    const from = new Array<number>(queueNums).fill(0);
    const wrong: string[] = [];
    for (let round = 0; round < 150; round++) {
      for (let queueId = 0; queueId < queueNums; queueId++) {
        const { records } = await pullAll(client, topic, queueId, from[queueId] ?? 0);
        for (const record of records) {
          if (record.queueOffset !== from[queueId]) wrong.push(`${topic}-${queueId}: offset ${record.queueOffset} follows ${from[queueId] ?? 0}`);
          from[queueId] = record.queueOffset + 1;
          if (!this.sent.has(record.id)) wrong.push(`${topic}-${queueId}: ${record.id} was never sent`);
          seen.add(record.id);
        }
      }
      if ([...ids].every((id) => seen.has(id))) return wrong;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    for (const id of ids) if (!seen.has(id)) wrong.push(`${id} (${what}) is lost`);
    return wrong;
  }
}

/** A one-way frame, for floods. */
export function onewayFrame(code: number, ext: Readonly<Record<string, string>>, body?: Buffer): Buffer {
  return frame(requestHeader(code, ext, 0, 2), body);
}
