/** Consumer offsets: commit and query. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal } from '../../expect.js';

export const cases = defineCases('offsets', [
  {
    name: 'offsets.commit-then-query',
    requirement: 'QUERY_CONSUMER_OFFSET answers the offset that UPDATE_CONSUMER_OFFSET committed for the group and queue.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#queryConsumerOffset',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 3, { queueId: 1 });
      code(await t.commitOffset(group, topic, 1, 2), res.SUCCESS, 'commit');
      const answer = await t.queryOffset(group, topic, 1);
      code(answer, res.SUCCESS, 'query');
      equal(answer.offset, 2, 'offset');
    },
  },
  {
    name: 'offsets.query-never-committed',
    requirement: 'The offset of a group that committed none is QUERY_NOT_FOUND when the request forbids zero.',
    level: 'MUST',
    source: 'ConsumerManageProcessor#queryConsumerOffset, setZeroIfNotFound',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const answer = await t.queryOffset(await t.group(), topic, 0, { setZeroIfNotFound: false });
      code(answer, res.QUERY_NOT_FOUND, 'query of an offset never committed');
    },
  },
]);
