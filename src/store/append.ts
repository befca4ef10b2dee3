/**
 * The append path: one message or a client's batch is checked, encoded into the log's tail buffer, and gets its ConsumeQueue and index entries at once.
 * When a turn is written, shown or taken back is the store's business (disk-message-store.ts); dispatch.ts does the same from the log's bytes.
 */
import { allowsLightQueues } from '../compat/light-queues.js';
import { javaHashOfBytes } from '../compat/java-string-hash.js';
import { BatchCursor } from '../codec/batch.js';
import { canEncode, encodeBatch, encodeStaged, laidOut, measureBatch, recordBytes } from '../codec/hot-path.js';
import { blankBytesMin, encodeRecord, recordLength, recordLengthOf, RecordFields, storedPropertiesBytes } from '../codec/message-record.js';
import { propertiesBytesMax, propertyNames, propertySeparator, PropertyScan, scanProperties } from '../codec/properties.js';
import { isUndispatched, messageSysFlag, transactionType, withHostBits } from '../codec/sys-flag.js';
import type { CommitLog } from './commit-log.js';
import type { StoreQueue } from './consume-queue.js';
import { diskErrorCode } from './disk.js';
import { tagsCodeOf } from './dispatch.js';
import type { KeyIndex } from './key-index.js';
import { lightOffsetsProperty, lightQueuesLimit, lightQueuesOf } from './light-queues.js';
import { lightQueuesMaxDefault, servesLightQueues } from './options.js';
import type { StoreParts } from './parts.js';
import type { QueueTable } from './queue-table.js';
import type { StoreCounts } from './runtime-info.js';
import type { BitMapOf, PutInput, PutResult, PutStatus, QueueRef } from './types.js';

const NO_BYTES: Uint8Array = new Uint8Array(0);

class MutablePutResult implements PutResult {
  status: PutStatus = 'PUT_OK';
  remark = '';
  phyOffset = 0;
  queueOffset = 0;
  recordBytes = 0;
  storeTimestamp = 0;
  count = 0;
  phyOffsets = new Float64Array(64);
}

export class Appender {
  /** Why nothing is taken now; undefined = messages are taken. */
  closed: string | undefined = undefined;
  /** Queues put into during this turn. */
  touched: StoreQueue[] = [];
  /** Start of the newest record of this turn, and its store time. */
  lastPhyOffset: number;
  lastStoreTimestamp: number;
  lastPutMs = 0;
  /** Filter bits for the extension of a message's entry. */
  bitMapOf: BitMapOf | undefined = undefined;
  readonly #parts: StoreParts;
  readonly #log: CommitLog;
  readonly #queues: QueueTable;
  readonly #index: KeyIndex | undefined;
  readonly #counts: StoreCounts;
  readonly #servesLight: boolean;
  /** Light queues that this turn made. */
  #newLight = 0;
  readonly #result = new MutablePutResult();
  readonly #fields = new RecordFields();
  readonly #scan = new PropertyScan();
  readonly #batch = new BatchCursor();
  #suffix: Uint8Array | undefined;
  #suffixStripped: Uint8Array = NO_BYTES;

  constructor(parts: StoreParts, counts: StoreCounts, lastPhyOffset: number, lastStoreTimestamp: number) {
    this.#parts = parts;
    this.#log = parts.commitLog;
    this.#queues = parts.queues;
    this.#index = parts.index;
    this.#counts = counts;
    this.#servesLight = servesLightQueues(parts.config);
    this.#fields.storeHost = new Uint8Array(8);
    this.lastPhyOffset = lastPhyOffset;
    this.lastStoreTimestamp = lastStoreTimestamp;
  }

  /** Address and port that records carry, 8 or 20 bytes. */
  setStoreHost(host: Uint8Array): void {
    if (host.length !== 8 && host.length !== 20) throw new RangeError(`a store host has 8 or 20 bytes, not ${host.length}`);
    this.#fields.storeHost = Uint8Array.from(host);
  }

  /** The turn's queues; the next turn starts with none. */
  takeTouched(): StoreQueue[] {
    const { touched } = this;
    this.touched = [];
    this.#newLight = 0;
    return touched;
  }

  #refuse(status: PutStatus, remark: string): PutResult {
    const result = this.#result;
    result.status = status;
    result.remark = remark;
    result.phyOffset = result.queueOffset = -1;
    result.recordBytes = result.count = 0;
    this.#counts.putFailed++;
    return result;
  }

  /** The queue object to append to: a reference kept over the topic's deletion leads to the new one. */
  queueOf(ref: QueueRef): StoreQueue {
    const queue = ref as StoreQueue;
    return queue.deleted ? this.#queues.ref(queue.topic, queue.queueId) : queue;
  }

  /** The broker's addition without the separator the encoder puts itself. */
  #appended(suffix: Uint8Array | undefined): Uint8Array {
    if (suffix === undefined || suffix.length === 0) return NO_BYTES;
    if (suffix[0] !== propertySeparator) return suffix;
    if (suffix !== this.#suffix) {
      this.#suffix = suffix;
      this.#suffixStripped = suffix.subarray(1);
    }
    return this.#suffixStripped;
  }

  /** See `MessageStore.put`. */
  put(input: PutInput): PutResult {
    const { closed } = this;
    if (closed !== undefined) return this.#refuse('SERVICE_NOT_AVAILABLE', closed);
    const queue = this.queueOf(input.queue);
    const fields = this.#fields;
    fields.queueId = queue.queueId;
    fields.flag = input.flag;
    fields.sysFlag = input.sysFlag;
    fields.bornTimestamp = input.bornTimestamp;
    fields.bornHost = input.bornHost;
    fields.reconsumeTimes = input.reconsumeTimes;
    fields.preparedTransactionOffset = input.preparedTransactionOffset;
    fields.body = input.body;
    fields.bodyStart = input.bodyStart;
    fields.bodyEnd = input.bodyEnd;
    fields.topic = queue.topicBytes;
    fields.properties = input.props;
    fields.propertiesStart = input.propsStart;
    fields.propertiesEnd = input.propsEnd;
    fields.appended = input.innerCount === undefined ? this.#appended(input.propsSuffix) : this.#innerBase(input.propsSuffix, queue);
    let light: readonly StoreQueue[] | undefined;
    if (input.multiDispatch !== undefined && this.#servesLight && allowsLightQueues(queue.topic) && queue.batch === undefined && !isUndispatched(input.sysFlag)) {
      const found = lightQueuesOf(this.#queues, input.multiDispatch);
      if (typeof found === 'string') return this.#refuse('MESSAGE_ILLEGAL', found);
      if (this.#exceedsLight(found)) return this.#refuse('LMQ_CONSUME_QUEUE_NUM_EXCEEDED', 'too many light queues');
      light = found;
      fields.appended = Buffer.concat([fields.appended, Buffer.from(lightOffsetsProperty(found), 'latin1')]);
    }
    const propertiesBytes = storedPropertiesBytes(fields);
    if (propertiesBytes > propertiesBytesMax) {
      return this.#refuse('PROPERTIES_SIZE_EXCEEDED', `message properties have ${propertiesBytes} bytes, the limit is ${propertiesBytesMax}`);
    }
    const bodyBytes = input.bodyEnd - input.bodyStart;
    const length = recordLengthOf(fields);
    const illegal = this.#illegalSize(bodyBytes, length);
    if (illegal !== undefined) return this.#refuse('MESSAGE_ILLEGAL', illegal);

    const log = this.#log;
    let phyOffset: number;
    try {
      phyOffset = log.reserve(length);
    } catch (error) {
      return this.#refuse('CREATE_MAPPED_FILE_FAILED', `a commit log file cannot be created: ${diskErrorCode(error)}`);
    }
    const now = this.#parts.clock.nowMs();
    const toQueue = !isUndispatched(input.sysFlag);
    fields.queueOffset = toQueue ? queue.nextOffset : 0;
    fields.phyOffset = phyOffset;
    fields.storeTimestamp = now;
    const index = transactionType(input.sysFlag) === messageSysFlag.TRANSACTION_ROLLBACK ? undefined : this.#index;
    if (log.bytes === recordBytes && queue.batch === undefined && !queue.delayed && (input.uniqKeyStart >= 0 || index === undefined) && canEncode(fields)) {
      fields.sysFlag = withHostBits(input.sysFlag, input.bornHost.length, fields.storeHost.length);
      const keys = encodeStaged(log.pos, fields, index !== undefined, queue.keySeed, queue.tagSeed);
      if (toQueue) this.#append(queue, phyOffset, length, input.tagsCode, now);
      if (keys > 0) index?.addHashes(laidOut.keyHashes, keys, phyOffset, now);
      else if (keys < 0) this.#index?.addSpans(queue, phyOffset, now, input);
    } else this.#encode(input, queue, length, propertiesBytes, toQueue, index);
    if (light !== undefined) this.#appendLight(light, phyOffset, length, input.tagsCode, now);
    log.commit(length);
    const result = this.#result;
    this.#done(result, phyOffset, fields.queueOffset, length, 1, phyOffset, now);
    result.phyOffsets[0] = phyOffset;
    return result;
  }

  /** Encodes the message in `#fields` byte by byte, with its entry and its keys. */
  #encode(input: PutInput, queue: StoreQueue, length: number, propertiesBytes: number, toQueue: boolean, index: KeyIndex | undefined): void {
    const log = this.#log;
    const { phyOffset, storeTimestamp } = this.#fields;
    encodeRecord(log.bytes, log.view, log.pos, this.#fields);
    let tagsCode = input.tagsCode;
    const scanned = queue.delayed || (input.uniqKeyStart < 0 && this.#index !== undefined);
    if (scanned) {
      // The delivery time counts from the store time; a unique key may come with what the broker appended.
      const propsAt = log.pos + length - propertiesBytes;
      scanProperties(this.#scan, log.bytes, propsAt, propsAt + propertiesBytes);
      if (queue.delayed) tagsCode = tagsCodeOf(this.#scan, log.bytes, queue, storeTimestamp, this.#parts.delayLevels);
    }
    if (toQueue) {
      if (queue.batch === undefined) this.#append(queue, phyOffset, length, tagsCode, storeTimestamp);
      else this.#appendBatch(queue, phyOffset, length, tagsCode, storeTimestamp, input.innerCount ?? 1);
    }
    if (index === undefined) return;
    if (scanned) this.#indexScanned(index, queue, phyOffset, storeTimestamp, log.bytes);
    else index.addSpans(queue, phyOffset, storeTimestamp, input);
  }

  /** See `MessageStore.putBatch`. */
  putBatch(input: PutInput): PutResult {
    const { closed } = this;
    if (closed !== undefined) return this.#refuse('SERVICE_NOT_AVAILABLE', closed);
    const queue = this.queueOf(input.queue);
    const fields = this.#fields;
    const batch = this.#batch;
    const topicBytes = queue.topicBytes.length;
    const bornBytes = input.bornHost.length;
    const bodyBytes = input.bodyEnd - input.bodyStart;
    if (this.#putPlainBatch(input, queue)) return this.#result;
    if (bodyBytes > this.#parts.config.maxMessageSize) {
      return this.#refuse('MESSAGE_ILLEGAL', `the batch body has ${bodyBytes} bytes, the limit is ${this.#parts.config.maxMessageSize}`);
    }
    let total = 0;
    batch.reset(input.body, input.bodyStart, input.bodyEnd);
    while (batch.next()) {
      total += recordLength(bornBytes, fields.storeHost.length, batch.bodyEnd - batch.bodyStart, topicBytes, batch.propertiesEnd - batch.propertiesStart);
    }
    if (batch.reason !== '') return this.#refuse('MESSAGE_ILLEGAL', `element ${batch.count} of the batch cannot be read: ${batch.reason}`);
    const count = batch.count;
    if (count === 0) return this.#refuse('MESSAGE_ILLEGAL', 'the batch is empty');
    if (total + blankBytesMin > this.#log.fileBytes) {
      return this.#refuse('MESSAGE_ILLEGAL', `the batch needs ${total} bytes, a commit log file holds ${this.#log.fileBytes - blankBytesMin}`);
    }
    const log = this.#log;
    let first: number;
    try {
      first = log.reserve(total);
    } catch (error) {
      return this.#refuse('CREATE_MAPPED_FILE_FAILED', `a commit log file cannot be created: ${diskErrorCode(error)}`);
    }
    const result = this.#result;
    if (result.phyOffsets.length < count) result.phyOffsets = new Float64Array(Math.max(count, result.phyOffsets.length * 2));
    const now = this.#parts.clock.nowMs();
    const toQueue = !isUndispatched(input.sysFlag);
    const firstQueueOffset = toQueue ? queue.nextOffset : 0;
    const index = transactionType(input.sysFlag) === messageSysFlag.TRANSACTION_ROLLBACK ? undefined : this.#index;
    fields.queueId = queue.queueId;
    fields.sysFlag = input.sysFlag;
    fields.bornTimestamp = input.bornTimestamp;
    fields.bornHost = input.bornHost;
    fields.reconsumeTimes = input.reconsumeTimes;
    fields.preparedTransactionOffset = 0;
    fields.body = input.body;
    fields.topic = queue.topicBytes;
    fields.properties = input.body;
    fields.appended = NO_BYTES;
    fields.storeTimestamp = now;
    const scan = this.#scan;
    let phyOffset = first;
    batch.reset(input.body, input.bodyStart, input.bodyEnd);
    for (let i = 0; batch.next(); i++) {
      fields.flag = batch.flag;
      fields.bodyStart = batch.bodyStart;
      fields.bodyEnd = batch.bodyEnd;
      fields.propertiesStart = batch.propertiesStart;
      fields.propertiesEnd = batch.propertiesEnd;
      fields.queueOffset = toQueue ? queue.nextOffset : 0;
      fields.phyOffset = phyOffset;
      const length = encodeRecord(log.bytes, log.view, log.pos, fields);
      scanProperties(scan, input.body, batch.propertiesStart, batch.propertiesEnd);
      if (toQueue) {
        const tagsCode = queue.delayed
          ? tagsCodeOf(scan, input.body, queue, now, this.#parts.delayLevels)
          : scan.tagsStart < 0
            ? 0
            : javaHashOfBytes(0, input.body, scan.tagsStart, scan.tagsEnd);
        if (queue.batch === undefined) this.#append(queue, phyOffset, length, tagsCode, now);
        else this.#appendBatch(queue, phyOffset, length, tagsCode, now, 1);
      }
      if (index !== undefined) this.#indexScanned(index, queue, phyOffset, now, input.body);
      log.commit(length);
      result.phyOffsets[i] = phyOffset;
      phyOffset += length;
    }
    this.#done(result, first, firstQueueOffset, total, count, result.phyOffsets[count - 1] as number, now);
    return result;
  }

  /**
   * The same for a batch that is staged and plain (hot-path.ts), laid out at once: true with `#result` filled in. False, with nothing kept, at anything
   * out of the ordinary, a refusal included.
   */
  #putPlainBatch(input: PutInput, queue: StoreQueue): boolean {
    if (queue.delayed || queue.batch !== undefined || queue.extension !== undefined || transactionType(input.sysFlag) !== 0) return false;
    const { config } = this.#parts;
    if (input.bodyEnd - input.bodyStart > config.maxMessageSize) return false;
    const log = this.#log;
    const fields = this.#fields;
    fields.body = input.body;
    fields.bodyStart = input.bodyStart;
    fields.bodyEnd = input.bodyEnd;
    fields.topic = queue.topicBytes;
    fields.bornHost = input.bornHost;
    const total = measureBatch(fields, config.maxMessageSize);
    if (total === 0 || total + blankBytesMin > log.fileBytes) return false;
    let first: number;
    try {
      first = log.reserve(total);
    } catch {
      // The ordinary path meets the same and says so.
      return false;
    }
    const now = this.#parts.clock.nowMs();
    const index = this.#index;
    const firstQueueOffset = queue.nextOffset;
    fields.queueId = queue.queueId;
    fields.sysFlag = withHostBits(input.sysFlag, input.bornHost.length, fields.storeHost.length);
    fields.bornTimestamp = input.bornTimestamp;
    fields.storeTimestamp = now;
    fields.reconsumeTimes = input.reconsumeTimes;
    fields.phyOffset = first;
    fields.queueOffset = firstQueueOffset;
    if (!encodeBatch(log.pos, fields, index !== undefined, queue.keySeed, queue.tagSeed)) return false;
    const count = laidOut.batch[0] as number;
    log.commit(total);
    const result = this.#result;
    if (result.phyOffsets.length < count) result.phyOffsets = new Float64Array(Math.max(count, result.phyOffsets.length * 2));
    const { phyOffsets } = result;
    let phyOffset = first;
    for (let i = 0; i < count; i++) {
      phyOffsets[i] = phyOffset;
      phyOffset += laidOut.lengths[i] as number;
    }
    const last = phyOffsets[count - 1] as number;
    this.#touch(queue);
    queue.appendUnits(laidOut.units, count, last);
    queue.lastPutMs = now;
    index?.addBatch(laidOut.keyHashes, laidOut.keyElements, laidOut.batch[1] as number, phyOffsets, now);
    this.#done(result, first, firstQueueOffset, total, count, last, now);
    return true;
  }

  #done(result: MutablePutResult, first: number, firstQueueOffset: number, bytes: number, count: number, last: number, now: number): void {
    this.lastPhyOffset = last;
    this.lastStoreTimestamp = this.lastPutMs = now;
    this.#counts.putTimes += count;
    this.#counts.putBytes += bytes;
    result.status = 'PUT_OK';
    result.remark = '';
    result.phyOffset = first;
    result.queueOffset = firstQueueOffset;
    result.recordBytes = bytes;
    result.storeTimestamp = now;
    result.count = count;
  }

  /** Topics are as long as a directory's name at most (names.ts), so that body and file bound the rest. */
  #illegalSize(bodyBytes: number, recordBytes: number): string | undefined {
    const { config } = this.#parts;
    if (bodyBytes > config.maxMessageSize) return `the message body has ${bodyBytes} bytes, the limit is ${config.maxMessageSize}`;
    if (recordBytes + blankBytesMin > this.#log.fileBytes) {
      return `the stored message has ${recordBytes} bytes, a commit log file holds ${this.#log.fileBytes - blankBytesMin}`;
    }
    return undefined;
  }

  /** What the broker appended, and where the inner batch begins (`BatchConsumeQueue#assignQueueOffset`). */
  #innerBase(suffix: Uint8Array | undefined, queue: StoreQueue): Uint8Array {
    return Buffer.concat([this.#appended(suffix), Buffer.from(`${propertyNames.INNER_BASE}\u0001${queue.nextOffset}\u0002`, 'latin1')]);
  }

  #appendBatch(queue: StoreQueue, phyOffset: number, length: number, tagsCode: number, now: number, count: number): void {
    this.#touch(queue);
    queue.appendBatch(phyOffset, length, tagsCode, now, count);
    queue.lastPutMs = now;
  }

  #append(queue: StoreQueue, phyOffset: number, length: number, tagsCode: number, now: number): void {
    this.#touch(queue);
    if (queue.extension === undefined) queue.append(phyOffset, length, tagsCode);
    else this.#appendExtended(queue, phyOffset, length, tagsCode, now);
    queue.lastPutMs = now;
  }

  /** The record lies encoded at the log's tail, not committed yet. */
  #appendExtended(queue: StoreQueue, phyOffset: number, length: number, tagsCode: number, now: number): void {
    const log = this.#log;
    this.#queues.append(queue, phyOffset, length, tagsCode, now, this.bitMapOf?.(queue.topic, log.bytes, log.pos, log.pos + length));
  }

  /** Whether a message would make a light queue beyond what may be (`HookUtils#handleLmqQuota`). */
  #exceedsLight(queues: readonly StoreQueue[]): boolean {
    const { config } = this.#parts;
    const max = config.enableLmqQuota === true ? Math.min(lightQueuesLimit, config.maxLmqConsumeQueueNum ?? lightQueuesMaxDefault) : lightQueuesLimit;
    const fresh = new Set(queues.filter((queue) => !queue.registered && !queue.touched));
    return fresh.size > 0 && this.#queues.lightCount + this.#newLight + fresh.size > max;
  }

  /** Entries of the record in light queues: the same tags code as in its own, never an address of a unit. */
  #appendLight(queues: readonly StoreQueue[], phyOffset: number, length: number, tagsCode: number, now: number): void {
    for (const queue of queues) {
      // Named twice: it has its entry.
      if (queue.lastPhyOffset === phyOffset) continue;
      if (!queue.touched && !queue.registered) this.#newLight++;
      this.#touch(queue);
      queue.append(phyOffset, length, tagsCode);
      queue.lastPutMs = now;
    }
  }

  #touch(queue: StoreQueue): void {
    if (queue.touched) return;
    queue.touched = true;
    this.touched.push(queue);
    queue.turnLastPhyOffset = queue.lastPhyOffset;
  }

  #indexScanned(index: KeyIndex, queue: StoreQueue, phyOffset: number, now: number, bytes: Uint8Array): void {
    const scan = this.#scan;
    index.add(
      queue,
      phyOffset,
      now,
      bytes,
      scan.uniqKeyStart,
      scan.uniqKeyEnd,
      scan.keysStart,
      scan.keysEnd,
      scan.tagsStart,
      scan.tagsEnd,
    );
  }
}
