/** Words that inputs are made of, from the product's own tables: a new request code or property is known here the moment it is declared. */
import { propertyNames } from '../../src/codec/properties.js';
import { requests } from '../../src/codec/requests.js';
import { responseCodes } from '../../src/codec/responses.js';

/** Numbers at which Java's types and our checks end. */
export const boundaryNumbers: readonly string[] = [
  '0', '-1', '1', '127', '128', '255', '256', '32767', '32768', '65535', '65536', '2147483647', '-2147483648', '2147483648', '4294967295', '4294967296',
  '9007199254740991', '9007199254740993', '9223372036854775807', '-9223372036854775808', '9223372036854775808', '1e308', '1E400', 'NaN', 'Infinity', '-0', '0x10', '007', '1.5', '1L',
];

const sundry: readonly string[] = [
  'null', 'true', 'false', '{', '}', '[', ']', '"', "'", ':', ',', '\\', '\\u0000', '\\ud800', '\\u', '{}', '[]', '{"', '":', '\u0001', '\u0002', '\u0000', '\ufeff', '\r\n', '%RETRY%', '%DLQ%',
  '%SYS%', '*', '||', 'TBW102', 'SCHEDULE_TOPIC_XXXX', 'rmq_sys_wheel_timer', 'RMQ_SYS_TRANS_HALF_TOPIC', 'SELF_TEST_TOPIC', 'TAG', 'SQL92', '__proto__', 'constructor', 'toString', '@type',
  'code', 'extFields', 'flag', 'language', 'opaque', 'remark', 'serializeTypeCurrentRPC', 'version', 'JAVA', 'JSON', 'ROCKETMQ', '../', '/', '|', '@',
];

/** Header field names of every request, as they stand on the wire. */
export const fieldNames: readonly string[] = [...new Set(Object.values(requests).flatMap((spec) =>
  Object.entries(spec.header).map(([name, field]) => (field as { readonly wire?: string }).wire ?? name)))];

/** Every word, the shorter ones first. */
export const dictionary: readonly Buffer[] = [...new Set([
  ...boundaryNumbers, ...sundry, ...fieldNames, ...Object.values(propertyNames),
  ...Object.values(requests).map((spec) => String(spec.code)), ...Object.values(responseCodes).map(String),
])].sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).map((word) => Buffer.from(word));
