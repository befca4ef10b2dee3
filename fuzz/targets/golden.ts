/** Recorded bytes that targets begin with: what real clients and Apache's broker sent. */
import { frames } from '../../src/codec/testdata/wire.js';
import type { RecordedFrame } from '../../src/codec/testdata/wire.js';

/** One recorded frame for each code, direction and serialization, the shortest. */
function shortest(list: readonly RecordedFrame[]): RecordedFrame[] {
  const kept = new Map<string, RecordedFrame>();
  for (const one of list) {
    const key = `${one.dir} ${one.code} ${one.reqCode ?? ''} ${one.hex.slice(8, 10)}`;
    const known = kept.get(key);
    if (known === undefined || one.hex.length < known.hex.length) kept.set(key, one);
  }
  return [...kept.values()];
}

const recorded = shortest(frames).filter((one) => one.hex.length <= 4096);

export function goldenFrames(): readonly Buffer[] {
  return recorded.slice(0, 24).map((one) => Buffer.from(one.hex, 'hex'));
}

/** Request frames of clients, one for each code. */
export function goldenRequests(): readonly Buffer[] {
  return recorded.filter((one) => one.dir === 'c2s').map((one) => Buffer.from(one.hex, 'hex'));
}

/** Headers of recorded frames of a serialization (type byte 0 JSON, 1 ROCKETMQ). */
export function goldenHeaders(type: number): readonly Buffer[] {
  return recorded.map((one) => Buffer.from(one.hex, 'hex')).filter((bytes) => bytes.readUInt8(4) === type).map((bytes) => bytes.subarray(8, 8 + bytes.readUIntBE(5, 3)));
}
