/** SEND_MESSAGE and SEND_MESSAGE_V2: what is stored and what the answer says. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { bytesEqual, code, equal, isTrue, present } from '../../expect.js';

export const cases = defineCases('send', [
  {
    name: 'send.queue-offsets-consecutive',
    requirement: 'Messages sent one after another to a queue get consecutive queue offsets from 0.',
    level: 'MUST',
    source: 'ConsumeQueue#assignQueueOffset',
    async run(t) {
      const topic = await t.topic();
      const answers = await t.fill(topic, 5, { queueId: 2 });
      equal(answers.map((answer) => answer.queueOffset), [0, 1, 2, 3, 4], 'queue offsets');
      equal(answers.map((answer) => answer.queueId), [2, 2, 2, 2, 2], 'queues');
    },
  },
  {
    name: 'send.body-and-properties-kept',
    requirement: 'Body, flag and user properties of a message are stored as they were sent.',
    level: 'MUST',
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const topic = await t.topic();
      const body = t.rng.bytes(1000);
      await t.sendOk(topic, { body, messageFlag: 12345, tags: 'TagA', keys: 'k1 k2', properties: { own: 'grün', 'with blank': 'a b' } });
      const message = present((await t.pullAll(topic, 1))[0], 'the message');
      bytesEqual(message.body, body, 'body');
      equal(message.flag, 12345, 'flag');
      isTrue(message.crcOk, 'the stored CRC is that of the body');
      const { TAGS, KEYS, own, 'with blank': blank } = message.properties;
      equal([TAGS, KEYS, own, blank], ['TagA', 'k1 k2', 'grün', 'a b'], 'properties');
    },
  },
  {
    name: 'send.v1-and-v2-alike',
    requirement: 'SEND_MESSAGE with long field names stores the same message as SEND_MESSAGE_V2.',
    level: 'MUST',
    source: 'SendMessageRequestHeaderV2#createSendMessageRequestHeaderV1',
    async run(t) {
      const topic = await t.topic();
      const message = { body: 'same', bornTimestamp: 1_700_000_000_000, properties: { UNIQ_KEY: '0A000001000018B4AAC2000000000000', TAGS: 'T' } };
      code(await t.send(topic, { ...message, form: 'V1' }), res.SUCCESS, 'SEND_MESSAGE');
      code(await t.send(topic, { ...message, form: 'V2' }), res.SUCCESS, 'SEND_MESSAGE_V2');
      const [first, second] = await t.pullAll(topic, 2);
      const plain = (one: typeof first): unknown => [one?.body.toString(), one?.bornTimestamp, one?.properties, one?.sysFlag];
      equal(plain(second), plain(first), 'the second message');
    },
  },
]);
