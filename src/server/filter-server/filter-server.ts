/**
 * One filter server, composed: uploads, filtered pulls, and the registration with its broker, which is told every ten seconds that this process
 * lives (`FiltersrvController`). Sockets and the process are start.ts.
 */
import { Fault } from '../../codec/errors.js';
import type { Command } from '../../codec/command.js';
import { requests } from '../../codec/requests.js';
import { responseCodes, responseName } from '../../codec/responses.js';
import type { Clock, Handlers, Log, OutgoingRequest, TimerHandle } from '../../remoting/types.js';
import type { FilterServerConfig } from '../config-types.js';
import { FilterClasses, type Language } from './filter-classes.js';
import { FilteredPull, type PullCounts } from './filtered-pull.js';
import type { OpenSandbox } from './sandbox.js';

/** `FiltersrvController#initialize`: the period of registrations, and the time one may take. */
const registerPeriodMs = 10_000;
const registerTimeoutMs = 3_000;
/** A broker that is away is asked again soon: pulls fail meanwhile. */
const registerAgainMs = 1_000;
const scanPeriodMs = 10_000;

export interface FilterServerOptions {
  readonly config: FilterServerConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly sandboxes: Readonly<Record<Language, OpenSandbox>>;
  /** The remoting client's: calls the broker. */
  readonly call: (address: string, request: OutgoingRequest, timeoutMs: number) => Promise<Command>;
  /** Calls `gone` once when the open connection to the address is. */
  readonly onGone: (address: string, gone: () => void) => void;
}

export interface FilterServer {
  readonly handlers: Pick<Handlers, 'REGISTER_MESSAGE_FILTER_CLASS' | 'PULL_MESSAGE'>;
  readonly classes: FilterClasses;
  readonly counts: PullCounts;
  /** Name of the broker that took the last registration. */
  readonly brokerName: string | undefined;
  /** Registers `address`, which consumers are told; resolves when the broker answered or failed once. */
  start(address: string): Promise<void>;
  stop(): Promise<void>;
}

export function createFilterServer(options: FilterServerOptions): FilterServer {
  const { config, clock, log } = options;
  const classes = new FilterClasses({ config, clock, log, sandboxes: options.sandboxes });
  const pull = new FilteredPull({ config, clock, log, classes, call: (request, timeoutMs) => options.call(config.connectWhichBroker, request, timeoutMs) });
  let brokerName: string | undefined;
  let timer: TimerHandle | undefined;
  let scanner: TimerHandle | undefined;
  let running = false;

  const registerIn = (address: string, waitMs: number): void => {
    timer?.clear();
    if (running) timer = clock.setTimeout(() => void register(address), waitMs);
  };
  const register = async (address: string): Promise<void> => {
    let again = registerPeriodMs;
    try {
      const answer = await options.call(config.connectWhichBroker, { code: requests.REGISTER_FILTER_SERVER.code, ext: { filterServerAddr: address } }, registerTimeoutMs);
      if (answer.code !== responseCodes.SUCCESS) throw new Fault(`${responseName(answer.code) ?? answer.code} ${answer.remark ?? ''}`.trim());
      if (brokerName === undefined) {
        log.info({ broker: config.connectWhichBroker, filterServer: address }, 'registered with the broker');
        options.onGone(config.connectWhichBroker, () => {
          if (!running) return;
          log.warn({ broker: config.connectWhichBroker }, 'the connection to the broker is gone');
          brokerName = undefined;
          registerIn(address, 0);
        });
      }
      brokerName = answer.ext.get('brokerName') ?? '';
    } catch (error) {
      // Apache's ends itself here and leaves it to the broker to start another one.
      if (!running) return;
      log.warn({ broker: config.connectWhichBroker, why: error instanceof Error ? error.message : String(error) }, 'not registered with the broker, trying again');
      brokerName = undefined;
      again = registerAgainMs;
    }
    registerIn(address, again);
  };

  return {
    handlers: {
      async REGISTER_MESSAGE_FILTER_CLASS(_ctx, header, body) {
        await classes.register({ group: header.consumerGroup, topic: header.topic, className: header.className, classCrc: header.classCRC, source: body });
        return { code: responseCodes.SUCCESS };
      },
      PULL_MESSAGE: pull.handler,
    },
    classes,
    counts: pull.counts,
    get brokerName() {
      return brokerName;
    },
    async start(address) {
      running = true;
      scanner = clock.setInterval(() => classes.scan(), scanPeriodMs);
      await register(address);
    },
    async stop() {
      running = false;
      timer?.clear();
      scanner?.clear();
      await classes.stop();
    },
  };
}
