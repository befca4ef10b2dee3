/** The scenarios of `scenarios.ts` with the real ali-ons client. */
import { interopSuite } from './scenarios.js';

interopSuite('ali-ons');
