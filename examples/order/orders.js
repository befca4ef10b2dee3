/**
 * Order: what happens to one order of a shop is worked on in the order in which it happened, different orders beside each other. Messages with the same message group
 * are in one queue; a group that consumes in order is given the next of a queue when those before are acknowledged.
 *
 *   node examples/order/orders.js [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]
 */
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs';
import { ask } from '../remoting.js';
import { broker, closeAll, common, createTopic, invisibleMs } from '../shared.js';

const [topic, group] = ['OrderEvents', 'order-workers'];
await createTopic(topic, 4, 'FIFO');
const updateAndCreateGroup = 200;
await ask(broker, updateAndCreateGroup, {}, JSON.stringify({ groupName: group, consumeMessageOrderly: true }));

const producer = new Producer({ ...common, topics: [topic] });
await producer.startup();
const orders = ['order 1', 'order 2', 'order 3'];
const steps = ['placed', 'paid', 'shipped'];
// One after the other: the order is that in which the broker acknowledged them.
for (const step of steps) for (const messageGroup of orders) await producer.send({ topic, messageGroup, body: Buffer.from(step) });

const consumer = new SimpleConsumer({ ...common, consumerGroup: group, subscriptions: new Map([[topic, '*']]), awaitDuration: 5000 });
await consumer.startup();
for (let done = 0; done < orders.length * steps.length; ) {
  for (const message of await consumer.receive(4, invisibleMs)) {
    console.log(`${message.messageGroup}: ${message.body.toString()}`);
    await consumer.ack(message);
    done++;
  }
}
await closeAll(producer, consumer);
