/** Signed requests: who is served, who is refused. ACL 1.0 (4.x) and authentication (5.x) ask for the same signature. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, Failure } from '../../expect.js';
import { encodeFrame } from '../../wire/frame.js';
import { createSigner } from '../../wire/sign.js';
import { altered, connectAs, nothingStored, ownSigner, refused } from './support.js';

const about = { level: 'MUST', setup: 'acl', needs: ['acl'] } as const;
const authenticated = 'DefaultAuthenticationHandler#doAuthenticate';

export const cases = defineCases('acl', [
  {
    ...about, name: 'acl.unsigned-refused', source: 'DefaultAuthenticationHandler#getUser',
    requirement: 'A request without AccessKey and Signature is refused.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      refused(t, await t.via(await connectAs(t, undefined, 'unsigned')).maxOffset(topic), 'GET_MAX_OFFSET without a signature');
    },
  },
  {
    ...about, name: 'acl.signed-served', source: authenticated,
    requirement: 'A request with the right signature is served: HMAC-SHA1 over the values of its fields in the order of their names, and its body.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { body: 'signed', tags: 'T', keys: 'k' });
      equal((await t.pullAll(topic, 1)).map((message) => message.body.toString()), ['signed'], 'bodies');
    },
  },
  {
    ...about, name: 'acl.wrong-signature-refused', source: authenticated,
    requirement: 'A request signed with another secret key is refused.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const accessKey = String(ownSigner(t)({}, undefined)['AccessKey']);
      refused(t, await t.via(await connectAs(t, createSigner({ accessKey, secretKey: t.rng.text(16) }), 'wrong key')).maxOffset(topic), 'GET_MAX_OFFSET with another key');
    },
  },
  {
    ...about, name: 'acl.unknown-user-refused', source: authenticated,
    requirement: 'A request of a user that nobody knows is refused.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      refused(t, await t.via(await connectAs(t, createSigner({ accessKey: `nobody-${t.rng.text(8)}`, secretKey: t.rng.text(16) }), 'nobody')).maxOffset(topic), 'GET_MAX_OFFSET of nobody');
    },
  },
  {
    ...about, name: 'acl.without-signature-field-refused', source: authenticated,
    requirement: 'A request with AccessKey and no Signature is refused.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const answer = await altered(t, { code: req.GET_MAX_OFFSET, ext: { topic, queueId: 0 } }, (signed) => ({ ...signed, ext: { ...signed.ext, Signature: undefined } }));
      refused(t, answer, 'GET_MAX_OFFSET with AccessKey alone');
    },
  },
  {
    ...about, name: 'acl.changed-field-refused', source: 'AclUtils#combineRequestContent',
    requirement: 'A request in which a field was changed after it was signed is refused.',
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      refused(t, await altered(t, { code: req.GET_MAX_OFFSET, ext: { topic, queueId: 0 } }, (signed) => ({ ...signed, ext: { ...signed.ext, queueId: 1 } })), 'GET_MAX_OFFSET with another queue');
    },
  },
  {
    ...about, name: 'acl.added-field-refused', source: 'AclUtils#combineRequestContent',
    requirement: 'A request to which a field was added after it was signed is refused.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      refused(t, await altered(t, { code: req.GET_MAX_OFFSET, ext: { topic, queueId: 0 } }, (signed) => ({ ...signed, ext: { ...signed.ext, extra: 'x' } })), 'GET_MAX_OFFSET with a further field');
    },
  },
  {
    ...about, name: 'acl.changed-body-refused', source: 'AclUtils#combineRequestContent',
    requirement: 'A request whose body was changed after it was signed is refused and stores nothing.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const ext = { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false };
      refused(t, await altered(t, { code: req.SEND_MESSAGE_V2, ext, body: 'signed' }, (signed) => ({ ...signed, body: 'forged' })), 'send with another body');
      await nothingStored(t, topic);
    },
  },
  {
    ...about, name: 'acl.binary-header-signed', source: authenticated,
    requirement: 'The signature of a request with a binary header is made of the same fields.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      code(await t.request(req.GET_MAX_OFFSET, { topic, queueId: 0 }, { serialize: 'binary' }), res.SUCCESS, 'GET_MAX_OFFSET with a binary header');
    },
  },
  {
    ...about, name: 'acl.fields-of-any-order', source: 'DefaultAuthenticationContextBuilder#build',
    requirement: 'Fields may stand in the header in any order: they are sorted for the signature.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const answer = await altered(t, { code: req.GET_MAX_OFFSET, ext: { topic, queueId: 0 } }, (signed) => ({ ...signed, ext: Object.fromEntries(Object.entries(signed.ext ?? {}).reverse()) }));
      code(answer, res.SUCCESS, 'GET_MAX_OFFSET with its fields in reverse');
    },
  },
  {
    ...about, name: 'acl.text-of-any-language-signed', source: 'AclUtils#combineRequestContent',
    requirement: 'Values and keys are signed as UTF-8.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { body: 'sch\u00f6n', properties: { colour: 'gr\u00fcn \u{1f680}' } });
    },
  },
  {
    ...about, name: 'acl.unsigned-send-stores-nothing', source: 'DefaultAuthenticationHandler#getUser',
    requirement: 'A message that is not signed is refused and not stored.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      refused(t, await t.via(await connectAs(t, undefined, 'unsigned')).send(topic, { body: 'unsigned' }), 'send without a signature');
      await nothingStored(t, topic);
    },
  },
  {
    ...about, name: 'acl.unsigned-oneway-not-carried-out', source: 'DefaultAuthenticationHandler#getUser',
    requirement: 'A oneway message that is not signed is not stored, and nothing answers it.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const connection = await connectAs(t, undefined, 'unsigned');
      const opaque = connection.oneway(req.SEND_MESSAGE_V2, { a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: t.now(), h: 0, i: '', j: 0, k: false, m: false }, { body: 'unsigned' });
      refused(t, await connection.request(req.GET_MAX_OFFSET, { topic, queueId: 0 }), 'a request behind it');
      const answered = await connection.nextFrame((frame) => frame.opaque === opaque, 200).then(() => true, () => false);
      if (answered) throw new Failure('answer to a oneway request', 'none', 'one came');
      await nothingStored(t, topic);
    },
  },
  {
    ...about, name: 'acl.refusal-keeps-connection', source: 'NettyRemotingAbstract#processRequestCommand',
    requirement: 'A refused request does not close the connection: a signed one on it is served.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const connection = await connectAs(t, undefined, 'first unsigned');
      refused(t, await connection.request(req.GET_MAX_OFFSET, { topic, queueId: 0 }), 'the unsigned request');
      await t.sleep(200); // an endpoint may answer first and close a moment later
      const opaque = connection.nextOpaque();
      const answer = connection.answerTo(opaque);
      connection.sendUnlogged(encodeFrame({ code: req.GET_MAX_OFFSET, ext: ownSigner(t)({ topic, queueId: 0 }, undefined), opaque }), 'GET_MAX_OFFSET, signed');
      code(await answer, res.SUCCESS, 'a signed request after it');
    },
  },
  {
    ...about, name: 'acl.unsigned-heartbeat-refused', source: 'DefaultAuthenticationHandler#getUser', versions: { from: '5.0.0' },
    requirement: 'A heartbeat that is not signed is refused and registers nobody.',
    async run(t) {
      const group = await t.group();
      const topic = await t.topic({ queues: 1 });
      refused(t, await t.via(await connectAs(t, undefined, 'unsigned')).heartbeat('stranger', { consumers: [{ group, subscriptions: [topic] }] }), 'heartbeat without a signature');
      code(await t.request(req.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: group }), res.CONSUMER_NOT_ONLINE, 'connections of the group');
    },
  },
  {
    ...about, name: 'acl.name-server', level: 'INFORMATIONAL', source: 'NamesrvController#registerProcessor',
    requirement: 'The name server may ask for signed requests or not.',
    async run(t) {
      const connection = await t.connect('namesrv', { signer: undefined, label: 'unsigned' });
      t.note(`an unsigned GET_BROKER_CLUSTER_INFO is answered with code ${(await connection.request(req.GET_BROKER_CLUSTER_INFO)).code}`);
    },
  },
]);
