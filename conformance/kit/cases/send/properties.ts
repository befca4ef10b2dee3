/** Message properties on their way to the store: what is read, added, replaced and dropped. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { res } from '../../codes.js';
import { code, equal, isTrue, remarkMatches } from '../../expect.js';
import { sendAndView, stored, uniqKey } from './support.js';

/** The stored properties of a message sent with this property text. */
async function readBack(t: Context, text: string | undefined): Promise<Readonly<Record<string, string>>> {
  return (await sendAndView(t, await t.topic(), { ext: { i: text } })).properties;
}

export const cases = defineCases('send', [
  {
    name: 'send.property-cluster-added',
    requirement: 'The broker adds the name of its cluster as property CLUSTER.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      equal((await readBack(t, ''))['CLUSTER'], t.endpoint.cluster, 'CLUSTER');
    },
  },
  {
    name: 'send.property-cluster-replaced',
    requirement: 'A CLUSTER property of the producer is replaced by the broker\'s.',
    level: 'SHOULD',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      equal((await readBack(t, 'CLUSTER\u0001elsewhere\u0002'))['CLUSTER'], t.endpoint.cluster, 'CLUSTER');
    },
  },
  {
    name: 'send.property-region-added',
    requirement: 'The broker stores MSG_REGION and TRACE_ON with the message, with the values it answers.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    source: 'AbstractSendMessageProcessor#buildMsgContext',
    async run(t) {
      const answer = await t.sendOk(await t.topic());
      const { MSG_REGION, TRACE_ON } = (await stored(t, answer)).properties;
      equal([MSG_REGION, TRACE_ON], [answer.ext['MSG_REGION'], answer.ext['TRACE_ON']], 'MSG_REGION and TRACE_ON');
    },
  },
  {
    name: 'send.property-region-replaced',
    requirement: 'MSG_REGION and TRACE_ON of the producer are replaced by the broker\'s.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    source: 'AbstractSendMessageProcessor#buildMsgContext',
    async run(t) {
      const answer = await t.sendOk(await t.topic(), { properties: { MSG_REGION: 'nowhere', TRACE_ON: 'perhaps' } });
      const { MSG_REGION, TRACE_ON } = (await stored(t, answer)).properties;
      equal([MSG_REGION, TRACE_ON], [answer.ext['MSG_REGION'], answer.ext['TRACE_ON']], 'MSG_REGION and TRACE_ON');
    },
  },
  {
    name: 'send.property-pop-receipt-removed',
    requirement: 'A POP_CK property of the producer is not stored.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#clearReservedProperties',
    async run(t) {
      const { POP_CK, own } = await readBack(t, 'POP_CK\u00010 1 2 3 4 5 6\u0002own\u0001stays\u0002');
      equal([POP_CK, own], [undefined, 'stays'], 'POP_CK and own');
    },
  },
  {
    name: 'send.property-like-pop-receipt-stays',
    requirement: 'Properties whose name only contains POP_CK, or whose value is POP_CK, stay.',
    level: 'MUST',
    source: 'MessageUtils#deleteProperty',
    async run(t) {
      const { MY_POP_CK, POP_CKX, own } = await readBack(t, 'MY_POP_CK\u0001a\u0002POP_CKX\u0001b\u0002own\u0001POP_CK\u0002');
      equal([MY_POP_CK, POP_CKX, own], ['a', 'b', 'POP_CK'], 'properties');
    },
  },
  {
    name: 'send.property-empty-value-dropped',
    requirement: 'A property with an empty value is not stored.',
    level: 'SHOULD',
    source: 'MessageDecoder#string2messageProperties',
    async run(t) {
      const { empty, own } = await readBack(t, 'empty\u0001\u0002own\u0001x\u0002');
      equal([empty, own], [undefined, 'x'], 'empty and own');
    },
  },
  {
    name: 'send.property-empty-name-dropped',
    requirement: 'A property with an empty name is not stored.',
    level: 'SHOULD',
    source: 'MessageDecoder#string2messageProperties',
    async run(t) {
      const { propertiesText, properties } = await sendAndView(t, await t.topic(), { ext: { i: '\u0001nameless\u0002own\u0001x\u0002' } });
      equal([propertiesText.includes('nameless'), properties['own']], [false, 'x'], 'the nameless property, and own');
    },
  },
  {
    name: 'send.property-without-separator-dropped',
    requirement: 'A part of the property text without a name-value separator is dropped and the parts around it are kept.',
    level: 'SHOULD',
    source: 'MessageDecoder#string2messageProperties',
    async run(t) {
      const { propertiesText, properties } = await sendAndView(t, await t.topic(), { ext: { i: 'a\u00011\u0002nonsense\u0002b\u00012\u0002' } });
      equal([propertiesText.includes('nonsense'), properties['a'], properties['b']], [false, '1', '2'], 'the broken part, a and b');
    },
  },
  {
    name: 'send.property-last-separator-optional',
    requirement: 'The property text may lack its last separator.',
    level: 'MUST',
    source: 'MessageDecoder#string2messageProperties',
    async run(t) {
      const { a, b } = await readBack(t, 'a\u00011\u0002b\u00012');
      equal([a, b], ['1', '2'], 'a and b');
    },
  },
  {
    name: 'send.property-doubled-separators-skipped',
    requirement: 'Empty parts between separators of the property text are skipped.',
    level: 'SHOULD',
    source: 'MessageDecoder#string2messageProperties',
    async run(t) {
      const { a, b } = await readBack(t, '\u0002\u0002a\u00011\u0002\u0002\u0002b\u00012\u0002\u0002');
      equal([a, b], ['1', '2'], 'a and b');
    },
  },
  {
    name: 'send.property-value-with-separator',
    requirement: 'A property value may contain the name-value separator: the first one ends the name.',
    level: 'SHOULD',
    source: 'MessageDecoder#string2messageProperties',
    async run(t) {
      equal((await readBack(t, 'a\u0001x\u0001y\u0002'))['a'], 'x\u0001y', 'a');
    },
  },
  {
    name: 'send.property-repeated-last-wins',
    requirement: 'Of a property that is given twice the last value is stored, once.',
    level: 'SHOULD',
    source: 'MessageDecoder#string2messageProperties',
    async run(t) {
      const { propertiesText } = await sendAndView(t, await t.topic(), { ext: { i: 'twice\u0001first\u0002twice\u0001second\u0002' } });
      equal(propertiesText.split('\u0002').filter((part) => part.startsWith('twice')), ['twice\u0001second'], 'parts with the name');
    },
  },
  {
    name: 'send.properties-absent',
    requirement: 'A message without property text is stored with what the broker adds.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'MessageDecoder#string2messageProperties',
    async run(t) {
      const properties = await readBack(t, undefined);
      isTrue((properties['UNIQ_KEY'] ?? '') !== '', 'UNIQ_KEY was added');
    },
  },
  {
    name: 'send.property-unicode-kept',
    requirement: 'Property names and values of any Unicode text are kept, characters beyond 16 bits as well.',
    level: 'MUST',
    source: 'MessageDecoder#messageProperties2String',
    async run(t) {
      equal((await readBack(t, 'ключ\u0001値😀\u0002'))['ключ'], '値😀', 'value');
    },
  },
  {
    name: 'send.property-control-characters-kept',
    requirement: 'Control characters other than the two separators are kept in property values.',
    level: 'SHOULD',
    source: 'MessageDecoder#messageProperties2String',
    async run(t) {
      equal((await readBack(t, 'a\u0001\u0000x\u0003\n\t\u0002'))['a'], '\u0000x\u0003\n\t', 'value');
    },
  },
  {
    name: 'send.property-uniq-key-empty-replaced',
    requirement: 'An empty UNIQ_KEY is replaced by one that the broker makes.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      isTrue(((await readBack(t, 'UNIQ_KEY\u0001\u0002'))['UNIQ_KEY'] ?? '') !== '', 'UNIQ_KEY was made');
    },
  },
  {
    name: 'send.property-wait-kept',
    requirement: 'The property WAIT of a producer is stored and read like any other.',
    level: 'MAY',
    versions: { from: '5.0.0' },
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      equal((await readBack(t, 'WAIT\u0001false\u0002'))['WAIT'], 'false', 'WAIT');
    },
  },
  {
    name: 'send.property-keys-and-tags-verbatim',
    requirement: 'KEYS and TAGS are stored as given, with all their blanks and bars.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const { KEYS, TAGS } = (await sendAndView(t, await t.topic(), { keys: ' a  b ', tags: 'x || y' })).properties;
      equal([KEYS, TAGS], [' a  b ', 'x || y'], 'KEYS and TAGS');
    },
  },
  {
    name: 'send.property-inner-num-refused',
    requirement: 'A message with the property INNER_NUM that is no inner batch is refused with MESSAGE_ILLEGAL.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    source: 'HookUtils#checkInnerBatch',
    async run(t) {
      code(await t.send(await t.topic(), { properties: { INNER_NUM: '2' } }), res.MESSAGE_ILLEGAL, 'send with INNER_NUM');
    },
  },
  {
    name: 'send.inner-batch-flag-refused',
    requirement: 'A message whose sysFlag says inner batch is refused with MESSAGE_ILLEGAL by a topic without batch queues.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    source: 'HookUtils#checkInnerBatch',
    async run(t) {
      code(await t.send(await t.topic(), { sysFlag: 0x80 }), res.MESSAGE_ILLEGAL, 'send with sysFlag 0x80');
    },
  },
  {
    name: 'send.properties-at-limit',
    requirement: 'Properties of 32767 bytes, counted with those the broker adds, are stored.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      const properties = { UNIQ_KEY: uniqKey(t), pad: 'x' };
      const added = Buffer.byteLength((await sendAndView(t, topic, { properties })).propertiesText);
      const full = await sendAndView(t, topic, { properties: { ...properties, pad: 'x'.repeat(32767 - added + 1) } });
      equal(Buffer.byteLength(full.propertiesText), 32767, 'bytes of the stored properties');
    },
  },
  {
    name: 'send.properties-over-limit',
    requirement: 'Properties that with those the broker adds are one byte over 32767 are refused with MESSAGE_ILLEGAL and a remark that names the limit.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      const properties = { UNIQ_KEY: uniqKey(t), pad: 'x' };
      const added = Buffer.byteLength((await sendAndView(t, topic, { properties })).propertiesText);
      const answer = await t.send(topic, { properties: { ...properties, pad: 'x'.repeat(32767 - added + 2) } });
      code(answer, res.MESSAGE_ILLEGAL, 'send with 32768 bytes of properties');
      remarkMatches(answer, 'properties length', 'send with 32768 bytes of properties');
    },
  },
  {
    name: 'send.properties-limit-in-bytes',
    requirement: 'The limit of the properties counts bytes of UTF-8, not characters.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic, { properties: { pad: 'x'.repeat(20_000) } });
      code(await t.send(topic, { properties: { pad: 'ü'.repeat(20_000) } }), res.MESSAGE_ILLEGAL, 'send with 20000 characters of two bytes');
    },
  },
]);
