/** Headers: both serializations, members that are unknown, codes that are. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, remarkMatches } from '../../expect.js';
import { rawFrame } from '../../wire/frame.js';

export const cases = defineCases('header', [
  {
    name: 'header.unknown-code-refused',
    requirement: 'A request code that no processor serves is answered with REQUEST_CODE_NOT_SUPPORTED.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      const answer = await t.request(9999);
      code(answer, res.REQUEST_CODE_NOT_SUPPORTED, 'request 9999');
      remarkMatches(answer, '9999', 'request 9999');
    },
  },
  {
    name: 'header.unknown-members-ignored',
    requirement: 'Members of a JSON header that the endpoint does not know are ignored.',
    level: 'MUST',
    source: 'RemotingSerializable#decode',
    async run(t) {
      const broker = await t.broker();
      const answer = broker.answerTo(9);
      broker.sendBytes(rawFrame({ header: `{"futureMember":[1,{"a":null}],"code":${req.GET_MAX_OFFSET},"opaque":9,"flag":0,"language":"OTHER","version":513,"extFields":{"topic":"${t.topicName()}","queueId":"0"}}` }));
      code(await answer, res.SUCCESS, 'a request with a member from the future');
    },
  },
  {
    name: 'header.binary-request-answered',
    requirement: 'A request whose header is in the ROCKETMQ serialization is understood and answered with its opaque.',
    level: 'MUST',
    source: 'RocketMQSerializable#rocketMQProtocolDecode',
    needs: ['binary-header'],
    async run(t) {
      const topic = await t.topic();
      await t.sendOk(topic);
      await t.pullAll(topic, 1);
      const answer = await t.request(req.GET_MAX_OFFSET, { topic, queueId: 0 }, { serialize: 'binary', opaque: 4242 });
      code(answer, res.SUCCESS, 'max offset');
      equal(answer.opaque, 4242, 'opaque of the answer');
      equal(answer.ext['offset'], '1', 'max offset after one message');
    },
  },
]);
