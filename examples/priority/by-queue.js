/**
 * Priority by queue, since 5.4: in a topic of type PRIORITY the priority of a message is its queue, and whoever pops is given the highest queue that has
 * something. One topic, one group, nothing to do for the consumer; as many priorities as queues, 0 the lowest.
 *
 *   node examples/priority/by-queue.js [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]
 */
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs';
import { closeAll, common, createTopic, invisibleMs } from '../shared.js';

const topic = 'JobsByPriority';
await createTopic(topic, 4, 'PRIORITY');

const producer = new Producer({ ...common, topics: [topic] });
await producer.startup();
const jobs = [[1, 'tidy up'], [2, 'send invoice 1'], [2, 'send invoice 2'], [1, 'count visitors'], [3, 'stop the pump']];
for (const [priority, text] of jobs) await producer.send({ topic, priority, body: Buffer.from(text) });

const consumer = new SimpleConsumer({ ...common, consumerGroup: 'priority-workers', subscriptions: new Map([[topic, '*']]), awaitDuration: 5000 });
await consumer.startup();
for (let done = 0; done < jobs.length; ) {
  // One at a time: within what is taken at once the order is kept, but what comes later cannot overtake it.
  for (const message of await consumer.receive(1, invisibleMs)) {
    console.log(`${message.priority}: ${message.body.toString()}`);
    await consumer.ack(message);
    done++;
  }
}
await closeAll(producer, consumer);
