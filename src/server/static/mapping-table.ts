/** The mappings of this broker's static topics (`TopicQueueMappingManager`), kept in config/topicQueueMapping.json. */
import { body, bean, textMap } from '../../codec/json-shape.js';
import { dataVersion as dataVersionShape, topicQueueMappingDetail } from '../../codec/bodies.js';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Clock, Log, Turn } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import { TurnSavedFile } from '../broker/config-file.js';
import { newDataVersion, nextDataVersion } from '../broker/data-version.js';
import type { DataVersion } from '../broker/types.js';
import type { BrokerConfig } from '../config-types.js';
import { changeFault, itemsFault } from './mapping.js';
import type { MappingDetail, MappingItem } from './mapping.js';

const file = body('topicQueueMapping.json', bean({ dataVersion: dataVersionShape, topicQueueMappingInfoMap: textMap(topicQueueMappingDetail) }));

export interface MappingTableOptions {
  readonly config: Pick<BrokerConfig, 'brokerName' | 'storePathConfigDir'>;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly turn: Turn;
}

function refuse(remark: string): never {
  throw new Refusal(responseCodes.SYSTEM_ERROR, remark);
}

export class MappingTable {
  readonly #options: MappingTableOptions;
  readonly #file: TurnSavedFile;
  readonly #mappings = new Map<string, MappingDetail>();
  #dataVersion: DataVersion;
  /** Told of each topic whose mapping came, changed or went. */
  onChange: (topic: string) => void = () => undefined;

  constructor(options: MappingTableOptions) {
    this.#options = options;
    this.#dataVersion = newDataVersion(options.clock.nowMs());
    this.#file = new TurnSavedFile({ ...options, path: `${options.config.storePathConfigDir}/topicQueueMapping.json`, encode: () => this.#encode() });
  }

  load(): void {
    this.#file.load((text) => {
      const { dataVersion, topicQueueMappingInfoMap } = file.decode(Buffer.from(text));
      for (const [topic, detail] of topicQueueMappingInfoMap) this.#mappings.set(topic, { ...detail, topic });
      this.#dataVersion = { ...dataVersion };
    });
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  get size(): number {
    return this.#mappings.size;
  }

  get(topic: string): MappingDetail | undefined {
    return this.#mappings.get(topic);
  }

  all(): Iterable<MappingDetail> {
    return this.#mappings.values();
  }

  /** Takes a mapping, or refuses it with Apache's words (`TopicQueueMappingManager#updateTopicQueueMapping`). `force`: without the checks against the one before. */
  update(detail: MappingDetail, force: boolean): void {
    const { topic } = detail;
    if (topic === undefined) return refuse('the mapping names no topic');
    for (const items of detail.hostedQueues.values()) {
      const fault = itemsFault(items);
      if (fault !== undefined) refuse(fault);
    }
    const before = this.#mappings.get(topic);
    const hostedQueues = new Map<number, readonly MappingItem[]>(detail.hostedQueues);
    if (before !== undefined) {
      if (!force && detail.epoch < before.epoch) refuse(`Can't accept data with small epoch ${detail.epoch} < ${before.epoch}`);
      if (!force && detail.scope !== before.scope) refuse(`Can't accept data with unmatched scope ${detail.scope} != ${before.scope}`);
      for (const [globalId, items] of before.hostedQueues) {
        const now = hostedQueues.get(globalId);
        if (now === undefined) {
          if (!force && detail.epoch === before.epoch) refuse('Cannot accept equal epoch with null data');
          hostedQueues.set(globalId, items);
        } else if (!force) {
          const fault = changeFault(items, now, detail.epoch === before.epoch);
          if (fault !== undefined) refuse(fault);
        }
      }
    }
    this.#put(topic, { ...detail, hostedQueues });
  }

  /** The cleaning service found items that are not needed any more. */
  replace(topic: string, hostedQueues: ReadonlyMap<number, readonly MappingItem[]>): void {
    const before = this.#mappings.get(topic);
    if (before !== undefined) this.#put(topic, { ...before, hostedQueues });
  }

  delete(topic: string): void {
    if (!this.#mappings.delete(topic)) return;
    this.#changed(topic);
  }

  /** See TurnSavedFile#demandWritten. */
  demandWritten(): void {
    this.#file.demandWritten();
  }

  /** See TurnSavedFile#demandSaved. */
  demandSaved(): Promise<void> {
    return this.#file.demandSaved();
  }

  async close(): Promise<void> {
    if (this.#mappings.size > 0) await this.#file.close();
  }

  #put(topic: string, detail: MappingDetail): void {
    this.#mappings.set(topic, detail);
    this.#changed(topic);
  }

  #changed(topic: string): void {
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#options.clock.nowMs());
    this.#file.changed();
    this.onChange(topic);
  }

  #encode(): string {
    return file.encodePretty({ dataVersion: this.#dataVersion, topicQueueMappingInfoMap: new Map(this.#mappings) });
  }
}

