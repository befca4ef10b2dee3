/** The scenarios of `scenarios.ts` with the real java-4.9.8 client. */
import { interopSuite } from './scenarios.js';

interopSuite('java-4.9.8');
