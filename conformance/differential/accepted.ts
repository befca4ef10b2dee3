/** Differences that are deliberate, each by the id of its row in src/compat/divergence.ts. */
import type { Accepted } from './compare.js';

export const accepted: readonly Accepted[] = [
  { where: /brokers registered by hand \/ zone/, what: /brokerAddrs\.#?\d$/, divergence: 'namesrv.zone-route-keys' },
  { where: /./, what: /^remark$/, skylark: /^the custom field /, divergence: 'header.required-field-missing' },
  { where: /(batches|SEND_MESSAGE(_V2)? each field) \/ (cut in|bytes after|zero length|above 4 MiB|(batch|m)='TRUE')/, what: /^(code|field MSG_REGION|field TRACE_ON)$/, divergence: 'send.batch-unreadable' },
  { where: /UPDATE_CONSUMER_OFFSET each field \/ (queueId='(-1|99999)'|commitOffset='9223372036854775807')/, divergence: 'offsets.commit-range' },
  { where: /INVOKE_BROKER_TO_RESET_OFFSET each field \/ queueId='99999'/, divergence: 'offsets.commit-range' },
  { where: /UPDATE_AND_CREATE_TOPIC each field \/ (read|write)QueueNums='(-1|99999)'/, divergence: 'topics.config-range' },
  { where: /UPDATE_AND_CREATE_TOPIC each field \/ perm='(-1|99999)'/, divergence: 'topics.config-range' },
  { where: /(CHECK_CLIENT_CONFIG|UPDATE_AND_CREATE_SUBSCRIPTIONGROUP) each field \/ body (null|"")/, divergence: 'json.member-types' },
  { where: /QUERY_DATA_VERSION each field \/ body \[\]/, divergence: 'json.member-types' },
  { where: /(CLONE_GROUP_OFFSET|UPDATE_AND_GET_GROUP_FORBIDDEN|PUT_KV_CONFIG|(LOCK|HEART)_B\w+) each field \/ (\w+ missing|\w+=''|body \{)/, divergence: 'admin.names' },
  { where: /topics \/ delete '(a b|T{30})'/, divergence: 'admin.names' },
  { where: /heartbeats and clients \/ heartbeat (illegal group|no client id)/, divergence: 'admin.names' },
  { where: /GET_KV(_CONFIG|LIST_BY_NAMESPACE) each field \/ (key|namespace)=''/, divergence: 'admin.names' },
  { where: /offsets \/ query of the third clone/, divergence: 'offsets.clone-all-topics' },
  { where: /heartbeats and clients \/ heartbeat without subscriptions, V2 unknown/, divergence: 'heartbeat.unknown-group-without-subscription' },
  { where: /runtime .* \/ update config: black list/, what: /^remark$/, divergence: 'config.update-broker' },
  { where: /topics \/ create attributes '\+?=' on a new topic/, what: /^remark$/, apache: /^Index \d out of bounds/, divergence: 'remoting.exception-remark' },
];
