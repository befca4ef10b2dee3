// Recorded frames and bodies of the codec's tests; provenance is inside the files. They are found beside the compiled test or in the source tree.
import { existsSync, readFileSync } from 'node:fs';

function load<T>(name: string): T {
  const places = [new URL(name, import.meta.url), new URL(`../../../../src/codec/testdata/${name}`, import.meta.url), new URL(`${process.cwd()}/src/codec/testdata/${name}`, 'file:')];
  const place = places.find((url) => existsSync(url));
  if (place === undefined) throw new Error(`golden data ${name} is missing`);
  return JSON.parse(readFileSync(place, 'utf8')) as T;
}

export interface RecordedFrame {
  readonly sdk: string;
  readonly dir: 'c2s' | 's2c';
  readonly code: number;
  /** Present on responses: the code of the request. */
  readonly reqCode?: number;
  readonly hex: string;
}

export const frames = load<{ frames: readonly RecordedFrame[] }>('frames.json').frames;
export const bodies = load<{ golden: Readonly<Record<string, string>>; live: Readonly<Record<string, string>> }>('bodies.json');

/** A frame's parts, cut by hand so that tests do not lean on the reader they test. */
export function partsOf(hex: string): { readonly frame: Buffer; readonly headerStart: number; readonly headerEnd: number; readonly bodyEnd: number; readonly type: number } {
  const frame = Buffer.from(hex, 'hex');
  const headerBytes = frame.readUInt32BE(4) & 0xffffff;
  return { frame, headerStart: 8, headerEnd: 8 + headerBytes, bodyEnd: frame.length, type: frame.readUInt8(4) };
}
