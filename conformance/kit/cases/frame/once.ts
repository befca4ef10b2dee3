/** Frames: one answer for each request. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal } from '../../expect.js';

export const cases = defineCases('frame', [
  {
    name: 'frame.answered-once',
    requirement: 'A request is answered once: nothing more with its opaque comes before the answer to a later request.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      const broker = await t.broker();
      const seen: number[] = [];
      const collect = async (opaque: number): Promise<void> => {
        code(await t.request(req.GET_MAX_OFFSET, { topic: t.topicName(), queueId: 0 }, { opaque }), res.SUCCESS, `max offset with opaque ${opaque}`);
        for (;;) {
          const more = await broker.nextFrame(() => true, 1).catch(() => undefined);
          if (more === undefined) return;
          seen.push(more.opaque);
        }
      };
      await collect(11);
      await collect(12);
      equal(seen, [], 'opaques of further frames');
    },
  },
]);
