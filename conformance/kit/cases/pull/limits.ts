/** PULL_MESSAGE: how much one answer holds. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal } from '../../expect.js';

export const cases = defineCases('pull', [
  {
    name: 'pull.max-limits-count',
    requirement: 'A pull returns at most maxMsgNums messages.',
    level: 'MUST',
    source: 'DefaultMessageStore#isTheBatchFull, maxMsgNums',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 5);
      await t.pullAll(topic, 5);
      const answer = await t.pull(topic, { max: 3 });
      equal([answer.messages.length, answer.nextBeginOffset], [3, 3], 'messages and nextBeginOffset');
    },
  },
  {
    name: 'pull.max-zero-returns-one',
    requirement: 'A pull with maxMsgNums 0 returns one message: the first one is never held back by a limit.',
    level: 'MUST',
    source: 'DefaultMessageStore#isTheBatchFull, nothing taken yet',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      const answer = await t.pull(topic, { max: 0 });
      code(answer, res.SUCCESS, 'pull with maxMsgNums 0');
      equal([answer.messages.length, answer.nextBeginOffset], [1, 1], 'messages and nextBeginOffset');
    },
  },
  {
    name: 'pull.max-negative-returns-one',
    requirement: 'A pull with a negative maxMsgNums returns one message.',
    level: 'MUST',
    source: 'DefaultMessageStore#isTheBatchFull, nothing taken yet',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      const answer = await t.pull(topic, { max: -1 });
      code(answer, res.SUCCESS, 'pull with maxMsgNums -1');
      equal([answer.messages.length, answer.nextBeginOffset], [1, 1], 'messages and nextBeginOffset');
    },
  },
  {
    name: 'pull.max-huge-returns-32',
    requirement: 'However many are asked for, a pull of recent messages returns 32 (maxTransferCountOnMessageInMemory).',
    level: 'MUST',
    source: 'DefaultMessageStore#isTheBatchFull, maxTransferCountOnMessageInMemory',
    needs: ['batch'],
    async run(t) {
      const topic = await t.topic();
      code(await t.sendBatch(topic, Array.from({ length: 40 }, () => ({ body: 'x' }))), res.SUCCESS, 'batch of 40');
      await t.pullAll(topic, 40);
      const answer = await t.pull(topic, { max: 1000 });
      equal([answer.messages.length, answer.nextBeginOffset], [32, 32], 'messages and nextBeginOffset');
    },
  },
  {
    name: 'pull.max-largest',
    requirement: 'A pull with maxMsgNums 2147483647 is served like any other.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      equal((await t.pull(topic, { max: 2147483647 })).messages.length, 3, 'messages');
    },
  },
  {
    name: 'pull.bytes-limit',
    requirement: 'A pull of recent messages stops before the one that would bring its body over 262144 bytes (maxTransferBytesOnMessageInMemory).',
    level: 'MUST',
    source: 'DefaultMessageStore#isTheBatchFull, maxTransferBytesOnMessageInMemory',
    async run(t) {
      const topic = await t.topic();
      for (let i = 0; i < 4; i++) await t.sendOk(topic, { body: Buffer.alloc(100_000, i) });
      await t.pullAll(topic, 4);
      const answer = await t.pull(topic);
      equal([answer.messages.length, answer.nextBeginOffset], [2, 2], 'messages of 100 KB in one answer, and nextBeginOffset');
    },
  },
  {
    name: 'pull.first-message-exempt-from-bytes-limit',
    requirement: 'The first message of a pull is returned even when it alone is larger than 262144 bytes.',
    level: 'MUST',
    source: 'DefaultMessageStore#isTheBatchFull, nothing taken yet',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { body: Buffer.alloc(400_000, 7) });
      await t.sendOk(topic, { body: 'small' });
      await t.pullAll(topic, 2);
      const answer = await t.pull(topic);
      equal(answer.messages.map((message) => message.body.length), [400_000], 'body lengths');
    },
  },
  {
    name: 'pull.max-msg-bytes-ignored',
    requirement: 'The field maxMsgBytes does not limit a pull.',
    level: 'MAY',
    source: 'PullMessageProcessor#processRequest, getMessageAsync without a size',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3, { body: Buffer.alloc(500) });
      await t.pullAll(topic, 3);
      equal((await t.pull(topic, { ext: { maxMsgBytes: 600 } })).messages.length, 3, 'messages');
    },
  },
  {
    name: 'pull.scan-limit',
    requirement: 'A pull looks at no more than 800 queue entries for a match (maxFilterMessageSize 16000) and says with nextBeginOffset where to go on.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage, maxFilterMessageSize',
    needs: ['batch'],
    async run(t) {
      const topic = await t.topic();
      code(await t.sendBatch(topic, Array.from({ length: 850 }, (_, i) => ({ body: 'x', properties: { TAGS: i < 820 ? 'Chaff' : 'Wheat' } }))), res.SUCCESS, 'batch of 850');
      await t.until('850 messages are visible', async () => (await t.maxOffset(topic)).offset === 850);
      const first = await t.pull(topic, { subscription: 'Wheat' });
      code(first, res.PULL_RETRY_IMMEDIATELY, 'pull of Wheat at 0');
      equal(first.nextBeginOffset, 800, 'nextBeginOffset');
      const second = await t.pull(topic, { subscription: 'Wheat', offset: 800, max: 1 });
      equal(second.messages.map((message) => message.queueOffset), [820], 'offset of the first match');
    },
  },
  {
    name: 'pull.scan-limit-grows-with-max',
    requirement: 'The number of queue entries a pull looks at is maxMsgNums where that is more than 800.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage, maxFilterMessageSize',
    needs: ['batch'],
    async run(t) {
      const topic = await t.topic();
      code(await t.sendBatch(topic, Array.from({ length: 850 }, () => ({ body: 'x', properties: { TAGS: 'Chaff' } }))), res.SUCCESS, 'batch of 850');
      await t.until('850 messages are visible', async () => (await t.maxOffset(topic)).offset === 850);
      equal((await t.pull(topic, { subscription: 'Wheat', max: 830 })).nextBeginOffset, 830, 'nextBeginOffset with maxMsgNums 830');
    },
  },
  {
    name: 'pull.limit-counts-only-matches',
    requirement: 'The limit maxMsgNums counts the messages that pass the filter, not those that were looked at.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage',
    async run(t) {
      const topic = await t.topic();
      for (let i = 0; i < 6; i++) await t.sendOk(topic, { tags: i % 2 === 0 ? 'Even' : 'Odd' });
      await t.pullAll(topic, 6);
      const answer = await t.pull(topic, { subscription: 'Odd', max: 2 });
      equal(answer.messages.map((message) => message.queueOffset), [1, 3], 'queue offsets');
      equal(answer.nextBeginOffset, 4, 'nextBeginOffset: right behind the last match');
    },
  },
]);
