/**
 * Bodies of REGISTER_BROKER as the tables take them. Total: a Refusal or a value. The forms themselves are codec/register-broker-body.ts;
 * here is which form a broker of which version sends, and what Apache makes of what is left out.
 */
import { readJson } from '../../compat/fastjson.js';
import { versions } from '../../compat/versions.js';
import { registerBrokerBody, topicConfigAndMappingSerializeWrapper } from '../../codec/bodies.js';
import type { RegisterBrokerBody, TopicConfig, TopicConfigAndMappingSerializeWrapper, TopicQueueMappingInfo } from '../../codec/bodies.js';
import { decodeRegisterBrokerBody } from '../../codec/register-broker-body.js';
import { Refusal } from '../../codec/errors.js';
import { isMap } from '../../codec/json-members.js';
import { responseCodes } from '../../codec/responses.js';
import type { DataVersion } from '../broker/types.js';
import { shown } from './limits.js';

/** What a route needs to know of a topic's configuration. */
export type RegisteredTopic = Pick<TopicConfig, 'readQueueNums' | 'writeQueueNums' | 'perm' | 'topicSysFlag'> & { readonly topicName: string };

/** Where the queues of a static topic live. */
export type QueueMapping = TopicQueueMappingInfo & { readonly topic: string; readonly bname: string };

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
  const old = version < versions.V3_0_11;
  if (body.length === 0) return { dataVersion: zeroVersion, topics: [], mappings: [], filterServers: old ? undefined : [] };
  try {
    if (old) return registrationOf(topicConfigAndMappingSerializeWrapper.decode(body), undefined);
    const read = compressed ? decodeRegisterBrokerBody(body, true, version) : readPlain(body);
    return registrationOf(read.topicConfigSerializeWrapper, read.filterServerList);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal(responseCodes.SYSTEM_ERROR, `Failed to decode RegisterBrokerBody, ${shown(why)}`);
  }
}

/** A list that is null is not the same as one that is missing, which is empty. */
function readPlain(body: Buffer): Omit<RegisterBrokerBody, 'filterServerList'> & { readonly filterServerList: readonly string[] | undefined } {
  const value = readJson(body);
  const read = registerBrokerBody.read(value, registerBrokerBody.name);
  return isMap(value) && value.get('filterServerList') === null ? { ...read, filterServerList: undefined } : read;
}

function registrationOf(wrapper: TopicConfigAndMappingSerializeWrapper, filterServers: readonly string[] | undefined): Registration {
  return {
    dataVersion: wrapper.dataVersion,
    topics: Array.from(wrapper.topicConfigTable.values(), (config) => ({ ...config, topicName: config.topicName ?? '' })),
    mappings: Array.from(wrapper.topicQueueMappingInfoMap.values(), (mapping) => ({ ...mapping, topic: mapping.topic ?? '', bname: mapping.bname ?? '' })),
    filterServers,
  };
}
