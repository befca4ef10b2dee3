/**
 * An order service: PUT /orders/ID stores the order and sends the message "order placed", both or neither, whenever this process or the broker dies.
 *
 *   node order-service.js --endpoints 127.0.0.1:8081 --db orders.db --port 8090
 *   curl -X PUT localhost:8090/orders/o1 -d '{"item":"pen","quantity":3}'
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import Database from 'libsql';
import { Producer } from 'rocketmq-client-nodejs';
import { logger, startOrExit, topic } from './shared.js';

const { values: options } = parseArgs({
  options: { endpoints: { type: 'string', default: '127.0.0.1:8081' }, db: { type: 'string', default: 'orders.db' }, port: { type: 'string', default: '8090' } },
});

/** `TransactionResolution` of the gRPC schema. */
const commit = 1;
const rollback = 2;

const db = new Database(options.db);
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, item TEXT NOT NULL, quantity INTEGER NOT NULL);
  -- How each attempt to place an order ended. It is written once and never changed: the broker may ask again at any time.
  CREATE TABLE IF NOT EXISTS attempts (id TEXT PRIMARY KEY, outcome TEXT NOT NULL CHECK (outcome IN ('placed', 'duplicate', 'abandoned')));
`);
const insertOrder = db.prepare('INSERT INTO orders (id, item, quantity) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
const decide = db.prepare('INSERT INTO attempts (id, outcome) VALUES (?, ?) ON CONFLICT DO NOTHING');
const outcomeOf = db.prepare('SELECT outcome FROM attempts WHERE id = ?');

/** The local transaction: the order and the outcome of the attempt in one commit. An attempt that was given up before it came here places nothing. */
const place = db.transaction((attempt, order) => {
  const decided = outcomeOf.get(attempt)?.outcome;
  if (decided !== undefined) return decided;
  const outcome = insertOrder.run(order.id, order.item, order.quantity).changes === 1 ? 'placed' : 'duplicate';
  decide.run(attempt, outcome);
  return outcome;
}).immediate;

/** The broker never heard how an attempt ended and asks. An attempt nobody knows is given up now, so that it cannot succeed later. */
const check = db.transaction((attempt) => {
  decide.run(attempt, 'abandoned');
  return outcomeOf.get(attempt).outcome === 'placed' ? commit : rollback;
}).immediate;

const producer = new Producer({
  endpoints: options.endpoints,
  namespace: '',
  topics: [topic],
  logger,
  checker: {
    async check(message) {
      const resolution = check(message.properties.get('attempt'));
      console.log(`asked about the order ${message.keys[0]}: ${resolution === commit ? 'commit' : 'rollback'}`);
      return resolution;
    },
  },
});

async function placeOrder(order) {
  const attempt = randomUUID();
  const transaction = producer.beginTransaction();
  // 1. The half message: stored by the broker, seen by no consumer.
  await producer.send({ topic, keys: [order.id], properties: new Map([['attempt', attempt]]), body: Buffer.from(JSON.stringify(order)) }, transaction);
  // 2. The local transaction. From here on everything is decided.
  const outcome = place(attempt, order);
  // 3. The broker hears of it; when it does not, it asks (check, above). So an error here is no error of the order's.
  await (outcome === 'placed' ? transaction.commit() : transaction.rollback()).catch((error) => console.error(`the broker will ask about ${order.id}: ${error.message}`));
  return outcome;
}

async function readJson(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 10_000) throw new SyntaxError('too long');
  }
  return JSON.parse(text);
}

const server = createServer((request, response) => {
  const answer = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  const id = /^\/orders\/([\w-]{1,64})$/.exec(request.url)?.[1];
  if (request.method !== 'PUT' || id === undefined) return void answer(404, { error: 'PUT /orders/ID' });
  void (async () => {
    const { item, quantity } = await readJson(request);
    if (typeof item !== 'string' || !Number.isSafeInteger(quantity) || quantity < 1) throw new SyntaxError('an order has an item and a quantity of 1 or more');
    const outcome = await placeOrder({ id, item, quantity });
    // Whoever got no answer asks again with the same ID, and is told that the order is there.
    if (outcome === 'abandoned') return answer(503, { error: 'too late, try again' });
    return answer(outcome === 'placed' ? 201 : 200, { id, outcome });
  })().catch((error) => answer(error instanceof SyntaxError ? 400 : 503, { error: error.message }));
});

await startOrExit(producer);
server.listen(Number(options.port), '127.0.0.1', () => console.log(`ready port=${server.address().port}`));

process.on('SIGTERM', () => {
  server.close(() => {
    void producer.shutdown().then(() => process.exit(0));
  });
});
