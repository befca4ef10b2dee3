/** The scenarios of `scenarios.ts` with the real java-5.5.0 client. */
import { interopSuite } from './scenarios.js';

interopSuite('java-5.5.0');
