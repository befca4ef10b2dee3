/** The scenarios of `scenarios.ts` with the real go client. */
import { interopSuite } from './scenarios.js';

interopSuite('go');
