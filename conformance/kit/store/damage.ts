/** Makes files of a store wrong, for the saboteur and for the tests of the cases: bytes written over others, texts changed. */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';

/** Writes bytes into a file, over what stands there. */
export function patch(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

/** Four bytes, big-endian. */
export function i32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeInt32BE(value);
  return out;
}

/** Eight bytes, big-endian. */
export function i64(value: number | bigint): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigInt64BE(BigInt(value));
  return out;
}

/** Changes a text file. @throws Error when the change changes nothing. */
export function edit(path: string, change: (text: string) => string): void {
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  if (after === before) throw new Error(`nothing to change in ${path}`);
  writeFileSync(path, after);
}
