import { describe, expect, test } from '@jest/globals';
import type { Event, OutgoingMessage, SdkName, SendMode } from '../../sdk-driver.js';
import { sdkNames } from '../../sdk-driver.js';
import type { Sent } from '../../history.js';
import type { Context } from '../context.js';
import { lost } from './checkers/lost.js';
import { nowhere } from './checkers/nowhere.js';
import { History, readHistory, writeLine, type HistoryLine } from './history.js';
import { Recorder } from './recorder.js';
import { checkersFor, SdkConsumer, SdkProducer, whyNot, type Program } from './sdk-actors.js';
import { failOnce } from './take.js';
import { workloads } from './workloads.js';

/** Delivers what is sent at once; `lose` are keys that it keeps to itself, `refuse` those it does not acknowledge. */
function fake(sdk: SdkName, { lose = [], refuse = [] }: { readonly lose?: readonly string[]; readonly refuse?: readonly string[] } = {}): Program & { readonly sends: { mode: SendMode; message: OutgoingMessage }[]; readonly commands: Readonly<Record<string, unknown>>[] } {
  const listeners = new Set<(event: Event) => void>();
  const sends: { mode: SendMode; message: OutgoingMessage }[] = [];
  const commands: Readonly<Record<string, unknown>>[] = [];
  const say = (event: Event): void => { for (const one of listeners) one(event); };
  return {
    sdk, sends, commands,
    send(_topic, mode, messages): Promise<Sent[]> {
      const [message] = messages;
      if (message === undefined) throw new Error('no message');
      sends.push({ mode, message });
      if (refuse.includes(message.key)) return Promise.reject(new Error('timed out'));
      const as = String(commands[0]?.['as']);
      if (!lose.includes(message.key)) {
        say({ event: 'received', as, key: message.key, body: message.body, queueId: 1, offset: sends.length, reconsume: 0, taken: true });
        if (commands[0]?.['style'] === 'simple') say({ event: 'acked', as, key: message.key, acknowledged: true });
      }
      return Promise.resolve([{ key: message.key, body: message.body, acknowledged: true, sentAt: 0, queueId: 1, queueOffset: sends.length, msgId: 'id' }]);
    },
    command(what, members) {
      commands.push({ what, ...members });
      return Promise.resolve([]);
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    assignment: () => Promise.resolve([1, 0]),
  };
}

const t = { groupName: (name: string) => `x-${name}` } as unknown as Context;

async function played(program: Program, options: Partial<ConstructorParameters<typeof SdkProducer>[2]> = {}, more: Partial<ConstructorParameters<typeof SdkConsumer>[3]> = {}): Promise<readonly HistoryLine[]> {
  const recorder = new Recorder();
  const consumer = new SdkConsumer(t, program, recorder, { name: 'c', group: 'G', topic: 'T', queues: 4, ...more });
  await consumer.start();
  await new SdkProducer(program, recorder, { name: 'p', topic: 'T', queues: 4, messages: 3, inFlight: 1, seed: 1, ...options }).run();
  await consumer.stop();
  return readHistory(recorder.lines.map(writeLine).join('\n'));
}

const anomalies = (lines: readonly HistoryLine[]): string[] => [lost(), nowhere()].flatMap((one) => one.check(new History(lines)).anomalies.map((each) => each.name));

describe('a library that plays', () => {
  test('leaves a history that the checkers judge', async () => {
    const lines = await played(fake('go'));
    expect(anomalies(lines)).toEqual([]);
    expect(lines.filter((one) => one.op === 'send' && one.type === 'ok').map((one) => [one.queueId, one.queueOffset])).toEqual([[1, 1], [1, 2], [1, 3]]);
    expect(lines.filter((one) => one.op === 'assign').map((one) => one.queues)).toEqual([[1, 0]]);
  });

  test('is convicted of a message it lost, and owes none that it did not acknowledge', async () => {
    expect(anomalies(await played(fake('go', { lose: ['p-1'] })))).toEqual(['lost']);
    const lines = await played(fake('go', { lose: ['p-2'], refuse: ['p-2'] }));
    expect(anomalies(lines)).toEqual([]);
    expect(lines.filter((one) => one.op === 'send' && one.key === undefined && one.type === 'info')).toHaveLength(1);
  });

  test('tells no places over gRPC, and acknowledges when it says so', async () => {
    const program = fake('grpc-java');
    const lines = await played(program, {}, { mode: 'pop', invisibleMs: 1500 });
    expect(program.commands[0]).toMatchObject({ what: 'subscribe', style: 'simple', invisibleMs: 10_000 });
    expect(lines.some((one) => one.op === 'receive' && one.queueId !== undefined)).toBe(false);
    expect(lines.filter((one) => one.op === 'ack' && one.type === 'ok')).toHaveLength(3);
  });

  test('sends one type of messages to a topic over gRPC', async () => {
    const program = fake('grpc-go');
    await played(program, { messages: 30, transactionalPercent: 50 });
    expect(new Set(program.sends.map((one) => one.mode))).toEqual(new Set(['transaction']));
    const delayed = fake('grpc-go');
    await played(delayed, { messages: 30, delaysMs: [0, 1000] });
    expect(new Set(delayed.sends.map((one) => one.message.delayMs))).toEqual(new Set([0, 1000]));
  });

  test('is told which deliveries to give back', async () => {
    const program = fake('java-5.5.0');
    await played(program, {}, { failOnce: failOnce(7, 35) });
    expect(program.commands[0]).toMatchObject({ fail: 'nth', failEvery: 7, failBefore: 35 });
  });
});

describe('what a library cannot play or tell', () => {
  test('has a reason; the rest is judged', () => {
    const named = (name: string): (typeof workloads)[number] => workloads.find((one) => one.name === name) ?? (() => { throw new Error(name); })();
    expect(whyNot('ali-ons', named('ordered'))).toBe("ali-ons's program has no orderly");
    expect(whyNot('java-5.5.0', named('send-receive'))).toBeUndefined();
    expect(whyNot('java-5.5.0', named('send-receive'), 'offsets')).toBe('java-5.5.0 does not tell its commits');
    expect(whyNot('grpc-node', named('send-receive'), 'places')).toBe('grpc-node does not tell its queues and offsets');
    expect(whyNot('go', named('send-receive'), 'places')).toBeUndefined();
    expect(whyNot('grpc-node', named('ordered'))).toMatch(/dead letter queue/);
    for (const sdk of sdkNames) expect(workloads.filter((one) => whyNot(sdk, one) === undefined && checkersFor(sdk, one).every((each) => whyNot(sdk, one, each.name) !== undefined))).toEqual([]);
  });
});
