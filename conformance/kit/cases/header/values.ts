/** Members and fields of a header: absent, null, of another type, unknown. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue, remarkMatches } from '../../expect.js';
import { rawFrame } from '../../wire/frame.js';
import { askRaw, closes, maxOffsetHeader } from '../frame/support.js';

export const cases = defineCases('header', [
  {
    name: 'header.no-extfields-needed',
    requirement: 'A request that needs no fields is served without extFields.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeader',
    async run(t) {
      code(await (await t.namesrv()).request(req.GET_BROKER_CLUSTER_INFO, null), res.SUCCESS, 'cluster info without extFields');
    },
  },
  {
    name: 'header.null-extfields-are-absent',
    requirement: 'A member extFields of null is like none: a request that needs fields fails with SYSTEM_ERROR, and the connection stays.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeader',
    async run(t) {
      code(await askRaw(t, `{"code":${req.GET_MAX_OFFSET},"opaque":9,"extFields":null}`, 9), res.SYSTEM_ERROR, 'max offset with extFields null');
      isTrue((await t.broker()).isOpen, 'the connection is open');
    },
  },
  {
    name: 'header.missing-field-refused',
    requirement: 'A request without a field that it needs is answered SYSTEM_ERROR with a remark.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeader',
    async run(t) {
      const answer = await t.request(req.GET_MAX_OFFSET, { topic: t.topicName() });
      code(answer, res.SYSTEM_ERROR, 'max offset without queueId');
      remarkMatches(answer, /queueId/i, 'max offset without queueId');
    },
  },
  {
    name: 'header.null-field-is-missing',
    requirement: 'A field of null is a missing one.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeader',
    async run(t) {
      code(await askRaw(t, `{"code":${req.GET_MAX_OFFSET},"opaque":9,"extFields":{"topic":"${t.topicName()}","queueId":null}}`, 9), res.SYSTEM_ERROR, 'max offset with queueId null');
    },
  },
  {
    name: 'header.number-field-unquoted',
    requirement: 'A field that is written as a JSON number counts as its text.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      await t.sendOk(topic, { queueId: 1 });
      await t.pullAll(topic, 1, { queueId: 1 });
      equal((await askRaw(t, `{"code":${req.GET_MAX_OFFSET},"opaque":9,"extFields":{"topic":"${topic}","queueId":1}}`, 9)).ext['offset'], '1', 'max offset of queue 1');
    },
  },
  {
    name: 'header.boolean-field-unquoted',
    requirement: 'A field that is written as a JSON boolean counts as its text.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const answer = await askRaw(t, `{"code":${req.QUERY_CONSUMER_OFFSET},"opaque":9,"extFields":{"consumerGroup":"${await t.group()}","topic":"${topic}","queueId":"0","setZeroIfNotFound":false}}`, 9);
      code(answer, res.QUERY_NOT_FOUND, 'the offset of a new group, not to be taken as 0');
      remarkMatches(answer, 'do not set to zero', 'the offset of a new group');
    },
  },
  {
    name: 'header.boolean-case-free',
    requirement: 'A boolean field is true for the text true in any case and false for any other text.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeaderDirectly (Boolean#parseBoolean)',
    versions: { from: '5.0.0' },
    async run(t) {
      const [topic, group] = [await t.topic({ queues: 1 }), await t.group()];
      const refusedByFlag = async (setZeroIfNotFound: string): Promise<boolean | undefined> => (await t.queryOffset(group, topic, 0, { setZeroIfNotFound })).remark?.includes('do not set to zero');
      equal([await refusedByFlag('tRuE'), await refusedByFlag('yes')], [false, true], 'whether tRuE and yes forbid the offset 0');
    },
  },
  {
    name: 'header.numbers-as-text-in-members',
    requirement: 'Members code, opaque, flag and version may be written as text.',
    level: 'SHOULD',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, `{"code":"${req.GET_MAX_OFFSET}","opaque":"9","flag":"0","version":"513","extFields":{"topic":"${t.topicName()}","queueId":"0"}}`, 9), res.SUCCESS, 'a header with numbers as text');
    },
  },
  {
    name: 'header.code-with-fraction-zero',
    requirement: 'A code written with a fraction of zero is read as the integer.',
    level: 'MAY',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, `{"code":${req.GET_MAX_OFFSET}.0,"opaque":9,"extFields":{"topic":"${t.topicName()}","queueId":"0"}}`, 9), res.SUCCESS, 'a header with code 30.0');
    },
  },
  {
    name: 'header.unknown-fields-ignored',
    requirement: 'Fields in extFields that the request does not know are ignored.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeader',
    async run(t) {
      code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0, fromTheFuture: 'yes', '': 'empty', 'this$0': 'x', class: 'java.lang.Object' }), res.SUCCESS, 'max offset with unknown fields');
    },
  },
  {
    name: 'header.object-in-unknown-field-ignored',
    requirement: 'A field in extFields that nobody reads may hold an object or an array.',
    level: 'SHOULD',
    source: 'RemotingSerializable#decode',
    async run(t) {
      code(await askRaw(t, `{"code":${req.GET_MAX_OFFSET},"opaque":9,"extFields":{"topic":"${t.topicName()}","queueId":"0","future":{"a":[1,2]},"more":[]}}`, 9), res.SUCCESS, 'max offset with an object in an unknown field');
    },
  },
  {
    name: 'header.five-thousand-fields',
    requirement: 'A header with five thousand unknown fields is served.',
    level: 'SHOULD',
    source: 'RemotingCommand#decode',
    async run(t) {
      const extra = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`future${i}`, 'x']));
      code(await t.request(req.GET_MAX_OFFSET, { ...extra, topic: t.topicName(), queueId: 0 }), res.SUCCESS, 'max offset with 5000 more fields');
    },
  },
  {
    name: 'header.half-megabyte',
    requirement: 'A header of half a megabyte is served: its length has 24 bits.',
    level: 'SHOULD',
    source: 'RemotingCommand#getHeaderLength',
    async run(t) {
      code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0, future: 'x'.repeat(512 * 1024) }), res.SUCCESS, 'max offset with a field of 512 KiB');
    },
  },
  {
    name: 'header.remark-of-request-ignored',
    requirement: 'A remark in a request is ignored and not echoed.',
    level: 'MUST',
    source: 'RemotingCommand (remark)',
    async run(t) {
      const answer = await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }, { remark: 'from the client' });
      equal([answer.code, answer.remark], [res.SUCCESS, undefined], 'code and remark of the answer');
    },
  },
  {
    name: 'header.unknown-language-served',
    requirement: 'A request in a language that the endpoint does not know is served.',
    level: 'MUST',
    source: 'LanguageCode#valueOf',
    async run(t) {
      code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }, { language: 'KLINGON' }), res.SUCCESS, 'max offset in KLINGON');
    },
  },
  {
    name: 'header.any-version-served',
    requirement: 'A request of a version below 0 or beyond all releases is served.',
    level: 'MUST',
    source: 'MQVersion#value2Version',
    async run(t) {
      for (const version of [-1, 99_999]) code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }, { version }), res.SUCCESS, `max offset in version ${version}`);
    },
  },
  {
    name: 'header.serialize-member-ignored',
    requirement: 'The member serializeTypeCurrentRPC does not count: the serialization is what the frame\'s length word says, and the answer is JSON.',
    level: 'MUST',
    source: 'RemotingCommand#headerDecode',
    async run(t) {
      const answer = await askRaw(t, maxOffsetHeader(t.topicName(), 9, '"serializeTypeCurrentRPC":"ROCKETMQ",'), 9);
      equal([answer.code, answer.serialize], [res.SUCCESS, 'json'], 'code and serialization of the answer');
    },
  },
  {
    name: 'header.opaque-beyond-32-bits-closes',
    requirement: 'An opaque of more than 32 bits closes the connection.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 2_147_483_648) }), 'opaque 2147483648');
    },
  },
  {
    name: 'header.code-beyond-32-bits-closes',
    requirement: 'A code of more than 32 bits closes the connection.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      await closes(t, rawFrame({ header: '{"code":21474836470,"opaque":9}' }), 'code 21474836470');
    },
  },
  {
    name: 'header.code-absent-is-zero',
    requirement: 'A request without a code, or with a code of null, has code 0, which nobody serves.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      for (const header of ['{"opaque":9,"extFields":{}}', '{"code":null,"opaque":9}']) {
        const answer = await askRaw(t, header, 9);
        code(answer, res.REQUEST_CODE_NOT_SUPPORTED, header);
        remarkMatches(answer, 'request type 0 not supported', header);
      }
    },
  },
]);
