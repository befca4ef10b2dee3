/** What the SQL92 cases share: messages with properties, and which of them an expression lets through. */
import type { Context } from '../../context.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import { code } from '../../expect.js';
import { subscriptionData } from '../../messaging.js';

/** Property sets by the name that a case knows the message by. */
export type Messages = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Stores the messages in one queue of a new topic; each body is the message's name. */
export async function stored(t: Context, messages: Messages): Promise<string> {
  const topic = await t.topic({ queues: 1 });
  for (const [body, properties] of Object.entries(messages)) await t.sendOk(topic, { body, properties });
  await t.pullAll(topic, Object.keys(messages).length);
  return topic;
}

/** The names of the messages in `topic` that the expression lets through, in order. */
export async function through(t: Context, topic: string, expression: string): Promise<string[]> {
  const answer = await t.pull(topic, { subscription: expression, expressionType: 'SQL92' });
  code(answer, [res.SUCCESS, res.PULL_RETRY_IMMEDIATELY], `pull with ${expression}`);
  return answer.messages.map((message) => message.body.toString());
}

/** The values of property `a` with which a message passes the expression. */
export async function valuesThrough(t: Context, expression: string, values: readonly string[]): Promise<string[]> {
  return through(t, await stored(t, Object.fromEntries(values.map((value) => [`[${value}]`, { a: value }]))), expression).then((names) => names.map((name) => name.slice(1, -1)));
}

/** CHECK_CLIENT_CONFIG of one expression: SUCCESS when it compiles, SUBSCRIPTION_PARSE_FAILED when it does not. */
export function check(t: Context, expression: string, expressionType = 'SQL92'): Promise<Answer> {
  return t.request(req.CHECK_CLIENT_CONFIG, {}, {
    body: JSON.stringify({ clientId: 'conform', group: t.groupName(), subscriptionData: subscriptionData({ topic: t.topicName(), expression, expressionType }) }),
  });
}

/** Every one of the expressions is refused by CHECK_CLIENT_CONFIG. */
export async function refused(t: Context, ...expressions: readonly string[]): Promise<void> {
  for (const expression of expressions) code(await check(t, expression), res.SUBSCRIPTION_PARSE_FAILED, `check of ${expression}`);
}

/** Every one of the expressions is accepted by CHECK_CLIENT_CONFIG. */
export async function accepted(t: Context, ...expressions: readonly string[]): Promise<void> {
  for (const expression of expressions) code(await check(t, expression), res.SUCCESS, `check of ${expression}`);
}
