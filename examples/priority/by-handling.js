/**
 * Priority by consumer handling: one ordinary topic; the consumer takes more than it works on, and works on the most urgent of what it has. The
 * priority may be anything that can be computed from a message, here a deadline; it is only compared within what one consumer holds.
 *
 *   node examples/priority/by-handling.js [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs';
import { closeAll, common, createTopic, invisibleMs } from '../shared.js';

const topic = 'JobsWithDeadline';
await createTopic(topic, 1, 'NORMAL');

const producer = new Producer({ ...common, topics: [topic] });
await producer.startup();
const jobs = [[90, 'tidy up'], [20, 'send invoice 1'], [30, 'send invoice 2'], [80, 'count visitors'], [1, 'stop the pump']];
for (const [minutes, text] of jobs) await producer.send({ topic, body: Buffer.from(text), properties: new Map([['deadlineMinutes', String(minutes)]]) });

const consumer = new SimpleConsumer({ ...common, consumerGroup: 'deadline-workers', subscriptions: new Map([[topic, '*']]), awaitDuration: 5000 });
await consumer.startup();

/** What was taken and is not done; the most that may be, because what waits here too long comes to somebody else as well. */
const heldMax = 64;
const held = [];
const deadline = (message) => Number(message.properties.get('deadlineMinutes') ?? Infinity);

/** Takes all the time, so that the choice is as wide as it may be. */
async function take() {
  for (;;) {
    if (held.length < heldMax) held.push(...await consumer.receive(Math.min(16, heldMax - held.length), invisibleMs));
    else await sleep(20);
  }
}
void take();

for (let done = 0; done < jobs.length; done++) {
  // Whoever has work to do does not wait for more; here the first jobs are given the time to come together.
  while (held.length === 0 || (done === 0 && held.length < jobs.length)) await sleep(20);
  held.sort((a, b) => deadline(a) - deadline(b));
  const job = held.shift();
  console.log(`in ${deadline(job)} minutes: ${job.body.toString()}`);
  // Only now: a job that was acknowledged before it was done would be lost with this process.
  await consumer.ack(job);
}
await closeAll(producer, consumer);
