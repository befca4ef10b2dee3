/** Duration and Timestamp as milliseconds. */
import type { Duration } from '../../codec/grpc-messages.js';
import type { Value } from '../../codec/protobuf.js';

export type Time = Value<typeof Duration>;

export function msOf(time: Time | undefined): number {
  return time === undefined ? 0 : time.seconds * 1000 + Math.trunc(time.nanos / 1e6);
}

export function timeOf(ms: number): Time {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1e6 };
}
