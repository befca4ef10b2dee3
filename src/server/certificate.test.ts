import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { certificate, certificateHelp } from './certificate.js';

const made: string[] = [];
afterEach(() => {
  for (const one of made.splice(0)) rmSync(one, { recursive: true, force: true });
});
const fresh = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'skylark-certificate-'));
  made.push(directory);
  return directory;
};
const nowMs = Date.UTC(2026, 0, 2);

describe('skylark certificate', () => {
  test('writes a key that only its owner reads, and a certificate of the names given', () => {
    const out = join(fresh(), 'tls');
    const text = certificate(['--out', out, '--name', 'broker.test', '--name', '10.0.0.1', '--name', '*.inner.test'], nowMs);
    expect(text).toContain(`tls.server.keyPath=${join(out, 'key.pem')}`);
    expect(statSync(join(out, 'key.pem')).mode & 0o777).toBe(0o600);
    const x509 = new X509Certificate(readFileSync(join(out, 'cert.pem')));
    expect(x509.subject).toBe('CN=broker.test');
    expect([x509.checkHost('broker.test'), x509.checkHost('a.inner.test'), x509.checkIP('10.0.0.1')]).toEqual(['broker.test', '*.inner.test', '10.0.0.1']);
    expect([x509.checkHost('localhost'), x509.checkIP('127.0.0.1')]).toEqual([undefined, undefined]);
    expect(x509.checkPrivateKey(createPrivateKey(readFileSync(join(out, 'key.pem'))))).toBe(true);
    expect(new Date(x509.validTo).getTime()).toBe(nowMs + 3650 * 86_400_000);
  });

  test('is for localhost unless told, and leaves files alone unless forced', () => {
    const out = fresh();
    certificate(['--out', out], nowMs);
    const first = readFileSync(join(out, 'cert.pem'), 'utf8');
    expect(new X509Certificate(first).checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(() => certificate(['--out', out], nowMs)).toThrow(/already/);
    expect(readFileSync(join(out, 'cert.pem'), 'utf8')).toBe(first);
    certificate(['--out', out, '--force'], nowMs);
    expect(readFileSync(join(out, 'cert.pem'), 'utf8')).not.toBe(first);
  });

  test.each([['--name', ''], ['--name', 'a b'], ['--name', '::1'], ['--name', `${'a'.repeat(64)}.test`], ['more'], ['--nope']])('refuses %j', (...argv) => {
    expect(() => certificate(argv, nowMs)).toThrow();
  });

  test('says what it cannot write, and helps', () => {
    const file = join(fresh(), 'file');
    writeFileSync(file, '');
    expect(() => certificate(['--out', join(file, 'below')], nowMs)).toThrow(/ENOTDIR/);
    expect(certificate(['--help'], nowMs)).toBe(certificateHelp);
  });
});
