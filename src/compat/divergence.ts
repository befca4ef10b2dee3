/**
 * Every deliberate difference from Apache RocketMQ 5.5.0: what it does, what we do, why, and which cases show it.
 * A difference that is not listed here is a defect. Rows are added where a difference is made.
 */

export interface Divergence {
  /** What Apache 5.5.0 does, with the method that does it. */
  readonly apache: string;
  readonly skylark: string;
  readonly reason: string;
  /** Conformance cases and tests that show it, by id or by test file. */
  readonly cases: readonly string[];
}

export const divergences = {
  'header.required-field-missing': {
    apache: 'A missing @CFNotNull field is only logged; the processor then fails on null and answers SYSTEM_ERROR with a NullPointerException and a stack frame (RemotingCommand#decodeCommandCustomHeaderDirectly).',
    skylark: 'SYSTEM_ERROR whose remark names header class, field and type. Fields whose absence Apache\'s handler tolerates are optional in the table.',
    reason: 'The code is the same; the remark says what was wrong.',
    cases: ['src/codec/header.test.ts'],
  },
  'header.malformed-number': {
    apache: 'A malformed number is swallowed in generic headers (the field stays null), and thrown as NumberFormatException with a stack frame in FastCodesHeader ones.',
    skylark: 'The same split; the remark keeps the exception\'s first line and names the field instead of a stack frame.',
    reason: 'No stack frames of ours or of others in remarks.',
    cases: ['src/codec/header.test.ts'],
  },
  'header.key-order': {
    apache: 'extFields in the iteration order of a HashMap, and an empty object when a reply has a header class but no values.',
    skylark: 'extFields in order of declaration, left out when empty; answers to SEND and PULL keep Apache\'s order.',
    reason: 'Order has no meaning to any reader.',
    cases: ['src/codec/reply-writer.test.ts'],
  },
  'header.malformed-utf8': {
    apache: 'fastjson2 reads some malformed UTF-8 sequences as other characters.',
    skylark: 'A JSON header that is not UTF-8 closes the connection; malformed text in a binary header reads as U+FFFD.',
    reason: 'A message whose properties silently changed is worse than a refused one.',
    cases: ['src/codec/header-scan.test.ts'],
  },
  'header.language-unknown': {
    apache: 'An unknown language name or code becomes null, and some processors then fail on it (LanguageCode#valueOf).',
    skylark: 'The name is kept as sent, an unknown code as LANGUAGE_<code>.',
    reason: 'New SDKs appear before their names do.',
    cases: ['src/codec/header.test.ts'],
  },
  'header.binary-empty-entry': {
    apache: 'A binary extFields entry with an empty key or value is kept as a null in the map (RocketMQSerializable#readStr).',
    skylark: 'The entry is dropped.',
    reason: 'A null reads as absent everywhere.',
    cases: ['src/codec/header.test.ts'],
  },
  'frame.malformed-length': {
    apache: 'A length below 4, a header longer than its frame, an unknown serialization or a frame above frameMaxLength closes the connection (NettyDecoder#decode, RemotingCommand#decode).',
    skylark: 'The same, at the first byte that shows it rather than after the whole frame arrived.',
    reason: 'Nothing is buffered for a frame that cannot be read.',
    cases: ['src/codec/frame.test.ts'],
  },
  'json.depth-and-size': {
    apache: 'fastjson2 reads nesting up to 2048 levels and bodies of any size a frame can have.',
    skylark: 'At most 64 levels; a deeper body is refused.',
    reason: 'No body of the protocol nests deeper than 8.',
    cases: ['src/compat/fastjson.test.ts'],
  },
  'json.member-types': {
    apache: 'A body member of the wrong type raises a JSONException whose text becomes the remark; a missing one is null until something fails on it.',
    skylark: 'SYSTEM_ERROR whose remark names the body, the member, what it must be and what it is.',
    reason: 'The code is the same; the remark says what was wrong.',
    cases: ['src/codec/bodies.test.ts'],
  },
  'registration.inflate-limit': {
    apache: 'A compressed registration inflates without bound, and its length words are allocated before they are read (RegisterBrokerBody#decode).',
    skylark: 'At most 128 MiB, and lengths are checked against what is left.',
    reason: 'One request must not exhaust memory.',
    cases: ['src/codec/bodies.test.ts'],
  },
  'properties.malformed-unicode-escape': {
    apache: 'A malformed \\u escape gives the whole text up: the configuration update is refused (Properties#load, MixAll#string2Properties).',
    skylark: 'The escape stays as written.',
    reason: 'Values are checked key by key afterwards, with errors that name the key.',
    cases: ['src/compat/properties-file.test.ts'],
  },
} as const satisfies Readonly<Record<string, Divergence>>;

export type DivergenceId = keyof typeof divergences;
