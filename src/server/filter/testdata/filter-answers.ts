/**
 * Answers questions about filters line by line, as conformance/differential/filter/FilterOracle.java does with Apache's classes. A program of its own, so
 * that the differential suite compares two processes; tests call `answer`.
 */
import { extAddress } from '../../../codec/consume-queue-unit.js';
import { answerAll, hexOf, textOf } from '../../../codec/testdata/questions.js';
import { QueueExtension } from '../../../store/consume-queue-ext.js';
import { bitsText, BloomFilter, murmur128Low, setBits } from '../bloom-filter.js';
import { ExpressionCache } from '../expression.js';
import type { Refused } from '../expression.js';
import { MapProperties } from '../property-source.js';
import { verdict } from '../sql-compile.js';

const cache = new ExpressionCache();

function refusal(compiled: Refused): string {
  return compiled.at === undefined ? 'refused' : `refused ${compiled.at}`;
}

function evaluate(sql: string, pairs: string): string {
  const compiled = cache.compile('SQL92', textOf(sql));
  if ('error' in compiled) return refusal(compiled);
  const properties = new Map<string, string>();
  for (const pair of pairs.split(',')) {
    const [name, value] = pair.split('=');
    if (name !== undefined && value !== undefined) properties.set(textOf(name), textOf(value));
  }
  switch (compiled.judge(new MapProperties(properties))) {
    case verdict.YES: return 'true';
    case verdict.NO: return 'false';
    case verdict.UNKNOWN: return 'null';
    case verdict.SPOILED: return 'threw';
  }
}

/** Units as the store appends them, and the bytes it writes to the files. */
function extension(fileBytes: number, units: readonly string[]): string {
  const queue = new QueueExtension('', 'T', 0, fileBytes);
  queue.startAt(0);
  const addresses: string[] = [];
  for (const unit of units) {
    const [tagsCode = '', storeTime = '', bits = ''] = unit.split(':');
    addresses.push(String(extAddress(queue.append(Number(tagsCode), Number(storeTime), bits === '' ? undefined : Buffer.from(bits, 'hex')))));
  }
  queue.written();
  const files = new Map<number, Buffer>();
  for (const run of queue.unflushed()) {
    let file = files.get(run.fileBase);
    if (file === undefined) files.set(run.fileBase, (file = Buffer.alloc(fileBytes)));
    file.set(run.bytes, run.position);
  }
  const shown = [...files].map(([base, bytes]) => `${base}:${bytes.toString('hex').replace(/(?:00)+$/, '')}`);
  return `${addresses.join(',')} ${shown.join(',')}`;
}

export function answer(question: string): string {
  const [what = '', a = '', b = '', c = ''] = question.split(' ');
  switch (what) {
    case 'compile': {
      const compiled = cache.compile('SQL92', textOf(a));
      return 'error' in compiled ? refusal(compiled) : 'ok';
    }
    case 'evaluate':
      return evaluate(a, b);
    case 'bloom': {
      const filter = new BloomFilter(Number(a), Number(b));
      return `${filter.k} ${filter.m} ${filter.positions(textOf(c)).join(',')}`;
    }
    case 'bits': {
      const bits = new Uint8Array(Math.ceil(Number(a) / 8));
      setBits(bits, b.split(',').filter((position) => position !== '').map(Number));
      return `${Buffer.from(bits).toString('hex')} ${hexOf(bitsText(bits))}`;
    }
    case 'murmur':
      return String(BigInt.asIntN(64, murmur128Low(Buffer.from(textOf(a), 'utf8'))));
    case 'extension':
      return extension(Number(a), b.split(','));
    default:
      return `unknown ${what}`;
  }
}

answerAll(answer);
