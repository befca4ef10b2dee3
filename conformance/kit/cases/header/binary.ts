/** The ROCKETMQ (binary) form of a header. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, equal, remarkMatches } from '../../expect.js';
import { rawFrame } from '../../wire/frame.js';
import { closes, unanswered } from '../frame/support.js';
import { binaryHeader, type BinaryParts } from './support.js';

const needs = ['binary-header'] as const;

async function ask(t: Context, header: Buffer, body?: string): Promise<Answer> {
  const broker = await t.broker();
  const answer = broker.answerTo(9);
  broker.sendBytes(rawFrame({ header, serializeByte: 1, body }));
  return answer;
}

/** GET_MAX_OFFSET of a topic that is not there; `parts` replaces single parts. */
function maxOffset(t: Context, parts: BinaryParts = {}): Buffer {
  return binaryHeader({ ext: [['topic', t.topicName()], ['queueId', '0']], ...parts });
}

export const cases = defineCases('header', [
  {
    name: 'header.binary-unknown-code-refused',
    requirement: 'A request code that nobody serves is refused in a binary header as in a JSON one.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    needs,
    async run(t) {
      const answer = await ask(t, binaryHeader({ code: 9999 }));
      code(answer, res.REQUEST_CODE_NOT_SUPPORTED, 'request 9999');
      remarkMatches(answer, 'request type 9999 not supported', 'request 9999');
    },
  },
  {
    name: 'header.binary-code-has-16-bits',
    requirement: 'A code beyond 32767 does not fit a binary header: POP_MESSAGE (200050) arrives as 3442, which nobody serves.',
    level: 'MUST',
    source: 'RocketMQSerializable#rocketMQProtocolDecode',
    needs,
    async run(t) {
      const answer = await t.request(req.POP_MESSAGE, {}, { serialize: 'binary' });
      code(answer, res.REQUEST_CODE_NOT_SUPPORTED, 'request 200050');
      remarkMatches(answer, 'request type 3442 not supported', 'request 200050');
    },
  },
  {
    name: 'header.binary-code-signed',
    requirement: 'The code of a binary header is signed.',
    level: 'MUST',
    source: 'RocketMQSerializable#rocketMQProtocolDecode',
    needs,
    async run(t) {
      remarkMatches(await ask(t, binaryHeader({ code: -1 })), 'request type -1 not supported', 'request -1');
    },
  },
  {
    name: 'header.binary-send-stored',
    requirement: 'A message that is sent with a binary header is stored with its properties and body.',
    level: 'MUST',
    source: 'RocketMQSerializable#rocketMQProtocolDecode',
    needs,
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { serialize: 'binary', body: 'binäry 😀', properties: { own: 'wért 😀' } });
      const [message] = await t.pullAll(topic, 1);
      equal([message?.body.toString(), message?.properties['own']], ['binäry 😀', 'wért 😀'], 'body and property own');
    },
  },
  {
    name: 'header.binary-and-json-mixed',
    requirement: 'Requests with binary and with JSON headers may alternate on one connection.',
    level: 'MUST',
    source: 'RemotingCommand#headerDecode',
    needs,
    async run(t) {
      const ext = { topic: t.topicName(), queueId: 0 };
      const codes: number[] = [];
      for (const serialize of ['binary', 'json', 'binary', 'json'] as const) codes.push((await t.request(req.GET_MAX_OFFSET, ext, { serialize })).code);
      equal(codes, [0, 0, 0, 0], 'codes of four answers');
    },
  },
  {
    name: 'header.binary-answered-in-json',
    requirement: 'Since 5.0 a request with a binary header is answered with a JSON header unless the server is configured otherwise.',
    level: 'SHOULD',
    source: 'RemotingCommand#serializeTypeConfigInThisServer',
    versions: { from: '5.0.0' },
    needs,
    async run(t) {
      equal((await ask(t, maxOffset(t))).serialize, 'json', 'serialization of the answer');
    },
  },
  {
    name: 'header.binary-without-fields',
    requirement: 'A binary header without fields is one without extFields: a request that needs some fails with SYSTEM_ERROR.',
    level: 'MUST',
    source: 'RocketMQSerializable#rocketMQProtocolDecode',
    needs,
    async run(t) {
      code(await ask(t, maxOffset(t, { ext: [] })), res.SYSTEM_ERROR, 'max offset without fields');
    },
  },
  {
    name: 'header.binary-empty-value-is-absent',
    requirement: 'A field whose value is empty in a binary header is a missing one.',
    level: 'MUST',
    source: 'RocketMQSerializable#readStr',
    needs,
    async run(t) {
      code(await ask(t, maxOffset(t, { ext: [['topic', ''], ['queueId', '0']] })), res.SYSTEM_ERROR, 'max offset of an empty topic');
    },
  },
  {
    name: 'header.binary-empty-name-ignored',
    requirement: 'A field without a name in a binary header is ignored.',
    level: 'MUST',
    source: 'RocketMQSerializable#readStr',
    needs,
    async run(t) {
      code(await ask(t, maxOffset(t, { ext: [['', 'nameless'], ['topic', t.topicName()], ['queueId', '0']] })), res.SUCCESS, 'max offset with a nameless field');
    },
  },
  {
    name: 'header.binary-duplicate-last-wins',
    requirement: 'Of two fields with one name in a binary header the last counts.',
    level: 'SHOULD',
    source: 'RocketMQSerializable#mapDeserialize',
    needs,
    async run(t) {
      code(await ask(t, maxOffset(t, { ext: [['topic', t.topicName()], ['queueId', 'x'], ['queueId', '0']] })), res.SUCCESS, 'max offset of queue x and then 0');
    },
  },
  {
    name: 'header.binary-unknown-language-served',
    requirement: 'A language code that the endpoint does not know is no reason to refuse a binary header.',
    level: 'MUST',
    source: 'LanguageCode#valueOf',
    needs,
    async run(t) {
      for (const language of [99, -1]) code(await ask(t, maxOffset(t, { language })), res.SUCCESS, `max offset in language ${language}`);
    },
  },
  {
    name: 'header.binary-remark-skipped',
    requirement: 'A remark in a binary request is skipped.',
    level: 'MUST',
    source: 'RocketMQSerializable#rocketMQProtocolDecode',
    needs,
    async run(t) {
      const answer = await ask(t, maxOffset(t, { remark: 'from the client, ünïcode' }));
      equal([answer.code, answer.remark], [res.SUCCESS, undefined], 'code and remark of the answer');
    },
  },
  {
    name: 'header.binary-bytes-behind-fields',
    requirement: 'Bytes of a binary header behind its fields are skipped, those of the body with them or not, and the request is served.',
    level: 'SHOULD',
    source: 'RemotingCommand#decode',
    needs,
    async run(t) {
      code(await ask(t, Buffer.concat([maxOffset(t), Buffer.from('zzzz')])), res.SUCCESS, 'max offset with four bytes behind the fields');
    },
  },
  {
    name: 'header.binary-negative-fields-length',
    requirement: 'A negative length of the fields of a binary header means none.',
    level: 'MAY',
    source: 'RocketMQSerializable#rocketMQProtocolDecode',
    needs,
    async run(t) {
      code(await ask(t, maxOffset(t, { extLength: -1 })), res.SYSTEM_ERROR, 'max offset whose fields have length -1');
    },
  },
  {
    name: 'header.binary-oneway-not-answered',
    requirement: 'A oneway request with a binary header is not answered.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#writeResponse',
    needs,
    async run(t) {
      const broker = await t.broker();
      await unanswered(broker, 9, () => broker.sendBytes(rawFrame({ header: maxOffset(t, { flag: 2 }), serializeByte: 1 })));
    },
  },
  {
    name: 'header.binary-remark-past-end-closes',
    requirement: 'A binary header whose remark is announced longer than the header closes the connection.',
    level: 'MUST',
    source: 'RocketMQSerializable#readStr',
    needs,
    async run(t) {
      await closes(t, rawFrame({ header: maxOffset(t, { remarkLength: 100_000 }), serializeByte: 1 }), 'a remark of 100,000 bytes');
    },
  },
  {
    name: 'header.binary-negative-remark-closes',
    requirement: 'A binary header whose remark has a negative length closes the connection.',
    level: 'MUST',
    source: 'RocketMQSerializable#readStr',
    needs,
    async run(t) {
      await closes(t, rawFrame({ header: maxOffset(t, { remarkLength: -5 }), serializeByte: 1 }), 'a remark of -5 bytes');
    },
  },
  {
    name: 'header.binary-fields-past-end-closes',
    requirement: 'A binary header whose fields are announced longer than the header closes the connection.',
    level: 'MUST',
    source: 'RocketMQSerializable#rocketMQProtocolDecode',
    needs,
    async run(t) {
      await closes(t, rawFrame({ header: maxOffset(t, { extLength: 100_000 }), serializeByte: 1 }), 'fields of 100,000 bytes');
    },
  },
  {
    name: 'header.binary-value-past-end-closes',
    requirement: 'A binary header with a value that is announced longer than the fields closes the connection.',
    level: 'MUST',
    source: 'RocketMQSerializable#readStr',
    needs,
    async run(t) {
      await closes(t, rawFrame({ header: maxOffset(t, { ext: [['topic', 'x', 5, 0x7fffffff]] }), serializeByte: 1 }), 'a value of 2 GiB');
    },
  },
  {
    name: 'header.binary-negative-name-closes',
    requirement: 'A binary header with a name of negative length closes the connection.',
    level: 'MUST',
    source: 'RocketMQSerializable#readStr',
    needs,
    async run(t) {
      await closes(t, rawFrame({ header: maxOffset(t, { ext: [['topic', 'x', -5]] }), serializeByte: 1 }), 'a name of -5 bytes');
    },
  },
  {
    name: 'header.binary-negative-value-closes',
    requirement: 'A binary header with a value of negative length closes the connection.',
    level: 'MUST',
    source: 'RocketMQSerializable#readStr',
    needs,
    async run(t) {
      await closes(t, rawFrame({ header: maxOffset(t, { ext: [['topic', 'nope', 5, -4]] }), serializeByte: 1 }), 'a value of -4 bytes');
    },
  },
  {
    name: 'header.binary-too-short-closes',
    requirement: 'A binary header shorter than its fixed part closes the connection.',
    level: 'MUST',
    source: 'RocketMQSerializable#rocketMQProtocolDecode',
    needs,
    async run(t) {
      await closes(t, rawFrame({ header: maxOffset(t).subarray(0, 16), serializeByte: 1 }), 'a binary header of 16 bytes');
    },
  },
  {
    name: 'header.json-text-as-binary-closes',
    requirement: 'JSON text that is announced as a binary header closes the connection.',
    level: 'MUST',
    source: 'RemotingCommand#headerDecode',
    needs,
    async run(t) {
      await closes(t, rawFrame({ header: `{"code":30,"opaque":9,"extFields":{"topic":"${t.topicName()}","queueId":"0"}}`, serializeByte: 1 }), 'JSON as binary');
    },
  },
  {
    name: 'header.binary-as-json-closes',
    requirement: 'A binary header that is announced as JSON closes the connection.',
    level: 'MUST',
    source: 'RemotingCommand#headerDecode',
    needs,
    async run(t) {
      await closes(t, rawFrame({ header: maxOffset(t), serializeByte: 0 }), 'binary as JSON');
    },
  },
]);
