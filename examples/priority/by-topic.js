/**
 * Priority by topic: a topic for each priority, and a worker that takes from one only when there is nothing in those before. Works with every
 * release and every client; each priority has its own backlog, retention and consumers, and may get workers of its own.
 *
 *   node examples/priority/by-topic.js [BROKER 127.0.0.1:10911] [GRPC 127.0.0.1:8081]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs';
import { closeAll, common, createTopic, invisibleMs } from '../shared.js';

/** The most urgent first. */
const topics = ['JobsUrgent', 'JobsUsual', 'JobsWhenever'];
for (const topic of topics) await createTopic(topic, 2, 'NORMAL');

const producer = new Producer({ ...common, topics });
await producer.startup();
const jobs = [['JobsWhenever', 'tidy up'], ['JobsUsual', 'send invoice 1'], ['JobsUsual', 'send invoice 2'], ['JobsWhenever', 'count visitors'], ['JobsUrgent', 'stop the pump']];
for (const [topic, text] of jobs) await producer.send({ topic, body: Buffer.from(text) });

// A group for each topic: all clients of a group must subscribe to the same.
const consumers = topics.map((topic) => new SimpleConsumer({ ...common, consumerGroup: `workers-${topic}`, subscriptions: new Map([[topic, '*']]), awaitDuration: 5000 }));
for (const consumer of consumers) await consumer.startup();

/** A topic that has not answered for so long after it was asked has nothing, ms. */
const emptyMs = 1000;

/** One topic: asked all the time, and at most one of its messages is held. More would no longer be compared with what comes. */
class Look {
  constructor(consumer) {
    this.consumer = consumer;
    this.ask();
  }

  ask() {
    this.held = undefined;
    this.since = Date.now();
    this.answered = this.receive();
  }

  async receive() {
    while (this.held === undefined) [this.held] = await this.consumer.receive(1, invisibleMs);
  }

  get isEmpty() {
    return this.held === undefined && Date.now() - this.since > emptyMs;
  }
}

const looks = consumers.map((consumer) => new Look(consumer));

/** The topic whose message is next: the first that has one, once those before it are known to have none. */
async function next() {
  for (;;) {
    const first = looks.find((look) => !look.isEmpty);
    if (first?.held !== undefined) return first;
    await Promise.race([...looks.filter((look) => look.held === undefined).map((look) => look.answered), sleep(50)]);
  }
}

for (let done = 0; done < jobs.length; done++) {
  const look = await next();
  console.log(`${look.held.topic}: ${look.held.body.toString()}`);
  await look.consumer.ack(look.held);
  look.ask();
}
await closeAll(producer, ...consumers);
