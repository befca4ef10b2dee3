/** SQL92: pulls, heartbeats and held pulls. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal } from '../../expect.js';
import { staysHeld } from '../pull/support.js';
import { stored, through } from './support.js';

const needs = ['sql92'] as const;

export const cases = defineCases('sql92', [
  {
    name: 'sql92.none-matches', level: 'MUST', source: 'DefaultMessageStore#getMessage, NO_MATCHED_MESSAGE', needs,
    requirement: 'A pull whose expression lets nothing through is answered PULL_RETRY_IMMEDIATELY with nextBeginOffset behind the messages.',
    async run(t) {
      const topic = await stored(t, { one: { a: '1' }, two: { a: '2' } });
      const answer = await t.pull(topic, { subscription: 'a > 5', expressionType: 'SQL92' });
      code(answer, res.PULL_RETRY_IMMEDIATELY, 'pull');
      equal([answer.remark, answer.nextBeginOffset], ['NO_MATCHED_MESSAGE', 2], 'remark and nextBeginOffset');
    },
  },
  {
    name: 'sql92.empty-expression', level: 'MUST', source: 'FilterAPI#build', needs,
    requirement: 'A pull of type SQL92 without an expression is answered SUBSCRIPTION_PARSE_FAILED.',
    async run(t) {
      const topic = await t.topic();
      code(await t.pull(topic, { subscription: '', expressionType: 'SQL92' }), res.SUBSCRIPTION_PARSE_FAILED, 'pull with an empty expression');
      code(await t.pull(topic, { expressionType: 'SQL92', ext: { subscription: undefined } }), res.SUBSCRIPTION_PARSE_FAILED, 'pull without the field');
    },
  },
  {
    name: 'sql92.malformed-in-pull', level: 'INFORMATIONAL', source: 'ConsumerFilterManager#build', needs,
    requirement: 'A pull with an expression that does not compile, or of an unknown type, is refused or filtered by nothing.',
    async run(t) {
      const topic = await stored(t, { one: { a: '1' } });
      const malformed = await t.pull(topic, { subscription: 'a >', expressionType: 'SQL92' });
      const unknown = await t.pull(topic, { subscription: 'a > 5', expressionType: 'SQL2050' });
      t.note(`malformed: code ${malformed.code}, ${malformed.messages.length} messages; unknown type: code ${unknown.code}, ${unknown.messages.length} messages`);
    },
  },
  {
    name: 'sql92.of-heartbeat', level: 'MUST', source: 'ConsumerFilterManager#register', needs,
    requirement: 'An expression registered with a heartbeat filters the pulls that bring no subscription.',
    async run(t) {
      const topic = await stored(t, { one: { a: '1' }, nine: { a: '9' } });
      const group = await t.group();
      code(await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'a > 5', expressionType: 'SQL92' }] }] }), res.SUCCESS, 'heartbeat');
      const answer = await t.pull(topic, { group, sysFlag: 0 });
      code(answer, res.SUCCESS, 'pull');
      equal(answer.messages.map((message) => message.body.toString()), ['nine'], 'bodies');
    },
  },
  {
    name: 'sql92.of-heartbeat-malformed', level: 'MUST', source: 'PullMessageProcessor#processRequest, FILTER_DATA_NOT_EXIST', needs,
    requirement: 'A heartbeat with an expression that does not compile is accepted, and the pull that relies on it is answered FILTER_DATA_NOT_EXIST.',
    async run(t) {
      const topic = await stored(t, { one: { a: '1' } });
      const group = await t.group();
      code(await t.heartbeat('c', { consumers: [{ group, subscriptions: [{ topic, expression: 'a >', expressionType: 'SQL92' }] }] }), res.SUCCESS, 'heartbeat');
      const answer = await t.pull(topic, { group, sysFlag: 0 });
      code(answer, res.FILTER_DATA_NOT_EXIST, 'pull');
      equal(answer.remark, "The broker's consumer filter data is not exist!Your expression may be wrong!", 'remark');
    },
  },
  {
    name: 'sql92.hold-not-woken-by-refused', level: 'MUST', source: 'PullRequestHoldService#notifyMessageArriving, isMatchedByCommitLog', needs,
    requirement: 'A held pull is not answered because of a message that its expression refuses, but when one comes that it lets through.',
    timeoutMs: 20_000,
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.readerGroup();
      const consumer = t.via(await t.connect('broker', { label: 'consumer' }));
      const { held } = await staysHeld(
        t, (offset) => consumer.pull(topic, { subscription: 'a > 5', expressionType: 'SQL92', offset, suspendMs: 8000, group }), () => t.sendOk(topic, { body: 'one', properties: { a: '1' } }),
      );
      await t.sendOk(topic, { body: 'nine', properties: { a: '9' } });
      equal((await held).messages.map((message) => message.body.toString()), ['nine'], 'bodies');
    },
  },
  {
    name: 'sql92.batch-elements', level: 'MUST', source: 'ExpressionMessageFilter#isMatchedByCommitLog', needs: ['sql92', 'batch'],
    requirement: 'Each message of a batch is judged by its own properties.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      code(await t.sendBatch(topic, [{ body: 'one', properties: { a: '1' } }, { body: 'nine', properties: { a: '9' } }, { body: 'ten', properties: { a: '10' } }]), res.SUCCESS, 'batch');
      await t.pullAll(topic, 3);
      equal(await through(t, topic, 'a > 5'), ['nine', 'ten'], 'bodies');
    },
  },
]);
