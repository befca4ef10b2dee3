/** Sabotage of frames and headers: whatever the request is about, the protocol underneath is wrong. */
import { req } from '../../codes.js';
import type { Command } from '../../wire/frame.js';
import { answerTo, defineSabotages, onAnswer, onRequest, onSuccess, type Hooks, type Link } from '../sabotage.js';

/** Requests that cases ask of any broker without changing it. */
const lookUps = [req.GET_MAX_OFFSET, req.GET_MIN_OFFSET];

/** Refusals of codes nobody serves. */
function onUnknown(run: (answer: Command, link: Link) => Command | 'drop'): Hooks {
  return { answer: (answer, _request, link) => (answer.code === 3 ? run(answer, link) : undefined) };
}

export const frameSabotages = defineSabotages('frame', [
  {
    name: 'frame.opaque-off-by-one',
    does: 'Answers GET_MAX_OFFSET with the request\'s opaque plus one.',
    breaks: 'An answer carries the opaque of its request.',
    witnesses: ['frame.several-in-one-write', 'frame.*'],
    hooks: () => onAnswer(req.GET_MAX_OFFSET, (answer) => ({ ...answer, opaque: answer.opaque + 1 })),
  },
  {
    name: 'frame.opaque-sign-lost',
    does: 'Answers a request with a negative opaque under its absolute value.',
    breaks: 'Opaques are any 32-bit integer.',
    witnesses: ['frame.opaque-extremes-echoed', 'frame.several-in-one-write', 'frame.*opaque*', 'header.*opaque*', 'frame.*', 'header.*'],
    hooks: () => ({ answer: (answer) => (answer.opaque < 0 ? { ...answer, opaque: -(answer.opaque + 1) } : undefined) }),
  },
  {
    name: 'frame.answer-flag-missing',
    does: 'Leaves bit 0 of the flag out of answers to GET_MAX_OFFSET and GET_MIN_OFFSET.',
    breaks: 'Answers are marked as such by bit 0 of the flag.',
    witnesses: ['frame.*', 'header.*'],
    hooks: () => onAnswer(lookUps, (answer) => ({ ...answer, flag: answer.flag & ~1 })),
  },
  {
    name: 'frame.answers-swapped',
    does: 'Gives two answers that are under way on one connection each other\'s opaque.',
    breaks: 'Answers to pipelined requests belong to the request whose opaque they carry.',
    witnesses: ['frame.same-opaque-twice', 'frame.*pipelin*', 'frame.*several*', 'frame.*', 'pull.*'],
    hooks: () => {
      const open = new Map<Link, number>();
      const held = new Map<Link, Command>();
      return {
        request: (request, link) => void ((request.flag & 2) === 0 && open.set(link, (open.get(link) ?? 0) + 1)),
        answer: (answer, _request, link) => {
          const others = (open.get(link) ?? 1) - 1;
          open.set(link, others);
          const first = held.get(link);
          if (first !== undefined) {
            held.delete(link);
            return [{ ...first, opaque: answer.opaque }, { ...answer, opaque: first.opaque }];
          }
          if (others === 0) return undefined;
          held.set(link, answer);
          return 'drop';
        },
      };
    },
  },
  {
    name: 'frame.pipelined-request-dropped',
    does: 'Forgets a request that arrives while another one of its connection is under way.',
    breaks: 'Every request is answered, however many are under way.',
    witnesses: ['frame.several-in-one-write', 'frame.*'],
    hooks: () => {
      const open = new Map<Link, number>();
      return {
        request: (request, link) => {
          if ((request.flag & 2) !== 0) return undefined;
          const before = open.get(link) ?? 0;
          if (before > 0) return 'drop';
          open.set(link, before + 1);
          return undefined;
        },
        answer: (_answer, _request, link) => void open.set(link, (open.get(link) ?? 1) - 1),
      };
    },
  },
  {
    name: 'frame.answer-sent-twice',
    does: 'Sends each answer to GET_MAX_OFFSET twice.',
    breaks: 'A request is answered once.',
    witnesses: ['frame.answered-once', 'frame.*once*', 'frame.*'],
    hooks: () => onAnswer(req.GET_MAX_OFFSET, (answer) => [answer, answer]),
  },
  {
    name: 'frame.oneway-answered',
    does: 'Answers oneway requests.',
    breaks: 'A oneway request is not answered.',
    witnesses: ['frame.*oneway*', 'header.*oneway*', 'send.*oneway*', 'frame.*', 'header.*'],
    hooks: () => ({ request: (request, link) => void ((request.flag & 2) !== 0 && link.toClient(answerTo(request, 0))) }),
  },
  {
    name: 'frame.oneway-ignored',
    does: 'Does not carry out oneway requests.',
    breaks: 'A oneway request is carried out though nothing answers it.',
    witnesses: ['frame.oneway-send-stored', 'frame.*oneway*', 'send.*oneway*', 'offsets.*oneway*', 'frame.*', 'send.*', 'transaction.*'],
    hooks: () => ({ request: (request) => ((request.flag & 2) !== 0 ? 'drop' : undefined) }),
  },
  {
    name: 'frame.overlong-waited-for',
    does: 'Waits for the rest of a frame that announces more bytes than the frame limit.',
    breaks: 'A frame beyond the limit closes the connection.',
    witnesses: ['frame.length-past-limit-closes', 'frame.*', 'security.*'],
    hooks: () => ({ garbage: () => 'drop' }),
  },
]);

export const headerSabotages = defineSabotages('header', [
  {
    name: 'header.serialization-changed',
    does: 'Answers a request with a binary header in the other serialization.',
    breaks: 'The serialization of answers is the one that the release uses.',
    needs: ['binary-header'],
    witnesses: ['header.*binary*', 'header.*'],
    hooks: () => ({ answer: (answer, request) => (request.serialize === 'binary' ? { ...answer, serialize: answer.serialize === 'json' ? 'binary' : 'json' } : undefined) }),
  },
  {
    name: 'header.binary-fields-lost',
    does: 'Answers a binary request without extension fields.',
    breaks: 'Header fields are there in both serializations.',
    needs: ['binary-header'],
    witnesses: ['header.binary-request-answered', 'header.*'],
    hooks: () => ({ answer: (answer, request) => (request.serialize === 'binary' && Object.keys(answer.ext).length > 0 ? { ...answer, ext: {} } : undefined) }),
  },
  {
    name: 'header.language-wrong',
    does: 'Calls itself CPP in its answers.',
    breaks: 'A Java-compatible broker answers with language JAVA.',
    witnesses: ['frame.*language*', 'header.*language*', 'frame.*', 'header.*'],
    hooks: () => ({ answer: (answer) => ({ ...answer, language: 'CPP' }) }),
  },
  {
    name: 'header.version-zero',
    does: 'Answers with version 0.',
    breaks: 'An answer says the version of the broker.',
    witnesses: ['frame.*version*', 'header.*version*', 'frame.*', 'header.*'],
    hooks: () => ({ answer: (answer) => ({ ...answer, version: 0 }) }),
  },
  {
    name: 'header.unknown-code-success',
    does: 'Answers request codes that nobody serves with SUCCESS.',
    breaks: 'An unknown request code is refused.',
    witnesses: ['header.unknown-code-refused', 'header.*'],
    hooks: () => onUnknown((answer) => ({ ...answer, code: 0, remark: undefined })),
  },
  {
    name: 'header.unknown-code-system-error',
    does: 'Refuses unknown request codes with SYSTEM_ERROR.',
    breaks: 'The refusal of an unknown request code is REQUEST_CODE_NOT_SUPPORTED.',
    witnesses: ['header.unknown-code-refused', 'header.*'],
    hooks: () => onUnknown((answer) => ({ ...answer, code: 1 })),
  },
  {
    name: 'header.unknown-code-silent',
    does: 'Does not answer request codes that nobody serves.',
    breaks: 'Every request that is not oneway is answered.',
    witnesses: ['header.unknown-code-refused', 'header.*'],
    hooks: () => onUnknown(() => 'drop'),
  },
  {
    name: 'header.unknown-code-closes',
    does: 'Closes the connection on a request code that nobody serves.',
    breaks: 'An unknown request code leaves the connection open.',
    witnesses: ['header.unknown-code-refused', 'header.*'],
    hooks: () => onUnknown((_answer, link) => {
      link.close();
      return 'drop';
    }),
  },
  {
    name: 'header.remark-lost',
    does: 'Leaves the remark out of refusals.',
    breaks: 'A refusal says why in its remark.',
    witnesses: ['header.unknown-code-refused', 'namesrv.route.unknown-topic', 'header.*'],
    hooks: () => ({ answer: (answer) => (answer.code === 0 || answer.remark === undefined ? undefined : { ...answer, remark: undefined }) }),
  },
  {
    name: 'header.unknown-member-refused',
    does: 'Does not answer requests whose JSON header has a field it does not expect.',
    breaks: 'Unknown header fields are ignored.',
    witnesses: ['header.*unknown*', 'header.*'],
    hooks: () => onRequest(lookUps, (request, link) => {
      const unknown = Object.keys(request.ext).some((name) => !['topic', 'queueId', 'committed', 'bname', 'brokerName', 'lo', 'ns', 'nsd', 'oway'].includes(name));
      if (unknown) link.toClient(answerTo(request, 1, { remark: 'unknown field' }));
      return unknown ? 'drop' : undefined;
    }),
  },
  {
    name: 'header.field-renamed',
    does: 'Calls the field offset of GET_MAX_OFFSET answers maxOffset.',
    breaks: 'Answer fields have the names of RocketMQ\'s headers.',
    witnesses: ['header.binary-request-answered', 'offsets.*max*', 'offsets.*'],
    hooks: () => onSuccess(req.GET_MAX_OFFSET, (answer) => {
      const { offset, ...rest } = answer.ext;
      return offset === undefined ? undefined : { ...answer, ext: { ...rest, maxOffset: offset } };
    }),
  },
]);
