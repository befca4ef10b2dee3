/**
 * `skylark certificate`: a key and a certificate signed by it as two files, for tests of TLS with a certificate that clients can trust by its file. It is
 * what the servers make for themselves at the first handshake (`tls.test.mode.enable`), but it stays the same, and is for the names given.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { selfSigned } from '../remoting/self-signed.js';
import { ConfigError } from './config.js';

export const certificateHelp = `Usage: skylark certificate [options]

Makes a key and a certificate signed by it, valid for ten years: for tests, since nobody vouches for it.

  skylark certificate --out tls --name broker.test --name 10.0.0.1

Options
      --out DIR       where key.pem and cert.pem are written           (.)
      --name NAME     a host name or IPv4 address that it is for; may be given several times  (localhost, 127.0.0.1)
      --force         files that are there are written over: a server that serves them takes the new ones within a second
  -h, --help
`;

const options = { out: { type: 'string' }, name: { type: 'string', multiple: true }, force: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;

const hostName = /^(?:\*\.)?(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*$/;
const namesMax = 100;
const nameCharsMax = 253;

/** Writes the files; the text to print. Throws ConfigError for what it cannot read, or when a file is there. */
export function certificate(argv: readonly string[], nowMs: number): string {
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: false });
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)} (skylark certificate --help lists the options)`);
  }
  const { out = '.', name: names = ['localhost', '127.0.0.1'], force = false, help } = parsed.values;
  if (help === true) return certificateHelp;
  if (names.length > namesMax) throw new ConfigError(`${names.length} names, at most ${namesMax} are taken`);
  for (const one of names) {
    if (isIP(one) !== 4 && (one.length > nameCharsMax || !hostName.test(one))) throw new ConfigError(`--name '${one}' is neither a host name nor an IPv4 address`);
  }
  const { key, cert } = selfSigned(nowMs, names);
  const directory = resolve(out);
  const [keyPath, certPath] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(keyPath, key, { mode: 0o600, flag: force ? 'w' : 'wx' });
    writeFileSync(certPath, cert, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConfigError(code === 'EEXIST' ? `there is a ${keyPath} or ${certPath} already (--force writes over it)` : message);
  }
  return `${keyPath}\n${certPath}\n\nServe it:  skylark start --set tls.test.mode.enable=false --set tls.server.keyPath=${keyPath} --set tls.server.certPath=${certPath}\n`
    + `           skylark proxy --set tlsTestModeEnable=false --set tlsKeyPath=${keyPath} --set tlsCertPath=${certPath}\nClients trust ${certPath}.\n`;
}
