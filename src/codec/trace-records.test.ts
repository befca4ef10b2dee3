import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readTraceRecords } from './trace-records.js';

const record = (...fields: readonly string[]): string => `${fields.join('\u0001')}\u0002`;
const read = (text: string): ReturnType<typeof readTraceRecords> => readTraceRecords(Buffer.from(text));

describe('trace records', () => {
  it('of the Java client', () => {
    expect(read(record('Pub', '1700000000000', 'DefaultRegion', 'pg', 'T', 'ID1', 'TagA', 'k1 k2', '127.0.0.1:10911', '128', '5', '0', 'OFF1', 'true'))).toEqual([
      expect.objectContaining({
        kind: 'Pub', timeMs: 1_700_000_000_000, group: 'pg', topic: 'T', msgId: 'ID1', tags: 'TagA', keys: 'k1 k2', storeHost: '127.0.0.1:10911', bodyBytes: 128, costMs: 5,
        messageType: 'Normal_Msg', offsetMsgId: 'OFF1', success: true, clientHost: undefined,
      }),
    ]);
    const both = record('SubBefore', '1700000000010', 'DefaultRegion', 'cg', 'R1', 'ID1', '2', 'k1') + record('SubAfter', 'R1', 'ID1', '7', 'false', 'k1', '4', '1700000000017', 'cg');
    expect(read(both)).toEqual([
      expect.objectContaining({ kind: 'SubBefore', timeMs: 1_700_000_000_010, group: 'cg', requestId: 'R1', msgId: 'ID1', retryTimes: 2, keys: 'k1' }),
      expect.objectContaining({ kind: 'SubAfter', requestId: 'R1', msgId: 'ID1', costMs: 7, success: false, returned: 'FAILED', timeMs: 1_700_000_000_017, group: 'cg' }),
    ]);
    expect(read(record('EndTransaction', '1', '', 'pg', 'T', 'ID1', '', 'null', '127.0.0.1:10911', '2', 'TX1', 'COMMIT_MESSAGE', 'true'))).toEqual([
      expect.objectContaining({ kind: 'EndTransaction', keys: undefined, messageType: 'Trans_msg_Commit', transactionId: 'TX1', transactionState: 'COMMIT_MESSAGE', fromCheck: true }),
    ]);
    expect(read(record('Recall', '1', 'r', 'pg', 'T', 'ID1', 'true'))).toEqual([expect.objectContaining({ kind: 'Recall', msgId: 'ID1', success: true })]);
  });

  it('of the Go client, which names itself', () => {
    expect(read(record('Pub', '1', 'r', 'pg', 'T', 'ID1', '', '', 'h:1', '1', '2', '3', 'OFF', 'true', '10.0.0.9'))[0]).toMatchObject({ clientHost: '10.0.0.9', success: true, messageType: 'Delay_Msg' });
    expect(read(record('SubBefore', '1', 'r', 'cg', 'R', 'ID1', '0', 'null', '10.0.0.9'))[0]).toMatchObject({ clientHost: '10.0.0.9', keys: undefined, retryTimes: 0 });
  });

  it('of older clients: shorter', () => {
    expect(read(record('Pub', '1', 'r', 'pg', 'T', 'ID1', '', '', 'h:1', '1', '2', '0', 'false'))[0]).toMatchObject({ success: false, offsetMsgId: undefined });
    expect(read(record('SubAfter', 'R', 'ID1', '7', 'true', 'k', '0', ''))[0]).toMatchObject({ success: true, returned: 'SUCCESS', timeMs: undefined, group: undefined });
  });

  it('each field of each kind in its place', () => {
    const f = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1));
    expect(read(record('Pub', ...f(14)))).toEqual([{
      kind: 'Pub', timeMs: 1, group: '3', topic: '4', msgId: '5', tags: '6', keys: '7', storeHost: '8', bodyBytes: 9, costMs: 10, messageType: '11', offsetMsgId: '12', success: false, clientHost: '14',
    }]);
    expect(read(record('Pub', ...f(12)))).toEqual([{
      kind: 'Pub', timeMs: 1, group: '3', topic: '4', msgId: '5', tags: '6', keys: '7', storeHost: '8', bodyBytes: 9, costMs: 10, messageType: '11', offsetMsgId: undefined, success: false, clientHost: undefined,
    }]);
    expect(read(record('SubBefore', ...f(8)))).toEqual([{ kind: 'SubBefore', timeMs: 1, group: '3', requestId: '4', msgId: '5', retryTimes: 6, keys: '7', clientHost: '8' }]);
    expect(read(record('SubAfter', ...f(8)))).toEqual([{ kind: 'SubAfter', requestId: '1', msgId: '2', costMs: 3, success: false, keys: '5', returned: '6', timeMs: 7, group: '8' }]);
    expect(read(record('EndTransaction', ...f(12)))).toEqual([{
      kind: 'EndTransaction', timeMs: 1, group: '3', topic: '4', msgId: '5', tags: '6', keys: '7', storeHost: '8', messageType: '9', transactionId: '10', transactionState: '11', fromCheck: false,
    }]);
    expect(read(record('Recall', ...f(6)))).toEqual([{ kind: 'Recall', timeMs: 1, group: '3', topic: '4', msgId: '5', success: false }]);
  });

  it('numbers, flags and ordinals as clients write them, and none where they write something else', () => {
    const time = (text: string): unknown => read(record('Recall', text, '', '', '', 'ID'))[0]?.timeMs;
    expect(['0', '-5', '123456789012345', '1234567890123456', '', 'null', '1.5', ' 1', '+1', '0x1'].map(time)).toEqual([0, -5, 123456789012345, undefined, undefined, undefined, undefined, undefined, undefined, undefined]);
    const success = (text: string): unknown => read(record('Recall', '1', '', '', '', 'ID', text))[0]?.success;
    expect(['true', 'TRUE', 'false', '', 'null', 'yes'].map(success)).toEqual([true, true, false, undefined, false, false]);
    const type = (text: string): unknown => read(record('EndTransaction', '1', '', '', '', 'ID', '', '', '', text))[0]?.messageType;
    expect(['0', '1', '2', '3', '4', '5', '-1', ''].map(type)).toEqual(['Normal_Msg', 'Trans_Msg_Half', 'Trans_msg_Commit', 'Delay_Msg', 'Order_Msg', '5', '-1', undefined]);
    const returned = (text: string): unknown => read(record('SubAfter', 'R', 'ID', '1', 'true', '', text))[0]?.returned;
    expect(['0', '1', '2', '3', '4', '5', 'x'].map(returned)).toEqual(['SUCCESS', 'TIME_OUT', 'EXCEPTION', 'RETURNNULL', 'FAILED', '5', undefined]);
    for (const id of ['', 'null']) expect(read(record('Recall', '1', '', '', '', id))).toEqual([]);
  });

  it('anything else is passed over', () => {
    expect(read('')).toEqual([]);
    expect(read(record('toString', '1') + record('Pub') + record('Pub', 'x', '', '', '', 'ID1') + 'garbage')).toEqual([expect.objectContaining({ kind: 'Pub', msgId: 'ID1', timeMs: undefined })]);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => Array.isArray(readTraceRecords(bytes))));
    fc.assert(fc.property(fc.array(fc.constantFrom('Pub', 'SubAfter', '\u0001', '\u0002', '7', 'é', 'null'), { maxLength: 60 }), (parts) => Array.isArray(read(parts.join('')))));
  });
});
