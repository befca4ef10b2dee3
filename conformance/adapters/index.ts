/** Which broker the suites run against: Skylark's build, or Apache's with SKYLARK_ENDPOINT=apache. */
import type { Endpoint, EndpointOptions } from '../endpoint.js';
import { ApacheEndpoint } from './apache/apache.js';
import { missingForJava } from './apache/install.js';
import { SkylarkEndpoint } from './skylark.js';

export const endpointKind: 'skylark' | 'apache' = process.env['SKYLARK_ENDPOINT'] === 'apache' ? 'apache' : 'skylark';

/** What the machine lacks for the chosen endpoint (nothing for Skylark). */
export function missingForEndpoint(): string[] {
  return endpointKind === 'apache' ? missingForJava() : [];
}

/** A suite is no load test: Apache on a busy machine must not refuse sends that waited 200 ms, or clients see SYSTEM_BUSY. */
export const apachePatience = { waitTimeMillsInSendQueue: 10_000 } as const;

/** Starts the chosen endpoint; with `grpc` Apache's proxy beside its broker, which Skylark has inside. */
export function startEndpoint({ grpc = false, ...options }: EndpointOptions & { readonly grpc?: boolean } = {}): Promise<Endpoint> {
  return endpointKind === 'apache'
    ? ApacheEndpoint.start({ ...options, proxy: grpc, config: { ...apachePatience, ...options.config } })
    : SkylarkEndpoint.start(options);
}
