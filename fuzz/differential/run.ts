/** Sends one sequence to one server and notes its normalized answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { requests } from '../../src/codec/requests.js';
import { Peer, type Answer } from '../../conformance/differential/peer.js';
import { encodeBatch } from '../../conformance/kit/wire/batch.js';
import { encodeProperties } from '../../conformance/kit/wire/properties.js';
import { realTopic, receiptOf } from '../../conformance/kit/wire/receipt.js';
import { decodeRecords, phyOffsetOf, type StoredMessage } from '../../conformance/kit/wire/record.js';
import type { Response } from '../../conformance/raw-client.js';
import { messageId, Symbols } from './normal.js';
import { describeStep, isRef, labelOf, needsOffsets, storing, type Body, type Ref, type Request, type Step, type Template, type Wait } from './steps.js';
import type { Watch } from './watch.js';

/** One of the two under comparison. */
export interface Server {
  readonly name: string;
  /** host:port. */
  readonly broker: string;
  readonly namesrv: string;
  /** A planted difference; made anew for each run. */
  readonly alter?: () => Alter;
}

/** Changes an answer: what a canary does. */
export type Alter = (step: Request, ext: Readonly<Record<string, string | number | boolean>>, response: Response) => Response;

/** Where a message goes whose arrival shows that all before it can be read: a log is dispatched in its order. */
export const markerTopic = 'DifferentialMarker';

const waitMsMax = 6000;
const answerMsMax = 15_000;
const silenceMs = 1000;
/**
 * Apache commits the offset of a pop by a scan a moment later (`PopBufferMergeService#scanCommitOffset`), over what was set meanwhile (seeds campaign-6/158, campaign-10/92, campaign-11/187
 * and 71): waited for this long, and where something was popped until it is seen.
 */
const scanMs = 250;
const scanMsMax = 5000;
/** A sequence takes a few seconds, most of them for what comes late; on a busy machine ten. */
const sequenceMsMax = 90_000;

interface QueueNums {
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
}

class Unknown extends Error {}

/** A sequence that is not over in time, and what it waited for. */
class Late extends Error {}

interface Place {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
}

interface Got {
  readonly group: string;
  readonly response: Response;
  readonly records: readonly StoredMessage[];
}

class Run {
  readonly answers: Answer[] = [];
  private readonly peer: Peer;
  private readonly symbols: Symbols;
  private readonly alter: Alter | undefined;
  private readonly run: string;
  private readonly got = new Map<number, Got>();
  private unsettled = false;
  /** What was popped since offsets were asked for: up to where. */
  private readonly popped: (Place & { readonly offset: number })[] = [];
  private unscanned = false;
  private readonly watch: Watch | undefined;
  private readonly end: number;

  constructor(server: Server, run: string, watch: Watch | undefined, msMax: number) {
    this.run = run;
    this.watch = watch;
    this.end = performance.now() + msMax;
    this.peer = new Peer(server.name, server.broker, server.namesrv);
    this.symbols = new Symbols(run, server.broker, server.namesrv);
    this.alter = server.alter?.();
  }

  async all(steps: readonly Step[]): Promise<void> {
    try {
      let last = 'nothing';
      for (const step of steps) {
        if (performance.now() > this.end) throw new Late(`${this.peer.name} was not done with a sequence in time, ${steps.indexOf(step)} of ${steps.length} steps; the last was ${last}`);
        last = describeStep(step);
        this.watch?.waits(this, `${this.peer.name}, ${this.run}: ${last}`);
        await this.one(step);
      }
      this.heard();
    } finally {
      this.watch?.waits(this, undefined);
      this.peer.end();
    }
  }

  private async one(step: Step): Promise<void> {
    if ('pauseMs' in step) {
      await sleep(step.pauseMs);
      return;
    }
    if ('close' in step) {
      this.peer.closeClient(step.close);
      return;
    }
    if (this.unsettled && !('send' in step && storing.has(step.send))) await this.settle();
    if ('wait' in step) await this.wait(step);
    else {
      if (this.unscanned && needsOffsets(step)) await this.scanned();
      await this.request(step);
    }
  }

  private async request(step: Request): Promise<void> {
    const label = labelOf(step);
    const note = (code: string): void => void this.answers.push({ label, code, remark: '', ext: {}, body: '' });
    try {
      const ext = await this.header(step);
      const body = step.body === undefined ? undefined : await this.body(step.body);
      const client = await this.peer.client(step.client, step.to);
      client.identity = { version: step.identity?.[0] ?? 513, language: step.identity?.[1] ?? 'JAVA' };
      let response = await client.call(requests[step.send].code, ext, body, step.silent === true ? silenceMs : answerMsMax);
      if (this.alter !== undefined) response = this.alter(step, ext, response);
      this.keep(step, String(ext['consumerGroup'] ?? ''), response);
      if (step.send === 'POP_MESSAGE' && ext['order'] !== true) this.notePopped(step, ext);
      if (step.send === 'GET_ROUTEINFO_BY_TOPIC' && (await this.isStale(String(ext['topic']), response))) note('a stale route');
      else this.answers.push(this.symbols.answer(label, step.send, response, step.mask ?? []));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      note(error instanceof Unknown ? 'left out' : /closed the connection/.test(text) ? 'closed' : /no answer/.test(text) ? 'no answer' : this.symbols.text(text));
    }
    if (storing.has(step.send)) this.unsettled = true;
    if (step.send === 'POP_MESSAGE') this.unscanned = true;
  }

  /** Whether the name server has other numbers of queues for the topic than the broker itself. */
  private async isStale(topic: string, route: Response): Promise<boolean> {
    const config = route.code === 0 ? await (await this.peer.client()).call(requests.GET_TOPIC_CONFIG.code, { topic }) : undefined;
    if (config?.code !== 0) return false;
    const broker = JSON.parse(config.body.toString('utf8')) as QueueNums;
    const { queueDatas } = JSON.parse(route.body.toString('utf8')) as { readonly queueDatas?: readonly (QueueNums & { readonly brokerName: string })[] };
    return queueDatas?.some((one) => one.brokerName === 'broker-a' && (one.readQueueNums !== broker.readQueueNums || one.writeQueueNums !== broker.writeQueueNums)) === true;
  }

  /** Until the offsets of what was popped are committed; those of orderly pops are by their acknowledgements. */
  private async scanned(): Promise<void> {
    this.unscanned = false;
    await sleep(scanMs);
    const client = await this.peer.client();
    for (const { offset, ...place } of this.popped.splice(0)) {
      for (const end = Date.now() + scanMsMax; Date.now() < end; await sleep(20)) {
        if (Number((await client.call(requests.QUERY_CONSUMER_OFFSET.code, { ...place })).ext['offset'] ?? -1) >= offset) break;
      }
    }
  }

  private keep(step: Request, group: string, response: Response): void {
    let records: readonly StoredMessage[] = [];
    if (response.code === 0 && response.body.length > 0 && /^(POP|PEEK|PULL|LITE_PULL)/.test(step.send)) records = decodeRecords(response.body);
    this.got.set(step.id, { group, response, records });
    for (const [i, id] of (response.ext['msgId'] ?? '').split(',').entries()) {
      const phyOffset = phyOffsetOf(id);
      if (phyOffset !== undefined && storing.has(step.send)) this.symbols.message(phyOffset, `<message ${step.id}${i === 0 ? '' : `.${i}`}>`);
    }
  }

  private notePopped(step: Request, ext: Readonly<Record<string, string | number | boolean>>): void {
    const last = this.got.get(step.id)?.records.at(-1);
    if (last !== undefined) this.popped.push({ consumerGroup: String(ext['consumerGroup']), topic: String(ext['topic']), queueId: Number(ext['queueId']), offset: last.queueOffset + 1 });
  }

  private async header(step: Request): Promise<Record<string, string | number | boolean>> {
    const out: Record<string, string | number | boolean> = {};
    for (const [name, value] of Object.entries(step.ext)) out[name] = await this.value(value);
    if (step.properties !== undefined) {
      const field = /^SEND_(MESSAGE|REPLY_MESSAGE)$/.test(step.send) ? 'properties' : 'i';
      out[field] = encodeProperties(await this.properties(step.properties));
    }
    return out;
  }

  private async properties(of: Readonly<Record<string, Template>>): Promise<Record<string, string>> {
    const out: Record<string, string> = {};
    for (const [name, value] of Object.entries(of)) out[name] = String(await this.value(value as Ref | string));
    return out;
  }

  private async body(body: Body): Promise<Buffer> {
    if ('text' in body) return Buffer.from(this.words(body.text), 'utf8');
    if ('deflated' in body) return deflateSync(Buffer.from(this.words(body.deflated), 'utf8'));
    if ('json' in body) return Buffer.from(JSON.stringify(await this.template(body.json)), 'utf8');
    const parts: { body: string; properties: Record<string, string> }[] = [];
    for (const part of body.batch) parts.push({ body: this.words(part.body), properties: await this.properties(part.properties) });
    return encodeBatch(parts);
  }

  private async template(value: Template): Promise<unknown> {
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
    if (typeof value === 'string' || isRef(value)) return this.value(value);
    if (Array.isArray(value)) return Promise.all((value as readonly Template[]).map((inner) => this.template(inner)));
    const out: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries(value)) out[this.words(name)] = await this.template(inner);
    return out;
  }

  private words(text: string): string {
    return text.replaceAll('~', this.run).replace(/\^(\d+)\^/g, (_all, number: string) => messageId(this.run, Number(number)));
  }

  private async value(value: string | number | boolean | Ref): Promise<string | number | boolean> {
    if (typeof value === 'string') return this.words(value);
    return isRef(value) ? this.refer(value) : value;
  }

  private async refer(ref: Ref): Promise<string | number> {
    const plus = (base: number): number => base + (ref.plus ?? 0);
    if (ref.ref === 'clock') return plus(Date.now());
    const got = this.got.get(ref.ref);
    if (got === undefined) throw new Unknown();
    const { group, response: { ext }, records } = got;
    const known = <T>(value: T | undefined): T => {
      if (value === undefined) throw new Unknown();
      return value;
    };
    const record = records[ref.index ?? 0];
    switch (ref.of) {
      case 'msgId': return known((ext['msgId'] ?? '').split(',')[ref.index ?? 0]);
      case 'phyOffset': return plus(known(phyOffsetOf((ext['msgId'] ?? '').split(',')[ref.index ?? 0] ?? '')));
      case 'storeTime': return plus(await this.storeTime(known(phyOffsetOf((ext['msgId'] ?? '').split(',')[ref.index ?? 0] ?? ''))));
      case 'handle': return known(receiptOf(ext, known(record), 'broker-a'));
      case 'realTopic': return realTopic(group, known(record));
      case 'queueOffset': return ref.index === undefined && record === undefined ? plus(Number(known(ext['queueOffset']))) : plus(known(record).queueOffset);
      case 'queueId': return known(record).queueId;
      case 'startOffset': return plus(Number(known((ext['startOffsetInfo'] ?? '').split(';')[0]?.split(' ')[2])));
      default: {
        const value = known(ext[ref.of]);
        return /^-?\d{1,15}$/.test(value) ? plus(Number(value)) : value;
      }
    }
  }

  private async storeTime(phyOffset: number): Promise<number> {
    const client = await this.peer.client();
    const response = await client.call(requests.VIEW_MESSAGE_BY_ID.code, { offset: phyOffset });
    const [record] = response.code === 0 ? decodeRecords(response.body) : [];
    if (record === undefined) throw new Unknown();
    return record.storeTimestamp;
  }

  private async maxOffset(topic: string, queueId: number): Promise<number> {
    const client = await this.peer.client();
    return Number((await client.call(requests.GET_MAX_OFFSET.code, { topic, queueId, committed: true })).ext['offset'] ?? -1);
  }

  private async reaches(topic: string, queueId: number, count: number, forMs: number): Promise<boolean> {
    for (const end = Date.now() + forMs; ; await sleep(Date.now() + 2000 < end ? 5 : 40)) {
      if ((await this.maxOffset(topic, queueId)) >= count) return true;
      if (Date.now() > end) return false;
    }
  }

  private async settle(): Promise<void> {
    this.unsettled = false;
    const client = await this.peer.client();
    const sent = await client.send({ topic: markerTopic, queueId: 0, body: Buffer.from('m') });
    if (sent.code !== 0) throw new Error(`the marker was refused: ${sent.code} ${sent.remark ?? ''}`);
    await this.reaches(markerTopic, 0, sent.queueOffset + 1, answerMsMax);
  }

  private async wait(step: Wait): Promise<void> {
    const { topic, queueId, atLeast } = step.wait;
    const came = await this.reaches(this.words(topic), queueId, atLeast, waitMsMax);
    this.answers.push({ label: describeStep(step), code: came ? 'came' : 'did not come', remark: '', ext: {}, body: '' });
  }

  /** What the server said on its own account, once each: how often, and when, is not compared. */
  private heard(): void {
    for (const client of ['a', 'b', 'c']) {
      const lines = [...new Set(this.peer.requestsHeard(client).map((line) => this.symbols.text(line)))].sort();
      if (lines.length > 0) this.answers.push({ label: `heard by ${client}`, code: 'note', remark: '', ext: {}, body: lines });
    }
  }
}

export interface Ran {
  readonly answers: readonly Answer[];
  /** The server took too long: what is missing says nothing about its answers. */
  readonly late?: string;
}

/** Runs the steps against one server; never throws. @param msMax after so many ms no further step is begun; each of them has a limit of its own */
export async function runOn(server: Server, run: string, steps: readonly Step[], watch?: Watch, msMax = sequenceMsMax): Promise<Ran> {
  const one = new Run(server, run, watch, msMax);
  try {
    await one.all(steps);
  } catch (error) {
    if (error instanceof Late) return { answers: one.answers, late: error.message };
    one.answers.push({ label: 'the run threw', code: error instanceof Error ? error.stack ?? error.message : String(error), remark: '', ext: {}, body: '' });
  }
  return { answers: one.answers };
}
