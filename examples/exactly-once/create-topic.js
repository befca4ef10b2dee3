/**
 * Creates the topic of this example: 2 queues, of type TRANSACTION. Brokers do not create topics for transactional messages by themselves.
 * The same with Apache's tools: mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t OrderPlaced -r 2 -w 2 -a +message.type=TRANSACTION
 *
 *   node create-topic.js --broker 127.0.0.1:10911
 */
import { parseArgs } from 'node:util';
import { createTopic } from '../remoting.js';
import { topic } from './shared.js';

const { values: options } = parseArgs({ options: { broker: { type: 'string', default: '127.0.0.1:10911' } } });

try {
  await createTopic(options.broker, topic, 2, '+message.type=TRANSACTION');
  console.log(`${topic} is there`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
