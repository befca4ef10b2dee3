/** Topics of a cluster: made on all its brokers, listed as the name servers know them. */
import { isMap, listOf } from '../../codec/json-members.js';
import { readJson } from '../../compat/fastjson.js';
import { autoCreateKeyTopic } from '../broker/topic-names.js';
import { AdminError, type Cluster } from './cluster.js';

/** Read and write (`PermName`). */
const permReadWrite = 6;

/** `TopicMessageType`, but for what no topic is made as. */
export const messageTypes = ['NORMAL', 'FIFO', 'DELAY', 'TRANSACTION', 'MIXED', 'LITE', 'PRIORITY'] as const;
export type MessageType = (typeof messageTypes)[number];

export interface NewTopic {
  readonly topic: string;
  readonly queues: number;
  /** `message.type`; a gRPC client may send no other kind of message to it. Undefined: none is said, which means NORMAL. */
  readonly messageType: MessageType | undefined;
}

/** Makes the topic, or changes it, on the master of each broker of the cluster. The brokers' names. Throws AdminError with what a broker said. */
export async function createTopic(cluster: Cluster, { topic, queues, messageType }: NewTopic): Promise<readonly string[]> {
  const masters = await cluster.masters();
  if (masters.length === 0) throw new AdminError('no broker is registered with the name server');
  for (const { address } of masters) {
    await cluster.get(address, 'UPDATE_AND_CREATE_TOPIC', {
      topic, defaultTopic: autoCreateKeyTopic, readQueueNums: queues, writeQueueNums: queues, perm: permReadWrite, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0,
      order: String(false), ...(messageType === undefined ? {} : { attributes: `+message.type=${messageType}` }),
    });
  }
  return masters.map(({ name }) => name);
}

/** The names of all topics, the brokers' own among them, sorted. */
export async function listTopics(cluster: Cluster): Promise<readonly string[]> {
  const root = readJson((await cluster.askNameServer('GET_ALL_TOPIC_LIST_FROM_NAMESERVER', {})).body);
  if (!isMap(root)) throw new AdminError('the list of topics is no object');
  return listOf(root, 'topicList').filter((name) => typeof name === 'string').sort();
}
