/** Tag filters: subscriptions of the request and of heartbeats. The broker compares hash codes, clients compare the text. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { res } from '../../codes.js';
import { code, equal } from '../../expect.js';
import { subscriptionData, type PullAnswer, type PullOptions } from '../../messaging.js';

/** Stores one message for each tag (undefined: without a tag) in a new topic; the body is the tag. */
async function tagged(t: Context, ...tags: readonly (string | undefined)[]): Promise<string> {
  const topic = await t.topic({ queues: 1 });
  for (const tag of tags) await t.sendOk(topic, { body: tag ?? 'none', ...(tag === undefined ? {} : { tags: tag }) });
  await t.pullAll(topic, tags.length);
  return topic;
}

/** The bodies that a pull with this subscription brings; PULL_RETRY_IMMEDIATELY brings none. */
async function seen(t: Context, topic: string, subscription: string, options: PullOptions = {}): Promise<string[]> {
  const answer: PullAnswer = await t.pull(topic, { subscription, ...options });
  code(answer, [res.SUCCESS, res.PULL_RETRY_IMMEDIATELY], `pull with '${subscription}'`);
  return answer.messages.map((message) => message.body.toString());
}

export const cases = defineCases('filter', [
  {
    name: 'filter.tag-one',
    requirement: 'A subscription to one tag lets through the messages that have it, in order, and nothing else.',
    level: 'MUST',
    source: 'ExpressionMessageFilter#isMatchedByConsumeQueue',
    async run(t) {
      const topic = await tagged(t, 'A', 'B', undefined, 'A', 'AB');
      equal(await seen(t, topic, 'A'), ['A', 'A'], 'bodies');
    },
  },
  {
    name: 'filter.tag-several',
    requirement: 'Tags joined by || let through the messages that have any of them.',
    level: 'MUST',
    source: 'FilterAPI#buildSubscriptionData',
    async run(t) {
      const topic = await tagged(t, 'A', 'B', 'C', undefined, 'B');
      equal(await seen(t, topic, 'A||B'), ['A', 'B', 'B'], 'bodies');
    },
  },
  {
    name: 'filter.tag-blanks-trimmed',
    requirement: 'Blanks around the tags of a subscription, and empty parts between ||, do not count.',
    level: 'MUST',
    source: 'FilterAPI#buildSubscriptionData',
    async run(t) {
      const topic = await tagged(t, 'A', 'B', 'C');
      equal(await seen(t, topic, '  A ||  || \tB|| '), ['A', 'B'], 'bodies');
    },
  },
  {
    name: 'filter.tag-star',
    requirement: 'The subscription * lets everything through, messages without a tag as well.',
    level: 'MUST',
    source: 'ExpressionMessageFilter#isMatchedByConsumeQueue, SUB_ALL',
    async run(t) {
      const topic = await tagged(t, 'A', undefined, '*');
      equal(await seen(t, topic, '*'), ['A', 'none', '*'], 'bodies');
    },
  },
  {
    name: 'filter.tag-absent-is-all',
    requirement: 'A pull whose subscription is absent or empty lets everything through.',
    level: 'MUST',
    source: 'FilterAPI#buildSubscriptionData',
    async run(t) {
      const topic = await tagged(t, 'A', undefined);
      equal(await seen(t, topic, '*', { ext: { subscription: undefined } }), ['A', 'none'], 'bodies without the field');
      equal(await seen(t, topic, ''), ['A', 'none'], 'bodies with an empty field');
    },
  },
  {
    name: 'filter.tag-star-among-others',
    requirement: 'A * among other tags is a tag of that name, not all.',
    level: 'MUST',
    source: 'FilterAPI#buildSubscriptionData',
    async run(t) {
      const topic = await tagged(t, 'A', 'B', '*', undefined);
      equal(await seen(t, topic, 'A||*'), ['A', '*'], 'bodies');
    },
  },
  {
    name: 'filter.tag-blank-star',
    requirement: 'A * with blanks around it is a tag of that name, not all.',
    level: 'SHOULD',
    source: 'FilterAPI#buildSubscriptionData',
    async run(t) {
      const topic = await tagged(t, 'A', '*');
      equal(await seen(t, topic, ' * '), ['*'], 'bodies');
    },
  },
  {
    name: 'filter.tag-only-bars',
    requirement: 'A subscription of nothing but || is answered SUBSCRIPTION_PARSE_FAILED.',
    level: 'MUST',
    source: 'FilterAPI#buildSubscriptionData, subString split error',
    async run(t) {
      const answer = await t.pull(await t.topic(), { subscription: '||' });
      code(answer, res.SUBSCRIPTION_PARSE_FAILED, 'pull');
      equal(answer.remark, "parse the consumer's subscription failed", 'remark');
    },
  },
  {
    name: 'filter.tag-only-blanks',
    requirement: 'A subscription of blanks only names no tag and lets nothing through.',
    level: 'SHOULD',
    source: 'FilterAPI#buildSubscriptionData',
    async run(t) {
      const topic = await tagged(t, 'A', undefined);
      equal(await seen(t, topic, '  '), [], 'bodies');
    },
  },
  {
    name: 'filter.tag-one-bar',
    requirement: 'A single | does not separate tags.',
    level: 'MUST',
    source: 'FilterAPI#buildSubscriptionData',
    async run(t) {
      const topic = await tagged(t, 'A', 'B', 'A|B');
      equal(await seen(t, topic, 'A|B'), ['A|B'], 'bodies');
    },
  },
  {
    name: 'filter.tag-case',
    requirement: 'Tags are compared with their case.',
    level: 'MUST',
    source: 'MessageExtBrokerInner#tagsString2tagsCode',
    async run(t) {
      const topic = await tagged(t, 'Tag', 'TAG', 'tag');
      equal(await seen(t, topic, 'TAG'), ['TAG'], 'bodies');
    },
  },
  {
    name: 'filter.tag-of-message-is-one',
    requirement: 'A message whose TAGS holds || has one tag of that whole text.',
    level: 'MUST',
    source: 'MessageExtBrokerInner#tagsString2tagsCode',
    async run(t) {
      const topic = await tagged(t, 'A||B', 'A');
      equal(await seen(t, topic, 'A||B'), ['A'], 'bodies');
    },
  },
  {
    name: 'filter.tag-hash-collision',
    requirement: 'Messages whose tag has the hash code of a subscribed one are delivered as well: the client compares the text.',
    level: 'MUST',
    source: 'ExpressionMessageFilter#isMatchedByConsumeQueue, codeSet',
    async run(t) {
      const topic = await tagged(t, 'Aa', 'BB', 'Ab');
      equal(await seen(t, topic, 'Aa'), ['Aa', 'BB'], 'bodies');
    },
  },
  {
    name: 'filter.tag-none-has-code-zero',
    requirement: 'A message without a tag has tags code 0 and is delivered to a subscription whose tag hashes to 0.',
    level: 'SHOULD',
    source: 'MessageExtBrokerInner#tagsString2tagsCode',
    async run(t) {
      const topic = await tagged(t, undefined, 'A');
      equal(await seen(t, topic, 'f5a5a608'), ['none'], 'bodies (f5a5a608 has hash code 0)');
    },
  },
  {
    name: 'filter.tag-beyond-ascii',
    requirement: 'Tags beyond ASCII, and beyond 16 bits, are matched by the hash of their UTF-16 units.',
    level: 'MUST',
    source: 'String#hashCode',
    async run(t) {
      const topic = await tagged(t, '订单', '🚀 go', 'größe', 'A');
      equal(await seen(t, topic, '订单||🚀 go||größe'), ['订单', '🚀 go', 'größe'], 'bodies');
    },
  },
  {
    name: 'filter.next-offset-skips-refused',
    requirement: 'When messages are found, nextBeginOffset also skips the refused ones behind them.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage',
    async run(t) {
      const topic = await tagged(t, 'B', 'A', 'B', 'B');
      const answer = await t.pull(topic, { subscription: 'A' });
      equal([answer.messages.map((message) => message.queueOffset), answer.nextBeginOffset], [[1], 4], 'queue offsets and nextBeginOffset');
    },
  },
  {
    name: 'filter.type-absent-is-tag',
    requirement: 'A pull without expressionType filters by tags.',
    level: 'MUST',
    source: 'FilterAPI#build',
    async run(t) {
      const topic = await tagged(t, 'A', 'B');
      equal(await seen(t, topic, 'B', { ext: { expressionType: undefined } }), ['B'], 'bodies');
    },
  },
  {
    name: 'filter.type-empty',
    requirement: 'With an empty expressionType the tags are not read: * lets everything through and a tag nothing.',
    level: 'INFORMATIONAL',
    source: 'FilterAPI#build, ExpressionType#isTagType',
    async run(t) {
      const topic = await tagged(t, 'A', 'B');
      equal([await seen(t, topic, '*', { expressionType: '' }), await seen(t, topic, 'A', { expressionType: '' })], [['A', 'B'], []], 'bodies with * and with A');
    },
  },
  {
    name: 'filter.heartbeat-tags',
    requirement: 'A heartbeat with several tags filters the pulls that bring no subscription.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest, findSubscriptionData',
    async run(t) {
      const topic = await tagged(t, 'A', 'B', 'C');
      const group = await t.group();
      await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'A || C' }] }] });
      equal(await seen(t, topic, '', { group, sysFlag: 0 }), ['A', 'C'], 'bodies');
    },
  },
  {
    name: 'filter.heartbeat-code-set-counts',
    requirement: 'Of a heartbeat the broker uses the codeSet, not the text of the expression.',
    level: 'SHOULD',
    source: 'ExpressionMessageFilter#isMatchedByConsumeQueue, codeSet',
    async run(t) {
      const topic = await tagged(t, 'A', 'B');
      const group = await t.group();
      const odd = { ...subscriptionData({ topic, expression: 'A' }), codeSet: ['B'.charCodeAt(0)] };
      const consumer = { groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', unitMode: false, subscriptionDataSet: [odd] };
      code(await t.heartbeat('c', { members: { consumerDataSet: [consumer] } }), res.SUCCESS, 'heartbeat');
      equal(await seen(t, topic, '', { group, sysFlag: 0 }), ['B'], 'bodies');
    },
  },
  {
    name: 'filter.class-filter-mode',
    requirement: 'A heartbeat with classFilterMode lets everything through: the client filters.',
    level: 'SHOULD',
    source: 'ExpressionMessageFilter#isMatchedByConsumeQueue, classFilterMode',
    async run(t) {
      const topic = await tagged(t, 'A', 'B');
      const group = await t.group();
      const consumer = {
        groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', unitMode: false,
        subscriptionDataSet: [{ ...subscriptionData({ topic, expression: 'A' }), classFilterMode: true }],
      };
      code(await t.heartbeat('c', { members: { consumerDataSet: [consumer] } }), res.SUCCESS, 'heartbeat');
      equal(await seen(t, topic, '', { group, sysFlag: 0 }), ['A', 'B'], 'bodies');
    },
  },
]);
