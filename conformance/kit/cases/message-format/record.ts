/** The stored record as clients get it, field by field at its place: nothing here goes through the kit's own decoder. */
import { crc32 } from 'node:zlib';
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { bytesEqual, code, equal, isTrue } from '../../expect.js';
import { req, res } from '../../codes.js';
import { putTopic, sendAndView, stored, uniqKey } from '../send/support.js';

/** The bytes of the record behind an id. */
async function bytesOf(t: Context, answer: { readonly msgId: string }): Promise<Buffer> {
  const got = await t.viewById(answer.msgId);
  code(got, res.SUCCESS, 'VIEW_MESSAGE_BY_ID');
  return got.body;
}

const hostBytes = (address: string): string => {
  const [host, port] = [address.slice(0, address.lastIndexOf(':')), Number(address.slice(address.lastIndexOf(':') + 1))];
  return Buffer.from([...host.split('.').map(Number), 0, 0, port >> 8, port & 255]).toString('hex');
};
const ofIpv4 = (address: string): boolean => /^\d+\.\d+\.\d+\.\d+:\d+$/.test(address);

export const cases = defineCases('message-format', [
  {
    name: 'message-format.total-size',
    requirement: 'The first word of a record is its whole size: 91 bytes with IPv4 hosts, and body, topic and properties.',
    level: 'MUST',
    source: 'MessageExtEncoder#calMsgLength',
    async run(t) {
      const topic = await t.topic();
      const answer = await t.sendOk(topic, { body: 'x'.repeat(123) });
      const record = await bytesOf(t, answer);
      equal(record.readInt32BE(0), record.length, 'size word and bytes of the record');
      const hosts = record.readInt32BE(36) & 0x30;
      if (hosts === 0) equal(record.length, 91 + 123 + topic.length + Buffer.byteLength((await stored(t, answer)).propertiesText), 'bytes');
    },
  },
  {
    name: 'message-format.magic-v1',
    requirement: 'A record of a topic whose name has at most 127 characters has the magic 0xDAA320A7 and a topic length of one byte.',
    level: 'MUST',
    source: 'MessageVersion',
    async run(t) {
      const topic = t.topicName().padEnd(127, 'x');
      await putTopic(t, topic);
      const record = await bytesOf(t, await t.sendOk(topic, { body: 'seven b' }));
      equal(record.readUInt32BE(4), 0xdaa320a7, 'magic');
      if ((record.readInt32BE(36) & 0x30) === 0) {
        equal([record.readInt32BE(84), record.readUInt8(95), record.toString('latin1', 96, 96 + 127)], [7, 127, topic], 'body length at 84, topic length at 95, topic');
      }
    },
  },
  {
    name: 'message-format.queue-and-flag',
    requirement: 'Queue id lies at byte 12 of a record, the message flag at 16.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const record = await bytesOf(t, await t.sendOk(await t.topic(), { queueId: 3, messageFlag: 0x01020304 }));
      equal([record.readInt32BE(12), record.readInt32BE(16)], [3, 0x01020304], 'words at 12 and 16');
    },
  },
  {
    name: 'message-format.queue-offset',
    requirement: 'The queue offset lies at byte 20 of a record as a 64-bit integer.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      equal((await bytesOf(t, await t.sendOk(topic))).readBigInt64BE(20), 2n, 'queue offset');
    },
  },
  {
    name: 'message-format.physical-offset',
    requirement: 'The commit log offset lies at byte 28 of a record and is the one in its message id.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const answer = await t.sendOk(await t.topic());
      equal((await bytesOf(t, answer)).subarray(28, 36).toString('hex').toUpperCase(), answer.msgId.slice(-16), 'commit log offset');
    },
  },
  {
    name: 'message-format.sys-flag-and-born-time',
    requirement: 'The sysFlag lies at byte 36 of a record, the born timestamp at 40.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const record = await bytesOf(t, await t.sendOk(await t.topic(), { sysFlag: 0x201, bornTimestamp: 0x0123456789a }));
      equal([record.readInt32BE(36) & ~0x30, record.readBigInt64BE(40)], [0x201, 0x0123456789an], 'sysFlag without host bits, born timestamp');
    },
  },
  {
    name: 'message-format.born-host-bytes',
    requirement: 'The born host lies at byte 48 as four bytes of address and a 32-bit port, for a producer connected over IPv4.',
    level: 'MUST',
    source: 'MessageExt#getBornHostBytes',
    async run(t) {
      const producer = await t.connect('broker', { label: 'producer' });
      const record = await bytesOf(t, await t.via(producer).sendOk(await t.topic()));
      equal(record.readInt32BE(36) & 0x10, ofIpv4(producer.localAddress) ? 0 : 0x10, 'born host bit of the sysFlag');
      // Behind a translation of addresses the broker sees another host than we do, but on one machine the same.
      if (t.endpoint.broker.startsWith('127.')) equal(record.subarray(48, 56).toString('hex'), hostBytes(producer.localAddress), 'born host');
    },
  },
  {
    name: 'message-format.store-host-bytes',
    requirement: 'The store host follows the store timestamp as four bytes of address and a 32-bit port, and is that of the message id.',
    level: 'MUST',
    source: 'MessageExt#getStoreHostBytes',
    async run(t) {
      const answer = await t.sendOk(await t.topic());
      const record = await bytesOf(t, answer);
      if (answer.msgId.length === 32 && (record.readInt32BE(36) & 0x10) === 0) equal(record.subarray(64, 72).toString('hex').toUpperCase(), answer.msgId.slice(0, 16), 'store host');
    },
  },
  {
    name: 'message-format.tries-and-prepared-offset',
    requirement: 'After the store host come the tries as 32 bits and the prepared transaction offset as 64 bits, which is 0 for an ordinary message.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const record = await bytesOf(t, await t.sendOk(await t.topic(), { reconsumeTimes: 6 }));
      if ((record.readInt32BE(36) & 0x30) === 0) equal([record.readInt32BE(72), record.readBigInt64BE(76)], [6, 0n], 'tries and prepared transaction offset');
    },
  },
  {
    name: 'message-format.body-crc',
    requirement: 'The word at byte 8 is the CRC-32 of the body with its highest bit cleared.',
    level: 'MUST',
    source: 'UtilAll#crc32',
    async run(t) {
      const topic = await t.topic();
      // Two bodies whose CRC has the highest bit set and clear.
      for (const high of [true, false]) {
        let body = '';
        for (let i = 0; body === ''; i++) if (crc32(`body ${i}`) > 0x7fffffff === high) body = `body ${i}`;
        equal((await bytesOf(t, await t.sendOk(topic, { body }))).readInt32BE(8), crc32(body) & 0x7fffffff, `CRC of '${body}'`);
      }
    },
  },
  {
    name: 'message-format.properties-length-in-bytes',
    requirement: 'The length of the properties counts bytes of UTF-8 and the properties end the record.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      const record = await bytesOf(t, await t.sendOk(topic, { body: 'x', properties: { own: '値値😀' } }));
      const at = record.lastIndexOf(topic, record.indexOf('own')) + topic.length;
      equal(record.readUInt16BE(at), record.length - at - 2, 'length word and bytes to the end of the record');
    },
  },
  {
    name: 'message-format.properties-closed',
    requirement: 'The stored properties of a message end with the separator 0x02.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    source: 'MessageDecoder#messageProperties2String',
    async run(t) {
      const record = await bytesOf(t, await t.sendOk(await t.topic(), { ext: { i: 'a\u00011\u0002b\u00012' } }));
      equal(record[record.length - 1], 2, 'last byte');
    },
  },
  {
    name: 'message-format.host-bits-for-ipv4',
    requirement: 'Records of an IPv4 producer at an IPv4 broker have neither host bit (0x10, 0x20) in the sysFlag.',
    level: 'MUST',
    source: 'MessageSysFlag',
    async run(t) {
      const producer = await t.connect('broker', { label: 'producer' });
      const message = await stored(t, await t.via(producer).sendOk(await t.topic()));
      if (ofIpv4(producer.localAddress) && ofIpv4(t.endpoint.broker)) equal(message.sysFlag & 0x30, 0, 'host bits of the sysFlag');
    },
  },
  {
    name: 'message-format.pull-and-view-alike',
    requirement: 'PULL_MESSAGE and VIEW_MESSAGE_BY_ID return a message as the same bytes.',
    level: 'MUST',
    source: 'DefaultMessageStore#selectOneMessageByOffset',
    async run(t) {
      const topic = await t.topic();
      const answer = await t.sendOk(topic, { body: t.rng.bytes(100), keys: 'k', properties: { UNIQ_KEY: uniqKey(t) } });
      await t.pullAll(topic, 1);
      bytesEqual((await t.pull(topic)).body, await bytesOf(t, answer), 'body of the pull');
    },
  },
  {
    name: 'message-format.query-and-view-alike',
    requirement: 'QUERY_MESSAGE and VIEW_MESSAGE_BY_ID return a message as the same bytes.',
    level: 'MUST',
    source: 'QueryMessageProcessor#queryMessage',
    async run(t) {
      const topic = await t.topic();
      const key = t.rng.text(12);
      const answer = await t.sendOk(topic, { keys: key });
      const found = await t.until('the message is found by its key', async () => {
        const got = await t.queryByKey(topic, key);
        return got.code === 0 ? got : undefined;
      });
      bytesEqual(found.body, await bytesOf(t, answer), 'body of the query');
    },
  },
  {
    name: 'message-format.pull-concatenates',
    requirement: 'A pull of several messages returns their records one after another with nothing between.',
    level: 'MUST',
    source: 'PullMessageProcessor#readGetMessageResult',
    async run(t) {
      const topic = await t.topic();
      const answers = await t.fill(topic, 5);
      await t.pullAll(topic, 5);
      bytesEqual((await t.pull(topic)).body, Buffer.concat(await Promise.all(answers.map((answer) => bytesOf(t, answer)))), 'body of the pull');
    },
  },
  {
    name: 'message-format.batch-elements-are-records',
    requirement: 'An element of a batch is a record like that of a single message.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      const [first, second] = (await t.sendBatch(topic, [{ body: 'ab' }, { body: 'cde' }])).msgId.split(',');
      const records = [await bytesOf(t, { msgId: first ?? '' }), await bytesOf(t, { msgId: second ?? '' })];
      for (const record of records) equal([record.readInt32BE(0), record.readUInt32BE(4)], [record.length, 0xdaa320a7], 'size and magic');
      equal((records[1]?.readBigInt64BE(28) ?? 0n) - (records[0]?.readBigInt64BE(28) ?? 0n), BigInt(records[0]?.length ?? 0), 'distance of the two in the commit log');
    },
  },
  {
    name: 'message-format.long-retry-topic-v2',
    requirement: 'A record of a topic whose name is longer than 127 characters (POP retry) has the magic 0xDAA320AB and a topic length of two bytes.',
    level: 'MUST',
    versions: { from: '5.1.0' },
    needs: ['pop'],
    timeoutMs: 60_000,
    source: 'MessageVersion, PopReviveService#reviveRetry',
    async run(t) {
      const topic = t.topicName().padEnd(100, 'x');
      await putTopic(t, topic, { readQueueNums: 1, writeQueueNums: 1 });
      const group = await t.group();
      await t.sendOk(topic, { body: 'again' });
      await t.until('the message is popped', async () => (await t.pop(topic, group, { invisibleMs: 1000 })).messages.length === 1);
      const retry = [`%RETRY%${group}_${topic}`, `%RETRY%${group}+${topic}`];
      const record = await t.until('the message is popped again', async () => {
        const got = await t.pop(topic, group, { invisibleMs: 60_000 });
        return got.messages.length > 0 ? got : undefined;
      }, 50_000, 250);
      t.note(`the retry topic has ${retry[0]?.length ?? 0} characters; popped again as ${record.messages[0]?.topic ?? ''}`);
      for (const name of retry) t.forgetTopic(name);
      equal(record.body.readUInt32BE(4), 0xdaa320a7, 'magic of what POP returns, under the name of the original topic');
      let found: Buffer | undefined;
      for (const name of retry) {
        const got = await t.request(req.PULL_MESSAGE, { consumerGroup: group, topic: name, queueId: 0, queueOffset: 0, maxMsgNums: 1, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*', subVersion: 0, expressionType: 'TAG' });
        if (got.code === 0) found = got.body;
      }
      isTrue(found !== undefined, 'the retry topic can be pulled');
      const body = found.readInt32BE(84);
      equal([found.readUInt32BE(4), found.readUInt16BE(88 + body)], [0xdaa320ab, retry[0]?.length], 'magic and topic length');
    },
  },
  {
    name: 'message-format.view-of-no-record',
    requirement: 'VIEW_MESSAGE_BY_ID at an offset where nothing was ever stored is answered with an error, not with bytes.',
    level: 'MUST',
    source: 'QueryMessageProcessor#viewMessageById',
    async run(t) {
      const { phyOffset } = await sendAndView(t, await t.topic());
      code(await t.viewById(phyOffset + 1_000_000_000_000), [res.SYSTEM_ERROR, res.QUERY_NOT_FOUND], 'VIEW_MESSAGE_BY_ID far past the end');
    },
  },
]);
