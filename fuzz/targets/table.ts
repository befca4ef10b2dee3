/** All fuzz targets. */
import type { Target } from '../engine/target.js';
import { bodyJson, configJson, registration } from './bodies.js';
import { frame } from './frame.js';
import { grpcService } from './grpc-service.js';
import { binaryHeader, json, jsonHeader, typedHeader } from './headers.js';
import { batch, compression, properties, records } from './messages.js';
import { commitLogRecovery, derivedRecovery, timerRecovery } from './recovery.js';
import { brokerRequests, namesrvRequests } from './servers.js';
import { sql92 } from './sql92.js';
import { brokerConf, grpcMessage, receiptHandle } from './texts.js';

export const targets: readonly Target[] = [
  frame(), jsonHeader(), binaryHeader(), typedHeader(), json(),
  batch(), properties(), records(), compression(),
  receiptHandle(), grpcMessage(), brokerConf(),
  sql92(), bodyJson(), registration(), configJson(),
  brokerRequests(), namesrvRequests(), grpcService(),
  commitLogRecovery(), derivedRecovery(), timerRecovery(),
];

export function targetNamed(name: string): Target {
  const found = targets.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no target ${name}: there are ${targets.map((one) => one.name).join(', ')}`);
  return found;
}
