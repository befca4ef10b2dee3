/** Retries that a consumer sends itself, as a message to its retry topic. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, present } from '../../expect.js';
import { dead } from './support.js';

export const cases = defineCases('retry', [
  {
    name: 'retry.by-send.kept-in-retry-topic',
    requirement: 'A client that cannot send back sends to %RETRY%group itself; the message is stored there with its reconsumeTimes.',
    level: 'MUST',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      const group = await t.group();
      const topic = `%RETRY%${group}`;
      code(await t.send(topic, { group: 'CLIENT_INNER_PRODUCER', body: 'again', reconsumeTimes: 2, ext: { l: 16 } }), res.SUCCESS, 'send');
      const message = present((await t.pullAll(topic, 1, { group }))[0], 'the message');
      equal({ body: message.body.toString(), reconsumeTimes: message.reconsumeTimes }, { body: 'again', reconsumeTimes: 2 }, 'message');
    },
  },
  {
    name: 'retry.by-send.past-max-goes-to-dlq',
    requirement: 'A send to %RETRY%group whose reconsumeTimes exceeds maxReconsumeTimes is stored in %DLQ%group.',
    level: 'MUST',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    async run(t) {
      const group = await t.group();
      code(await t.send(`%RETRY%${group}`, { group: 'CLIENT_INNER_PRODUCER', body: 'dead', reconsumeTimes: 4, ext: { l: 3 } }), res.SUCCESS, 'send');
      equal((await dead(t, group)).body.toString(), 'dead', 'body in the dead letter queue');
    },
  },
  {
    name: 'retry.by-send.unknown-group',
    requirement: 'A send to the retry topic of a group that cannot exist is SUBSCRIPTION_GROUP_NOT_EXIST.',
    level: 'MUST',
    source: 'SendMessageProcessor#handleRetryAndDLQ',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = t.groupName('x').padEnd(130, 'x').slice(0, 130);
      t.forgetTopic(`%RETRY%${group}`);
      code(await t.send(`%RETRY%${group}`, { reconsumeTimes: 1 }), res.SUBSCRIPTION_GROUP_NOT_EXIST, 'send');
    },
  },
]);
