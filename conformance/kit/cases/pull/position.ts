/** PULL_MESSAGE: what each position in a queue is answered with, and the fields of the answer. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, hasField, intField, remarkMatches } from '../../expect.js';

export const cases = defineCases('pull', [
  {
    name: 'pull.found-fields',
    requirement: 'A pull that finds messages is answered SUCCESS, remark FOUND, with the offset after the last one as nextBeginOffset and the bounds of the queue.',
    level: 'MUST',
    source: 'PullMessageProcessor#composeResponseHeader, FOUND',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      const answer = await t.pull(topic, { offset: 1, max: 1 });
      code(answer, res.SUCCESS, 'pull of one message at 1 of 3');
      equal(answer.remark, 'FOUND', 'remark');
      equal([answer.nextBeginOffset, answer.minOffset, answer.maxOffset], [2, 0, 3], 'nextBeginOffset, minOffset, maxOffset');
    },
  },
  {
    name: 'pull.found-in-queue-order',
    requirement: 'A pull returns the messages of the queue from the asked offset on, in the order of their offsets, without a gap.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 6, { queueId: 1 });
      await t.fill(topic, 2, { queueId: 2 });
      await t.pullAll(topic, 6, { queueId: 1 });
      const { messages } = await t.pull(topic, { queueId: 1, offset: 2 });
      equal(messages.map((message) => message.queueOffset), [2, 3, 4, 5], 'queue offsets');
      equal(messages.map((message) => message.body.toString()), ['message 2', 'message 3', 'message 4', 'message 5'], 'bodies');
    },
  },
  {
    name: 'pull.body-is-the-stored-record',
    requirement: 'The body of a pull holds the stored records exactly as VIEW_MESSAGE_BY_ID returns each of them.',
    level: 'MUST',
    source: 'DefaultPullMessageResultHandler#readGetMessageResult',
    async run(t) {
      const topic = await t.topic();
      const sent = await t.fill(topic, 2, { tags: 'T', keys: 'k' });
      await t.pullAll(topic, 2);
      const pulled = await t.pull(topic);
      const viewed = await Promise.all(sent.map((answer) => t.viewById(answer.msgId)));
      bytesEqual(pulled.body, Buffer.concat(viewed.map((answer) => answer.body)), 'body of the pull against the two records');
    },
  },
  {
    name: 'pull.at-end',
    requirement: 'A pull at the end of a queue that may not wait is answered PULL_NOT_FOUND, remark OFFSET_OVERFLOW_ONE, and nextBeginOffset stays.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage, OFFSET_OVERFLOW_ONE',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      const answer = await t.pull(topic, { offset: 2 });
      code(answer, res.PULL_NOT_FOUND, 'pull at 2 of 2');
      equal(answer.remark, 'OFFSET_OVERFLOW_ONE', 'remark');
      equal([answer.nextBeginOffset, answer.minOffset, answer.maxOffset], [2, 0, 2], 'nextBeginOffset, minOffset, maxOffset');
    },
  },
  {
    name: 'pull.one-past-end',
    requirement: 'A pull one offset past the end of a queue is already PULL_OFFSET_MOVED, remark OFFSET_OVERFLOW_BADLY, back to the end.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage, OFFSET_OVERFLOW_BADLY',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      const answer = await t.pull(topic, { offset: 3 });
      code(answer, res.PULL_OFFSET_MOVED, 'pull at 3 of 2');
      equal([answer.remark, answer.nextBeginOffset], ['OFFSET_OVERFLOW_BADLY', 2], 'remark and nextBeginOffset');
    },
  },
  {
    name: 'pull.largest-offset',
    requirement: 'A pull at the largest 64-bit offset is answered PULL_OFFSET_MOVED to the end of the queue.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage, OFFSET_OVERFLOW_BADLY',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      const answer = await t.pull(topic, { offset: 9223372036854775807n });
      code(answer, res.PULL_OFFSET_MOVED, 'pull at 2^63-1');
      equal(answer.nextBeginOffset, 1, 'nextBeginOffset');
    },
  },
  {
    name: 'pull.negative-offset',
    requirement: 'A pull below the smallest offset of a queue is answered PULL_OFFSET_MOVED, remark OFFSET_TOO_SMALL, with the smallest offset as nextBeginOffset.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage, OFFSET_TOO_SMALL',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      const answer = await t.pull(topic, { offset: -1 });
      code(answer, res.PULL_OFFSET_MOVED, 'pull at -1');
      equal([answer.remark, answer.nextBeginOffset], ['OFFSET_TOO_SMALL', 0], 'remark and nextBeginOffset');
    },
  },
  {
    name: 'pull.empty-queue-at-zero',
    requirement: 'A pull at offset 0 of a queue that never had a message is answered PULL_NOT_FOUND with 0 in all three offset fields.',
    level: 'MUST',
    source: 'PullMessageProcessor#composeResponseHeader, NO_MESSAGE_IN_QUEUE',
    async run(t) {
      const answer = await t.pull(await t.topic());
      code(answer, res.PULL_NOT_FOUND, 'pull at 0 of an empty queue');
      equal([answer.nextBeginOffset, answer.minOffset, answer.maxOffset], [0, 0, 0], 'nextBeginOffset, minOffset, maxOffset');
      remarkMatches(answer, /^(NO_MESSAGE_IN_QUEUE|NO_MATCHED_LOGIC_QUEUE)$/, 'pull');
    },
  },
  {
    name: 'pull.empty-queue-past-zero',
    requirement: 'A pull at any other offset of a queue that never had a message is answered PULL_OFFSET_MOVED to 0.',
    level: 'MUST',
    source: 'PullMessageProcessor#composeResponseHeader, NO_MESSAGE_IN_QUEUE',
    async run(t) {
      const answer = await t.pull(await t.topic(), { offset: 7 });
      code(answer, res.PULL_OFFSET_MOVED, 'pull at 7 of an empty queue');
      equal(answer.nextBeginOffset, 0, 'nextBeginOffset');
    },
  },
  {
    name: 'pull.none-matches',
    requirement: 'A pull whose filter lets none of the messages through is answered PULL_RETRY_IMMEDIATELY, remark NO_MATCHED_MESSAGE, with nextBeginOffset behind them.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage, NO_MATCHED_MESSAGE',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 4, { tags: 'TagA' });
      await t.pullAll(topic, 4);
      const answer = await t.pull(topic, { subscription: 'TagB' });
      code(answer, res.PULL_RETRY_IMMEDIATELY, 'pull of TagB where all have TagA');
      equal([answer.remark, answer.nextBeginOffset], ['NO_MATCHED_MESSAGE', 4], 'remark and nextBeginOffset');
    },
  },
  {
    name: 'pull.nothing-has-no-body',
    requirement: 'Pulls answered PULL_NOT_FOUND, PULL_RETRY_IMMEDIATELY and PULL_OFFSET_MOVED carry no body.',
    level: 'MUST',
    source: 'DefaultPullMessageResultHandler#handle',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1, { tags: 'TagA' });
      await t.pullAll(topic, 1);
      const answers = [await t.pull(topic, { offset: 1 }), await t.pull(topic, { subscription: 'TagB' }), await t.pull(topic, { offset: 9 })];
      equal(answers.map((answer) => [answer.code, answer.body.length]), [[19, 0], [20, 0], [21, 0]], 'code and body length');
    },
  },
  {
    name: 'pull.suggests-master',
    requirement: 'A master that nothing burdens suggests broker 0 for the next pull, whatever the answer is.',
    level: 'MUST',
    source: 'PullMessageProcessor#composeResponseHeader, suggestWhichBrokerId',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      for (const offset of [0, 1, 5]) hasField(await t.pull(topic, { offset }), 'suggestWhichBrokerId', 0, `pull at ${offset}`);
    },
  },
  {
    name: 'pull.suggests-master-though-group-prefers-another',
    requirement: 'Where slaves may not be read, broker 0 is suggested even to a group whose brokerId is another.',
    level: 'MUST',
    source: 'PullMessageProcessor#composeResponseHeader, slaveReadEnable',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group({ brokerId: 1, whichBrokerWhenConsumeSlowly: 2 });
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      hasField(await t.pull(topic, { group }), 'suggestWhichBrokerId', 0, 'pull');
    },
  },
  {
    name: 'pull.topic-and-group-sys-flags',
    requirement: 'The answer carries the system flags of the topic and of the group.',
    level: 'MUST',
    source: 'PullMessageProcessor#composeResponseHeader, topicSysFlag and groupSysFlag',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic({ topicSysFlag: 2 });
      const answer = await t.pull(topic, { group: await t.group({ groupSysFlag: 1 }) });
      equal([intField(answer, 'topicSysFlag'), intField(answer, 'groupSysFlag')], [2, 1], 'topicSysFlag and groupSysFlag');
    },
  },
  {
    name: 'pull.lite-pull-alike',
    requirement: 'LITE_PULL_MESSAGE is answered as PULL_MESSAGE is: same code, fields and body.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, LITE_PULL_MESSAGE',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      const plain = await t.pull(topic, { offset: 1 });
      const lite = await t.request(req.LITE_PULL_MESSAGE, {
        consumerGroup: await t.readerGroup(), topic, queueId: 0, queueOffset: 1, maxMsgNums: 32, sysFlag: 20, commitOffset: 0, suspendTimeoutMillis: 0,
        subscription: '*', subVersion: 0, expressionType: 'TAG',
      });
      code(lite, res.SUCCESS, 'LITE_PULL_MESSAGE');
      equal([lite.remark, lite.ext['nextBeginOffset']], [plain.remark, plain.ext['nextBeginOffset']], 'remark and nextBeginOffset');
      bytesEqual(lite.body, plain.body, 'body');
    },
  },
]);
