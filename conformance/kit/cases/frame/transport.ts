/** What may stand before the first frame, PROXY protocol and TLS, and many connections at once. */
import { connect as connectTls } from 'node:tls';
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { splitAddress } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, equal, fail } from '../../expect.js';
import { decodeFrame, encodeFrame, FrameSplitter, type Command } from '../../wire/frame.js';

/** One request over TLS, no certificate checked; rejects when there is no TLS. */
function askOverTls(t: Context, address: string, frame: Buffer): Promise<Command> {
  const target = splitAddress(address);
  if (target === undefined) fail('an address', 'HOST:PORT', address);
  return new Promise((resolve, reject) => {
    const splitter = new FrameSplitter();
    const socket = connectTls({ ...target, rejectUnauthorized: false });
    t.cleanup(() => Promise.resolve(socket.destroy()), 'close the TLS connection');
    socket.setTimeout(4000, () => socket.destroy(new Error('nothing came in 4 s')));
    socket.on('secureConnect', () => socket.write(frame));
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const whole of splitter.push(chunk)) resolve(decodeFrame(whole));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection ended without an answer')));
  });
}

async function tlsAnswer(t: Context, address: string, code: number, ext: Record<string, string>): Promise<Command> {
  try {
    return await askOverTls(t, address, encodeFrame({ code, opaque: 9, ext }));
  } catch (error) {
    fail('a request over TLS', 'an answer', error instanceof Error ? error.message : String(error));
  }
}

export const cases = defineCases('frame', [
  {
    name: 'frame.tls-on-same-port',
    requirement: 'A broker in its default TLS mode (permissive) serves TLS and plain connections on one port, told apart by their first byte.',
    level: 'SHOULD',
    source: 'NettyRemotingServer.TlsModeHandler#channelRead0',
    async run(t) {
      const answer = await tlsAnswer(t, t.endpoint.broker, req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: '0' });
      code(answer, res.SUCCESS, 'max offset over TLS');
      equal(answer.opaque, 9, 'opaque');
    },
  },
  {
    name: 'frame.tls-at-name-server',
    requirement: 'A name server in its default TLS mode (permissive) serves TLS connections.',
    level: 'SHOULD',
    source: 'NettyRemotingServer.TlsModeHandler#channelRead0',
    async run(t) {
      code(await tlsAnswer(t, t.endpoint.namesrv, req.GET_BROKER_CLUSTER_INFO, {}), res.SUCCESS, 'cluster info over TLS');
    },
  },
  {
    name: 'frame.proxy-protocol-v1',
    requirement: 'A PROXY protocol version 1 line before the first frame is accepted, and the frame behind it answered.',
    level: 'SHOULD',
    source: 'NettyRemotingServer.HandshakeHandler#decode',
    versions: { from: '5.2.0' },
    async run(t) {
      const connection = await t.connect();
      const answer = connection.answerTo(9);
      connection.sendBytes(Buffer.concat([Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 5555 9876\r\n'), encodeFrame({ code: req.GET_MAX_OFFSET, opaque: 9, ext: { topic: t.topicName(), queueId: 0 } })]));
      code(await answer, res.SUCCESS, 'the request behind the PROXY line');
    },
  },
  {
    name: 'frame.proxy-protocol-v2',
    requirement: 'A PROXY protocol version 2 header before the first frame is accepted, and the frame behind it answered.',
    level: 'SHOULD',
    source: 'NettyRemotingServer.HandshakeHandler#decode',
    versions: { from: '5.2.0' },
    async run(t) {
      const connection = await t.connect();
      const answer = connection.answerTo(9);
      const header = Buffer.from('0d0a0d0a000d0a515549540a' + '2111000c' + 'c0000201' + 'c0000202' + '15b3' + '2694', 'hex');
      connection.sendBytes(Buffer.concat([header, encodeFrame({ code: req.GET_MAX_OFFSET, opaque: 9, ext: { topic: t.topicName(), queueId: 0 } })]));
      code(await answer, res.SUCCESS, 'the request behind the PROXY header');
    },
  },
  {
    name: 'frame.fifty-connections',
    requirement: 'Fifty connections of one client are served side by side.',
    level: 'MUST',
    source: 'NettyRemotingServer#start',
    async run(t) {
      const topic = t.topicName();
      const connections = await Promise.all(Array.from({ length: 50 }, () => t.connect()));
      const answers = await Promise.all(connections.map((connection) => connection.request(req.GET_MAX_OFFSET, { topic, queueId: 0 }, { opaque: 1 })));
      equal(answers.filter((answer) => answer.code !== res.SUCCESS).length, 0, 'answers other than SUCCESS');
    },
  },
  {
    name: 'frame.silent-connection-kept',
    requirement: 'A connection that sends nothing for two seconds is kept and then served.',
    level: 'MUST',
    source: 'NettyServerConfig#serverChannelMaxIdleTimeSeconds',
    async run(t) {
      const connection = await t.connect();
      await t.sleep(2000);
      code(await connection.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }), res.SUCCESS, 'the first request after two silent seconds');
    },
  },
]);
