/**
 * The Node SDK under the suites' command: reads one JSON command a line from stdin, drives the real ali-ons client, prints
 * one JSON event a line. The commands and events are those of conformance/sdk/README.md. Run: node main.js NAMESRV.
 */
'use strict';

const { Consumer, Producer, Message } = require('ali-ons');
const readline = require('readline');

const [namesrv] = process.argv.slice(2);
const quiet = { debug() {}, info() {}, warn() {}, error(...words) { console.error(...words.map(String)); }, write() {} };
// The library demands an HTTP client for looking name servers up; with nameSrv given it is never used.
const httpclient = { request() { return Promise.reject(new Error('no HTTP here')); } };
const common = { nameSrv: namesrv, logger: quiet, httpclient };
const consumers = new Map();
let producer;

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

async function ensureProducer() {
  if (producer === undefined) {
    producer = new Producer({ ...common, producerGroup: 'ali_ons_producer', instanceName: `p${process.pid}` });
    producer.on('error', (error) => console.error(String(error)));
    await producer.ready();
  }
  return producer;
}

const refused = new Set();

function refuses({ as, group, fail, failEvery, failBefore }, key) {
  if (fail === 'always') return true;
  if (fail === 'once' && !key.endsWith('0')) return false;
  const nth = Number(/\d+$/.exec(key)?.[0]);
  if (fail === 'nth' && (nth % failEvery !== failEvery - 1 || nth >= failBefore)) return false;
  if (fail !== 'once' && fail !== 'nth') return false;
  const name = `${fail === 'once' ? as : group} ${key}`;
  return refused.has(name) ? false : refused.add(name) !== undefined;
}

const commands = {
  async send({ re, topic, mode, messages }) {
    if (mode !== 'sync' && mode !== 'async') throw new Error(`ali-ons has no ${mode} send`);
    const from = await ensureProducer();
    const one = async ({ key, body, tag, delayLevel, properties }) => {
      const message = new Message(topic, tag ?? null, body);
      if (tag === undefined) delete message.properties.TAGS;
      message.keys = [key];
      Object.assign(message.properties, properties);
      if (delayLevel !== undefined) message.delayTimeLevel = delayLevel;
      const t = Date.now();
      const result = await from.send(message);
      say({ event: 'sent', re, key, acknowledged: result.sendStatus === 'SEND_OK', queueId: Number(result.messageQueue.queueId), offset: Number(result.queueOffset), msgId: result.msgId, t });
    };
    if (mode === 'async') await Promise.all(messages.map(one));
    else for (const message of messages) await one(message);
  },

  async subscribe(command) {
    const { as, group, topic, expression, expressionType, model, maxReconsume } = command;
    await ensureProducer(); // the library's hidden default producer shares the first client made; let it not be a consumer's
    const consumer = new Consumer({
      ...common, consumerGroup: group, instanceName: as, isBroadcast: model === 'broadcasting', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...(maxReconsume === undefined ? {} : { maxReconsumeTimes: maxReconsume }),
    });
    consumer.on('error', (error) => console.error(String(error)));
    consumer.subscribe(topic, expressionType === undefined ? expression ?? '*' : { expressionType, subString: expression }, async (message) => {
      const taken = !refuses(command, message.keys);
      say({
        event: 'received', as, topic: message.topic, key: message.keys, body: message.body.toString('utf8'), tag: message.tags ?? undefined, queueId: message.queueId,
        offset: Number(message.queueOffset), reconsume: message.reconsumeTimes, msgId: message.msgId, taken, t: Date.now(),
      });
      // not ACTION_RETRY: for a message from the retry topic the library drops the handler's answer, but not its error
      if (!taken) throw new Error('refused, as told');
    });
    consumers.set(as, { consumer, topic });
    await consumer.ready();
  },

  async assignment({ re, as }) {
    const { consumer, topic } = consumers.get(as);
    const queues = [...consumer.processQueueTable.values()].map((entry) => entry.messageQueue).filter((queue) => queue.topic === topic).map((queue) => queue.queueId);
    say({ event: 'assigned', re, as, queues });
  },

  async unsubscribe({ as }) {
    const { consumer } = consumers.get(as);
    consumers.delete(as);
    await consumer.close();
  },
};

async function obey(line) {
  const command = JSON.parse(line);
  if (command.do === 'exit') process.exit(0);
  try {
    const run = commands[command.do];
    if (run === undefined) throw new Error(`ali-ons has no ${command.do}`);
    await run(command);
    say({ event: 'done', re: command.re });
  } catch (error) {
    say({ event: 'error', re: command.re, message: error.stack ?? String(error) });
  }
}

process.on('unhandledRejection', (error) => console.error(String(error)));
readline.createInterface({ input: process.stdin }).on('line', (line) => void obey(line)).on('close', () => process.exit(0));
say({ event: 'ready', sdk: 'ali-ons' });
