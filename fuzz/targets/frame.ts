/** FrameReader: a stream cut into chunks anywhere gives the frames of a plain reader that sees all bytes at once. */
import { WireError } from '../../src/codec/errors.js';
import { FrameReader } from '../../src/codec/frame.js';
import type { FrameListener } from '../../src/codec/frame.js';
import { holds, same } from '../engine/target.js';
import type { Outcome, Target } from '../engine/target.js';
import type { Random } from '../engine/random.js';
import { goldenFrames } from './golden.js';

/** What is fuzzed: something that cuts a stream as FrameReader does. */
export type FrameSubject = (onFrame: FrameListener, bytesMax: number) => { feed(chunk: Buffer): void; readonly heldBytes: number };

const bytesMax = 65_536;

interface Cut {
  readonly frames: string[];
  readonly refused: boolean;
  /** Bytes behind the last whole frame. */
  readonly rest: number;
}

const frameText = (bytes: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, type: number): string =>
  `${type} ${bytes.toString('hex', headerStart, headerEnd)} ${bytes.toString('hex', headerEnd, bodyEnd)}`;

/** The rules, as plainly as they can be written. */
function cutPlainly(bytes: Buffer): Cut {
  const frames: string[] = [];
  let at = 0;
  while (bytes.length - at >= 4) {
    const total = bytes.readInt32BE(at);
    if (total < 4 || total > bytesMax - 4) return { frames, refused: true, rest: 0 };
    if (bytes.length - at < 8) break;
    const headerBytes = bytes.readUIntBE(at + 5, 3);
    const type = bytes.readUInt8(at + 4);
    if (headerBytes > total - 4 || type > 1) return { frames, refused: true, rest: 0 };
    if (bytes.length - at - 4 < total) break;
    frames.push(frameText(bytes, at + 8, at + 8 + headerBytes, at + 4 + total, type));
    at += 4 + total;
  }
  return { frames, refused: false, rest: bytes.length - at };
}

function cutBy(subject: FrameSubject, chunks: readonly Buffer[]): Cut {
  const frames: string[] = [];
  const reader = subject((bytes, headerStart, headerEnd, bodyEnd, type) => {
    holds(headerStart <= headerEnd && headerEnd <= bodyEnd && bodyEnd <= bytes.length, () => `frame parts ${headerStart}, ${headerEnd}, ${bodyEnd} do not lie in ${bytes.length} bytes`);
    frames.push(frameText(bytes, headerStart, headerEnd, bodyEnd, type));
    return true;
  }, bytesMax);
  try {
    for (const chunk of chunks) reader.feed(chunk);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { frames, refused: true, rest: 0 };
  }
  return { frames, refused: false, rest: reader.heldBytes };
}

/** The chunks in which the stream comes follow from its own bytes, so that an input is all there is to know. */
function chunksOf(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  let state = bytes.length;
  for (let at = 0; at < bytes.length;) {
    state = (Math.imul(state, 1103515245) + 12345 + (bytes[at] as number)) >>> 0;
    const size = 1 + ((state >>> 8) % ((state & 3) === 0 ? 4096 : 13));
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function run(subject: FrameSubject, bytes: Buffer): Outcome {
  const plain = cutPlainly(bytes);
  same('frames of a stream in one piece', cutBy(subject, [bytes]), plain);
  // The first length word may be refused before its frame is whole: what came before it is the same.
  same('frames of a stream in pieces', cutBy(subject, chunksOf(bytes)), plain);
  return plain.refused ? 'refused' : 'taken';
}

/** The positions at which frames of the input begin, as far as it is well formed. */
function startsOf(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; bytes.length - at >= 8;) {
    starts.push(at);
    const total = bytes.readInt32BE(at);
    if (total < 4) break;
    at += 4 + total;
  }
  return starts;
}

/** A length word a little wrong, at its limit, or whole frames rearranged. */
function mutate(random: Random, input: Buffer): Buffer | undefined {
  const starts = startsOf(input);
  if (starts.length === 0) return undefined;
  const copy = Buffer.from(input);
  const at = random.pick(starts);
  const total = copy.readInt32BE(at);
  switch (random.below(4)) {
    case 0: copy.writeInt32BE(random.pick([total - 1, total + 1, 0, 3, 4, bytesMax - 4, bytesMax - 3, -1, copy.length - at - 4]) | 0, at); break;
    case 1: copy.writeUIntBE(random.pick([total - 5, total - 4, total - 3, 0, 0xffffff]) & 0xffffff, at + 5, 3); break;
    case 2: copy[at + 4] = random.below(4); break;
    default: {
      const other = random.pick(starts);
      return Buffer.concat([copy.subarray(0, at), copy.subarray(other, other + 4 + Math.max(0, copy.readInt32BE(other))), copy.subarray(at)]);
    }
  }
  return copy;
}

export function frame(subject: FrameSubject = (onFrame, max) => new FrameReader(onFrame, max)): Target {
  return {
    name: 'frame',
    proves: 'streams cut anywhere give the frames of a plain reader; lengths are checked before anything is allocated',
    declared: [],
    inputBytesMax: 16_384,
    // Both readings, each with a buffer for a frame in pieces.
    allocationBytesMax: (inputBytes) => 2 * 65_536 + 8 * inputBytes + 4096,
    seeds: () => [...goldenFrames(), Buffer.concat(goldenFrames().slice(0, 3))],
    mutate,
    open: () => ({ run: (input) => run(subject, input) }),
  };
}
