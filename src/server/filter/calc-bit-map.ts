/** The bits of a message: of every group, alive or not, whose expression lets it through (`CommitLogDispatcherCalcBitMap`). */
import type { BitMapOf } from '../../store/types.js';
import { setBits } from './bloom-filter.js';
import type { ConsumerFilterTable } from './filter-data.js';
import { MapProperties, RecordProperties } from './property-source.js';
import { verdict } from './sql-compile.js';

/** Computes bits by what the table holds at the time of the call; undefined for topics that no group filters. */
export function createCalcBitMap(table: ConsumerFilterTable): BitMapOf {
  const record = new RecordProperties();
  return (topic, bytes, start, end) => {
    const groups = table.ofTopic(topic);
    if (groups === undefined || !record.read(bytes, start, end)) return undefined;
    const bits = new Uint8Array(table.bloom.m / 8);
    // Read once: many expressions ask for the same few names.
    const properties = MapProperties.of(record.text());
    for (const { judge, bloom } of groups) {
      if (judge !== undefined && bloom !== undefined && judge(properties) === verdict.YES) setBits(bits, bloom.bitPos);
    }
    return bits;
  };
}
