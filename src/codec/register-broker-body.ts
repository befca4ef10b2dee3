/**
 * A topic's text form and the compressed form of RegisterBrokerBody, which 5.x brokers can still send (`compressed=true`).
 * The JSON form is bodies.ts; what a registration does is the name server's business.
 *
 *   zlib( len32 + DataVersion JSON | topics int32 | topics x (len32 + topic text) | len32 + filter servers JSON
 *         | from V5_0_0 on: mappings int32 | mappings x (len32 + TopicQueueMappingInfo JSON) )
 *   topic text: name SP readQueueNums SP writeQueueNums SP perm SP topicFilterType SP attributes JSON
 */
import { deflateSync, inflateSync } from 'node:zlib';
import { readJson, writeJson } from '../compat/fastjson.js';
import { parseJavaInt } from '../compat/java-number.js';
import { versions } from '../compat/versions.js';
import { dataVersion, registerBrokerBody, topicQueueMappingInfo } from './bodies.js';
import type { RegisterBrokerBody, TopicConfig, TopicQueueMappingInfo } from './bodies.js';
import { Refusal } from './errors.js';
import { responseCodes } from './responses.js';

/** Most bytes a compressed registration may inflate to: four frames' worth. */
export const registrationBytesMax = 67_108_864;

function refuse(what: string): never {
  throw new Refusal(responseCodes.SYSTEM_ERROR, `RegisterBrokerBody: ${what}`);
}

/** `TopicConfig#encode`. order and topicSysFlag are not part of it. */
export function topicText(config: TopicConfig): string {
  return `${config.topicName ?? 'null'} ${config.readQueueNums} ${config.writeQueueNums} ${config.perm} ${config.topicFilterType} ${writeJson(config.attributes)}`;
}

/** `TopicConfig#decode`. Attributes that hold a blank do not survive Apache's splitting and are dropped here as there. Refusal when it is none. */
export function parseTopicText(line: string): TopicConfig {
  const parts = line.split(' ');
  const [topicName, read, write, perm, filterType, attributeText] = parts;
  if (topicName === undefined || topicName === '' || parts.length < 5) return refuse(`a topic has at least 5 parts, this one has ${parts.length}`);
  if (filterType !== 'SINGLE_TAG' && filterType !== 'MULTI_TAG') return refuse(`topicFilterType of a topic is neither SINGLE_TAG nor MULTI_TAG`);
  const number = (name: string, text: string | undefined): number => parseJavaInt(text ?? '') ?? refuse(`${name} of a topic is outside -2147483648..2147483647`);
  return {
    topicName, readQueueNums: number('readQueueNums', read), writeQueueNums: number('writeQueueNums', write), perm: number('perm', perm),
    topicFilterType: filterType, attributes: attributesOf(attributeText), order: false, topicSysFlag: 0,
  };
}

function attributesOf(text: string | undefined): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  try {
    const value = text === undefined ? null : readJson(text);
    if (value instanceof Map) {
      for (const [key, member] of value) if (typeof key === 'string' && typeof member === 'string') attributes.set(key, member);
    }
  } catch {
    // As in Apache, a topic whose attributes cannot be read keeps the rest of its configuration.
  }
  return attributes;
}

/** Either form of the body. Refusal when it cannot be read or inflates beyond `bytesMax`. */
export function decodeRegisterBrokerBody(bytes: Uint8Array, compressed: boolean, brokerVersion: number, bytesMax = registrationBytesMax): RegisterBrokerBody {
  if (!compressed) return registerBrokerBody.decode(bytes);
  const reader = new LengthReader(inflated(bytes, bytesMax));
  const version = dataVersion.decode(reader.text('dataVersion'));
  const topicConfigTable = new Map<string, TopicConfig>();
  for (let left = reader.count('topics'); left > 0; left--) {
    const config = parseTopicText(reader.text('topic'));
    topicConfigTable.set(config.topicName as string, config);
  }
  const filterServers = reader.text('filterServerList');
  const topicQueueMappingInfoMap = new Map<string, TopicQueueMappingInfo>();
  if (brokerVersion >= versions.V5_0_0) {
    for (let left = reader.count('topicQueueMappingInfoMap'); left > 0; left--) {
      const info = topicQueueMappingInfo.decode(reader.text('topicQueueMappingInfo'));
      if (info.topic !== undefined) topicQueueMappingInfoMap.set(info.topic, info);
    }
  }
  return {
    filterServerList: filterServerList(filterServers),
    topicConfigSerializeWrapper: { dataVersion: version, topicConfigTable, topicQueueMappingInfoMap, topicQueueMappingDetailMap: new Map() },
  };
}

/** Filter servers are history: a list that cannot be read is an empty one (`RegisterBrokerBody#decode`). */
function filterServerList(text: string): readonly string[] {
  try {
    const value = readJson(text);
    return Array.isArray(value) ? (value as readonly unknown[]).filter((item): item is string => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

function inflated(bytes: Uint8Array, bytesMax: number): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') return refuse(`inflates to more than ${bytesMax} bytes`);
    return refuse(`is not a zlib stream: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Length-prefixed parts of the inflated form. */
class LengthReader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** A count of parts, each of at least 4 bytes. */
  count(name: string): number {
    const left = this.bytes.length - this.at;
    if (left < 4) return refuse(`ends before the count of ${name}`);
    const count = this.bytes.readInt32BE(this.at);
    this.at += 4;
    if (count < 0 || count > (left - 4) / 4) return refuse(`count of ${name} ${count} is outside 0..${Math.floor((left - 4) / 4)}`);
    return count;
  }

  text(name: string): string {
    const left = this.bytes.length - this.at;
    if (left < 4) return refuse(`ends before the length of ${name}`);
    const length = this.bytes.readInt32BE(this.at);
    this.at += 4;
    if (length < 0 || length > left - 4) return refuse(`length of ${name} ${length} is outside 0..${left - 4}`);
    const text = this.bytes.toString('utf8', this.at, this.at + length);
    this.at += length;
    return text;
  }
}

/** The compressed form. `topicQueueMappingDetailMap` and `mappingDataVersion` are not part of it. */
export function encodeCompressedRegisterBrokerBody(value: RegisterBrokerBody): Buffer {
  const parts: Buffer[] = [];
  const push = (text: string): void => {
    const bytes = Buffer.from(text);
    parts.push(int32(bytes.length), bytes);
  };
  const wrapper = value.topicConfigSerializeWrapper;
  push(writeJson(dataVersion.write(wrapper.dataVersion)));
  parts.push(int32(wrapper.topicConfigTable.size));
  for (const config of wrapper.topicConfigTable.values()) push(topicText(config));
  push(writeJson(value.filterServerList));
  parts.push(int32(wrapper.topicQueueMappingInfoMap.size));
  for (const info of wrapper.topicQueueMappingInfoMap.values()) push(writeJson(topicQueueMappingInfo.write(info)));
  // `Deflater.BEST_COMPRESSION`
  return deflateSync(Buffer.concat(parts), { level: 9 });
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}
