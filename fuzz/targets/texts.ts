/** Texts that clients hand back or operators write: receipts, handles, message ids, check points, broker.conf; and gRPC's messages. */
import { decodeOffsetMessageId, encodeOffsetMessageId } from '../../src/compat/message-id.js';
import { readProperties, writeProperties } from '../../src/compat/properties-file.js';
import { Refusal, WireError } from '../../src/codec/errors.js';
import { grpcMethods } from '../../src/codec/grpc-messages.js';
import type { MessageType } from '../../src/codec/protobuf.js';
import { brokerKeys, ConfigError, namesrvKeys, resolveConfig, serverKeys, storeKeys } from '../../src/server/config.js';
import { formatExtraInfo, readReceipt } from '../../src/server/pop/extra-info.js';
import { decodeAck, decodeCheckPoint, encodeAck, encodeCheckPoint } from '../../src/server/pop/revive-records.js';
import { readHandle } from '../../src/server/proxy/receipt-handle.js';
import { GrpcRefusal } from '../../src/server/proxy/status.js';
import { readRecallHandle, recallHandle } from '../../src/server/timer/recall.js';
import { boundaryNumbers, dictionary } from '../engine/dictionary.js';
import { mutateText } from '../engine/mutate.js';
import type { Random } from '../engine/random.js';
import { holds, same } from '../engine/target.js';
import type { Outcome, Target } from '../engine/target.js';

// ---- handles

/** One of the texts a client hands back, by the first byte. */
type Reader = (text: string) => boolean;

export interface HandleSubject {
  readonly readHandle: typeof readHandle;
  readonly readReceipt: typeof readReceipt;
}

/** A surrogate without its partner has no bytes in UTF-8: it is written as `?`. */
const lonely = (value: object): boolean => Object.values(value).some((one) => typeof one === 'string' && /\p{Cs}/u.test(one));

function handleReaders(subject: HandleSubject): readonly Reader[] {
  return [
    (text) => {
      const handle = subject.readHandle(text);
      for (const value of [handle.visibleMs, handle.queueId, handle.queueOffset, handle.commitLogOffset]) holds(Number.isSafeInteger(value), () => `a number of the handle is ${value}`);
      // -0 is 0 to Java
      same('receipt handle by its parts', text.split(' ').slice(6, 8).map((part) => Number(part) + 0), [handle.queueId, handle.queueOffset]);
      return true;
    },
    (text) => {
      const receipt = subject.readReceipt(text);
      for (const value of [receipt.startOffset, receipt.popTime, receipt.invisibleTime, receipt.reviveQid]) holds(Number.isSafeInteger(value), () => `a number of the receipt is ${value}`);
      same('receipt written and read again', subject.readReceipt(formatExtraInfo(receipt, '0', 1, 2)), receipt);
      return true;
    },
    (text) => {
      const id = decodeOffsetMessageId(text);
      if (id.ok) same('message id written again', encodeOffsetMessageId(id.address, id.port, id.phyOffset), text.toUpperCase());
      return id.ok;
    },
    (text) => {
      const handle = readRecallHandle(text);
      if (handle === undefined) return false;
      const again = readRecallHandle(recallHandle(handle));
      // A last part that is all blanks is none.
      if (handle.messageId.trimEnd() !== '') same('recall handle written and read again', again, { ...handle, messageId: handle.messageId.trimEnd() });
      return true;
    },
    (text) => {
      const checkPoint = decodeCheckPoint(text);
      if (checkPoint !== undefined && !lonely(checkPoint)) same('check point written and read again', decodeCheckPoint(encodeCheckPoint(checkPoint).toString('utf8')), checkPoint);
      return checkPoint !== undefined;
    },
    (text) => {
      const ack = decodeAck(text, false);
      if (ack !== undefined && !lonely(ack)) same('acknowledgement written and read again', decodeAck(encodeAck(ack).toString('utf8'), false), ack);
      return ack !== undefined || decodeAck(text, true) !== undefined;
    },
  ];
}

const handleSeeds: readonly string[] = [
  '\u00000 1700000000000 60000 3 0 broker-a 1 7 4096', '\u00000 1700000000000 60000 3 1 broker-a 1 7', '\u00010 1700000000000 60000 3 0 broker-a 1 7', '\u00010 1700000000000 60000 999 2 b 0 0',
  '\u00027F00000100002A9F0000000000001000', '\u0002FE8000000000000000000000000000010000002A9F0000000000001000',
  `\u0003${recallHandle({ topic: 'T', brokerName: 'broker-a', timestamp: '1700000000001', messageId: '7F000001000010E1' })}`,
  '\u0004{"bm":0,"n":1,"c":"G","t":"T","q":0,"so":0,"rq":0,"rt":0,"it":60000,"pt":1700000000000,"bn":"broker-a","d":[0]}',
  '\u0005{"ao":1,"so":0,"c":"G","t":"T","q":0,"pt":1700000000000,"bn":"broker-a"}',
];

function mutateHandle(random: Random, input: Buffer): Buffer | undefined {
  const parts = input.toString('utf8', 1).split(' ');
  if (parts.length < 2) return undefined;
  const at = random.below(parts.length);
  if (random.once(5)) parts.splice(at, 1);
  else if (random.once(5)) parts.splice(at, 0, parts[at] ?? '');
  else parts[at] = random.once(2) ? random.pick(boundaryNumbers) : mutateText(random, parts[at] ?? '');
  return Buffer.concat([input.subarray(0, 1), Buffer.from(parts.join(' '))]);
}

export function receiptHandle(subject: HandleSubject = { readHandle, readReceipt }): Target {
  const readers = handleReaders(subject);
  return {
    name: 'receipt-handle',
    proves: 'receipts, receipt handles, recall handles, message ids, check points and acknowledgements: a value with safe numbers that is written and read again, or a refusal',
    declared: [Refusal, GrpcRefusal],
    inputBytesMax: 4096,
    allocationBytesMax: (inputBytes) => 32 * inputBytes + 16_384,
    seeds: () => handleSeeds.map((text) => Buffer.from(text)),
    mutate: mutateHandle,
    open: () => ({
      run: (input): Outcome => ((readers[(input[0] ?? 0) % readers.length] as Reader)(input.toString('utf8', 1)) ? 'taken' : 'refused'),
    }),
  };
}

// ---- broker.conf

const confKeys = [...new Set([...Object.keys(brokerKeys), ...Object.keys(storeKeys), ...Object.keys(serverKeys), ...Object.keys(namesrvKeys)])];

export interface ConfSubject {
  readonly read: typeof readProperties;
  readonly resolve: typeof resolveConfig;
}

function runConf(subject: ConfSubject, input: Buffer): Outcome {
  const settings = subject.read(input.toString('utf8'));
  const plain = [...settings].filter(([key, value]) => /^[^\s=:\\#!]+$/.test(key) && /^(?:[^\s\\]|[^\s\\][^\\\r\n\f]*[^\s\\])?$/.test(value) && !/^[=:]/.test(value));
  same('settings written and read again', [...subject.read(writeProperties(plain))], plain);
  let refused = false;
  for (const role of ['broker', 'namesrv'] as const) {
    try {
      const resolved = subject.resolve(settings, 'broker.conf', role);
      for (const [name, keys] of [['broker', brokerKeys], ['store', storeKeys], ['server', serverKeys]] as const) {
        const config = (resolved as unknown as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>)[name];
        if (config === undefined) continue;
        for (const [key, spec] of Object.entries(keys)) {
          const value = config[key];
          holds(value === undefined || typeof value === typeof (spec as { default: unknown }).default, () => `${key} is a ${typeof value}`);
          if (typeof value === 'number') holds(Number.isFinite(value), () => `${key} is ${value}`);
        }
      }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      holds(error.message.length < 1000 + input.length, () => 'an error as long as nothing that was written');
      refused = true;
    }
  }
  return refused ? 'refused' : 'taken';
}

export function brokerConf(subject: ConfSubject = { read: readProperties, resolve: resolveConfig }): Target {
  return {
    name: 'broker-conf',
    proves: 'any text of broker.conf gives checked values of the declared types, or a ConfigError; values that need no escapes survive writing',
    declared: [],
    inputBytesMax: 4096,
    allocationBytesMax: (inputBytes) => 32 * inputBytes + 65_536,
    words: [...confKeys, '=', ':', ' = ', '\\\n', '\\u0041', '#', '!', '\n', '\r\n', '\f', 'true', 'false', '1048576', 'ASYNC_FLUSH', 'SYNC_FLUSH', '127.0.0.1:9876;localhost:1', '1s 5s 10m 2h 1d'],
    seeds: () => [Buffer.from(`# comment\nbrokerName = broker-b\nlistenPort: 10911\nflushDiskType SYNC_FLUSH\nmessageDelayLevel=1s \\\n  5s\nfoo=bar\n`), Buffer.from(confKeys.slice(0, 20).map((key) => `${key}=`).join('\n'))],
    make: (random) => Buffer.from(Array.from({ length: random.small(8) }, () => `${random.pick(confKeys)}${random.pick(['=', ':', ' '])}${random.once(2) ? random.pick(boundaryNumbers) : random.pick(['true', 'a', '', 'SYNC_FLUSH', '6'])}`).join(random.pick(['\n', '\r\n', '\r']))),
    open: () => ({ run: (input) => runConf(subject, input) }),
  };
}

// ---- gRPC

interface AnyField { readonly number: number; readonly kind: string; readonly many: boolean; readonly message: MessageType<unknown> | undefined }

const grpcTypes: readonly MessageType<unknown>[] = Object.values(grpcMethods).flatMap(({ request, answer }) => [request as MessageType<unknown>, answer as MessageType<unknown>]);

/** A value for a declared message, some fields left out. */
export function makeMessage(random: Random, type: MessageType<unknown>, depth = 0): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const { name, field } of type.plan.fields) {
    if (random.once(3)) continue;
    const one = field as AnyField;
    const make = (): unknown => {
      switch (one.kind) {
        case 'string': return random.once(2) ? random.pick(['T', 'G', 'a', '*', '']) : random.pick(dictionary).toString('utf8');
        case 'bytes': return random.bytes(random.below(20));
        case 'i32': return random.once(2) ? random.below(12) : random.pick([-1, 2147483647, -2147483648]);
        case 'i64': return random.once(2) ? random.below(100) : random.pick([-1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1_700_000_000]);
        case 'bool': return random.once(2);
        case 'float': return random.pick([0.5, 0, -1, Infinity]);
        case 'map': return new Map([[random.pick(dictionary).toString('utf8'), random.pick(dictionary).toString('utf8')]]);
        default: return one.message === undefined || depth > 5 ? undefined : makeMessage(random, one.message, depth + 1);
      }
    };
    const made = one.many ? Array.from({ length: random.small(3) }, make).filter((each) => each !== undefined) : make();
    if (made !== undefined) value[name] = made;
  }
  return value;
}

function runGrpc(types: readonly MessageType<unknown>[], input: Buffer): Outcome {
  const type = types[(input[0] ?? 0) % types.length] as MessageType<unknown>;
  const value = type.decode(input.subarray(1));
  const written = type.encode(value);
  same('protobuf message written and read again', type.decode(written), value);
  same('protobuf message written twice', type.encode(type.decode(written)), written);
  return 'taken';
}

export function grpcMessage(types: readonly MessageType<unknown>[] = grpcTypes): Target {
  const make = (random: Random): Buffer => {
    const at = random.below(types.length);
    return Buffer.concat([Buffer.from([at]), (types[at] as MessageType<unknown>).encode(makeMessage(random, types[at] as MessageType<unknown>))]);
  };
  return {
    name: 'grpc-message',
    proves: 'any bytes are a message or a WireError, for every message of the service; what is read is written and read again',
    declared: [WireError],
    inputBytesMax: 4096,
    allocationBytesMax: (inputBytes) => 64 * inputBytes + 65_536,
    make,
    open: () => ({ run: (input) => runGrpc(types, input) }),
  };
}
