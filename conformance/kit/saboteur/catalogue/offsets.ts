/** Sabotage of offsets: of queues and of consumers. */
import { req, res } from '../../codes.js';
import type { Command } from '../../wire/frame.js';
import { answerTo, defineSabotages, moved, onAnswer, onRequest, onSuccess, pretend, withExt } from '../sabotage.js';

const keyOf = (request: Command): string => [request.ext['consumerGroup'], request.ext['topic'], request.ext['queueId']].join('\n');

export const offsetSabotages = defineSabotages('offsets', [
  {
    name: 'offsets.commit-forgotten',
    does: 'Acknowledges an offset commit and forgets it.',
    breaks: 'A committed offset is answered to queries.',
    witnesses: ['offsets.commit-then-query', 'offsets.*'],
    hooks: () => pretend(req.UPDATE_CONSUMER_OFFSET),
  },
  {
    name: 'offsets.stale-query',
    does: 'Answers the first offset that it was asked for again and again.',
    breaks: 'A query answers the last committed offset.',
    witnesses: ['offsets.reset-shuts-out-commits', 'offsets.*commit*', 'offsets.*'],
    hooks: () => {
      const first = new Map<string, string>();
      return onSuccess(req.QUERY_CONSUMER_OFFSET, (answer, request) => {
        const offset = answer.ext['offset'];
        const old = first.get(keyOf(request));
        if (old === undefined && offset !== undefined) first.set(keyOf(request), offset);
        return old === undefined || old === offset ? undefined : withExt(answer, { offset: old });
      });
    },
  },
  {
    name: 'offsets.smaller-commit-ignored',
    does: 'Keeps the larger offset when a smaller one is committed.',
    breaks: 'A smaller commit is stored too.',
    witnesses: ['offsets.commit-without-offset', 'offsets.*smaller*', 'offsets.*back*', 'offsets.*'],
    hooks: () => {
      const largest = new Map<string, number>();
      return onRequest(req.UPDATE_CONSUMER_OFFSET, (request, link) => {
        const offset = Number(request.ext['commitOffset']);
        if (offset >= (largest.get(keyOf(request)) ?? -Infinity)) {
          largest.set(keyOf(request), offset);
          return undefined;
        }
        if ((request.flag & 2) === 0) link.toClient(answerTo(request, 0));
        return 'drop';
      });
    },
  },
  {
    name: 'offsets.query-off-by-one',
    does: 'Answers a committed offset plus one.',
    breaks: 'A query answers the offset that was committed.',
    witnesses: ['offsets.commit-then-query', 'offsets.*'],
    hooks: () => onSuccess(req.QUERY_CONSUMER_OFFSET, (answer) => moved(answer, 'offset', 1)),
  },
  {
    name: 'offsets.commit-to-other-queue',
    does: 'Stores the commits of every queue under queue 0.',
    breaks: 'Each queue has its own consumer offset.',
    witnesses: ['offsets.commit-then-query', 'offsets.*'],
    hooks: () => onRequest(req.UPDATE_CONSUMER_OFFSET, (request) => (/^[1-9]\d*$/.test(request.ext['queueId'] ?? '') ? withExt(request, { queueId: 0 }) : undefined)),
  },
  {
    name: 'offsets.groups-share',
    does: 'Answers the offset of the group that committed last, whichever is asked for.',
    breaks: 'Each group has its own offsets.',
    witnesses: ['offsets.by-group-topic-and-queue', 'offsets.*group*', 'offsets.query-never-committed', 'offsets.*'],
    hooks: () => {
      let last: string | undefined;
      return {
        request: (request) => void (request.code === req.UPDATE_CONSUMER_OFFSET && (last = request.ext['commitOffset'])),
        answer: (answer, request) => (request.code === req.QUERY_CONSUMER_OFFSET && last !== undefined && answer.ext['offset'] !== last ? withExt({ ...answer, code: 0, remark: undefined }, { offset: last }) : undefined),
      };
    },
  },
  {
    name: 'offsets.never-committed-zero',
    does: 'Answers offset 0 for a group that committed none, when zero is forbidden.',
    breaks: 'No offset is QUERY_NOT_FOUND when the request forbids zero.',
    witnesses: ['offsets.query-never-committed', 'offsets.*'],
    hooks: () => onAnswer(req.QUERY_CONSUMER_OFFSET, (answer) => (answer.code === res.QUERY_NOT_FOUND ? { ...answer, code: 0, remark: undefined, ext: { offset: '0' } } : undefined)),
  },
  {
    name: 'offsets.never-committed-wrong-code',
    does: 'Answers PULL_NOT_FOUND where there is no offset.',
    breaks: 'No offset is QUERY_NOT_FOUND.',
    witnesses: ['offsets.query-never-committed', 'offsets.*'],
    hooks: () => onAnswer(req.QUERY_CONSUMER_OFFSET, (answer) => (answer.code === res.QUERY_NOT_FOUND ? { ...answer, code: res.PULL_NOT_FOUND } : undefined)),
  },
  {
    name: 'offsets.max-too-small',
    does: 'Answers GET_MAX_OFFSET one too small.',
    breaks: 'The max offset is that of the next message.',
    witnesses: ['header.binary-request-answered', 'offsets.*max*', 'offsets.*'],
    hooks: () => onSuccess(req.GET_MAX_OFFSET, (answer) => (Number(answer.ext['offset']) > 0 ? moved(answer, 'offset', -1) : undefined)),
  },
  {
    name: 'offsets.max-too-large',
    does: 'Answers GET_MAX_OFFSET one too large.',
    breaks: 'The max offset is that of the next message.',
    witnesses: ['header.binary-request-answered', 'offsets.*max*', 'offsets.*'],
    hooks: () => onSuccess(req.GET_MAX_OFFSET, (answer) => moved(answer, 'offset', 1)),
  },
  {
    name: 'offsets.min-too-large',
    does: 'Answers GET_MIN_OFFSET one too large.',
    breaks: 'The min offset is that of the oldest message.',
    witnesses: ['offsets.*min*', 'offsets.*'],
    hooks: () => onSuccess(req.GET_MIN_OFFSET, (answer) => moved(answer, 'offset', 1)),
  },
  {
    name: 'offsets.search-one-late',
    does: 'Finds the message after the first one at or after a time.',
    breaks: 'A search by time finds the first message at or after it.',
    witnesses: ['offsets.*search*', 'query.*search*', 'offsets.*', 'query.*'],
    hooks: () => onSuccess(req.SEARCH_OFFSET_BY_TIMESTAMP, (answer) => moved(answer, 'offset', 1)),
  },
  {
    name: 'offsets.search-boundary-ignored',
    does: 'Searches by time for the lower boundary always.',
    breaks: 'A search for the upper boundary finds the last message at a time.',
    witnesses: ['offsets.*bound*', 'offsets.*search*', 'query.*search*', 'offsets.*'],
    hooks: () => onRequest(req.SEARCH_OFFSET_BY_TIMESTAMP, (request) => (/upper/i.test(request.ext['boundaryType'] ?? '') ? withExt(request, { boundaryType: 'LOWER' }) : undefined)),
  },
  {
    name: 'offsets.earliest-time-zero',
    does: 'Answers GET_EARLIEST_MSG_STORETIME with 0.',
    breaks: 'The earliest store time is that of the oldest message.',
    witnesses: ['offsets.*earliest*', 'query.*earliest*', 'offsets.*', 'query.*', 'admin.*'],
    hooks: () => onSuccess(req.GET_EARLIEST_MSG_STORETIME, (answer) => withExt(answer, { timestamp: 0 })),
  },
  {
    name: 'offsets.reset-ignored',
    does: 'Acknowledges INVOKE_BROKER_TO_RESET_OFFSET and does nothing.',
    breaks: 'A reset moves the offsets of the group.',
    witnesses: ['offsets.*reset*', 'admin.*reset*', 'clients.*reset*', 'offsets.*', 'admin.*'],
    hooks: () => onRequest(req.INVOKE_BROKER_TO_RESET_OFFSET, (request, link) => {
      link.toClient(answerTo(request, res.SUCCESS, { body: Buffer.from('{"offsetTable":{}}') }));
      return 'drop';
    }),
  },
]);
