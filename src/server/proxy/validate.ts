/**
 * What the gRPC service checks before a broker sees anything (`GrpcValidator`, `Validators`): names, tags, keys, times. The limits are those of
 * Apache's `ProxyConfig`.
 */
import { grpcCode } from '../../codec/grpc-messages.js';
import { isSystemGroup, shown } from '../broker/topic-names.js';
import { GrpcRefusal } from './status.js';

export const proxyLimits = {
  bodyBytesMax: 4 * 1024 * 1024,
  userPropertiesMax: 128,
  /** Keys and values of user properties, tag and keys. */
  userPropertyBytesMax: 16 * 1024,
  messageGroupBytesMax: 64,
  liteTopicBytesMax: 64,
  /** Messages a lite client may have unacknowledged (`ProxyConfig#maxLiteRenewNumPerChannel`). */
  liteUnackedMax: 100,
  receiveInvisibleMsMin: 10_000,
  invisibleMsMax: 12 * 3600 * 1000,
  delayMsMax: 24 * 3600 * 1000,
  transactionRecoverySecondsMax: 3600,
  receiveMax: 32,
  pollMsMin: 5000,
  pollMsMax: 20_000,
} as const;

const legalName = /^[%|a-zA-Z0-9_-]+$/;
const legalNames = '^[%|a-zA-Z0-9_-]+$';
const topicLengthMax = 127;
const groupLengthMax = 255;

/** ISO control characters (`CharMatcher#javaIsoControl`). */
export function hasControlCharacter(text: string): boolean {
  return /[\u0000-\u001f\u007f-\u009f]/.test(text);
}

/** Refuses names of topics that nobody may use; `isSystem` knows the broker's own. */
export function checkTopic(topic: string, isSystem: (topic: string) => boolean): void {
  const refuse = (message: string): never => {
    throw new GrpcRefusal(grpcCode.ILLEGAL_TOPIC, message);
  };
  if (topic.trim() === '') refuse('The specified topic is blank');
  if (topic.length > topicLengthMax) refuse(`The specified topic is longer than topic max length ${topicLengthMax}.`);
  if (!legalName.test(topic)) refuse(`The specified topic[${shown(topic)}] contains illegal characters, allowing only ${legalNames}`);
  if (isSystem(topic)) refuse('cannot access system topic');
}

export function checkGroup(group: string): void {
  const refuse = (message: string): never => {
    throw new GrpcRefusal(grpcCode.ILLEGAL_CONSUMER_GROUP, message);
  };
  if (group.trim() === '') refuse('the specified group is blank');
  if (group.length > groupLengthMax) refuse(`the specified group[${shown(group)}] is longer than group max length: ${groupLengthMax}.`);
  if (!legalName.test(group)) refuse(`the specified group[${shown(group)}] contains illegal characters, allowing only ${legalNames}`);
  if (isSystemGroup(group)) refuse('cannot use system consumer group');
}

export function checkTag(tag: string): void {
  if (tag === '') return;
  const refuse = (message: string): never => {
    throw new GrpcRefusal(grpcCode.ILLEGAL_MESSAGE_TAG, message);
  };
  if (tag.trim() === '') refuse('tag cannot be the char sequence of whitespace');
  if (tag.includes('|')) refuse("tag cannot contain '|'");
  if (hasControlCharacter(tag)) refuse('tag cannot contain control character');
}

export function checkKey(key: string): void {
  if (key === '') return;
  if (key.trim() === '') throw new GrpcRefusal(grpcCode.ILLEGAL_MESSAGE_KEY, 'key cannot be the char sequence of whitespace');
  if (hasControlCharacter(key)) throw new GrpcRefusal(grpcCode.ILLEGAL_MESSAGE_KEY, 'key cannot contain control character');
}

export function checkMessageGroup(group: string): void {
  if (group === '') return;
  const refuse = (message: string): never => {
    throw new GrpcRefusal(grpcCode.ILLEGAL_MESSAGE_GROUP, message);
  };
  if (group.trim() === '') refuse('message group cannot be the char sequence of whitespace');
  if (Buffer.byteLength(group) >= proxyLimits.messageGroupBytesMax) refuse(`message group exceed the max size ${proxyLimits.messageGroupBytesMax}`);
  if (hasControlCharacter(group)) refuse('message group cannot contain control character');
}

export function checkLiteTopic(liteTopic: string): void {
  const refuse = (message: string): never => {
    throw new GrpcRefusal(grpcCode.ILLEGAL_LITE_TOPIC, message);
  };
  if (liteTopic.trim() === '') refuse('lite topic cannot be the char sequence of whitespace');
  if (Buffer.byteLength(liteTopic) > proxyLimits.liteTopicBytesMax) refuse(`lite topic exceed the max size ${proxyLimits.liteTopicBytesMax}`);
  if (!/^[a-zA-Z0-9_-]+$/.test(liteTopic)) refuse('lite topic can only contain alphanumeric characters, hyphens(-), and underscores(_)');
}

export function checkInvisibleTime(ms: number, minMs: number): void {
  if (ms < minMs) throw new GrpcRefusal(grpcCode.ILLEGAL_INVISIBLE_TIME, `the invisibleTime is too small. min is ${minMs}`);
  if (ms > proxyLimits.invisibleMsMax) throw new GrpcRefusal(grpcCode.ILLEGAL_INVISIBLE_TIME, `the invisibleTime is too large. max is ${proxyLimits.invisibleMsMax}`);
}
