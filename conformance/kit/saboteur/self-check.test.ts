import { afterEach, describe, expect, it } from '@jest/globals';
import { defineCases, type Case } from '../case.js';
import { req } from '../codes.js';
import type { Endpoint } from '../endpoint.js';
import { code, equal, fail } from '../expect.js';
import { ScriptedServer } from '../testdata/scripted-server.js';
import { defineSabotages, moved, onSuccess, type Sabotage } from './sabotage.js';
import { selfCheck, selfCheckFailed, type SelfCheckOptions, type SelfCheckReport } from './self-check.js';
import { renderHonest, renderSabotage, renderSelfCheckMarkdown, renderTotals } from './table.js';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

/** A broker whose queues all end at 5, and its name server. */
async function endpoint(): Promise<Endpoint> {
  const broker = await ScriptedServer.start((request) => (request.code === req.GET_MAX_OFFSET ? { ext: { offset: '5' } } : { code: 3 }));
  const namesrv = await ScriptedServer.start((request) => (request.code === req.GET_BROKER_CLUSTER_INFO ? { body: `{"brokerAddrTable":{"b":{"brokerAddrs":{0:"${broker.address}"},"cluster":"c"}}}` } : { code: 3 }));
  servers.push(broker, namesrv);
  return { name: 'scripted', kind: 'scripted', version: '5.5.0', namesrv: namesrv.address, broker: broker.address, brokerName: 'b', cluster: 'c', grpc: undefined, storeDir: undefined, profile: 'full', keepsTopics: false, signer: undefined, features: new Set() };
}

const about = { requirement: 'It works.', level: 'MUST', source: 'Test' } as const;
const endsAt5: Case = { ...about, name: 'x.ends-at-5', run: async (t) => equal((await t.maxOffset('T')).offset, 5, 'max offset') };
const answers: Case = { ...about, name: 'x.answers', run: async (t) => code(await t.maxOffset('T'), 0, 'max offset') };
const broken: Case = { ...about, name: 'x.broken', run: async () => fail('always') };
const alone: Case = { ...endsAt5, name: 'x.alone', exclusive: true };

const one = (name: string, part: Partial<Sabotage> = {}): Sabotage => ({ name: `x.${name}`, does: `Does ${name}.`, breaks: 'A promise.', witnesses: ['x.*'], hooks: () => onSuccess(req.GET_MAX_OFFSET, (answer) => moved(answer, 'offset', 1)), ...part });

async function check(cases: readonly Case[], sabotages: readonly Sabotage[], options: Partial<SelfCheckOptions> = {}): Promise<SelfCheckReport> {
  return selfCheck({ endpoint: await endpoint(), cases: defineCases('x', cases), sabotages: defineSabotages('x', sabotages), timeoutMs: 1000, ...options });
}

describe('selfCheck', () => {
  it('acquits the honest proxy, convicts what a case notices, and lets nothing pass unseen', async () => {
    const report = await check([answers, endsAt5], [one('off'), one('nothing', { hooks: () => ({}) }), one('blind', { witnesses: ['x.answers'] })]);
    expect(report.honest).toMatchObject({ verdict: 'acquitted', passed: 2, convictedBy: [] });
    expect(report.sabotages.map((each) => [each.name, each.verdict, each.caughtBy.map((by) => by.case)])).toEqual([['x.off', 'convicted', ['x.ends-at-5']], ['x.nothing', 'escaped', []], ['x.blind', 'escaped', []]]);
    expect(selfCheckFailed(report)).toBe(true);
    expect(selfCheckFailed({ ...report, sabotages: report.sabotages.slice(0, 1) })).toBe(false);
    expect(renderTotals(report)).toMatch(/^scripted: honest proxy acquitted; of 3 sabotages 1 convicted, 2 escaped, 0 not applicable/);
    expect(report.sabotages.map(renderSabotage).join('')).toMatch(/CONVICTED .*x\.off .*by x\.ends-at-5: max offset: expected 5, got 6\nESCAPED .*Does nothing\. Unnoticed by 2 cases/);
    expect(renderSelfCheckMarkdown(report)).toContain('| `x.off` | Does off. | A promise. | `x.ends-at-5` |\n| `x.nothing` | Does nothing. | A promise. | **escaped** |');
  });

  it('names the same case first in every run, whichever of those under way is done first', async () => {
    let told = (): void => undefined;
    const other = new Promise<void>((resolve) => (told = resolve));
    const first: Case = { ...endsAt5, name: 'x.first', run: async (t) => {
      const { offset } = await t.maxOffset('T');
      if (offset !== 5) await other;
      equal(offset, 5, 'max offset');
    } };
    const quick: Case = { ...endsAt5, name: 'x.quick', run: async (t) => {
      const { offset } = await t.maxOffset('T');
      setTimeout(told, 20);
      equal(offset, 5, 'max offset');
    } };
    const report = await check([first, quick], [one('off')]);
    expect(report.sabotages[0]?.caughtBy.map((by) => by.case)).toEqual(['x.first', 'x.quick']);
    expect(renderSelfCheckMarkdown(report)).toBe(`# Self-check of the conformance kit\n\nscripted: honest proxy acquitted; of 1 sabotages 1 convicted, 0 escaped, 0 not applicable.\n\n| sabotage | what it does | what it breaks | caught by |\n|---|---|---|---|\n| \`x.off\` | Does off. | A promise. | \`x.first\` |\n`);
  });

  it('asks every case when it is thorough', async () => {
    const report = await check([answers, endsAt5, { ...endsAt5, name: 'x.again' }], [one('blind', { witnesses: ['x.answers'] })], { thorough: true });
    expect(report.sabotages[0]?.caughtBy.map((by) => by.case).sort()).toEqual(['x.again', 'x.ends-at-5']);
  });

  it('convicts the honest proxy for a case that fails, says whose fault it is, and does not let it testify', async () => {
    const report = await check([broken, answers], [one('off')]);
    expect(report.honest).toMatchObject({ verdict: 'convicted', passed: 1, convictedBy: [{ case: 'x.broken', alsoWithoutProxy: true }] });
    expect(report.sabotages[0]).toMatchObject({ verdict: 'escaped', ran: 1 });
    expect(selfCheckFailed(report)).toBe(true);
    expect(renderHonest(report.honest)).toMatch(/x\.broken: always \(without the proxy too: a fault of the endpoint\)/);
  });

  it('does not count a known failure against the honest proxy', async () => {
    const report = await check([broken, endsAt5], [one('off')], { knownFailures: [{ endpoint: 'scripted', case: 'x.broken', issue: 'https://example.org/1' }] });
    expect([report.honest.verdict, report.sabotages[0]?.verdict, selfCheckFailed(report)]).toEqual(['acquitted', 'convicted', false]);
  });

  it('tries nothing that the endpoint lacks or whose witnesses cannot speak, and shared cases alone', async () => {
    const report = await check([broken, alone, answers], [
      one('pop', { needs: ['pop'] }), one('all-broken', { witnesses: ['x.brok*'] }), one('named-broken', { witnesses: ['x.broken', 'x.answers'] }),
      one('beside', { witnesses: ['x.alone'] }), one('apart', { witnesses: ['x.alone'], alone: true }),
    ], { destructive: true });
    expect(report.sabotages.map((each) => [each.name, each.verdict, each.reason])).toEqual([
      ['x.pop', 'not-applicable', 'needs pop, which the endpoint does not offer'],
      ['x.all-broken', 'not-applicable', 'none of its 1 cases passes on the honest endpoint'],
      ['x.named-broken', 'not-applicable', 'its witness x.broken does not pass on the honest endpoint'],
      ['x.beside', 'escaped', undefined],
      ['x.apart', 'convicted', undefined],
    ]);
    expect((await check([alone], [one('apart', { alone: true })])).sabotages[0]).toMatchObject({ verdict: 'not-applicable', reason: 'needs destructive cases: --destructive' });
  });

  it('fails for a sabotage that throws', async () => {
    const report = await check([endsAt5], [one('faulty', { hooks: () => ({ request: () => { throw new Error('slip'); }, answer: (answer) => moved(answer, 'offset', 1) }) })]);
    expect([report.sabotages[0]?.verdict, report.sabotages[0]?.faults[0], selfCheckFailed(report)]).toEqual(['convicted', 'Error: slip', true]);
  });
});
