/** VIEW_MESSAGE_BY_ID: one message by its commit log offset. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, notApplicable, present } from '../../expect.js';
import { splitAddress } from '../../connection.js';

export const cases = defineCases('query', [
  {
    name: 'query.view-by-id',
    requirement: 'VIEW_MESSAGE_BY_ID with the offset of a send answer returns that message.',
    level: 'MUST',
    source: 'QueryMessageProcessor#viewMessageById',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1);
      const sent = await t.sendOk(topic, { body: 'the one', queueId: 3 });
      await t.fill(topic, 1);
      const message = await t.until('the message can be viewed', async () => (await t.viewById(sent.msgId)).message);
      equal([message.topic, message.queueId, message.queueOffset, message.body.toString(), message.msgId], [topic, 3, sent.queueOffset, 'the one', sent.msgId], 'topic, queue, offset, body, id');
    },
  },
  {
    name: 'query.id-names-the-broker',
    requirement: 'The message id of a send answer is the upper-case hex of the address of the broker and the commit log offset.',
    level: 'MUST',
    source: 'MessageDecoder#createMessageId',
    async run(t) {
      const topic = await t.topic();
      const sent = await t.sendOk(topic);
      const message = present((await t.pullAll(topic, 1))[0], 'the message');
      const { host, port } = splitAddress(message.storeHost) ?? notApplicable(`the store host ${message.storeHost} is no IPv4 address`);
      if (!/^\d+(\.\d+){3}$/.test(host)) notApplicable(`the store host ${host} is no IPv4 address`);
      const bytes = Buffer.alloc(16);
      host.split('.').forEach((part, i) => bytes.writeUInt8(Number(part), i));
      bytes.writeInt32BE(port, 4);
      bytes.writeBigInt64BE(BigInt(message.phyOffset), 8);
      equal(sent.msgId, bytes.toString('hex').toUpperCase(), 'message id');
    },
  },
  {
    name: 'query.view-past-end',
    requirement: 'VIEW_MESSAGE_BY_ID at an offset where the commit log has nothing yet is SYSTEM_ERROR with the offset in the remark.',
    level: 'MUST',
    source: 'QueryMessageProcessor#viewMessageById',
    async run(t) {
      const answer = await t.viewById(1_000_000_000_000_000);
      code(answer, res.SYSTEM_ERROR, 'view at 10^15');
      equal(answer.remark, 'can not find message by the offset, 1000000000000000', 'remark');
    },
  },
  {
    name: 'query.view-negative',
    requirement: 'VIEW_MESSAGE_BY_ID at a negative offset is SYSTEM_ERROR.',
    level: 'MUST',
    source: 'QueryMessageProcessor#viewMessageById',
    async run(t) {
      code(await t.viewById(-1), res.SYSTEM_ERROR, 'view at -1');
    },
  },
  {
    name: 'query.view-ignores-topic',
    requirement: 'A topic in VIEW_MESSAGE_BY_ID is not compared with that of the message.',
    level: 'SHOULD',
    source: 'QueryMessageProcessor#viewMessageById',
    async run(t) {
      const topic = await t.topic();
      const sent = await t.sendOk(topic, { body: 'seen' });
      await t.pullAll(topic, 1);
      const { message } = await t.viewById(sent.msgId, { topic: t.topicName('other') });
      equal(message?.body.toString(), 'seen', 'body');
    },
  },
  {
    name: 'query.view-each-of-batch',
    requirement: 'The ids in the answer of a batch view each of its messages.',
    level: 'MUST',
    source: 'CommitLog#putMessages, msgIdBuilder',
    needs: ['batch'],
    async run(t) {
      const topic = await t.topic();
      const sent = await t.sendBatch(topic, [{ body: 'one' }, { body: 'two' }, { body: 'three' }]);
      code(sent, res.SUCCESS, 'batch');
      await t.pullAll(topic, 3);
      const seen: (string | undefined)[] = [];
      for (const id of sent.msgId.split(',')) seen.push((await t.viewById(id)).message?.body.toString());
      equal(seen, ['one', 'two', 'three'], 'bodies by id');
    },
  },
  {
    name: 'query.view-large',
    requirement: 'A message of a megabyte is viewed whole.',
    level: 'MUST',
    source: 'OneMessageTransfer',
    async run(t) {
      const topic = await t.topic();
      const body = Buffer.alloc(1_000_000, 0x5a);
      const sent = await t.sendOk(topic, { body });
      await t.pullAll(topic, 1);
      bytesEqual(present((await t.viewById(sent.msgId)).message, 'the message').body, body, 'body');
    },
  },
  {
    name: 'query.view-after-topic-deleted',
    requirement: 'A message can be viewed by its id after its topic was deleted.',
    level: 'SHOULD',
    source: 'DefaultMessageStore#selectOneMessageByOffset',
    async run(t) {
      const topic = await t.topic();
      const sent = await t.sendOk(topic, { body: 'left behind' });
      await t.pullAll(topic, 1);
      code(await t.request(req.DELETE_TOPIC_IN_BROKER, { topic }), res.SUCCESS, 'delete the topic');
      equal((await t.viewById(sent.msgId)).message?.body.toString(), 'left behind', 'body');
    },
  },
]);
