import { describe, expect, it } from '@jest/globals';
import { allCases } from '../cases/index.js';
import { req, requestName } from '../codes.js';
import { matchesGlob } from '../select.js';
import { encodeBatch } from '../wire/batch.js';
import type { Command } from '../wire/frame.js';
import { encodeProperties } from '../wire/properties.js';
import { sabotages } from './catalogue/index.js';
import { defineSabotages, type Hooks, type Link, type Outcome } from './sabotage.js';
import { exchanges, pushes } from './testdata/traffic.js';
import { worldOfCase, worldOfSabotage } from './worlds.js';

/** What a sabotage did with a conversation: each alteration in a few words. */
function alterations(hooks: Hooks): string[] {
  const out: string[] = [];
  const by = (kind: string) => (): void => void out.push(kind);
  const link: Link = {
    role: 'broker', toClient: by('to client'), toServer: by('to server'), close: by('close'), later: by('later'),
    ask: (request) => {
      out.push(`ask ${requestName(request.code)}`);
      return Promise.resolve(undefined);
    },
  };
  const note = (what: string, outcome: Outcome, was: Command): void => {
    if (outcome !== undefined && outcome !== was) out.push(what);
  };
  for (const { request, answer, role } of exchanges()) {
    const at = { ...link, role };
    const before = JSON.stringify([request, answer]);
    const outcome = hooks.request?.(request, at);
    note(`request ${requestName(request.code)}`, outcome, request);
    if (outcome === 'drop' || (request.flag & 2) !== 0) continue;
    note(`answer ${requestName(request.code)}`, hooks.answer?.(answer, request, at), answer);
    expect(JSON.stringify([request, answer])).toBe(before); // frames are never altered in place
  }
  for (const push of pushes()) note(`push ${requestName(push.code)}`, hooks.push?.(push, link), push);
  if (hooks.garbage?.(Buffer.from('7fffffff', 'hex'), link) === 'drop') out.push('garbage');
  return out;
}

/** Those that need two requests under way at once, or time to pass. */
const needsMore: readonly string[] = ['frame.answers-swapped', 'frame.pipelined-request-dropped', 'pull.held-never-answered'];

describe('the catalogue', () => {
  it('has at least 60 sabotages, each described and named once', () => {
    expect(sabotages.length).toBeGreaterThanOrEqual(60);
    expect(new Set(sabotages.map((one) => one.name)).size).toBe(sabotages.length);
    expect(new Set(sabotages.map((one) => one.does)).size).toBe(sabotages.length);
    for (const one of sabotages) {
      expect(one.name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*$/);
      expect([one.name, /^[A-Z].*[^.]\.$/.test(one.does), /^[A-Za-z].*[^.]\.$/.test(one.breaks), one.witnesses.length > 0]).toEqual([one.name, true, true, true]);
    }
    expect(() => defineSabotages('pull', [{ name: 'send.x', does: 'A.', breaks: 'B.', witnesses: ['x'], hooks: () => ({}) }])).toThrow(/does not begin with/);
  });

  it('has each do something of one kind, and witnesses where it is judged', async () => {
    const cases = await allCases();
    for (const one of sabotages) {
      expect([one.name, ['hooks', 'grpc', 'files'].filter((kind) => kind in one).length]).toEqual([one.name, 1]);
      expect([one.name, cases.some((each) => worldOfCase(each) === worldOfSabotage(one) && one.witnesses.some((glob) => matchesGlob(each.name, glob)))]).toEqual([one.name, true]);
    }
    const count = (world: string): number => sabotages.filter((one) => worldOfSabotage(one) === world).length;
    expect([count('grpc') >= 12, count('store') >= 6, count('acl') >= 4]).toEqual([true, true, true]);
  });

  it('names cases that there are', async () => {
    const names = (await allCases()).map((one) => one.name);
    const unseen = sabotages.filter((one) => !names.some((name) => one.witnesses.some((glob) => matchesGlob(name, glob)))).map((one) => one.name);
    expect(unseen).toEqual([]);
    const exact = sabotages.flatMap((one) => one.witnesses.filter((glob) => !glob.includes('*')));
    expect(exact.filter((name) => !names.includes(name))).toEqual([]);
  });

  it.each(sabotages.filter((one) => worldOfSabotage(one) === 'wire' && !needsMore.includes(one.name)).map((one) => [one.name, one] as const))('%s alters something, and each proxy has a state of its own', (_name, one) => {
    const first = alterations(one.hooks?.() ?? {});
    expect(first.length).toBeGreaterThan(0);
    expect(alterations(one.hooks?.() ?? {})).toEqual(first);
  });

  it('answers-swapped, pipelined-request-dropped and held-never-answered do what they say', async () => {
    const hooks = (name: string): Hooks => sabotages.find((one) => one.name === name)?.hooks?.() ?? {};
    const frame = (parts: Partial<Command>): Command => ({ code: 30, language: 'JAVA', version: 0, opaque: 1, flag: 0, remark: undefined, ext: {}, serialize: 'json', body: Buffer.alloc(0), ...parts });
    const link = { role: 'broker' } as unknown as Link;
    const [one, two] = [frame({ opaque: 1 }), frame({ opaque: 2 })];
    const swap = hooks('frame.answers-swapped');
    expect([swap.request?.(one, link), swap.request?.(two, link), swap.answer?.(frame({ opaque: 1, flag: 1, remark: 'one' }), one, link)]).toEqual([undefined, undefined, 'drop']);
    expect((swap.answer?.(frame({ opaque: 2, flag: 1, remark: 'two' }), two, link) as readonly Command[]).map((each) => [each.opaque, each.remark])).toEqual([[2, 'one'], [1, 'two']]);
    const drop = hooks('frame.pipelined-request-dropped');
    expect([drop.request?.(one, link), drop.request?.(two, link), drop.answer?.(one, one, link), drop.request?.(two, link)]).toEqual([undefined, 'drop', undefined, undefined]);
    const held = hooks('pull.held-never-answered');
    const pull = frame({ code: req.PULL_MESSAGE, ext: { sysFlag: '6', suspendTimeoutMillis: '1000' } });
    expect([held.request?.(pull, link), held.answer?.(one, pull, link)]).toEqual([undefined, undefined]);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(held.answer?.(one, pull, link)).toBe('drop');
  });
});

describe('some sabotages in detail', () => {
  const run = (name: string): Hooks => sabotages.find((one) => one.name === name)?.hooks?.() ?? {};
  const link = { role: 'broker', toClient: () => undefined } as unknown as Link;
  const command = (code: number, parts: Partial<Command> = {}): Command => ({ code, language: 'JAVA', version: 0, opaque: 1, flag: 0, remark: undefined, ext: {}, serialize: 'json', body: Buffer.alloc(0), ...parts });

  it('a truncated batch lacks its last element and is whole otherwise', () => {
    const elements = [{ body: 'a' }, { body: 'bb', properties: { k: 'v' } }, { body: 'ccc' }];
    const outcome = run('batch.truncated').request?.(command(req.SEND_BATCH_MESSAGE, { body: encodeBatch(elements) }), link) as Command;
    expect(outcome.body.equals(encodeBatch(elements.slice(0, 2)))).toBe(true);
  });

  it('a delay is stripped from either form of a send, and other properties stay', () => {
    const properties = encodeProperties({ TAGS: 't', DELAY: '3', own: 'x' });
    for (const [code, field] of [[req.SEND_MESSAGE_V2, 'i'], [req.SEND_MESSAGE, 'properties']] as const) {
      expect((run('delay.delivered-at-once').request?.(command(code, { ext: { [field]: properties } }), link) as Command).ext[field]).toBe(encodeProperties({ TAGS: 't', own: 'x' }));
      expect(run('delay.delivered-at-once').request?.(command(code, { ext: { [field]: encodeProperties({ TAGS: 't' }) } }), link)).toBeUndefined();
    }
  });

  it('a lock is given to whoever asks', () => {
    const queues = [{ topic: 'T', brokerName: 'b', queueId: 1 }];
    const outcome = run('rebalance.lock-given-twice').answer?.(command(0, { flag: 1, body: Buffer.from('{"lockOKMQSet":[]}') }), command(req.LOCK_BATCH_MQ, { body: Buffer.from(JSON.stringify({ mqSet: queues })) }), link) as Command;
    expect(JSON.parse(outcome.body.toString())).toEqual({ lockOKMQSet: queues });
  });
});
