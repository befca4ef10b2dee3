/**
 * One of the two servers under comparison, as a sequence sees it: named connections, requests, and a transcript of the
 * answers with everything taken out that may differ from run to run (addresses, times, generated ids). Which requests to
 * send is the tables' business, what a difference means is `compare.ts`'s.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeProperties } from '../kit/wire/properties.js';
import { decodeRecords } from '../kit/wire/record.js';
import { RawClient, type Ext, type Response } from '../raw-client.js';
import { readLooseJson, sorted } from './loose-json.js';

export interface Answer {
  readonly label: string;
  readonly code: number | string;
  readonly remark: string;
  readonly ext: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface AskOptions {
  /** Which server; default the broker. */
  readonly to?: 'broker' | 'namesrv';
  /** Which connection of the sequence; default `a`. */
  readonly client?: string;
  readonly body?: Buffer | string;
  readonly version?: number;
  readonly language?: string;
  readonly oneway?: boolean;
  /** Body members or header fields (by name, at any depth) that are compared only as present. */
  readonly mask?: readonly string[];
  /** Keep the answer out of the transcript. */
  readonly quiet?: boolean;
  readonly timeoutMs?: number;
}

/** What a reader sees: properties without a value are none (`MessageDecoder#string2messageProperties`). */
function withValue(properties: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== ''));
}

/** An id that the server made up is longer where its address is an IPv6 one. */
function generatedIdBytes(properties: Readonly<Record<string, string>>): number {
  const id = properties['UNIQ_KEY'] ?? '';
  return id.startsWith('C0DE') ? 0 : id.length;
}

const recordCodes: ReadonlySet<number> = new Set([11, 361, 12, 33]);

export class Peer {
  readonly name: string;
  readonly broker: string;
  readonly namesrv: string;
  readonly transcript: Answer[] = [];
  private readonly clients = new Map<string, RawClient>();
  private readonly heard = new Map<string, string[]>();

  constructor(name: string, broker: string, namesrv: string) {
    this.name = name;
    this.broker = broker;
    this.namesrv = namesrv;
  }

  /** The named connection, opened on first use and again after the peer closed it. */
  async client(name = 'a', to: 'broker' | 'namesrv' = 'broker'): Promise<RawClient> {
    const key = `${to}:${name}`;
    const open = this.clients.get(key);
    if (open?.connected === true) return open;
    const client = await RawClient.connect(to === 'broker' ? this.broker : this.namesrv);
    const heard = this.heard.get(key) ?? [];
    this.heard.set(key, heard);
    client.onRequest = (request) => heard.push(`${request.code} flag ${request.flag & 3} ${JSON.stringify(sorted(request.ext))}`);
    this.clients.set(key, client);
    return client;
  }

  /** Sends a request and notes its normalized answer under `label`. */
  async ask(label: string, code: number, ext: Ext = {}, options: AskOptions = {}): Promise<Response | undefined> {
    // The place in the transcript is that of the request: several may wait for their answers at once.
    const place = options.quiet === true || options.oneway === true ? -1 : this.transcript.push({ label, code: 'open', remark: '', ext: {}, body: '' }) - 1;
    const client = await this.client(options.client, options.to);
    client.identity = { version: options.version ?? 513, language: options.language ?? 'JAVA' };
    const body = typeof options.body === 'string' ? Buffer.from(options.body, 'utf8') : options.body;
    if (options.oneway === true) {
      client.oneway(code, ext, body);
      return undefined;
    }
    const note = (answer: Answer): void => {
      if (place >= 0) this.transcript[place] = answer;
    };
    try {
      const response = await client.call(code, ext, body, options.timeoutMs ?? 8000);
      note(this.normal(label, code, response, new Set(options.mask ?? [])));
      return response;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      note({ label, code: /closed the connection/.test(text) ? 'closed' : /no answer/.test(text) ? 'no answer' : text, remark: '', ext: {}, body: '' });
      return undefined;
    }
  }

  /** Notes any other observation. */
  note(label: string, value: unknown): void {
    this.transcript.push({ label, code: 'note', remark: '', ext: {}, body: sorted(this.plain(value, new Set())) });
  }

  /** The requests that the server sent on this connection so far, each as one line. */
  requestsHeard(client = 'a'): readonly string[] {
    return this.heard.get(`broker:${client}`) ?? [];
  }

  closeClient(name: string, to: 'broker' | 'namesrv' = 'broker'): void {
    this.clients.get(`${to}:${name}`)?.close();
    this.clients.delete(`${to}:${name}`);
  }

  /** Asks again each 50 ms until `done` is true of the answer or the deadline passes; notes only whether it came true. */
  async until(label: string, deadlineMs: number, done: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + deadlineMs;
    let reached = await done();
    while (!reached && Date.now() < end) {
      await sleep(50);
      reached = await done();
    }
    this.transcript.push({ label, code: reached ? 'came true' : `not true in ${deadlineMs} ms`, remark: '', ext: {}, body: '' });
  }

  /** SEND_MESSAGE_V2's header. Without a UNIQ_KEY of its own the message gets one that both servers are told. */
  static v2(topic: string, queueId: number, properties: Readonly<Record<string, string>> = {}, more: Ext = {}): Ext {
    properties = { UNIQ_KEY: 'C0DE0000000000000000000000000000', ...properties };
    return { a: 'diff_writer', b: topic, c: 'TBW102', d: 4, e: queueId, f: 0, g: Date.now(), h: 0, i: encodeProperties(properties), j: 0, k: false, m: false, ...more };
  }

  end(): void {
    for (const client of this.clients.values()) client.close();
    this.clients.clear();
    this.heard.clear();
  }

  private normal(label: string, code: number, response: Response, mask: ReadonlySet<string>): Answer {
    return {
      label,
      code: response.code,
      remark: this.text(response.remark ?? ''),
      ext: Object.fromEntries(Object.entries(response.ext).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, mask.has(name) ? '<any>' : this.text(value)])),
      body: this.bodyOf(code, response, mask),
    };
  }

  private bodyOf(code: number, response: Response, mask: ReadonlySet<string>): unknown {
    if (response.body.length === 0) return '';
    if (response.code === 0 && recordCodes.has(code)) {
      return decodeRecords(response.body).map((record) => ({
        topic: record.topic, queueId: mask.has('queueId') ? '<any>' : record.queueId, queueOffset: record.queueOffset, recordBytes: mask.has('recordBytes') ? '<any>' : record.recordBytes - generatedIdBytes(record.properties), sysFlag: record.sysFlag, flag: record.flag,
        reconsumeTimes: record.reconsumeTimes, crcOk: record.crcOk, body: record.body.toString('latin1'), properties: this.plain(withValue(record.properties), mask),
      }));
    }
    const text = response.body.toString('utf8');
    if (/^\s*[[{]/.test(text)) {
      try {
        return sorted(this.plain(readLooseJson(text), mask));
      } catch (error) {
        return `unreadable: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
    return this.text(text);
  }

  private plain(value: unknown, mask: ReadonlySet<string>): unknown {
    if (typeof value === 'number') return Math.abs(value - Date.now()) < 86_400_000 ? '<time>' : value;
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((inner) => this.plain(inner, mask));
    if (value !== null && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [this.text(key), mask.has(key) ? '<any>' : this.plain(inner, mask)]));
    }
    return value;
  }

  private text(value: string): string {
    return value
      .replaceAll(this.broker, '<broker>')
      .replaceAll(this.namesrv, '<namesrv>')
      .replace(/127\.0\.0\.1:\d+/g, '<address>')
      .replace(/(?<![0-9A-F])(?!C0DE)(?:[0-9A-F]{56}|[0-9A-F]{32})(?![0-9A-F])/g, '<id>')
      .replace(/(?<!\d)\d{4}-\d\d-\d\d[# ]\d\d:\d\d:\d\d[:,]\d{3}/g, '<time text>')
      .replace(/(?<!\d)1[789]\d{11}(?!\d)/g, '<time>');
  }
}
