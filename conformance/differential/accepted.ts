/** Differences that are deliberate, each by the id of its row in src/compat/divergence.ts. */
import type { Accepted } from './compare.js';

export const accepted: readonly Accepted[] = [
  { where: /./, what: /^remark$/, skylark: /^the custom field /, divergence: 'header.required-field-missing' },
];
