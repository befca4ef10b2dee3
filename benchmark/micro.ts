/** Micro-benchmarks of the codec on the frames that the load generator sends: nanoseconds per call, one thread, no sockets. */
import { Bench } from 'tinybench';
import { BatchCursor } from '../src/codec/batch.js';
import { FrameReader } from '../src/codec/frame.js';
import { HeaderScan } from '../src/codec/header-scan.js';
import { decodeCommand, encodeCommand, encodeReplyHeader } from '../src/codec/header.js';
import { encodeRecord, RecordFields, RecordView, readRecord, recordCheck } from '../src/codec/message-record.js';
import { PropertyScan, scanProperties } from '../src/codec/properties.js';
import { FrameRun, FrameTemplate } from './load/frames.js';

/** Calls per sample, so that the clock's own cost does not show. */
const CALLS = 100;
const READ_FRAMES = 32;

function sendFrames(bodyBytes: number, batch: number, frames: number): FrameRun {
  const template = new FrameTemplate({ topic: 'BenchTopic', producerGroup: 'bench_producer', bodyBytes, batch, keys: false, keyPrefix: '0123456789ABCDEF01234567' });
  const run = new FrameRun(template, frames);
  for (let i = 0; i < frames; i++) run.patch(i, 10_000_000 + i, i % 4, i * batch);
  return run;
}

function headerEnd(frame: Buffer): number {
  return 8 + (frame.readUInt32BE(4) & 0xffffff);
}

/** A record like those that the load leaves in the log. */
function recordFields(bodyBytes: number): RecordFields {
  const fields = new RecordFields();
  fields.body = Buffer.alloc(bodyBytes, 97);
  fields.bodyEnd = bodyBytes;
  fields.topic = Buffer.from('BenchTopic');
  fields.properties = Buffer.from('UNIQ_KEY\u00010123456789ABCDEF0123456700000001\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002', 'latin1');
  fields.propertiesEnd = fields.properties.length;
  fields.bornTimestamp = 1_700_000_000_000;
  fields.storeTimestamp = 1_700_000_000_001;
  fields.bornHost = Uint8Array.from([127, 0, 0, 1, 0, 0, 0xa0, 1]);
  fields.storeHost = Uint8Array.from([127, 0, 0, 1, 0, 0, 0x2a, 0x9f]);
  return fields;
}

/** The tasks: each function does its work once; what it finds is checked before anything is timed. */
export function microTasks(): readonly (readonly [name: string, run: () => number, expected: number])[] {
  const single = sendFrames(128, 1, READ_FRAMES);
  const frame = single.bytes.subarray(0, single.frameBytes);
  const frameHeaderEnd = headerEnd(frame);
  const batch = sendFrames(128, 32, 1).bytes;
  const batchHeaderEnd = headerEnd(batch);

  let framesSeen = 0;
  const reader = new FrameReader(() => {
    framesSeen++;
  });
  const scan = new HeaderScan();
  const cursor = new BatchCursor();
  const properties = recordFields(128).properties;
  const propertyScan = new PropertyScan();

  const target = new Uint8Array(8192);
  const view = new DataView(target.buffer);
  const small = recordFields(128);
  const large = recordFields(1024);
  const stored = new Uint8Array(1024);
  const storedBytes = encodeRecord(stored, new DataView(stored.buffer), 0, small);
  const record = new RecordView();

  const pulled = Buffer.alloc(32 * storedBytes, 65);
  const pullHeader = { suggestWhichBrokerId: 0, nextBeginOffset: 132, minOffset: 0, maxOffset: 1_000_000, topicSysFlag: 0, groupSysFlag: 0 };

  return [
    [
      `frame decode: a read of ${READ_FRAMES} sends`,
      (): number => {
        framesSeen = 0;
        reader.feed(single.bytes);
        return framesSeen;
      },
      READ_FRAMES,
    ],
    ['header scan: SEND_MESSAGE_V2', (): number => (scan.scan(frame, 8, frameHeaderEnd) ? scan.code : -1), 310],
    ['header in full: SEND_MESSAGE_V2', (): number => decodeCommand(frame, 8, frameHeaderEnd, frame.length, 0).code, 310],
    [
      'property scan: UNIQ_KEY, WAIT, TAGS',
      (): number => {
        scanProperties(propertyScan, properties, 0, properties.length);
        return propertyScan.count;
      },
      3,
    ],
    [
      'batch walk: 32 x 128 B',
      (): number => {
        cursor.reset(batch, batchHeaderEnd, batch.length);
        let count = 0;
        while (cursor.next()) count++;
        return count;
      },
      32,
    ],
    ['record encode: 128 B body', (): number => encodeRecord(target, view, 0, small), storedBytes],
    ['record encode: 1 KiB body', (): number => encodeRecord(target, view, 0, large), storedBytes + 1024 - 128],
    ['record read with its CRC: 128 B body', (): number => (readRecord(record, stored, 0, storedBytes, recordCheck.BODY_CRC) === 'record' ? 1 : 0), 1],
    [
      'pull response encode: 32 messages',
      (): number => encodeCommand({ code: 0, opaque: 1, flag: 1, remark: 'FOUND', ext: encodeReplyHeader(pullHeader), body: pulled })[3] === undefined ? 0 : 1,
      1,
    ],
  ];
}

/** Runs every task for `timeMs` and returns the table's lines. Throws when a task does not do what it should. */
export async function runMicro(timeMs: number): Promise<string[]> {
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4 });
  for (const [name, run, expected] of microTasks()) {
    const found = run();
    if (found !== expected) throw new Error(`${name}: found ${found}, expected ${expected}`);
    bench.add(name, () => {
      for (let i = 0; i < CALLS; i++) run();
    });
  }
  await bench.run();
  const lines = [`${'task'.padEnd(40)}${'median'.padStart(12)}${'mean'.padStart(12)}${'p99'.padStart(12)}`];
  for (const { name, result } of bench.tasks) {
    if (result === undefined || !('latency' in result)) throw new Error(`${name}: no result`);
    const { p50, mean, p99 } = result.latency;
    const words = (ms: number | undefined): string => `${(((ms ?? NaN) * 1e6) / CALLS).toFixed(0)} ns`.padStart(12);
    lines.push(`${name.padEnd(40)}${words(p50)}${words(mean)}${words(p99)}`);
  }
  return lines;
}
