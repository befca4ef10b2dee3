/** What the programs over gRPC use: a quiet logger, a topic that is made when it is missing, and the end of the SDK's clients. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createTopic as createTopicOn } from './remoting.js';

/** Addresses from the command line: [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]. */
export const [broker = '127.0.0.1:10911', endpoints = '127.0.0.1:8081'] = process.argv.slice(2);

/** The SDK writes files otherwise. */
export const common = { endpoints, namespace: '', logger: { debug() {}, info() {}, warn() {}, error() {} } };

/** Makes a topic of a type. */
export const createTopic = (topic, queues, type) => createTopicOn(broker, topic, queues, `+message.type=${type}`);

/** How long a message that was taken is given to nobody else: longer than the work on it takes. The broker's least is 10 s. */
export const invisibleMs = 30_000;

/** Closing waits for what is under way, which may be a receive that waits for messages: not longer than this. */
export async function closeAll(...clients) {
  await Promise.race([Promise.all(clients.map((client) => client.shutdown())), sleep(3000)]);
  process.exit(0);
}
