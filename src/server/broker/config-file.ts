/**
 * One of Apache's config/*.json files on disk (`ConfigManager`): the file, its `.bak`, and the rules by which one of the two always survives.
 * What the text says belongs to the table that owns the file; when to save is the table's choice between `saveNow` and `save`.
 */
import * as path from 'node:path';
import { Fault, Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Clock, Log, Turn } from '../../remoting/types.js';
import type { Disk, DiskFile } from '../../store/disk.js';
import type { BrokerConfig } from '../config-types.js';

/** Larger than any real table; keeps a wrong file from filling memory. */
const fileBytesMax = 256 * 1024 * 1024;

/** What `readJson` may read of such a file: as much as may be there, more than a frame carries. */
export const fileCharsMax = fileBytesMax;

/** How long a file that is saved in the turn of a change waits after a failed save, in milliseconds. */
const saveRetryMs = 1000;

export interface ConfigFileOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly log: Log;
  /** The whole text of the file, as it should be now. What `save` is given in pieces is written in pieces, and other work has its turn between them. */
  readonly encode: () => string | Iterable<string>;
}

/**
 * States of the pair: `x.json` is the newest text; `x.json.bak` is a copy of the last text that was on the platter, replaced only after the newer one
 * is there too. `save` syncs the new text before it takes the old one's place; `saveNow` cannot wait for that and has the backup to fall back on.
 * A file whose text could not be read is set aside as `x.json.corrupt` and never becomes the backup.
 */
export class ConfigFile {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #log: Log;
  readonly #encode: () => string | Iterable<string>;
  /** The main file is whole and on the platter: it may become the backup. */
  #mainSynced = false;
  /** Some version was whole and on the platter once: a torn later one has it to fall back to. */
  #everSynced = false;
  /** The backup has the last synced text itself, so it need not be replaced before the main file is. */
  #backupCurrent = false;
  /** What saveNow wrote and is not synced and copied yet. */
  #toBackUp: Buffer | undefined;
  #dirMade = false;
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
      this.#everSynced = true;
      return 'file';
    }
    const corrupt = refused !== undefined;
    if (attempt(`${this.#path}.bak`)) {
      if (corrupt) this.#disk.rename(this.#path, `${this.#path}.corrupt`);
      this.#everSynced = true;
      this.#log.warn({ path: this.#path }, 'configuration loaded from its backup');
      return 'backup';
    }
    if (refused !== undefined) throw new Fault(`configuration cannot be read: ${refused}`);
    return 'absent';
  }

  /**
   * Replaces the file before it returns, so that a killed process keeps it; the sync to the platter follows in the background, but for the
   * very first version, which has no older one to fall back to.
   * A failing disk is logged and kept in `fault`; the next save tries again.
   */
  saveNow(): void {
    try {
      const bytes = this.#write(this.#temporary);
      if (!this.#everSynced) this.#syncNow(this.#temporary);
      if (this.#mainSynced && !this.#backupCurrent) this.#disk.rename(this.#path, this.#backup);
      this.#disk.rename(this.#temporary, this.#path);
      this.#generation++;
      this.#mainSynced = false;
      this.#toBackUp = bytes;
      this.#fault = undefined;
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#start();
  }

  /** Replaces and syncs the file soon; calls while one is under way become one more. */
  save(): void {
    this.#dirty = true;
    this.#start();
  }

  /** Waits until what was saved is on the platter, or the disk refused. */
  async flush(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  get #temporary(): string {
    return `${this.#path}.tmp`;
  }

  get #backup(): string {
    return `${this.#path}.bak`;
  }

  #start(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#dirty || (this.#toBackUp !== undefined && this.#fault === undefined)) this.#start();
    });
  }

  async #work(): Promise<void> {
    // Let the calls of this turn gather.
    await Promise.resolve();
    try {
      if (this.#dirty) {
        this.#dirty = false;
        await this.#replace();
      } else if (this.#toBackUp !== undefined) await this.#backUp(this.#toBackUp);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The new text is synced under another name before it takes the old one's place. */
  async #replace(): Promise<void> {
    const generation = this.#generation;
    const temporary = `${this.#temporary}2`;
    const text = this.#encode();
    const bytes = await this.#writeOff(temporary, typeof text === 'string' ? [text] : text);
    await this.#sync(temporary);
    if (generation !== this.#generation) {
      // A saveNow overtook this one with newer text.
      this.#disk.unlink(temporary);
      return;
    }
    if (this.#mainSynced && !this.#backupCurrent) this.#disk.rename(this.#path, this.#backup);
    this.#disk.rename(temporary, this.#path);
    this.#generation++;
    this.#toBackUp = bytes;
    this.#fault = undefined;
  }

  /** Syncs the new text where it is, then copies it to the backup. */
  async #backUp(bytes: Buffer): Promise<void> {
    await this.#sync(this.#path);
    await this.#syncDir();
    this.#everSynced = true;
    if (bytes !== this.#toBackUp) return;
    this.#mainSynced = true;
    const temporary = `${this.#backup}.tmp`;
    await this.#writeOff(temporary, [bytes]);
    await this.#sync(temporary);
    this.#disk.rename(temporary, this.#backup);
    this.#backupCurrent = true;
    await this.#syncDir();
    if (bytes === this.#toBackUp) this.#toBackUp = undefined;
  }

  /** Empty when there is no such file. */
  #read(from: string): Buffer {
    const entry = this.#disk.stat(from);
    if (entry === undefined) return Buffer.alloc(0);
    if (entry.directory) throw new Fault(`${from} is a directory, where a configuration file should be`);
    if (entry.bytes > fileBytesMax) throw new Fault(`${from} has ${entry.bytes} bytes; a configuration file may have ${fileBytesMax}`);
    const file = this.#disk.open(from, 'read');
    try {
      const bytes = Buffer.alloc(entry.bytes);
      return bytes.subarray(0, file.readSync(bytes, 0));
    } finally {
      file.close();
    }
  }

  #write(to: string): Buffer {
    const text = this.#encode();
    const bytes = Buffer.from(typeof text === 'string' ? text : [...text].join(''), 'utf8');
    const file = this.#created(to);
    try {
      file.writeSync(bytes, 0, bytes.length, 0);
    } finally {
      file.close();
    }
    return bytes;
  }

  /** Writes piece by piece, off the thread: between two pieces it is free. */
  async #writeOff(to: string, pieces: Iterable<string | Buffer>): Promise<Buffer> {
    const written: Buffer[] = [];
    let position = 0;
    const file = this.#created(to);
    try {
      for (const piece of pieces) {
        const bytes = typeof piece === 'string' ? Buffer.from(piece, 'utf8') : piece;
        await file.write(bytes, position);
        position += bytes.length;
        written.push(bytes);
      }
    } finally {
      file.close();
    }
    return written.length === 1 && written[0] !== undefined ? written[0] : Buffer.concat(written);
  }

  #created(name: string): DiskFile {
    const dir = path.dirname(name);
    if (this.#disk.stat(dir) === undefined) {
      this.#disk.makeDir(dir);
      this.#dirMade = true;
    }
    const file = this.#disk.open(name, 'create');
    file.setLength(0);
    return file;
  }

  async #sync(name: string): Promise<void> {
    const file = this.#disk.open(name, 'read');
    try {
      await file.datasync();
    } finally {
      file.close();
    }
  }

  #syncNow(name: string): void {
    const file = this.#disk.open(name, 'read');
    try {
      file.datasyncSync();
    } finally {
      file.close();
    }
  }

  async #syncDir(): Promise<void> {
    const dir = path.dirname(this.#path);
    await this.#disk.syncDir(dir);
    if (!this.#dirMade) return;
    await this.#disk.syncDir(path.dirname(dir));
    this.#dirMade = false;
  }

  #failed(error: unknown): void {
    this.#fault = error instanceof Error ? error.message : String(error);
    this.#log.error({ path: this.#path, fault: this.#fault }, 'configuration file cannot be written');
  }
}

export interface TurnSavedOptions extends ConfigFileOptions {
  readonly clock: Clock;
  readonly turn: Turn;
}

/** What a table with such a file is given. */
export interface TurnSavedTableOptions extends Omit<TurnSavedOptions, 'path' | 'encode'> {
  readonly config: BrokerConfig;
}

/** A configuration file whose changes are on disk before the answers of their turn leave. A save that failed is tried again in later turns. */
export class TurnSavedFile {
  readonly #options: TurnSavedOptions;
  readonly #file: ConfigFile;
  #unsaved = false;
  /** Something changed since `#saving` began whose answers wait for the platter. */
  #gathered = false;
  #saving: Promise<void> | undefined;
  /** Follows `#saving`, with what was gathered meanwhile. */
  #savingNext: Promise<void> | undefined;
  /** When a save that failed is tried again; 0 = at once. */
  #retryAtMs = 0;

  constructor(options: TurnSavedOptions) {
    this.#options = options;
    this.#file = new ConfigFile(options);
    options.turn.beforeSend(() => {
      if (this.#unsaved && this.#mayTry()) this.#saveNow();
      void this.saving;
    });
  }

  /** As ConfigFile#load. */
  load(decode: (text: string) => void): 'file' | 'backup' | 'absent' {
    return this.#file.load(decode);
  }

  /** The text is another one now: it is written at the end of the turn. */
  changed(): void {
    this.#unsaved = true;
    this.#options.turn.schedule();
  }

  /**
   * As `changed`, where answers wait for `saving`. While one such change is on its way to the platter others are gathered and go together after it, so that
   * each waits for two of them at most, however many come.
   */
  changedAwaited(): void {
    this.#gathered = true;
    this.#options.turn.schedule();
  }

  /** Settles when every change up to now whose answers wait is on the platter, or the disk refused (`fault` is kept, the save tried again); undefined: there is none. */
  get saving(): Promise<void> | undefined {
    if (!this.#gathered) return this.#savingNext ?? this.#saving;
    if (this.#saving === undefined) this.#saving = this.#saveGathered();
    else this.#savingNext ??= this.#saving.then(() => this.#saveGathered());
    return this.#savingNext ?? this.#saving;
  }

  async #saveGathered(): Promise<void> {
    this.#saving = this.#savingNext;
    this.#savingNext = undefined;
    this.#gathered = false;
    if (this.#mayTry()) this.#saveNow();
    await this.#file.flush();
    if (this.#savingNext === undefined) this.#saving = undefined;
  }

  /** Writes what changed now, so that a killed process keeps it; throws SYSTEM_ERROR when the disk does not take it. */
  demandWritten(): void {
    if (this.#unsaved || this.#gathered || this.#file.fault !== undefined) this.#saveNow();
    this.#demandNoFault();
  }

  /**
   * Resolves when what changed is on the platter with its backup (`ConfigManager#persist` syncs the file and its directory before the answer too). Rejects with
   * SYSTEM_ERROR when the disk does not take it: the change serves, but a later start may not know it.
   */
  async demandSaved(): Promise<void> {
    this.demandWritten();
    await this.#file.flush();
    this.#demandNoFault();
  }

  #demandNoFault(): void {
    const { fault } = this.#file;
    if (fault === undefined) return;
    this.#unsaved = true;
    throw new Refusal(responseCodes.SYSTEM_ERROR, `${path.basename(this.#options.path)} cannot be saved, the change lasts until the broker stops: ${fault}`);
  }

  /** Writes the file, changed or not, and waits for the platter. */
  async close(): Promise<void> {
    this.#saveNow();
    await this.#file.flush();
  }

  #mayTry(): boolean {
    return this.#options.clock.nowMs() >= this.#retryAtMs;
  }

  #saveNow(): void {
    this.#file.saveNow();
    this.#unsaved = this.#file.fault !== undefined;
    this.#retryAtMs = this.#unsaved ? this.#options.clock.nowMs() + saveRetryMs : 0;
  }
}
