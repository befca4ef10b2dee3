/**
 * POP: the broker gives out single messages instead of queues. What a worker takes is given to nobody else for its invisible time; acknowledged it is gone, otherwise it
 * comes back to whichever worker asks then. Here a job fails once and is put off.
 *
 *   node examples/pop/worker.js [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]
 */
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs';
import { closeAll, common, createTopic, invisibleMs } from '../shared.js';

const topic = 'PoppedJobs';
await createTopic(topic, 2, 'NORMAL');

const producer = new Producer({ ...common, topics: [topic] });
await producer.startup();
const jobs = ['easy', 'hard'];
for (const job of jobs) await producer.send({ topic, body: Buffer.from(job) });

const consumer = new SimpleConsumer({ ...common, consumerGroup: 'pop-workers', subscriptions: new Map([[topic, '*']]), awaitDuration: 5000 });
await consumer.startup();
for (let done = 0; done < jobs.length; ) {
  for (const message of await consumer.receive(4, invisibleMs)) {
    const job = message.body.toString();
    if (job === 'hard' && message.deliveryAttempt === 1) {
      console.log('hard: not now');
      await consumer.changeInvisibleDuration(message, 10_000); // the least a broker takes
      continue;
    }
    await consumer.ack(message);
    console.log(`${job}: done at attempt ${message.deliveryAttempt}`);
    done++;
  }
}
await closeAll(producer, consumer);
