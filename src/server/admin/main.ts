/**
 * `skylark admin message|topic ...`: reads the arguments, asks the cluster, prints text or JSON. Exit codes: 0 found or done; 1 nothing found, or it failed;
 * 2 usage.
 */
import { parseArgs } from 'node:util';
import type { DecodedMessage } from '../../codec/stored-message.js';
import { propertyNames } from '../../codec/properties.js';
import { readTraceRecords } from '../../codec/trace-records.js';
import { traceTopic } from '../broker/topic-names.js';
import { AdminError, Cluster } from './cluster.js';
import { byId, byKey, byTimeSpan, byUniqueKey, traceMessages, uniqueIdOf, uniqueIdOfOffsetId, type Found, type FoundPage, type Page, type Span } from './messages.js';
import { createTopic, listTopics, messageTypes, type MessageType } from './topics.js';
import { timelineOf, type Timeline, type TimelineEvent } from './timeline.js';

const help = `Usage: skylark admin message|topic <command> [options]

Commands of topic
  create TOPIC                    make it, or change it, on every broker
  list                            all topics, the brokers' own among them

Commands of message
  byId MSGID                      the message with this offset id (the msgId that a broker answers)
  byUniqueKey -t TOPIC ID         messages with this unique id (the msgId that a client makes)
  byKey -t TOPIC KEY              messages with this key, newest first
  query -t TOPIC                  all messages of a time, queue after queue
  trace MSGID                     what the trace topic says of a message, by either id: sent, committed, consumed, by whom, when, how long

Options
  -n, --namesrv LIST              name servers, HOST:PORT separated by ;        (127.0.0.1:9876)
  -t, --topic TOPIC
      --begin TIME --end TIME     stored from, until: milliseconds since 1970, or a date such as 2025-12-24T08:00:00Z
      --page N                    from 1                                        (1)
      --page-size N               1 to 1000                                     (32)
      --trace-topic TOPIC         where the clients write their traces          (RMQ_SYS_TRACE_TOPIC)
      --queues N                  of a new topic, 1 to 1024                     (8)
      --type TYPE                 of the messages of a new topic: ${messageTypes.join(', ')}; clients
                                  over gRPC may send no other                   (NORMAL)
      --json                      one JSON object
Exit codes: 0 found or done; 1 nothing found, or it failed; 2 usage.
`;

const options = {
  namesrv: { type: 'string', short: 'n', default: '127.0.0.1:9876' },
  topic: { type: 'string', short: 't' },
  begin: { type: 'string' },
  end: { type: 'string' },
  page: { type: 'string', default: '1' },
  'page-size': { type: 'string', default: '32' },
  'trace-topic': { type: 'string', default: traceTopic },
  queues: { type: 'string', default: '8' },
  type: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const foundSome = 0;
const foundNothing = 1;
const usage = 2;

/** Trace messages that one timeline is made of at most; a message brings records of many. */
const traceMessagesMax = 2000;

/** Bytes of a body that the text form shows. */
const bodyShownMax = 1024;

class UsageError extends Error {}

function whole(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < 1 || value > max) throw new UsageError(`--${name} takes a number from 1 to ${max}, not '${text}'`);
  return value;
}

function time(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isSafeInteger(value)) throw new UsageError(`--${name} takes milliseconds since 1970 or a date, not '${text}'`);
  return value;
}

function needed(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`${name} is needed`);
  return value;
}

const date = (ms: number): string => new Date(ms).toISOString();

function messageJson({ broker, message }: Found): object {
  const { body, properties, ...rest } = message;
  const text = body.toString('utf8');
  const readable = Buffer.from(text, 'utf8').equals(body);
  return { broker, uniqueId: uniqueIdOf(message), ...rest, properties: Object.fromEntries(properties), ...(readable ? { body: text } : { bodyBase64: body.toString('base64') }) };
}

function bodyText(body: Buffer): string {
  const shown = body.subarray(0, bodyShownMax).toString('utf8');
  const printable = !/[\u0000-\u0008\u000e-\u001f\u007f-\u009f\ufffd]/.test(shown);
  return `${printable ? shown : body.subarray(0, 64).toString('hex')}${body.length > (printable ? bodyShownMax : 64) ? ' ...' : ''} (${body.length} bytes)`;
}

function messageLines({ broker, message }: Found): string[] {
  const property = (name: string): string => message.properties.get(name) ?? '-';
  const known = new Set<string>([propertyNames.UNIQ_KEY, propertyNames.KEYS, propertyNames.TAGS]);
  const others = [...message.properties].filter(([name]) => !known.has(name)).map(([name, value]) => `${name}=${value}`).join(' ');
  return [
    `${uniqueIdOf(message)}  ${date(message.storeTimestamp)}`,
    `  topic ${message.topic}  queue ${message.queueId}  offset ${message.queueOffset}  at ${broker}  offset id ${message.msgId}`,
    `  tags ${property(propertyNames.TAGS)}  keys ${property(propertyNames.KEYS)}  born ${date(message.bornTimestamp)} at ${message.bornHost}  retries ${message.reconsumeTimes}`,
    ...(others === '' ? [] : [`  ${others}`]),
    `  ${bodyText(message.body)}`,
  ];
}

function pageText({ found, more, total }: FoundPage, page: Page): string {
  const ending = `${found.length} shown${total === undefined ? '' : ` of ${total}`}${more ? `; --page ${page.page + 1} goes on` : ''}`;
  return [...found.flatMap(messageLines), ending].join('\n');
}

function eventLine(event: TimelineEvent): string {
  const outcome = event.outcome ?? (event.ok === undefined ? '' : event.ok ? 'ok' : 'failed');
  const more = [
    ...(event.costMs === undefined ? [] : [`${event.costMs} ms`]),
    ...(event.attempt === undefined ? [] : [`attempt ${event.attempt}`]),
    ...(event.fromCheck === true ? ['after a check'] : []),
  ];
  return `${(event.atMs === undefined ? 'unknown' : date(event.atMs)).padEnd(25)}${event.kind.padEnd(12)}${(event.group ?? '-').padEnd(24)} ${event.clientHost.padEnd(16)} ${outcome.padEnd(9)} ${more.join(', ')}`.trimEnd();
}

function timelineText(timeline: Timeline): string {
  const { msgId, topic, tags, keys, messageType, storeHost, offsetMsgId, bodyBytes } = timeline;
  return [
    `${msgId}  topic ${topic ?? '-'}  ${messageType ?? ''}`.trimEnd(),
    `tags ${tags ?? '-'}  keys ${keys ?? '-'}  ${bodyBytes ?? '-'} bytes  stored at ${storeHost ?? '-'}  offset id ${offsetMsgId ?? '-'}`,
    ...timeline.events.map(eventLine),
  ].join('\n');
}

export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

interface Asked {
  readonly cluster: Cluster;
  readonly word: string;
  readonly topic: string | undefined;
  readonly traceTopic: string;
  readonly span: Span;
  readonly page: Page;
  readonly queues: number;
  readonly messageType: MessageType | undefined;
}

/** What a command found: as JSON and as text. Undefined: nothing. */
type Answer = { readonly json: object; readonly text: string } | undefined;

const pageAnswer = (page: FoundPage, asked: Page): Answer =>
  page.found.length === 0 ? undefined : { json: { ...asked, ...page, found: page.found.map(messageJson) }, text: pageText(page, asked) };

const listAnswer = (found: readonly Found[]): Answer =>
  found.length === 0 ? undefined : { json: { found: found.map(messageJson) }, text: found.flatMap(messageLines).join('\n') };

type Commands = Readonly<Record<string, (asked: Asked) => Promise<Answer>>>;

const messageCommands: Commands = {
  async byId({ cluster, word }) {
    return listAnswer(await byId(cluster, needed('MSGID', word)));
  },
  async byUniqueKey({ cluster, word, topic, span }) {
    return listAnswer(await byUniqueKey(cluster, needed('--topic', topic), needed('ID', word), span));
  },
  async byKey({ cluster, word, topic, span, page }) {
    return pageAnswer(await byKey(cluster, needed('--topic', topic), needed('KEY', word), span, page), page);
  },
  async query({ cluster, topic, span, page }) {
    return pageAnswer(await byTimeSpan(cluster, needed('--topic', topic), span, page), page);
  },
  async trace({ cluster, word, traceTopic: from, span }) {
    // Traces are found by the id that the client made; whoever has the broker's is led there.
    const given = needed('MSGID', word);
    const msgId = (await uniqueIdOfOffsetId(cluster, given, await cluster.brokersOf(from))) ?? given;
    const messages = await traceMessages(cluster, from, msgId, span, traceMessagesMax);
    const records = messages.flatMap(({ message }: { readonly message: DecodedMessage }) => readTraceRecords(message.body).map((record) => ({ record, bornHost: message.bornHost })));
    const timeline = timelineOf(msgId, records);
    return timeline === undefined ? undefined : { json: timeline, text: timelineText(timeline) };
  },
};

const topicCommands: Commands = {
  async create({ cluster, word, queues, messageType }) {
    const topic = needed('TOPIC', word);
    const brokers = await createTopic(cluster, { topic, queues, messageType });
    return { json: { topic, queues, messageType, brokers }, text: `${topic}: ${queues} queues${messageType === undefined ? '' : `, ${messageType}`}, on ${brokers.join(', ')}` };
  },
  async list({ cluster }) {
    const topics = await listTopics(cluster);
    return topics.length === 0 ? undefined : { json: { topics }, text: topics.join('\n') };
  },
};

const areas: Readonly<Record<string, Commands>> = { message: messageCommands, topic: topicCommands };

function typeOf(text: string | undefined): MessageType | undefined {
  const type = messageTypes.find((one) => one === text?.toUpperCase());
  if (text !== undefined && type === undefined) throw new UsageError(`--type takes ${messageTypes.join(', ')}, not '${text}'`);
  return type;
}

/** Runs the words behind `skylark admin`; resolves with the exit code. */
export async function adminMain(argv: readonly string[], { out, err }: Output): Promise<number> {
  let cluster: Cluster | undefined;
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    if (values.help) {
      out(help);
      return foundSome;
    }
    const [area = '', name = '', word = '', ...rest] = positionals;
    const commands = Object.hasOwn(areas, area) ? areas[area] : undefined;
    if (commands === undefined) throw new UsageError(`unknown area '${area}': ${Object.keys(areas).join(', ')}`);
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new UsageError(`unknown command '${name}': ${Object.keys(commands).join(', ')}`);
    if (rest.length > 0) throw new UsageError(`'${rest.join(' ')}' is too much`);
    const span = { beginMs: time('begin', values.begin, 0), endMs: time('end', values.end, Number.MAX_SAFE_INTEGER) };
    const page = { page: whole('page', values.page, 1_000_000), size: whole('page-size', values['page-size'], 1000) };
    const queues = whole('queues', values.queues, 1024);
    const messageType = typeOf(values.type);
    cluster = new Cluster(values.namesrv);
    const answer = await command({ cluster, word, topic: values.topic, traceTopic: values['trace-topic'], span, page, queues, messageType });
    if (answer === undefined) {
      err('nothing found\n');
      return foundNothing;
    }
    out(`${values.json ? JSON.stringify(answer.json, null, 2) : answer.text}\n`);
    return foundSome;
  } catch (error) {
    const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
    if (!isUsage && !(error instanceof AdminError)) throw error;
    err(`skylark admin: ${error.message}${isUsage ? ' (skylark admin --help tells more)' : ''}\n`);
    return isUsage ? usage : foundNothing;
  } finally {
    await cluster?.close();
  }
}
