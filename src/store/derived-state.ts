/**
 * The file `derived.json` (ours; Apache does not look at it): what ConsumeQueues and index covered when the store was closed, so that the next start sees
 * what was removed or replaced in between, and which of them a start or a reader found damaged and has to build again from the log.
 * It only counts for what it says; without it recover.ts goes by the queues and the log alone.
 *
 *   {"version":1,"logMin":n,"logEnd":n,"queues":[[topic,queueId,firstFile,nextOffset,lastPhyOffset]..],"index":[[name,indexCount,endPhyOffset]..],
 *    "repair":{"all":bool,"index":bool,"queues":[[topic,queueId]..]}}
 */
import * as path from 'node:path';
import { diskErrorCode } from './disk.js';
import type { Disk } from './disk.js';
import { isTopicName } from './names.js';
import type { StoreLog } from './options.js';
import { replaceFile } from './small-file.js';

const fileName = 'derived.json';
/** A larger file is not ours: 300000 queues fit. */
const fileBytesMax = 64 * 1024 * 1024;

/** A queue: byte offset of its first file (-1 = none), next offset and newest entry. */
export interface QueueState {
  readonly topic: string;
  readonly queueId: number;
  readonly firstFile: number;
  readonly nextOffset: number;
  readonly lastPhyOffset: number;
}

/** An index file: name, number of its next entry, phyOffset of its newest. */
export interface IndexState {
  readonly name: string;
  readonly indexCount: number;
  readonly endPhyOffset: number;
}

/** What must be built again from the log. */
export interface Repair {
  /** Every ConsumeQueue. */
  readonly all: boolean;
  readonly index: boolean;
  readonly queues: readonly { readonly topic: string; readonly queueId: number }[];
}

export interface DerivedState {
  readonly logMin: number;
  /** 0 in a file that only asks for repair. */
  readonly logEnd: number;
  readonly queues: readonly QueueState[];
  readonly index: readonly IndexState[];
  readonly repair: Repair;
}

export const noRepair: Repair = { all: false, index: false, queues: [] };

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= -1;
const isName = (topic: unknown, id: unknown): boolean => typeof topic === 'string' && isTopicName(topic) && isCount(id) && id >= 0;

/** The state of a JSON text; undefined when it is not one. */
function parse(text: string): DerivedState | undefined {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof root !== 'object' || root === null) return undefined;
  const { version, logMin, logEnd, queues, index, repair } = root as Record<string, unknown>;
  if (version !== 1 || !isCount(logMin) || !isCount(logEnd) || !Array.isArray(queues) || !Array.isArray(index)) return undefined;
  if (typeof repair !== 'object' || repair === null) return undefined;
  const { all, index: repairIndex, queues: repairQueues } = repair as Record<string, unknown>;
  if (!Array.isArray(repairQueues)) return undefined;
  const queueStates: QueueState[] = [];
  for (const row of queues as unknown[]) {
    if (!Array.isArray(row) || !isName(row[0], row[1]) || ![row[2], row[3], row[4]].every(isCount)) return undefined;
    const [topic, queueId, firstFile, nextOffset, lastPhyOffset] = row as [string, number, number, number, number];
    queueStates.push({ topic, queueId, firstFile, nextOffset, lastPhyOffset });
  }
  const indexStates: IndexState[] = [];
  for (const row of index as unknown[]) {
    if (!Array.isArray(row) || typeof row[0] !== 'string' || !isCount(row[1]) || !isCount(row[2])) return undefined;
    indexStates.push({ name: row[0], indexCount: row[1], endPhyOffset: row[2] });
  }
  const damaged: { topic: string; queueId: number }[] = [];
  for (const row of repairQueues as unknown[]) {
    if (!Array.isArray(row) || !isName(row[0], row[1])) return undefined;
    damaged.push({ topic: row[0] as string, queueId: row[1] as number });
  }
  return { logMin, logEnd, queues: queueStates, index: indexStates, repair: { all: all === true, index: repairIndex === true, queues: damaged } };
}

/** Reads the file; undefined when there is none or it cannot be read, which is said. */
export function readDerivedState(disk: Disk, root: string, log: StoreLog): DerivedState | undefined {
  const name = path.join(root, fileName);
  const entry = disk.stat(name);
  if (entry === undefined) return undefined;
  const unread = (reason: string): undefined => void log.warn({ name, reason }, 'the note of the last stop cannot be read, it counts for nothing');
  if (entry.bytes > fileBytesMax) return unread(`${entry.bytes} bytes are more than ${fileBytesMax}`);
  let text: string;
  try {
    const file = disk.open(name, 'read');
    try {
      const bytes = Buffer.alloc(entry.bytes);
      text = bytes.toString('utf8', 0, file.readSync(bytes, 0));
    } finally {
      file.close();
    }
  } catch (error) {
    return unread(diskErrorCode(error));
  }
  return parse(text) ?? unread('it is no JSON of this form');
}

/** A stop in between leaves the one before. Throws what the disk throws. */
export async function writeDerivedState(disk: Disk, root: string, state: DerivedState): Promise<void> {
  const text = JSON.stringify({
    version: 1,
    logMin: state.logMin,
    logEnd: state.logEnd,
    queues: state.queues.map((q) => [q.topic, q.queueId, q.firstFile, q.nextOffset, q.lastPhyOffset]),
    index: state.index.map((f) => [f.name, f.indexCount, f.endPhyOffset]),
    repair: { all: state.repair.all, index: state.repair.index, queues: state.repair.queues.map((q) => [q.topic, q.queueId]) },
  });
  await replaceFile(disk, path.join(root, fileName), text);
}

/** Asks the next start for a repair, should this one not come to its end. */
export function writeRepair(disk: Disk, root: string, repair: Repair): Promise<void> {
  return writeDerivedState(disk, root, { logMin: 0, logEnd: 0, queues: [], index: [], repair });
}

export function removeDerivedState(disk: Disk, root: string): void {
  disk.unlink(path.join(root, fileName));
}
