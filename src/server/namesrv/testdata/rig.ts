/** A name server on loopback with a clock that stands still, and peers that speak raw frames to it. For tests. */
import * as fs from 'node:fs';
import { connect, type Socket } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Command } from '../../../codec/command.js';
import { FrameReader } from '../../../codec/frame.js';
import { decodeCommand, encodeCommand, encodeHeader } from '../../../codec/header.js';
import { requests, type HeaderOf, type RequestName } from '../../../codec/requests.js';
import { crc31 } from '../../../codec/crc32.js';
import { Dispatcher, EventTurn, LaneSet, ManualClock, RemotingServer, silentLog } from '../../../remoting/index.js';
import type { OutgoingRequest } from '../../../remoting/types.js';
import { realDisk } from '../../../store/disk.js';
import { namesrvKeys } from '../../config.js';
import type { NamesrvConfig } from '../../config-types.js';
import { createNameServer, type NameServer } from '../name-server.js';

export function namesrvConfig(changes: Partial<NamesrvConfig> = {}): NamesrvConfig {
  const defaults = Object.fromEntries(Object.entries(namesrvKeys).map(([key, spec]) => [key, spec.default])) as unknown as NamesrvConfig;
  return { ...defaults, ...changes };
}

export interface Rig {
  readonly clock: ManualClock;
  readonly server: NameServer;
  readonly remoting: RemotingServer;
  readonly config: NamesrvConfig;
  readonly port: number;
  readonly dir: string;
  readonly told: (readonly [string, OutgoingRequest])[];
  peer(): Promise<NamesrvPeer>;
  stop(): Promise<void>;
}

export interface RigOptions {
  readonly config?: Partial<NamesrvConfig>;
  readonly limits?: { readonly brokersMax?: number; readonly topicsMax?: number };
  /** Keep the KV file of another rig. */
  readonly dir?: string;
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const clock = new ManualClock();
  const dir = options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'skylark-namesrv-'));
  const config = namesrvConfig({ kvConfigPath: path.join(dir, 'kvConfig.json'), ...options.config });
  const told: (readonly [string, OutgoingRequest])[] = [];
  const server = createNameServer({
    config, clock, disk: realDisk(), log: silentLog, ...(options.limits === undefined ? {} : { limits: options.limits }),
    oneway: (address, request) => {
      told.push([address, request]);
      return Promise.resolve();
    },
  });
  const turn = new EventTurn((error) => {
    throw error;
  });
  const dispatcher = new Dispatcher({ handlers: server.handlers, role: 'namesrv', lanes: new LaneSet(clock, {}), log: silentLog });
  const remoting = new RemotingServer({ turn, clock, log: silentLog, dispatcher, onConnectionClosed: (connection) => server.onConnectionClosed(connection) });
  server.start();
  const { port } = await remoting.listen('127.0.0.1', 0);
  const peers: NamesrvPeer[] = [];
  return {
    clock, server, remoting, config, port, dir, told,
    peer: async () => {
      const peer = await NamesrvPeer.open(port);
      peers.push(peer);
      return peer;
    },
    stop: async () => {
      for (const peer of peers) peer.socket.destroy();
      await remoting.close();
      await server.stop();
      if (options.dir === undefined) fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

export class NamesrvPeer {
  readonly socket: Socket;
  private readonly answers = new Map<number, (answer: Command) => void>();
  private lastOpaque = 1_000_000;

  private constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader((buffer, headerStart, headerEnd, bodyEnd, type) => {
      const answer = decodeCommand(buffer, headerStart, headerEnd, bodyEnd, type);
      this.answers.get(answer.opaque)?.(answer);
    });
    socket.on('data', (chunk: Buffer) => reader.feed(chunk));
    socket.on('error', () => undefined);
  }

  static open(port: number): Promise<NamesrvPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('connect', () => resolve(new NamesrvPeer(socket)));
      socket.once('error', reject);
    });
  }

  /** Sends a whole frame as it is and waits for the answer with its opaque. */
  frame(bytes: Buffer): Promise<Command> {
    const opaque = readFrame(bytes).opaque;
    const answer = new Promise<Command>((resolve) => this.answers.set(opaque, resolve));
    this.socket.write(bytes);
    return answer;
  }

  /** Sends a request by name. */
  ask<N extends RequestName>(name: N, header: HeaderOf<N>, options: { readonly body?: Buffer | string; readonly version?: number; readonly ext?: Record<string, string> } = {}): Promise<Command> {
    return this.frame(encodeCommand({
      code: requests[name].code, opaque: ++this.lastOpaque, version: options.version ?? 513,
      ext: { ...encodeHeader(name, header), ...options.ext }, body: options.body === undefined ? undefined : Buffer.from(options.body),
    }));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.once('close', () => resolve());
      this.socket.destroy();
    });
  }
}

/** The command in a buffer that is one frame. */
export function readFrame(bytes: Buffer): Command {
  let command: Command | undefined;
  new FrameReader((buffer, headerStart, headerEnd, bodyEnd, type) => {
    command = decodeCommand(buffer, headerStart, headerEnd, bodyEnd, type);
  }).feed(bytes);
  if (command === undefined) throw new Error('not one whole frame');
  return command;
}

export interface TopicSpec {
  readonly name: string;
  readonly queues?: number;
  readonly perm?: number;
  readonly sysFlag?: number;
}

export interface BrokerSpec {
  readonly cluster?: string;
  readonly name?: string;
  readonly id?: number;
  readonly addr?: string;
  readonly haAddr?: string;
  readonly topics?: readonly (string | TopicSpec)[];
  readonly counter?: number;
  readonly stateVersion?: number;
  readonly actingMaster?: boolean;
  readonly timeoutMs?: number;
  readonly zone?: string;
  readonly filterServers?: readonly string[];
}

/** Registers a broker as Apache's does: JSON body with its checksum. */
export function register(peer: NamesrvPeer, spec: BrokerSpec = {}): Promise<Command> {
  const topics = (spec.topics ?? ['T1', 'T2']).map((topic) => (typeof topic === 'string' ? { name: topic } : topic));
  const body = Buffer.from(JSON.stringify({
    filterServerList: spec.filterServers ?? [],
    topicConfigSerializeWrapper: {
      dataVersion: { counter: spec.counter ?? 1, stateVersion: spec.stateVersion ?? 0, timestamp: 1000 },
      topicConfigTable: Object.fromEntries(topics.map((topic) => [topic.name, {
        topicName: topic.name, perm: topic.perm ?? 6, readQueueNums: topic.queues ?? 4, writeQueueNums: topic.queues ?? 4, topicSysFlag: topic.sysFlag ?? 0,
      }])),
    },
  }));
  return peer.ask('REGISTER_BROKER', {
    clusterName: spec.cluster ?? 'c', brokerName: spec.name ?? 'broker-a', brokerId: BigInt(spec.id ?? 0), brokerAddr: spec.addr ?? '10.0.0.1:10911',
    haServerAddr: spec.haAddr ?? '10.0.0.1:10912', compressed: false, bodyCrc32: crc31(body, 0, body.length),
    enableActingMaster: spec.actingMaster ?? false,
    heartbeatTimeoutMillis: spec.timeoutMs === undefined ? undefined : BigInt(spec.timeoutMs),
  }, { body, ...(spec.zone === undefined ? {} : { ext: { __ZONE_NAME: spec.zone } }) });
}
