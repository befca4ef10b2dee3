/**
 * Prints REQUESTS.md from the table: `node dist/src/codec/generate-docs.js > src/codec/REQUESTS.md`. A test holds the committed file fresh.
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { requests } from './requests.js';
import type { Field, RequestName, Spec } from './requests.js';

const kindNames = { str: 'String', i32: 'int32', i64: 'int64', bool: 'boolean', f64: 'double', boundary: 'lower/upper' } as const satisfies Record<Field['as'], string>;

function fieldText(name: string, field: Field): string {
  const wire = field.wire === undefined ? '' : ` as \`${field.wire}\``;
  const absent = field.opt === true ? '?' : field.or === undefined ? '' : ` = ${field.or === '' ? '""' : field.or}`;
  return `\`${name}\`${wire} ${kindNames[field.as]}${absent}`;
}

/** Fields every request header inherits say nothing about a code. */
const inherited = new Set(['namespace', 'namespaced', 'bname', 'oneway', 'logical']);

function fieldsText(fields: { readonly [name: string]: Field }, skip: ReadonlySet<string>): string {
  return Object.keys(fields).filter((name) => !skip.has(name) || (fields[name]?.wire === undefined && name !== 'bname')).map((name) => fieldText(name, fields[name] as Field)).join(', ');
}

function section(name: RequestName): string {
  const spec: Spec = requests[name];
  const since = spec.since === undefined ? '' : `, since ${spec.since}`;
  const lines = [`### ${spec.code} ${name}`, '', `${spec.state}${since}; on ${spec.on.length === 0 ? 'no server' : spec.on.join(', ')}; lane ${spec.lane}.`];
  const header = fieldsText(spec.header, inherited);
  const reply = fieldsText(spec.reply, new Set());
  if (header !== '') lines.push(`- request (${spec.javaHeader ?? 'no header class'}${spec.fast === true ? ', decoded by hand' : ''}): ${header}`);
  if (reply !== '') lines.push(`- reply: ${reply}`);
  if (spec.body !== 'none') lines.push(`- body: ${spec.body}`);
  if (spec.replyBody !== 'none') lines.push(`- reply body: ${spec.replyBody}`);
  if (spec.note !== undefined) lines.push(`- ${spec.note}`);
  return lines.join('\n');
}

/** The document. */
export function requestsDocument(): string {
  const names = (Object.keys(requests) as RequestName[]).sort((a, b) => requests[a].code - requests[b].code);
  const count = (state: Spec['state']): number => names.filter((name) => requests[name].state === state).length;
  return [
    '# Request codes',
    '',
    'Generated from requests.ts by generate-docs.ts; do not edit.',
    '',
    `${names.length} codes of Apache RocketMQ 5.5.0: ${count('served')} served, ${count('planned')} planned (answered REQUEST_CODE_NOT_SUPPORTED until then), ${count('refused')} refused.`,
    'A field marked `?` may be absent; one with `= value` has that value when absent; all others must be there.',
    'Most requests also take the inherited fields `ns`, `nsd`, `bname`, `oway` and, with a topic, `lo`.',
    '',
    '| code | name | state | on |',
    '|---|---|---|---|',
    ...names.map((name) => `| ${requests[name].code} | ${name} | ${requests[name].state} | ${requests[name].on.join(', ')} |`),
    '',
    names.map(section).join('\n\n'),
    '',
  ].join('\n');
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) process.stdout.write(requestsDocument());
