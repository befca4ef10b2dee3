import { expect, test } from '@jest/globals';
import type { BrokerContext } from '../broker/types.js';
import type { TopicRoutes } from '../broker/topic-routes.js';
import { createAssignment } from './assignment.js';
import type { RequestModes } from './request-modes.js';

/** What c1 of these clients is answered; queues of one broker. */
async function assigned(of: { perm?: number; queues?: number; clients?: readonly string[]; mode?: 'PULL' | 'POP'; share?: number; model?: string; known?: boolean }): Promise<unknown> {
  const { perm = 6, queues = 4, clients = ['c1', 'c2'], mode = 'PULL', share = 0, model = 'CLUSTERING', known = true } = of;
  const ctx = { config: { brokerName: 'b', serverLoadBalancerEnable: true }, consumers: { clientIds: () => clients } } as unknown as BrokerContext;
  const modes = { of: () => ({ mode, popShareQueueNum: share }) } as unknown as RequestModes;
  const routes = { of: () => Promise.resolve(known ? [{ brokerName: 'b', perm, readQueueNums: queues }] : undefined) } as unknown as TopicRoutes;
  const body = Buffer.from(JSON.stringify({ topic: 'T', consumerGroup: 'g', clientId: 'c1', strategyName: 'AVG', messageModel: model }));
  const reply = await createAssignment(ctx, modes, routes)({} as never, {}, body);
  const { messageQueueAssignments } = JSON.parse(String((reply as { body: Buffer }).body)) as { messageQueueAssignments?: { messageQueue: { queueId: number } }[] };
  return messageQueueAssignments?.map(({ messageQueue }) => messageQueue.queueId);
}

test('a client of a group gets its share, all of them by broadcast, and one queue -1 for all where each pops from all', async () => {
  expect(await assigned({})).toEqual([0, 1]);
  expect(await assigned({ model: 'BROADCASTING' })).toEqual([0, 1, 2, 3]);
  expect(await assigned({ mode: 'POP' })).toEqual([-1]);
});

test('nothing is said of a topic that is not there, of a group without clients, and of a topic nobody may read', async () => {
  expect(await assigned({ known: false })).toBeUndefined();
  expect(await assigned({ clients: [] })).toBeUndefined();
  // `AbstractAllocateMessageQueueStrategy#check` refuses to share out no queues; asked of Apache by the differential campaign (seed campaign-7/145).
  expect(await assigned({ perm: 2 })).toBeUndefined();
  expect(await assigned({ perm: 2, mode: 'POP', share: 1, clients: ['c1', 'c2', 'c3', 'c4'] })).toBeUndefined();
  expect([await assigned({ perm: 2, mode: 'POP' }), await assigned({ perm: 2, model: 'BROADCASTING' })]).toEqual([[], []]);
});
