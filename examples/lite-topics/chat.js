/**
 * Rooms of a chat as lite topics, with the official Node SDK: makes the parent topic and the group, sends to two rooms, and shows what a client gets that is
 * in one of them. With Apache's tools the first part is
 *   mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t Chat -r 2 -w 2 -a +message.type=LITE,+lite.topic.expiration=60
 *   mqadmin updateSubGroup -n 127.0.0.1:9876 -c DefaultCluster -g chat -o true -a +lite.bind.topic=Chat
 *
 *   node examples/lite-topics/chat.js [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]
 */
import { setTimeout } from 'node:timers/promises';
import { ConsumeResult, LitePushConsumerBuilder, OffsetOption, Producer } from 'rocketmq-client-nodejs';
import { ask, createTopic } from '../remoting.js';

const [broker = '127.0.0.1:10911', endpoints = '127.0.0.1:8081'] = process.argv.slice(2);
const [topic, group] = ['Chat', 'chat'];
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const common = { endpoints, namespace: '', logger };

await createTopic(broker, topic, 2, '+message.type=LITE,+lite.topic.expiration=60');
const updateAndCreateGroup = 200;
await ask(broker, updateAndCreateGroup, {}, JSON.stringify({ groupName: group, consumeMessageOrderly: true, attributes: { '+lite.bind.topic': topic } }));

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
