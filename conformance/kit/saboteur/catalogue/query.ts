/** Sabotage of looking messages up: by id, by key. */
import { req, res } from '../../codes.js';
import { altered, at, recordsIn } from '../records.js';
import { answerTo, defineSabotages, onAnswer, onRecords, onRequest, onSuccess, withExt, withRecords } from '../sabotage.js';

export const querySabotages = defineSabotages('query', [
  {
    name: 'query.view-other-message',
    does: 'Answers VIEW_MESSAGE_BY_ID with the message it was asked for before.',
    breaks: 'A message is found by its id.',
    witnesses: ['query.*id*', 'query.*view*', 'query.*', 'message-format.*'],
    hooks: () => {
      let last: Buffer | undefined;
      return onSuccess(req.VIEW_MESSAGE_BY_ID, (answer) => {
        const other = last;
        last = answer.body;
        return other === undefined ? undefined : { ...answer, body: other };
      });
    },
  },
  {
    name: 'query.view-position-wrong',
    does: 'Answers VIEW_MESSAGE_BY_ID with a message that says another position.',
    breaks: 'A message found by its id is the one at that position.',
    witnesses: ['query.*id*', 'query.*view*', 'query.*', 'message-format.*'],
    hooks: () => onRecords(req.VIEW_MESSAGE_BY_ID, (records) => records.map((record) => altered(record, (copy) => copy.writeBigInt64BE(copy.readBigInt64BE(at.phyOffset) + 1n, at.phyOffset)))),
  },
  {
    name: 'query.view-nothing-success',
    does: 'Answers an id that finds nothing with SUCCESS.',
    breaks: 'An id that finds nothing is refused.',
    witnesses: ['query.*id*', 'query.*view*', 'query.*'],
    hooks: () => onAnswer(req.VIEW_MESSAGE_BY_ID, (answer) => (answer.code === 0 ? undefined : { ...answer, code: 0, remark: undefined })),
  },
  {
    name: 'query.key-misses',
    does: 'Finds nothing by any key.',
    breaks: 'A message is found by each of its keys.',
    witnesses: ['query.*key*', 'query.*'],
    hooks: () => onRequest(req.QUERY_MESSAGE, (request, link) => {
      link.toClient(answerTo(request, res.QUERY_NOT_FOUND, { remark: 'can not find message, maybe time range not correct' }));
      return 'drop';
    }),
  },
  {
    name: 'query.key-finds-half',
    does: 'Leaves the last message out of what a key finds.',
    breaks: 'A key finds every message that has it.',
    witnesses: ['query.*key*', 'query.*'],
    hooks: () => onSuccess(req.QUERY_MESSAGE, (answer) => {
      const records = recordsIn(answer.body);
      return records === undefined ? undefined : records.length > 1 ? withRecords(answer, records.slice(0, -1)) : { ...answer, code: res.QUERY_NOT_FOUND, body: Buffer.alloc(0) };
    }),
  },
  {
    name: 'query.unique-key-misses',
    does: 'Searches another key when it is asked for a unique key.',
    breaks: 'A message is found by its unique key.',
    witnesses: ['query.*uniq*', 'query.*'],
    hooks: () => onRequest(req.QUERY_MESSAGE, (request) => ('_UNIQUE_KEY_QUERY' in request.ext || 'indexType' in request.ext
      ? withExt(request, { _UNIQUE_KEY_QUERY: undefined, indexType: undefined, key: `${request.ext['key'] ?? ''}x` }) : undefined)),
  },
  {
    name: 'query.time-range-ignored',
    does: 'Ignores the end of the time range of a query.',
    breaks: 'A query finds only messages stored in its time range.',
    witnesses: ['query.*time*', 'query.*range*', 'query.*'],
    hooks: () => onRequest(req.QUERY_MESSAGE, (request) => (Number(request.ext['endTimestamp']) < Date.now() + 3_000_000 || Number(request.ext['beginTimestamp']) > 0 ? withExt(request, { beginTimestamp: 0, endTimestamp: Date.now() + 3_600_000 }) : undefined)),
  },
  {
    name: 'query.limit-ignored',
    does: 'Finds up to 64 messages, whatever number was asked for.',
    breaks: 'A query answers at most maxNum messages.',
    witnesses: ['query.*max*', 'query.*limit*', 'query.*num*', 'query.*'],
    hooks: () => onRequest(req.QUERY_MESSAGE, (request) => (Number(request.ext['maxNum']) < 32 ? withExt(request, { maxNum: 64 }) : undefined)),
  },
]);
