/** Broadcasting clients behind proxies and beside them: each has its own place, silent ones are forgotten, the smallest offset is committed. */
import { beforeEach, expect, test } from '@jest/globals';
import { BroadcastOffsets } from './broadcast-offsets.js';
import { createPull } from './pull.js';
import { createSend } from './send.js';
import { FakeConnection, Kit, sendFields } from './testdata/kit.js';
import type { Answered } from './testdata/kit.js';
import type { ClientChannel } from './types.js';

let kit: Kit;
beforeEach(() => {
  kit = new Kit();
  kit.topic('T');
  const send = createSend(kit.ctx, [1000]);
  for (let i = 0; i < 4; i++) kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', sendFields(), Buffer.from('m')), new FakeConnection(9));
  kit.endTurn();
});

function queue() {
  const found = kit.topics.get('T')?.queues[1];
  if (found === undefined) throw new Error('no queue');
  return found;
}

const proxied = (clientId: string) => ({ clientId, fromProxy: true });
const direct = (clientId: string) => ({ clientId, fromProxy: false });

test('a client behind a proxy begins at the first message in memory, or where the queue ends', async () => {
  const offsets = new BroadcastOffsets(kit.ctx);
  expect(await offsets.initOffset(queue(), 'g', proxied('a'), -1)).toBe(0);
  expect(await offsets.initOffset(queue(), 'g', proxied('a'), 2)).toBe(-1);
  kit.store.fallenBehind = true;
  expect(await offsets.initOffset(queue(), 'g', proxied('a'), -1)).toBe(4);
});

test('each client has its place, which only grows, and takes it along when it changes sides', async () => {
  const offsets = new BroadcastOffsets(kit.ctx);
  offsets.update('T', 'g', 1, 3, proxied('a'));
  offsets.update('T', 'g', 1, 1, proxied('b'));
  offsets.update('T', 'g', 1, 2, proxied('a'));
  expect(await offsets.initOffset(queue(), 'g', proxied('a'), -1)).toBe(3);
  expect(await offsets.initOffset(queue(), 'g', proxied('b'), -1)).toBe(1);
  expect(await offsets.initOffset(queue(), 'g', direct('a'), 0)).toBe(3);
  offsets.update('T', 'g', 1, 3, direct('a'));
  expect(await offsets.initOffset(queue(), 'g', direct('a'), 0)).toBe(-1);
});

test('the smallest offset is committed, silent clients are forgotten', async () => {
  const offsets = new BroadcastOffsets(kit.ctx);
  offsets.update('T', 'g', 1, 3, proxied('a'));
  kit.clock.advance(60_000);
  offsets.update('T', 'g', 1, 2, proxied('b'));
  offsets.scan();
  expect([...kit.committed]).toEqual([['g@broadcast@T@1', 2]]);
  kit.clock.advance(60_000);
  offsets.scan();
  expect(offsets.clients).toBe(1);
  kit.clock.advance(60_000);
  offsets.scan();
  expect(offsets.clients).toBe(0);
  // A new client goes on where the slowest one was.
  expect(await offsets.initOffset(queue(), 'g', proxied('c'), -1)).toBe(2);
});

test('beyond the bound no client is added, and pulls go on where they ask', async () => {
  kit.limits.membershipsMax = 1;
  const offsets = new BroadcastOffsets(kit.ctx);
  offsets.update('T', 'g', 1, 3, proxied('a'));
  offsets.update('T', 'g', 1, 3, proxied('b'));
  expect(offsets.clients).toBe(1);
  expect(await offsets.initOffset(queue(), 'g', proxied('b'), -1)).toBe(-1);
});

test('pulls: a proxy is sent to the place with PULL_OFFSET_MOVED; a registered broadcaster that pulls in line is served', async () => {
  const pull = createPull(kit.ctx);
  const ask = async (more: Record<string, string>): Promise<Answered | undefined> => {
    await kit.slow(pull.handlers, 'PULL_MESSAGE', kit.frame('PULL_MESSAGE', {
      consumerGroup: 'g', topic: 'T', queueId: '1', queueOffset: '-1', maxMsgNums: '1', sysFlag: '4', commitOffset: '0', suspendTimeoutMillis: '0',
      subscription: '*', subVersion: '5', expressionType: 'TAG', ...more,
    }));
    await kit.settle();
    return kit.connection.take()[0];
  };
  const proxy = { requestSource: '1', proxyFrowardClientId: 'p' };
  expect(await ask(proxy)).toMatchObject({ code: 21, remark: 'OFFSET_RESET', ext: { nextBeginOffset: '0' } });
  expect(await ask({ ...proxy, queueOffset: '2' })).toMatchObject({ code: 0, ext: { nextBeginOffset: '3' } });
  expect(await ask(proxy)).toMatchObject({ code: 21, ext: { nextBeginOffset: '2' } });
  kit.consumer('g', [], 'BROADCASTING');
  const channel: ClientChannel = { clientId: 'p', connection: kit.connection, language: 'JAVA', version: 513, lastUpdateMs: 0 };
  (kit.consumers.get('g')?.clients as Map<unknown, ClientChannel>).set(kit.connection, channel);
  // The client of the proxy is connected itself now: it goes on where the proxy was, once.
  expect(await ask({ queueOffset: '0' })).toMatchObject({ code: 21, ext: { nextBeginOffset: '2' } });
  expect(await ask({ queueOffset: '2' })).toMatchObject({ code: 0, ext: { nextBeginOffset: '3' } });
  // A reset is where it is from then on.
  kit.resets.set('g@T@1', 4);
  expect(await ask({ queueOffset: '3' })).toMatchObject({ code: 21, ext: { nextBeginOffset: '4' } });
  expect(await ask(proxy)).toMatchObject({ code: 21, ext: { nextBeginOffset: '4' } });
});

test('a place is kept for clients that are pushed to, and not for those that pull by themselves', () => {
  const offsets = new BroadcastOffsets(kit.ctx);
  const connection = new FakeConnection(5);
  const register = (consumeType: 'CONSUME_ACTIVELY' | 'CONSUME_PASSIVELY'): void => {
    kit.consumer('g', [], 'BROADCASTING');
    (kit.consumers.get('g')?.clients as Map<unknown, ClientChannel>).set(connection, { clientId: 'c', connection, language: 'JAVA', version: 513, lastUpdateMs: 0 });
    Object.assign(kit.consumers.get('g') ?? {}, { consumeType });
  };
  register('CONSUME_ACTIVELY');
  expect(offsets.clientOf(connection, 'g', undefined)).toBeUndefined();
  register('CONSUME_PASSIVELY');
  expect(offsets.clientOf(connection, 'g', undefined)).toEqual({ clientId: 'c', fromProxy: false });
});
