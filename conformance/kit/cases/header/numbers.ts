/** Number fields of a header: what is an integer, how large it may be, that no digit is lost. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, remarkMatches } from '../../expect.js';
import { isBefore5 } from '../frame/support.js';

export const cases = defineCases('header', [
  {
    name: 'header.malformed-number-refused',
    requirement: 'A number field that holds no number fails the request with SYSTEM_ERROR and stores nothing.',
    level: 'MUST',
    source: 'SendMessageRequestHeaderV2#decode',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const answer = await t.send(topic, { ext: { e: 'x' } });
      code(answer, res.SYSTEM_ERROR, 'a send with queueId x');
      remarkMatches(answer, 'For input string: "x"', 'a send with queueId x');
      equal((await t.maxOffset(topic)).offset, 0, 'max offset');
    },
  },
  {
    name: 'header.number-beyond-int-refused',
    requirement: 'A number beyond 32 bits in an int field is refused with SYSTEM_ERROR, not cut.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeaderDirectly (Integer#parseInt)',
    async run(t) {
      code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: '4294967296' }), res.SYSTEM_ERROR, 'max offset of queue 4294967296');
    },
  },
  {
    name: 'header.empty-number-refused',
    requirement: 'An empty number field is refused with SYSTEM_ERROR, not taken as 0.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeaderDirectly (Integer#parseInt)',
    async run(t) {
      code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: '' }), res.SYSTEM_ERROR, 'max offset of an empty queueId');
    },
  },
  {
    name: 'header.number-with-blank-refused',
    requirement: 'A blank before a number is not trimmed: the field is refused with SYSTEM_ERROR.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeaderDirectly (Integer#parseInt)',
    async run(t) {
      code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: ' 0' }), res.SYSTEM_ERROR, 'max offset of queue " 0"');
    },
  },
  {
    name: 'header.number-forms-refused',
    requirement: 'Hexadecimal numbers, fractions and exponents are no integers: the field is refused with SYSTEM_ERROR.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeaderDirectly (Integer#parseInt)',
    async run(t) {
      for (const queueId of ['0x0', '0.0', '0e0']) code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId }), res.SYSTEM_ERROR, `max offset of queue ${queueId}`);
    },
  },
  {
    name: 'header.plus-sign-read',
    requirement: 'A number field may have a plus sign and leading zeros.',
    level: 'SHOULD',
    source: 'RemotingCommand#decodeCommandCustomHeaderDirectly (Integer#parseInt)',
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      await t.sendOk(topic, { queueId: 1 });
      await t.pullAll(topic, 1, { queueId: 1 });
      equal((await t.request(req.GET_MAX_OFFSET, { topic, queueId: '+001' })).ext['offset'], '1', 'max offset of queue +001');
    },
  },
  {
    name: 'header.other-digits-read',
    requirement: 'Decimal digits of other scripts are digits, as `Character#digit` has it.',
    level: 'MAY',
    source: 'RemotingCommand#decodeCommandCustomHeaderDirectly (Integer#parseInt)',
    async run(t) {
      code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: '\u0660' }), res.SUCCESS, 'max offset of queue ARABIC-INDIC DIGIT ZERO');
    },
  },
  {
    name: 'header.int64-exact',
    requirement: 'A 64-bit field keeps every digit, also beyond 2^53.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeaderDirectly (Long#parseLong)',
    async run(t) {
      for (const offset of ['9007199254740993', '9223372036854775807', '-9223372036854775808']) {
        remarkMatches(await t.request(req.VIEW_MESSAGE_BY_ID, { offset }), `the offset, ${offset}`, `a message at ${offset}`);
      }
    },
  },
  {
    name: 'header.int64-stored-exact',
    requirement: 'A consumer offset beyond 2^53 is stored and answered with every digit.',
    level: 'SHOULD',
    source: 'ConsumerOffsetManager#commitOffset',
    async run(t) {
      const [topic, group] = [await t.topic({ queues: 1 }), await t.group()];
      code(await t.commitOffset(group, topic, 0, 9_007_199_254_740_993n), res.SUCCESS, 'commit of 2^53 + 1');
      equal((await t.queryOffset(group, topic)).ext['offset'], '9007199254740993', 'the offset that was committed');
    },
  },
  {
    name: 'header.int64-beyond-refused',
    requirement: 'A number beyond 64 bits in a long field fails the request, and nothing is changed.',
    level: 'MUST',
    source: 'RemotingCommand#decodeCommandCustomHeaderDirectly (Long#parseLong)',
    async run(t) {
      const [topic, group] = [await t.topic({ queues: 1 }), await t.group()];
      await t.commitOffset(group, topic, 0, 3);
      const answer = await t.commitOffset(group, topic, 0, 0, { commitOffset: '9223372036854775808' });
      code(answer, isBefore5(t) ? res.SYSTEM_ERROR : [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'commit of 2^63');
      equal((await t.queryOffset(group, topic)).offset, 3, 'the offset afterwards');
    },
  },
]);
