/** Sabotage of POP and of request-reply. */
import { req } from '../../codes.js';
import { propertiesOf } from '../records.js';
import { defineSabotages, onRecords, onRequest, onSuccess, pretend, withExt } from '../sabotage.js';

export const popSabotages = defineSabotages('pop', [
  {
    name: 'pop.invisible-time-ignored',
    does: 'Keeps every popped message invisible for two minutes.',
    breaks: 'A popped message without an acknowledgement comes back when its invisible time is over.',
    needs: ['pop'],
    witnesses: ['pop.again.after-invisible-time', 'pop.*invisib*', 'pop.*again*', 'pop.*revive*', 'pop.*'],
    hooks: () => onRequest(req.POP_MESSAGE, (request) => withExt(request, { invisibleTime: 120_000 })),
  },
  {
    name: 'pop.delivered-while-invisible',
    does: 'Makes popped messages visible again after a tenth of a second.',
    breaks: 'A popped message is delivered to nobody else while it is invisible.',
    needs: ['pop'],
    witnesses: ['pop.give.invisible-to-others', 'pop.*invisib*', 'pop.*twice*', 'pop.*'],
    hooks: () => onRequest(req.POP_MESSAGE, (request) => withExt(request, { invisibleTime: 100 })),
  },
  {
    name: 'pop.ack-ignored',
    does: 'Acknowledges the ACK of a popped message and forgets it.',
    breaks: 'A message that was acknowledged does not come back.',
    needs: ['pop'],
    witnesses: ['pop.ack.never-again', 'pop.*ack*', 'pop.*'],
    hooks: () => pretend([req.ACK_MESSAGE, req.BATCH_ACK_MESSAGE]),
  },
  {
    name: 'pop.change-invisible-ignored',
    does: 'Acknowledges CHANGE_MESSAGE_INVISIBLETIME and does nothing.',
    breaks: 'The invisible time of a popped message can be changed.',
    needs: ['pop'],
    witnesses: ['pop.change.shorter', 'pop.*change*', 'pop.*'],
    hooks: () => pretend(req.CHANGE_MESSAGE_INVISIBLETIME, (request) => ({ popTime: String(Date.now()), invisibleTime: request.ext['invisibleTime'] ?? '0', reviveQid: '0' })),
  },
  {
    name: 'pop.delivered-twice',
    does: 'Delivers the first message of each POP twice.',
    breaks: 'A POP delivers each message once.',
    needs: ['pop'],
    witnesses: ['pop.give.found', 'pop.*'],
    hooks: () => onRecords(req.POP_MESSAGE, ([first = Buffer.alloc(0), ...rest]) => [first, first, ...rest]),
  },
  {
    name: 'pop.limit-ignored',
    does: 'Pops up to 32 messages, whatever number was asked for.',
    breaks: 'A POP delivers at most maxMsgNums messages.',
    needs: ['pop'],
    witnesses: ['pop.give.at-most-asked', 'pop.*max*', 'pop.*limit*', 'pop.*num*', 'pop.*'],
    hooks: () => onRequest(req.POP_MESSAGE, (request) => (/^(?:[1-9]|[12]\d)$/.test(request.ext['maxMsgNums'] ?? '') ? withExt(request, { maxMsgNums: 32 }) : undefined)),
  },
  {
    name: 'pop.receipt-lost',
    does: 'Answers a POP without what receipts are made of.',
    breaks: 'Each popped message can be acknowledged.',
    needs: ['pop'],
    witnesses: ['pop.give.offset-infos', 'pop.*receipt*', 'pop.*ack*', 'pop.*'],
    hooks: () => onSuccess(req.POP_MESSAGE, (answer) => withExt({ ...answer }, { startOffsetInfo: undefined, msgOffsetInfo: undefined, popTime: undefined })),
  },
  {
    name: 'pop.tag-ignored',
    does: 'Pops messages whatever their tag.',
    breaks: 'A POP with a tag delivers only messages that have it.',
    needs: ['pop'],
    witnesses: ['pop.give.filtered-by-tag', 'pop.*tag*', 'pop.*filter*', 'pop.*'],
    hooks: () => onRequest(req.POP_MESSAGE, (request) => (['*', undefined, ''].includes(request.ext['exp']) ? undefined : withExt(request, { exp: '*' }))),
  },
]);

export const requestReplySabotages = defineSabotages('request-reply', [
  {
    name: 'request-reply.reply-lost',
    does: 'Acknowledges a reply and pushes it to nobody.',
    breaks: 'A reply is pushed to the client that asked.',
    needs: ['request-reply'],
    witnesses: ['request-reply.push.to-requester', 'request-reply.*'],
    hooks: () => ({ push: (request) => (request.code === req.PUSH_REPLY_MESSAGE_TO_CLIENT ? 'drop' : undefined) }),
  },
  {
    name: 'request-reply.reply-body-changed',
    does: 'Pushes replies with another body.',
    breaks: 'A reply reaches the client that asked as it was sent.',
    needs: ['request-reply'],
    witnesses: ['request-reply.push.to-requester', 'request-reply.*'],
    hooks: () => ({ push: (request) => (request.code === req.PUSH_REPLY_MESSAGE_TO_CLIENT ? { ...request, body: Buffer.concat([request.body, Buffer.from('!')]) } : undefined) }),
  },
  {
    name: 'request-reply.correlation-lost',
    does: 'Pushes replies without their correlation id.',
    breaks: 'A reply carries the correlation id of its request.',
    needs: ['request-reply'],
    witnesses: ['request-reply.push.properties', 'request-reply.*correlation*', 'request-reply.*'],
    hooks: () => ({ push: (request) => (request.code === req.PUSH_REPLY_MESSAGE_TO_CLIENT ? withExt(request, { properties: request.ext['properties']?.replace(/CORRELATION_ID\u0001[^\u0002]*\u0002?/, '') }) : undefined) }),
  },
]);

export const sql92Sabotages = defineSabotages('sql92', [
  {
    name: 'sql92.everything-delivered',
    does: 'Delivers every message to an SQL92 subscription.',
    breaks: 'Only messages for which the expression is true are delivered.',
    needs: ['sql92'],
    witnesses: ['sql92.*'],
    hooks: () => onRequest(req.PULL_MESSAGE, (request) => (request.ext['expressionType'] === 'SQL92' ? withExt(request, { expressionType: 'TAG', subscription: '*' }) : undefined)),
  },
  {
    name: 'sql92.untagged-hidden',
    does: 'Delivers only messages with a tag to an SQL92 subscription.',
    breaks: 'Every message for which the expression is true is delivered.',
    needs: ['sql92'],
    witnesses: ['sql92.*'],
    hooks: () => onRecords(req.PULL_MESSAGE, (records, _answer, request) => (request.ext['expressionType'] === 'SQL92' ? records.filter((record) => 'TAGS' in propertiesOf(record)) : records)),
  },
  {
    name: 'sql92.last-match-hidden',
    does: 'Hides the last message for which an SQL92 expression is true.',
    breaks: 'Every message for which the expression is true is delivered.',
    needs: ['sql92'],
    witnesses: ['sql92.*'],
    hooks: () => onRecords(req.PULL_MESSAGE, (records, _answer, request) => (request.ext['expressionType'] === 'SQL92' ? records.slice(0, -1) : records)),
  },
]);
