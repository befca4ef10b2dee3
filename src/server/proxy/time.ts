/** Duration and Timestamp as milliseconds. */
import { grpcCode, type Duration } from '../../codec/grpc-messages.js';
import type { Value } from '../../codec/protobuf.js';
import { GrpcRefusal } from './status.js';

export type Time = Value<typeof Duration>;

export function msOf(time: Time | undefined): number {
  return time === undefined ? 0 : time.seconds * 1000 + Math.trunc(time.nanos / 1e6);
}

export function timeOf(ms: number): Time {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1e6 };
}

const secondsMax = 315_576_000_000;
const nanosMax = 999_999_999;

/** Milliseconds of a duration that a client asks for. @throws GrpcRefusal when it is none (`Durations#checkValid`). */
export function checkedMsOf(time: Time | undefined): number {
  const { seconds = 0, nanos = 0 } = time ?? {};
  const mixed = (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0);
  if (mixed || Math.abs(seconds) > secondsMax || Math.abs(nanos) > nanosMax) {
    throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, `Duration is not valid. See proto definition for valid values. Seconds (${seconds}) must be in range [-315,576,000,000, +315,576,000,000]. `
      + `Nanos (${nanos}) must be in range [-999,999,999, +999,999,999]. Nanos must have the same sign as seconds`);
  }
  return msOf(time);
}

/** The years 1 to 9999, in seconds since the epoch (`Timestamps#isValid`). */
const timestampSeconds = { min: -62_135_596_800, max: 253_402_300_799 } as const;

export function isTimestamp({ seconds, nanos }: Time): boolean {
  return seconds >= timestampSeconds.min && seconds <= timestampSeconds.max && nanos >= 0 && nanos <= nanosMax;
}

/** Milliseconds since the epoch of a point in time that a client names. @throws GrpcRefusal when it is none (`Timestamps#checkValid`). */
export function checkedEpochMsOf(time: Time): number {
  if (isTimestamp(time)) return msOf(time);
  throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, `Timestamp is not valid. See proto definition for valid values. Seconds (${time.seconds}) must be in range [-62,135,596,800, +253,402,300,799]. `
    + `Nanos (${time.nanos}) must be in range [0, +999,999,999].`);
}
