/** The certificate of `skylark proxy` on both its ports, before and after its files change. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import { selfSigned } from '../../../remoting/self-signed.js';
import { silentLog } from '../../../remoting/clocks.js';
import { resolveProxyConfig } from './config.js';
import { startProxyNode } from './node.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Fingerprint of the certificate that a fresh connection meets. */
function served(address: string, alpn: readonly string[]): Promise<{ fingerprint: string; protocol: string | false | null }> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: [...alpn] }, () => {
      resolve({ fingerprint: socket.getPeerCertificate().fingerprint256, protocol: socket.alpnProtocol });
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('a proxy takes a new certificate on both ports without a restart, and keeps the old one while key and certificate do not fit', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skylark-proxy-tls-'));
  ends.push(() => rmSync(directory, { recursive: true, force: true }));
  const [keyPath, certPath] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const [first, second] = [selfSigned(Date.now()), selfSigned(Date.now())];
  writeFileSync(keyPath, first.key);
  writeFileSync(certPath, first.cert);
  const settings = { namesrvAddr: '127.0.0.1:1', grpcServerPort: 0, remotingListenPort: 0, bindAddress: '127.0.0.1', tlsTestModeEnable: false, tlsKeyPath: keyPath, tlsCertPath: certPath };
  const node = await startProxyNode(resolveProxyConfig(new Map(Object.entries(settings))), silentLog);
  ends.push(() => node.stop());
  const ports = [[node.grpcAddress, ['h2']], [node.remotingAddress, []], [node.remotingAddress, ['h2']]] as const;
  const met = (): Promise<Awaited<ReturnType<typeof served>>[]> => Promise.all(ports.map(([address, alpn]) => served(address, alpn)));
  const of = ({ cert }: { cert: string }): string => new X509Certificate(cert).fingerprint256;
  expect((await met()).map((one) => one.fingerprint)).toEqual(ports.map(() => of(first)));
  expect((await served(node.grpcAddress, ['h2'])).protocol).toBe('h2');

  writeFileSync(certPath, second.cert);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect((await met()).map((one) => one.fingerprint)).toEqual(ports.map(() => of(first)));

  writeFileSync(keyPath, second.key);
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    if ((await met()).every((one) => one.fingerprint === of(second))) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect((await met()).map((one) => one.fingerprint)).toEqual(ports.map(() => of(second)));
}, 60_000);
