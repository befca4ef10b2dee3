/**
 * Whether HTTP/2 in clear text is spoken at an address: what greets is asked for once, before hundreds of cases find out one by one.
 *
 *   client:  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SETTINGS      server:  SETTINGS first   (RFC 9113, 3.4)
 *   frame:   length (3) | type (1, SETTINGS is 4) | flags (1) | stream (4) | payload
 */
import { connect } from 'node:net';
import { EndpointError, splitAddress, type HostPort } from '../connection.js';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const noSettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

/** Answers when the server's SETTINGS came. @throws EndpointError in `timeoutMs` at the latest. */
export function seeHttp2(address: HostPort, timeoutMs: number): Promise<void> {
  const target = splitAddress(address);
  if (target === undefined) return Promise.reject(new EndpointError('unreachable', `'${address}' is no HOST:PORT`));
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    let connected = false;
    const socket = connect(target);
    const end = (error?: EndpointError): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const timer = setTimeout(() => end(connected ? new EndpointError('timeout', `${address} did not greet as HTTP/2 does in ${timeoutMs} ms: is it the gRPC endpoint?`) : new EndpointError('unreachable', `no connection to ${address}: none in ${timeoutMs} ms`)), timeoutMs);
    socket.on('connect', () => {
      connected = true;
      socket.write(Buffer.concat([preface, noSettings]));
    });
    socket.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      if (got.length < 4) return;
      const begins = got.toString('latin1', 0, 24).replace(/[^\x20-\x7e][^]*$/, '');
      end(got[3] === 4 ? undefined : new EndpointError('garbage', `${address} does not speak HTTP/2${begins.length < 4 ? '' : `: it begins ${JSON.stringify(begins)}`}; is it the gRPC endpoint?`));
    });
    socket.on('error', (error) => end(new EndpointError(connected ? 'closed' : 'unreachable', connected ? `${address} broke the connection: ${error.message}` : `no connection to ${address}: ${error.message}`)));
    socket.on('close', () => end(new EndpointError('closed', `${address} closed the connection before it greeted as HTTP/2 does: is it the gRPC endpoint?`)));
  });
}
