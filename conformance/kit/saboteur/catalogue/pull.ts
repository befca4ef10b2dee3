/** Sabotage of delivery by pull, and of tag filters. */
import { req, res } from '../../codes.js';
import type { Command } from '../../wire/frame.js';
import { altered, at, propertiesOf, queueOffsetOf, recordsIn, withBody, withProperties } from '../records.js';
import { answerTo, defineSabotages, moved, onAnswer, onRecords, onRequest, onSuccess, withExt, withRecords, type Hooks } from '../sabotage.js';

const pulls: readonly number[] = [req.PULL_MESSAGE, req.LITE_PULL_MESSAGE];

const suspended = (request: Command): boolean => (Number(request.ext['sysFlag']) & 2) !== 0 && Number(request.ext['suspendTimeoutMillis']) > 0;

/** Alters each delivered record. */
function eachRecord(run: (record: Buffer) => Buffer): Hooks {
  return onRecords(pulls, (records) => records.map(run));
}

export const pullSabotages = defineSabotages('pull', [
  {
    name: 'pull.next-offset-too-small',
    does: 'Answers nextBeginOffset one too small, so that the last message comes again.',
    breaks: 'nextBeginOffset is after the last message delivered.',
    witnesses: ['pull.*next*', 'pull.*'],
    hooks: () => onSuccess(pulls, (answer) => moved(answer, 'nextBeginOffset', -1)),
  },
  {
    name: 'pull.next-offset-too-large',
    does: 'Answers nextBeginOffset one too large, so that a message is skipped.',
    breaks: 'nextBeginOffset is after the last message delivered.',
    witnesses: ['pull.*next*', 'pull.*'],
    hooks: () => onSuccess(pulls, (answer) => moved(answer, 'nextBeginOffset', 1)),
  },
  {
    name: 'pull.corrected-offset-wrong',
    does: 'Corrects an offset beyond the end to one past the end.',
    breaks: 'An offset beyond the end is corrected to the end.',
    witnesses: ['pull.offset-past-max', 'pull.*'],
    hooks: () => onAnswer(pulls, (answer) => (answer.code === res.PULL_OFFSET_MOVED ? moved(answer, 'nextBeginOffset', 1) : undefined)),
  },
  {
    name: 'pull.moved-as-not-found',
    does: 'Answers a pull beyond the end with PULL_NOT_FOUND.',
    breaks: 'A pull beyond the end is PULL_OFFSET_MOVED.',
    witnesses: ['pull.offset-past-max', 'pull.*'],
    hooks: () => onAnswer(pulls, (answer) => (answer.code === res.PULL_OFFSET_MOVED ? { ...answer, code: res.PULL_NOT_FOUND } : undefined)),
  },
  {
    name: 'pull.max-offset-too-large',
    does: 'Answers pulls with a maxOffset one too large.',
    breaks: 'maxOffset is the end of the queue.',
    witnesses: ['pull.found-fields', 'pull.*max*', 'pull.*'],
    hooks: () => onSuccess(pulls, (answer) => moved(answer, 'maxOffset', 1)),
  },
  {
    name: 'pull.min-offset-too-large',
    does: 'Answers pulls with a minOffset one too large.',
    breaks: 'minOffset is the first offset of the queue.',
    witnesses: ['pull.found-fields', 'pull.*min*', 'pull.*'],
    hooks: () => onSuccess(pulls, (answer) => moved(answer, 'minOffset', 1)),
  },
  {
    name: 'pull.last-message-lost',
    does: 'Leaves the last message out of a pull of several.',
    breaks: 'Every stored message is delivered.',
    witnesses: ['send.v1-and-v2-alike', 'pull.*', 'send.*'],
    hooks: () => onRecords(pulls, (records) => (records.length > 1 ? records.slice(0, -1) : records)),
  },
  {
    name: 'pull.delivered-twice',
    does: 'Delivers the first message of each pull twice.',
    breaks: 'A pull delivers each message once.',
    witnesses: ['pull.held-until-message-arrives', 'pull.*', 'send.*'],
    hooks: () => onRecords(pulls, ([first = Buffer.alloc(0), ...rest]) => [first, first, ...rest]),
  },
  {
    name: 'pull.out-of-order',
    does: 'Delivers the messages of a pull from last to first.',
    breaks: 'Messages are delivered in the order of their queue offsets.',
    witnesses: ['pull.*order*', 'pull.*', 'order.*', 'send.*'],
    hooks: () => onRecords(pulls, (records) => [...records].reverse()),
  },
  {
    name: 'pull.limit-ignored',
    does: 'Delivers up to 32 messages, whatever number was asked for.',
    breaks: 'A pull delivers at most maxMsgNums messages.',
    witnesses: ['pull.*num*', 'pull.*max*', 'pull.*limit*', 'pull.*'],
    hooks: () => onRequest(pulls, (request) => (/^(?:[1-9]|[12]\d)$/.test(request.ext['maxMsgNums'] ?? '') ? withExt(request, { maxMsgNums: 32 }) : undefined)),
  },
  {
    name: 'pull.offset-ignored',
    does: 'Pulls from one message before the offset that was asked for.',
    breaks: 'A pull begins at the offset that was asked for.',
    witnesses: ['pull.*offset*', 'pull.*'],
    hooks: () => onRequest(pulls, (request) => (Number(request.ext['queueOffset']) > 0 ? moved(request, 'queueOffset', -1) : undefined)),
  },
  {
    name: 'pull.body-corrupted',
    does: 'Flips a bit in delivered bodies.',
    breaks: 'A body is delivered as it was sent.',
    witnesses: ['send.body-and-properties-kept', 'pull.*', 'send.*'],
    hooks: () => eachRecord((record) => withBody(record, (body) => body.length > 0 && body.writeUInt8(body.readUInt8(0) ^ 1, 0), true)),
  },
  {
    name: 'pull.crc-wrong',
    does: 'Delivers messages whose CRC is not that of the body.',
    breaks: 'The CRC of a delivered message is that of its body.',
    witnesses: ['send.body-and-properties-kept', 'message-format.*', 'pull.*'],
    hooks: () => eachRecord((record) => altered(record, (copy) => copy.writeInt32BE(copy.readInt32BE(at.crc) ^ 1, at.crc))),
  },
  {
    name: 'pull.property-lost',
    does: 'Delivers messages without their keys.',
    breaks: 'Properties are delivered as they were sent.',
    witnesses: ['send.body-and-properties-kept', 'pull.*', 'send.*'],
    hooks: () => eachRecord((record) => ('KEYS' in propertiesOf(record) ? withProperties(record, (properties) => delete properties['KEYS']) : record)),
  },
  {
    name: 'pull.record-offset-wrong',
    does: 'Delivers messages with a queue offset one too large.',
    breaks: 'A delivered message carries its own queue offset.',
    witnesses: ['message-format.pull-and-view-alike', 'message-format.*offset*', 'pull.*offset*', 'message-format.*', 'pull.*', 'send.*'],
    hooks: () => eachRecord((record) => altered(record, (copy) => copy.writeBigInt64BE(BigInt(queueOffsetOf(copy) + 1), at.queueOffset))),
  },
  {
    name: 'pull.record-position-wrong',
    does: 'Delivers messages with a commit log position one too large.',
    breaks: 'A delivered message can be found by the id it makes.',
    witnesses: ['message-format.pull-and-view-alike', 'message-format.*', 'query.*', 'send.*id*', 'pull.*', 'send.*'],
    hooks: () => eachRecord((record) => altered(record, (copy) => copy.writeBigInt64BE(copy.readBigInt64BE(at.phyOffset) + 1n, at.phyOffset))),
  },
  {
    name: 'pull.record-truncated',
    does: 'Cuts the last byte off the body of a pull answer.',
    breaks: 'A pull answer is made of whole records.',
    witnesses: ['pull.held-until-message-arrives', 'pull.*'],
    hooks: () => onSuccess(pulls, (answer) => (answer.body.length > 0 ? { ...answer, body: answer.body.subarray(0, -1) } : undefined)),
  },
  {
    name: 'pull.held-never-answered',
    does: 'Does not answer a pull that waited.',
    breaks: 'A held pull is answered when a message arrives or its time is up.',
    witnesses: ['pull.held-until-message-arrives', 'pull.*held*', 'pull.*'],
    hooks: () => {
      const since = new WeakMap<Command, number>();
      return {
        request: (request) => void (pulls.includes(request.code) && suspended(request) && since.set(request, Date.now())),
        answer: (_answer, request) => (Date.now() - (since.get(request) ?? Infinity) > 100 ? 'drop' : undefined),
      };
    },
  },
  {
    name: 'pull.held-answered-early',
    does: 'Does not hold a pull that may wait.',
    breaks: 'A pull that may wait is held at the end of the queue.',
    witnesses: ['pull.held-until-message-arrives', 'pull.*held*', 'pull.*'],
    hooks: () => onRequest(pulls, (request) => (suspended(request) ? withExt(request, { sysFlag: Number(request.ext['sysFlag']) & ~2 }) : undefined)),
  },
  {
    name: 'pull.held-answered-late',
    does: 'Answers a held pull seven seconds after the message arrived.',
    breaks: 'A held pull is answered when a message arrives.',
    witnesses: ['pull.held-until-message-arrives', 'pull.*held*'],
    hooks: () => onSuccess(pulls, (answer, request, link) => {
      if (!suspended(request)) return undefined;
      link.later(7000, () => link.toClient(answer));
      return 'drop';
    }),
  },
  {
    name: 'pull.commit-ignored',
    does: 'Ignores the offset that a pull commits.',
    breaks: 'A pull with the commit flag commits its offset.',
    witnesses: ['pull.*commit*', 'offsets.*pull*', 'pull.*', 'offsets.*'],
    hooks: () => onRequest(pulls, (request) => ((Number(request.ext['sysFlag']) & 1) === 0 ? undefined : withExt(request, { sysFlag: Number(request.ext['sysFlag']) & ~1 }))),
  },
  {
    name: 'pull.unknown-topic-empty',
    does: 'Answers a pull from an unknown topic with PULL_NOT_FOUND.',
    breaks: 'A pull from an unknown topic is TOPIC_NOT_EXIST.',
    witnesses: ['pull.*unknown*', 'pull.*topic*', 'pull.*'],
    hooks: () => onAnswer(pulls, (answer) => (answer.code === res.TOPIC_NOT_EXIST ? { ...answer, code: res.PULL_NOT_FOUND, ext: { nextBeginOffset: '0', minOffset: '0', maxOffset: '0' } } : undefined)),
  },
  {
    name: 'pull.empty-success',
    does: 'Answers a pull at the end of a queue with SUCCESS and no message.',
    breaks: 'A pull that finds nothing is PULL_NOT_FOUND.',
    witnesses: ['pull.*end*', 'pull.*empty*', 'pull.*not-found*', 'pull.*'],
    hooks: () => onAnswer(pulls, (answer) => (answer.code === res.PULL_NOT_FOUND ? { ...answer, code: 0, remark: 'FOUND' } : undefined)),
  },
]);

/** Whether a pull asks for some tags only, in the request itself. */
const filtered = (request: Command): boolean => (Number(request.ext['sysFlag']) & 4) !== 0 && !['*', '', undefined].includes(request.ext['subscription']) && (request.ext['expressionType'] ?? 'TAG') === 'TAG';

export const filterSabotages = defineSabotages('filter', [
  {
    name: 'filter.excluded-delivered',
    does: 'Delivers messages whatever their tag.',
    breaks: 'Only messages with a tag of the subscription are delivered.',
    witnesses: ['filter.*tag*', 'filter.*'],
    hooks: () => onRequest(req.PULL_MESSAGE, (request) => (filtered(request) ? withExt(request, { subscription: '*' }) : undefined)),
  },
  {
    name: 'filter.matching-hidden',
    does: 'Hides the last message that the tag lets through.',
    breaks: 'Every message with a tag of the subscription is delivered.',
    witnesses: ['filter.*tag*', 'filter.*'],
    hooks: () => onSuccess(req.PULL_MESSAGE, (answer, request) => {
      const records = filtered(request) ? recordsIn(answer.body) : undefined;
      return records === undefined ? undefined : withRecords(answer, records.slice(0, -1));
    }),
  },
  {
    name: 'filter.first-tag-only',
    does: 'Reads only the first tag of a subscription to several.',
    breaks: 'A subscription to several tags delivers each of them.',
    witnesses: ['filter.*several*', 'filter.*two*', 'filter.*or*', 'filter.*'],
    hooks: () => onRequest(req.PULL_MESSAGE, (request) => (filtered(request) && request.ext['subscription']?.includes('||') === true ? withExt(request, { subscription: request.ext['subscription'].split('||')[0]?.trim() }) : undefined)),
  },
  {
    name: 'filter.bad-expression-accepted',
    does: 'Answers a subscription it cannot read with PULL_NOT_FOUND.',
    breaks: 'A subscription that cannot be read is SUBSCRIPTION_PARSE_FAILED.',
    witnesses: ['filter.tag-only-bars', 'filter.*', 'sql92.*', 'pull.*parse*', 'pull.*expression*', 'pull.*subscription*'],
    hooks: () => onAnswer([req.PULL_MESSAGE, req.CHECK_CLIENT_CONFIG], (answer, request, link) => {
      if (answer.code !== res.SUBSCRIPTION_PARSE_FAILED) return undefined;
      link.toClient(request.code === req.CHECK_CLIENT_CONFIG ? answerTo(request, 0) : { ...answer, code: res.PULL_NOT_FOUND, remark: undefined, ext: { nextBeginOffset: request.ext['queueOffset'] ?? '0', minOffset: '0', maxOffset: '0' } });
      return 'drop';
    }),
  },
]);
