/** All sequences, in the order they run. */
import type { Sequence } from '../compare.js';
import { administrationSequences } from './administration.js';
import { generatedSequences } from './generated.js';
import { messageSequences } from './messages.js';
import { nameServerSequences } from './name-server.js';

export const allSequences: readonly Sequence[] = [...nameServerSequences, ...messageSequences, ...administrationSequences, ...generatedSequences];
