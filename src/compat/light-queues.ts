/**
 * Light queues (LMQ) and lite topics by name: which names are theirs and how they are made and read (`MixAll`, `LiteUtil`). A light queue holds no
 * records: messages of other topics name it in INNER_MULTI_DISPATCH and get an entry there. A lite topic is a light queue named after its parent topic.
 *
 *   light queue   %LMQ%name             lite topic   %LMQ%$parentTopic$liteTopic
 */

/** `MixAll#LMQ_PREFIX`. */
export const lightQueuePrefix = '%LMQ%';
/** `MixAll#LMQ_QUEUE_ID`: a light queue is queue 0 of its name. */
export const lightQueueId = 0;
/** `MixAll#LMQ_DISPATCH_SEPARATOR`: parts names in INNER_MULTI_DISPATCH and offsets in INNER_MULTI_QUEUE_OFFSET. */
export const lightQueueSeparator = ',';
/** `LiteUtil#SEPARATOR`. */
const liteSeparator = '$';
/** `LiteUtil#LITE_TOPIC_PREFIX`. */
export const liteQueuePrefix = `${lightQueuePrefix}${liteSeparator}`;

/** `MixAll#isLmq`. */
export function isLightQueue(name: string): boolean {
  return name.startsWith(lightQueuePrefix);
}

/** `MixAll#topicAllowsLMQ`, and not the half topic: what is not decided yet is in no light queue (Apache dispatches half messages too). */
export function allowsLightQueues(topic: string): boolean {
  return !topic.startsWith('%RETRY%') && !topic.startsWith('%DLQ%') && !topic.startsWith('rmq_sys_') && topic !== 'SCHEDULE_TOPIC_XXXX' &&
    !topic.startsWith('RMQ_SYS_TRANS_') && !topic.startsWith('RMQ_SYS_ROCKSDB_TRANS_');
}

/** `LiteUtil#isLiteTopicQueue`. */
export function isLiteQueue(name: string): boolean {
  return name.startsWith(liteQueuePrefix);
}

/** `LiteUtil#toLmqName`; undefined when a part is missing. */
export function liteQueueName(parentTopic: string, liteTopic: string): string | undefined {
  return parentTopic === '' || liteTopic === '' ? undefined : liteQueuePrefix + parentTopic + liteSeparator + liteTopic;
}

/** Parent and lite topic of a queue's name (`LiteUtil#getParentTopic`, `#getLiteTopic`); undefined when it is none. */
export function partsOfLiteQueue(name: string): { readonly parentTopic: string; readonly liteTopic: string } | undefined {
  if (!isLiteQueue(name)) return undefined;
  const at = name.indexOf(liteSeparator, liteQueuePrefix.length);
  if (at === -1 || at === name.length - 1 || at === liteQueuePrefix.length || name.includes(liteSeparator, at + 1)) return undefined;
  return { parentTopic: name.slice(liteQueuePrefix.length, at), liteTopic: name.slice(at + 1) };
}

/** `LiteUtil#belongsTo`. */
export function belongsToParent(name: string, parentTopic: string): boolean {
  return name.startsWith(liteQueuePrefix + parentTopic + liteSeparator);
}
