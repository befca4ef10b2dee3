/** Each workload, played for less than a second; `--workload` plays them longer and judges by checker. */
import { shortCases } from '../../workload/run.js';
import { workloads } from '../../workload/workloads.js';

export const cases = shortCases(workloads);
