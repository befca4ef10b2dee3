/**
 * The official Node SDK of the gRPC kind under the suites' command: reads one JSON command a line from stdin, drives rocketmq-client-nodejs, prints one
 * JSON event a line. The form of commands and events is that of conformance/sdk/README.md. Run: node main.js HOST:PORT (of the gRPC endpoint).
 */
'use strict';

const { ConsumeResult, FilterExpression, Producer, PushConsumer, SimpleConsumer } = require('rocketmq-client-nodejs');
const readline = require('readline');

const [endpoints] = process.argv.slice(2);
const logger = { debug() {}, info() {}, warn() {}, error(...words) { console.error(...words.map(String)); } };
const common = { endpoints, namespace: '', logger };
const producers = new Map();
const consumers = new Map();

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

async function producerOf(topics, checker) {
  const name = [].concat(topics).join();
  if (!producers.has(name)) {
    const producer = new Producer({ ...common, topics: [].concat(topics), ...(checker ? { checker } : {}) });
    await producer.startup();
    producers.set(name, producer);
  }
  return producers.get(name);
}

const shown = (as, view) => ({
  event: 'received', as, topic: view.topic, key: view.keys[0], body: view.body.toString('utf8'), tag: view.tag, msgId: view.messageId, attempt: view.deliveryAttempt,
  group: view.messageGroup, properties: Object.fromEntries(view.properties ?? []), t: Date.now(),
});

const commands = {
  /** Starts a producer of several topics. */
  async producer({ topics }) {
    await producerOf(topics);
  },

  async send({ re, topic, messages }) {
    const producer = await producerOf(topic);
    for (const { key, body, tag, group, delayMs, properties } of messages) {
      const receipt = await producer.send({
        topic, body: Buffer.from(body), keys: [key], ...(tag === undefined ? {} : { tag }), ...(group === undefined ? {} : { messageGroup: group }),
        ...(properties === undefined ? {} : { properties: new Map(Object.entries(properties)) }), ...(delayMs === undefined ? {} : { deliveryTimestamp: new Date(Date.now() + delayMs) }),
      });
      say({ event: 'sent', re, key, msgId: receipt.messageId, offset: Number(receipt.offset), recallHandle: receipt.recallHandle, t: Date.now() });
    }
  },

  async recall({ re, topic, recallHandle }) {
    const receipt = await (await producerOf(topic)).recallMessage(topic, recallHandle);
    say({ event: 'recalled', re, msgId: receipt.messageId });
  },

  /** resolution: commit, rollback, or check (left open; the checker commits when it is asked). */
  async transaction({ re, topic, resolution, key, body }) {
    const producer = await producerOf(topic, { check: async (view) => {
      say({ event: 'checked', topic: view.topic, msgId: view.messageId, body: view.body.toString('utf8') });
      return 1; // TransactionResolution.COMMIT
    } });
    const transaction = producer.beginTransaction();
    const receipt = await producer.send({ topic, body: Buffer.from(body), keys: [key] }, transaction);
    say({ event: 'sent', re, key, msgId: receipt.messageId, transactionId: receipt.transactionId });
    if (resolution === 'commit') await transaction.commit();
    if (resolution === 'rollback') await transaction.rollback();
  },

  /** A simple consumer receives until so many came. settle: ack, none, or change (invisible for a second). */
  async receive({ re, group, topic, expression, expect, settle, waitMs }) {
    const name = `${group} ${topic}`;
    if (!consumers.has(name)) {
      const consumer = new SimpleConsumer({ ...common, consumerGroup: group, awaitDuration: 5000, subscriptions: new Map([[topic, new FilterExpression(expression ?? '*')]]) });
      await consumer.startup();
      consumers.set(name, consumer);
    }
    const consumer = consumers.get(name);
    const end = Date.now() + (waitMs ?? 20_000);
    for (let got = 0; got < expect && Date.now() < end;) {
      for (const view of await consumer.receive(16, 15_000)) {
        got++;
        say({ ...shown(name, view), re });
        if (settle === 'change') await consumer.changeInvisibleDuration(view, 1000);
        else if (settle !== 'none') await consumer.ack(view);
      }
    }
  },

  /** A push consumer; what it receives is said without `re`. fail: never or once (the first delivery of each). */
  async subscribe({ as, group, topic, expression, fail }) {
    const consumer = new PushConsumer({
      ...common, consumerGroup: group, subscriptions: new Map([[topic, new FilterExpression(expression ?? '*')]]),
      messageListener: { async consume(view) {
        const taken = !(fail === 'once' && view.deliveryAttempt === 1);
        say({ ...shown(as, view), taken });
        return taken ? ConsumeResult.SUCCESS : ConsumeResult.FAILURE;
      } },
    });
    await consumer.startup();
    consumers.set(as, consumer);
  },

  async stop() {
    for (const one of [...consumers.values(), ...producers.values()]) await one.shutdown();
    consumers.clear();
    producers.clear();
  },
};

async function obey(line) {
  const command = JSON.parse(line);
  if (command.do === 'exit') process.exit(0);
  try {
    const run = commands[command.do];
    if (run === undefined) throw new Error(`node-grpc has no ${command.do}`);
    await run(command);
    say({ event: 'done', re: command.re });
  } catch (error) {
    say({ event: 'error', re: command.re, message: error.stack ?? String(error) });
  }
}

process.on('unhandledRejection', (error) => console.error(String(error)));
readline.createInterface({ input: process.stdin }).on('line', (line) => void obey(line)).on('close', () => process.exit(0));
say({ event: 'ready', sdk: 'node-grpc' });
