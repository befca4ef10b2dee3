/**
 * Priority by consumer handling: one ordinary topic; the consumer takes more than it works on, and works on the most urgent of what it has. The
 * priority may be anything that can be computed from a message, here a deadline; it is only compared within what one consumer holds.
 *
 *   node examples/priority/by-handling.js [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]
 */
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs';
import { closeAll, common, createTopic, invisibleMs } from './shared.js';

const topic = 'JobsWithDeadline';
await createTopic(topic, 1, 'NORMAL');

const producer = new Producer({ ...common, topics: [topic] });
await producer.startup();
const jobs = [[90, 'tidy up'], [20, 'send invoice 1'], [30, 'send invoice 2'], [80, 'count visitors'], [1, 'stop the pump']];
for (const [minutes, text] of jobs) await producer.send({ topic, body: Buffer.from(text), properties: new Map([['deadlineMinutes', String(minutes)]]) });

const consumer = new SimpleConsumer({ ...common, consumerGroup: 'deadline-workers', subscriptions: new Map([[topic, '*']]), awaitDuration: 1000 });
await consumer.startup();

/** What was taken and is not done; the most that may be, because what waits here too long comes to somebody else as well. */
const heldMax = 64;
const held = [];
const deadline = (message) => Number(message.properties.get('deadlineMinutes') ?? Infinity);

for (let done = 0; done < jobs.length; ) {
  // Fill up first, as long as there is something: the wider the choice, the better the order.
  for (let taken; held.length < heldMax; ) {
    taken = await consumer.receive(Math.min(16, heldMax - held.length), invisibleMs);
    held.push(...taken);
    if (taken.length === 0) break;
  }
  held.sort((a, b) => deadline(a) - deadline(b));
  const job = held.shift();
  if (job === undefined) continue;
  console.log(`in ${deadline(job)} minutes: ${job.body.toString()}`);
  // Only now: a job that was acknowledged before it was done would be lost with this process.
  await consumer.ack(job);
  done++;
}
await closeAll(producer, consumer);
