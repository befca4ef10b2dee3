/**
 * The official gRPC libraries, side by side on one endpoint: on Skylark's broker, on `skylark proxy` before two of them (Node; the others with CONFORM_GRPC_DRIVERS=1), and with that on
 * `skylark proxy` before Apache's broker and on Apache's own proxy as well. Programs
 * that were never built here take minutes the first time (`.cache` keeps them); the scenarios themselves a minute.
 */
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { missingForJava } from '../adapters/apache/install.js';
import { AllBrokers, Proxied } from '../adapters/proxied.js';
import { startEndpoint } from '../kit/start.js';
import { code, RawClient } from '../raw-client.js';
import { prepare } from '../sdk-builds.js';
import { grpcSdks, missingFor, SdkDriver } from '../sdk-driver.js';
import { grpcFeatures, groupBody, scenarios, type GrpcFeature, type Scenario, type Setting } from './grpc-scenarios.js';
import { routed } from './route.js';

type GrpcSdk = (typeof grpcSdks)[number];

/** Programs are built within this time, and everything has ended within this time. */
const buildMaxMs = 1_800_000;
const runMaxMs = 600_000;

/** Clients that start or send at the same time. */
const gatePlaces = 3;

/** GRPC_SDK, GRPC_SCENARIO: only libraries and scenarios with this in their names. */
const chosenSdks = grpcSdks.filter((sdk) => sdk.includes(process.env['GRPC_SDK'] ?? ''));
const chosenScenarios = scenarios.filter((one) => one.title.includes(process.env['GRPC_SCENARIO'] ?? ''));

interface Outcome { readonly error?: unknown; readonly ms: number }

/** Calls `run` and never rejects. */
async function outcome(run: () => Promise<void>): Promise<Outcome> {
  const start = Date.now();
  try {
    await run();
    return { ms: Date.now() - start };
  } catch (error) {
    return { error, ms: Date.now() - start };
  }
}

/** What is driven: one of the kit's endpoints, or `skylark proxy` before brokers. */
async function endpointOf(name: string): Promise<{ readonly namesrv: string; readonly brokers: readonly string[]; readonly grpc: string; dispose(): Promise<void> }> {
  if (name in proxied) {
    const cluster = await Proxied.start({ brokers: proxied[name as keyof typeof proxied], config: brokerConfig });
    return { namesrv: cluster.namesrv, brokers: cluster.brokerAddresses, grpc: cluster.grpc, dispose: () => cluster.dispose() };
  }
  const endpoint = await startEndpoint(name, { grpc: true });
  return { namesrv: endpoint.namesrv, brokers: [endpoint.broker], grpc: endpoint.grpc ?? '', dispose: () => endpoint.dispose() };
}

const proxied = { 'skylark proxy, two brokers': 'skylark', 'skylark proxy, apache-5.5.0': 'apache' } as const;

/** As the kit starts its endpoints. */
const brokerConfig = {
  waitTimeMillsInSendQueue: 10_000, enablePropertyFilter: true, recallMessageEnable: true, transactionCheckInterval: 1000, transactionTimeOut: 1500, transactionOpBatchInterval: 100,
  enableLmq: true, enableMultiDispatch: true,
} as const;

/** What the library, or this machine, lacks for the scenario. */
function lacking(sdk: GrpcSdk, { needs }: Scenario): string | undefined {
  if (needs === undefined || grpcFeatures[sdk].includes(needs)) return undefined;
  if (needs !== 'remoting') return `${sdk} has no ${needs}`;
  const missing = missingFor('java-5.5.0');
  return missing.length === 0 ? undefined : `needs ${missing.join(' and ')}`;
}

/** As many at a time as the machine starts without keeping any waiting for long. */
function gateOf(places: number): Setting['gate'] {
  const waiting: (() => void)[] = [];
  let free = places;
  return async (run) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

class Stage {
  private endpoint: { dispose(): Promise<void> } | undefined;
  private readonly clients: Pick<RawClient, 'close'>[] = [];
  private readonly drivers: SdkDriver[] = [];
  private readonly outcomes = new Map<string, Promise<Outcome>>();

  async start(name: string, sdks: readonly GrpcSdk[]): Promise<void> {
    const mixed = chosenScenarios.some((one) => one.needs === 'remoting') && missingFor('java-5.5.0').length === 0;
    // One build after the other, before anything runs: a client that says nothing for minutes is closed by the broker.
    for (const sdk of [...(mixed ? ['java-5.5.0' as const] : []), ...sdks]) await prepare(sdk);
    const endpoint = await endpointOf(name);
    this.endpoint = endpoint;
    const [broker, namesrv] = [await AllBrokers.connect(endpoint.brokers), await RawClient.connect(endpoint.namesrv)];
    this.clients.push(broker, namesrv);
    const drive = async (sdk: GrpcSdk | 'java-5.5.0', address: string): Promise<SdkDriver> => {
      const driver = await SdkDriver.start(sdk, address);
      this.drivers.push(driver);
      return driver;
    };
    const remoting = mixed ? await drive('java-5.5.0', endpoint.namesrv) : undefined;
    const started = new Map<GrpcSdk, SdkDriver>();
    for (const sdk of sdks) started.set(sdk, await drive(sdk, endpoint.grpc));
    const gate = gateOf(gatePlaces);
    for (const [sdk, driver] of started) {
      const setting = settingOf(sdk, driver, broker, namesrv, remoting, gate);
      for (const one of chosenScenarios) if (lacking(sdk, one) === undefined) this.outcomes.set(`${sdk} ${one.title}`, outcome(() => one.run(setting)));
    }
  }

  async judge(sdk: GrpcSdk, scenario: Scenario): Promise<void> {
    const result = await this.outcomes.get(`${sdk} ${scenario.title}`);
    if (result === undefined) throw new Error('it was not started');
    if (process.env['INTEROP_TIMES'] !== undefined) process.stderr.write(`${sdk}: ${scenario.title}: ${result.ms} ms\n`);
    if (result.error !== undefined) throw result.error instanceof Error ? result.error : new Error('a scenario threw no error object', { cause: result.error });
  }

  async end(): Promise<void> {
    for (const client of this.clients) client.close();
    await Promise.all(this.drivers.map((driver) => driver.stop()));
    await this.endpoint?.dispose();
  }
}

function settingOf(sdk: GrpcSdk, driver: SdkDriver, broker: AllBrokers, namesrv: RawClient, remoting: SdkDriver | undefined, gate: Setting['gate']): Setting {
  const suffix = `${sdk.replace('-', '_')}_${randomBytes(2).toString('hex')}`;
  const name = (of: string): string => `${of}_${suffix}`;
  return {
    sdk: driver, broker, remoting, gate, name,
    has: (feature: GrpcFeature) => grpcFeatures[sdk].includes(feature),
    async topic(of, type, queues = 4, onOne) {
      await (onOne === undefined ? broker : broker.first).createTopic(name(of), queues, { attributes: `+message.type=${type}` });
      await routed(namesrv, name(of), 30_000);
      return name(of);
    },
    async group(of, more = {}) {
      await broker.ask(`create group ${name(of)}`, code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, groupBody(name(of), more));
      return name(of);
    },
  };
}

const all = process.env['CONFORM_GRPC_DRIVERS'] === '1';
const onlyWhenAsked = all ? [] : ['CONFORM_GRPC_DRIVERS=1'];

/** `needs`: what the endpoint itself lacks here, for a library. */
function suite(name: string, needsOf: (sdk: GrpcSdk) => readonly string[]): void {
  describe(name, () => {
    const lacks = (sdk: GrpcSdk): readonly string[] => [...needsOf(sdk), ...missingFor(sdk)];
    const able = chosenSdks.filter((sdk) => lacks(sdk).length === 0);
    const stage = new Stage();
    beforeAll(async () => {
      if (able.length > 0) await stage.start(name, able);
    }, buildMaxMs);
    afterAll(() => stage.end(), 60_000);

    for (const sdk of chosenSdks) {
      if (!able.includes(sdk)) {
        test.skip(`skipped: ${sdk} needs ${[...new Set(lacks(sdk))].join(' and ')}`, () => undefined);
        continue;
      }
      for (const scenario of chosenScenarios) {
        const lacked = lacking(sdk, scenario);
        if (lacked !== undefined) test.skip(`skipped: ${lacked}: ${scenario.title}`, () => undefined);
        else test(`${sdk}: ${scenario.title}`, () => stage.judge(sdk, scenario), runMaxMs);
      }
    }
  });
}

suite('skylark', () => []);
suite('skylark proxy, two brokers', (sdk) => (sdk === 'grpc-node' ? [] : onlyWhenAsked));
suite('skylark proxy, apache-5.5.0', () => (all ? missingForJava() : onlyWhenAsked));
suite('apache-5.5.0', () => (all ? missingForJava() : onlyWhenAsked));
