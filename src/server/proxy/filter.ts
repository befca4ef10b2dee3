/** Filter expressions of clients as the broker's subscriptions (`FilterAPI#build`). */
import { filterType, grpcCode, type FilterExpression } from '../../codec/grpc-messages.js';
import type { Value } from '../../codec/protobuf.js';
import { javaStringHash } from '../../compat/java-string-hash.js';
import { GrpcRefusal } from './status.js';

/** `SubscriptionData` as a heartbeat has it. */
export type SubscriptionBean = {
  readonly topic: string;
  readonly subString: string;
  readonly expressionType: string;
  readonly tagsSet: string[];
  readonly codeSet: number[];
  readonly subVersion: number;
  readonly classFilterMode: boolean;
};

/** The subscription of a filter expression; no tags means all. @throws GrpcRefusal when it is none. */
export function subscriptionOf(topic: string, expression: Value<typeof FilterExpression> | undefined, subVersion: number): SubscriptionBean {
  const text = expression?.expression ?? '';
  const base = { topic, subVersion, classFilterMode: false };
  if (expression?.type === filterType.SQL) {
    if (text.trim() === '') throw new GrpcRefusal(grpcCode.ILLEGAL_FILTER_EXPRESSION, 'expression format is not correct');
    return { ...base, subString: text, expressionType: 'SQL92', tagsSet: [], codeSet: [] };
  }
  if (text === '' || text === '*') return { ...base, subString: '*', expressionType: 'TAG', tagsSet: [], codeSet: [] };
  const tagsSet = text.split('||').map((tag) => tag.trim()).filter((tag) => tag !== '');
  if (tagsSet.length === 0) throw new GrpcRefusal(grpcCode.ILLEGAL_FILTER_EXPRESSION, 'subString split error');
  return { ...base, subString: text, expressionType: 'TAG', tagsSet, codeSet: tagsSet.map((tag) => javaStringHash(tag)) };
}
