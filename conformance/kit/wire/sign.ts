/**
 * Signed requests, as Apache's clients send them (`AclClientRPCHook#doBeforeRequest`, `AclUtils#combineRequestContent`): the fields AccessKey
 * and, in base64, Signature = HMAC-SHA1 by the secret key over the values of all other fields in the order of their names, and then the body.
 */
import { createHmac } from 'node:crypto';
import { bytesOf } from './frame.js';
import { plainExt, type Ext } from './header-json.js';

export interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** A request's fields with the two of its signature. A function, so that no report can show what it knows. */
export type Signer = (ext: Ext | null | undefined, body: Buffer | string | undefined) => Ext;

/** Signs as this user. */
export function createSigner({ accessKey, secretKey }: Credentials): Signer {
  return (ext, body) => {
    const fields: Record<string, string> = { ...plainExt(ext ?? {}), AccessKey: accessKey };
    return { ...fields, Signature: signature(fields, bytesOf(body), secretKey) };
  };
}

/** The signature of a request with these fields; a field Signature among them is left out. */
export function signature(fields: Readonly<Record<string, string>>, body: Buffer, secretKey: string): string {
  const names = Object.keys(fields).filter((name) => name !== 'Signature').sort((a, b) => (a < b ? -1 : 1)); // by UTF-16 units, as String#compareTo
  return createHmac('sha1', Buffer.from(secretKey, 'utf8')).update(names.map((name) => fields[name]).join(''), 'utf8').update(body).digest('base64');
}
