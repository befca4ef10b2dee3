/**
 * KV configs by namespace (`KVConfigManager`), kept in kvConfig.json: `{"configTable":{"NS":{"KEY":"VALUE"}}}`. The file is replaced
 * before a change is answered; its safety is config-file.ts's.
 */
import { isMap, mapOf, textOf } from '../../codec/json-members.js';
import { readJson, writeJson } from '../../compat/fastjson.js';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Log } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import { ConfigFile, fileCharsMax } from '../broker/config-file.js';
import { demand, nameFault, namesrvLimits } from './limits.js';

/** Order configurations of topics, `broker-a:4;broker-b:4` (`NamesrvUtil#NAMESPACE_ORDER_TOPIC_CONFIG`). */
export const orderTopicNamespace = 'ORDER_TOPIC_CONFIG';

export class KvConfig {
  private readonly table = new Map<string, Map<string, string>>();
  private entries = 0;
  /** Characters of all keys and values together. */
  private chars = 0;
  private readonly file: ConfigFile | undefined;

  /** An empty path keeps the table in memory only. */
  constructor(disk: Disk, path: string, log: Log) {
    this.file = path === '' ? undefined : new ConfigFile({ disk, path, log, encode: () => writeJson({ configTable: this.table }) });
  }

  /** Reads the file. Throws Fault when it is there and cannot be read, nor its backup: starting empty would lose it. */
  load(): void {
    this.file?.load((text) => {
      const root = readJson(text, fileCharsMax);
      if (!isMap(root)) throw new Error('not a JSON object');
      const table = mapOf(root, 'configTable');
      for (const namespace of table.keys()) {
        if (typeof namespace !== 'string') continue;
        const values = new Map<string, string>();
        const texts = mapOf(table, namespace);
        for (const key of texts.keys()) {
          const value = typeof key === 'string' ? textOf(texts, key) : undefined;
          if (typeof key === 'string' && value !== undefined) values.set(key, value);
        }
        this.entries += values.size;
        for (const [key, value] of values) this.chars += key.length + value.length;
        this.table.set(namespace, values);
      }
    });
  }

  get(namespace: string, key: string): string | undefined {
    return this.table.get(namespace)?.get(key);
  }

  list(namespace: string): ReadonlyMap<string, string> | undefined {
    return this.table.get(namespace);
  }

  /** Refuses names and values out of bounds (INVALID_PARAMETER) and a disk that does not take the file (SYSTEM_ERROR, the change undone). */
  put(namespace: string, key: string, value: string): void {
    demand(nameFault('namespace', namespace));
    demand(nameFault('key', key));
    const { kvEntriesMax, kvValueCharsMax, kvCharsMax } = namesrvLimits;
    demand(value.length > kvValueCharsMax ? `value has ${value.length} characters, at most ${kvValueCharsMax} are allowed` : undefined);
    demand(value.includes('\0') ? 'value contains NUL' : undefined);
    const known = this.table.get(namespace);
    const before = known?.get(key);
    demand(before === undefined && this.entries >= kvEntriesMax ? `the name server already holds ${this.entries} KV configs (limit ${kvEntriesMax})` : undefined);
    const grown = before === undefined ? key.length + value.length : value.length - before.length;
    demand(this.chars + grown > kvCharsMax && grown > 0 ? `the KV configs would have ${this.chars + grown} characters together, at most ${kvCharsMax} are allowed` : undefined);
    const values = known ?? new Map<string, string>();
    values.set(key, value);
    this.chars += grown;
    if (known === undefined) this.table.set(namespace, values);
    if (before === undefined) this.entries++;
    this.save(() => {
      this.chars -= grown;
      if (before !== undefined) values.set(key, before);
      else {
        values.delete(key);
        this.entries--;
        if (known === undefined) this.table.delete(namespace);
      }
    });
  }

  /** Forgets a key; an unknown one is no error. The namespace stays, as with Apache. */
  delete(namespace: string, key: string): void {
    const values = this.table.get(namespace);
    const before = values?.get(key);
    if (values === undefined || before === undefined) return;
    values.delete(key);
    this.entries--;
    const freed = key.length + before.length;
    this.chars -= freed;
    this.save(() => {
      values.set(key, before);
      this.chars += freed;
      this.entries++;
    });
  }

  private save(undo: () => void): void {
    if (this.file === undefined) return;
    this.file.saveNow();
    const { fault } = this.file;
    if (fault === undefined) return;
    undo();
    throw new Refusal(responseCodes.SYSTEM_ERROR, `KV config cannot be saved: ${fault}`);
  }

  /** Resolves when what was saved is on the platter. */
  async flush(): Promise<void> {
    await this.file?.flush();
  }
}
