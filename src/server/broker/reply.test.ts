import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseProperties } from '../../codec/properties.js';
import { requests } from '../../codec/requests.js';
import { pushTimeoutMs } from './reply.js';
import { answer, Composed, Peer } from './testdata/composed.js';
import type { Answer } from './testdata/composed.js';

const replyTopic = 'DefaultCluster_REPLY_TOPIC';

let c: Composed;
let requester: Peer;

async function open(settings: Record<string, string> = {}): Promise<void> {
  c = await Composed.open(settings);
  requester = new Peer(5);
  c.broker.producers.register('requesters', { clientId: 'asker@5', connection: requester, language: 'JAVA', version: 513, lastUpdateMs: c.clock.nowMs() });
}

beforeEach(async () => {
  await open();
});

afterEach(async () => {
  await c.stop();
});

async function reply(to: string | undefined, ext: Record<string, string> = {}): Promise<Answer> {
  const properties = `MSG_TYPE\u0001reply\u0002CORRELATION_ID\u0001c-1\u0002${to === undefined ? '' : `REPLY_TO_CLIENT\u0001${to}\u0002`}`;
  const work = c.ask('SEND_REPLY_MESSAGE_V2', { ext: { a: 'repliers', b: replyTopic, c: 'TBW102', d: '4', e: '0', f: '0', g: '7', h: '3', i: properties, j: '0', ...ext }, body: 'the reply' });
  let done = false;
  void work.finally(() => { done = true; });
  while (!done) {
    c.turn.run();
    await new Promise<void>((resolve) => { setImmediate(resolve); });
  }
  return work;
}

const stored = (): number => c.store.queue(replyTopic, 0).maxOffset;

describe('a reply', () => {
  test('is pushed to who asked and stored, with the marks of a send', async () => {
    requester.answers = [answer(0)];
    expect(await reply('asker@5')).toMatchObject({ code: 0, header: { queueId: 0, queueOffset: 0n, msgId: expect.stringMatching(/^7F000001[0-9A-F]{24}$/) }, ext: { MSG_REGION: 'DefaultRegion' } });
    const [push] = requester.called;
    expect(push?.timeoutMs).toBe(pushTimeoutMs);
    expect(push?.request).toMatchObject({ code: requests.PUSH_REPLY_MESSAGE_TO_CLIENT.code, body: Buffer.from('the reply') });
    expect(push?.request.ext).toMatchObject({ producerGroup: 'repliers', topic: replyTopic, flag: '3', bornTimestamp: '7', bornHost: c.peer.remoteAddress, storeHost: '127.0.0.1:10911', unitMode: 'false', storeTimestamp: String(c.clock.nowMs()) });
    expect(Object.fromEntries(parseProperties(push?.request.ext?.['properties'] ?? ''))).toEqual({ MSG_TYPE: 'reply', CORRELATION_ID: 'c-1', REPLY_TO_CLIENT: 'asker@5', PUSH_REPLY_TIME: String(c.clock.nowMs()), MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' });
    expect(stored()).toBe(1);
    const pulled = await c.ask('PULL_MESSAGE', { ext: { consumerGroup: 'readers', topic: replyTopic, queueId: '0', queueOffset: '0', maxMsgNums: '1', sysFlag: '4', commitOffset: '0', suspendTimeoutMillis: '0', subscription: '*', subVersion: '0' } });
    expect(String(pulled.body)).toContain('MSG_REGION\u0001DefaultRegion\u0002TRACE_ON\u0001true');
    expect(String(pulled.body)).not.toContain('CLUSTER');
  });

  test.each<[string, string | undefined, string]>([
    ['nobody is named', undefined, 'reply message properties[REPLY_TO_CLIENT] is null'],
    ['who asked is unknown', 'nobody@1', 'push reply message fail, channel of <nobody@1> not found.'],
    ['who asked does not answer', 'asker@5', 'push reply message to asker@5fail.'],
  ])('%s: SYSTEM_ERROR, and stored all the same', async (_what, to, remark) => {
    expect(await reply(to)).toMatchObject({ code: 1, remark, header: { queueOffset: 0n } });
    expect(stored()).toBe(1);
  });

  test('who asked refuses', async () => {
    requester.answers = [answer(1, { remark: 'too late' })];
    expect(await reply('asker@5')).toMatchObject({ code: 1, remark: 'push reply message to asker@5fail.' });
  });

  test('is not stored with storeReplyMessageEnable=false; the answer has an id that clients can read', async () => {
    await c.stop();
    await open({ storeReplyMessageEnable: 'false' });
    requester.answers = [answer(0)];
    expect(await reply('asker@5')).toMatchObject({ code: 0, header: { msgId: '0', queueId: 0, queueOffset: 0n } });
    expect(stored()).toBe(0);
  });

  test('is checked like any send before it is pushed', async () => {
    expect((await reply('asker@5', { b: 'a*b' })).code).toBe(29);
    expect((await reply('asker@5', { e: '7' })).code).toBe(29);
    expect(requester.called).toEqual([]);
  });
});
