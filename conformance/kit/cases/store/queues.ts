/** ConsumeQueue: units that agree with the log, unit by unit and record by record. */
import { res } from '../../codes.js';
import { code, Failure } from '../../expect.js';
import { stringHash } from '../../messaging.js';
import type { LogRecord } from '../../store/commit-log.js';
import { extAddress, readUnits, unitBytes, type Unit } from '../../store/queue-units.js';
import { chainProblem, entriesOf, queuesOf, type QueueFiles } from '../../store/segments.js';
import type { StoreFiles } from '../../store/store-files.js';
import { fillable, none, storeCases, uniqKey } from './support.js';

const scheduleTopic = 'SCHEDULE_TOPIC_XXXX';
const at = (queue: QueueFiles, unit: Unit): string => `${queue.topic}/${queue.queueId} unit ${unit.index}`;

/** Each queue with its units. */
function queues(store: StoreFiles): readonly { readonly queue: QueueFiles; readonly units: readonly Unit[] }[] {
  return store.some(store.queues().map((queue) => ({ queue, units: readUnits(queue.segments).units })).filter((one) => one.units.length > 0), 'unit of a consume queue');
}

/** Says of each unit that points at a record of the log what is wrong with it. */
function each(store: StoreFiles, what: string, wrong: (unit: Unit, record: LogRecord) => string | undefined, only: (queue: QueueFiles) => boolean = () => true): void {
  none(queues(store).filter(({ queue }) => only(queue)).flatMap(({ queue, units }) => units.map((unit) => {
    const record = store.recordAt(unit.phyOffset);
    const problem = record === undefined ? undefined : wrong(unit, record);
    return problem === undefined ? undefined : `${at(queue, unit)}: ${problem}`;
  })), what);
}

/** Whether a record is not for any queue: prepared and rolled back in the old way. */
const dispatched = (record: LogRecord): boolean => (record.sysFlag & 12) === 0 || (record.sysFlag & 12) === 8;

/** More than a file of 100 units holds. */
const manyUnits = 120;

/** So many messages in one queue, in batches. */
async function many(t: Parameters<NonNullable<Parameters<typeof storeCases>[0][number]['write']>>[0]): Promise<readonly string[]> {
  const topic = await t.topic({ queues: 1 });
  for (let i = 0; i < manyUnits / 40; i++) code(await t.sendBatch(topic, Array.from({ length: 40 }, (_, j) => ({ body: `m ${i} ${j}` }))), res.SUCCESS, 'batch of 40');
  return [topic];
}

export const cases = storeCases([
  {
    name: 'store.queue.folders', level: 'MUST', source: 'ConsumeQueueStore#loadConsumeQueues',
    requirement: 'Consume queues lie in consumequeue/TOPIC/QUEUE, the queue as a plain number.',
    judge(store) {
      store.some(store.queues(), 'consume queue');
      none(queuesOf(store.path('consumequeue')).odd, 'folders that are no queue number');
    },
  },
  {
    name: 'store.queue.file-names', level: 'MUST', source: 'MappedFileQueue#tryCreateMappedFile', asks: ['batch'],
    requirement: 'The files of a consume queue are named by the position of their first byte, have one length, and follow one another.',
    write: many,
    judge(store) {
      none(store.some(store.queues(), 'consume queue').map((queue) => {
        const problem = chainProblem(queue.segments);
        return problem === undefined ? undefined : `${queue.topic}/${queue.queueId}: ${problem}`;
      }), 'names of the consume queue files');
    },
  },
  {
    name: 'store.queue.file-length', level: 'MUST', source: 'MessageStoreConfig#getMappedFileSizeConsumeQueue',
    requirement: 'The files of all consume queues have one length, a multiple of 20 bytes.',
    judge(store) {
      const files = store.some(store.queues().flatMap((queue) => queue.segments), 'consume queue');
      none(files.map((file) => (file.size === files[0]?.size && file.size % unitBytes === 0 && file.base % unitBytes === 0 ? undefined : `${file.path} has ${file.size} bytes`)), 'length of the consume queue files');
    },
  },
  {
    name: 'store.queue.units-point-at-records', level: 'MUST', source: 'ConsumeQueue#putMessagePositionInfoWrapper',
    requirement: 'Every unit holds physical offset and size of a record of that topic and queue.',
    judge(store) {
      none(queues(store).flatMap(({ queue, units }) => units.filter((unit) => unit.phyOffset >= store.logBegins).map((unit) => {
        const record = store.recordAt(unit.phyOffset);
        return record?.topic === queue.topic && record.queueId === queue.queueId && record.recordBytes === unit.size ? undefined
          : `${at(queue, unit)}: ${unit.size} bytes at ${unit.phyOffset}, where ${record === undefined ? 'no record begins' : `${record.recordBytes} bytes of ${record.topic}/${record.queueId} lie`}`;
      })), 'units and records');
    },
  },
  {
    name: 'store.queue.unit-at-its-offset', level: 'MUST', source: 'ConsumeQueue#putMessagePositionInfo',
    requirement: 'The unit of the message with queue offset n lies at byte n times 20 of the queue.',
    judge(store) {
      each(store, 'place of the units', (unit, record) => (record.queueOffset === unit.index ? undefined : `the record has queue offset ${record.queueOffset}`));
    },
  },
  {
    name: 'store.queue.every-record-has-unit', level: 'MUST', source: 'DefaultMessageStore.CommitLogDispatcherBuildConsumeQueue#dispatch',
    requirement: 'Every record of the log is in the consume queue of its topic and queue.',
    judge(store) {
      const inQueue = new Set<number>();
      const oldest = new Map<string, number>();
      for (const { queue, units } of queues(store)) {
        oldest.set(`${queue.topic}/${queue.queueId}`, units[0]?.phyOffset ?? 0);
        for (const unit of units) inQueue.add(unit.phyOffset);
      }
      const missing = store.mine.filter((record) => {
        const from = oldest.get(`${record.topic}/${record.queueId}`);
        return dispatched(record) && (record.sysFlag & 0x80) === 0 && (from === undefined ? store.live : record.at >= from) && !inQueue.has(record.at);
      });
      none(missing.map((record) => `${record.topic}/${record.queueId} offset ${record.queueOffset} at ${record.at} has none`), 'a unit for each record');
    },
  },
  {
    name: 'store.queue.physical-offsets-ascend', level: 'MUST', source: 'ConsumeQueue#putMessagePositionInfo',
    requirement: 'Physical offsets ascend from unit to unit.',
    asks: ['batch'], write: many,
    judge(store) {
      none(queues(store).flatMap(({ queue, units }) => units.map((unit, i) => (i > 0 && unit.phyOffset <= (units[i - 1]?.phyOffset ?? -1) ? `${at(queue, unit)}: ${unit.phyOffset} after ${units[i - 1]?.phyOffset ?? 0}` : undefined))), 'physical offsets');
    },
  },
  {
    name: 'store.queue.no-hole', level: 'MUST', source: 'ConsumeQueue#recover',
    requirement: 'Units follow one another without a hole, and behind the last one there are zeros.',
    judge(store) {
      store.some(store.queues(), 'consume queue');
      none(store.queues().map((queue) => {
        const { units, zeros } = readUnits(queue.segments);
        const hole = units.findIndex((unit, i) => i > 0 && unit.index !== (units[i - 1]?.index ?? 0) + 1);
        return hole >= 0 ? `${queue.topic}/${queue.queueId}: nothing before unit ${units[hole]?.index ?? 0}` : zeros ? undefined : `${queue.topic}/${queue.queueId}: bytes behind unit ${units.at(-1)?.index ?? 0}`;
      }), 'units one behind the other');
    },
  },
  {
    name: 'store.queue.tags-code', level: 'MUST', source: 'MessageExtBrokerInner#tagsString2tagsCode',
    requirement: 'The tags code of a unit is the hash of the tag, as Java hashes a text, with its sign carried into 64 bits; 0 without a tag.',
    judge(store) {
      each(store, 'tags codes', (unit, record) => {
        const tag = record.properties['TAGS'];
        const expected = BigInt(tag === undefined || tag === '' ? 0 : stringHash(tag));
        return unit.tagsCode === expected || extAddress(unit.tagsCode) !== undefined ? undefined : `${unit.tagsCode} for tag ${tag ?? '(none)'}, whose code is ${expected}`;
      }, (queue) => queue.topic !== scheduleTopic);
    },
  },
  {
    name: 'store.queue.tags-code-negative', level: 'MUST', source: 'MessageExtBrokerInner#tagsString2tagsCode',
    requirement: 'A tag whose hash is negative has a negative tags code.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { tags: 'tags-code-below-zero' });
      await t.sendOk(topic, { tags: 'zzzzzz' });
      return [topic];
    },
    judge(store) {
      let seen = 0;
      each(store, 'negative tags codes', (unit, record) => {
        const hash = stringHash(record.properties['TAGS'] ?? '');
        if (hash >= 0 || extAddress(unit.tagsCode) !== undefined) return undefined;
        seen++;
        return unit.tagsCode === BigInt(hash) ? undefined : `${unit.tagsCode}, the hash is ${hash}`;
      }, (queue) => queue.topic !== scheduleTopic);
      if (seen === 0) store.absent('message whose tag has a negative hash');
    },
  },
  {
    name: 'store.queue.delayed-holds-time', level: 'MUST', source: 'CommitLog#checkMessageAndReturnSize', asks: ['delay-level'],
    requirement: 'The tags code of a unit of SCHEDULE_TOPIC_XXXX is the time of delivery: store timestamp plus the delay of its level.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { body: topic, properties: { DELAY: '4' } });
      return [topic, scheduleTopic];
    },
    judge(store) {
      let seen = 0;
      const seconds = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200];
      each(store, 'times of delivery', (unit, record) => {
        seen++;
        const due = record.storeTimestamp + (seconds[record.queueId] ?? 0) * 1000;
        return Number(unit.tagsCode) === due ? undefined : `${unit.tagsCode}, stored at ${record.storeTimestamp} with level ${record.queueId + 1}`;
      }, (queue) => queue.topic === scheduleTopic);
      if (seen === 0) store.absent('delayed message');
    },
  },
  {
    name: 'store.queue.half-messages-have-units', level: 'MUST', source: 'TransactionalMessageBridge#parseHalfMessageInner', asks: ['transaction'],
    requirement: 'Half messages have units in queue 0 of RMQ_SYS_TRANS_HALF_TOPIC, and none in their own topic.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { body: 'half', sysFlag: 4, properties: { TRAN_MSG: 'true', PGROUP: t.groupName('producer'), UNIQ_KEY: uniqKey(t) } });
      return [topic, 'RMQ_SYS_TRANS_HALF_TOPIC'];
    },
    judge(store) {
      const found = queues(store).filter(({ queue }) => queue.topic === 'RMQ_SYS_TRANS_HALF_TOPIC');
      if (found.length === 0) store.absent('half message');
      none(found.map(({ queue }) => (queue.queueId === 0 ? undefined : `queue ${queue.queueId}`)), 'queue of half messages');
      if (store.live && queues(store).length > found.length) throw new Failure('units of a message that is not committed', 'none', 'some in its own topic');
    },
  },
  {
    name: 'store.queue.rolls-over', level: 'MUST', source: 'MappedFileQueue#getLastMappedFile', asks: ['batch'],
    requirement: 'A full consume queue file is followed by another whose first unit is the next message.',
    write: many,
    judge(store) {
      if (queues(store).every(({ queue }) => queue.segments.length < 2)) fillable(store, 'consume queue', queues(store)[0]?.queue.segments[0]?.size, manyUnits * unitBytes);
      const rolled = store.some(queues(store).filter(({ queue }) => queue.segments.length > 1), 'consume queue of more than one file');
      none(rolled.map(({ queue, units }) => {
        const second = (queue.segments[1]?.base ?? 0) / unitBytes;
        return units.length <= second - (units[0]?.index ?? 0) || units.some((unit) => unit.index === second) ? undefined : `${queue.topic}/${queue.queueId}: no unit ${second}`;
      }), 'first unit of the second file');
    },
  },
  {
    name: 'store.queue.only-queues-with-messages', level: 'INFORMATIONAL', source: 'ConsumeQueueStore#findOrCreateConsumeQueue',
    requirement: 'Consume queues without a message may have a folder or not.',
    judge(store, t) {
      const empty = queuesOf(store.path('consumequeue')).queues.filter((queue) => readUnits(queue.segments).units.length === 0);
      t.note(`${empty.length} of ${entriesOf(store.path('consumequeue')).length} topics have a folder of a queue without a message`);
    },
  },
]);
