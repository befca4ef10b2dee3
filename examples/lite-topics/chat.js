/**
 * Rooms of a chat as lite topics, with the official Node SDK: makes the parent topic and the group, sends to two rooms, and shows what a client gets that is
 * in one of them. With Apache's tools the first part is
 *   mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t Chat -r 2 -w 2 -a +message.type=LITE,+lite.topic.expiration=60
 *   mqadmin updateSubGroup -n 127.0.0.1:9876 -c DefaultCluster -g chat -o true -a +lite.bind.topic=Chat
 *
 *   node examples/lite-topics/chat.js [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]
 */
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { ConsumeResult, LitePushConsumerBuilder, OffsetOption, Producer } from 'rocketmq-client-nodejs';

const [broker = '127.0.0.1:10911', endpoints = '127.0.0.1:8081'] = process.argv.slice(2);
const [topic, group] = ['Chat', 'chat'];
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const common = { endpoints, namespace: '', logger };

/** One request over the remoting protocol: length of what follows, length of the header (its first byte 0: JSON), header, body. */
function ask(code, extFields, body = '') {
  const [host, port] = broker.split(':');
  const header = Buffer.from(JSON.stringify({ code, language: 'OTHER', version: 513, opaque: 1, flag: 0, serializeTypeCurrentRPC: 'JSON', extFields }));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(4 + header.length + Buffer.byteLength(body), 0);
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
      else reject(new Error(`refused: ${answer.code} ${answer.remark}`));
    });
    socket.write(Buffer.concat([lengths, header, Buffer.from(body)]));
  });
}

const [updateAndCreateTopic, updateAndCreateGroup] = [17, 200];
await ask(updateAndCreateTopic, {
  topic, defaultTopic: 'TBW102', readQueueNums: '2', writeQueueNums: '2', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false',
  attributes: '+message.type=LITE,+lite.topic.expiration=60',
});
await ask(updateAndCreateGroup, {}, JSON.stringify({ groupName: group, consumeMessageOrderly: true, attributes: { '+lite.bind.topic': topic } }));

let done = () => {};
const allRead = new Promise((resolve) => (done = resolve));
const consumer = await new LitePushConsumerBuilder().setClientConfiguration(common).setConsumerGroup(group).bindTopic(topic).setMessageListener({
  consume: async (message) => {
    console.log(`${message.liteTopic}: ${message.body.toString()}`);
    if (message.body.toString() === 'bye') done();
    return ConsumeResult.SUCCESS;
  },
}).build();
await consumer.subscribeLite('room-7', OffsetOption.MIN_OFFSET);

const producer = new Producer({ ...common, topics: [topic] });
await producer.startup();
for (const [liteTopic, text] of [['room-7', 'hello'], ['room-8', 'nobody hears this'], ['room-7', 'bye']]) {
  await producer.send({ topic, liteTopic, body: Buffer.from(text) });
}
await allRead;
// Closing waits for the receive that is under way: 20 seconds.
await Promise.race([Promise.all([consumer.close(), producer.shutdown()]), setTimeout(3000)]);
process.exit(0);
