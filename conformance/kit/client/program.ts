/**
 * Clients under test as programs: any command that obeys the protocol of README.md, or one of the SDK programs of `conformance/sdk`,
 * driven through its own commands. Says nothing about what is right.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../../process.js';
import { features as sdkFeatures, missingFor, remotingSdks, SdkDriver, type RemotingSdk } from '../../sdk-driver.js';

/** What a scenario has the client do. */
export type Action = 'produce' | 'produce-batch' | 'produce-big' | 'produce-oneway' | 'consume' | 'consume-fail' | 'consume-orderly';

export type ClientFeature = 'batch' | 'oneway' | 'orderly' | 'producer-close';

export interface Plan {
  readonly namesrv: string;
  readonly topic: string;
  readonly group: string;
  readonly action: Action;
  /** Name of this client among those of the scenario. */
  readonly as: string;
}

export interface SentEvent { readonly key: string; readonly acknowledged: boolean; readonly queueId?: number; readonly offset?: number }
export interface ReceivedEvent { readonly key: string; readonly body: string; readonly queueId: number; readonly offset: number }

/** A client that runs. */
export interface Running {
  readonly as: string;
  sent(): readonly SentEvent[];
  received(): readonly ReceivedEvent[];
  /** Why the program ended by itself, if it did. */
  ended(): string | undefined;
  /** Has the client leave in order, then ends it. */
  close(): Promise<void>;
}

export interface ClientUnderTest {
  readonly name: string;
  readonly features: ReadonlySet<ClientFeature>;
  start(plan: Plan): Promise<Running>;
}

/** A client that cannot be run here; one line for stderr. */
export class ClientError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ClientError';
  }
}

/** Messages of every producing scenario: keys k0 ... k7. */
export const messageCount = 8;
/** The body of a message; the big ones compress well. */
export const bodyOf = (key: string, big: boolean): string => (big ? `body ${key} `.repeat(2000) : `body ${key}`);

/** The client that `--client` names: `sdk:NAME`, or a command with {namesrv} {topic} {group} {scenario}. @throws ClientError. */
export function clientOf(text: string): ClientUnderTest {
  if (!text.startsWith('sdk:')) return commandClient(text);
  const sdk = remotingSdks.find((one) => one === text.slice(4));
  if (sdk === undefined) throw new ClientError(`--client: no SDK '${text.slice(4)}'; there are ${remotingSdks.join(', ')}`);
  const missing = missingFor(sdk);
  if (missing.length > 0) throw new ClientError(`--client ${text}: missing here: ${missing.join(', ')}`);
  const has = (['batch', 'oneway', 'orderly'] as const).filter((one) => sdkFeatures[sdk].has(one));
  return { name: sdk, features: new Set<ClientFeature>(has), start: (plan) => startSdk(sdk, plan) };
}

async function startSdk(sdk: RemotingSdk, plan: Plan): Promise<Running> {
  const driver = await SdkDriver.start(sdk, plan.namesrv);
  const sent: SentEvent[] = [];
  let problem: string | undefined;
  let closing = false;
  const fault = (error: unknown): void => void (problem ??= closing ? undefined : error instanceof Error ? error.message : String(error));
  const mode = plan.action === 'produce-batch' ? 'batch' : plan.action === 'produce-oneway' ? 'oneway' : 'sync';
  const messages = Array.from({ length: messageCount }, (_none, i) => ({ key: `k${i}`, body: bodyOf(`k${i}`, plan.action === 'produce-big') }));
  const produce = async (): Promise<void> => {
    for (const part of mode === 'batch' ? [messages] : messages.map((one) => [one])) {
      if (closing) return;
      try {
        for (const one of await driver.send(plan.topic, mode, part)) sent.push({ key: one.key, acknowledged: one.acknowledged, ...(one.queueId === undefined ? {} : { queueId: one.queueId }), ...(one.queueOffset === undefined ? {} : { offset: one.queueOffset }) });
      } catch (error) {
        if (error instanceof Error && / ended \(/.test(error.message)) return fault(error);
        for (const one of part) sent.push({ key: one.key, acknowledged: false });
      }
    }
  };
  const consumes = plan.action.startsWith('consume');
  if (consumes) {
    driver.command('subscribe', {
      as: plan.as, group: plan.group, topic: plan.topic, expression: '*', model: 'clustering', orderly: plan.action === 'consume-orderly', fail: plan.action === 'consume-fail' ? 'always' : 'never',
    }).catch(fault);
  } else void produce().catch(fault);
  return {
    as: plan.as, sent: () => sent, ended: () => problem,
    received: () => driver.received(plan.as).map((one) => ({ key: one.key, body: one.body, queueId: one.queueId, offset: one.queueOffset })),
    async close() {
      closing = true;
      if (consumes) await driver.command('unsubscribe', { as: plan.as }, 8000).catch(() => undefined);
      await driver.stop();
    },
  };
}

/** Splits a command line at blanks outside of single or double quotes. */
export function splitCommand(text: string): string[] {
  return [...text.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

/** A command as a client: one process for each client of each scenario; a line on its stdin tells it to leave. */
export function commandClient(text: string, name: string = text): ClientUnderTest {
  if (splitCommand(text).length === 0) throw new ClientError('--client takes sdk:NAME or a command');
  if (!text.includes('{namesrv}') || !text.includes('{scenario}')) throw new ClientError(`--client: the command needs {namesrv} and {scenario}: '${text}'`);
  return {
    name, features: new Set<ClientFeature>(['batch', 'oneway', 'orderly', 'producer-close']),
    async start(plan) {
      const values: Readonly<Record<string, string>> = { namesrv: plan.namesrv, topic: plan.topic, group: plan.group, scenario: plan.action, as: plan.as };
      const [command = '', ...args] = splitCommand(text).map((word) => word.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole));
      const child = new Child(name, command, args);
      const sent: SentEvent[] = [];
      const received: ReceivedEvent[] = [];
      let exit: string | undefined;
      void child.exited.then((how) => (exit = `ended (${how}): ${child.tail.slice(-3).join(' | ')}`));
      child.onLine((line) => {
        const event = readEvent(line);
        if (event?.['event'] === 'sent') sent.push({ key: String(event['key']), acknowledged: event['acknowledged'] === true, ...(typeof event['queueId'] === 'number' ? { queueId: event['queueId'] } : {}), ...(typeof event['offset'] === 'number' ? { offset: event['offset'] } : {}) });
        if (event?.['event'] === 'received') received.push({ key: String(event['key']), body: String(event['body']), queueId: Number(event['queueId']), offset: Number(event['offset']) });
      });
      try {
        await child.line((line) => readEvent(line)?.['event'] === 'ready', 30_000);
      } catch (error) {
        await child.kill();
        throw new ClientError(error instanceof Error ? error.message : String(error));
      }
      return {
        as: plan.as, sent: () => sent, received: () => received, ended: () => exit,
        async close() {
          child.writeLine('{"do":"close"}');
          await Promise.race([child.exited, sleep(8000, undefined, { ref: false })]);
          await child.kill();
        },
      };
    },
  };
}

function readEvent(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
