/** Every checker by its name, with its usual settings. */
import { broadcast } from './broadcast.js';
import type { Checker } from './checker.js';
import { delay } from './delay.js';
import { duplicates } from './duplicates.js';
import { filter } from './filter.js';
import { invisibility } from './invisibility.js';
import { locks } from './locks.js';
import { lost } from './lost.js';
import { nowhere } from './nowhere.js';
import { offsets } from './offsets.js';
import { places } from './places.js';
import { queueOrder } from './queue-order.js';
import { rebalance } from './rebalance.js';
import { retries } from './retries.js';
import { shardOrder } from './shard-order.js';
import { transactions } from './transactions.js';

export const allCheckers: readonly Checker[] = [
  lost(), nowhere(), queueOrder(), shardOrder(), duplicates(), transactions(), delay(), filter(), invisibility(), broadcast(), offsets(), rebalance(), locks(), places(), retries(),
];
