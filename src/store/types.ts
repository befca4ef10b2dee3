/**
 * The contract of the message store: what the broker asks of the log, the queues and the index, and what it may hold on to.
 * One JavaScript thread owns a store; nothing here takes locks. Offsets are numbers checked to be safe integers.
 */

import type { ConsumeQueueExtUnit } from '../codec/consume-queue-ext-unit.js';

/** `PutMessageStatus`, the part a store of one node can answer. */
export type PutStatus =
  | 'PUT_OK'
  | 'MESSAGE_ILLEGAL'
  | 'PROPERTIES_SIZE_EXCEEDED'
  | 'SERVICE_NOT_AVAILABLE'
  | 'OS_PAGE_CACHE_BUSY'
  | 'CREATE_MAPPED_FILE_FAILED'
  | 'LMQ_CONSUME_QUEUE_NUM_EXCEEDED'
  | 'UNKNOWN_ERROR';

/** `GetMessageStatus`. */
export type GetStatus =
  | 'FOUND'
  | 'NO_MATCHED_MESSAGE'
  | 'MESSAGE_WAS_REMOVING'
  | 'OFFSET_FOUND_NULL'
  | 'OFFSET_OVERFLOW_BADLY'
  | 'OFFSET_OVERFLOW_ONE'
  | 'OFFSET_TOO_SMALL'
  | 'NO_MATCHED_LOGIC_QUEUE'
  | 'NO_MESSAGE_IN_QUEUE'
  | 'OFFSET_RESET';

/** One queue of one topic. Callers cache it: looking it up costs a map access, using it does not. Stays valid until the topic is deleted. */
export interface QueueRef {
  readonly topic: string;
  /** UTF-8 bytes of the topic. */
  readonly topicBytes: Buffer;
  readonly queueId: number;
  /** Smallest offset still served. */
  readonly minOffset: number;
  /** Next offset a consumer can wait for: everything below is confirmed (visible). */
  readonly maxOffset: number;
  /** Room for a value of the broker (held pulls, statistics); the store never reads it. */
  attachment: unknown;
}

/**
 * One message to append. Mutable and reused by the caller: `put` copies everything it needs before it returns.
 * Stored properties are `props[propsStart..propsEnd)` followed by `propsSuffix` (whose first byte is the 0x02 separator when one is needed).
 */
export interface PutInput {
  queue: QueueRef;
  flag: number;
  sysFlag: number;
  bornTimestamp: number;
  /** 8 or 20 bytes; the v6 bit of sysFlag must agree. */
  bornHost: Uint8Array;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  body: Buffer;
  bodyStart: number;
  bodyEnd: number;
  props: Buffer;
  propsStart: number;
  propsEnd: number;
  propsSuffix: Buffer | undefined;
  /** What the ConsumeQueue entry carries: String.hashCode of TAGS, 0 without tags, or the delivery time of a delayed message. */
  tagsCode: number;
  /** Spans within `props` for the IndexFile, start -1 = none. KEYS is split on blanks by the store. */
  uniqKeyStart: number;
  uniqKeyEnd: number;
  keysStart: number;
  keysEnd: number;
  tagsStart: number;
  tagsEnd: number;
  /** Messages of an inner batch (sysFlag INNER_BATCH), whose record takes as many offsets; one when absent. The store adds INNER_BASE to its properties. */
  innerCount?: number | undefined;
  /**
   * INNER_MULTI_DISPATCH of the properties: light queues that get an entry too, separated by commas, where the store serves them. The store adds
   * INNER_MULTI_QUEUE_OFFSET to the properties.
   */
  multiDispatch?: string | undefined;
}

/** The answer of `put`; the object is reused by the store: read it before the next call. Nothing is acknowledged before the turn was written (and flushed). */
export interface PutResult {
  status: PutStatus;
  /** For people: which limit, which fault. Empty on PUT_OK. */
  remark: string;
  phyOffset: number;
  queueOffset: number;
  /** Record length in bytes. */
  recordBytes: number;
  storeTimestamp: number;
  /** Number of records (1, or the elements of a batch). */
  count: number;
  /** phyOffset of each record of a batch, valid for `count` entries. */
  phyOffsets: Float64Array;
}

/** What stands beside a ConsumeQueue entry in the queue's extension (`CqExtUnit`); reused by the store, valid during the call. */
export interface EntryExtension {
  readonly msgStoreTime: number;
  /** The bitmap is `bytes[bitMapStart..bitMapStart + bitMapBytes)`; bitMapBytes 0 = none. */
  readonly bytes: Uint8Array;
  readonly bitMapStart: number;
  readonly bitMapBytes: number;
}

/**
 * Computes the bits that go into the extension of a message's ConsumeQueue entry, from its whole record `bytes[start..end)`; undefined = none. Called
 * while the message is put: it must not call the store.
 */
export type BitMapOf = (topic: string, bytes: Uint8Array, start: number, end: number) => Uint8Array | undefined;

/** Decides on the broker which messages a consumer gets. Absent = all. */
export interface MessageFilter {
  /** From the ConsumeQueue entry alone; `extension` when the queue has one for it. */
  matchesEntry(tagsCode: number, extension?: EntryExtension): boolean;
  /** From the stored record `bytes[start..end)` (SQL92); undefined = the entry decides. */
  readonly matchesRecord?: ((bytes: Uint8Array, start: number, end: number) => boolean) | undefined;
}

export interface GetResult {
  readonly status: GetStatus;
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** Stored records, adjacent ones joined; slices of the tail or of read pages: unchanged while referenced. */
  readonly slices: readonly Buffer[];
  readonly messageCount: number;
  readonly bytes: number;
  /** The consumer is further behind than memory holds (`accessMessageInMemoryMaxRatio`). */
  readonly fallenBehind: boolean;
  /** What `release` gives back; the store's own. */
  readonly lender?: unknown;
}

/** One ConsumeQueue entry. */
/** Where a record is expected, and how long. */
export interface RecordPlace {
  readonly phyOffset: number;
  readonly recordBytes: number;
}

export interface QueueUnit {
  readonly queueOffset: number;
  readonly phyOffset: number;
  readonly recordBytes: number;
  /** The message's own, also where the entry holds the address of a unit; NaN when that is not there. */
  readonly tagsCode: number;
  /** The unit of the entry; `missing` when the entry leads to none. Undefined = it has none. */
  readonly extension?: ConsumeQueueExtUnit | 'missing' | undefined;
}

export interface IndexQueryResult {
  readonly phyOffsets: readonly number[];
  readonly indexLastUpdateTimestamp: number;
  readonly indexLastUpdatePhyOffset: number;
}

export type FlushOutcome = 'FLUSHED' | 'FLUSH_DISK_TIMEOUT' | 'FAULT';

/** The four positions of the log, in bytes. */
export interface LogPositions {
  readonly min: number;
  readonly written: number;
  readonly flushed: number;
  /** Replicated as far as the mode asks; consumers see what is below. */
  readonly confirmed: number;
  /** ConsumeQueue and index entries exist below. */
  readonly dispatched: number;
}

export interface RecoveryReport {
  readonly cleanStop: boolean;
  /** Records kept, bytes cut after the last valid record, and why. */
  readonly recordsScanned: number;
  readonly bytesCut: number;
  readonly cutReason: string | undefined;
  readonly elapsedMs: number;
}

export interface MessageStore {
  readonly positions: LogPositions;
  readonly recovery: RecoveryReport;
  /** Set by the first write fault: puts are refused with its text, reads go on; cleared when the cause is gone (room on a full disk). */
  readonly fault: string | undefined;
  /** FlushDiskType: SYNC_FLUSH acknowledges after fdatasync. */
  readonly syncFlush: boolean;
  /** From here on messages get these bits, where queues have extensions (`enableConsumeQueueExt`). */
  setBitMapOf(bitMapOf: BitMapOf): void;
  /** Creates the queue's files on first put, not here. */
  queue(topic: string, queueId: number): QueueRef;
  /** Its topic has cleanup.policy=COMPACTION: from here on the queue is read from its compaction log. */
  compact(queue: QueueRef): void;
  /** Undefined when the queue has no ConsumeQueue. */
  existingQueue(topic: string, queueId: number): QueueRef | undefined;
  /** Queue ids that have a ConsumeQueue. */
  queueIdsOf(topic: string): readonly number[];
  topicsOnDisk(): readonly string[];
  /** Light queues that have entries. */
  readonly lightQueues: number;
  /** Appends one message to the tail. Never throws. */
  put(input: PutInput): PutResult;
  /**
   * Appends a client batch (`body[bodyStart..bodyEnd)` in the encoding of codec/batch.ts) with consecutive queue offsets, all or nothing;
   * each element has its own flag, body and properties; `input.props` is not merged into them.
   */
  putBatch(input: PutInput): PutResult;
  /** Writes this turn's records with one positional write and makes them visible; on a fault takes them back. Undefined = written. Runs as a turn hook. */
  writeTurn(): string | undefined;
  /** Resolves when everything below phyOffset is on the platter (group commit), or timed out, or the disk failed. */
  flushed(phyOffset: number, timeoutMs: number): Promise<FlushOutcome>;
  /** Called once per queue and turn after its new messages became visible. */
  onArrival(listener: (queue: QueueRef, fromOffset: number, toOffset: number) => void): void;
  /**
   * Up to maxMsgs messages from queueOffset on, at most maxBytes (the first always fits). Synchronous when everything lies in memory,
   * else a promise: cold reads never block the thread. Limits per `MessageStoreConfig`: 262144 B / 32 in memory, 65536 B / 8 on disk.
   */
  get(queue: QueueRef, queueOffset: number, maxMsgs: number, maxBytes: number, filter: MessageFilter | undefined): GetResult | Promise<GetResult>;
  /** True when the message at this offset lies in memory: reading it asks nothing of the disk. */
  isCached(queue: QueueRef, queueOffset: number): boolean;
  /** Whether consumers that read the log from the disk in order get it read ahead; on unless told otherwise. */
  setReadAhead(on: boolean): void;
  /** The caller of `get` has copied what it needs of the slices and holds none: their memory may be used again. Optional, at most once a result. */
  release(result: GetResult): void;
  /** ConsumeQueue entries [queueOffset, +count), fewer at the end. */
  units(queue: QueueRef, queueOffset: number, count: number): Promise<readonly QueueUnit[]>;
  /** One whole record by its position, or undefined when nothing valid starts there. */
  record(phyOffset: number): Promise<Buffer | undefined>;
  /** As `record`, one answer for each; ascending positions that lie near each other are read at once. */
  records(places: readonly RecordPlace[]): Promise<(Buffer | undefined)[]>;
  /** `SEARCH_OFFSET_BY_TIMESTAMP` with its quirks. */
  offsetByTime(queue: QueueRef, timestampMs: number, boundary: 'LOWER' | 'UPPER'): Promise<number>;
  /** Store time of the message at this queue offset, -1 when none. */
  storeTimeAt(queue: QueueRef, queueOffset: number): Promise<number>;
  /** Store time of the first message of the log, -1 when empty. */
  earliestStoreTime(): Promise<number>;
  /** Newest first. indexType 'T' looks for tags. */
  queryIndex(topic: string, key: string, maxNum: number, beginMs: number, endMs: number, indexType: string | undefined): Promise<IndexQueryResult>;
  /** Removes the ConsumeQueues of these topics. Returns how many topics. */
  deleteTopics(topics: ReadonlySet<string>): Promise<number>;
  /** ConsumeQueue files that lie wholly below the log's first offset. */
  cleanExpiredConsumeQueue(): Promise<void>;
  /** Deletes expired CommitLog files now (`DELETE_EXPIRED_COMMITLOG`). */
  deleteExpiredCommitLog(): Promise<number>;
  /** Key/value statistics for GET_BROKER_RUNTIME_INFO. */
  runtimeInfo(): Readonly<Record<string, string>>;
  /** Writes everything derived, syncs, removes `abort`. */
  close(): Promise<void>;
}

/** The store with what only its opener needs. */
export interface OpenStore extends MessageStore {
  /** Address and port as records carry it, 8 or 20 bytes; known once the broker listens. Put before records are put. */
  setStoreHost(host: Uint8Array): void;
  /** Looks at age and space now, as the timer does. Returns the log files removed. */
  clean(): Promise<number>;
  /** Writes derived files and the checkpoint now, as the timer does. */
  checkpoint(): Promise<void>;
}
