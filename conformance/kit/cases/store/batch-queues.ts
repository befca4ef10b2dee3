/** BatchConsumeQueue: the queues of topics with `queue.type=BatchCQ`, one unit for each record. */
import { res } from '../../codes.js';
import { code, equal } from '../../expect.js';
import { batchUnitBytes, readBatchUnits, type BatchUnit } from '../../store/queue-units.js';
import { chainProblem, type QueueFiles } from '../../store/segments.js';
import type { StoreFiles } from '../../store/store-files.js';
import { none, storeCases, uniqKey, type StoreCase } from './support.js';

const write: NonNullable<StoreCase['write']> = async (t) => {
  const topic = await t.topic({ queues: 1, attributes: { 'queue.type': 'BatchCQ' } });
  for (const count of [3, 1, 5]) code(await t.sendBatch(topic, Array.from({ length: count }, (_, i) => ({ body: `b${i}` })), { properties: { UNIQ_KEY: uniqKey(t) } }), res.SUCCESS, `batch of ${count}`);
  return [topic];
};

function queues(store: StoreFiles): readonly { readonly queue: QueueFiles; readonly units: readonly BatchUnit[] }[] {
  return store.some(store.queues('batchconsumequeue').map((queue) => ({ queue, units: readBatchUnits(queue.segments) })).filter((one) => one.units.length > 0), 'unit of a batch consume queue');
}

function each(store: StoreFiles, what: string, wrong: (unit: BatchUnit, before: BatchUnit | undefined, queue: QueueFiles) => string | undefined): void {
  none(queues(store).flatMap(({ queue, units }) => units.map((unit, i) => {
    const problem = wrong(unit, units[i - 1], queue);
    return problem === undefined ? undefined : `${queue.topic}/${queue.queueId} unit ${unit.index}: ${problem}`;
  })), what);
}

const about = { level: 'MUST', versions: { from: '5.0.0' }, asks: ['batch'], write } as const;

export const cases = storeCases([
  {
    ...about, name: 'store.batch-queue.file-names', source: 'BatchConsumeQueue#BatchConsumeQueue',
    requirement: 'The files of a batch consume queue are named by the position of their first byte and hold whole units of 46 bytes.',
    judge(store) {
      none(queues(store).map(({ queue }) => chainProblem(queue.segments) ?? (queue.segments.every((file) => file.size % batchUnitBytes === 0) ? undefined : `a file of ${queue.segments[0]?.size ?? 0} bytes`)), 'files of the batch consume queues');
    },
  },
  {
    ...about, name: 'store.batch-queue.units-point-at-records', source: 'BatchConsumeQueue#putBatchMessagePositionInfo',
    requirement: 'A unit holds physical offset, size and store timestamp of a record of that topic and queue.',
    judge(store) {
      each(store, 'units and records', (unit, _, queue) => {
        const record = store.recordAt(unit.phyOffset);
        if (record === undefined) return unit.phyOffset < store.logBegins ? undefined : `no record begins at ${unit.phyOffset}`;
        return record.topic === queue.topic && record.recordBytes === unit.size && record.storeTimestamp === unit.storeTime ? undefined : `${unit.size} bytes stored at ${unit.storeTime}`;
      });
    },
  },
  {
    ...about, name: 'store.batch-queue.base-offsets', source: 'BatchConsumeQueue#putBatchMessagePositionInfo',
    requirement: 'A unit\'s base offset is that of the record, and the next unit\'s is larger by as many messages as the batch has.',
    judge(store) {
      each(store, 'base offsets', (unit, before) => {
        const record = store.recordAt(unit.phyOffset);
        if (record !== undefined && record.queueOffset !== unit.baseOffset) return `${unit.baseOffset}, the record has ${record.queueOffset}`;
        return before === undefined || before.baseOffset + before.batchSize === unit.baseOffset ? undefined : `${unit.baseOffset} after ${before.baseOffset} with ${before.batchSize} messages`;
      });
    },
  },
  {
    ...about, name: 'store.batch-queue.batch-size', source: 'CommitLog#checkMessageAndReturnSize',
    requirement: 'A unit\'s batch size is INNER_NUM of the record, 1 for a single message.',
    judge(store) {
      each(store, 'batch sizes', (unit) => {
        const record = store.recordAt(unit.phyOffset);
        return record === undefined || unit.batchSize === Number(record.properties['INNER_NUM'] ?? 1) ? undefined : `${unit.batchSize}, INNER_NUM is ${record.properties['INNER_NUM'] ?? '(none)'}`;
      });
      if (store.live) equal(queues(store).flatMap(({ units }) => units.map((unit) => unit.batchSize)), [3, 1, 5], 'batch sizes of the queue');
    },
  },
  {
    ...about, name: 'store.batch-queue.reserved', source: 'BatchConsumeQueue#putBatchMessagePositionInfo',
    requirement: 'A unit ends with the compacted offset -1 and four zero bytes.',
    judge(store) {
      each(store, 'end of the units', (unit) => (unit.compactedOffset === -1 && unit.reserved === 0 ? undefined : `${unit.compactedOffset}, ${unit.reserved}`));
    },
  },
]);
