/**
 * Sabotage of authentication and authorization, on an endpoint that the kit started with `setups.acl`: the saboteur knows its administrator, and has
 * requests that ought to be refused served by signing them anew.
 */
import { req } from '../../codes.js';
import { setups } from '../../setups.js';
import type { Command } from '../../wire/frame.js';
import { createSigner, signature } from '../../wire/sign.js';
import { defineSabotages, onRequest, pretend, sends, type Hooks } from '../sabotage.js';

const administrator = setups.acl.credentials;
const sign = createSigner(administrator);

/** The request as the administrator's. */
function signed(request: Command): Command {
  const { AccessKey: _key, Signature: _signature, ...ext } = request.ext;
  return { ...request, ext: { ...sign(ext, request.body) } as Record<string, string> };
}

const userOf = (request: Command): string | undefined => request.ext['AccessKey'];
const wellSigned = (request: Command): boolean => request.ext['Signature'] === signature(request.ext, request.body, administrator.secretKey);

/** The administrator's requests whose signature is not right. */
const forged = (also: (request: Command) => boolean): Hooks => ({ request: (request) => (userOf(request) === administrator.accessKey && !wellSigned(request) && also(request) ? signed(request) : undefined) });

/** Requests of other users. */
const ofOthers = (request: Command): Command | undefined => (userOf(request) === undefined || userOf(request) === administrator.accessKey ? undefined : signed(request));

const policies: readonly number[] = [req.AUTH_CREATE_ACL, req.AUTH_UPDATE_ACL];

export const aclSabotages = defineSabotages('acl', [
  {
    name: 'acl.unsigned-served', does: 'Serves requests without a signature.', breaks: 'A request that is not signed is refused.', needs: ['acl'],
    witnesses: ['acl.unsigned-refused', 'acl.unsigned-*'],
    hooks: () => ({ request: (request) => (userOf(request) === undefined ? signed(request) : undefined) }),
  },
  {
    name: 'acl.signature-not-checked', does: 'Serves requests of a known user whatever their signature.', breaks: 'A request with a wrong signature is refused.', needs: ['acl'],
    witnesses: ['acl.wrong-signature-refused', 'acl.without-signature-field-refused', 'acl.*'],
    hooks: () => forged((request) => request.ext['Signature'] !== undefined),
  },
  {
    name: 'acl.body-not-signed', does: 'Lets the body of a request be changed after it was signed.', breaks: 'The signature covers the body.', needs: ['acl'],
    witnesses: ['acl.changed-body-refused', 'acl.*'],
    hooks: () => forged((request) => request.body.length > 0),
  },
  {
    name: 'acl.fields-not-signed', does: 'Lets fields of a request be changed after it was signed.', breaks: 'The signature covers all fields.', needs: ['acl'],
    witnesses: ['acl.changed-field-refused', 'acl.added-field-refused', 'acl.*'],
    hooks: () => forged((request) => request.body.length === 0),
  },
  {
    name: 'acl.unknown-user-served', does: 'Serves users that were never created.', breaks: 'A user whom nobody created is refused.', needs: ['acl'],
    witnesses: ['acl.unknown-user-refused', 'acl.*'],
    hooks: () => {
      const created = new Set<string>();
      return {
        request: (request) => {
          if (request.code === req.AUTH_CREATE_USER) created.add(request.ext['username'] ?? '');
          return created.has(userOf(request) ?? '') ? undefined : ofOthers(request);
        },
      };
    },
  },
  {
    name: 'acl.denied-topic-allowed', does: 'Lets every user send to every topic.', breaks: 'A user without a policy for a topic may not send to it.', needs: ['acl'],
    witnesses: ['acl.user-without-policy-refused', 'acl.other-topic-refused', 'acl.*'],
    hooks: () => onRequest(sends, ofOthers),
  },
  {
    name: 'acl.deny-ignored', does: 'Takes a policy that denies for one that allows.', breaks: 'What a policy denies is refused.', needs: ['acl'],
    witnesses: ['acl.deny-refuses', 'acl.*'],
    hooks: () => onRequest(policies, (request) => {
      const text = request.body.toString('utf8');
      return /deny/i.test(text) ? signed({ ...request, body: Buffer.from(text.replace(/"deny"/gi, '"Allow"'), 'utf8') }) : undefined;
    }),
  },
  {
    name: 'acl.policy-forgotten', does: 'Acknowledges a new policy and forgets it.', breaks: 'What a policy allows is served.', needs: ['acl'],
    witnesses: ['acl.pub-lets-send', 'acl.sub-lets-pull', 'acl.policy-read-back', 'acl.*'],
    hooks: () => pretend(policies),
  },
  {
    name: 'acl.disable-ignored', does: 'Acknowledges that a user is disabled and goes on serving it.', breaks: 'A disabled user is refused.', needs: ['acl'],
    witnesses: ['acl.disabled-user-refused', 'acl.*'],
    hooks: () => pretend(req.AUTH_UPDATE_USER),
  },
  {
    name: 'acl.delete-ignored', does: 'Acknowledges that a user is deleted and goes on serving it.', breaks: 'A deleted user is refused.', needs: ['acl'],
    witnesses: ['acl.deleted-user-refused', 'acl.*'],
    hooks: () => pretend(req.AUTH_DELETE_USER),
  },
  {
    name: 'acl.everybody-administers', does: 'Lets normal users read about users.', breaks: 'A normal user may not administer.', needs: ['acl'],
    witnesses: ['acl.normal-user-no-administration', 'acl.*'],
    hooks: () => onRequest([req.AUTH_GET_USER, req.AUTH_LIST_USER], ofOthers),
  },
  {
    name: 'acl.refusal-closes', does: 'Closes the connection with a refusal.', breaks: 'A connection is of use after a refusal.', needs: ['acl'],
    witnesses: ['acl.refusal-keeps-connection', 'acl.*'],
    hooks: () => ({
      answer: (answer, _request, link) => {
        if (answer.code !== 16 && answer.code !== 1) return undefined;
        link.later(20, () => link.close());
        return undefined;
      },
    }),
  },
]);
