/** Locks of queues for orderly consumption. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, notCode } from '../../expect.js';
import { json } from '../../messaging.js';
import { client, list, object } from '../clients/support.js';
import { lock, locksBody, unlock } from './support.js';

export const cases = defineCases('rebalance', [
  {
    name: 'rebalance.lock.free-queues-granted',
    requirement: 'LOCK_BATCH_MQ grants every queue nobody has locked and answers them as lockOKMQSet.',
    level: 'MUST',
    source: 'RebalanceLockManager#tryLockBatch',
    async run(t) {
      equal(await lock(t, { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [0, 1, 2] }), [0, 1, 2], 'granted queues');
    },
  },
  {
    name: 'rebalance.lock.answer-names-queues-fully',
    requirement: 'Each element of lockOKMQSet has the topic, brokerName and queueId of the request.',
    level: 'MUST',
    source: 'LockBatchResponseBody',
    async run(t) {
      const one = { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [3] };
      const answer = await t.request(req.LOCK_BATCH_MQ, {}, { body: locksBody(t, one) });
      equal(object(json(answer), 'locks')['lockOKMQSet'], [{ brokerName: t.endpoint.brokerName, queueId: 3, topic: one.topic }], 'lockOKMQSet');
    },
  },
  {
    name: 'rebalance.lock.exclusive',
    requirement: 'A queue that one client of the group has locked is granted to no other client of it.',
    level: 'MUST',
    source: 'RebalanceLockManager#tryLockBatch',
    async run(t) {
      const one = { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [0] };
      await lock(t, one);
      equal(await lock(t, { ...one, clientId: 'b' }), [], 'queues granted to the second client');
    },
  },
  {
    name: 'rebalance.lock.partial',
    requirement: 'Of several queues the free ones are granted and the locked ones left out.',
    level: 'MUST',
    source: 'RebalanceLockManager#tryLockBatch',
    async run(t) {
      const one = { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [1, 3] };
      await lock(t, one);
      equal(await lock(t, { ...one, clientId: 'b', queues: [0, 1, 2, 3] }), [0, 2], 'queues granted to the second client');
    },
  },
  {
    name: 'rebalance.lock.renewed-by-owner',
    requirement: 'The client that holds a lock is granted it again.',
    level: 'MUST',
    source: 'RebalanceLockManager#tryLockBatch',
    async run(t) {
      const one = { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [0, 1] };
      await lock(t, one);
      equal(await lock(t, one), [0, 1], 'queues granted again');
    },
  },
  {
    name: 'rebalance.lock.per-group',
    requirement: 'Locks of one group do not keep another group from the same queues.',
    level: 'MUST',
    source: 'RebalanceLockManager#tryLockBatch',
    async run(t) {
      const one = { group: t.groupName('x'), clientId: 'a', topic: t.topicName(), queues: [0] };
      await lock(t, one);
      equal(await lock(t, { ...one, group: t.groupName('y'), clientId: 'b' }), [0], 'queues granted to the other group');
    },
  },
  {
    name: 'rebalance.lock.by-client-id-not-connection',
    requirement: 'A lock belongs to the client id: the same id over another connection is granted it.',
    level: 'MUST',
    source: 'RebalanceLockManager#tryLockBatch',
    async run(t) {
      const one = { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [0] };
      await lock(t, one);
      const answer = await (await client(t, 'second')).via.request(req.LOCK_BATCH_MQ, {}, { body: locksBody(t, one) });
      equal(list(object(json(answer), 'locks')['lockOKMQSet'], 'lockOKMQSet').length, 1, 'queues granted over the second connection');
    },
  },
  {
    name: 'rebalance.lock.outlives-connection',
    requirement: 'A lock stays with its client after the connection that asked for it has closed.',
    level: 'MUST',
    source: 'RebalanceLockManager',
    async run(t) {
      const one = { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [0] };
      const holder = await client(t, 'holder');
      code(await holder.via.request(req.LOCK_BATCH_MQ, {}, { body: locksBody(t, one) }), res.SUCCESS, 'lock');
      holder.connection.close();
      await t.sleep(50);
      equal(await lock(t, { ...one, clientId: 'b' }), [], 'queues granted to another client');
    },
  },
  {
    name: 'rebalance.lock.no-queues',
    requirement: 'LOCK_BATCH_MQ of an empty set is SUCCESS with an empty lockOKMQSet.',
    level: 'MUST',
    source: 'RebalanceLockManager#tryLockBatch',
    async run(t) {
      equal(await lock(t, { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [] }), [], 'granted queues');
    },
  },
  {
    name: 'rebalance.lock.without-body-refused',
    requirement: 'LOCK_BATCH_MQ without body is refused and the connection stays usable.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#lockBatchMQ',
    async run(t) {
      notCode(await t.request(req.LOCK_BATCH_MQ), res.SUCCESS, 'lock without body');
      equal(await lock(t, { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [0] }), [0], 'granted queues after it');
    },
  },
  {
    name: 'rebalance.unlock.free-for-others',
    requirement: 'A queue that its owner unlocked is granted to another client.',
    level: 'MUST',
    source: 'RebalanceLockManager#unlockBatch',
    async run(t) {
      const one = { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [0, 1] };
      await lock(t, one);
      code(await unlock(t, { ...one, queues: [0] }), res.SUCCESS, 'unlock');
      equal(await lock(t, { ...one, clientId: 'b' }), [0], 'queues granted to the second client');
    },
  },
  {
    name: 'rebalance.unlock.by-other-client-ignored',
    requirement: 'UNLOCK_BATCH_MQ by a client that does not hold the lock is answered SUCCESS and changes nothing.',
    level: 'MUST',
    source: 'RebalanceLockManager#unlockBatch',
    async run(t) {
      const one = { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [0] };
      await lock(t, one);
      code(await unlock(t, { ...one, clientId: 'b' }), res.SUCCESS, 'unlock by the other client');
      equal(await lock(t, { ...one, clientId: 'b' }), [], 'queues granted to the other client');
    },
  },
  {
    name: 'rebalance.unlock.never-locked',
    requirement: 'UNLOCK_BATCH_MQ of queues nobody locked is answered SUCCESS.',
    level: 'MUST',
    source: 'RebalanceLockManager#unlockBatch',
    async run(t) {
      code(await unlock(t, { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [7] }), res.SUCCESS, 'unlock');
    },
  },
  {
    name: 'rebalance.unlock.without-body-refused',
    requirement: 'UNLOCK_BATCH_MQ without body is refused.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#unlockBatchMQ',
    async run(t) {
      notCode(await t.request(req.UNLOCK_BATCH_MQ), res.SUCCESS, 'unlock without body');
    },
  },
  {
    name: 'rebalance.lock.expires',
    requirement: 'A lock that its owner does not renew for 60 seconds is granted to another client.',
    level: 'SHOULD',
    source: 'RebalanceLockManager, rocketmq.broker.rebalance.lockMaxLiveTime',
    timeoutMs: 80_000,
    async run(t) {
      const one = { group: t.groupName(), clientId: 'a', topic: t.topicName(), queues: [0] };
      await lock(t, one);
      const at = t.now();
      await t.until('another client is granted the lock', async () => (await lock(t, { ...one, clientId: 'b' })).length === 1, 70_000, 1000);
      t.note(`granted after ${Math.round((t.now() - at) / 1000)} s`);
    },
  },
]);
