/**
 * The handlers of a broker and of a name server, composed in process on a disk in memory: sequences of request frames, made from the table. A handler
 * answers, refuses or holds; any other error would be answered SYSTEM_ERROR by the dispatcher and is a defect.
 */
import type { Command } from '../../src/codec/command.js';
import { Refusal, WireError } from '../../src/codec/errors.js';
import { FrameReader } from '../../src/codec/frame.js';
import { decodeCommand, decodeHeader, encodeCommand, encodeReplyHeader } from '../../src/codec/header.js';
import { encodeBatch } from '../../src/codec/batch.js';
import { parseProperties } from '../../src/codec/properties.js';
import { requests } from '../../src/codec/requests.js';
import type { RequestName, Role, Spec } from '../../src/codec/requests.js';
import { bodies } from '../../src/codec/testdata/wire.js';
import { ManualClock, silentLog } from '../../src/remoting/clocks.js';
import type { Connection, Ctx, Handlers, Reply } from '../../src/remoting/types.js';
import { Composed, Peer } from '../../src/server/broker/testdata/composed.js';
import { namesrvConfig } from '../../src/server/namesrv/testdata/rig.js';
import { createNameServer } from '../../src/server/namesrv/name-server.js';
import { simulatedDisk } from '../../src/store/simulated-disk.js';
import { dictionary } from '../engine/dictionary.js';
import { mutateBytes, mutateText } from '../engine/mutate.js';
import { Random } from '../engine/random.js';
import { holds } from '../engine/target.js';
import type { Outcome, Running, Target } from '../engine/target.js';
import { goldenRequests } from './golden.js';
import { extFor, fieldText } from './headers.js';
import { makeProperties } from './messages.js';

// ---- inputs

const requestsMax = 6;
/** Names that occur again and again, so that requests speak of the same things. */
const topics = ['T', 'T2', 'TBW102', 'SELF_TEST_TOPIC', '%RETRY%G', 'SCHEDULE_TOPIC_XXXX', 'RMQ_SYS_TRANS_HALF_TOPIC', 'DefaultCluster', '%DLQ%G'];
const groups = ['G', 'G2', 'CID_RMQ_SYS_REVIVE_GROUP', 'TOOLS_CONSUMER'];

const names = Object.keys(requests) as RequestName[];
const served = (role: Role): readonly RequestName[] => names.filter((name) => { const spec: Spec = requests[name]; return spec.state === 'served' && spec.on.includes(role); });
const byCode = new Map<number, RequestName>(names.map((name) => [requests[name].code, name]));

/** The commands of whole frames at the start of the input. */
export function commandsOf(input: Buffer): Command[] {
  const commands: Command[] = [];
  try {
    const reader = new FrameReader((bytes, headerStart, headerEnd, bodyEnd, type) => {
      if (commands.length < requestsMax) commands.push(decodeCommand(Buffer.from(bytes.subarray(0, bodyEnd)), headerStart, headerEnd, bodyEnd, type));
    });
    reader.feed(input);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  return commands;
}

function makeBody(random: Random, name: RequestName): Buffer {
  const spec: Spec = requests[name];
  const kind = /^json:(\w+)/.exec(spec.body)?.[1];
  if (kind !== undefined) {
    const known = [...Object.entries(bodies.golden), ...Object.entries(bodies.live)].filter(([key]) => key === kind || key.startsWith(`request.${name}.`));
    const one = known.length === 0 ? undefined : random.pick(known)[1];
    const bytes = one === undefined ? Buffer.from('{}') : Buffer.from(one, 'hex');
    return random.once(2) ? bytes : mutateBytes(random, bytes, bytes, 2048);
  }
  if (spec.body.startsWith('binary:client batch')) return encodeBatch([{ body: Buffer.from('a'), properties: parseProperties(makeProperties(random)) }, { body: Buffer.from('b') }]);
  if (spec.body.startsWith('text:')) return Buffer.from(`${random.pick(dictionary).toString('utf8')}=${random.pick(dictionary).toString('utf8')}\n`);
  return random.once(3) ? Buffer.alloc(0) : random.bytes(random.small(64));
}

/** One request of the table with plausible fields. */
function makeRequest(random: Random, name: RequestName): Buffer {
  const ext = extFor(random, name);
  const fields = Object.entries((requests[name] as Spec).header);
  for (const [key, field] of fields) {
    const wire = field.wire ?? key;
    if (!ext.has(wire) || random.once(8)) continue;
    if (/topic/i.test(key)) ext.set(wire, random.pick(topics));
    else if (/group/i.test(key)) ext.set(wire, random.pick(groups));
    else if (key === 'properties') ext.set(wire, makeProperties(random));
    else if (/queueId/i.test(key)) ext.set(wire, String(random.once(8) ? random.pick([-1, 65_536, 2147483647]) : random.below(5)));
    else if (/offset/i.test(key) && random.once(2)) ext.set(wire, String(random.below(4)));
  }
  return encodeCommand({ code: requests[name].code, opaque: 1, ext, body: makeBody(random, name), version: random.once(8) ? random.below(520) : 513, language: random.pick(['JAVA', 'CPP', 'GO']) });
}

function mutateRequests(random: Random, input: Buffer, list: readonly RequestName[]): Buffer | undefined {
  const commands = commandsOf(input);
  if (commands.length === 0) return undefined;
  const frames = commands.map((one) => encodeCommand(one));
  const at = random.below(commands.length);
  const command = commands[at] as Command;
  const name = byCode.get(command.code);
  switch (random.below(6)) {
    case 0: frames.splice(at, 0, makeRequest(random, random.pick(list))); break;
    case 1: frames.push(frames[at] as Buffer); break;
    case 2: frames[at] = encodeCommand({ ...command, body: mutateBytes(random, command.body, frames[0] as Buffer, 4096) }); break;
    case 3: frames.splice(at, 1); break;
    default: {
      const ext = new Map(command.ext);
      const fields = name === undefined ? [] : Object.entries((requests[name] as Spec).header);
      const [key, field] = fields.length === 0 ? ['a', undefined] : random.pick(fields);
      const wire = field?.wire ?? key;
      if (random.once(6)) ext.delete(wire);
      else ext.set(wire, field === undefined || random.once(2) ? mutateText(random, ext.get(wire) ?? '') : fieldText(random, field.as));
      frames[at] = encodeCommand({ ...command, ext });
    }
  }
  return Buffer.concat(frames);
}

/** What clients were recorded to send, and every request of the role once. */
const seedsFor = (role: Role): readonly Buffer[] => {
  const list = served(role);
  const codes = new Set(list.map((name) => requests[name].code as number));
  const recorded = goldenRequests().filter((frame) => commandsOf(frame).some((command) => codes.has(command.code)));
  return [...recorded, ...list.map((name) => makeRequest(new Random(`seed ${name}`), name))];
};

// ---- running

/** Turns of the loop an asynchronous answer may take; a held request may stay without one. */
const roundsMax = 400;
/** After so many of them the clock moves on: some answers wait for it. */
const patientRounds = 20;

interface Server {
  readonly handlers: Partial<Handlers>;
  readonly clock: ManualClock;
  /** The end of a turn. */
  turn(): void;
  /** What answers of this turn wait for: the table of a topic that a message makes. */
  waits?(): Promise<void> | undefined;
}

/** The answer; undefined = none yet, the request is held or never answered. */
async function serve(server: Server, command: Command, connection: Connection): Promise<Reply | undefined> {
  const name = byCode.get(command.code);
  const handler = name === undefined ? undefined : server.handlers[name] as ((ctx: Ctx, header: unknown, body: Buffer) => Reply | undefined | Promise<Reply | undefined>) | undefined;
  if (name === undefined || handler === undefined) return { code: 3, remark: undefined };
  let later: Reply | undefined;
  const ctx: Ctx = { connection, command, receivedMs: server.clock.nowMs(), reply: (reply) => { later ??= reply; } };
  try {
    const result = handler(ctx, decodeHeader(name, command.ext), command.body);
    if (!(result instanceof Promise)) {
      server.turn();
      const waits = server.waits?.();
      if (waits !== undefined && result === undefined) {
        await waits;
        await new Promise<void>((resolve) => { setImmediate(resolve); });
        server.turn();
      }
      return result ?? later;
    }
    const ended = { done: false };
    const end = (): void => { ended.done = true; };
    result.then(end, end);
    for (let round = 0; !ended.done && round < roundsMax; round++) {
      server.turn();
      if (round > patientRounds) server.clock.advance(250);
      await new Promise<void>((resolve) => { setImmediate(resolve); });
    }
    holds(ended.done, () => `${name} is not answered in ${(roundsMax - patientRounds) * 250} ms of the clock`);
    const reply = await result;
    server.turn();
    return reply ?? later;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    server.turn();
    return { code: error.code, remark: error.message };
  }
}

/** An answer must be one that can be written. */
function checkReply(name: string, reply: Reply): void {
  const body = reply.body === undefined ? undefined : Buffer.isBuffer(reply.body) ? reply.body : Buffer.concat([...reply.body]);
  const frame = encodeCommand({ code: reply.code, opaque: 1, flag: 1, remark: reply.remark, ext: encodeReplyHeader(reply.header, reply.ext), body });
  const read = decodeCommand(frame, 8, 8 + frame.readUIntBE(5, 3), frame.length, 0);
  holds(read.code === reply.code, () => `the answer of ${name} reads as code ${read.code}`);
}

async function runRequests(server: Server, input: Buffer, connection: Connection): Promise<Outcome> {
  let taken = false;
  for (const command of commandsOf(input)) {
    const reply = await serve(server, command, connection);
    if (reply !== undefined) checkReply(byCode.get(command.code) ?? '?', reply);
    taken ||= reply === undefined || reply.code === 0;
  }
  return taken ? 'taken' : 'refused';
}

function frameOf(name: RequestName, ext: Readonly<Record<string, string>>, body = ''): Command {
  const [command] = commandsOf(encodeCommand({ code: requests[name].code, opaque: 1, ext, body: Buffer.from(body) }));
  if (command === undefined) throw new Error(`no frame of ${name}`);
  return command;
}

/** Wraps the handlers of a server: canaries plant their bugs here. */
export type HandlersSubject = (handlers: Partial<Handlers>) => Partial<Handlers>;

async function openBroker(subject: HandlersSubject): Promise<Running> {
  const composed = await Composed.open({ timerWheelEnable: 'false' });
  const server: Server = { handlers: subject(composed.broker.handlers), clock: composed.clock, turn: () => { composed.turn.run(); }, waits: () => composed.broker.topics.creating };
  let peers = 0;
  const own = new Peer(1_000_000);
  return {
    run: (input) => runRequests(server, input, new Peer(++peers)),
    probe: async () => {
      // A send and the pull of what was sent: their codes and the body.
      const sent = await serve(server, frameOf('SEND_MESSAGE_V2', { a: 'probe', b: 'Probe', c: 'TBW102', d: '4', e: '0', f: '0', g: '1700000000000', h: '0', i: '', j: '0' }, 'golden'), own);
      const { queueOffset } = (sent?.header ?? {}) as { readonly queueOffset?: number | bigint };
      const offset = String(queueOffset ?? -1);
      const pulled = await serve(server, frameOf('PULL_MESSAGE', {
        consumerGroup: 'ProbeGroup', topic: 'Probe', queueId: '0', queueOffset: offset, maxMsgNums: '1', sysFlag: '4', commitOffset: '0', suspendTimeoutMillis: '0', subscription: '*', subVersion: '0', expressionType: 'TAG',
      }), own);
      const body = pulled?.body === undefined ? '' : (Buffer.isBuffer(pulled.body) ? pulled.body : Buffer.concat([...pulled.body])).toString('latin1');
      return `send ${sent?.code ?? 'none'} ${sent?.remark ?? ''} pull ${pulled?.code ?? 'none'} ${pulled?.remark ?? ''} ${body.includes('golden') ? 'golden' : 'lost'}`;
    },
    close: async () => {
      await composed.stop();
    },
  };
}

const serverAllocation = (inputBytes: number): number => 8 * 1024 * 1024 + 64 * inputBytes;

export function brokerRequests(subject: HandlersSubject = (handlers) => handlers): Target {
  const list = served('broker');
  return {
    name: 'broker-requests',
    proves: 'sequences of any requests of the table, served by a whole broker: answered, refused or held, never an exception; what a refused one leaves behind disturbs no other',
    declared: [],
    inputBytesMax: 8192,
    // A store's tail and pages belong to the broker, not to the input.
    allocationBytesMax: serverAllocation,
    reopenAfter: 50,
    seeds: () => seedsFor('broker'),
    make: (random) => Buffer.concat(Array.from({ length: random.small(3) }, () => makeRequest(random, random.pick(list)))),
    mutate: (random, input) => mutateRequests(random, input, list),
    open: () => openBroker(subject),
  };
}

function openNamesrv(subject: HandlersSubject): Running {
  const clock = new ManualClock();
  const nameServer = createNameServer({ config: namesrvConfig({ kvConfigPath: '/data/kvConfig.json' }), clock, disk: simulatedDisk(7), log: silentLog, oneway: () => Promise.resolve() });
  nameServer.start();
  const server: Server = { handlers: subject(nameServer.handlers), clock, turn: () => undefined };
  const own = new Peer(1_000_000);
  let peers = 0;
  const ask = async (name: RequestName, ext: Readonly<Record<string, string>>, body?: string): Promise<string> => {
    const reply = await serve(server, frameOf(name, ext, body), own);
    const bytes = reply?.body === undefined ? '' : (Buffer.isBuffer(reply.body) ? reply.body : Buffer.concat([...reply.body])).toString('utf8');
    return `${reply?.code ?? 'none'} ${reply?.remark ?? ''} ${bytes}`;
  };
  return {
    run: async (input) => {
      const peer = new Peer(++peers);
      const outcome = await runRequests(server, input, peer);
      if (peers % 4 === 0) {
        peer.close();
        nameServer.onConnectionClosed(peer);
        clock.advance(1);
      }
      return outcome;
    },
    probe: async () => {
      const body = JSON.stringify({ topicConfigSerializeWrapper: { dataVersion: { counter: 1, stateVersion: 0, timestamp: 1000 }, topicConfigTable: { Probe: { topicName: 'Probe', perm: 6, readQueueNums: 4, writeQueueNums: 4, topicSysFlag: 0 } } } });
      const registered = await ask('REGISTER_BROKER', { brokerName: 'probe-broker', brokerAddr: '10.9.9.9:10911', clusterName: 'ProbeCluster', haServerAddr: '10.9.9.9:10912', brokerId: '0', compressed: 'false', bodyCrc32: '0' }, body);
      return `register ${registered.slice(0, 1)} route ${(await ask('GET_ROUTEINFO_BY_TOPIC', { topic: 'Probe' })).includes('10.9.9.9:10911') ? 'known' : 'lost'}`;
    },
    close: () => nameServer.stop(),
  };
}

export function namesrvRequests(subject: HandlersSubject = (handlers) => handlers): Target {
  const list = served('namesrv');
  return {
    name: 'namesrv-requests',
    proves: 'sequences of any requests of the table, served by a whole name server: answered or refused, never an exception; a registered route stays',
    declared: [],
    inputBytesMax: 8192,
    allocationBytesMax: serverAllocation,
    reopenAfter: 100,
    seeds: () => seedsFor('namesrv'),
    make: (random) => Buffer.concat(Array.from({ length: random.small(4) }, () => makeRequest(random, random.pick(list)))),
    mutate: (random, input) => mutateRequests(random, input, list),
    open: () => openNamesrv(subject),
  };
}
