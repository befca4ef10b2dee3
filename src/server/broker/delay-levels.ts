/**
 * The delay levels of `messageDelayLevel` and where their messages wait: one queue of SCHEDULE_TOPIC_XXXX per level.
 * Moving messages in is send.ts, moving them out schedule.ts.
 */
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Delays in ms; index 0 is level 1. */
export type DelayLevels = readonly number[];

/** Levels a configuration may name; each has a queue. */
export const delayLevelsMax = 1024;

/**
 * Reads "1s 5s 10s ... 2h": numbers with a unit s, m, h or d, separated by single blanks (`ScheduleMessageService#parseDelayLevel`).
 * A text that cannot be read is returned as the reason, naming the level.
 */
export function parseDelayLevels(text: string): DelayLevels | string {
  const parts = text.trim().split(/ +/);
  if (parts.length > delayLevelsMax) return `it names ${parts.length} levels, at most ${delayLevelsMax} are allowed`;
  const levels: number[] = [];
  for (const part of parts) {
    const match = /^(\d{1,9})([smhd])$/.exec(part);
    const unit = match === null ? undefined : unitMs[match[2] ?? ''];
    if (match === null || unit === undefined) {
      return `level ${levels.length + 1} is "${part}", expected a number and a unit s, m, h or d, such as 30s`;
    }
    levels.push(Number(match[1]) * unit);
  }
  return levels;
}

/** The queue of SCHEDULE_TOPIC_XXXX in which a level waits (`ScheduleMessageService#delayLevel2QueueId`). */
export function delayQueueId(level: number): number {
  return level - 1;
}
