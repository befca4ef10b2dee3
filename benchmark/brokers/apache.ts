/**
 * Starts Apache RocketMQ for comparison, with the heap that its own figures were taken with instead of the suites' small
 * one, and its defaults otherwise; with gRPC as its proxy runs it inside (LOCAL mode). Installing and starting is the conformance kit's.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ApacheEndpoint, ApacheNamesrv } from '../../conformance/adapters/apache/apache.js';
import type { Broker, Flush } from './broker.js';

const JVM = {
  namesrv: ['-Xms512m', '-Xmx512m'],
  broker: ['-Xms1g', '-Xmx2g', '-XX:MaxDirectMemorySize=4g'],
} as const;

/** Resolves when the broker said `boot success` and registered. Throws Missing when there is no Java or Maven here. */
export async function startApache(flush: Flush, parent: string, grpc: boolean): Promise<Broker> {
  const namesrv = await ApacheNamesrv.start({ jvm: JVM });
  const dataDir = mkdtempSync(join(parent, 'bench-apache-'));
  const startedMs = performance.now();
  try {
    const endpoint = await ApacheEndpoint.start({
      namesrv: namesrv.address,
      jvm: JVM,
      dataDir,
      ...(grpc ? { proxy: 'LOCAL' as const } : {}),
      config: { flushDiskType: flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH', enablePropertyFilter: true },
    });
    const startS = (performance.now() - startedMs) / 1000;
    return {
      name: endpoint.name,
      address: endpoint.broker,
      grpcAddress: endpoint.grpc ?? null,
      pid: endpoint.pid,
      namesrvPid: namesrv.pid,
      startS,
      dispose: async () => {
        await endpoint.dispose();
        await namesrv.dispose();
        rmSync(dataDir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await namesrv.dispose();
    rmSync(dataDir, { recursive: true, force: true });
    throw error;
  }
}
