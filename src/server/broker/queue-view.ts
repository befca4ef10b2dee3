/** Entries of a queue as QUERY_CONSUME_QUEUE shows them (`ConsumeQueueData`), with the bits of filters and what they say for the group that asks. */
import { extUnitBytesMin } from '../../codec/consume-queue-ext-unit.js';
import type { ConsumeQueueExtUnit } from '../../codec/consume-queue-ext-unit.js';
import { writeJson } from '../../compat/fastjson.js';
import type { JsonOut } from '../../compat/fastjson.js';
import type { EntryExtension, MessageFilter, QueueUnit } from '../../store/types.js';
import { bitsText } from '../filter/bloom-filter.js';

/** A unit as filters ask for it. */
function extensionOf(unit: ConsumeQueueExtUnit): EntryExtension {
  return { msgStoreTime: unit.msgStoreTime, bytes: unit.bitMap, bitMapStart: 0, bitMapBytes: unit.bitMap.length };
}

/** `CqExtUnit` as fastjson writes it. */
function unitText(unit: ConsumeQueueExtUnit): string {
  return writeJson({
    filterBitMap: unit.bitMap.length === 0 ? undefined : [...Int8Array.from(unit.bitMap)],
    msgStoreTime: unit.msgStoreTime,
    size: extUnitBytesMin + unit.bitMap.length,
    tagsCode: unit.tagsCode,
  });
}

/** One entry. `judged`: the group that asks is online; `filter` is its filter then, undefined when it filters nothing. */
export function queueDataBean(unit: QueueUnit, judged: boolean, filter: MessageFilter | undefined): { readonly [name: string]: JsonOut } {
  const bean = { physicOffset: unit.phyOffset, physicSize: unit.recordBytes };
  const { extension } = unit;
  if (extension === undefined) return { ...bean, eval: false, tagsCode: unit.tagsCode };
  if (extension === 'missing') return { ...bean, eval: false, msg: 'Cq extend not exist!', tagsCode: 0 };
  return {
    ...bean,
    bitMap: extension.bitMap.length === 0 ? undefined : bitsText(extension.bitMap),
    eval: judged && (filter === undefined || filter.matchesEntry(Number(extension.tagsCode), extensionOf(extension))),
    extendDataJson: unitText(extension),
    tagsCode: unit.tagsCode,
  };
}
