/** Frames: opaque, flag bits, oneway requests, the order of answers, what an answer says about its sender. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, inRange, isTrue } from '../../expect.js';
import { encodeFrame, rawFrame } from '../../wire/frame.js';
import { askRaw, maxOffsetHeader, stillServes, unanswered } from './support.js';

export const cases = defineCases('frame', [
  {
    name: 'frame.opaque-extremes-echoed',
    requirement: 'An opaque is echoed exactly over the whole range of a signed 32-bit integer.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#writeResponse',
    async run(t) {
      const topic = t.topicName();
      for (const opaque of [-0x80000000, -1, 0, 0x7fffffff]) equal((await t.request(req.GET_MAX_OFFSET, { topic, queueId: 0 }, { opaque })).opaque, opaque, `the answer to opaque ${opaque}`);
    },
  },
  {
    name: 'frame.same-opaque-twice',
    requirement: 'Two outstanding requests with one opaque are answered twice: the server keeps no table of opaques.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      const broker = await t.broker();
      const one = encodeFrame({ code: req.GET_MAX_OFFSET, opaque: 6, ext: { topic: t.topicName(), queueId: 0 } });
      broker.sendBytes(Buffer.concat([one, one]));
      for (const which of ['first', 'second']) equal((await broker.nextFrame()).opaque, 6, `opaque of the ${which} answer`);
    },
  },
  {
    name: 'frame.opaque-belongs-to-connection',
    requirement: 'Requests with one opaque on two connections are each answered on their own.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#writeResponse',
    async run(t) {
      const [first, second] = [await t.connect(), await t.connect()];
      const answers = [first.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }, { opaque: 5 }), second.request(9999, {}, { opaque: 5 })];
      equal((await Promise.all(answers)).map((answer) => answer.code), [res.SUCCESS, res.REQUEST_CODE_NOT_SUPPORTED], 'codes on the first and on the second connection');
    },
  },
  {
    name: 'frame.answer-flag',
    requirement: 'An answer has bit 0 of its flag set and no other.',
    level: 'MUST',
    source: 'RemotingCommand#markResponseType',
    async run(t) {
      equal((await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 })).flag, 1, 'flag of the answer');
    },
  },
  {
    name: 'frame.other-flag-bits-ignored',
    requirement: 'Flag bits of a request other than 0 and 1 are ignored and not echoed.',
    level: 'MUST',
    source: 'RemotingCommand#getType',
    async run(t) {
      const answer = await askRaw(t, maxOffsetHeader(t.topicName(), 8, '"flag":-4,'), 8);
      code(answer, res.SUCCESS, 'a request with all flag bits but 0 and 1');
      equal(answer.flag, 1, 'flag of the answer');
    },
  },
  {
    name: 'frame.response-nobody-asked-for-ignored',
    requirement: 'A frame with the response bit whose opaque the server does not wait for is dropped without an answer.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processResponseCommand',
    async run(t) {
      const broker = await t.broker();
      await unanswered(broker, 123_456, () => broker.sendBytes(encodeFrame({ code: res.SUCCESS, opaque: 123_456, flag: 1 })));
      await stillServes(broker, t.topicName());
    },
  },
  {
    name: 'frame.response-bit-beats-request-code',
    requirement: 'A send request that has the response bit set is a response: no message is stored.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processMessageReceived',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const broker = await t.broker();
      await unanswered(broker, 91, () => broker.sendBytes(encodeFrame({
        code: req.SEND_MESSAGE_V2, opaque: 91, flag: 1, body: 'x',
        ext: { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false },
      })));
      equal((await t.maxOffset(topic)).offset, 0, 'max offset');
    },
  },
  {
    name: 'frame.oneway-not-answered',
    requirement: 'A oneway request that succeeds is not answered.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#writeResponse',
    async run(t) {
      const broker = await t.broker();
      const topic = t.topicName();
      await unanswered(broker, 71, () => void broker.oneway(req.GET_MAX_OFFSET, { topic, queueId: 0 }, { opaque: 71 }));
      await stillServes(broker, topic);
    },
  },
  {
    name: 'frame.oneway-failure-not-answered',
    requirement: 'A oneway request whose processor fails is not answered either.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#buildProcessRequestHandler',
    async run(t) {
      const broker = await t.broker();
      await unanswered(broker, 72, () => void broker.oneway(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 'x' }, { opaque: 72 }));
      await stillServes(broker, t.topicName());
    },
  },
  {
    name: 'frame.oneway-unknown-code-not-answered',
    requirement: 'A oneway request with a code that nobody serves is not answered either.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      const broker = await t.broker();
      await unanswered(broker, 73, () => void broker.oneway(9999, {}, { opaque: 73 }));
      await stillServes(broker, t.topicName());
    },
  },
  {
    name: 'frame.oneway-send-stored',
    requirement: 'A message that is sent oneway is stored.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      (await t.broker()).oneway(req.SEND_MESSAGE_V2, { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false }, { body: 'oneway' });
      equal((await t.pullAll(topic, 1))[0]?.body.toString(), 'oneway', 'body of the stored message');
    },
  },
  {
    name: 'frame.oneway-at-name-server-not-answered',
    requirement: 'The name server does not answer a oneway request.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#writeResponse',
    async run(t) {
      const namesrv = await t.namesrv();
      await unanswered(namesrv, 74, () => void namesrv.oneway(req.GET_BROKER_CLUSTER_INFO, {}, { opaque: 74 }));
      code(await namesrv.request(req.GET_BROKER_CLUSTER_INFO), res.SUCCESS, 'a request afterwards');
    },
  },
  {
    name: 'frame.held-request-holds-no-other',
    requirement: 'A pull that waits at the broker does not delay later requests of the same connection: answers come in the order they are ready.',
    level: 'MUST',
    source: 'PullRequestHoldService#suspendPullRequest',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group();
      const broker = await t.broker();
      const order: string[] = [];
      const pull = t.pull(topic, { group, suspendMs: 5000 }).then((answer) => { order.push('pull'); return answer; });
      pull.catch(() => undefined); // nobody awaits it when the case ends before
      await t.sleep(50);
      code(await broker.request(req.GET_MAX_OFFSET, { topic, queueId: 0 }), res.SUCCESS, 'a request behind a waiting pull');
      order.push('later request');
      await t.sendOk(topic);
      code(await pull, res.SUCCESS, 'the pull after a message arrived');
      equal(order, ['later request', 'pull'], 'order of the answers');
    },
  },
  {
    name: 'frame.answers-without-body-end-at-header',
    requirement: 'An answer that has nothing to carry has no body at all.',
    level: 'MUST',
    source: 'RemotingCommand#fastEncodeHeader',
    async run(t) {
      equal((await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 })).body.length, 0, 'bytes of body');
    },
  },
  {
    name: 'frame.answer-version-is-servers',
    requirement: 'The version in an answer is the server\'s own, whatever version the request has.',
    level: 'MUST',
    source: 'RemotingCommand#setCmdVersion',
    async run(t) {
      const ask = async (version: number): Promise<number> => (await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }, { version })).version;
      const version = await ask(0);
      inRange(version, 1, 32_767, 'version of the answer');
      equal([await ask(1), await ask(30_000)], [version, version], 'versions of answers to requests of version 1 and 30000');
    },
  },
  {
    name: 'frame.name-server-same-version',
    requirement: 'Broker and name server of one release put the same version into their answers.',
    level: 'SHOULD',
    source: 'RemotingCommand#setCmdVersion',
    async run(t) {
      const namesrv = await t.namesrv();
      equal((await namesrv.request(req.GET_BROKER_CLUSTER_INFO)).version, (await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 })).version, 'version of the name server');
    },
  },
  {
    name: 'frame.answer-language',
    requirement: 'The language in an answer names the server\'s, not the client\'s; Apache says JAVA.',
    level: 'SHOULD',
    source: 'RemotingCommand (language)',
    async run(t) {
      const answer = await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }, { language: 'GO' });
      equal(answer.language, 'JAVA', 'language of the answer to a request in GO');
    },
  },
  {
    name: 'frame.json-answered-in-json',
    requirement: 'A request with a JSON header is answered with a JSON header.',
    level: 'MUST',
    source: 'RemotingCommand#serializeTypeCurrentRPC',
    async run(t) {
      equal((await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 })).serialize, 'json', 'serialization of the answer');
    },
  },
  {
    name: 'frame.error-keeps-connection',
    requirement: 'A request that fails with SYSTEM_ERROR leaves its connection usable.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#buildProcessRequestHandler',
    async run(t) {
      const broker = await t.broker();
      code(await broker.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 'x' }), res.SYSTEM_ERROR, 'a request with a malformed number');
      isTrue(broker.isOpen, 'the connection is open');
      await stillServes(broker, t.topicName());
    },
  },
  {
    name: 'frame.half-close',
    requirement: 'A client that ends its direction right after a request may lose the answer: Apache closes its own at once.',
    level: 'INFORMATIONAL',
    source: 'NettyRemotingServer (ChannelOption.ALLOW_HALF_CLOSURE off)',
    async run(t) {
      const connection = await t.connect();
      const pending = connection.start(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 });
      connection.halfClose();
      t.note(await pending.answer.then(() => 'answered', (error: Error) => `not answered: ${error.message}`));
    },
  },
  {
    name: 'frame.opaque-absent-numbered-by-server',
    requirement: 'A request without an opaque is answered all the same, with an opaque that the server chose.',
    level: 'MAY',
    source: 'RemotingCommand (opaque)',
    async run(t) {
      const connection = await t.connect();
      const frame = connection.nextFrame();
      connection.sendBytes(rawFrame({ header: `{"code":${req.GET_MAX_OFFSET},"extFields":{"topic":"${t.topicName()}","queueId":"0"}}` }));
      const answer = await frame;
      code(answer, res.SUCCESS, 'a request without opaque');
      t.note(`opaque ${answer.opaque}`);
    },
  },
  {
    name: 'frame.tiny-first-frame',
    requirement: 'A first frame of fewer than 12 bytes may wait for more: Apache 5.x looks for the signature of the PROXY protocol before it reads frames.',
    level: 'INFORMATIONAL',
    source: 'NettyRemotingServer.HandshakeHandler#decode',
    async run(t) {
      const connection = await t.connect();
      const frame = connection.nextFrame(() => true, 300);
      connection.sendBytes(rawFrame({ header: '{}' }));
      t.note(await frame.then((answer) => `10 bytes were answered with code ${answer.code}`, (error: Error) => error.message));
    },
  },
]);
