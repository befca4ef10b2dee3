/**
 * How the gRPC service says no: a GrpcRefusal carries a code of the schema, and what the broker refuses over remoting is mapped onto one
 * (`ResponseBuilder#buildStatus`).
 */
import { Refusal } from '../../codec/errors.js';
import { grpcCode, namesOf } from '../../codec/grpc-messages.js';
import { responseCodes } from '../../codec/responses.js';
import type { Reply } from '../../remoting/types.js';
import { BrokerAway } from './brokers.js';

export type GrpcCode = (typeof grpcCode)[keyof typeof grpcCode];

export interface Status {
  readonly code: GrpcCode;
  readonly message: string;
}

/** An expected refusal: becomes the status of the answer. */
export class GrpcRefusal extends Error {
  readonly code: GrpcCode;

  constructor(code: GrpcCode, message: string) {
    super(message);
    this.name = 'GrpcRefusal';
    this.code = code;
  }
}

const names = namesOf(grpcCode);

/** A status whose message is the code's name. */
export function statusOf(code: GrpcCode): Status {
  return { code, message: names.get(code) ?? String(code) };
}

export const statusOk: Status = statusOf(grpcCode.OK);

const byRemotingCode = new Map<number, GrpcCode>([
  [responseCodes.SUCCESS, grpcCode.OK],
  [responseCodes.SYSTEM_BUSY, grpcCode.TOO_MANY_REQUESTS],
  [responseCodes.REQUEST_CODE_NOT_SUPPORTED, grpcCode.NOT_IMPLEMENTED],
  [responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, grpcCode.CONSUMER_GROUP_NOT_FOUND],
  [responseCodes.TOPIC_NOT_EXIST, grpcCode.TOPIC_NOT_FOUND],
  [responseCodes.LMQ_QUOTA_EXCEEDED, grpcCode.LITE_TOPIC_QUOTA_EXCEEDED],
  [responseCodes.LITE_SUBSCRIPTION_QUOTA_EXCEEDED, grpcCode.LITE_SUBSCRIPTION_QUOTA_EXCEEDED],
]);

/** The status of a broker's answer. */
export function statusOfReply(reply: Pick<Reply, 'code' | 'remark'>): Status {
  return { code: byRemotingCode.get(reply.code) ?? grpcCode.INTERNAL_SERVER_ERROR, message: reply.remark ?? String(reply.code) };
}

/** What an exception becomes; undefined when it is no refusal but a defect. */
export function statusOfError(error: unknown): Status | undefined {
  if (error instanceof GrpcRefusal) return { code: error.code, message: error.message };
  if (error instanceof Refusal) return statusOfReply({ code: error.code, remark: error.message });
  if (error instanceof BrokerAway) return { code: error.late ? grpcCode.PROXY_TIMEOUT : grpcCode.INTERNAL_SERVER_ERROR, message: error.message };
  return undefined;
}

/** The common code of several results, or MULTIPLE_RESULTS (`AckMessageActivity#setAckResponseStatus`). */
export function commonStatus(results: readonly Status[], whenNone: string): Status {
  const codes = new Set(results.map((one) => one.code));
  const [only] = codes;
  if (only === undefined) return { code: grpcCode.INTERNAL_SERVER_ERROR, message: whenNone };
  return statusOf(codes.size > 1 ? grpcCode.MULTIPLE_RESULTS : only);
}
