/** PULL_MESSAGE: positions, limits, holding. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, inRange } from '../../expect.js';

export const cases = defineCases('pull', [
  {
    name: 'pull.offset-past-max',
    requirement: 'A pull far beyond the end of a queue is answered PULL_OFFSET_MOVED with the end as nextBeginOffset.',
    level: 'MUST',
    source: 'DefaultMessageStore#getMessage, OFFSET_OVERFLOW_BADLY',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      const answer = await t.pull(topic, { offset: 1000 });
      code(answer, res.PULL_OFFSET_MOVED, 'pull at 1000 of 3');
      equal(answer.nextBeginOffset, 3, 'nextBeginOffset');
    },
  },
  {
    name: 'pull.held-until-message-arrives',
    requirement: 'A pull that may wait at the end of a queue is answered when a message arrives, before its time is up.',
    level: 'MUST',
    source: 'PullRequestHoldService#notifyMessageArriving',
    async run(t) {
      const topic = await t.topic();
      const begun = t.now();
      const consumer = await t.connect('broker', { label: 'consumer' });
      const held = t.via(consumer).pull(topic, { suspendMs: 8000, group: await t.readerGroup() });
      await t.sleep(300);
      await t.sendOk(topic, { body: 'awaited' });
      const answer = await held;
      code(answer, res.SUCCESS, 'the held pull');
      equal(answer.messages.map((message) => message.body.toString()), ['awaited'], 'its messages');
      inRange(t.now() - begun, 250, 6000, 'milliseconds until the answer');
    },
  },
]);
