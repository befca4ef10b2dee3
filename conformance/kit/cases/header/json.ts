/** The JSON form of a header: which texts are read, which close the connection. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, fail } from '../../expect.js';
import { rawFrame } from '../../wire/frame.js';
import { askRaw, closes, maxOffsetHeader } from '../frame/support.js';

export const cases = defineCases('header', [
  {
    name: 'header.whitespace-ignored',
    requirement: 'White space between the tokens of a JSON header is ignored.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, ` \r\n\t{ "code" : ${req.GET_MAX_OFFSET} , "opaque" :\n9 , "extFields" : { "topic" : "${t.topicName()}" , "queueId" : "0" } } \n`, 9), res.SUCCESS, 'a header with white space');
    },
  },
  {
    name: 'header.member-order-free',
    requirement: 'The members of a JSON header may stand in any order.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, `{"version":513,"extFields":{"queueId":"0","topic":"${t.topicName()}"},"opaque":9,"language":"GO","flag":0,"code":${req.GET_MAX_OFFSET}}`, 9), res.SUCCESS, 'a header with code last');
    },
  },
  {
    name: 'header.escaped-member-names',
    requirement: 'Member names with unicode escapes are read like plain ones.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, `{"c\\u006fde":${req.GET_MAX_OFFSET},"opaqu\\u0065":9,"extFields":{"t\\u006fpic":"${t.topicName()}","queue\\u0049d":"0"}}`, 9), res.SUCCESS, 'a header with escaped names');
    },
  },
  {
    name: 'header.escaped-values',
    requirement: 'Values with unicode and short escapes are read like plain ones.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      const topic = 'x\\u0041\\/\\"\\\\\\t';
      const answer = await askRaw(t, `{"code":${req.PULL_MESSAGE},"opaque":9,"extFields":{"consumerGroup":"${await t.readerGroup()}","topic":"${topic}","queueId":"0","queueOffset":"0","maxMsgNums":"1","sysFlag":"4","commitOffset":"0","suspendTimeoutMillis":"0","subscription":"*","subVersion":"0"}}`, 9);
      code(answer, res.TOPIC_NOT_EXIST, 'a pull of a topic that is not there');
      equal(answer.remark?.includes('topic[xA/"\\\t] not exist'), true, 'the remark names the topic with its escapes resolved');
    },
  },
  {
    name: 'header.utf8-values',
    requirement: 'UTF-8 in a JSON header is read, and comes back in a remark unchanged.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      const answer = await t.request(req.PULL_MESSAGE, { consumerGroup: await t.readerGroup(), topic: 'тема-日本-😀', queueId: 0, queueOffset: 0, maxMsgNums: 1, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*', subVersion: 0 });
      code(answer, res.TOPIC_NOT_EXIST, 'a pull of a topic that is not there');
      equal(answer.remark?.includes('topic[тема-日本-😀] not exist'), true, 'the remark names the topic');
    },
  },
  {
    name: 'header.properties-any-escape-form',
    requirement: 'Message properties arrive the same whether their characters are sent as unicode escapes or as UTF-8.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const broker = await t.broker();
      const send = (properties: string, opaque: number): Promise<unknown> => {
        const answer = broker.answerTo(opaque);
        broker.sendBytes(rawFrame({ header: `{"code":${req.SEND_MESSAGE_V2},"opaque":${opaque},"extFields":{"a":"w","b":"${topic}","c":"TBW102","d":"4","e":"0","f":"0","g":"${t.now()}","h":"0","i":"${properties}","j":"0","k":"false","m":"false"}}`, body: 'x' }));
        return answer;
      };
      await send('own\\u0001\\u00e9\\ud83d\\ude00\\u0002', 5);
      await send('own\\u0001é😀\\u0002', 6);
      equal((await t.pullAll(topic, 2)).map((message) => message.properties['own']), ['é😀', 'é😀'], 'property own of both messages');
    },
  },
  {
    name: 'header.raw-control-characters-read',
    requirement: 'Control characters that stand unescaped in a JSON value, as some clients write the separators of properties, are read as they are.',
    level: 'SHOULD',
    source: 'RemotingSerializable#decode',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const broker = await t.broker();
      const answer = broker.answerTo(5);
      broker.sendBytes(rawFrame({ header: `{"code":${req.SEND_MESSAGE_V2},"opaque":5,"extFields":{"a":"w","b":"${topic}","c":"TBW102","d":"4","e":"0","f":"0","g":"${t.now()}","h":"0","i":"own\u0001value\u0002","j":"0","k":"false","m":"false"}}`, body: 'x' }));
      code(await answer, res.SUCCESS, 'a send with unescaped separators');
      equal((await t.pullAll(topic, 1))[0]?.properties['own'], 'value', 'property own');
    },
  },
  {
    name: 'header.duplicate-members-last-wins',
    requirement: 'Of two members with one name in a JSON header the last counts.',
    level: 'SHOULD',
    source: 'RemotingSerializable#decode',
    versions: { from: '5.0.0' },
    async run(t) {
      code(await askRaw(t, maxOffsetHeader(t.topicName(), 9, '"code":9999,"opaque":8,'), 9), res.SUCCESS, 'a header with two codes and two opaques');
    },
  },
  {
    name: 'header.duplicate-fields-last-wins',
    requirement: 'Of two extFields with one name the last counts.',
    level: 'SHOULD',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, `{"code":${req.GET_MAX_OFFSET},"opaque":9,"extFields":{"topic":"${t.topicName()}","queueId":"x","queueId":"0"}}`, 9), res.SUCCESS, 'a header with queueId x and then 0');
    },
  },
  {
    name: 'header.member-names-exact',
    requirement: 'Names of members and fields are matched with their case: QUEUEID is not queueId.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeader',
    async run(t) {
      code(await askRaw(t, `{"code":${req.GET_MAX_OFFSET},"opaque":9,"extFields":{"topic":"${t.topicName()}","QUEUEID":"0"}}`, 9), res.SYSTEM_ERROR, 'a request with QUEUEID');
    },
  },
  {
    name: 'header.trailing-comma-read',
    requirement: 'A comma before the closing brace of a JSON header is read over.',
    level: 'MAY',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, `${maxOffsetHeader(t.topicName(), 9).slice(0, -1)},}`, 9), res.SUCCESS, 'a header with a trailing comma');
    },
  },
  {
    name: 'header.single-quotes-read',
    requirement: 'Single quotes around names and values of a JSON header are read like double ones.',
    level: 'MAY',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, maxOffsetHeader(t.topicName(), 9).replaceAll('"', '\''), 9), res.SUCCESS, 'a header in single quotes');
    },
  },
  {
    name: 'header.comment-read-over',
    requirement: 'A comment before a JSON header is read over.',
    level: 'MAY',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, `/* a comment */${maxOffsetHeader(t.topicName(), 9)}`, 9), res.SUCCESS, 'a header behind a comment');
    },
  },
  {
    name: 'header.text-behind-object-closes',
    requirement: 'Text behind the closing brace of a JSON header closes the connection.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      await closes(t, rawFrame({ header: `${maxOffsetHeader(t.topicName(), 9)} xyz` }), 'a header with text behind it');
    },
  },
  {
    name: 'header.not-json-closes',
    requirement: 'A header that is not JSON closes the connection.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      await closes(t, rawFrame({ header: 'hello, broker' }), 'a header of plain text');
    },
  },
  {
    name: 'header.array-closes',
    requirement: 'A JSON header that is an array closes the connection.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      await closes(t, rawFrame({ header: `[${maxOffsetHeader(t.topicName(), 9)}]` }), 'a header in an array');
    },
  },
  {
    name: 'header.json-null-closes',
    requirement: 'A JSON header that is null closes the connection.',
    level: 'MUST',
    source: 'RemotingCommand#headerDecode',
    async run(t) {
      await closes(t, rawFrame({ header: 'null        ' }), 'a header of null');
    },
  },
  {
    name: 'header.cut-json-closes',
    requirement: 'A JSON header that ends too early closes the connection.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 9).slice(0, -2) }), 'a header without its last two braces');
    },
  },
  {
    name: 'header.extfields-not-object-closes',
    requirement: 'A JSON header whose extFields is text closes the connection.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      await closes(t, rawFrame({ header: `{"code":${req.GET_MAX_OFFSET},"opaque":9,"extFields":"topic=${t.topicName()}"}` }), 'extFields of text');
    },
  },
  {
    name: 'header.malformed-utf8-closes',
    requirement: 'A JSON header with bytes that are no UTF-8 is not served.',
    level: 'SHOULD',
    source: 'RemotingSerializable#decode',
    versions: { from: '5.0.0' },
    async run(t) {
      await closes(t, rawFrame({ header: Buffer.concat([Buffer.from(`{"code":${req.GET_MAX_OFFSET},"opaque":9,"extFields":{"queueId":"0","topic":"no`), Buffer.from([0xff, 0xfe]), Buffer.from('"}}')]) }), 'a header with bytes FF FE');
    },
  },
  {
    name: 'header.nested-member-tolerated',
    requirement: 'An unknown member that holds nested arrays, forty deep, is skipped.',
    level: 'SHOULD',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, maxOffsetHeader(t.topicName(), 9, `"future":${'['.repeat(40)}${']'.repeat(40)},`), 9), res.SUCCESS, 'a header with 40 nested arrays');
    },
  },
  {
    name: 'header.nesting-bomb-closes',
    requirement: 'A JSON header that nests 100,000 deep ends its connection and no other.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 9, `"future":${'['.repeat(100_000)}${']'.repeat(100_000)},`) }), '100,000 nested arrays');
      code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }), res.SUCCESS, 'a request on another connection');
    },
  },
  {
    name: 'header.bom',
    requirement: 'A byte order mark before a JSON header is read over by some releases (4.9.7) and closes the connection at others (5.5.0).',
    level: 'INFORMATIONAL',
    source: 'RemotingSerializable#decode',
    async run(t) {
      t.note(await askRaw(t, `\ufeff${maxOffsetHeader(t.topicName(), 9)}`, 9).then((answer) => `answered with code ${answer.code}`, (error: Error) => error.message));
    },
  },
  {
    name: 'header.answer-json-standard',
    requirement: 'The header of an answer is standard JSON with code, flag, language, opaque, serializeTypeCurrentRPC and version.',
    level: 'MUST',
    source: 'RemotingSerializable#encode',
    async run(t) {
      await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 });
      const hex = t.log.entries().filter((entry) => entry.direction === 'received').at(-1)?.hex;
      if (hex === undefined) fail('the wire log holds the answer');
      const frame = Buffer.from(hex, 'hex');
      const bytes = frame.subarray(8, 8 + (frame.readUInt32BE(4) & 0xffffff));
      const header = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
      equal(['code', 'flag', 'language', 'opaque', 'serializeTypeCurrentRPC', 'version'].filter((name) => !(name in header)), [], 'members that are missing');
      equal([header['serializeTypeCurrentRPC'], header['code'], header['flag']], ['JSON', 0, 1], 'serializeTypeCurrentRPC, code and flag');
    },
  },
]);
