/** ConsumeQueueExt: tags code, store time and filter bits of a unit, where the queue's own tags code is their address. */
import { stringHash } from '../../messaging.js';
import type { Context } from '../../context.js';
import { extAddress, extUnitBytesMin, readExt, readUnits, type ExtUnit, type Unit } from '../../store/queue-units.js';
import { chainProblem, type QueueFiles } from '../../store/segments.js';
import type { StoreFiles } from '../../store/store-files.js';
import { none, storeCases } from './support.js';

/** Units enough for two files of 4096 bytes. */
async function write(t: Context): Promise<readonly string[]> {
  const topic = await t.topic({ queues: 1 });
  for (let i = 0; i < 5; i++) await t.sendBatch(topic, Array.from({ length: 60 }, (_, j) => ({ body: 'x', properties: j % 3 === 0 ? {} : { TAGS: `zzzzz${j}` } })));
  return [topic];
}

interface Extended {
  readonly queue: QueueFiles;
  readonly units: readonly Unit[];
  readonly ext: ReturnType<typeof readExt>;
}

/** Queues with an extension. */
function extended(store: StoreFiles): readonly Extended[] {
  const files = new Map(store.queues('consumequeue_ext').map((queue) => [`${queue.topic}/${queue.queueId}`, queue]));
  return store.some(store.queues().flatMap((queue) => {
    const beside = files.get(`${queue.topic}/${queue.queueId}`);
    return beside === undefined ? [] : [{ queue, units: readUnits(queue.segments).units, ext: readExt(beside.segments) }];
  }), 'consume queue with an extension');
}

/** Says what is wrong with a unit and its extension. */
function each(store: StoreFiles, what: string, wrong: (unit: Unit, ext: ExtUnit | undefined) => string | undefined): void {
  none(extended(store).flatMap(({ queue, units, ext }) => {
    const byPlace = new Map(ext.units.map((unit) => [unit.at, unit]));
    return units.map((unit) => {
      const problem = wrong(unit, byPlace.get(extAddress(unit.tagsCode) ?? -1));
      return problem === undefined ? undefined : `${queue.topic}/${queue.queueId} unit ${unit.index}: ${problem}`;
    });
  }), what);
}

const about = { level: 'MUST', setup: 'bloom', asks: ['bloom', 'batch'], write } as const;

export const cases = storeCases([
  {
    ...about, name: 'store.ext.address-in-tags-code', source: 'ConsumeQueueExt#decorate',
    requirement: 'The tags code of a unit with an extension is its position plus Long.MIN_VALUE, and a unit of the extension begins there.',
    judge(store) {
      each(store, 'addresses of extensions', (unit, ext) => (ext === undefined ? `tags code ${unit.tagsCode}` : undefined));
    },
  },
  {
    ...about, name: 'store.ext.tags-code', source: 'ConsumeQueue#putMessagePositionInfoWrapper',
    requirement: 'The extension holds the tags code that the unit would have without it.',
    judge(store) {
      each(store, 'tags codes of extensions', (unit, ext) => {
        const tag = store.recordAt(unit.phyOffset)?.properties['TAGS'];
        return ext === undefined ? 'it has no extension' : store.recordAt(unit.phyOffset) === undefined || ext.tagsCode === BigInt(tag === undefined ? 0 : stringHash(tag)) ? undefined : `${ext.tagsCode} for tag ${tag ?? '(none)'}`;
      });
    },
  },
  {
    ...about, name: 'store.ext.store-time', source: 'ConsumeQueue#putMessagePositionInfoWrapper',
    requirement: 'The extension holds the store timestamp of the message.',
    judge(store) {
      each(store, 'store times of extensions', (unit, ext) => {
        const record = store.recordAt(unit.phyOffset);
        return ext === undefined ? 'it has no extension' : record === undefined || ext.storeTime === record.storeTimestamp ? undefined : `${ext.storeTime}, the record ${record.storeTimestamp}`;
      });
    },
  },
  {
    ...about, name: 'store.ext.unit-size', source: 'ConsumeQueueExt.CqExtUnit#write',
    requirement: 'A unit of an extension has 20 bytes and its bitmap.',
    judge(store) {
      none(extended(store).flatMap(({ queue, ext }) => ext.units.map((unit) => (unit.size === extUnitBytesMin + unit.bitmapBytes ? undefined : `${queue.topic}/${queue.queueId} at ${unit.at}: ${unit.size} bytes with ${unit.bitmapBytes} of bitmap`))), 'size of the units');
    },
  },
  {
    ...about, name: 'store.ext.files-end-in-mark', source: 'ConsumeQueueExt#fullFillToEnd',
    requirement: 'A file of an extension in which the next unit does not fit ends with the size -1, and the next one follows.',
    judge(store) {
      const several = extended(store).filter(({ ext }) => ext.ends.length > 1);
      if (several.length === 0) store.absent('extension of more than one file');
      none(several.flatMap(({ queue, ext }) => ext.ends.slice(0, -1).map((end, i) => (end === 'mark' ? undefined : `file ${i} of ${queue.topic}/${queue.queueId} ends with ${end}`))), 'end of full files');
      none(store.queues('consumequeue_ext').map((queue) => chainProblem(queue.segments)), 'names of the files');
    },
  },
]);
