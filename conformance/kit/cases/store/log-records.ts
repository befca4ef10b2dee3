/** CommitLog records: what each says of itself, and that the log keeps what was sent. */
import { req, res } from '../../codes.js';
import { code, equal } from '../../expect.js';
import type { LogRecord } from '../../store/commit-log.js';
import type { StoreFiles } from '../../store/store-files.js';
import { encodeProperties } from '../../wire/properties.js';
import { phyOffsetOf, recordMagicV1, recordMagicV2 } from '../../wire/record.js';
import { none, storeCases, uniqKey } from './support.js';

const at = (record: LogRecord): string => `${record.topic} queue ${record.queueId} offset ${record.queueOffset} at ${record.at}`;

/** Says of each record of the case (or of all) whether something is wrong with it. */
function each(store: StoreFiles, what: string, wrong: (record: LogRecord) => string | undefined): void {
  none(store.some(store.mine, 'record').map((record) => {
    const problem = wrong(record);
    return problem === undefined ? undefined : `${at(record)}: ${problem}`;
  }), what);
}

const transactionBits = (record: LogRecord): number => record.sysFlag & 12;

/** How many offsets a record takes: an inner batch as many as it has messages. */
const offsetsOf = (record: LogRecord): number => ((record.sysFlag & 0x80) === 0 ? 1 : Number(record.properties['INNER_NUM'] ?? 1));

export const cases = storeCases([
  {
    name: 'store.log.magic', level: 'MUST', source: 'MessageVersion#valueOfMagicCode',
    requirement: 'A record begins with its length and the magic 0xdaa320a7, or 0xdaa320ab when its topic is longer than 127 bytes.',
    judge(store) {
      each(store, 'magic of the records', (record) => (record.magic === (Buffer.byteLength(record.topic) > 127 ? recordMagicV2 : recordMagicV1) ? undefined : `0x${record.magic.toString(16)}`));
    },
  },
  {
    name: 'store.log.own-position', level: 'MUST', source: 'CommitLog.DefaultAppendMessageCallback#doAppend',
    requirement: 'A record says at which position of the whole log it lies.',
    judge(store) {
      each(store, 'physical offset in the records', (record) => (record.phyOffset === record.at ? undefined : `it says ${record.phyOffset}`));
    },
  },
  {
    name: 'store.log.body-crc', level: 'MUST', source: 'CommitLog#checkMessageAndReturnSize',
    requirement: 'A record has the CRC-32 of its body without the highest bit.',
    judge(store) {
      each(store, 'CRC of the bodies', (record) => (record.crcOk || record.bodyBytes === 0 ? undefined : `0x${record.bodyCrc.toString(16)}`));
    },
  },
  {
    name: 'store.log.queue-offsets-count-up', level: 'MUST', source: 'CommitLog#assignOffset',
    requirement: 'The records of a queue have queue offsets that count up by one in the order of the log, from 0 when the topic was made.',
    judge(store) {
      const next = new Map<string, number>();
      each(store, 'queue offsets', (record) => {
        if (transactionBits(record) === 4 || transactionBits(record) === 12) return undefined;
        const key = `${record.topic}-${record.queueId}`;
        const expected = next.get(key);
        next.set(key, record.queueOffset + offsetsOf(record));
        const begins = record.queueOffset === 0 || (!store.live && expected === undefined);
        return record.queueOffset === expected || begins ? undefined : `expected ${expected ?? 0}`;
      });
    },
  },
  {
    name: 'store.log.store-times-ascend', level: 'SHOULD', source: 'CommitLog#asyncPutMessage',
    requirement: 'Store timestamps do not go back from one record to the next: they are taken under the lock of the append.',
    judge(store) {
      store.some(store.mine, 'record');
      let latest = 0;
      none(store.records.map((record) => {
        const back = latest - record.storeTimestamp;
        latest = Math.max(latest, record.storeTimestamp);
        return back > 0 ? `${at(record)}: ${back} ms earlier than one before it` : undefined;
      }), 'store timestamps');
    },
  },
  {
    name: 'store.log.born-before-stored', level: 'SHOULD', source: 'CommitLog#asyncPutMessage',
    requirement: 'The store timestamp of a record is a time of this century in milliseconds.',
    judge(store) {
      each(store, 'store timestamps', (record) => (record.storeTimestamp > 946_684_800_000 && record.storeTimestamp < 4_102_444_800_000 ? undefined : String(record.storeTimestamp)));
    },
  },
  {
    name: 'store.log.store-host', level: 'MUST', source: 'AbstractSendMessageProcessor#storeHost', needs: ['wire'],
    requirement: 'The store host of a record is the address by which the broker is known.',
    judge(store, t) {
      each(store, 'store host', (record) => (record.storeHost === t.endpoint.broker ? undefined : `${record.storeHost}, the broker is ${t.endpoint.broker}`));
    },
  },
  {
    name: 'store.log.as-sent', level: 'MUST', source: 'MessageExtEncoder#encode', needs: ['wire'],
    requirement: 'The log keeps body, flag, born timestamp, queue and properties of a message as they were sent.',
    async write(t) {
      const topic = await t.topic({ queues: 2 });
      await t.sendOk(topic, { body: 'as sent', queueId: 1, messageFlag: 42, bornTimestamp: 1_700_000_000_123, tags: 'T', keys: 'a b', properties: { own: 'x=y', colour: 'gr\u00fcn' } });
      return [topic];
    },
    judge(store) {
      const [record] = store.some(store.mine, 'record of the topic');
      equal(record === undefined ? [] : [record.body.toString(), record.queueId, record.flag, record.bornTimestamp, record.reconsumeTimes, record.preparedTransactionOffset], ['as sent', 1, 42, 1_700_000_000_123, 0, 0], 'body, queue, flag, born timestamp, reconsume times, prepared offset');
      equal(Object.entries({ TAGS: 'T', KEYS: 'a b', own: 'x=y', colour: 'gr\u00fcn' }).filter(([name, value]) => record?.properties[name] !== value), [], 'properties that are not as sent');
    },
  },
  {
    name: 'store.log.properties-closed', level: 'SHOULD', source: 'MessageDecoder#messageProperties2String',
    requirement: 'Properties are pairs `name 0x01 value 0x02`, and the last one is closed too.',
    judge(store) {
      each(store, 'properties', (record) => (record.propertiesText === '' || record.propertiesText.endsWith('\u0002') || encodeProperties(record.properties) === `${record.propertiesText}\u0002` ? undefined : JSON.stringify(record.propertiesText.slice(0, 100))));
    },
  },
  {
    name: 'store.log.batch-is-records', level: 'MUST', source: 'CommitLog.DefaultAppendMessageCallback#doAppend', asks: ['batch'],
    requirement: 'A batch lies in the log as one record for each message, side by side, with one store timestamp.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      code(await t.sendBatch(topic, ['a', 'b', 'c', 'd'].map((body) => ({ body, properties: { own: body } }))), res.SUCCESS, 'batch');
      return [topic];
    },
    judge(store) {
      if (!store.live) store.absent('batch that can be told from single messages');
      const [a, ...rest] = store.some(store.mine, 'record of the topic');
      equal([a?.body.toString(), ...rest.map((one) => one.body.toString())], ['a', 'b', 'c', 'd'], 'bodies');
      let end = (a?.at ?? 0) + (a?.recordBytes ?? 0);
      none(rest.map((one) => {
        const problem = one.at === end && one.storeTimestamp === a?.storeTimestamp ? undefined : `${at(one)}, stored at ${one.storeTimestamp}`;
        end = one.at + one.recordBytes;
        return problem;
      }), 'records side by side');
    },
  },
  {
    name: 'store.log.compressed-stays', level: 'MUST', source: 'SendMessageProcessor#sendMessage', needs: ['wire'],
    requirement: 'A compressed body is kept as it came, with bit 0 of sysFlag.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { body: Buffer.from('789ccb48cdc9c95728cf2fca4901001a0b045d', 'hex'), sysFlag: 1 });
      return [topic];
    },
    judge(store) {
      const [record] = store.some(store.mine, 'record of the topic');
      equal([record?.body.toString('hex'), record?.sysFlag], ['789ccb48cdc9c95728cf2fca4901001a0b045d', 1], 'body and sysFlag');
    },
  },
  {
    name: 'store.log.delayed-under-schedule-topic', level: 'MUST', source: 'HookUtils#transformDelayLevelMessage', asks: ['delay-level'],
    requirement: 'A delayed message is kept under SCHEDULE_TOPIC_XXXX in the queue of its level minus one, with REAL_TOPIC and REAL_QID.',
    async write(t) {
      const topic = await t.topic({ queues: 2 });
      await t.sendOk(topic, { body: topic, queueId: 1, properties: { DELAY: '5' } });
      return [topic, 'SCHEDULE_TOPIC_XXXX'];
    },
    judge(store) {
      const delayed = store.some(store.mine.filter((record) => record.topic === 'SCHEDULE_TOPIC_XXXX'), 'delayed record');
      none(delayed.map((record) => {
        const level = Number(record.properties['DELAY']);
        return record.queueId === level - 1 && (record.properties['REAL_TOPIC'] ?? '') !== '' && /^\d+$/.test(record.properties['REAL_QID'] ?? '') ? undefined : `${at(record)}: DELAY ${record.properties['DELAY'] ?? ''}, REAL_TOPIC ${record.properties['REAL_TOPIC'] ?? ''}`;
      }), 'delayed records');
    },
  },
  {
    name: 'store.log.half-message', level: 'MUST', source: 'TransactionalMessageBridge#parseHalfMessageInner', asks: ['transaction'],
    requirement: 'A half message is kept in queue 0 of RMQ_SYS_TRANS_HALF_TOPIC with REAL_TOPIC and REAL_QID, and without the transaction bits of sysFlag.',
    async write(t) {
      const topic = await t.topic({ queues: 2 });
      await t.sendOk(topic, { body: 'half', queueId: 1, sysFlag: 4, properties: { TRAN_MSG: 'true', PGROUP: t.groupName('producer'), UNIQ_KEY: uniqKey(t) } });
      return [topic, 'RMQ_SYS_TRANS_HALF_TOPIC'];
    },
    judge(store) {
      const halves = store.some(store.mine.filter((record) => record.topic === 'RMQ_SYS_TRANS_HALF_TOPIC'), 'half message');
      none(halves.map((record) => (record.queueId === 0 && transactionBits(record) === 0 && record.properties['REAL_TOPIC'] !== undefined && record.properties['REAL_QID'] !== undefined ? undefined : `${at(record)}: sysFlag ${record.sysFlag}`)), 'half messages');
    },
  },
  {
    name: 'store.log.committed-points-at-half', level: 'MUST', source: 'EndTransactionProcessor#endMessageTransaction', asks: ['transaction'],
    requirement: 'A committed message is a new record of its own topic with sysFlag 8 and the physical offset of its half.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      const [group, key] = [t.groupName('producer'), uniqKey(t)];
      const half = await t.sendOk(topic, { body: 'half', group, sysFlag: 4, properties: { TRAN_MSG: 'true', PGROUP: group, UNIQ_KEY: key } });
      code(await t.request(req.END_TRANSACTION, {
        topic, producerGroup: group, tranStateTableOffset: half.queueOffset, commitLogOffset: phyOffsetOf(half.msgId), commitOrRollback: 8, fromTransactionCheck: false, msgId: key, transactionId: key,
      }), res.SUCCESS, 'commit');
      return [topic];
    },
    judge(store) {
      const committed = store.some(store.mine.filter((record) => transactionBits(record) === 8), 'committed message');
      // a producer may have set the bits itself: such a message names 0
      const ended = committed.filter((record) => record.preparedTransactionOffset >= store.logBegins && (store.live || record.preparedTransactionOffset !== 0));
      none(ended.map((record) => (store.recordAt(record.preparedTransactionOffset)?.topic === 'RMQ_SYS_TRANS_HALF_TOPIC' ? undefined : `${at(record)}: nothing of the half topic at ${record.preparedTransactionOffset}`)), 'halves of committed messages');
    },
  },
]);
