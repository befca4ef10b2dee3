/** Inner batches: topics with `queue.type=BatchCQ` keep a batch as one record that takes several offsets. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { req, res } from '../../codes.js';
import { bytesEqual, code, equal, hasField } from '../../expect.js';
import { json } from '../../session.js';
import { encodeBatch } from '../../wire/batch.js';
import { stored, uniqKey } from '../send/support.js';

const three = [{ body: 'a' }, { body: 'b' }, { body: 'c' }];

function batchTopic(t: Context): Promise<string> {
  return t.topic({ queues: 1, attributes: { 'queue.type': 'BatchCQ' } });
}

/** A topic with so many batches of three. */
async function filledTopic(t: Context, batches: number): Promise<string> {
  const topic = await batchTopic(t);
  for (let i = 0; i < batches; i++) code(await t.sendBatch(topic, three, { properties: { UNIQ_KEY: uniqKey(t) } }), res.SUCCESS, 'batch to a batch queue');
  return topic;
}

export const cases = defineCases('batch', [
  {
    name: 'batch.inner-answer',
    requirement: 'The answer to a batch that a batch queue keeps as one record has batchUniqId, the UNIQ_KEY of the request.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'SendMessageProcessor#sendBatchMessage',
    async run(t) {
      const key = uniqKey(t);
      const answer = await t.sendBatch(await batchTopic(t), three, { properties: { UNIQ_KEY: key } });
      code(answer, res.SUCCESS, 'batch to a batch queue');
      hasField(answer, 'batchUniqId', key);
    },
  },
  {
    name: 'batch.inner-one-record',
    requirement: 'A batch in a batch queue is one record: the elements as its body, their count as INNER_NUM, and the sysFlag bits 0x40 and 0x80.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'SendMessageProcessor#sendBatchMessage',
    async run(t) {
      const message = await stored(t, await t.sendBatch(await batchTopic(t), three, { properties: { UNIQ_KEY: uniqKey(t) } }));
      bytesEqual(message.body, encodeBatch(three), 'body of the record');
      equal([message.properties['INNER_NUM'], message.sysFlag & 0xc0], ['3', 0xc0], 'INNER_NUM and sysFlag bits');
    },
  },
  {
    name: 'batch.inner-takes-offsets',
    requirement: 'A batch in a batch queue takes as many offsets as it has elements.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'BatchConsumeQueue#increaseQueueOffset',
    async run(t) {
      const topic = await batchTopic(t);
      const answers = [await t.sendBatch(topic, three, { properties: { UNIQ_KEY: uniqKey(t) } }), await t.sendBatch(topic, three, { properties: { UNIQ_KEY: uniqKey(t) } })];
      equal(answers.map((answer) => answer.queueOffset), [0, 3], 'queue offsets');
    },
  },
  {
    name: 'batch.inner-time-after-last',
    requirement: 'SEARCH_OFFSET_BY_TIMESTAMP for a time after the last batch of a batch queue answers where that begins, not the end of the queue.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'BatchConsumeQueue#getOffsetInQueueByTime',
    async run(t) {
      const topic = await filledTopic(t, 2);
      equal((await t.searchOffset(topic, 0, Date.now() + 3_600_000)).offset, 3, 'offset for a time in the future');
    },
  },
  {
    name: 'batch.inner-queue-entries',
    requirement: 'QUERY_CONSUME_QUEUE of a batch queue has an entry for each batch, not for each message.',
    level: 'SHOULD',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'BatchConsumeQueueIterator#next',
    async run(t) {
      const topic = await filledTopic(t, 3);
      const entries = async (index: number, count: number): Promise<number | undefined> =>
        (json(await t.request(req.QUERY_CONSUME_QUEUE, { topic, queueId: 0, index, count })) as { queueData?: unknown[] }).queueData?.length;
      equal([await entries(0, 32), await entries(0, 3), await entries(0, 4), await entries(4, 2), await entries(4, 3)], [3, 1, 2, 1, 2], 'entries from 0 for 32, 3 and 4 offsets, and from 4 for 2 and 3');
    },
  },
]);
