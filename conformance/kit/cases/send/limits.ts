/** Size of the body. The limit is the broker's maxMessageSize, 4 MiB unless its configuration says otherwise. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, isTrue, notCode, remarkMatches } from '../../expect.js';
import { configNumber, sendAndView } from './support.js';

const usualMax = 4 * 1024 * 1024;

export const cases = defineCases('send', [
  {
    name: 'send.body-empty-refused',
    requirement: 'A send without a body is refused, and the connection stays usable.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'AbstractSendMessageProcessor#buildMsgContext, HookUtils#checkBeforePutMessage',
    async run(t) {
      const topic = await t.topic();
      notCode(await t.send(topic, { body: '' }), res.SUCCESS, 'send without a body');
      equal((await t.sendOk(topic)).queueOffset, 0, 'queueOffset of the next message');
    },
  },
  {
    name: 'send.body-empty-code',
    requirement: 'The refusal of a send without a body has the code SYSTEM_ERROR.',
    level: 'MAY',
    versions: { from: '5.0.0' },
    source: 'AbstractSendMessageProcessor#buildMsgContext',
    async run(t) {
      code(await t.send(await t.topic(), { body: '' }), res.SYSTEM_ERROR, 'send without a body');
    },
  },
  {
    name: 'send.body-one-byte',
    requirement: 'A body of one zero byte is stored.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const message = await sendAndView(t, await t.topic(), { body: Buffer.from([0]) });
      equal([...message.body], [0], 'body');
      isTrue(message.crcOk, 'the CRC is that of the body');
    },
  },
  {
    name: 'send.body-at-limit',
    requirement: 'A body of exactly the greatest message size is stored.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const max = await configNumber(t, 'maxMessageSize', usualMax);
      const message = await sendAndView(t, await t.topic(), { body: Buffer.alloc(max, 'x') });
      equal(message.body.length, max, 'bytes of the stored body');
    },
  },
  {
    name: 'send.body-over-limit',
    requirement: 'A body one byte over the greatest message size is refused with MESSAGE_ILLEGAL and nothing is stored.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const max = await configNumber(t, 'maxMessageSize', usualMax);
      const topic = await t.topic();
      code(await t.send(topic, { body: Buffer.alloc(max + 1, 'x') }), res.MESSAGE_ILLEGAL, `send of ${max + 1} bytes`);
      equal((await t.sendOk(topic)).queueOffset, 0, 'queueOffset of the next message');
    },
  },
  {
    name: 'send.body-over-limit-remark',
    requirement: 'The refusal of a body that is too long names the limit in bytes.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#handlePutMessageResult',
    async run(t) {
      const max = await configNumber(t, 'maxMessageSize', usualMax);
      const answer = await t.send(await t.topic(), { body: Buffer.alloc(max + 1, 'x') });
      code(answer, res.MESSAGE_ILLEGAL, `send of ${max + 1} bytes`);
      remarkMatches(answer, `${max}B`, `send of ${max + 1} bytes`);
    },
  },
  {
    name: 'send.body-limit-apart-from-properties',
    requirement: 'A body of the greatest size may come with properties of their greatest size.',
    level: 'SHOULD',
    source: 'MessageExtEncoder#updateEncoderBufferCapacity',
    async run(t) {
      const max = await configNumber(t, 'maxMessageSize', usualMax);
      await t.sendOk(await t.topic(), { body: Buffer.alloc(max, 'x'), properties: { pad: 'x'.repeat(32_000) } });
    },
  },
]);
