/**
 * Answers with everything taken out that may differ legally: addresses, times, generated ids; physical offsets and message ids become the
 * ordinal of their message; names of other runs fall out of tables of the whole broker.
 */
import type { RequestName } from '../../src/codec/requests.js';
import { readLooseJson, sorted } from '../../conformance/differential/loose-json.js';
import { decodeRecords, phyOffsetOf, type StoredMessage } from '../../conformance/kit/wire/record.js';
import type { Answer } from '../../conformance/differential/peer.js';
import type { Response } from '../../conformance/raw-client.js';
import { answeringRecords } from './steps.js';

/** Names of runs: `dq` and five characters. Whatever carries another run's name is none of this one's business. */
export const runName = (number: number): string => `dq${number.toString(36).padStart(5, '0')}`;
const anyRun = /dq[0-9a-z]{5}(?=[A-Z])/g;

/** The id of message `number` of a run, which both servers are told. */
export const messageId = (run: string, number: number): string => `C0DE${Buffer.from(run, 'latin1').toString('hex').toUpperCase()}${String(number).padStart(14, '0')}`;
const anyId = /C0DE([0-9A-F]{14})(\d{14})(?!\d)/g;

/** Properties whose value depends on what other runs do at the same time. */
const sharedProperties: ReadonlySet<string> = new Set(['TRAN_PREPARED_QUEUE_OFFSET', '__PREPARED_MSG_OFFSET', 'TIMER_ENQUEUE_MS', 'TIMER_DEQUEUE_MS', 'TIMER_ROLL_TIMES']);
/** Comes when the invisible time of a pop is over and a revive has seen it: in the middle of a sequence that is chance, at its end it is there. */
const comesLate = /^%RETRY%dq[0-9a-z]{5}GForget_/;
/** Reads the revive topics, whose queues all runs use: its progress is nobody's own. */
const reviveGroup = 'CID_RMQ_SYS_REVIVE_GROUP';
/** Members of bodies that count changes of the whole broker, or measure. */
const sharedMembers: ReadonlySet<string> = new Set(['dataVersion', 'consumeTps', 'topicPutTps', 'tps', 'avgpt', 'sum', 'indexLastUpdatePhyoffset', 'indexLastUpdateTimestamp', 'lastUpdateTimestamp', 'totalTopicNum', 'totalGroupNum', 'totalDiff', 'totalInflightDiff', 'bitMap',
  // The broker that comes first in a table of all (`RouteInfoManager#getSystemTopicList`).
  'brokerAddr']);

/** A retry topic that a heartbeat makes is told to the name server a moment later here, and before the answer by Apache. */
function withoutRetryTopics(list: unknown): unknown {
  if (list === null || typeof list !== 'object' || !('topicList' in list) || !Array.isArray(list.topicList)) return list;
  return { ...list, topicList: list.topicList.filter((one) => typeof one !== 'string' || !one.startsWith('%RETRY%')) };
}

export class Symbols {
  private readonly messages = new Map<number, string>();
  private readonly run: string;
  private readonly settled: boolean;
  private readonly addresses: readonly (readonly [string, string])[];
  private unknown = 0;

  /** @param settled everything has come that comes late */
  constructor(run: string, broker: string, namesrv: string, settled = false) {
    this.run = run;
    this.settled = settled;
    this.addresses = [[broker, '<broker>'], [namesrv, '<namesrv>']];
  }

  /** The message at a physical offset gets a name, the first time. */
  message(phyOffset: number, name?: string): string {
    const known = this.messages.get(phyOffset);
    if (known !== undefined) return known;
    const fresh = name ?? `<stored ${++this.unknown}>`;
    this.messages.set(phyOffset, fresh);
    return fresh;
  }

  text(value: string): string {
    for (const [address, symbol] of this.addresses) value = value.replaceAll(address, symbol);
    return value
      .replaceAll(this.run, '~')
      .replace(anyId, (_all, _run: string, number: string) => `^${Number(number)}^`)
      .replace(/127\.0\.0\.1:\d+/g, '<address>')
      .replace(/(?<![0-9A-Fa-f])(?:7F0000010000[0-9A-F]{20})(?![0-9A-Fa-f])/g, (id) => `<id of ${this.message(phyOffsetOf(id) ?? -1)}>`)
      .replace(/(?<![0-9A-F])(?:[0-9A-F]{56}|[0-9A-F]{32})(?![0-9A-F])/g, '<id>')
      .replace(/(?<!\d)\d{4}-\d\d-\d\d[# ]\d\d:\d\d:\d\d[:,]\d{3}/g, '<time text>')
      .replace(/(?<!\d)1[789]\d{11}(?!\d)/g, '<time>')
      // A receipt names the revive queue, which goes round for all.
      .replace(/(-?\d+ <time> \d+) \d+ ([0-2] broker-a)/g, '$1 <revive queue> $2');
  }

  /** JSON and notes, in one order. */
  plain(value: unknown, mask: ReadonlySet<string>, name = ''): unknown {
    if (mask.has(name) || sharedMembers.has(name)) return '<any>';
    if (/^(physicOffset|phyOffset|preparedTransactionOffset)$/.test(name) && typeof value === 'number') return value === 0 ? 0 : this.message(value);
    // Milliseconds since a message that has not been consumed was stored; 0 when there is none.
    if (name === 'delayTime' && typeof value === 'number' && value > 0) return '<time since>';
    if (typeof value === 'number') return Math.abs(value - Date.now()) < 86_400_000 ? '<time>' : value;
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.filter((one) => !this.foreign(one)).map((inner) => this.plain(inner, mask));
    if (value !== null && typeof value === 'object') {
      const own = Object.entries(value).filter(([key, inner]) => sharedMembers.has(key) || !key.endsWith(reviveGroup) && !this.foreign(key) && !(typeof inner === 'string' && this.foreign(inner)));
      return Object.fromEntries(own.map(([key, inner]) => [this.text(key), this.plain(inner, mask, key)]));
    }
    return value;
  }

  record(record: StoredMessage, mask: ReadonlySet<string>): unknown {
    const properties = Object.fromEntries(Object.entries(record.properties)
      .filter(([, value]) => value !== '') // what a reader sees: `MessageDecoder#string2messageProperties` leaves these out
      .map(([name, value]) => [this.text(name), sharedProperties.has(name) || mask.has(name) ? '<any>' : this.text(value)]));
    return {
      at: this.message(record.phyOffset), topic: this.text(record.topic), queueId: mask.has('queueId') ? '<any>' : record.queueId, queueOffset: mask.has('queueOffset') ? '<any>' : record.queueOffset,
      bytesBesideProperties: record.recordBytes - Buffer.byteLength(record.propertiesText), magic: record.magic, sysFlag: record.sysFlag, flag: record.flag,
      reconsumeTimes: record.reconsumeTimes, crcOk: record.crcOk, prepared: record.preparedTransactionOffset === 0 ? 0 : this.message(record.preparedTransactionOffset),
      body: this.text(record.body.toString('latin1')), properties: sorted(properties),
    };
  }

  answer(label: string, name: RequestName, response: Response, masked: readonly string[]): Answer {
    const mask = new Set(masked);
    return {
      label,
      code: response.code,
      remark: this.text(response.remark ?? ''),
      ext: Object.fromEntries(Object.entries(response.ext).sort(([a], [b]) => (a < b ? -1 : 1)).map(([field, value]) => [field, this.field(field, value, mask)])),
      body: this.body(name, response, mask),
    };
  }

  private field(name: string, value: string, mask: ReadonlySet<string>): string {
    if (mask.has(name) || sharedMembers.has(name)) return '<any>';
    if (name === 'reviveQid') return '<revive queue>';
    // What an orderly change answers counts from the pop: the time until it is in it.
    if (name === 'invisibleTime' && Number(value) >= 3_600_000 && Number(value) < 3_700_000) return '<an hour and the time since>';
    if (name === 'recallHandle') return this.text(Buffer.from(value, 'base64url').toString('latin1'));
    return this.text(value);
  }

  private body(name: RequestName, response: Response, mask: ReadonlySet<string>): unknown {
    if (response.body.length === 0) return '';
    if (response.code === 0 && answeringRecords.has(name)) {
      const records = decodeRecords(response.body).map((record) => this.record(record, mask));
      return name === 'QUERY_MESSAGE' ? sorted(records) : records;
    }
    const text = response.body.toString('utf8');
    if (!/^\s*[[{]/.test(text)) return this.text(text);
    try {
      const read = readLooseJson(text);
      return sorted(this.plain(name === 'GET_ALL_TOPIC_LIST_FROM_NAMESERVER' ? withoutRetryTopics(read) : read, mask));
    } catch (error) {
      return `unreadable: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Whether a text, or a thing that has a name, is another run's, or may be there or not. */
  private foreign(value: unknown): boolean {
    if (typeof value === 'string') return (!this.settled && comesLate.test(value)) || (value.match(anyRun) ?? []).some((name) => name !== this.run);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
    return Object.entries(value).some(([key, inner]) => this.foreign(key) || (typeof inner === 'string' && this.foreign(inner)));
  }
}
