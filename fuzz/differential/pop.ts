/** Moves about POP. Queues are named, since which one a server looks at first is chance; the invisible time ends within the sequence or never. */
import type { Draft } from './draft.js';
import type { Move } from './generate.js';
import type { Ref } from './steps.js';

const never = 3_600_000;

function pop(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic();
  const queueId = draft.queue(topic);
  const group = draft.group();
  const count = random.pick([1, 1, 2, 4, 32]);
  const order = random.once(5);
  const id = draft.send('POP_MESSAGE', {
    consumerGroup: group, topic: topic.name, queueId, maxMsgNums: count, invisibleTime: never, pollTime: 0, bornTime: { ref: 'clock', of: '' }, initMode: random.once(6) ? 1 : 0, order,
    ...(random.once(3) ? { expType: 'TAG', exp: random.pick(['*', 'TagA', 'TagA || TagB']) } : {}), ...(order && random.once(2) ? { attemptId: '~A' } : {}),
  });
  draft.pops.push({ id, group, topic, queueId, count, order });
}

function acknowledge(draft: Draft): void {
  const { random } = draft;
  const one = random.pick(draft.pops);
  const index = random.below(Math.min(one.count, 3));
  const of = (what: string): Ref => ({ ref: one.id, of: what, index });
  draft.send('ACK_MESSAGE', { consumerGroup: one.group, topic: of('realTopic'), queueId: of('queueId'), extraInfo: of('handle'), offset: of('queueOffset') });
}

function change(draft: Draft): void {
  const { random } = draft;
  const one = random.pick(draft.pops);
  const index = random.below(Math.min(one.count, 3));
  const of = (what: string): Ref => ({ ref: one.id, of: what, index });
  draft.send('CHANGE_MESSAGE_INVISIBLETIME', { consumerGroup: one.group, topic: of('realTopic'), queueId: of('queueId'), extraInfo: of('handle'), offset: of('queueOffset'), invisibleTime: never, suspend: false });
}

function batchAcknowledge(draft: Draft): void {
  const { random } = draft;
  const one = random.pick(draft.pops);
  const bits = Buffer.from([1 + random.below(7)]).toString('base64');
  const of = (what: string): Ref => ({ ref: one.id, of: what });
  draft.send('BATCH_ACK_MESSAGE', {}, {
    body: { json: { brokerName: 'broker-a', acks: [{ c: one.group, t: one.topic.name, r: '0', so: of('startOffset'), q: one.queueId, rq: of('reviveQid'), pt: of('popTime'), it: of('invisibleTime'), b: bits }] } },
  });
}

/** A message that is not acknowledged in time is popped again, from the retry topic. */
function forget(draft: Draft): void {
  const { random } = draft;
  if (draft.late.some((one) => one.topic.startsWith('%RETRY%'))) return;
  const topic = draft.topic();
  const queueId = draft.queue(topic);
  if ((topic.counts[queueId] ?? 0) === 0) return;
  draft.send('POP_MESSAGE', { consumerGroup: '~GForget', topic: topic.name, queueId, maxMsgNums: 1, invisibleTime: 100 + random.below(400), pollTime: 0, bornTime: { ref: 'clock', of: '' }, initMode: 0, order: false });
  draft.expectLate(`%RETRY%~GForget_${topic.name}`, 0);
}

function ask(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic();
  const where = { consumerGroup: draft.group(), topic: topic.name, queueId: draft.queue(topic) };
  switch (random.below(3)) {
    case 0: draft.send('PEEK_MESSAGE', { ...where, maxMsgNums: random.pick([1, 3, 32]) }); break;
    case 1: draft.send('NOTIFICATION', { ...where, pollTime: 0, bornTime: { ref: 'clock', of: '' }, order: random.once(3) }); break;
    default: draft.send('POLLING_INFO', where);
  }
}

const popped = (draft: Draft): boolean => draft.pops.length > 0;

export const popMoves: readonly Move[] = [
  { area: 'pop', weight: 5, make: pop },
  { area: 'pop', weight: 5, ready: popped, make: acknowledge },
  { area: 'pop', weight: 2, ready: popped, make: change },
  { area: 'pop', weight: 2, ready: popped, make: batchAcknowledge },
  { area: 'pop', weight: 1, make: forget },
  { area: 'pop', weight: 2, make: ask },
];
