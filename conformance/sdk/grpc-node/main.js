/**
 * The official Node SDK (gRPC) under the suites' command; commands and events: conformance/sdk/README.md. Run: node main.js ENDPOINT, with
 * the library's folder in NODE_PATH.
 */
'use strict';

const { FilterExpression, LitePushConsumerBuilder, OffsetOption, Producer, PushConsumer, SimpleConsumer, ConsumeResult } = require('rocketmq-client-nodejs');
const readline = require('node:readline');

const [endpoints] = process.argv.slice(2);
const quiet = { debug() {}, info() {}, warn() {}, error(...words) { console.error(...words.map(String)); }, close() {} };
const common = { endpoints, namespace: '', logger: quiet, requestTimeout: 10000 };
const [commit, rollback] = [1, 2]; // TransactionResolution
const [tagFilter, sqlFilter] = [1, 2]; // FilterType
const producers = new Map();
const leave = new Map();
/** Consumers of lite topics. */
const lite = new Map();
const refused = new Set();

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

/** A message says itself what a check is told. */
async function check(message) {
  say({ event: 'checked', as: message.topic, topic: message.topic, key: message.keys[0] ?? '', t: Date.now() });
  return message.properties.get('answer') === 'commit' ? commit : rollback;
}

/** One for each topic: the library waits for the routes of all its topics. */
function producerOf(topic) {
  let producer = producers.get(topic);
  if (producer === undefined) {
    producer = (async () => {
      const made = new Producer({ ...common, topic, checker: { check } });
      await made.startup();
      return made;
    })();
    producers.set(topic, producer);
  }
  return producer;
}

function refuses({ as, group, fail, failEvery, failBefore }, key) {
  if (fail === 'always') return true;
  if (fail !== 'once' && fail !== 'nth') return false;
  if (fail === 'once' && !key.endsWith('0')) return false;
  const nth = Number(/\d+$/.exec(key)?.[0]);
  if (fail === 'nth' && (nth % failEvery !== failEvery - 1 || nth >= failBefore)) return false;
  const name = `${fail === 'once' ? as : group} ${key}`;
  if (refused.has(name)) return false;
  refused.add(name);
  return true;
}

function take(command, message) {
  const key = message.keys[0] ?? '';
  const taken = !refuses(command, key);
  say({ event: 'received', as: command.as, topic: message.topic, key, body: message.body.toString('utf8'), tag: message.tag || undefined, reconsume: (message.deliveryAttempt ?? 1) - 1, msgId: message.messageId, taken, t: Date.now(),
    shard: message.messageGroup || undefined, priority: message.priority, properties: Object.fromEntries(message.properties ?? []), bornHost: message.bornHost, lite: message.liteTopic || undefined });
  return taken;
}

async function poll(command, consumer, state) {
  while (!state.over) {
    try {
      for (const message of await consumer.receive(command.batch ?? 8, command.invisibleMs)) {
        if (!take(command, message)) {
          if (command.changeMs === undefined) continue;
          await consumer.changeInvisibleDuration(message, command.changeMs);
          say({ event: 'changed', as: command.as, key: message.keys[0] ?? '', t: Date.now() });
          continue;
        }
        const about = { event: 'acked', as: command.as, key: message.keys[0] ?? '' };
        await consumer.ack(message).then(() => say({ ...about, acknowledged: true }), (error) => say({ ...about, acknowledged: false, message: String(error) }));
      }
    } catch (error) {
      console.error(String(error));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const commands = {
  async send({ re, topic, mode, messages }) {
    const producer = await producerOf(topic);
    for (const { key, body, tag, shard, delayMs, decision, priority, properties, lite: liteTopic } of messages) {
      const t = Date.now();
      const message = {
        topic, body: Buffer.from(body), keys: [key], ...(tag === undefined ? {} : { tag }), ...(shard === undefined ? {} : { messageGroup: shard }),
        ...(priority === undefined ? {} : { priority }), ...(properties === undefined ? {} : { properties: new Map(Object.entries(properties)) }),
        ...(liteTopic === undefined ? {} : { liteTopic }),
        ...(delayMs === undefined ? {} : { deliveryTimestamp: new Date(t + delayMs) }),
      };
      let receipt;
      if (mode === 'transaction') {
        const transaction = producer.beginTransaction();
        receipt = await producer.send(message, transaction);
        if (decision === 'commit') await transaction.commit();
        if (decision === 'rollback') await transaction.rollback();
      } else receipt = await producer.send(message);
      say({ event: 'sent', re, key, acknowledged: true, msgId: receipt.messageId, recallHandle: receipt.recallHandle || undefined, t });
    }
  },

  /** Starts one producer of several topics, which may be used for none of them. */
  async producer({ topics }) {
    const made = new Producer({ ...common, topics });
    await made.startup();
    await made.shutdown();
  },

  async recall({ re, topic, recallHandle }) {
    const receipt = await (await producerOf(topic)).recallMessage(topic, recallHandle);
    say({ event: 'recalled', re, msgId: receipt.messageId });
  },

  async subscribe(command) {
    const { as, group, topic, expression, expressionType, style } = command;
    const subscriptions = new Map([[topic, new FilterExpression(expression ?? '*', expressionType === 'SQL92' ? sqlFilter : tagFilter)]]);
    if (style === 'lite') {
      const consumer = await new LitePushConsumerBuilder().setClientConfiguration(common).setConsumerGroup(group).bindTopic(topic)
        .setMessageListener({ consume: async (message) => (take(command, message) ? ConsumeResult.SUCCESS : ConsumeResult.FAILURE) }).build();
      lite.set(as, consumer);
      leave.set(as, () => consumer.close());
      return;
    }
    if (style === 'simple') {
      const consumer = new SimpleConsumer({ ...common, consumerGroup: group, subscriptions, awaitDuration: 1000 });
      await consumer.startup();
      const state = { over: false };
      const loop = poll(command, consumer, state);
      leave.set(as, async () => {
        state.over = true;
        await loop;
        await consumer.shutdown();
      });
      return;
    }
    const consumer = new PushConsumer({
      ...common, consumerGroup: group, subscriptions, messageListener: { consume: async (message) => (take(command, message) ? ConsumeResult.SUCCESS : ConsumeResult.FAILURE) },
    });
    await consumer.startup();
    leave.set(as, () => consumer.shutdown());
  },

  async subscribeLite({ as, lite: name, from }) {
    const consumer = lite.get(as);
    await (from === undefined ? consumer.subscribeLite(name) : consumer.subscribeLite(name, from === 'min' ? OffsetOption.MIN_OFFSET : OffsetOption.MAX_OFFSET));
  },

  async unsubscribeLite({ as, lite: name }) {
    await lite.get(as).unsubscribeLite(name);
  },

  async liteTopics({ re, as }) {
    say({ event: 'liteTopics', re, as, lites: [...lite.get(as).getLiteTopicSet()] });
  },

  async unsubscribe({ as }) {
    const end = leave.get(as);
    leave.delete(as);
    await end();
  },
};

async function obey(line) {
  const command = JSON.parse(line);
  if (command.do === 'exit') process.exit(0);
  try {
    const run = commands[command.do];
    if (run === undefined) throw new Error(`grpc-node has no ${command.do}`);
    await run(command);
    say({ event: 'done', re: command.re });
  } catch (error) {
    say({ event: 'error', re: command.re, message: error.stack ?? String(error) });
  }
}

process.on('unhandledRejection', (error) => console.error(String(error)));
readline.createInterface({ input: process.stdin }).on('line', (line) => void obey(line)).on('close', () => process.exit(0));
say({ event: 'ready', sdk: 'grpc-node' });
