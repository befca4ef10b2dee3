/** Batches that are refused: whole, with nothing of them stored. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import type { SendOptions } from '../../messaging.js';
import { res } from '../../codes.js';
import { code, equal, notCode, remarkMatches } from '../../expect.js';
import { encodeBatch } from '../../wire/batch.js';
import { configNumber } from '../send/support.js';

const two = [{ body: 'a' }, { body: 'b' }];

/** The batch is refused and the topic's queue 0 stays empty. */
async function refusedWhole(t: Context, body: Buffer, what: string, options: SendOptions = {}): Promise<void> {
  const topic = await t.topic();
  notCode(await t.sendBatch(topic, [], { body, ...options }), res.SUCCESS, what);
  equal((await t.sendOk(topic)).queueOffset, 0, 'queueOffset of the next message');
}

export const cases = defineCases('batch', [
  {
    name: 'batch.empty-refused',
    requirement: 'A batch without a body is refused.',
    level: 'MUST',
    needs: ['batch'],
    source: 'AbstractSendMessageProcessor#buildMsgContext',
    async run(t) {
      await refusedWhole(t, Buffer.alloc(0), 'batch without a body');
    },
  },
  {
    name: 'batch.truncated-head-refused',
    requirement: 'A batch whose last element ends in the middle of its head is refused and nothing of it is stored.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      await refusedWhole(t, Buffer.concat([encodeBatch(two), encodeBatch([{ body: 'c' }]).subarray(0, 10)]), 'batch with ten bytes too many');
    },
  },
  {
    name: 'batch.truncated-body-refused',
    requirement: 'A batch whose last element says a longer body than there is is refused and nothing of it is stored.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const body = encodeBatch([{ body: 'a' }, { body: 'the last one' }]);
      await refusedWhole(t, body.subarray(0, body.length - 8), 'batch cut in a body');
    },
  },
  {
    name: 'batch.truncated-properties-refused',
    requirement: 'A batch whose last element says longer properties than there are is refused and nothing of it is stored.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const body = encodeBatch([{ body: 'a' }, { body: 'b', properties: { own: 'value' } }]);
      await refusedWhole(t, body.subarray(0, body.length - 3), 'batch cut in properties');
    },
  },
  {
    name: 'batch.body-length-negative-refused',
    requirement: 'A batch with an element whose body length is negative is refused and nothing of it is stored.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode, UtilAll#crc32',
    async run(t) {
      const body = encodeBatch(two);
      body.writeInt32BE(-1, 16);
      await refusedWhole(t, body, 'batch with a body of -1 bytes');
    },
  },
  {
    name: 'batch.body-length-huge-refused',
    requirement: 'A batch with an element whose body length is the greatest integer is refused and nothing of it is stored.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const body = encodeBatch(two);
      body.writeInt32BE(0x7fffffff, 16);
      await refusedWhole(t, body, 'batch with a body of 2147483647 bytes');
    },
  },
  {
    name: 'batch.over-limit-refused',
    requirement: 'A batch that as a whole is longer than the greatest message is refused and nothing of it is stored.',
    level: 'MUST',
    needs: ['batch'],
    source: 'MessageExtEncoder#encode',
    async run(t) {
      const max = await configNumber(t, 'maxMessageSize', 4 * 1024 * 1024);
      const half = Buffer.alloc(max / 2, 'x');
      await refusedWhole(t, encodeBatch([{ body: half }, { body: half }]), 'batch over the limit');
    },
  },
  {
    name: 'batch.delay-in-request-refused',
    requirement: 'A batch whose request properties have a delay level is refused with MESSAGE_ILLEGAL.',
    level: 'MUST',
    needs: ['batch'],
    source: 'CommitLog#asyncPutMessages',
    async run(t) {
      code(await t.sendBatch(await t.topic(), two, { properties: { DELAY: '1' } }), res.MESSAGE_ILLEGAL, 'batch with DELAY');
    },
  },
  {
    name: 'batch.transaction-flag-refused',
    requirement: 'A batch whose sysFlag has transaction bits is refused with MESSAGE_ILLEGAL.',
    level: 'MUST',
    needs: ['batch'],
    source: 'CommitLog#asyncPutMessages',
    async run(t) {
      code(await t.sendBatch(await t.topic(), two, { sysFlag: 4 }), res.MESSAGE_ILLEGAL, 'batch with sysFlag 4');
    },
  },
  {
    name: 'batch.retry-topic-refused',
    requirement: 'A batch to a retry topic is refused with MESSAGE_ILLEGAL.',
    level: 'MUST',
    versions: { from: '5.0.0' },
    needs: ['batch'],
    source: 'SendMessageProcessor#sendBatchMessage',
    async run(t) {
      const answer = await t.sendBatch(`%RETRY%${await t.group()}`, two);
      code(answer, res.MESSAGE_ILLEGAL, 'batch to a retry topic');
      remarkMatches(answer, 'does not support retry group', 'batch to a retry topic');
    },
  },
  {
    name: 'batch.queue-id-past-end',
    requirement: 'A batch to a queue past the last one is refused as a message is.',
    level: 'MUST',
    needs: ['batch'],
    source: 'AbstractSendMessageProcessor#msgCheck',
    async run(t) {
      const answer = await t.sendBatch(await t.topic({ queues: 2 }), two, { queueId: 2 });
      code(answer, [res.INVALID_PARAMETER, res.SYSTEM_ERROR], 'batch to queue 2 of 2');
      remarkMatches(answer, 'request queueId[2] is illegal', 'batch to queue 2 of 2');
    },
  },
  {
    name: 'batch.system-topic-refused',
    requirement: 'A batch to the topic of half messages is refused with NO_PERMISSION.',
    level: 'MUST',
    needs: ['batch'],
    source: 'TopicValidator#isNotAllowedSendTopic',
    async run(t) {
      code(await t.sendBatch('RMQ_SYS_TRANS_HALF_TOPIC', two), res.NO_PERMISSION, 'batch to RMQ_SYS_TRANS_HALF_TOPIC');
    },
  },
  {
    name: 'batch.unknown-topic-refused',
    requirement: 'A batch to an unknown topic with an unknown default topic is refused with TOPIC_NOT_EXIST.',
    level: 'MUST',
    needs: ['batch'],
    source: 'TopicConfigManager#createTopicInSendMessageMethod',
    async run(t) {
      code(await t.sendBatch(t.topicName(), two, { ext: { c: t.topicName('default') } }), res.TOPIC_NOT_EXIST, 'batch to an unknown topic');
    },
  },
]);
