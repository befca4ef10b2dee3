/** Frames whose lengths or serialization byte cannot be: the connection ends, and only that one. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code } from '../../expect.js';
import { encodeFrame, rawFrame } from '../../wire/frame.js';
import { closedByPeer, closes, maxOffsetHeader, stillServes } from './support.js';

export const cases = defineCases('frame', [
  {
    name: 'frame.header-longer-than-frame-closes',
    requirement: 'A frame whose header is announced longer than the frame closes the connection.',
    level: 'MUST',
    source: 'RemotingCommand#decode',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 1), headerWord: 5000 }), 'a header of 5000 bytes in a short frame');
    },
  },
  {
    name: 'frame.header-cut-by-its-length-closes',
    requirement: 'A frame whose header length ends inside the JSON text closes the connection: the rest is body, not header.',
    level: 'MUST',
    source: 'RemotingCommand#headerDecode',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 1), headerWord: 20 }), 'a header length of 20 bytes');
    },
  },
  {
    name: 'frame.unknown-serialization-closes',
    requirement: 'A frame whose serialization byte is neither 0 (JSON) nor 1 (ROCKETMQ) closes the connection.',
    level: 'MUST',
    source: 'SerializeType#valueOf',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 1), serializeByte: 2 }), 'serialization 2');
    },
  },
  {
    name: 'frame.serialization-byte-high-bit-closes',
    requirement: 'A serialization byte of 255 is not taken for a sign or a length: the connection is closed.',
    level: 'MUST',
    source: 'RemotingCommand#getProtocolType',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 1), serializeByte: 255 }), 'serialization 255');
    },
  },
  {
    name: 'frame.length-zero-closes',
    requirement: 'A frame of length 0 closes the connection.',
    level: 'MUST',
    source: 'RemotingCommand#decode',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 1), lengthWord: 0 }), 'length 0');
    },
  },
  {
    name: 'frame.length-below-header-word-closes',
    requirement: 'A frame of length 3, too short for its own header length, closes the connection.',
    level: 'MUST',
    source: 'RemotingCommand#decode',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 1), lengthWord: 3 }), 'length 3');
    },
  },
  {
    name: 'frame.negative-length-closes',
    requirement: 'A frame of negative length closes the connection.',
    level: 'MUST',
    source: 'NettyDecoder (LengthFieldBasedFrameDecoder#decode)',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 1), lengthWord: -1 }), 'length -1');
    },
  },
  {
    name: 'frame.http-closes',
    requirement: 'An HTTP request on the remoting port closes the connection, for its first four bytes are no length.',
    level: 'MUST',
    source: 'NettyDecoder, com.rocketmq.remoting.frameMaxLength',
    async run(t) {
      await closes(t, Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 'an HTTP request');
    },
  },
  {
    name: 'frame.request-before-bad-frame-answered',
    requirement: 'A request that was answered before a bad frame came keeps its answer, and the connection then ends.',
    level: 'MUST',
    source: 'NettyDecoder#decode',
    async run(t) {
      const connection = await t.connect();
      code(await connection.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }), res.SUCCESS, 'the request before');
      connection.sendBytes(rawFrame({ header: 'no json' }));
      await closedByPeer(t, connection, 'a bad frame after a good one');
    },
  },
  {
    name: 'frame.request-behind-bad-frame',
    requirement: 'A request in the same segment as the bad frame before it may or may not be served: Apache reads on until the connection has ended.',
    level: 'INFORMATIONAL',
    source: 'NettyDecoder#decode',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const connection = await t.connect();
      connection.sendBytes(Buffer.concat([rawFrame({ header: 'no json' }), encodeFrame({
        code: req.SEND_MESSAGE_V2, opaque: 2, body: 'behind',
        ext: { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false },
      })]));
      await closedByPeer(t, connection, 'a bad frame');
      await t.sleep(200);
      t.note((await t.maxOffset(topic)).offset === 1 ? 'the message behind the bad frame was stored' : 'the message behind the bad frame was not stored');
    },
  },
  {
    name: 'frame.bad-frame-hurts-only-its-connection',
    requirement: 'A connection that is closed for a bad frame takes no other connection of the same client with it.',
    level: 'MUST',
    source: 'NettyDecoder#decode',
    async run(t) {
      const other = await t.connect();
      const topic = t.topicName();
      await stillServes(other, topic);
      await closes(t, rawFrame({ header: 'no json' }), 'a frame without JSON');
      await stillServes(other, topic);
    },
  },
  {
    name: 'frame.bad-frame-at-name-server-closes',
    requirement: 'The name server closes a connection whose frame has a header longer than itself.',
    level: 'MUST',
    source: 'RemotingCommand#decode',
    async run(t) {
      await closes(t, rawFrame({ header: maxOffsetHeader(t.topicName(), 1), headerWord: 5000 }), 'a header of 5000 bytes', 'namesrv');
    },
  },
  {
    name: 'frame.reset-inside-frame-harmless',
    requirement: 'A client that resets its connection in the middle of a frame leaves the endpoint serving others.',
    level: 'MUST',
    source: 'NettyRemotingServer (NettyConnectManageHandler#exceptionCaught)',
    async run(t) {
      const topic = t.topicName();
      const connection = await t.connect();
      connection.sendBytes(encodeFrame({ code: req.GET_MAX_OFFSET, opaque: 1, ext: { topic, queueId: 0 } }).subarray(0, 30));
      await t.sleep(20);
      connection.reset();
      await stillServes(await t.broker(), topic);
    },
  },
]);
