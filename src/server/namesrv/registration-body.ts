/**
 * Bodies of REGISTER_BROKER: JSON, the older JSON without a wrapper, and the compressed form. Total: a Refusal or a value.
 *
 *   compressed = zlib stream of
 *     len32 + DataVersion JSON | count32, count x (len32 + TopicConfig text) | len32 + filter server list JSON
 *     | from V5_0_0: count32, count x (len32 + TopicQueueMappingInfo JSON)
 *   TopicConfig text: `topic readQueueNums writeQueueNums perm filterType [attributes JSON]`, parted by blanks
 */
import { inflateSync } from 'node:zlib';
import { JsonError, readJson, type JsonMap, type JsonValue } from '../../compat/fastjson.js';
import { parseJavaInt } from '../../compat/java-number.js';
import { versions } from '../../compat/versions.js';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import { readDataVersion } from '../broker/data-version.js';
import { boolOf, intOf, isMap, listOf, longOf, longValue, mapOf, textOf } from '../broker/json-view.js';
import type { DataVersion } from '../broker/types.js';
import { namesrvLimits, shown } from './limits.js';

/** What a route needs to know of a topic's configuration. */
export interface RegisteredTopic {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicSysFlag: number;
}

/** `TopicQueueMappingInfo`: where the queues of a static topic live. */
export interface QueueMapping {
  readonly topic: string;
  readonly scope: string | undefined;
  readonly totalQueues: number;
  readonly bname: string;
  readonly epoch: number;
  readonly dirty: boolean;
  readonly currIdMap: ReadonlyMap<number, number>;
}

export interface Registration {
  readonly dataVersion: DataVersion;
  readonly topics: readonly RegisteredTopic[];
  readonly mappings: readonly QueueMapping[];
  /** undefined = not said: what is known stays. */
  readonly filterServers: readonly string[] | undefined;
}

export const zeroVersion: DataVersion = { stateVersion: 0, timestamp: 0, counter: 0 };

/** `version` is the frame's: before V3_0_11 the body is the topic table alone (`DefaultRequestProcessor#registerBroker`). */
export function readRegistration(body: Buffer, compressed: boolean, version: number): Registration {
  try {
    if (body.length === 0) return { dataVersion: zeroVersion, topics: [], mappings: [], filterServers: version >= versions.V3_0_11 ? [] : undefined };
    if (version < versions.V3_0_11) return { ...readWrapper(object(readJson(body))), filterServers: undefined };
    return compressed ? readCompressed(body, version) : readPlain(body);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal(responseCodes.SYSTEM_ERROR, `Failed to decode RegisterBrokerBody, ${shown(why)}`);
  }
}

function object(value: JsonValue): JsonMap {
  if (!isMap(value)) throw new JsonError('not an object', 0);
  return value;
}

function readPlain(body: Buffer): Registration {
  const map = object(readJson(body));
  const filterServers = map.get('filterServerList') === null ? undefined : texts(listOf(map, 'filterServerList'));
  return { ...readWrapper(mapOf(map, 'topicConfigSerializeWrapper')), filterServers };
}

function readWrapper(wrapper: JsonMap): Omit<Registration, 'filterServers'> {
  const topics: RegisteredTopic[] = [];
  for (const value of mapOf(wrapper, 'topicConfigTable').values()) if (isMap(value)) topics.push(readTopicConfig(value));
  const mappings: QueueMapping[] = [];
  for (const value of mapOf(wrapper, 'topicQueueMappingInfoMap').values()) if (isMap(value)) mappings.push(readMapping(value));
  return { dataVersion: readDataVersion(mapOf(wrapper, 'dataVersion')), topics, mappings };
}

/** Defaults are `TopicConfig`'s field values. */
function readTopicConfig(map: JsonMap): RegisteredTopic {
  return {
    topicName: textOf(map, 'topicName') ?? '',
    readQueueNums: intOf(map, 'readQueueNums', 16),
    writeQueueNums: intOf(map, 'writeQueueNums', 16),
    perm: intOf(map, 'perm', 6),
    topicSysFlag: intOf(map, 'topicSysFlag', 0),
  };
}

function readMapping(map: JsonMap): QueueMapping {
  const currIdMap = new Map<number, number>();
  const ids = mapOf(map, 'currIdMap');
  for (const [key, value] of ids) {
    const from = typeof key === 'string' ? parseJavaInt(key) : undefined;
    const to = longValue(value);
    if (from !== undefined && to !== undefined) currIdMap.set(from, to);
  }
  return {
    topic: textOf(map, 'topic') ?? '',
    scope: textOf(map, 'scope'),
    totalQueues: intOf(map, 'totalQueues', 0),
    bname: textOf(map, 'bname') ?? '',
    epoch: longOf(map, 'epoch', 0),
    dirty: boolOf(map, 'dirty', false),
    currIdMap,
  };
}

function texts(values: readonly JsonValue[]): readonly string[] {
  return values.filter((value) => typeof value === 'string');
}

/** Reads length-prefixed parts; never past the end. */
class Parts {
  private at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  int(what: string): number {
    if (this.bytes.length - this.at < 4) throw new RangeError(`${what} is cut off`);
    const value = this.bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  /** A count of parts that have at least four bytes each. */
  count(what: string): number {
    const count = this.int(what);
    if (count < 0 || count > (this.bytes.length - this.at) / 4) throw new RangeError(`${what} ${count} is more than the body holds`);
    return count;
  }

  part(what: string): Buffer {
    const length = this.int(`length of ${what}`);
    if (length < 0 || length > this.bytes.length - this.at) throw new RangeError(`length of ${what} ${length} is outside 0..${this.bytes.length - this.at}`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

function readCompressed(body: Buffer, version: number): Registration {
  const parts = new Parts(inflateSync(body, { maxOutputLength: namesrvLimits.inflatedBytesMax }));
  const dataVersion = readDataVersion(object(readJson(parts.part('DataVersion'))));
  // A topic that comes twice counts once, the later one: Apache puts them into a map.
  const topics = new Map<string, RegisteredTopic>();
  for (let left = parts.count('count of topics'); left > 0; left--) {
    const topic = readTopicText(parts.part('TopicConfig').toString('utf8'));
    if (topic !== undefined) topics.set(topic.topicName, topic);
  }
  const servers = readJson(parts.part('filter server list'));
  const mappings: QueueMapping[] = [];
  if (version >= versions.V5_0_0) {
    for (let left = parts.count('count of queue mappings'); left > 0; left--) mappings.push(readMapping(object(readJson(parts.part('TopicQueueMappingInfo')))));
  }
  return { dataVersion, topics: [...topics.values()], mappings, filterServers: Array.isArray(servers) ? texts(servers as readonly JsonValue[]) : undefined };
}

/** Fewer than five words are no topic (`TopicConfig#decode`); a number that is none fails the whole body. */
function readTopicText(text: string): RegisteredTopic | undefined {
  const words = text.split(' ');
  const [topicName = ''] = words;
  if (words.length < 5) return undefined;
  const [readQueueNums, writeQueueNums, perm] = [1, 2, 3].map((i) => parseJavaInt(words[i] ?? ''));
  if (readQueueNums === undefined || writeQueueNums === undefined || perm === undefined) throw new RangeError(`malformed TopicConfig "${shown(text)}"`);
  return { topicName, readQueueNums, writeQueueNums, perm, topicSysFlag: 0 };
}
