/** What a store holds after a recovery: every queue's messages, read by their entries, held against the log and the index. The broker takes no part. */
import { recordCheck, readRecord, RecordView } from '../../src/codec/message-record.js';
import { parseProperties } from '../../src/codec/properties.js';
import { javaStringHash } from '../../src/compat/java-string-hash.js';
import { ManualClock } from '../../src/store/store-fixture.js';
import { openStore, type OpenStore } from '../../src/store/message-store.js';
import { simulatedDisk, type SimulatedDisk } from '../../src/store/simulated-disk.js';
import { silentLog } from '../../src/remoting/clocks.js';
import { dataDir, type Machine } from '../sim/machine.js';
import { topics } from './script.js';

/** Entries of a queue as `offset@phyOffset key`. */
export type State = ReadonlyMap<string, readonly string[]>;

/** Topics whose entries carry the hash of the tag, and whose keys the index has. */
const usual: ReadonlySet<string> = new Set(Object.values(topics));

async function stateOf(store: OpenStore, wrong: string[]): Promise<State> {
  const state = new Map<string, string[]>();
  const view = new RecordView();
  for (const topic of store.topicsOnDisk()) {
    for (const queueId of store.queueIdsOf(topic)) {
      const queue = store.queue(topic, queueId);
      const name = `${topic}/${queueId}`;
      const entries: string[] = [];
      let expected = queue.minOffset;
      let last = -1;
      for (const unit of await store.units(queue, queue.minOffset, queue.maxOffset)) {
        if (unit.queueOffset !== expected) wrong.push(`${name} goes to entry ${unit.queueOffset} where ${expected} should be`);
        expected = unit.queueOffset + 1;
        if (unit.phyOffset <= last) wrong.push(`entries of ${name} go back at ${unit.queueOffset}`);
        last = unit.phyOffset;
        const record = await store.record(unit.phyOffset);
        if (record === undefined || record.length !== unit.recordBytes) {
          wrong.push(`entry ${unit.queueOffset} of ${name} points at no record of ${unit.recordBytes} bytes`);
          continue;
        }
        if (readRecord(view, record, 0, record.length, recordCheck.BODY_CRC) !== 'record') wrong.push(`entry ${unit.queueOffset} of ${name}: ${view.reason}`);
        if (view.queueOffset !== unit.queueOffset || view.queueId !== queueId) wrong.push(`entry ${unit.queueOffset} of ${name} points at the record of queue ${view.queueId} offset ${view.queueOffset}`);
        const text = record.toString('utf8', view.propertiesStart, view.propertiesEnd);
        if (text.includes('\0')) wrong.push(`the properties of entry ${unit.queueOffset} of ${name} are torn: ${JSON.stringify(text.slice(0, 80))}`);
        const props = parseProperties(text);
        entries.push(`${unit.queueOffset}@${unit.phyOffset} ${props.get('KEYS') ?? ''}`);
        if (usual.has(topic)) await checkDerived(store, topic, props, unit, wrong);
      }
      if (expected !== queue.maxOffset) wrong.push(`${name} says that it ends at ${queue.maxOffset} and its entries end at ${expected}`);
      state.set(name, entries);
    }
  }
  return state;
}

async function checkDerived(store: OpenStore, topic: string, props: ReadonlyMap<string, string>, unit: { readonly queueOffset: number; readonly phyOffset: number; readonly tagsCode: number }, wrong: string[]): Promise<void> {
  const tag = props.get('TAGS');
  if (unit.tagsCode !== (tag === undefined ? 0 : javaStringHash(tag))) wrong.push(`the tags code of entry ${unit.queueOffset} of ${topic} is not that of its tag`);
  const uniq = props.get('UNIQ_KEY');
  if (uniq === undefined) return;
  const hits = (await store.queryIndex(topic, uniq, 64, 0, Number.MAX_SAFE_INTEGER, undefined)).phyOffsets.filter((one) => one === unit.phyOffset).length;
  if (hits !== 1) wrong.push(`the index has ${hits} entries for ${uniq} at ${unit.phyOffset}`);
}

function copyOf(disk: SimulatedDisk): SimulatedDisk {
  const copy = simulatedDisk(7);
  for (const file of disk.files()) copy.place(file, disk.content(file));
  return copy;
}

/** Opens a copy of the machine's store again and again: what is wrong with what it finds, and whether each recovery finds the same. */
export async function recoveries(machine: Machine): Promise<string[]> {
  const wrong: string[] = [];
  const disk = copyOf(machine.disk);
  const { store: config } = machine.config();
  const clock = new ManualClock();
  clock.now = machine.nowMs();
  const open = (): Promise<OpenStore> => openStore({ root: dataDir, disk, clock, log: silentLog, config });
  const first = await open();
  const state = await stateOf(first, wrong);
  disk.crash();
  disk.restart('kill');
  const second = await open();
  compare(state, await stateOf(second, wrong), 'a second recovery', wrong);
  if (second.recovery.bytesCut > 0) wrong.push(`a second recovery cuts ${second.recovery.bytesCut} bytes of the log: ${second.recovery.cutReason ?? ''}`);
  await second.close();
  const third = await open();
  compare(state, await stateOf(third, wrong), 'a clean stop', wrong);
  await third.close();
  return wrong;
}

function compare(a: State, b: State, what: string, wrong: string[]): void {
  for (const queue of new Set([...a.keys(), ...b.keys()])) {
    const [before, after] = [a.get(queue) ?? [], b.get(queue) ?? []];
    const at = before.findIndex((one, i) => one !== after[i]);
    if (before.length !== after.length || at >= 0) wrong.push(`${what} changes ${queue}: ${before.length} entries become ${after.length}, ${before[at] ?? ''} becomes ${after[at] ?? ''}`);
  }
}
