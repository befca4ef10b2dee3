/**
 * Priority by topic: a topic for each priority, and a worker that looks into the next one only when there is nothing in those before. Works with every
 * release and every client; each priority has its own backlog, retention and consumers, and may get workers of its own.
 *
 *   node examples/priority/by-topic.js [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]
 */
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs';
import { closeAll, common, createTopic, invisibleMs } from './shared.js';

/** The most urgent first. */
const topics = ['JobsUrgent', 'JobsUsual', 'JobsWhenever'];
for (const topic of topics) await createTopic(topic, 2, 'NORMAL');

const producer = new Producer({ ...common, topics });
await producer.startup();
const jobs = [['JobsWhenever', 'tidy up'], ['JobsUsual', 'send invoice 1'], ['JobsUsual', 'send invoice 2'], ['JobsWhenever', 'count visitors'], ['JobsUrgent', 'stop the pump']];
for (const [topic, text] of jobs) await producer.send({ topic, body: Buffer.from(text) });

// A group for each topic: all clients of a group must subscribe to the same.
const consumers = topics.map((topic) => new SimpleConsumer({ ...common, consumerGroup: `workers-${topic}`, subscriptions: new Map([[topic, '*']]), awaitDuration: 1000 }));
for (const consumer of consumers) await consumer.startup();

/** The next job: of the first topic that has one. Only a look into the last may wait. */
async function next() {
  for (const consumer of consumers) {
    // One at a time: whatever is taken beyond that is no longer compared with what comes.
    const [message] = await consumer.receive(1, invisibleMs);
    if (message !== undefined) return { consumer, message };
  }
  return undefined;
}

for (let done = 0; done < jobs.length; ) {
  const job = await next();
  if (job === undefined) continue;
  console.log(`${job.message.topic}: ${job.message.body.toString()}`);
  await job.consumer.ack(job.message);
  done++;
}
await closeAll(producer, ...consumers);
