/** How numbers are written in tables, pages and lines: always the same way, in no locale but ours. */

/** 1234567.8 -> `1,234,568` */
export function wholeNumber(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',') : '-';
}

/** Microseconds with a unit that fits: `74 us`, `1.24 ms`, `2.1 s`. */
export function microseconds(us: number): string {
  if (us < 100) return `${us.toFixed(us < 10 ? 1 : 0)} us`;
  if (us < 1000) return `${Math.round(us)} us`;
  if (us < 1_000_000) return `${(us / 1000).toFixed(us < 100_000 ? 2 : 0)} ms`;
  return `${(us / 1e6).toFixed(1)} s`;
}

/** A ratio with three figures: `4.21x`, `0.157x`; `-` where one side carried nothing. */
export function ratio(value: number): string {
  if (!Number.isFinite(value) || value === 0) return '-';
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3)}x`;
}

/** Bytes as mebibytes: `61.4 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1048576).toFixed(bytes < 1048576 * 100 ? 1 : 0)} MB`;
}
