/** Much at once: outstanding requests, waiting pulls, frames up to the limit, readers that do not read. */
import { connect, type Socket } from 'node:net';
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { splitAddress } from '../../connection.js';
import type { Context } from '../../context.js';
import { bytesEqual, code, equal, fail, inRange, isTrue } from '../../expect.js';
import { encodeFrame, rawFrame } from '../../wire/frame.js';
import { closedByPeer, maxOffsetHeader, stillServes } from '../frame/support.js';

const frameBytesMax = 16 * 1024 * 1024;

/** GET_MAX_OFFSET with a body that makes the frame, length word included, `bytes` long. */
function frameOf(t: Context, bytes: number): Buffer {
  const header = Buffer.from(maxOffsetHeader(t.topicName(), 9));
  return rawFrame({ header, body: Buffer.alloc(bytes - 8 - header.length) });
}

/** A connection that reads nothing. */
function deafSocket(t: Context): Promise<Socket> {
  const target = splitAddress(t.endpoint.broker);
  if (target === undefined) fail('an address', 'HOST:PORT', t.endpoint.broker);
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    t.cleanup(() => Promise.resolve(socket.destroy()), 'close the connection that does not read');
    socket.pause();
    socket.on('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

export const cases = defineCases('flow-control', [
  {
    name: 'flow-control.thousand-outstanding',
    requirement: 'A thousand requests outstanding on one connection are all served.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      const broker = await t.broker();
      const pending = Array.from({ length: 1000 }, () => broker.start(req.GET_MIN_OFFSET, { topic: t.topicName(), queueId: 0 }));
      const codes = new Set((await Promise.all(pending.map((one) => one.answer))).map((answer) => answer.code));
      equal([...codes], [res.SUCCESS], 'codes of a thousand answers');
    },
  },
  {
    name: 'flow-control.thousand-unknown-codes',
    requirement: 'A thousand requests with unknown codes are each refused, and the connection stays.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      const broker = await t.broker();
      const pending = Array.from({ length: 1000 }, () => broker.start(9999));
      const codes = new Set((await Promise.all(pending.map((one) => one.answer))).map((answer) => answer.code));
      equal([...codes], [res.REQUEST_CODE_NOT_SUPPORTED], 'codes of a thousand answers');
      isTrue(broker.isOpen, 'the connection is open');
    },
  },
  {
    name: 'flow-control.pipelined-sends-keep-order',
    requirement: 'Messages sent one behind the other without waiting get offsets without gap, each once.',
    level: 'MUST',
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const broker = await t.broker();
      const pending = Array.from({ length: 100 }, (_, i) => broker.start(req.SEND_MESSAGE_V2, { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false }, { body: `${i}` }));
      const offsets = (await Promise.all(pending.map((one) => one.answer))).map((answer) => Number(answer.ext['queueOffset']));
      equal(offsets.sort((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i), 'queue offsets in the answers');
    },
  },
  {
    name: 'flow-control.waiting-pulls-block-nothing',
    requirement: 'A hundred pulls that wait at the broker leave it serving sends and other pulls.',
    level: 'MUST',
    source: 'PullRequestHoldService#suspendPullRequest',
    async run(t) {
      const [idle, busy, group] = [await t.topic({ queues: 1, suffix: 'idle' }), await t.topic({ queues: 1, suffix: 'busy' }), await t.group()];
      const connection = await t.connect();
      const held = Array.from({ length: 100 }, () => t.via(connection).pull(idle, { group, suspendMs: 8000 }));
      await t.sleep(100);
      await t.sendOk(busy);
      equal((await t.pullAll(busy, 1, { group })).length, 1, 'messages pulled beside a hundred waiting pulls');
      await t.sendOk(idle);
      equal((await Promise.all(held)).filter((answer) => answer.messages.length !== 1).length, 0, 'waiting pulls that did not get the message');
    },
  },
  {
    name: 'flow-control.waiting-pull-of-lost-client',
    requirement: 'A message that arrives for a waiting pull whose client has gone disturbs nobody and can be pulled by others.',
    level: 'MUST',
    source: 'PullRequestHoldService#notifyMessageArriving',
    async run(t) {
      const [topic, group] = [await t.topic({ queues: 1 }), await t.group()];
      const connection = await t.connect();
      const lost = t.via(connection).pull(topic, { group, suspendMs: 8000 }).catch(() => undefined);
      await t.sleep(50);
      connection.reset();
      await lost;
      await t.sendOk(topic, { body: 'for the next' });
      equal((await t.pullAll(topic, 1, { group })).map((message) => message.body.toString()), ['for the next'], 'bodies pulled by another client');
    },
  },
  {
    name: 'flow-control.frame-of-exactly-the-limit',
    requirement: 'A frame of exactly 16 MiB, its length word included, is served.',
    level: 'MUST',
    source: 'NettyDecoder, com.rocketmq.remoting.frameMaxLength',
    async run(t) {
      const broker = await t.broker();
      const answer = broker.answerTo(9);
      broker.sendBytes(frameOf(t, frameBytesMax));
      code(await answer, res.SUCCESS, 'a request of 16 MiB');
    },
  },
  {
    name: 'flow-control.frame-past-limit-by-one',
    requirement: 'A frame of 16 MiB and one byte, its length word included, closes the connection.',
    level: 'MUST',
    source: 'NettyDecoder, com.rocketmq.remoting.frameMaxLength',
    async run(t) {
      const connection = await t.connect();
      connection.sendBytes(frameOf(t, frameBytesMax + 1).subarray(0, 4096));
      await closedByPeer(t, connection, 'a frame of 16 MiB and one byte');
    },
  },
  {
    name: 'flow-control.announced-frames-cost-nothing',
    requirement: 'Forty connections that each announce 16 MiB and send a few bytes leave the endpoint serving.',
    level: 'MUST',
    source: 'NettyDecoder (LengthFieldBasedFrameDecoder#decode)',
    async run(t) {
      const start = frameOf(t, frameBytesMax).subarray(0, 64);
      for (const connection of await Promise.all(Array.from({ length: 40 }, () => t.connect()))) connection.sendBytes(start);
      await t.sleep(100);
      await stillServes(await t.broker(), t.topicName());
    },
  },
  {
    name: 'flow-control.megabytes-arrive-whole',
    requirement: 'A message of three megabytes is stored and pulled byte for byte.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const body = t.rng.bytes(3_000_000);
      await t.sendOk(topic, { body });
      bytesEqual((await t.pullAll(topic, 1))[0]?.body ?? Buffer.alloc(0), body, 'body of the message');
    },
  },
  {
    name: 'flow-control.deaf-client-hurts-nobody',
    requirement: 'A client that asks for forty megabytes and reads none of it does not delay others.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#writeResponse',
    async run(t) {
      const [topic, group] = [await t.topic({ queues: 1 }), await t.group()];
      await t.sendOk(topic, { body: t.rng.bytes(1_000_000) });
      await t.pullAll(topic, 1, { group });
      const deaf = await deafSocket(t);
      for (let opaque = 1; opaque <= 40; opaque++) {
        deaf.write(encodeFrame({
          code: req.PULL_MESSAGE, opaque,
          ext: { consumerGroup: group, topic, queueId: 0, queueOffset: 0, maxMsgNums: 1, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*', subVersion: 0, expressionType: 'TAG' },
        }));
      }
      await t.sleep(200);
      const begin = t.now();
      await stillServes(await t.broker(), topic);
      equal((await t.pullAll(topic, 1, { group })).length, 1, 'messages that another client pulls');
      inRange(t.now() - begin, 0, 4000, 'milliseconds of another client\'s requests');
    },
  },
  {
    name: 'flow-control.busy-until-start-time',
    requirement: 'While startAcceptSendRequestTimeStamp lies ahead the broker refuses messages with SYSTEM_ERROR and says until when.',
    level: 'MUST',
    source: 'SendMessageProcessor#preSend',
    needs: ['config-write'],
    destructive: true,
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      t.cleanup(() => t.request(req.UPDATE_BROKER_CONFIG, {}, { body: 'startAcceptSendRequestTimeStamp=0' }), 'take the start time back');
      code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `startAcceptSendRequestTimeStamp=${t.now() + 3_600_000}` }), res.SUCCESS, 'the configuration update');
      const answer = await t.send(topic);
      code(answer, res.SYSTEM_ERROR, 'a send before the start time');
      isTrue(answer.remark?.includes('broker unable to service, until') === true, 'the remark says until when');
      equal((await t.maxOffset(topic)).offset, 0, 'max offset');
      code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: 'startAcceptSendRequestTimeStamp=0' }), res.SUCCESS, 'the configuration taken back');
      code(await t.send(topic), res.SUCCESS, 'a send afterwards');
    },
  },
]);
