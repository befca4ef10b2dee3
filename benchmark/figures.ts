/** Figures of one shape on one broker, computed from a load's outcome: what tables, JSON and charts print. */
import { Histogram } from './load/histogram.js';
import type { ErrorCount, LoadOutcome } from './load/spec.js';

/** The generator counts as the bottleneck from this share of a core on. */
export const GENERATOR_BOUND_CORES = 0.9;

export interface Percentiles {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

export interface Figures {
  /** Messages acknowledged per second; pulled per second where the shape only pulls. */
  readonly messagesPerS: number;
  readonly requestsPerS: number;
  /** Latency of a request. */
  readonly latency: Percentiles;
  /** Open loop: the generator's own lateness, a part of the latency. */
  readonly sendLag?: Percentiles;
  /** Produce + consume: messages consumed per second, and the way of a message from send to receipt. */
  readonly consumedPerS?: number;
  readonly endToEnd?: Percentiles;
  /** Broker CPU: seconds per million messages (= microseconds per message); null where it was not observed. */
  readonly brokerCpuSPerMillion: number | null;
  readonly brokerCores: number | null;
  readonly generatorCpuSPerMillion: number;
  readonly generatorCores: number;
  /** Cores that others used meanwhile: above a few hundredths, the figures are disturbed. */
  readonly othersCores: number;
  readonly generatorBound: boolean;
  readonly perQueue: readonly number[];
  readonly errors: readonly ErrorCount[];
  readonly windowS: number;
}

function percentilesOf(snapshot: Parameters<Histogram['merge']>[0]): Percentiles {
  const histogram = new Histogram();
  histogram.merge(snapshot);
  return { p50Us: histogram.percentileUs(50), p99Us: histogram.percentileUs(99), p999Us: histogram.percentileUs(99.9), maxUs: histogram.max / 10 };
}

/** Computes the figures of an outcome. Throws when the load had neither producers nor consumers. */
export function figuresOf(outcome: LoadOutcome): Figures {
  const main = outcome.send ?? outcome.pull;
  if (main === undefined) throw new Error('a load without producers and consumers');
  const windowS = outcome.windowMs / 1000;
  const millions = main.messages / 1e6;
  const { send, pull, brokerCpuS, generatorCpuS } = outcome;
  const errors = [...outcome.errors];
  if (main.messages === 0) errors.push({ what: 'no message in the measured window', count: 1 });
  main.perQueue.forEach((count, queueId) => {
    if (count === 0) errors.push({ what: `queue ${queueId} got no message`, count: 1 });
  });
  return {
    messagesPerS: main.messages / windowS,
    requestsPerS: main.requests / windowS,
    latency: percentilesOf(main.latency),
    ...(send?.sendLag === undefined ? {} : { sendLag: percentilesOf(send.sendLag) }),
    ...(send === undefined || pull === undefined ? {} : { consumedPerS: pull.messages / windowS }),
    ...(pull?.endToEnd === undefined ? {} : { endToEnd: percentilesOf(pull.endToEnd) }),
    brokerCpuSPerMillion: brokerCpuS === null ? null : brokerCpuS / millions,
    brokerCores: brokerCpuS === null ? null : brokerCpuS / windowS,
    generatorCpuSPerMillion: generatorCpuS / millions,
    generatorCores: generatorCpuS / windowS,
    othersCores: outcome.othersCpuS / windowS,
    generatorBound: generatorCpuS / windowS > GENERATOR_BOUND_CORES,
    perQueue: main.perQueue,
    errors,
    windowS,
  };
}
