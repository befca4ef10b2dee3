/**
 * Answers questions about headers line by line, as conformance/differential/header/HeaderOracle.java does with Apache's classes. A program of its own, so that
 * the differential suite compares two processes.
 */
import { javaHashOfBytes, javaStringHash } from '../../compat/java-string-hash.js';
import type { SerializeType } from '../command.js';
import { WireError } from '../errors.js';
import { decodeCommand, encodeCommand } from '../header.js';
import { answerAll, hexOf, textOf } from './questions.js';

function encode(words: readonly string[]): string {
  const [, serialize, code, language, version, opaque, flag, remark = '-', body = '', fields = ''] = words;
  const ext = new Map<string, string>();
  for (const pair of fields.split(',')) {
    const [name, value] = pair.split('=');
    if (name !== undefined && value !== undefined) ext.set(textOf(name), textOf(value));
  }
  return encodeCommand({
    serialize: serialize as SerializeType, code: Number(code), language, version: Number(version), opaque: Number(opaque), flag: Number(flag),
    remark: remark === '-' ? undefined : textOf(remark), ext, body: Buffer.from(body, 'hex'),
  }).toString('hex');
}

function decode(frame: Buffer): string {
  try {
    const { serialize, code, language, version, opaque, flag, remark, body, ext } = decodeCommand(frame, 8, 8 + (frame.readUInt32BE(4) & 0xffffff), frame.length, frame.readUInt8(4));
    const fields = [...ext].map(([name, value]) => [hexOf(name), hexOf(value)] as const).sort(([a], [b]) => (a < b ? -1 : 1)).map((field) => field.join('='));
    return `${serialize} ${code} ${language} ${version} ${opaque} ${flag} ${remark === undefined ? '-' : hexOf(remark)} ${body.toString('hex')} ${fields.join(',')}`;
  } catch (error) {
    if (error instanceof WireError) return 'refused';
    throw error;
  }
}

/** Of the text, and of its bytes as the hot path has them: both, where they differ. */
function tags(plain: string): string {
  const bytes = Buffer.from(plain, 'utf8');
  const [whole, ofBytes] = [javaStringHash(plain), javaHashOfBytes(0, bytes, 0, bytes.length)];
  return whole === ofBytes ? String(whole) : `${whole} and ${ofBytes}`;
}

function answer(question: string): string {
  const words = question.split(' ');
  switch (words[0]) {
    case 'encode': return encode(words);
    case 'decode': return decode(Buffer.from(words[1] ?? '', 'hex'));
    case 'tags': return tags(textOf(words[1] ?? ''));
    default: return `unknown ${words[0] ?? ''}`;
  }
}

answerAll(answer);
