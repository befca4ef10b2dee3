/** Where expressions find a message's properties: in the bytes of a record, or read once into a map when many expressions ask. */
import { nameValueSeparator, parseProperties, propertySeparator } from '../../codec/properties.js';
import { readRecord, RecordView } from '../../codec/message-record.js';
import type { PropertyKey, PropertySource } from './sql-compile.js';

/** Reads single properties out of a record without making strings of the others. One object is used for record after record. */
export class RecordProperties implements PropertySource {
  readonly #record = new RecordView();
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** Points it at a whole stored record. False when the bytes are none; it then has no properties. */
  read(record: Uint8Array, start = 0, end = record.length): boolean {
    const view = this.#record;
    const known = readRecord(view, record, start, end) === 'record';
    this.#bytes = record;
    this.#start = known ? view.propertiesStart : 0;
    this.#end = known ? view.propertiesEnd : 0;
    return known;
  }

  /** The last of several elements with the name; elements without name or value do not count, as in `parseProperties`. */
  get(key: PropertyKey): string | undefined {
    const bytes = this.#bytes;
    const end = this.#end;
    const name = key.bytes;
    const length = name.length;
    let found: string | undefined;
    for (let at = this.#start; at < end; ) {
      let next = bytes.indexOf(propertySeparator, at);
      if (next < 0 || next > end) next = end;
      if (next - at > length + 1 && bytes[at + length] === nameValueSeparator && sameBytes(bytes, at, name)) {
        found = Buffer.from(bytes.buffer, bytes.byteOffset + at + length + 1, next - at - length - 1).toString('utf8');
      }
      at = next + 1;
    }
    return found;
  }

  /** The string form of all properties. */
  text(): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.#start, this.#end - this.#start).toString('utf8');
  }
}

function sameBytes(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
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
}
