/**
 * The table of shapes that the benchmark runs, and the targets beside them. A shape is plain data: what is sent or pulled,
 * over how many connections, how much in flight. Targets are ratios within one run, or absolute where the promise is.
 */
import type { PullSpec, SendSpec } from './load/spec.js';

/** What a target speaks about; `ratio` targets compare the two brokers of one run. */
export type Target =
  | { readonly on: 'messages-ratio' | 'messages-per-second'; readonly atLeast: number }
  | { readonly on: 'cpu-ratio' | 'p50-ratio'; readonly atMost: number };

export interface Shape {
  readonly name: string;
  readonly says: string;
  readonly send?: SendSpec;
  readonly pull?: PullSpec;
  /** Messages laid down before (batches of 256), spread over the queues. */
  readonly backlog?: number;
  /** What the messages of the backlog have besides, as in SendSpec. */
  readonly backlogNumbered?: number;
  /** Over gRPC: sends are SendMessage, pulls ReceiveMessage. The peer is Apache's broker inside its proxy (LOCAL mode). `flush` is async. */
  readonly grpc?: boolean;
  /** Which brokers serve it: one that flushes in the background, or one that answers after the flush. */
  readonly flush: 'async' | 'sync';
  readonly targets: readonly Target[];
}

/** Queues of every topic; each queue gets messages. */
export const QUEUES = 4;

const BACKLOG = 1_000_000;

/** One message in so many passes the filter of `sql-backlog`. */
const SELECTIVITY = 100;

/** How the backlog of a shape is laid down: batches that hold each number equally often. */
export function backlogOf(shape: Shape): SendSpec | undefined {
  if (shape.backlog === undefined) return undefined;
  const { backlog, backlogNumbered } = shape;
  const plain = { connections: 2, window: 2, batch: 256, bodyBytes: 128, messagesMax: backlog };
  return backlogNumbered === undefined ? plain : { ...plain, batch: 2 * backlogNumbered, numbered: backlogNumbered };
}

function single(connections: number, window: number, bodyBytes: number): SendSpec {
  return { connections, window, batch: 1, bodyBytes };
}

export const shapes: readonly Shape[] = [
  {
    name: 'single-1x1',
    says: '128 B, 1 connection, 1 in flight',
    send: single(1, 1, 128),
    flush: 'async',
    targets: [
      { on: 'p50-ratio', atMost: 1 },
      { on: 'cpu-ratio', atMost: 1 / 3 },
    ],
  },
  { name: 'single-1x8', says: '128 B, 1 connection, 8 in flight', send: single(1, 8, 128), flush: 'async', targets: [] },
  { name: 'single-1x64', says: '128 B, 1 connection, 64 in flight', send: single(1, 64, 128), flush: 'async', targets: [] },
  { name: 'single-4x16', says: '128 B, 4 connections x 16 in flight', send: single(4, 16, 128), flush: 'async', targets: [] },
  {
    name: 'single-8x32',
    says: '128 B, 8 connections x 32 in flight',
    send: single(8, 32, 128),
    flush: 'async',
    targets: [
      { on: 'messages-ratio', atLeast: 4 },
      { on: 'cpu-ratio', atMost: 1 / 6 },
    ],
  },
  { name: 'single-8x32-1k', says: '1 KiB, 8 connections x 32 in flight', send: single(8, 32, 1024), flush: 'async', targets: [] },
  {
    name: 'open-10k',
    says: '128 B, open loop at 10,000/s over 4 connections',
    send: { ...single(4, 1024, 128), ratePerSecond: 10_000 },
    flush: 'async',
    targets: [],
  },
  {
    name: 'batch-32',
    says: 'batches of 32 x 128 B, 4 connections x 4 in flight',
    send: { connections: 4, window: 4, batch: 32, bodyBytes: 128 },
    flush: 'async',
    targets: [{ on: 'messages-ratio', atLeast: 1.8 }],
  },
  {
    name: 'batch-256',
    says: 'batches of 256 x 128 B, 4 connections x 2 in flight',
    send: { connections: 4, window: 2, batch: 256, bodyBytes: 128 },
    flush: 'async',
    targets: [
      { on: 'messages-per-second', atLeast: 900_000 },
      { on: 'messages-ratio', atLeast: 1.3 },
    ],
  },
  {
    name: 'batch-32-1k',
    says: 'batches of 32 x 1 KiB, 4 connections x 2 in flight',
    send: { connections: 4, window: 2, batch: 32, bodyBytes: 1024 },
    flush: 'async',
    targets: [],
  },
  {
    name: 'pull-backlog',
    says: 'pull a backlog of a million, 32 a time, 2 connections, 4 queues',
    pull: { connections: 2, maxMsgNums: 32, from: 'backlog' },
    backlog: BACKLOG,
    flush: 'async',
    targets: [{ on: 'messages-ratio', atLeast: 2 }],
  },
  {
    name: 'produce-consume',
    says: '128 B, 4 producers x 16 and 2 consumers at the tail together',
    send: single(4, 16, 128),
    pull: { connections: 2, maxMsgNums: 32, from: 'tail' },
    flush: 'async',
    targets: [],
  },
  {
    name: 'sql-backlog',
    says: 'SQL92 pull of a backlog of a million, one in 100 matches; counted: messages passed over',
    pull: { connections: 2, maxMsgNums: 32, from: 'backlog', sql: 'n = 7 AND TAGS IS NOT NULL' },
    backlog: BACKLOG,
    backlogNumbered: SELECTIVITY,
    flush: 'async',
    targets: [],
  },
  {
    name: 'pop-backlog',
    says: 'pop a backlog of 200,000, 32 a time, each acknowledged by itself, 2 connections, 4 queues; counted: acknowledgements',
    pull: { connections: 2, maxMsgNums: 32, from: 'backlog', pop: true },
    backlog: 200_000,
    flush: 'async',
    targets: [],
  },
  {
    name: 'timer-4x16',
    says: '128 B, 4 producers x 16, each message delayed by 2 s, 2 consumers at the tail',
    send: { ...single(4, 16, 128), properties: { TIMER_DELAY_SEC: '2' } },
    pull: { connections: 2, maxMsgNums: 32, from: 'tail' },
    flush: 'async',
    targets: [],
  },
  // The last one on purpose: an Apache broker that has seen a transaction keeps most of a core busy.
  {
    name: 'transaction-4x16',
    says: '128 B, 4 connections x 16 transactions: half message, then commit; latency of both together',
    send: { ...single(4, 16, 128), transaction: true },
    flush: 'async',
    targets: [],
  },
  {
    name: 'grpc-1x1', says: 'gRPC: SendMessage of 128 B, 1 connection, 1 in flight', grpc: true, send: single(1, 1, 128), flush: 'async',
    targets: [{ on: 'cpu-ratio', atMost: 1 / 2 }],
  },
  {
    name: 'grpc-4x16', says: 'gRPC: SendMessage of 128 B, 4 connections x 16 in flight', grpc: true, send: single(4, 16, 128), flush: 'async',
    targets: [{ on: 'cpu-ratio', atMost: 1 / 2 }],
  },
  {
    name: 'grpc-receive',
    says: 'gRPC: ReceiveMessage of a backlog of 200,000, 32 a time, each acknowledged by itself, 2 connections x 2; counted: acknowledgements',
    grpc: true,
    pull: { connections: 2, maxMsgNums: 32, from: 'backlog' },
    backlog: 200_000,
    flush: 'async',
    targets: [{ on: 'cpu-ratio', atMost: 1 / 2 }],
  },
  { name: 'sync-flush-8x32', says: '128 B, 8 connections x 32, SYNC_FLUSH', send: single(8, 32, 128), flush: 'sync', targets: [] },
];

/** The shape of that name. Throws RangeError that lists the names when there is none. */
export function shapeOf(name: string): Shape {
  const shape = shapes.find((each) => each.name === name);
  if (shape === undefined) throw new RangeError(`shape: expected one of ${shapes.map((each) => each.name).join(', ')}, got ${name}`);
  return shape;
}
