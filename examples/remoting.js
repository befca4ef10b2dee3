/** What the examples ask a broker over the remoting protocol, for which clients of gRPC have no words. */
import { connect } from 'node:net';

/**
 * One request: length of what follows, length of the header (its first byte 0: JSON), header, body. Rejects when the broker refuses it, or cannot be
 * reached.
 */
export function ask(broker, code, extFields, body = '') {
  const [host, port] = broker.split(':');
  const header = Buffer.from(JSON.stringify({ code, language: 'OTHER', version: 513, opaque: 1, flag: 0, serializeTypeCurrentRPC: 'JSON', extFields }));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(4 + header.length + Buffer.byteLength(body), 0);
  lengths.writeUInt32BE(header.length, 4);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) });
    let received = Buffer.alloc(0);
    socket.on('error', (error) => reject(new Error(`${broker}: ${error.message}`)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 8 || received.length < 4 + received.readUInt32BE(0)) return;
      const answer = JSON.parse(received.toString('utf8', 8, 8 + (received.readUInt32BE(4) & 0xff_ff_ff)));
      socket.end();
      if (answer.code === 0) resolve();
      else reject(new Error(`refused: ${answer.code} ${answer.remark}`));
    });
    socket.write(Buffer.concat([lengths, header, Buffer.from(body)]));
  });
}

const updateAndCreateTopic = 17;

/**
 * UPDATE_AND_CREATE_TOPIC. With Apache's tools:
 *   mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t TOPIC -r QUEUES -w QUEUES -a ATTRIBUTES
 */
export function createTopic(broker, topic, queues, attributes) {
  return ask(broker, updateAndCreateTopic, {
    topic, defaultTopic: 'TBW102', readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false', attributes,
  });
}
