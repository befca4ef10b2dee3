/** Reports for tests of the pages: what a run looks like, and one whose every text attacks the page. */
import type { CaseReport, HistoryOperation, RunReport, Verdict } from '../report/types.js';

/** Ends a script element, opens an image whose error runs script, and ends attributes, comments and CDATA. */
export const hostile = `</script><img src=x onerror="window.pwned=1"><svg onload='window.pwned=1'>--><!--]]>"'&\`\${1}\u2028\u0000\ud800`;

export const sampleHistory: readonly HistoryOperation[] = [
  { process: 'producer-1', op: 'send', invokedMs: 0, completedMs: 12, outcome: 'ok', value: 'm1' },
  { process: 'producer-2', op: 'send', invokedMs: 5, completedMs: 30, outcome: 'ok', value: 'm2', anomaly: 'lost: m2 was acknowledged and never delivered' },
  { process: 'nemesis', op: 'kill', invokedMs: 40, completedMs: 44, outcome: 'ok', value: 'broker' },
  { process: 'producer-1', op: 'send', invokedMs: 50, completedMs: 80, outcome: 'fail', value: 'm3' },
  { process: 'producer-2', op: 'send', invokedMs: 55, outcome: 'info', value: 'm4' },
  { process: 'nemesis', op: 'restart', invokedMs: 90, completedMs: 180, outcome: 'ok', value: 'broker' },
  { process: 'consumer-1', op: 'poll', invokedMs: 200, completedMs: 240, outcome: 'ok', value: 'm1' },
];

/** A case with a few wire entries. */
export function sampleCase(name: string, part: Partial<CaseReport> = {}): CaseReport {
  return {
    name, area: name.split('.')[0] ?? '', requirement: `The broker does what ${name} asks.`, level: 'MUST', source: 'Class#method', origin: 'hand', verdict: 'pass', notes: [], durationMs: 12,
    wire: [
      { atMs: 0, connection: 'broker', direction: 'event', bytes: 0, summary: 'connected to 127.0.0.1:10911', hex: '' },
      { atMs: 1, connection: 'broker', direction: 'sent', bytes: 40, summary: 'SEND_MESSAGE_V2(310) opaque 1 {a: "group"} body 5 B', hex: '00000024'.padEnd(80, '7b22636f6465223a') },
      { atMs: 3, connection: 'broker', direction: 'received', bytes: 2000, summary: 'answer SUCCESS(0) opaque 1', hex: 'ff00'.repeat(512) },
    ],
    ...part,
  };
}

const failing: Partial<CaseReport> = { verdict: 'fail', failure: { kind: 'assertion', message: 'offset after the commit', expected: 'offset 41 of queue 3', actual: 'offset 14 of queue 3' } };

/** A run of 6 cases of 3 areas; `swap` gives the endpoint other verdicts. */
export function sampleReport(name: string, swap = false): RunReport {
  return {
    format: 1, kit: '1.0.0', seed: 7, started: '2030-01-02T03:04:05.000Z', durationMs: 1234, notes: [],
    endpoint: { name, kind: 'apache', version: '5.5.0', namesrv: '127.0.0.1:9876', broker: '127.0.0.1:10911', brokerName: 'broker-a', cluster: 'c', features: ['pop', 'timer'], profile: 'full' },
    options: { parallel: 4, timeoutMs: 10_000, destructive: false, prefix: 'conform_' },
    cases: [
      sampleCase('send.stored'), sampleCase('send.oneway', swap ? failing : {}), sampleCase('send.generated', { origin: 'generated', level: 'MAY' }),
      sampleCase('pull.offset-past-max', swap ? {} : { ...failing, level: 'SHOULD', notes: ['asked for 41'] }),
      sampleCase('pull.lite', { verdict: 'not-applicable', reason: 'needs lite, which the endpoint does not offer', wire: [], durationMs: 0 }),
      sampleCase('workload.crash', swap ? {} : { verdict: 'known-failure', issue: 'https://example.org/1', failure: { kind: 'timeout', message: 'the case was not over' }, history: sampleHistory }),
    ],
  };
}

/** A run in which every text that is not of a fixed list is `hostile`. */
export function hostileReport(verdict: Verdict = 'fail'): RunReport {
  const h = hostile;
  return {
    format: 1, kit: h, seed: 1, started: h, durationMs: 1, notes: [h],
    endpoint: { name: h, kind: h, version: h, namesrv: h, broker: h, brokerName: h, cluster: h, grpc: h, features: [h], profile: h },
    options: { parallel: 1, timeoutMs: 100, destructive: true, prefix: h },
    cases: [{
      name: h, area: h, requirement: h, level: 'MUST', source: h, origin: 'hand', verdict, reason: h, issue: h, notes: [h], durationMs: 1,
      failure: { kind: 'kit', message: h, expected: `${h} 1`, actual: `${h} 2`, stack: h },
      wire: [{ atMs: 1, connection: h, direction: 'sent', bytes: 2, summary: h, hex: '3c62' }],
      history: [{ process: h, op: h, invokedMs: 1, completedMs: 5, outcome: 'ok', value: h, anomaly: h }],
    }],
  };
}
