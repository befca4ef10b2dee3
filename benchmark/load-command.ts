/** `load`: one shape against a broker that already runs; for profiling by hand. */
import { figuresOf, type Figures, type Percentiles } from './figures.js';
import { createTopic } from './load/load.js';
import { spawnLoad } from './load/spawn.js';
import { backlogOf, QUEUES, shapeOf } from './shapes.js';
import { wholeNumber, microseconds } from './report/words.js';

export interface LoadOptions {
  readonly address: string;
  /** The gRPC endpoint, for shapes that go there. */
  readonly grpc: string | undefined;
  readonly topic: string;
  readonly shape: string;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly pids: readonly number[];
  readonly connections?: number;
  readonly window?: number;
  readonly ratePerSecond?: number;
  readonly json: boolean;
  readonly createTopic: boolean;
}

function latencyLine(what: string, { p50Us, p99Us, p999Us, maxUs }: Percentiles): string {
  return `${what.padEnd(11)}p50 ${microseconds(p50Us)}  p99 ${microseconds(p99Us)}  p99.9 ${microseconds(p999Us)}  max ${microseconds(maxUs)}`;
}

/** The lines that `load` prints. */
export function figureLines(figures: Figures): string[] {
  const { brokerCpuSPerMillion, brokerCores, consumedPerS, endToEnd, sendLag } = figures;
  const lines = [`messages   ${wholeNumber(figures.messagesPerS)}/s in ${wholeNumber(figures.requestsPerS)} requests/s over ${figures.windowS.toFixed(1)} s`];
  if (consumedPerS !== undefined) lines.push(`consumed   ${wholeNumber(consumedPerS)}/s`);
  lines.push(latencyLine('latency', figures.latency));
  if (endToEnd !== undefined) lines.push(latencyLine('end to end', endToEnd));
  if (sendLag !== undefined) lines.push(latencyLine('send lag', sendLag));
  if (brokerCpuSPerMillion !== null && brokerCores !== null) {
    lines.push(`broker     ${brokerCpuSPerMillion.toFixed(2)} us CPU per message, ${brokerCores.toFixed(2)} cores`);
  }
  lines.push(`generator  ${figures.generatorCpuSPerMillion.toFixed(2)} us CPU per message, ${figures.generatorCores.toFixed(2)} cores${figures.generatorBound ? ': generator-bound' : ''}`);
  lines.push(`others     ${figures.othersCores.toFixed(2)} cores`);
  lines.push(`queues     ${figures.perQueue.map(wholeNumber).join(' ')}`);
  for (const { what, count } of figures.errors) lines.push(`ERROR      ${wholeNumber(count)} x ${what}`);
  return lines;
}

/** Runs the command; resolves with the exit code. */
export async function loadCommand(options: LoadOptions): Promise<number> {
  const shape = shapeOf(options.shape);
  const { address, topic, pids } = options;
  if (shape.grpc === true && options.grpc === undefined) throw new RangeError(`load: --grpc HOST:PORT is needed for ${shape.name}`);
  if (options.createTopic) await createTopic(address, topic, QUEUES);
  const backlog = backlogOf(shape);
  if (backlog !== undefined) {
    const filled = figuresOf(await spawnLoad({ address, topic, queues: QUEUES, send: backlog, warmupMs: 0, measureMs: 120_000, pids: [] }));
    if (filled.errors.length > 0) {
      process.stdout.write(`${figureLines(filled).join('\n')}\n`);
      return 1;
    }
  }
  const send = shape.send === undefined ? undefined : {
    ...shape.send,
    ...(options.connections === undefined ? {} : { connections: options.connections }),
    ...(options.window === undefined ? {} : { window: options.window }),
    ...(options.ratePerSecond === undefined ? {} : { ratePerSecond: options.ratePerSecond }),
  };
  const figures = figuresOf(
    await spawnLoad({
      address,
      topic,
      queues: QUEUES,
      ...(shape.grpc === true && options.grpc !== undefined ? { grpcAddress: options.grpc } : {}),
      ...(send === undefined ? {} : { send }),
      ...(shape.pull === undefined ? {} : { pull: shape.pull }),
      warmupMs: options.warmupSeconds * 1000,
      measureMs: options.seconds * 1000,
      pids,
    }),
  );
  process.stdout.write(options.json ? `${JSON.stringify(figures)}\n` : `${shape.name}: ${shape.says}\n${figureLines(figures).join('\n')}\n`);
  return figures.errors.length > 0 ? 1 : 0;
}
