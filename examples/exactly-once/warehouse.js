/**
 * A consumer: takes "order placed" and counts what was sold of each item. The broker gives a message at least once, and again when an acknowledgement did
 * not arrive; the effect and the note that the order is done are one transaction of the database, so each order counts once.
 *
 *   node warehouse.js --endpoints 127.0.0.1:8081 --db warehouse.db
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Database from 'libsql';
import { SimpleConsumer } from 'rocketmq-client-nodejs';
import { logger, startOrExit, topic } from './shared.js';

const { values: options } = parseArgs({ options: { endpoints: { type: 'string', default: '127.0.0.1:8081' }, db: { type: 'string', default: 'warehouse.db' } } });

/** How long a message that was taken is given to nobody else: longer than the work on it takes. The broker's least is 10 s. */
const invisibleMs = 10_000;

const db = new Database(options.db);
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS sold (item TEXT PRIMARY KEY, quantity INTEGER NOT NULL);
  -- The position of this consumer: which orders are done. deliveries only tells how often the broker gave the message.
  CREATE TABLE IF NOT EXISTS done (order_id TEXT PRIMARY KEY, deliveries INTEGER NOT NULL);
`);
const mark = db.prepare('INSERT INTO done (order_id, deliveries) VALUES (?, 1) ON CONFLICT DO NOTHING');
const count = db.prepare('UPDATE done SET deliveries = deliveries + 1 WHERE order_id = ?');
const sell = db.prepare('INSERT INTO sold (item, quantity) VALUES (?, ?) ON CONFLICT (item) DO UPDATE SET quantity = quantity + excluded.quantity');

/** Position and effect in one commit. */
const handle = db.transaction((order) => {
  if (mark.run(order.id).changes === 1) sell.run(order.item, order.quantity);
  else count.run(order.id);
}).immediate;

const consumer = new SimpleConsumer({
  endpoints: options.endpoints, namespace: '', consumerGroup: 'warehouse', subscriptions: new Map([[topic, '*']]), awaitDuration: 5000, logger,
});

await startOrExit(consumer);
console.log('ready');

let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
});

while (!stopping) {
  try {
    for (const message of await consumer.receive(16, invisibleMs)) {
      handle(JSON.parse(message.body.toString('utf8')));
      // Only now: a message acknowledged before its effect is stored would be lost with this process.
      await consumer.ack(message);
    }
  } catch (error) {
    console.error(`${error.message}; going on`);
    await sleep(200);
  }
}
await consumer.shutdown();
