/**
 * The units of a slot in the order of their delivery. A walk through a slot goes from the newest to the oldest; of a slot with more units than are kept, the
 * oldest are kept, and the slot is walked again for the rest: so its memory is bounded whatever waits for one second.
 */
import { timerUnitBytes } from '../../codec/timer-records.js';
import type { TimerUnit } from '../../codec/timer-records.js';
import type { RecordPlace } from '../../store/types.js';

/** Units kept at once: 9 MiB. */
export const slotUnitsMax = 262_144;

const grownFrom = 256;

export class SlotUnits {
  readonly #max: number;
  #pos = new Float64Array(0);
  #phyOffset = new Float64Array(0);
  #writeTimeMs = new Float64Array(0);
  #recordBytes = new Int32Array(0);
  #magic = new Uint8Array(0);
  /** Units seen in the walk. */
  #seen = 0;

  constructor(max = slotUnitsMax) {
    this.#max = max;
  }

  clear(): void {
    this.#seen = 0;
    if (this.#pos.length > grownFrom * 16) this.#resize(0);
  }

  get length(): number {
    return Math.min(this.#seen, this.#max);
  }

  /** There are newer units than those kept. */
  get overflowed(): boolean {
    return this.#seen > this.#max;
  }

  /** Newest first. */
  add(pos: number, unit: Readonly<TimerUnit>): void {
    if (this.#seen === this.#pos.length && this.#seen < this.#max) this.#resize(Math.min(this.#max, Math.max(grownFrom, this.#seen * 2)));
    const at = this.#seen++ % this.#max;
    this.#pos[at] = pos;
    this.#phyOffset[at] = unit.phyOffset;
    this.#writeTimeMs[at] = unit.writeTimeMs;
    this.#recordBytes[at] = unit.recordBytes;
    this.#magic[at] = unit.magic;
  }

  #resize(length: number): void {
    const grown = <T extends Float64Array | Int32Array | Uint8Array>(to: T, from: T): T => {
      to.set(from.subarray(0, length));
      return to;
    };
    this.#pos = grown(new Float64Array(length), this.#pos);
    this.#phyOffset = grown(new Float64Array(length), this.#phyOffset);
    this.#writeTimeMs = grown(new Float64Array(length), this.#writeTimeMs);
    this.#recordBytes = grown(new Int32Array(length), this.#recordBytes);
    this.#magic = grown(new Uint8Array(length), this.#magic);
  }

  /** Where the i-th oldest is kept. */
  #at(i: number): number {
    return (this.#seen - 1 - i) % this.#max;
  }

  phyOffset(i: number): number {
    return this.#phyOffset[this.#at(i)] as number;
  }

  /** Where the record of the i-th oldest is. */
  place(i: number): RecordPlace {
    const at = this.#at(i);
    return { phyOffset: this.#phyOffset[at] as number, recordBytes: this.#recordBytes[at] as number };
  }

  writeTimeMs(i: number): number {
    return this.#writeTimeMs[this.#at(i)] as number;
  }

  magic(i: number): number {
    return this.#magic[this.#at(i)] as number;
  }

  /** Behind the i-th oldest unit. */
  posAfter(i: number): number {
    return (this.#pos[this.#at(i)] as number) + timerUnitBytes;
  }

  /** As many units from the i-th on as one batch takes: behind the last of them. */
  batchEnd(i: number, messagesMax: number, bytesMax: number): number {
    let bytes = 0;
    let end = i;
    for (; end < this.length && end - i < messagesMax; end++) {
      bytes += this.#recordBytes[this.#at(end)] as number;
      if (end > i && bytes > bytesMax) break;
    }
    return end;
  }
}
