import { describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { RawConnection } from '../connection.js';
import { ScriptedServer } from '../testdata/scripted-server.js';
import { WireLog } from '../wire-log.js';
import type { Command } from './frame.js';
import { createSigner, signature } from './sign.js';

const secretKey = 'the-secret-key';

describe('signed requests', () => {
  it('sign the values in the order of their names, then the body, as HMAC-SHA1 in base64', () => {
    const expected = createHmac('sha1', secretKey).update('userTopic1').update('body').digest('base64');
    expect(signature({ b: 'Topic', AccessKey: 'user', c: '1', Signature: 'left out' }, Buffer.from('body'), secretKey)).toBe(expected);
    expect(createSigner({ accessKey: 'user', secretKey })({ c: 1, b: 'Topic', absent: undefined }, 'body')).toEqual({ c: '1', b: 'Topic', AccessKey: 'user', Signature: expected });
  });

  it('reach the endpoint, and neither signature nor keys reach the wire log', async () => {
    const seen: Command[] = [];
    const server = await ScriptedServer.start((request) => {
      seen.push(request);
      return {};
    });
    const log = new WireLog();
    const connection = await RawConnection.open(server.address, { log, signer: createSigner({ accessKey: 'the-access-key', secretKey }) });
    await connection.request(30, { topic: 'T' });
    connection.oneway(30, { topic: 'T' });
    await connection.request(30, null, { serialize: 'binary' });
    connection.close();
    await server.stop();
    expect(seen.map((one) => [one.ext['AccessKey'], one.ext['Signature']])).toEqual([
      ['the-access-key', signature({ topic: 'T', AccessKey: 'the-access-key' }, Buffer.alloc(0), secretKey)], ['the-access-key', signature({ topic: 'T', AccessKey: 'the-access-key' }, Buffer.alloc(0), secretKey)],
      ['the-access-key', signature({ AccessKey: 'the-access-key' }, Buffer.alloc(0), secretKey)],
    ]);
    const text = JSON.stringify(log.entries());
    const hex = log.entries().map((entry) => Buffer.from(entry.hex, 'hex').toString('latin1')).join();
    for (const secret of ['Signature', 'the-access-key', secretKey]) expect([text.includes(secret), hex.includes(secret)]).toEqual([false, false]);
  });
});
