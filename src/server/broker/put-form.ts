/**
 * How a client's message becomes what the store appends: the properties a broker adds, the key it mints, the spans the index needs, host
 * bits and tags code; and what every answer to a send carries. Which messages are allowed is send.ts; bytes of records are the store's.
 */
import { messageSysFlag, withHostBits } from '../../codec/sys-flag.js';
import { formatProperties, nameValueSeparator, parseProperties, propertyNames, propertySeparator, PropertyScan, scanProperties } from '../../codec/properties.js';
import { javaHashOfBytes } from '../../compat/java-string-hash.js';
import { offsetMessageId, offsetMessageIdPrefix, uniqueIdMinter } from '../../compat/message-id.js';
import type { PutInput, QueueRef } from '../../store/types.js';
import { isBatchQueue, isCompacted } from './topics.js';
import type { BrokerContext, Topic } from './types.js';

const noBytes = Buffer.alloc(0);
const multiDispatchName = Buffer.from(propertyNames.INNER_MULTI_DISPATCH, 'latin1');
const uniqKeyName = Buffer.from(propertyNames.UNIQ_KEY, 'latin1');

/** Room a minted `UNIQ_KEY` needs behind a property string: separator, name, separator, 56 digits (IPv6), separator. */
export const uniqKeyBytesMax = 1 + uniqKeyName.length + 1 + 56 + 1;

const noQueue: QueueRef = { topic: '', topicBytes: noBytes, queueId: 0, minOffset: 0, maxOffset: 0, attachment: undefined };

export function newPutInput(): PutInput {
  return {
    queue: noQueue, flag: 0, sysFlag: 0, bornTimestamp: 0, bornHost: noBytes, reconsumeTimes: 0, preparedTransactionOffset: 0,
    body: noBytes, bodyStart: 0, bodyEnd: 0, props: noBytes, propsStart: 0, propsEnd: 0, propsSuffix: undefined, tagsCode: 0,
    uniqKeyStart: -1, uniqKeyEnd: -1, keysStart: -1, keysEnd: -1, tagsStart: -1, tagsEnd: -1, innerCount: undefined, multiDispatch: undefined,
  };
}

/** Everything a topic's configuration means for a send, worked out once per configuration. */
export interface TopicTraits {
  readonly topic: Topic;
  /** `max(writeQueueNums, readQueueNums)`: queue ids from here on are refused. */
  readonly queueIdsEnd: number;
  readonly writeQueues: number;
  /** Bits or-ed into the sysFlag of its messages. */
  readonly sysFlagBits: number;
  /** `cleanup.policy=COMPACTION`: messages need KEYS. */
  readonly compaction: boolean;
  /** `queue.type=BatchCQ`: batches are inner batches. */
  readonly batchQueue: boolean;
}

export function topicTraits(topic: Topic): TopicTraits {
  const config = topic.config;
  return {
    topic,
    queueIdsEnd: Math.min(Math.max(config.writeQueueNums, config.readQueueNums), topic.queues.length),
    writeQueues: config.writeQueueNums,
    sysFlagBits: config.topicFilterType === 'MULTI_TAG' ? messageSysFlag.MULTI_TAGS : 0,
    compaction: isCompacted(config),
    batchQueue: isBatchQueue(config),
  };
}

/** The values every answer to a send carries, and the properties every message gets, from one state of the configuration. */
class BrokerMarks {
  readonly regionId: string;
  readonly traceOn: boolean;
  readonly cluster: string;
  readonly ext: Readonly<Record<string, string>>;
  readonly suffix: Buffer;
  /** The same behind a string that lacks its last separator. */
  readonly suffixSeparated: Buffer;

  constructor(regionId: string, traceOn: boolean, cluster: string) {
    this.regionId = regionId;
    this.traceOn = traceOn;
    this.cluster = cluster;
    this.ext = { [propertyNames.MSG_REGION]: regionId, [propertyNames.TRACE_SWITCH]: String(traceOn) };
    this.suffix = Buffer.from(formatProperties([...Object.entries(this.ext), [propertyNames.CLUSTER, cluster]]), 'utf8');
    this.suffixSeparated = Buffer.concat([Buffer.of(propertySeparator), this.suffix]);
  }
}

/** INNER_MULTI_DISPATCH in a string form; undefined when it is not there or says nothing. */
function multiDispatchIn(bytes: Buffer, start: number, end: number): string | undefined {
  const at = bytes.indexOf(multiDispatchName, start);
  if (at < 0 || at >= end) return undefined;
  const text = parseProperties(bytes.toString('utf8', start, end)).get(propertyNames.INNER_MULTI_DISPATCH);
  return text === undefined || text.trim() === '' ? undefined : text;
}

export class PutForm {
  /** Filled again for each message. */
  readonly input: PutInput = newPutInput();
  /** What the last `plain` or `mapped` found. */
  readonly scan = new PropertyScan();
  readonly #ctx: BrokerContext;
  readonly #pid: number;
  #marks: BrokerMarks;
  #host: Buffer | undefined;
  #idPrefix = '';
  #mint: (() => string) | undefined;

  constructor(ctx: BrokerContext, pid: number = process.pid) {
    this.#ctx = ctx;
    this.#pid = pid;
    this.#marks = new BrokerMarks(ctx.config.regionId, ctx.config.traceOn, ctx.config.brokerClusterName);
  }

  /** Follows changes of the configuration at run time. */
  private marks(): BrokerMarks {
    const { regionId, traceOn, brokerClusterName } = this.#ctx.config;
    const marks = this.#marks;
    if (marks.regionId === regionId && marks.traceOn === traceOn && marks.cluster === brokerClusterName) return marks;
    return (this.#marks = new BrokerMarks(regionId, traceOn, brokerClusterName));
  }

  /** extFields of every answer to a send: MSG_REGION and TRACE_ON. */
  ext(): Readonly<Record<string, string>> {
    return this.marks().ext;
  }

  private host(): Buffer {
    const host = this.#ctx.storeHost();
    if (host !== this.#host) {
      this.#host = host;
      this.#idPrefix = offsetMessageIdPrefix(host.subarray(0, host.length - 4), host.readInt32BE(host.length - 4));
      this.#mint = undefined;
    }
    return host;
  }

  /** Bytes of the broker's own address and port, which every offset message id begins with, as hex text. */
  idPrefix(): string {
    this.host();
    return this.#idPrefix;
  }

  /** The offset message id of the record at this position. */
  msgId(phyOffset: number): string {
    return offsetMessageId(this.idPrefix(), phyOffset);
  }

  /** A new unique key, for a message whose producer sent none (`MessageClientIDSetter#createUniqID`). */
  uniqueId(): string {
    const host = this.host();
    this.#mint ??= uniqueIdMinter({
      address: host.subarray(0, host.length - 4),
      pid: this.#pid,
      random: () => this.#ctx.random(),
      nowMs: () => this.#ctx.clock.nowMs(),
    });
    return this.#mint();
  }

  /** `sysFlag` with host bits that agree with the hosts as stored. */
  sysFlag(sysFlag: number, bornHost: Uint8Array): number {
    return withHostBits(sysFlag, bornHost.length, this.host().length);
  }

  /**
   * Takes the property string in `props[0..end)` as it is. False, with nothing kept, when it holds a name that the broker obeys or sets, or what reading
   * and writing would change: then `mapped` is the way. `props` needs `uniqKeyBytesMax` bytes of room behind `end`, where a missing UNIQ_KEY is added.
   */
  plain(props: Buffer, end: number): boolean {
    const scan = this.scan;
    scanProperties(scan, props, 0, end);
    if (scan.special || scan.odd) return false;
    if (scan.uniqKeyStart < 0) end = this.appendUniqKey(props, end);
    const marks = this.marks();
    this.spans(props, end);
    this.input.propsSuffix = end > 0 && props[end - 1] !== propertySeparator ? marks.suffixSeparated : marks.suffix;
    return true;
  }

  private appendUniqKey(props: Buffer, end: number): number {
    if (end > 0 && props[end - 1] !== propertySeparator) props[end++] = propertySeparator;
    props.set(uniqKeyName, end);
    end += uniqKeyName.length;
    props[end++] = nameValueSeparator;
    const scan = this.scan;
    scan.uniqKeyStart = end;
    end += props.write(this.uniqueId(), end, 'latin1');
    scan.uniqKeyEnd = end;
    props[end++] = propertySeparator;
    return end;
  }

  private spans(props: Buffer, end: number): void {
    const { input, scan } = this;
    input.props = props;
    input.propsStart = 0;
    input.propsEnd = end;
    input.uniqKeyStart = scan.uniqKeyStart;
    input.uniqKeyEnd = scan.uniqKeyEnd;
    input.keysStart = scan.keysStart;
    input.keysEnd = scan.keysEnd;
    input.tagsStart = scan.tagsStart;
    input.tagsEnd = scan.tagsEnd;
    input.tagsCode = scan.tagsStart < 0 ? 0 : javaHashOfBytes(0, props, scan.tagsStart, scan.tagsEnd);
    input.multiDispatch = undefined;
  }

  /** Takes these properties, as they are: nothing is added. */
  exactly(properties: ReadonlyMap<string, string>): void {
    const props = Buffer.from(formatProperties(properties), 'utf8');
    this.exactBytes(props, 0, props.length);
  }

  /** Takes the string form in `bytes[start..end)`, as it is: nothing is added. */
  exactBytes(bytes: Buffer, start: number, end: number): void {
    scanProperties(this.scan, bytes, start, end);
    this.spans(bytes, end);
    this.input.propsStart = start;
    this.input.propsSuffix = undefined;
    if (this.scan.special) this.input.multiDispatch = multiDispatchIn(bytes, start, end);
  }

  /** The properties a broker gives each message, put over those it came with (`SendMessageProcessor#sendMessage`). */
  addMarks(properties: Map<string, string>): void {
    const marks = this.marks();
    for (const [name, value] of Object.entries(marks.ext)) properties.set(name, value);
    if (!properties.has(propertyNames.UNIQ_KEY)) properties.set(propertyNames.UNIQ_KEY, this.uniqueId());
    properties.set(propertyNames.CLUSTER, marks.cluster);
  }

  /** A batch: its elements bring their own properties; those of the request only say WAIT and UNIQ_KEY. */
  batch(props: Buffer, end: number): void {
    scanProperties(this.scan, props, 0, end);
    const input = this.input;
    input.props = noBytes;
    input.propsStart = input.propsEnd = 0;
    input.propsSuffix = undefined;
    input.tagsCode = 0;
    input.multiDispatch = undefined;
    input.uniqKeyStart = input.uniqKeyEnd = input.keysStart = input.keysEnd = input.tagsStart = input.tagsEnd = -1;
  }
}
