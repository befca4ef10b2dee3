/** Frames: lengths, pieces, pipelining. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, isTrue } from '../../expect.js';
import { encodeFrame, rawFrame } from '../../wire/frame.js';

export const cases = defineCases('frame', [
  {
    name: 'frame.split-into-single-bytes',
    requirement: 'A request that arrives one byte at a time is answered like one that arrives whole.',
    level: 'MUST',
    source: 'NettyDecoder#decode',
    async run(t) {
      const broker = await t.broker();
      const answer = broker.answerTo(77);
      await broker.sendChunks(encodeFrame({ code: req.GET_MAX_OFFSET, opaque: 77, ext: { topic: t.topicName(), queueId: 0 } }), 1);
      code(await answer, res.SUCCESS, 'max offset of a topic that is not there');
    },
  },
  {
    name: 'frame.several-in-one-write',
    requirement: 'Several requests in one TCP segment are each answered with their own opaque.',
    level: 'MUST',
    source: 'NettyDecoder#decode',
    async run(t) {
      const broker = await t.broker();
      const opaques = [5, 900, 3, -7];
      const answers = opaques.map((opaque) => broker.answerTo(opaque));
      broker.sendBytes(Buffer.concat(opaques.map((opaque) => encodeFrame({ code: req.GET_MAX_OFFSET, opaque, ext: { topic: t.topicName(), queueId: 0 } }))));
      equal((await Promise.all(answers)).map((answer) => answer.opaque), opaques, 'opaques of the answers');
    },
  },
  {
    name: 'frame.length-past-limit-closes',
    requirement: 'A frame that announces more bytes than the frame limit of 16 MiB is not waited for: the connection is closed.',
    level: 'MUST',
    source: 'NettyDecoder, com.rocketmq.remoting.frameMaxLength',
    async run(t) {
      const broker = await t.broker();
      broker.sendBytes(rawFrame({ header: '{}', lengthWord: 0x7fffffff, body: Buffer.alloc(100) }));
      const end = await t.until('the endpoint closes the connection', async () => Promise.race([broker.closed, t.sleep(50).then(() => undefined)]));
      isTrue(end.by !== 'us', 'the endpoint ends the connection');
    },
  },
  {
    name: 'frame.boundary-inside-write',
    requirement: 'A write that ends one request and begins the next loses neither.',
    level: 'MUST',
    source: 'NettyDecoder#decode',
    async run(t) {
      const broker = await t.broker();
      const ext = { topic: t.topicName(), queueId: 0 };
      const both = Buffer.concat([encodeFrame({ code: req.GET_MAX_OFFSET, opaque: 11, ext }), encodeFrame({ code: req.GET_MIN_OFFSET, opaque: 12, ext })]);
      const middle = both.length / 2;
      const answers = [broker.answerTo(11), broker.answerTo(12)];
      for (const [from, to] of [[0, middle - 7], [middle - 7, middle + 5], [middle + 5, both.length]] as const) {
        broker.sendBytes(both.subarray(from, to));
        await t.sleep(10);
      }
      equal((await Promise.all(answers)).map((answer) => answer.code), [res.SUCCESS, res.SUCCESS], 'codes of both answers');
    },
  },
  {
    name: 'frame.slow-sender-waited-for',
    requirement: 'A request whose second half comes much later than its first is answered, and meanwhile the connection stays open.',
    level: 'MUST',
    source: 'NettyDecoder#decode',
    async run(t) {
      const broker = await t.broker();
      const bytes = encodeFrame({ code: req.GET_MAX_OFFSET, opaque: 21, ext: { topic: t.topicName(), queueId: 0 } });
      const answer = broker.answerTo(21);
      broker.sendBytes(bytes.subarray(0, 40));
      await t.sleep(1500);
      isTrue(broker.isOpen, 'the connection is open after 1.5 s with half a request');
      broker.sendBytes(bytes.subarray(40));
      code(await answer, res.SUCCESS, 'the request whose second half came late');
    },
  },
  {
    name: 'frame.length-word-in-pieces',
    requirement: 'A request whose length word itself arrives in two pieces is answered.',
    level: 'MUST',
    source: 'NettyDecoder#decode',
    async run(t) {
      const broker = await t.broker();
      const bytes = encodeFrame({ code: req.GET_MAX_OFFSET, opaque: 31, ext: { topic: t.topicName(), queueId: 0 } });
      const answer = broker.answerTo(31);
      broker.sendBytes(bytes.subarray(0, 2));
      await t.sleep(20);
      broker.sendBytes(bytes.subarray(2));
      code(await answer, res.SUCCESS, 'the request');
    },
  },
  {
    name: 'frame.body-in-pieces-stored-whole',
    requirement: 'A message whose body arrives in many pieces is stored byte for byte.',
    level: 'MUST',
    source: 'NettyDecoder#decode',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const body = t.rng.bytes(40_000);
      const broker = await t.broker();
      const answer = broker.answerTo(41);
      await broker.sendChunks(encodeFrame({
        code: req.SEND_MESSAGE_V2, opaque: 41, body,
        ext: { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false },
      }), 1999);
      code(await answer, res.SUCCESS, 'the message sent in pieces');
      const [message] = await t.pullAll(topic, 1);
      bytesEqual(message?.body ?? Buffer.alloc(0), body, 'the body that was stored');
    },
  },
  {
    name: 'frame.two-hundred-pipelined',
    requirement: 'Two hundred requests written without waiting are each answered exactly once.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      const broker = await t.broker();
      const opaques = Array.from({ length: 200 }, (_, i) => 1000 + i);
      const answers = opaques.map((opaque) => broker.answerTo(opaque));
      broker.sendBytes(Buffer.concat(opaques.map((opaque) => encodeFrame({ code: req.GET_MIN_OFFSET, opaque, ext: { topic: t.topicName(), queueId: 0 } }))));
      equal((await Promise.all(answers)).filter((answer) => answer.code !== res.SUCCESS).length, 0, 'answers other than SUCCESS');
      const second = broker.nextFrame(() => true, 100).then(() => true, () => false);
      equal(await second, false, 'one more frame after 200 answers');
    },
  },
  {
    name: 'frame.needless-body-ignored',
    requirement: 'A body on a request that needs none is ignored.',
    level: 'MUST',
    source: 'RemotingCommand#decode',
    async run(t) {
      code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }, { body: t.rng.bytes(5000) }), res.SUCCESS, 'max offset with 5000 bytes of body');
    },
  },
  {
    name: 'frame.pieces-at-name-server',
    requirement: 'The name server answers a request that arrives one byte at a time, and one that is in the same segment as the end of it.',
    level: 'MUST',
    source: 'NettyDecoder#decode',
    async run(t) {
      const namesrv = await t.namesrv();
      const first = encodeFrame({ code: req.GET_BROKER_CLUSTER_INFO, opaque: 51 });
      const answers = [namesrv.answerTo(51), namesrv.answerTo(52)];
      await namesrv.sendChunks(first.subarray(0, -1), 1);
      namesrv.sendBytes(Buffer.concat([first.subarray(-1), encodeFrame({ code: req.GET_BROKER_CLUSTER_INFO, opaque: 52 })]));
      equal((await Promise.all(answers)).map((answer) => answer.code), [res.SUCCESS, res.SUCCESS], 'codes of both answers');
    },
  },
]);
