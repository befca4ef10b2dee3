/**
 * Runs one load from connecting to the outcome, in the process that calls it (the child process, or a test). It owns the
 * order of things: connect, warm up, measure, drain; producers and consumers own their traffic.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSecondsOfAll, machineCpuSeconds } from '../proc.js';
import { requestOnce } from './connection.js';
import { Consumers } from './consumers.js';
import { ErrorTally } from './error-tally.js';
import { createGroupFrame, createTopicFrame, maxOffsetFrame } from './frames.js';
import { GrpcConsumers, GrpcProducers } from './grpc-load.js';
import { Poppers } from './poppers.js';
import { Producers } from './producers.js';
import type { LoadOutcome, LoadSpec } from './spec.js';

/** How long answers may take after the end of the window. */
const DRAIN_MS = 10_000;
const ADMIN_TIMEOUT_MS = 10_000;
/** Both brokers are started with this name; a handle of a popped message holds it. */
const BROKER_NAME = 'broker-a';

/** Creates a topic with `queues` queues, or finds it as it is. Throws with the broker's code and remark when refused. */
export async function createTopic(address: string, topic: string, queues: number): Promise<void> {
  const { code, header } = await requestOnce(address, createTopicFrame(topic, queues, 1), ADMIN_TIMEOUT_MS);
  if (code !== 0) throw new Error(`creating topic ${topic} on ${address}: code ${code} ${header}`);
}

async function createGroup(address: string, group: string): Promise<void> {
  const { code, header } = await requestOnce(address, createGroupFrame(group, 1), ADMIN_TIMEOUT_MS);
  if (code !== 0) throw new Error(`creating group ${group} on ${address}: code ${code} ${header}`);
}

async function maxOffsetOf(address: string, topic: string, queueId: number): Promise<number> {
  const { code, header } = await requestOnce(address, maxOffsetFrame(topic, queueId, 1), ADMIN_TIMEOUT_MS);
  const offset = Number(/"offset":"?(\d+)/.exec(header)?.[1] ?? NaN);
  if (code !== 0 || !Number.isSafeInteger(offset)) throw new Error(`max offset of ${topic} queue ${queueId} on ${address}: code ${code} ${header}`);
  return offset;
}

/** Waits until consumers can see `count` messages: a broker may acknowledge long before its queues know. Throws after `timeoutMs`. */
export async function untilVisible(address: string, topic: string, queues: number, count: number, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let visible = 0;
    for (let queueId = 0; queueId < queues; queueId++) visible += await maxOffsetOf(address, topic, queueId);
    if (visible >= count) return;
    if (performance.now() >= deadline) throw new Error(`${topic} on ${address} shows ${visible} of ${count} messages after ${timeoutMs / 1000} s`);
    await sleep(100);
  }
}

/** Runs the load that `spec` describes. Throws when the broker cannot be reached; failures of requests are counted instead. */
export async function runLoad(spec: LoadSpec): Promise<LoadOutcome> {
  const errors = new ErrorTally();
  const together = spec.send !== undefined && spec.pull !== undefined;
  const keyPrefix = randomBytes(12).toString('hex').toUpperCase();
  const { grpcAddress } = spec;
  let producers: Producers | GrpcProducers | null = null;
  if (spec.send !== undefined) {
    producers = grpcAddress === undefined ? new Producers(spec.send, spec.topic, spec.queues, keyPrefix, errors, together) : new GrpcProducers(spec.send, spec.topic, errors);
  }
  let consumers: Consumers | Poppers | GrpcConsumers | null = null;
  if (spec.pull !== undefined && grpcAddress !== undefined) consumers = new GrpcConsumers(spec.pull, spec.topic, BROKER_NAME, (group) => createGroup(spec.address, group), errors);
  else if (spec.pull?.pop === true) consumers = new Poppers(spec.pull, spec.topic, spec.queues, BROKER_NAME, errors);
  else if (spec.pull !== undefined) {
    const starts: number[] = [];
    for (let queueId = 0; queueId < spec.queues; queueId++) starts.push(spec.pull.from === 'tail' ? await maxOffsetOf(spec.address, spec.topic, queueId) : 0);
    consumers = new Consumers(spec.pull, spec.topic, starts, errors, together);
  }
  await consumers?.connect(grpcAddress ?? spec.address);
  await producers?.connect(grpcAddress ?? spec.address);
  consumers?.start();
  producers?.start();

  if (spec.send?.messagesMax !== undefined) {
    // A load that ends by itself: all of it is the window.
    const startMs = performance.now();
    producers?.measureFrom(startMs);
    const meter = new CpuMeter(spec.pids);
    await producers?.drain(spec.measureMs);
    return { ...meter.stop(), windowMs: performance.now() - startMs, ...(producers === null ? {} : { send: producers.outcome() }), errors: errors.list() };
  }

  await sleep(spec.warmupMs);
  const fromMs = performance.now();
  producers?.measureFrom(fromMs);
  consumers?.measureFrom(fromMs);
  const meter = new CpuMeter(spec.pids);
  await sleep(spec.measureMs);
  const toMs = performance.now();
  producers?.measureTo(toMs);
  consumers?.measureTo(toMs);
  const cpu = meter.stop();
  await producers?.drain(DRAIN_MS);
  consumers?.stop();
  return {
    ...cpu,
    windowMs: toMs - fromMs,
    ...(producers === null ? {} : { send: producers.outcome() }),
    ...(consumers === null ? {} : { pull: consumers.outcome() }),
    errors: errors.list(),
  };
}

/** CPU times between its making and `stop`. */
class CpuMeter {
  readonly #pids: readonly number[];
  readonly #own = process.cpuUsage();
  readonly #broker: number | null;
  readonly #machine = machineCpuSeconds();

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#broker = cpuSecondsOfAll(pids);
  }

  stop(): { generatorCpuS: number; brokerCpuS: number | null; othersCpuS: number } {
    const own = process.cpuUsage(this.#own);
    const broker = cpuSecondsOfAll(this.#pids);
    const generatorCpuS = (own.user + own.system) / 1e6;
    const brokerCpuS = broker === null || this.#broker === null ? null : broker - this.#broker;
    return { generatorCpuS, brokerCpuS, othersCpuS: Math.max(0, machineCpuSeconds() - this.#machine - generatorCpuS - (brokerCpuS ?? 0)) };
  }
}
