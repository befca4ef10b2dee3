/**
 * Which queue offset a key had last, in bounded memory (`CompactionLog.OffsetMap`): open addressing over the MD5 of the keys, 24 bytes an entry, so that
 * the length of keys does not matter. Full, it takes no further keys: what is not in it is kept by the compaction and is the next one's.
 */
import { createHash } from 'node:crypto';

/** MD5 and offset. */
const entryBytes = 24;
/** Fewer make no sense (`OffsetMap`). */
const entriesMin = 100;

export class OffsetMap {
  /** Messages up to this offset were looked at; -1 = none. */
  lastOffset = -1;
  readonly #capacity: number;
  readonly #hashes: Uint32Array;
  readonly #offsets: Float64Array;
  #count = 0;

  /** `bytesMax` of memory at most, and no more than `keys` different keys need. */
  constructor(bytesMax: number, keys: number) {
    this.#capacity = Math.max(entriesMin, Math.min(Math.floor(bytesMax / entryBytes), keys));
    // Half as many slots again: probes stay short when it is full.
    const slots = Math.ceil(this.#capacity * 1.5) + 1;
    this.#hashes = new Uint32Array(slots * 4);
    this.#offsets = new Float64Array(slots).fill(-1);
  }

  get count(): number {
    return this.#count;
  }

  /** Notes that the key was last seen at this offset. False = full and the key is new: nothing was noted. */
  put(key: Uint8Array, offset: number): boolean {
    const hash = createHash('md5').update(key).digest();
    const slot = this.#slotOf(hash);
    if (this.#offsets[slot] === -1) {
      if (this.#count === this.#capacity) return false;
      this.#count++;
      for (let i = 0; i < 4; i++) this.#hashes[slot * 4 + i] = hash.readUInt32LE(i * 4);
    }
    this.#offsets[slot] = offset;
    this.lastOffset = offset;
    return true;
  }

  /** The offset noted last, -1 when none. */
  get(key: Uint8Array): number {
    return this.#offsets[this.#slotOf(createHash('md5').update(key).digest())] ?? -1;
  }

  /** Where the hash stands, or the free slot where it would. */
  #slotOf(hash: Buffer): number {
    const slots = this.#offsets.length;
    const [a, b, c, d] = [hash.readUInt32LE(0), hash.readUInt32LE(4), hash.readUInt32LE(8), hash.readUInt32LE(12)];
    let slot = a % slots;
    for (;;) {
      if (this.#offsets[slot] === -1) return slot;
      const at = slot * 4;
      if (this.#hashes[at] === a && this.#hashes[at + 1] === b && this.#hashes[at + 2] === c && this.#hashes[at + 3] === d) return slot;
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
  }
}
