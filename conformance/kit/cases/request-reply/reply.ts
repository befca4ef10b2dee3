/** Request and reply: SEND_REPLY_MESSAGE is pushed to the client that asked. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { bytesEqual, code, equal, hasField, inRange, intField, present, remarkMatches } from '../../expect.js';
import { decodeProperties, encodeProperties, type Properties } from '../../wire/properties.js';
import { client, type Client } from '../clients/support.js';

/** A producer that waits for replies. */
async function requester(t: Context): Promise<Client & { readonly group: string }> {
  const one = await client(t, 'requester');
  const group = t.groupName('requester');
  code(await one.via.heartbeat(one.id, { producers: [group] }), res.SUCCESS, 'heartbeat');
  return { ...one, group };
}

const replyTopic = (t: Context): string => `${t.endpoint.cluster}_REPLY_TOPIC`;

/** SEND_REPLY_MESSAGE_V2 to the client, as a consumer answers a request. */
function reply(t: Context, to: string | undefined, options: { readonly body?: string; readonly properties?: Properties; readonly ext?: Readonly<Record<string, string | number>>; readonly form?: 'V1' } = {}): Promise<Answer> {
  const properties = encodeProperties({ MSG_TYPE: 'reply', CORRELATION_ID: 'c-1', TTL: '3000', ...(to === undefined ? {} : { REPLY_TO_CLIENT: to }), ...options.properties });
  const values = ['conform_replier', replyTopic(t), 'TBW102', 4, 0, 0, 1_700_000_000_000, 5, properties, 0, false, false];
  const names = options.form === 'V1'
    ? ['producerGroup', 'topic', 'defaultTopic', 'defaultTopicQueueNums', 'queueId', 'sysFlag', 'bornTimestamp', 'flag', 'properties', 'reconsumeTimes', 'unitMode', 'batch']
    : ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'm'];
  const header = Object.fromEntries(names.map((name, i) => [name, values[i]]));
  return t.request(options.form === 'V1' ? req.SEND_REPLY_MESSAGE : req.SEND_REPLY_MESSAGE_V2, { ...header, ...options.ext }, { body: options.body ?? 'the reply', timeoutMs: 15_000 });
}

export const cases = defineCases('request-reply', [
  {
    name: 'request-reply.push.to-requester',
    requirement: 'A reply is pushed as PUSH_REPLY_MESSAGE_TO_CLIENT to the connection of the client that REPLY_TO_CLIENT names, with its body.',
    level: 'MUST',
    source: 'ReplyMessageProcessor#pushReplyMessage',
    needs: ['request-reply'],
    async run(t) {
      const one = await requester(t);
      const sent = reply(t, one.id);
      const pushed = await one.connection.nextRequest(req.PUSH_REPLY_MESSAGE_TO_CLIENT);
      one.connection.answer(pushed, 0);
      code(await sent, res.SUCCESS, 'reply');
      bytesEqual(pushed.body, 'the reply', 'body of the push');
    },
  },
  {
    name: 'request-reply.push.long-names-request',
    requirement: 'SEND_REPLY_MESSAGE with long header names is pushed like its short form.',
    level: 'MUST',
    source: 'ReplyMessageProcessor#parseRequestHeader',
    needs: ['request-reply'],
    async run(t) {
      const one = await requester(t);
      const sent = reply(t, one.id, { form: 'V1' });
      const pushed = await one.connection.nextRequest(req.PUSH_REPLY_MESSAGE_TO_CLIENT);
      one.connection.answer(pushed, 0);
      code(await sent, res.SUCCESS, 'reply');
      hasField(pushed, 'producerGroup', 'conform_replier', 'push');
    },
  },
  {
    name: 'request-reply.push.header',
    requirement: 'The push carries the reply\'s group, topic, queue, flags and born time, the replier\'s address as bornHost, the broker\'s as storeHost, and the time.',
    level: 'MUST',
    source: 'ReplyMessageProcessor#pushReplyMessage',
    needs: ['request-reply'],
    async run(t) {
      const one = await requester(t);
      const sent = reply(t, one.id);
      const pushed = await one.connection.nextRequest(req.PUSH_REPLY_MESSAGE_TO_CLIENT);
      one.connection.answer(pushed, 0);
      await sent;
      const fields: readonly (readonly [string, string | number])[] = [
        ['producerGroup', 'conform_replier'], ['topic', replyTopic(t)], ['queueId', 0], ['sysFlag', 0], ['flag', 5], ['bornTimestamp', 1_700_000_000_000],
        ['bornHost', (await t.broker()).localAddress], ['storeHost', t.endpoint.broker],
      ];
      for (const [name, value] of fields) hasField(pushed, name, value, 'push');
      inRange(intField(pushed, 'storeTimestamp', 'push') - t.now(), -5000, 5000, 'storeTimestamp against now');
      equal(pushed.flag & 3, 0, 'flag of the frame');
    },
  },
  {
    name: 'request-reply.push.properties',
    requirement: 'The push carries the reply\'s properties, CORRELATION_ID among them, and PUSH_REPLY_TIME.',
    level: 'MUST',
    source: 'ReplyMessageProcessor#pushReplyMessage',
    needs: ['request-reply'],
    async run(t) {
      const one = await requester(t);
      const sent = reply(t, one.id, { properties: { own: 'value', CORRELATION_ID: 'c-77' } });
      const pushed = await one.connection.nextRequest(req.PUSH_REPLY_MESSAGE_TO_CLIENT);
      one.connection.answer(pushed, 0);
      await sent;
      const properties = decodeProperties(hasField(pushed, 'properties', undefined, 'push'));
      equal({ own: properties['own'], id: properties['CORRELATION_ID'], to: properties['REPLY_TO_CLIENT'] }, { own: 'value', id: 'c-77', to: one.id }, 'properties');
      inRange(Number(present(properties['PUSH_REPLY_TIME'], 'PUSH_REPLY_TIME')) - t.now(), -5000, 5000, 'PUSH_REPLY_TIME against now');
    },
  },
  {
    name: 'request-reply.push.only-to-requester',
    requirement: 'A reply is pushed to no other client.',
    level: 'MUST',
    source: 'ProducerManager#findChannel',
    needs: ['request-reply'],
    async run(t) {
      const one = await requester(t);
      const other = await requester(t);
      const sent = reply(t, one.id);
      one.connection.answer(await one.connection.nextRequest(req.PUSH_REPLY_MESSAGE_TO_CLIENT), 0);
      await sent;
      equal(await other.connection.nextRequest(req.PUSH_REPLY_MESSAGE_TO_CLIENT, 100).then(() => 'pushed', () => 'nothing'), 'nothing', 'the other client');
    },
  },
  {
    name: 'request-reply.answer.waits-for-requester',
    requirement: 'The replier is answered only after the requester has answered the push.',
    level: 'MUST',
    source: 'ReplyMessageProcessor#pushReplyMessage',
    needs: ['request-reply'],
    async run(t) {
      const one = await requester(t);
      let answered = false;
      const sent = reply(t, one.id).finally(() => (answered = true));
      sent.catch(() => undefined); // nobody awaits it when the case ends before
      const pushed = await one.connection.nextRequest(req.PUSH_REPLY_MESSAGE_TO_CLIENT);
      await t.sleep(150);
      equal(answered, false, 'answered before the requester');
      one.connection.answer(pushed, 0);
      code(await sent, res.SUCCESS, 'reply');
    },
  },
  {
    name: 'request-reply.answer.requester-refuses',
    requirement: 'When the requester answers the push with an error the replier gets SYSTEM_ERROR that names the requester.',
    level: 'MUST',
    source: 'ReplyMessageProcessor#pushReplyMessage',
    needs: ['request-reply'],
    async run(t) {
      const one = await requester(t);
      const sent = reply(t, one.id);
      one.connection.answer(await one.connection.nextRequest(req.PUSH_REPLY_MESSAGE_TO_CLIENT), 1, {}, { remark: 'too late' });
      const answer = await sent;
      code(answer, res.SYSTEM_ERROR, 'reply');
      remarkMatches(answer, `push reply message to ${one.id}fail.`, 'reply');
    },
  },
  {
    name: 'request-reply.answer.requester-unknown',
    requirement: 'A reply to a client that is not connected is SYSTEM_ERROR that names it.',
    level: 'MUST',
    source: 'ReplyMessageProcessor#pushReplyMessage',
    needs: ['request-reply'],
    async run(t) {
      const answer = await reply(t, 'nobody@here');
      code(answer, res.SYSTEM_ERROR, 'reply');
      remarkMatches(answer, 'push reply message fail, channel of <nobody@here> not found.', 'reply');
    },
  },
  {
    name: 'request-reply.answer.no-requester-named',
    requirement: 'A reply without REPLY_TO_CLIENT is SYSTEM_ERROR that names the property.',
    level: 'MUST',
    source: 'ReplyMessageProcessor#pushReplyMessage',
    needs: ['request-reply'],
    async run(t) {
      const answer = await reply(t, undefined);
      code(answer, res.SYSTEM_ERROR, 'reply');
      remarkMatches(answer, 'reply message properties[REPLY_TO_CLIENT] is null', 'reply');
    },
  },
  {
    name: 'request-reply.answer.consumer-is-no-requester',
    requirement: 'A reply is not pushed to a client that is only a consumer.',
    level: 'MUST',
    source: 'ProducerManager#findChannel',
    needs: ['request-reply'],
    async run(t) {
      const one = await client(t, 'consumer');
      code(await one.via.heartbeat(one.id, { consumers: [{ group: await t.group(), subscriptions: [await t.topic()] }] }), res.SUCCESS, 'heartbeat');
      code(await reply(t, one.id), res.SYSTEM_ERROR, 'reply');
    },
  },
  {
    name: 'request-reply.answer.requester-left',
    requirement: 'After the requester\'s connection closed a reply to it is SYSTEM_ERROR.',
    level: 'MUST',
    source: 'ProducerManager#doChannelCloseEvent',
    needs: ['request-reply'],
    async run(t) {
      const one = await requester(t);
      one.connection.close();
      await t.until('the requester is gone', async () => {
        const answer = await t.request(req.GET_PRODUCER_CONNECTION_LIST, { producerGroup: one.group });
        return answer.code !== 0 || !answer.body.includes(one.id);
      });
      code(await reply(t, one.id), res.SYSTEM_ERROR, 'reply');
    },
  },
  {
    name: 'request-reply.store.reply-stored',
    requirement: 'A reply is stored in the reply topic as well, and its id and offset are in the answer.',
    level: 'MUST',
    source: 'ReplyMessageProcessor#processReplyMessageRequest, storeReplyMessageEnable',
    needs: ['request-reply'],
    async run(t) {
      const one = await requester(t);
      const sent = reply(t, one.id, { body: 'kept' });
      one.connection.answer(await one.connection.nextRequest(req.PUSH_REPLY_MESSAGE_TO_CLIENT), 0);
      const answer = await sent;
      const message = await t.until('the reply can be viewed', async () => (await t.viewById(hasField(answer, 'msgId', undefined, 'reply'))).message);
      equal({ topic: message.topic, body: message.body.toString(), queueId: String(message.queueId), queueOffset: String(message.queueOffset) },
        { topic: replyTopic(t), body: 'kept', queueId: hasField(answer, 'queueId'), queueOffset: hasField(answer, 'queueOffset') }, 'stored reply');
    },
  },
  {
    name: 'request-reply.topic.there-from-the-start',
    requirement: 'The topic `<cluster>_REPLY_TOPIC` is there without anybody creating it.',
    level: 'MUST',
    source: 'TopicConfigManager',
    needs: ['request-reply'],
    async run(t) {
      code(await t.request(req.GET_TOPIC_STATS_INFO, { topic: replyTopic(t) }), res.SUCCESS, 'statistics of the reply topic');
    },
  },
]);
