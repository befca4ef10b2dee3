/**
 * Creates the topic of this example: 2 queues, of type TRANSACTION. Brokers do not create topics for transactional messages by themselves.
 * The same with Apache's tools: mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t OrderPlaced -r 2 -w 2 -a +message.type=TRANSACTION
 *
 *   node create-topic.js --broker 127.0.0.1:10911
 */
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { topic } from './shared.js';

const { values: options } = parseArgs({ options: { broker: { type: 'string', default: '127.0.0.1:10911' } } });
const [host, port] = options.broker.split(':');

/** A frame: length of what follows, length of the header (its first byte 0: JSON), header. */
function frame(header) {
  const bytes = Buffer.from(JSON.stringify(header));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(4 + bytes.length, 0);
  lengths.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([lengths, bytes]);
}

const updateAndCreateTopic = 17;
const socket = connect({ host, port: Number(port) });
socket.on('error', (error) => {
  console.error(`${options.broker}: ${error.message}`);
  process.exitCode = 1;
});
socket.write(frame({
  code: updateAndCreateTopic, language: 'OTHER', version: 513, opaque: 1, flag: 0, serializeTypeCurrentRPC: 'JSON',
  extFields: {
    topic, defaultTopic: 'TBW102', readQueueNums: '2', writeQueueNums: '2', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false',
    attributes: '+message.type=TRANSACTION',
  },
}));
let received = Buffer.alloc(0);
socket.on('data', (chunk) => {
  received = Buffer.concat([received, chunk]);
  if (received.length < 8) return;
  const headerLength = received.readUInt32BE(4) & 0xff_ff_ff;
  if (received.length < 8 + headerLength) return;
  const answer = JSON.parse(received.toString('utf8', 8, 8 + headerLength));
  if (answer.code === 0) console.log(`${topic} is there`);
  else console.error(`refused: ${answer.code} ${answer.remark}`);
  process.exitCode = answer.code === 0 ? 0 : 1;
  socket.end();
});
