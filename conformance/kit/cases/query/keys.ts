/** QUERY_MESSAGE: the key index. It is built a moment after the send: cases wait until it has what they look for. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { req, res } from '../../codes.js';
import { code, equal, intField, isTrue, present } from '../../expect.js';
import { decodeRecords, type StoredMessage } from '../../wire/record.js';

/** The messages found by `key`, once there are at least `count`. */
function found(t: Context, topic: string, key: string, count = 1, options: Parameters<Context['queryByKey']>[2] = {}): Promise<readonly StoredMessage[]> {
  return t.until(`${count} messages with key ${key}`, async () => {
    const { messages } = await t.queryByKey(topic, key, options);
    return messages.length >= count ? messages : undefined;
  });
}

const bodies = (messages: readonly StoredMessage[]): string[] => messages.map((message) => message.body.toString());

export const cases = defineCases('query', [
  {
    name: 'query.by-key',
    requirement: 'QUERY_MESSAGE finds the messages of a topic that have the key, and no others.',
    level: 'MUST',
    source: 'IndexService#queryOffset',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'one', keys: 'k1' });
      await t.sendOk(topic, { body: 'other', keys: 'k2' });
      await t.sendOk(topic, { body: 'two', keys: 'k1', queueId: 1 });
      equal(bodies(await found(t, topic, 'k1', 2)), ['one', 'two'], 'bodies');
    },
  },
  {
    name: 'query.each-of-several-keys',
    requirement: 'A message with several keys, separated by any number of blanks, is found by each of them.',
    level: 'MUST',
    source: 'IndexService#buildIndex, KEY_SEPARATOR',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'm', keys: ' first  second third ' });
      for (const key of ['third', 'second', 'first']) equal(bodies(await found(t, topic, key)), ['m'], `bodies found by ${key}`);
    },
  },
  {
    name: 'query.whole-keys-only',
    requirement: 'A message is found neither by part of a key, nor by several keys in one, nor by the key in another case.',
    level: 'MUST',
    source: 'IndexService#buildKey',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { keys: 'first second' });
      await found(t, topic, 'second');
      for (const key of ['fir', 'first second', 'FIRST']) code(await t.queryByKey(topic, key), res.QUERY_NOT_FOUND, `query of ${key}`);
    },
  },
  {
    name: 'query.other-topic',
    requirement: 'A key is looked for in its topic only.',
    level: 'MUST',
    source: 'IndexService#buildKey',
    async run(t) {
      const [one, other] = [await t.topic({ suffix: 'one' }), await t.topic({ suffix: 'other' })];
      await t.sendOk(one, { body: 'in one', keys: 'same' });
      await t.sendOk(other, { body: 'in other', keys: 'same' });
      equal([bodies(await found(t, one, 'same')), bodies(await found(t, other, 'same'))], [['in one'], ['in other']], 'bodies by topic');
    },
  },
  {
    name: 'query.nothing-found',
    requirement: 'A query that finds nothing is answered QUERY_NOT_FOUND, also for an unknown topic.',
    level: 'MUST',
    source: 'QueryMessageProcessor#queryMessage',
    async run(t) {
      for (const topic of [await t.topic(), t.topicName()]) {
        const answer = await t.queryByKey(topic, 'none');
        code(answer, res.QUERY_NOT_FOUND, `query in ${topic}`);
        equal([answer.remark, answer.body.length], ['can not find message, maybe time range not correct', 0], 'remark and body length');
      }
    },
  },
  {
    name: 'query.max-takes-newest',
    requirement: 'With fewer wanted (maxNum) than there are, the newest are found, oldest first.',
    level: 'MUST',
    source: 'IndexFile#selectPhyOffset',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 4, { keys: 'k' });
      await found(t, topic, 'k', 4);
      equal(bodies((await t.queryByKey(topic, 'k', { max: 2 })).messages), ['message 2', 'message 3'], 'bodies');
    },
  },
  {
    name: 'query.max-is-capped',
    requirement: 'However many are wanted, 64 messages are found at most (maxMsgsNumBatch).',
    level: 'MUST',
    source: 'IndexService#queryOffset, maxMsgsNumBatch',
    needs: ['batch'],
    async run(t) {
      const topic = await t.topic();
      code(await t.sendBatch(topic, Array.from({ length: 70 }, (_, i) => ({ body: 'x', properties: { KEYS: i === 69 ? 'k last' : 'k' } }))), res.SUCCESS, 'batch of 70');
      await found(t, topic, 'last');
      equal((await t.queryByKey(topic, 'k', { max: 1000 })).messages.length, 64, 'messages');
    },
  },
  {
    name: 'query.hash-collision',
    requirement: 'A query may also find messages whose key has the hash code of the asked one: the client compares the text.',
    level: 'SHOULD',
    source: 'IndexFile#selectPhyOffset, keyHash',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'small', keys: 'Aa' });
      await t.sendOk(topic, { body: 'large', keys: 'BB' });
      await found(t, topic, 'BB');
      equal(bodies((await t.queryByKey(topic, 'Aa')).messages), ['small', 'large'], 'bodies found by Aa');
    },
  },
  {
    name: 'query.twice-the-same-key',
    requirement: 'A message that names a key twice is found twice by it.',
    level: 'INFORMATIONAL',
    source: 'IndexService#buildIndex',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'm', keys: 'k k last' });
      await found(t, topic, 'last');
      equal(bodies((await t.queryByKey(topic, 'k')).messages), ['m', 'm'], 'bodies');
    },
  },
  {
    name: 'query.unique-key',
    requirement: 'A message is found by its UNIQ_KEY when the request has _UNIQUE_KEY_QUERY true.',
    level: 'MUST',
    source: 'QueryMessageProcessor#queryMessage, UNIQUE_MSG_QUERY_FLAG',
    async run(t) {
      const topic = await t.topic();
      const id = `${t.rng.bytes(16).toString('hex').toUpperCase()}`;
      await t.sendOk(topic, { body: 'm', properties: { UNIQ_KEY: id } });
      equal(bodies(await found(t, topic, id, 1, { unique: true })), ['m'], 'bodies');
    },
  },
  {
    name: 'query.unique-key-of-broker',
    requirement: 'A message sent without UNIQ_KEY is found by the one that the broker gave it, which is the transactionId of the send answer.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage, MessageClientIDSetter',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const id = present((await t.sendOk(topic, { body: 'm' })).transactionId, 'transactionId');
      equal(bodies(await found(t, topic, id, 1, { unique: true })), ['m'], 'bodies');
    },
  },
  {
    name: 'query.unique-key-ignores-max',
    requirement: 'With _UNIQUE_KEY_QUERY true the field maxNum does not count: 32 are looked for (defaultQueryMaxNum).',
    level: 'SHOULD',
    source: 'QueryMessageProcessor#queryMessage, defaultQueryMaxNum',
    async run(t) {
      const topic = await t.topic();
      const id = `${t.rng.bytes(16).toString('hex').toUpperCase()}`;
      await t.fill(topic, 3, { properties: { UNIQ_KEY: id } });
      await found(t, topic, id, 3, { unique: true });
      equal((await t.queryByKey(topic, id, { unique: true, max: 1 })).messages.length, 3, 'messages with maxNum 1');
    },
  },
  {
    name: 'query.unique-key-by-plain-query',
    requirement: 'A query by key also finds the message whose UNIQ_KEY it is.',
    level: 'SHOULD',
    source: 'IndexService#buildKey',
    async run(t) {
      const topic = await t.topic();
      const id = `${t.rng.bytes(16).toString('hex').toUpperCase()}`;
      await t.sendOk(topic, { body: 'm', properties: { UNIQ_KEY: id } });
      equal(bodies(await found(t, topic, id)), ['m'], 'bodies');
    },
  },
  {
    name: 'query.by-tag',
    requirement: 'With indexType T messages are found by their tag, and not by a key of that name.',
    level: 'MUST',
    source: 'IndexService#queryOffset, INDEX_TAG_TYPE',
    versions: { from: '5.5.0' },
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'tagged', tags: 'word' });
      await t.sendOk(topic, { body: 'keyed', keys: 'word' });
      equal(bodies(await found(t, topic, 'word', 1, { ext: { indexType: 'T' } })), ['tagged'], 'bodies by tag');
      equal(bodies(await found(t, topic, 'word')), ['keyed'], 'bodies by key');
    },
  },
  {
    name: 'query.time-range',
    requirement: 'Only messages stored between beginTimestamp and endTimestamp are found.',
    level: 'MUST',
    source: 'IndexFile#selectPhyOffset, timeMatched',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'm', keys: 'k' });
      const time = present((await found(t, topic, 'k'))[0], 'the message').storeTimestamp;
      equal((await t.queryByKey(topic, 'k', { begin: time - 5000, end: time + 5000 })).messages.length, 1, 'messages in a range around its store time');
      code(await t.queryByKey(topic, 'k', { begin: time + 5000, end: time + 10_000 }), res.QUERY_NOT_FOUND, 'query of a later range');
      code(await t.queryByKey(topic, 'k', { begin: time - 10_000, end: time - 5000 }), res.QUERY_NOT_FOUND, 'query of an earlier range');
    },
  },
  {
    name: 'query.time-range-ends-at-store-time',
    requirement: 'A range that ends exactly at the store time of a message holds it.',
    level: 'MUST',
    source: 'IndexFile#selectPhyOffset, whole seconds since the file began',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: 'm', keys: 'k' });
      const time = present((await found(t, topic, 'k'))[0], 'the message').storeTimestamp;
      equal((await t.queryByKey(topic, 'k', { begin: 0, end: time })).messages.length, 1, 'messages');
    },
  },
  {
    name: 'query.time-range-backwards',
    requirement: 'A range whose end is before its begin holds nothing.',
    level: 'MUST',
    source: 'IndexFile#selectPhyOffset, timeMatched',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { keys: 'k' });
      const time = present((await found(t, topic, 'k'))[0], 'the message').storeTimestamp;
      code(await t.queryByKey(topic, 'k', { begin: time + 5000, end: time - 5000 }), res.QUERY_NOT_FOUND, 'query');
    },
  },
  {
    name: 'query.index-progress',
    requirement: 'The answer says how far the index has come: store time and commit log offset of the last message in it.',
    level: 'MUST',
    source: 'QueryMessageProcessor#queryMessage, indexLastUpdateTimestamp',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { keys: 'k' });
      const message = present((await found(t, topic, 'k'))[0], 'the message');
      const answer = await t.queryByKey(topic, 'k');
      isTrue(intField(answer, 'indexLastUpdateTimestamp') >= message.storeTimestamp, 'indexLastUpdateTimestamp is not before the message that was found');
      isTrue(intField(answer, 'indexLastUpdatePhyoffset') >= message.phyOffset, 'indexLastUpdatePhyoffset is not before the message that was found');
    },
  },
  {
    name: 'query.body-is-the-stored-record',
    requirement: 'The body of a query holds the stored records exactly as a pull returns them.',
    level: 'MUST',
    source: 'QueryMessageTransfer',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2, { keys: 'k', tags: 'T', messageFlag: 9 });
      await t.pullAll(topic, 2);
      await found(t, topic, 'k', 2);
      const answer = await t.request(req.QUERY_MESSAGE, { topic, key: 'k', maxNum: 32, beginTimestamp: 0, endTimestamp: t.now() + 3_600_000 });
      equal(answer.body.toString('hex'), (await t.pull(topic)).body.toString('hex'), 'body of the query against that of the pull');
      equal(decodeRecords(answer.body).length, 2, 'records');
    },
  },
]);
