/** Differences that random sequences meet and that are deliberate, each by the id of its row in src/compat/divergence.ts. `where` begins with the request. */
import type { Accepted } from '../../conformance/differential/compare.js';

export const accepted: readonly Accepted[] = [
  { where: /./, what: /^remark$/, skylark: /^the custom field /, divergence: 'header.required-field-missing' },
];
