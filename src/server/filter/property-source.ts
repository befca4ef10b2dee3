/** Where expressions find a message's properties: in the bytes of a record, or read once into a map when many expressions ask. */
import { javaInt } from '../../compat/java-text-number.js';
import { nameValueSeparator, parseProperties, propertySeparator } from '../../codec/properties.js';
import { locateProperties, RecordView } from '../../codec/message-record.js';
import type { PropertyKey, PropertySource } from './sql-compile.js';

/** The separator of properties, in each byte of a word. */
const separators = 0x02020202;

/** Reads single properties out of a record without making strings of the others. One object is used for record after record. */
export class RecordProperties implements PropertySource {
  readonly #record = new RecordView();
  #valueStart = 0;
  #valueEnd = 0;

  /** Points it at a whole stored record. False when the bytes are none; it then has no properties. */
  read(record: Uint8Array, start = 0, end = record.length): boolean {
    return locateProperties(this.#record, record, start, end);
  }

  get(key: PropertyKey): string | undefined {
    return this.#find(key.bytes) ? this.#text(this.#valueStart, this.#valueEnd) : undefined;
  }

  int(key: PropertyKey): number | undefined {
    if (!this.#find(key.bytes)) return undefined;
    const end = this.#valueEnd;
    let at = this.#valueStart;
    // The usual: up to nine digits, without anything else.
    if (end - at < 10) {
      const { bytes } = this.#record;
      let value = 0;
      for (; at < end; at++) {
        const digit = (bytes[at] as number) - 0x30;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      if (at === end) return value;
    }
    return javaInt(this.#text(this.#valueStart, end)) ?? NaN;
  }

  /**
   * Notes where the value of the last of several elements with the name lies; elements without name or value do not count, as in `parseProperties`. The
   * last one counts, so that it looks from the end, four bytes at a time: what a producer adds for filters mostly stands behind the unique key.
   */
  #find(name: Uint8Array): boolean {
    const { bytes, view, propertiesStart: start, propertiesEnd } = this.#record;
    const length = name.length;
    for (let end = propertiesEnd; end > start; ) {
      let from = end;
      for (; from - start >= 4; from -= 4) {
        // A byte that is the separator becomes zero, and its high bit of `zeros` is set: exactly, for no carry leaves a byte.
        const word = view.getInt32(from - 4, true) ^ separators;
        const zeros = ~(((word & 0x7f7f7f7f) + 0x7f7f7f7f) | word | 0x7f7f7f7f);
        if (zeros !== 0) {
          from -= Math.clz32(zeros) >> 3;
          break;
        }
      }
      while (from > start && bytes[from - 1] !== propertySeparator) from--;
      const valueAt = from + length + 1;
      if (end > valueAt && bytes[valueAt - 1] === nameValueSeparator) {
        let same = 0;
        while (same < length && bytes[from + same] === name[same]) same++;
        if (same === length) {
          this.#valueStart = valueAt;
          this.#valueEnd = end;
          return true;
        }
      }
      end = from - 1;
    }
    return false;
  }

  #text(start: number, end: number): string {
    const { bytes } = this.#record;
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
  }

  /** The string form of all properties. */
  text(): string {
    return this.#text(this.#record.propertiesStart, this.#record.propertiesEnd);
  }
}

/** Properties read at once. */
export class MapProperties implements PropertySource {
  readonly #properties: ReadonlyMap<string, string>;

  constructor(properties: ReadonlyMap<string, string>) {
    this.#properties = properties;
  }

  static of(text: string): MapProperties {
    return new MapProperties(parseProperties(text));
  }

  get(key: PropertyKey): string | undefined {
    return this.#properties.get(key.name);
  }

  int(key: PropertyKey): number | undefined {
    const text = this.#properties.get(key.name);
    return text === undefined ? undefined : (javaInt(text) ?? NaN);
  }
}
