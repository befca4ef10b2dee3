/** gRPC below the messages: HTTP/2 requests, framing, compression, unknown methods, bytes that are no protobuf. */
import { connect as connectTls } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { defineCases } from '../../case.js';
import { EndpointError } from '../../connection.js';
import { equal, isTrue, notEqual, oneOf } from '../../expect.js';
import { endpointsOf, grpcClient, grpcStatusIs, statusIs, topicOf } from '../../grpc/ask.js';
import { framed, GrpcStatus } from '../../grpc/client.js';
import { Code } from '../../grpc/tables.js';
import { decode, encode, Raw } from '../../grpc/wire.js';

const needs = ['grpc'] as const;
const noTopic = { topic: { name: 'conform_no_such_topic' } } as const;

export const cases = defineCases('grpc', [
  {
    name: 'grpc.transport.unknown-method',
    requirement: 'A call of a method that the service does not have ends with UNIMPLEMENTED.',
    level: 'MUST', needs, source: 'io.grpc.Server',
    async run(t) {
      grpcStatusIs(await (await grpcClient(t)).outcome('NoSuchMethod', Buffer.alloc(0)), GrpcStatus.UNIMPLEMENTED, 'NoSuchMethod');
    },
  },
  {
    name: 'grpc.transport.unknown-service',
    requirement: 'A call of an unknown service ends with UNIMPLEMENTED.',
    level: 'MUST', needs, source: 'io.grpc.Server',
    async run(t) {
      grpcStatusIs(await (await grpcClient(t)).outcome('QueryRoute', Buffer.alloc(0), { path: '/no.such.Service/QueryRoute' }), GrpcStatus.UNIMPLEMENTED, 'unknown service');
    },
  },
  {
    name: 'grpc.transport.admin-service-not-served',
    requirement: 'ChangeLogLevel of the Admin service is not served.',
    level: 'SHOULD', needs, source: 'ProxyStartup#main',
    async run(t) {
      grpcStatusIs(await (await grpcClient(t)).outcome('ChangeLogLevel', Buffer.alloc(0), { path: '/apache.rocketmq.v2.Admin/ChangeLogLevel' }), GrpcStatus.UNIMPLEMENTED, 'ChangeLogLevel');
    },
  },
  {
    name: 'grpc.transport.answer-headers',
    requirement: 'An answer has HTTP status 200, content type application/grpc and grpc-status 0 in its trailers.',
    level: 'MUST', needs, source: 'gRPC over HTTP2',
    async run(t) {
      const { outcome } = await (await grpcClient(t)).call('QueryRoute', noTopic);
      equal(outcome.http, 200, ':status');
      equal(outcome.headers['content-type'], 'application/grpc', 'content-type');
      equal(outcome.trailers['grpc-status'], '0', 'grpc-status of the trailers');
      equal(outcome.messages.length, 1, 'messages');
    },
  },
  {
    name: 'grpc.transport.other-content-type',
    requirement: 'A request whose content type is not application/grpc is refused with HTTP status 415.',
    level: 'MUST', needs, source: 'io.grpc.netty.NettyServerHandler#onHeadersRead',
    async run(t) {
      equal((await (await grpcClient(t)).outcome('QueryRoute', encode('QueryRouteRequest', noTopic), { headers: { 'content-type': 'application/json' } })).http, 415, ':status');
    },
  },
  {
    name: 'grpc.transport.content-type-proto',
    requirement: 'The content type application/grpc+proto is served as application/grpc is.',
    level: 'MUST', needs, source: 'io.grpc.internal.GrpcUtil#isGrpcContentType',
    async run(t) {
      statusIs((await (await grpcClient(t)).call('QueryRoute', noTopic, { headers: { 'content-type': 'application/grpc+proto' } })).answer.status, Code.TOPIC_NOT_FOUND, 'QueryRoute');
    },
  },
  {
    name: 'grpc.transport.method-get',
    requirement: 'A request with a method other than POST is refused with HTTP status 405.',
    level: 'MUST', needs, source: 'io.grpc.netty.NettyServerHandler#onHeadersRead',
    async run(t) {
      const client = await grpcClient(t);
      const stream = client.channel.start('QueryRoute', { headers: client.headers({ ':method': 'PUT' }) });
      stream.halfClose();
      equal((await stream.end()).http, 405, ':status');
    },
  },
  {
    name: 'grpc.transport.path-without-slash',
    requirement: 'A request whose path names no method ends with UNIMPLEMENTED.',
    level: 'SHOULD', needs, source: 'io.grpc.netty.NettyServerHandler#onHeadersRead',
    async run(t) {
      grpcStatusIs(await (await grpcClient(t)).outcome('QueryRoute', Buffer.alloc(0), { path: '/QueryRoute' }), GrpcStatus.UNIMPLEMENTED, 'path /QueryRoute');
    },
  },
  {
    name: 'grpc.transport.unknown-fields-passed-over',
    requirement: 'Fields that the schema does not have are passed over.',
    level: 'MUST', needs, source: 'Protocol Buffers encoding',
    async run(t) {
      const bytes = new Raw().varint(900, 7).bytes(901, 'unknown').fixed32(902, Buffer.alloc(4)).append(encode('QueryRouteRequest', noTopic)).done();
      statusIs((await (await grpcClient(t)).callBytes('QueryRoute', bytes)).answer.status, Code.TOPIC_NOT_FOUND, 'QueryRoute with unknown fields');
    },
  },
  {
    name: 'grpc.transport.last-of-a-field-counts',
    requirement: 'Of a field that is there twice the last value counts.',
    level: 'MUST', needs, source: 'Protocol Buffers encoding',
    async run(t) {
      const topic = await topicOf(t);
      const bytes = new Raw().bytes(1, new Raw().bytes(2, 'conform_no_such_topic').bytes(2, topic).done()).append(encode('QueryRouteRequest', { endpoints: endpointsOf(t) })).done();
      statusIs((await (await grpcClient(t)).callBytes('QueryRoute', bytes)).answer.status, Code.OK, 'QueryRoute with two names');
    },
  },
  {
    name: 'grpc.transport.no-protobuf',
    requirement: 'A request message that is no protobuf ends the call with an error status and without an answer.',
    level: 'MUST', needs, source: 'io.grpc.protobuf.lite.ProtoLiteUtils',
    async run(t) {
      const outcome = await (await grpcClient(t)).outcome('QueryRoute', Buffer.from('ffffffff', 'hex'));
      notEqual(outcome.status, undefined, 'grpc-status');
      notEqual(outcome.status, 0, 'grpc-status');
      equal(outcome.messages.length, 0, 'messages');
      t.note(`grpc-status ${outcome.status ?? 'none'} ${outcome.statusText ?? ''}`);
    },
  },
  {
    name: 'grpc.transport.field-past-end',
    requirement: 'A request message with a field longer than the message ends the call with an error status.',
    level: 'MUST', needs, source: 'io.grpc.protobuf.lite.ProtoLiteUtils',
    async run(t) {
      const outcome = await (await grpcClient(t)).outcome('SendMessage', Buffer.from('0aff01', 'hex'));
      notEqual(outcome.status, 0, 'grpc-status');
      equal(outcome.messages.length, 0, 'messages');
    },
  },
  {
    name: 'grpc.transport.text-not-utf8',
    requirement: 'A string field that is not UTF-8 ends the call with an error status.',
    level: 'SHOULD', needs, source: 'com.google.protobuf.CodedInputStream#readStringRequireUtf8',
    async run(t) {
      const bytes = new Raw().bytes(1, new Raw().bytes(2, Buffer.from('c328a0', 'hex')).done()).done();
      const outcome = await (await grpcClient(t)).outcome('QueryRoute', bytes);
      notEqual(outcome.status, 0, 'grpc-status');
      equal(outcome.messages.length, 0, 'messages');
    },
  },
  {
    name: 'grpc.transport.connection-survives-malformed',
    requirement: 'After a malformed request the same connection serves further calls.',
    level: 'MUST', needs, source: 'GlobalExceptionInterceptor',
    async run(t) {
      const client = await grpcClient(t);
      await client.outcome('QueryRoute', Buffer.from('ffffffff', 'hex'));
      statusIs((await client.call('QueryRoute', noTopic)).answer.status, Code.TOPIC_NOT_FOUND, 'QueryRoute afterwards');
    },
  },
  {
    name: 'grpc.transport.no-message',
    requirement: 'A unary call that is half-closed without a message ends with INTERNAL.',
    level: 'SHOULD', needs, source: 'io.grpc.stub.ServerCalls.UnaryServerCallHandler',
    async run(t) {
      const client = await grpcClient(t);
      const stream = client.channel.start('QueryRoute', { headers: client.headers() });
      stream.halfClose();
      grpcStatusIs(await stream.end(), GrpcStatus.INTERNAL, 'QueryRoute without a message');
    },
  },
  {
    name: 'grpc.transport.two-messages',
    requirement: 'A unary call with two messages ends with INTERNAL.',
    level: 'SHOULD', needs, source: 'io.grpc.stub.ServerCalls.UnaryServerCallHandler',
    async run(t) {
      const client = await grpcClient(t);
      const stream = client.channel.start('QueryRoute', { headers: client.headers() });
      const message = framed(encode('QueryRouteRequest', noTopic));
      stream.sendBytes(Buffer.concat([message, message]));
      stream.halfClose();
      grpcStatusIs(await stream.end(), GrpcStatus.INTERNAL, 'QueryRoute with two messages');
    },
  },
  {
    name: 'grpc.transport.message-cut-short',
    requirement: 'A call that is half-closed in the middle of a message ends with an error status or a reset stream, and without an answer.',
    level: 'MUST', needs, source: 'io.grpc.internal.MessageDeframer',
    async run(t) {
      const client = await grpcClient(t);
      const stream = client.channel.start('QueryRoute', { headers: client.headers() });
      stream.sendBytes(framed(encode('QueryRouteRequest', noTopic)).subarray(0, 9));
      stream.halfClose();
      const outcome = await stream.end();
      isTrue(outcome.status !== 0, 'the call fails');
      equal(outcome.messages.length, 0, 'messages');
    },
  },
  {
    name: 'grpc.transport.message-in-pieces',
    requirement: 'A message that comes byte by byte is read as one.',
    level: 'MUST', needs, source: 'io.grpc.internal.MessageDeframer',
    async run(t) {
      const client = await grpcClient(t);
      const stream = client.channel.start('QueryRoute', { headers: client.headers() });
      for (const byte of framed(encode('QueryRouteRequest', noTopic))) {
        stream.sendBytes(Buffer.from([byte]));
        await t.sleep(1);
      }
      stream.halfClose();
      const outcome = await stream.end();
      grpcStatusIs(outcome, 0, 'QueryRoute in pieces');
      statusIs(decode('QueryRouteResponse', outcome.messages[0] ?? Buffer.alloc(0)).status, Code.TOPIC_NOT_FOUND, 'QueryRoute in pieces');
    },
  },
  {
    name: 'grpc.transport.gzip-request',
    requirement: 'A message compressed with gzip is read when grpc-encoding says so.',
    level: 'MUST', needs, source: 'io.grpc.DecompressorRegistry',
    async run(t) {
      const client = await grpcClient(t);
      const stream = client.channel.start('QueryRoute', { headers: client.headers({ 'grpc-encoding': 'gzip' }) });
      stream.sendBytes(framed(gzipSync(encode('QueryRouteRequest', noTopic)), 1));
      stream.halfClose();
      const outcome = await stream.end();
      grpcStatusIs(outcome, 0, 'QueryRoute with gzip');
      statusIs(decode('QueryRouteResponse', outcome.messages[0] ?? Buffer.alloc(0)).status, Code.TOPIC_NOT_FOUND, 'QueryRoute with gzip');
    },
  },
  {
    name: 'grpc.transport.compressed-without-encoding',
    requirement: 'A message marked as compressed without grpc-encoding ends the call with an error status.',
    level: 'SHOULD', needs, source: 'io.grpc.internal.MessageDeframer',
    async run(t) {
      const client = await grpcClient(t);
      const stream = client.channel.start('QueryRoute', { headers: client.headers() });
      stream.sendBytes(framed(gzipSync(encode('QueryRouteRequest', noTopic)), 1));
      stream.halfClose();
      const outcome = await stream.end();
      isTrue(outcome.status !== 0, 'the call fails');
      equal(outcome.messages.length, 0, 'messages');
    },
  },
  {
    name: 'grpc.transport.unknown-encoding',
    requirement: 'A call whose grpc-encoding is unknown ends with UNIMPLEMENTED.',
    level: 'SHOULD', needs, source: 'io.grpc.internal.ServerImpl',
    async run(t) {
      grpcStatusIs(await (await grpcClient(t)).outcome('QueryRoute', encode('QueryRouteRequest', noTopic), { headers: { 'grpc-encoding': 'brotli' } }), GrpcStatus.UNIMPLEMENTED, 'QueryRoute with grpc-encoding brotli');
    },
  },
  {
    name: 'grpc.transport.message-over-limit',
    requirement: 'A message whose length is more than 130 MiB is refused with RESOURCE_EXHAUSTED before its bytes come.',
    level: 'SHOULD', needs, source: 'ProxyConfig#grpcMaxInboundMessageSize',
    async run(t) {
      const client = await grpcClient(t);
      const stream = client.channel.start('SendMessage', { headers: client.headers() });
      const head = Buffer.alloc(5);
      head.writeUInt32BE(130 * 1024 * 1024 + 1, 1);
      stream.sendBytes(head);
      oneOf((await stream.end()).status, [GrpcStatus.RESOURCE_EXHAUSTED, undefined], 'grpc-status');
      statusIs((await client.call('QueryRoute', noTopic)).answer.status, Code.TOPIC_NOT_FOUND, 'QueryRoute afterwards');
    },
  },
  {
    name: 'grpc.transport.many-streams',
    requirement: 'Calls on one connection are served side by side, each with its own answer.',
    level: 'MUST', needs, source: 'gRPC over HTTP2',
    async run(t) {
      const topics = await Promise.all([topicOf(t, 'NORMAL', { queues: 1 }), topicOf(t, 'NORMAL', { queues: 2 }), topicOf(t, 'NORMAL', { queues: 3 })]);
      const client = await grpcClient(t);
      const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => client.call('QueryRoute', { topic: { name: topics[i % 3] ?? '' }, endpoints: endpointsOf(t) })));
      equal(answers.map(({ answer }) => answer.message_queues?.length), Array.from({ length: 60 }, (_, i) => (i % 3) + 1), 'queues in each answer');
    },
  },
  {
    name: 'grpc.transport.cancel',
    requirement: 'A cancelled call leaves its connection usable.',
    level: 'MUST', needs, source: 'io.grpc.ServerCall',
    async run(t) {
      const client = await grpcClient(t);
      const stream = client.telemetry();
      stream.stream.cancel();
      await stream.stream.end();
      statusIs((await client.call('QueryRoute', noTopic)).answer.status, Code.TOPIC_NOT_FOUND, 'QueryRoute afterwards');
    },
  },
  {
    name: 'grpc.transport.tls-on-same-port',
    requirement: 'TLS with ALPN h2 is accepted on the port that accepts clear text.',
    level: 'SHOULD', needs, source: 'ProxyAndTlsProtocolNegotiator',
    async run(t) {
      const [host = '', port = ''] = (t.endpoint.grpc ?? '').split(':');
      const protocol = await new Promise<string | false | null>((resolve, reject) => {
        const socket = connectTls({ host, port: Number(port), ALPNProtocols: ['h2'], rejectUnauthorized: false }, () => {
          resolve(socket.alpnProtocol);
          socket.destroy();
        });
        socket.on('error', (error: Error) => reject(new EndpointError('closed', `TLS to ${host}:${port}: ${error.message}`)));
      });
      equal(protocol, 'h2', 'protocol chosen by ALPN');
    },
  },
  ...(['PullMessage', 'UpdateOffset', 'GetOffset', 'QueryOffset'] as const).map((method) => ({
    name: `grpc.unimplemented.${method.replace(/[A-Z]/g, (letter, at: number) => `${at === 0 ? '' : '-'}${letter.toLowerCase()}`)}`,
    requirement: `${method} of the schema is not served: the call ends with UNIMPLEMENTED.`,
    level: 'SHOULD' as const, needs, source: 'GrpcMessagingApplication',
    async run(t: Parameters<typeof grpcClient>[0]) {
      grpcStatusIs(await (await grpcClient(t)).outcome(method, Buffer.alloc(0)), GrpcStatus.UNIMPLEMENTED, method);
    },
  })),
]);
