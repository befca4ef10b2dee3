/**
 * Each real client library plays one short workload, and the checkers judge its history: remoting libraries on Skylark, gRPC ones on Apache's proxy.
 * The gRPC half builds four programs and starts a proxy, which is more than a run of all tests has time for: it runs with CONFORM_GRPC_DRIVERS=1.
 * Longer ones, and faults: `conform --workload all --driver NAME`, `conform --faults --driver NAME` (docs/conformance.md).
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingForJava } from '../adapters/apache/install.js';
import type { Endpoint } from '../endpoint.js';
import type { RunReport } from '../kit/report/types.js';
import { startEndpoint, type StartOptions } from '../kit/start.js';
import { grpcSdks, missingFor, remotingSdks, type SdkName } from '../sdk-driver.js';

/** The first build of a program on a clean machine takes minutes; a workload seconds. */
const runMaxMs = 900_000;

/** The part of the kit that starts Apache's proxy; without it Apache has no gRPC endpoint here. */
const proxyAdapter = fileURLToPath(new URL('../adapters/apache/proxy.js', import.meta.url));

async function conform(endpoint: Endpoint & { readonly grpc?: string | undefined }, driver: SdkName): Promise<{ readonly exit: number; readonly out: string; readonly report: RunReport }> {
  const dir = mkdtempSync(join(tmpdir(), 'workload-'));
  const json = join(dir, 'report.json');
  try {
    const { exit, out } = await new Promise<{ exit: number; out: string }>((resolve) => {
      const child = execFile(process.execPath, [
        fileURLToPath(new URL('../kit/main.js', import.meta.url)), '--namesrv', endpoint.namesrv, '--broker', endpoint.broker, ...(endpoint.grpc === undefined ? [] : ['--grpc', endpoint.grpc]),
        '--workload', 'send-receive', '--duration', '1', '--seed', '1', '--driver', driver, '--json', json,
      ], { timeout: runMaxMs - 10_000, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) => resolve({ exit: child.exitCode ?? -1, out: stdout + stderr.slice(-4000) }));
    });
    if (!existsSync(json)) throw new Error(`no report, exit ${exit}:\n${out}`);
    return { exit, out, report: JSON.parse(readFileSync(json, 'utf8')) as RunReport };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** `needs`: what the endpoint itself lacks here. */
function suite(name: string, options: StartOptions & { readonly grpc?: boolean }, drivers: readonly SdkName[], needs: readonly string[]): void {
  describe(`a workload on ${name}`, () => {
    const able = drivers.filter((driver) => needs.length + missingFor(driver).length === 0);
    // A workload is mostly waiting for what the library does every few seconds: all of them are played at the same time.
    const runs = new Map<SdkName, ReturnType<typeof conform>>();
    let endpoint: Endpoint | undefined;
    beforeAll(async () => {
      if (able.length === 0) return;
      const started = await startEndpoint(name, options);
      endpoint = started;
      for (const driver of able) runs.set(driver, conform(started, driver));
      for (const run of runs.values()) run.catch(() => undefined);
    }, 240_000);
    afterAll(async () => {
      await Promise.allSettled(runs.values());
      await endpoint?.dispose();
    }, runMaxMs);

    for (const driver of drivers) {
      if (!able.includes(driver)) {
        test.skip(`skipped: ${driver} needs ${[...new Set([...needs, ...missingFor(driver)])].join(' and ')}`, () => undefined);
        continue;
      }
      test(`is played by ${driver}: nothing lost, nothing from nowhere`, async () => {
        const run = runs.get(driver);
        if (run === undefined) throw new Error(`${name} was not started`);
        const { exit, out, report } = await run;
        if (exit !== 0) throw new Error(out);
        const passed = report.cases.filter((one) => one.verdict === 'pass').map((one) => one.name);
        expect(passed).toEqual(expect.arrayContaining(['workload.send-receive.lost', 'workload.send-receive.nowhere', 'workload.send-receive.duplicates']));
      }, runMaxMs);
    }
  });
}

suite('skylark', {}, remotingSdks, []);
suite('apache-5.5.0', { grpc: true }, grpcSdks, [...(process.env['CONFORM_GRPC_DRIVERS'] === '1' ? [] : ['CONFORM_GRPC_DRIVERS=1']), ...missingForJava(), ...(existsSync(proxyAdapter) ? [] : ["the adapter of Apache's proxy"])]);
