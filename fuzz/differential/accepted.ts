/** Differences that random sequences meet and that are deliberate, each by the id of its row in src/compat/divergence.ts. `where` begins with the request. */
import type { Accepted } from '../../conformance/differential/compare.js';

export const accepted: readonly Accepted[] = [
  { where: /./, what: /^remark$/, skylark: /^the custom field /, divergence: 'header.required-field-missing' },
  { where: / CHECK_CLIENT_CONFIG /, what: /^remark$/, divergence: 'filter.error-text' },
  { where: / VIEW_BROKER_STATS_DATA .*TOPIC_PUT_SIZE/, what: /^code$/, apache: /^0 /, divergence: 'runtime.statistics' },
  { where: / QUERY_TOPIC_CONSUME_BY_WHO /, what: /^body\.groupList/, apache: /~G/, divergence: 'consumers.forgotten-topics' },
  { where: / QUERY_TOPICS_BY_CONSUMER /, what: /^body\.topicList/, apache: /~T/, divergence: 'consumers.forgotten-topics' },
  { where: / (GET_CONSUME_STATS|GET_BROKER_CONSUME_STATS) /, what: /^body\.(offsetTable\.|consumeStatsList)/, skylark: /^\(absent\)$|^\[/, divergence: 'consumers.told-by-heartbeats' },
  { where: / QUERY_SUBSCRIPTION_BY_CONSUMER /, what: /^body\.subscriptionData$/, skylark: /^\(absent\)$/, divergence: 'consumers.told-by-heartbeats' },
  { where: / QUERY_CONSUME_QUEUE /, what: /^code$/, skylark: /^1 .* is not exist!$/, divergence: 'store.queues-made-by-questions' },
  { where: / INVOKE_BROKER_TO_RESET_OFFSET /, what: /^code$/, apache: /^0 /, skylark: /^29 queueId is \d+, allowed range /, divergence: 'offsets.reset-of-no-queue' },
  { where: / GET_ROUTEINFO_BY_TOPIC /, what: /^code$/, apache: /^a stale route/, skylark: /^0/, divergence: 'registration.two-changes' },
  { where: / (GET_BROKER_CLUSTER_INFO|GET_SYSTEM_TOPIC_LIST_FROM_NS|GET_BROKER_MEMBER_GROUP|GET_TOPICS_BY_CLUSTER) /, apache: /~B|~Cluster|brokerAddrs/, divergence: 'namesrv.refused-registration' },
  { where: / QUERY_CONSUME_QUEUE /, what: /^body\.(subscriptionData|filterData|queueData)/, divergence: 'consumers.told-by-heartbeats' },
  { where: / GET_ALL_CONSUMER_OFFSET /, what: /^body\.pullOffsetTable/, skylark: /^\(absent\)$/, divergence: 'offsets.pulls-of-deleted-topics' },
  { where: / (GET_ALL_SUBSCRIPTIONGROUP_CONFIG |STORE groups)/, what: /^body\.(subscriptionGroupTable\.)?~G/, skylark: /^\(absent\)$/, divergence: 'groups.deleted-comes-back' },
];
