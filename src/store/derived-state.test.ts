import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { noRepair, readDerivedState, removeDerivedState, writeDerivedState, writeRepair } from './derived-state.js';
import type { DerivedState } from './derived-state.js';
import { SimulatedDisk } from './simulated-disk.js';

const file = '/store/derived.json';

interface Said {
  readonly lines: string[];
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

function listener(): Said {
  const lines: string[] = [];
  const say = (level: string) => (fields: object, message: string): void => void lines.push(`${level} ${JSON.stringify(fields)} ${message}`);
  return { lines, info: say('info'), warn: say('warn'), error: say('error') };
}

const count = fc.integer({ min: -1, max: 2 ** 40 });
const topic = fc.stringMatching(/^[A-Za-z0-9_%-]{1,20}$/);
const queueId = fc.nat(1000);
const states: fc.Arbitrary<DerivedState> = fc.record({
  logMin: count, logEnd: count,
  queues: fc.array(fc.record({ topic, queueId, firstFile: count, nextOffset: count, lastPhyOffset: count }), { maxLength: 5 }),
  index: fc.array(fc.record({ name: fc.string(), indexCount: count, endPhyOffset: count }), { maxLength: 5 }),
  repair: fc.record({ all: fc.boolean(), index: fc.boolean(), queues: fc.array(fc.record({ topic, queueId }), { maxLength: 5 }) }),
});

const whole: DerivedState = {
  logMin: 4096, logEnd: 9000,
  queues: [{ topic: 'T', queueId: 3, firstFile: -1, nextOffset: 7, lastPhyOffset: 8000 }],
  index: [{ name: '20231114221320000', indexCount: 5, endPhyOffset: 8000 }],
  repair: { all: false, index: true, queues: [{ topic: 'U', queueId: 0 }] },
};
const wholeText =
  '{"version":1,"logMin":4096,"logEnd":9000,"queues":[["T",3,-1,7,8000]],"index":[["20231114221320000",5,8000]],"repair":{"all":false,"index":true,"queues":[["U",0]]}}';

function place(text: string | Uint8Array): SimulatedDisk {
  const disk = new SimulatedDisk(1);
  disk.place(file, Buffer.from(text));
  return disk;
}

test('what is written is read again, after a loss of power too', async () => {
  await fc.assert(fc.asyncProperty(states, async (state) => {
    const disk = place('old');
    await writeDerivedState(disk, '/store', state);
    disk.restart('power');
    const said = listener();
    expect(readDerivedState(disk, '/store', said)).toEqual(state);
    expect(said.lines).toEqual([]);
  }), { numRuns: 30 });
});

test('the text is the one that the head of the file shows', async () => {
  const disk = place('');
  await writeDerivedState(disk, '/store', whole);
  expect(disk.content(file).toString()).toBe(wholeText);
  expect(disk.files()).toEqual([file]);
});

test('a wish for a repair says nothing else; without a file there is no state, and nothing is said', async () => {
  const disk = place('');
  await writeRepair(disk, '/store', { ...noRepair, all: true, queues: [{ topic: 'T', queueId: 1 }] });
  expect(readDerivedState(disk, '/store', listener())).toEqual({ logMin: 0, logEnd: 0, queues: [], index: [], repair: { all: true, index: false, queues: [{ topic: 'T', queueId: 1 }] } });
  await writeRepair(disk, '/store', noRepair);
  expect(readDerivedState(disk, '/store', listener())?.repair).toEqual({ all: false, index: false, queues: [] });
  removeDerivedState(disk, '/store');
  const said = listener();
  expect([readDerivedState(disk, '/store', said), said.lines, disk.files()]).toEqual([undefined, [], []]);
});

describe('a file that is not of this form counts for nothing, and that is said', () => {
  test.each<[string, string]>([
    ['nothing', ''], ['no JSON', '{"version":1'], ['a number', '1'], ['null', 'null'], ['an array', '[]'],
    ['another version', wholeText.replace('"version":1', '"version":2')],
    ['no logMin', wholeText.replace('"logMin":4096,', '')], ['a logMin that is none', wholeText.replace('4096', '-2')], ['a fraction', wholeText.replace('4096', '1.5')],
    ['a logEnd that is a text', wholeText.replace('9000', '"9000"')], ['a logEnd beyond what numbers hold', wholeText.replace('9000', '9007199254740992')],
    ['queues that are no list', wholeText.replace('[["T",3,-1,7,8000]]', '{}')], ['index that is no list', wholeText.replace('[["20231114221320000",5,8000]]', '"x"')],
    ['repair that is nothing', wholeText.replace('{"all":false,"index":true,"queues":[["U",0]]}', 'null')], ['repair that is a number', wholeText.replace('{"all":false,"index":true,"queues":[["U",0]]}', '7')],
    ['no queues to repair', wholeText.replace(',"queues":[["U",0]]', '')],
    ['a queue that is no list', wholeText.replace('["T",3,-1,7,8000]', '{"0":"T","1":3,"2":1,"3":7,"4":8000}')],
    ['a queue of no topic', wholeText.replace('["T",3', '[7,3')], ['a queue of a topic that is no directory', wholeText.replace('["T",3', '["../T",3')],
    ['a queue id below 0', wholeText.replace('["T",3', '["T",-1')], ['a queue id that is a text', wholeText.replace('["T",3', '["T","3"')],
    ['a first file that is none', wholeText.replace('-1,7,8000', '-2,7,8000')], ['a next offset that is none', wholeText.replace('-1,7,8000', '-1,null,8000')],
    ['a newest entry that is none', wholeText.replace('-1,7,8000', '-1,7,8000.5')], ['a queue that is too short', wholeText.replace('-1,7,8000', '-1,7')],
    ['an index file that is no list', wholeText.replace('["20231114221320000",5,8000]', '5')], ['an index file without a name', wholeText.replace('"20231114221320000",5', '20231114221320000,5')],
    ['an index file without a count', wholeText.replace('5,8000]]', '"5",8000]]')], ['an index file without an offset', wholeText.replace('5,8000]]', '5]]')],
    ['a queue to repair that is no list', wholeText.replace('["U",0]', '"U"')], ['a queue to repair without an id', wholeText.replace('["U",0]', '["U"]')],
  ])('%s', (_name, text) => {
    expect(text).not.toBe(wholeText);
    const said = listener();
    expect(readDerivedState(place(text), '/store', said)).toBeUndefined();
    expect(said.lines).toEqual([`warn {"name":"${file}","reason":"it is no JSON of this form"} the note of the last stop cannot be read, it counts for nothing`]);
  });

  test('whether all or the index is to be repaired: only a plain true is', () => {
    for (const [text, all, index] of [['true', true, true], ['1', false, false], ['"true"', false, false], ['null', false, false]] as const) {
      const state = readDerivedState(place(wholeText.replace('"all":false,"index":true', `"all":${text},"index":${text}`)), '/store', listener());
      expect([text, state?.repair.all, state?.repair.index]).toEqual([text, all, index]);
    }
  });

  test('one that is too large is not even read; one of just that size is', () => {
    const max = 64 * 1024 * 1024;
    const sized = (bytes: number): SimulatedDisk => {
      const disk = place(wholeText);
      const stat = disk.stat.bind(disk);
      disk.stat = (name) => {
        const entry = stat(name);
        return entry === undefined ? undefined : { ...entry, bytes };
      };
      return disk;
    };
    const said = listener();
    expect(readDerivedState(sized(max + 1), '/store', said)).toBeUndefined();
    expect(said.lines).toEqual([`warn {"name":"${file}","reason":"${max + 1} bytes are more than ${max}"} the note of the last stop cannot be read, it counts for nothing`]);
    expect(readDerivedState(sized(max), '/store', said)).toEqual(whole);
  });

  test('one that cannot be read, with the code of the disk; its handle is closed all the same', () => {
    const disk = place(wholeText);
    const open = disk.open.bind(disk);
    let closed = 0;
    const modes: string[] = [];
    disk.open = (name, mode) => {
      modes.push(mode);
      const handle = open(name, mode);
      handle.readSync = () => {
        throw Object.assign(new Error('EIO'), { code: 'EIO' });
      };
      handle.close = () => closed++;
      return handle;
    };
    const said = listener();
    expect([readDerivedState(disk, '/store', said), closed, modes]).toEqual([undefined, 1, ['read']]);
    expect(said.lines).toEqual([`warn {"name":"${file}","reason":"EIO"} the note of the last stop cannot be read, it counts for nothing`]);
  });
});
