/**
 * Which names topics and groups may have, and which topics belong to the broker itself (`TopicValidator`, `MixAll`).
 * Every name that can reach a table, a file or the log passes through here first; what a topic may be used for is topics.ts.
 */

export const retryPrefix = '%RETRY%';
export const dlqPrefix = '%DLQ%';
/** `TopicValidator#AUTO_CREATE_TOPIC_KEY_TOPIC`. */
export const autoCreateKeyTopic = 'TBW102';
export const scheduleTopic = 'SCHEDULE_TOPIC_XXXX';
export const traceTopic = 'RMQ_SYS_TRACE_TOPIC';
export const transHalfTopic = 'RMQ_SYS_TRANS_HALF_TOPIC';
export const transOpHalfTopic = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
export const rocksTransHalfTopic = 'RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC';
export const rocksTransOpHalfTopic = 'RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC';
export const transCheckMaxTimeTopic = 'TRANS_CHECK_MAX_TIME_TOPIC';
export const selfTestTopic = 'SELF_TEST_TOPIC';
export const offsetMovedEventTopic = 'OFFSET_MOVED_EVENT';
export const benchmarkTopic = 'BenchmarkTest';
export const timerTopic = 'rmq_sys_wheel_timer';
const rocksOffsetTopic = 'CHECKPOINT_TOPIC';
const systemTopicPrefix = 'rmq_sys_';
const systemGroupPrefix = 'CID_RMQ_SYS_';

/** Characters a name may have at most (`TopicValidator#TOPIC_MAX_LENGTH` and its neighbours). */
export const nameLengthMax = { topic: 127, retryOrDlqTopic: 255, group: 120 } as const;

const legalName = /^[%|a-zA-Z0-9_-]*$/;
const legalNames = '^[%|a-zA-Z0-9_-]+$';

/** A name inside a remark: cut, so that a name of megabytes does not come back as an answer. */
export function shown(name: string): string {
  return name.length <= 512 ? name : `${name.slice(0, 512)}...`;
}

/** `UtilAll#isBlank`. */
export function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === '';
}

/** What is wrong with a topic name, in `TopicValidator#validateTopic`'s words; undefined = nothing. */
export function topicNameFault(topic: string | undefined): string | undefined {
  if (topic === undefined || isBlank(topic)) return 'The specified topic is blank.';
  // The broker names retry topics of POP `%RETRY%group+topic` (V2); Apache makes those without asking its validator.
  const checked = topic.startsWith(retryPrefix) ? topic.replace('+', '') : topic;
  if (!legalName.test(checked)) return `The specified topic: ${shown(topic)}, contains illegal characters, allowing only ${legalNames}`;
  if (topic.startsWith(retryPrefix) || topic.startsWith(dlqPrefix)) {
    if (topic.length > nameLengthMax.retryOrDlqTopic) {
      return `The specified topic is DLQ or Retry topic: ${shown(topic)}, and it's longer than topic max length: ${nameLengthMax.retryOrDlqTopic}`;
    }
  } else if (topic.length > nameLengthMax.topic) {
    return `The specified topic: ${shown(topic)}, is longer than topic max length: ${nameLengthMax.topic}`;
  }
  return undefined;
}

/** What is wrong with a group name, in `TopicValidator#validateGroup`'s words; undefined = nothing. */
export function groupNameFault(group: string | undefined): string | undefined {
  if (group === undefined || isBlank(group)) return 'The specified group is blank.';
  if (!legalName.test(group)) return `The specified group: ${shown(group)}, contains illegal characters, allowing only ${legalNames}`;
  if (group.length > nameLengthMax.group) return `The specified group: ${shown(group)}, is longer than group max length: ${nameLengthMax.group}`;
  return undefined;
}

const sendForbidden: ReadonlySet<string> = new Set([
  scheduleTopic, transHalfTopic, transOpHalfTopic, transCheckMaxTimeTopic, selfTestTopic, offsetMovedEventTopic,
  rocksTransHalfTopic, rocksTransOpHalfTopic,
]);

const alwaysSystem: readonly string[] = [
  autoCreateKeyTopic, scheduleTopic, benchmarkTopic, transHalfTopic, traceTopic, transOpHalfTopic, transCheckMaxTimeTopic,
  selfTestTopic, offsetMovedEventTopic, rocksOffsetTopic, rocksTransHalfTopic, rocksTransOpHalfTopic,
];

/** Topics clients may not send to (`TopicValidator#isNotAllowedSendTopic`). */
export function isSendForbidden(topic: string): boolean {
  return sendForbidden.has(topic);
}

/** The system topics of one broker: the fixed ones and those named after its cluster and itself (`TopicValidator#isSystemTopic`). */
export class SystemTopics {
  readonly #names = new Set(alwaysSystem);

  add(topic: string): void {
    this.#names.add(topic);
  }

  has(topic: string): boolean {
    return this.#names.has(topic) || topic.startsWith(systemTopicPrefix);
  }

  names(): readonly string[] {
    return [...this.#names];
  }
}

/** Groups of the broker's own consumers, which are created whatever the configuration says (`MixAll#isSysConsumerGroup`). */
export function isSystemGroup(group: string): boolean {
  return group.startsWith(systemGroupPrefix);
}

/** Groups every broker has (`SubscriptionGroupManager#init`). */
export const predefinedGroups: readonly string[] = [
  'TOOLS_CONSUMER', 'FILTERSRV_CONSUMER', 'SELF_TEST_C_GROUP', 'CID_ONS-HTTP-PROXY', 'CID_ONSAPI_PULL', 'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER', 'CID_RMQ_SYS_TRANS',
];

export function retryTopicOf(group: string): string {
  return retryPrefix + group;
}

export function dlqTopicOf(group: string): string {
  return dlqPrefix + group;
}
