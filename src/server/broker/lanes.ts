/**
 * How many requests of each kind may wait and be at work: Apache's thread pools as lanes (`BrokerController#initialResources`, `BrokerFastFailure`).
 */
import type { LaneLimits, Lanes } from '../../remoting/types.js';
import type { BrokerConfig } from '../config-types.js';

/** Threads Apache gives each kind on a machine with two processors; here: asynchronous handlers at work at once. */
const atWork = {
  send: 10_000, pull: 10_000, litePull: 10_000, ack: 16, reply: 20, query: 10, client: 32, heartbeat: 32, consumer: 32, admin: 16,
  endTransaction: 12, loadBalance: 32,
} as const;

/** The lanes of a broker's ports. Requests that wait for the log or are held for messages do not keep a slot. */
export function brokerLanes(config: BrokerConfig): Lanes {
  const limits = (capacity: number, concurrency: number, waitMs: number): LaneLimits => ({
    capacity,
    concurrency,
    waitMsMax: config.brokerFastFailureEnable ? waitMs : 0,
  });
  return {
    send: limits(config.sendThreadPoolQueueCapacity, atWork.send, config.waitTimeMillsInSendQueue),
    pull: limits(config.pullThreadPoolQueueCapacity, atWork.pull, config.waitTimeMillsInPullQueue),
    litePull: limits(config.litePullThreadPoolQueueCapacity, atWork.litePull, config.waitTimeMillsInLitePullQueue),
    query: limits(config.queryThreadPoolQueueCapacity, atWork.query, 0),
    client: limits(config.clientManagerThreadPoolQueueCapacity, atWork.client, 0),
    consumer: limits(config.consumerManagerThreadPoolQueueCapacity, atWork.consumer, 0),
    heartbeat: limits(config.heartbeatThreadPoolQueueCapacity, atWork.heartbeat, config.waitTimeMillsInHeartbeatQueue),
    admin: limits(config.adminBrokerThreadPoolQueueCapacity, atWork.admin, config.waitTimeMillsInAdminBrokerQueue),
    ack: limits(100_000, atWork.ack, config.waitTimeMillsInAckQueue),
    endTransaction: limits(100_000, atWork.endTransaction, config.waitTimeMillsInTransactionQueue),
    reply: limits(10_000, atWork.reply, 0),
    loadBalance: limits(100_000, atWork.loadBalance, 0),
  };
}
