/** Differences that random sequences meet and that are deliberate, each by the id of its row in src/compat/divergence.ts. `where` begins with the request. */
import type { Accepted } from '../../conformance/differential/compare.js';

export const accepted: readonly Accepted[] = [
  { where: /./, what: /^remark$/, skylark: /^the custom field /, divergence: 'header.required-field-missing' },
  { where: / CHECK_CLIENT_CONFIG /, what: /^remark$/, divergence: 'filter.error-text' },
  { where: / VIEW_BROKER_STATS_DATA .*TOPIC_PUT_SIZE/, what: /^code$/, apache: /^0 /, divergence: 'runtime.statistics' },
  { where: / QUERY_TOPIC_CONSUME_BY_WHO /, what: /^body\.groupList/, apache: /~G/, divergence: 'consumers.forgotten-topics' },
  { where: / QUERY_TOPICS_BY_CONSUMER /, what: /^body\.topicList/, apache: /~T/, divergence: 'consumers.forgotten-topics' },
  { where: / QUERY_SUBSCRIPTION_BY_CONSUMER /, what: /^body\.subscriptionData$/, skylark: /^\(absent\)$/, divergence: 'consumers.told-by-heartbeats' },
  { where: / QUERY_CONSUME_QUEUE /, what: /^body\.(subscriptionData|filterData|queueData)/, divergence: 'consumers.told-by-heartbeats' },
];
