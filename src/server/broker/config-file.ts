/**
 * One of Apache's config/*.json files on disk (`ConfigManager`): the file, its `.bak`, and the rules by which one of the two always survives.
 * What the text says belongs to the table that owns the file; when to save is the table's choice between `saveNow` and `save`.
 */
import * as path from 'node:path';
import { Fault } from '../../codec/errors.js';
import type { Log } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';

/** Larger than any real table; keeps a wrong file from filling memory. */
const fileBytesMax = 256 * 1024 * 1024;

export interface ConfigFileOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly log: Log;
  /** The whole text of the file, as it should be now. */
  readonly encode: () => string;
}

/**
 * States of the pair: `x.json` is the newest text, `x.json.bak` an older one known to be whole and synced. A file whose text could not be
 * read is set aside as `x.json.corrupt` and never becomes the backup.
 */
export class ConfigFile {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #log: Log;
  readonly #encode: () => string;
  /** The main file is whole and on the platter: it may become the backup. */
  #mainSynced = false;
  #generation = 0;
  #dirty = false;
  #working: Promise<void> | undefined;
  #fault: string | undefined;

  constructor(options: ConfigFileOptions) {
    this.#disk = options.disk;
    this.#path = options.path;
    this.#log = options.log;
    this.#encode = options.encode;
  }

  /** Why the last write failed; undefined = it did not. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /**
   * Gives the text of the file, or of its backup when the file is missing, empty or refused by `decode` (which throws on text it cannot read,
   * before it changed anything). Throws a Fault when something was there and none of it could be read: starting empty would lose it.
   */
  load(decode: (text: string) => void): 'file' | 'backup' | 'absent' {
    let refused: string | undefined;
    const attempt = (from: string): boolean => {
      const bytes = this.#read(from);
      if (bytes.length === 0) return false;
      try {
        decode(bytes.toString('utf8'));
        return true;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        refused = `${refused === undefined ? '' : `${refused}; `}${from}: ${why}`;
        this.#log.error({ path: from, why }, 'configuration file cannot be read');
        return false;
      }
    };
    if (attempt(this.#path)) {
      this.#mainSynced = true;
      return 'file';
    }
    const corrupt = refused !== undefined;
    if (attempt(`${this.#path}.bak`)) {
      if (corrupt) this.#disk.rename(this.#path, `${this.#path}.corrupt`);
      this.#log.warn({ path: this.#path }, 'configuration loaded from its backup');
      return 'backup';
    }
    if (refused !== undefined) throw new Fault(`configuration cannot be read: ${refused}`);
    return 'absent';
  }

  /**
   * Replaces the file before it returns, so that a killed process keeps it; the sync to the platter follows in the background.
   * A failing disk is logged and kept in `fault`; the next save tries again.
   */
  saveNow(): void {
    this.#replace();
    this.#start(false);
  }

  /** Replaces and syncs the file soon; calls while one is under way become one more. */
  save(): void {
    this.#start(true);
  }

  #start(rewrite: boolean): void {
    if (rewrite) this.#dirty = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#dirty || (!this.#mainSynced && this.#fault === undefined)) this.#start(false);
    });
  }

  /** Saves what is not saved and waits until it is on the platter (or the disk refused). */
  async flush(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  async #work(): Promise<void> {
    // Let the calls of this turn gather.
    await Promise.resolve();
    if (this.#dirty) {
      this.#dirty = false;
      this.#replace();
    }
    if (this.#fault !== undefined) return;
    const generation = this.#generation;
    try {
      const file = this.#disk.open(this.#path, 'read');
      try {
        await file.datasync();
      } finally {
        file.close();
      }
      await this.#disk.syncDir(path.dirname(this.#path));
      if (generation === this.#generation) this.#mainSynced = true;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Empty when there is no such file. */
  #read(from: string): Buffer {
    const entry = this.#disk.stat(from);
    if (entry === undefined || entry.directory) return Buffer.alloc(0);
    if (entry.bytes > fileBytesMax) throw new Fault(`${from} has ${entry.bytes} bytes; a configuration file may have ${fileBytesMax}`);
    const file = this.#disk.open(from, 'read');
    try {
      const bytes = Buffer.alloc(entry.bytes);
      return bytes.subarray(0, file.readSync(bytes, 0));
    } finally {
      file.close();
    }
  }

  #replace(): void {
    const temporary = `${this.#path}.tmp`;
    try {
      const bytes = Buffer.from(this.#encode(), 'utf8');
      this.#disk.makeDir(path.dirname(this.#path));
      const file = this.#disk.open(temporary, 'create');
      try {
        file.setLength(0);
        file.writeSync(bytes, 0, bytes.length, 0);
      } finally {
        file.close();
      }
      if (this.#mainSynced) {
        this.#disk.rename(this.#path, `${this.#path}.bak`);
        this.#mainSynced = false;
      }
      this.#disk.rename(temporary, this.#path);
      this.#generation++;
      this.#fault = undefined;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#fault = error instanceof Error ? error.message : String(error);
    this.#log.error({ path: this.#path, fault: this.#fault }, 'configuration file cannot be written');
  }
}
