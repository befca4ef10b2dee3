/** Where expressions find a message's properties: in the bytes of a record, or read once into a map when many expressions ask. */
import { javaInt } from '../../compat/java-text-number.js';
import { nameValueSeparator, parseProperties, propertySeparator } from '../../codec/properties.js';
import { readRecord, RecordView } from '../../codec/message-record.js';
import type { PropertyKey, PropertySource } from './sql-compile.js';

/** Reads single properties out of a record without making strings of the others. One object is used for record after record. */
export class RecordProperties implements PropertySource {
  readonly #record = new RecordView();
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #valueStart = 0;
  #valueEnd = 0;

  /** Points it at a whole stored record. False when the bytes are none; it then has no properties. */
  read(record: Uint8Array, start = 0, end = record.length): boolean {
    const view = this.#record;
    const known = readRecord(view, record, start, end) === 'record';
    this.#bytes = record;
    this.#start = known ? view.propertiesStart : 0;
    this.#end = known ? view.propertiesEnd : 0;
    return known;
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
      const bytes = this.#bytes;
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

  /** Notes where the value of the last of several elements with the name lies; elements without name or value do not count, as in `parseProperties`. */
  #find(name: Uint8Array): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    const length = name.length;
    let found = false;
    let at = this.#start;
    while (at < end) {
      let same = 0;
      while (same < length && bytes[at + same] === name[same]) same++;
      const valueAt = at + length + 1;
      let next = at + same;
      while (next < end && bytes[next] !== propertySeparator) next++;
      if (same === length && next > valueAt && bytes[valueAt - 1] === nameValueSeparator) {
        this.#valueStart = valueAt;
        this.#valueEnd = next;
        found = true;
      }
      at = next + 1;
    }
    return found;
  }

  #text(start: number, end: number): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start).toString('utf8');
  }

  /** The string form of all properties. */
  text(): string {
    return this.#text(this.#start, this.#end);
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
