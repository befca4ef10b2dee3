/** What the three programs use: a quiet logger, a topic that is made when it is missing, and the end of the SDK's clients. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Addresses from the command line: [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]. */
export const [broker = '127.0.0.1:10911', endpoints = '127.0.0.1:8081'] = process.argv.slice(2);

/** The SDK writes files otherwise. */
export const common = { endpoints, namespace: '', logger: { debug() {}, info() {}, warn() {}, error() {} } };

/**
 * UPDATE_AND_CREATE_TOPIC over the remoting protocol: length of what follows, length of the header (its first byte 0: JSON), header. With Apache's tools:
 *   mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t TOPIC -r QUEUES -w QUEUES -a +message.type=TYPE
 */
export function createTopic(topic, queues, type) {
  const [host, port] = broker.split(':');
  const header = Buffer.from(JSON.stringify({
    code: 17, language: 'OTHER', version: 513, opaque: 1, flag: 0, serializeTypeCurrentRPC: 'JSON',
    extFields: {
      topic, defaultTopic: 'TBW102', readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false',
      attributes: `+message.type=${type}`,
    },
  }));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(4 + header.length, 0);
  lengths.writeUInt32BE(header.length, 4);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) });
    let received = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 8 || received.length < 4 + received.readUInt32BE(0)) return;
      const answer = JSON.parse(received.toString('utf8', 8, 8 + (received.readUInt32BE(4) & 0xff_ff_ff)));
      socket.end();
      if (answer.code === 0) resolve();
      else reject(new Error(`${topic} is refused: ${answer.code} ${answer.remark}`));
    });
    socket.write(Buffer.concat([lengths, header]));
  });
}

/** How long a message that was taken is given to nobody else: longer than the work on it takes. The broker's least is 10 s. */
export const invisibleMs = 30_000;

/** Closing waits for what is under way, which may be a receive that waits for messages: not longer than this. */
export async function closeAll(...clients) {
  await Promise.race([Promise.all(clients.map((client) => client.shutdown())), sleep(3000)]);
  process.exit(0);
}
