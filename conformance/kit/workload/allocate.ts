/** Which queues a consumer of a group takes (`AllocateMessageQueueAveragely`): contiguous runs, the larger ones first. */

/** Queue ids of 0..queues-1 for `id`; empty when it is no member. Every member must be told the same `ids`; their order does not matter. */
export function allocateEvenly(queues: number, ids: readonly string[], id: string): number[] {
  const at = [...ids].sort().indexOf(id);
  if (at < 0 || queues <= 0) return [];
  const more = queues % ids.length;
  const share = Math.floor(queues / ids.length);
  const first = at * share + Math.min(at, more);
  return Array.from({ length: share + (at < more ? 1 : 0) }, (_, i) => first + i);
}
