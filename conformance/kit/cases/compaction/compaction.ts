/** Topics with `cleanup.policy=COMPACTION`: what a producer must do. What is kept: kept.ts. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, remarkMatches } from '../../expect.js';
import { stored } from '../send/support.js';

const compacted = { queues: 1, attributes: { 'cleanup.policy': 'COMPACTION' } } as const;

export const cases = defineCases('compaction', [
  {
    name: 'compaction.key-required',
    requirement: 'A message without KEYS to a compacted topic is refused with MESSAGE_ILLEGAL.',
    level: 'MUST',
    versions: { from: '5.1.0' },
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const answer = await t.send(await t.topic(compacted));
      code(answer, res.MESSAGE_ILLEGAL, 'send without KEYS');
      remarkMatches(answer, 'message key is missing', 'send without KEYS');
    },
  },
  {
    name: 'compaction.blank-key-refused',
    requirement: 'KEYS of blanks are no key for a compacted topic.',
    level: 'SHOULD',
    versions: { from: '5.1.0' },
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      code(await t.send(await t.topic(compacted), { keys: '   ' }), res.MESSAGE_ILLEGAL, 'send with blank KEYS');
    },
  },
  {
    name: 'compaction.message-with-key-stored',
    requirement: 'A message with KEYS to a compacted topic is stored like any other.',
    level: 'MUST',
    versions: { from: '5.1.0' },
    source: 'SendMessageProcessor#sendMessage',
    async run(t) {
      const answer = await t.sendOk(await t.topic(compacted), { keys: 'k', body: 'kept' });
      equal([answer.queueOffset, (await stored(t, answer)).body.toString()], [0, 'kept'], 'queueOffset and body');
    },
  },
  {
    name: 'compaction.attribute-absent-no-key-needed',
    requirement: 'A topic with the clean-up policy DELETE takes messages without KEYS.',
    level: 'MUST',
    versions: { from: '5.1.0' },
    source: 'CleanupPolicyUtils#getDeletePolicy',
    async run(t) {
      await t.sendOk(await t.topic({ attributes: { 'cleanup.policy': 'DELETE' } }));
    },
  },
]);
