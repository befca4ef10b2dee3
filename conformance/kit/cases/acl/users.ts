/** Users and their policies (authentication and authorization of 5.3.0 and newer). */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal } from '../../expect.js';
import { json, type Messaging } from '../../messaging.js';
import { createSigner, type Signer } from '../../wire/sign.js';
import { allow, connectAs, refused, unlogged, user } from './support.js';

const about = { level: 'MUST', setup: 'acl', needs: ['acl'], versions: { from: '5.3.0' } } as const;

const speaksAs = async (t: Context, signer: Signer): Promise<Messaging> => t.via(await connectAs(t, signer, 'the user'));

export const cases = defineCases('acl', [
  {
    ...about, name: 'acl.user-without-policy-refused', source: 'AclAuthorizationHandler#handle',
    requirement: 'A normal user without a policy is refused what it asks of a topic.',
    async run(t) {
      const [topic, one] = [await t.topic({ queues: 1 }), await user(t)];
      refused(t, await (await speaksAs(t, one.signer)).send(topic, { body: 'x' }), 'send of a user without a policy');
    },
  },
  {
    ...about, name: 'acl.super-user-needs-no-policy', source: 'UserAuthorizationHandler#handle',
    requirement: 'A super user is served without a policy.',
    async run(t) {
      const [topic, one] = [await t.topic({ queues: 1 }), await user(t, { userType: 'Super' })];
      await (await speaksAs(t, one.signer)).sendOk(topic, { body: 'x' });
    },
  },
  {
    ...about, name: 'acl.pub-lets-send', source: 'AclAuthorizationHandler#handle',
    requirement: 'A user who may Pub a topic can send to it, and not pull from it.',
    async run(t) {
      const [topic, group, one] = [await t.topic({ queues: 1 }), await t.group(), await user(t)];
      await allow(t, one.accessKey, [{ resource: `Topic:${topic}`, actions: ['Pub'] }]);
      const speaks = await speaksAs(t, one.signer);
      await speaks.sendOk(topic, { body: 'allowed' });
      refused(t, await speaks.pull(topic, { group }), 'pull of a user who may only Pub');
    },
  },
  {
    ...about, name: 'acl.sub-lets-pull', source: 'AclAuthorizationHandler#handle',
    requirement: 'A user who may Sub a topic and a group can pull, and not send.',
    async run(t) {
      const [topic, group, one] = [await t.topic({ queues: 1 }), await t.group(), await user(t)];
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      await allow(t, one.accessKey, [{ resource: `Topic:${topic}`, actions: ['Sub'] }, { resource: `Group:${group}`, actions: ['Sub'] }]);
      const speaks = await speaksAs(t, one.signer);
      code(await speaks.pull(topic, { group }), res.SUCCESS, 'pull of a user who may Sub');
      refused(t, await speaks.send(topic, { body: 'x' }), 'send of a user who may only Sub');
    },
  },
  {
    ...about, name: 'acl.other-topic-refused', source: 'AclAuthorizationHandler#handle',
    requirement: 'A policy for one topic does not open another.',
    async run(t) {
      const [topic, other, one] = [await t.topic({ queues: 1 }), await t.topic({ queues: 1, suffix: 'other' }), await user(t)];
      await allow(t, one.accessKey, [{ resource: `Topic:${topic}`, actions: ['Pub'] }]);
      refused(t, await (await speaksAs(t, one.signer)).send(other, { body: 'x' }), 'send to another topic');
    },
  },
  {
    ...about, name: 'acl.prefix-resource', source: 'Resource#isMatch',
    requirement: 'A resource that ends in an asterisk stands for all names that begin so.',
    async run(t) {
      const [topic, one] = [await t.topic({ queues: 1 }), await user(t)];
      await allow(t, one.accessKey, [{ resource: `Topic:${topic.slice(0, -3)}*`, actions: ['Pub'] }]);
      await (await speaksAs(t, one.signer)).sendOk(topic, { body: 'x' });
    },
  },
  {
    ...about, name: 'acl.deny-refuses', source: 'AclAuthorizationHandler#handle',
    requirement: 'A policy for the topic itself that denies goes before one for its prefix that allows.',
    async run(t) {
      const [topic, one] = [await t.topic({ queues: 1 }), await user(t)];
      await allow(t, one.accessKey, [{ resource: `Topic:${topic.slice(0, -3)}*`, actions: ['Pub'] }, { resource: `Topic:${topic}`, actions: ['Pub'], decision: 'Deny' }]);
      refused(t, await (await speaksAs(t, one.signer)).send(topic, { body: 'x' }), 'send to a denied topic');
    },
  },
  {
    ...about, name: 'acl.disabled-user-refused', source: 'DefaultAuthenticationHandler#doAuthenticate',
    requirement: 'A disabled user is refused.',
    async run(t) {
      const [topic, one] = [await t.topic({ queues: 1 }), await user(t, { userType: 'Super' })];
      await (await speaksAs(t, one.signer)).sendOk(topic, { body: 'x' });
      code(await t.request(req.AUTH_UPDATE_USER, { username: one.accessKey }, { body: JSON.stringify({ username: one.accessKey, userStatus: 'disable' }) }), res.SUCCESS, 'disable');
      refused(t, await (await speaksAs(t, one.signer)).send(topic, { body: 'x' }), 'send of a disabled user');
    },
  },
  {
    ...about, name: 'acl.changed-password-holds', source: 'AuthenticationMetadataManagerImpl#updateUser',
    requirement: 'After its password was changed a user signs with the new one, and the old one is refused.',
    async run(t) {
      const [topic, one] = [await t.topic({ queues: 1 }), await user(t, { userType: 'Super' })];
      const secretKey = t.rng.text(20);
      code(await unlogged(t, req.AUTH_UPDATE_USER, { username: one.accessKey }, { username: one.accessKey, password: secretKey }), res.SUCCESS, 'change of the password');
      refused(t, await (await speaksAs(t, one.signer)).send(topic, { body: 'x' }), 'send with the old password');
      await (await speaksAs(t, createSigner({ accessKey: one.accessKey, secretKey }))).sendOk(topic, { body: 'x' });
    },
  },
  {
    ...about, name: 'acl.deleted-user-refused', source: 'DefaultAuthenticationHandler#doAuthenticate',
    requirement: 'A deleted user is refused.',
    async run(t) {
      const [topic, one] = [await t.topic({ queues: 1 }), await user(t, { userType: 'Super' })];
      code(await t.request(req.AUTH_DELETE_USER, { username: one.accessKey }), res.SUCCESS, 'delete');
      refused(t, await (await speaksAs(t, one.signer)).send(topic, { body: 'x' }), 'send of a deleted user');
    },
  },
  {
    ...about, name: 'acl.policy-read-back', source: 'AuthorizationMetadataManagerImpl#getAcl',
    requirement: 'AUTH_GET_ACL answers the policy that was created.',
    async run(t) {
      const [topic, one] = [await t.topic({ queues: 1 }), await user(t)];
      await allow(t, one.accessKey, [{ resource: `Topic:${topic}`, actions: ['Pub', 'Sub'] }]);
      const answer = await t.request(req.AUTH_GET_ACL, { subject: `User:${one.accessKey}` });
      code(answer, res.SUCCESS, 'AUTH_GET_ACL');
      const { subject, policies } = json(answer) as { subject?: unknown; policies?: readonly { entries?: readonly { resource?: unknown; actions?: readonly string[]; decision?: unknown }[] }[] };
      const [entry] = policies?.[0]?.entries ?? [];
      equal([subject, entry?.resource, [...(entry?.actions ?? [])].sort(), entry?.decision], [`User:${one.accessKey}`, `Topic:${topic}`, ['Pub', 'Sub'], 'Allow'], 'subject, resource, actions, decision');
    },
  },
  {
    ...about, name: 'acl.normal-user-no-administration', source: 'AclAuthorizationHandler#handle',
    requirement: 'A normal user without a policy for the cluster cannot make users.',
    async run(t) {
      const one = await user(t);
      const username = `conform-${t.rng.text(8)}`;
      refused(t, await (await connectAs(t, one.signer, 'the user')).request(req.AUTH_GET_USER, { username }), 'AUTH_GET_USER of a normal user');
    },
  },
]);
