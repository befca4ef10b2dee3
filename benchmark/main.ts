/** Command line of the benchmark: reads arguments, runs, prints the table and writes the files. Exit codes: 0, 1 errors, 2 usage. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadCommand } from './load-command.js';
import { htmlPage } from './report/html.js';
import { tableLines } from './report/table.js';
import { BenchmarkRun, type Contender } from './run.js';
import { shapeOf, shapes } from './shapes.js';

const HELP = `Usage:
  npm run bench -- [options]             all shapes, or those named, on a Skylark that it starts
  npm run bench -- --against apache      the same on Apache RocketMQ in turn (needs java and maven)
  npm run bench -- load [options]        one shape against a broker that runs already
  npm run bench -- micro [--seconds N]   micro-benchmarks of the codec

Options of a run
  --shape NAME...         only these shapes (repeat the option, or separate by commas)
  --seconds N             measured seconds per shape and broker         (5)
  --warmup-seconds N      load on each broker before the first shape    (20; 60 with --against: a JVM needs it)
  --quick                 1.5 s per shape, 3 s of warm-up: rough figures, and a cold JVM is not a peer
  --against apache        compare with Apache RocketMQ
  --data-parent DIR       where the stores are put for the run          (the system's temporary folder)
  --no-process            leave out start time and idling
  --touch-memory GB       memory touched before each load, 0 = none     (3; 0 with --quick)
  --json FILE             write every figure as JSON
  --html FILE             write one self-contained page with charts

Options of load
  --address HOST:PORT     the broker                                    (needed)
  --grpc HOST:PORT        its gRPC endpoint, for shapes named grpc-*
  --shape NAME            the shape                                     (needed)
  --topic T               created with 4 queues if need be              (BenchTopic)
  --no-create-topic       use the topic as it is
  --seconds N  --warmup-seconds N                                       (5, 1)
  --pid PID               report CPU of this process too; may be repeated
  --connections N  --window N  --rate MESSAGES_PER_SECOND               instead of the shape's
  --json                  print JSON

Shapes
${shapes.map(({ name, says }) => `  ${name.padEnd(17)} ${says}`).join('\n')}

Exit codes: 0; 1 the run failed or had errors; 2 usage.
`;

/** A mistake in the arguments: printed with a hint, exit code 2. */
class UsageError extends Error {}

function numberOf(name: string, text: string | undefined, otherwise: number, min: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < min) throw new UsageError(`--${name}: expected a number of ${min} or more, got ${text}`);
  return value;
}

function optionalNumber(name: string, text: string | undefined, min: number): number | undefined {
  return text === undefined ? undefined : numberOf(name, text, 0, min);
}

async function load(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      address: { type: 'string' },
      grpc: { type: 'string' },
      topic: { type: 'string', default: 'BenchTopic' },
      shape: { type: 'string' },
      seconds: { type: 'string' },
      'warmup-seconds': { type: 'string' },
      pid: { type: 'string', multiple: true, default: [] },
      connections: { type: 'string' },
      window: { type: 'string' },
      rate: { type: 'string' },
      json: { type: 'boolean', default: false },
      'no-create-topic': { type: 'boolean', default: false },
    },
  });
  if (values.address === undefined) throw new UsageError('load: --address HOST:PORT is needed');
  if (values.shape === undefined) throw new UsageError('load: --shape NAME is needed');
  const connections = optionalNumber('connections', values.connections, 1);
  const window = optionalNumber('window', values.window, 1);
  const rate = optionalNumber('rate', values.rate, 1);
  return loadCommand({
    address: values.address,
    grpc: values.grpc,
    topic: values.topic,
    shape: values.shape,
    seconds: numberOf('seconds', values.seconds, 5, 0.1),
    warmupSeconds: numberOf('warmup-seconds', values['warmup-seconds'], 1, 0),
    pids: values.pid.map((pid) => numberOf('pid', pid, 0, 1)),
    json: values.json,
    createTopic: !values['no-create-topic'],
    ...(connections === undefined ? {} : { connections }),
    ...(window === undefined ? {} : { window }),
    ...(rate === undefined ? {} : { ratePerSecond: rate }),
  });
}

async function micro(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { seconds: { type: 'string' } } });
  const { runMicro } = await import('./micro.js');
  process.stdout.write(`${(await runMicro(numberOf('seconds', values.seconds, 1, 0.05) * 1000)).join('\n')}\n`);
  return 0;
}

async function bench(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      shape: { type: 'string', multiple: true },
      seconds: { type: 'string' },
      'warmup-seconds': { type: 'string' },
      quick: { type: 'boolean', default: false },
      against: { type: 'string' },
      'data-parent': { type: 'string' },
      'no-process': { type: 'boolean', default: false },
      'touch-memory': { type: 'string' },
      json: { type: 'string' },
      html: { type: 'string' },
    },
  });
  // `--shape A B`: what follows a --shape without a dash is a shape too.
  if (positionals.length > 0 && values.shape === undefined) throw new UsageError(`unknown command ${positionals[0] ?? ''}`);
  if (values.against !== undefined && values.against !== 'apache') throw new UsageError(`--against: expected apache, got ${values.against}`);
  const names = [...(values.shape ?? []), ...positionals].flatMap((text) => text.split(',')).filter((name) => name !== '');
  const contenders: Contender[] = [{ name: 'skylark', start: (await import('./brokers/skylark.js')).startSkylark }];
  if (values.against === 'apache') contenders.push({ name: 'apache-5.5.0', start: (await import('./brokers/apache.js')).startApache });
  const progress = process.stderr.isTTY ? (line: string): void => void process.stderr.write(`\r\u001b[K${line}`) : (): void => undefined;
  const run = new BenchmarkRun(contenders, {
    shapes: names.length === 0 ? shapes : names.map(shapeOf),
    seconds: numberOf('seconds', values.seconds, values.quick ? 1.5 : 5, 0.1),
    warmupSeconds: numberOf('warmup-seconds', values['warmup-seconds'], values.quick ? 3 : values.against === undefined ? 20 : 60, 0),
    quick: values.quick,
    touchBytes: numberOf('touch-memory', values['touch-memory'], values.quick ? 0 : 3, 0) * 2 ** 30,
    processFigures: !values['no-process'],
    progress,
    ...(values['data-parent'] === undefined ? {} : { dataParent: values['data-parent'] }),
  });
  const interrupted = (): void => {
    void run.dispose().finally(() => process.exit(1));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    const result = await run.run();
    progress('');
    process.stdout.write(`${tableLines(result).join('\n')}\n`);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
    if (values.html !== undefined) writeFileSync(values.html, htmlPage(result));
    const failed = result.shapes.some(({ figures }) => Object.values(figures).some(({ errors }) => errors.length > 0));
    return failed ? 1 : 0;
  } finally {
    await run.dispose();
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}

async function main(argv: string[]): Promise<number> {
  const [command, ...rest] = argv;
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  if (command === 'load') return load(rest);
  if (command === 'micro') return micro(rest);
  return bench(argv);
}

function isUsage(error: unknown): boolean {
  return error instanceof UsageError || error instanceof RangeError || (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n${isUsage(error) ? 'See --help.\n' : ''}`);
    process.exitCode = isUsage(error) ? 2 : 1;
  },
);
