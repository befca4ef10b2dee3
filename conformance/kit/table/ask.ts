/** Sends one form of a request, with the names in it made for the case, and reads the answer in a form that any run can compare. */
import { req } from '../codes.js';
import type { Answer, RawConnection } from '../connection.js';
import type { Context } from '../context.js';
import { encodeBatch } from '../wire/batch.js';
import type { Variant } from './variants.js';

/** An answer without what differs from run to run. */
export interface PlainAnswer {
  readonly code: number;
  /** The remark of a refusal with names, addresses and numbers replaced by `{...}`; absent when there is none or it is `exception`. */
  readonly remark?: string;
  /** The class of the Java exception whose text the remark is. */
  readonly exception?: string;
  /** Names of the answer's header fields, sorted. */
  readonly ext: readonly string[];
  readonly body: boolean;
}

type Names = Readonly<Record<string, string>>;

/** What `$name` stands for; topics and groups are only made when the request names them. */
async function namesFor(t: Context, variant: Variant): Promise<Names> {
  const text = JSON.stringify([variant.row.fields.map((field) => field.value), variant.row.body ?? '']);
  const names: Record<string, string> = {
    now: String(t.now()), producer: t.groupName('p'), newTopic: t.topicName('new'), namespace: t.topicName('ns'), brokerName: t.endpoint.brokerName, cluster: t.endpoint.cluster,
  };
  if (text.includes('$topic')) names['topic'] = await t.topic({ queues: 2 });
  if (text.includes('$group')) names['group'] = await t.group();
  if (text.includes('$newTopic') && variant.row.to === 'broker') t.forgetTopic(names['newTopic'] ?? '');
  if (variant.row.name === 'PUT_KV_CONFIG') {
    t.cleanup(async () => (await t.namesrv()).request(req.DELETE_KV_CONFIG, { namespace: names['namespace'] ?? '', key: 'key' }), 'delete the KV entry');
  }
  if (variant.row.name === 'REGISTER_TOPIC_IN_NAMESRV') {
    t.cleanup(async () => (await t.namesrv()).request(req.DELETE_TOPIC_IN_NAMESRV, { topic: names['newTopic'] ?? '' }), 'delete the route');
  }
  return names;
}

/** What Apache's answers begin with; a processor that does not mind leaves it. */
const unset = 'not set any response code';

const filled = (text: string, names: Names): string => text.replace(/\$([A-Za-z]+)/g, (whole, name: string) => names[name] ?? whole);

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The text with what belongs to this run replaced. */
function plainText(text: string, names: Names, endpoint: Context['endpoint'], connection: RawConnection): string {
  let out = text;
  const entries = [...Object.entries(names), ['broker', endpoint.broker], ['client', connection.localAddress]];
  entries.sort(([, a], [, b]) => (b ?? '').length - (a ?? '').length);
  for (const [name = '', value = ''] of entries) if (value.length > 2) out = out.replace(new RegExp(escape(value), 'g'), `{${name}}`);
  return out.replace(/\n?See https?:\/\/\S+ for further details\.$/, '{faq}').replace(/\/?\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?/g, '{address}').replace(/\d{4,}/g, '{n}');
}

/** The answer without what differs from run to run. */
export function plainAnswer(answer: Answer, names: Names, endpoint: Context['endpoint'], connection: RawConnection): PlainAnswer {
  const remark = answer.code === 0 ? '' : (answer.remark ?? '');
  const exception = /^Cannot (?:invoke|read|assign) /.test(remark) ? 'java.lang.NullPointerException' : /^((?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error))\b/.exec(remark)?.[1];
  return {
    code: answer.code,
    ...(exception !== undefined ? { exception } : remark === '' || remark === unset ? {} : { remark: plainText(remark, names, endpoint, connection) }),
    ext: Object.keys(answer.ext).sort(),
    body: answer.body.length > 0,
  };
}

export interface Asked {
  readonly connection: RawConnection;
  readonly answer: Answer;
  readonly plain: PlainAnswer;
}

/** Asks. @throws EndpointError when the endpoint closes, hangs or sends garbage instead of answering. */
export async function ask(t: Context, variant: Variant, timeoutMs = 5000): Promise<Asked> {
  const names = await namesFor(t, variant);
  const connection = await (variant.row.to === 'broker' ? t.broker() : t.namesrv());
  const ext = variant.ext === null ? null : Object.fromEntries(Object.entries(variant.ext).map(([name, value]) => [name, filled(value, names)]));
  const body = variant.body === undefined ? undefined : variant.body === 'batch' ? encodeBatch([{ body: 'x' }]) : filled(variant.body, names);
  const answer = await connection.request(req[variant.row.name], ext, {
    timeoutMs, ...(body === undefined ? {} : { body }), ...(variant.binary ? { serialize: 'binary' as const } : {}),
  });
  return { connection, answer, plain: plainAnswer(answer, names, t.endpoint, connection) };
}
