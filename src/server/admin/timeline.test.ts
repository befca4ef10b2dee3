import { describe, expect, it } from '@jest/globals';
import type { TraceRecord } from '../../codec/trace-records.js';
import { timelineOf, type TracedRecord } from './timeline.js';

const traced = (record: TraceRecord): TracedRecord => ({ record, bornHost: '10.0.0.1:4000' });

describe('timeline', () => {
  it('puts the records of all clients in the order of their times and joins beginning and end of a consumption', () => {
    const timeline = timelineOf('ID', [
      traced({ kind: 'SubAfter', msgId: 'ID', requestId: 'R2', costMs: 3, success: true, returned: 'SUCCESS' }),
      traced({ kind: 'SubAfter', msgId: 'ID', requestId: 'R1', costMs: 5, success: false, returned: 'FAILED', timeMs: 1025, group: 'cg' }),
      traced({ kind: 'SubBefore', msgId: 'ID', requestId: 'R2', timeMs: 2000, group: 'cg', retryTimes: 1, clientHost: '10.0.0.2' }),
      traced({ kind: 'SubBefore', msgId: 'ID', requestId: 'R1', timeMs: 1020, group: 'cg', retryTimes: 0 }),
      traced({ kind: 'EndTransaction', msgId: 'ID', timeMs: 1010, group: 'pg', transactionState: 'COMMIT_MESSAGE', fromCheck: false, transactionId: 'TX' }),
      traced({ kind: 'Pub', msgId: 'ID', timeMs: 1000, group: 'pg', topic: 'T', keys: 'k', costMs: 4, success: true, offsetMsgId: 'OFF', messageType: 'Trans_Msg_Half' }),
      traced({ kind: 'Pub', msgId: 'OTHER', timeMs: 1, topic: 'X' }),
    ]);
    expect(timeline).toMatchObject({ msgId: 'ID', topic: 'T', keys: 'k', offsetMsgId: 'OFF', transactionId: 'TX' });
    expect(timeline?.events.map(({ atMs, kind, group, clientHost, costMs, ok, outcome, attempt }) => [atMs, kind, group, clientHost, costMs, ok, outcome, attempt])).toEqual([
      [1000, 'sent', 'pg', '10.0.0.1', 4, true, undefined, undefined],
      [1010, 'committed', 'pg', '10.0.0.1', undefined, undefined, 'COMMIT_MESSAGE', undefined],
      [1020, 'consumed', 'cg', '10.0.0.1', 5, false, 'FAILED', 1],
      [2000, 'consumed', 'cg', '10.0.0.2', 3, true, 'SUCCESS', 2],
    ]);
  });

  it('has a send before the consumption that was faster than its answer, whose time Go notes', () => {
    const timeline = timelineOf('ID', [
      traced({ kind: 'SubBefore', msgId: 'ID', requestId: 'R', timeMs: 1001, group: 'cg', retryTimes: 0 }),
      traced({ kind: 'SubAfter', msgId: 'ID', requestId: 'R', costMs: 1, success: true }),
      traced({ kind: 'Pub', msgId: 'ID', timeMs: 1003, group: 'pg', costMs: 3, success: true }),
    ]);
    expect(timeline?.events.map(({ atMs, kind }) => [atMs, kind])).toEqual([[1003, 'sent'], [1001, 'consumed']]);
  });

  it('shows what is not over, and an end without beginning', () => {
    expect(timelineOf('ID', [traced({ kind: 'SubBefore', msgId: 'ID', requestId: 'R', timeMs: 7, group: 'cg' })])?.events).toMatchObject([{ atMs: 7, kind: 'consuming', ok: undefined }]);
    expect(timelineOf('ID', [traced({ kind: 'SubAfter', msgId: 'ID', requestId: 'R', timeMs: 20, costMs: 5, success: true })])?.events).toMatchObject([{ atMs: 15, kind: 'consumed', ok: true }]);
    expect(timelineOf('ID', [traced({ kind: 'SubAfter', msgId: 'ID', requestId: 'R', success: true }), traced({ kind: 'Pub', msgId: 'ID', timeMs: 1 })])?.events).toMatchObject([{ kind: 'sent' }, { kind: 'consumed', atMs: undefined }]);
  });

  it('finds a message by its offset id too, and nothing for one that nobody traced', () => {
    expect(timelineOf('OFF', [traced({ kind: 'Pub', msgId: 'ID', offsetMsgId: 'OFF', timeMs: 1 })])?.msgId).toBe('ID');
    expect(timelineOf('ID', [traced({ kind: 'Pub', msgId: 'OTHER' })])).toBeUndefined();
  });
});
