/** SEND_BATCH_MESSAGE: the elements as they are stored, one by one. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { bytesEqual, code, equal } from '../../expect.js';
import { encodeBatch } from '../../wire/batch.js';
import { stored } from '../send/support.js';

const three = [{ body: 'a' }, { body: 'b' }, { body: 'c' }];

export const cases = defineCases('batch', [
  {
    name: 'batch.element-kept',
    requirement: 'Body, flag and properties of each element are stored as its own message.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      const bodies = [t.rng.bytes(300), t.rng.bytes(10)];
      await t.sendBatch(topic, bodies.map((body, i) => ({ body, flag: 40 + i, properties: { own: `v${i}`, KEYS: `k${i}` } })), { messageFlag: 7 });
      const messages = await t.pullAll(topic, 2);
      equal(messages.map((message) => [message.flag, message.properties['own'], message.properties['KEYS']]), [[40, 'v0', 'k0'], [41, 'v1', 'k1']], 'flags and properties');
      messages.forEach((message, i) => bytesEqual(message.body, bodies[i] ?? '', `body ${i}`));
    },
  },
  {
    name: 'batch.element-crc-computed',
    requirement: 'The CRC of each stored element is computed by the broker; the one in the batch is not looked at.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      const body = encodeBatch([{ body: 'with a wrong crc' }]);
      body.writeInt32BE(0x12345678, 8);
      code(await t.sendBatch(topic, [], { body }), res.SUCCESS, 'batch with a wrong CRC');
      equal((await t.pullAll(topic, 1)).map((message) => message.crcOk), [true], 'CRC of the stored element is right');
    },
  },
  {
    name: 'batch.element-magic-ignored',
    requirement: 'The magic word of an element is not looked at.',
    level: 'MAY',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const body = encodeBatch([{ body: 'magic' }]);
      body.writeInt32BE(-1, 4);
      equal((await stored(t, await t.sendBatch(await t.topic(), [], { body }))).body.toString(), 'magic', 'body');
    },
  },
  {
    name: 'batch.element-size-ignored',
    requirement: 'The total size of an element is not looked at: the lengths of its body and properties rule.',
    level: 'MAY',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const body = encodeBatch([{ body: 'one' }, { body: 'two' }]);
      body.writeInt32BE(9999, 0);
      const topic = await t.topic();
      code(await t.sendBatch(topic, [], { body }), res.SUCCESS, 'batch whose first element has a wrong size');
      equal((await t.pullAll(topic, 2)).map((message) => message.body.toString()), ['one', 'two'], 'bodies');
    },
  },
  {
    name: 'batch.element-properties-verbatim',
    requirement: 'The property text of an element is stored byte for byte, with nothing added by the broker.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      await t.sendBatch(topic, [{ body: 'x', properties: { b: '2', a: '1' } }]);
      equal((await t.pullAll(topic, 1)).map((message) => message.propertiesText), ['b\u00012\u0002a\u00011\u0002'], 'stored property texts');
    },
  },
  {
    name: 'batch.element-without-properties',
    requirement: 'An element without properties is stored without any, UNIQ_KEY included.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      await t.sendBatch(topic, [{ body: 'x' }]);
      equal((await t.pullAll(topic, 1)).map((message) => message.propertiesText), [''], 'stored property texts');
    },
  },
  {
    name: 'batch.element-empty-body',
    requirement: 'An element may have an empty body, which is stored as such.',
    level: 'SHOULD',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      code(await t.sendBatch(topic, [{ body: '' }, { body: 'x' }]), res.SUCCESS, 'batch with an empty element');
      equal((await t.pullAll(topic, 2)).map((message) => message.body.length), [0, 1], 'bytes of the bodies');
    },
  },
  {
    name: 'batch.uniq-key-not-made',
    requirement: 'For a batch without UNIQ_KEY in the properties of the request none is made, and the answer has no transactionId.',
    level: 'SHOULD',
    needs: ['batch'],
    source: 'SendMessageProcessor#sendBatchMessage',
    async run(t) {
      const answer = await t.sendBatch(await t.topic(), three);
      code(answer, res.SUCCESS, 'batch');
      equal(answer.transactionId, undefined, 'transactionId');
    },
  },
  {
    name: 'batch.tags-of-elements-filter',
    requirement: 'The tag of each element is that by which its message is filtered.',
    level: 'MUST',
    needs: ['batch'],
    source: 'CommitLog#checkMessageAndReturnSize',
    async run(t) {
      const topic = await t.topic();
      await t.sendBatch(topic, ['A', 'B', 'A'].map((tag, i) => ({ body: String(i), properties: { TAGS: tag } })));
      await t.pullAll(topic, 3);
      equal((await t.pull(topic, { subscription: 'A' })).messages.map((message) => message.body.toString()), ['0', '2'], 'bodies with tag A');
    },
  },
  {
    name: 'batch.keys-of-elements-indexed',
    requirement: 'Each element of a batch is found by its own KEYS.',
    level: 'MUST',
    needs: ['batch'],
    source: 'IndexService#buildIndex',
    async run(t) {
      const topic = await t.topic();
      const key = t.rng.text(12);
      await t.sendBatch(topic, [{ body: 'first', properties: { KEYS: `${key}1` } }, { body: 'second', properties: { KEYS: `${key}2` } }]);
      const found = await t.until('the second element is found by its key', async () => {
        const { messages } = await t.queryByKey(topic, `${key}2`);
        return messages.length > 0 ? messages : undefined;
      });
      equal(found.map((message) => message.body.toString()), ['second'], 'bodies found');
    },
  },
  {
    name: 'batch.delay-of-element-not-honoured',
    requirement: 'A DELAY property of an element does not delay it: it is delivered at once, the property being kept.',
    level: 'SHOULD',
    needs: ['batch'],
    source: 'HookUtils#handleScheduleMessage, CommitLog#asyncPutMessages',
    async run(t) {
      const topic = await t.topic();
      code(await t.sendBatch(topic, [{ body: 'x', properties: { DELAY: '5' } }]), res.SUCCESS, 'batch');
      equal((await t.pullAll(topic, 1)).map((message) => message.properties['DELAY']), ['5'], 'DELAY of the message');
    },
  },
]);
