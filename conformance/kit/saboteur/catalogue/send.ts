/** Sabotage of what is stored: sends and batches. */
import { req } from '../../codes.js';
import type { Command } from '../../wire/frame.js';
import { decodeProperties, encodeProperties } from '../../wire/properties.js';
import { answerTo, defineSabotages, moved, onAnswer, onRequest, onSuccess, sends, topicOf, withExt, type Hooks, type Link } from '../sabotage.js';

/** The request with other message properties, in either form of a send. */
export function withSendProperties(request: Command, alter: (properties: Record<string, string>) => void): Command {
  const field = request.code === req.SEND_MESSAGE ? 'properties' : 'i';
  const before = request.ext[field] ?? '';
  const values = decodeProperties(before);
  alter(values);
  const text = encodeProperties(values);
  return text === before || text === `${before}\u0002` ? request : withExt(request, { [field]: text });
}

/** Hooks that alter every second send. */
function everySecond(run: (request: Command, link: Link) => ReturnType<NonNullable<Hooks['request']>>): Hooks {
  let count = 0;
  return onRequest(sends, (request, link) => (++count % 2 === 0 ? run(request, link) : undefined));
}

/** Acknowledges a send with the offset its queue has now, and stores nothing. */
async function acknowledgeOnly(request: Command, link: Link): Promise<void> {
  const queueId = request.ext['e'] ?? request.ext['queueId'] ?? '0';
  const max = await link.ask({ code: req.GET_MAX_OFFSET, ext: { topic: topicOf(request), queueId } });
  link.toClient(answerTo(request, 0, { ext: { msgId: `7F000001${'0'.repeat(24)}`, queueId, queueOffset: max?.ext['offset'] ?? '0' } }));
}

/** Changes a header field of sends; names of V1 and V2. */
function field(long: string, short: string, to: (value: string) => string | number): Hooks {
  return onRequest(sends, (request) => {
    const name = request.code === req.SEND_MESSAGE ? long : short;
    const value = request.ext[name];
    return value === undefined || String(to(value)) === value ? undefined : withExt(request, { [name]: to(value) });
  });
}

export const sendSabotages = defineSabotages('send', [
  {
    name: 'send.acknowledged-lost',
    does: 'Acknowledges every second message without storing it.',
    breaks: 'No acknowledged message is lost.',
    witnesses: ['send.queue-offsets-consecutive', 'send.v1-and-v2-alike', 'send.*', 'pull.*'],
    hooks: () => everySecond((request, link) => {
      void acknowledgeOnly(request, link);
      return 'drop';
    }),
  },
  {
    name: 'send.stored-twice',
    does: 'Stores every message twice.',
    breaks: 'A message that was sent once is stored once.',
    witnesses: ['send.queue-offsets-consecutive', 'send.*'],
    hooks: () => onRequest(sends, (request, link) => void link.ask({ code: request.code, ext: request.ext, body: request.body, version: request.version })),
  },
  {
    name: 'send.queue-offset-off-by-one',
    does: 'Answers a send with a queue offset one too large.',
    breaks: 'A send answer names the queue offset that the message has.',
    witnesses: ['send.queue-offsets-consecutive', 'send.*'],
    hooks: () => onSuccess(sends, (answer) => moved(answer, 'queueOffset', 1)),
  },
  {
    name: 'send.queue-offsets-swapped',
    does: 'Exchanges the queue offsets of two neighbours in their send answers.',
    breaks: 'Queue offsets grow in the order of the sends.',
    witnesses: ['send.queue-offsets-consecutive', 'send.*'],
    hooks: () => onSuccess(sends, (answer) => moved(answer, 'queueOffset', Number(answer.ext['queueOffset']) % 2 === 0 ? 1 : -1)),
  },
  {
    name: 'send.answer-queue-zero',
    does: 'Names queue 0 in every send answer.',
    breaks: 'A send answer names the queue that has the message.',
    witnesses: ['send.queue-offsets-consecutive', 'send.*'],
    hooks: () => onSuccess(sends, (answer) => withExt(answer, { queueId: 0 })),
  },
  {
    name: 'send.queue-ignored',
    does: 'Stores every message in queue 0.',
    breaks: 'A message goes to the queue it was sent to.',
    witnesses: ['send.queue-offsets-consecutive', 'send.*queue*', 'send.*', 'pull.*'],
    hooks: () => field('queueId', 'e', (value) => (/^[1-9]\d*$/.test(value) ? 0 : value)),
  },
  {
    name: 'send.message-id-of-another',
    does: 'Answers each send with the message id of the send before it.',
    breaks: 'The message id in a send answer finds that message.',
    witnesses: ['send.message-id-finds-message', 'send.*id*', 'query.*id*', 'query.*', 'send.*'], // the first send of all is answered right: who sends once may not see it
    hooks: () => {
      let last: string | undefined;
      return onSuccess(sends, (answer) => {
        const other = last;
        last = answer.ext['msgId'];
        return other === undefined ? undefined : withExt(answer, { msgId: other });
      });
    },
  },
  {
    name: 'send.message-id-lost',
    does: 'Answers sends without a message id.',
    breaks: 'A send answer has the message id.',
    witnesses: ['send.*id*', 'send.*', 'query.*'],
    hooks: () => onSuccess(sends, (answer) => withExt(answer, { msgId: undefined })),
  },
  {
    name: 'send.answer-field-renamed',
    does: 'Calls the field queueOffset of send answers offset.',
    breaks: 'Answer fields have the names of RocketMQ\'s headers.',
    witnesses: ['send.queue-offsets-consecutive', 'send.*'],
    hooks: () => onSuccess(sends, (answer) => withExt(answer, { queueOffset: undefined, offset: answer.ext['queueOffset'] })),
  },
  {
    name: 'send.body-truncated',
    does: 'Stores a body without its last byte.',
    breaks: 'A body is stored as it was sent.',
    witnesses: ['send.body-and-properties-kept', 'send.*'],
    hooks: () => onRequest(sends, (request) => (request.body.length > 1 ? { ...request, body: request.body.subarray(0, -1) } : undefined)),
  },
  {
    name: 'send.tags-lost',
    does: 'Stores messages without their tag.',
    breaks: 'Properties are stored as they were sent.',
    witnesses: ['send.body-and-properties-kept', 'filter.*', 'send.*'],
    hooks: () => onRequest(sends, (request) => {
      const out = withSendProperties(request, (properties) => delete properties['TAGS']);
      return out === request ? undefined : out;
    }),
  },
  {
    name: 'send.property-names-raised',
    does: 'Stores the names of user properties in upper case.',
    breaks: 'Properties are stored as they were sent.',
    witnesses: ['send.body-and-properties-kept', 'send.*propert*', 'send.*'],
    hooks: () => onRequest(sends, (request) => {
      const out = withSendProperties(request, (properties) => {
        for (const [name, value] of Object.entries(properties)) {
          if (name === name.toUpperCase()) continue;
          delete properties[name];
          properties[name.toUpperCase()] = value;
        }
      });
      return out === request ? undefined : out;
    }),
  },
  {
    name: 'send.property-value-ascii',
    does: 'Replaces characters beyond ASCII in properties by question marks.',
    breaks: 'Properties are UTF-8.',
    witnesses: ['send.body-and-properties-kept', 'send.*'],
    hooks: () => field('properties', 'i', (value) => value.replace(/[^\u0000-\u007f]/g, '?')),
  },
  {
    name: 'send.message-flag-lost',
    does: 'Stores every message with flag 0.',
    breaks: 'The flag of a message is stored as it was sent.',
    witnesses: ['send.body-and-properties-kept', 'send.*'],
    hooks: () => field('flag', 'h', () => 0),
  },
  {
    name: 'send.born-time-replaced',
    does: 'Stores its own time as the birth of a message.',
    breaks: 'The time of birth is the producer\'s.',
    witnesses: ['send.v1-and-v2-alike', 'send.*born*', 'message-format.*', 'send.*'],
    hooks: () => field('bornTimestamp', 'g', () => Date.now()),
  },
  {
    name: 'send.refusal-as-success',
    does: 'Answers refused sends with SUCCESS.',
    breaks: 'What is not stored is refused.',
    witnesses: ['send.*refused*', 'send.*'],
    hooks: () => onAnswer(sends, (answer, request) => (answer.code === 0 ? undefined : { ...answer, code: 0, remark: undefined, ext: { msgId: `7F000001${'0'.repeat(24)}`, queueId: request.ext['e'] ?? '0', queueOffset: '0' } })),
  },
  {
    name: 'send.refusal-wrong-code',
    does: 'Refuses sends with SYSTEM_ERROR, whatever the reason.',
    breaks: 'The code of a refusal says what is wrong.',
    witnesses: ['send.*refused*', 'send.*unknown*', 'send.*'],
    hooks: () => onAnswer(sends, (answer) => (answer.code === 0 || answer.code === 1 ? undefined : { ...answer, code: 1 })),
  },
]);

/** The elements of a SEND_BATCH_MESSAGE body. */
function elements(body: Buffer): Buffer[] | undefined {
  const out: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const size = at + 4 <= body.length ? body.readInt32BE(at) : 0;
    if (size < 22 || at + size > body.length) return undefined;
    out.push(body.subarray(at, at + size));
    at += size;
  }
  return out;
}

function onBatch(run: (list: readonly Buffer[]) => readonly Buffer[]): Hooks {
  return onRequest(req.SEND_BATCH_MESSAGE, (request) => {
    const list = elements(request.body);
    return list === undefined || list.length < 2 ? undefined : { ...request, body: Buffer.concat(run(list)) };
  });
}

export const batchSabotages = defineSabotages('batch', [
  {
    name: 'batch.truncated',
    does: 'Stores a batch without its last message.',
    breaks: 'A batch is stored whole.',
    needs: ['batch'],
    witnesses: ['batch.*'],
    hooks: () => onBatch((list) => list.slice(0, -1)),
  },
  {
    name: 'batch.order-reversed',
    does: 'Stores the messages of a batch from last to first.',
    breaks: 'A batch keeps the order of its messages.',
    needs: ['batch'],
    witnesses: ['batch.*order*', 'batch.*'],
    hooks: () => onBatch((list) => [...list].reverse()),
  },
  {
    name: 'batch.one-twice',
    does: 'Stores the first message of a batch twice, so that offsets are not consecutive.',
    breaks: 'The messages of a batch get consecutive offsets, each once.',
    needs: ['batch'],
    witnesses: ['batch.*'],
    hooks: () => onBatch(([first = Buffer.alloc(0), ...rest]) => [first, first, ...rest]),
  },
  {
    name: 'batch.ids-truncated',
    does: 'Answers a batch with the message id of its first message only.',
    breaks: 'The answer of a batch has one message id for each message.',
    needs: ['batch'],
    witnesses: ['batch.*id*', 'batch.*'],
    hooks: () => onSuccess(req.SEND_BATCH_MESSAGE, (answer) => (answer.ext['msgId']?.includes(',') === true ? withExt(answer, { msgId: answer.ext['msgId'].split(',')[0] }) : undefined)),
  },
  {
    name: 'batch.offset-of-last',
    does: 'Answers a batch with the offset of its second message.',
    breaks: 'The answer of a batch has the offset of its first message.',
    needs: ['batch'],
    witnesses: ['batch.*offset*', 'batch.*'],
    hooks: () => onSuccess(req.SEND_BATCH_MESSAGE, (answer) => moved(answer, 'queueOffset', 1)),
  },
]);
