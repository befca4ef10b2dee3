/** Transactions: half messages, their commit and rollback, refusals, and checks of producers that said nothing. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Answer, RawConnection } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, equal, hasField, notApplicable, present, remarkMatches } from '../../expect.js';
import type { Messaging, SendAnswer, SendOptions } from '../../messaging.js';
import type { Ext } from '../../wire/header-json.js';
import { phyOffsetOf, decodeRecord, type StoredMessage } from '../../wire/record.js';
import { client, type Client } from '../clients/support.js';

const half = 4;
const commit = 8;
const rollback = 12;
const halfTopic = 'RMQ_SYS_TRANS_HALF_TOPIC';
const opTopic = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
const givenUpTopic = 'TRANS_CHECK_MAX_TIME_TOPIC';

interface Half {
  readonly topic: string;
  readonly group: string;
  readonly msgId: string;
  readonly phyOffset: number;
  readonly queueOffset: number;
  readonly transactionId: string;
  readonly answer: SendAnswer;
}

/** Sends a half message to queue `queueId` (default 0) of a new topic. */
async function prepare(t: Context, options: SendOptions = {}, via: Messaging = t): Promise<Half> {
  const topic = await t.topic({ queues: 2 });
  const group = t.groupName('producer');
  const transactionId = uniqKey(t);
  const answer = await via.sendOk(topic, {
    body: 'in doubt', group, sysFlag: half, ...options,
    properties: { TRAN_MSG: 'true', PGROUP: group, UNIQ_KEY: transactionId, ...options.properties },
  });
  return { topic, group, msgId: answer.msgId, phyOffset: present(phyOffsetOf(answer.msgId), 'offset in the message id'), queueOffset: answer.queueOffset, transactionId, answer };
}

const uniqKey = (t: Context): string => t.rng.bytes(16).toString('hex').toUpperCase();

/** END_TRANSACTION; `ext` replaces header fields. */
function end(t: Context, one: Half, commitOrRollback: number, ext: Ext = {}): Promise<Answer> {
  return t.request(req.END_TRANSACTION, {
    topic: one.topic, producerGroup: one.group, tranStateTableOffset: one.queueOffset, commitLogOffset: one.phyOffset, commitOrRollback,
    fromTransactionCheck: false, msgId: one.transactionId, transactionId: one.transactionId, ...ext,
  }, { timeoutMs: 3000 });
}

/** Messages of queue 0 once a later, plain message can be read: whatever is before it is all there is. */
async function visible(t: Context, topic: string, queueId = 0): Promise<StoredMessage[]> {
  await t.sendOk(topic, { body: 'marker', queueId });
  return t.until('the marker can be read', async () => {
    const messages = await t.pullAll(topic, 1, { queueId });
    return messages.at(-1)?.body.toString() === 'marker' ? messages.slice(0, -1) : undefined;
  });
}

/** How long until the broker checks a half message, from its configuration; the case is over when that is too long. */
async function checkWait(t: Context): Promise<number> {
  const config = (await t.request(req.GET_BROKER_CONFIG)).body.toString('utf8');
  const value = (key: string): number => Number(new RegExp(`^${key}=(\\d+)`, 'm').exec(config)?.[1] ?? NaN);
  const wait = value('transactionTimeOut') + value('transactionCheckInterval') * 2;
  if (!(wait <= 12_000)) notApplicable(`needs transactionTimeOut plus twice transactionCheckInterval to be at most 12 s; it is ${wait / 1000} s`);
  return wait + 5000;
}

/** A producer of the group on its own connection, with a half message it said nothing about. */
async function inDoubt(t: Context): Promise<{ readonly one: Half; readonly producer: Client; readonly waitMs: number }> {
  const waitMs = await checkWait(t);
  const one = await prepare(t);
  const producer = await client(t, 'producer');
  code(await producer.via.heartbeat(producer.id, { producers: [one.group] }), res.SUCCESS, 'heartbeat');
  return { one, producer, waitMs };
}

/** A key of the broker's configuration for the length of the case. */
async function configure(t: Context, key: string, value: string): Promise<void> {
  const before = new RegExp(`^${key}=(.*)$`, 'm').exec((await t.request(req.GET_BROKER_CONFIG)).body.toString('utf8'))?.[1];
  t.cleanup(() => t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `${key}=${present(before, key)}` }));
  code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `${key}=${value}` }), res.SUCCESS, `${key}=${value}`);
}

/** The first message from an offset on for which `test` holds, in queue 0 of a topic of the broker's own. */
async function findFrom(t: Context, topic: string, from: number, test: (message: StoredMessage) => boolean): Promise<StoredMessage | undefined> {
  for (let offset = from; ;) {
    const { messages } = await t.pull(topic, { offset, max: 32 });
    const found = messages.find(test);
    if (found !== undefined || messages.length === 0) return found;
    offset += messages.length;
  }
}

const checkOf = (connection: RawConnection, waitMs: number): ReturnType<RawConnection['nextRequest']> => connection.nextRequest(req.CHECK_TRANSACTION_STATE, waitMs);

export const cases = defineCases('transaction', [
  {
    name: 'transaction.prepare.accepted',
    requirement: 'A half message is answered SUCCESS with its UNIQ_KEY as transactionId.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    versions: { from: '5.0.0' },
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      equal(one.answer.transactionId, one.transactionId, 'transactionId');
    },
  },
  {
    name: 'transaction.prepare.not-visible',
    requirement: 'A half message cannot be read in its topic.',
    level: 'MUST',
    source: 'TransactionalMessageBridge#parseHalfMessageInner',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      equal((await visible(t, one.topic)).length, 0, 'messages before the marker');
    },
  },
  {
    name: 'transaction.prepare.max-offset-unchanged',
    requirement: 'A half message does not move the max offset of its queue.',
    level: 'MUST',
    source: 'TransactionalMessageBridge#parseHalfMessageInner',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      const answer = await t.sendOk(one.topic);
      equal(answer.queueOffset, 0, 'queueOffset of the first plain message');
    },
  },
  {
    name: 'transaction.prepare.stored-record',
    requirement: 'The half message is stored in RMQ_SYS_TRANS_HALF_TOPIC queue 0 with REAL_TOPIC, REAL_QID and no transaction type in sysFlag.',
    level: 'MUST',
    source: 'TransactionalMessageBridge#parseHalfMessageInner',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t, { queueId: 1 });
      const message = await t.until('the record can be viewed', async () => (await t.viewById(one.msgId)).message);
      equal(
        { topic: message.topic, queueId: message.queueId, REAL_TOPIC: message.properties['REAL_TOPIC'], REAL_QID: message.properties['REAL_QID'], type: message.sysFlag & 12, PGROUP: message.properties['PGROUP'] },
        { topic: halfTopic, queueId: 0, REAL_TOPIC: one.topic, REAL_QID: '1', type: 0, PGROUP: one.group }, 'record',
      );
    },
  },
  {
    name: 'transaction.prepare.unknown-topic',
    requirement: 'A half message is subject to the checks of any send: a topic with forbidden characters is refused.',
    level: 'MUST',
    source: 'AbstractSendMessageProcessor#msgCheck',
    needs: ['transaction'],
    async run(t) {
      const answer = await t.send('not*a*topic', { sysFlag: half, properties: { TRAN_MSG: 'true', PGROUP: 'conform' } });
      code(answer, [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'send');
    },
  },
  {
    name: 'transaction.commit.visible',
    requirement: 'A committed message can be read in its topic and queue, with its body.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t, { queueId: 1 });
      code(await end(t, one, commit), res.SUCCESS, 'commit');
      equal((await t.pullAll(one.topic, 1, { queueId: 1 })).map((message) => message.body.toString()), ['in doubt'], 'bodies');
    },
  },
  {
    name: 'transaction.commit.properties',
    requirement: 'A committed message has the producer\'s properties, TRAN_MSG among them, and neither REAL_TOPIC nor REAL_QID.',
    level: 'MUST',
    source: 'EndTransactionProcessor#endMessageTransaction',
    versions: { from: '5.0.0' },
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t, { properties: { TAGS: 'tag', KEYS: 'key', own: 'value' } });
      code(await end(t, one, commit), res.SUCCESS, 'commit');
      const { properties } = present((await t.pullAll(one.topic, 1))[0], 'the message');
      equal(
        { TAGS: properties['TAGS'], KEYS: properties['KEYS'], own: properties['own'], TRAN_MSG: properties['TRAN_MSG'], REAL_TOPIC: properties['REAL_TOPIC'], REAL_QID: properties['REAL_QID'], UNIQ_KEY: properties['UNIQ_KEY'] },
        { TAGS: 'tag', KEYS: 'key', own: 'value', TRAN_MSG: 'true', REAL_TOPIC: undefined, REAL_QID: undefined, UNIQ_KEY: one.transactionId }, 'properties',
      );
    },
  },
  {
    name: 'transaction.commit.sys-flag-and-prepared-offset',
    requirement: 'A committed message carries the commit type in its sysFlag and the commit log offset of its half as preparedTransactionOffset.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      code(await end(t, one, commit), res.SUCCESS, 'commit');
      const message = present((await t.pullAll(one.topic, 1))[0], 'the message');
      equal({ type: message.sysFlag & 12, preparedTransactionOffset: message.preparedTransactionOffset }, { type: commit, preparedTransactionOffset: one.phyOffset }, 'message');
    },
  },
  {
    name: 'transaction.commit.filtered-by-tag',
    requirement: 'A committed message is found by its tag.',
    level: 'MUST',
    source: 'EndTransactionProcessor#endMessageTransaction',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t, { properties: { TAGS: 'yes' } });
      code(await end(t, one, commit), res.SUCCESS, 'commit');
      equal((await t.pullAll(one.topic, 1, { subscription: 'yes' })).length, 1, 'messages with the tag');
      equal((await t.pull(one.topic, { subscription: 'no' })).messages.length, 0, 'messages with another tag');
    },
  },
  {
    name: 'transaction.commit.found-by-key',
    requirement: 'A committed message is found by its key.',
    level: 'MUST',
    source: 'EndTransactionProcessor#endMessageTransaction',
    needs: ['transaction'],
    async run(t) {
      const key = t.rng.text(12);
      const one = await prepare(t, { properties: { KEYS: key } });
      code(await end(t, one, commit), res.SUCCESS, 'commit');
      const messages = await t.until('the message is found', async () => {
        const found = (await t.queryByKey(one.topic, key)).messages;
        return found.length > 0 ? found : undefined;
      });
      equal(messages.map((message) => message.topic), [one.topic], 'topics of the messages found');
    },
  },
  {
    name: 'transaction.commit.topic-of-request-not-used',
    requirement: 'The topic of END_TRANSACTION is not used: the message goes to the topic it was prepared for.',
    level: 'MUST',
    source: 'EndTransactionProcessor#endMessageTransaction',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      code(await end(t, one, commit, { topic: 'some_other_topic' }), res.SUCCESS, 'commit');
      equal((await t.pullAll(one.topic, 1)).length, 1, 'messages in the topic it was prepared for');
    },
  },
  {
    name: 'transaction.commit.from-check',
    requirement: 'A commit with fromTransactionCheck true is a commit.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      code(await end(t, one, commit, { fromTransactionCheck: true }), res.SUCCESS, 'commit');
      equal((await t.pullAll(one.topic, 1)).length, 1, 'messages');
    },
  },
  {
    name: 'transaction.commit.other-connection',
    requirement: 'A transaction may be committed over another connection than the one that prepared it.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const sender = await client(t, 'sender');
      const one = await prepare(t, {}, sender.via);
      sender.connection.close();
      code(await end(t, one, commit), res.SUCCESS, 'commit');
      equal((await t.pullAll(one.topic, 1)).length, 1, 'messages');
    },
  },
  {
    name: 'transaction.commit.oneway',
    requirement: 'A oneway END_TRANSACTION, as clients send it, commits.',
    level: 'MUST',
    source: 'MQClientAPIImpl#endTransactionOneway',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      (await t.broker()).oneway(req.END_TRANSACTION, {
        topic: one.topic, producerGroup: one.group, tranStateTableOffset: one.queueOffset, commitLogOffset: one.phyOffset, commitOrRollback: commit,
        fromTransactionCheck: false, msgId: one.transactionId, transactionId: one.transactionId,
      });
      equal((await t.pullAll(one.topic, 1)).length, 1, 'messages');
    },
  },
  {
    name: 'transaction.commit.twice-delivers-twice',
    requirement: 'A second commit of a half message is not recognized: the message is stored again.',
    level: 'INFORMATIONAL',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      code(await end(t, one, commit), res.SUCCESS, 'first commit');
      const again = await end(t, one, commit);
      t.note(`second commit: code ${again.code}; messages: ${(await visible(t, one.topic)).length}`);
    },
  },
  {
    name: 'transaction.rollback.never-visible',
    requirement: 'A message that was rolled back is answered SUCCESS and cannot be read in its topic.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      code(await end(t, one, rollback), res.SUCCESS, 'rollback');
      equal((await visible(t, one.topic)).length, 0, 'messages before the marker');
    },
  },
  {
    name: 'transaction.rollback.one-of-two',
    requirement: 'Of two half messages the committed one can be read and the one rolled back cannot.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const kept = await prepare(t, { body: 'kept' });
      const undone = await t.sendOk(kept.topic, { body: 'undone', group: kept.group, sysFlag: half, properties: { TRAN_MSG: 'true', PGROUP: kept.group, UNIQ_KEY: uniqKey(t) } });
      code(await end(t, { ...kept, queueOffset: undone.queueOffset, phyOffset: present(phyOffsetOf(undone.msgId), 'offset') }, rollback), res.SUCCESS, 'rollback');
      code(await end(t, kept, commit), res.SUCCESS, 'commit');
      equal((await visible(t, kept.topic)).map((message) => message.body.toString()), ['kept'], 'bodies');
    },
  },
  {
    name: 'transaction.end.wrong-group',
    requirement: 'END_TRANSACTION by another producer group is SYSTEM_ERROR and the message stays in doubt.',
    level: 'MUST',
    source: 'EndTransactionProcessor#checkPrepareMessage',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      const answer = await end(t, one, commit, { producerGroup: 'somebody_else' });
      code(answer, res.SYSTEM_ERROR, 'commit');
      remarkMatches(answer, 'The producer group wrong', 'commit');
      equal((await visible(t, one.topic)).length, 0, 'messages before the marker');
    },
  },
  {
    name: 'transaction.end.wrong-table-offset',
    requirement: 'END_TRANSACTION whose tranStateTableOffset is not the half\'s queue offset is SYSTEM_ERROR.',
    level: 'MUST',
    source: 'EndTransactionProcessor#checkPrepareMessage',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      const answer = await end(t, one, commit, { tranStateTableOffset: one.queueOffset + 1 });
      code(answer, res.SYSTEM_ERROR, 'commit');
      remarkMatches(answer, 'The transaction state table offset wrong', 'commit');
    },
  },
  {
    name: 'transaction.end.unknown-offset',
    requirement: 'END_TRANSACTION of a commit log offset past the end is SYSTEM_ERROR.',
    level: 'MUST',
    source: 'TransactionalMessageServiceImpl#getHalfMessageByOffset',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      const answer = await end(t, one, commit, { commitLogOffset: 1_000_000_000_000 });
      code(answer, res.SYSTEM_ERROR, 'commit');
      remarkMatches(answer, 'Find prepared transaction message failed', 'commit');
    },
  },
  {
    name: 'transaction.end.ids-not-looked-at',
    requirement: 'END_TRANSACTION finds its half message by the offsets alone: a transaction id and message id nobody knows change nothing.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      code(await end(t, one, commit, { transactionId: uniqKey(t), msgId: 'nobody knows it' }), res.SUCCESS, 'commit');
      equal((await visible(t, one.topic)).map((message) => [message.body.toString(), message.properties['UNIQ_KEY']]), [['in doubt', one.transactionId]], 'messages before the marker');
    },
  },
  {
    name: 'transaction.end.commit-after-rollback',
    requirement: 'What becomes of a half message that is committed after it was rolled back.',
    level: 'INFORMATIONAL',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      code(await end(t, one, rollback), res.SUCCESS, 'rollback');
      const late = await end(t, one, commit);
      t.note(`commit after rollback: code ${late.code}; messages: ${(await visible(t, one.topic)).length}`);
    },
  },
  {
    name: 'transaction.end.rollback-after-commit',
    requirement: 'A message that was committed stays when END_TRANSACTION rolls the half message back afterwards, twice.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      code(await end(t, one, commit), res.SUCCESS, 'commit');
      for (const which of ['first', 'second']) code(await end(t, one, rollback), res.SUCCESS, `${which} rollback`);
      equal((await visible(t, one.topic)).map((message) => message.body.toString()), ['in doubt'], 'messages before the marker');
    },
  },
  {
    name: 'transaction.end.unknown-type-unanswered',
    requirement: 'END_TRANSACTION with commitOrRollback 0 is not answered and leaves the message in doubt.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t);
      const connection = await t.connect('broker');
      const { answer } = connection.start(req.END_TRANSACTION, {
        topic: one.topic, producerGroup: one.group, tranStateTableOffset: one.queueOffset, commitLogOffset: one.phyOffset, commitOrRollback: 0,
        fromTransactionCheck: false, msgId: one.transactionId, transactionId: one.transactionId,
      }, { timeoutMs: 400 });
      equal(await answer.then((got) => got.code, () => 'silence'), 'silence', 'answer');
      equal((await visible(t, one.topic)).length, 0, 'messages before the marker');
      code(await end(t, one, commit), res.SUCCESS, 'commit after it');
    },
  },
  {
    name: 'transaction.end.immunity-time-over',
    requirement: 'A commit later than both CHECK_IMMUNITY_TIME_IN_SECONDS of the message and transactionTimeOut, not from a check, is ILLEGAL_OPERATION.',
    level: 'MUST',
    source: 'EndTransactionProcessor#rejectCommitOrRollback',
    versions: { from: '5.0.0' },
    needs: ['transaction'],
    async run(t) {
      const one = await prepare(t, { bornTimestamp: t.now() - 3_600_000, properties: { CHECK_IMMUNITY_TIME_IN_SECONDS: '60' } });
      code(await end(t, one, commit), res.ILLEGAL_OPERATION, 'commit that is late');
      code(await end(t, one, commit, { fromTransactionCheck: true }), res.SUCCESS, 'commit from a check');
    },
  },
  {
    name: 'transaction.check.sent-to-producer',
    requirement: 'A producer that said nothing of its half message is asked by a oneway CHECK_TRANSACTION_STATE with the message\'s id and transaction id.',
    level: 'MUST',
    source: 'AbstractTransactionalMessageCheckListener#sendCheckMessage',
    needs: ['transaction', 'config-read'],
    timeoutMs: 40_000,
    async run(t) {
      const { one, producer, waitMs } = await inDoubt(t);
      const asked = await checkOf(producer.connection, waitMs);
      equal(asked.flag & 3, 2, 'flag');
      hasField(asked, 'msgId', one.transactionId, 'check');
      hasField(asked, 'transactionId', one.transactionId, 'check');
    },
  },
  {
    name: 'transaction.check.carries-message',
    requirement: 'The body of CHECK_TRANSACTION_STATE is the half message with the topic and queue it was prepared for and TRANSACTION_CHECK_TIMES.',
    level: 'MUST',
    source: 'AbstractTransactionalMessageCheckListener#sendCheckMessage',
    needs: ['transaction', 'config-read'],
    timeoutMs: 40_000,
    async run(t) {
      const { one, producer, waitMs } = await inDoubt(t);
      const message = decodeRecord((await checkOf(producer.connection, waitMs)).body);
      equal(
        { topic: message.topic, queueId: message.queueId, body: message.body.toString(), times: message.properties['TRANSACTION_CHECK_TIMES'] },
        { topic: one.topic, queueId: 0, body: 'in doubt', times: '1' }, 'message',
      );
    },
  },
  {
    name: 'transaction.check.answer-commits',
    requirement: 'END_TRANSACTION with the offsets of the check commits the message.',
    level: 'MUST',
    source: 'EndTransactionProcessor#processRequest',
    needs: ['transaction', 'config-read'],
    timeoutMs: 40_000,
    async run(t) {
      const { one, producer, waitMs } = await inDoubt(t);
      const asked = await checkOf(producer.connection, waitMs);
      const ended = await end(t, one, commit, {
        fromTransactionCheck: true, tranStateTableOffset: hasField(asked, 'tranStateTableOffset'), commitLogOffset: hasField(asked, 'commitLogOffset'),
      });
      code(ended, res.SUCCESS, 'commit');
      equal((await t.pullAll(one.topic, 1)).length, 1, 'messages');
    },
  },
  {
    name: 'transaction.check.not-after-commit',
    requirement: 'A committed message is not checked.',
    level: 'MUST',
    source: 'TransactionalMessageServiceImpl#check',
    needs: ['transaction', 'config-read'],
    timeoutMs: 40_000,
    async run(t) {
      const { one, producer, waitMs } = await inDoubt(t);
      code(await end(t, one, commit), res.SUCCESS, 'commit');
      equal(await checkOf(producer.connection, waitMs).then(() => 'asked', () => 'not asked'), 'not asked', 'the producer');
    },
  },
  {
    name: 'transaction.op.message-names-half',
    requirement: 'After a commit or rollback a message in RMQ_SYS_TRANS_OP_HALF_TOPIC with tag d names the queue offset of the half message, followed by a comma.',
    level: 'MUST',
    source: 'TransactionalMessageServiceImpl#getOpMessage',
    versions: { from: '5.0.0' },
    needs: ['transaction'],
    timeoutMs: 30_000,
    async run(t) {
      const from = (await t.maxOffset(opTopic)).offset;
      const kept = await prepare(t);
      const undone = await prepare(t);
      code(await end(t, kept, commit), res.SUCCESS, 'commit');
      code(await end(t, undone, rollback), res.SUCCESS, 'rollback');
      for (const one of [kept, undone]) {
        const op = await t.until('the op message is there', () => findFrom(t, opTopic, from, (message) => `,${message.body.toString()}`.includes(`,${one.queueOffset},`)), 15_000);
        equal({ tags: op.properties['TAGS'], queueId: op.queueId, ends: op.body.toString().endsWith(','), type: op.sysFlag & 12 }, { tags: 'd', queueId: 0, ends: true, type: 0 }, 'op message');
      }
    },
  },
  {
    name: 'transaction.check.given-up',
    requirement: 'A half message that was asked about transactionCheckMax times moves to TRANS_CHECK_MAX_TIME_TOPIC with REAL_TOPIC and REAL_QID, and RESUME_CHECK_HALF_MESSAGE brings it back to be asked about.',
    level: 'MUST',
    source: 'DefaultTransactionalMessageCheckListener#resolveDiscardMsg, AdminBrokerProcessor#resumeCheckHalfMessage',
    versions: { from: '5.0.0' },
    needs: ['transaction', 'config-read', 'config-write'],
    destructive: true,
    timeoutMs: 60_000,
    async run(t) {
      const { one, producer, waitMs } = await inDoubt(t);
      await configure(t, 'transactionCheckMax', '1');
      await checkOf(producer.connection, waitMs);
      const gone = await t.until('it is given up', () => findFrom(t, givenUpTopic, 0, (message) => message.properties['UNIQ_KEY'] === one.transactionId), waitMs);
      equal(
        { topic: gone.topic, body: gone.body.toString(), REAL_TOPIC: gone.properties['REAL_TOPIC'], REAL_QID: gone.properties['REAL_QID'], times: gone.properties['TRANSACTION_CHECK_TIMES'] },
        { topic: givenUpTopic, body: 'in doubt', REAL_TOPIC: one.topic, REAL_QID: '0', times: '1' }, 'message',
      );
      code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: 'transactionCheckMax=100' }), res.SUCCESS, 'transactionCheckMax=100');
      code(await t.request(req.RESUME_CHECK_HALF_MESSAGE, { topic: givenUpTopic, msgId: gone.msgId }), res.SUCCESS, 'resume');
      const again = await checkOf(producer.connection, waitMs);
      hasField(again, 'transactionId', one.transactionId, 'check');
      equal(decodeRecord(again.body).properties['TRANSACTION_CHECK_TIMES'], '1', 'times asked since');
      code(await end(t, one, rollback, {
        fromTransactionCheck: true, tranStateTableOffset: hasField(again, 'tranStateTableOffset'), commitLogOffset: hasField(again, 'commitLogOffset'),
      }), res.SUCCESS, 'rollback');
    },
  },
  {
    name: 'transaction.prepare.rejected-by-configuration',
    requirement: 'With rejectTransactionMessage=true a half message is NO_PERMISSION and a plain one is stored.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    needs: ['transaction', 'config-read', 'config-write'],
    destructive: true,
    async run(t) {
      const topic = await t.topic();
      await configure(t, 'rejectTransactionMessage', 'true');
      const answer = await t.send(topic, { sysFlag: half, properties: { TRAN_MSG: 'true', PGROUP: 'conform' } });
      code(answer, res.NO_PERMISSION, 'half message');
      remarkMatches(answer, 'sending transaction message is forbidden', 'half message');
      await t.sendOk(topic);
    },
  },
]);
