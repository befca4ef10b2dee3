/**
 * Attributes of topics and groups: which there are, which values they take, and the change syntax `+key=value,-key` (`AttributeParser`, `AttributeUtil`,
 * `TopicAttributes`, `SubscriptionGroupAttributes`). What an attribute means belongs to whoever reads it.
 */
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';

interface Attribute {
  /** False: only at creation. */
  readonly changeable: boolean;
  /** What is wrong with the value; undefined = nothing. */
  readonly fault: (value: string) => string | undefined;
}

export type AttributeSchema = Readonly<Record<string, Attribute>>;

const oneOf = (...values: readonly string[]): Attribute['fault'] => (value) =>
  values.includes(value) ? undefined : `value is not in set: [${values.join(', ')}]`;

const longMax = 2n ** 63n - 1n;

const longIn = (min: bigint, max: bigint): Attribute['fault'] => (value) => {
  if (!/^[+-]?\d{1,19}$/.test(value)) return `For input string: "${value.slice(0, 64)}"`;
  const number = BigInt(value.startsWith('+') ? value.slice(1) : value);
  return number < min || number > max ? `value is not in range(${min}, ${max})` : undefined;
};

const bool: Attribute['fault'] = (value) => (/^(?:true|false)$/i.test(value) ? undefined : 'boolean attribute format is wrong.');
const any: Attribute['fault'] = () => undefined;

export const topicAttributes: AttributeSchema = {
  'queue.type': { changeable: false, fault: oneOf('BatchCQ', 'SimpleCQ') },
  'cleanup.policy': { changeable: false, fault: oneOf('DELETE', 'COMPACTION') },
  'message.type': {
    changeable: true,
    fault: oneOf('UNSPECIFIED', 'MIXED', 'TRANSACTION', 'PRIORITY', 'FIFO', 'DELAY', 'LITE', 'NORMAL'),
  },
  'reserve.time': { changeable: true, fault: longIn(-1n, longMax) },
  'lite.topic.expiration': { changeable: true, fault: longIn(-1n, 43200n) },
};

export const groupAttributes: AttributeSchema = {
  'priority.factor': { changeable: true, fault: longIn(0n, 100n) },
  'lite.bind.topic': { changeable: true, fault: any },
  'lite.sub.model': { changeable: true, fault: oneOf('Shared', 'Exclusive') },
  'lite.sub.reset.offset.exclusive': { changeable: true, fault: bool },
  'lite.sub.reset.offset.unsubscribe': { changeable: true, fault: bool },
  'lite.sub.client.quota': { changeable: true, fault: longIn(-1n, longMax) },
  'lite.sub.client.max.event.cnt': { changeable: true, fault: longIn(10n, longMax) },
  'lite.sub.wildcard': { changeable: true, fault: any },
};

function refuse(why: string): never {
  throw new Refusal(responseCodes.SYSTEM_ERROR, why);
}

/** Reads `+a=b,-c` into signed keys and values; refuses malformed text with `AttributeParser`'s words. */
export function parseAttributeChanges(text: string | undefined): Record<string, string> {
  const changes = new Map<string, string>();
  if (text === undefined || text === '') return {};
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    if (equals >= 0 && !key.includes('+')) refuse(`add/alter attribute format is wrong: ${key.slice(0, 128)}`);
    if (equals < 0 && !key.includes('-')) refuse(`delete attribute format is wrong: ${key.slice(0, 128)}`);
    // Java's split drops what follows a second "=".
    const value = equals < 0 ? '' : (part.slice(equals + 1).split('=')[0] ?? '');
    if (changes.has(key)) refuse(`key duplication: ${key.slice(0, 128)}`);
    changes.set(key, value);
  }
  return Object.fromEntries(changes);
}

/**
 * Applies signed changes to the current attributes (undefined = the topic or group is being created, which allows only `+`).
 * Refuses with SYSTEM_ERROR and `AttributeUtil`'s words, as an exception there becomes.
 */
export function alterAttributes(
  schema: AttributeSchema,
  current: Readonly<Record<string, string>> | undefined,
  changes: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const altered = new Map(Object.entries(current ?? {}));
  const seen = new Set<string>();
  for (const [signedKey, value] of Object.entries(changes)) {
    const key = signedKey.slice(1);
    if (key === '' || /[+-]/.test(key)) refuse('kv string format wrong.');
    if (seen.has(key)) refuse(`alter duplication key. key: ${key.slice(0, 128)}`);
    seen.add(key);
    const adding = signedKey.startsWith('+');
    if (current === undefined && !adding) refuse(`only add attribute is supported while creating topic. key: ${key.slice(0, 128)}`);
    if (!adding && !signedKey.startsWith('-')) refuse(`wrong format key: ${key.slice(0, 128)}`);
    if (!adding && !altered.has(key)) refuse(`attempt to delete a nonexistent key: ${key.slice(0, 128)}`);
    const attribute = Object.hasOwn(schema, key) ? schema[key] : undefined;
    if (attribute === undefined) return refuse(`unsupported key: ${key.slice(0, 128)}`);
    if (current !== undefined && !attribute.changeable) refuse(`attempt to update an unchangeable attribute. key: ${key}`);
    if (!adding) {
      altered.delete(key);
      continue;
    }
    const fault = attribute.fault(value);
    if (fault !== undefined) refuse(fault);
    altered.set(key, value);
  }
  return Object.fromEntries(altered);
}
