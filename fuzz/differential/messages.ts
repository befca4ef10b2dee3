/** Moves about messages: sending in all its forms, pulling, queries, what comes later. */
import type { Draft, Topic } from './draft.js';
import type { Move } from './generate.js';
import type { BatchPart, Value } from './steps.js';

type Properties = Record<string, Value>;

function propertiesOf(draft: Draft, number: number): Properties {
  const { random } = draft;
  const out: Properties = { UNIQ_KEY: `^${number}^` };
  const tag = random.pick(['TagA', 'TagA', 'TagB', 'TagC', '']);
  if (tag !== '') out['TAGS'] = tag;
  if (random.once(2)) out['KEYS'] = random.pick(['k0', 'k1', 'k2', 'k0 k1', 'k2  k3']);
  if (random.once(4)) out['a'] = random.pick(['1', '5', '10', '-3', 'x', '']);
  if (random.once(8)) out['WAIT'] = random.pick(['true', 'false']);
  if (random.once(12)) out['__SHARDINGKEY'] = 's';
  return out;
}

const keyOf = (properties: Properties): string | undefined => (typeof properties['KEYS'] === 'string' ? properties['KEYS'].split(' ')[0] : undefined);

/** SEND_MESSAGE_V2's one-letter fields, or SEND_MESSAGE's. */
function header(draft: Draft, topic: string, queueId: number, v1: boolean, more: Readonly<Record<string, Value>> = {}): Record<string, Value> {
  const { random } = draft;
  const values: Record<string, Value> = {
    producerGroup: '~P', topic, defaultTopic: 'TBW102', defaultTopicQueueNums: 4, queueId, sysFlag: 0, bornTimestamp: { ref: 'clock', of: '' }, flag: random.once(8) ? random.below(100) : 0,
    reconsumeTimes: 0, unitMode: random.once(20), batch: false, ...more,
  };
  const letters: Readonly<Record<string, string>> = { producerGroup: 'a', topic: 'b', defaultTopic: 'c', defaultTopicQueueNums: 'd', queueId: 'e', sysFlag: 'f', bornTimestamp: 'g', flag: 'h', reconsumeTimes: 'j', unitMode: 'k', maxReconsumeTimes: 'l', batch: 'm' };
  return v1 ? values : Object.fromEntries(Object.entries(values).map(([name, value]) => [letters[name] ?? name, value]));
}

function noteSent(draft: Draft, topic: Topic, queueId: number, id: number, number: number, properties: Properties): void {
  if (queueId >= topic.queues) return;
  topic.counts[queueId] = (topic.counts[queueId] ?? 0) + 1;
  draft.sent.push({ id, topic: topic.name, queueId, number, key: keyOf(properties) });
}

export function sendOne(draft: Draft, topic = draft.topic(), queueId = draft.random.once(40) ? topic.queues : draft.random.below(topic.queues)): number {
  const { random } = draft;
  const number = draft.number();
  const properties = propertiesOf(draft, number);
  const v1 = random.once(4);
  const deflated = random.once(10);
  const text = `message ${number} ${'x'.repeat(random.once(6) ? random.below(2000) : random.below(20))}`;
  const id = draft.send(v1 ? 'SEND_MESSAGE' : 'SEND_MESSAGE_V2', header(draft, topic.name, queueId, v1, deflated ? { sysFlag: 1 } : {}), { properties, body: deflated ? { deflated: text } : { text } });
  noteSent(draft, topic, queueId, id, number, properties);
  return id;
}

function sendSome(draft: Draft): void {
  const topic = draft.topic();
  for (let left = draft.random.small(6); left > 0; left--) sendOne(draft, topic);
}

function sendBatch(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic();
  const queueId = random.below(topic.queues);
  const parts: BatchPart[] = [];
  for (let left = random.small(5); left > 0; left--) {
    const number = draft.number();
    parts.push({ body: `element ${number}`, properties: propertiesOf(draft, number) });
  }
  const id = draft.send('SEND_BATCH_MESSAGE', { ...header(draft, topic.name, queueId, false), m: true }, { properties: {}, body: { batch: parts } });
  topic.counts[queueId] = (topic.counts[queueId] ?? 0) + parts.length;
  if (parts[0] !== undefined) draft.sent.push({ id, topic: topic.name, queueId, number: 0, key: keyOf(parts[0].properties) });
}

/** Into a topic that nobody has made, or one with other permissions than it needs. */
function sendElsewhere(draft: Draft): void {
  const { random } = draft;
  const number = draft.number();
  const topic = random.pick(['~TAuto', '~TAuto', '%RETRY%~G0', '%DLQ%~G0', 'SELF_TEST_TOPIC', '~TNone']);
  const retry = topic.startsWith('%RETRY%') ? { RETRY_TOPIC: draft.topics[0]?.name ?? '~T0' } : undefined;
  draft.send('SEND_MESSAGE_V2', { ...header(draft, topic, 0, false, { defaultTopicQueueNums: random.pick([1, 4, 16]), reconsumeTimes: retry === undefined ? 0 : 1 }), ...(topic === '~TNone' ? { c: 'NoSuchDefault' } : {}) }, {
    properties: { ...propertiesOf(draft, number), ...retry }, body: draft.text(`elsewhere ${number}`),
    // All share the one; messages sent back may have come to the other.
    ...(topic === 'SELF_TEST_TOPIC' || retry !== undefined ? { mask: ['queueOffset'] } : {}),
  });
}

function pull(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic();
  const queueId = draft.queue(topic);
  const count = topic.counts[queueId] ?? 0;
  const lite = random.once(8);
  const sysFlag = (random.once(4) ? 1 : 0) | 4 | (lite ? 8 : 0);
  const sql = random.once(6);
  draft.fill(lite ? 'LITE_PULL_MESSAGE' : 'PULL_MESSAGE', {
    consumerGroup: draft.group(), topic: topic.name, queueId, queueOffset: random.once(6) ? count + random.below(3) : random.below(count + 1), sysFlag,
    commitOffset: random.below(count + 1), suspendTimeoutMillis: 0, ...(sql ? { expressionType: 'SQL92', subscription: random.pick(['a > 3', 'a IS NOT NULL', "TAGS = 'TagA' OR a < 0", "a = 'x'", 'a BETWEEN 1 AND 6', "TAGS IN ('TagB', 'TagC')"]) } : {}),
  });
}

/** Pulls a queue from its start to its end, as a consumer does. */
function pullAll(draft: Draft, name: string, queueId: number, group: string): void {
  draft.send('PULL_MESSAGE', { consumerGroup: group, topic: name, queueId, queueOffset: 0, maxMsgNums: 32, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*', subVersion: 0, expressionType: 'TAG' });
}

function view(draft: Draft): void {
  const sent = draft.random.pick(draft.sent);
  draft.send('VIEW_MESSAGE_BY_ID', { topic: sent.topic, offset: { ref: sent.id, of: 'phyOffset' } });
}

function query(draft: Draft): void {
  const { random } = draft;
  const sent = random.pick(draft.sent);
  const end: Value = { ref: 'clock', of: '', plus: 3_600_000 };
  if (random.once(3) && sent.number > 0) draft.send('QUERY_MESSAGE', { topic: sent.topic, key: `^${sent.number}^`, maxNum: 32, beginTimestamp: 0, endTimestamp: end, _UNIQUE_KEY_QUERY: 'true' });
  else draft.fill('QUERY_MESSAGE', { topic: sent.topic, maxNum: 32, ...(sent.key === undefined ? {} : { key: sent.key }) });
}

/** A queue of its own for each message that comes later: nothing else decides about its place. */
function lateQueue(draft: Draft): number {
  const queueId = draft.late.filter((one) => one.topic === '~TLate').length;
  if (queueId === 0) draft.send('UPDATE_AND_CREATE_TOPIC', { topic: '~TLate', defaultTopic: 'TBW102', readQueueNums: 16, writeQueueNums: 16, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false });
  draft.expectLate('~TLate', queueId);
  return queueId;
}

function sendLate(draft: Draft): void {
  const { random } = draft;
  if (draft.late.length >= 12) return;
  const queueId = lateQueue(draft);
  const number = draft.number();
  const when: Properties = random.pick<Properties>([
    { DELAY: '1' }, { DELAY: '1' }, { TIMER_DELAY_SEC: '1' }, { TIMER_DELAY_MS: String(200 + random.below(1500)) }, { TIMER_DELIVER_MS: { ref: 'clock', of: '', plus: 500 + random.below(1000) } },
    { TIMER_DELIVER_MS: { ref: 'clock', of: '', plus: -5000 } }, { DELAY: '0' },
  ]);
  draft.send('SEND_MESSAGE_V2', header(draft, '~TLate', queueId, false), { properties: { ...propertiesOf(draft, number), ...when }, body: draft.text(`late ${number}`), mask: ['queueOffset'] });
}

/** A timer far away, so that it can be recalled. */
function sendRecallable(draft: Draft): void {
  const number = draft.number();
  const topic = draft.topic();
  const id = draft.send('SEND_MESSAGE_V2', header(draft, topic.name, 0, false), {
    properties: { UNIQ_KEY: `^${number}^`, TIMER_DELIVER_MS: { ref: 'clock', of: '', plus: 3_600_000 } }, body: draft.text(`never ${number}`), mask: ['queueOffset'],
  });
  draft.recalls.push({ id, topic: topic.name });
}

function recall(draft: Draft): void {
  const { id, topic } = draft.random.pick(draft.recalls);
  draft.send('RECALL_MESSAGE', { producerGroup: '~P', topic: draft.random.once(10) ? '~TNone' : topic, recallHandle: { ref: id, of: 'recallHandle' } });
}

function sendBack(draft: Draft): void {
  const { random } = draft;
  const sent = random.pick(draft.sent);
  const group = draft.group();
  const delayLevel = random.pick([-1, -1, 1, 2]);
  draft.send('CONSUMER_SEND_MSG_BACK', { offset: { ref: sent.id, of: 'phyOffset' }, group, delayLevel, originMsgId: `^${sent.number}^`, originTopic: sent.topic, unitMode: false, maxReconsumeTimes: random.pick([16, 16, 0]) });
}

function half(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic();
  const queueId = random.below(topic.queues);
  const number = draft.number();
  const id = draft.send('SEND_MESSAGE_V2', header(draft, topic.name, queueId, false, { sysFlag: 4 }), {
    properties: { ...propertiesOf(draft, number), TRAN_MSG: 'true', PGROUP: '~P' }, body: draft.text(`half ${number}`), mask: ['queueOffset'],
  });
  draft.halves.push({ id, topic, queueId, number });
}

function endHalf(draft: Draft): void {
  const { random } = draft;
  const at = random.below(draft.halves.length);
  const one = draft.halves[at];
  if (one === undefined) return;
  if (!random.once(6)) draft.halves.splice(at, 1);
  const how = random.pick([8, 8, 8, 12, 0]);
  draft.send('END_TRANSACTION', {
    topic: one.topic.name, producerGroup: random.once(10) ? '~POther' : '~P', tranStateTableOffset: { ref: one.id, of: 'queueOffset' }, commitLogOffset: { ref: one.id, of: 'phyOffset' }, commitOrRollback: how,
    fromTransactionCheck: random.once(4), msgId: `^${one.number}^`, transactionId: `^${one.number}^`,
    // What is not decided yet is not answered (`EndTransactionProcessor#processRequest`).
  }, how === 0 ? { silent: true } : {});
  if (how === 8) one.topic.counts[one.queueId] = (one.topic.counts[one.queueId] ?? 0) + 1;
}

/** Asked about again by an administrator: the half is stored once more. */
function resume(draft: Draft): void {
  const one = draft.random.pick(draft.halves);
  draft.send('RESUME_CHECK_HALF_MESSAGE', { topic: one.topic.name, msgId: { ref: one.id, of: 'msgId' } });
}

/** An answer for a requester that is not there: it is stored all the same. */
function reply(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic();
  const queueId = random.below(topic.queues);
  const number = draft.number();
  const v1 = random.once(2);
  const properties = { ...propertiesOf(draft, number), REPLY_TO_CLIENT: '~CNobody', CORRELATION_ID: `~${number}` };
  const id = draft.send(v1 ? 'SEND_REPLY_MESSAGE' : 'SEND_REPLY_MESSAGE_V2', header(draft, topic.name, queueId, v1), { properties, body: draft.text(`answer ${number}`) });
  noteSent(draft, topic, queueId, id, number, properties);
}

/** Relayed to a client that is not there. */
function directly(draft: Draft): void {
  const sent = draft.random.pick(draft.sent);
  draft.send('CONSUME_MESSAGE_DIRECTLY', { consumerGroup: draft.group(), clientId: '~CNobody', msgId: { ref: sent.id, of: 'msgId' }, brokerName: 'broker-a', ...(draft.random.once(2) ? { topic: sent.topic } : {}) });
}

/** When all else is done: waits for what comes later, and looks at every queue once more. */
export function finish(draft: Draft): void {
  for (const { topic, queueId, count } of draft.late) draft.wait(topic, queueId, count);
  for (const { topic, queueId } of draft.late) pullAll(draft, topic, queueId, '~GReader');
  for (const topic of draft.topics) {
    for (let queueId = 0; queueId < topic.queues; queueId++) if ((topic.counts[queueId] ?? 0) > 0) pullAll(draft, topic.name, queueId, '~GReader');
  }
}

const has = (list: keyof Draft) => (draft: Draft): boolean => (draft[list] as readonly unknown[]).length > 0;

export const messageMoves: readonly Move[] = [
  { area: 'messages', weight: 8, make: sendSome },
  { area: 'messages', weight: 2, make: sendBatch },
  { area: 'messages', weight: 1, make: sendElsewhere },
  { area: 'messages', weight: 8, make: pull },
  { area: 'queries', weight: 2, ready: has('sent'), make: view },
  { area: 'queries', weight: 4, ready: has('sent'), make: query },
  { area: 'late', weight: 3, make: sendLate },
  { area: 'late', weight: 1, make: sendRecallable },
  { area: 'late', weight: 1, ready: has('recalls'), make: recall },
  { area: 'retries', weight: 3, ready: has('sent'), make: sendBack },
  { area: 'transactions', weight: 3, make: half },
  { area: 'transactions', weight: 4, ready: has('halves'), make: endHalf },
  { area: 'transactions', weight: 1, ready: has('halves'), make: resume },
  { area: 'messages', weight: 0.5, make: reply },
  { area: 'queries', weight: 0.5, ready: has('sent'), make: directly },
];
