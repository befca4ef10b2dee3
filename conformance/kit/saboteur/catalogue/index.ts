/** The catalogue: every way in which the saboteur makes a correct endpoint wrong. */
import type { RegisteredSabotage } from '../sabotage.js';
import { aclSabotages } from './acl.js';
import { adminSabotages } from './admin.js';
import { clientSabotages, rebalanceSabotages } from './clients.js';
import { frameSabotages, headerSabotages } from './frames.js';
import { grpcSabotages } from './grpc.js';
import { namesrvSabotages } from './namesrv.js';
import { offsetSabotages } from './offsets.js';
import { popSabotages, requestReplySabotages, sql92Sabotages } from './pop.js';
import { filterSabotages, pullSabotages } from './pull.js';
import { querySabotages } from './query.js';
import { delaySabotages, retrySabotages, timerSabotages } from './retry.js';
import { batchSabotages, sendSabotages } from './send.js';
import { storeSabotages } from './store.js';
import { groupSabotages, topicSabotages } from './topics.js';
import { transactionSabotages } from './transaction.js';

/** In the order of areas. Names are permanent: tables and reports refer to them. */
export const sabotages: readonly RegisteredSabotage[] = [
  ...frameSabotages, ...headerSabotages, ...namesrvSabotages, ...topicSabotages, ...groupSabotages, ...sendSabotages, ...batchSabotages, ...pullSabotages,
  ...filterSabotages, ...sql92Sabotages, ...offsetSabotages, ...clientSabotages, ...rebalanceSabotages, ...retrySabotages, ...delaySabotages,
  ...timerSabotages, ...transactionSabotages, ...popSabotages, ...requestReplySabotages, ...querySabotages, ...adminSabotages,
  ...grpcSabotages, ...storeSabotages, ...aclSabotages,
];
