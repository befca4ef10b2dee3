/**
 * A certificate signed by its own key, for TLS without any configured one: it encrypts and proves nothing
 * (Netty's `SelfSignedCertificate`, which Apache uses with `tls.test.mode.enable`). Made anew by each process; never written to disk.
 */
import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';

export interface KeyAndCertificate {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
}

/** One DER value: tag, length, content. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const n = content.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const objectId = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));

/** ecdsa-with-SHA256 (1.2.840.10045.4.3.2). */
const signatureAlgorithm = sequence(objectId('2a8648ce3d040302'));
/** commonName (2.5.4.3). */
const commonName = objectId('550403');
/** subjectAltName (2.5.29.17). */
const subjectAltName = objectId('551d11');

/** `YYYYMMDDHHMMSSZ` (GeneralizedTime). */
function time(ms: number): Buffer {
  return der(0x18, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, ''), 'latin1'));
}

const dayMs = 86_400_000;

/**
 * An EC key on P-256 and its certificate for these host names and IPv4 addresses, valid from a day before `nowMs` for ten years.
 *
 * ```
 * Certificate = { TBSCertificate, signatureAlgorithm, BIT STRING signature }
 * TBSCertificate = { [0] version 2, serial, signatureAlgorithm, issuer, { notBefore, notAfter }, subject, SubjectPublicKeyInfo, [3] extensions }
 * ```
 */
export function selfSigned(nowMs: number, names: readonly string[] = ['localhost', '127.0.0.1']): KeyAndCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(names[0] ?? '', 'latin1')))));
  const serial = randomBytes(16);
  // Positive and without leading zeros, as DER wants an integer.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const altNames = sequence(...names.map((one) => (isIP(one) === 4 ? der(0x87, Buffer.from(one.split('.').map(Number))) : der(0x82, Buffer.from(one, 'latin1')))));
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    signatureAlgorithm,
    name,
    sequence(time(nowMs - dayMs), time(nowMs + 3650 * dayMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(subjectAltName, der(0x04, altNames)))),
  );
  const signature = createSign('sha256').update(toSign).sign(privateKey);
  const certificate = sequence(toSign, signatureAlgorithm, der(0x03, Buffer.from([0]), signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}
