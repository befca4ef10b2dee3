/**
 * The filters of a filter server: one for each consumer group and topic, uploaded with REGISTER_MESSAGE_FILTER_CLASS (`FilterClassManager`). Names,
 * sizes and checksums are judged here before anything is compiled; what compiles and runs a source is running-filter.ts and the sandboxes.
 */
import { crc31 } from '../../codec/crc32.js';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Clock, Log } from '../../remoting/types.js';
import { groupNameFault, topicNameFault } from '../broker/topic-names.js';
import type { FilterServerConfig } from '../config-types.js';
import { RunningFilter } from './running-filter.js';
import type { OpenSandbox } from './sandbox.js';

export type Language = 'Java' | 'JavaScript';

/** What a class name may look like, which also says its language: a JavaScript filter has a name that ends in .js. */
const javaName = /^(?:[A-Za-z_$][\w$]{0,99}\.){0,20}[A-Za-z_$][\w$]{0,99}$/;
const javaScriptName = /^[\w$-]{1,100}(?:\.[\w$-]{1,100}){0,20}\.js$/;
const classNameCharsMax = 255;
/** A source that failed is not compiled again within this time: consumers send it with each heartbeat. */
const failureKeptMs = 60_000;
const failuresMax = 256;

export interface FilterClass {
  readonly group: string;
  readonly topic: string;
  readonly className: string;
  readonly language: Language;
  readonly classCrc: number;
  readonly filter: RunningFilter;
  usedMs: number;
}

export interface FilterClassesOptions {
  readonly config: FilterServerConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly sandboxes: Readonly<Record<Language, OpenSandbox>>;
}

export interface Upload {
  readonly group: string;
  readonly topic: string;
  readonly className: string;
  readonly classCrc: number;
  readonly source: Buffer;
}

/** `FilterClassManager#buildKey`. */
function keyOf(group: string, topic: string): string {
  return `${topic}@${group}`;
}

export function languageOf(className: string): Language | undefined {
  if (className.length > classNameCharsMax) return undefined;
  if (javaScriptName.test(className)) return 'JavaScript';
  return javaName.test(className) ? 'Java' : undefined;
}

export class FilterClasses {
  readonly #options: FilterClassesOptions;
  readonly #classes = new Map<string, FilterClass>();
  readonly #failures = new Map<string, { readonly classCrc: number; readonly atMs: number; readonly why: string }>();
  readonly #underWay = new Map<string, { readonly classCrc: number; readonly language: Language; readonly done: Promise<string | undefined> }>();
  /** One source is compiled at a time (`FilterClassManager#compileLock`). */
  #compiling: Promise<unknown> = Promise.resolve();

  constructor(options: FilterClassesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#classes.size;
  }

  find(group: string, topic: string): FilterClass | undefined {
    const found = this.#classes.get(keyOf(group, topic));
    if (found !== undefined) found.usedMs = this.#options.clock.nowMs();
    return found;
  }

  /**
   * Takes an upload. The same source again is a sign of life; another one takes the place of the old when it serves, and until then the old one does.
   * Throws a Refusal that says what is wrong.
   */
  async register(upload: Upload): Promise<void> {
    const { clock } = this.#options;
    this.#check(upload);
    const classCrc = crc31(upload.source, 0, upload.source.length);
    const key = keyOf(upload.group, upload.topic);
    const known = this.#classes.get(key);
    if (known !== undefined) known.usedMs = clock.nowMs();
    if (known?.classCrc === classCrc && known.className === upload.className) return;
    const failure = this.#failures.get(key);
    if (failure?.classCrc === classCrc && clock.nowMs() - failure.atMs < failureKeptMs) throw refusal(failure.why);
    const same = this.#underWay.get(key);
    if (same !== undefined && same.classCrc !== classCrc) throw refusal('another class for this group and topic is being compiled');
    const done = same?.done ?? this.#compile(key, upload, classCrc);
    const why = await done;
    if (why !== undefined) throw refusal(why);
  }

  /** Drops filters that nobody uploaded or used for `filterClassIdleMs`. */
  scan(): void {
    const { clock, config, log } = this.#options;
    const nowMs = clock.nowMs();
    for (const [key, one] of [...this.#classes]) {
      if (nowMs - one.usedMs <= config.filterClassIdleMs) continue;
      this.#classes.delete(key);
      log.info({ filter: key, className: one.className }, 'filter dropped: nobody uses it');
      void one.filter.stop();
    }
    for (const [key, failure] of [...this.#failures]) if (nowMs - failure.atMs >= failureKeptMs) this.#failures.delete(key);
  }

  async stop(): Promise<void> {
    const all = [...this.#classes.values()];
    this.#classes.clear();
    await Promise.all(all.map((one) => one.filter.stop()));
    await this.#compiling;
  }

  #check(upload: Upload): void {
    const { config } = this.#options;
    if (!config.clientUploadFilterClassEnable) throw refusal('this filter server takes no classes from clients');
    const nameFault = groupNameFault(upload.group) ?? topicNameFault(upload.topic);
    if (nameFault !== undefined) throw refusal(nameFault);
    const language = languageOf(upload.className);
    if (language === undefined) throw refusal('the class name is neither a Java name nor one that ends in .js');
    if (language === 'Java' && !config.filterJavaEnable) throw refusal('filters in Java are not served: filterJavaEnable=false');
    if (language === 'JavaScript' && !config.filterJavaScriptEnable) throw refusal('filters in JavaScript are not served: filterJavaScriptEnable=false');
    if (upload.source.length === 0) throw refusal('there is no source');
    if (upload.source.length > config.filterSourceBytesMax) throw refusal(`the source has ${upload.source.length} bytes, more than ${config.filterSourceBytesMax}`);
    if (upload.classCrc !== 0 && upload.classCrc !== crc31(upload.source, 0, upload.source.length)) throw refusal('crc32 not match');
    this.#checkRoom(keyOf(upload.group, upload.topic), language);
  }

  #checkRoom(key: string, language: Language): void {
    const { config } = this.#options;
    const held = new Map<string, Language>(Array.from(this.#classes, ([its, one]) => [its, one.language]));
    for (const [its, one] of this.#underWay) held.set(its, one.language);
    if (!held.has(key) && held.size >= config.filterClassesMax) throw refusal(`this filter server has ${config.filterClassesMax} filters, the most it takes`);
    const inJava = [...held].filter(([its, spoken]) => its !== key && spoken === 'Java').length;
    if (language === 'Java' && inJava >= config.filterJavaClassesMax) throw refusal(`this filter server has ${config.filterJavaClassesMax} filters in Java, the most it takes`);
  }

  #compile(key: string, upload: Upload, classCrc: number): Promise<string | undefined> {
    const done = this.#compiling.then(() => this.#start(key, upload, classCrc)).catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, { classCrc, language: languageOf(upload.className) ?? 'Java', done });
    this.#compiling = done;
    return done;
  }

  /** Why the class does not serve, or undefined. */
  async #start(key: string, upload: Upload, classCrc: number): Promise<string | undefined> {
    const { clock, log, config, sandboxes } = this.#options;
    const { group, topic, className } = upload;
    const language = languageOf(className) ?? 'Java';
    const filter = new RunningFilter({ open: sandboxes[language], className, source: upload.source.toString('utf8'), clock, log, limits: config });
    const why = await filter.start();
    if (why !== undefined) {
      log.warn({ group, topic, className, why }, 'a filter class is refused');
      if (this.#failures.size < failuresMax || this.#failures.has(key)) this.#failures.set(key, { classCrc, atMs: clock.nowMs(), why });
      return why;
    }
    const old = this.#classes.get(key);
    this.#classes.set(key, { group, topic, className, language, classCrc, filter, usedMs: clock.nowMs() });
    this.#failures.delete(key);
    log.info({ group, topic, className, language }, 'a filter class serves');
    void old?.filter.stop();
    return undefined;
  }
}

/** Apache's one code for whatever is wrong with a class, and the beginning of its remark. */
function refusal(why: string): Refusal {
  return new Refusal(responseCodes.SYSTEM_ERROR, `registerFilterClass error, ${why}`);
}
