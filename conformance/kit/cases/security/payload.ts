/** Bodies made to hurt: compression bombs, nested JSON, type names that a reader might load, offsets into the middle of records. */
import { createServer, type AddressInfo } from 'node:net';
import { deflateSync } from 'node:zlib';
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, inRange, notCode } from '../../expect.js';
import { stillServes } from '../frame/support.js';
import { topicNames } from './support.js';

const compressedFlag = 1;

export const cases = defineCases('security', [
  {
    name: 'security.compression-bomb-not-expanded',
    requirement: 'A message marked compressed is stored and delivered as it came: 50 KB that would expand to 50 MB stay 50 KB.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const bomb = deflateSync(Buffer.alloc(50_000_000));
      await t.sendOk(topic, { body: bomb, sysFlag: compressedFlag });
      const [message] = await t.pullAll(topic, 1);
      bytesEqual(message?.body ?? Buffer.alloc(0), bomb, 'body of the message');
      equal((message?.sysFlag ?? 0) & compressedFlag, compressedFlag, 'the compressed bit of its sysFlag');
    },
  },
  {
    name: 'security.false-compression-stored',
    requirement: 'A message marked compressed whose body is not compressed at all is stored and delivered as it came.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { body: 'not compressed', sysFlag: compressedFlag });
      equal((await t.pullAll(topic, 1))[0]?.body.toString(), 'not compressed', 'body of the message');
    },
  },
  {
    name: 'security.nested-body-refused',
    requirement: 'A JSON body that nests 200,000 deep is refused with SYSTEM_ERROR, and its connection serves on.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await t.request(req.HEART_BEAT, {}, { body: `{"clientID":"x","future":${'['.repeat(200_000)}${']'.repeat(200_000)}}` }), res.SYSTEM_ERROR, 'a heartbeat with 200,000 nested arrays');
      await stillServes(await t.broker(), t.topicName());
    },
  },
  {
    name: 'security.nested-body-forty-read',
    requirement: 'A JSON body with an unknown member that nests forty deep is read.',
    level: 'SHOULD',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await t.request(req.HEART_BEAT, {}, { body: `{"clientID":"${t.groupName()}","future":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}` }), res.SUCCESS, 'a heartbeat with 40 nested objects');
    },
  },
  {
    name: 'security.type-names-not-followed',
    requirement: 'A type name in a JSON body (@type) is not followed: nothing is loaded and no connection is made to where it points.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      let visits = 0;
      const server = createServer((socket) => { visits++; socket.destroy(); });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.cleanup(() => new Promise<void>((resolve) => server.close(() => resolve())), 'stop the listener');
      const url = `ldap://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
      const gadget = { '@type': 'com.sun.rowset.JdbcRowSetImpl', dataSourceName: url, autoCommit: true };
      await t.request(req.HEART_BEAT, {}, { body: JSON.stringify({ clientID: t.groupName(), ...gadget, future: gadget, producerDataSet: [gadget] }) });
      await t.request(req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, { body: JSON.stringify({ '@type': 'java.net.URL', val: url, future: gadget }) });
      await t.sleep(300);
      equal(visits, 0, 'connections that the endpoint made');
    },
  },
  {
    name: 'security.prototype-members-plain',
    requirement: 'Members named __proto__ and constructor in a header or a JSON body are members like others and are ignored.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      const client = t.groupName();
      code(await t.request(req.HEART_BEAT, {}, { body: `{"__proto__":{"clientID":"forged","admin":true},"constructor":{"prototype":{"x":1}},"clientID":"${client}","producerDataSet":[]}` }), res.SUCCESS, 'a heartbeat with __proto__');
      code(await t.request(req.GET_MAX_OFFSET, JSON.parse(`{"__proto__":"x","constructor":"y","hasOwnProperty":"z","topic":"${t.topicName()}","queueId":"0"}`) as Record<string, string>), res.SUCCESS, 'a request with __proto__');
    },
  },
  {
    name: 'security.topic-named-like-members',
    requirement: 'A topic named constructor or hasOwnProperty is not there before it is created.',
    level: 'MUST',
    source: 'TopicConfigManager#selectTopicConfig',
    async run(t) {
      const there = await topicNames(t);
      for (const topic of ['constructor', 'hasOwnProperty', '__proto__', 'toString']) {
        if (!there.includes(`"${topic}"`)) code(await t.pull(topic), res.TOPIC_NOT_EXIST, `a pull of ${topic}`);
      }
    },
  },
  {
    name: 'security.message-before-the-log-not-read',
    requirement: 'A message at a negative offset, or far past the end, is not found: SYSTEM_ERROR without a body.',
    level: 'MUST',
    source: 'QueryMessageProcessor#viewMessageById',
    async run(t) {
      for (const offset of ['-1', '-9223372036854775808', '9223372036854775807']) {
        const answer = await t.request(req.VIEW_MESSAGE_BY_ID, { offset });
        code(answer, res.SYSTEM_ERROR, `the message at ${offset}`);
        equal(answer.body.length, 0, `bytes of the answer for ${offset}`);
      }
    },
  },
  {
    name: 'security.message-inside-a-record',
    requirement: 'Apache takes the four bytes at any offset for the size of a message, and so hands out bytes of the log from the middle of records.',
    level: 'INFORMATIONAL',
    source: 'DefaultMessageStore#selectOneMessageByOffset',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { body: Buffer.alloc(4000, Buffer.from([0, 0, 0, 200])) });
      const [message] = await t.pullAll(topic, 1);
      const answer = await t.request(req.VIEW_MESSAGE_BY_ID, { offset: (message?.phyOffset ?? 0) + 2000 });
      t.note(`code ${answer.code}, ${answer.body.length} bytes`);
    },
  },
  {
    name: 'security.empty-body-refused',
    requirement: 'A body where JSON is expected and none came fails that request only: SYSTEM_ERROR.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      code(await t.request(req.HEART_BEAT), res.SYSTEM_ERROR, 'a heartbeat without a body');
      await stillServes(await t.broker(), t.topicName());
    },
  },
  {
    name: 'security.huge-json-body-survived',
    requirement: 'A heartbeat of ten megabytes of JSON is answered, one way or the other, within 5 s.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      const begin = t.now();
      await t.request(req.HEART_BEAT, {}, { body: `{"clientID":"${t.groupName()}","future":"${'x'.repeat(10_000_000)}"}` });
      inRange(t.now() - begin, 0, 5000, 'milliseconds until the answer');
    },
  },
  {
    name: 'security.properties-past-limit-refused',
    requirement: 'Properties of more than 32767 bytes are refused, and no message is stored.',
    level: 'MUST',
    source: 'CommitLog (MESSAGE_ILLEGAL, PROPERTIES_SIZE_EXCEEDED)',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      notCode(await t.send(topic, { properties: { own: 'x'.repeat(40_000) } }), res.SUCCESS, 'a send with 40,000 bytes of properties');
      equal((await t.maxOffset(topic)).offset, 0, 'max offset');
    },
  },
]);
