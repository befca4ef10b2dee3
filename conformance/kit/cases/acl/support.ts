/** What the cases about signed requests share: connections of other users, requests altered after they were signed, refusals by release. */
import { inVersions } from '../../case.js';
import type { Answer, RawConnection } from '../../connection.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, Failure } from '../../expect.js';
import { encodeFrame, type FrameInput } from '../../wire/frame.js';
import { createSigner, type Credentials, type Signer } from '../../wire/sign.js';

/** A connection whose requests are not signed, or signed by others. */
export function connectAs(t: Context, signer: Signer | undefined, label: string): Promise<RawConnection> {
  return t.connect('broker', { signer, label });
}

/** What signs for the run. */
export function ownSigner(t: Context): Signer {
  const { signer } = t.endpoint;
  if (signer === undefined) throw new Error('a case about signatures without credentials: it lacks needs acl');
  return signer;
}

/** Signs a request, lets `alter` change it afterwards, and asks. Nothing of it reaches the wire log. */
export async function altered(t: Context, frame: FrameInput, alter: (signed: FrameInput) => FrameInput): Promise<Answer> {
  const connection = await connectAs(t, undefined, 'altered');
  const opaque = connection.nextOpaque();
  const answer = connection.answerTo(opaque);
  connection.sendUnlogged(encodeFrame({ ...alter({ ...frame, ext: ownSigner(t)(frame.ext, frame.body) }), opaque }), 'a request altered after it was signed');
  return answer;
}

/** Since 5.0.0 what is not signed well is NO_PERMISSION; before it is SYSTEM_ERROR, for the check was a hook that threw. */
export function refused(t: Context, answer: Answer, what: string): void {
  code(answer, inVersions({ from: '5.0.0' }, t.endpoint.version) ? res.NO_PERMISSION : [res.SYSTEM_ERROR, res.NO_PERMISSION], what);
}

/** A user of this case alone, deleted at its end; the password is made anew in each run. */
export async function user(t: Context, fields: { readonly userType?: string } = {}): Promise<Credentials & { readonly signer: Signer }> {
  const credentials = { accessKey: `conform-${t.rng.text(10)}`, secretKey: t.rng.text(20) };
  t.cleanup(() => t.request(req.AUTH_DELETE_USER, { username: credentials.accessKey }), 'delete the user');
  const body = { username: credentials.accessKey, password: credentials.secretKey, userType: fields.userType ?? 'Normal', userStatus: 'enable' };
  code(await unlogged(t, req.AUTH_CREATE_USER, { username: credentials.accessKey }, body), res.SUCCESS, 'create user');
  return { ...credentials, signer: createSigner(credentials) };
}

/** A request whose body holds a password: only its name is logged. */
export async function unlogged(t: Context, requestCode: number, ext: Readonly<Record<string, string>>, body: object): Promise<Answer> {
  const connection = await connectAs(t, undefined, 'users');
  const opaque = connection.nextOpaque();
  const answer = connection.answerTo(opaque);
  const text = JSON.stringify(body);
  connection.sendUnlogged(encodeFrame({ code: requestCode, ext: ownSigner(t)(ext, text), body: text, opaque }), `request ${requestCode} about a user, with a password`);
  return answer;
}

/** Lets a user do something with a topic or group. */
export async function allow(t: Context, accessKey: string, entries: readonly { readonly resource: string; readonly actions: readonly string[]; readonly decision?: string }[]): Promise<void> {
  const subject = `User:${accessKey}`;
  t.cleanup(() => t.request(req.AUTH_DELETE_ACL, { subject }), 'delete the policy');
  const body = JSON.stringify({ subject, policies: [{ policyType: 'Custom', entries: entries.map((one) => ({ sourceIps: [], decision: 'Allow', ...one })) }] });
  code(await t.request(req.AUTH_CREATE_ACL, { subject }, { body }), res.SUCCESS, 'create policy');
}

/** Fails unless nothing was stored in the topic's queue 0. */
export async function nothingStored(t: Context, topic: string): Promise<void> {
  await t.sendOk(topic, { body: 'marker' });
  const [first] = await t.pullAll(topic, 1);
  if (first?.body.toString() !== 'marker') throw new Failure('first message of the topic', 'the marker', first?.body.toString() ?? 'none');
}
